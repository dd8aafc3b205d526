/* SPDX-License-Identifier: MIT
 *
 * What is done with each instruction that certain boundaries reveal. An allow-list: categories in which
 * every instruction is an ordinary user-level one, and mnemonics for the mixed categories. What neither
 * lists is refused. Zydis' own "privileged" attribute is not used: it misses LGDT, VMRUN, IN, POPF, IRET, ...
 * Safety does not rest on this table (design P4, P10); it keeps guests exitless and errors early.
 */
#include "engine.h"

#define CATEGORY(x) [ZYDIS_CATEGORY_##x] = 1

/* Nothing in these changes control state or exits, far branches and a few MOV forms apart (below). */
static const uint8_t plain_category[ZYDIS_CATEGORY_MAX_VALUE + 1] = {
    CATEGORY(ADOX_ADCX),     CATEGORY(AES),           CATEGORY(AMD3DNOW),    CATEGORY(AVX),
    CATEGORY(AVX2),          CATEGORY(AVX2GATHER),    CATEGORY(AVX512),      CATEGORY(AVX512_4FMAPS),
    CATEGORY(AVX512_4VNNIW), CATEGORY(AVX512_BITALG), CATEGORY(AVX512_VBMI), CATEGORY(AVX512_VP2INTERSECT),
    CATEGORY(AMX_TILE),      CATEGORY(BINARY),        CATEGORY(BITBYTE),     CATEGORY(BLEND),
    CATEGORY(BMI1),          CATEGORY(BMI2),          CATEGORY(BROADCAST),   CATEGORY(CALL),
    CATEGORY(CLDEMOTE),      CATEGORY(CLFLUSHOPT),    CATEGORY(CLWB),        CATEGORY(CLZERO),
    CATEGORY(CMOV),          CATEGORY(COMPRESS),      CATEGORY(COND_BR),     CATEGORY(CONFLICT),
    CATEGORY(CONVERT),       CATEGORY(DATAXFER),      CATEGORY(DECIMAL),     CATEGORY(EXPAND),
    CATEGORY(FCMOV),         CATEGORY(FLAGOP),        CATEGORY(FMA4),        CATEGORY(FP16),
    CATEGORY(GATHER),        CATEGORY(GFNI),          CATEGORY(IFMA),        CATEGORY(KMASK),
    CATEGORY(LOGICAL),       CATEGORY(LOGICAL_FP),    CATEGORY(LZCNT),       CATEGORY(MMX),
    CATEGORY(MOVDIR),        CATEGORY(MPX),           CATEGORY(NOP),         CATEGORY(PCLMULQDQ),
    CATEGORY(POP),           CATEGORY(PREFETCH),      CATEGORY(PREFETCHWT1), CATEGORY(PT),
    CATEGORY(PUSH),          CATEGORY(RDPID),         CATEGORY(RDRAND),      CATEGORY(RDSEED),
    CATEGORY(RDWRFSGS),      CATEGORY(ROTATE),        CATEGORY(SCATTER),     CATEGORY(SEMAPHORE),
    CATEGORY(SERIALIZE),     CATEGORY(SETCC),         CATEGORY(SHA),         CATEGORY(SHIFT),
    CATEGORY(SMAP),          CATEGORY(SSE),           CATEGORY(STRINGOP),    CATEGORY(STTNI),
    CATEGORY(TBM),           CATEGORY(UFMA),          CATEGORY(UNCOND_BR),   CATEGORY(VAES),
    CATEGORY(VBMI2),         CATEGORY(VEX),           CATEGORY(VFMA),        CATEGORY(VPCLMULQDQ),
    CATEGORY(WIDENOP),       CATEGORY(X87_ALU),       CATEGORY(XOP),
};

static const char control[] =
    "control registers, descriptor tables and MSRs belong to the hypervisor; leave this to it";
static const char segment[] =
    "segments and 32-bit code are not available to ring guests; stay in 64-bit code";
