/* SPDX-License-Identifier: MIT
 * TSC frequency against channel 2 of the PIT (8254), whose output can be read at port 0x61. */
#include "bare.h"
#include "ringfence_sdk.h"

enum {
        PIT_HZ = 1193182,
        COUNT = PIT_HZ / 20, /* 50 ms */
        PIT_CHANNEL2 = 0x42,
        PIT_COMMAND = 0x43,
        CHANNEL2_ONE_SHOT = 0xb0, /* channel 2, low then high byte, mode 0: output rises at 0 */
        PORT_B = 0x61,            /* bit 0 gate, bit 1 speaker, bit 5 output of channel 2 */
        PORT_B_OUT = 0x20,
        MAX_POLLS = 10000000,
};

uint64_t bare_tsc_hz(void)
{
        uint64_t start, end;
        unsigned polls = 0;

        out8(PORT_B, (uint8_t)((in8(PORT_B) & ~3) | 1)); /* gate on, speaker off */
        out8(PIT_COMMAND, CHANNEL2_ONE_SHOT);
        out8(PIT_CHANNEL2, COUNT & 0xff);
        out8(PIT_CHANNEL2, COUNT >> 8);
        start = rf_rdtsc();
        while ((in8(PORT_B) & PORT_B_OUT) == 0)
                if (++polls == MAX_POLLS)
                        return 0;
        end = rf_rdtsc();
        return (end - start) * PIT_HZ / COUNT;
}
