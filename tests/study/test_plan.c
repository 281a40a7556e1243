/*
 * Plans against the definition they implement: whatever the order in which runs end, and whatever was there
 * before, a point has the replicas that rounds in one thread would give it, and every run is handed out once.
 */
#include "../../sim/study/plan.h"
#include "../../sim/study/precision.h"
#include "natpulse/random.h"
#include "natpulse/study.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 1;

enum { POINTS = 5, STRATEGIES = 3, FIRST = 4, MOST = 70, GOALS = 2 };

static np_goal goal[GOALS] = {{NP_METRIC_REACHABLE, 0.10}, {NP_METRIC_BREAKS, 0.15}};
static const np_precision precision = {.goal = goal, .goals = GOALS, .max_replicas = MOST};
static const np_precision none;

/* Figure g of a unit: mean 10, and wider at higher points. Strategy 2 has no second figure. */
static double figure(uint32_t g, np_study_unit u)
{
    np_key key = np_key_make(seed, g);
    double x = np_unit(np_random(key, u.point * 100 + u.strategy, 1, u.replica));
    if (g == 1 && u.strategy == 2) return NAN;
    return 10 + (x - 0.5) * (1 + 3 * u.point) * (g ? 2 : 1);
}

/* The definition: rounds until each interval's half is within its share of the mean. */
static uint32_t wanted(uint32_t point)
{
    for (uint32_t n = FIRST;;) {
        double excess = 0;
        for (uint32_t g = 0; g < GOALS; g++) {
            for (uint32_t s = 0; s < STRATEGIES; s++) {
                double value[MOST];
                for (uint32_t r = 0; r < n; r++) value[r] = figure(g, (np_study_unit){point, s, r});
                np_estimate e = np_estimate_of(value, n);
                if (e.n > 0) excess = fmax(excess, (e.high - e.low) / 2 / e.mean / goal[g].share);
            }
        }
        if (excess <= 1 || n == MOST) return n;
        double more = fmin(fmax(n * excess * excess, n * 1.25), 2.0 * n);
        n = (uint32_t)fmin(ceil(more), MOST);
    }
}

typedef struct bag {
    np_study_unit unit[POINTS * STRATEGIES * MOST];
    uint32_t n;
} bag;

static bool was_there[POINTS][STRATEGIES][MOST], handed[POINTS][STRATEGIES][MOST];

static void finish(np_plan *p, np_study_unit u)
{
    double value[GOALS];
    for (uint32_t g = 0; g < GOALS; g++) value[g] = figure(g, u);
    assert_true(np_plan_may_come_to(p, u));
    assert_true(np_plan_done(p, u, value));
    assert_false(np_plan_may_come_to(p, u));
}

/* Keeps up to `flying` units under way and ends one of them at random. */
static void run_to_end(np_plan *p, uint32_t flying, uint64_t stream)
{
    static bag b;
    np_key key = np_key_make(seed, (uint32_t)(1000 + stream));
    b.n = 0;
    for (uint64_t step = 0; !np_plan_over(p); step++) {
        np_study_unit u;
        while (b.n < flying && np_plan_next(p, &u)) {
            assert_false(handed[u.point][u.strategy][u.replica]);
            assert_false(was_there[u.point][u.strategy][u.replica]);
            handed[u.point][u.strategy][u.replica] = true;
            b.unit[b.n++] = u;
        }
        assert_true(b.n > 0); /* else it would wait for ever */
        uint32_t i = (uint32_t)(np_random(key, 0, 1, step) % b.n);
        u = b.unit[i];
        b.unit[i] = b.unit[--b.n];
        finish(p, u);
    }
    assert_int_equal(b.n, 0);
    assert_true(np_plan_units(p) == np_plan_units_done(p));
}

static void any_order_gives_the_same(void **state)
{
    (void)state;
    uint32_t different = 0;
    for (uint64_t trial = 0; trial < 60; trial++) {
        np_key key = np_key_make(seed, (uint32_t)(5000 + trial));
        np_plan *p = np_plan_create(POINTS, STRATEGIES, FIRST, &precision);
        memset(handed, 0, sizeof handed);
        memset(was_there, 0, sizeof was_there);
        /* What an earlier sweep left: any part of what is wanted. */
        uint64_t share = np_random(key, 1, 1, 0) % 4;
        for (uint32_t point = 0; point < POINTS; point++) {
            for (uint32_t r = 0; r < wanted(point); r++) {
                for (uint32_t s = 0; s < STRATEGIES; s++) {
                    if (np_random(key, 2 + point, 1, r * STRATEGIES + s) % 3 >= share) continue;
                    was_there[point][s][r] = true;
                    finish(p, (np_study_unit){point, s, r});
                }
            }
        }
        run_to_end(p, 1 + (uint32_t)(trial % 20), trial);
        for (uint32_t point = 0; point < POINTS; point++) {
            assert_true(np_plan_settled(p, point));
            assert_int_equal(np_plan_replicas(p, point), wanted(point));
            different += np_plan_replicas(p, point) != np_plan_replicas(p, 0);
            for (uint32_t r = 0; r < MOST; r++) {
                for (uint32_t s = 0; s < STRATEGIES; s++) {
                    bool there = was_there[point][s][r] || handed[point][s][r];
                    assert_int_equal(there, r < wanted(point));
                }
            }
        }
        np_plan_destroy(p);
    }
    assert_true(different > 0);
    assert_int_equal(wanted(0), FIRST); /* one settles at once, one never */
    assert_int_equal(wanted(POINTS - 1), MOST);
}

