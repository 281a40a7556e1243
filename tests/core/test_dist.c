/*
 * Distributions against closed forms written here a second time: the distribution functions.
 *
 * Kolmogorov-Smirnov: sqrt(N) times the largest distance exceeds 2.7 by chance about once in 10^6
 * (Kolmogorov's limit, 2 exp(-2 x^2)). Means: within 6 standard errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/dist.h"
#include "natpulse/random.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 1;

#define KS_LIMIT 2.7

static const double steps[] = {1, 2, 2, 5, 9, 9, 9, 30};

static const struct {
    const char *name;
    np_dist d;
    double deviation; /* standard deviation, closed form; 0: infinite or not tested */
} kinds[] = {
    {"uniform", {.kind = NP_DIST_UNIFORM, .a = 3, .b = 10}, 2.0207259421636903},
    {"exponential", {.kind = NP_DIST_EXPONENTIAL, .a = 5e9}, 5e9},
    {"normal", {.kind = NP_DIST_NORMAL, .a = 100, .b = 7}, 7},
    {"normal, half below 0", {.kind = NP_DIST_NORMAL, .a = 0, .b = 2}, 1.1675},
    {"normal, a third below 0", {.kind = NP_DIST_NORMAL, .a = 1, .b = 2}, 1.43},
    {"lognormal", {.kind = NP_DIST_LOGNORMAL, .a = 2e9, .b = 0.8}, 2.608e9},
    {"Weibull, heavy", {.kind = NP_DIST_WEIBULL, .a = 1.46, .b = 0.5}, 6.5293},
    {"Weibull, light", {.kind = NP_DIST_WEIBULL, .a = 10, .b = 3}, 3.2462},
    {"Pareto", {.kind = NP_DIST_PARETO, .a = 20, .b = 3.5}, 12.2202},
    {"Pareto, no variance", {.kind = NP_DIST_PARETO, .a = 1, .b = 1.5}, 0},
    {"Pareto, no mean", {.kind = NP_DIST_PARETO, .a = 1, .b = 0.9}, 0},
    {"empirical", {.kind = NP_DIST_EMPIRICAL, .value = steps, .n = 8}, 9.0},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* P(X <= x) and, with `below`, P(X < x): they differ where a value has weight of its own. */
static double probability(const np_dist *d, double x, bool below)
{
    if (x < 0 || (x == 0 && below)) return 0;
    switch (d->kind) {
    case NP_DIST_UNIFORM: return fmin(fmax((x - d->a) / (d->b - d->a), 0), 1);
    case NP_DIST_EXPONENTIAL: return 1 - exp(-x / d->a);
    case NP_DIST_NORMAL: return 0.5 * erfc((d->a - x) / (d->b * sqrt(2)));
    case NP_DIST_LOGNORMAL: return x > 0 ? 0.5 * erfc(-log(x / d->a) / (d->b * sqrt(2))) : 0;
    case NP_DIST_WEIBULL: return 1 - exp(-pow(x / d->a, d->b));
    case NP_DIST_PARETO: return x < d->a ? 0 : 1 - pow(d->a / x, d->b);
    default: break;
    }
    /* Empirical: the share of the n - 1 pieces below x. */
    double sum = 0;
    for (uint32_t i = 0; i + 1 < d->n; ++i) {
        double low = d->value[i], high = d->value[i + 1];
        if (high < x || (high == x && (!below || low < high)))
            sum += 1;
        else if (low < x)
            sum += (x - low) / (high - low);
    }
    return sum / (d->n - 1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void follow_their_functions(void **state)
{
    enum { N = 100000 };
    static double x[N];
    np_key key = np_key_make(seed, 0);
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        const np_dist *d = &kinds[k].d;
        double sum = 0, distance = 0;
        for (uint64_t i = 0; i < N; ++i) {
            x[i] = np_dist_sample(d, np_random(key, k, 1, i));
            assert_true(x[i] >= 0);
            sum += x[i];
        }
        qsort(x, N, sizeof *x, by_value);
        for (int i = 0; i < N; ++i) {
            /* Below x[i] are at most i samples, up to it at least i + 1. */
            distance = fmax(distance, probability(d, x[i], true) - (double)i / N);
            distance = fmax(distance, (i + 1.0) / N - probability(d, x[i], false));
        }
        /* A run of equal samples is judged at its ends only. */
        if (d->kind == NP_DIST_EMPIRICAL || (d->kind == NP_DIST_NORMAL && d->a < d->b)) {
            distance = 0;
            for (int i = 0; i < N; ++i) {
                if (i == 0 || x[i] > x[i - 1]) {
                    distance = fmax(distance, fabs(probability(d, x[i], true) - (double)i / N));
                }
                if (i == N - 1 || x[i + 1] > x[i]) {
                    distance = fmax(distance, fabs(probability(d, x[i], false) - (i + 1.0) / N));
                }
            }
        }
        if (distance * sqrt(N) > KS_LIMIT) fail_msg("%s: KS %.2f", kinds[k].name, distance * sqrt(N));

        double off =
            kinds[k].deviation > 0 ? (sum / N - np_dist_mean(d)) / (kinds[k].deviation / sqrt(N)) : 0;
        if (fabs(off) > 6) {
            fail_msg("%s: mean %g, want %g: %.1f standard errors", kinds[k].name, sum / N, np_dist_mean(d),
                     off);
        }
    }
}

/* The mean is the integral of the quantile function, done here with a million midpoints. */
static void means_are_integrals(void **state)
{
    enum { N = 1000000 };
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        const np_dist *d = &kinds[k].d;
        if (kinds[k].deviation == 0) continue; /* the midpoints miss too much of the tail */
        double sum = 0;
        for (int i = 0; i < N; ++i) sum += np_dist_sample(d, (uint64_t)((i + 0.5) / N * 0x1p64));
        if (fabs(sum / N / np_dist_mean(d) - 1) > 2e-5) {
            fail_msg("%s: mean %.9g, integral %.9g", kinds[k].name, np_dist_mean(d), sum / N);
        }
    }
    assert_true(np_dist_mean(&(np_dist){.kind = NP_DIST_PARETO, .a = 1, .b = 1.5}) == 3);
    assert_true(isinf(np_dist_mean(&(np_dist){.kind = NP_DIST_PARETO, .a = 1, .b = 1})));
    assert_true(np_dist_mean(&(np_dist){.kind = NP_DIST_NORMAL, .a = 5, .b = 0}) == 5);
}

/* More bits, no smaller a sample, to the very ends. */
static void rise_with_the_draw(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        double before = np_dist_sample(&kinds[k].d, 0);
        for (uint64_t i = 1; i < 20000; ++i) {
            uint64_t bits = i == 19999 ? UINT64_MAX : i * (UINT64_MAX / 20000);
            double now = np_dist_sample(&kinds[k].d, bits);
            assert_true(now >= before && now <= DBL_MAX);
            before = now;
        }
    }
}

