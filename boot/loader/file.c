/* SPDX-License-Identifier: MIT
 * Files of the volume the loader was started from. */
#include "loader.h"

#include "rf_string.h"

#define MAX_FILE_BYTES (64ull << 20)
#define CHUNK          (1ull << 20) /* some USB stacks fail on reads of many megabytes */

static EFI_FILE_PROTOCOL *volume;

void file_open_volume(void)
{
        EFI_GUID loaded_image = EFI_LOADED_IMAGE_PROTOCOL_GUID;
        EFI_GUID file_system = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
        EFI_LOADED_IMAGE_PROTOCOL *self;
        EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *fs;

        if (EFI_ERROR(loader_bs->HandleProtocol(loader_image, &loaded_image, (void **)&self)) ||
            EFI_ERROR(loader_bs->HandleProtocol(self->DeviceHandle, &file_system, (void **)&fs)) ||
            EFI_ERROR(fs->OpenVolume(fs, &volume)))
                stop("Start it from a USB stick (make usb), or by iPXE with boot/ipxe/boot.ipxe.",
                     "the loader was started from something without a file system");
}

/* \NAME or \ringfence\NAME in the firmware's characters. */
static void make_path(const char *folder, const char *name, CHAR16 path[RF_BOOT_NAME + 16])
{
        int n = 0;

        for (; *folder != '\0'; folder++)
                path[n++] = (unsigned char)*folder;
        for (; *name != '\0'; name++)
                path[n++] = *name == '/' ? '\\' : (unsigned char)*name;
        path[n] = 0;
}

static EFI_STATUS open_file(const char *name, EFI_FILE_PROTOCOL **file)
{
        CHAR16 path[RF_BOOT_NAME + 16];
        EFI_STATUS status;

        make_path("\\", name, path); /* flat, as iPXE presents files */
        status = volume->Open(volume, file, path, EFI_FILE_MODE_READ, 0);
        if (status != EFI_NOT_FOUND)
                return status;
        make_path("\\ringfence\\", name, path);
        return volume->Open(volume, file, path, EFI_FILE_MODE_READ, 0);
}

static bool get_size(EFI_FILE_PROTOCOL *file, uint64_t *bytes)
{
        EFI_GUID file_info = EFI_FILE_INFO_ID;
        _Alignas(EFI_FILE_INFO) char room[sizeof(EFI_FILE_INFO) + 512]; /* a name of up to 255 characters */
        EFI_FILE_INFO *info = (EFI_FILE_INFO *)room;
        UINTN size = sizeof(room);

        if (EFI_ERROR(file->GetInfo(file, &file_info, &size, room)) || (info->Attribute & EFI_FILE_DIRECTORY))
                return false;
        *bytes = info->FileSize;
        return true;
}

static bool read_all(EFI_FILE_PROTOCOL *file, char *to, uint64_t bytes)
{
        uint64_t done = 0;

        while (done < bytes) {
                UINTN n = bytes - done < CHUNK ? bytes - done : CHUNK;

                if (EFI_ERROR(file->Read(file, &n, to + done)) || n == 0)
                        return false;
                done += n;
        }
        return true;
}

static uint64_t pages_of(uint64_t bytes)
{
        return bytes == 0 ? 1 : (bytes + RF_PAGE_SIZE - 1) >> RF_PAGE_SHIFT;
}

static uint32_t load_open_file(EFI_FILE_PROTOCOL *file, struct rf_boot_file *out)
{
        if (!get_size(file, &out->bytes))
                return RF_FILE_READ_ERROR;
        if (out->bytes > MAX_FILE_BYTES)
                return RF_FILE_TOO_LARGE;
        out->hpa = memory_keep(pages_of(out->bytes));
        if (out->hpa == 0)
                return RF_FILE_TOO_LARGE;
        if (read_all(file, (char *)out->hpa, out->bytes))
                return RF_FILE_LOADED;
        file_free(out);
        out->hpa = 0;
        return RF_FILE_READ_ERROR;
}

void file_load(const char *name, struct rf_boot_file *out)
{
        EFI_FILE_PROTOCOL *file;
        EFI_STATUS status;

        *out = (struct rf_boot_file){0};
        rf_strlcpy(out->name, name, sizeof(out->name));
        status = open_file(out->name, &file);
        if (EFI_ERROR(status)) {
                out->status = status == EFI_NOT_FOUND ? RF_FILE_MISSING : RF_FILE_READ_ERROR;
                return;
        }
        out->status = load_open_file(file, out);
        file->Close(file);
}

void file_report(const struct rf_boot_file *file)
{
        switch (file->status) {
        case RF_FILE_LOADED:
                say("  %-24s %8llu bytes", file->name, (unsigned long long)file->bytes);
                break;
        case RF_FILE_MISSING:
                say("  %-24s MISSING: neither \\%s nor \\ringfence\\%s is on this volume", file->name,
                    file->name, file->name);
                break;
        case RF_FILE_TOO_LARGE:
                say("  %-24s TOO LARGE: over 64 MiB, or no memory for its %llu bytes", file->name,
                    (unsigned long long)file->bytes);
                break;
        default:
                say("  %-24s READ ERROR", file->name);
        }
}

void file_free(const struct rf_boot_file *file)
{
        loader_bs->FreePages(file->hpa, pages_of(file->bytes));
}
