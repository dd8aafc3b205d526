/* SPDX-License-Identifier: MIT
 * Arguments by table, with errors a user can act on. */
#include "args.h"

#include "rf/error.h"
#include "rf_format.h"
#include "rf_string.h"

struct parser {
        const struct args_option *options;
        size_t count;
        uint64_t seen; /* bit i: option i */
        char *text;
        size_t size;
};

static const char *equals(const struct args_option *o)
{
        return o->form != NULL ? "=" : "";
}

/* The value in `word` if it is option o: behind the '=', or "" for a flag. NULL if it is another one. */
static const char *match(const struct args_option *o, const char *word)
{
        size_t n = strlen(o->key);

        if (strncmp(word, o->key, n) != 0)
                return NULL;
        if (o->form == NULL)
                return word[n] == '\0' ? word + n : NULL;
        return word[n] == '=' ? word + n + 1 : NULL;
}

static int unknown(struct parser *p, const char *word)
{
        size_t n = rf_snprintf(p->text, p->size, "unknown argument \"%s\"; known are", word);

        for (size_t i = 0; i < p->count && n < p->size; i++)
                n +=
                    rf_snprintf(p->text + n, p->size - n, " %s%s", p->options[i].key, equals(&p->options[i]));
        return -RF_EINVAL;
}

static int apply(struct parser *p, size_t i, const char *word, const char *value)
{
        const struct args_option *o = &p->options[i];

        if ((p->seen >> i & 1) != 0 && !o->many) {
                rf_snprintf(p->text, p->size, "argument \"%s\" is given twice", o->key);
                return -RF_EINVAL;
        }
        p->seen |= 1ull << i;
        if (o->set(o->ctx, value) == 0)
                return 0;
        rf_snprintf(p->text, p->size, "bad argument \"%s\": expected %s%s%s", word, o->key, equals(o),
                    o->form != NULL ? o->form : "");
        return -RF_EINVAL;
}

static int parse_word(struct parser *p, const char *word)
{
        for (size_t i = 0; i < p->count; i++) {
                const char *value = match(&p->options[i], word);

                if (value != NULL)
                        return apply(p, i, word, value);
        }
        return unknown(p, word);
}

int args_parse(const struct args_option *options, size_t count, int argc, char **argv, char *text,
               size_t size)
{
        struct parser p = {options, count, 0, text, size};

        for (int i = 1; i < argc; i++)
                if (parse_word(&p, argv[i]) != 0)
                        return -RF_EINVAL;
        for (size_t i = 0; i < count; i++) {
                if (!options[i].required || (p.seen >> i & 1) != 0)
                        continue;
                rf_snprintf(text, size, "missing argument: %s=%s", options[i].key, options[i].form);
                return -RF_EINVAL;
        }
        return 0;
}
