/* SPDX-License-Identifier: MIT
 *
 * VMCS field encodings, control bits and the MSRs that say which of them a CPU has. Only what this back end
 * uses. Names and numbers: Intel SDM volume 3, chapter 25 (VMCS), appendix A (capability MSRs), appendix B
 * (encodings).
 */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include <stdint.h>

enum {
        MSR_FEATURE_CONTROL = 0x3a,
        MSR_VMX_BASIC = 0x480,
        MSR_VMX_PINBASED = 0x481, /* PINBASED, PROCBASED, EXIT, ENTRY; their TRUE_ forms at + TRUE_CTLS */
        MSR_VMX_PROCBASED = 0x482,
        MSR_VMX_EXIT = 0x483,
        MSR_VMX_ENTRY = 0x484,
        MSR_VMX_MISC = 0x485,
        MSR_VMX_CR0_FIXED0 = 0x486,
        MSR_VMX_CR0_FIXED1 = 0x487,
        MSR_VMX_CR4_FIXED0 = 0x488,
        MSR_VMX_CR4_FIXED1 = 0x489,
        MSR_VMX_PROCBASED2 = 0x48b,
        MSR_VMX_EPT_VPID = 0x48c,
        TRUE_CTLS = 0x48d - 0x481,
};
enum { FEATURE_LOCK = 1 << 0, FEATURE_VMX = 1 << 2 };
enum { CPUID_1_ECX_VMX = 1 << 5 };

enum vmcs_field {
        VMCS_VPID = 0x0000,
        VMCS_GUEST_ES = 0x0800, /* then CS SS DS FS GS LDTR TR, 2 apart; limits, rights, bases likewise */
        VMCS_HOST_ES = 0x0c00,  /* then CS SS DS FS GS */
        VMCS_HOST_CS = 0x0c02,
        VMCS_HOST_SS = 0x0c04,
        VMCS_HOST_DS = 0x0c06,
        VMCS_HOST_FS = 0x0c08,
        VMCS_HOST_GS = 0x0c0a,
        VMCS_HOST_TR = 0x0c0c,
        VMCS_MSR_BITMAP = 0x2004,
        VMCS_EPTP = 0x201a,
        VMCS_ENCLS_BITMAP = 0x202e,
        VMCS_GUEST_PHYSICAL = 0x2400,
        VMCS_LINK = 0x2800,
        VMCS_GUEST_DEBUGCTL = 0x2802,
        VMCS_GUEST_PAT = 0x2804,
        VMCS_GUEST_EFER = 0x2806,
        VMCS_HOST_PAT = 0x2c00,
        VMCS_HOST_EFER = 0x2c02,
        VMCS_PIN = 0x4000,
        VMCS_PROC = 0x4002,
        VMCS_EXCEPTIONS = 0x4004,
        VMCS_PF_MASK = 0x4006,
        VMCS_PF_MATCH = 0x4008,
        VMCS_CR3_TARGETS = 0x400a,
        VMCS_EXIT_CONTROLS = 0x400c,
        VMCS_EXIT_MSR_STORES = 0x400e,
        VMCS_EXIT_MSR_LOADS = 0x4010,
        VMCS_ENTRY_CONTROLS = 0x4012,
        VMCS_ENTRY_MSR_LOADS = 0x4014,
        VMCS_ENTRY_EVENT = 0x4016,
        VMCS_PROC2 = 0x401e,
        VMCS_INSTRUCTION_ERROR = 0x4400,
        VMCS_EXIT_REASON = 0x4402,
        VMCS_EXIT_EVENT = 0x4404,
        VMCS_EXIT_EVENT_ERROR = 0x4406,
        VMCS_GUEST_LIMIT = 0x4800,
        VMCS_GUEST_GDTR_LIMIT = 0x4810,
        VMCS_GUEST_IDTR_LIMIT = 0x4812,
        VMCS_GUEST_ACCESS = 0x4814,
        VMCS_GUEST_CS_ACCESS = 0x4816,
        VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
        VMCS_GUEST_ACTIVITY = 0x4826,
        VMCS_GUEST_SYSENTER_CS = 0x482a,
        VMCS_PREEMPTION_TIMER = 0x482e,
        VMCS_HOST_SYSENTER_CS = 0x4c00,
        VMCS_CR0_MASK = 0x6000,
        VMCS_CR4_MASK = 0x6002,
        VMCS_CR0_SHADOW = 0x6004,
        VMCS_CR4_SHADOW = 0x6006,
        VMCS_QUALIFICATION = 0x6400,
        VMCS_GUEST_CR0 = 0x6800,
        VMCS_GUEST_CR3 = 0x6802,
        VMCS_GUEST_CR4 = 0x6804,
        VMCS_GUEST_BASE = 0x6806,
        VMCS_GUEST_GDTR_BASE = 0x6816,
        VMCS_GUEST_IDTR_BASE = 0x6818,
        VMCS_GUEST_DR7 = 0x681a,
        VMCS_GUEST_RSP = 0x681c,
        VMCS_GUEST_RIP = 0x681e,
        VMCS_GUEST_RFLAGS = 0x6820,
        VMCS_GUEST_PENDING_DEBUG = 0x6822,
        VMCS_GUEST_SYSENTER_ESP = 0x6824,
        VMCS_GUEST_SYSENTER_EIP = 0x6826,
        VMCS_HOST_CR0 = 0x6c00,
        VMCS_HOST_CR3 = 0x6c02,
        VMCS_HOST_CR4 = 0x6c04,
        VMCS_HOST_FS_BASE = 0x6c06,
        VMCS_HOST_GS_BASE = 0x6c08,
        VMCS_HOST_TR_BASE = 0x6c0a,
        VMCS_HOST_GDTR_BASE = 0x6c0c,
        VMCS_HOST_IDTR_BASE = 0x6c0e,
        VMCS_HOST_SYSENTER_ESP = 0x6c10,
        VMCS_HOST_SYSENTER_EIP = 0x6c12,
        VMCS_HOST_RSP = 0x6c14, /* run.S */
        VMCS_HOST_RIP = 0x6c16,
};

