/*
 * The event queue, and the queues it is compared with: one contract. The oracle is a sorted array.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "../../sim/core/events_kind.h"
#include "natpulse/bench_queue.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* ---- the model: an array sorted by time, equal times in the order of pushing ---- */

#define MODEL_MOST 4096

typedef struct model {
    np_event event[2 * MODEL_MOST];
    size_t at, end;
} model;

static size_t model_pending(const model *m)
{
    return m->end - m->at;
}

static np_time model_first(const model *m)
{
    return m->at < m->end ? m->event[m->at].time : NP_NEVER;
}

static void model_push(model *m, np_event e)
{
    if (m->end == 2 * MODEL_MOST) {
        memmove(m->event, m->event + m->at, model_pending(m) * sizeof e);
        m->end -= m->at;
        m->at = 0;
    }
    size_t i = m->end++;
    for (; i > m->at && m->event[i - 1].time > e.time; i--) m->event[i] = m->event[i - 1];
    m->event[i] = e;
}

static np_event model_pop(model *m)
{
    return m->event[m->at++];
}

/* ---- random operations ---- */

/* Delays: none, a few ns, packets, timeouts, and any magnitude. */
static np_time delay(uint64_t *rng, unsigned mix)
{
    uint64_t r = draw(rng);
    switch (mix == 4 ? r >> 8 & 3 : mix) {
    case 0: return (np_time)(draw(rng) % 4);
    case 1: return (np_time)(draw(rng) % (100 * NP_MILLISECOND));
    case 2:
        return r % 10 ? (np_time)(draw(rng) % (50 * NP_MILLISECOND)) : 60 * NP_SECOND + (np_time)(r >> 40);
    default: return (np_time)(draw(rng) >> (20 + draw(rng) % 44));
    }
}

/* Runs `operations` against the model, pushing in `up` of 100 operations while the tide rises and popping as
   often while it falls, with peeks at random moments. */
static void against_model(const np_events_kind *kind, uint64_t *rng, unsigned mix, size_t most, unsigned up,
                          uint64_t operations)
{
    static model m;
    m.at = m.end = 0;
    void *q = kind->create();
    assert_non_null(q);
    np_time now = 0;
    uint64_t pushed = 0;
    bool rising = true;
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t r = draw(rng);
        if (model_pending(&m) == most) rising = false;
        if (model_pending(&m) == 0) rising = true;
        if (r >> 32 & 1) assert_int_equal(kind->peek(q), model_first(&m));
        bool push = r % 100 < (rising ? up : 100 - up);
        if (push && model_pending(&m) < most) {
            np_time d = delay(rng, mix);
            np_event e = {now < NP_NEVER - d ? now + d : NP_NEVER, pushed++};
            model_push(&m, e);
            assert_true(kind->push(q, e.time, e.what));
        } else {
            np_event e;
            bool some = kind->pop(q, &e);
            assert_int_equal(some, model_pending(&m) > 0);
            if (!some) continue;
            np_event expected = model_pop(&m);
            if (e.time != expected.time || e.what != expected.what)
                fail_msg("%s, mix %u, operation %llu: got %lld #%llu, expected %lld #%llu", kind->name, mix,
                         (unsigned long long)i, (long long)e.time, (unsigned long long)e.what,
                         (long long)expected.time, (unsigned long long)expected.what);
            now = e.time;
        }
    }
    kind->destroy(q);
}

static void random_operations_agree_with_a_sorted_array(void **state)
{
    (void)state;
    for (unsigned k = 0; np_events_kinds[k]; k++) {
        uint64_t rng = seed; /* the same operations for every kind */
        for (unsigned mix = 0; mix <= 4; mix++) {
            against_model(np_events_kinds[k], &rng, mix, 3, 60, 50000);
            against_model(np_events_kinds[k], &rng, mix, 100, 55, 100000);
            against_model(np_events_kinds[k], &rng, mix, 700, 60, 200000);
            against_model(np_events_kinds[k], &rng, mix, MODEL_MOST, 80, 100000);
        }
    }
}

/* ---- more than the model can hold: what comes out is checked by itself ---- */

/* Pops everything: times do not fall, equal times rise by `what` (which counts pushes), nothing is missing.
 */
