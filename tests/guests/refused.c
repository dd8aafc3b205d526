/* SPDX-License-Identifier: MIT
 * refused: has the bytes of WRPKRU among its code where nobody can say whether they are instructions: it must
 * not start. */
#include "ringfence_sdk.h"

__asm__(".section .text.refused, \"ax\", @progbits\n"
        "refused_data:\n\t"
        ".byte 0x0f, 0x01, 0xef\n\t"
        ".previous");
extern const uint8_t refused_data[3];

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        rf_printf("refused: STARTED, %x\n", refused_data[0]);
        return 0;
}
