/* SPDX-License-Identifier: MIT
 *
 * Findings: made here, counted here, and put into words here.
 */
#include "engine.h"
#include "rf_format.h"
#include "rf_string.h"

void finding_of(struct dbos_finding *f, const struct insn *in, enum dbos_rule rule, enum dbos_action action,
                const char *advice)
{
        memset(f, 0, sizeof *f);
        f->va = in->va;
        f->length = in->length;
        memcpy(f->bytes, in->bytes, sizeof f->bytes);
        f->rule = rule;
        f->action = action;
        f->advice = advice;
}

static void count(struct dbos_summary *sum, enum dbos_action a)
{
        switch (a) {
        case DBOS_KEEP:
                break;
        case DBOS_REWRITTEN:
                sum->rewritten++;
                break;
        case DBOS_KILLS:
                sum->kills++;
                break;
        case DBOS_EMULATED:
                sum->emulated++;
                break;
        case DBOS_REFUSED:
                sum->refused++;
                break;
        }
}

void report(const struct job *j, const struct dbos_finding *f)
{
        count(j->sum, f->action);
        if (f->action != DBOS_KEEP && j->s->finding)
                j->s->finding(j->s->ctx, f);
}

const char *dbos_rule_name(enum dbos_rule r)
{
        static const char *const name[] = {
            [DBOS_RULE_NONE] = "none",
            [DBOS_RULE_HARD] = "hard",
            [DBOS_RULE_HARD_BYTES] = "hard-bytes",
            [DBOS_RULE_HARD_DATA] = "hard-data",
            [DBOS_RULE_PRIVILEGED] = "privileged",
            [DBOS_RULE_UNKNOWN] = "unknown",
            [DBOS_RULE_BRANCH66] = "branch66",
            [DBOS_RULE_WINDOW] = "window",
        };

        return (unsigned)r < sizeof name / sizeof name[0] ? name[r] : "?";
}

const char *dbos_action_name(enum dbos_action a)
{
        static const char *const name[] = {
            [DBOS_KEEP] = "kept",         [DBOS_REWRITTEN] = "rewritten", [DBOS_KILLS] = "kills",
            [DBOS_EMULATED] = "emulated", [DBOS_REFUSED] = "refused",
        };

        return (unsigned)a < sizeof name / sizeof name[0] ? name[a] : "?";
}

static const char *mnemonic(const struct dbos_finding *f)
{
        ZydisDecoder d;
        ZydisDecodedInstruction z;
        const char *name;

        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        if (!f->length || f->length > INSN_MAX ||
            ZYAN_FAILED(ZydisDecoderDecodeInstruction(&d, NULL, f->bytes, f->length, &z)))
                return "(bytes)";
        name = ZydisMnemonicGetString(z.mnemonic);
        return name ? name : "(bytes)";
}

size_t dbos_explain(const struct dbos_finding *f, char *out, size_t n)
{
        char hex[3 * sizeof f->bytes + 1] = "", via[32] = "";
        size_t len = f->length && f->length <= INSN_MAX ? f->length : 3;

        for (size_t i = 0; i < len; i++)
                rf_snprintf(hex + 3 * i, 4, "%02x ", f->bytes[i]);
        if (f->trampoline)
                rf_snprintf(via, sizeof via, " at %#llx", (unsigned long long)f->trampoline);
        return rf_snprintf(out, n, "%#llx: %s[%s] %s: %s%s: %s", (unsigned long long)f->va, hex, mnemonic(f),
                           dbos_rule_name(f->rule), dbos_action_name(f->action), via,
                           f->advice ? f->advice : "");
}
