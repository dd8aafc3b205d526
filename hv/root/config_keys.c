/* SPDX-License-Identifier: MIT
 * What each key of ringfence.conf accepts. */
#include "config_keys.h"

#include "rf_string.h"

bool text_equals(struct text t, const char *word)
{
        return strlen(word) == t.length && memcmp(t.at, word, t.length) == 0;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

bool text_word(struct text *t, struct text *word)
{
        while (t->length > 0 && is_blank(*t->at)) {
                t->at++;
                t->length--;
        }
        word->at = t->at;
        for (word->length = 0; t->length > 0 && !is_blank(*t->at); word->length++) {
                t->at++;
                t->length--;
        }
        return word->length > 0;
}

static bool set_string(char *out, size_t size, struct text v)
{
        if (v.length >= size)
                return false;
        memcpy(out, v.at, v.length);
        out[v.length] = '\0';
        return true;
}

/* Index of v in a NULL-terminated list, or -1. */
static int choose(struct text v, const char *const *words)
{
        for (int i = 0; words[i] != NULL; i++)
                if (text_equals(v, words[i]))
                        return i;
        return -1;
}

static int digit_of(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* The whole of v as a number of at most `max`. */
static bool parse_number(struct text v, int base, uint64_t max, uint64_t *out)
{
        uint64_t n = 0;

        if (v.length == 0)
                return false;
        for (size_t i = 0; i < v.length; i++) {
                int d = digit_of(v.at[i]);

                if (d >= base || (uint64_t)d > max || n > (max - (uint64_t)d) / (uint64_t)base)
                        return false;
                n = n * (uint64_t)base + (uint64_t)d;
        }
        *out = n;
        return n <= max;
}

/* Takes `length` characters, base 16, off the front of v, and then `end` unless that is 0. */
static bool take_hex(struct text *v, size_t length, char end, uint64_t max, uint64_t *out)
{
        size_t all = length + (end != '\0' ? 1 : 0);

        if (v->length < all || !parse_number((struct text){v->at, length}, 16, max, out))
                return false;
        if (end != '\0' && v->at[length] != end)
                return false;
        v->at += all;
        v->length -= all;
        return true;
}

static bool is_name_character(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
}

bool config_set_name(char out[CONFIG_NAME], struct text v)
{
        for (size_t i = 0; i < v.length; i++)
                if (!is_name_character(v.at[i]))
                        return false;
        return v.length > 0 && set_string(out, CONFIG_NAME, v);
}

/* ---- [guest NAME] ---------------------------------------------------------------------------- */

static bool set_image(void *section, struct text v)
{
        struct config_guest *g = section;

        return v.length > 0 && set_string(g->image, sizeof(g->image), v);
}

static bool set_memory(void *section, struct text v)
{
        static const char *const units[] = {"K", "M", "G", NULL};
        struct config_guest *g = section;
        unsigned shift = 0;
        uint64_t n;

        if (v.length > 0 && digit_of(v.at[v.length - 1]) > 9) {
                int unit = choose((struct text){v.at + v.length - 1, 1}, units);

                if (unit < 0)
                        return false;
                shift = 10 * (unsigned)(unit + 1);
                v.length--;
        }
        if (!parse_number(v, 10, CONFIG_MEMORY_MAX >> shift, &n))
                return false;
        g->memory = n << shift;
        return g->memory >= CONFIG_MEMORY_MIN && g->memory % RF_PAGE_SIZE == 0;
}

static bool set_cpus(void *section, struct text v)
{
        struct config_guest *g = section;
        uint64_t n;

        if (!parse_number(v, 10, RF_GUEST_VCPUS, &n) || n == 0)
                return false;
        g->cpus = (uint32_t)n;
        return true;
}

static bool set_mac(void *section, struct text v)
{
        struct config_guest *g = section;
        uint8_t any = 0;
        uint64_t byte;

        for (int i = 0; i < 6; i++) {
                if (!take_hex(&v, 2, i < 5 ? ':' : '\0', 0xff, &byte))
                        return false;
                g->mac[i] = (uint8_t)byte;
                any |= g->mac[i];
        }
        return v.length == 0 && (g->mac[0] & 1) == 0 && any != 0; /* bit 0 of the first byte: multicast */
}

static bool set_arguments(void *section, struct text v)
{
        struct config_guest *g = section;

        return set_string(g->arguments, sizeof(g->arguments), v);
}

static bool set_restart(void *section, struct text v)
{
        static const char *const words[] = {"never", "on-failure", "always", NULL};
        struct config_guest *g = section;
        int i = choose(v, words);

        if (i < 0)
                return false;
        g->restart = (enum config_restart)i;
        return true;
}

static bool set_queue(void *section, struct text v)
{
        static const char *const words[] = {"auto", "hardware", "soft", NULL};
        struct config_guest *g = section;
        int i = choose(v, words);

        if (i < 0)
                return false;
        g->queue = (enum config_queue)i;
        return true;
}

const struct config_key config_guest_keys[GUEST_KEYS] = {
    [GUEST_IMAGE] = {"image", "image = FILE, a name of at most 63 characters", set_image},
    [GUEST_MEMORY] = {"memory", "memory = NUMBER[K|M|G], at least 4M, whole pages of 4K", set_memory},
    [GUEST_CPUS] = {"cpus", "cpus = NUMBER, from 1 to 8", set_cpus},
    [GUEST_MAC] = {"mac", "mac = HH:HH:HH:HH:HH:HH, not multicast (first byte even), not zero", set_mac},
    [GUEST_ARGUMENTS] = {"arguments", "arguments = TEXT of at most 1023 characters", set_arguments},
    [GUEST_RESTART] = {"restart", "restart = never, on-failure or always", set_restart},
    [GUEST_QUEUE] = {"queue", "queue = auto, hardware or soft", set_queue},
};

/* ---- [host] ---------------------------------------------------------------------------------- */

static bool set_host_name(void *section, struct text v)
{
        struct config_host *h = section;

        return v.length > 0 && set_string(h->name, sizeof(h->name), v);
}

static bool set_table(void *section, struct text v)
{
        static const char *const words[] = {"live", "plain", "off", NULL};
        struct config_host *h = section;
        struct text word;
        uint64_t n;

        if (v.length == 0)
                return false;
        while (text_word(&v, &word)) {
                int i = choose(word, words);

                if (i >= 0)
                        h->table = (enum config_table)i;
                else if (parse_number(word, 10, 3600, &n) && n > 0)
                        h->table_seconds = (unsigned)n;
                else
                        return false;
        }
        return true;
}

static bool set_nic(void *section, struct text v)
{
        struct config_host *h = section;
        uint64_t bus, device, function;

        h->nic = text_equals(v, "auto") ? NIC_AUTO : text_equals(v, "none") ? NIC_NONE : NIC_ADDRESS;
        if (h->nic != NIC_ADDRESS)
                return true;
        if (v.length == 12 && memcmp(v.at, "0000:", 5) == 0) /* as lspci -D prints it */
                v = (struct text){v.at + 5, v.length - 5};
        if (!take_hex(&v, 2, ':', 0xff, &bus) || !take_hex(&v, 2, '.', 0x1f, &device) ||
            !take_hex(&v, 1, '\0', 7, &function) || v.length != 0)
                return false;
        h->nic_bdf = (uint16_t)(bus << 8 | device << 3 | function);
        return true;
}

static bool set_bare(void *section, struct text v)
{
        struct config_host *h = section;

        return config_set_name(h->bare, v);
}

static const struct {
        const char *word;
        uint32_t control;
} controls[] = {
    {"no-keys-wd", RF_CONTROL_NO_KEYS_WD},
    {"no-byte-check", RF_CONTROL_NO_BYTE_CHECK},
    {"no-open-check", RF_CONTROL_NO_OPEN_CHECK},
    {"no-xsetbv", RF_CONTROL_NO_XSETBV},
    {"no-cr", RF_CONTROL_NO_CR},
    {"no-validate", RF_CONTROL_NO_VALIDATE},
    {"no-reap", RF_CONTROL_NO_REAP},
    {"no-regtable", RF_CONTROL_NO_REGTABLE},
    {"no-exclusive", RF_CONTROL_NO_EXCLUSIVE},
    {"lgdt", RF_CONTROL_LGDT},
    {"no-txflags", RF_CONTROL_NO_TXFLAGS},
    {"no-exceptions", RF_CONTROL_NO_EXCEPTIONS},
    {"no-close-check", RF_CONTROL_NO_CLOSE_CHECK},
    {"no-msr", RF_CONTROL_NO_MSR},
    {"no-wait-check", RF_CONTROL_NO_WAIT_CHECK},
    {"no-spoof-check", RF_CONTROL_NO_SPOOF_CHECK},
    {"panic", RF_CONTROL_PANIC},
    {"bad-entry", RF_CONTROL_BAD_ENTRY},
    {"root-dies", RF_CONTROL_ROOT_DIES},
    {"slow-tick", RF_CONTROL_SLOW_TICK},
    {"no-line", RF_CONTROL_NO_LINE},
};

static uint32_t control_of(struct text word)
{
        for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
                if (text_equals(word, controls[i].word))
                        return controls[i].control;
        return 0;
}

static bool set_control(void *section, struct text v)
{
        struct config_host *h = section;
        struct text word;

        if (v.length == 0)
                return false;
        while (text_word(&v, &word)) {
                if (control_of(word) == 0)
                        return false;
                h->controls |= control_of(word);
        }
        return true;
}

static bool set_console(void *section, struct text v)
{
        static const char *const words[] = {"both", "serial", "screen", NULL};
        struct config_host *h = section;
        int i = choose(v, words);

        h->serial = i != 2;
        h->screen = i != 1;
        return i >= 0;
}

static bool set_log(void *section, struct text v)
{
        static const char *const words[] = {"normal", "verbose", NULL};
        struct config_host *h = section;
        int i = choose(v, words);

        h->verbose = i == 1;
        return i >= 0;
}

const struct config_key config_host_keys[HOST_KEYS] = {
    [HOST_NAME] = {"name", "name = TEXT of at most 31 characters", set_host_name},
    [HOST_TABLE] = {"table", "table = live, plain or off, and a refresh of 1 to 3600 seconds", set_table},
    [HOST_NIC] = {"nic", "nic = auto, none, or BUS:DEV.FN as in 01:00.0", set_nic},
    [HOST_BARE] = {"bare", "bare = NAME, " CONFIG_NAME_FORM, set_bare},
    [HOST_CONTROL] = {"control", "control = names of enum rf_control as in no-byte-check", set_control},
    [HOST_CONSOLE] = {"console", "console = both, serial or screen", set_console},
    [HOST_LOG] = {"log", "log = normal or verbose", set_log},
};

/* ---- addresses for guests that name none ----------------------------------------------------- */

void config_derive_mac(uint8_t mac[6], const char *name, uint32_t salt)
{
        uint32_t hash = 2166136261u ^ salt; /* FNV-1a */

        for (; *name != '\0'; name++)
                hash = (hash ^ (uint8_t)*name) * 16777619u;
        hash ^= hash >> 24;
        mac[0] = 0x02; /* locally administered, unicast */
        mac[1] = 0x52; /* "RF" */
        mac[2] = 0x46;
        mac[3] = (uint8_t)(hash >> 16);
        mac[4] = (uint8_t)(hash >> 8);
        mac[5] = (uint8_t)hash;
}
