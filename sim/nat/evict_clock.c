/*
 * Eviction: second chance (CLOCK; Corbato, MIT Project MAC, 1968). Mappings stand in a queue in order of
 * making. The first that was not used since it was made, or last passed over, goes; those before it are
 * passed over: they go to the end of the queue.
 *
 * .mark: whether it was used. Memory: 8 bytes an entry. Cost: O(1) over time; a refresh is one store.
 */
#include "evict.h"
#include "ring.h"
#include <stdlib.h>

typedef struct clock_state {
    uint32_t anchor; /* the capacity */
    np_ring link[];
} clock_state;

static size_t size_for(uint32_t capacity)
{
    return sizeof(clock_state) + ((size_t)capacity + 1) * sizeof(np_ring);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    clock_state *s = malloc(size_for(capacity));
    if (s == NULL) {
        np_fail_memory(e, "a NAT's queue of mappings");
        return NULL;
    }
    s->anchor = capacity;
    np_ring_init(s->link, capacity);
    return s;
}

static size_t bytes(const void *state)
{
    return size_for(((const clock_state *)state)->anchor);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)box, (void)now;
    clock_state *s = state;
    np_ring_append(s->link, s->anchor, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)state, (void)now;
    np_table_entry(box->table, entry)->mark = 1;
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    np_ring_unlink(((clock_state *)state)->link, entry);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)inside, (void)now;
    clock_state *s = state;
    for (;;) {
        uint32_t entry = np_ring_oldest(s->link, s->anchor);
        if (entry == s->anchor) return NP_ENTRY_NONE;
        np_entry *e = np_table_entry(box->table, entry);
        if (!e->mark) return entry;
        e->mark = 0;
        np_ring_unlink(s->link, entry);
        np_ring_append(s->link, s->anchor, entry);
    }
}

const np_evict_policy np_evict_clock = {
    .name = "clock",
    .about = "the first mapping made that was not used since it was last passed over goes",
    .create = create,
    .destroy = free,
    .bytes = bytes,
    .inserted = inserted,
    .touched = touched,
    .removing = removing,
    .victim = victim};
