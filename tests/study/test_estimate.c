/*
 * Student's t against printed tables and against its density; estimates against closed forms and by coverage.
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

/* Two-sided 95 % points as printed in tables (NIST/SEMATECH e-Handbook 1.3.6.7.2 and ten-digit tables). */
static void matches_tables(void **state)
{
    (void)state;
    static const struct {
        uint32_t df;
        double t;
    } row[] = {
        {1, 12.7062047362},   {2, 4.3026527297},  {3, 3.1824463053},   {4, 2.7764451052},
        {5, 2.5705818356},    {6, 2.4469118511},  {7, 2.3646242516},   {8, 2.3060041352},
        {9, 2.2621571628},    {10, 2.2281388520}, {15, 2.1314495456},  {20, 2.0859634473},
        {30, 2.0422724563},   {60, 2.0002978220}, {120, 1.9799304051}, {500, 1.9647198374},
        {1000, 1.9623390808},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_true(fabs(np_student_95(row[i].df) - row[i].t) < 1e-8);
    }
}

static double density(double df, double x)
{
    return exp(lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(df * M_PI) -
               (df + 1) / 2 * log1p(x * x / df));
}

/* Simpson's rule over the density between the two quantiles must give 0.95. */
static void covers_its_density(void **state)
{
    (void)state;
    static const uint32_t df[] = {1, 2, 3, 8, 29, 64, 150, 198, 199, 200, 201, 777, 20000, 1000000};
    for (size_t i = 0; i < sizeof df / sizeof *df; i++) {
        double t = np_student_95(df[i]), sum = density(df[i], 0) + density(df[i], t);
        const int steps = 20000;
        for (int k = 1; k < steps; k++) sum += (k % 2 ? 4 : 2) * density(df[i], t * k / steps);
        double inside = 2 * sum * t / steps / 3;
        if (fabs(inside - 0.95) > 1e-8) fail_msg("df %u: t %.12f holds %.12f", df[i], t, inside);
    }
}

static void few_values(void **state)
{
    (void)state;
    np_estimate none = np_estimate_of((double[]){NAN, NAN}, 2);
    assert_int_equal(none.n, 0);
    assert_true(isnan(none.mean) && isnan(none.low) && isnan(none.high));
    np_estimate one = np_estimate_of((double[]){NAN, 7}, 2);
    assert_int_equal(one.n, 1);
    assert_true(one.mean == 7 && isnan(one.low) && isnan(one.high));
    /* 1 and 3: mean 2, standard error 1, one degree of freedom. */
    np_estimate two = np_estimate_of((double[]){1, NAN, 3}, 3);
    assert_int_equal(two.n, 2);
    assert_true(two.mean == 2 && fabs(two.high - 14.7062047362) < 1e-9 &&
                fabs(two.low + 10.7062047362) < 1e-9);
    np_estimate same = np_estimate_of((double[]){5, 5, 5}, 3);
    assert_true(same.mean == 5 && same.low == 5 && same.high == 5);
}

/* A variance small beside its mean must survive: mean 1e9, deviations 0 and +-1. */
static void large_mean(void **state)
{
    (void)state;
    np_estimate e = np_estimate_of((double[]){1e9 - 1, 1e9, 1e9 + 1}, 3);
    assert_true(fabs((e.high - e.low) / 2 - 4.3026527297 / sqrt(3)) < 1e-6);
}

/* 95 % of the intervals hold the mean they estimate; over 20 000 draws within 4 standard errors of that. */
static void covers_the_truth(void **state)
{
    (void)state;
    const char *given = getenv("NP_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    np_key key = np_key_make(seed, 0);
    static const uint32_t sizes[] = {2, 3, 5, 10, 30};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint32_t draws = 20000;
        uint32_t held = 0;
        for (uint32_t d = 0; d < draws; d++) {
            double value[30];
            for (uint32_t k = 0; k < sizes[i]; k++) { /* normal by Box and Muller, mean 3, deviation 2 */
                np_random_pair u = np_random_two(key, sizes[i], NP_PURPOSE(99, 1), d * 64ull + k);
                value[k] = 3 + 2 * sqrt(-2 * log(np_unit(u.a))) * cos(2 * M_PI * np_unit(u.b));
            }
            np_estimate e = np_estimate_of(value, sizes[i]);
            held += e.low <= 3 && 3 <= e.high;
        }
        double share = (double)held / draws, error = sqrt(0.95 * 0.05 / draws);
        if (fabs(share - 0.95) > 4 * error)
            fail_msg("n %u: %.4f of intervals hold the mean", sizes[i], share);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_tables), cmocka_unit_test(covers_its_density), cmocka_unit_test(few_values),
        cmocka_unit_test(large_mean),     cmocka_unit_test(covers_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
