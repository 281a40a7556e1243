/*
 * A quantile sketch of non-negative numbers with a bounded relative error.
 *
 * Logarithmic buckets (the idea of DDSketch, Masson et al., VLDB 2019): every quantile between the
 * smallest and the largest value comes back within 1 % of a value that has exactly that rank; the
 * count, sum, minimum and maximum are exact. Values below 1e-9 count as 0. Two sketches merge by adding,
 * in any order to the same result. Censored observations (not yet seen when the run ended) are counted
 * beside the values and never dropped.
 */
#ifndef NATPULSE_QUANTILE_H
#define NATPULSE_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NP_QUANTILE_ERROR 0.01

typedef struct np_quantile np_quantile;

np_quantile *np_quantile_create(void); /* NULL when memory is out */
void np_quantile_destroy(np_quantile *s);

bool np_quantile_add(np_quantile *s, double value); /* false when memory is out */
void np_quantile_add_censored(np_quantile *s);
bool np_quantile_merge(np_quantile *into, const np_quantile *from);

uint64_t np_quantile_count(const np_quantile *s); /* values added, without the censored */
uint64_t np_quantile_censored(const np_quantile *s);
double np_quantile_sum(const np_quantile *s);
double np_quantile_min(const np_quantile *s); /* NaN when there are no values, as the next two */
double np_quantile_max(const np_quantile *s);
double np_quantile_at(const np_quantile *s, double p); /* p in [0, 1]; 0.5 is the median of the values */

/* The distribution function for plotting: fills up to `room` points (value, share of values <= it) in
   rising order, the last with share 1, and returns how many. */
size_t np_quantile_curve(const np_quantile *s, size_t room, double *value, double *share);

/* The sketch as bytes, the same on every machine and for the same observations in any order: writes at most
   `room` bytes and returns how many it takes (call with room 0 to ask; `bytes` may then be NULL). */
size_t np_quantile_encode(const np_quantile *s, size_t room, uint8_t *bytes);

/* The sketch back. NULL when memory is out (*damaged false), or when the bytes are none that
   np_quantile_encode writes (*damaged true): every count, bucket and bound is checked against the others. */
np_quantile *np_quantile_decode(const uint8_t *bytes, size_t n, bool *damaged);

#endif
