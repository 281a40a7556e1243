/*
 * Eviction: Linux's early drop (nf_conntrack_core.c). Whoever shares a hash bucket with the new flow pays for
 * it.
 *
 * A mapping stands in two of the hash buckets (buckets.h). From the bucket of the new flow's original tuple
 * on, up to 8 are looked at. The first that has mappings not assured (np_entry.state) loses all of these; if
 * none of the 8 has any the new flow is refused. With lazy expiry those found dead on the way go too, but the
 * new flow does not get in for that. A tracker that knows nothing of assured leaves every mapping open to it.
 *
 * What follows a refusal, the emergency run of the kernel's collector, comes with `expiry: linux`.
 *
 * Memory: what the buckets take. Cost: two hashes an insertion; a refused flow 8 buckets.
 */
#include "evict.h"
#include "track.h"
#include <stdlib.h>

#define BUCKETS_TRIED 8 /* NF_CT_EVICTION_RANGE */

/* While victims are asked for. */
typedef struct early_drop {
    uint32_t at, left; /* the bucket, and how many may follow; 0: not asked */
    bool success;      /* a living one was in it */
} early_drop;

static void *create(const np_evict_box *box, np_error *e)
{
    (void)box;
    early_drop *s = calloc(1, sizeof *s);
    if (s == NULL) np_fail_memory(e, "a NAT's early drop");
    return s;
}

static size_t bytes(const void *state)
{
    (void)state;
    return sizeof(early_drop);
}

/* The next one in the bucket that goes, or NP_ENTRY_NONE. */
static uint32_t next_in(early_drop *s, const np_evict_box *box, uint32_t bucket)
{
    const np_buckets *h = box->buckets;
    uint32_t anchor = np_buckets_anchor(h, bucket);
    for (uint32_t node = np_buckets_next(h, anchor); node != anchor; node = np_buckets_next(h, node)) {
        const np_entry *e = np_table_peek(box->table, np_buckets_entry(node));
        bool dead = e->seen & NP_SEEN_DEAD;
        if (!dead && (e->state & NP_TRACK_ASSURED)) continue;
        if (!dead) s->success = true;
        return np_buckets_entry(node);
    }
    return NP_ENTRY_NONE;
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)now;
    early_drop *s = state;
    if (s->left == 0) {
        s->at = np_buckets_of(box->buckets, inside, NP_BUCKET_ORIGINAL);
        s->left = BUCKETS_TRIED;
        s->success = false;
    }
    for (;;) {
        uint32_t entry = next_in(s, box, s->at);
        if (entry != NP_ENTRY_NONE) return entry;
        if (s->success || --s->left == 0) break;
        s->at = s->at + 1 == box->buckets->buckets ? 0 : s->at + 1;
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
    .victim = victim,
    .many = true,
    .alive = true,
    .buckets = true};
