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

static void note_age(np_horizon *h, uint32_t bin, np_time age)
{
    np_time *least = &h->least_age[bin / NP_HORIZON_BLOCK];
    if (age < *least) *least = age;
}

static void halve(np_horizon *h)
{
    const uint32_t blocks = NP_HORIZON_BINS / NP_HORIZON_BLOCK;
    for (uint32_t i = 0; i < h->bins; i++) h->bin[i / 2] = h->bin[i];
    for (uint32_t i = 0; i < blocks / 2; i++) {
        np_time a = h->least_age[2 * i], b = h->least_age[2 * i + 1];
        h->least_age[i] = a < b ? a : b;
    }
    for (uint32_t i = blocks / 2; i < blocks; i++) h->least_age[i] = NP_NEVER;
    h->bins = (h->bins + 1) / 2;
    h->width *= 2;
}

bool np_horizon_evicted(np_horizon *h, np_time when, np_time last)
{
    if (!h->bin) {
        h->bin = np_memory_zeroed(NP_HORIZON_BINS * sizeof *h->bin);
        if (!h->bin) return false;
        for (uint32_t i = 0; i < NP_HORIZON_BINS / NP_HORIZON_BLOCK; i++) h->least_age[i] = NP_NEVER;
        h->first = when;
    }
    while ((when - h->first) / h->width >= NP_HORIZON_BINS) halve(h);
    uint32_t at = (uint32_t)((when - h->first) / h->width);
    while (h->bins <= at) h->bin[h->bins++] = h->latest;
    if (last > h->latest) h->latest = last;
    h->bin[at] = h->latest;
    note_age(h, at, when - h->latest);
    return true;
}

static np_time horizon_at(const np_horizon *h, np_time when)
{
    if (when < h->first) return INT64_MIN;
    uint64_t at = (uint64_t)((when - h->first) / h->width);
    return at < h->bins ? h->bin[at] : h->latest;
}

/* How long from `beat` on nothing can be lost, in whole intervals: all evictions in the beat's block were of
   mappings older than that. */
static np_time pass_over(const np_horizon *h, np_time beat, np_time every)
{
    if (beat < h->first) return (h->first - beat) / every * every;
    uint64_t block = (uint64_t)h->width * NP_HORIZON_BLOCK, since = (uint64_t)(beat - h->first),
             at = since / block;
    if (at >= NP_HORIZON_BINS / NP_HORIZON_BLOCK || h->least_age[at] <= every) return 0;
    return (np_time)((at + 1) * block - 1 - since) / every * every;
}

bool np_horizon_keeps(const np_horizon *h, np_time since, np_time every, np_time until)
{
    assert(every > 0);
    if (!h->bin) return true;
    for (np_time beat = since; beat < until;) {
        np_time safe = pass_over(h, beat, every), left = until - beat;
        if (safe >= left) return true;
        beat += safe;
        left -= safe;
        if (horizon_at(h, beat + (left < every ? left : every)) >= beat) return false;
        if (left <= every) break;
        beat += every;
    }
    return true;
}
