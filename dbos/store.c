/* SPDX-License-Identifier: MIT
 *
 * Rule 3: the trampoline of a store that reached the window. It tests the address each time:
 * ring -> the same instruction on the same place of staging; doorbell -> commit; else the instruction itself.
 * A site that hit a tail register first tests for that one first (tail.c).
 */
#include "engine.h"
#include "rf_string.h"

enum { RING_SHIFT = 19, DOORBELL_SHIFT = 16 };

_Static_assert(RF_MAX_QUEUES *RF_RING_STEP == 1 << RING_SHIFT, "one shift tests for the ring window");
_Static_assert(RF_RING_VA % (1 << RING_SHIFT) == 0 && RF_RING_VA >> RING_SHIFT <= INT32_MAX,
               "compares as imm32");
_Static_assert(RF_DOORBELL_VA % (1 << DOORBELL_SHIFT) == 0, "one shift tests for the doorbell window");
_Static_assert(RF_STAGING_DELTA <= INT32_MAX, "added by LEA");

/* Below the red zone: the scratch register, and the flags where somebody may look at them. */
void emit_open(struct code *o, uint8_t scratch, bool flags)
{
        emit_rsp(o, -RED_ZONE);
        emit_push(o, scratch);
        if (flags)
                EMIT(o, 0x9c); /* pushfq */
}

void emit_close(struct code *o, uint8_t scratch, bool flags)
{
        if (flags)
                EMIT(o, 0x9d); /* popfq */
        emit_pop(o, scratch);
        emit_rsp(o, RED_ZONE);
}

static void emit_address(struct code *o, const struct store_form *f)
{
        if (f->string)
                emit_lea(o, f->scratch, RDI, 0);
        else
                emit_ea(o, f->scratch, &f->m, RED_ZONE + (f->flags ? 16 : 8), 0);
}

/* shr scratch, shift; cmp scratch, window >> shift; jne: returns its hole. */
static uint32_t emit_test(struct code *o, const struct store_form *f, uint64_t window, uint8_t shift)
{
        uint8_t rex = f->scratch >= R8 ? 0x49 : 0x48, reg = f->scratch & 7;

        emit_address(o, f);
        EMIT(o, rex, 0xc1, (uint8_t)(0xe8 | reg), shift);
        EMIT(o, rex, 0x81, (uint8_t)(0xf8 | reg));
        emit32(o, (uint32_t)(window >> shift));
        return emit_jcc8(o, 0x75);
}

static void emit_moffs(struct code *o, const struct store_form *f)
{
        const struct insn *in = &f->in;

        for (unsigned i = 0; i < in->z.raw.prefix_count; i++)
                if (in->bytes[i] == 0x66 || (in->bytes[i] & 0xf8) == 0x48)
                        EMIT(o, in->bytes[i]);
        EMIT(o, (uint8_t)(in->z.opcode == 0xa2 ? 0x88 : 0x89), f->scratch); /* mov [scratch], accumulator */
}

/* The access itself, through [scratch]. MOV moffs (A2, A3) has no ModRM to put it in. */
static void emit_access(struct code *o, const struct store_form *f)
{
        if (f->in.z.attributes & ZYDIS_ATTRIB_HAS_MODRM)
                emit_with_base(o, &f->in, f->scratch, 0);
        else
                emit_moffs(o, f);
}

void emit_slot_access(struct code *o, const struct store_form *f)
{
        emit_lea(o, f->scratch, RSP, 0);
        emit_access(o, f);
}

/* Its displacement takes the distance to staging, if that fits. */
bool store_direct(const struct store_form *f)
{
        return f->in.z.attributes & ZYDIS_ATTRIB_HAS_MODRM && !f->m.absolute && !f->m.addr32 &&
               fits32(f->m.disp + RF_STAGING_DELTA) && f->in.length + 4u <= INSN_MAX;
}

static void emit_ring(struct code *o, const struct store_form *f)
{
        if (f->string) {
                emit_close(o, f->scratch, f->flags);
                emit_lea(o, RDI, RDI, RF_STAGING_DELTA);
                emit_relocated(o, &f->in);
                emit_lea(o, RDI, RDI, -RF_STAGING_DELTA);
        } else if (store_direct(f)) {
                emit_close(o, f->scratch, f->flags);
                emit_with_delta(o, &f->in, &f->m, RF_STAGING_DELTA);
        } else {
                emit_address(o, f);
                emit_lea(o, f->scratch, f->scratch, RF_STAGING_DELTA);
                if (f->flags)
                        EMIT(o, 0x9d); /* popfq: the access may read or set flags */
                emit_access(o, f);
                emit_pop(o, f->scratch);
                emit_rsp(o, RED_ZONE);
        }
        emit_jmp(o, f->in.va + f->in.length);
}

void emit_store(struct code *o, const void *arg)
{
        const struct store_form *f = arg;
        uint32_t other, far = 4, distance;

        if (f->ring >= 0)
                emit_tail(o, f);
        emit_open(o, f->scratch, f->flags);
        other = emit_test(o, f, RF_RING_VA, RING_SHIFT);
        emit_ring(o, f);
        emit_land(o, other);
        if (f->doorbell) {
                other = emit_test(o, f, RF_DOORBELL_VA, DOORBELL_SHIFT);
                emit_close(o, f->scratch, f->flags);
                EMIT(o, 0xe9, 0, 0, 0, 0);
                far = o->n;
                emit_land(o, other);
        }
        emit_close(o, f->scratch, f->flags);
        emit_relocated(o, &f->in);
        emit_jmp(o, f->in.va + f->in.length);
        if (!f->doorbell || o->bad)
                return;
        distance = o->n - far;
        memcpy(o->b + far - 4, &distance, 4);
        emit_doorbell(o, f);
}
