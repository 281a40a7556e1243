/* How far back a table remembers. See horizon.h. */
#include "horizon.h"
#include "natpulse/memory.h"
#include <assert.h>
#include <stdlib.h>

#define FIRST_WIDTH NP_MILLISECOND

void np_horizon_init(np_horizon *h)
{
    *h = (np_horizon){.width = FIRST_WIDTH, .latest = INT64_MIN};
}

void np_horizon_free(np_horizon *h)
{
    free(h->bin);
    h->bin = NULL;
}

static void halve(np_horizon *h)
{
    for (uint32_t i = 0; i < h->bins; i++) h->bin[i / 2] = h->bin[i];
    h->bins = (h->bins + 1) / 2;
    h->width *= 2;
}

bool np_horizon_evicted(np_horizon *h, np_time when, np_time last)
{
    if (!h->bin) {
        h->bin = np_memory_zeroed(NP_HORIZON_BINS * sizeof *h->bin);
        if (!h->bin) return false;
        h->first = when;
    }
    while ((when - h->first) / h->width >= NP_HORIZON_BINS) halve(h);
    uint32_t at = (uint32_t)((when - h->first) / h->width);
    while (h->bins <= at) h->bin[h->bins++] = h->latest;
    if (last > h->latest) h->latest = last;
    h->bin[at] = h->latest;
    return true;
}

static uint32_t bin_of(const np_horizon *h, np_time when)
{
    uint64_t at = when < h->first ? 0 : (uint64_t)((when - h->first) / h->width);
    return at < h->bins ? (uint32_t)at : h->bins - 1;
}

/* The first bin in which the horizon reaches a mapping used at `use`, which can only be after that use;
   .bins: none does. */
static uint32_t reaches(const np_horizon *h, np_time use)
{
    uint32_t low = bin_of(h, use), high = h->bins;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (h->bin[middle] >= use)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool np_horizon_keeps(const np_horizon *h, np_time since, np_time every, np_time until)
{
    assert(every > 0);
    if (!h->bin) return true;
    for (np_time beat = since; beat < until; beat += every) {
        uint32_t bin = reaches(h, beat);
        if (bin == h->bins) return true;
        /* Until then nothing can be lost that has beaten since: to the last beat before. */
        np_time danger = h->first + bin * h->width;
        if (danger > until) return true;
        if (danger > beat) beat += (danger - beat - 1) / every * every;
        np_time next = until - beat > every ? beat + every : until;
        if (next >= h->first && h->bin[bin_of(h, next)] >= beat) return false;
        if (next == until) return true;
    }
    return true;
}
