/* SPDX-License-Identifier: MIT
 *
 * The guard: the only code of a ring space that can open the window. Two images of one page, for CPUs with and
 * without protection keys; guard_build() copies one and stamps the vendor's hypercall opcode at offset 0.
 *
 * Why a jump to any byte, with any registers, makes no unvalidated store to ring, state or doorbell (P5):
 *
 * 1. WRPKRU stands at two places and, scanned at build and at boot, at no other byte offset. Whatever a jump into the
 *    middle of an instruction decodes to, it cannot open the window except through one of these two.
 * 2. Behind each stands a comparison of EAX, which still holds what was written. After the first, everything but
 *    RF_PKRU_OPEN ends in UD2 (ring 0 kills the guest); after the second, everything but RF_PKRU_CLOSED goes back and
 *    closes. Neither comparison nor branch touches memory.
 * 3. So the window is open only on the straight way from guard_open to guard_close. Nothing on it uses a register that
 *    was set before it: addresses, limits, indices and what a descriptor must look like (struct guard_form) come from the
 *    state page at a constant address, the caller's ring number and tail are compared after the open. Whoever jumps to guard_open has merely called commit.
 * 4. On that way there is no stack access, no indirect jump, no FS or GS. The memory touched is the state page, and through
 *    pointers read from it staging (two loads, each once, into registers), ring and doorbell. A second vCPU that
 *    rewrites staging meanwhile cannot change what was validated.
 * 5. Entered anywhere else, the stores below meet a closed window: they fault, ring 0 kills the guest.
 * 6. A 32-bit code segment would decode this page differently; it cannot reach it, as it lies above 4 GiB.
 * 7. Faults and interrupts on the way exit to ring 0: it never lets guest code run until guard_close (P8).
 *
 * The window is closed on any return. `ret`, the call at `yield` and the guest's stack come only after that.
 */
#include "guard_numbers.h"
#include "guard_state.h"
#include "rf/layout.h"
#include "rf/rings.h"

#ifndef RF_TEST_CONTROLS
#define RF_TEST_CONTROLS 0
#endif

/* What a positive control removes lies between guard_x_NAME and guard_x_NAME_end (guard_build.c). */
#define CONTROL(name) .globl guard_x_##name; guard_x_##name:
#define CONTROL_END(name) .globl guard_x_##name##_end; guard_x_##name##_end:

        .section .guard, "a", @progbits
        .balign 4096
        .globl guard_page
guard_page:
        ud2                     /* VMMCALL or VMCALL, 3 bytes: the one place of the opcode */
        nop
        ret
        .org guard_page + RF_GUARD_COMMIT, 0xcc

/* EDI = ring number, ESI = tail. Results until the close: R10D reason, ESI tail reached. */
        xor %ecx, %ecx
        xor %edx, %edx
        mov $RF_PKRU_OPEN, %eax
        .globl guard_open
guard_open:
        wrpkru
        cmp $RF_PKRU_OPEN, %eax
        jne not_open
        cmp $GUARD_RINGS, %edi
        jae no_ring
        movabs $RF_STATE_VA, %r8
        shl $GR_SHIFT, %edi     /* clears the upper half, too */
        lea GS_RINGS(%r8,%rdi), %r8     /* R8: struct guard_ring */
        cmpl $GR_MODE_ON, GR_MODE(%r8)
        jne not_on
        mov GR_CLEAN(%r8), %r9d /* R9: clean */
        cmp GR_MASK(%r8), %esi
        ja bad_tail

/* Take back what the NIC has written: R10 = reaped, up to clean. */
        mov GR_REAPED(%r8), %r10d
        mov GR_DD(%r8), %edi
        add GR_RING(%r8), %rdi  /* RDI + 16 * slot: the byte with DD */
        mov $RF_REAP_MAX, %ecx
        .globl guard_reap       /* the two loops: tests/proof */
guard_reap:
        cmp %r9d, %r10d
        je reaped
        mov %r10d, %eax
        and GR_MASK(%r8), %eax
        shl $4, %eax
        testb $1, (%rdi,%rax)
        jz reaped
        inc %r10d
        dec %ecx
        jnz guard_reap
reaped:
        mov %r10d, GR_REAPED(%r8)

/* ECX = slots to hand over: to the tail, at most RF_COMMIT_MAX, at most clean == reaped + entries - 1. */
        mov GR_MASK(%r8), %edi
        mov %esi, %ecx
        sub %r9d, %ecx
        and %edi, %ecx
        add %r10d, %edi
        sub %r9d, %edi          /* EDI = free slots */
        xor %r10d, %r10d
        cmp $RF_COMMIT_MAX, %ecx
        ja over_limit
limited:
        cmp %edi, %ecx
CONTROL(full)
        ja full
CONTROL_END(full)
counted:
        test %ecx, %ecx
        jz publish

        .globl guard_slot
