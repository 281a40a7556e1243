/*
 * Simulated means beside closed forms: each comparison is a row that is printed, with its 95 % interval.
 *
 * A row fails when the closed form lies outside the interval that would hold it 999 times in a thousand, and
 * at the latest at twice the printed one, or when the interval is wider than asked. Rows are not ended by
 * that: the last test of a program says how many failed. Too many rows outside their interval fail as well.
 */
#ifndef TEST_ORACLE_H
#define TEST_ORACLE_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "../world/build.h"
#include "natpulse/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned oracle_rows, oracle_outside, oracle_failed;

/* How many of a table's rows are run: all, but with sanitizers, which look for other things and take ten
   times as long, the first. */
#ifdef __SANITIZE_ADDRESS__
#define ORACLE_ROWS(table) ((size_t)1)
#else
#define ORACLE_ROWS(table) (sizeof(table) / sizeof *(table))
#endif

static inline uint64_t oracle_seed(void)
{
    const char *text = getenv("NP_SEED");
    return text ? strtoull(text, NULL, 0) : 1;
}

/* Rows that share their draws would leave their intervals together: each has a seed of its own. */
static inline uint64_t oracle_own_seed(void)
{
    static uint64_t rows;
    return oracle_seed() * 1000 + rows++;
}

/* How much wider such an interval is than that of 95 %, by Student's quantiles: 1.86 for 20 replicas, 1.77
   for 40. For few it would be wider than is of use (3.11 for 5). */
static inline double oracle_far(uint32_t n)
{
    return n < 20 ? 2 : n < 40 ? 1.86 : 1.77;
}

/* `narrow`: the most that half the interval may be, as a share of the closed form. */
static inline void oracle_row(const char *what, const np_estimate *got, double want, double narrow)
{
    double half = (got->high - got->low) / 2, off = fabs(got->mean - want);
    bool outside = off > half * (1 + 1e-12) + 1e-9 * fabs(want);
    bool wide = !(half <= narrow * fabs(want)), far = off > oracle_far(got->n) * half + 1e-9 * fabs(want);
    printf("%-58s %12.6g +- %-9.3g exact %12.6g%s%s%s\n", what, got->mean, half, want,
           outside ? "  outside" : "", wide ? "  TOO WIDE" : "", far ? "  FAR" : "");
    oracle_rows++;
    oracle_outside += outside;
    oracle_failed += wide || far;
}

static inline void oracle_most_inside(void **state)
{
    (void)state;
    printf("%u of %u rows outside their 95 %% interval (NP_SEED=%llu)\n", oracle_outside, oracle_rows,
           (unsigned long long)oracle_seed());
    assert_int_equal(oracle_failed, 0);
    assert_true(oracle_outside <= 1 + oracle_rows / 8);
}

static inline np_result *oracle_run(const np_world_config *c, const np_strategy *s, uint32_t replica,
                                    const np_listener *listener)
{
    np_error e = {0};
    np_result *r = np_world_run(c, s, replica, listener, NULL, &e);
    if (!r) fail_msg("%s", e.text);
    return r;
}

#define VALUE(r, m) ((r)->value[NP_METRIC_##m])

/* The estimate of one figure over `n` replicas, at most 64. */
static inline np_estimate oracle_metric(const np_world_config *c, const np_strategy *s, np_metric m,
                                        uint32_t n)
{
    double value[64];
    for (uint32_t i = 0; i < n; i++) {
        np_result *r = oracle_run(c, s, i, NULL);
        value[i] = r->value[m];
        np_result_destroy(r);
    }
    return np_estimate_of(value, n);
}

#endif
