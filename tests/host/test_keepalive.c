/*
 * Keepalive against its closed forms: detection between interval * probes and idle + interval * probes after
 * a death, idle time since the last receipt, suspension while data are out, TCP_USER_TIMEOUT, and who answers
 * what.
 */
#include "wire.h"

#include <math.h>

typedef struct preset {
    const char *name;
    int idle, interval, probes; /* seconds */
    int worst;                  /* published, or by the closed form */
} preset;

static const preset presets[] = {
    {"linux", 7200, 75, 9, 7875}, {"windows", 7200, 1, 10, 7210}, {"macos", 7200, 75, 8, 7800},
    {"go", 15, 15, 9, 150},       {"libcurl", 60, 60, 9, 600},    {"tuned", 60, 10, 6, 120},
    {"datastax", 60, 10, 3, 90},  {"redis", 300, 100, 3, 600},    {"mtg", 30, 10, 3, 60},
};

static np_keepalive keepalive(int idle, int interval, int probes)
{
    return (np_keepalive){
        .on = true, .idle = idle * NP_SECOND, .interval = interval * NP_SECOND, .probes = (uint32_t)probes};
}

/* The client has keepalive; everything was last heard of at about 0.1 s. */
static wire *opened(np_keepalive k)
{
    wire *w = wire_new(1);
    w->end[CLIENT].config.keepalive = k;
    wire_connect(w);
    wire_run(w, NP_SECOND);
    wire_forget(w);
    return w;
}

static void script(void **state)
{
    (void)state;
    wire *w = opened(keepalive(60, 10, 3));
    wire_run(w, 100 * NP_SECOND);
    w->end[SERVER].gone = true;
    wire_run(w, NP_HOUR);
    /* 60 s after the last receipt, and again 60 s after the probe's answer. */
    wire_expect(w, "60.100 > A 0:0 ack 1 keepalive", "60.150 < A 1:1 ack 1 keepalive",
                "120.200 > A 0:0 ack 1 keepalive", "130.200 > A 0:0 ack 1 keepalive",
                "140.200 > A 0:0 ack 1 keepalive", "150.200 > RA 1:1 ack 1",
                "150.200 client timed-out-keepalive");
    free(w);
}

/* Worst case: death just after something was heard. Best: just before a probe. Mean over the cycle. */
static void detection(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        const preset *p = &presets[i];
        assert_int_equal(p->worst, p->idle + p->interval * p->probes);
        const np_time cycle =
            p->idle * NP_SECOND + 100 * NP_MILLISECOND; /* the probe's answer takes 100 ms */
        double sum = 0;
        enum { MOMENTS = 64 };
        for (int m = 0; m < MOMENTS; m++) {
            wire *w = opened(keepalive(p->idle, p->interval, p->probes));
            np_time heard = 100 * NP_MILLISECOND + cycle; /* the first answer */
            np_time death = heard + 1 + (np_time)m * (p->idle * NP_SECOND - 2) / (MOMENTS - 1);
            wire_run(w, death);
            w->end[SERVER].gone = true;
            wire_run(w, NP_DAY);
            assert_int_equal(w->end[CLIENT].events[NP_TCP_TIMED_OUT_KEEPALIVE], 1);
            np_time delay = w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_KEEPALIVE] - death;
            np_time most = p->worst * NP_SECOND, least = p->interval * p->probes * NP_SECOND;
            assert_in_range(delay, least, most);
            if (m == 0) assert_int_equal(delay, most - 1);
            if (m == MOMENTS - 1) assert_int_equal(delay, least + 1);
            sum += np_seconds(delay) / MOMENTS;
            free(w);
        }
        assert_true(fabs(sum - (p->idle / 2. + p->interval * p->probes)) < 0.1);
    }
}

/* Idle time runs from what was received. The server's data at 50 s put the probe off; the client's ACK of it,
   sent later, does not count. */
static void idle_since_received(void **state)
{
    (void)state;
    wire *w = opened(keepalive(60, 10, 3));
    w->end[CLIENT].config.delayed_ack = 5 * NP_SECOND;
    wire_run(w, 50 * NP_SECOND);
    wire_write(w, SERVER, 10, NP_KIND_PAYLOAD);
    w->end[SERVER].way.loss_kind = NP_LOSS_NONE;
    wire_step(w, NP_HOUR); /* arrives at 50.050 */
    w->end[SERVER].gone = true;
    wire_run(w, 300 * NP_SECOND);
    wire_expect(w, "50.000 < A 1:11 ack 1 payload", "55.050 > A 1:1 ack 11 payload",
                "110.050 > A 0:0 ack 11 keepalive", "120.050 > A 0:0 ack 11 keepalive",
                "130.050 > A 0:0 ack 11 keepalive", "140.050 > RA 1:1 ack 11",
                "140.050 client timed-out-keepalive");
    free(w);
}

/* What a peer sends below the window, its own probe, is answered but does not put our probe off. */
static void probes_of_the_peer(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    w->end[CLIENT].config.keepalive = keepalive(60, 10, 3);
    w->end[SERVER].config.keepalive = keepalive(40, 10, 3);
    wire_connect(w);
    wire_run(w, NP_SECOND);
    wire_forget(w);
    wire_run(w, 70 * NP_SECOND);
    wire_expect(w, "40.150 < A 0:0 ack 1 keepalive", "40.200 > A 1:1 ack 1 keepalive",
                "60.100 > A 0:0 ack 1 keepalive", "60.150 < A 1:1 ack 1 keepalive");
    free(w);
}

