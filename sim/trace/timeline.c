/* Bins of time. See timeline.h. */
#include "timeline.h"

#define FIRST_WIDTH NP_MILLISECOND

void np_timeline_init(np_timeline *t, np_replay_bin *bin)
{
    *t = (np_timeline){.bin = bin, .first = NP_NEVER, .width = FIRST_WIDTH, .end = INT64_MIN};
}

static void halve(np_timeline *t)
{
    for (uint32_t i = 0; i < t->bins; i++) {
        np_replay_bin *to = &t->bin[i / 2], from = t->bin[i];
        if (i % 2 == 0) {
            *to = from;
            continue;
        }
        if (from.entries > to->entries) to->entries = from.entries;
        to->evicted += from.evicted;
        to->expired += from.expired;
        to->packets_hurt += from.packets_hurt;
    }
    t->bins = (t->bins + 1) / 2;
    t->width *= 2;
}

np_replay_bin *np_timeline_advance(np_timeline *t, np_time now, uint32_t entries)
{
    if (t->first == NP_NEVER) t->first = now;
    while ((now - t->first) / t->width >= NP_REPLAY_BINS) halve(t);
    uint32_t at = (uint32_t)((now - t->first) / t->width);
    while (t->bins <= at) t->bin[t->bins++] = (np_replay_bin){.entries = entries};
    /* The last bin may reach beyond the end of time. */
    uint64_t length = (uint64_t)t->bins * (uint64_t)t->width, left = (uint64_t)(NP_NEVER - t->first);
    t->end = length < left ? t->first + (np_time)length : NP_NEVER;
    return &t->bin[t->bins - 1];
}
