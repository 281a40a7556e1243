/*
 * Workloads: rounds are functions of (client, number) alone, follow their distributions, and stay in range.
 */
#include "natpulse/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 1;

static np_work_config web(void)
{
    return (np_work_config){.shape = "exchange",
                            .name = "web",
                            .gap = {.kind = NP_DIST_EXPONENTIAL, .a = 30e9},
                            .count = {.kind = NP_DIST_UNIFORM, .a = 1, .b = 12},
                            .request = {.kind = NP_DIST_EXPONENTIAL, .a = 400},
                            .response = {.kind = NP_DIST_LOGNORMAL, .a = 10000, .b = 1},
                            .service = {.kind = NP_DIST_EXPONENTIAL, .a = 20e6}};
}

/* The same question has the same answer in any order; another client, round, exchange or seed has another. */
static void pure(void **state)
{
    (void)state;
    np_work_config w = web();
    np_key k = np_key_make(seed, 0), other = np_key_make(seed, 1);
    np_time gap[50];
    for (int i = 49; i >= 0; i--) gap[i] = np_work_round(&w, k, 7, (uint32_t)i).gap;
    for (int i = 0; i < 50; i++) {
        uint32_t n = (uint32_t)i;
        assert_int_equal(np_work_round(&w, k, 7, n).gap, gap[i]);
        assert_true(np_work_round(&w, k, 8, n).gap != gap[i]);
        assert_true(np_work_round(&w, other, 7, n).gap != gap[i]);
        if (i) assert_true(gap[i] != gap[i - 1]);
        np_exchange a = np_work_exchange(&w, k, 7, 3, n), b = np_work_exchange(&w, k, 7, 3, n);
        assert_true(a.request == b.request && a.response == b.response && a.service == b.service &&
                    a.from_server == b.from_server);
        assert_true(np_work_exchange(&w, k, 7, 3, n + 1).service != a.service);
        assert_true(np_work_exchange(&w, k, 7, n + 4, 3).service != a.service);
    }
}

/* Means within four standard errors of the distributions' own; and the draws of one exchange do not move
   together. */
static void follows_its_distributions(void **state)
{
    (void)state;
    np_work_config w = web();
    np_key k = np_key_make(seed, 0);
    enum { N = 20000 };
    double gap = 0, count = 0, request = 0, service = 0, product = 0;
    for (uint32_t i = 0; i < N; i++) {
        np_round r = np_work_round(&w, k, 1, i);
        np_exchange e = np_work_exchange(&w, k, 1, i, 0);
        assert_in_range(r.count, 1, 12);
        gap += np_seconds(r.gap) / N;
        count += (double)r.count / N;
        request += e.request / (double)N;
        service += np_seconds(e.service) / N;
        product += (np_seconds(e.service) / 0.02 - 1) * (e.request / 400. - 1) / N;
    }
    const double se = 4 / sqrt(N);
    assert_true(fabs(gap - 30) < 30 * se);
    assert_true(fabs(count - 6) < 3.2 * se);        /* 1 .. 11, each with 1/11: rounded down */
    assert_true(fabs(request - 400.04) < 400 * se); /* below one half counts as 1 */
    assert_true(fabs(service - 0.02) < 0.02 * se);
    assert_true(fabs(product) < se);
}

/* At least one exchange and one byte of request, no response where there is none, and heavy tails are cut. */
static void ranges(void **state)
{
    (void)state;
    np_key k = np_key_make(seed, 0);
    np_work_config w = {.shape = "exchange",
                        .gap = np_dist_constant(0),
                        .count = np_dist_constant(0),
                        .request = np_dist_constant(0),
                        .response = np_dist_constant(0),
                        .service = np_dist_constant(0)};
    assert_int_equal(np_work_round(&w, k, 0, 0).count, 1);
    assert_int_equal(np_work_exchange(&w, k, 0, 0, 0).request, 1);
    assert_int_equal(np_work_exchange(&w, k, 0, 0, 0).response, 0);
    w.request = w.response = w.count = np_dist_constant(1e300);
    assert_int_equal(np_work_round(&w, k, 0, 0).count, 1000000);
    assert_int_equal(np_work_exchange(&w, k, 0, 0, 0).request, 1 << 30);
    assert_int_equal(np_work_exchange(&w, k, 0, 0, 0).response, 1 << 30);
    w.count = np_dist_constant(3.99);
    w.request = np_dist_constant(20.4);
    w.response = np_dist_constant(20.6);
    assert_int_equal(np_work_round(&w, k, 0, 0).count, 3);
    assert_int_equal(np_work_exchange(&w, k, 0, 0, 0).request, 20);
    assert_int_equal(np_work_exchange(&w, k, 0, 0, 0).response, 21);
    assert_string_equal(np_work_list()[0], "exchange");
}

/* A tick is one message each way, of sizes that the two sides need not share; exchanges are opened by one side. */
static void ticks(void **state)
{
    (void)state;
    np_work_config w = {.shape = "ticks",
                        .gap = np_dist_constant(20e6),
                        .request = np_dist_constant(160),
                        .response = np_dist_constant(640)};
    np_key k = np_key_make(seed, 0);
    for (uint32_t i = 0; i < 100; i++) {
        np_round r = np_work_round(&w, k, 1, i);
        assert_int_equal(r.gap, 20 * NP_MILLISECOND);
        assert_int_equal(r.count, 2);
        np_exchange up = np_work_exchange(&w, k, 1, i, 0), down = np_work_exchange(&w, k, 1, i, 1);
        assert_true(!up.from_server && up.request == 160 && up.response == 0);
        assert_true(down.from_server && down.request == 640 && down.response == 0);
    }
    assert_true(np_work_is_fleeting(&w));
    w = web();
    assert_false(np_work_is_fleeting(&w) || np_work_exchange(&w, k, 1, 0, 0).from_server);
    w.from_server = true;
    assert_true(np_work_exchange(&w, k, 1, 0, 0).from_server);
}

int main(void)
{
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 0);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pure), cmocka_unit_test(ticks),
        cmocka_unit_test(follows_its_distributions),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
