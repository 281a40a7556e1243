/*
 * The quantile sketch.
 *
 * Layout: a value's bucket is read off its bits. Exponent and top six bits of the fraction of an IEEE
 * double are together an integer that rises with the value, so that each octave is cut into 64 equal parts:
 *
 *     value  ...  1.0    1 1/64   1 2/64  ...  1 63/64    2.0    2 2/64  ...
 *     bucket        |---k---]|--k+1--]|-- ...       ---]|--k+64-]|
 *
 * A bucket holds the values above its lower edge up to and with its upper edge. No logarithm is
 * taken: adding costs an index and an increment, and no libm has a say in which bucket a value meets.
 * The value returned for a bucket is the harmonic mean of its edges, whose relative distance from both is
 * (1/64) / (2 + 1/64) = 1/129, less than NP_QUANTILE_ERROR.
 *
 * Memory: one window of 64-bit counters, from the lowest bucket met to the highest, and an octave of slack.
 * From a nanosecond to a year (in seconds) that is 27 kB; for every double there is, 540 kB.
 *
 * The sum is exact, hence the same in whatever order values and sketches are added: it is a fixed-point
 * number of 36 limbs wide enough for every double from 1e-9 up, and rounded only when asked for.
 *
 * Lost: logarithmic buckets proper. They need 35 a octave, not 64, but a logarithm a value.
 */
#include "quantile_layout.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CARRY_AFTER (UINT32_C(1) << 31)

np_quantile *np_quantile_create(void)
{
    assert(1.0 / (2 * NP_PARTS + 1) < NP_QUANTILE_ERROR);
    np_quantile *s = calloc(1, sizeof *s);
    if (s) s->min = INFINITY;
    return s;
}

void np_quantile_destroy(np_quantile *s)
{
    if (!s) return;
    free(s->bucket);
    free(s);
}

