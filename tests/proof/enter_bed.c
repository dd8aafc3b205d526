/* SPDX-License-Identifier: MIT
 * See enter_bed.h. */
#include "enter_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include "rf/igb_desc.h"

enum {
        PAGE = 4096,
        STEPS = 6000,
        BOOT = 0x200000,
        GDT = BOOT + 0x800,
        TABLES = 0x400000,
        TABLE_BYTES = 0x40000
};
enum { BOOT_PAGING = 0, BOOT_WRPKRU = 32, BOOT_RDPKRU = 48, BOOT_LRET = 64 };
enum { CS64 = 8, CS32 = 16 };
/* page table bits: AMD manual volume 2, 5.4 */
#define P      0x1ull
#define RW     0x2ull
#define U      0x4ull
#define KEY(k) ((uint64_t)(k) << 59)

const uint32_t bed_ring[BED_RINGS] = {0, 1, 6, 7};
struct bed_window *window;
struct desc (*staging)[BED_ENTRIES];
bool enter_racing;
uint64_t enter_mask = ~0ull;

static uc_engine *uc;
static uc_context *fresh;
static uint8_t *page, *stack, *boot;
static uint64_t *tables;
static size_t tables_used = 1; /* the first is the root */
static bool running;
static struct enter_run run;
static uint32_t shadow; /* PKRU as the hooks saw it written */

static void must(uc_err error, const char *what)
{
        if (error == UC_ERR_OK)
                return;
        printf("unicorn: %s: %s\n", what, uc_strerror(error));
        exit(1);
}

static void wrong(const char *rule)
{
        if (!run.wrong)
                run.wrong = rule;
}

static uint64_t get(int reg)
{
        uint64_t value = 0;

        must(uc_reg_read(uc, reg, &value), "register");
        return value;
}

static void set(int reg, uint64_t value)
{
        must(uc_reg_write(uc, reg, &value), "register");
}

/* ---- memory: physical addresses are the virtual ones ------------------------------------------------ */

static uint64_t *entry(uint64_t *table, unsigned index)
{
        if (!table[index])
                table[index] = (TABLES + PAGE * tables_used++) | P | RW | U;
        return tables + ((table[index] & 0xfffff000) - TABLES) / sizeof(uint64_t);
}

static void map(uint64_t va, void *memory, uint64_t rights)
{
        uint64_t *table = tables;

        for (unsigned shift = 39; shift > 12; shift -= 9)
                table = entry(table, va >> shift & 511);
        table[va >> 12 & 511] = va | rights;
        must(uc_mem_map_ptr(uc, va, PAGE, UC_PROT_ALL, memory), "memory");
}

static uint64_t ring_va(unsigned n)
{
        return RF_RING_VA + bed_ring[n] * (uint64_t)RF_RING_TX_OFF;
}

/* Cut to 32 bits, the same pages once more: what it would be to live below 4 GiB. */
static void map_window(uint64_t mask)
{
        map(RF_GUARD_VA & mask, page, P);
        map(RF_STATE_VA & mask, window->state_page, P | RW | U | KEY(RF_KEY_WINDOW));
        for (unsigned n = 0; n < BED_RINGS; n++) {
                map(ring_va(n) & mask, window->ring[n], P | RW | U | KEY(RF_KEY_WINDOW));
                map((ring_va(n) + RF_STAGING_DELTA) & mask, staging[n], P | RW);
        }
        map((RF_DOORBELL_VA + (IGB_RDT0 & ~0xfffu)) & mask, window->bell[0],
            P | RW | U | KEY(RF_KEY_DOORBELL));
        map((RF_DOORBELL_VA + (IGB_TDT0 & ~0xfffu)) & mask, window->bell[1],
            P | RW | U | KEY(RF_KEY_DOORBELL));
}

static void *memory(size_t bytes)
{
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                exit(1);
        return p;
}

/* ---- what the emulator tells ----------------------------------------------------------------------- */

static void on_open(uc_engine *e, uint64_t address, uint32_t size, void *unused)
{
        bool first = (address & 0xfff) == (uint64_t)(guard_open - guard_page);

        if ((uint32_t)get(UC_X86_REG_ECX) || (uint32_t)get(UC_X86_REG_EDX))
                return; /* #GP */
        shadow = (uint32_t)get(UC_X86_REG_EAX);
        if (!first || shadow != RF_PKRU_OPEN)
                return;
        run.opens++;
        if ((uint32_t)get(UC_X86_REG_EDI) < GUARD_RINGS)
                run.opened |= 1u << (uint32_t)get(UC_X86_REG_EDI);
}

