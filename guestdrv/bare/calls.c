/* SPDX-License-Identifier: MIT
 * Hypercalls where there is no hypervisor. */
#include "bare.h"
#include "rf/igb_desc.h"
#include "rf_string.h"
#include "ringfence_sdk.h"

static const struct rf_info *info;
static bool line_started;

void bare_calls_start(const struct rf_info *i)
{
        info = i;
}

/* Lines get the guest's name in front, as under the hypervisor. */
static int64_t console(uint64_t bytes, const uint64_t words[5])
{
        const char *text = (const char *)words;

        if (bytes > RF_CONSOLE_BYTES)
                return -RF_EINVAL;
        for (uint64_t i = 0; i < bytes; i++) {
                if (!line_started)
                        bare_printf("%s: ", info->name);
                line_started = text[i] != '\n';
                bare_put(&text[i], 1);
        }
        return 0;
}

static bool frame_there(uint64_t queue, uint64_t next)
{
        const volatile uint8_t *ring = (const volatile uint8_t *)(uintptr_t)info->queue[queue].ring_rx;

        return (*(const volatile uint32_t *)(ring + 16 * next + IGB_RX_DD_OFF) & IGB_RX_DD) != 0;
}

/* Waiting is polling: there is nobody else to run. */
static int64_t wait(uint64_t queue, uint64_t next, uint64_t deadline)
{
        bool timed = queue == UINT32_MAX;

        if (!timed && queue >= info->nqueues)
                return -RF_ENOENT;
        if (!timed && next >= info->queue[queue].entries)
                return -RF_EINVAL;
        while (timed || !frame_there(queue, next)) {
                if (deadline != RF_FOREVER && rf_rdtsc() >= deadline)
                        return 0;
                rf_relax();
        }
        return 1;
}

int64_t bare_hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       uint64_t a5)
{
        switch (number) {
        case RF_HC_VERSION:
                return RF_ABI_VERSION;
        case RF_HC_CONSOLE:
                return console(a0, (const uint64_t[5]){a1, a2, a3, a4, a5});
        case RF_HC_WAIT:
                return wait(a0, a1, a2);
        case RF_HC_YIELD:
                return 0;
        case RF_HC_EXIT:
                bare_printf("bare: exit %d\n", (int)a0);
                bare_halt();
        default:
                return -RF_ENOTSUP;
        }
}

/* A bare image has the plain driver; whoever calls commit has no ring to commit. */
uint64_t bare_commit(uint32_t ring, uint32_t tail)
{
        return (uint64_t)RF_COMMIT_RING << 32;
}
