/*
 * How far back a table of mappings remembers: at each moment, the latest use among all that was evicted until
 * then. From it follows whether a heartbeat would have kept a mapping that was lost.
 *
 *     time        ----u-------------b1------------b2------------t---->     u: last packet before the loss
 *     evictions     x  x    x x   x        x  x x       x    x             t: the packet that finds it lost
 *                   a mapping with its last use (or beat) before the horizon at that moment is gone
 *
 * An LRU table evicts in the order of last use, so the horizon only moves forward, and a mapping that had
 * beaten at b would have been there at b' > b exactly when the horizon at b' was still before b. Tables of
 * other policies let some go earlier or keep some longer: there, what is found kept would have been kept at
 * least.
 *
 * Kept in a fixed number of bins whose width doubles when the capture turns out longer, with the horizon at
 * the end of each; within a bin a mapping counts as lost earlier than it was. Memory: 2 MB, from the first
 * eviction on. Cost: of an eviction, O(1); of a question, a search in the bins for each time that the table's
 * whole content was renewed since the loss.
 */
#ifndef NATPULSE_TRACE_HORIZON_H
#define NATPULSE_TRACE_HORIZON_H

#include "natpulse/time.h"

#define NP_HORIZON_BINS ((uint32_t)1 << 18) /* of a day: a third of a second each */

typedef struct np_horizon {
    np_time *bin;                 /* the horizon at its end: never falling */
    np_time first, width, latest; /* latest: the horizon now */
    uint32_t bins;                /* begun */
} np_horizon;

void np_horizon_init(np_horizon *h);
void np_horizon_free(np_horizon *h);

/* A mapping last used at `last` is evicted at `when`, which is not before the call before. False when memory
   is out. */
bool np_horizon_evicted(np_horizon *h, np_time when, np_time last);

/* Whether a mapping used at `since` and from then on every `every` ns would have been there at `until`. */
bool np_horizon_keeps(const np_horizon *h, np_time since, np_time every, np_time until);

#endif
