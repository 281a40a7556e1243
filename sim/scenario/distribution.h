/*
 * Distributions as scenarios write them: `30s`, `exponential(5ms)`, `lognormal(median=2s sigma=1.2 cap=1m)`.
 */
#ifndef NATPULSE_DISTRIBUTION_H
#define NATPULSE_DISTRIBUTION_H

#include "natpulse/arena.h"
#include "natpulse/dist.h"
#include "units.h"
#include <stdio.h>

/* Most values of one empirical distribution, and most bytes of its file. */
#define NP_EMPIRICAL_MOST  200000
#define NP_EMPIRICAL_BYTES 8000000

/*
 * A bare value is a constant. Arguments stand in order or are named, with spaces (or commas) between them:
 *
 *     uniform(low high)  exponential(mean)  normal(mean sd)  lognormal(median sigma)  weibull(scale shape)
 *     pareto(scale shape)  empirical(FILE)  empirical(VALUE VALUE ...)
 *
 * each may end with `cap=VALUE`. Values have the unit of the quantity; sigma and shape are plain numbers.
 * FILE, relative to `dir`, has one value a line (the first field, with or without its unit; bare numbers are
 * seconds or bytes or counts; lines that begin with # or, as a first line, with no number, are passed over).
 * Values of an empirical distribution belong to the arena. False, and `why` says what is wrong and what would
 * be right.
 */
bool np_distribution_parse(const char *text, np_measure unit, const char *dir, np_arena *arena, np_dist *out,
                           char *why, size_t size);

/* Writes it so that np_distribution_parse reads the same back; files are written out as their values. */
void np_distribution_write(FILE *out, np_measure unit, const np_dist *d);

#endif