static const char virtual[] = "ring guests cannot run guests of their own; build without virtualization code";
static const char vmcall[] =
    "call the hypercall entry that rf_info.hypercall names instead of VMCALL or VMMCALL";
static const char system[] = "there is no operating system below; use the hypercalls of ringfence.h";
static const char cache[] = "cache and TLB maintenance belongs to the hypervisor; DMA here is coherent";
static const char waits[] = "use RF_HC_WAIT or RF_HC_YIELD to wait";
static const char exotic[] = "this extension is switched off in ring guests; build without it";
static const char string_io[] = "string I/O is not emulated; write the console with RF_HC_CONSOLE";
static const char cpuid[] = "exits and is emulated, slow; read it once at start";
static const char port[] = "exits; only the console ports are emulated; write the console with RF_HC_CONSOLE";
static const char halt[] = "becomes a yield; RF_HC_WAIT sleeps until a frame arrives";
static const char yielded[] =
    "exits and is emulated: the four bytes after it leave no room for a jump; use RF_HC_WAIT";
static const char unlisted[] = "no policy lists this instruction; build for a baseline CPU or report it";
static const char branch66[] = "AMD and Intel decode a 66-prefixed branch differently; drop the prefix";

struct entry {
        uint16_t mnemonic, way, kind;
        const char *advice;
};
#define KEEP(m)                                                                                              \
        {                                                                                                    \
                ZYDIS_MNEMONIC_##m, WAY_KEEP, 0, ""                                                          \
        }
#define EXITS(m, advice)                                                                                     \
        {                                                                                                    \
                ZYDIS_MNEMONIC_##m, WAY_EXITS, DBOS_PRIV_KILL, advice                                        \
        }
#define UD(m, advice)                                                                                        \
        {                                                                                                    \
                ZYDIS_MNEMONIC_##m, WAY_UD, DBOS_PRIV_KILL, advice                                           \
        }

