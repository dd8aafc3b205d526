/* SPDX-License-Identifier: MIT
 * Ring 0, serial port and NIC control for hv/root's unit tests: see root_fake.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../hv/root/elf_format.h"
#include "../../hv/root/screen.h"
#include "../../hv/root/serial.h"
#include "rf/e1000_ctl.h"
#include "rf/igb_ctl.h"
#include "rf/layout.h"
#include "root_fake.h"

enum { FILE_BYTES = 0x4000, GUEST = 3, VCPU = 5, NIC = 1 };

struct fake fake;

static void *at(uint64_t va)
{
        return (void *)(uintptr_t)va;
}

static void pages_at(uint64_t va, uint64_t bytes)
{
        void *p = mmap(at(va), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

        assert(p == at(va));
}

static struct fake_page *find(uint64_t va)
{
        for (unsigned i = 0; i < fake.npages; i++)
                if (fake.page[i].va == (va & ~4095ull))
                        return &fake.page[i];
        return NULL;
}

const struct fake_page *fake_page(uint64_t va)
{
        return find(va);
}

struct rf_vcpu_report *fake_report(void)
{
        return (struct rf_vcpu_report *)at(RF_ROOT_REPORT) + VCPU;
}

void fake_reset(void)
{
        struct rf_host *host = at(RF_ROOT_HOST);
        struct rf_boot_info *boot = at(RF_ROOT_BOOT);

        memset(&fake, 0, sizeof(fake));
        pages_at(RF_ROOT_HOST, 4096);
        pages_at(RF_ROOT_BOOT, sizeof(*boot));
        pages_at(RF_ROOT_REPORT, RF_MAX_VCPUS * sizeof(struct rf_vcpu_report));
        pages_at(RF_ROOT_CONSOLE, RF_MAX_GUESTS * sizeof(struct rf_console));
        pages_at(RF_ROOT_INFO, RF_MAX_VCPUS * 4096);
        pages_at(RF_ROOT_FILE + RF_ROOT_FILE_STEP, FILE_BYTES);
        *host = (struct rf_host){.version = RF_ROOT_VERSION, .ncpus = 1, .tsc_hz = 1000000000, .npci = 1};
        host->pci[0] =
            (struct rf_pci_fn){.bdf = 0x18, .vendor = 0x8086, .device = 0x10c9, .class_sub = 0x200};
        boot->nfiles = 2;
        boot->serial = 1;
        boot->file[1] = (struct rf_boot_file){.name = "a.elf", .bytes = FILE_BYTES};
}

void fake_image(const void *code, size_t bytes)
{
        uint8_t *file = at(RF_ROOT_FILE + RF_ROOT_FILE_STEP);
        struct elf64_header *h = (struct elf64_header *)file;
        struct elf64_segment *s = (struct elf64_segment *)(file + 64);
        struct elf64_section *sections = (struct elf64_section *)(file + 0x400);
        struct elf64_symbol *symbol = (struct elf64_symbol *)(file + 0x600);

        *h = (struct elf64_header){
            .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1}, .type = ET_EXEC, .machine = EM_X86_64};
        h->entry = RF_IMAGE_BASE;
        h->phoff = 64;
        h->phentsize = 56;
        h->phnum = 2;
        h->shoff = 0x400;
        h->shentsize = 64;
        h->shnum = 3;
        s[0] = (struct elf64_segment){.type = PT_LOAD,
                                      .flags = 5,
                                      .offset = 0x1000,
                                      .vaddr = RF_IMAGE_BASE,
                                      .filesz = bytes,
                                      .memsz = 0x1000};
        s[1] = (struct elf64_segment){.type = PT_LOAD,
                                      .flags = 6,
                                      .offset = 0x3000,
                                      .vaddr = RF_IMAGE_BASE + 0x10000,
                                      .filesz = 0x10,
                                      .memsz = 0x1000};
        sections[1] =
            (struct elf64_section){.type = SHT_SYMTAB, .offset = 0x600, .size = 48, .link = 2, .entsize = 24};
        sections[2] = (struct elf64_section){.type = SHT_STRTAB, .offset = 0x700, .size = 7};
        symbol[1] = (struct elf64_symbol){.name = 1, .info = STT_FUNC, .value = RF_IMAGE_BASE, .size = bytes};
        memcpy(file + 0x700, "\0start", 7);
        memcpy(file + 0x1000, code, bytes);
}

void fake_file(const void *bytes, size_t n)
{
        struct rf_boot_info *boot = at(RF_ROOT_BOOT);

        pages_at(RF_ROOT_FILE + RF_ROOT_FILE_STEP, n);
        memcpy(at(RF_ROOT_FILE + RF_ROOT_FILE_STEP), bytes, n);
        boot->file[1].bytes = n;
}

/* ---- system calls ------------------------------------------------------------------------------- */

