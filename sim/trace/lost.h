/*
 * Mappings that were lost, by the outside address and port they had: when a packet from outside finds none,
 * this tells whose it was.
 *
 * Needed only where captures show the outside of the NAT. An external port may pass from flow to flow; the
 * last one that lost it counts. Memory: 48 bytes and 16 to 32 for the index for each different outside
 * five-tuple that was lost.
 */
#ifndef NATPULSE_TRACE_LOST_H
#define NATPULSE_TRACE_LOST_H

#include "index.h"

typedef struct np_lost_mapping {
    np_tuple outside; /* local: the public address and port */
    uint32_t flow;
} np_lost_mapping;

typedef struct np_lost {
    np_lost_mapping *mapping;
    uint32_t n, room;
    np_index index;
} np_lost;

bool np_lost_init(np_lost *l); /* false when memory is out, as below */
void np_lost_free(np_lost *l);
bool np_lost_put(np_lost *l, const np_tuple *outside, uint32_t flow);
uint32_t np_lost_find(const np_lost *l, const np_tuple *outside); /* the flow, or NP_INDEX_NONE */

#endif
