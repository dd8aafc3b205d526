/* SPDX-License-Identifier: MIT
 * Requests of vCPUs. Each ends in one of two ways: the vCPU is resumed, or its guest is killed with a reason.
 */
#include "console.h"
#include "cpuid.h"
#include "guest.h"
#include "log.h"
#include "rf_format.h"
#include "nic.h"
#include "sys.h"

enum { RAX, RCX, RDX, RBX };

struct request {
        struct guest *g;
        uint32_t vcpu;
        const volatile struct rf_vcpu_report *r;
        struct dbos_space space;
};

static void kill(struct request *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void kill(struct request *q, const char *format, ...)
{
        char text[GUEST_WHY], where[96];
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        guest_where(q->g, q->r->rip, where, sizeof(where));
        guest_why(q->g, "vCPU %u at %s: %s", q->r->index, where, text);
        guest_ended(q->g, true);
}

static void resume(struct request *q, uint64_t rip)
{
        int64_t error = sys_vcpu_resume(q->vcpu, rip);

        if (error != 0)
                kill(q, "it could not be resumed: %s", error_name(error));
}

static void kill_for(struct request *q, const struct dbos_finding *f)
{
        char text[GUEST_WHY];

        dbos_explain(f, text, sizeof(text));
        kill(q, "%s", text);
}

/* ---- code that appears or changes ------------------------------------------------------------ */

static void fetch(struct request *q)
{
        uint64_t page = q->r->fault_va & ~(RF_PAGE_SIZE - 1);
        uint32_t i = q->r->index;
        struct dbos_finding hit = {0};

        if (!guest_is_code(q->g, page)) {
                kill(
                    q,
                    "jump to 0x%lx, which is data; code that is made at run time goes into an executable segment",
                    q->r->fault_va);
                return;
        }
        if (q->g->written[i].page == page && q->g->written[i].rip == q->r->rip) {
                kill(q, "it stores into the page it runs from; keep code that changes in pages of its own");
                return;
        }
        if (dbos_check_page(&q->space, page, &hit) != 0)
                kill_for(q, &hit);
        else if (guest_accept_page(q->g, page) != 0)
                kill(q, "ring 0 refused the page at 0x%lx", page);
        else
                resume(q, q->r->rip);
}

/* The code at a site on this page, or running into it, may become another. */
static void forget_detours(struct guest *g, uint64_t page)
{
        for (unsigned i = g->ndetours; i-- > 0;)
                if (g->detour[i].site + 16 > page && g->detour[i].site < page + RF_PAGE_SIZE)
                        g->detour[i] = g->detour[--g->ndetours];
}

static void code_write(struct request *q)
{
        uint64_t page = q->r->fault_va & ~(RF_PAGE_SIZE - 1);
        int64_t error;

        if (trampoline_owns(&q->g->trampolines, page) || !guest_is_code(q->g, page)) {
                kill(q, "store to 0x%lx, which is rewritten code", q->r->fault_va);
                return;
        }
        error = sys_guest_open(q->g->id, page, 1);
        if (error != 0) {
                kill(q, "the code at 0x%lx could not be opened: %s", page, error_name(error));
                return;
        }
        forget_detours(q->g, page);
        q->g->written[q->r->index].page = page;
        q->g->written[q->r->index].rip = q->r->rip;
        resume(q, q->r->rip);
}

/* ---- ring and doorbell ----------------------------------------------------------------------- */

/* As the trampoline of a rewritten doorbell store would do it. Full: the vCPU tries again. */
static void commit(struct request *q, int ring, const struct dbos_store *store)
{
        uint32_t tail = (uint32_t)store->value;
        int64_t result;

        do {
                result = sys_commit(q->vcpu, (unsigned)ring, tail);
        } while (result >= 0 && result >> 32 == RF_COMMIT_LIMIT);
        if (result >= 0 && result >> 32 == RF_COMMIT_FULL)
                resume(q, q->r->rip);
        else if (result >= 0 && result >> 32 == RF_COMMIT_OK)
                resume(q, store->next);
        else if (result >= 0)
                kill(q, "descriptor %u of ring %d was refused: %s", (uint32_t)result, ring,
                     commit_reason((uint32_t)(result >> 32)));
        else
                kill(q, "commit failed: %s", error_name(result));
}

static uint64_t detour_of(const struct guest *g, uint64_t rip)
{
        for (unsigned i = 0; i < g->ndetours; i++)
                if (g->detour[i].site == rip)
                        return g->detour[i].next;
        return 0;
}

static void take_detour(struct request *q, const struct dbos_store *store)
{
        struct guest *g = q->g;

        if (g->ndetours == GUEST_DETOURS) {
                kill(
                    q,
                    "more than %u stores to ring or doorbell have no room for a jump; build with -falign-functions, "
                    "or use the commit form",
                    GUEST_DETOURS);
                return;
        }
        g->detour[g->ndetours].site = q->r->rip;
        g->detour[g->ndetours++].next = store->next;
        resume(q, store->next);
}

static void emulate_store(struct request *q, const struct dbos_store *store)
{
        int ring = nic_doorbell_ring(q->g, store->va);
        int64_t error;

        if (ring >= 0) {
                commit(q, ring, store);
                return;
        }
        error = sys_stage_store(q->vcpu, store->va, store->value, store->bytes);
        if (error != 0)
                kill(q, "store to 0x%lx: no ring of this vCPU is there", store->va);
        else
                resume(q, store->next);
}

static void window(struct request *q)
{
        const struct dbos_code *code = guest_code_at(q->g, q->r->rip);
        struct dbos_finding f = {0};
        struct dbos_store store = {0};
        struct dbos_regs regs = {.rip = q->r->rip, .rflags = q->r->rflags};
        enum dbos_action action;

        for (int i = 0; i < 16; i++)
                regs.gpr[i] = q->r->gpr[i];
        if (code == NULL) {
                kill(q, "access to ring or doorbell at 0x%lx from code that is not of its image",
                     q->r->fault_va);
                return;
        }
        if (detour_of(q->g, q->r->rip) != 0) {
                resume(q, detour_of(q->g, q->r->rip));
                return;
        }
        action = dbos_rewrite_store(&q->space, code, &regs, q->r->fault_va, (q->r->fault_error & 2) != 0,
                                    &store, &f);
        if (guest_accept_opened(q->g) != 0) /* also what was opened in vain */
                guest_ended(q->g, true);
        else if (action == DBOS_REWRITTEN)
                resume(q, q->r->rip);
        else if (action == DBOS_EMULATED && store.bytes == 0)
                take_detour(q, &store);
        else if (action == DBOS_EMULATED)
                emulate_store(q, &store);
        else
                kill_for(q, &f);
}

/* ---- privileged instructions ----------------------------------------------------------------- */

static void cpuid(struct request *q, uint64_t next)
{
        struct cpuid_regs c =
            cpuid_for_guest((uint32_t)q->r->gpr[RAX], (uint32_t)q->r->gpr[RCX], q->r->index);

        sys_vcpu_set(q->vcpu, RAX, c.eax);
        sys_vcpu_set(q->vcpu, RBX, c.ebx);
        sys_vcpu_set(q->vcpu, RCX, c.ecx);
        sys_vcpu_set(q->vcpu, RDX, c.edx);
        resume(q, next);
}

/* Opcodes E4-E7 have the port in the instruction, EC-EF in DX (AMD64 APM volume 3). */
static uint16_t port_of(const struct request *q, const struct dbos_finding *f)
{
        uint8_t opcode = f->bytes[f->length - 1];

        if (f->length >= 2 && (f->bytes[f->length - 2] & 0xfc) == 0xe4)
                return opcode; /* then the last byte is the port */
        return (uint16_t)q->r->gpr[RDX];
}

enum { PORT_COM1 = 0x3f8, PORT_COM1_LSR = 0x3fd, LSR_EMPTY = 0x60, PORT_DEBUG = 0xe9 };

static void out(struct request *q, const struct dbos_finding *f, uint64_t next)
{
        uint16_t port = port_of(q, f);

        if (port >= PORT_COM1 && port < PORT_COM1 + 8) { /* set-up of the UART changes nothing */
                if (port == PORT_COM1)
                        console_guest_put(q->g, (char)q->r->gpr[RAX]);
                resume(q, next);
        } else if (port == PORT_DEBUG) {
                console_guest_put(q->g, (char)q->r->gpr[RAX]);
                resume(q, next);
        } else {
                kill(q, "OUT to port 0x%x; guests have 0x3f8 and 0xe9 only", port);
        }
}

static void in(struct request *q, const struct dbos_finding *f, uint64_t next)
{
        uint16_t port = port_of(q, f);

        if (port != PORT_COM1_LSR && port != PORT_DEBUG) {
                kill(q, "IN from port 0x%x; guests have 0x3fd and 0xe9 only", port);
                return;
        }
        /* 0xe9 answers itself where a debug port exists, as in Bochs and QEMU */
        sys_vcpu_set(q->vcpu, RAX,
                     (q->r->gpr[RAX] & ~0xffull) | (port == PORT_DEBUG ? PORT_DEBUG : LSR_EMPTY));
        resume(q, next);
}

static void privileged(struct request *q)
{
        enum dbos_privileged kind = DBOS_PRIV_KILL;
        struct dbos_finding f = {0};
        uint8_t length = 0;
        int error = dbos_privileged_at(&q->space, q->r->rip, &kind, &length, &f);
        uint64_t next = q->r->rip + length;

        if (error != 0)
                kill(q, "an instruction that cannot be read: %s", error_name(error));
        else if (kind == DBOS_PRIV_CPUID)
                cpuid(q, next);
        else if (kind == DBOS_PRIV_HLT) /* nothing wakes a ring guest from HLT: it gives up its slice */
                resume(q, next);
        else if (kind == DBOS_PRIV_OUT)
                out(q, &f, next);
        else if (kind == DBOS_PRIV_IN)
                in(q, &f, next);
        else
                kill_for(q, &f);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void exited(struct request *q)
{
        uint64_t status = q->r->exit_status;

        if ((status & 0xffff) == DBOS_EXIT_REJECTED)
                guest_why(q->g, "vCPU %u: its driver handed over a bad descriptor, slot %u: %s", q->r->index,
                          (uint32_t)(status >> 32), commit_reason((uint32_t)(status >> 16) & 0xffff));
        else
                guest_why(q->g, "exited with status %lu", status);
        guest_ended(q->g, status != 0);
}

void service(uint32_t vcpu)
{
        const volatile struct rf_vcpu_report *r = &REPORTS[vcpu];
        struct guest *g = guest_of_id(r->guest);
        struct request q = {g, vcpu, r, {0}};

        if (g == NULL)
                return; /* stopped meanwhile */
        q.space = guest_space(g);
        switch (r->request) {
        case RF_REQ_FETCH:
                fetch(&q);
                break;
        case RF_REQ_CODE_WRITE:
                code_write(&q);
                break;
        case RF_REQ_WINDOW:
                window(&q);
                break;
        case RF_REQ_PRIVILEGED:
                privileged(&q);
                break;
        case RF_REQ_EXITED:
                exited(&q);
                break;
        case RF_REQ_DEAD:
                guest_explain_death(g, vcpu);
                guest_ended(g, true);
                break;
        }
}
