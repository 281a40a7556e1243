/*
 * Which way a captured packet goes: decided by its addresses, since a capture does not say.
 */
#ifndef NATPULSE_TRACE_SIDES_H
#define NATPULSE_TRACE_SIDES_H

#include "natpulse/replay.h"

typedef enum np_way {
    NP_WAY_OUT,       /* from inside */
    NP_WAY_IN,        /* to inside, as seen on the inside */
    NP_WAY_IN_PUBLIC, /* to the public address, as it reached the outside */
    NP_WAY_LOCAL,     /* between inside hosts, or to all of them (multicast): not the box's */
    NP_WAY_ELSEWHERE, /* neither end is ours, or it left the box already: from the public address */
} np_way;

/* An IPv4 prefix for one AND and one comparison: bytes as in np_addr.word[0]. */
typedef struct np_prefix4 {
    uint32_t mask, net;
} np_prefix4;

#define NP_SIDES_PREFIXES 64 /* of each family that can be inside */

typedef struct np_sides {
    np_prefix4 v4[NP_SIDES_PREFIXES];
    np_cidr v6[NP_SIDES_PREFIXES];
    uint32_t n4, n6;
    uint8_t first4[256];            /* IPv4 addresses that begin so: none, some or all are inside */
    uint32_t public_first, publics; /* IPv4, host order; how many follow each other, 0: none */
} np_sides;

/* From `n` inside prefixes (0: private and shared addresses). False and *e when there are too many. */
bool np_sides_init(np_sides *s, const np_cidr *prefix, uint32_t n, np_error *e);

/* IPv4 addresses that are the box's own, consecutive, and never inside. */
void np_sides_public(np_sides *s, const np_addr *first, uint32_t addresses);

np_way np_sides_way(const np_sides *s, const np_packet *p);

#endif
