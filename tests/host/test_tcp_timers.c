/*
 * Retransmission: its times, its limits, TCP_USER_TIMEOUT, the closed window, and the round-trip estimator.
 *
 * The oracles are written from the rules and not from the code: a list of times made by doubling, Linux's
 * formula for tcp_retries2 in its own form, and RFC 6298 in floating point.
 */
#include "wire.h"

#include <math.h>

/* An open connection over a path with this one-way delay, at 10 s. */
static wire *opened_over(np_time delay)
{
    wire *w = wire_new(1);
    w->end[CLIENT].way.delay = w->end[SERVER].way.delay = delay;
    wire_connect(w);
    wire_run(w, 10 * NP_SECOND);
    return w;
}

/* The RTO after the one sample that the handshake gave: R + max(200 ms, 4 R / 2), and a sample is at least 1
 * us. */
static np_time first_rto(np_time round_trip)
{
    if (round_trip < NP_MICROSECOND) round_trip = NP_MICROSECOND;
    return round_trip + (2 * round_trip > 200 * NP_MILLISECOND ? 2 * round_trip : 200 * NP_MILLISECOND);
}

/* tcp_model_timeout of Linux: 200 ms doubled, with 120 s as the cap, in closed form. */
static np_time linux_limit(int retries)
{
    int linear = (int)floor(log2(120 / 0.2));
    double ms = retries <= linear ? ((2 << retries) - 1) * 200.
                                  : ((2 << linear) - 1) * 200. + (retries - linear) * 120000.;
    return (np_time)ms * NP_MILLISECOND;
}

static void gives_up(void **state)
{
    (void)state;
    assert_int_equal(linux_limit(15), 924600 * NP_MILLISECOND);
    static const np_time delays[] = {0, NP_MILLISECOND, 50 * NP_MILLISECOND, 400 * NP_MILLISECOND,
                                     45 * NP_SECOND / 100};
    static const int retries[] = {15, 3, 8, 9, 10};
    for (unsigned i = 0; i < sizeof delays / sizeof delays[0]; i++)
        for (unsigned j = 0; j < sizeof retries / sizeof retries[0]; j++) {
            wire *w = opened_over(delays[i]);
            w->end[CLIENT].config.retries = (uint32_t)retries[j];
            w->end[SERVER].gone = true;
            wire_forget(w);
            wire_write(w, CLIENT, 100, NP_KIND_HEARTBEAT);
            wire_run(w, NP_HOUR);

            np_time at = 10 * NP_SECOND, wait = first_rto(2 * delays[i]);
            unsigned line = 1;
            for (;; line++, wait = wait < 60 * NP_SECOND ? 2 * wait : 120 * NP_SECOND) {
                at += wait;
                char text[WIRE_LINE];
                bool end = line > 1 && at - 10 * NP_SECOND >= linux_limit(retries[j]);
                if (end)
                    snprintf(text, sizeof text, "%.3f client timed-out-data", np_seconds(at));
                else
                    snprintf(text, sizeof text, "%.3f > A 1:101 ack 1 heartbeat", np_seconds(at));
                assert_true(line < w->lines);
                assert_string_equal(w->line[line], text);
                if (end) break;
            }
            assert_int_equal(w->lines, line + 1); /* and no RST */
            assert_int_equal(w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA], at);
            free(w);
        }
}

/* With the RTO at its floor (a round trip of nothing) the moment is 924.6 s but for the microsecond that is
   the least sample: 200.001 ms, ten times in doubling, and six waits of 120 s. */
static void retries2_is_924_6_s(void **state)
{
    (void)state;
    wire *w = opened_over(0);
    w->end[SERVER].gone = true;
    wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
    wire_run(w, NP_HOUR);
    np_time taken = w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA] - 10 * NP_SECOND;
    assert_int_equal(taken, 200001 * NP_MICROSECOND * 1023 + 6 * 120 * NP_SECOND);
    assert_int_equal(taken / NP_SECOND, 924);
    free(w);
}

/* The end comes at the user timeout itself, not at the next RTO; but never without a retransmission. */
static void user_timeout(void **state)
{
    (void)state;
    static const struct {
        np_time timeout, want;
    } cases[] = {
        {10 * NP_SECOND, 10 * NP_SECOND},
        {NP_SECOND, NP_SECOND},
        {2000 * NP_SECOND, 2000 * NP_SECOND}, /* longer than tcp_retries2 too */
        {100 * NP_MILLISECOND, 300 * NP_MILLISECOND},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire *w = opened_over(50 * NP_MILLISECOND);
        w->end[CLIENT].config.user_timeout = cases[i].timeout;
        w->end[SERVER].gone = true;
        wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
        wire_run(w, NP_HOUR);
        assert_int_equal(w->end[CLIENT].events[NP_TCP_TIMED_OUT_DATA], 1);
        assert_int_equal(w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA] - 10 * NP_SECOND, cases[i].want);
        assert_true(w->end[CLIENT].sent_data >= 2);
        free(w);
    }
}

