/*
 * Heartbeats against the closed form of detection, for answers that are due before the next beat and after
 * it; and the rules about who sends, what an answer settles, and silence.
 */
#include "natpulse/beat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S NP_SECOND

static const np_beat_owner owner = {.key = {{1, 2}}, .entity = 1};

static np_beat_config config(np_time every, np_time timeout, uint32_t misses)
{
    np_beat_config c;
    np_beat_defaults(&c);
    c.strategy = "fixed";
    c.every = every;
    c.timeout = timeout;
    c.misses = misses;
    return c;
}

/* Plays one end against a peer that answers after `trip` and dies at `death` (answers that it would give
   later do not come). Returns when the end gives up, NP_NEVER when it has not by `until`; counts beats. */
static np_time play(const np_beat_config *c, np_beat_side side, np_time trip, np_time death, np_time until,
                    unsigned *beats, np_beat_action *how)
{
    enum { MOST = 4096 };
    static np_time answer[MOST];
    unsigned first = 0, last = 0;
    np_beat b;
    np_beat_start(&b, c, side, &owner, 0);
    *beats = 0;
    for (;;) {
        np_time now = np_beat_deadline(&b, c);
        if (first != last && answer[first] <= now) {
            now = answer[first++];
            np_beat_heard(&b, c, &owner, NP_BEAT_ANSWER, now);
        }
        if (now > until) return NP_NEVER;
        for (np_beat_action a; (a = np_beat_timer(&b, c, &owner, now)) != NP_BEAT_NOTHING;) {
            if (a != NP_BEAT_SEND) {
                *how = a;
                return now;
            }
            ++*beats;
            if (now + trip / 2 < death && last < MOST) answer[last++] = now + trip;
        }
    }
}

/* Closed form: ((k - 1) T + W, k T + W], mean (k - 1/2) T + W, for deaths at any moment of a cycle. */
static void detection(void **state)
{
    (void)state;
    static const struct {
        np_time every, timeout;
        uint32_t misses;
    } cases[] = {
        {30 * S, 10 * S, 1}, {30 * S, 10 * S, 2}, {25 * S, 20 * S, 1}, {60 * S, 60 * S, 3},
        {10 * S, 25 * S, 1}, {10 * S, 25 * S, 3}, {5 * S, 60 * S, 2},  {30 * S, 30 * S, 1},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        np_beat_config c = config(cases[i].every, cases[i].timeout, cases[i].misses);
        const np_time T = c.every, W = c.timeout, k = c.misses;
        double sum = 0;
        enum { MOMENTS = 100 };
        for (int m = 0; m < MOMENTS; m++) {
            /* The peer answers at once, so that death just after a beat is death just after its answer. */
            np_time death = 20 * T + 1 + m * (T - 1) / (MOMENTS - 1);
            unsigned beats;
            np_beat_action how = NP_BEAT_NOTHING;
            np_time delay = play(&c, NP_BEAT_CLIENT, 0, death, NP_DAY, &beats, &how) - death;
            assert_int_equal(how, NP_BEAT_DEAD);
            assert_true(delay >= (k - 1) * T + W && delay <= k * T + W);
            if (m == 0) assert_int_equal(delay, k * T + W - 1);
            if (m == MOMENTS - 1) assert_int_equal(delay, (k - 1) * T + W);
            sum += np_seconds(delay) / MOMENTS;
        }
        assert_true(fabs(sum - np_seconds((2 * k - 1) * T / 2 + W)) < 1e-6);
    }
}

/* A peer that lives is never given up, however long its answers take, as long as they come in time. */
static void no_false_alarm(void **state)
{
    (void)state;
    for (np_time every = S; every <= 16 * S; every *= 2)
        for (np_time trip = 0; trip < 10 * S; trip += 100 * NP_MILLISECOND) {
            np_beat_config c = config(every, 10 * S, 1);
            unsigned beats;
            np_beat_action how;
            assert_true(play(&c, NP_BEAT_CLIENT, trip, NP_DAY, 1000 * S, &beats, &how) == NP_NEVER);
            assert_int_equal(beats, 1000 * S / every);
        }
}

/* When answers do not come in time, the misses are those of a model that keeps every deadline: random answers
   (lost or late), against a list. */
