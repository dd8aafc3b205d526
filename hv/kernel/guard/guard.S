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
 *    was set before it: addresses, limits and indices come from the state page at a constant address, the caller's ring
 *    number and tail are compared after the open. Whoever jumps to guard_open has merely called commit.
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
#include "rf/igb_desc.h"
#include "rf/layout.h"

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
        mov GR_MODE(%r8), %r11d /* R11: mode, read once: ring 0 may revoke meanwhile */
        cmp $GR_MODE_REVOKED, %r11d
        je guard_revoked
        lea -GR_MODE_RX(%r11), %eax
        cmp $(GR_MODE_TX - GR_MODE_RX), %eax
        ja no_ring
        mov GR_CLEAN(%r8), %r9d /* R9: clean */
        cmp GR_MASK(%r8), %esi
        ja bad_tail

/* Take back what the NIC has written: R10 = reaped, up to clean. */
        mov GR_REAPED(%r8), %r10d
        lea (IGB_RX_DD_OFF - 4 * GR_MODE_RX)(,%r11,4), %edi     /* DD at 8 (receive) or 12 (transmit) */
        mov $RF_REAP_MAX, %ecx
reap:
        cmp %r9d, %r10d
        je reaped
        mov %r10d, %eax
        and GR_MASK(%r8), %eax
        shl $4, %eax
        add GR_RING(%r8), %rax
        testb $IGB_RX_DD, (%rax,%rdi)
        jz reaped
        inc %r10d
        dec %ecx
        jnz reap
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

slot:
        mov %r9d, %edi
        and GR_MASK(%r8), %edi
        shl $4, %edi
        mov GR_STAGING(%r8), %rsi
        mov (%rsi,%rdi), %rax   /* the only two loads of what the guest can change */
        mov 8(%rsi,%rdi), %rdx
        cmp GR_LIMIT(%r8), %rax
CONTROL(address)
        ja bad_address
CONTROL_END(address)
        add GR_BUS(%r8), %rax
        cmp $GR_MODE_TX, %r11d
        je transmit
        test %rdx, %rdx
        jnz bad_header
store:
        mov %r9d, %edi
        and GR_MASK(%r8), %edi
        shl $4, %edi
        add GR_RING(%r8), %rdi
#if RF_TEST_CONTROLS            /* NO_REAP: a slot the NIC has written back stays as it is */
CONTROL(rewrite)
        jmp rewrite
CONTROL_END(rewrite)
        testb $IGB_RX_DD, (IGB_RX_DD_OFF - 4 * GR_MODE_RX)(%rdi,%r11,4)
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
        jnz slot

/* Index before doorbell: stopped in between, the guard knows more slots as the NIC's than the NIC does. */
publish:
        cmp %r9d, GR_CLEAN(%r8)
        je unchanged
        mov %r9d, GR_CLEAN(%r8)
        mov %r9d, %eax
        and GR_MASK(%r8), %eax
        mov GR_DOORBELL(%r8), %rdx
        mov %eax, (%rdx)
unchanged:
        mov %r9d, %esi
        and GR_MASK(%r8), %esi

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
        cmpl $0, GS_PENDING(%r8)
        jne yield
        ret
yield:
        mov %rax, %r8           /* hypercalls keep it */
        mov $GN_HC_YIELD, %eax
        call guard_page + RF_GUARD_HYPERCALL
        mov %r8, %rax
        ret

/* Ring 0 resumes here, PKRU closed, when it took the window away under an open guard (P8). */
        .globl guard_revoked
guard_revoked:
        mov $GN_REVOKED, %r10d
        jmp nothing
no_ring:
        mov $GN_RING, %r10d
nothing:
        xor %esi, %esi
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

/* RDX = cmd_type_len | olinfo_status << 32 */
transmit:
        movabs $IGB_TX_FIXED_MASK, %rsi
        and %rdx, %rsi
        cmp $IGB_TX_FIXED, %rsi
CONTROL(flags)
        jne bad_flags
CONTROL_END(flags)
        movzwl %dx, %esi        /* DTALEN */
        lea -IGB_TX_LEN_MIN(%rsi), %edi
        cmp $(IGB_TX_LEN_MAX - IGB_TX_LEN_MIN), %edi
CONTROL(length)
        ja bad_length
CONTROL_END(length)
        mov %rdx, %rdi
        shr $IGB_TX_PAYLEN_SHIFT, %rdi
        cmp %esi, %edi
CONTROL(paylen)
        jne bad_paylen
CONTROL_END(paylen)
        or $IGB_TX_RS, %rdx     /* so that DD comes back for every slot */
        jmp store

/* The slots before it are handed over all the same. */
bad_address:
        mov $GN_ADDRESS, %r10d
        jmp rejected
bad_header:
        mov $GN_HEADER, %r10d
        jmp rejected
bad_flags:
        mov $GN_FLAGS, %r10d
        jmp rejected
bad_length:
        mov $GN_LENGTH, %r10d
        jmp rejected
bad_paylen:
        mov $GN_PAYLEN, %r10d
rejected:
        incl GR_REJECTED(%r8)
        jmp publish

not_open:
        ud2                     /* PKRU may hold anything: never back to the guest */
        .org guard_page + 4096, 0xcc
        .globl guard_page_end
guard_page_end:

#if IGB_RX_DD != IGB_TX_DD || IGB_TX_DD_OFF - IGB_RX_DD_OFF != 4 * (GR_MODE_TX - GR_MODE_RX)
#error "the reap loop finds DD from the mode"
#endif
#if IGB_TX_LEN_MASK != 0xffff || GR_MODE_NONE >= GR_MODE_RX || GR_MODE_TX != GR_MODE_RX + 1
#error "the checks above assume this"
#endif

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
