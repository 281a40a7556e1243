/*
 * Whether an expectation holds for sure: means by their interval, quantiles by order statistics whose
 * coverage is counted, the censored, and figures without a value.
 */
#include "natpulse/random.h"
#include "natpulse/study.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static np_expectation on_mean(np_comparison c, double bound)
{
    return (np_expectation){
        .text = "", .metric = NP_METRIC_REACHABLE, .spread = -1, .comparison = c, .bound = bound};
}

static void means(void **state)
{
    (void)state;
    static const struct {
        np_comparison comparison;
        double bound, mean, low, high;
        np_standing expected;
    } row[] = {
        {NP_COMPARE_MORE, 0.9, 0.95, 0.91, 0.99, NP_HOLDS},
        {NP_COMPARE_MORE, 0.9, 0.95, 0.90, 1.00, NP_UNSURE},
        {NP_COMPARE_AT_LEAST, 0.9, 0.95, 0.90, 1.00, NP_HOLDS},
        {NP_COMPARE_MORE, 0.9, 0.80, 0.65, 0.95, NP_UNSURE},
        {NP_COMPARE_MORE, 0.9, 0.80, 0.75, 0.85, NP_FAILS},
        {NP_COMPARE_LESS, 0.9, 0.80, 0.75, 0.85, NP_HOLDS},
        {NP_COMPARE_LESS, 0.9, 0.80, 0.65, 0.95, NP_UNSURE},
        {NP_COMPARE_LESS, 0.9, 0.95, 0.91, 0.99, NP_FAILS},
        {NP_COMPARE_LESS, 0.9, 0.90, 0.90, 0.90, NP_FAILS},
        {NP_COMPARE_AT_MOST, 0.9, 0.90, 0.90, 0.90, NP_HOLDS},
        {NP_COMPARE_AT_MOST, 0, 0, 0, 0, NP_HOLDS},
        {NP_COMPARE_MORE, 0.9, 0.95, NAN, NAN, NP_UNSURE},
        {NP_COMPARE_MORE, 0.9, 0.85, NAN, NAN, NP_FAILS},
        {NP_COMPARE_MORE, 0.9, NAN, NAN, NAN, NP_FAILS},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_column c = {.strategy = "s"};
        c.value[NP_METRIC_REACHABLE] = (np_estimate){row[i].mean, row[i].low, row[i].high, 5};
        const np_expectation x = on_mean(row[i].comparison, row[i].bound);
        np_estimate seen = np_expectation_seen(&x, &c);
        if (np_expectation_standing(&x, &seen) != row[i].expected) fail_msg("row %zu", i);
    }
}

static const np_spread_part parts[] = {NP_SPREAD_PART_P50, NP_SPREAD_PART_P95, NP_SPREAD_PART_P99};
static const double shares[] = {0.50, 0.95, 0.99};

static np_expectation on_part(np_spread_part part, double bound)
{
    return (np_expectation){.text = "",
                            .metric = -1,
                            .spread = NP_SPREAD_SERVER_DETECT,
                            .part = part,
                            .comparison = NP_COMPARE_LESS,
                            .bound = bound};
}

/* Exponential times of which those above 3 are censored: of 2000 samples of 500, in how many does the
   interval hold the true quantile, the censored being beyond 3? 95 % plus and minus what counting to 2000 and
   the discreteness of ranks leave open. */