guard_slot:
        mov %r9d, %edi
        and GR_MASK(%r8), %edi
        shl $4, %edi            /* RDI: where the slot is, in staging and ring */
        mov GR_STAGING(%r8), %rsi
        mov (%rsi,%rdi), %rax   /* the only two loads of what the guest can change */
        mov 8(%rsi,%rdi), %rdx
        cmp GR_LIMIT(%r8), %rax
CONTROL(address)
        ja bad_address
CONTROL_END(address)
        add GR_BUS(%r8), %rax
        or GR_SET(%r8), %rdx    /* RS: DD comes back for every slot sent */
        movzwl %dx, %esi        /* length */
        mov GR_FACTOR(%r8), %r11
        imul %rsi, %r11
        add GR_FIXED(%r8), %r11
        cmp %r11, %rdx
CONTROL(flags)
        jne bad_flags
CONTROL_END(flags)
        sub GR_LENGTH_MIN(%r8), %esi
        cmp GR_LENGTH_SPAN(%r8), %esi
CONTROL(length)
        ja bad_length
CONTROL_END(length)
        add GR_RING(%r8), %rdi
#if RF_TEST_CONTROLS            /* NO_REAP: a slot the NIC has written back stays as it is */
CONTROL(rewrite)
        jmp rewrite
CONTROL_END(rewrite)
        mov GR_DD(%r8), %esi
        testb $1, (%rdi,%rsi)
        jnz stored
rewrite:
#endif
        mov %rax, (%rdi)
        mov %rdx, 8(%rdi)
#if RF_TEST_CONTROLS
stored:
#endif
        inc %r9d
        dec %ecx
        jnz guard_slot

/* Index before doorbell: stopped in between, the guard knows more slots as the NIC's than the NIC does. */
publish:
        cmp %r9d, GR_CLEAN(%r8)
        je unchanged
        mov %r9d, %eax
        xchg %eax, GR_CLEAN(%r8)        /* a full fence: soft.c */
        mov %r9d, %eax
        and GR_MASK(%r8), %eax
        mov GR_DOORBELL(%r8), %rdx
        mov %eax, (%rdx)
unchanged:
        mov %r9d, %esi
        and GR_MASK(%r8), %esi
        mov GR_NOTIFY(%r8), %r9d        /* R9: a reason to yield */

close:
        xor %ecx, %ecx
        xor %edx, %edx
        mov $RF_PKRU_CLOSED, %eax
        .globl guard_close
guard_close:
        wrpkru
        cmp $RF_PKRU_CLOSED, %eax
CONTROL(close)
        jne close
CONTROL_END(close)

        mov %r10d, %eax
        shl $32, %rax
        or %rsi, %rax
        movabs $RF_STATE_VA, %r8
        or GS_PENDING(%r8), %r9d
        jne yield
        ret
yield:
        mov %rax, %r8           /* hypercalls keep it */
        mov $GN_HC_YIELD, %eax
        call guard_page + RF_GUARD_HYPERCALL
        mov %r8, %rax
        ret

not_on:
        cmpl $GR_MODE_REVOKED, GR_MODE(%r8)     /* read again: whatever it says now, nothing happens */
        jne no_ring
/* Ring 0 resumes here, PKRU closed, when it took the window away under an open guard (P8). */
        .globl guard_revoked
guard_revoked:
        mov $GN_REVOKED, %r10d
        jmp nothing
no_ring:
        mov $GN_RING, %r10d
nothing:
        xor %esi, %esi
        xor %r9d, %r9d
        jmp close
bad_tail:
        mov $GN_TAIL, %r10d
        jmp unchanged
over_limit:
        mov $RF_COMMIT_MAX, %ecx
        mov $GN_LIMIT, %r10d
        jmp limited
full:
        mov %edi, %ecx
        mov $GN_FULL, %r10d
        jmp counted

/* The slots before it are handed over all the same. */
bad_address:
        mov $GN_ADDRESS, %r10d
        jmp rejected
bad_flags:
        mov GR_REASON(%r8), %r10d
        jmp rejected
bad_length:
        mov $GN_LENGTH, %r10d
rejected:
        incl GR_REJECTED(%r8)
        jmp publish

not_open:
        ud2                     /* PKRU may hold anything: never back to the guest */
        .org guard_page + 4096, 0xcc
        .globl guard_page_end
guard_page_end:

/* Without keys: the same entry points, one exit a call. */
        .globl guard_nokeys_page
guard_nokeys_page:
        ud2
        nop
        ret
        .org guard_nokeys_page + RF_GUARD_COMMIT, 0xcc
        mov $GN_HC_COMMIT, %eax /* RDI and RSI are the hypercall's arguments already */
        jmp guard_nokeys_page + RF_GUARD_HYPERCALL
        .org guard_nokeys_page + 4096, 0xcc
        .section .note.GNU-stack, "", @progbits
