/*
 * Eviction: Linux's early drop (nf_conntrack_core.c). Whoever shares a hash bucket with the new flow pays for
 * it.
 *
 * A mapping stands in two of the hash buckets: in that of its original tuple and in that of its reply tuple.
 * From the bucket of the new flow's original tuple on, up to 8 are looked at. The first that has mappings not
 * assured (np_entry.state) loses all of these; if none of the 8 has any the new flow is refused. With lazy
 * expiry those found dead on the way go too, but the new flow does not get in for that. A tracker that knows
 * nothing of assured leaves every mapping open to it.
 *
 *     link   [2 e] and [2 e + 1]: the nodes of mapping e, in a bucket's ring each;
 *            [2 capacity + b]: the anchor of bucket b
 *
 * The kernel's hash is keyed with a secret; this one with the seed. The two tuples of a mapping never get the
 * same bucket but by chance, so each of the two kinds has a key of its own.
 *
 * Not modelled: the emergency run of the kernel's collector, which some time after a refusal takes up to 257
 * mappings that are not assured or closing from a table that is at least 95 % full.
 *
 * Memory: 16 bytes an entry, 8 a bucket. Cost: two hashes an insertion; a refused flow 8 buckets.
 */
#include "evict.h"
#include "hash.h"
#include "ring.h"
#include "track.h"
#include <stdlib.h>

#define BUCKETS_TRIED 8 /* NF_CT_EVICTION_RANGE */

enum { ORIGINAL, REPLY, KINDS };

typedef struct early_drop {
    uint64_t secret[KINDS];
    uint32_t anchor, buckets; /* the place of the first anchor, and how many there are */
    uint32_t at, left; /* while victims are asked for: the bucket, and how many may follow; 0: not asked */
    bool success;      /* a living one was in it */
    np_ring link[];
} early_drop;

static size_t size_for(uint32_t capacity, uint32_t buckets)
{
    return sizeof(early_drop) + (KINDS * (size_t)capacity + buckets) * sizeof(np_ring);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    uint32_t buckets = box->config->buckets != 0 ? box->config->buckets : capacity;
    early_drop *s = malloc(size_for(capacity, buckets));
    if (s == NULL) {
        np_fail_memory(e, "a NAT's hash buckets");
        return NULL;
    }
    *s = (early_drop){.anchor = KINDS * capacity, .buckets = buckets};
    for (uint64_t kind = 0; kind < KINDS; kind++)
        s->secret[kind] = np_random(box->key, box->entity, NP_NAT_PURPOSE_EVICT, kind);
    for (uint32_t b = 0; b < buckets; b++) np_ring_init(s->link, s->anchor + b);
    return s;
}

static size_t bytes(const void *state)
{
    const early_drop *s = state;
    return size_for(s->anchor / KINDS, s->buckets);
}

static uint32_t bucket_of(const early_drop *s, const np_tuple *tuple, int kind)
{
    uint64_t hash = np_hash_fold(np_hash_tuple(tuple) ^ s->secret[kind], NP_HASH_C);
    return (uint32_t)((hash >> 32) * s->buckets >> 32);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    early_drop *s = state;
    const np_entry *e = np_table_peek(box->table, entry);
    np_tuple inside = np_entry_inside(e), outside = np_entry_outside(e);
    np_ring_append(s->link, s->anchor + bucket_of(s, &inside, ORIGINAL), KINDS * entry + ORIGINAL);
    np_ring_append(s->link, s->anchor + bucket_of(s, &outside, REPLY), KINDS * entry + REPLY);
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    early_drop *s = state;
    np_ring_unlink(s->link, KINDS * entry + ORIGINAL);
    np_ring_unlink(s->link, KINDS * entry + REPLY);
}

static bool is_dead(const np_evict_box *box, const np_entry *e, np_time now)
{
    return box->config->expiry == NP_EXPIRY_LAZY && now - e->last >= box->config->timeout[e->class];
}

/* The next one in the bucket that goes, or NP_ENTRY_NONE. */
static uint32_t next_in(early_drop *s, const np_evict_box *box, uint32_t bucket, np_time now)
{
    uint32_t anchor = s->anchor + bucket;
    for (uint32_t node = s->link[anchor].newer; node != anchor; node = s->link[node].newer) {
        const np_entry *e = np_table_peek(box->table, node / KINDS);
        bool dead = is_dead(box, e, now);
        if (!dead && (e->state & NP_TRACK_ASSURED)) continue;
        if (!dead) s->success = true;
        return node / KINDS;
    }
    return NP_ENTRY_NONE;
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    early_drop *s = state;
    if (s->left == 0) {
        s->at = bucket_of(s, inside, ORIGINAL);
        s->left = BUCKETS_TRIED;
        s->success = false;
    }
    for (;;) {
        uint32_t entry = next_in(s, box, s->at, now);
        if (entry != NP_ENTRY_NONE) return entry;
        if (s->success || --s->left == 0) break;
        s->at = s->at + 1 == s->buckets ? 0 : s->at + 1;
    }
    s->left = 0;
    return NP_ENTRY_NONE;
}

const np_evict_policy np_evict_linux_early_drop = {
    .name = "linux-early-drop",
    .about =
        "those not assured in the first of 8 hash buckets that has any; else the new flow is refused (Linux)",
    .create = create,
    .destroy = free,
    .bytes = bytes,
    .inserted = inserted,
    .removing = removing,
    .victim = victim,
    .many = true,
    .alive = true};