static void misses_against_a_list(void **state)
{
    (void)state;
    const char *text = getenv("NP_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    for (uint32_t run = 0; run < 2000; run++) {
        np_stream r = np_stream_make(np_key_make(seed, run), 1, 1);
        np_beat_config c =
            config(10 * S, (1 + (np_time)np_below(np_stream_next(&r), 35)) * S + 1, 1 + run % 4);
        np_beat b;
        np_beat_start(&b, &c, NP_BEAT_CLIENT, &owner, 0);
        enum { BEATS = 60 };
        np_time due[BEATS], now = 0; /* deadlines of beats that wait, oldest first */
        unsigned waiting = 0, row = 0, sent = 0;
        bool dead = false;
        while (!dead && sent < BEATS) {
            np_time tick = np_beat_deadline(&b, &c);
            np_time answered = now + (np_time)np_below(np_stream_next(&r), 30) * S + 2;
            if (waiting && answered < tick) { /* the oldest one's answer */
                now = answered;
                np_beat_heard(&b, &c, &owner, NP_BEAT_ANSWER, now);
                memmove(due, due + 1, --waiting * sizeof due[0]);
                row = 0;
                continue;
            }
            now = tick;
            bool want_dead = false, got_send = false;
            while (waiting && due[0] <= now) {
                memmove(due, due + 1, --waiting * sizeof due[0]);
                want_dead |= ++row >= c.misses;
            }
            np_beat_action a;
            while ((a = np_beat_timer(&b, &c, &owner, now)) == NP_BEAT_SEND) got_send = true;
            dead = a == NP_BEAT_DEAD;
            assert_int_equal(dead, want_dead);
            assert_int_equal(got_send, !dead && now % c.every == 0);
            if (got_send) due[waiting++] = now + c.timeout, sent++;
        }
    }
}

static void who_sends(void **state)
{
    (void)state;
    static const struct {
        np_beat_from from;
        bool client, server;
    } cases[] = {{NP_BEAT_FROM_CLIENT, true, false},
                 {NP_BEAT_FROM_SERVER, false, true},
                 {NP_BEAT_FROM_BOTH, true, true}};
    for (unsigned i = 0; i < 3; i++)
        for (int side = NP_BEAT_CLIENT; side <= NP_BEAT_SERVER; side++) {
            np_beat_config c = config(30 * S, 10 * S, 2);
            c.from = cases[i].from;
            np_beat b;
            np_beat_start(&b, &c, (np_beat_side)side, &owner, 5 * S);
            bool sends = side == NP_BEAT_CLIENT ? cases[i].client : cases[i].server;
            assert_true(np_beat_deadline(&b, &c) == (sends ? 35 * S : NP_NEVER));
            np_beat_heard(&b, &c, &owner, NP_BEAT_ANSWER, 6 * S); /* a stray answer is no trouble */
            assert_int_equal(np_beat_timer(&b, &c, &owner, 7 * S), NP_BEAT_NOTHING);
        }
    np_beat_config none;
    np_beat_defaults(&none);
    assert_null(none.strategy);
    np_beat b;
    np_beat_start(&b, &none, NP_BEAT_CLIENT, &owner, 0);
    assert_true(np_beat_deadline(&b, &none) == NP_NEVER);
}

/* Without answers to wait for there are only beats. */
static void unanswered(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        np_beat_config c = config(25 * S, i ? 10 * S : 0, 1);
        c.answer_bytes = i ? 0 : 2;
        unsigned beats;
        np_beat_action how;
        assert_true(play(&c, NP_BEAT_CLIENT, 0, 0, 1000 * S, &beats, &how) == NP_NEVER);
        assert_int_equal(beats, 40);
    }
}

/* The server's rule: silence, whatever the beats do; for the client it is no rule. */
static void silence(void **state)
{
    (void)state;
    np_beat_config c = config(30 * S, 10 * S, 2);
    c.server_closes_after = 75 * S;
    np_beat b;
    np_beat_start(&b, &c, NP_BEAT_SERVER, &owner, 0);
    for (np_time t = 30 * S; t <= 300 * S; t += 30 * S) {
        assert_true(np_beat_deadline(&b, &c) > t);
        np_beat_heard(&b, &c, &owner, NP_BEAT_MESSAGE, t);
    }
    assert_true(np_beat_deadline(&b, &c) == 375 * S);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 375 * S - 1), NP_BEAT_NOTHING);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 375 * S), NP_BEAT_SILENT);

    np_beat_start(&b, &c, NP_BEAT_CLIENT, &owner, 0);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 30 * S), NP_BEAT_SEND);
    np_beat_heard(&b, &c, &owner, NP_BEAT_ANSWER, 31 * S);
    assert_true(np_beat_deadline(&b, &c) == 60 * S);
    c.timeout = 0;
    for (np_time t = 60 * S; t < 900 * S; t += 30 * S) {
        assert_int_equal(np_beat_timer(&b, &c, &owner, t), NP_BEAT_SEND);
        assert_int_equal(np_beat_timer(&b, &c, &owner, t), NP_BEAT_NOTHING);
    }
}

