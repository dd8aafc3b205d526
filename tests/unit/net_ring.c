/* SPDX-License-Identifier: MIT
 * The ring driver against the bed's NIC, built once for each form. */
#include "net_bed.h"

static struct rf_net *net;

static int set_up(void **state)
{
        bed_make(BED_BUFFERS);
        assert_int_equal(rf_net_open(&net, 0), 0);
        bed_nic_look();
        return 0;
}

static int tear_down(void **state)
{
        bed_free();
        return 0;
}

static void fill(uint8_t *data, uint32_t length, uint32_t seed)
{
        for (uint32_t i = 0; i < length; i++)
                data[i] = (uint8_t)(seed * 7 + i * 13);
}

static uint32_t frame_length(uint32_t seed)
{
        return 60 + seed * 997 % 1455;
}

/* Frames received and sent on, until nothing moves; returns how many. */
static unsigned reflect(unsigned burst)
{
        struct rf_frame f[64];
        unsigned n = rf_net_rx_burst(net, f, burst), sent = rf_net_tx_burst(net, f, n);

        for (unsigned i = sent; i < n; i++)
                rf_net_free(net, &f[i]);
        assert_int_equal(sent, n);
        return n;
}

/* Every buffer is with the NIC or can be allocated; none is lost, none is there twice. */
static void check_all_buffers(void)
{
        static struct rf_frame all[BED_BUFFERS];
        unsigned n = 0, owned;

        bed_nic_send(1000);
        reflect(64);
        bed_nic_send(1000);
        while (n < BED_BUFFERS && rf_net_alloc(net, &all[n]) == 0)
                n++;
        bed_nic_look();
        owned = bed_owned(&bed->rx) + bed_owned(&bed->tx);
        assert_int_equal(bed_owned(&bed->tx), 0);
        assert_int_equal(n + owned, BED_BUFFERS);
        for (unsigned i = 0; i < n; i++)
                assert_false(bed->nic_has[all[i].buffer]);
        for (unsigned i = 0; i < n; i++)
                rf_net_free(net, &all[i]);
        assert_int_equal(rf_net_stats(net)->misuse, 0);
}

static void test_open_fills_ring(void **state)
{
        assert_int_equal(bed_owned(&bed->rx), RF_RING_ENTRIES - 1);
        assert_int_equal(bed_owned(&bed->tx), 0);
        check_all_buffers();
}

static void test_frames_go_round(void **state)
{
        static uint8_t data[RF_NET_BUFFER];
        uint32_t in = 0, out = 0;

        while (out < 20000) {
                unsigned burst = 1 + in * 31 % 60;

                for (unsigned i = 0; i < burst; i++) {
                        fill(data, frame_length(in), in);
                        in += bed_nic_receive(data, frame_length(in));
                }
                reflect(1 + in * 17 % 64);
                for (unsigned i = bed_nic_send(1 + in * 5 % 50); i > 0; i--, out++) {
                        const struct bed_frame *f = &bed->sent[(bed->nsent - i) % BED_KEEP];

                        fill(data, frame_length(out), out);
                        assert_int_equal(f->length, frame_length(out));
                        assert_memory_equal(f->data, data, f->length);
                }
        }
        while (reflect(64) > 0)
                bed_nic_send(64);
        assert_int_equal(bed->nsent, in);
        assert_int_equal(rf_net_stats(net)->rx_frames, in);
        assert_int_equal(rf_net_stats(net)->tx_frames, in);
        check_all_buffers();
}

/* A slot is the NIC's from the first commit on: one frame at a time goes round the ring often. */
static void test_single_frames(void **state)
{
        uint8_t data[60] = {1, 2, 3};

        for (unsigned i = 0; i < 3 * RF_RING_ENTRIES; i++) {
                assert_true(bed_nic_receive(data, sizeof(data)));
                assert_int_equal(reflect(64), 1);
                assert_int_equal(reflect(64), 0);
                assert_int_equal(bed_nic_send(64), 1);
        }
        check_all_buffers();
}

