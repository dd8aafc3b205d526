/* SPDX-License-Identifier: MIT
 * badstore: one store to the window, of the form and to the place its arguments name: form=NAME where=PLACE;
 * without form=, the next form at each restart. Prints what became of the target, and whether the guest lived
 * to see it: badstore: FORM at PLACE badstore: survived FORM at PLACE: unchanged|CHANGED|unreadable Exit code
 * 0: survived, target unchanged (the store went to staging, or nowhere); 4: CHANGED. */
#include "../../guestdrv/net/args.h"
#include "badstore_forms.h"
#include "rf_string.h"
#include "ringfence_sdk.h"

enum { EXIT_CHANGED = 4, TARGET_BYTES = 64 };

static struct {
        const struct badstore_form *form;
        const char *where;
} chosen = {NULL, "ring-rx"};

static int set_form(void *ctx, const char *v)
{
        for (unsigned i = 0; i < badstore_form_count; i++) {
                if (strcmp(v, badstore_forms[i].name) != 0)
                        continue;
                chosen.form = &badstore_forms[i];
                return 0;
        }
        return -RF_EINVAL;
}

static int set_where(void *ctx, const char *v)
{
        chosen.where = v;
        return 0;
}

/* Slot 8 of a ring, so that forms that store below their address stay inside. */
static uint64_t place(const struct rf_info *info, bool *readable)
{
        const struct rf_queue *q = &info->queue[0];
        const struct {
                const char *name;
                uint64_t va;
                bool readable;
        } places[] = {
            {"ring-rx", q->ring_rx + 128, true},    {"ring-tx", q->ring_tx + 128, true},
            {"doorbell-rx", q->doorbell_rx, false}, {"doorbell-tx", q->doorbell_tx, false},
            {"state", RF_STATE_VA + 128, true},     {"info", RF_INFO_VA + 128, true},
            {"guard", RF_GUARD_VA + 128, true},     {"own-code", (uint64_t)(uintptr_t)place & ~63ull, true},
        };

        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                *readable = places[i].readable;
                if (strcmp(chosen.where, places[i].name) == 0)
                        return places[i].va;
        }
        return 0;
}

static int try(uint64_t va, bool readable)
{
        uint8_t before[TARGET_BYTES] = {0};
        bool changed;

        rf_printf("badstore: %s at %s\n", chosen.form->name, chosen.where);
        if (readable)
                memcpy(before, (const void *)(uintptr_t)va, sizeof(before));
        chosen.form->store((void *)(uintptr_t)va);
        changed = readable && memcmp(before, (const void *)(uintptr_t)va, sizeof(before)) != 0;
        rf_printf("badstore: survived %s at %s: %s\n", chosen.form->name, chosen.where,
                  !readable ? "unreadable"
                  : changed ? "CHANGED"
                            : "unchanged");
        return changed ? EXIT_CHANGED : 0;
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const struct args_option options[] = {
            {"form", "NAME of a form in badstore_forms.c", false, false, set_form, NULL},
            {"where", "ring-rx|ring-tx|doorbell-rx|doorbell-tx|state|info|guard|own-code", false, false,
             set_where, NULL},
        };
        char text[RF_LINE_BYTES];
        bool readable;
        uint64_t va;

        if (args_parse(options, 2, argc, argv, text, sizeof(text)) != 0) {
                rf_printf("%s\n", text);
                return RF_EXIT_USAGE;
        }
        if (chosen.form == NULL)
                chosen.form = &badstore_forms[info->restarts % badstore_form_count];
        va = place(info, &readable);
        if (va == 0) {
                rf_printf("badstore: no place %s\n", chosen.where);
                return RF_EXIT_USAGE;
        }
        return try(va, readable);
}
