/*
 * Eviction: the longest idle mapping that the tracker has not assured (np_entry.state) goes; where all are
 * assured, the longest idle of these. What Linux's early drop would be with a list in place of hash buckets,
 * and without refusals. A mapping counts as what it was when it was last renewed; without a tracker that
 * knows of assured this is lru.
 *
 * Memory: 8 bytes an entry. Cost: O(1).
 */
#include "evict.h"
#include "ring.h"
#include "track.h"
#include <stdlib.h>

typedef struct two_lists {
    uint32_t capacity; /* the anchor of those not assured; the next one is that of the assured */
    np_ring link[];
} two_lists;

static size_t size_for(uint32_t capacity)
{
    return sizeof(two_lists) + ((size_t)capacity + 2) * sizeof(np_ring);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    two_lists *s = malloc(size_for(capacity));
    if (s == NULL) {
        np_fail_memory(e, "a NAT's lists of mappings");
        return NULL;
    }
    s->capacity = capacity;
    np_ring_init(s->link, capacity);
    np_ring_init(s->link, capacity + 1);
    return s;
}

static size_t bytes(const void *state)
{
    return size_for(((const two_lists *)state)->capacity);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    two_lists *s = state;
    bool assured = np_table_peek(box->table, entry)->state & NP_TRACK_ASSURED;
    np_ring_append(s->link, s->capacity + assured, entry);
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    np_ring_unlink(((two_lists *)state)->link, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    removing(state, box, entry);
    inserted(state, box, entry, now);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)box, (void)inside, (void)now;
    const two_lists *s = state;
    for (uint32_t anchor = s->capacity; anchor <= s->capacity + 1; anchor++) {
        uint32_t oldest = np_ring_oldest(s->link, anchor);
        if (oldest != anchor) return oldest;
    }
    return NP_ENTRY_NONE;
}

const np_evict_policy np_evict_lru_unassured_first = {
    .name = "lru-unassured-first",
    .about = "the longest idle of those not assured, then of the assured",
    .create = create,
    .destroy = free,
    .bytes = bytes,
    .inserted = inserted,
    .touched = touched,
    .removing = removing,
    .victim = victim};
