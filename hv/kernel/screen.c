/* SPDX-License-Identifier: MIT
 * Text on the firmware's framebuffer, for the boot log and for panics: a machine may have no serial port. */
#include "panic.h"
#include "paging.h"
#include "rf_font.h"

enum { GLYPH_W = 8, GLYPH_H = 16 };

static volatile uint32_t *pixels;
static uint32_t columns, rows, column, row;

void screen_init(void)
{
        const struct rf_boot_fb *fb = &boot_info->fb;

        if (fb->hpa == 0 || fb->width > fb->stride || (uint64_t)fb->stride * fb->height * 4 > fb->bytes)
                return;
        columns = fb->width / GLYPH_W;
        rows = fb->height / GLYPH_H;
        pixels = host_map_device(fb->hpa, fb->bytes, PERM_WC);
        screen_clear();
}

static void draw(char c)
{
        const uint8_t *glyph = rf_font[c >= 32 && c < 127 ? c - 32 : '?' - 32];
        uint32_t stride = boot_info->fb.stride;
        volatile uint32_t *at = pixels + (uint64_t)row * GLYPH_H * stride + column * GLYPH_W;

        for (unsigned y = 0; y < GLYPH_H; y++)
                for (unsigned x = 0; x < GLYPH_W; x++)
                        at[y * stride + x] = glyph[y] & 0x80 >> x ? 0xffffffu : 0;
}

/* At the end of the screen it starts again at the top: scrolling an uncached framebuffer takes seconds. */
static void new_line(void)
{
        column = 0;
        row = row + 1 < rows ? row + 1 : 0;
}

void screen_write(const char *text, size_t length)
{
        if (pixels == NULL)
                return;
        for (size_t i = 0; i < length; i++) {
                if (text[i] == '\n' || column >= columns)
                        new_line();
                if (text[i] == '\n')
                        continue;
                draw(text[i]);
                column++;
        }
}

void screen_clear(void)
{
        if (pixels == NULL)
                return;
        for (uint64_t i = 0; i < (uint64_t)boot_info->fb.stride * boot_info->fb.height; i++)
                pixels[i] = 0;
        column = row = 0;
}
