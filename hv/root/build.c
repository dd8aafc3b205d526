/* SPDX-License-Identifier: MIT
 * Builds a guest: image file -> frames -> rewritten code -> accepted code -> queue -> running vCPUs. Whatever
 * fails leaves nothing behind and one sentence in g->why. */
#include "console.h"
#include "guest.h"
#include "log.h"
#include "nic.h"
#include "rf_format.h"
#include "rf_string.h"
#include "stat.h"
#include "sys.h"

/* The engine's recursive descent; one guest is built at a time. */
static uint64_t descent_stack[DBOS_DESCENT_STACK];

void guest_why(struct guest *g, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        rf_vsnprintf(g->why, sizeof(g->why), format, args);
        va_end(args);
}

/* ---- the image ------------------------------------------------------------------------------- */

static int load_image(struct guest *g)
{
        static const char *const status[] = {
            [RF_FILE_LOADED] = "",
            [RF_FILE_MISSING] = "is not on the boot volume",
            [RF_FILE_TOO_LARGE] = "is too large (over 64 MiB, or no memory for it)",
            [RF_FILE_READ_ERROR] = "cannot be read",
        };
        const char *name = g->config->image, *why;
        uint32_t i = 0, nfiles = BOOT->nfiles;

        while (i < nfiles && strncmp(BOOT->file[i].name, name, RF_BOOT_NAME) != 0)
                i++;
        if (i >= nfiles || BOOT->file[i].status != RF_FILE_LOADED) {
                uint32_t s = i < nfiles ? BOOT->file[i].status : RF_FILE_MISSING;

                guest_why(g, "image %s %s", name, s <= RF_FILE_READ_ERROR ? status[s] : "was not loaded");
                return -RF_ENOENT;
        }
        if (elf_parse(&g->image, (const void *)(uintptr_t)(RF_ROOT_FILE + i * RF_ROOT_FILE_STEP),
                      BOOT->file[i].bytes, &why) != 0) {
                guest_why(g, "image %s: %s", name, why);
                return -RF_EFORMAT;
        }
        return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int map_range(struct guest *g, const struct layout_range *r)
{
        int64_t error = sys_guest_map(g->id, r->va, r->pages, r->kind);

        if (error != 0)
                guest_why(g, "no memory for 0x%lx (%lu pages, %s): %s", r->va, r->pages,
                          r->kind == RF_MAP_POOL ? "contiguous" : "any", error_name(error));
        return (int)error;
}

static int map_memory(struct guest *g)
{
        for (unsigned i = 0; i < g->layout.n; i++) {
                int error = map_range(g, &g->layout.range[i]);

                if (error != 0)
                        return error;
        }
        for (unsigned i = 0; i < g->image.nsegments; i++) {
                const struct elf_segment *s = &g->image.segment[i];

                memcpy(guest_pointer(g, s->va), g->image.file + s->offset, s->file_bytes);
        }
        return 0;
}

/* ---- code ------------------------------------------------------------------------------------ */

/* Entries first, then one map a code segment: what layout.c's work_pages() counted. */
static void describe_code(struct guest *g)
{
        uint64_t *entries = guest_pointer(g, LAYOUT_WORK_VA);
        uint8_t *map = (uint8_t *)(entries + elf_entry_bound(&g->image));
        size_t nentries = elf_entries(&g->image, entries);

        g->ncode = 0;
        for (unsigned i = 0; i < g->image.nsegments; i++) {
                const struct elf_segment *s = &g->image.segment[i];

                if ((s->flags & RF_SEG_X) == 0)
                        continue;
                g->code[g->ncode++] = (struct dbos_code){
                    .va = s->va,
                    .bytes = s->bytes,
                    .entries = entries,
                    .nentries = nentries,
                    .map = map,
                    .stack = descent_stack,
                    .stack_len = DBOS_DESCENT_STACK,
                    .hypercall = RF_GUARD_VA + RF_GUARD_HYPERCALL,
                    .commit = RF_GUARD_VA + RF_GUARD_COMMIT,
                };
                map += s->bytes;
                g->trampolines.near = elf_end_page(s);
        }
}

static int rewrite_code(struct guest *g)
{
        struct dbos_space space = guest_space(g);
        int first_error = 0;

        describe_code(g);
        for (unsigned i = 0; i < g->ncode; i++) {
                struct dbos_summary sum = {0};
                int error = dbos_rewrite_code(&space, &g->code[i], &sum);

                g->summary.instructions += sum.instructions;
                g->summary.rewritten += sum.rewritten;
                g->summary.emulated += sum.emulated;
                g->summary.kills += sum.kills;
                g->summary.refused += sum.refused;
                first_error = first_error != 0 ? first_error : error;
        }
        if (first_error == -RF_EREFUSED)
                guest_why(
                    g, "dbos refused %u places in its code (above); `dbos check` shows them on your machine",
                    g->summary.refused);
        else if (first_error != 0)
                guest_why(g, "dbos failed: %s", error_name(first_error));
        return first_error;
}

/* ---- the info page --------------------------------------------------------------------------- */

static void write_info(struct guest *g, uint32_t index)
{
        struct rf_info *info = (struct rf_info *)(uintptr_t)(RF_ROOT_INFO + g->vcpu[index] * RF_PAGE_SIZE);

        memset(info, 0, sizeof(*info));
        info->magic = RF_ABI_MAGIC;
        info->version = RF_ABI_VERSION;
        info->bytes = sizeof(*info);
        info->vcpu = index;
        info->vcpus = g->config->cpus;
        info->tsc_hz = HOST->tsc_hz;
        info->boot_tsc = tsc_now();
        info->hypercall = RF_GUARD_VA + RF_GUARD_HYPERCALL;
        info->commit = RF_GUARD_VA + RF_GUARD_COMMIT;
        info->heap = RF_HEAP_VA;
        info->heap_bytes = g->layout.heap_pages * RF_PAGE_SIZE;
        info->stack_top = RF_STACK_VA + (uint64_t)(index + 1) * RF_STACK_STEP;
        info->restarts = g->restarts;
        rf_strlcpy(info->name, g->config->name, sizeof(info->name));
        rf_strlcpy(info->arguments, g->config->arguments, sizeof(info->arguments));
        if (index == 0 && g->queue >= 0) {
                info->nqueues = 1;
                nic_describe(g, &info->queue[0]);
        }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int create(struct guest *g)
{
        char why[GUEST_WHY];
        int error = layout_make(&g->layout, &g->image, g->config->memory, g->config->cpus, g->queue >= 0, why,
                                sizeof(why));
        int64_t id;

        if (error != 0) {
                guest_why(g, "image %s: %s", g->config->image, why);
                return error;
        }
        id = sys_guest_new(g->config->memory / RF_PAGE_SIZE, g->config->cpus);
        if (id < 0) {
                guest_why(g, "ring 0 has no room for it: %s", error_name(id));
                return (int)id;
        }
        g->id = (int)id;
        g->nvcpus = 0;
        for (uint32_t i = 0; i < g->config->cpus; i++) {
                int64_t vcpu = sys_vcpu_id(g->id, i);

                if (vcpu < 0) {
                        guest_why(g, "its vCPU %u is missing: %s", i, error_name(vcpu));
                        return (int)vcpu;
                }
                g->vcpu[g->nvcpus++] = (uint32_t)vcpu;
        }
        return 0;
}

int guest_build(struct guest *g)
{
        int error;

        g->id = g->queue = -1;
        g->accepted = g->soft = false;
        g->nopen = g->nremoved = g->ndetours = g->trampolines.n = 0;
        memset(g->written, 0, sizeof(g->written));
        g->summary = (struct dbos_summary){0};
        error = load_image(g);
        if (error == 0)
                error = nic_reserve(g);
        if (error == 0)
                error = create(g);
        if (error == 0)
                error = map_memory(g);
        if (error == 0)
                error = rewrite_code(g);
        if (error == 0)
                error = guest_accept_code(g);
        if (error == 0)
                error = nic_attach(g);
        if (error != 0)
                guest_tear_down(g);
        return error;
}

int guest_start(struct guest *g)
{
        console_guest_begin(g);
        for (uint32_t i = 0; i < g->nvcpus; i++) {
                uint64_t top = RF_STACK_VA + (uint64_t)(i + 1) * RF_STACK_STEP;
                int64_t error;

                write_info(g, i);
                /* as after a call: RSP + 8 is a multiple of 16 (ringfence.h) */
                error = sys_vcpu_start(g->vcpu[i], g->image.entry, top - 8);
                if (error == -RF_EBUSY && i > 0)
                        break; /* those that run already have ended the guest: its request says how */
                if (error != 0) {
                        guest_why(g, "vCPU %u does not start: %s", i, error_name(error));
                        guest_tear_down(g);
                        return (int)error;
                }
        }
        g->state = GUEST_RUNNING;
        return 0;
}

/* Steering goes first, so that nothing arrives for a queue that is being drained. */
void guest_tear_down(struct guest *g)
{
        uint64_t give_up = tsc_now() + tsc_of_ms(1000);
        int64_t error;

        nic_detach(g);
        error = g->id < 0 ? 0 : sys_guest_stop(g->id);
        g->past = tally_now(g);
        g->queue = -1;
        g->state = GUEST_DOWN;
        if (g->id < 0)
                return;
        do { /* busy: a CPU is still on its way out of the guest */
                error = error == 0 || error == -RF_EBUSY ? sys_guest_free(g->id) : error;
        } while (error == -RF_EBUSY && tsc_now() < give_up);
        if (error != 0)
                log_line("error: %s: its memory could not be given back: %s", g->config->name,
                         error_name(error));
        g->id = -1;
}
