/*
 * Data: segments, ACKs and their kinds, loss and its repair, windows; and the held ranges against a bitmap.
 */
#include "../../sim/host/tcp_impl.h"
#include "wire.h"

static void segments(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_forget(w);
    assert_int_equal(wire_write(w, CLIENT, 3000, NP_KIND_PAYLOAD), 3000);
    assert_int_equal(wire_write(w, CLIENT, 1, NP_KIND_PAYLOAD), 3001);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "1.000 > A 1:1449 ack 1 payload", "1.000 > A 1449:2897 ack 1 payload",
                "1.000 > A 2897:3001 ack 1 payload", "1.000 > A 3001:3002 ack 1 payload",
                "1.050 < A 1:1 ack 2897 payload", "1.090 < A 1:1 ack 3002 payload");
    assert_int_equal(w->end[SERVER].received, 3001);
    free(w);
}

/* Every second full segment, or after 40 ms; at once with delayed_ack 0. */
static void delayed_acks(void **state)
{
    (void)state;
    static const struct {
        np_time delay;
        uint32_t segments;
        unsigned acks;
    } cases[] = {
        {40 * NP_MILLISECOND, 1, 1},
        {40 * NP_MILLISECOND, 2, 1},
        {40 * NP_MILLISECOND, 3, 2},
        {40 * NP_MILLISECOND, 10, 5},
        {0, 10, 10},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire *w = wire_opened(NP_SECOND);
        w->end[SERVER].config.delayed_ack = cases[i].delay;
        w->end[SERVER].sent_pure_acks = 0;
        wire_write(w, CLIENT, cases[i].segments * 1448, NP_KIND_PAYLOAD);
        wire_run(w, NP_MINUTE);
        assert_int_equal(w->end[SERVER].sent_pure_acks, cases[i].acks);
        free(w);
    }
}

/* An answer on the spot carries the ACK. */
static void piggyback(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].answers = 20;
    wire_forget(w);
    wire_write(w, CLIENT, 10, NP_KIND_HEARTBEAT);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "1.000 > A 1:11 ack 1 heartbeat", "1.050 < A 1:21 ack 11 payload",
                "1.140 > A 11:11 ack 21 payload");
    free(w);
}

/* A segment of both kinds is payload; ACKs are of the kind they acknowledge. */
static void kinds(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[CLIENT].config.initial_window = 1;
    w->end[CLIENT].tcp.cwnd = 1448;
    wire_forget(w);
    wire_write(w, CLIENT, 2, NP_KIND_HEARTBEAT);    /* goes at once */
    wire_write(w, CLIENT, 1446, NP_KIND_HEARTBEAT); /* fills the window */
    wire_write(w, CLIENT, 1000, NP_KIND_HEARTBEAT); /* waits, */
    wire_write(w, CLIENT, 1000, NP_KIND_PAYLOAD);   /* goes with this, */
    wire_write(w, CLIENT, 2000, NP_KIND_HEARTBEAT); /* and 552 payload with these */
    wire_run(w, NP_MINUTE);
    wire_expect(w, "1.000 > A 1:3 ack 1 heartbeat", "1.000 > A 3:1449 ack 1 heartbeat",
                "1.090 < A 1:1 ack 1449 heartbeat", "1.140 > A 1449:2897 ack 1 payload",
                "1.140 > A 2897:4345 ack 1 payload", "1.190 < A 1:1 ack 4345 payload",
                "1.240 > A 4345:5449 ack 1 heartbeat", "1.330 < A 1:1 ack 5449 heartbeat");
    free(w);
}

/* One segment lost in the middle of a window: three duplicate ACKs bring it back after one round trip,
   limited transmit keeps new data flowing, and no timeout is involved. */
