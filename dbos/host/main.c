/* SPDX-License-Identifier: MIT
 *
 * dbos: shows a driver's author what the hypervisor will do with an image, before anything is booted.
 * Exit code: 0 the image starts, 2 it is refused, 1 usage or file error.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm.h"
#include "report.h"
#include "stores.h"

enum { STARTS = 0, ERROR = 1, REFUSED = 2 };

static struct image image;
static struct output output = {.im = &image};
static struct options {
        bool strict, code;
} options;
static uint64_t asked; /* `explain` wants only this address; 0: all */

static void on_finding(void *ctx, const struct dbos_finding *f)
{
        if (!asked || asked - f->va < (f->length ? f->length : 3u))
                output_finding(&output, f);
}

static const char *verdict(const struct dbos_summary *sum, int *code)
{
        *code = REFUSED;
        if (sum->refused)
                return "refused";
        if (options.strict && sum->kills)
                return "refused, since warnings count (--strict)";
        if (image.kind != IMAGE_GUEST && !options.code)
                return "not a guest image: link it statically at RF_IMAGE_BASE; --code judges its code alone";
        *code = STARTS;
        return image.kind == IMAGE_GUEST ? "starts" : "its code is accepted";
}

static int broken(int error)
{
        fprintf(stderr, "%s: the engine cannot work on it (error %d)\n", image.name, -error);
        return ERROR;
}

static int check(void)
{
        struct dbos_space space = image_space(&image, on_finding);
        struct dbos_summary sum;
        int code, error = image_subtract(&image, &space, &sum);
        const char *words;

        if (error && error != -RF_EREFUSED)
                return broken(error);
        words = verdict(&sum, &code);
        if (!asked || output.json)
                output_end(&output, &sum, words, code);
        return code;
}

/* ---- explain ---------------------------------------------------------------------------------------- */

/* What stands at the address, by the same decoder and policy, before anything is rewritten. */
static void explain_plain(const struct dbos_space *space)
{
        char text[160], function[80];
        struct insn in;

        if (!insn_read(space, asked, UINT64_MAX, false, &in)) {
                printf("%#lx: %s\n", (unsigned long)asked,
                       in.have ? "not an instruction" : "nothing is mapped there");
                return;
        }
        disassemble(&in, text, sizeof text);
        image_function(&image, asked, function, sizeof function);
        printf("%#lx: %s%s%s\n    %s\n", (unsigned long)asked, text, *function ? " in " : "", function,
               policy_of(&in.z).way == WAY_KEEP
                   ? "no rule is against it; it runs as it is"
                   : "not reached from any symbol, so left alone; its boundaries are not certain");
}

static struct dbos_finding explained; /* the last one */

static void on_explained(void *ctx, const struct dbos_finding *f)
{
        if (asked - f->va >= (f->length ? f->length : 3u))
                return;
        output_finding(&output, f);
        explained = *f;
}

static int explain(const char *address)
{
        struct dbos_space space = image_space(&image, on_explained);
        struct dbos_summary sum;
        char *end = NULL;
        int code, error;

        if (!address)
                return check();
        asked = strtoull(address, &end, 16);
        if (*end || !asked) {
                fprintf(stderr, "dbos: '%s' is not an address: expected hexadecimal, as 400001000\n",
                        address);
                return ERROR;
        }
        error = image_subtract(&image, &space, &sum);
        if (error && error != -RF_EREFUSED)
                return broken(error);
        verdict(&sum, &code);
        if (!output.printed)
                explain_plain(&space);
        else if (explained.trampoline)
                output_trampoline(&output, &space, explained.trampoline);
        return code;
}

static int rewrite(const char *to)
{
        int result = check();

        return result == STARTS && !image_write(&image, to) ? ERROR : result;
}

static int usage(void)
{
        fputs(
            "usage: dbos [OPTION]... check FILE              what a guest image will meet\n"
            "       dbos [OPTION]... explain FILE [ADDRESS]  the same, or what happens at one (hexadecimal)\n"
            "       dbos [OPTION]... rewrite IN OUT          write the image as it will run\n"
            "       dbos [OPTION]... stores FILE FUNCTION... each store there, were it to hit ring or tail\n"
            "  --json    findings and summary as one JSON object (check, rewrite, stores)\n"
            "  --quiet   the summary alone\n"
            "  --strict  what kills when executed counts as an error\n"
            "  --code    judge the code of an object (.o, .ko) or library, which is no guest image\n"
            "exit code: 0 the image starts, 2 it is refused, 1 usage or file error\n",
            stderr);
        return ERROR;
}

static bool parse(int argc, char **argv)
{
        static const struct option known[] = {{"json", 0, NULL, 'j'},
                                              {"quiet", 0, NULL, 'q'},
                                              {"strict", 0, NULL, 's'},
                                              {"code", 0, NULL, 'c'},
                                              {0}};

        for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                output.json |= o == 'j';
                output.quiet |= o == 'q';
                options.strict |= o == 's';
                options.code |= o == 'c';
                if (o == '?')
                        return false;
        }
        return true;
}

int main(int argc, char **argv)
{
        const char *command;
        int n;

        if (!parse(argc, argv))
                return usage();
        argv += optind;
        n = argc - optind;
        command = n ? argv[0] : "";
        if ((strcmp(command, "check") || n != 2) && (strcmp(command, "explain") || n < 2 || n > 3) &&
            (strcmp(command, "rewrite") || n != 3) && (strcmp(command, "stores") || n < 3))
                return usage();
        if (!image_open(&image, argv[1]))
                return image.kind == IMAGE_GUEST && image.elf.file ? REFUSED : ERROR;
        output.json &= command[0] != 'e';
        output_begin(&output);
        if (command[0] == 'c')
                return check();
        if (command[0] == 'e')
                return explain(n == 3 ? argv[2] : NULL);
        if (command[0] == 's')
                return stores(&output, argv + 2);
        return rewrite(argv[2]);
}
