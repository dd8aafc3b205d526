/* SPDX-License-Identifier: MIT
 * Lines for the user: on the firmware's console, and on COM1 where that console does not go there. */
#include "loader.h"

#include "rf_format.h"

enum { LINE = 256 };

static bool raw_serial; /* COM1 is there and the firmware's console does not reach it */

void console_open(void)
{
        raw_serial = serial_present() && !serial_is_firmware_console();
        if (raw_serial)
                serial_open();
}

static void write_line(const char *text)
{
        CHAR16 wide[LINE + 3];
        int n = 0;

        for (; n < LINE && text[n] != '\0'; n++)
                wide[n] = (unsigned char)text[n];
        wide[n++] = '\r';
        wide[n++] = '\n';
        wide[n] = 0;
        if (loader_st->ConOut != NULL)
                loader_st->ConOut->OutputString(loader_st->ConOut, wide);
        if (raw_serial) {
                serial_write(text);
                serial_write("\r\n");
        }
}

void say(const char *format, ...)
{
        char text[LINE];
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        write_line(text);
}

static void wait_for_key(void)
{
        EFI_INPUT_KEY key;
        UINTN index;

        if (loader_st->ConIn == NULL)
                return;
        loader_st->ConIn->Reset(loader_st->ConIn, FALSE); /* forget keys pressed before */
        do
                loader_bs->WaitForEvent(1, &loader_st->ConIn->WaitForKey, &index);
        while (EFI_ERROR(loader_st->ConIn->ReadKeyStroke(loader_st->ConIn, &key)));
}

noreturn void stop(const char *todo, const char *format, ...)
{
        char text[LINE];
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        say("Ringfence cannot start: %s.", text);
        say("What to do: %s", todo);
        say("Press a key to return to the firmware.");
        wait_for_key();
        loader_bs->Exit(loader_image, EFI_LOAD_ERROR, 0, NULL);
        for (;;)
                __asm__ volatile("hlt");
}
