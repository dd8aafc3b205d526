/* SPDX-License-Identifier: MIT
 * EFI_MP_SERVICES_PROTOCOL, the part we call. UEFI PI specification 1.8, volume II, 13.4. */
#ifndef MP_SERVICES_H
#define MP_SERVICES_H

#include <efi.h>

#define MP_SERVICES_GUID                                                                                     \
        {                                                                                                    \
                0x3fdda605, 0xa76e, 0x4f46,                                                                  \
                {                                                                                            \
                        0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08                                       \
                }                                                                                            \
        }

enum { MP_BSP = 1, MP_ENABLED = 2, MP_HEALTHY = 4 };

struct mp_processor {
        UINT64 id; /* local APIC id */
        UINT32 status;
        UINT32 package, core, thread;
        UINT32 extended[6]; /* written by firmware of PI 1.7 and later if asked for */
};

struct mp_services {
        EFI_STATUS(EFIAPI *GetNumberOfProcessors)(struct mp_services *self, UINTN *count, UINTN *enabled);
        EFI_STATUS(EFIAPI *GetProcessorInfo)
        (struct mp_services *self, UINTN number, struct mp_processor *out);
        /* StartupAllAPs and the rest are not used */
};

_Static_assert(sizeof(struct mp_processor) == 48, "PI 1.8, EFI_PROCESSOR_INFORMATION");

#endif
