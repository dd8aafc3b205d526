/* SPDX-License-Identifier: MIT
 * The guest's argument text into words. */
#include "sdk.h"

#include <stdbool.h>

static bool is_space(char c)
{
        return c == ' ' || c == '\t';
}

/* Copies one word from *from to `to` without its quotes; leaves *from behind the word. */
static int take_word(char **from, char *to)
{
        bool quoted = false;
        char *p = *from;

        for (; *p != '\0' && (quoted || !is_space(*p)); p++) {
                if (*p == '"')
                        quoted = !quoted;
                else
                        *to++ = *p;
        }
        *from = *p != '\0' ? p + 1 : p; /* before the NUL below, which may land on *p */
        *to = '\0';
        return quoted ? -RF_EINVAL : 0;
}

int rf_split(char *text, char **words, int max)
{
        int n = 0;

        for (;;) {
                while (is_space(*text))
                        text++;
                if (*text == '\0')
                        return n;
                if (n == max)
                        return -RF_ENOMEM;
                words[n++] = text;
                if (take_word(&text, text) != 0)
                        return -RF_EINVAL;
        }
}
