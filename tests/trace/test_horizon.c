/*
 * The horizon against a list of all evictions: it never keeps what was lost, and loses nothing earlier than
 * by the width of a bin.
 */
#include "../../sim/trace/horizon.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVICTIONS 3000
#define BEGAN     (1700000000 * NP_SECOND)

static uint64_t random_state;
static uint64_t any(uint64_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 20) % below;
}

typedef struct eviction {
    np_time when, last;
} eviction;

static eviction list[EVICTIONS];
static int evictions;

/* By the definition: at no eviction had anything that went been used after the latest beat before it;
   evictions may be taken for `early` earlier than they were. */
static bool keeps(np_time since, np_time every, np_time until, np_time early)
{
    np_time horizon = INT64_MIN;
    for (int i = 0; i < evictions && list[i].when <= until + early; i++) {
        if (list[i].last > horizon) horizon = list[i].last;
        np_time by = list[i].when - 1 - early;
        if (list[i].when <= since) continue;
        np_time beat = by > since ? since + (by - since) / every * every : since;
        if (horizon >= beat) return false;
    }
    return true;
}

/* Bursts and quiet; `rising`: last uses in order, as an LRU table has them. */
static void any_list(np_time unit, bool rising)
{
    np_time now = BEGAN, last = BEGAN - (np_time)any(100) * unit;
    evictions = 1 + (int)any(EVICTIONS);
    for (int i = 0; i < evictions; i++) {
        now += (np_time)any(20) == 0 ? (np_time)any(2000) * unit : (np_time)any(3) * unit;
        if (!rising)
            last = now - 1 - (np_time)any(100) * unit;
        else if (any(3) == 0)
            last += (np_time)any((uint64_t)((now - last) / unit + 1)) * unit / 2;
        list[i] = (eviction){now, last < now ? last : now - 1};
    }
}

static void test_against_list(void **state)
{
    (void)state;
    static const np_time units[] = {NP_MILLISECOND, 100 * NP_MILLISECOND, 7 * NP_SECOND, 5 * NP_HOUR};
    uint32_t kept = 0, lost = 0, doubtful = 0;
    for (int round = 0; round < 400; round++) {
        np_time unit = units[round % 4];
        static np_horizon h;
        any_list(unit, any(4) != 0);
        np_horizon_init(&h);
        assert_true(np_horizon_keeps(&h, 0, 1, 10));
        for (int i = 0; i < evictions; i++) assert_true(np_horizon_evicted(&h, list[i].when, list[i].last));
        np_time span = list[evictions - 1].when - list[0].when, width = NP_MILLISECOND;
        while (span / width >= NP_HORIZON_BINS) width *= 2;
        for (int question = 0; question < 100; question++) {
            np_time since = BEGAN + (np_time)any((uint64_t)span + 1) - (np_time)any(200) * unit,
                    every = 1 + (np_time)any(any(2) ? 50 : 5) * unit + (np_time)any((uint64_t)unit),
                    until = since + 1 + (np_time)any((uint64_t)span + 1) / (any(2) ? 1 : 20);
            if (any(4) == 0) since = list[any((uint64_t)evictions)].last; /* the very mapping that went */
            if (until <= since || (until - since) / every > 100000) continue;
            bool got = np_horizon_keeps(&h, since, every, until);
            bool most = keeps(since, every, until, 0), least = keeps(since, every, until, width);
            if ((got && !most) || (!got && least))
                fail_msg("since %lld every %lld until %lld: %d, %d to %d", (long long)since, (long long)every,
                         (long long)until, got, least, most);
            kept += got, lost += !got, doubtful += least != most;
        }
        np_horizon_free(&h);
    }
    print_message("%u kept, %u lost; in %u of these cases the width of a bin could tell\n", kept, lost,
                  doubtful);
    assert_true(kept > 1000 && lost > 1000);
}

/* A gap of years after the last eviction is no longer than one of seconds. */
static void test_long_gap(void **state)
{
    (void)state;
    static np_horizon h;
    np_horizon_init(&h);
    for (int i = 0; i < 1000; i++)
        assert_true(np_horizon_evicted(&h, BEGAN + i * NP_SECOND, BEGAN + (i - 10) * NP_SECOND));
    for (int i = 0; i < 1000; i++) {
        assert_true(np_horizon_keeps(&h, BEGAN + 995 * NP_SECOND, 5 * NP_SECOND, BEGAN + 20000 * NP_DAY));
        assert_false(np_horizon_keeps(&h, BEGAN + 100 * NP_SECOND, 15 * NP_SECOND, BEGAN + 20000 * NP_DAY));
        assert_true(np_horizon_keeps(&h, BEGAN - 20000 * NP_DAY, 5 * NP_SECOND, BEGAN - NP_SECOND));
    }
    np_horizon_free(&h);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_against_list), cmocka_unit_test(test_long_gap)};
    return cmocka_run_group_tests_name("horizon", test, NULL, NULL);
}
