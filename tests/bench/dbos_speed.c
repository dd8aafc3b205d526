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
#include "image.h"

enum { RUNS = 5, MEMORY = 64 << 20, IMAGES = 200 };

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
static uint64_t rewrite_many(struct segment *code, const uint8_t *fresh)
{
        struct dbos_summary sum;
        uint64_t total = 0, start;

        for (unsigned i = 0; i < IMAGES; i++) {
                struct dbos_space space = image_space(&image, NULL);

                memcpy(code->data, fresh, code->bytes);
                start = cpu_ns();
                if (image_subtract(&image, &space, &sum) != 0)
                        fail("the image is refused");
                total += cpu_ns() - start;
                arena_reset();
        }
        return total;
}

static void rewrite(struct segment *code)
{
        uint8_t *fresh = malloc(code->bytes);

        if (fresh == NULL || image.ncode != 1)
                fail("no memory, or an image with several executable segments");
        memcpy(fresh, code->data, code->bytes);
        printf("rewrite %lu", (unsigned long)(image.code[0].bytes * IMAGES));
        for (unsigned i = 0; i < RUNS; i++)
                printf(" %lu", (unsigned long)rewrite_many(code, fresh));
        putchar('\n');
        free(fresh);
}

int main(int argc, char **argv)
{
        struct segment *code = NULL;

        if (argc != 2 || !image_open(&image, argv[1]))
                fail("usage: dbos_speed IMAGE.elf");
        for (unsigned i = 0; i < image.elf.nsegments; i++)
                if (image.segment[i].execute)
                        code = &image.segment[i];
        if (code == NULL)
                fail("no segment is executable");
        find(code);
        rewrite(code);
        return 0;
}
