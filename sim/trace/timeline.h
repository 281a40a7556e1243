/*
 * What happens over time, in a fixed number of bins whose width doubles whenever the capture turns out to be
 * longer: no more memory, whatever it lasts, and a packet costs a comparison.
 */
#ifndef NATPULSE_TRACE_TIMELINE_H
#define NATPULSE_TRACE_TIMELINE_H

#include "natpulse/replay.h"

typedef struct np_timeline {
    np_replay_bin *bin;        /* NP_REPLAY_BINS of them */
    uint32_t bins;             /* begun */
    np_time first, width, end; /* of the latest bin; first NP_NEVER: nothing yet */
} np_timeline;

void np_timeline_init(np_timeline *t, np_replay_bin *bin);

/* The bin of `now`, which is not before that of the last call; one that begins holds `entries`, as do those
   that were passed over. */
np_replay_bin *np_timeline_advance(np_timeline *t, np_time now, uint32_t entries);

static inline np_replay_bin *np_timeline_at(np_timeline *t, np_time now, uint32_t entries)
{
    return now < t->end ? &t->bin[t->bins - 1] : np_timeline_advance(t, now, entries);
}

#endif
