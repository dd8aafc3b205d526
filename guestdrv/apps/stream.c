/* SPDX-License-Identifier: MIT
 * meter's book-keeping. */
#include "stream.h"

#include "../net/wire.h"

static uint8_t pattern(uint64_t seq, uint32_t i)
{
        return (uint8_t)(seq * 31 + i * 7);
}

static struct stream_slot *slot_of(struct stream *s, uint64_t seq)
{
        return &s->slot[seq % STREAM_SLOTS];
}

bool stream_may_send(const struct stream *s, uint32_t window)
{
        return s->out < window && s->next - s->oldest < STREAM_SLOTS;
}

void stream_send(struct stream *s, uint8_t *data, uint32_t bytes, uint64_t now_ns)
{
        uint64_t seq = s->next++;

        *slot_of(s, seq) = (struct stream_slot){seq, now_ns, bytes, STREAM_OUT};
        s->out++;
        if (seq == 0)
                s->first_ns = now_ns;
        put16(data, s->run);
        put64(data + 2, seq);
        put64(data + 10, now_ns);
        for (uint32_t i = STREAM_HEADER; i < bytes; i++)
                data[i] = pattern(seq, i);
}

static bool intact(const struct stream_slot *t, const uint8_t *data, uint32_t bytes)
{
        if (bytes != t->bytes || get64(data + 10) != t->sent_ns)
                return false;
        for (uint32_t i = STREAM_HEADER; i < bytes; i++)
                if (data[i] != pattern(t->seq, i))
                        return false;
        return true;
}

static void settle(struct stream *s, struct stream_slot *t, uint64_t now_ns)
{
        if (t->state == STREAM_LOST) { /* later than the timeout: not lost after all */
                s->lost--;
                s->late++;
        } else {
                s->out--;
        }
        t->state = STREAM_BACK;
        s->received++;
        s->last_ns = now_ns;
        histogram_add(&s->latency, now_ns - t->sent_ns);
}

void stream_receive(struct stream *s, const uint8_t *data, uint32_t bytes, uint64_t now_ns)
{
        struct stream_slot *t;

        if (bytes < STREAM_HEADER || get16(data) != s->run) {
                s->stray++;
                return;
        }
        t = slot_of(s, get64(data + 2));
        if (t->state == STREAM_FREE || t->seq != get64(data + 2))
                s->stray++;
        else if (!intact(t, data, bytes))
                s->corrupt++;
        else if (t->state == STREAM_BACK)
                s->duplicates++;
        else
                settle(s, t, now_ns);
}

uint64_t stream_expire(struct stream *s, uint64_t now_ns, uint64_t timeout_ns)
{
        for (; s->oldest < s->next; s->oldest++) {
                struct stream_slot *t = slot_of(s, s->oldest);

                if (t->state != STREAM_OUT)
                        continue;
                if (now_ns - t->sent_ns < timeout_ns)
                        return t->sent_ns + timeout_ns;
                t->state = STREAM_LOST;
                s->lost++;
                s->out--;
        }
        return UINT64_MAX;
}

uint64_t stream_rate(const struct stream *s)
{
        uint64_t us = (s->last_ns - s->first_ns) / 1000;

        return s->received == 0 || us == 0 ? 0 : s->received * 1000000 / us;
}