static double lower_edge(uint32_t bucket)
{
    uint64_t bits = (uint64_t)bucket << NP_PART_SHIFT;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

bool np_quantile_widen(np_quantile *s, uint32_t low, uint32_t high)
{
    if (s->buckets > 0) {
        if (low >= s->first && high < s->first + s->buckets) return true;
        if (s->first < low) low = s->first;
        if (s->first + s->buckets - 1 > high) high = s->first + s->buckets - 1;
    }
    low = low > NP_PARTS ? low - NP_PARTS / 2 : low;
    high += NP_PARTS / 2;
    uint64_t *bucket = calloc(high - low + 1, sizeof *bucket);
    if (!bucket) return false;
    if (s->buckets > 0) memcpy(bucket + (s->first - low), s->bucket, s->buckets * sizeof *bucket);
    free(s->bucket);
    s->bucket = bucket;
    s->first = low;
    s->buckets = high - low + 1;
    return true;
}

void np_quantile_carry(np_quantile *s)
{
    for (int i = 0; i + 1 < NP_LIMBS; ++i) {
        s->limb[i + 1] += s->limb[i] >> 32;
        s->limb[i] &= UINT32_MAX;
    }
    s->uncarried = 0;
}

/* v is the 53-bit integer m times 2^(exponent - 1075). */
static void sum_add(np_quantile *s, double v)
{
    uint64_t bits = np_quantile_bits(v);
    uint64_t m = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    uint32_t place = (uint32_t)(bits >> 52) - 1075 + NP_SUM_SHIFT;
    unsigned __int128 wide = (unsigned __int128)m << (place % 32);
    uint64_t *limb = s->limb + place / 32;

    limb[0] += (uint32_t)wide;
    limb[1] += (uint32_t)(wide >> 32);
    limb[2] += (uint32_t)(wide >> 64);
    if (++s->uncarried == CARRY_AFTER) np_quantile_carry(s);
}

bool np_quantile_add(np_quantile *s, double v)
{
    assert(v >= 0 && v <= DBL_MAX);
    if (v < NP_QUANTILE_LEAST) {
        v = 0;
        ++s->zeros;
    } else {
        uint32_t b = np_quantile_bucket(v);
        if (!np_quantile_widen(s, b, b)) return false;
        ++s->bucket[b - s->first];
        sum_add(s, v);
    }
    ++s->count;
    if (v < s->min) s->min = v;
    if (v > s->max) s->max = v;
    return true;
}

void np_quantile_add_censored(np_quantile *s)
{
    ++s->censored;
}

bool np_quantile_merge(np_quantile *into, const np_quantile *from)
{
    if (from->buckets > 0) {
        if (!np_quantile_widen(into, from->first, from->first + from->buckets - 1)) return false;
        uint64_t *bucket = into->bucket + (from->first - into->first);
        for (uint32_t i = 0; i < from->buckets; ++i) bucket[i] += from->bucket[i];
    }
    np_quantile_carry(into); /* then each limb of `into` is below 2^32 and each of `from` below 2^63 + 2^32 */
    for (int i = 0; i < NP_LIMBS; ++i) into->limb[i] += from->limb[i];
    np_quantile_carry(into);
    into->count += from->count;
    into->censored += from->censored;
    into->zeros += from->zeros;
    into->min = fmin(into->min, from->min);
    into->max = fmax(into->max, from->max);
    return true;
}

uint64_t np_quantile_count(const np_quantile *s)
{
    return s->count;
}
uint64_t np_quantile_censored(const np_quantile *s)
{
    return s->censored;
}
double np_quantile_min(const np_quantile *s)
{
    return s->count > 0 ? s->min : NAN;
}
double np_quantile_max(const np_quantile *s)
{
    return s->count > 0 ? s->max : NAN;
}

double np_quantile_sum(const np_quantile *s)
{
    np_quantile copy = *s;
    double sum = 0;
    np_quantile_carry(&copy);
    for (int i = NP_LIMBS - 1; i >= 0; --i) sum += ldexp((double)copy.limb[i], 32 * i - NP_SUM_SHIFT);
    return sum;
}

static double within(const np_quantile *s, double v)
{
    return fmin(fmax(v, s->min), s->max);
}

double np_quantile_at(const np_quantile *s, double p)
{
    assert(p >= 0 && p <= 1);
    if (s->count == 0) return NAN;

    /* The nearest rank, ceil(p n), without being one too high when p n is an integer but for rounding. */
    double wanted = ceil(p * (double)s->count * (1 - 4 * DBL_EPSILON));
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted;
    if (rank <= 1) return s->min;
    if (rank >= s->count) return s->max;
    if (rank <= s->zeros) return 0;

    uint64_t seen = s->zeros;
    for (uint32_t i = 0; i < s->buckets; ++i) {
        seen += s->bucket[i];
        if (seen >= rank) {
            double low = lower_edge(s->first + i), high = lower_edge(s->first + i + 1);
            return within(s, low + (high - low) * (low / (low + high)));
        }
    }
    return s->max;
}

size_t np_quantile_curve(const np_quantile *s, size_t room, double *value, double *share)
{
    size_t steps = s->zeros > 0, step = 0, filled = 0;
    uint64_t seen = 0;

    for (uint32_t i = 0; i < s->buckets; ++i) steps += s->bucket[i] > 0;
    if (room > steps) room = steps;
    if (room == 0) return 0;
    for (uint32_t i = 0; i <= s->buckets; ++i) { /* the zeros, then bucket i - 1 */
        uint64_t n = i == 0 ? s->zeros : s->bucket[i - 1];
        if (n == 0) continue;
        seen += n;
        /* Of `steps` steps keep `room`, evenly spread and with the last. */
        if (++step * room / steps == filled) continue;
        value[filled] = i == 0 ? 0 : within(s, lower_edge(s->first + i));
        share[filled++] = (double)seen / (double)s->count;
    }
    return filled;
}
