/* SPDX-License-Identifier: MIT
 * The two things the loader wants from ringfence.conf: which images to load, and [host] bare.
 * It skips whatever else it sees: judging the file is hv/root's work. No firmware needed here. */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "rf/boot.h"

struct conf {
        const char *at, *end;
        bool in_host;
};

enum conf_kind { CONF_IMAGE = 1, CONF_BARE = 2 };

struct conf_item {
        enum conf_kind kind;
        bool truncated; /* the value did not fit */
        char name[RF_BOOT_NAME];
};

struct conf conf_start(const char *text, uint64_t bytes);
/* The next `image =` of any section or `bare =` of [host] that has a value; false at the end. */
bool conf_next(struct conf *conf, struct conf_item *item);

#endif
