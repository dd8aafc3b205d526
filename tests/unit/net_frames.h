/* SPDX-License-Identifier: MIT
 * Frames for tests of the small stack. They are made byte by byte here, not by the code under test. */
#ifndef NET_FRAMES_H
#define NET_FRAMES_H

#include <stdint.h>
#include <string.h>

#define MAC_US    0x525400770101ull
#define MAC_PEER  0x525400770001ull
#define MAC_NEXT  0x525400770099ull
#define IP_US     0x0a4d0003u /* 10.77.0.3 */
#define IP_PEER   0x0a4d0001u
#define IP_NEXT   0x0a4d0002u
#define IP_REMOTE 0xc0a80505u /* 192.168.5.5 */

struct frame {
        uint32_t length;
        uint8_t data[2048];
};

static inline void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
        while (bytes-- > 0)
                *p++ = (uint8_t)(v >> 8 * bytes);
}

static inline uint64_t get_be(const uint8_t *p, unsigned bytes)
{
        uint64_t v = 0;

        while (bytes-- > 0)
                v = v << 8 | *p++;
        return v;
}

/* RFC 1071 as it stands: word by word, end-around carry at each step. */
static inline uint16_t slow_checksum(const uint8_t *p, unsigned n, uint32_t sum)
{
        for (unsigned i = 0; i < n; i += 2) {
                sum += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
                sum = (sum & 0xffff) + (sum >> 16);
        }
        return (uint16_t)~sum;
}

static inline void fix_ip(struct frame *f)
{
        put_be(f->data + 24, 0, 2);
        put_be(f->data + 24, slow_checksum(f->data + 14, 20, 0), 2);
}

static inline uint16_t udp_checksum(const struct frame *f)
{
        uint16_t bytes = (uint16_t)get_be(f->data + 38, 2), pseudo;

        pseudo = (uint16_t)~slow_checksum(f->data + 26, 8, 17u + bytes);
        return slow_checksum(f->data + 34, bytes, pseudo);
}

static inline struct frame ipv4_frame(uint64_t dst, uint64_t src, uint32_t dst_ip, uint32_t src_ip,
                                      uint8_t protocol, uint32_t payload)
{
        struct frame f = {.length = 34 + payload};

        put_be(f.data, dst, 6);
        put_be(f.data + 6, src, 6);
        put_be(f.data + 12, 0x0800, 2);
        f.data[14] = 0x45;
        put_be(f.data + 16, 20 + payload, 2);
        put_be(f.data + 18, 0x1234, 2);
        f.data[22] = 64;
        f.data[23] = protocol;
        put_be(f.data + 26, src_ip, 4);
        put_be(f.data + 30, dst_ip, 4);
        fix_ip(&f);
        return f;
}

static inline struct frame udp_frame(uint64_t src, uint32_t dst_ip, uint32_t src_ip, uint16_t sport,
                                     uint16_t dport, uint32_t bytes)
{
        struct frame f = ipv4_frame(MAC_US, src, dst_ip, src_ip, 17, 8 + bytes);

        put_be(f.data + 34, sport, 2);
        put_be(f.data + 36, dport, 2);
        put_be(f.data + 38, 8 + bytes, 2);
        for (uint32_t i = 0; i < bytes; i++)
                f.data[42 + i] = (uint8_t)(i * 37 + sport);
        put_be(f.data + 40, udp_checksum(&f), 2);
        return f;
}

static inline struct frame icmp_frame(uint32_t dst_ip, uint32_t src_ip, uint32_t bytes)
{
        struct frame f = ipv4_frame(MAC_US, MAC_PEER, dst_ip, src_ip, 1, 8 + bytes);

        f.data[34] = 8;
        put_be(f.data + 38, 0x77770001, 4);
        for (uint32_t i = 0; i < bytes; i++)
                f.data[42 + i] = (uint8_t)(i * 11);
        put_be(f.data + 36, slow_checksum(f.data + 34, 8 + bytes, 0), 2);
        return f;
}

static inline struct frame arp_frame(uint16_t op, uint64_t src, uint32_t sender_ip, uint32_t target_ip)
{
        struct frame f = {.length = 60};

        put_be(f.data, op == 1 ? 0xffffffffffffull : MAC_US, 6);
        put_be(f.data + 6, src, 6);
        put_be(f.data + 12, 0x0806, 2);
        put_be(f.data + 14, 0x000108000604ull, 6);
        put_be(f.data + 20, op, 2);
        put_be(f.data + 22, src, 6);
        put_be(f.data + 28, sender_ip, 4);
        put_be(f.data + 32, op == 1 ? 0 : MAC_US, 6);
        put_be(f.data + 38, target_ip, 4);
        return f;
}

#endif