/* No such CPU has the opcode: here is the hypercall. */
static void on_hypercall(uc_engine *e, uint64_t address, uint32_t size, void *unused)
{
        if (shadow != RF_PKRU_CLOSED)
                wrong("hypercall with the window open");
        run.hypercalls++;
        set(UC_X86_REG_RAX, 0);
        set(UC_X86_REG_RIP, address + 3);
}

static bool in_guard(uint64_t rip)
{
        return rip - (RF_GUARD_VA & enter_mask) < PAGE;
}

static void on_block(uc_engine *e, uint64_t address, uint32_t size, void *unused)
{
        if (!running || in_guard(address) || address == BOOT + BOOT_LRET)
                return;
        run.stop = ENTER_LEFT;
        uc_emu_stop(uc);
}

static void on_exception(uc_engine *e, uint32_t number, void *unused)
{
        if (getenv("DBG"))
                printf("exc %u rip %lx cr2 %lx\n", number, get(UC_X86_REG_RIP), get(UC_X86_REG_CR2));
        run.stop = in_guard(get(UC_X86_REG_RIP)) ? ENTER_FAULT : ENTER_LEFT;
        uc_emu_stop(uc);
}

static void on_fetch(uc_engine *e, uint64_t address, uint32_t size, void *unused)
{
        if (++run.fetched > STEPS)
                uc_emu_stop(uc);
}

static void on_staging(uc_engine *e, uc_mem_type type, uint64_t address, int size, int64_t value, void *data)
{
        struct desc *d = (struct desc *)data + (address & 0xfff) / sizeof(struct desc);

        if (enter_racing) /* a neighbour at work: this word will be another next time */
                *d = bed_spoiled(&igb_form[bed_below(2)], bed_rand() & 0xffffff);
}

static void hook(int type, void *callback, void *data, uint64_t from, uint64_t to)
{
        uc_hook unused;

        must(uc_hook_add(uc, &unused, type, callback, data, from, to), "hook");
}

static void hook_all(uint64_t mask)
{
        uint64_t base = RF_GUARD_VA & mask;
        uint64_t open = base + (uint64_t)(guard_open - guard_page);
        uint64_t close = base + (uint64_t)(guard_close - guard_page);

        hook(UC_HOOK_CODE, on_open, NULL, open, open);
        hook(UC_HOOK_CODE, on_open, NULL, close, close);
        hook(UC_HOOK_CODE, on_hypercall, NULL, base, base);
        hook(UC_HOOK_CODE, on_fetch, NULL, base, base + PAGE - 1);
        for (unsigned n = 0; n < BED_RINGS; n++) {
                uint64_t va = (ring_va(n) + RF_STAGING_DELTA) & mask;

                hook(UC_HOOK_MEM_READ, on_staging, staging[n], va, va + PAGE - 1);
        }
}

/* ---- a CPU in long mode, with keys ------------------------------------------------------------------ */

static void boot_run(unsigned offset, unsigned bytes)
{
        must(uc_emu_start(uc, BOOT + offset, BOOT + offset + bytes, 0, 0), "boot code");
}

static void boot_code(void)
{
        static const uint8_t paging[] = {0x0f, 0x22, 0xe0, 0x0f, 0x22,
                                         0xdb, 0x0f, 0x22, 0xc2}; /* CR4, CR3, CR0 */
        static const uint8_t wrpkru[] = {0x0f, 0x01, 0xef}, rdpkru[] = {0x0f, 0x01, 0xee};
        static const uint8_t lretq[] = {0x48, 0xcb};
        static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf9b000000ffff, 0x00cf93000000ffff};
        const uc_x86_mmr gdtr = {.base = GDT, .limit = sizeof(gdt) - 1};

        memcpy(boot + BOOT_PAGING, paging, sizeof(paging));
        memcpy(boot + BOOT_WRPKRU, wrpkru, sizeof(wrpkru));
        memcpy(boot + BOOT_RDPKRU, rdpkru, sizeof(rdpkru));
        memcpy(boot + BOOT_LRET, lretq, sizeof(lretq));
        memcpy(boot + (GDT - BOOT), gdt, sizeof(gdt));
        must(uc_reg_write(uc, UC_X86_REG_GDTR, &gdtr), "GDT");
}

