/* SPDX-License-Identifier: MIT
 *
 * How NIC code reaches a NIC, and what it counts, whatever the model. In hv/root `write` is RF_SYS_NIC_WRITE
 * and ring 0's register table decides; in ring 0 and on a bare machine it is a plain store.
 */
#ifndef RF_NIC_IO_H
#define RF_NIC_IO_H

#include <stdbool.h>
#include <stdint.h>

struct nic_io {
        void *ctx;
        uint32_t (*read)(void *ctx, uint32_t off);
        int (*write)(void *ctx, uint32_t off, uint32_t val); /* 0, or -RF_E... */
        void (*delay_us)(void *ctx, unsigned us);            /* at least this long */
        void (*log)(void *ctx, const char *msg);             /* no newline; may be NULL */
};

/* Running totals. Zero it once; each call that fills it adds what was counted since. That must come often
 * enough that no 32-bit counter wraps twice: every 30 s at 1 Gb/s. */
struct nic_counters {
        uint64_t rx_frames, rx_bytes; /* bytes include the 4-byte CRC */
        uint64_t tx_frames, tx_bytes;
        uint64_t rx_drops; /* no descriptor; QEMU never counts them */
        uint32_t seen[4];  /* private: counter values at the last call */
};

#endif
