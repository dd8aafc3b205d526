/* SPDX-License-Identifier: MIT
 * Line-buffered console over RF_HC_CONSOLE, which takes 40 characters at a time. */
#include <stdarg.h>

#include "rf_format.h"
#include "rf_string.h"
#include "sdk.h"

struct line {
        size_t used;
        char text[RF_LINE_BYTES];
};

static struct line lines[RF_SDK_VCPUS]; /* one a vCPU, so that lines of two never mix */

static void send(const char *text, size_t bytes)
{
        uint64_t w[RF_CONSOLE_BYTES / 8] = {0};

        memcpy(w, text, bytes);
        rf_hypercall(RF_HC_CONSOLE, bytes, w[0], w[1], w[2], w[3], w[4]);
}

static void send_line(struct line *l)
{
        for (size_t done = 0; done < l->used;) {
                size_t n = l->used - done < RF_CONSOLE_BYTES ? l->used - done : RF_CONSOLE_BYTES;

                send(l->text + done, n);
                done += n;
        }
        l->used = 0;
}

static struct line *own_line(void)
{
        return &lines[rf_self()->vcpu % RF_SDK_VCPUS];
}

void rf_flush(void)
{
        send_line(own_line());
}

void rf_printf(const char *format, ...)
{
        struct line *l = own_line();
        char text[RF_LINE_BYTES];
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        for (const char *p = text; *p != '\0'; p++) {
                l->text[l->used++] = *p;
                if (*p == '\n' || l->used == sizeof(l->text))
                        send_line(l);
        }
}
