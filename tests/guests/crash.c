/* SPDX-License-Identifier: MIT
 * crash: dies in the way its argument names; without one, in the next way at each restart. Prints SURVIVED if
 * it did not die. */
#include "rf_string.h"
#include "ringfence_sdk.h"

static void ud2(void)
{
        __asm__ volatile("ud2");
}

static void divide(void)
{
        __asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx" : : "a"(1), "d"(0) : "ecx");
}

static void null_load(void)
{
        __asm__ volatile("movq 0, %%rax" : : : "rax");
}

static void wild_store(void)
{
        __asm__ volatile("movq %%rax, (%0)" : : "r"(0x7000000000ull));
}

static void noncanonical(void)
{
        __asm__ volatile("movq (%0), %%rax" : : "r"(0x8000000000000000ull) : "rax");
}

/* Jumps to a data page that holds no code: DBOS may accept the bytes, but what runs there is zeros, an add to
 * [rax]. */
static void jump_data(void)
{
        void *page = rf_alloc(4096, 4096);

        __asm__ volatile("xorl %%eax, %%eax\n\tjmp *%0" : : "r"(page) : "rax");
}

static void jump_stack(void)
{
        uint64_t here = 0;

        __asm__ volatile("jmp *%0" : : "r"(&here));
}

static void stack_overflow(void)
{
        __asm__ volatile("1: pushq %rax\n\tjmp 1b");
}

static void write_cr0(void)
{
        __asm__ volatile("movq %%cr0, %%rax\n\tandq $~0x10000, %%rax\n\tmovq %%rax, %%cr0" : : : "rax");
}

static void write_cr3(void)
{
        __asm__ volatile("movq %0, %%cr3" : : "r"(0x1000ull));
}

static void write_msr(void)
{
        __asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0xc0000080)); /* EFER */
}

static void port(void)
{
        __asm__ volatile("outl %0, %w1" : : "a"(0x80000000u), "Nd"(0xcf8));
}

static void vmrun(void)
{
        __asm__ volatile(".byte 0x0f, 0x01, 0xd8" : : "a"(0x1000));
}

static const struct way {
        const char *name;
        void (*die)(void);
} ways[] = {
    {"ud2", ud2},
    {"divide", divide},
    {"null", null_load},
    {"wild", wild_store},
    {"noncanonical", noncanonical},
    {"jump-data", jump_data},
    {"jump-stack", jump_stack},
    {"stack", stack_overflow},
    {"cr0", write_cr0},
    {"cr3", write_cr3},
    {"msr", write_msr},
    {"port", port},
    {"vmrun", vmrun},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static const struct way *choose(const struct rf_info *info, int argc, char **argv)
{
        if (argc < 2)
                return &ways[info->restarts % WAYS];
        for (unsigned i = 0; i < WAYS; i++)
                if (strcmp(argv[1], ways[i].name) == 0)
                        return &ways[i];
        return NULL;
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        const struct way *w = choose(info, argc, argv);

        if (w == NULL) {
                rf_printf("crash: unknown way %s\n", argv[1]);
                return RF_EXIT_USAGE;
        }
        rf_printf("crash: %s\n", w->name);
        w->die();
        rf_printf("crash: SURVIVED %s\n", w->name);
        return 1;
}
