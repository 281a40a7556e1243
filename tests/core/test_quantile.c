/*
 * The sketch against sorting everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/dist.h"
#include "natpulse/quantile.h"
#include "natpulse/random.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

enum { N = 20000 };
static double value[N];

static const struct {
    const char *name;
    np_dist d;
} kinds[] = {
    {"constant", {.kind = NP_DIST_CONSTANT, .a = 5}},
    {"zero", {.kind = NP_DIST_CONSTANT, .a = 0}},
    {"power of two", {.kind = NP_DIST_CONSTANT, .a = 4}},
    {"uniform", {.kind = NP_DIST_UNIFORM, .a = 1, .b = 2}},
    {"exponential", {.kind = NP_DIST_EXPONENTIAL, .a = 0.02}},
    {"normal with zeros", {.kind = NP_DIST_NORMAL, .a = 0.5, .b = 1}},
    {"lognormal", {.kind = NP_DIST_LOGNORMAL, .a = 30, .b = 3}},
    {"Pareto", {.kind = NP_DIST_PARETO, .a = 1e-3, .b = 0.3}},
    {"everything", {.kind = NP_DIST_LOGNORMAL, .a = 1e100, .b = 60}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static np_quantile *sketch_of(uint32_t kind, int n)
{
    np_key key = np_key_make(seed, kind);
    np_quantile *s = np_quantile_create();
    assert_non_null(s);
    for (int i = 0; i < n; ++i) {
        value[i] = np_dist_sample(&kinds[kind].d, np_random(key, 0, 1, (uint64_t)i));
        assert_true(np_quantile_add(s, value[i]));
    }
    qsort(value, (size_t)n, sizeof *value, by_value);
    return s;
}

static void agrees_with_sorting(void **state)
{
    static const int sizes[] = {1, 2, 3, 10, 100, 999, N};
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; ++z) {
            int n = sizes[z];
            np_quantile *s = sketch_of(k, n);
            for (int percent = 0; percent <= 1000; ++percent) {
                int rank = (percent * n + 999) / 1000; /* nearest rank, in integers */
                double want = value[rank > 0 ? rank - 1 : 0];
                double got = np_quantile_at(s, percent / 1000.0);
                if (fabs(got - want) > NP_QUANTILE_ERROR * want + 1e-9) {
                    fail_msg("%s, n = %d, p = %.3f: %g, want %g", kinds[k].name, n, percent / 1000.0, got,
                             want);
                }
            }
            assert_true(np_quantile_count(s) == (uint64_t)n);
            assert_true(np_quantile_max(s) == value[n - 1]);
            assert_true(np_quantile_min(s) == (value[0] < 1e-9 ? 0 : value[0]));
            np_quantile_destroy(s);
        }
    }
}

/* Split at random over several sketches and merged in random order: every answer has the same bits. */
static void merges_to_the_same(void **state)
{
    enum { PARTS = 7 };
    np_stream r = np_stream_make(np_key_make(seed, 77), 0, 1);
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        np_quantile *whole = sketch_of(k, N);
        for (int round = 0; round < 5; ++round) {
            np_quantile *part[PARTS];
            for (int p = 0; p < PARTS; ++p) part[p] = np_quantile_create();
            for (int i = 0; i < N; ++i) {
                /* One sketch stays empty. */
                assert_true(np_quantile_add(part[np_below(np_stream_next(&r), PARTS - 1)], value[i]));
            }
            for (int p = PARTS - 1; p > 0; --p) {
                uint32_t other = np_below(np_stream_next(&r), (uint32_t)p + 1);
                np_quantile *t = part[p];
                part[p] = part[other];
                part[other] = t;
            }
            for (int p = 1; p < PARTS; ++p) assert_true(np_quantile_merge(part[0], part[p]));

            assert_true(np_quantile_count(part[0]) == N);
            assert_true(np_quantile_sum(part[0]) == np_quantile_sum(whole));
            assert_true(np_quantile_min(part[0]) == np_quantile_min(whole));
            assert_true(np_quantile_max(part[0]) == np_quantile_max(whole));
            for (int p = 0; p <= 100; ++p) {
                assert_true(np_quantile_at(part[0], p / 100.0) == np_quantile_at(whole, p / 100.0));
            }
            for (int p = 0; p < PARTS; ++p) np_quantile_destroy(part[p]);
        }
        np_quantile_destroy(whole);
    }
}

