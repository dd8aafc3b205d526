/* SPDX-License-Identifier: MIT
 * What root may ask ring 0 for (rf/root.h). Every argument is checked here or where it is used. */
#include "frame.h"
#include "guard.h"
#include "nic.h"
#include "guest.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"
#include "x86.h"

typedef int64_t (*call)(const uint64_t *a);

static int64_t sys_wait(const uint64_t *a)
{
        int64_t id;

        root.donor = NULL;
        host_page->free_pages = frame_free_count();
        id = root_take_request();
        if (id >= 0)
                return id;
        if (a[0] > rdtsc() && !root.rung) {
                root.waiting = true;
                root.deadline = nic_wait_until(&root_vcpu, a[0]);
        }
        root.rung = false;
        return -RF_ETIMEDOUT; /* what it gets if the deadline ends the wait */
}

static int64_t sys_guest_new(const uint64_t *a)
{
        return guest_new(a[0], a[1]);
}

static int64_t sys_guest_map(const uint64_t *a)
{
        struct guest *g = guest_get(a[0]);

        return g == NULL ? -RF_ENOENT : guest_map(g, a[1], a[2], a[3]);
}

static int64_t sys_guest_accept(const uint64_t *a)
{
        struct guest *g = guest_get(a[0]);

        return g == NULL ? -RF_ENOENT : guest_accept(g, a[1], a[2]);
}

static int64_t sys_guest_open(const uint64_t *a)
{
        struct guest *g = guest_get(a[0]);

        return g == NULL ? -RF_ENOENT : guest_open(g, a[1], a[2]);
}

static int64_t sys_guest_stop(const uint64_t *a)
{
        struct guest *g = guest_get(a[0]);

        return g == NULL ? -RF_ENOENT : guest_stop(g, RF_DEATH_ROOT);
}

static int64_t sys_guest_free(const uint64_t *a)
{
        struct guest *g = guest_get(a[0]);

        return g == NULL ? -RF_ENOENT : guest_release(g);
}

static int64_t sys_accept_at(const uint64_t *a)
{
        return (int64_t)accept_hit;
}

static int64_t sys_vcpu_id(const uint64_t *a)
{
        struct guest *g = guest_get(a[0]);

        return g == NULL || a[1] >= g->nvcpus ? -RF_ENOENT : (int64_t)g->vcpu[a[1]]->id;
}

static int64_t sys_vcpu_start(const uint64_t *a)
{
        struct vcpu *v = vcpu_get(a[0]);

        if (v == NULL)
                return -RF_ENOENT;
        if (v->report->state != RF_VCPU_NEW || v->guest->dead)
                return -RF_EBUSY;
        v->rip = a[1];
        v->gpr[RSP] = a[2];
        v->gpr[RDI] = RF_INFO_VA;
        v->rflags = RFLAGS_FIXED;
        vcpu_make_ready(v);
        return 0;
}

static struct vcpu *requesting(uint64_t id)
{
        struct vcpu *v = vcpu_get(id);

        return v != NULL && v->report->state == RF_VCPU_REQUEST ? v : NULL;
}

static int64_t sys_vcpu_resume(const uint64_t *a)
{
        struct vcpu *v = requesting(a[0]);

        if (v == NULL)
                return -RF_EBUSY;
        v->rip = a[1];
        v->report->request = RF_REQ_NONE;
        vcpu_make_ready(v);
        return 0;
}

static int64_t sys_vcpu_set(const uint64_t *a)
{
        struct vcpu *v = requesting(a[0]);

        if (v == NULL || a[1] >= 16)
                return v == NULL ? -RF_EBUSY : -RF_EINVAL;
        v->gpr[a[1]] = a[2];
        return 0;
}

static int64_t sys_stage_store(const uint64_t *a)
{
        struct vcpu *v = requesting(a[0]);

        return v == NULL ? -RF_EBUSY : (int64_t)commit_stage_store(v, a[1], a[2], a[3]);
}

static int64_t sys_commit(const uint64_t *a)
{
        struct vcpu *v = a[0] == RF_VCPU_ROOT ? &root_vcpu : requesting(a[0]);

        return v == NULL ? -RF_EBUSY : (int64_t)commit_hypercall(v, (uint32_t)a[1], (uint32_t)a[2]);
}

static int64_t sys_pci_read(const uint64_t *a)
{
        return pci_read_checked(a[0], a[1]);
}

static int64_t sys_nic_bind(const uint64_t *a)
{
        return a[0] > UINT16_MAX ? -RF_EINVAL : nic_bind((uint16_t)a[0]);
}