/* Slept through: one beat, and the rhythm goes on. */
static void late_calls(void **state)
{
    (void)state;
    np_beat_config c = config(30 * S, 0, 1);
    np_beat b;
    np_beat_start(&b, &c, NP_BEAT_CLIENT, &owner, 0);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 100 * S), NP_BEAT_SEND);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 100 * S), NP_BEAT_NOTHING);
    assert_true(np_beat_deadline(&b, &c) == 120 * S);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 120 * S), NP_BEAT_SEND);
    assert_true(np_beat_deadline(&b, &c) == 150 * S);

    c = config(10 * S, 25 * S, 2); /* two answers overdue at once */
    np_beat_start(&b, &c, NP_BEAT_CLIENT, &owner, 0);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 10 * S), NP_BEAT_SEND);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 20 * S), NP_BEAT_SEND);
    assert_int_equal(np_beat_timer(&b, &c, &owner, 50 * S), NP_BEAT_DEAD);
}

/* Too many beats: nearer than permitted to the one before is a strike, early or not; a message forgives. */
static void too_many(void **state)
{
    (void)state;
    np_beat_config c = config(30 * S, 10 * S, 2);
    c.server_permits = 300 * S;
    c.strikes = 2;
    np_beat_memory memory = {0};
    const np_beat_owner o = {.memory = &memory};
    np_beat b;
    np_beat_start(&b, &c, NP_BEAT_SERVER, &o, 0);
    static const struct {
        np_time at;
        char what; /* b: a beat arrives; m: a message goes out; a: an answer does */
        bool too_many;
    } script[] = {
        {100, 'b', false},  {399, 'b', false},  {699, 'b', false}, /* a second too near; just far enough */
        {998, 'b', false},  {999, 'a', false},  {1297, 'b', true}, /* strikes two and three: gone */
        {2000, 'm', false}, {2001, 'b', false}, {2002, 'b', false}, {2003, 'b', false}, {2004, 'm', false},
        {2005, 'b', false}, {2006, 'b', false}, {2007, 'b', false}, {2008, 'b', true},
    };
    for (unsigned i = 0; i < sizeof script / sizeof script[0]; i++) {
        np_time at = script[i].at * S;
        if (script[i].what != 'b') {
            np_beat_sent(&b, &c, &o, script[i].what == 'm' ? NP_BEAT_MESSAGE : NP_BEAT_ANSWER, at);
            continue;
        }
        np_beat_action a = np_beat_heard(&b, &c, &o, NP_BEAT_BEAT, at);
        assert_int_equal(a, script[i].too_many ? NP_BEAT_TOO_MANY : NP_BEAT_NOTHING);
    }
    np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0); /* the rule is the server's; the client slows down */
    for (int i = 1; i < 9; i++) assert_int_equal(np_beat_heard(&b, &c, &o, NP_BEAT_BEAT, i), NP_BEAT_NOTHING);
    np_beat_slow_down(&c, &o);
    np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0);
    assert_true(np_beat_deadline(&b, &c) == 60 * S);
    np_beat_slow_down(&c, &o);
    assert_int_equal(np_beat_timer(&b, &c, &o, 60 * S), NP_BEAT_SEND);
    np_beat_heard(&b, &c, &o, NP_BEAT_ANSWER, 61 * S);
    assert_true(np_beat_deadline(&b, &c) == 180 * S);
    for (int i = 0; i < 100; i++) np_beat_slow_down(&c, &o);
    np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0);
    assert_true(np_beat_deadline(&b, &c) < 2 * NP_DAY);
}

static void listed(void **state)
{
    (void)state;
    const char *const *list = np_beat_list();
    assert_string_equal(list[0], "fixed");
    for (unsigned i = 0; list[i]; i++) { /* every one of them starts, and those that beat by themselves do */
        np_beat_config c = config(30 * S, 10 * S, 2);
        c.strategy = list[i];
        c.least = 20 * S;
        c.most = 60 * S;
        c.step = 10 * S;
        np_beat_memory memory = {0};
        const np_beat_owner o = {.key = owner.key, .memory = &memory};
        np_beat b;
        np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0);
        bool waits = !strcmp(list[i], "none") || !strcmp(list[i], "passive");
        assert_int_equal(np_beat_deadline(&b, &c) == NP_NEVER, waits);
        if (waits) continue;
        for (int n = 0; n < 20; n++) {
            np_time now = np_beat_deadline(&b, &c), before = now;
            assert_int_equal(np_beat_timer(&b, &c, &o, now), NP_BEAT_SEND);
            np_beat_heard(&b, &c, &o, NP_BEAT_ANSWER, now);
            assert_true(np_beat_deadline(&b, &c) - before >= np_beat_shortest(&c));
            assert_true(np_beat_deadline(&b, &c) - before <= c.most);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detection),
        cmocka_unit_test(no_false_alarm),
        cmocka_unit_test(misses_against_a_list),
        cmocka_unit_test(who_sends),
        cmocka_unit_test(unanswered),
        cmocka_unit_test(silence),
        cmocka_unit_test(late_calls),
        cmocka_unit_test(too_many),
        cmocka_unit_test(listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
