/* SPDX-License-Identifier: MIT
 * Memory from the firmware, and the way out of it. What the kernel is to keep is EfiLoaderData. */
#include "loader.h"

#include "memmap.h"
#include "rf_string.h"

enum { SPARE_DESCRIPTORS = 64 }; /* the map may grow between asking for its size and leaving */

static struct {
        void *at;
        UINTN room, bytes, key, step;
} map;

static uint64_t allocate(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, uint64_t address, uint64_t pages)
{
        EFI_PHYSICAL_ADDRESS at = address;

        if (EFI_ERROR(loader_bs->AllocatePages(how, type, pages, &at)))
                return 0;
        memset((void *)at, 0, pages * RF_PAGE_SIZE);
        return at;
}

uint64_t memory_keep(uint64_t pages)
{
        uint64_t at = allocate(AllocateAnyPages, EfiLoaderData, 0, pages);

        /* page 0 means "none" in rf/boot.h; firmware may give it out all the same */
        return at != 0 ? at : allocate(AllocateAnyPages, EfiLoaderData, 0, pages);
}

uint64_t memory_keep_or_stop(uint64_t pages, const char *what)
{
        uint64_t at = memory_keep(pages);

        if (at == 0)
                stop("Ringfence needs at least 256 MiB; load fewer or smaller guest images.",
                     "there is no memory for %s (%llu KiB)", what, (unsigned long long)pages * 4);
        return at;
}

/* A start-up interrupt names a page below 1 MiB (Intel SDM vol. 3, 9.4.4.1); at and above 640 KiB
 * firmware data and ROMs begin. */
uint64_t memory_trampoline(void)
{
        const uint64_t highest = 0x9ffff;
        uint64_t at = allocate(AllocateMaxAddress, EfiLoaderData, highest, 1);

        if (at == 0)
                at = allocate(AllocateMaxAddress, EfiLoaderData, highest, 1);
        if (at == 0)
                stop("Please report this machine; Ringfence cannot start its other CPUs.",
                     "the firmware has no free page below 640 KiB");
        return at;
}

static EFI_STATUS get_map(void)
{
        UINT32 version;

        map.bytes = map.room;
        return loader_bs->GetMemoryMap(&map.bytes, map.at, &map.key, &map.step, &version);
}

/* Boot-services memory, so that the map's own buffer is free memory for the kernel. */
static void make_room(void)
{
        uint64_t pages;

        if (map.at != NULL)
                return;
        get_map(); /* fails for lack of room and says how much it wants */
        pages = (map.bytes + SPARE_DESCRIPTORS * map.step + RF_PAGE_SIZE - 1) >> RF_PAGE_SHIFT;
        map.at = (void *)allocate(AllocateAnyPages, EfiBootServicesData, 0, pages);
        map.room = map.at != NULL ? pages * RF_PAGE_SIZE : 0;
}

static void convert(struct rf_boot_info *info)
{
        info->nmem = memmap_convert(map.at, map.bytes, map.step, info->mem, RF_BOOT_MAX_MEM);
}

void memory_map(struct rf_boot_info *info)
{
        make_room();
        if (EFI_ERROR(get_map()))
                stop("Please report this machine.", "the firmware does not give its memory map");
        convert(info);
        if (info->nmem == RF_BOOT_MAX_MEM)
                say("The memory map has more than %d regions: the memory above is left unused",
                    RF_BOOT_MAX_MEM);
}

/* 7.4.6: a timer or an event may change the map after it was read, so the key gets stale; then
 * only GetMemoryMap and another attempt are allowed. */
void memory_leave_firmware(struct rf_boot_info *info)
{
        for (int attempt = 0; attempt < 8; attempt++) {
                if (EFI_ERROR(get_map()))
                        break;
                if (!EFI_ERROR(loader_bs->ExitBootServices(loader_image, map.key))) {
                        convert(info);
                        return;
                }
        }
        stop("Please report this machine.", "the firmware does not let go of it (ExitBootServices fails)");
}
