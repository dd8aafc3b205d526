/* SPDX-License-Identifier: MIT
 * Start-up of ring 0, in the order the parts need each other. */
#include "frame.h"
#include "guest.h"
#include "guard.h"
#include "nic.h"
#include "panic.h"
#include "rf_string.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"
#include "x86.h"

const struct rf_boot_info *boot_info;
uint32_t active_controls;
const struct vm_ops *vm;

static const struct vm_ops *const backends[] = {&svm_ops, &vmx_ops};

void kernel_main(const struct rf_boot_info *info);

static void check_hand_over(const struct rf_boot_info *info)
{
        if (info->magic != RF_BOOT_MAGIC || info->version != RF_BOOT_VERSION || info->bytes != sizeof(*info))
                panic("the loader speaks another version of the hand-over: use the one from the same image");
        if (info->nmem > RF_BOOT_MAX_MEM || info->nfiles > RF_BOOT_MAX_FILES ||
            info->ncpus > RF_BOOT_MAX_CPUS || info->kernel.nsegs > RF_BOOT_MAX_SEGS ||
            info->root.nsegs > RF_BOOT_MAX_SEGS)
                panic("the loader's hand-over is malformed");
}

static void choose_backend(void)
{
        const char *why = "the CPU has neither SVM nor VMX";

        for (unsigned i = 0; i < ARRAY_LENGTH(backends) && vm == NULL; i++)
                if (backends[i]->probe(&why))
                        vm = backends[i];
        if (vm == NULL)
                panic("no virtualization: %s", why);
        if (vm->cpu_enable(&cpus[0]) < 0)
                panic("%s could not be switched on", vm->name);
}

static void fill_host_page(void)
{
        struct rf_host *h = host_page;
        uint32_t *name = (uint32_t *)h->cpu_name;

        h->version = RF_ROOT_VERSION;
        h->ncpus = ncpus;
        h->tsc_hz = tsc_hz;
        h->ram_pages = h->free_pages = frame_free_count();
        h->keys = cpu_has_keys;
        h->intel = vm->name[0] == 'V';
        rf_strlcpy(h->backend, vm->name, sizeof(h->backend));
        for (uint32_t i = 0; i < 3; i++) {
                struct cpuid c = cpuid(0x80000002 + i, 0);

                name[4 * i] = c.eax;
                name[4 * i + 1] = c.ebx;
                name[4 * i + 2] = c.ecx;
                name[4 * i + 3] = c.edx;
        }
}

static void start_cpus(void)
{
        smp_start();
        klog("%u of %u CPUs, TSC %llu MHz, %s, %s", ncpus, boot_info->ncpus,
             (unsigned long long)tsc_hz / 1000000, vm->name,
             cpu_has_keys ? "protection keys" : "no protection keys: commit is a hypercall");
}

static void install_guard(void)
{
        int64_t hpa = guard_install();

        if (hpa < 0)
                panic("the guard could not be installed: error %lld", (long long)-hpa);
        guard_hpa = (uint64_t)hpa;
}

static void run_first_cpu(void)
{
        cpu_loop(&cpus[0]);
}

/* From the stack in the image to one with unmapped pages around it. */
static void __attribute__((noreturn)) continue_on(uint64_t stack_top)
{
        __asm__ volatile("mov %0, %%rsp; xor %%ebp, %%ebp; call *%1" : : "r"(stack_top), "r"(run_first_cpu));
        __builtin_unreachable();
}

void kernel_main(const struct rf_boot_info *info)
{
        cpus[0] = (struct cpu){.self = &cpus[0], .id = 0, .online = true};
        boot_info = info;
        check_hand_over(info);
        host_map_early();
        boot_info = phys((uint64_t)info);
        trap_init();
        cpu_setup(&cpus[0]);
        frame_init();
        host_map_init();
        screen_init();
        apic_init();
        cpus[0].apic_id = apic_id();
        time_init();
        choose_backend();
        kernel_lock();
        root_init();
        install_guard();
        pci_init();
        cpus[0].stack_top = host_map_stack(0);
        start_cpus();
        fill_host_page();
        if (audit() != 0)
                panic("the host's tables are not as they must be");
        log_to_screen = false;
        kernel_unlock();
        continue_on(cpus[0].stack_top);
}
