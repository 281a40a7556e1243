/*
 * Eviction: only what has timed out already, and only where it is seen at once, as in VPP's nat44-ed. The box
 * has five lists in order of last use; before each new flow the heads of these are looked at in turn, and the
 * first that is dead goes. A full table where none is refuses the flow, however many dead there are behind
 * living heads.
 *
 * Meant for lazy expiry; otherwise the dead are gone before a new flow comes, and this is refuse. VPP moves a
 * mapping in its list at most once a second; here every refresh moves it.
 */
#include "evict.h"

#define CLASS(c) (UINT32_C(1) << (c))
#define TCP_ALL  (CLASS(NP_TIMEOUT_UDP) - 1) /* the classes before it are TCP's */

/* VPP's lists in VPP's order: TCP transitory, UDP, unknown, ICMP, TCP established. */
static const uint32_t lists[] = {
    TCP_ALL & ~CLASS(NP_TIMEOUT_TCP_ESTABLISHED),
    CLASS(NP_TIMEOUT_UDP) | CLASS(NP_TIMEOUT_UDP_STREAM),
    CLASS(NP_TIMEOUT_OTHER),
    CLASS(NP_TIMEOUT_ICMP),
    CLASS(NP_TIMEOUT_TCP_ESTABLISHED),
};

static bool early(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)box, (void)inside, (void)now;
    return true;
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)inside;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        uint32_t head = np_evict_longest_idle(box->table, lists[i]);
        if (head == NP_ENTRY_NONE) continue;
        const np_entry *e = np_table_peek(box->table, head);
        if (now - e->last >= box->config->timeout[e->class]) return head;
    }
    return NP_ENTRY_NONE;
}

const np_evict_policy np_evict_expired_heads = {
    .name = "expired-heads",
    .about = "one that timed out, if it heads one of five lists; else the new flow is refused (VPP nat44-ed)",
    .early = early,
    .victim = victim};
