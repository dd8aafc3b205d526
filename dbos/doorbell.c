/* SPDX-License-Identifier: MIT
 *
 * The doorbell half of a store trampoline. The store is done into a stack slot, the address looked up among
 * the vCPU's tail registers (info page), and commit called until that tail is reached. Stack and flags are as
 * they are: the guard's entries ask for no alignment (ringfence.h). Runs on the guest's stack below the red
 * zone: two vCPUs in the same trampoline share nothing.
 */
#include "engine.h"

enum {
        SAVED = 12,           /* registers pushed below the slot */
        DOWN = RED_ZONE + 16, /* scratch and flags */
        QUEUE = sizeof(struct rf_queue),
        RX = offsetof(struct rf_queue, doorbell_rx),
        TX = offsetof(struct rf_queue, doorbell_tx),
};
_Static_assert(QUEUE <= 127 && RX <= 127 && TX <= 127, "fit signed byte displacements");
_Static_assert(offsetof(struct rf_info, nqueues) <= 127, "fits a signed byte displacement");
_Static_assert(offsetof(struct rf_info, queue) <= 127, "fits a signed byte displacement");

static const uint8_t saved[SAVED] = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11, RBX, R12, R13};

static void emit_enter(struct code *o, const struct store_form *f)
{
        emit_open(o, f->scratch, true);
        emit_ea(o, f->scratch, &f->m, DOWN, 0);
        emit_push(o, f->scratch);
        emit_rsp(o, -8);
        emit_slot_access(o, f);
        for (unsigned i = 0; i < SAVED; i++)
                emit_push(o, saved[i]);
        EMIT(o, 0x44, 0x8b, 0x64, 0x24, SAVED * 8);     /* mov r12d, [rsp+value] */
        EMIT(o, 0x4c, 0x8b, 0x6c, 0x24, SAVED * 8 + 8); /* mov r13, [rsp+address] */
}

static void emit_leave(struct code *o, const struct store_form *f)
{
        for (unsigned i = SAVED; i-- > 0;)
                emit_pop(o, saved[i]);
        emit_rsp(o, 16);
        emit_close(o, f->scratch, true);
        emit_jmp(o, f->in.va + f->in.length);
}

/* EBX = ring number of the tail register at R13. Falls through when found; `missing` is the hole of the jump
 * taken when no queue of this vCPU has it. */
static uint32_t emit_find_ring(struct code *o)
{
        uint32_t loop, rx, tx, missing;

        emit_mov_imm64(o, RAX, RF_INFO_VA);
        EMIT(o, 0x31, 0xdb);                                        /* xor ebx, ebx */
        EMIT(o, 0x8b, 0x48, offsetof(struct rf_info, nqueues));     /* mov ecx, [rax+nqueues] */
        EMIT(o, 0x48, 0x8d, 0x40, offsetof(struct rf_info, queue)); /* lea rax, [rax+queue] */
        loop = o->n;
        EMIT(o, 0x83, 0xe9, 0x01);        /* sub ecx, 1 */
        missing = emit_jcc8(o, 0x72);     /* jb */
        EMIT(o, 0x4c, 0x3b, 0x68, RX);    /* cmp r13, [rax+rx] */
        rx = emit_jcc8(o, 0x74);          /* je */
        EMIT(o, 0x83, 0xc3, 0x01);        /* add ebx, 1 */
        EMIT(o, 0x4c, 0x3b, 0x68, TX);    /* cmp r13, [rax+tx] */
        tx = emit_jcc8(o, 0x74);          /* je */
        EMIT(o, 0x83, 0xc3, 0x01);        /* add ebx, 1 */
        EMIT(o, 0x48, 0x83, 0xc0, QUEUE); /* add rax, size */
        emit_jcc8_back(o, 0xeb, loop);
        emit_land(o, rx);
        emit_land(o, tx);
        return missing;
}

/* Ends the guest: EDX = slot, ECX = reason. */
static void emit_reject(struct code *o, const struct store_form *f)
{
        EMIT(o, 0xc1, 0xe1, 0x10);       /* shl ecx, 16 */
        EMIT(o, 0x48, 0xc1, 0xe2, 0x20); /* shl rdx, 32 */
        EMIT(o, 0x48, 0x8d, 0xbc, 0x0a); /* lea rdi, [rdx+rcx+code] */
        emit32(o, DBOS_EXIT_REJECTED);
        EMIT(o, 0xb8, RF_HC_EXIT, 0, 0, 0); /* mov eax, imm32 */
        emit_mov_imm64(o, R11, f->c->hypercall);
        EMIT(o, 0x41, 0xff, 0xd3, 0x0f, 0x0b); /* call r11; ud2 */
}

/* Commit until the tail is reached. R13D = tail reached by the call before. */
void emit_doorbell(struct code *o, const struct store_form *f)
{
        uint32_t missing, again, done, revoked, refused;

        emit_enter(o, f);
        missing = emit_find_ring(o);
        EMIT(o, 0x41, 0x83, 0xcd, 0xff); /* or r13d, -1 */
        again = o->n;
        EMIT(o, 0x89, 0xdf, 0x44, 0x89, 0xe6); /* mov edi, ebx; mov esi, r12d */
        emit_mov_imm64(o, RAX, f->c->commit);
        EMIT(o, 0xff, 0xd0);                    /* call rax */
        EMIT(o, 0x89, 0xc2, 0x48, 0x89, 0xc1);  /* mov edx, eax; mov rcx, rax */
        EMIT(o, 0x48, 0xc1, 0xe9, 0x20);        /* shr rcx, 32 */
        done = emit_jcc8(o, 0x74);              /* je: RF_COMMIT_OK */
        EMIT(o, 0x83, 0xf9, RF_COMMIT_REVOKED); /* cmp ecx, imm8 */
        revoked = emit_jcc8(o, 0x74);           /* je */
        EMIT(o, 0x83, 0xf9, RF_COMMIT_LIMIT);   /* cmp ecx, imm8 */
        refused = emit_jcc8(o, 0x77);           /* ja */
        EMIT(o, 0x41, 0x39, 0xd5);              /* cmp r13d, edx */
        EMIT(o, 0x41, 0x89, 0xd5);              /* mov r13d, edx */
        emit_jcc8_back(o, 0x75, again);         /* jne: it moved on */
        EMIT(o, 0xb8, RF_HC_YIELD, 0, 0, 0);
        emit_mov_imm64(o, R11, f->c->hypercall);
        EMIT(o, 0x41, 0xff, 0xd3); /* call r11 */
        emit_jcc8_back(o, 0xeb, again);
        emit_land(o, missing);
        EMIT(o, 0x31, 0xd2, 0xb9, RF_COMMIT_RING, 0, 0, 0); /* xor edx, edx; mov ecx, imm32 */
        emit_land(o, refused);
        emit_reject(o, f);
        emit_land(o, done);
        emit_land(o, revoked);
        emit_leave(o, f);
}
