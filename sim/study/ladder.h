/*
 * Searching a ladder of settings for the longest that holds.
 */
#ifndef NATPULSE_STUDY_LADDER_H
#define NATPULSE_STUDY_LADDER_H

#include <stdbool.h>
#include <stdint.h>

typedef enum np_rung { NP_RUNG_UNKNOWN, NP_RUNG_HOLDS, NP_RUNG_FAILS } np_rung;

/* Writes the rungs that have to be looked at next into `want` (room for n), rising, and returns how many: 0
   when the search is over. `rung` has what is known of the n rungs, `guess` is the one that is expected to be
   the longest that holds. Calling it again with those answered ends after at most 2 log2(n) + 4 rounds. */
uint32_t np_ladder_next(const uint8_t *rung, uint32_t n, uint32_t guess, uint32_t *want);

/* The longest that holds; -1: none is known to. */
int np_ladder_longest(const uint8_t *rung, uint32_t n);

/* The lowest rung that fails although a longer one holds; -1: what is known falls only once. */
int np_ladder_odd(const uint8_t *rung, uint32_t n);

#endif
