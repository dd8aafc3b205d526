/* SPDX-License-Identifier: MIT
 *
 * How fast the engine is on this machine: its search for the hard opcode over memory, and the rewriting of a
 * guest image. CPU time of this process, five runs each. Prints "find BYTES NS..." and "rewrite BYTES NS...".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "dbos.h"
#include "image.h"
#include "rf/boot.h"
#include "rf/error.h"
#include "rf/layout.h"

enum { RUNS = 5, MEMORY = 64 << 20, IMAGES = 200, STACK = 65536 };

static struct image image;

static uint64_t cpu_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
        fprintf(stderr, "dbos_speed: %s\n", what);
        exit(1);
}

static uint8_t *byte_at(uint64_t va)
{
        uint8_t *p = image_bytes(&image, va);

        return p != NULL ? p : arena_bytes(va);
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const uint8_t *p = byte_at(va + i);

                if (p == NULL)
                        return -RF_ENOENT;
                ((uint8_t *)buf)[i] = *p;
        }
        return 0;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint8_t *p = byte_at(va + i);

                if (p == NULL)
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
        return image_bytes(&image, va) != NULL ? NULL : calloc(1, RF_PAGE_SIZE);
}

static void drop(uint64_t va, uint8_t *bytes)
{
        free(bytes);
}

/* Memory full of the image's own code: the usual case, without a hit. */
static void find(const struct segment *code)
{
        uint8_t *memory = malloc(MEMORY);

        if (memory == NULL)
                fail("no memory");
        for (size_t at = 0, n; at < MEMORY; at += n) {
                n = MEMORY - at < code->bytes ? MEMORY - at : code->bytes;
                memcpy(memory + at, code->data, n);
        }
        printf("find %d", MEMORY);
        for (unsigned i = 0; i < RUNS; i++) {
                uint64_t start = cpu_ns();

                if (dbos_find_hard(memory, MEMORY, 0) >= 0)
                        fail("the image holds a hard opcode: choose another one");
                printf(" %lu", (unsigned long)(cpu_ns() - start));
        }
        putchar('\n');
        free(memory);
}

/* The image many times, each time on fresh bytes: only the engine's own time counts. */
static uint64_t rewrite_many(struct segment *code, const uint8_t *fresh, struct dbos_code *c)
{
        static const struct dbos_space space = {NULL, space_read, space_write, space_trampoline, NULL};
        struct dbos_summary sum;
        uint64_t total = 0, start;

        for (unsigned i = 0; i < IMAGES; i++) {
                memcpy(code->data, fresh, code->bytes);
                memset(c->map, 0, code->bytes);
                arena_reset();
                start = cpu_ns();
                if (dbos_rewrite_code(&space, c, &sum) != 0)
                        fail("the image is refused");
                total += cpu_ns() - start;
        }
        return total;
}

static void rewrite(struct segment *code)
{
        uint8_t *fresh = malloc(code->bytes);
        struct dbos_code c = {.va = code->va,
                              .bytes = code->bytes,
                              .entries = image.entries,
                              .nentries = image.nentries,
                              .map = malloc(code->bytes),
                              .stack = malloc(STACK * sizeof(uint64_t)),
                              .stack_len = STACK,
                              .hypercall = RF_GUARD_VA + RF_GUARD_HYPERCALL,
                              .commit = RF_GUARD_VA + RF_GUARD_COMMIT};

        if (fresh == NULL || c.map == NULL || c.stack == NULL)
                fail("no memory");
        memcpy(fresh, code->data, code->bytes);
        arena_open(back, drop);
        printf("rewrite %lu", (unsigned long)(code->bytes * IMAGES));
        for (unsigned i = 0; i < RUNS; i++)
                printf(" %lu", (unsigned long)rewrite_many(code, fresh, &c));
        putchar('\n');
        free(fresh);
        free(c.map);
        free(c.stack);
}

int main(int argc, char **argv)
{
        struct segment *code = NULL;

        if (argc != 2 || !image_open(&image, argv[1]))
                fail("usage: dbos_speed IMAGE.elf");
        for (unsigned i = 0; i < image.nsegments; i++)
                if (image.segment[i].execute)
                        code = &image.segment[i];
        if (code == NULL)
                fail("no segment is executable");
        find(code);
        rewrite(code);
        return 0;
}
