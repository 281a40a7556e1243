/*
 * The hash of a five-tuple: 64 bits by multiplying to 128 and folding the halves together, twice. Keyed by
 * fixed constants: a result must not depend on when or where it was computed, so there is no defence here
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

/* What a tuple's hash is made of: addresses (those of IPv6 folded), and ports, protocol and family as they
   stand in memory. */
typedef struct np_hash_key {
    uint64_t addresses, rest;
} np_hash_key;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NP_HASH_REST 0x0000ffffffffffffu
#else
#define NP_HASH_REST 0xffffffffffff0000u
#endif

/* Eight bytes from `ports` on, which is followed by the other port, protocol, family and two bytes that do
   not count. */
static inline uint64_t np_hash_rest(const void *ports)
{
    uint64_t rest;
    memcpy(&rest, ports, sizeof rest);
    return rest & NP_HASH_REST;
}

static inline np_hash_key np_hash_key_of(const np_tuple *k)
{
    np_hash_key key = {.rest = np_hash_rest((const char *)k + offsetof(np_tuple, local_port))};
    if (k->family == 4)
        key.addresses = k->local.word[0] | (uint64_t)k->remote.word[0] << 32;
    else
        key.addresses = np_hash_fold(k->local.half[0] ^ NP_HASH_C, k->local.half[1] ^ NP_HASH_D) +
                        np_hash_fold(k->remote.half[0] ^ NP_HASH_D, k->remote.half[1] ^ NP_HASH_A);
    return key;
}

static inline uint64_t np_hash(np_hash_key key)
{
    return np_hash_fold(key.addresses ^ NP_HASH_A, key.rest ^ NP_HASH_B);
}

static inline uint64_t np_hash_tuple(const np_tuple *k)
{
    return np_hash(np_hash_key_of(k));
}

_Static_assert(sizeof(np_tuple) >= offsetof(np_tuple, local_port) + 8 &&
                   offsetof(np_tuple, family) == offsetof(np_tuple, local_port) + 5,
               "eight bytes can be read from the ports on");

#endif
