/* SPDX-License-Identifier: MIT
 * Commands by single keys: for the person at the terminal and for the tests. */
#include "keys.h"

#include "console.h"
#include "guest.h"
#include "log.h"
#include "stat.h"
#include "sys.h"
#include "table.h"

static void help(void)
{
        static const char *const lines[] = {
            "keys:  t  table: per second, totals, plain, off",
            "       s  totals of every guest, one line each",
            "       k N  kill guest N (its restart policy applies)      r N  restart guest N now",
            "       a  audit: walk all page tables                      q  stop everything      h  this",
        };

        for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
                log_line("%s", lines[i]);
        for (unsigned i = 0; i < nguests; i++)
                log_line("guest %u: %s", guests[i].number, guests[i].config->name);
}

static void stop(void)
{
        static const struct console_table none;

        for (unsigned i = 0; i < nguests; i++)
                console_guest_flush(&guests[i]);
        console_show(&none);
        stat_print();
        log_line("stopped");
        sys_halt(0);
}

static void command(int key)
{
        switch (key) {
        case 'q':
                stop();
                break;
        case 't':
                table_next_mode();
                break;
        case 's':
                stat_print();
                break;
        case 'a':
                log_line("audit: %ld mappings break the rules", sys_audit());
                break;
        case 'h':
        case '?':
                help();
                break;
        }
}

static void guest_command(int key, int digit)
{
        unsigned number = (unsigned)(digit - '0');

        if (digit < '1' || digit > '9' || number > nguests)
                log_line("no guest %c; h lists them", digit);
        else if (key == 'k')
                guest_kill(&guests[number - 1]);
        else
                guest_restart(&guests[number - 1]);
}

void keys_poll(void)
{
        static int prefix; /* 'k' or 'r': the guest's number comes next */
        int key;

        while ((key = console_key()) >= 0) {
                if (prefix != 0)
                        guest_command(prefix, key);
                else if (key != 'k' && key != 'r')
                        command(key);
                prefix = prefix == 0 && (key == 'k' || key == 'r') ? key : 0;
        }
}