/* It runs from the last progress, not from the beginning of a long transfer: here of 20 s. */
static void user_timeout_of_a_long_transfer(void **state)
{
    (void)state;
    wire *w = opened_over(50 * NP_MILLISECOND);
    w->quiet = true;
    w->end[CLIENT].config.user_timeout = 5 * NP_SECOND;
    w->end[CLIENT].way.rate = 400e3;  /* 50 kB a second */
    w->end[CLIENT].way.queue = 20000; /* a queue of 0.4 s: the RTO stays well below the timeout */
    wire_write(w, CLIENT, 1000000, NP_KIND_PAYLOAD);
    uint64_t una = 0;
    np_time progress = 0;
    while (w->end[CLIENT].used) {
        assert_true(wire_step(w, NP_HOUR));
        if (w->end[CLIENT].tcp.una != una) progress = w->now;
        una = w->end[CLIENT].tcp.una;
        if (w->now > 22 * NP_SECOND) w->end[SERVER].gone = true;
    }
    assert_true(progress > 21 * NP_SECOND);
    assert_int_equal(w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA], progress + 5 * NP_SECOND);
    free(w);
}

/* An outage shorter than the limit: everything arrives when it is over, with the next repetition. */
static void outage_is_survived(void **state)
{
    (void)state;
    wire *w = opened_over(50 * NP_MILLISECOND);
    w->fate = wire_cut_both;
    wire_write(w, CLIENT, 30000, NP_KIND_PAYLOAD);
    wire_run(w, 600 * NP_SECOND);
    w->fate = NULL;
    wire_run(w, NP_HOUR);
    assert_int_equal(w->end[SERVER].received, 30000);
    assert_true(np_tcp_deadline(&w->end[CLIENT].tcp) == NP_NEVER);
    /* With timestamps the back-off is forgotten at once. */
    assert_int_equal(w->end[CLIENT].tcp.timeouts, 0);
    free(w);
}

/* The peer's window, as a crafted ACK tells it. */
static void window_told(wire *w, uint16_t window)
{
    wire_end *e = &w->end[CLIENT];
    np_packet p = {.seq = w->end[SERVER].iss + 1,
                   .ack = np_tcp_get_state(&e->tcp) == NP_TCP_CLOSED ? 0 : e->tcp.high,
                   .window = window,
                   .proto = NP_TCP,
                   .family = 4,
                   .bytes = 52,
                   .flags = NP_ACK,
                   .kind = NP_KIND_PAYLOAD};
    np_tcp_input(&e->tcp, &e->config, &p, &e->sink, w->now);
}

/* Probes of a closed window: one below, backed off, until it opens. */
static void zero_window(void **state)
{
    (void)state;
    wire *w = opened_over(50 * NP_MILLISECOND);
    window_told(w, 0);
    w->end[SERVER].gone = true;
    wire_forget(w);
    wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
    wire_run(w, 20 * NP_SECOND);
    wire_expect(w, "10.300 > A 0:0 ack 1 payload", "10.900 > A 0:0 ack 1 payload",
                "12.100 > A 0:0 ack 1 payload", "14.500 > A 0:0 ack 1 payload",
                "19.300 > A 0:0 ack 1 payload");
    wire_forget(w);
    window_told(w, 1); /* 1 << 7 bytes */
    wire_run(w, 20 * NP_SECOND);
    wire_expect(w, "20.000 > A 1:101 ack 1 payload");
    free(w);
}

/* A window that stays closed is waited for as long as the probes are answered; when they are not, up to as
   many probes as tcp_retries2 says. */
static void zero_window_limits(void **state)
{
    (void)state;
    wire *w = opened_over(50 * NP_MILLISECOND);
    window_told(w, 0);
    w->end[SERVER].gone = true;
    wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
    for (int i = 0; i < 100; i++) {
        wire_run(w, w->now + NP_MINUTE);
        window_told(w, 0);
    }
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_ESTABLISHED);
    wire_run(w, w->now + 16 * 2 * NP_MINUTE);
    assert_int_equal(w->end[CLIENT].events[NP_TCP_TIMED_OUT_DATA], 1);
    free(w);

    w = opened_over(50 *
                    NP_MILLISECOND); /* the user timeout holds for a closed window too, answered or not */
    w->end[CLIENT].config.user_timeout = 30 * NP_SECOND;
    window_told(w, 0);
    w->end[SERVER].gone = true;
    wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
    wire_run(w, w->now + 29 * NP_SECOND);
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_ESTABLISHED);
    wire_run(w, NP_HOUR);
    assert_int_equal(w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA], 40 * NP_SECOND);
    assert_int_equal(w->end[CLIENT].tcp.probes, 6); /* after 0.3, 0.9, 2.1, 4.5, 9.3 and 18.9 s */
    free(w);
}

