/* SPDX-License-Identifier: MIT
 * Which attacks, under which controls. ringfence.conf says: `# evil = stores guard ...`, and `controls` to
 * run each with its positive controls too (test builds). `on-soft`: guests get soft queues. */
#include "evil.h"

uint32_t controls;

enum { MAX_CONTROLS = 4 };

static const struct attack {
        const char *name;
        void (*run)(void);
        uint32_t controls[MAX_CONTROLS]; /* each is one run more, in which the attack must succeed */
} attacks[] = {
    {"stores", attack_stores, {RF_CONTROL_NO_KEYS_WD}},
    {"wrpkru", attack_wrpkru, {RF_CONTROL_NO_BYTE_CHECK}},
    {"guard", attack_guard, {RF_CONTROL_NO_CLOSE_CHECK}},
    {"control", attack_control, {RF_CONTROL_NO_CR, RF_CONTROL_NO_XSETBV, RF_CONTROL_LGDT, RF_CONTROL_NO_MSR}},
    /* two defences stand here, and each holds alone */
    {"step",
     attack_step,
     {RF_CONTROL_NO_EXCEPTIONS, RF_CONTROL_LGDT, RF_CONTROL_NO_EXCEPTIONS | RF_CONTROL_LGDT}},
    {"far", attack_far, {RF_CONTROL_LGDT}},
    {"code", attack_code, {RF_CONTROL_NO_EXCLUSIVE, RF_CONTROL_NO_BYTE_CHECK}},
    {"open", attack_open, {RF_CONTROL_NO_BYTE_CHECK, RF_CONTROL_NO_BYTE_CHECK | RF_CONTROL_NO_OPEN_CHECK}},
    {"revoke", attack_revoke, {RF_CONTROL_NO_REVOKE}},
    {"dma", attack_dma, {RF_CONTROL_NO_VALIDATE}},
    {"handover", attack_handover, {RF_CONTROL_NO_REAP}},
    {"flags", attack_flags, {RF_CONTROL_NO_TXFLAGS}},
    {"registers", attack_registers, {RF_CONTROL_NO_REGTABLE}},
    {"calls", attack_calls, {0}},
    {"memory", attack_memory, {0}},
    {"fuzz", attack_fuzz, {0}},
    {"pair", attack_pair, {0}},
    {"states", attack_states, {RF_CONTROL_NO_EXCEPTIONS}},
    {"preempt", attack_preempt, {0}},
    {"held", attack_held, {RF_CONTROL_NO_REVOKE}},
    {"flood", attack_flood, {0}},
    {"recycle", attack_recycle, {0}},
    {"random", attack_random, {RF_CONTROL_NO_VALIDATE, RF_CONTROL_NO_KEYS_WD}},
    {"soft", attack_soft, {RF_CONTROL_NO_VALIDATE, RF_CONTROL_NO_TXFLAGS, RF_CONTROL_NO_REAP}},
};

static const struct attack last[] = {
    {"write-code", last_write_code, {RF_CONTROL_NO_EXCLUSIVE}},
    {"read-kernel", last_read_kernel, {0}},
    {"port", last_port, {0}},
    {"soft-state", last_soft_state, {0}},
    {"soft-revoked", last_soft_revoked, {0}},
    {"soft-execute", last_soft_execute, {0}},
};

bool set_controls(uint32_t mask)
{
        if (mask == controls)
                return true;
        if (sys_control(mask) != 0)
                return false;
        controls = mask;
        return true;
}

static void perform(const struct attack *a)
{
        uint64_t start = tsc_now();

        say("evilroot: %s controls=%x", a->name, controls);
        a->run();
        say("evilroot: %s took %lu ms", a->name, (tsc_now() - start) / tsc_of_ms(1));
}

static void run_all(const struct attack *a, bool with_controls)
{
        if (!with_controls)
                perform(a);
        for (unsigned i = 0; with_controls && i < MAX_CONTROLS && a->controls[i] != 0; i++) {
                if (!set_controls(a->controls[i]))
                        fail("this kernel has no controls");
                perform(a);
        }
        set_controls(0);
}

void root_main(void);
void root_main(void)
{
        bool with_controls = asked("controls");

        say("evilroot: ready");
        nic_open();
        nic_soft = asked("on-soft");
        for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
                if (asked(attacks[i].name))
                        run_all(&attacks[i], with_controls);
        for (unsigned i = 0; i < sizeof(last) / sizeof(last[0]); i++)
                if (asked(last[i].name))
                        run_all(&last[i], with_controls);
        say("evilroot: done");
        for (;;)
                sys_wait(UINT64_MAX);
}