static void assert_drains_in_order(const np_events_kind *kind, void *q, uint64_t n)
{
    np_event e, last = {-1, 0};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        assert_true(kind->pop(q, &e));
        if (e.time < last.time || (e.time == last.time && e.what <= last.what))
            fail_msg("%s: %lld #%llu came after %lld #%llu", kind->name, (long long)e.time,
                     (unsigned long long)e.what, (long long)last.time, (unsigned long long)last.what);
        last = e;
        sum += e.what;
    }
    assert_false(kind->pop(q, &e));
    assert_int_equal(sum, n * (n - 1) / 2);
}

static void many_come_out_in_order(void **state)
{
    (void)state;
    const uint64_t n = 100000;
    const np_time span[] = {1, 1000, NP_MILLISECOND, NP_SECOND, NP_HOUR, NP_NEVER};
    for (unsigned k = 0; np_events_kinds[k]; k++) {
        for (size_t i = 0; i < sizeof span / sizeof *span; i++) {
            if (np_events_kinds[k] == &np_events_calendar && span[i] == 1000)
                continue; /* sorts 300-event days */
            uint64_t rng = seed;
            void *q = np_events_kinds[k]->create();
            for (uint64_t j = 0; j < n; j++)
                assert_true(np_events_kinds[k]->push(q, (np_time)(draw(&rng) % (uint64_t)span[i]), j));
            assert_drains_in_order(np_events_kinds[k], q, n);
            np_events_kinds[k]->destroy(q);
        }
    }
}

static void holds_come_out_the_same_from_every_kind(void **state)
{
    (void)state;
    for (np_bench_delays d = 0; d < NP_BENCH_DELAYS_COUNT; d++) {
        for (size_t pending = 1; pending <= 65536; pending *= 16) {
            uint64_t expected = 0;
            for (uint32_t k = 0; np_bench_queue_kind(k); k++) {
                uint64_t sum = 0;
                np_bench_queue *b = np_bench_queue_create(k, pending, d);
                assert_non_null(b);
                assert_true(np_bench_queue_hold(b, 200000, &sum));
                np_bench_queue_destroy(b);
                if (k == 0) expected = sum;
                assert_int_equal(sum, expected);
            }
        }
    }
}

/* ---- the contract, case by case ---- */

static void peeking_commits_to_nothing(void **state)
{
    (void)state;
    for (unsigned k = 0; np_events_kinds[k]; k++) {
        const np_events_kind *kind = np_events_kinds[k];
        void *q = kind->create();
        const uint64_t n = 20000;
        assert_int_equal(kind->peek(q), NP_NEVER);
        /* Each push is earlier than all before it, and the queue has just been asked for its first. */
        for (uint64_t i = 0; i < n; i++) {
            np_time t = NP_HOUR - (np_time)i * NP_MILLISECOND;
            assert_true(kind->push(q, t, i));
            assert_int_equal(kind->peek(q), t);
        }
        for (uint64_t i = n; i-- > 0;) {
            np_event e;
            assert_int_equal(kind->peek(q), NP_HOUR - (np_time)i * NP_MILLISECOND);
            assert_true(kind->pop(q, &e));
            assert_int_equal(e.what, i);
        }
        kind->destroy(q);
    }
}

/* The first bucket is short and wide, and thousands of early events join after it became the front. */
static void a_crowd_may_join_before_a_far_event(void **state)
{
    (void)state;
    uint64_t rng = seed;
    np_events *q = np_events_create();
    np_event e;
    const uint64_t n = 50000;
    assert_true(np_events_push(q, 0, 0));
    for (uint64_t i = 1; i < 20; i++) assert_true(np_events_push(q, 10 * NP_HOUR + (np_time)i, i));
    assert_true(np_events_pop(q, &e));
    assert_true(np_events_push(q, 10 * NP_HOUR, 20));
    assert_true(np_events_pop(q, &e));
    assert_int_equal(e.what, 20);
    for (uint64_t i = 0; i < n; i++)
        assert_true(np_events_push(q, 10 * NP_HOUR + (np_time)(draw(&rng) % NP_HOUR), 21 + i));
    np_event last = e;
    for (uint64_t i = 0; i < n + 19; i++) {
        assert_true(np_events_pop(q, &e));
        assert_true(e.time > last.time || (e.time == last.time && e.what > last.what));
        last = e;
    }
    assert_false(np_events_pop(q, &e));
    np_events_destroy(q);
}

