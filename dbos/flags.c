/* SPDX-License-Identifier: MIT
 *
 * Are the flags dead? Only a straight way is followed, which control takes for certain: instructions known to
 * leave the status flags unread, direct jumps, until one overwrites all six. Anything else counts as a look
 * at them, so what is not known costs two instructions, never a wrong flag. A guest that rewrites its own
 * code behind such a site has to live with what it finds (README, limits).
 */
#include "engine.h"

enum {
        STEPS = 24,
        STATUS = ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF |
                 ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF
};

/* Written by these whatever the operands; AF of the logical ones is undefined, so nobody's (APM 3). Shifts
 * are not among them: by zero they write nothing. */
static bool overwrites(ZydisMnemonic m)
{
        switch (m) {
        case ZYDIS_MNEMONIC_ADD:
        case ZYDIS_MNEMONIC_SUB:
        case ZYDIS_MNEMONIC_CMP:
        case ZYDIS_MNEMONIC_NEG:
        case ZYDIS_MNEMONIC_AND:
        case ZYDIS_MNEMONIC_OR:
        case ZYDIS_MNEMONIC_XOR:
        case ZYDIS_MNEMONIC_TEST:
        case ZYDIS_MNEMONIC_XADD:
        case ZYDIS_MNEMONIC_CMPXCHG:
                return true;
        default:
                return false;
        }
}

static bool passes(const ZydisDecodedInstruction *z)
{
        switch (z->mnemonic) {
        case ZYDIS_MNEMONIC_LEA:
        case ZYDIS_MNEMONIC_RDTSC:
        case ZYDIS_MNEMONIC_SFENCE:
        case ZYDIS_MNEMONIC_MFENCE:
        case ZYDIS_MNEMONIC_LFENCE:
                return true;
        case ZYDIS_MNEMONIC_PUSHF:
        case ZYDIS_MNEMONIC_PUSHFD:
        case ZYDIS_MNEMONIC_PUSHFQ:
                return false;
        default:
                break;
        }
        switch (z->meta.category) {
        case ZYDIS_CATEGORY_BINARY:
        case ZYDIS_CATEGORY_DATAXFER:
        case ZYDIS_CATEGORY_LOGICAL:
        case ZYDIS_CATEGORY_NOP:
        case ZYDIS_CATEGORY_POP:
        case ZYDIS_CATEGORY_PUSH:
        case ZYDIS_CATEGORY_SHIFT:
        case ZYDIS_CATEGORY_WIDENOP:
                return true;
        default:
                return false;
        }
}

bool flags_dead(const struct dbos_space *s, uint64_t va)
{
        struct insn in;

        for (unsigned i = 0; i < STEPS; i++) {
                if (!insn_read(s, va, UINT64_MAX, false, &in) || !in.z.cpu_flags || insn_branch66(&in.z))
                        return false;
                if (in.z.cpu_flags->tested & STATUS)
                        return false;
                if (overwrites(in.z.mnemonic))
                        return true;
                if (in.z.meta.category == ZYDIS_CATEGORY_UNCOND_BR && insn_target(&in.z, va, &va))
                        continue;
                if (!passes(&in.z))
                        return false;
                va += in.length;
        }
        return false;
}
