/* SPDX-License-Identifier: MIT
 * COM1, a 16550: is it there, does the firmware's console already go there, write to it. */
#include "loader.h"

#include "rf_string.h"

enum { COM1 = 0x3f8, DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5 }; /* PC16550D, table II */

enum { LCR_8N1 = 0x03, LCR_DLAB = 0x80, FCR_ENABLE_CLEAR = 0x07, MCR_DTR_RTS = 0x03, MCR_LOOP = 0x10 };
enum { LSR_DATA_READY = 0x01, LSR_THR_EMPTY = 0x20, LSR_IDLE = 0x40 };

/* A UART at 115200 needs 87 us a character; a port read takes about 1 us. An emulated one may stand still for
 * a while before it takes the firmware's last line, and what is sent then is lost: once, at the start, we
 * wait longer. */
enum { PATIENCE = 100000, PATIENCE_AT_START = 5000000, FIFO = 64 };

static void out8(int port, uint8_t value)
{
        __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"((uint16_t)(COM1 + port)));
}

static uint8_t in8(int port)
{
        uint8_t value;

        __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"((uint16_t)(COM1 + port)));
        return value;
}

static bool wait_for(uint8_t bits, int tries)
{
        for (int i = 0; i < tries; i++) {
                if ((in8(LSR) & bits) == bits)
                        return true;
        }
        return false;
}

static bool loops_back(void)
{
        uint8_t mcr = in8(MCR), ier = in8(IER);
        bool looped;

        out8(IER, 0);
        out8(MCR, MCR_LOOP | MCR_DTR_RTS);
        for (int i = 0; i < FIFO && (in8(LSR) & LSR_DATA_READY); i++)
                (void)in8(DATA);
        out8(DATA, 0xa5);
        looped = wait_for(LSR_DATA_READY, PATIENCE) && in8(DATA) == 0xa5;
        out8(MCR, mcr);
        out8(IER, ier);
        return looped;
}

/* A byte sent in loop-back mode comes back only where there is a UART. Nothing leaves the port, and
 * what the firmware had set is put back: its own console may be using the port. That console also reads the
 * port whenever its timer ticks, and would take our byte for a key: no ticks meanwhile. */
bool serial_present(void)
{
        EFI_TPL level;
        bool present;

        if (in8(LSR) == 0xff) /* an empty bus reads as ones */
                return false;
        wait_for(LSR_IDLE, PATIENCE_AT_START);
        level = loader_bs->RaiseTPL(TPL_HIGH_LEVEL);
        present = loops_back();
        loader_bs->RestoreTPL(level);
        return present;
}

/* 115200 bits a second, 8N1: the divisor of the 1.8432 MHz clock is 1. */
void serial_open(void)
{
        wait_for(LSR_IDLE, PATIENCE);
        out8(IER, 0);
        out8(LCR, LCR_DLAB | LCR_8N1);
        out8(DATA, 1);
        out8(IER, 0);
        out8(LCR, LCR_8N1);
        out8(FCR, FCR_ENABLE_CLEAR);
        out8(MCR, MCR_DTR_RTS);
}

void serial_write(const char *text)
{
        for (; *text != '\0'; text++) {
                wait_for(LSR_THR_EMPTY, PATIENCE);
                out8(DATA, (uint8_t)*text);
        }
}

/* 10.3: a device path is a list of nodes; the console on COM1 has an ACPI node PNP0501, unit 0,
 * and a UART node behind it. */
static bool path_is_com1(const EFI_DEVICE_PATH *node)
{
        const uint32_t pnp0501 = 0x050141d0; /* EISA id, 10.3.3 */
        bool com1 = false;

        for (; node->Type != 0x7f;
             node = (const void *)((const char *)node + (node->Length[0] | node->Length[1] << 8))) {
                if (node->Type == 2 && node->SubType == 1) {
                        uint32_t id[2];

                        memcpy(id, node + 1, sizeof(id));
                        com1 = id[0] == pnp0501 && id[1] == 0;
                } else if (node->Type == 3 && node->SubType == 14 && com1) {
                        return true;
                }
        }
        return false;
}

/* The handles with this protocol are the devices that the firmware's console output goes to (EDK II,
 * which nearly every firmware is made from). A firmware without it gets each line twice, at worst. */
bool serial_is_firmware_console(void)
{
        EFI_GUID console_out_device = {
            0xd3b36f2c, 0xd551, 0x11d4, {0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};
        EFI_GUID device_path = DEVICE_PATH_PROTOCOL;
        EFI_HANDLE *handles;
        UINTN count;
        bool found = false;

        if (EFI_ERROR(loader_bs->LocateHandleBuffer(ByProtocol, &console_out_device, NULL, &count, &handles)))
                return false;
        for (UINTN i = 0; i < count && !found; i++) {
                EFI_DEVICE_PATH *path;

                if (!EFI_ERROR(loader_bs->HandleProtocol(handles[i], &device_path, (void **)&path)))
                        found = path_is_com1(path);
        }
        loader_bs->FreePool(handles);
        return found;
}
