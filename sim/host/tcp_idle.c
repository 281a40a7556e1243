/*
 * An end that only waits, in 56 bytes (np_tcp_idle) where a working one takes 152.
 *
 * What goes without saying of such an end is left out:
 *   - una, next and high are all behind the last byte written, and the kinds of what is queued are nobody's;
 *   - no timer runs but keepalive's; nothing is timed, held, owed, repeated or recovering;
 *   - unanswered_since is looked at only to tell whether a window that grew is too old to be used; there is
 *     no such question while cwnd is no larger than the initial window.
 * What is left mostly has numbers that are small. An end whose numbers are not stays as it is.
 */
#include "tcp_impl.h"

/* np_tcp_idle.flags, beside those of np_tcp */
enum {
    CAUGHT_UP = NP_TCP_FLAGS + 1, /* recover is una, else below: how far below is all the same */
    SHIFTED = CAUGHT_UP << 1,     /* window is in units of 1 << peer_shift */
};

/* Flags that say what the end has learned once and for all; the others tell of something under way. */
#define LASTING                                                                                              \
    (NP_TCP_SCALED | NP_TCP_STAMPED | NP_TCP_SYN_RESENT | NP_TCP_HEAD_PAYLOAD | NP_TCP_TAIL_PAYLOAD)

/* (Duplicate ACKs are counted, and full segments owed for, only while something else here does not hold.) */
static bool only_waits(const np_tcp *t)
{
    return t->state == NP_TCP_ESTABLISHED && !(t->flags & ~LASTING) && t->una == t->written + 1 &&
           !np_tcp_outstanding(t) && t->next == t->high && t->retransmit_at == NP_NEVER &&
           t->ack_at == NP_NEVER && !t->timeouts && !t->holds;
}

bool np_tcp_pack(const np_tcp *t, const np_tcp_config *c, np_tcp_idle *out)
{
    if (!only_waits(t)) return false;
    uint32_t unit = t->flags & NP_TCP_SCALED ? t->peer_shift : 0;
    bool behind = np_seq_before(t->recover, np_tcp_una_seq(t));
    bool shifted = t->window >> unit << unit == t->window;
    uint32_t window = shifted ? t->window >> unit : t->window;
    bool fits = t->written <= UINT32_MAX && t->arrived <= UINT32_MAX && window <= UINT16_MAX &&
                t->cwnd <= UINT16_MAX && t->cwnd <= c->mss * (uint32_t)c->initial_window &&
                t->probes <= UINT8_MAX;
    if (!fits) return false;
    *out = (np_tcp_idle){
        .keepalive_at = t->keepalive_at,
        .last_received = t->last_received,
        .written = (uint32_t)t->written,
        .arrived = (uint32_t)t->arrived,
        .iss = t->iss,
        .receive_next = t->receive_next,
        .ssthresh = t->ssthresh,
        .srtt_us = t->srtt_us,
        .rttvar_us = t->rttvar_us,
        .window = (uint16_t)window,
        .cwnd = (uint16_t)t->cwnd,
        .flags = (uint16_t)(t->flags | (behind ? 0 : CAUGHT_UP) | (shifted ? SHIFTED : 0)),
        .probes = (uint8_t)t->probes,
        .peer_shift = t->peer_shift,
        .owner = out->owner,
    };
    return true;
}

void np_tcp_unpack(const np_tcp_idle *i, np_tcp *out)
{
    uint32_t una = i->iss + 1 + i->written, unit = i->flags & NP_TCP_SCALED ? i->peer_shift : 0;
    *out = (np_tcp){
        .retransmit_at = NP_NEVER,
        .keepalive_at = i->keepalive_at,
        .ack_at = NP_NEVER,
        .last_received = i->last_received,
        .unanswered_since = i->last_received,
        .una = (uint64_t)i->written + 1,
        .written = i->written,
        .arrived = i->arrived,
        .iss = i->iss,
        .receive_next = i->receive_next,
        .next = una,
        .high = una,
        .recover = una - (i->flags & CAUGHT_UP ? 0 : 1),
        .window = i->flags & SHIFTED ? (uint32_t)i->window << unit : i->window,
        .cwnd = i->cwnd,
        .ssthresh = i->ssthresh,
        .srtt_us = i->srtt_us,
        .rttvar_us = i->rttvar_us,
        .kind_from = una,
        .flags = i->flags & NP_TCP_FLAGS,
        .probes = i->probes,
        .state = NP_TCP_ESTABLISHED,
        .peer_shift = i->peer_shift,
    };
}
