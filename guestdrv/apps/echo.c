/* SPDX-License-Identifier: MIT
 * echo: answers ARP, ping, and UDP on any port with what it got. Arguments: see net/app.h. */
#include "../net/app.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static struct net_app app;
        int status = net_app_start(&app, NULL, 0, argc, argv);

        return status != 0 ? status : net_app_run(&app);
}
