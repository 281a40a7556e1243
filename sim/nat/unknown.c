/*
 * Packets without a mapping that do not open one: mid-stream TCP from inside, anything from outside.
 */
#include "box_state.h"

/* A reset is answered with silence (RFC 9293 3.10.7.1), and so is an echo. */
static bool answerable(const np_packet *p)
{
    return p->proto == NP_UDP || (p->proto == NP_TCP && !(p->flags & NP_RST));
}

np_verdict np_unknown_outbound(const np_box *b, const np_packet *p)
{
    if (p->proto != NP_TCP || (p->flags & NP_RST)) return NP_DROP; /* nothing goes on that could be adopted */
    switch (b->config.unknown_outbound) {
    case NP_UNKNOWN_ADOPT: return NP_FORWARD;
    case NP_UNKNOWN_RESET: return NP_RESET;
    default: return NP_DROP;
    }
}

np_reason np_unknown_reason(np_box *b, const np_tuple *outside, np_time now)
{
    bool may_be_filtered = b->config.mapping < b->config.filtering && outside->family == 4;
    if (!may_be_filtered ||
        np_box_chained(b, NP_CHAIN_OUTSIDE, outside, b->config.mapping, now) == NP_ENTRY_NONE)
        return NP_REASON_NO_MAPPING;
    b->counts.filtered++;
    return NP_REASON_FILTERED;
}

np_verdict np_unknown_inbound(const np_box *b, const np_packet *p)
{
    return b->config.unknown_inbound == NP_UNKNOWN_RESET && answerable(p) ? NP_RESET : NP_DROP;
}
