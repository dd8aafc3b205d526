/* SPDX-License-Identifier: MIT
 *
 * dbos: shows a driver's author what the hypervisor will do with an image, before anything is booted.
 * Exit code: 0 the image starts, 2 it is refused, 1 usage or file error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "engine.h"
#include "image.h"

enum { STARTS = 0, ERROR = 1, REFUSED = 2, STACK = 65536 };

static struct image image;
static uint64_t asked; /* `explain` wants only this address; 0: all */
static bool told;

static const uint8_t *bytes_at(uint64_t va)
{
        uint8_t *p = image_bytes(&image, va);

        return p ? p : arena_bytes(va);
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const uint8_t *p = bytes_at(va + i);

                if (!p)
                        return -RF_ENOENT;
                ((uint8_t *)buf)[i] = *p;
        }
        return 0;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint8_t *p = image_bytes(&image, va + i);

                p = p ? p : arena_bytes(va + i);
                if (!p)
                        return -RF_ENOENT;
                *p = ((const uint8_t *)buf)[i];
        }
        return 0;
}

static uint64_t space_trampoline(void *ctx, uint64_t lo, uint64_t hi, size_t n)
{
        return arena_take(lo, hi, n);
}

static uint8_t *back(uint64_t va)
{
        if (va < RF_GUEST_LO || va >= RF_GUEST_HI || image_bytes(&image, va))
                return NULL;
        return memset(malloc(4096), 0xcc, 4096);
}

static void drop(uint64_t va, uint8_t *bytes)
{
        free(bytes);
}

static void print_finding(void *ctx, const struct dbos_finding *f)
{
        char text[400];
        uint64_t offset;
        const char *function = image_function(&image, f->va, &offset);

        if (asked && asked - f->va >= (f->length ? f->length : 3))
                return;
        told = true;
        dbos_explain(f, text, sizeof text);
        printf("%s", text);
        if (function)
                printf(" (in %s+%#lx)", function, (unsigned long)offset);
        putchar('\n');
}

static const struct dbos_space space = {NULL, space_read, space_write, space_trampoline, print_finding};

static int subtract(const struct segment *s, struct dbos_summary *sum)
{
        uint64_t *stack = calloc(STACK, sizeof *stack);
        struct dbos_code c = {.va = s->va,
                              .bytes = s->bytes,
                              .entries = image.entries,
                              .nentries = image.nentries,
                              .map = calloc(1, s->bytes),
                              .stack = stack,
                              .stack_len = stack ? STACK : 0,
                              .hypercall = RF_GUARD_VA + RF_GUARD_HYPERCALL,
                              .commit = RF_GUARD_VA + RF_GUARD_COMMIT};
        int err = c.map ? dbos_rewrite_code(&space, &c, sum) : -RF_ENOMEM;

        free(c.map);
        free(stack);
        return err;
}

static void add(struct dbos_summary *to, const struct dbos_summary *from)
{
        to->instructions += from->instructions;
        to->rewritten += from->rewritten;
        to->emulated += from->emulated;
        to->kills += from->kills;
        to->refused += from->refused;
}

/* Every executable segment; the summary line says what a linter's would. */
static int check(bool quiet)
{
        struct dbos_summary all = {0}, one = {0};
        unsigned executable = 0;

        arena_open(back, drop);
        for (unsigned i = 0; i < image.nsegments; i++) {
                int err;

                if (!image.segment[i].execute)
                        continue;
                executable++;
                err = subtract(&image.segment[i], &one);
                if (err && err != -RF_EREFUSED) {
                        fprintf(stderr, "%s: segment at %#lx cannot be worked on (error %d)\n", image.name,
                                (unsigned long)image.segment[i].va, -err);
                        return ERROR;
                }
                add(&all, &one);
        }
        if (!executable) {
                fprintf(stderr, "%s: no segment is executable\n", image.name);
                return ERROR;
        }
        bool starts = !all.refused && !image.breaches;

        if (!quiet)
                printf(
                    "%s: %u instructions certain, %u rewritten, %u emulated, %u kill, %u refused, %u trampoline pages: %s\n",
                    image.name, all.instructions, all.rewritten, all.emulated, all.kills, all.refused,
                    arena_pages(), starts ? "starts" : "refused");
        return starts ? STARTS : REFUSED;
}

/* An address without a finding: what stands there, by the same decoder and policy. */
static void explain_plain(void)
{
        struct dbos_finding f;
        struct insn in;
        struct policy p = {WAY_KEEP, DBOS_RULE_NONE, DBOS_PRIV_KILL, ""};

        if (!insn_read(&space, asked, UINT64_MAX, true, &in)) {
                printf("%#lx: %s\n", (unsigned long)asked,
                       in.have ? "not an instruction" : "nothing is mapped there");
                return;
        }
        p = policy_of(&in.z);
        finding_of(&f, &in, p.rule, DBOS_KEEP,
                   p.way == WAY_KEEP
                       ? "no rule is against it; it runs as it is"
                       : "not reached from any symbol, so left alone; its boundaries are not certain");
        f.rule = p.way == WAY_KEEP ? DBOS_RULE_NONE : p.rule;
        print_finding(NULL, &f);
}

static int explain(const char *address)
{
        char *end = NULL;
        int result;

        if (address) {
                asked = strtoull(address, &end, 16);
                if (*end || !asked) {
                        fprintf(stderr, "dbos: '%s' is not an address: expected hexadecimal, as 400001000\n",
                                address);
                        return ERROR;
                }
        }
        result = check(address != NULL);
        if (address && !told)
                explain_plain();
        return result;
}

static int usage(void)
{
        fputs(
            "usage: dbos check FILE.elf              what a guest image will meet\n"
            "       dbos rewrite IN.elf OUT.elf      write the image as it will run\n"
            "       dbos explain FILE.elf [ADDRESS]  findings, or what happens at one address (hexadecimal)\n"
            "exit code: 0 the image starts, 2 it is refused, 1 usage or file error\n",
            stderr);
        return ERROR;
}

int main(int argc, char **argv)
{
        int result;

        if (argc < 3 || argc > 4)
                return usage();
        if (strcmp(argv[1], "check") && strcmp(argv[1], "rewrite") && strcmp(argv[1], "explain"))
                return usage();
        if ((argv[1][0] == 'c') != (argc == 3) && argv[1][0] != 'e')
                return usage();
        if (!image_open(&image, argv[2]))
                return ERROR;
        if (argv[1][0] == 'e')
                return explain(argc == 4 ? argv[3] : NULL);
        result = check(false);
        if (argv[1][0] == 'r' && result == STARTS && !image_write(&image, argv[3]))
                return ERROR;
        return result;
}
