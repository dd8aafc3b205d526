/* SPDX-License-Identifier: MIT
 * Machine code that evilroot copies into guests: position independent within one blob, snippets to
 * snippets_end. */
#ifndef SNIPPET_H
#define SNIPPET_H

#include <stdint.h>

struct snippet {
        const char *name;
        const uint8_t *code;
};
extern const struct snippet store_table[], store_table_end[];
extern const struct snippet control_table[], control_table_end[];
extern const uint8_t snippets[], snippets_end[];

#endif
