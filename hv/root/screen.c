/* SPDX-License-Identifier: MIT
 * The framebuffer as text. It is write-combining memory: never read, and written only where a character
 * changed, so that a busy log costs little. */
#include "screen.h"

#include "rf_font.h"
#include "rf_string.h"
#include "sys.h"

enum { MAX_COLUMNS = 240, MAX_ROWS = 96 };

static struct {
        volatile uint32_t *pixels;
        uint32_t stride, columns, rows;
        bool dirty;
        char log[MAX_ROWS][CONSOLE_COLUMNS]; /* ring of the last lines */
        unsigned nlog;                       /* lines ever */
        struct console_table table;
        char want[MAX_ROWS][MAX_COLUMNS], have[MAX_ROWS][MAX_COLUMNS];
} s;

static uint32_t at_most(uint32_t a, uint32_t b)
{
        return a < b ? a : b;
}

static void clear(uint32_t height)
{
        for (uint64_t i = 0; i < (uint64_t)s.stride * height; i++)
                s.pixels[i] = 0;
        memset(s.have, ' ', sizeof(s.have));
}

bool screen_start(void)
{
        const struct rf_boot_fb *fb = &BOOT->fb;

        if (fb->hpa == 0 || fb->width > fb->stride || (uint64_t)fb->stride * fb->height * 4 > fb->bytes)
                return false;
        s.pixels = (volatile uint32_t *)(uintptr_t)(RF_ROOT_FB + fb->hpa % RF_PAGE_SIZE);
        s.stride = fb->stride;
        s.columns = at_most(fb->width / RF_FONT_WIDTH, MAX_COLUMNS);
        s.rows = at_most(fb->height / RF_FONT_HEIGHT, MAX_ROWS);
        clear(fb->height);
        return true;
}

void screen_line(const char *text)
{
        if (s.pixels == NULL)
                return;
        rf_strlcpy(s.log[s.nlog++ % MAX_ROWS], text, CONSOLE_COLUMNS);
        s.dirty = true;
}

void screen_table(const struct console_table *t)
{
        s.table = *t;
        s.dirty = s.pixels != NULL;
}

static void put_text(uint32_t row, const char *text)
{
        for (uint32_t i = 0; i < s.columns && text[i] != '\0'; i++)
                s.want[row][i] = text[i];
}

/* The table and an empty line, then as many of the last log lines as there is room for. */
static void compose(void)
{
        uint32_t top = s.table.n == 0 ? 0 : at_most(s.table.n + 1, s.rows), room = s.rows - top;
        uint32_t shown = at_most(at_most(s.nlog, room), MAX_ROWS);

        memset(s.want, ' ', sizeof(s.want));
        for (uint32_t i = 0; i < at_most(s.table.n, s.rows); i++)
                put_text(i, s.table.line[i]);
        for (uint32_t i = 0; i < shown; i++)
                put_text(top + i, s.log[(s.nlog - shown + i) % MAX_ROWS]);
}

static void draw(uint32_t row, uint32_t column, char c)
{
        const uint8_t *glyph = rf_font[c >= 0x20 && c < 0x7f ? c - RF_FONT_FIRST : RF_FONT_GLYPHS - 1];
        volatile uint32_t *at = s.pixels + (uint64_t)row * RF_FONT_HEIGHT * s.stride + column * RF_FONT_WIDTH;

        for (uint32_t y = 0; y < RF_FONT_HEIGHT; y++)
                for (uint32_t x = 0; x < RF_FONT_WIDTH; x++)
                        at[y * s.stride + x] = (glyph[y] & 0x80 >> x) != 0 ? 0xffffff : 0;
}

void screen_flush(void)
{
        if (!s.dirty)
                return;
        s.dirty = false;
        compose();
        for (uint32_t row = 0; row < s.rows; row++)
                for (uint32_t i = 0; i < s.columns; i++)
                        if (s.want[row][i] != s.have[row][i])
                                draw(row, i, s.want[row][i]);
        memcpy(s.have, s.want, sizeof(s.have));
}
