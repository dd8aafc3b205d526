/* SPDX-License-Identifier: MIT
 * The screen font of ring 0's panic and of hv/root's console: printable ASCII, 8 by 16 pixels, one byte a
 * pixel row from the top, bit 7 leftmost. Index with rf_font[c - RF_FONT_FIRST]; the last glyph, a grey
 * block, stands for every character outside 0x20..0x7e. */
#ifndef RF_FONT_H
#define RF_FONT_H

#include <stdint.h>

enum { RF_FONT_FIRST = 0x20, RF_FONT_GLYPHS = 96, RF_FONT_WIDTH = 8, RF_FONT_HEIGHT = 16 };

extern const uint8_t rf_font[RF_FONT_GLYPHS][RF_FONT_HEIGHT];

#endif
