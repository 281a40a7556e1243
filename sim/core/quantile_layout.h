/*
 * The inside of a sketch, shared by what counts (quantile.c) and what makes bytes of it (quantile_bytes.c).
 * The layout is described there.
 */
#ifndef NATPULSE_QUANTILE_LAYOUT_H
#define NATPULSE_QUANTILE_LAYOUT_H

#include "natpulse/quantile.h"

#include <string.h>

#define NP_QUANTILE_LEAST 1e-9 /* what is below counts as 0 */
#define NP_PARTS          64   /* of an octave */
#define NP_PART_SHIFT     46   /* 52 bits of fraction without log2(NP_PARTS) */

/* The sum: limb i counts units of 2^(32 i - NP_SUM_SHIFT). A double adds less than 2^32 to each of three
   limbs, so that 2^31 of them fit before carries must be passed on. */
#define NP_LIMBS     36
#define NP_SUM_SHIFT 96 /* the last bit of 1e-9 is 2^-82 */

struct np_quantile {
    uint64_t count, censored, zeros;
    double min, max;
    uint64_t limb[NP_LIMBS];
    uint32_t uncarried; /* additions to limb[] since carries were passed on */
    uint32_t first;     /* number of bucket[0] */
    uint32_t buckets;   /* in the window */
    uint64_t *bucket;
};

static inline uint64_t np_quantile_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline uint32_t np_quantile_bucket(double v)
{
    return (uint32_t)((np_quantile_bits(v) - 1) >> NP_PART_SHIFT);
}

/* Makes the window hold buckets low to high. False when memory is out. */
bool np_quantile_widen(np_quantile *s, uint32_t low, uint32_t high);

/* Passes carries on: then each limb but the last is below 2^32. */
void np_quantile_carry(np_quantile *s);

#endif
