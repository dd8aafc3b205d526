/* SPDX-License-Identifier: MIT
 * ringfence.conf, parsed. Pure: no allocation, no I/O; what is wrong goes to a callback with its line number,
 * and spoils only the guest it concerns. README.md lists the keys. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/root.h"
#include "ringfence.h"

enum { CONFIG_NAME = 16, CONFIG_HOST_NAME = 32 };

#define CONFIG_MEMORY_MIN     (4ull << 20)
#define CONFIG_MEMORY_MAX     (1ull << 40) /* what a machine has decides; this bounds the arithmetic */
#define CONFIG_MEMORY_DEFAULT (16ull << 20)

enum config_restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };
enum config_table { TABLE_LIVE, TABLE_PLAIN, TABLE_OFF };
enum config_nic { NIC_AUTO, NIC_ADDRESS, NIC_NONE };
enum config_queue { QUEUE_AUTO, QUEUE_HARDWARE, QUEUE_SOFT };

enum config_guest_key {
        GUEST_IMAGE,
        GUEST_MEMORY,
        GUEST_CPUS,
        GUEST_MAC,
        GUEST_ARGUMENTS,
        GUEST_RESTART,
        GUEST_QUEUE,
        GUEST_KEYS
};

enum config_host_key {
        HOST_NAME,
        HOST_TABLE,
        HOST_NIC,
        HOST_BARE,
        HOST_CONTROL,
        HOST_CONSOLE,
        HOST_LOG,
        HOST_KEYS
};

struct config_guest {
        char name[CONFIG_NAME];
        bool bad;                      /* an error was reported for it: it must not start */
        unsigned line;                 /* of its section header */
        unsigned key_line[GUEST_KEYS]; /* 0: not given */
        char image[RF_BOOT_NAME];
        uint64_t memory; /* bytes, a multiple of RF_PAGE_SIZE */
        uint32_t cpus;
        uint8_t mac[6];
        enum config_restart restart;
        enum config_queue queue; /* QUEUE_AUTO until config_share_queues() */
        char arguments[RF_ARGUMENTS];
};

struct config_host {
        unsigned line;
        unsigned key_line[HOST_KEYS];
        char name[CONFIG_HOST_NAME];
        enum config_table table;
        unsigned table_seconds;
        enum config_nic nic;
        uint16_t nic_bdf;
        char bare[CONFIG_NAME]; /* for the loader */
        uint32_t controls;      /* enum rf_control */
        bool serial, screen, verbose;
};

struct config {
        struct config_host host;
        struct config_guest guest[RF_MAX_GUESTS];
        unsigned nguests;
        unsigned errors;
        unsigned lost; /* guest sections too broken to have a name, or too many: never in guest[] */
};

typedef void (*config_report)(void *ctx, unsigned line, const char *text);

void config_parse(struct config *c, const char *text, size_t bytes, config_report report, void *ctx);
/* Decides each QUEUE_AUTO, on a NIC of so many queue pairs, and marks those bad for whom none is left. True:
 * one pair, the last, goes to the switch, and all QUEUE_SOFT are behind it. */
bool config_share_queues(struct config *c, unsigned pairs, config_report report, void *ctx);
/* Marks the guests bad that do not fit, first come first served, into `pages` free frames. */
void config_check_memory(struct config *c, uint64_t pages, config_report report, void *ctx);

#endif
