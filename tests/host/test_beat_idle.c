/*
 * Strategies that go by chance or by what else is said: bounds and spread of random times, what puts a beat
 * off and what does not.
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

#define S NP_SECOND

static np_beat_config config(const char *strategy, np_time every)
{
    np_beat_config c;
    np_beat_defaults(&c);
    c.strategy = strategy;
    c.every = every;
    c.timeout = 0;
    return c;
}

/* Evenly from least to every: bounds, mean and standard deviation; other ends draw other times. */
static void jittered(void **state)
{
    (void)state;
    const char *text = getenv("NP_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    np_beat_config c = config("jittered", 29 * S);
    c.least = 24 * S;
    enum { BEATS = 20000 };
    np_time first[2];
    for (uint32_t entity = 0; entity < 2; entity++) {
        const np_beat_owner o = {.key = np_key_make(seed, 0), .entity = entity};
        np_beat b;
        np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0);
        first[entity] = np_beat_deadline(&b, &c);
        np_time now = 0;
        double sum = 0, squares = 0;
        for (int i = 0; i < BEATS; i++) {
            np_time next = np_beat_deadline(&b, &c), gap = next - now;
            assert_true(gap >= 24 * S && gap <= 29 * S);
            sum += np_seconds(gap);
            squares += np_seconds(gap) * np_seconds(gap);
            assert_int_equal(np_beat_timer(&b, &c, &o, next), NP_BEAT_SEND);
            assert_int_equal(np_beat_timer(&b, &c, &o, next), NP_BEAT_NOTHING);
            now = next;
        }
        double mean = sum / BEATS, deviation = sqrt(squares / BEATS - mean * mean), exact = 5 / sqrt(12);
        assert_true(fabs(mean - 26.5) < 5 * exact / sqrt(BEATS));
        assert_true(fabs(deviation - exact) < 0.02);
    }
    assert_true(first[0] != first[1]);
}

/* What the end hears and sends, and when the next beat is due after it. Every 30 s. */
static void piggyback(void **state)
{
    (void)state;
    static const struct {
        np_beat_idle idle;
        np_time after_hearing, after_sending, after_answering; /* at 10, 15, 20 s */
    } row[] = {
        {NP_BEAT_IDLE_SENT, 30, 45, 50}, {NP_BEAT_IDLE_HEARD, 40, 40, 40}, {NP_BEAT_IDLE_EITHER, 40, 45, 50}};
    const np_beat_owner o = {.entity = 1};
    for (int i = 0; i < 3; i++) {
        np_beat_config c = config("piggyback", 30 * S);
        c.idle_since = row[i].idle;
        c.timeout = 10 * S;
        c.misses = 1;
        np_beat b;
        np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0);
        np_beat_heard(&b, &c, &o, NP_BEAT_MESSAGE, 10 * S);
        assert_true(np_beat_deadline(&b, &c) == row[i].after_hearing * S);
        np_beat_sent(&b, &c, &o, NP_BEAT_MESSAGE, 15 * S);
        assert_true(np_beat_deadline(&b, &c) == row[i].after_sending * S);
        np_beat_sent(&b, &c, &o, NP_BEAT_ANSWER, 20 * S);
        np_time due = row[i].after_answering * S;
        assert_true(np_beat_deadline(&b, &c) == due);
        assert_int_equal(np_beat_timer(&b, &c, &o, due - 1), NP_BEAT_NOTHING);
        assert_int_equal(np_beat_timer(&b, &c, &o, due), NP_BEAT_SEND);
        assert_true(np_beat_deadline(&b, &c) == due + 10 * S); /* the answer's deadline */
        np_beat_heard(&b, &c, &o, NP_BEAT_ANSWER, due + S);
        assert_true(np_beat_deadline(&b, &c) == due + (row[i].idle == NP_BEAT_IDLE_SENT ? 30 : 31) * S);
    }
}

static void passive(void **state)
{
    (void)state;
    const np_beat_owner o = {.entity = 1};
    np_beat_config c = config("passive", 10 * S);
    c.from = NP_BEAT_FROM_BOTH;
    np_beat b;
    np_beat_start(&b, &c, NP_BEAT_CLIENT, &o, 0);
    assert_true(np_beat_deadline(&b, &c) == NP_NEVER);
    np_beat_heard(&b, &c, &o, NP_BEAT_BEAT, 5 * S); /* beats are not answered by beats */
    assert_true(np_beat_deadline(&b, &c) == NP_NEVER);
    np_beat_heard(&b, &c, &o, NP_BEAT_MESSAGE, 20 * S);
    assert_true(np_beat_deadline(&b, &c) == 30 * S);
    np_beat_sent(&b, &c, &o, NP_BEAT_MESSAGE, 25 * S); /* a reply: no need */
    assert_true(np_beat_deadline(&b, &c) == NP_NEVER);
    np_beat_heard(&b, &c, &o, NP_BEAT_MESSAGE, 40 * S);
    assert_int_equal(np_beat_timer(&b, &c, &o, 50 * S), NP_BEAT_SEND);
    assert_true(np_beat_deadline(&b, &c) == NP_NEVER);
    np_beat_heard(&b, &c, &o, NP_BEAT_MESSAGE, 60 * S);
    np_beat_heard(&b, &c, &o, NP_BEAT_MESSAGE, 63 * S); /* does not move it, but asks for one more */
    assert_true(np_beat_deadline(&b, &c) == 70 * S);
    assert_int_equal(np_beat_timer(&b, &c, &o, 70 * S), NP_BEAT_SEND);
    assert_int_equal(np_beat_timer(&b, &c, &o, 80 * S), NP_BEAT_SEND);
    assert_true(np_beat_deadline(&b, &c) == NP_NEVER);
}

/* Nobody beats; both rules about silence hold, each at its own end. */
static void none(void **state)
{
    (void)state;
    const np_beat_owner o = {.entity = 1};
    np_beat_config c = config("none", 0);
    c.server_closes_after = 60 * S;
    c.client_closes_after = 90 * S;
    for (int side = NP_BEAT_CLIENT; side <= NP_BEAT_SERVER; side++) {
        np_time after = side == NP_BEAT_SERVER ? 60 * S : 90 * S;
        np_beat b;
        np_beat_start(&b, &c, (np_beat_side)side, &o, 0);
        assert_true(np_beat_deadline(&b, &c) == after);
        np_beat_heard(&b, &c, &o, NP_BEAT_MESSAGE, 50 * S);
        np_beat_sent(&b, &c, &o, NP_BEAT_MESSAGE, 55 * S);
        assert_true(np_beat_deadline(&b, &c) == 50 * S + after);
        assert_int_equal(np_beat_timer(&b, &c, &o, 50 * S + after - 1), NP_BEAT_NOTHING);
        assert_int_equal(np_beat_timer(&b, &c, &o, 50 * S + after), NP_BEAT_SILENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jittered),
        cmocka_unit_test(piggyback),
        cmocka_unit_test(passive),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
