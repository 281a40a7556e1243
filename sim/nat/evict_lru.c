/*
 * Eviction: the longest idle mapping goes, whatever its class.
 */
#include "evict.h"

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)inside, (void)now;
    return np_evict_longest_idle(box->table, NP_EVICT_ALL_CLASSES);
}

const np_evict_policy np_evict_lru = {
    .name = "lru", .about = "the longest idle mapping goes", .victim = victim};
