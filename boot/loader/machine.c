/* SPDX-License-Identifier: MIT
 * What the firmware knows of the machine: CPUs, ACPI, screen, Secure Boot. */
#include "loader.h"

#include "mp_services.h"
#include "rf_format.h"
#include "rf_string.h"

static bool same_guid(const EFI_GUID *a, const EFI_GUID *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

/* The ACPI 2.0 pointer if there is one, else the 1.0 pointer (4.6.1). */
static uint64_t find_rsdp(void)
{
        EFI_GUID acpi1 = ACPI_TABLE_GUID, acpi2 = ACPI_20_TABLE_GUID;
        uint64_t rsdp = 0;

        for (UINTN i = 0; i < loader_st->NumberOfTableEntries; i++) {
                const EFI_CONFIGURATION_TABLE *table = &loader_st->ConfigurationTable[i];

                if (same_guid(&table->VendorGuid, &acpi2))
                        return (uint64_t)table->VendorTable;
                if (same_guid(&table->VendorGuid, &acpi1))
                        rsdp = (uint64_t)table->VendorTable;
        }
        return rsdp;
}

static void add_cpu(struct rf_boot_info *info, uint64_t id, bool bsp)
{
        if (info->ncpus < RF_BOOT_MAX_CPUS)
                info->cpu[info->ncpus++] = (struct rf_boot_cpu){.apic_id = (uint32_t)id, .bsp = bsp};
}

/* A CPU that the firmware has disabled, or found broken, is not for us either. */
static void list_cpus(struct mp_services *mp, struct rf_boot_info *info)
{
        UINTN count = 0, enabled = 0;

        if (EFI_ERROR(mp->GetNumberOfProcessors(mp, &count, &enabled)))
                return;
        for (UINTN i = 0; i < count; i++) {
                struct mp_processor p = {0};

                if (!EFI_ERROR(mp->GetProcessorInfo(mp, i, &p)) && (p.status & MP_ENABLED) &&
                    (p.status & MP_HEALTHY))
                        add_cpu(info, p.id, p.status & MP_BSP);
        }
        if (enabled > RF_BOOT_MAX_CPUS)
                say("This machine has %llu CPUs; the first %d are used", (unsigned long long)enabled,
                    RF_BOOT_MAX_CPUS);
}

static void find_cpus(struct rf_boot_info *info)
{
        EFI_GUID guid = MP_SERVICES_GUID;
        struct mp_services *mp;

        if (!EFI_ERROR(loader_bs->LocateProtocol(&guid, NULL, (void **)&mp)))
                list_cpus(mp, info);
        for (uint32_t i = 0; i < info->ncpus; i++) {
                if (info->cpu[i].bsp)
                        return;
        }
        say("The firmware does not list its CPUs (no MP services): only the first one is used");
        info->ncpus = 0;
        add_cpu(info, cpu_apic_id(), true);
}

/* 12.9: only a mode with 32 bits a pixel and one byte a colour is any use to a simple console. */
static bool usable(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode)
{
        return mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor ||
               mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor;
}

static bool describe_screen(EFI_HANDLE handle, struct rf_boot_fb *fb)
{
        EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
        EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;

        if (EFI_ERROR(loader_bs->HandleProtocol(handle, &guid, (void **)&gop)) || gop->Mode == NULL ||
            gop->Mode->Info == NULL || gop->Mode->FrameBufferBase == 0 || !usable(gop->Mode->Info))
                return false;
        fb->hpa = gop->Mode->FrameBufferBase;
        fb->bytes = gop->Mode->FrameBufferSize;
        fb->width = gop->Mode->Info->HorizontalResolution;
        fb->height = gop->Mode->Info->VerticalResolution;
        fb->stride = gop->Mode->Info->PixelsPerScanLine;
        fb->bgr = gop->Mode->Info->PixelFormat == PixelBlueGreenRedReserved8BitPerColor;
        return true;
}

/* With several screens the firmware's own one may be a splitter without a frame buffer. */
static void find_screen(struct rf_boot_fb *fb)
{
        EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
        EFI_HANDLE *handles;
        UINTN count;

        if (describe_screen(loader_st->ConsoleOutHandle, fb) ||
            EFI_ERROR(loader_bs->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
                return;
        for (UINTN i = 0; i < count && !describe_screen(handles[i], fb); i++)
                ;
        loader_bs->FreePool(handles);
}

void machine_describe(struct rf_boot_info *info)
{
        char screen[32] = "no screen";

        info->rsdp = find_rsdp();
        info->trampoline = memory_trampoline();
        info->serial = serial_present();
        find_cpus(info);
        find_screen(&info->fb);
        if (info->fb.hpa != 0)
                rf_snprintf(screen, sizeof(screen), "screen %ux%u", info->fb.width, info->fb.height);
        say("%u CPU%s, %s, %s, %s", info->ncpus, info->ncpus == 1 ? "" : "s", screen,
            info->serial ? "COM1" : "no COM1", info->rsdp != 0 ? "ACPI" : "no ACPI");
}

/* 32.3. With Secure Boot on, firmware refuses unsigned programs: that we run means the user signed us. */
void machine_secure_boot(void)
{
        EFI_GUID global = EFI_GLOBAL_VARIABLE;
        CHAR16 name[] = L"SecureBoot";
        UINT8 on = 0;
        UINTN bytes = sizeof(on);

        if (EFI_ERROR(loader_st->RuntimeServices->GetVariable(name, &global, NULL, &bytes, &on)))
                say("Secure Boot: not supported by this firmware");
        else
                say("Secure Boot: %s",
                    on ? "on (this loader was signed with a key this machine trusts)" : "off");
}
