/* SPDX-License-Identifier: MIT
 * BOOTX64.EFI: reads ringfence.conf, loads what it names, hands the machine over as rf/boot.h says. */
#include "loader.h"

#include "conf.h"
#include "rf_format.h"
#include "rf_string.h"

EFI_HANDLE loader_image;
EFI_SYSTEM_TABLE *loader_st;
EFI_BOOT_SERVICES *loader_bs;

/* crt0 of gnu-efi calls this with the System V convention, so no EFIAPI here. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

static struct rf_boot_info *new_info(void)
{
        uint64_t pages = (sizeof(struct rf_boot_info) + RF_PAGE_SIZE - 1) >> RF_PAGE_SHIFT;
        struct rf_boot_info *info = (struct rf_boot_info *)memory_keep_or_stop(pages, "boot information");

        info->magic = RF_BOOT_MAGIC;
        info->version = RF_BOOT_VERSION;
        info->bytes = sizeof(*info);
        return info;
}

static void load_configuration(struct rf_boot_info *info)
{
        struct rf_boot_file *conf = &info->file[0];

        file_load("ringfence.conf", conf);
        check_file(conf);
        if (conf->status == RF_FILE_MISSING)
                stop("Put ringfence.conf beside BOOTX64.EFI's volume: in its top folder or in \\ringfence.",
                     "there is no \\ringfence.conf and no \\ringfence\\ringfence.conf on this volume");
        file_report(conf);
        if (conf->status != RF_FILE_LOADED)
                stop("Write the stick again; if that does not help, take another one.",
                     "ringfence.conf cannot be read");
        info->nfiles = 1;
}

static bool have_file(const struct rf_boot_info *info, const char *name)
{
        for (uint32_t i = 0; i < info->nfiles; i++) {
                if (strcmp(info->file[i].name, name) == 0)
                        return true;
        }
        return false;
}

/* A guest image that is missing costs that guest only: root reports it with file and line. */
static void load_guest_image(struct rf_boot_info *info, const struct conf_item *item)
{
        struct rf_boot_file *file = &info->file[info->nfiles];

        if (have_file(info, item->name))
                return;
        if (item->truncated || info->nfiles == RF_BOOT_MAX_FILES) {
                say("%s: not loaded: %s", item->name,
                    item->truncated ? "the name has more than 63 characters" : "more than 39 images");
                return;
        }
        file_load(item->name, file);
        file_report(file);
        check_file(file);
        info->nfiles++;
}

/* Loads every guest image. Leaves the value of [host] bare, or an empty string, in bare. */
static void load_named_files(struct rf_boot_info *info, struct conf_item *bare)
{
        const struct rf_boot_file *conf = &info->file[0];
        struct conf scan = conf_start((const char *)conf->hpa, conf->bytes);
        struct conf_item item;

        *bare = (struct conf_item){0};
        while (conf_next(&scan, &item)) {
                if (item.kind == CONF_BARE)
                        *bare = item;
                else
                        load_guest_image(info, &item);
        }
}

static void load_bare(struct rf_boot_info *info, const char *name)
{
        char file[RF_BOOT_NAME + 16];

        rf_snprintf(file, sizeof(file), "bare-%s.elf", name);
        say("[host] bare = %s: starting it without the hypervisor", name);
        image_load(file, &info->kernel);
}

static void load_hypervisor(struct rf_boot_info *info)
{
        cpu_check_virtualization();
        image_load("ringfence.elf", &info->kernel);
        image_load("root.elf", &info->root);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
        struct rf_boot_info *info;
        struct conf_item bare;
        uint64_t cr3;

        loader_image = image;
        loader_st = st;
        loader_bs = st->BootServices;
        console_open();
        say("Ringfence loader");
        loader_bs->SetWatchdogTimer(0, 0, 0, NULL);
        machine_secure_boot();
        cpu_check_entry();
        info = new_info();
        file_open_volume();
        check_open();
        load_configuration(info);
        load_named_files(info, &bare);
        if (bare.name[0] != '\0')
                load_bare(info, bare.name);
        else
                load_hypervisor(info);
        machine_describe(info);
        memory_map(info);
        cr3 = paging_build(info);
        say("Starting %s", bare.name[0] != '\0' ? bare.name : "Ringfence");
        memory_leave_firmware(info);
        cpu_enable_nx();
        cpu_jump(cr3, info->kernel.entry, info);
}
