/*
 * Connections out of packets: what is new and what is repeated, holes, probes, ports used again; and
 * heartbeats known by their rhythm.
 */
#include "../../sim/trace/fit_upkeep.h"
#include "natpulse/dist.h"
#include "natpulse/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IN, OUT };

static np_packet packet(bool outbound, uint8_t flags, uint32_t seq, uint16_t payload)
{
    np_addr client = np_addr_ipv4(0x0a000002), server = np_addr_ipv4(0xc6120001);
    return (np_packet){.src = outbound ? client : server,
                       .dst = outbound ? server : client,
                       .sport = outbound ? 40000 : 443,
                       .dport = outbound ? 443 : 40000,
                       .seq = seq,
                       .payload = payload,
                       .proto = NP_TCP,
                       .family = 4,
                       .flags = flags};
}

static void feed(np_fit_flows *f, double at, int outbound, uint8_t flags, uint32_t seq, uint16_t payload)
{
    np_packet p = packet(outbound, flags, seq, payload);
    assert_true(np_fit_flows_packet(f, np_from_seconds(at), outbound, &p));
}

/* A handshake at second `at`: the client's numbers begin at 1000, the server's at 5000. */
static void shake(np_fit_flows *f, double at)
{
    feed(f, at, OUT, NP_SYN, 999, 0);
    feed(f, at + 0.08, IN, NP_SYN | NP_ACK, 4999, 0);
    feed(f, at + 0.13, OUT, NP_ACK, 1000, 0);
}

static const np_fit_piece *nth(const np_fit_flows *f, const np_fit_talk *t, uint32_t n)
{
    uint32_t i = t->head;
    while (n-- && i != NP_FIT_NONE) i = f->piece[i].next;
    return i == NP_FIT_NONE ? NULL : &f->piece[i];
}

static void says(const np_fit_flows *f, uint32_t n, int way, uint32_t bytes)
{
    const np_fit_piece *p = nth(f, &f->talk[0], n);
    assert_non_null(p);
    assert_int_equal(p->what, NP_FIT_PIECE_DATA);
    assert_int_equal(p->way, way);
    assert_int_equal(p->bytes, bytes);
}

static void new_bytes_count_once(void **state)
{
    (void)state;
    np_fit_flows f;
    assert_true(np_fit_flows_init(&f));
    shake(&f, 1);
    feed(&f, 1.2, OUT, NP_ACK | NP_PSH, 1000, 350);
    feed(&f, 1.5, OUT, NP_ACK | NP_PSH, 1000, 350); /* again */
    feed(&f, 1.6, IN, NP_ACK, 5000, 1448);
    feed(&f, 1.6, IN, NP_ACK, 5000 + 2 * 1448, 1448); /* the one between was lost before it came here ... */
    feed(&f, 2.9, IN, NP_ACK, 5000 + 1448, 1448);     /* ... and comes again */
    feed(&f, 3.0, IN, NP_ACK, 5000 + 3 * 1448, 100);
    feed(&f, 3.1, OUT, NP_ACK, 1350, 0);
    assert_int_equal(f.talks, 1);
    says(&f, 0, NP_FIT_OUT, 350);
    says(&f, 1, NP_FIT_IN, 3 * 1448 + 100);
    assert_null(nth(&f, &f.talk[0], 2));
    assert_int_equal(f.retransmitted, 2);
    assert_true(f.talk[0].syn && f.talk[0].synack && f.talk[0].ack && f.talk[0].closed == NP_NEVER);
    feed(&f, 4, OUT, NP_FIN | NP_ACK, 1350, 0);
    assert_int_equal(f.talk[0].closed, 4 * NP_SECOND);
    assert_false(f.talk[0].reset);
    np_fit_flows_free(&f);
}

/* The request was lost before it came here, and the client's next ACK already lies behind it. */
static void an_ack_beyond_a_hole_says_nothing(void **state)
{
    (void)state;
    np_fit_flows f;
    assert_true(np_fit_flows_init(&f));
    shake(&f, 1);
    feed(&f, 1.3, OUT, NP_ACK, 1350, 0);
    feed(&f, 1.6, OUT, NP_ACK | NP_PSH, 1000, 350);
    says(&f, 0, NP_FIT_OUT, 350);
    assert_int_equal(f.retransmitted, 0);
    np_fit_flows_free(&f);
}

static void probes_lie_one_below(void **state)
{
    (void)state;
    np_fit_flows f;
    assert_true(np_fit_flows_init(&f));
    shake(&f, 1);
    feed(&f, 61, OUT, NP_ACK, 999, 0);
    feed(&f, 61.1, IN, NP_ACK, 5000, 0);
    feed(&f, 122, OUT, NP_ACK, 999, 0);
    feed(&f, 132, OUT, NP_ACK, 999, 0);
    feed(&f, 142, OUT, NP_ACK | NP_RST, 1000, 0);
    const double first[] = {61, 122, 132}, silent[] = {61 - 1.08, 122 - 61.1, 132 - 61.1};
    for (uint32_t i = 0; i < 3; i++) {
        const np_fit_piece *p = nth(&f, &f.talk[0], i);
        assert_non_null(p);
        assert_int_equal(p->what, NP_FIT_PIECE_PROBE);
        assert_int_equal(p->first, np_from_seconds(first[i]));
        assert_true(llabs(p->last - p->first - np_from_seconds(silent[i])) <= 1);
    }
    assert_null(nth(&f, &f.talk[0], 3));
    assert_true(f.talk[0].reset && f.talk[0].reset_by_client);
    np_fit_flows_free(&f);
}