/* Mnemonics of mixed categories, and exceptions from the plain ones. The frequent ones first. */
static const struct entry table[] = {
    KEEP(LEA),
    KEEP(RET),
    KEEP(LEAVE),
    KEEP(ENTER),
    KEEP(PAUSE),
    KEEP(RDTSC),
    KEEP(RDTSCP),
    KEEP(CLFLUSH),
    KEEP(XGETBV),
    KEEP(XLAT),
    KEEP(UD0),
    KEEP(UD1),
    KEEP(UD2),
    KEEP(RDPKRU),
    KEEP(CLI),
    KEEP(STI),
    KEEP(PUSHF),
    KEEP(PUSHFQ),
    KEEP(POPF),
    KEEP(POPFQ),
    KEEP(SGDT),
    KEEP(SIDT),
    KEEP(SLDT),
    KEEP(STR),
    KEEP(LAR),
    KEEP(LSL),
    KEEP(VERR),
    KEEP(VERW),
    KEEP(ENDBR64),
    KEEP(ENDBR32),
    KEEP(PTWRITE),
    KEEP(LFENCE),
    KEEP(SFENCE),
    KEEP(MFENCE),
    KEEP(LDMXCSR),
    KEEP(STMXCSR),
    KEEP(FXSAVE),
    KEEP(FXRSTOR),
    KEEP(FXSAVE64),
    KEEP(FXRSTOR64),
    KEEP(EMMS),
    KEEP(FEMMS),
    KEEP(CRC32),
    KEEP(SWAPGS),
    KEEP(RDSSPD),
    KEEP(RDSSPQ),
    KEEP(XSAVE),
    KEEP(XSAVE64),
    KEEP(XSAVEC),
    KEEP(XSAVEC64),
    KEEP(XSAVEOPT),
    KEEP(XSAVEOPT64),
    KEEP(XRSTOR),
    KEEP(XRSTOR64),
    {ZYDIS_MNEMONIC_HLT, WAY_YIELD, DBOS_PRIV_HLT, halt},
    {ZYDIS_MNEMONIC_CPUID, WAY_EMULATE, DBOS_PRIV_CPUID, cpuid},
    {ZYDIS_MNEMONIC_OUT, WAY_EMULATE, DBOS_PRIV_OUT, port},
    {ZYDIS_MNEMONIC_IN, WAY_EMULATE, DBOS_PRIV_IN, port},
    EXITS(INSB, string_io),
    EXITS(INSW, string_io),
    EXITS(INSD, string_io),
    EXITS(OUTSB, string_io),
    EXITS(OUTSW, string_io),
    EXITS(OUTSD, string_io),
    EXITS(VMCALL, vmcall),
    EXITS(VMMCALL, vmcall),
    EXITS(RDMSR, control),
    EXITS(WRMSR, control),
    EXITS(RDPMC, control),
    EXITS(LMSW, control),
    EXITS(SMSW, control),
    EXITS(CLTS, control),
    EXITS(LGDT, control),
    EXITS(LIDT, control),
    EXITS(LLDT, control),
    EXITS(LTR, control),
    UD(XSETBV, control),
    UD(XRSTORS, control),
    UD(XRSTORS64, control),
    UD(XSAVES, control),
    UD(XSAVES64, control),
    EXITS(RSM, control),
    EXITS(INVLPG, cache),
    EXITS(INVPCID, cache),
    EXITS(INVD, cache),
    EXITS(WBINVD, cache),
    EXITS(INVLPGB, cache),
    EXITS(TLBSYNC, cache),
    EXITS(SYSCALL, system),
    EXITS(SYSENTER, system),
    EXITS(SYSEXIT, system),
    EXITS(SYSRET, system),
    EXITS(INT, system),
    EXITS(INT1, system),
    EXITS(INT3, system),
    EXITS(INTO, system),
    UD(IRET, segment),
    UD(IRETD, segment),
    UD(IRETQ, segment),
    EXITS(LSS, segment),
    EXITS(LFS, segment),
    EXITS(LGS, segment),
    EXITS(LDS, segment),
    EXITS(LES, segment),
    EXITS(VMRUN, virtual),
    EXITS(VMLOAD, virtual),
    EXITS(VMSAVE, virtual),
    EXITS(STGI, virtual),
    EXITS(CLGI, virtual),
    EXITS(SKINIT, virtual),
    EXITS(INVLPGA, virtual),
    EXITS(VMXON, virtual),
    EXITS(VMXOFF, virtual),
    EXITS(VMLAUNCH, virtual),
    EXITS(VMRESUME, virtual),
    EXITS(VMCLEAR, virtual),
    EXITS(VMPTRLD, virtual),
    EXITS(VMPTRST, virtual),
    EXITS(VMREAD, virtual),
    EXITS(VMWRITE, virtual),
    EXITS(INVEPT, virtual),
    EXITS(INVVPID, virtual),
    UD(VMFUNC, virtual),
    EXITS(MONITOR, waits),
    EXITS(MWAIT, waits),
    EXITS(MONITORX, waits),
    EXITS(MWAITX, waits),
    EXITS(UMONITOR, waits),
    EXITS(UMWAIT, waits),
    EXITS(TPAUSE, waits),
    EXITS(GETSEC, exotic),
    EXITS(ENCLS, exotic),
    EXITS(ENCLU, exotic),
    EXITS(ENCLV, exotic),
    EXITS(XSUSLDTRK, exotic),
    EXITS(XRESLDTRK, exotic),
    EXITS(PCONFIG, exotic),
    EXITS(RDPRU, exotic),
    EXITS(HRESET, exotic),
    EXITS(ENQCMD, exotic),
    EXITS(ENQCMDS, exotic),
    UD(WRPKRU, "protection keys belong to the guard; call commit instead"),
    UD(STUI, exotic),
    UD(CLUI, exotic),
    UD(TESTUI, exotic),
    UD(UIRET, exotic),
    UD(SENDUIPI, exotic),
    UD(INCSSPD, exotic),
    UD(INCSSPQ, exotic),
    UD(SAVEPREVSSP, exotic),
    UD(RSTORSSP, exotic),
    UD(WRSSD, exotic),
    UD(WRSSQ, exotic),
    UD(WRUSSD, exotic),
    UD(WRUSSQ, exotic),
    UD(SETSSBSY, exotic),
    UD(CLRSSBSY, exotic),
    UD(LOADIWKEY, exotic),
    EXITS(PSMASH, exotic),
    EXITS(PVALIDATE, exotic),
    EXITS(RMPADJUST, exotic),
    EXITS(RMPUPDATE, exotic),
    EXITS(MCOMMIT, exotic),
    EXITS(SEAMCALL, exotic),
    EXITS(SEAMRET, exotic),
    EXITS(SEAMOPS, exotic),
    EXITS(TDCALL, exotic),
};

