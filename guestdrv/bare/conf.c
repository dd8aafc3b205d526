/* SPDX-License-Identifier: MIT
 * The few lines of ringfence.conf that a bare image needs. */
#include "../net/args.h"
#include "bare.h"
#include "rf_string.h"

struct text {
        const char *p;
        size_t n;
};

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static struct text trim(struct text t)
{
        for (; t.n > 0 && is_space(t.p[0]); t.n--)
                t.p++;
        while (t.n > 0 && is_space(t.p[t.n - 1]))
                t.n--;
        return t;
}

static bool equal(struct text t, const char *s)
{
        return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0;
}

static int copy(struct text t, char *to, size_t size)
{
        if (t.n >= size)
                return -RF_EFORMAT;
        memcpy(to, t.p, t.n);
        to[t.n] = '\0';
        return 0;
}

static struct text next_line(struct text *rest)
{
        struct text line = {rest->p, 0};

        while (line.n < rest->n && line.p[line.n] != '\n')
                line.n++;
        rest->p += line.n;
        rest->n -= line.n;
        if (rest->n > 0) {
                rest->p++;
                rest->n--;
        }
        return trim(line);
}

/* The value of `key` in `[section]`, the first if there are several; n = 0 with p = NULL if there is none. */
static struct text find(struct text file, const char *section, const char *key)
{
        bool inside = false;

        while (file.n > 0) {
                struct text line = next_line(&file), left = line;

                if (line.n >= 2 && line.p[0] == '[' && line.p[line.n - 1] == ']') {
                        inside = equal(trim((struct text){line.p + 1, line.n - 2}), section);
                        continue;
                }
                for (left.n = 0; left.n < line.n && line.p[left.n] != '=';)
                        left.n++;
                if (inside && left.n < line.n && equal(trim(left), key))
                        return trim((struct text){line.p + left.n + 1, line.n - left.n - 1});
        }
        return (struct text){NULL, 0};
}

int bare_conf_read(const char *text, size_t bytes, struct bare_conf *c)
{
        struct text file = {text, bytes}, value = find(file, "host", "bare");
        char section[sizeof(c->name) + 6] = "guest ", mac[18];

        memset(c, 0, sizeof(*c));
        if (value.p == NULL || value.n == 0)
                return -RF_ENOENT;
        if (copy(value, c->name, sizeof(c->name)) != 0)
                return -RF_EFORMAT;
        memcpy(section + 6, c->name, sizeof(c->name));
        if (copy(find(file, section, "arguments"), c->arguments, sizeof(c->arguments)) != 0)
                return -RF_EFORMAT;
        value = find(file, section, "mac");
        c->has_mac = value.p != NULL;
        if (!c->has_mac)
                return 0;
        return copy(value, mac, sizeof(mac)) != 0 || args_mac(mac, c->mac) != 0 ? -RF_EFORMAT : 0;
}
