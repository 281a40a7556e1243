/* Linux's hash buckets. See buckets.h. */
#include "buckets.h"
#include "evict.h"
#include "hash.h"
#include "natpulse/memory.h"
#include <stdlib.h>

static size_t words_of(uint32_t buckets)
{
    return ((size_t)buckets + 63) / 64;
}

np_buckets *np_buckets_create(const np_table *t, uint32_t buckets, np_key key, uint32_t entity)
{
    np_buckets *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    uint32_t capacity = np_table_capacity(t);
    *h = (np_buckets){.table = t, .anchor = NP_BUCKET_KINDS * capacity, .buckets = buckets};
    for (uint64_t kind = 0; kind < NP_BUCKET_KINDS; kind++)
        h->secret[kind] = np_random(key, entity, NP_NAT_PURPOSE_EVICT, kind);
    h->node = np_memory_zeroed(((size_t)h->anchor + buckets) * sizeof *h->node);
    h->dirty = np_memory_zeroed(words_of(buckets) * sizeof *h->dirty);
    if (h->node == NULL || h->dirty == NULL) {
        np_buckets_destroy(h);
        return NULL;
    }
    for (uint32_t b = 0; b < buckets; b++) np_ring_init(h->node, h->anchor + b);
    return h;
}

void np_buckets_destroy(np_buckets *h)
{
    if (h == NULL) return;
    free(h->node);
    free(h->dirty);
    free(h);
}

size_t np_buckets_bytes(const np_buckets *h)
{
    if (h == NULL) return 0;
    return sizeof *h + ((size_t)h->anchor + h->buckets) * sizeof *h->node +
           words_of(h->buckets) * sizeof *h->dirty;
}

uint32_t np_buckets_of(const np_buckets *h, const np_tuple *tuple, np_bucket_kind kind)
{
    uint64_t hash = np_hash_fold(np_hash_tuple(tuple) ^ h->secret[kind], NP_HASH_C);
    return (uint32_t)((hash >> 32) * h->buckets >> 32);
}

static uint32_t bucket_of(const np_buckets *h, uint32_t entry, np_bucket_kind kind)
{
    const np_entry *e = np_table_peek(h->table, entry);
    np_tuple k = kind == NP_BUCKET_ORIGINAL ? np_entry_inside(e) : np_entry_outside(e);
    return np_buckets_of(h, &k, kind);
}

void np_buckets_add(np_buckets *h, uint32_t entry)
{
    for (np_bucket_kind kind = 0; kind < NP_BUCKET_KINDS; kind++)
        np_ring_append(h->node, np_buckets_anchor(h, bucket_of(h, entry, kind)),
                       NP_BUCKET_KINDS * entry + kind);
}

void np_buckets_remove(np_buckets *h, uint32_t entry)
{
    for (np_bucket_kind kind = 0; kind < NP_BUCKET_KINDS; kind++)
        np_ring_unlink(h->node, NP_BUCKET_KINDS * entry + kind);
}

void np_buckets_soil(np_buckets *h, uint32_t entry)
{
    for (np_bucket_kind kind = 0; kind < NP_BUCKET_KINDS; kind++) {
        uint32_t bucket = bucket_of(h, entry, kind);
        h->dirty[bucket / 64] |= UINT64_C(1) << bucket % 64;
    }
}
