/*
 * Eviction: the longest idle mapping that is not TCP's goes; where all are TCP's the new flow is refused. As
 * NetX Duo's NAT replaces entries of its cache.
 */
#include "evict.h"

#define CLASS(c) (UINT32_C(1) << (c))
#define NOT_TCP                                                                                              \
    (CLASS(NP_TIMEOUT_UDP) | CLASS(NP_TIMEOUT_UDP_STREAM) | CLASS(NP_TIMEOUT_ICMP) | CLASS(NP_TIMEOUT_OTHER))

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)inside, (void)now;
    return np_evict_longest_idle(box->table, NOT_TCP);
}

const np_evict_policy np_evict_netx = {
    .name = "netx",
    .about = "the longest idle mapping that is not TCP; else the new flow is refused (NetX Duo)",
    .victim = victim};
