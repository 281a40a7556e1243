/*
 * Eviction: none. A full table refuses new flows (pf at its state limit, VigNAT, most home routers).
 */
#include "evict.h"

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)box, (void)inside, (void)now;
    return NP_ENTRY_NONE;
}

const np_evict_policy np_evict_refuse = {
    .name = "refuse", .about = "none goes: the new flow is refused", .victim = victim};