/* Sums that floating point would lose: a huge value among many small ones, in any order. */
static void sums_exactly(void **state)
{
    (void)state;
    np_quantile *s = np_quantile_create();
    for (int i = 0; i < 1000; ++i) assert_true(np_quantile_add(s, 1e-9));
    assert_true(np_quantile_add(s, 0x1p53));
    for (int i = 0; i < 7; ++i) assert_true(np_quantile_add(s, 1));
    assert_true(np_quantile_sum(s) == 0x1p53 + 8);
    np_quantile_destroy(s);

    s = np_quantile_create();
    for (int i = 0; i < 1000000; ++i) assert_true(np_quantile_add(s, 0.1));
    assert_true(np_quantile_sum(s) == 100000.00000000000555); /* a million times the double nearest to 0.1 */
    np_quantile_destroy(s);

    s = np_quantile_create();
    assert_true(np_quantile_add(s, DBL_MAX / 4) && np_quantile_add(s, DBL_MAX / 4));
    assert_true(np_quantile_sum(s) == DBL_MAX / 2);
    np_quantile_destroy(s);
}

/* Integers of up to 53 bits, against a 128-bit integer: added, then doubled and doubled by merging. */
static void carries(void **state)
{
    np_quantile *s = np_quantile_create();
    unsigned __int128 want = 0;
    np_stream r = np_stream_make(np_key_make(seed, 5), 0, 1);
    (void)state;
    for (int i = 0; i < 200000; ++i) {
        uint64_t v = np_stream_next(&r) >> 11;
        want += v;
        assert_true(np_quantile_add(s, (double)v));
    }
    for (int i = 0; i < 40; ++i) {
        /* Rounded once from all bits, or within the last bit of that. */
        assert_true(fabs(np_quantile_sum(s) / (double)want - 1) <= DBL_EPSILON);
        np_quantile *copy = np_quantile_create();
        assert_true(np_quantile_merge(copy, s) && np_quantile_merge(s, copy));
        np_quantile_destroy(copy);
        want *= 2;
    }
    np_quantile_destroy(s);
}

static void counts_censored_beside(void **state)
{
    np_quantile *s = np_quantile_create(), *t = np_quantile_create();
    (void)state;
    assert_true(isnan(np_quantile_at(s, 0.5)) && isnan(np_quantile_min(s)) && isnan(np_quantile_max(s)));
    assert_true(np_quantile_sum(s) == 0);
    np_quantile_add_censored(s);
    np_quantile_add_censored(t);
    assert_true(np_quantile_add(t, 3));
    assert_true(np_quantile_merge(s, t));
    assert_int_equal(np_quantile_censored(s), 2);
    assert_int_equal(np_quantile_count(s), 1);
    assert_true(np_quantile_at(s, 0.5) == 3);
    np_quantile_destroy(s);
    np_quantile_destroy(t);
    np_quantile_destroy(NULL);
}

/* Each point's share is the exact share of values up to it; thinned or not, the points rise and end at 1. */
static void curve_is_exact(void **state)
{
    static double x[3000], share[3000];
    static const size_t rooms[] = {1, 2, 10, 100, 3000};
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        np_quantile *s = sketch_of(k, N);
        for (size_t r = 0; r < sizeof rooms / sizeof *rooms; ++r) {
            size_t n = np_quantile_curve(s, rooms[r], x, share);
            assert_true(n >= 1 && n <= rooms[r]);
            if (k >= 3 && rooms[r] <= 10) assert_int_equal(n, rooms[r]);
            size_t i = 0;
            for (size_t p = 0; p < n; ++p) {
                if (p > 0) assert_true(x[p] > x[p - 1] && share[p] > share[p - 1]);
                while (i < N && (value[i] <= x[p] || value[i] < 1e-9)) ++i;
                assert_true(share[p] == (double)i / N);
            }
            assert_true(share[n - 1] == 1 && x[n - 1] == np_quantile_max(s));
        }
        assert_int_equal(np_quantile_curve(s, 0, x, share), 0);
        np_quantile_destroy(s);
    }
    np_quantile *empty = np_quantile_create();
    assert_int_equal(np_quantile_curve(empty, 10, x, share), 0);
    np_quantile_destroy(empty);
}

/* Values that lie on the edges of buckets are counted with those below. */
static void curve_is_exact_on_edges(void **state)
{
    enum { EDGES = 129 };
    static double x[EDGES], share[EDGES];
    np_quantile *s = np_quantile_create();
    (void)state;
    for (int i = 0; i < EDGES; ++i) assert_true(np_quantile_add(s, 1 + i / 128.0));
    size_t n = np_quantile_curve(s, EDGES, x, share);
    assert_true(n > EDGES / 3);
    for (size_t p = 0; p < n; ++p) assert_true(share[p] == (floor((x[p] - 1) * 128) + 1) / EDGES);
    np_quantile_destroy(s);
}

