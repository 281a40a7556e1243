/*
 * Lists in order of age over numbered things: circular, doubly linked, and closed by an anchor node, so that
 * no operation tests for an end.
 *
 *     anchor -newer-> oldest -newer-> ... -newer-> youngest -newer-> anchor
 *
 * Nodes and anchors are places of one array, so several lists can share it and a node can move between them.
 */
#ifndef NP_NAT_RING_H
#define NP_NAT_RING_H

#include <stdint.h>

typedef struct np_ring {
    uint32_t older, newer;
} np_ring;

static inline void np_ring_init(np_ring *r, uint32_t anchor)
{
    r[anchor] = (np_ring){anchor, anchor};
}

/* The oldest; the anchor itself when the list is empty. */
static inline uint32_t np_ring_oldest(const np_ring *r, uint32_t anchor)
{
    return r[anchor].newer;
}

static inline void np_ring_unlink(np_ring *r, uint32_t i)
{
    np_ring n = r[i];
    r[n.older].newer = n.newer;
    r[n.newer].older = n.older;
}

/* Adds i as the youngest. */
static inline void np_ring_append(np_ring *r, uint32_t anchor, uint32_t i)
{
    uint32_t youngest = r[anchor].older;
    r[i] = (np_ring){youngest, anchor};
    r[youngest].newer = i;
    r[anchor].older = i;
}

#endif