static void caps_and_floors(void **state)
{
    np_dist d = {.kind = NP_DIST_PARETO, .a = 20, .b = 2.5, .cap = 200};
    np_dist negative = np_dist_constant(-3);
    np_dist flat = {.kind = NP_DIST_NORMAL, .a = -100, .b = 1};
    double one[] = {7};
    np_dist single = {.kind = NP_DIST_EMPIRICAL, .value = one, .n = 1};
    (void)state;
    assert_true(np_dist_sample(&d, UINT64_MAX) == 200);
    assert_true(np_dist_sample(&d, 0) < 20.001);
    for (uint64_t i = 0; i < 4096; ++i) assert_true(np_dist_sample(&d, i << 52) <= 200);
    assert_true(fabs(np_dist_mean(&d) - 20 * 2.5 / 1.5) < 1e-9);
    assert_true(np_dist_sample(&negative, 5) == 0 && np_dist_mean(&negative) == 0);
    assert_true(np_dist_sample(&flat, UINT64_C(1) << 63) == 0);
    assert_true(np_dist_sample(&single, 0) == 7 && np_dist_sample(&single, UINT64_MAX) == 7);
    assert_true(np_dist_mean(&single) == 7);

    np_dist ends = {.kind = NP_DIST_EMPIRICAL, .value = steps, .n = 8};
    assert_true(fabs(np_dist_sample(&ends, 0) - 1) < 1e-9);
    assert_true(fabs(np_dist_sample(&ends, UINT64_MAX) - 30) < 1e-9);
    assert_true(np_dist_mean(&ends) == (15.5 + 2 + 2 + 5 + 9 + 9 + 9) / 7);
}

static void times_round_and_saturate(void **state)
{
    np_dist d = np_dist_constant(1.5), huge = np_dist_constant(1e300), odd = np_dist_constant(2.4999);
    (void)state;
    assert_int_equal(np_dist_time(&d, 1), 2);
    assert_int_equal(np_dist_time(&odd, 1), 2);
    assert_int_equal(np_dist_time(&huge, 1), NP_NEVER - 1);
    huge.a = 0x1p63;
    assert_int_equal(np_dist_time(&huge, 1), NP_NEVER - 1);
    huge.a = 0x1.fffffffffffffp62;
    assert_int_equal(np_dist_time(&huge, 1), INT64_C(0x7ffffffffffffc00));
}

/* The normal quantile put into the distribution function (libm's erfc) gives p back. The derivative says
   what an error in x makes of p: density(x) dx. */
static void normal_quantile(void **state)
{
    (void)state;
    for (double lg = -300; lg < -0.3; lg += 0.01) {
        double p = pow(10, lg), x = np_normal_quantile(p);
        double back = 0.5 * erfc(-x / sqrt(2));
        double dp_dx = exp(-x * x / 2) / sqrt(2 * M_PI);
        double error = (back - p) / dp_dx / x;
        if (fabs(error) > 1e-13) fail_msg("p = %g: relative error %g", p, error);
        if (p > 1e-10) assert_true(fabs(np_normal_quantile(1 - p) + x) < 1e-5);
    }
    assert_true(np_normal_quantile(0.5) == 0);
    assert_true(fabs(np_normal_quantile(0.975) - 1.959963984540054) < 1e-14);
    assert_true(fabs(np_normal_quantile(0.25) + 0.6744897501960817) < 1e-15); /* AS 241's own check values */
    assert_true(fabs(np_normal_quantile(0.001) + 3.090232306167814) < 1e-14);
    assert_true(fabs(np_normal_quantile(1e-20) + 9.262340089798408) < 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follow_their_functions),   cmocka_unit_test(means_are_integrals),
        cmocka_unit_test(rise_with_the_draw),       cmocka_unit_test(caps_and_floors),
        cmocka_unit_test(times_round_and_saturate), cmocka_unit_test(normal_quantile),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
