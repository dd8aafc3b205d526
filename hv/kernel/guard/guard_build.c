/* SPDX-License-Identifier: MIT
 * Makes one guard page: image, hypercall opcode, controls of a test build, check. */
#include "guard.h"
#include "guard_numbers.h"
#include "rf_string.h"

enum { OPCODE_BYTES = 3, NOP = 0x90 };

#if RF_TEST_CONTROLS
/* A positive control removes the bytes between two labels of guard.S: a conditional jump, and so one check.
 */
#define REMOVED(X)    X(full) X(rewrite) X(address) X(flags) X(length) X(close)
#define DECLARE(name) extern const uint8_t guard_x_##name[], guard_x_##name##_end[];
REMOVED(DECLARE)

static const struct {
        uint32_t control;
        const uint8_t *from, *to;
} removed[] = {
    {RF_CONTROL_NO_REAP, guard_x_full, guard_x_full_end},
    {RF_CONTROL_NO_REAP, guard_x_rewrite, guard_x_rewrite_end},
    {RF_CONTROL_NO_VALIDATE, guard_x_address, guard_x_address_end},
    {RF_CONTROL_NO_TXFLAGS, guard_x_flags, guard_x_flags_end},
    {RF_CONTROL_NO_TXFLAGS, guard_x_length, guard_x_length_end},
    {RF_CONTROL_NO_CLOSE_CHECK, guard_x_close, guard_x_close_end},
};

static void apply_controls(uint8_t *page)
{
        for (unsigned i = 0; i < ARRAY_LENGTH(removed); i++)
                if (control_on(removed[i].control))
                        memset(page + (removed[i].from - guard_page), NOP,
                               (size_t)(removed[i].to - removed[i].from));
}
#else
static void apply_controls(uint8_t *page)
{
}
#endif

static bool is_wrpkru(const uint8_t *p)
{
        return p[0] == 0x0f && p[1] == 0x01 && p[2] == 0xef;
}

/* WRPKRU at guard_open and guard_close, or nowhere: argument 1 in guard.S. */
static bool check(const uint8_t *page, bool keys)
{
        size_t open = (size_t)(guard_open - guard_page), close = (size_t)(guard_close - guard_page);

        for (size_t i = 0; i + OPCODE_BYTES <= PAGE_SIZE; i++)
                if (is_wrpkru(page + i) != (keys && (i == open || i == close)))
                        return false;
        return true;
}

bool guard_build(uint8_t *page, bool keys, const uint8_t opcode[3])
{
        memcpy(page, keys ? guard_page : guard_nokeys_page, PAGE_SIZE);
        memcpy(page + RF_GUARD_HYPERCALL, opcode, OPCODE_BYTES);
        if (keys)
                apply_controls(page);
        return check(page, keys);
}

bool guard_contains(uint64_t rip)
{
        return rip - RF_GUARD_VA < PAGE_SIZE;
}

uint64_t guard_revoked_rip(void)
{
        return RF_GUARD_VA + (uint64_t)(guard_revoked - guard_page);
}