static void takes_every_double(void **state)
{
    np_quantile *s = np_quantile_create();
    (void)state;
    assert_true(np_quantile_add(s, DBL_MAX) && np_quantile_add(s, 1e-9) && np_quantile_add(s, DBL_MIN));
    assert_true(np_quantile_add(s, 0) && np_quantile_add(s, nextafter(1e-9, 0)));
    assert_true(np_quantile_at(s, 0.6) == 0);
    assert_true(fabs(np_quantile_at(s, 0.8) / 1e-9 - 1) < 0.01);
    assert_true(np_quantile_at(s, 1) == DBL_MAX);
    np_quantile_destroy(s);
}

/* ---- as bytes ---- */

enum { BYTES = 1 << 16 };
static uint8_t bytes[BYTES], again[BYTES];

static void assert_same_bytes(const np_quantile *a, const np_quantile *b)
{
    size_t n = np_quantile_encode(a, BYTES, bytes), m = np_quantile_encode(b, BYTES, again);
    assert_true(n <= BYTES);
    assert_int_equal(n, m);
    assert_memory_equal(bytes, again, n);
}

static void comes_back_from_bytes(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        for (int n = 0; n <= 3000; n += n < 3 ? 1 : 2997) {
            bool damaged = true;
            np_quantile *s = sketch_of(k, n);
            for (int i = 0; i < n / 3; ++i) np_quantile_add_censored(s);
            size_t size = np_quantile_encode(s, BYTES, bytes);
            assert_int_equal(np_quantile_encode(s, 0, NULL), size);
            np_quantile *back = np_quantile_decode(bytes, size, &damaged);
            assert_non_null(back);
            assert_false(damaged);
            assert_same_bytes(s, back);
            assert_true(np_quantile_count(back) == (uint64_t)n);
            assert_true(np_quantile_censored(back) == (uint64_t)n / 3);
            assert_true(np_quantile_sum(back) == np_quantile_sum(s));
            for (double p = 0; n > 0 && p <= 1; p += 1.0 / 64)
                assert_true(np_quantile_at(back, p) == np_quantile_at(s, p));
            /* A merge with what came back is a merge with what went away. */
            np_quantile *one = sketch_of((k + 1) % KINDS, 50), *two = sketch_of((k + 1) % KINDS, 50);
            assert_true(np_quantile_merge(one, s) && np_quantile_merge(two, back));
            assert_same_bytes(one, two);
            np_quantile_destroy(one);
            np_quantile_destroy(two);
            np_quantile_destroy(back);
            np_quantile_destroy(s);
        }
    }
}

/* Window and order of arrival do not show in the bytes. */
static void bytes_forget_the_order(void **state)
{
    np_quantile *up = np_quantile_create(), *down = np_quantile_create();
    (void)state;
    for (int i = 0; i < 500; ++i) {
        assert_true(np_quantile_add(up, i * 0.7) && np_quantile_add(down, (499 - i) * 0.7));
    }
    assert_same_bytes(up, down);
    np_quantile_destroy(up);
    np_quantile_destroy(down);
}

/* Whatever is taken for a sketch is one: it says the same again, and can be asked and merged. */
static bool takes(const uint8_t *from, size_t n)
{
    bool damaged = false;
    np_quantile *s = np_quantile_decode(from, n, &damaged);
    assert_true((s == NULL) == damaged);
    if (!s) return false;
    static uint8_t out[BYTES];
    assert_int_equal(np_quantile_encode(s, BYTES, out), n);
    assert_memory_equal(out, from, n);
    np_quantile *sum = sketch_of(3, 10);
    double last = -1, x[300], share[300];
    assert_true(np_quantile_merge(sum, s));
    for (int i = 0; np_quantile_count(s) > 0 && i <= 20; ++i) {
        double at = np_quantile_at(s, i / 20.0);
        assert_true(at >= last && at <= np_quantile_max(s));
        last = at;
    }
    size_t points = np_quantile_curve(s, 300, x, share);
    assert_true(points == 0 || share[points - 1] == 1);
    np_quantile_destroy(sum);
    np_quantile_destroy(s);
    return true;
}