static void quantiles_cover(void **state)
{
    (void)state;
    enum { SAMPLES = 2000, SIZE = 500 };
    const char *said = getenv("NP_SEED");
    uint64_t seed = said ? strtoull(said, NULL, 10) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    np_key key = np_key_make(seed, 0);
    uint32_t inside[3] = {0}, told_wrong[3] = {0};
    for (uint32_t s = 0; s < SAMPLES; s++) {
        np_column c = {.strategy = "s"};
        np_quantile *q = c.spread[NP_SPREAD_SERVER_DETECT] = np_quantile_create();
        for (uint32_t i = 0; i < SIZE; i++) {
            double t = -log(np_unit(np_random(key, s, 0, i)));
            if (t > 3)
                np_quantile_add_censored(q);
            else
                np_quantile_add(q, t);
        }
        for (int p = 0; p < 3; p++) {
            double truth = -log(1 - shares[p]);
            np_expectation x = on_part(parts[p], truth * 0.97);
            np_estimate seen = np_expectation_seen(&x, &c);
            assert_int_equal(seen.n, SIZE);
            bool in =
                seen.low <= truth * (1 + NP_QUANTILE_ERROR) && seen.high >= truth * (1 - NP_QUANTILE_ERROR);
            inside[p] += truth > 3 ? isinf(seen.high) != 0 : in;
            told_wrong[p] += np_expectation_standing(&x, &seen) == NP_HOLDS;
        }
        np_quantile_destroy(q);
    }
    for (int p = 0; p < 3; p++) {
        printf("p%g: %u of %u inside, %u said to hold that do not\n", 100 * shares[p], inside[p], SAMPLES,
               told_wrong[p]);
        assert_true(inside[p] >= 0.93 * SAMPLES);
        assert_true(told_wrong[p] <= 0.04 * SAMPLES); /* one side of the interval */
    }
    assert_true(inside[1] <= 0.985 * SAMPLES); /* no wider than it must be */
}

/* Ranks at which the answer is known: 1 to 100. */
static void ranks(void **state)
{
    (void)state;
    np_column c = {.strategy = "s"};
    np_quantile *q = c.spread[NP_SPREAD_SERVER_DETECT] = np_quantile_create();
    for (int i = 1; i <= 100; i++) np_quantile_add(q, i);
    np_expectation x = on_part(NP_SPREAD_PART_P50, 60.7);
    np_estimate seen = np_expectation_seen(&x, &c); /* 50 +- 9.8 */
    assert_true(fabs(seen.low - 41) <= 1 && fabs(seen.high - 60) <= 1 && fabs(seen.mean - 50) <= 1);
    assert_int_equal(np_expectation_standing(&x, &seen), NP_HOLDS);
    x.bound = 55;
    assert_int_equal(np_expectation_standing(&x, &seen), NP_UNSURE);
    x.bound = 39;
    assert_int_equal(np_expectation_standing(&x, &seen), NP_FAILS);
    x = on_part(NP_SPREAD_PART_P99, 1000); /* too few to know: its upper end is beyond them */
    seen = np_expectation_seen(&x, &c);
    assert_true(isinf(seen.high));
    assert_int_equal(np_expectation_standing(&x, &seen), NP_UNSURE);
    x = on_part(NP_SPREAD_PART_MAX, 100.5);
    seen = np_expectation_seen(&x, &c);
    assert_true(seen.low == 100 && seen.high == 100);
    assert_int_equal(np_expectation_standing(&x, &seen), NP_HOLDS);
    /* As many again that never were: half of all is later than anything. */
    for (int i = 0; i < 150; i++) np_quantile_add_censored(q);
    x = on_part(NP_SPREAD_PART_P50, 1000);
    seen = np_expectation_seen(&x, &c);
    assert_true(isinf(seen.low) && isinf(seen.high) && fabs(seen.mean - 50) <= 1);
    assert_int_equal(np_expectation_standing(&x, &seen), NP_FAILS);
    x = on_part(NP_SPREAD_PART_CENSORED, 151);
    seen = np_expectation_seen(&x, &c);
    assert_true(seen.mean == 150 && seen.high == 150);
    assert_int_equal(np_expectation_standing(&x, &seen), NP_HOLDS);
    np_quantile_destroy(q);
}

static void nothing_there(void **state)
{
    (void)state;
    np_column c = {.strategy = "s"};
    np_expectation x = on_part(NP_SPREAD_PART_P95, 10);
    np_estimate seen = np_expectation_seen(&x, &c); /* no meaning */
    assert_true(isnan(seen.mean));
    assert_int_equal(np_expectation_standing(&x, &seen), NP_FAILS);
    c.spread[NP_SPREAD_SERVER_DETECT] = np_quantile_create(); /* a meaning, but nothing broke */
    seen = np_expectation_seen(&x, &c);
    assert_true(seen.mean == 0 && seen.n == 0);
    assert_int_equal(np_expectation_standing(&x, &seen), NP_HOLDS);
    np_quantile_destroy(c.spread[NP_SPREAD_SERVER_DETECT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means),
        cmocka_unit_test(quantiles_cover),
        cmocka_unit_test(ranks),
        cmocka_unit_test(nothing_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
