/*
 * Eviction: any mapping goes, all with the same probability.
 */
#include "evict.h"
#include <stdlib.h>

static void *create(const np_evict_box *box, np_error *e)
{
    (void)box;
    uint64_t *draws = calloc(1, sizeof *draws);
    if (draws == NULL) np_fail_memory(e, "a NAT's random eviction");
    return draws;
}

static size_t bytes(const void *state)
{
    (void)state;
    return sizeof(uint64_t);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)inside, (void)now;
    uint64_t *draws = state;
    uint32_t used = np_table_used(box->table);
    if (used == 0) return NP_ENTRY_NONE;
    uint64_t bits = np_random(box->key, box->entity, NP_NAT_PURPOSE_EVICT, (*draws)++);
    return np_table_pick(box->table, np_below(bits, used));
}

const np_evict_policy np_evict_random = {.name = "random",
                                         .about = "any mapping goes, all with the same probability",
                                         .create = create,
                                         .destroy = free,
                                         .bytes = bytes,
                                         .victim = victim};
