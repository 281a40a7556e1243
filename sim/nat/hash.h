/*
 * The hash of a five-tuple: 64 bits by multiplying to 128 and folding the halves together. Keyed by fixed
 * constants: a result must not depend on when or where it was computed, so there is no defence here
 * against a capture made to collide; it only makes a lookup slow.
 */
#ifndef NP_NAT_HASH_H
#define NP_NAT_HASH_H

#include "natpulse/packet.h"

/* The fractions of the square roots of 2, 3, 5 and 7: odd, and nobody chose them. */
#define NP_HASH_A 0x6a09e667f3bcc909u
#define NP_HASH_B 0xbb67ae8584caa73bu
#define NP_HASH_C 0x3c6ef372fe94f82bu
#define NP_HASH_D 0xa54ff53a5f1d36f1u

static inline uint64_t np_hash_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* A five-tuple in two words: all of it for IPv4; for IPv6 the addresses are folded. Put together from
   fields, not read in one go: a packet's tuple has often just been written field by field, and a wide load of
   narrow stores has to wait until they have left the store buffer. */
typedef struct np_key_words {
    uint64_t addresses, rest;
} np_key_words;

static inline np_key_words np_key_words_of(const np_tuple *k)
{
    np_key_words w = {.rest = k->local_port | (uint64_t)k->remote_port << 16 | (uint64_t)k->proto << 32 |
                              (uint64_t)k->family << 40};
    if (k->family == 4)
        w.addresses = k->local.word[0] | (uint64_t)k->remote.word[0] << 32;
    else
        w.addresses = np_hash_fold(k->local.half[0] ^ NP_HASH_C, k->local.half[1] ^ NP_HASH_D) +
                      np_hash_fold(k->remote.half[0] ^ NP_HASH_D, k->remote.half[1] ^ NP_HASH_A);
    return w;
}

static inline uint64_t np_hash_words(np_key_words w)
{
    return np_hash_fold(w.addresses ^ NP_HASH_A, w.rest ^ NP_HASH_B);
}

static inline uint64_t np_hash_tuple(const np_tuple *k)
{
    return np_hash_words(np_key_words_of(k));
}

#endif
