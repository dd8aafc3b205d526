/* SPDX-License-Identifier: MIT
 * libFuzzer harness of both readers of ringfence.conf: root's, which judges, and the loader's, which scans.
 * Whatever the text, what they return must keep the promises of config.h and conf.h. */
#include <stdlib.h>
#include <string.h>

#include "../../boot/loader/conf.h"
#include "../../hv/root/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds)
{
        if (!holds)
                abort();
}

struct seen {
        unsigned reports, last_line;
};

static void report(void *ctx, unsigned line, const char *text)
{
        struct seen *s = ctx;

        must(line <= s->last_line && strlen(text) < 256);
        s->reports++;
}

static void check_guest(const struct config_guest *g)
{
        must(memchr(g->name, 0, sizeof(g->name)) != NULL && g->name[0] != '\0');
        must(memchr(g->image, 0, sizeof(g->image)) != NULL);
        must(memchr(g->arguments, 0, sizeof(g->arguments)) != NULL);
        must(g->bad || (g->image[0] != '\0' && g->cpus >= 1 && g->cpus <= RF_GUEST_VCPUS));
        must(g->bad || (g->memory >= CONFIG_MEMORY_MIN && g->memory % RF_PAGE_SIZE == 0));
        must(g->bad || (g->mac[0] & 1) == 0);
}

/* Nobody who starts is undecided where there is a NIC, and no pair is given twice. */
static void check_queues(struct config *c, unsigned pairs, struct seen *seen)
{
        unsigned given = config_share_queues(c, pairs, report, seen), undecided = 0;

        for (unsigned i = 0; i < c->nguests; i++) {
                given += !c->guest[i].bad && c->guest[i].queue == QUEUE_HARDWARE;
                undecided += !c->guest[i].bad && c->guest[i].queue == QUEUE_AUTO;
        }
        must(given <= pairs && (undecided == 0 || pairs == 0) && c->errors == seen->reports);
}

static void check_root(const char *text, size_t n)
{
        static struct config c;
        struct seen seen = {0, 1};

        for (size_t i = 0; i < n; i++)
                seen.last_line += text[i] == '\n';
        config_parse(&c, text, n, report, &seen);
        must(c.nguests <= RF_MAX_GUESTS && c.errors == seen.reports);
        for (unsigned i = 0; i < c.nguests; i++)
                check_guest(&c.guest[i]);
        config_check_memory(&c, 16384, report, &seen);
        must(c.errors == seen.reports);
        check_queues(&c, n % 10, &seen);
}

static void check_loader(const char *text, size_t n)
{
        struct conf scan = conf_start(text, n);
        struct conf_item item;

        while (conf_next(&scan, &item)) {
                must(item.kind == CONF_IMAGE || item.kind == CONF_BARE);
                must(memchr(item.name, 0, sizeof(item.name)) != NULL && item.name[0] != '\0');
        }
        must(scan.at == scan.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        char *text = malloc(n > 0 ? n : 1); /* of its own, so that reading behind it is seen */

        memcpy(text, data, n);
        check_root(text, n);
        check_loader(text, n);
        free(text);
        return 0;
}