/* Forms that share a mnemonic with ordinary ones: MOV to and from CR, DR and segments, POP FS, far branches.
 */
static const struct entry *special_form(const ZydisDecodedInstruction *z)
{
        static const struct entry mov_cr = EXITS(MOV, control), mov_seg = EXITS(MOV, segment),
                                  far_branch = UD(JMP, segment), tsx = EXITS(XBEGIN, exotic);
        bool legacy = z->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
        bool map0 = legacy && z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;
        bool map1 = legacy && z->opcode_map == ZYDIS_OPCODE_MAP_0F;

        if (z->mnemonic == ZYDIS_MNEMONIC_MOV && map1 && z->opcode >= 0x20 && z->opcode <= 0x26)
                return &mov_cr;
        if (z->mnemonic == ZYDIS_MNEMONIC_MOV && map0 && z->opcode == 0x8e)
                return &mov_seg;
        if (z->mnemonic == ZYDIS_MNEMONIC_POP && map1)
                return &mov_seg;
        if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
                return &far_branch;
        if (z->meta.isa_set == ZYDIS_ISA_SET_RTM)
                return &tsx;
        return NULL;
}

static const struct entry *look_up(const ZydisDecodedInstruction *z)
{
        static const struct entry keep = {0, WAY_KEEP, 0, ""};
        const struct entry *form = special_form(z);

        if (form)
                return form;
        if (plain_category[z->meta.category])
                return &keep;
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (table[i].mnemonic == z->mnemonic)
                        return &table[i];
        return NULL;
}

struct policy policy_of(const ZydisDecodedInstruction *z)
{
        const struct entry *e = look_up(z);

        if (insn_branch66(z))
                return (struct policy){WAY_REFUSE, DBOS_RULE_BRANCH66, DBOS_PRIV_KILL, branch66};
        if (!e)
                return (struct policy){WAY_REFUSE, DBOS_RULE_UNKNOWN, DBOS_PRIV_KILL, unlisted};
        return (struct policy){(enum policy_way)e->way, DBOS_RULE_PRIVILEGED, (enum dbos_privileged)e->kind,
                               e->advice};
}

/* What hv/root does with an instruction that exited. An exit that no policy foresees kills. */
int dbos_privileged_at(const struct dbos_space *s, uint64_t rip, enum dbos_privileged *emulate,
                       uint8_t *length, struct dbos_finding *f)
{
        struct insn in;
        struct policy p = {WAY_EXITS, DBOS_RULE_UNKNOWN, DBOS_PRIV_KILL, unlisted};

        if (insn_read(s, rip, UINT64_MAX, true, &in))
                p = policy_of(&in.z);
        else if (!in.have)
                return -RF_ENOENT;
        if (p.way == WAY_KEEP)
                p = (struct policy){WAY_EXITS, DBOS_RULE_PRIVILEGED, DBOS_PRIV_KILL, unlisted};
        *emulate = p.kind;
        *length = in.length;
        finding_of(f, &in, p.rule, p.kind == DBOS_PRIV_KILL ? DBOS_KILLS : DBOS_EMULATED,
                   p.kind == DBOS_PRIV_HLT ? yielded : p.advice);
        return 0;
}