/* One message after the other over a path whose delay wanders: SRTT and RTTVAR against RFC 6298 in doubles.
 */
static void estimator(void **state)
{
    (void)state;
    uint64_t seed = wire_seed();
    wire *w = wire_new(seed);
    w->end[SERVER].config.delayed_ack = 0;
    wire_connect(w);
    wire_run(w, 10 * NP_SECOND);
    double srtt = 0.1, rttvar = 0.05;
    np_stream r = np_stream_make(np_key_make(seed, 0), 1, 1);
    for (int i = 0; i < 200; i++) {
        np_time delay = (np_time)np_below(np_stream_next(&r), 150) * NP_MILLISECOND;
        w->end[CLIENT].way.delay = delay;
        wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD);
        wire_run(w, w->now + 10 * NP_SECOND);
        double sample = 0.05 + np_seconds(delay);
        rttvar = 0.75 * rttvar + 0.25 * fabs(srtt - sample);
        srtt = 0.875 * srtt + 0.125 * sample;
        assert_true(fabs(w->end[CLIENT].tcp.srtt_us * 1e-6 - srtt) < 20e-6);
        assert_true(fabs(w->end[CLIENT].tcp.rttvar_us * 1e-6 - rttvar) < 20e-6);
    }
    /* The next RTO is what they say. */
    w->end[SERVER].gone = true;
    wire_forget(w);
    np_time from = w->now;
    wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD);
    double rto = srtt + fmax(0.2, 4 * rttvar);
    assert_true(fabs(np_seconds(np_tcp_deadline(&w->end[CLIENT].tcp) - from) - rto) < 200e-6);
    free(w);
}

/* Karn: no sample from what was sent twice, and without timestamps the back-off stays until there is one. */
static void karn(void **state)
{
    (void)state;
    for (int stamps = 0; stamps < 2; stamps++) {
        wire *w = wire_new(1);
        w->end[CLIENT].config.timestamps = stamps;
        w->end[SERVER].config.delayed_ack = 0;
        wire_connect(w);
        wire_run(w, 10 * NP_SECOND);
        w->fate = wire_cut_both;
        wire_write(w, CLIENT, 4000, NP_KIND_PAYLOAD);
        wire_run(w, 11 * NP_SECOND); /* repeated at 10.3 and 10.9 */
        w->fate = NULL;
        wire_run(w, 13 * NP_SECOND); /* and at 12.1, which arrives, and then the rest */
        assert_int_equal(w->end[SERVER].received, 4000);
        assert_int_equal(w->end[CLIENT].tcp.srtt_us, 100000);
        w->end[SERVER].gone = true;
        wire_forget(w);
        wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD);
        assert_int_equal(np_tcp_deadline(&w->end[CLIENT].tcp) - w->now,
                         (stamps ? 300 : 2400) * NP_MILLISECOND);
        free(w);
    }
}

/* RFC 6298 5.7: without a sample, 3 s after a lost SYN. RFC 5681 3.1: and one segment only. */
static void after_a_lost_syn(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    w->end[CLIENT].config.timestamps = false;
    w->end[CLIENT].way.loss_kind = NP_LOSS_MASK;
    w->end[CLIENT].way.mask = 1;
    wire_connect(w);
    wire_run(w, 10 * NP_SECOND);
    w->end[SERVER].gone = true;
    wire_forget(w);
    wire_write(w, CLIENT, 5000, NP_KIND_PAYLOAD);
    wire_run(w, 20 * NP_SECOND);
    wire_expect(w, "10.000 > A 1:1449 ack 1 payload", "13.000 > A 1:1449 ack 1 payload",
                "19.000 > A 1:1449 ack 1 payload");
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up),
        cmocka_unit_test(retries2_is_924_6_s),
        cmocka_unit_test(user_timeout),
        cmocka_unit_test(user_timeout_of_a_long_transfer),
        cmocka_unit_test(outage_is_survived),
        cmocka_unit_test(zero_window),
        cmocka_unit_test(zero_window_limits),
        cmocka_unit_test(estimator),
        cmocka_unit_test(karn),
        cmocka_unit_test(after_a_lost_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