static void events_of_one_time_queue_up(void **state)
{
    (void)state;
    const uint64_t n = 100000;
    for (unsigned k = 0; np_events_kinds[k]; k++) {
        const np_events_kind *kind = np_events_kinds[k];
        void *q = kind->create();
        np_event e;
        for (uint64_t i = 0; i < n; i++) assert_true(kind->push(q, NP_SECOND, i));
        /* Whoever pushes at the very moment joins the end of the queue. */
        for (uint64_t i = 0; i < 3 * n; i++) {
            assert_true(kind->pop(q, &e));
            assert_int_equal(e.time, NP_SECOND);
            assert_int_equal(e.what, i);
            assert_true(kind->push(q, NP_SECOND, n + i));
        }
        kind->destroy(q);
    }
}

static void every_magnitude_of_time_is_in_order(void **state)
{
    (void)state;
    for (unsigned k = 0; np_events_kinds[k]; k++) {
        const np_events_kind *kind = np_events_kinds[k];
        void *q = kind->create();
        np_event e;
        /* From the last time there is downwards: 2^b and its neighbours. */
        assert_true(kind->push(q, NP_NEVER, 190));
        assert_true(kind->push(q, NP_NEVER - 1, 189));
        for (unsigned b = 63; b-- > 0;)
            for (unsigned j = 3; j-- > 0;) assert_true(kind->push(q, ((np_time)1 << b) - 1 + j, 3 * b + j));
        np_time last = 0;
        for (unsigned i = 0; i < 191; i++) {
            np_time next = kind->peek(q);
            assert_true(kind->pop(q, &e));
            assert_int_equal(e.time, next);
            assert_true(e.time >= last);
            last = e.time;
        }
        assert_int_equal(last, NP_NEVER);
        assert_false(kind->pop(q, &e));
        kind->destroy(q);
    }
}

static void now_and_pending_follow(void **state)
{
    (void)state;
    np_events *q = np_events_create();
    np_event e;
    assert_int_equal(np_events_now(q), 0);
    assert_false(np_events_pop(q, &e));
    np_events_push(q, 5, 1);
    np_events_push(q, 3, 2);
    assert_int_equal(np_events_pending(q), 2);
    assert_int_equal(np_events_peek(q), 3);
    assert_int_equal(np_events_now(q), 0);
    np_events_pop(q, &e);
    assert_int_equal(np_events_now(q), 3);
    assert_int_equal(np_events_pending(q), 1);
    np_events_pop(q, &e);
    assert_int_equal(np_events_pending(q), 0);
    assert_int_equal(np_events_peek(q), NP_NEVER);
    assert_int_equal(np_events_now(q), 5);
    np_events_destroy(q);
}

/* Memory follows the most that was ever pending, whatever went through. */
static void memory_is_bounded(void **state)
{
    (void)state;
    uint64_t rng = seed;
    np_events *q = np_events_create();
    const size_t n = 400000, event = sizeof(np_event), least = 1 << 20;
    np_event e;
    assert_true(np_events_bytes(q) < least);
    for (size_t i = 0; i < n; i++) {
        assert_true(np_events_push(q, delay(&rng, 2), i));
        assert_true(np_events_bytes(q) <
                    least + 2 * event * (np_events_pending(q) + np_events_pending(q) / 20));
    }
    size_t held = np_events_bytes(q);
    assert_true(held >= n * event);
    for (size_t i = 0; i < 1000000; i++) {
        assert_true(np_events_pop(q, &e));
        assert_true(np_events_push(q, e.time + delay(&rng, i % 3 ? 2 : 1), i));
    }
    assert_int_equal(np_events_bytes(q), held);
    np_events_destroy(q);
}

int main(void)
{
    const char *given = getenv("NP_SEED");
    seed = given ? strtoull(given, NULL, 10) : 20240917;
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_sorted_array),
        cmocka_unit_test(many_come_out_in_order),
        cmocka_unit_test(holds_come_out_the_same_from_every_kind),
        cmocka_unit_test(peeking_commits_to_nothing),
        cmocka_unit_test(a_crowd_may_join_before_a_far_event),
        cmocka_unit_test(events_of_one_time_queue_up),
        cmocka_unit_test(every_magnitude_of_time_is_in_order),
        cmocka_unit_test(now_and_pending_follow),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