static void long_mode(void)
{
        set(UC_X86_REG_RAX, 1 << 5 | 1 << 22); /* CR4: PAE, PKE */
        set(UC_X86_REG_RBX, TABLES);           /* CR3 */
        set(UC_X86_REG_RDX, 0x80010033);       /* CR0: PG, WP, NE, ET, MP, PE */
        boot_run(BOOT_PAGING, 9);
        must(uc_context_alloc(uc, &fresh), "context");
        must(uc_context_save(uc, fresh), "context");
}

uint8_t *enter_page(void)
{
        return page;
}

uint64_t *enter_stack(void)
{
        return (uint64_t *)stack;
}

void enter_load(void)
{
        static const uint8_t vmmcall[3] = {0x0f, 0x01, 0xd9};

        if (!guard_build(page, true, vmmcall))
                exit(1);
        enter_reload();
}

void enter_reload(void)
{
        must(uc_ctl_remove_cache(uc, RF_GUARD_VA & enter_mask, (RF_GUARD_VA & enter_mask) + PAGE), "cache");
}

void enter_init(void)
{
        page = memory(PAGE);
        stack = memory(PAGE);
        boot = memory(PAGE);
        tables = memory(TABLE_BYTES);
        window = memory(sizeof(*window));
        staging = memory(sizeof(*staging) * BED_RINGS);
        must(uc_open(UC_ARCH_X86, UC_MODE_64, &uc), "open");
        must(uc_ctl_set_cpu_model(uc, UC_CPU_X86_ICELAKE_SERVER), "CPU model");
        must(uc_mem_map_ptr(uc, TABLES, TABLE_BYTES, UC_PROT_ALL, tables), "tables");
        map(BOOT, boot, P | RW);
        map(BED_STACK, stack, P | RW);
        map_window(~0ull);
        if (enter_mask != ~0ull)
                map_window(enter_mask);
        boot_code();
        hook_all(~0ull);
        if (enter_mask != ~0ull)
                hook_all(enter_mask);
        hook(UC_HOOK_BLOCK, on_block, NULL, 1, 0);
        hook(UC_HOOK_INTR, on_exception, NULL, 1, 0);
        long_mode();
        enter_load();
}

/* ---- one entry ----------------------------------------------------------------------------------------- */

static uint32_t pkru_now(void)
{
        set(UC_X86_REG_RCX, 0);
        set(UC_X86_REG_RIP, BOOT + BOOT_RDPKRU);
        boot_run(BOOT_RDPKRU, 3);
        return (uint32_t)get(UC_X86_REG_RAX);
}

static void close_window(void)
{
        set(UC_X86_REG_RAX, RF_PKRU_CLOSED);
        set(UC_X86_REG_RCX, 0);
        set(UC_X86_REG_RDX, 0);
        boot_run(BOOT_WRPKRU, 3);
        shadow = RF_PKRU_CLOSED;
}

static void load(const struct bed_regs *regs)
{
        static const int names[16] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                      UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                      UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                      UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

        for (unsigned i = 0; i < 16; i++)
                set(names[i], regs->gpr[i]);
        set(UC_X86_REG_EFLAGS, 2 | (regs->flags & 0x8d5)); /* CF PF AF ZF SF OF */
}

/* By far return, as a guest would if it had the descriptor. */
static void go(const struct bed_regs *regs, bool code32)
{
        uint64_t *frame = (uint64_t *)(boot + 0xf00);
        uc_err error;

        running = true;
        if (code32) {
                set(UC_X86_REG_RSP, BOOT + 0xf00);
                frame[0] = (uint32_t)regs->rip;
                frame[1] = CS32;
        }
        error = uc_emu_start(uc, code32 ? BOOT + BOOT_LRET : regs->rip, 0, 0, 0);
        running = false;
        if (error != UC_ERR_OK && run.stop == ENTER_LONG) /* an exception that the hook does not get */
                run.stop = in_guard(get(UC_X86_REG_RIP)) ? ENTER_FAULT : ENTER_LEFT;
}

struct enter_run enter(const struct bed_regs *regs, bool code32)
{
        must(uc_context_restore(uc, fresh), "context");
        close_window();
        run = (struct enter_run){.stop = ENTER_LONG};
        load(regs);
        go(regs, code32);
        run.pkru = shadow;
        run.code32 = get(UC_X86_REG_CS) == CS32;
        if (pkru_now() != shadow)
                wrong("PKRU is not what the two instructions made it");
        if (run.stop == ENTER_LEFT && shadow != RF_PKRU_CLOSED)
                wrong("left the guard with the window open");
        if (run.stop == ENTER_LONG && shadow != RF_PKRU_CLOSED)
                wrong("no end with the window open");
        return run;
}