static int64_t guest_map(uint64_t va, uint64_t pages, uint64_t kind)
{
        assert(fake.npages + pages <= FAKE_PAGES && va % 4096 == 0 && pages > 0);
        if (fake.npages + pages > fake.quota)
                return -RF_ENOMEM;
        for (uint64_t i = 0; i < pages; i++) {
                assert(find(va + i * 4096) == NULL); /* root never maps twice */
                fake.page[fake.npages++] = (struct fake_page){va + i * 4096, (enum rf_map_kind)kind, false};
        }
        if (kind != RF_MAP_POOL)
                pages_at(RF_ROOT_GUEST(GUEST) + va, pages * 4096);
        return 0;
}

/* What an accepted page is to root is read-only: a write without RF_SYS_GUEST_OPEN is a crash of the test. */
static int64_t change(uint64_t va, uint64_t pages, bool accepted)
{
        for (uint64_t i = 0; i < pages; i++) {
                struct fake_page *p = find(va + i * 4096);

                assert(p != NULL && p->kind == RF_MAP_CODE);
                if (accepted && p->va == fake.hard_page)
                        return -RF_EHARD;
                p->accepted = accepted;
                mprotect(at(RF_ROOT_GUEST(GUEST) + p->va), 4096,
                         accepted ? PROT_READ : PROT_READ | PROT_WRITE);
        }
        return 0;
}

static int64_t guest_free(void)
{
        assert(fake.guest && !fake.started && !fake.queue);
        for (unsigned i = 0; i < fake.npages; i++)
                if (fake.page[i].kind != RF_MAP_POOL)
                        munmap(at(RF_ROOT_GUEST(GUEST) + fake.page[i].va), 4096);
        fake.npages = 0;
        fake.guest = false;
        return 0;
}

static int64_t queue(uint64_t number, uint64_t vcpu, uint64_t pool)
{
        switch (number) {
        case RF_SYS_QUEUE_ASSIGN:
                assert(fake.guest && !fake.queue && vcpu == VCPU && find(pool)->kind == RF_MAP_POOL);
                fake.queue = true;
                return 0;
        case RF_SYS_QUEUE_ENABLE:
                fake.enabled = true;
                fake.frames += 10; /* what the NIC has received by the next look */
                return 0;
        default:
                assert(!fake.open_mac); /* steer away first */
                fake.queue = fake.enabled = false;
                return 0;
        }
}