static int64_t sys_nic_read(const uint64_t *a)
{
        return nic_read(a[0], a[1]);
}

static int64_t sys_nic_write(const uint64_t *a)
{
        return nic_write(a[0], a[1], a[2]);
}

static int64_t sys_queue_assign(const uint64_t *a)
{
        struct vcpu *v = a[2] == RF_VCPU_ROOT ? &root_vcpu : vcpu_get(a[2]);

        if (v == NULL || (v != &root_vcpu && v->guest->dead))
                return -RF_ENOENT;
        return nic_queue_assign(a[0], a[1], v, a[3], a[4], a[5]);
}

static int64_t sys_queue_enable(const uint64_t *a)
{
        return nic_queue_enable(a[0], a[1]);
}

static int64_t sys_queue_revoke(const uint64_t *a)
{
        return nic_queue_revoke(a[0], a[1]);
}

static int64_t sys_queue_get(const uint64_t *a)
{
        return nic_queue_get(a[0], a[1], a[2]);
}

static int64_t sys_switch_arm(const uint64_t *a)
{
        return switch_arm(a[0]);
}

static int64_t sys_soft_wake(const uint64_t *a)
{
        struct nic_queue *q = nic_queue_at(RF_NIC_OF_SOFT, a[0]);

        if (q == NULL)
                return -RF_ENOENT;
        queue_interrupt(q);
        return 0;
}

static int64_t sys_audit(const uint64_t *a)
{
        return audit();
}

static int64_t sys_control(const uint64_t *a)
{
        if (!RF_TEST_CONTROLS)
                return -RF_ENOTSUP;
        active_controls = (uint32_t)a[0];
        host_page->controls = active_controls;
        klog("TEST BUILD: defences switched off: %x", active_controls);
        if (control_on(RF_CONTROL_PANIC))
                *(volatile uint64_t *)-PAGE_SIZE = 0; /* the last page: never mapped */
        if (control_on(RF_CONTROL_ROOT_DIES))
                root.regs.rip = 0;
        guard_hpa = (uint64_t)guard_install(); /* some controls are patches of the guard */
        return 0;
}

static int64_t sys_halt(const uint64_t *a)
{
        nic_halt();
        smp_halt_others();
        vm->cpu_disable(this_cpu());
        cpu_park();
}

static const call calls[RF_SYS_COUNT] = {
    [RF_SYS_WAIT] = sys_wait,
    [RF_SYS_GUEST_NEW] = sys_guest_new,
    [RF_SYS_GUEST_MAP] = sys_guest_map,
    [RF_SYS_GUEST_ACCEPT] = sys_guest_accept,
    [RF_SYS_GUEST_OPEN] = sys_guest_open,
    [RF_SYS_GUEST_STOP] = sys_guest_stop,
    [RF_SYS_GUEST_FREE] = sys_guest_free,
    [RF_SYS_ACCEPT_AT] = sys_accept_at,
    [RF_SYS_VCPU_ID] = sys_vcpu_id,
    [RF_SYS_VCPU_START] = sys_vcpu_start,
    [RF_SYS_VCPU_RESUME] = sys_vcpu_resume,
    [RF_SYS_VCPU_SET] = sys_vcpu_set,
    [RF_SYS_STAGE_STORE] = sys_stage_store,
    [RF_SYS_COMMIT] = sys_commit,
    [RF_SYS_PCI_READ] = sys_pci_read,
    [RF_SYS_NIC_BIND] = sys_nic_bind,
    [RF_SYS_NIC_READ] = sys_nic_read,
    [RF_SYS_NIC_WRITE] = sys_nic_write,
    [RF_SYS_QUEUE_ASSIGN] = sys_queue_assign,
    [RF_SYS_QUEUE_ENABLE] = sys_queue_enable,
    [RF_SYS_QUEUE_REVOKE] = sys_queue_revoke,
    [RF_SYS_QUEUE_GET] = sys_queue_get,
    [RF_SYS_AUDIT] = sys_audit,
    [RF_SYS_CONTROL] = sys_control,
    [RF_SYS_HALT] = sys_halt,
    [RF_SYS_SWITCH_ARM] = sys_switch_arm,
    [RF_SYS_SOFT_WAKE] = sys_soft_wake,
};

void syscall_handle(void)
{
        const uint64_t *g = root.regs.gpr;
        const uint64_t a[6] = {g[RDI], g[RSI], g[RDX], g[R10], g[R8], g[R9]};
        uint64_t number = g[RAX];

        root.regs.gpr[RAX] = (uint64_t)(number < RF_SYS_COUNT ? calls[number](a) : -RF_ENOTSUP);
}
