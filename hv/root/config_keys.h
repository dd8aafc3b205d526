/* SPDX-License-Identifier: MIT
 * Between config.c (lines, sections, duplicates) and config_keys.c (what each key accepts). */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config.h"

struct text {
        const char *at;
        size_t length;
};

bool text_equals(struct text t, const char *word);
/* Takes the next blank-separated word off t; false at its end. */
bool text_word(struct text *t, struct text *word);

struct config_key {
        const char *name;
        const char *form;                              /* what to write, for the error message */
        bool (*set)(void *section, struct text value); /* false: not of that form */
};

extern const struct config_key config_guest_keys[GUEST_KEYS];
extern const struct config_key config_host_keys[HOST_KEYS];

#define CONFIG_NAME_FORM "1 to 15 letters, digits, '-' or '_'"
bool config_set_name(char out[CONFIG_NAME], struct text value);
/* A locally administered address that depends on nothing but the name and `salt`. */
void config_derive_mac(uint8_t mac[6], const char *name, uint32_t salt);

#endif
