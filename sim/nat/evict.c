/*
 * The list of eviction policies, and what several of them share.
 */
#include "evict.h"

/* One line a policy: its definition in evict_NAME.c, and its name in scenarios. The first is the default. */
#define POLICIES(X)                                                                                          \
    X(np_evict_lru, "lru")                                                                                   \
    X(np_evict_refuse, "refuse")                                                                             \
    X(np_evict_fifo, "fifo")                                                                                 \
    X(np_evict_random, "random")                                                                             \
    X(np_evict_clock, "clock")                                                                               \
    X(np_evict_sieve, "sieve")                                                                               \
    X(np_evict_s3fifo, "s3fifo")                                                                             \
    X(np_evict_lru_unassured_first, "lru-unassured-first")                                                   \
    X(np_evict_lru_per_host, "lru-per-host")                                                                 \
    X(np_evict_expired_heads, "expired-heads")                                                               \
    X(np_evict_linux_early_drop, "linux-early-drop")                                                         \
    X(np_evict_bpf_lru, "bpf-lru")                                                                           \
    X(np_evict_netx, "netx")                                                                                 \
    X(np_evict_guarantee, "guarantee")                                                                       \
    X(np_evict_belady, "belady")

#define DECLARE(policy, name) extern const np_evict_policy policy;
#define ADDRESS(policy, name) &policy,
#define NAME(policy, name)    name,

POLICIES(DECLARE)
static const np_evict_policy *const policies[] = {POLICIES(ADDRESS) NULL};
static const char *const names[] = {POLICIES(NAME) NULL};

const char *const *np_evict_list(void)
{
    return names;
}

const char *np_evict_about(const char *name)
{
    const np_evict_policy *policy = np_evict_find(name);
    return policy == NULL ? NULL : policy->about;
}

const np_evict_policy *np_evict_find(const char *name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0) return policies[i];
    return NULL;
}

uint32_t np_evict_longest_idle(const np_table *t, uint32_t classes)
{
    uint32_t victim = NP_ENTRY_NONE;
    np_time last = 0;
    for (uint8_t c = 0; c < NP_TIMEOUT_COUNT; c++) {
        uint32_t oldest = classes >> c & 1 ? np_table_oldest(t, c) : NP_ENTRY_NONE;
        if (oldest == NP_ENTRY_NONE) continue;
        np_time idle_since = np_table_peek(t, oldest)->last;
        if (victim != NP_ENTRY_NONE && idle_since >= last) continue;
        victim = oldest;
        last = idle_since;
    }
    return victim;
}
