/* SPDX-License-Identifier: MIT
 * ringfence.conf: lines, sections, duplicates, and what must hold between guests. */
#include "config.h"

#include "config_keys.h"
#include "rf_format.h"
#include "rf_string.h"

enum section { SECTION_NONE, SECTION_SKIP, SECTION_HOST, SECTION_GUEST };

struct parser {
        struct config *c;
        config_report report;
        void *ctx;
        unsigned line;
        enum section section;
        struct config_guest *guest; /* in SECTION_GUEST */
};

static void fail(struct parser *p, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(struct parser *p, unsigned line, const char *format, ...)
{
        char text[256];
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        p->c->errors++;
        p->report(p->ctx, line, text);
}

static int quoted(struct text t) /* how much of a value an error message repeats */
{
        return t.length < 40 ? (int)t.length : 40;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void begin_host(struct parser *p)
{
        if (p->c->host.line != 0) {
                fail(p, p->line, "second [host] section, the first is in line %u", p->c->host.line);
                return;
        }
        p->c->host.line = p->line;
        p->section = SECTION_HOST;
}

static struct config_guest *find_guest(struct config *c, const char *name)
{
        for (unsigned i = 0; i < c->nguests; i++)
                if (strcmp(c->guest[i].name, name) == 0)
                        return &c->guest[i];
        return NULL;
}

/* A section that cannot become a guest counts as lost, so that "N of M running" tells the truth. */
static void begin_guest(struct parser *p, struct text name)
{
        struct config_guest *g = &p->c->guest[p->c->nguests], *other;
        char checked[CONFIG_NAME];

        p->c->lost++;
        if (!config_set_name(checked, name)) {
                fail(p, p->line, "guest name \"%.*s\"; expected [guest NAME] with %s", quoted(name), name.at,
                     CONFIG_NAME_FORM);
                return;
        }
        other = find_guest(p->c, checked);
        if (other != NULL) {
                fail(p, p->line, "second section [guest %s], the first is in line %u", checked, other->line);
                return;
        }
        if (p->c->nguests == RF_MAX_GUESTS) {
                fail(p, p->line, "[guest %s] is one too many; expected at most %d guests", checked,
                     RF_MAX_GUESTS);
                return;
        }
        p->c->lost--;
        p->c->nguests++;
        *g = (struct config_guest){.line = p->line, .memory = CONFIG_MEMORY_DEFAULT, .cpus = 1};
        memcpy(g->name, checked, sizeof(checked));
        p->guest = g;
        p->section = SECTION_GUEST;
}

static void begin_section(struct parser *p, struct text t)
{
        struct text kind, name, rest;
        bool closed = t.at[t.length - 1] == ']';

        p->section = SECTION_SKIP;
        t = (struct text){t.at + 1, t.length - (closed ? 2 : 1)};
        text_word(&t, &kind);
        text_word(&t, &name);
        if (closed && text_equals(kind, "host") && name.length == 0)
                begin_host(p);
        else if (closed && text_equals(kind, "guest") && name.length > 0 && !text_word(&t, &rest))
                begin_guest(p, name);
        else
                fail(p, p->line, "bad section header; expected [host] or [guest NAME]");
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int find_key(const struct config_key *keys, int n, struct text name)
{
        for (int i = 0; i < n; i++)
                if (text_equals(name, keys[i].name))
                        return i;
        return -1;
}

static void unknown_key(struct parser *p, const struct config_key *keys, int n, struct text name)
{
        char known[128];
        size_t at = 0;

        known[0] = '\0';
        for (int i = 0; i < n; i++)
                at += rf_snprintf(known + at, sizeof(known) - at, " %s", keys[i].name);
        fail(p, p->line, "unknown key \"%.*s\"; expected one of%s", quoted(name), name.at, known);
}

/* True if the section now has the value. */
static bool set_key(struct parser *p, const struct config_key *keys, int n, unsigned *lines, void *section,
                    struct text name, struct text value)
{
        int i = find_key(keys, n, name);

        if (i < 0) {
                unknown_key(p, keys, n, name);
                return false;
        }
        if (lines[i] != 0) {
                fail(p, p->line, "second \"%s\" in this section, the first is in line %u", keys[i].name,
                     lines[i]);
                return false;
        }
        if (!keys[i].set(section, value)) {
                fail(p, p->line, "bad value \"%.*s\"; expected %s", quoted(value), value.at, keys[i].form);
                return false;
        }
        lines[i] = p->line;
        return true;
}

static void set_value(struct parser *p, struct text name, struct text value)
{
        struct config_host changed = p->c->host;

        if (p->section == SECTION_NONE)
                fail(p, p->line, "a key before any section; expected [host] or [guest NAME] first");
        if (p->section == SECTION_HOST &&
            set_key(p, config_host_keys, HOST_KEYS, changed.key_line, &changed, name, value))
                p->c->host = changed; /* a bad value leaves the default in place */
        if (p->section == SECTION_GUEST &&
            !set_key(p, config_guest_keys, GUEST_KEYS, p->guest->key_line, p->guest, name, value))
                p->guest->bad = true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct text trim(struct text t)
{
        while (t.length > 0 && (*t.at == ' ' || *t.at == '\t')) {
                t.at++;
                t.length--;
        }
        while (t.length > 0 && (t.at[t.length - 1] == ' ' || t.at[t.length - 1] == '\t'))
                t.length--;
        return t;
}

static bool is_text(struct text t)
{
        for (size_t i = 0; i < t.length; i++)
                if ((t.at[i] < 0x20 && t.at[i] != '\t') ||
                    t.at[i] == 0x7f) /* also all >= 0x80: char is signed */
                        return false;
        return true;
}

/* Whatever is wrong with a line of a guest's section spoils that guest. */
static void bad_line(struct parser *p, const char *why)
{
        fail(p, p->line, "%s; expected key = value in printable ASCII", why);
        if (p->section == SECTION_GUEST)
                p->guest->bad = true;
}

static void parse_line(struct parser *p, struct text t)
{
        size_t equals = 0;

        t = trim(t);
        if (t.length == 0 || *t.at == '#' || *t.at == ';')
                return;
        if (!is_text(t)) {
                bad_line(p, "a byte that is no printable character");
                return;
        }
        if (*t.at == '[') {
                begin_section(p, t);
                return;
        }
        while (equals < t.length && t.at[equals] != '=')
                equals++;
        if (equals == t.length)
                bad_line(p, "no '=' in this line");
        else
                set_value(p, trim((struct text){t.at, equals}),
                          trim((struct text){t.at + equals + 1, t.length - equals - 1}));
}

/* ---- what must hold between guests ----------------------------------------------------------- */

static struct config_guest *same_mac(struct config *c, const struct config_guest *g, unsigned before)
{
        for (unsigned i = 0; i < before; i++)
                if (&c->guest[i] != g && memcmp(c->guest[i].mac, g->mac, 6) == 0)
                        return &c->guest[i];
        return NULL;
}

static void check_macs(struct parser *p)
{
        struct config *c = p->c;

        for (unsigned i = 0; i < c->nguests; i++) {
                struct config_guest *g = &c->guest[i], *other;

                if (g->key_line[GUEST_MAC] == 0)
                        continue;
                other = same_mac(c, g, i);
                if (other == NULL)
                        continue;
                g->bad = true;
                fail(p, g->key_line[GUEST_MAC],
                     "mac %02x:%02x:%02x:%02x:%02x:%02x is that of [guest %s], line %u; expected its own",
                     g->mac[0], g->mac[1], g->mac[2], g->mac[3], g->mac[4], g->mac[5], other->name,
                     other->key_line[GUEST_MAC]);
        }
        for (unsigned i = 0; i < c->nguests; i++) {
                uint32_t salt = 0;

                if (c->guest[i].key_line[GUEST_MAC] != 0)
                        continue;
                do {
                        config_derive_mac(c->guest[i].mac, c->guest[i].name, salt++);
                } while (same_mac(c, &c->guest[i], c->nguests) != NULL);
        }
}

static void check_images(struct parser *p)
{
        for (unsigned i = 0; i < p->c->nguests; i++) {
                struct config_guest *g = &p->c->guest[i];

                if (g->key_line[GUEST_IMAGE] != 0)
                        continue;
                g->bad = true;
                fail(p, g->line, "[guest %s] has no image; expected %s", g->name,
                     config_guest_keys[GUEST_IMAGE].form);
        }
}

/* ---- queue pairs of the NIC ------------------------------------------------------------------ */

static unsigned count_queues(const struct config *c, enum config_queue kind)
{
        unsigned n = 0;

        for (unsigned i = 0; i < c->nguests; i++)
                n += !c->guest[i].bad && c->guest[i].queue == kind;
        return n;
}

/* The first that asked for one has one, if there is any. */
static void no_queue(struct parser *p, struct config_guest *g, unsigned pairs)
{
        unsigned line = g->key_line[GUEST_QUEUE] != 0 ? g->key_line[GUEST_QUEUE] : g->line;
        const struct config_guest *first = p->c->guest;

        g->bad = true;
        if (pairs == 0) {
                fail(p, line,
                     "[guest %s] wants a hardware queue, and there is no usable nic; expected queue = auto",
                     g->name);
                return;
        }
        while (first->bad || first->queue != QUEUE_HARDWARE)
                first++;
        fail(
            p, line,
            "[guest %s] gets no queue: this nic has %u, taken by [guest %s], line %u%s; expected queue = auto in "
            "one of them",
            g->name, pairs, first->name, first->key_line[GUEST_QUEUE], pairs > 1 ? ", and others" : "");
}

/* Gives what is left of `pairs` to guests of this kind, in the order of the file; the others go behind the
 * switch, or, where there is none, have nothing. Returns what is left then. */
static unsigned hand_out(struct parser *p, enum config_queue kind, unsigned pairs, unsigned left, bool soft)
{
        for (unsigned i = 0; i < p->c->nguests; i++) {
                struct config_guest *g = &p->c->guest[i];

                if (g->bad || g->queue != kind)
                        continue;
                if (left == 0 && !soft) {
                        no_queue(p, g, pairs);
                        continue;
                }
                g->queue = left > 0 ? QUEUE_HARDWARE : QUEUE_SOFT;
                left -= left > 0;
        }
        return left;
}

bool config_share_queues(struct config *c, unsigned pairs, config_report report, void *ctx)
{
        struct parser p = {.c = c, .report = report, .ctx = ctx};
        unsigned hardware = count_queues(c, QUEUE_HARDWARE), soft = count_queues(c, QUEUE_SOFT);
        bool shared = (soft > 0 || hardware + count_queues(c, QUEUE_AUTO) > pairs) && hardware < pairs;
        unsigned left = hand_out(&p, QUEUE_HARDWARE, pairs, shared ? pairs - 1 : pairs, false);

        if (pairs == 0)
                return false; /* no nic: a queue for nobody, but for those who want to talk among themselves
                               */
        hand_out(&p, QUEUE_AUTO, pairs, left, shared);
        if (!shared)
                hand_out(&p, QUEUE_SOFT, pairs, 0, false);
        return shared;
}

void config_check_memory(struct config *c, uint64_t pages, config_report report, void *ctx)
{
        struct parser p = {.c = c, .report = report, .ctx = ctx};

        for (unsigned i = 0; i < c->nguests; i++) {
                struct config_guest *g = &c->guest[i];
                uint64_t need = g->memory / RF_PAGE_SIZE;
                unsigned line = g->key_line[GUEST_MEMORY];

                if (g->bad)
                        continue;
                if (need <= pages) {
                        pages -= need;
                        continue;
                }
                g->bad = true;
                fail(&p, line != 0 ? line : g->line,
                     "[guest %s] wants %lu KiB of memory; expected at most %lu KiB, what is left", g->name,
                     need * 4, pages * 4);
        }
}

void config_parse(struct config *c, const char *text, size_t bytes, config_report report, void *ctx)
{
        struct parser p = {.c = c, .report = report, .ctx = ctx};
        size_t at = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* an editor's UTF-8 mark */

        memset(c, 0, sizeof(*c));
        c->host = (struct config_host){.table_seconds = 1, .serial = true, .screen = true};
        rf_strlcpy(c->host.name, "ringfence", sizeof(c->host.name));
        while (at < bytes) {
                size_t end = at;

                while (end < bytes && text[end] != '\n')
                        end++;
                p.line++;
                parse_line(&p,
                           (struct text){text + at, end - at - (end > at && text[end - 1] == '\r' ? 1 : 0)});
                at = end + 1;
        }
        check_images(&p);
        check_macs(&p);
}
