/* SPDX-License-Identifier: MIT
 * jit: writes code into pages and runs it, again and again, from all its vCPUs: each in a page of its
 * own, and two in a page that they share, where one writes and both run. Argument: rounds=N. */
#include "../../guestdrv/net/args.h"
#include "ringfence_sdk.h"

enum { PAGE = 4096, DEFAULT_ROUNDS = 50 };

static struct {
        uint64_t rounds;
        volatile uint64_t ready;             /* the main vCPU has set all this up */
        volatile uint64_t written, executed; /* shared page: rounds done by its writer, by its other reader */
        volatile uint64_t done, failed;
} jit;

/* Code made at run time goes into an executable segment, in pages of its own: one a vCPU, and a shared one.
 */
enum { SHARED = RF_SDK_VCPUS, PAGES };
extern uint8_t jit_pages[PAGES][PAGE];
__asm__(".section .text.jit, \"ax\", @progbits\n\t"
        ".balign 4096\n"
        "jit_pages:\n\t"
        ".fill 9 * 4096, 1, 0xcc\n\t"
        ".previous");
_Static_assert(PAGES == 9, "the .fill above");

/* mov eax, value; ret */
static void write_code(volatile uint8_t *p, uint32_t value)
{
        p[0] = 0xb8;
        for (unsigned i = 0; i < 4; i++)
                p[1 + i] = (uint8_t)(value >> 8 * i);
        p[5] = 0xc3;
}

static uint32_t run(const uint8_t *p)
{
        uint32_t (*f)(void) = (uint32_t(*)(void))(uintptr_t)p;

        return f();
}

static void check(const char *page, uint64_t round, uint32_t got, uint32_t wanted)
{
        if (got == wanted)
                return;
        __atomic_add_fetch(&jit.failed, 1, __ATOMIC_SEQ_CST);
        rf_printf("jit: FAILED: %s page, round %lu: code returned %x, not %x\n", page, round, got, wanted);
}

static uint32_t value_of(uint64_t round, uint32_t vcpu)
{
        return (uint32_t)(round * 0x9e3779b9u + vcpu);
}

/* At different places, so that a stale copy of the page would show. */
static void own_page(const struct rf_info *info, uint64_t round)
{
        uint8_t *p = jit_pages[info->vcpu] + round % 64 * 16;

        write_code(p, value_of(round, info->vcpu));
        check("own", round, run(p), value_of(round, info->vcpu));
}

static void shared_page(const struct rf_info *info, uint64_t round)
{
        uint32_t value = value_of(round, 77);

        if (info->vcpus < 2 || info->vcpu > 1)
                return;
        if (round % 2 == info->vcpu) {
                while (jit.executed != round)
                        rf_relax();
                write_code(jit_pages[SHARED], value);
                check("shared", round, run(jit_pages[SHARED]), value);
                __atomic_store_n(&jit.written, round + 1, __ATOMIC_RELEASE);
        } else {
                while (__atomic_load_n(&jit.written, __ATOMIC_ACQUIRE) != round + 1)
                        rf_relax();
                check("shared", round, run(jit_pages[SHARED]), value);
                __atomic_store_n(&jit.executed, round + 1, __ATOMIC_RELEASE);
        }
}

static void work(const struct rf_info *info)
{
        for (uint64_t round = 0; round < jit.rounds; round++) {
                own_page(info, round);
                shared_page(info, round);
        }
        rf_printf("jit: vcpu %u: %lu rounds done\n", info->vcpu, jit.rounds);
        __atomic_add_fetch(&jit.done, 1, __ATOMIC_SEQ_CST);
}

void rf_secondary(const struct rf_info *info)
{
        while (__atomic_load_n(&jit.ready, __ATOMIC_ACQUIRE) == 0)
                rf_relax();
        work(info);
}

static int set_rounds(void *ctx, const char *v)
{
        return args_number(v, 1, 1000000, &jit.rounds);
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const struct args_option options[] = {{"rounds", "N", false, false, set_rounds, NULL}};
        char text[RF_LINE_BYTES];

        jit.rounds = DEFAULT_ROUNDS;
        if (args_parse(options, 1, argc, argv, text, sizeof(text)) != 0) {
                rf_printf("%s\n", text);
                return RF_EXIT_USAGE;
        }
        __atomic_store_n(&jit.ready, 1, __ATOMIC_RELEASE);
        work(info);
        while (jit.done < info->vcpus)
                rf_relax();
        rf_printf("jit: %s\n", jit.failed == 0 ? "ok" : "FAILED");
        return jit.failed == 0 ? 0 : 1;
}