static void fast_retransmit(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[CLIENT].config.mss = w->end[SERVER].config.mss = 1000;
    w->end[CLIENT].tcp.cwnd = 6000;
    w->end[CLIENT].way.loss_kind = NP_LOSS_MASK;
    w->end[CLIENT].way.mask = 1 << 1;
    wire_plug(w);
    wire_forget(w);
    wire_write(w, CLIENT, 9000, NP_KIND_PAYLOAD);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "1.000 > A 1:1001 ack 1 payload", "1.000 > A 1001:2001 ack 1 payload lost",
                "1.000 > A 2001:3001 ack 1 payload", "1.000 > A 3001:4001 ack 1 payload",
                "1.000 > A 4001:5001 ack 1 payload", "1.000 > A 5001:6001 ack 1 payload",
                /* the first segment is covered by the first of five ACKs at once; four are duplicates */
                "1.050 < A 1:1 ack 1001 payload", "1.050 < A 1:1 ack 1001 payload",
                "1.050 < A 1:1 ack 1001 payload", "1.050 < A 1:1 ack 1001 payload",
                /* slow start opens by one, limited transmit by one, then the third duplicate repairs */
                "1.100 > A 6001:7001 ack 1 payload", "1.100 > A 7001:8001 ack 1 payload",
                "1.100 > A 8001:9001 ack 1 payload", "1.100 > A 1001:2001 ack 1 payload",
                "1.150 < A 1:1 ack 1001 payload", "1.150 < A 1:1 ack 1001 payload",
                "1.150 < A 1:1 ack 1001 payload", "1.150 < A 1:1 ack 9001 payload");
    /* Full acknowledgement: no burst waits for whoever writes next (RFC 6582 3.2, step 3, option 1). */
    assert_int_equal(w->end[CLIENT].tcp.cwnd, 2000);
    assert_int_equal(w->end[CLIENT].tcp.ssthresh, 4000); /* half of the eight that were out */
    free(w);
}

/* Two holes in one window: the partial ACK repairs the second without waiting for the timer (RFC 6582). */
static void new_reno(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[CLIENT].config.mss = w->end[SERVER].config.mss = 1000;
    w->end[CLIENT].way.loss_kind = NP_LOSS_MASK;
    w->end[CLIENT].way.mask = 1 << 1 | 1 << 4 | 1 << 6;
    wire_plug(w);
    wire_write(w, CLIENT, 10000, NP_KIND_PAYLOAD);
    wire_run(w, NP_SECOND + 450 * NP_MILLISECOND); /* four round trips and a bit; an RTO would come at 1.3 */
    assert_int_equal(w->end[SERVER].received, 10000);
    assert_int_equal(w->end[CLIENT].sent_data, 13); /* each lost one once more, and no other */
    assert_int_equal(w->end[CLIENT].tcp.timeouts, 0);
    assert_int_equal(w->end[CLIENT].tcp.cwnd,
                     w->end[CLIENT].tcp.ssthresh < 1000 ? 1000 : w->end[CLIENT].tcp.cwnd);
    free(w);
}

/* Slow start doubles a round trip: 10, 20, 40 segments; a heartbeat a minute does not open the window. */
static void slow_start(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_write(w, CLIENT, 500 * 1448, NP_KIND_PAYLOAD);
    unsigned sent = 0, want[] = {10, 20, 40, 80};
    for (unsigned i = 0; i < 4; i++) {
        wire_run(w, NP_SECOND + (np_time)(100 * i + 99) * NP_MILLISECOND);
        assert_int_equal(w->end[CLIENT].sent_data - sent, want[i]);
        sent = w->end[CLIENT].sent_data;
    }
    free(w);

    w = wire_opened(NP_SECOND);
    for (int i = 0; i < 1000; i++) {
        wire_write(w, CLIENT, 10, NP_KIND_HEARTBEAT);
        wire_run(w, w->now + NP_MINUTE);
    }
    assert_int_equal(w->end[CLIENT].tcp.cwnd, 14480);
    w->end[CLIENT].tcp.ssthresh = 14480;
    for (int i = 0; i < 1000; i++) {
        wire_write(w, CLIENT, 10, NP_KIND_HEARTBEAT);
        wire_run(w, w->now + 150 * NP_MILLISECOND);
    }
    assert_int_equal(w->end[CLIENT].tcp.cwnd, 14480);
    free(w);
}

/* An ACK from the server as it would send it now. */
static np_packet forged_ack(const wire *w, uint32_t seq, uint16_t window)
{
    return (np_packet){.seq = w->end[CLIENT].tcp.receive_next,
                       .ack = seq,
                       .window = window,
                       .proto = NP_TCP,
                       .family = 4,
                       .bytes = 52,
                       .flags = NP_ACK,
                       .options = NP_OPTION_TIMESTAMP,
                       .kind = NP_KIND_PAYLOAD};
}

static void client_hears(wire *w, np_packet p)
{
    wire_end *e = &w->end[CLIENT];
    np_tcp_input(&e->tcp, &e->config, &p, &e->sink, w->now);
}

/* A timeout: one segment, half the flight as the threshold, however often it is repeated; and the duplicate
   ACKs that the repetitions themselves draw do not start a fast retransmit (RFC 6582 3.2, step 1). */
