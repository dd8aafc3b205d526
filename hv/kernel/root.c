/* SPDX-License-Identifier: MIT
 * Root as ring 0 sees it: its address space, its shared pages, and the requests vCPUs have for it. */
#include "frame.h"
#include "guard.h"
#include "guest.h"
#include "sched.h"
#include "smp.h"
#include "x86.h"

enum { ROOT_STACK_BYTES = 256 * 1024 };

struct root root;
struct rf_host *host_page;
static struct rf_vcpu_report *reports;
static struct rf_console *consoles;

struct rf_vcpu_report *root_report(uint32_t vcpu)
{
        return &reports[vcpu];
}

struct rf_console *root_console(uint32_t guest)
{
        return &consoles[guest];
}

static void map(uint64_t va, uint64_t hpa, uint64_t bytes, unsigned perm)
{
        for (uint64_t i = 0; i < bytes; i += PAGE_SIZE)
                if (table_map(&host_table, va + i, hpa + i, perm | PERM_U) < 0)
                        panic("no memory for root's address space");
}

/* Ring 0 writes, root reads. */
static void *shared_pages(uint64_t va, uint64_t bytes)
{
        int64_t hpa = frame_alloc_contiguous(FRAME_KERNEL, OWNER_KERNEL, (bytes + PAGE_SIZE - 1) / PAGE_SIZE);

        if (hpa < 0)
                panic("no memory for root's shared pages");
        map(va, (uint64_t)hpa, bytes, PERM_R);
        return phys((uint64_t)hpa);
}

static void map_files(void)
{
        for (uint32_t i = 0; i < boot_info->nfiles; i++) {
                const struct rf_boot_file *f = &boot_info->file[i];

                if (f->status == RF_FILE_LOADED && f->bytes <= RF_ROOT_FILE_STEP)
                        map(RF_ROOT_FILE + i * RF_ROOT_FILE_STEP, f->hpa, f->bytes, PERM_R);
        }
}

static void map_stack(void)
{
        int64_t hpa = frame_alloc_contiguous(FRAME_ROOT, OWNER_ROOT, ROOT_STACK_BYTES / PAGE_SIZE);

        if (hpa < 0)
                panic("no memory for root's stack");
        map(RF_ROOT_STACK - ROOT_STACK_BYTES, (uint64_t)hpa, ROOT_STACK_BYTES, PERM_RW);
}

void root_init(void)
{
        /* As the owner of a queue root is a vCPU like others, but for its guest, which is NULL. */
        static struct rf_vcpu_report report;
        static struct guard_state state;

        if (boot_info->root.entry == 0)
                panic("the loader handed over no root image");
        host_map_image(&boot_info->root, true);
        host_page = shared_pages(RF_ROOT_HOST, sizeof(*host_page));
        reports = shared_pages(RF_ROOT_REPORT, RF_MAX_VCPUS * sizeof(*reports));
        consoles = shared_pages(RF_ROOT_CONSOLE, RF_MAX_GUESTS * sizeof(*consoles));
        map(RF_ROOT_BOOT, phys_of(boot_info), sizeof(*boot_info), PERM_R);
        if (boot_info->fb.hpa != 0)
                map(RF_ROOT_FB, boot_info->fb.hpa & ~(PAGE_SIZE - 1), boot_info->fb.bytes, PERM_RW | PERM_WC);
        map_files();
        map_stack();
        root.regs = (struct user_regs){.rip = boot_info->root.entry, .rflags = RFLAGS_FIXED | RFLAGS_IF};
        root.regs.gpr[RSP] = RF_ROOT_STACK - 8;
        root_vcpu = (struct vcpu){.report = &report, .state = &state, .pkru = RF_PKRU_CLOSED};
        sched_add(&root_vcpu);
}

void root_wake(void)
{
        if (!root.waiting)
                return;
        root.waiting = false;
        sched_add(&root_vcpu);
}

/* At the head: who rang waits for it, and it sleeps again when the work is done. */
bool root_ring(void)
{
        root.rung = !root.waiting;
        if (root.rung || root.dead)
                return false;
        root.waiting = false;
        return sched_add_first(&root_vcpu);
}

void root_notify(struct vcpu *v)
{
        root.requests |= 1ull << v->id;
        if (!root.waiting || root.dead)
                return;
        root.regs.gpr[RAX] = (uint64_t)root_take_request();
        root_wake();
}

void root_forget(const struct vcpu *v)
{
        root.requests &= ~(1ull << v->id);
        if (root.donor == v)
                root.donor = NULL;
}

/* Round robin: one vCPU with many requests cannot keep the others waiting. */
int64_t root_take_request(void)
{
        for (uint32_t i = 1; i <= RF_MAX_VCPUS; i++) {
                uint32_t id = (root.last + i) % RF_MAX_VCPUS;

                if (!(root.requests >> id & 1))
                        continue;
                root.requests &= ~(1ull << id);
                root.last = id;
                root.donor = vcpu_get(id);
                return id;
        }
        return -RF_ENOENT;
}

/* Without root nothing can be repaired or restarted, but the guests owe root nothing: they go on. */
void root_died(uint64_t vector)
{
        klog("root died: exception %llu, error %llx, at %llx, address %llx; guests go on, without service",
             (unsigned long long)vector, (unsigned long long)root.regs.error,
             (unsigned long long)root.regs.rip, (unsigned long long)read_cr2());
        root.waiting = root.dead = true;
        root.deadline = UINT64_MAX;
}
