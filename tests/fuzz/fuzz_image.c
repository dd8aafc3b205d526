/* SPDX-License-Identifier: MIT
 *
 * libFuzzer harness of the command's way with files: guests, libraries, objects. Whatever the file, it is
 * refused or worked on without a wrong access; what is accepted holds no hard opcode in any executable page;
 * and of what is a guest image already, root's reader thinks the same.
 */
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/image.h"
#include "rf/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds)
{
        if (!holds)
                abort();
}

static void finding(void *ctx, const struct dbos_finding *f)
{
        char text[200];

        must(f->advice && dbos_explain(f, text, sizeof text) > 10);
}

static void check_clean(const struct image *im)
{
        for (unsigned i = 0; i < im->elf.nsegments; i++)
                if (im->segment[i].execute)
                        must(dbos_find_hard(im->segment[i].data, im->segment[i].bytes, 0) < 0);
        for (unsigned i = 0; i < arena_pages(); i++)
                must(dbos_find_hard(arena_bytes(arena_page(i)), RF_PAGE_SIZE, 0) < 0);
}

static uint64_t code_bytes(const struct image *im)
{
        uint64_t n = 0;

        for (unsigned i = 0; i < im->ncode; i++)
                n += im->code[i].bytes;
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        struct elf_image root;
        const char *why;
        struct image im;
        char name[60];

        if (image_open_bytes(&im, data, n)) {
                must(im.kind != IMAGE_GUEST || elf_parse(&root, data, n, &why) == 0);
                if (code_bytes(&im) < 1 << 20) { /* larger ones take their time */
                        struct dbos_space space = image_space(&im, finding);
                        struct dbos_summary sum;

                        if (image_subtract(&im, &space, &sum) == 0)
                                check_clean(&im);
                        arena_reset();
                }
                image_function(&im, im.elf.entry, name, sizeof name);
        }
        image_close(&im);
        return 0;
}
