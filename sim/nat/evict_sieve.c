/*
 * Eviction: SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024). Mappings stand in order of making and
 * never move. A hand goes from the older to the younger, and from the youngest back to the oldest: the first
 * mapping it meets that was not used since the hand last passed goes, and the hand waits behind it.
 *
 * .mark: whether it was used. Memory: 8 bytes an entry. Cost: O(1) over time; a refresh is one store.
 */
#include "evict.h"
#include "ring.h"
#include <stdlib.h>

typedef struct sieve {
    uint32_t anchor; /* the capacity */
    uint32_t hand;   /* who is looked at next; the anchor: the oldest */
    np_ring link[];
} sieve;

static size_t size_for(uint32_t capacity)
{
    return sizeof(sieve) + ((size_t)capacity + 1) * sizeof(np_ring);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    sieve *s = malloc(size_for(capacity));
    if (s == NULL) {
        np_fail_memory(e, "a NAT's queue of mappings");
        return NULL;
    }
    s->anchor = s->hand = capacity;
    np_ring_init(s->link, capacity);
    return s;
}

static size_t bytes(const void *state)
{
    return size_for(((const sieve *)state)->anchor);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)box, (void)now;
    sieve *s = state;
    np_ring_append(s->link, s->anchor, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)state, (void)now;
    np_table_entry(box->table, entry)->mark = 1;
}

/* The hand must not stay on one that goes. Behind the youngest it begins anew. */
static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    sieve *s = state;
    if (s->hand == entry) s->hand = s->link[entry].newer;
    np_ring_unlink(s->link, entry);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)inside, (void)now;
    sieve *s = state;
    if (np_ring_oldest(s->link, s->anchor) == s->anchor) return NP_ENTRY_NONE;
    for (;; s->hand = s->link[s->hand].newer) {
        if (s->hand == s->anchor) s->hand = np_ring_oldest(s->link, s->anchor);
        np_entry *e = np_table_entry(box->table, s->hand);
        if (!e->mark) return s->hand;
        e->mark = 0;
    }
}

const np_evict_policy np_evict_sieve = {
    .name = "sieve",
    .about = "as clock, but a hand passes over mappings that stay in their order (NSDI 2024)",
    .create = create,
    .destroy = free,
    .bytes = bytes,
    .inserted = inserted,
    .touched = touched,
    .removing = removing,
    .victim = victim};