static void timeout(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    const np_tcp *t = &w->end[CLIENT].tcp;
    w->end[SERVER].gone = true;
    wire_write(w, CLIENT, 10 * 1448, NP_KIND_PAYLOAD);
    for (unsigned i = 1; i <= 3; i++) {
        while (t->timeouts < i) assert_true(wire_step(w, NP_MINUTE));
        assert_int_equal(t->cwnd, 1448);
        assert_int_equal(t->ssthresh, 5 * 1448);
        assert_int_equal(w->end[CLIENT].sent_data, 10 + i);
    }
    uint32_t una = np_tcp_una_seq(t);
    client_hears(w, forged_ack(w, una + 1448, 65535)); /* the next two are sent again by slow start */
    assert_int_equal(w->end[CLIENT].sent_data, 15);
    for (int i = 0; i < 4; i++) client_hears(w, forged_ack(w, una + 1448, 65535));
    assert_false(t->flags & NP_TCP_RECOVERING);
    assert_int_equal(t->ssthresh, 5 * 1448);
    free(w);
}

/* ACKs that only open the window are not duplicates. */
static void window_updates(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].gone = true;
    wire_write(w, CLIENT, 10 * 1448, NP_KIND_PAYLOAD);
    for (uint16_t i = 0; i < 6; i++)
        client_hears(w, forged_ack(w, np_tcp_una_seq(&w->end[CLIENT].tcp), (uint16_t)(1000 + i)));
    assert_int_equal(w->end[CLIENT].sent_data, 10);
    free(w);
}

/* A stream past 2^31 and 2^32 bytes without a pause and without a loss: kinds stay right, and when a loss
   comes at last it is repaired by fast retransmit. */
static void long_stream(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->quiet = true;
    w->fate = wire_cut_both;
    wire_end *e = &w->end[CLIENT];
    w->end[SERVER].gone = true;
    e->config.mss = 65000;
    wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
    wire_write(w, CLIENT, UINT32_MAX, NP_KIND_HEARTBEAT);
    assert_true(wire_write(w, CLIENT, 1u << 30, NP_KIND_HEARTBEAT) ==
                100 + (uint64_t)UINT32_MAX + (1u << 30));
    unsigned payload = e->sent_kind[NP_KIND_PAYLOAD];
    for (uint64_t to = 3; to <= 9; to += 2) { /* halves of 2^30: short of 2^31, past it, past 2^32 */
        while (e->tcp.una < to << 29) client_hears(w, forged_ack(w, e->tcp.high, 65535));
        assert_int_equal(e->sent_kind[NP_KIND_PAYLOAD], payload);
    }
    for (int i = 0; i < 3; i++) client_hears(w, forged_ack(w, np_tcp_una_seq(&e->tcp), 65535));
    assert_true(e->tcp.flags & NP_TCP_RECOVERING);
    free(w);

    w = wire_opened(NP_SECOND); /* a loss between 2^31 and 2^32 is the one that a stale mark would hide */
    w->quiet = true;
    w->fate = wire_cut_both;
    e = &w->end[CLIENT];
    e->config.mss = 65000;
    wire_write(w, CLIENT, UINT32_MAX, NP_KIND_PAYLOAD);
    while (e->tcp.una < 3ull << 30) client_hears(w, forged_ack(w, e->tcp.high, 65535));
    for (int i = 0; i < 3; i++) client_hears(w, forged_ack(w, np_tcp_una_seq(&e->tcp), 65535));
    assert_true(e->tcp.flags & NP_TCP_RECOVERING);
    free(w);
}

/* After a loss: congestion avoidance, about a segment a round trip. */
static void congestion_avoidance(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[CLIENT].tcp.cwnd = w->end[CLIENT].tcp.ssthresh = 20 * 1448;
    wire_write(w, CLIENT, 2000 * 1448, NP_KIND_PAYLOAD);
    wire_run(w, 3 * NP_SECOND);
    assert_in_range(w->end[CLIENT].tcp.cwnd / 1448, 36, 41); /* 20 round trips */
    free(w);
}

/* After an idle time longer than the RTO the window starts again from the initial one (RFC 5681 4.1). */
static void restart_after_idle(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_write(w, CLIENT, 500 * 1448, NP_KIND_PAYLOAD);
    wire_run(w, 20 * NP_SECOND);
    assert_true(w->end[CLIENT].tcp.cwnd > 100 * 1448);
    unsigned before = w->end[CLIENT].sent_data;
    wire_write(w, CLIENT, 500 * 1448, NP_KIND_PAYLOAD);
    assert_int_equal(w->end[CLIENT].sent_data - before, 10);
    free(w);
}