static void damage_is_found(void **state)
{
    np_key key = np_key_make(seed, 77);
    uint64_t draw = 0;
    (void)state;
    for (uint32_t k = 0; k < KINDS; ++k) {
        np_quantile *s = sketch_of(k, 40);
        size_t n = np_quantile_encode(s, BYTES, bytes);
        for (size_t cut = 0; cut < n; ++cut) assert_false(takes(bytes, cut));
        bytes[n] = 0;
        assert_false(takes(bytes, n + 1));
        for (int round = 0; round < 3000; ++round) {
            memcpy(again, bytes, n);
            for (uint64_t flips = 1 + np_random(key, 0, 1, draw++) % 3; flips > 0; --flips) {
                uint64_t r = np_random(key, 0, 1, draw++);
                again[(r >> 8) % n] ^= (uint8_t)(1 + r % 255);
            }
            takes(again, n);
        }
        np_quantile_destroy(s);
    }
}

/* Lies that only one check can catch. */
static void lies_are_found(void **state)
{
    (void)state;
#define ONE   0, 0, 0, 0, 0, 0, 0xf0, 0x3f /* 1.0 */
#define TWO   0, 0, 0, 0, 0, 0, 0x00, 0x40 /* 2.0 */
#define NAN_  0, 0, 0, 0, 0, 0, 0xf8, 0x7f /* not a number */
#define SUM_1 3, 1, 1, 0, 0, 0             /* limb 3 counts ones */
#define SUM_2 3, 1, 2, 0, 0, 0
#define AT_1  0xbf, 0xff, 3 /* bucket 65471 ends with 1.0, 65535 with 2.0 */
    static const struct {
        const char *what;
        bool fine;
        uint8_t n, byte[48];
    } lie[] = {
        {"nothing", true, 4, {1, 0, 0, 0}},
        {"a single 1", true, 31, {1, 1, 0, 0, ONE, ONE, SUM_1, 1, AT_1, 1}},
        {"another format", false, 4, {2, 0, 0, 0}},
        {"a count in more bytes than it takes", false, 5, {1, 0x80, 0, 0, 0}},
        {"a count of more than 64 bits",
         false,
         13,
         {1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 0, 0}},
        {"an enormous count of censored",
         false,
         13,
         {1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0}},
        {"more zeros than values", false, 4, {1, 0, 0, 1}},
        {"least above most", false, 31, {1, 1, 0, 0, TWO, ONE, SUM_1, 1, AT_1, 1}},
        {"most that is no number", false, 31, {1, 1, 0, 0, ONE, NAN_, SUM_1, 1, AT_1, 1}},
        {"most in no bucket", false, 31, {1, 1, 0, 0, ONE, TWO, SUM_1, 1, AT_1, 1}},
        {"a sum below the least", false, 31, {1, 2, 0, 0, ONE, ONE, SUM_1, 1, AT_1, 2}},
        {"a sum above the most", false, 31, {1, 1, 0, 0, ONE, ONE, SUM_2, 1, AT_1, 1}},
        {"a limb that is not there", false, 31, {1, 1, 0, 0, ONE, ONE, 36, 1, 1, 0, 0, 0, 1, AT_1, 1}},
        {"an empty bucket", false, 31, {1, 1, 0, 0, ONE, ONE, SUM_1, 1, AT_1, 0}},
        {"a bucket with more than all", false, 31, {1, 1, 0, 0, ONE, ONE, SUM_1, 1, AT_1, 2}},
        {"more buckets than bytes", false, 31, {1, 1, 0, 0, ONE, ONE, SUM_1, 9, AT_1, 1}},
        {"a bucket twice", false, 33, {1, 2, 0, 0, ONE, ONE, SUM_2, 2, AT_1, 1, 0, 1}},
        {"a zero that is no least", false, 31, {1, 2, 0, 1, ONE, ONE, SUM_2, 1, AT_1, 1}},
    };
    for (size_t i = 0; i < sizeof lie / sizeof *lie; ++i)
        if (takes(lie[i].byte, lie[i].n) != lie[i].fine) fail_msg("%s", lie[i].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_sorting),
        cmocka_unit_test(merges_to_the_same),
        cmocka_unit_test(sums_exactly),
        cmocka_unit_test(carries),
        cmocka_unit_test(counts_censored_beside),
        cmocka_unit_test(curve_is_exact),
        cmocka_unit_test(curve_is_exact_on_edges),
        cmocka_unit_test(takes_every_double),
        cmocka_unit_test(comes_back_from_bytes),
        cmocka_unit_test(bytes_forget_the_order),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(lies_are_found),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