static void test_hostile_write_backs(void **state)
{
        const struct rf_net_stats *s = rf_net_stats(net);
        uint8_t data[RF_NET_BUFFER] = {0};
        struct rf_frame f[64];

        for (unsigned i = 0; i < 300; i++) {
                assert_true(bed_nic_receive_raw(data, 0, 0, BED_EOP));
                assert_true(bed_nic_receive_raw(data, 13, 13, BED_EOP));
                assert_true(bed_nic_receive_raw(data, 64, 2049, BED_EOP));
                assert_true(bed_nic_receive_raw(data, 64, 65535, BED_EOP));
                assert_true(bed_nic_receive_raw(data, 64, 64, BED_EOP | BED_BAD));
                assert_true(bed_nic_receive_raw(data, 64, 64, 0)); /* two in one frame: both go */
                assert_true(bed_nic_receive_raw(data, 64, 64, BED_EOP));
                assert_true(bed_nic_receive_raw(data, 2048, 2048, BED_OTHER));
                assert_int_equal(rf_net_rx_burst(net, f, 64), 1);
                assert_int_equal(f[0].length, 2048);
                rf_net_free(net, &f[0]);
        }
        s = rf_net_stats(net);
        assert_int_equal(s->rx_runts, 600);
        assert_int_equal(s->rx_oversize, 1200);
        assert_int_equal(s->rx_errors, 300);
        assert_int_equal(s->rx_frames, 300);
        check_all_buffers();
}

static void test_transmit_full(void **state)
{
        struct rf_frame f[300];
        unsigned sent = 0;

        for (unsigned i = 0; i < 300; i++) {
                assert_int_equal(rf_net_alloc(net, &f[i]), 0);
                fill(f[i].data, 60, i);
                f[i].length = 60;
        }
        sent = rf_net_tx_burst(net, f, 300);
        assert_int_equal(sent, RF_RING_ENTRIES - 1);
        assert_int_equal(rf_net_tx_room(net), 0);
        assert_int_equal(rf_net_tx_burst(net, f + sent, 300 - sent), 0);
        bed_nic_send(7);
        assert_int_equal(rf_net_tx_room(net), 7);
        sent += rf_net_tx_burst(net, f + sent, 300 - sent);
        assert_int_equal(sent, RF_RING_ENTRIES - 1 + 7);
        bed_nic_send(300);
        sent += rf_net_tx_burst(net, f + sent, 300 - sent);
        assert_int_equal(sent, 300);
        bed_nic_send(300);
        assert_int_equal(bed->nsent, 300);
        check_all_buffers();
}

static void test_lengths(void **state)
{
        static const uint32_t lengths[] = {0, 1, 14, 59, 60, 1514, 1515, 2048, 0xffffffff};
        unsigned n = sizeof(lengths) / sizeof(lengths[0]);
        struct rf_frame f;

        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(rf_net_alloc(net, &f), 0);
                memset(f.data, 0xee, RF_NET_BUFFER);
                f.length = lengths[i];
                assert_int_equal(rf_net_tx_burst(net, &f, 1), 1);
        }
        bed_nic_send(n);
        assert_int_equal(bed->nsent, 5);
        for (unsigned i = 0; i < 5; i++) {
                const struct bed_frame *b = &bed->sent[i];
                uint32_t length = lengths[i + 1];

                assert_int_equal(b->length, length < 60 ? 60 : length);
                for (uint32_t k = 0; k < b->length; k++)
                        assert_int_equal(b->data[k], k < length ? 0xee : 0);
        }
        assert_int_equal(rf_net_stats(net)->tx_refused, 4);
        check_all_buffers();
}

static void test_misuse(void **state)
{
        struct rf_frame f, wrong = {NULL, 60, BED_BUFFERS}, driver = {NULL, 60, 0};

        assert_int_equal(rf_net_alloc(net, &f), 0);
        f.length = 60;
        rf_net_free(net, &f);
        rf_net_free(net, &f);
        assert_int_equal(rf_net_tx_burst(net, &f, 1), 1);
        rf_net_free(net, &wrong);
        wrong.buffer = UINT32_MAX;
        rf_net_tx_burst(net, &wrong, 1);
        rf_net_tx_burst(net, &driver, 1); /* on the receive ring */
        assert_int_equal(rf_net_stats(net)->misuse, 5);
        assert_int_equal(bed_nic_send(10), 0);
}

