/*
 * The generator against its published vectors, and against chance.
 *
 * Statistical bounds: a chi-square of k degrees of freedom must lie within 6 standard deviations of its mean
 * (k, variance 2k); by chance that fails less than once in 10^7 for the k used here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 1;

static void within_chance(const char *what, double chi_square, double k)
{
    double off = (chi_square - k) / sqrt(2 * k);
    if (fabs(off) > 6)
        fail_msg("%s: chi-square %.1f of %.0f, %.1f standard deviations off", what, chi_square, k, off);
}

/* Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result. */
static void known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        np_key key = {{cases[i].key[0], cases[i].key[1]}};
        uint64_t index = cases[i].counter[0] | (uint64_t)cases[i].counter[1] << 32;
        np_random_pair r = np_random_two(key, cases[i].counter[2], cases[i].counter[3], index);
        assert_true(r.a == (cases[i].want[0] | (uint64_t)cases[i].want[1] << 32));
        assert_true(r.b == (cases[i].want[2] | (uint64_t)cases[i].want[3] << 32));
        assert_true(np_random(key, cases[i].counter[2], cases[i].counter[3], index) == r.a);
    }
}

/* Every byte of 128 bits, over a run of indices, is uniform. */
static void bytes_are_uniform(void **state)
{
    enum { N = 200000 };
    static uint32_t seen[16][256];
    np_key key = np_key_make(seed, 0);
    (void)state;
    for (uint64_t i = 0; i < N; ++i) {
        np_random_pair r = np_random_two(key, 3, NP_PURPOSE(1, 1), i);
        for (int b = 0; b < 8; ++b) {
            ++seen[b][r.a >> (8 * b) & 0xff];
            ++seen[8 + b][r.b >> (8 * b) & 0xff];
        }
    }
    for (int b = 0; b < 16; ++b) {
        double chi = 0, want = N / 256.0;
        for (int v = 0; v < 256; ++v) chi += (seen[b][v] - want) * (seen[b][v] - want) / want;
        within_chance("bytes", chi, 255);
    }
}

/* One bit of difference anywhere in the question flips each bit of the answer half of the time. */
static void neighbours_are_independent(void **state)
{
    enum { N = 20000, WAYS = 6 };
    static const char *const way[WAYS] = {"index", "entity", "purpose", "replica", "seed", "far index"};
    static uint32_t flips[WAYS][64];
    (void)state;
    for (uint32_t i = 0; i < N; ++i) {
        np_key key = np_key_make(seed, i);
        uint64_t here = np_random(key, i, 5, i);
        uint64_t there[WAYS] = {
            np_random(key, i, 5, i + 1),
            np_random(key, i + 1, 5, i),
            np_random(key, i, 6, i),
            np_random(np_key_make(seed, i + 1), i, 5, i),
            np_random(np_key_make(seed + 1, i), i, 5, i),
            np_random(key, i, 5, i ^ UINT64_C(1) << 63),
        };
        for (int w = 0; w < WAYS; ++w) {
            for (int b = 0; b < 64; ++b) flips[w][b] += (uint32_t)((here ^ there[w]) >> b & 1);
        }
    }
    for (int w = 0; w < WAYS; ++w) {
        double chi = 0; /* of 64 binomials of N at one half */
        for (int b = 0; b < 64; ++b) chi += (flips[w][b] - N / 2.0) * (flips[w][b] - N / 2.0) / (N / 4.0);
        within_chance(way[w], chi, 64);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void keys_differ(void **state)
{
    enum { SIDE = 300 };
    static uint64_t key[SIDE * SIDE];
    (void)state;
    for (uint32_t s = 0; s < SIDE; ++s) {
        for (uint32_t r = 0; r < SIDE; ++r) {
            np_key k = np_key_make(seed + s, r);
            key[s * SIDE + r] = k.word[0] | (uint64_t)k.word[1] << 32;
        }
    }
    qsort(key, SIDE * SIDE, sizeof *key, by_value);
    for (int i = 1; i < SIDE * SIDE; ++i) assert_true(key[i] != key[i - 1]);

    np_key low = np_key_make(1, 0), high = np_key_make(UINT64_C(1) << 32 | 1, 0); /* all of the seed counts */
    assert_true(low.word[0] != high.word[0] || low.word[1] != high.word[1]);
}

static void units_and_ranges(void **state)
{
    (void)state;
    assert_true(np_unit(0) == 0x1p-53);
    assert_true(np_unit(UINT64_MAX) == 1 - 0x1p-53);
    assert_true(np_unit(UINT64_C(1) << 63) > 0.5 && np_unit((UINT64_C(1) << 63) - 1) < 0.5);
    assert_int_equal(np_below(0, 10), 0);
    assert_int_equal(np_below(UINT64_MAX, 10), 9);
    assert_int_equal(np_below(UINT64_MAX, UINT32_MAX), UINT32_MAX - 1);
    assert_int_equal(np_below(UINT64_MAX, 1), 0);

    enum { N = 210000, SIDES = 7 };
    uint32_t seen[SIDES] = {0};
    np_stream s = np_stream_make(np_key_make(seed, 0), 0, 2);
    for (int i = 0; i < N; ++i) ++seen[np_below(np_stream_next(&s), SIDES)];
    double chi = 0, want = (double)N / SIDES;
    for (int i = 0; i < SIDES; ++i) chi += (seen[i] - want) * (seen[i] - want) / want;
    within_chance("np_below", chi, SIDES - 1);
}

static void streams_count_up(void **state)
{
    np_key key = np_key_make(seed, 9);
    np_stream s = np_stream_make(key, 4, 5);
    (void)state;
    for (uint64_t i = 0; i < 100; ++i) assert_true(np_stream_next(&s) == np_random(key, 4, 5, i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(bytes_are_uniform),
        cmocka_unit_test(neighbours_are_independent),
        cmocka_unit_test(keys_differ),
        cmocka_unit_test(units_and_ranges),
        cmocka_unit_test(streams_count_up),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