/* The peer's window holds the sender back, to the byte, and a rest that does not fill a segment waits. */
static void peer_window(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    w->end[SERVER].config.window = 3000;
    w->end[SERVER].config.window_scale = 0;
    wire_connect(w);
    wire_run(w, NP_SECOND);
    wire_forget(w);
    wire_write(w, CLIENT, 6000, NP_KIND_PAYLOAD);
    wire_run(w, 1090 * NP_MILLISECOND);
    wire_expect(w, "1.000 > A 1:1449 ack 1 payload", "1.000 > A 1449:2897 ack 1 payload",
                "1.050 < A 1:1 ack 2897 payload");
    wire_run(w, NP_MINUTE);
    assert_int_equal(w->end[SERVER].received, 6000);
    free(w);
}

/* What lies outside the window is answered and otherwise ignored; what overlaps its edges is cut. */
static void receive_window(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_end *s = &w->end[SERVER];
    np_packet p = {.ack = s->iss + 1,
                   .window = 65535,
                   .proto = NP_TCP,
                   .family = 4,
                   .flags = NP_ACK,
                   .kind = NP_KIND_PAYLOAD};
    static const struct {
        uint32_t seq; /* from the initial one */
        uint16_t payload;
        uint64_t arrived;
    } cases[] = {
        {1, 100, 100},                  /* in order */
        {1, 100, 100},                  /* again */
        {51, 100, 150},                 /* overlaps */
        {151 + (65535 << 7), 100, 150}, /* just beyond the window */
        {150 + (65535 << 7), 100, 150}, /* its last byte: held */
        {151, 10, 160},                 /* the next */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        p.seq = w->end[CLIENT].iss + cases[i].seq;
        p.payload = cases[i].payload;
        np_tcp_input(&s->tcp, &s->config, &p, &s->sink, w->now);
        assert_int_equal(s->tcp.arrived, cases[i].arrived);
    }
    assert_int_equal(s->tcp.holds, 1);
    assert_int_equal(s->tcp.held[0].to - s->tcp.held[0].from, 1);
    free(w);

    w = wire_opened(NP_SECOND); /* a FIN just beyond the edge is not taken, what is before it is */
    s = &w->end[SERVER];
    s->config.window = 1;
    p.seq = w->end[CLIENT].iss + 1;
    p.payload = 128;
    p.flags = NP_ACK | NP_FIN;
    np_tcp_input(&s->tcp, &s->config, &p, &s->sink, w->now);
    assert_int_equal(s->tcp.arrived, 128);
    assert_int_equal(np_tcp_get_state(&s->tcp), NP_TCP_ESTABLISHED);
    free(w);
}

/* Held ranges against a bitmap, around the wrap of sequence numbers; a range that finds no room changes
 * nothing. */
static void held_ranges(void **state)
{
    (void)state;
    enum { SPAN = 64 };
    np_stream r = np_stream_make(np_key_make(wire_seed(), 0), 2, 2);
    for (int run = 0; run < 20000; run++) {
        np_tcp t = {.receive_next = 0u - np_below(np_stream_next(&r), SPAN)};
        const uint32_t base = t.receive_next;
        bool have[SPAN + 1] = {false};
        for (int i = 0; i < 12; i++) {
            uint32_t from = 1 + np_below(np_stream_next(&r), SPAN - 8),
                     to = from + 1 + np_below(np_stream_next(&r), 7);
            bool model[SPAN + 1];
            memcpy(model, have, sizeof have);
            for (uint32_t k = from; k < to; k++) model[k] = true;
            unsigned runs = 0;
            for (unsigned k = 1; k <= SPAN; k++) runs += model[k] && !model[k - 1];
            bool held = np_tcp_hold(&t, base + from, base + to);
            assert_int_equal(held, runs <= NP_TCP_HELD);
            if (held) memcpy(have, model, sizeof have);
            bool got[SPAN + 1] = {false};
            for (unsigned k = 0; k < t.holds; k++)
                for (uint32_t s = t.held[k].from; s != t.held[k].to; s++) got[s - base] = true;
            assert_memory_equal(got, have, sizeof have);
        }
        uint32_t next = np_below(np_stream_next(&r), SPAN);
        t.receive_next = base + next;
        np_tcp_unhold(&t);
        uint32_t want = next;
        while (want <= SPAN && have[want]) want++;
        assert_int_equal(t.receive_next - base, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments),        cmocka_unit_test(delayed_acks),
        cmocka_unit_test(piggyback),       cmocka_unit_test(kinds),
        cmocka_unit_test(fast_retransmit), cmocka_unit_test(new_reno),
        cmocka_unit_test(slow_start),      cmocka_unit_test(congestion_avoidance),
        cmocka_unit_test(timeout),         cmocka_unit_test(window_updates),
        cmocka_unit_test(long_stream),     cmocka_unit_test(restart_after_idle),
        cmocka_unit_test(peer_window),     cmocka_unit_test(receive_window),
        cmocka_unit_test(held_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
