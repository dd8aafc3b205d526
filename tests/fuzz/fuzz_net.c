/* SPDX-License-Identifier: MIT
 * libFuzzer harness of the guests' small network stack: any frame from the wire. It may answer or drop, and
 * what it wants sent must fit the wire and bear its own source address. */
#include <stdlib.h>
#include <string.h>

#include "../../guestdrv/net/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { OUR_IP = 0x0a4d000b };
static const uint8_t our_mac[6] = {0x52, 0x54, 0x00, 0x77, 0x01, 0x01};

static void must(bool holds)
{
        if (!holds)
                abort();
}

/* The first byte says whether the frame is addressed to us, so that more than one in 2^48 gets past. */
static void address(uint8_t *frame, size_t n, uint8_t how)
{
        static const uint8_t ip[4] = {OUR_IP >> 24, OUR_IP >> 16 & 0xff, OUR_IP >> 8 & 0xff, OUR_IP & 0xff};

        if (n >= 6 && (how & 1) != 0)
                memcpy(frame, our_mac, 6);
        if (n >= 34 && (how & 2) != 0)
                memcpy(frame + 30, ip, 4);
        if (n >= 34 && (how & 4) != 0)
                net_ipv4_set_checksum(frame + 14);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        struct net_stack stack = {.ip = OUR_IP};
        struct rf_frame f = {.length = n > 0 ? (uint32_t)n - 1 : 0};

        if (n < 1 + RF_NET_MIN || n > 1 + RF_NET_BUFFER)
                return 0;
        memcpy(stack.mac, our_mac, 6);
        f.data = malloc(f.length < RF_NET_TX_MIN ? RF_NET_TX_MIN : f.length);
        memcpy(f.data, data + 1, f.length);
        address(f.data, f.length, data[0]);
        if (net_input(&stack, &f) == NET_SEND) {
                must(f.length > 0 && f.length <= n - 1);
                must(memcmp(f.data + ETH_SRC, our_mac, 6) == 0 && !mac_is_group(f.data + ETH_DST));
        }
        free(f.data);
        return 0;
}
