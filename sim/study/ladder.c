/*
 * The search.
 *
 *     rung      0   1   2   3   4   5   6   7   8   9
 *                   holds           | guess             the truth, not yet known
 *     round 1                         5?  6?            the guess and its neighbour
 *     round 2                     4?                    both fail: down, in steps that double
 *     round 3                 3?                        holds, and 4 fails: over
 *
 * It relies on one thing: where a rung holds, shorter ones do. What ends it is then looked at, not inferred:
 * a rung that holds beside a longer one that fails (or the end of the ladder). When the shortest fails, every
 * fourth rung is tried all the same, for settings that are too short to hold (a server that punishes many
 * beats); the longest that holds is then found above those.
 *
 * Cost: two looks where the guess is right, about 2 log2 of its distance otherwise.
 */
#include "ladder.h"

#define SCAN 4 /* rungs from one to the next where none is known to hold */

int np_ladder_longest(const uint8_t *rung, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;)
        if (rung[i] == NP_RUNG_HOLDS) return (int)i;
    return -1;
}

int np_ladder_odd(const uint8_t *rung, uint32_t n)
{
    int longest = np_ladder_longest(rung, n);
    for (int i = 0; i < longest; i++)
        if (rung[i] == NP_RUNG_FAILS) return i;
    return -1;
}

/* The lowest that fails from `from` on; n: none. */
static uint32_t lowest_failing(const uint8_t *rung, uint32_t n, uint32_t from)
{
    while (from < n && rung[from] != NP_RUNG_FAILS) from++;
    return from;
}

static uint32_t step(uint32_t from, uint32_t to)
{
    return to > from ? to - from : 1;
}

static uint32_t scan(const uint8_t *rung, uint32_t n, uint32_t *want)
{
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < n; i += SCAN)
        if (rung[i] == NP_RUNG_UNKNOWN) want[wanted++] = i;
    return wanted;
}

static uint32_t next_above(const uint8_t *rung, uint32_t n, uint32_t guess, uint32_t longest, uint32_t *want)
{
    uint32_t failing = lowest_failing(rung, n, longest + 1);
    if (longest + 1 == failing) return 0;
    *want = failing < n ? (longest + failing) / 2 : longest + step(guess, longest);
    if (*want >= n) *want = n - 1;
    return 1;
}

uint32_t np_ladder_next(const uint8_t *rung, uint32_t n, uint32_t guess, uint32_t *want)
{
    int longest = np_ladder_longest(rung, n);
    if (longest >= 0) return next_above(rung, n, guess, (uint32_t)longest, want);
    uint32_t failing = lowest_failing(rung, n, 0);
    if (failing == 0) return scan(rung, n, want);
    if (failing == n) {
        want[0] = guess;
        if (guess + 1 < n) want[1] = guess + 1;
        return guess + 1 < n ? 2 : 1;
    }
    uint32_t down = step(failing, guess);
    *want = failing > down ? failing - down : 0;
    return 1;
}