static void a_syn_begins_another_connection(void **state)
{
    (void)state;
    np_fit_flows f;
    assert_true(np_fit_flows_init(&f));
    feed(&f, 0, OUT, NP_SYN, 999, 0);
    shake(&f, 1); /* the SYN again: the same connection, whose handshake tells no time */
    assert_int_equal(f.talks, 1);
    assert_int_equal(f.talk[0].syn, 0);
    assert_int_equal(f.talk[0].start, 0);
    feed(&f, 1.2, OUT, NP_ACK | NP_PSH, 1000, 20);
    feed(&f, 9, OUT, NP_SYN, 70000, 0);
    feed(&f, 9.1, OUT, NP_ACK | NP_PSH, 70001, 30);
    assert_int_equal(f.talks, 2);
    assert_int_equal(nth(&f, &f.talk[1], 0)->bytes, 30);
    assert_null(nth(&f, &f.talk[0], 1));
    np_fit_flows_free(&f);
}

/* Beats of 2 bytes every 30 s answered by 3 after 90 ms, among pushes of 180; and what has no rhythm. */
static void a_rhythm_is_a_heartbeat(void **state)
{
    (void)state;
    for (int regular = 0; regular < 2; regular++) {
        np_fit_flows f;
        np_fit_pulses pulses;
        assert_true(np_fit_flows_init(&f));
        shake(&f, 1);
        uint32_t out = 1000, in = 5000;
        double at = 1;
        for (int i = 0; i < 10; i++) {
            at += regular ? 30 : 10 + i * i;
            feed(&f, at, OUT, NP_ACK | NP_PSH, out, 2);
            feed(&f, at + 0.09, IN, NP_ACK | NP_PSH, in, 3);
            out += 2;
            in += 3;
            if (i % 3) continue;
            feed(&f, at + 5, IN, NP_ACK | NP_PSH, in, 180);
            in += 180;
        }
        assert_true(np_fit_find_pulses(&f, &pulses));
        uint32_t count[4] = {0};
        for (uint32_t i = 0; i < f.pieces; i++) count[f.piece[i].what]++;
        assert_int_equal(pulses.n, regular);
        assert_int_equal(count[NP_FIT_PIECE_BEAT], regular ? 10 : 0);
        assert_int_equal(count[NP_FIT_PIECE_ANSWER], regular ? 10 : 0);
        assert_int_equal(count[NP_FIT_PIECE_DATA], regular ? 4 : 24);
        if (regular) {
            assert_true(pulses.pulse[0].every == 30e9);
            assert_int_equal(pulses.pulse[0].way, NP_FIT_OUT);
            assert_int_equal(pulses.pulse[0].bytes, 2);
            assert_int_equal(pulses.pulse[0].answer, 3);
        }
        np_fit_flows_free(&f);
    }
}

/* A datagram from the server to one of many clients. */
static void push(np_fit_flows *f, double at, uint32_t client, uint16_t bytes)
{
    np_packet p = packet(false, 0, 0, bytes);
    p.proto = NP_UDP;
    p.dst = np_addr_ipv4(0x0a000002 + client);
    assert_true(np_fit_flows_packet(f, np_from_seconds(at), false, &p));
}

/* One of many connections keeps time by chance; a heartbeat is kept by all, also by those that live for two
   beats. */
static void a_rhythm_is_kept_by_all(void **state)
{
    (void)state;
    enum { CLIENTS = 300 };
    np_key key = np_key_make(getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1, 0);
    np_dist gap = {.kind = NP_DIST_EXPONENTIAL, .a = 600};
    for (int beats = 0; beats < 2; beats++) {
        np_fit_flows f;
        np_fit_pulses pulses;
        uint32_t sent = 0, draws = 0;
        assert_true(np_fit_flows_init(&f));
        for (uint32_t i = 0; i < CLIENTS; i++) {
            double at = 0;
            for (int k = 0; k < 5; k++) {
                at += i == 7 ? 100 : np_dist_sample(&gap, np_random(key, i, 0, draws++));
                push(&f, at, i, 200);
            }
            for (int k = 0; beats && k < (i % 10 ? 2 : 20); k++, sent++) push(&f, 10 + 30 * k, i, 6);
        }
        assert_true(np_fit_find_pulses(&f, &pulses));
        uint32_t marked = 0;
        for (uint32_t i = 0; i < f.pieces; i++) marked += f.piece[i].what == NP_FIT_PIECE_BEAT;
        assert_int_equal(pulses.n, beats);
        assert_int_equal(marked, sent);
        if (beats) assert_true(pulses.pulse[0].every == 30e9 && pulses.pulse[0].bytes == 6);
        np_fit_flows_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_bytes_count_once),    cmocka_unit_test(an_ack_beyond_a_hole_says_nothing),
        cmocka_unit_test(probes_lie_one_below),    cmocka_unit_test(a_syn_begins_another_connection),
        cmocka_unit_test(a_rhythm_is_a_heartbeat), cmocka_unit_test(a_rhythm_is_kept_by_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
