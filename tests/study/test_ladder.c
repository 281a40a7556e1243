/*
 * The search on a ladder, against the truth: every ladder up to some length with every longest rung and every
 * guess, ladders that rise before they fall, ladders drawn at random.
 */
#include "../../sim/study/ladder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 40

/* Runs a search on the truth and leaves what it has learned in `known`. Returns how many rungs it looked at.
 */
static uint32_t search(const bool *holds, uint32_t n, uint32_t guess, uint8_t *known)
{
    uint32_t want[MOST], wanted, looks = 0;
    memset(known, NP_RUNG_UNKNOWN, n);
    while ((wanted = np_ladder_next(known, n, guess, want)) > 0) {
        for (uint32_t i = 0; i < wanted; i++) {
            assert_true(want[i] < n);
            assert_true(i == 0 || want[i] > want[i - 1]);
            assert_int_equal(known[want[i]], NP_RUNG_UNKNOWN);
            known[want[i]] = holds[want[i]] ? NP_RUNG_HOLDS : NP_RUNG_FAILS;
            looks++;
        }
    }
    return looks;
}

static void every_cliff(void **state)
{
    (void)state;
    bool holds[MOST];
    uint8_t known[MOST];
    uint32_t most = 0;
    for (uint32_t n = 1; n <= MOST; n++) {
        for (int longest = -1; longest < (int)n; longest++) {
            for (uint32_t i = 0; i < n; i++) holds[i] = (int)i <= longest;
            for (uint32_t guess = 0; guess < n; guess++) {
                uint32_t looks = search(holds, n, guess, known);
                assert_int_equal(np_ladder_longest(known, n), longest);
                assert_int_equal(np_ladder_odd(known, n), -1);
                /* The evidence: it holds there, and not one above. */
                if (longest >= 0) assert_int_equal(known[longest], NP_RUNG_HOLDS);
                if (longest + 1 < (int)n) assert_int_equal(known[longest + 1], NP_RUNG_FAILS);
                if ((int)guess == longest) assert_true(looks <= 2);
                if (longest >= 0 && looks > most) most = looks;
            }
        }
    }
    assert_true(most <= 12); /* of 40: 2 log2(40) + 2 */
}

/* Holds from `from` to `to` only: what is found depends on the guess, but where anything is found it ends at
   a rung that holds beside one that fails, and a stretch of four is never missed. */
static void every_hill(void **state)
{
    (void)state;
    bool holds[MOST];
    uint8_t known[MOST];
    for (uint32_t n = 4; n <= 24; n++) {
        for (uint32_t from = 1; from < n; from++) {
            for (uint32_t to = from; to < n; to++) {
                for (uint32_t i = 0; i < n; i++) holds[i] = i >= from && i <= to;
                for (uint32_t guess = 0; guess < n; guess++) {
                    search(holds, n, guess, known);
                    int longest = np_ladder_longest(known, n);
                    if (to - from >= 3) assert_int_equal(longest, to);
                    if (longest >= 0) assert_int_equal(longest, to);
                    if (longest >= 0 && known[0] == NP_RUNG_FAILS) assert_true(np_ladder_odd(known, n) >= 0);
                }
            }
        }
    }
}

/* Whatever is true, it ends, and at evidence. */
static void any_truth(void **state)
{
    (void)state;
    const char *said = getenv("NP_SEED");
    unsigned seed = said ? (unsigned)strtoul(said, NULL, 10) : 1;
    printf("NP_SEED=%u\n", seed);
    srand(seed);
    bool holds[MOST];
    uint8_t known[MOST];
    for (int round = 0; round < 20000; round++) {
        uint32_t n = 1 + (uint32_t)rand() % MOST, guess = (uint32_t)rand() % n;
        for (uint32_t i = 0; i < n; i++) holds[i] = rand() % 2;
        search(holds, n, guess, known);
        int longest = np_ladder_longest(known, n);
        if (longest < 0) assert_false(holds[0]);
        if (longest >= 0 && longest + 1 < (int)n) assert_int_equal(known[longest + 1], NP_RUNG_FAILS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cliff),
        cmocka_unit_test(every_hill),
        cmocka_unit_test(any_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