static int64_t handle(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
        switch (number) {
        case RF_SYS_GUEST_NEW:
                assert(!fake.guest);
                fake.guest = true;
                fake.quota = a;
                return GUEST;
        case RF_SYS_GUEST_MAP:
                return guest_map(b, c, d);
        case RF_SYS_GUEST_ACCEPT:
                fake.accepts++;
                return change(b, c, true);
        case RF_SYS_GUEST_OPEN:
                fake.opens++;
                return change(b, c, false);
        case RF_SYS_GUEST_STOP:
                fake.started = false;
                return 0;
        case RF_SYS_GUEST_FREE:
                return guest_free();
        case RF_SYS_ACCEPT_AT:
                return (int64_t)fake.hard_page;
        case RF_SYS_VCPU_ID:
                return VCPU;
        case RF_SYS_VCPU_START:
                if (fake.started && fake.dies_early)
                        return -RF_EBUSY;
                fake.started = true;
                fake.start_rip = b;
                fake.start_rsp = c;
                return 0;
        case RF_SYS_VCPU_RESUME:
                fake.resumed++;
                fake.resume_rip = b;
                return 0;
        case RF_SYS_VCPU_SET:
                fake.set[b] = c;
                return 0;
        case RF_SYS_STAGE_STORE:
                fake.stage_va = b;
                fake.stage_value = c;
                fake.stage_bytes = d;
                return 0;
        case RF_SYS_COMMIT:
                fake.commits++;
                return (int64_t)fake.commit_result;
        case RF_SYS_NIC_BIND:
                return NIC;
        case RF_SYS_QUEUE_ASSIGN:
        case RF_SYS_QUEUE_ENABLE:
        case RF_SYS_QUEUE_REVOKE:
                return queue(number, c, e);
        case RF_SYS_QUEUE_GET:
                return c == RF_QUEUE_RING_RX ? (int64_t)RF_RING_VA : (int64_t)RF_RING_VA + RF_RING_TX_OFF;
        }
        return -RF_ENOTSUP;
}

int64_t rf_sys(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* What takes back must work; everything else may be told to fail. */
int64_t rf_sys(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
        bool takes_back =
            number == RF_SYS_GUEST_STOP || number == RF_SYS_GUEST_FREE || number == RF_SYS_QUEUE_REVOKE;

        (void)f;
        if (!takes_back && ++fake.calls == fake.fail_at)
                return fake.fail_with;
        return handle(number, a, b, c, d, e);
}

/* ---- the rest of the machine ---------------------------------------------------------------------- */

void serial_text(const char *text)
{
        size_t n = strlen(fake.log);

        snprintf(fake.log + n, sizeof(fake.log) - n, "%s", text);
}

int serial_key(void)
{
        return -1;
}

bool screen_start(void)
{
        return false;
}

void screen_line(const char *text)
{
}

void screen_table(const struct console_table *t)
{
}

void screen_flush(void)
{
}

int igb_ctl_init(const struct nic_io *io)
{
        return 0;
}

int igb_ctl_set_mac(const struct nic_io *io, unsigned pool, const uint8_t mac[6])
{
        assert(fake.enabled);
        fake.open_mac = true;
        return 0;
}

int igb_ctl_clear_mac(const struct nic_io *io, unsigned pool)
{
        fake.open_mac = false;
        return 0;
}

int igb_ctl_soft_mac(const struct nic_io *io, unsigned n, unsigned pool, const uint8_t mac[6])
{
        fake.open_mac = mac != NULL;
        return 0;
}

int igb_ctl_pool_enable(const struct nic_io *io, unsigned pool, bool on)
{
        return 0;
}

bool igb_ctl_link_up(const struct nic_io *io)
{
        return true;
}

int igb_ctl_stats(const struct nic_io *io, unsigned pool, struct nic_counters *stats)
{
        stats->rx_frames += fake.frames;
        fake.frames = 0;
        return 0;
}

int e1000_ctl_init(const struct nic_io *io)
{
        return igb_ctl_init(io);
}

int e1000_ctl_mac(const struct nic_io *io, unsigned n, const uint8_t *mac)
{
        return mac != NULL ? igb_ctl_set_mac(io, n, mac) : igb_ctl_clear_mac(io, n);
}

int e1000_ctl_switch_mac(const struct nic_io *io, unsigned n, const uint8_t *mac)
{
        return 0;
}

int e1000_ctl_open(const struct nic_io *io)
{
        return igb_ctl_pool_enable(io, 0, true);
}

int e1000_ctl_close(const struct nic_io *io)
{
        return igb_ctl_pool_enable(io, 0, false);
}

bool e1000_ctl_link_up(const struct nic_io *io)
{
        return igb_ctl_link_up(io);
}

int e1000_ctl_stats(const struct nic_io *io, struct nic_counters *stats)
{
        return igb_ctl_stats(io, 0, stats);
}
