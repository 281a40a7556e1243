/*
 * A hash index over records that stand in an array elsewhere: hash in, record numbers out. It grows by
 * doubling and never forgets.
 *
 * A slot is 64 bits: the upper half of the record's hash, then its number plus one (0: an empty slot). Both
 * the place and the comparison use those 32 bits of hash, so growing is one pass over the slots and reads no
 * record. Linear probing, at most half full. The caller compares the record itself:
 *
 *     for (uint32_t at = np_index_start(x, hash), i; (i = np_index_next(x, hash, &at)) != NP_INDEX_NONE;)
 *         if (record[i] is the one) ...
 *
 * Cost: one cache miss a lookup, 16 to 32 bytes a record. Up to 2^30 records.
 */
#ifndef NATPULSE_TRACE_INDEX_H
#define NATPULSE_TRACE_INDEX_H

#include "natpulse/packet.h"

#define NP_INDEX_NONE UINT32_MAX

typedef struct np_index {
    uint64_t *slot;
    uint32_t used, mask;
    uint8_t shift; /* 32 - log2(slots) */
} np_index;

bool np_index_init(np_index *x); /* false when memory is out */
void np_index_free(np_index *x);

/* Adds record `i`. False when memory is out (or 2^30 records are there). */
bool np_index_add(np_index *x, uint64_t hash, uint32_t i);

static inline uint64_t np_index_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash of a five-tuple: multiplying to 128 bits and folding the halves, the addresses first, then all
   with the ports. The constants are the first bits of the fractions of the square roots of 2, 3, 5 and 7, so
   a result depends on nothing but the capture. */
static inline uint64_t np_index_hash(const np_tuple *t)
{
    uint64_t ends =
        t->local_port | (uint64_t)t->remote_port << 16 | (uint64_t)t->proto << 32 | (uint64_t)t->family << 40;
    uint64_t addresses = t->local.half[0] ^ (t->remote.half[0] << 32 | t->remote.half[0] >> 32);
    if (t->family == 6)
        addresses = np_index_fold(addresses ^ 0x3c6ef372fe94f82bu,
                                  t->local.half[1] * 3 ^ t->remote.half[1] ^ 0xa54ff53a5f1d36f1u);
    return np_index_fold(np_index_fold(addresses ^ 0x6a09e667f3bcc909u, ends ^ 0xbb67ae8584caa73bu) ^
                             0x3c6ef372fe94f82bu,
                         0xa54ff53a5f1d36f1u);
}

static inline uint32_t np_index_start(const np_index *x, uint64_t hash)
{
    return (uint32_t)(hash >> 32) >> x->shift;
}

/* The next record with that hash, or NP_INDEX_NONE. */
static inline uint32_t np_index_next(const np_index *x, uint64_t hash, uint32_t *at)
{
    for (;;) {
        uint64_t s = x->slot[*at];
        if (s == 0) return NP_INDEX_NONE;
        *at = (*at + 1) & x->mask;
        if (s >> 32 == hash >> 32) return (uint32_t)s - 1;
    }
}

#endif
