/*
 * Eviction policies: which mapping goes when a new flow meets a full table.
 *
 * A policy is one file, sim/nat/evict_NAME.c, that defines a np_evict_policy, and one line in the list of
 * evict.c.
 *
 * The box asks for a victim before each new mapping when the table is full, or when the policy says by
 * `early` that it wants to be asked although there is room. It removes the victim; with `many` it asks again
 * until the policy names none. Whether the new flow gets its place is then decided by whether there is one: a
 * policy refuses by naming no victim.
 */
#ifndef NP_NAT_EVICT_H
#define NP_NAT_EVICT_H

#include "buckets.h"
#include "natpulse/box.h"
#include "natpulse/table.h"

/* What a policy may look at for as long as it lives. */
typedef struct np_evict_box {
    np_table *table;             /* to read, and to write .mark */
    const np_nat_config *config; /* timeouts: a mapping's deadline is .last plus that of its class */
    const np_buckets *buckets;   /* with np_evict_policy.buckets */
    np_key key;                  /* random draws: np_random(key, entity, NP_NAT_PURPOSE_EVICT, count) */
    uint32_t entity;
} np_evict_box;

typedef struct np_evict_policy {
    const char *name;
    const char *about; /* who goes, in a line */

    /* State for one box, or NULL with *e filled. A policy without `create` has none: its hooks get NULL. */
    void *(*create)(const np_evict_box *box, np_error *e);
    void (*destroy)(void *state);
    size_t (*bytes)(const void *state);

    /* An entry was inserted; was touched (refreshed); is about to be removed, for whatever reason. */
    void (*inserted)(void *state, const np_evict_box *box, uint32_t entry, np_time now);
    void (*touched)(void *state, const np_evict_box *box, uint32_t entry, np_time now);
    void (*removing)(void *state, const np_evict_box *box, uint32_t entry);

    /* Ask for a victim although the table has room for this new flow? NULL: never. */
    bool (*early)(void *state, const np_evict_box *box, const np_tuple *inside, np_time now);

    /* The entry that makes room for the new flow, or NP_ENTRY_NONE. Required. */
    uint32_t (*victim)(void *state, const np_evict_box *box, const np_tuple *inside, np_time now);
    bool many;    /* ask again after each victim */
    bool alive;   /* the new flow gets in only if a living mapping went for it: a place that lazy expiry left
                     is for the next one */
    bool own;     /* victims are the new flow's own inside host's: asked at ports.per_host too */
    bool buckets; /* needs Linux's hash buckets */
} np_evict_policy;

/* NULL when no policy has this name. */
const np_evict_policy *np_evict_find(const char *name);

/* The longest idle entry of the timeout classes in `classes` (bit c: class c), in the lower class on a tie;
   or NP_ENTRY_NONE. O(classes). */
uint32_t np_evict_longest_idle(const np_table *t, uint32_t classes);

#define NP_EVICT_ALL_CLASSES UINT32_MAX

/* The purposes of this floor's random draws. Set apart from those of the host floor, which has the same
 * number. */
enum {
    NP_NAT_PURPOSE_EVICT = NP_PURPOSE(3, 0x8000),
    NP_NAT_PURPOSE_PORT = NP_PURPOSE(3, 0x8001),
    NP_NAT_PURPOSE_COLLECT = NP_PURPOSE(3, 0x8002),
};

#endif
