/*
 * A sketch as bytes, for results that are kept or sent.
 *
 *     format (1)  count  censored  zeros  [min max  sum  buckets]        the bracket only when count > 0
 *     sum:        number of the first limb, how many, each 4 bytes
 *     buckets:    how many are not empty; for each the distance from the one before and its count
 *
 * Whole numbers are 7 bits a byte, the lowest first, the high bit set on all but the last (LEB128), in their
 * shortest form; min, max and limbs are fixed, the lowest byte first. Nothing depends on the window, so equal
 * sketches have equal bytes.
 */
#include "quantile_layout.h"

#include <float.h>
#include <math.h>

#define FORMAT      1
#define LAST_BUCKET (((UINT64_C(0x7ff) << 52) - 2) >> NP_PART_SHIFT) /* of DBL_MAX */
#define MOST_COUNT  (UINT64_C(1) << 48) /* so that sums over all that a study can hold do not overflow */
#define SUM_SLACK   1e-9                /* the bounds below are rounded, the sum is not */

typedef struct writer {
    uint8_t *bytes;
    size_t room, n;
} writer;

static void put_byte(writer *w, uint8_t b)
{
    if (w->n < w->room) w->bytes[w->n] = b;
    w->n++;
}

static void put_whole(writer *w, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) put_byte(w, (uint8_t)(v | 0x80));
    put_byte(w, (uint8_t)v);
}

static void put_fixed(writer *w, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; ++i) put_byte(w, (uint8_t)(v >> 8 * i));
}

static void put_sum(writer *w, const np_quantile *s)
{
    np_quantile copy = *s;
    uint32_t first = 0, end = NP_LIMBS;
    np_quantile_carry(&copy);
    while (first < NP_LIMBS && copy.limb[first] == 0) ++first;
    while (end > first && copy.limb[end - 1] == 0) --end;
    put_whole(w, first);
    put_whole(w, end - first);
    for (uint32_t i = first; i < end; ++i) put_fixed(w, copy.limb[i], 4);
}

size_t np_quantile_encode(const np_quantile *s, size_t room, uint8_t *bytes)
{
    writer w = {.bytes = bytes, .room = room};
    uint32_t filled = 0, before = 0;

    put_byte(&w, FORMAT);
    put_whole(&w, s->count);
    put_whole(&w, s->censored);
    put_whole(&w, s->zeros);
    if (s->count == 0) return w.n;
    put_fixed(&w, np_quantile_bits(s->min), 8);
    put_fixed(&w, np_quantile_bits(s->max), 8);
    put_sum(&w, s);
    for (uint32_t i = 0; i < s->buckets; ++i) filled += s->bucket[i] > 0;
    put_whole(&w, filled);
    for (uint32_t i = 0; i < s->buckets; ++i) {
        if (s->bucket[i] == 0) continue;
        put_whole(&w, s->first + i - before);
        put_whole(&w, s->bucket[i]);
        before = s->first + i;
    }
    return w.n;
}

/* Reading stops at the first byte that cannot be: then ok is false and all values are 0. */
typedef struct reader {
    const uint8_t *bytes;
    size_t n, at;
    bool ok;
} reader;

static uint64_t get_fixed(reader *r, int bytes)
{
    uint64_t v = 0;
    r->ok = r->ok && r->n - r->at >= (size_t)bytes;
    if (!r->ok) return 0;
    for (int i = 0; i < bytes; ++i) v |= (uint64_t)r->bytes[r->at++] << 8 * i;
    return v;
}

static uint64_t get_whole(reader *r)
{
    uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
        uint64_t b = get_fixed(r, 1);
        if (shift == 63 && b > 1) r->ok = false; /* more than 64 bits */
        if (shift > 0 && b == 0) r->ok = false;  /* not the shortest form */
        if (!r->ok) return 0;
        v |= (b & 0x7f) << shift;
        if (b < 0x80) return v;
    }
}

static double get_double(reader *r)
{
    uint64_t bits = get_fixed(r, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    if (!(v >= 0 && v <= DBL_MAX) || signbit(v)) r->ok = false;
    return r->ok ? v : 0;
}

static void get_sum(reader *r, np_quantile *s)
{
    uint64_t first = get_whole(r), n = get_whole(r);
    if (first > NP_LIMBS || n > NP_LIMBS - first) r->ok = false;
    for (uint64_t i = 0; r->ok && i < n; ++i) s->limb[first + i] = get_fixed(r, 4);
    if (r->ok && n > 0 && (s->limb[first] == 0 || s->limb[first + n - 1] == 0)) r->ok = false;
    if (n == 0 && first != NP_LIMBS) r->ok = false;
    double sum = np_quantile_sum(s), all = (double)s->count;
    if (!(sum >= s->min * all * (1 - SUM_SLACK) && sum <= s->max * all * (1 + SUM_SLACK))) r->ok = false;
}

/* Finds the range first, so that the window is allocated once. False when memory is out. */
static bool get_buckets(reader *r, np_quantile *s)
{
    uint64_t filled = get_whole(r), counted = s->zeros, at = 0;
    uint64_t low = s->min > 0 ? np_quantile_bucket(s->min) : 0,
             high = s->max > 0 ? np_quantile_bucket(s->max) : 0;
    const reader start = *r;

    if (filled > (r->n - r->at) / 2) r->ok = false;
    for (uint64_t i = 0; r->ok && i < filled; ++i) {
        uint64_t step = get_whole(r), count = get_whole(r);
        if (step > LAST_BUCKET - at || (i > 0 && step == 0) || count == 0 || count > s->count - counted) {
            r->ok = false;
            break;
        }
        at += step;
        counted += count;
        if (i == 0 && s->zeros > 0) low = at;
        if (i == 0 && at != low) r->ok = false;
        if (at < np_quantile_bucket(NP_QUANTILE_LEAST)) r->ok = false;
    }
    if (counted != s->count || (filled > 0 ? at != high : s->max > 0)) r->ok = false;
    if (!r->ok || filled == 0) return true;

    if (!np_quantile_widen(s, (uint32_t)low, (uint32_t)high)) return false;
    reader again = start;
    for (at = 0; filled > 0; --filled) {
        at += get_whole(&again);
        s->bucket[at - s->first] = get_whole(&again);
    }
    return true;
}

np_quantile *np_quantile_decode(const uint8_t *bytes, size_t n, bool *damaged)
{
    reader r = {.bytes = bytes, .n = n, .ok = true};
    np_quantile *s = np_quantile_create();
    bool memory = s != NULL;

    *damaged = false;
    if (!memory) return NULL;
    if (get_fixed(&r, 1) != FORMAT) r.ok = false;
    s->count = get_whole(&r);
    s->censored = get_whole(&r);
    s->zeros = get_whole(&r);
    if (s->zeros > s->count || s->count > MOST_COUNT || s->censored > MOST_COUNT) r.ok = false;
    if (r.ok && s->count > 0) {
        s->min = get_double(&r);
        s->max = get_double(&r);
        if (s->min > s->max || (s->min == 0) != (s->zeros > 0) || (s->min > 0 && s->min < NP_QUANTILE_LEAST))
            r.ok = false;
        if (r.ok) get_sum(&r, s);
        memory = !r.ok || get_buckets(&r, s);
    }
    *damaged = memory && (!r.ok || r.at != n);
    if (memory && !*damaged) return s;
    np_quantile_destroy(s);
    return NULL;
}
