/* SPDX-License-Identifier: MIT
 * Time from the TSC, and waiting. */
#include "sdk.h"

typedef unsigned __int128 u128;

/* Fixed point, so that no 128-bit division is needed (libgcc would have to bring it). Constant after
 * start-up; the relative error is below 1e-6 for any TSC from 100 MHz to 1 THz. */
static uint64_t ns_per_tick_q32, ticks_per_ns_q24;

void rf_time_start(const struct rf_info *info)
{
        uint64_t hz = info->tsc_hz != 0 ? info->tsc_hz : RF_NS_PER_SEC;

        ns_per_tick_q32 = (RF_NS_PER_SEC << 32) / hz;
        ticks_per_ns_q24 = (hz << 24) / RF_NS_PER_SEC;
}

static uint64_t saturate(u128 v)
{
        return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

uint64_t rf_tsc_to_ns(uint64_t ticks)
{
        return saturate((u128)ticks * ns_per_tick_q32 >> 32);
}

uint64_t rf_ns_to_tsc(uint64_t ns)
{
        return saturate((u128)ns * ticks_per_ns_q24 >> 24);
}

uint64_t rf_now_ns(void)
{
        return rf_tsc_to_ns(rf_rdtsc() - rf_self()->boot_tsc);
}

int64_t rf_wait(uint32_t queue, uint32_t next, uint64_t deadline_ns)
{
        uint64_t deadline = saturate((u128)rf_self()->boot_tsc + rf_ns_to_tsc(deadline_ns));

        rf_flush();
        return rf_hypercall(RF_HC_WAIT, queue, next, deadline_ns == RF_FOREVER ? RF_FOREVER : deadline, 0, 0,
                            0);
}

void rf_sleep_until(uint64_t deadline_ns)
{
        while (rf_wait(UINT32_MAX, 0, deadline_ns) == 2)
                ;
}

void rf_yield(void)
{
        rf_hypercall(RF_HC_YIELD, 0, 0, 0, 0, 0, 0);
}
