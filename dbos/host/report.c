/* SPDX-License-Identifier: MIT
 *
 * See report.h.
 */
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "disasm.h"
#include "report.h"

enum { TRAMPOLINE_LINES = 40, NEEDS_SHOWN = 6 };

/* What an author makes of it: an error stops the image, a warning kills the guest when it gets there. */
static const char *severity(enum dbos_action a)
{
        switch (a) {
        case DBOS_REFUSED:
                return "error";
        case DBOS_KILLS:
                return "warning";
        default:
                return "note";
        }
}

static const char *done(enum dbos_action a)
{
        switch (a) {
        case DBOS_REFUSED:
                return "refused: the image does not start";
        case DBOS_KILLS:
                return "the guest dies if this is executed";
        case DBOS_EMULATED:
                return "exits and is emulated each time: correct but slow";
        case DBOS_REWRITTEN:
                return "rewritten: does the same without exit";
        case DBOS_KEEP:
                break;
        }
        return "left as it is";
}

static void hex(const struct dbos_finding *f, const char *between, char *out)
{
        unsigned n = f->length && f->length <= INSN_MAX ? f->length : 3;

        for (unsigned i = 0; i < n; i++)
                out += sprintf(out, "%s%02x", i ? between : "", f->bytes[i]);
}

static void words(const struct dbos_finding *f, char *out, size_t n)
{
        struct insn in = {.va = f->va, .have = f->length};

        memcpy(in.bytes, f->bytes, f->length <= INSN_MAX ? f->length : 0);
        insn_full(&in);
        disassemble(&in, out, n);
}

/* JSON strings: quotes, backslashes and control characters are escaped (RFC 8259, 7). */
static void json_text(const char *s, const char *end)
{
        putchar('"');
        for (; *s; s++)
                if (*s == '"' || *s == '\\')
                        printf("\\%c", *s);
                else if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
                        printf("\\u%04x", (unsigned char)*s);
                else
                        putchar(*s);
        printf("\"%s", end);
}

static void json_string(const char *name, const char *s, const char *end)
{
        printf("\"%s\":", name);
        json_text(s, end);
}

void output_begin(struct output *o)
{
        static const char *const kind[] = {"guest", "library", "object"};

        if (!o->json)
                return;
        putchar('{');
        json_string("file", o->im->name, ",");
        json_string("kind", kind[o->im->kind], ",\"findings\":[");
}

static void finding_json(const struct output *o, const struct dbos_finding *f, const char *insn,
                         const char *function)
{
        char bytes[64];

        hex(f, "", bytes);
        printf("%s\n{\"address\":\"%#llx\",\"length\":%u,", o->printed ? "," : "", (unsigned long long)f->va,
               f->length);
        json_string("bytes", bytes, ",");
        json_string("instruction", insn, ",");
        json_string("function", function, ",");
        json_string("severity", severity(f->action), ",");
        json_string("rule", dbos_rule_name(f->rule), ",");
        json_string("action", dbos_action_name(f->action), ",");
        if (f->trampoline)
                printf("\"trampoline\":\"%#llx\",", (unsigned long long)f->trampoline);
        json_string("avoid", f->advice ? f->advice : "", "}");
}

static void finding_text(const struct output *o, const struct dbos_finding *f, const char *insn,
                         const char *function)
{
        char bytes[64];

        hex(f, " ", bytes);
        printf("%s:%#llx: %s: %s [%s]", o->im->name, (unsigned long long)f->va, severity(f->action), insn,
               bytes);
        if (*function)
                printf(" in %s", function);
        printf(" (%s)\n    %s", dbos_rule_name(f->rule), done(f->action));
        if (f->trampoline)
                printf(", at %#llx", (unsigned long long)f->trampoline);
        if (f->advice && *f->advice)
                printf("\n    %s", f->advice);
        putchar('\n');
}

void output_finding(struct output *o, const struct dbos_finding *f)
{
        char insn[160], function[80];

        o->by_action[f->action]++;
        o->by_rule[f->rule]++;
        if (o->quiet && !o->json)
                return;
        words(f, insn, sizeof insn);
        image_function(o->im, f->va, function, sizeof function);
        if (o->json)
                finding_json(o, f, insn, function);
        else
                finding_text(o, f, insn, function);
        o->printed++;
}

static void end_json(const struct output *o, const struct dbos_summary *sum, const char *verdict, int code)
{
        printf("%s],\n\"summary\":{\"instructions\":%u,\"errors\":%u,\"warnings\":%u,\"emulated\":%u,"
               "\"rewritten\":%u,\"trampoline_pages\":%u,\"unresolved\":%u},",
               o->printed ? "\n" : "", sum->instructions, sum->refused, sum->kills, sum->emulated,
               sum->rewritten, arena_pages(), o->im->unresolved);
        printf("\"needs\":[");
        for (unsigned i = 0; i < o->im->nneeds; i++)
                json_text(o->im->needs[i], i + 1 < o->im->nneeds ? "," : "");
        printf("],");
        json_string("verdict", verdict, ",");
        printf("\"exit\":%d}\n", code);
}

static void print_needs(const struct image *im)
{
        unsigned n = im->nneeds < NEEDS_SHOWN ? im->nneeds : NEEDS_SHOWN;

        if (!im->nneeds)
                return;
        printf("  %6u symbols the rest of the guest must define (%u references):", im->nneeds,
               im->unresolved);
        for (unsigned i = 0; i < n; i++)
                printf(" %s", im->needs[i]);
        puts(n < im->nneeds ? " ... (all: --json)" : "");
}

/* The counts by rule, and one line that says what a linter's would. */
void output_end(struct output *o, const struct dbos_summary *sum, const char *verdict, int code)
{
        if (o->json) {
                end_json(o, sum, verdict, code);
                return;
        }
        for (unsigned r = 1; r <= DBOS_RULE_WINDOW; r++)
                if (o->by_rule[r])
                        printf("  %6u %s\n", o->by_rule[r], dbos_rule_name((enum dbos_rule)r));
        print_needs(o->im);
        printf("%s: %u errors, %u warnings; %u rewritten, %u emulated, %u instructions certain, "
               "%u trampoline pages: %s\n",
               o->im->name, sum->refused, sum->kills, sum->rewritten, sum->emulated, sum->instructions,
               arena_pages(), verdict);
}

void output_trampoline(const struct output *o, const struct dbos_space *s, uint64_t va)
{
        struct insn in;
        char text[160];

        for (unsigned i = 0; i < TRAMPOLINE_LINES && insn_read(s, va, UINT64_MAX, false, &in); i++) {
                disassemble(&in, text, sizeof text);
                printf("    %#llx  %s\n", (unsigned long long)va, text);
                va += in.length;
                if (in.z.meta.category == ZYDIS_CATEGORY_UNCOND_BR && in.z.raw.imm[0].is_relative &&
                    image_bytes(o->im, va + (uint64_t)in.z.raw.imm[0].value.s))
                        return;
        }
}