/* The program keeps everything: no receive buffer is left, and waiting must not look at an old slot. */
static void test_starved(void **state)
{
        static struct rf_frame f[BED_BUFFERS];
        uint8_t data[60] = {0};
        unsigned n = 0, got;

        while (n < BED_BUFFERS && rf_net_alloc(net, &f[n]) == 0)
                n++;
        while (bed_nic_receive(data, sizeof(data)))
                ;
        do {
                got = rf_net_rx_burst(net, f + n, BED_BUFFERS - n);
                n += got;
        } while (got > 0);
        assert_int_equal(n, BED_BUFFERS);
        assert_int_equal(rf_net_alloc(net, &f[0]), -RF_ENOMEM);
        assert_int_equal(rf_net_wait(net, RF_FOREVER), 2);
        assert_int_equal(rf_net_wait(net, bed->now_ns + 10), 0);
        for (unsigned i = 0; i < n; i++)
                rf_net_free(net, &f[i]);
        assert_int_equal(rf_net_rx_burst(net, f, 64), 0);
        assert_true(bed_nic_receive(data, sizeof(data)));
        assert_int_equal(rf_net_rx_burst(net, f, 64), 1);
        rf_net_free(net, &f[0]);
        check_all_buffers();
}

static void test_wait(void **state)
{
        uint8_t data[60] = {0};
        struct rf_frame f;

        assert_int_equal(rf_net_wait(net, 5000), 0);
        assert_int_equal(bed->waits, 1);
        assert_true(bed_nic_receive(data, sizeof(data)));
        assert_int_equal(rf_net_wait(net, RF_FOREVER), 1);
        assert_int_equal(bed->waits, 1); /* a frame that is there needs no hypervisor */
        assert_int_equal(rf_net_rx_burst(net, &f, 1), 1);
        rf_net_free(net, &f);
        assert_int_equal(rf_net_wait(net, bed->now_ns + 5000), 0);
}

static void test_small_pool(void **state)
{
        uint8_t data[60] = {0};

        bed_free();
        bed_make(16);
        assert_int_equal(rf_net_open(&net, 0), 0);
        for (unsigned i = 0; i < 1000; i++) {
                bed_nic_look();
                assert_in_range(bed_owned(&bed->rx), 1, 8);
                assert_true(bed_nic_receive(data, sizeof(data)));
                assert_int_equal(reflect(64), 1);
                bed_nic_send(i % 3);
        }
}

static int open_with(void (*change)(struct rf_queue *q))
{
        bed_free();
        bed_make(BED_BUFFERS);
        change(&bed->info.queue[0]);
        return rf_net_open(&net, 0);
}

static void model(struct rf_queue *q)
{
        q->model = RF_NIC_SOFT;
}

static void entries_odd(struct rf_queue *q)
{
        q->entries = 250;
}

static void entries_many(struct rf_queue *q)
{
        q->entries = 512;
}

static void tiny_pool(struct rf_queue *q)
{
        q->pool_bytes = 15 * RF_NET_BUFFER;
}

static void buffer_size(struct rf_queue *q)
{
        q->buffer_bytes = 4096;
}

static void test_open_errors(void **state)
{
        assert_int_equal(rf_net_open(&net, 1), -RF_ENOENT);
        assert_int_equal(rf_net_open(&net, UINT32_MAX), -RF_ENOENT);
        assert_int_equal(rf_net_open(&net, 0), -RF_EBUSY);
        assert_int_equal(open_with(model), -RF_ENOTSUP);
        assert_int_equal(open_with(entries_odd), -RF_EINVAL);
        assert_int_equal(open_with(entries_many), -RF_EINVAL);
        assert_int_equal(open_with(tiny_pool), -RF_EINVAL);
        assert_int_equal(open_with(buffer_size), -RF_EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_open_fills_ring),
            TEST(test_frames_go_round),
            TEST(test_single_frames),
            TEST(test_hostile_write_backs),
            TEST(test_transmit_full),
            TEST(test_lengths),
            TEST(test_misuse),
            TEST(test_starved),
            TEST(test_wait),
            TEST(test_small_pool),
            TEST(test_open_errors),
        };
        int failed = 0;

        for (bed_model = RF_NIC_82576; bed_model <= RF_NIC_82540EM; bed_model++) {
                printf("ring driver, %s form, %s\n", rf_net_form(),
                       bed_model == RF_NIC_82576 ? "82576" : "82540EM");
                failed += cmocka_run_group_tests(tests, NULL, NULL);
        }
        return failed;
}