/* A writer hides keepalive: while data are out the timer only runs on, and the retransmission limit rules. */
static void writer_hides_it(void **state)
{
    (void)state;
    wire *w = opened(keepalive(60, 10, 3));
    w->end[SERVER].gone = true;
    wire_run(w, 30 * NP_SECOND);
    wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD);
    wire_run(w, NP_HOUR);
    assert_int_equal(w->end[CLIENT].sent_kind[NP_KIND_KEEPALIVE], 0);
    assert_int_equal(w->end[CLIENT].events[NP_TCP_TIMED_OUT_KEEPALIVE], 0);
    assert_int_equal(w->end[CLIENT].events[NP_TCP_TIMED_OUT_DATA], 1);
    assert_true(w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA] - 30 * NP_SECOND >= 924600 * NP_MILLISECOND);
    free(w);
}

/* An outage at the wrong moment suspends it for a whole idle time, counted from the timer and not from
 * receipt. */
static void suspended_for_a_full_idle_time(void **state)
{
    (void)state;
    wire *w = opened(keepalive(60, 10, 3));
    w->fate = wire_cut_both;
    wire_run(w, 59 * NP_SECOND);
    wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD); /* out when the timer comes at 60.0 */
    wire_run(w, 62 * NP_SECOND);
    w->fate = NULL;
    wire_run(w, 119 * NP_SECOND); /* delivered soon, by a repetition at 63.5 */
    assert_int_equal(w->end[SERVER].received, 10);
    wire_forget(w);
    wire_run(w, 200 * NP_SECOND);
    /* The timer comes at 60.1 + 60 and finds that the ACK came at 63.54 + 0.1. */
    assert_string_equal(w->line[0], "123.640 > A 10:10 ack 1 keepalive");
    free(w);
}

static void answered_probes_keep_it_alive(void **state)
{
    (void)state;
    wire *w = opened(keepalive(15, 15, 9));
    wire_run(w, NP_DAY / 4);
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_ESTABLISHED);
    unsigned probes = w->end[CLIENT].sent_kind[NP_KIND_KEEPALIVE];
    assert_in_range(probes, 6 * 3600 / 15 * 0.99, 6 * 3600 / 15);
    assert_int_equal(w->end[SERVER].sent_kind[NP_KIND_KEEPALIVE], probes);
    assert_true(w->timers <= 2 * probes + 10); /* the probe, and the tick that finds it answered */
    free(w);
}

/* All probes but the last lost: RFC 1122 4.2.3.6, one unanswered probe must not kill. */
static void lost_probes(void **state)
{
    (void)state;
    wire *w = opened(keepalive(60, 10, 3));
    w->end[CLIENT].way.loss_kind = NP_LOSS_MASK;
    w->end[CLIENT].way.mask = 3;
    wire_plug(w);
    wire_run(w, 200 * NP_SECOND);
    wire_expect(w, "60.100 > A 0:0 ack 1 keepalive lost", "70.100 > A 0:0 ack 1 keepalive lost",
                "80.100 > A 0:0 ack 1 keepalive", "80.150 < A 1:1 ack 1 keepalive",
                "140.200 > A 0:0 ack 1 keepalive", "140.250 < A 1:1 ack 1 keepalive");
    free(w);
}

/* The server lost its memory: its RST in answer to the first probe is believed. */
static void rebooted_server(void **state)
{
    (void)state;
    wire *w = opened(keepalive(60, 10, 3));
    w->end[SERVER].used = false;
    wire_run(w, NP_HOUR);
    wire_expect(w, "60.100 > A 0:0 ack 1 keepalive", "60.150 < R 1:1", "60.200 client was-reset");
    free(w);
}

/* With TCP_USER_TIMEOUT the count is not looked at: the end comes at the first tick at which the silence has
   lasted that long and a probe is out. */
static void with_user_timeout(void **state)
{
    (void)state;
    static const struct {
        int idle, interval, probes, timeout, want; /* seconds; want: silence at the end */
    } cases[] = {
        {60, 10, 3, 75, 80}, {60, 10, 3, 80, 80},   {60, 10, 9, 61, 70},
        {60, 10, 3, 5, 70},  {60, 10, 3, 200, 200}, {5, 7, 2, 20, 26}, /* as seen on Linux 6.18 */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire *w = opened(keepalive(cases[i].idle, cases[i].interval, cases[i].probes));
        w->end[CLIENT].config.user_timeout = cases[i].timeout * NP_SECOND;
        w->end[SERVER].gone = true;
        wire_run(w, NP_HOUR);
        np_time silence = w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_KEEPALIVE] - 100 * NP_MILLISECOND;
        assert_int_equal(silence, cases[i].want * NP_SECOND);
        free(w);
    }
}

/* The server's socket has it: a vanished client is found, with nothing sent by the application. */
static void at_the_server(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    w->end[SERVER].config.keepalive = keepalive(7200, 75, 9);
    wire_connect(w);
    wire_run(w, NP_SECOND);
    w->end[CLIENT].gone = true;
    wire_run(w, NP_DAY);
    assert_int_equal(w->end[SERVER].event_at[NP_TCP_TIMED_OUT_KEEPALIVE],
                     7875 * NP_SECOND + 150 * NP_MILLISECOND);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script),
        cmocka_unit_test(detection),
        cmocka_unit_test(idle_since_received),
        cmocka_unit_test(probes_of_the_peer),
        cmocka_unit_test(writer_hides_it),
        cmocka_unit_test(suspended_for_a_full_idle_time),
        cmocka_unit_test(answered_probes_keep_it_alive),
        cmocka_unit_test(lost_probes),
        cmocka_unit_test(rebooted_server),
        cmocka_unit_test(with_user_timeout),
        cmocka_unit_test(at_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
