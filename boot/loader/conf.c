/* SPDX-License-Identifier: MIT
 * A tolerant scan of ringfence.conf: see conf.h. */
#include "conf.h"

#include "rf_string.h"

struct slice {
        const char *at, *end;
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

static struct slice trim(struct slice s)
{
        while (s.at < s.end && is_blank(s.at[0]))
                s.at++;
        while (s.at < s.end && is_blank(s.end[-1]))
                s.end--;
        return s;
}

static bool is(struct slice s, const char *word)
{
        size_t n = strlen(word);

        return (size_t)(s.end - s.at) == n && memcmp(s.at, word, n) == 0;
}

/* The text up to `stop`, which is skipped; all of it when there is no `stop`. */
static struct slice cut(struct slice *rest, char stop)
{
        struct slice head = {rest->at, rest->at};

        while (head.end < rest->end && *head.end != stop)
                head.end++;
        rest->at = head.end < rest->end ? head.end + 1 : head.end;
        return head;
}

/* A file name has no blanks here, so that a comment behind it does not become part of it. */
static void take_value(struct slice value, struct conf_item *item)
{
        size_t n = 0;

        value = trim(value);
        for (; value.at < value.end && !is_blank(*value.at) && *value.at != '#' && *value.at != ';';
             value.at++) {
                if (n + 1 < sizeof(item->name))
                        item->name[n++] = *value.at;
                else
                        item->truncated = true;
        }
}

static bool read_line(struct conf *conf, struct slice line, struct conf_item *item)
{
        struct slice key;

        line = trim(line);
        if (line.at < line.end && *line.at == '[') {
                line.at++;
                conf->in_host = is(trim(cut(&line, ']')), "host");
                return false;
        }
        *item = (struct conf_item){0};
        key = trim(cut(&line, '='));
        if (is(key, "image"))
                item->kind = CONF_IMAGE;
        else if (is(key, "bare") && conf->in_host)
                item->kind = CONF_BARE;
        else
                return false;
        take_value(line, item);
        return item->name[0] != '\0';
}

struct conf conf_start(const char *text, uint64_t bytes)
{
        static const char bom[3] = {'\xef', '\xbb', '\xbf'}; /* some editors put it before UTF-8 text */
        uint64_t skip = bytes >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0 ? sizeof(bom) : 0;

        return (struct conf){.at = text + skip, .end = text + bytes};
}

bool conf_next(struct conf *conf, struct conf_item *item)
{
        struct slice rest = {conf->at, conf->end};
        bool found = false;

        while (!found && rest.at < rest.end)
                found = read_line(conf, cut(&rest, '\n'), item);
        conf->at = rest.at;
        return found;
}
