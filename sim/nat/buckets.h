/*
 * The hash buckets of Linux's conntrack, where it is told which mappings are neighbours: early drop and the
 * collector take those of a bucket, and a lookup buries the dead that it meets in one.
 *
 * A mapping stands in two buckets, in that of its original tuple and in that of its reply tuple. The kernel's
 * hash is keyed with a secret; this one with the seed. The two tuples of a mapping never get the same bucket
 * but by chance, so each of the two kinds has a key of its own.
 *
 *     node   [2 e] and [2 e + 1]: mapping e in its two buckets; [2 capacity + b]: the anchor of bucket b.
 *            The youngest of a bucket is looked at first.
 *     dirty  a bit for each bucket: somebody dead may be in it
 *
 * Not modelled: a bucket of more than 50 to 79 mappings, in which the kernel lets no new one stand. With as
 * many buckets as mappings, or an eighth of that, none gets so long.
 *
 * Memory: 16 bytes an entry, 8 a bucket and a bit. Cost: two hashes an insertion, one a lookup.
 */
#ifndef NP_NAT_BUCKETS_H
#define NP_NAT_BUCKETS_H

#include "natpulse/random.h"
#include "natpulse/table.h"
#include "ring.h"

typedef enum np_bucket_kind { NP_BUCKET_ORIGINAL, NP_BUCKET_REPLY, NP_BUCKET_KINDS } np_bucket_kind;

typedef struct np_buckets {
    const np_table *table;
    uint64_t secret[NP_BUCKET_KINDS];
    uint32_t anchor, buckets; /* the place of the first anchor, and how many there are */
    np_ring *node;
    uint64_t *dirty;
} np_buckets;

/* NULL when memory is out. */
np_buckets *np_buckets_create(const np_table *t, uint32_t buckets, np_key key, uint32_t entity);
void np_buckets_destroy(np_buckets *h);       /* NULL is allowed */
size_t np_buckets_bytes(const np_buckets *h); /* of NULL: 0 */

void np_buckets_add(np_buckets *h, uint32_t entry);
void np_buckets_remove(np_buckets *h, uint32_t entry);

/* The mapping is dead and still there. */
void np_buckets_soil(np_buckets *h, uint32_t entry);

/* The bucket of a tuple: an inside key has the original one, an outside key the reply one. */
uint32_t np_buckets_of(const np_buckets *h, const np_tuple *tuple, np_bucket_kind kind);

/* The nodes of a bucket from the youngest on: the first, and the next; the bucket's anchor at the end. */
static inline uint32_t np_buckets_anchor(const np_buckets *h, uint32_t bucket)
{
    return h->anchor + bucket;
}
static inline uint32_t np_buckets_next(const np_buckets *h, uint32_t node)
{
    return h->node[node].older;
}

/* Whose node it is. */
static inline uint32_t np_buckets_entry(uint32_t node)
{
    return node / NP_BUCKET_KINDS;
}

/* The node to go on with when the mapping of this one is to go: the next of another mapping. */
static inline uint32_t np_buckets_skip(const np_buckets *h, uint32_t node)
{
    uint32_t next = np_buckets_next(h, node);
    return next < h->anchor && next / NP_BUCKET_KINDS == node / NP_BUCKET_KINDS ? np_buckets_next(h, next)
                                                                                : next;
}

static inline bool np_buckets_is_dirty(const np_buckets *h, uint32_t bucket)
{
    return h->dirty[bucket / 64] >> bucket % 64 & 1;
}

/* Nobody dead is left in it. */
static inline void np_buckets_clean(np_buckets *h, uint32_t bucket)
{
    h->dirty[bucket / 64] &= ~(UINT64_C(1) << bucket % 64);
}

#endif
