/* SPDX-License-Identifier: MIT
 * Why a guest died, in one line a network engineer can act on. */
#include "guest.h"
#include "log.h"
#include "rf_format.h"
#include "sys.h"

static const char *const vectors[32] = {
    "#DE divide error",
    "#DB debug trap",
    "NMI",
    "#BP breakpoint",
    "#OF overflow",
    "#BR bound range",
    "#UD undefined instruction",
    "#NM no FPU",
    "#DF double fault",
    "vector 9",
    "#TS bad TSS",
    "#NP segment not present",
    "#SS stack segment",
    "#GP general protection",
    "#PF page fault",
    "vector 15",
    "#MF x87 error",
    "#AC alignment",
    "#MC machine check",
    "#XM SIMD error",
    "#VE virtualization",
    "#CP control protection",
    "vector 22",
    "vector 23",
    "vector 24",
    "vector 25",
    "vector 26",
    "vector 27",
    "#HV hypervisor",
    "#VC VMM communication",
    "#SX security",
    "vector 31",
};

void guest_where(const struct guest *g, uint64_t rip, char *out, size_t n)
{
        char name[64];

        elf_nearest(&g->image, rip, name, sizeof(name));
        if (name[0] != '\0')
                rf_snprintf(out, n, "0x%lx (%s)", rip, name);
        else if (trampoline_owns(&g->trampolines, rip & ~(RF_PAGE_SIZE - 1)))
                rf_snprintf(out, n, "0x%lx (rewritten code)", rip);
        else if (rip >= RF_GUARD_VA && rip < RF_GUARD_VA + RF_PAGE_SIZE)
                rf_snprintf(out, n, "0x%lx (the guard)", rip);
        else
                rf_snprintf(out, n, "0x%lx", rip);
}

static const struct guest_removed *removed_at(const struct guest *g, uint64_t rip)
{
        for (unsigned i = 0; i < g->nremoved; i++)
                if (g->removed[i].va == rip)
                        return &g->removed[i];
        return NULL;
}

static const char *access_of(uint32_t error) /* page-fault error code, AMD64 APM volume 2, 8.4.2 */
{
        if ((error & 16) != 0)
                return "fetch from";
        return (error & 2) != 0 ? "store to" : "load from";
}

/* Ring 0 decodes nothing; the engine knows the instruction's name and what to do instead. */
static void control_instruction(struct guest *g, const volatile struct rf_vcpu_report *r, char *out, size_t n)
{
        struct dbos_space space = guest_space(g);
        enum dbos_privileged kind;
        struct dbos_finding f = {0};
        uint8_t length;

        if (dbos_privileged_at(&space, r->rip, &kind, &length, &f) == 0)
                dbos_explain(&f, out, n);
        else
                rf_snprintf(out, n, "a control instruction that no guest may run (exit 0x%lx)", r->exit_code);
}

/* The part that depends on the kind of death. */
static void cause(struct guest *g, const volatile struct rf_vcpu_report *r, char *out, size_t n)
{
        const struct guest_removed *removed = r->vector == 6 ? removed_at(g, r->rip) : NULL;

        switch (r->death) {
        case RF_DEATH_EXCEPTION:
                if (removed != NULL)
                        rf_snprintf(out, n, "ran an instruction that dbos took out (%s): %s",
                                    dbos_rule_name(removed->rule), removed->advice);
                else
                        rf_snprintf(out, n, "%s, error 0x%x", vectors[r->vector & 31], r->fault_error);
                break;
        case RF_DEATH_ACCESS:
                rf_snprintf(out, n, "%s 0x%lx, which is not its memory", access_of(r->fault_error),
                            r->fault_va);
                break;
        case RF_DEATH_WINDOW_OPEN:
                rf_snprintf(out, n, "the window was open outside the guard");
                break;
        case RF_DEATH_GUARD:
                rf_snprintf(out, n, "a fault in the guard: %s at 0x%lx", vectors[r->vector & 31],
                            r->fault_va);
                break;
        case RF_DEATH_NESTED:
                rf_snprintf(out, n, "nested page fault at physical 0x%lx", r->fault_va);
                break;
        case RF_DEATH_TRIPLE:
                rf_snprintf(out, n, "triple fault");
                break;
        case RF_DEATH_ENTRY_FAILED:
                rf_snprintf(out, n, "VM entry failed: exit 0x%lx 0x%lx 0x%lx", r->exit_code, r->info1,
                            r->info2);
                break;
        case RF_DEATH_PRIVILEGED:
                control_instruction(g, r, out, n);
                break;
        case RF_DEATH_ROOT:
                rf_snprintf(out, n, "stopped by root");
                break;
        default:
                rf_snprintf(out, n, "unknown exit 0x%lx 0x%lx 0x%lx", r->exit_code, r->info1, r->info2);
        }
}

/* For who wants to know how it came to that: log = verbose. */
static void log_registers(const struct guest *g, const volatile struct rf_vcpu_report *r)
{
        static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                              "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

        log_line("guest %s: vCPU %u: rip 0x%lx rflags 0x%lx", g->config->name, r->index, r->rip, r->rflags);
        for (unsigned i = 0; i < 16; i += 4)
                log_line("guest %s: vCPU %u: %s 0x%lx %s 0x%lx %s 0x%lx %s 0x%lx", g->config->name, r->index,
                         names[i], r->gpr[i], names[i + 1], r->gpr[i + 1], names[i + 2], r->gpr[i + 2],
                         names[i + 3], r->gpr[i + 3]);
}

void guest_explain_death(struct guest *g, uint32_t vcpu)
{
        const volatile struct rf_vcpu_report *r = &REPORTS[vcpu];
        char text[GUEST_WHY], where[96];

        cause(g, r, text, sizeof(text));
        guest_where(g, r->rip, where, sizeof(where));
        guest_why(g, "vCPU %u at %s: %s", r->index, where, text);
        if (log_verbose)
                log_registers(g, r);
}

const char *commit_reason(uint32_t reason)
{
        switch (reason) {
        case RF_COMMIT_RING:
                return "no such ring on this vCPU";
        case RF_COMMIT_TAIL:
                return "tail outside the ring";
        case RF_COMMIT_REVOKED:
                return "the queue was taken away";
        case RF_COMMIT_ADDRESS:
                return "buffer outside the pool";
        case RF_COMMIT_LENGTH:
                return "length outside 17 to 1514";
        case RF_COMMIT_FLAGS:
                return "type, command or reserved bits, or PAYLEN unlike DTALEN";
        case RF_COMMIT_HEADER:
                return "second word of a receive descriptor is not 0";
        }
        return "unknown reason";
}