/* Without precision: points, replicas, strategies, in that order, each once. */
static void plain_plan_is_in_order(void **state)
{
    (void)state;
    np_plan *p = np_plan_create(2, 3, 4, &none);
    np_study_unit u;
    for (uint32_t i = 0; i < 24; i++) {
        assert_true(np_plan_next(p, &u));
        assert_int_equal((u.point * 4 + u.replica) * 3 + u.strategy, i);
    }
    assert_false(np_plan_next(p, &u));
    assert_false(np_plan_over(p));
    for (uint32_t i = 0; i < 24; i++)
        assert_true(np_plan_done(p, (np_study_unit){i / 12, i % 3, i / 3 % 4}, NULL));
    assert_true(np_plan_over(p));
    assert_false(np_plan_may_come_to(p, (np_study_unit){2, 0, 0}));
    assert_false(np_plan_may_come_to(p, (np_study_unit){0, 3, 0}));
    assert_false(np_plan_may_come_to(p, (np_study_unit){0, 0, 4}));
    np_plan_destroy(p);
}

/* What a rank that died had is handed out again, first; unless it was done after all. */
static void returned_units_come_again(void **state)
{
    (void)state;
    np_plan *p = np_plan_create(1, 2, 30, &none);
    np_study_unit u[60], again;
    for (uint32_t i = 0; i < 50; i++) assert_true(np_plan_next(p, &u[i]));
    for (uint32_t i = 0; i < 40; i++) assert_true(np_plan_return(p, u[i])); /* more than room was made for */
    for (uint32_t i = 0; i < 40; i += 2) assert_true(np_plan_done(p, u[i], NULL));
    assert_true(np_plan_return(p, u[0]));
    bool seen[60] = {false};
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(np_plan_next(p, &again));
        uint32_t number = again.replica * 2 + again.strategy;
        assert_true(number < 40 && number % 2 == 1 && !seen[number]);
        seen[number] = true;
        assert_true(np_plan_done(p, again, NULL));
    }
    for (uint32_t i = 50; i < 60; i++) {
        assert_true(np_plan_next(p, &u[i]));
        assert_int_equal(u[i].replica * 2 + u[i].strategy, i);
    }
    assert_false(np_plan_next(p, &again));
    for (uint32_t i = 40; i < 60; i++) assert_true(np_plan_done(p, u[i], NULL));
    assert_true(np_plan_over(p));
    np_plan_destroy(p);
}

static void counts_grow_sensibly(void **state)
{
    (void)state;
    assert_int_equal(np_precision_next(10, 1.01, 1000), 13); /* a quarter more at least */
    assert_int_equal(np_precision_next(10, 1.2, 1000), 15);  /* 10 * 1.44 */
    assert_int_equal(np_precision_next(10, 100, 1000), 20);  /* doubled at most */
    assert_int_equal(np_precision_next(10, INFINITY, 1000), 20);
    assert_int_equal(np_precision_next(900, 3, 1000), 1000);
    assert_int_equal(np_precision_next(1, 1.0001, 1000), 2);
    np_estimate e = {.mean = -4, .low = -5, .high = -3, .n = 3};
    assert_true(np_precision_width(&e) == 0.25);
    e = (np_estimate){.mean = 0, .low = 0, .high = 0, .n = 3};
    assert_true(np_precision_width(&e) == 0);
    e = (np_estimate){.mean = 0, .low = -1, .high = 1, .n = 3};
    assert_true(isinf(np_precision_width(&e)));
    e = (np_estimate){.mean = 1, .low = NAN, .high = NAN, .n = 1};
    assert_true(isinf(np_precision_width(&e)));
    e.n = 0;
    assert_true(isnan(np_precision_width(&e)));
}

/* The share of intervals that hold the true mean, of normal values of 30 % deviation. */
static double coverage(double within, uint32_t trials, uint32_t *most)
{
    np_goal one[] = {{NP_METRIC_REACHABLE, within}};
    const np_precision p = {.goal = one, .goals = 1, .max_replicas = 2000};
    np_key key = np_key_make(seed, 31);
    uint32_t held = 0;
    for (uint32_t t = 0; t < trials; t++) {
        np_plan *plan = np_plan_create(1, 1, 10, &p);
        static double value[2000];
        np_study_unit u;
        while (np_plan_next(plan, &u)) {
            np_random_pair r = np_random_two(key, t, 1, u.replica);
            value[u.replica] = 10 + 3 * sqrt(-2 * log(np_unit(r.a))) * cos(2 * M_PI * np_unit(r.b));
            assert_true(np_plan_done(plan, u, &value[u.replica]));
        }
        uint32_t n = np_plan_replicas(plan, 0);
        np_estimate e = np_estimate_of(value, n);
        assert_true((e.high - e.low) / 2 <= within * e.mean);
        held += e.low <= 10 && 10 <= e.high;
        if (n > *most) *most = n;
        np_plan_destroy(plan);
    }
    return (double)held / trials;
}

/* What looking again and again costs, from ten replicas on: 93 % or more of the intervals hold the true mean.
 */
static void looking_costs_little_coverage(void **state)
{
    (void)state;
    enum { TRIALS = 4000 };
    static const double within[] = {0.30, 0.20, 0.17, 0.14, 0.10, 0.05};
    double error = sqrt(0.95 * 0.05 / TRIALS);
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        uint32_t most = 0;
        double share = coverage(within[i], TRIALS, &most);
        print_message("within %.0f %%: %.2f %% of the intervals hold the mean; at most %u replicas\n",
                      100 * within[i], 100 * share, most);
        assert_true(share > 0.93 - 3 * error && share < 0.95 + 4 * error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_plan_is_in_order),        cmocka_unit_test(any_order_gives_the_same),
        cmocka_unit_test(returned_units_come_again),     cmocka_unit_test(counts_grow_sensibly),
        cmocka_unit_test(looking_costs_little_coverage),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