enum { /* 25.6.1 pin-based */
       PIN_INTERRUPTS = 1u << 0,
       PIN_NMI = 1u << 3,
       PIN_PREEMPTION_TIMER = 1u << 6,
};
enum { /* 25.6.2 primary processor-based */
       PROC_HLT = 1u << 7,
       PROC_INVLPG = 1u << 9,
       PROC_MWAIT = 1u << 10,
       PROC_RDPMC = 1u << 11,
       PROC_RDTSC = 1u << 12,
       PROC_CR3_LOAD = 1u << 15,
       PROC_CR3_STORE = 1u << 16,
       PROC_CR8_LOAD = 1u << 19,
       PROC_CR8_STORE = 1u << 20,
       PROC_DR = 1u << 23,
       PROC_IO = 1u << 24,
       PROC_MSR_BITMAP = 1u << 28,
       PROC_MONITOR = 1u << 29,
       PROC_PAUSE = 1u << 30,
};
#define PROC_SECONDARY 0x80000000u
enum { /* 25.6.2 secondary */
       PROC2_EPT = 1u << 1,
       PROC2_TABLES = 1u << 2,
       PROC2_RDTSCP = 1u << 3, /* 0: it is #UD */
       PROC2_VPID = 1u << 5,
       PROC2_WBINVD = 1u << 6,
       PROC2_UNRESTRICTED = 1u << 7,
       PROC2_ENCLS = 1u << 15,
};
enum { /* 25.7.1 exit */
       EXIT_SAVE_DEBUG = 1u << 2,
       EXIT_HOST_64 = 1u << 9,
       EXIT_SAVE_PAT = 1u << 18,
       EXIT_LOAD_PAT = 1u << 19,
       EXIT_SAVE_EFER = 1u << 20,
       EXIT_LOAD_EFER = 1u << 21,
};
enum { /* 25.8.1 entry */
       ENTRY_LOAD_DEBUG = 1u << 2,
       ENTRY_GUEST_64 = 1u << 9,
       ENTRY_LOAD_PAT = 1u << 14,
       ENTRY_LOAD_EFER = 1u << 15,
};

/* IA32_VMX_EPT_VPID_CAP, A.10; VMX_BASIC, A.1 */
#define EPT_CAP_WALK4       (1ull << 6)
#define EPT_CAP_WB          (1ull << 14)
#define EPT_CAP_INVEPT      (1ull << 20)
#define EPT_CAP_INVEPT_ONE  (1ull << 25)
#define EPT_CAP_INVVPID     (1ull << 32)
#define EPT_CAP_INVVPID_ONE (1ull << 41)
#define BASIC_TRUE_CTLS     (1ull << 55)
enum { BASIC_WB = 6, EPTP_WB = 6, EPTP_WALK4 = 3 << 3 };

#define ACCESS_UNUSABLE 0x10000u
#define ACCESS_L        0x2000u

/* Exit reason: bit 31 = the entry failed. Event: vector, type 10:8, error code 11, valid 31. 25.9 */
#define REASON_ENTRY_FAILED 0x80000000u
#define EVENT_VALID         0x80000000u
enum { EVENT_ERROR = 1 << 11, EVENT_TYPE = 7 << 8, EVENT_NMI = 2 << 8, EVENT_INT1 = 5 << 8 };

#endif
