/*
 * The tracker `states`: TCP by its states as a firewall without windows follows it (RFC 7857 2 has such a
 * machine): no sequence numbers.
 *
 *     OPENING       -- SYN from the other side too -->  ANSWERED
 *     ANSWERED      -- ACK without SYN ------------->   ESTABLISHED
 *     any of these  -- FIN from one ---------------->   HALF_CLOSED
 *     HALF_CLOSED   -- FIN from the other ---------->   CLOSED
 *     any           -- RST ------------------------->   RESET
 *
 * with the timeouts of tcp_syn_sent, tcp_syn_recv, tcp_established, tcp_fin_wait, tcp_time_wait and
 * tcp_close. Every packet renews, in every state. A flow begins with a SYN; on a flow that is closed or reset
 * a SYN from the side that opened it begins a new one.
 *
 * Memory: 8 bytes a mapping. Cost: O(1).
 */
#include "track.h"
#include <string.h>

enum { OPENING, ANSWERED, ESTABLISHED, HALF_CLOSED, CLOSED, RESET };

typedef struct states_flow {
    uint8_t mark;
    uint8_t fins; /* bit 0: from the original side, bit 1: from the other */
    uint8_t unused[6];
} states_flow;

static const uint8_t class_of_state[] = {
    [OPENING] = NP_TIMEOUT_TCP_SYN_SENT,        [ANSWERED] = NP_TIMEOUT_TCP_SYN_RECV,
    [ESTABLISHED] = NP_TIMEOUT_TCP_ESTABLISHED, [HALF_CLOSED] = NP_TIMEOUT_TCP_FIN_WAIT,
    [CLOSED] = NP_TIMEOUT_TCP_TIME_WAIT,        [RESET] = NP_TIMEOUT_TCP_CLOSE};

static void set_state(states_flow *f, uint8_t state)
{
    f->mark &= (uint8_t) ~(NP_TRACK_STATE | NP_TRACK_ASSURED | NP_TRACK_CLOSING);
    f->mark |= state;
    if (state == ESTABLISHED) f->mark |= NP_TRACK_ASSURED;
    if (state >= HALF_CLOSED) f->mark |= NP_TRACK_CLOSING;
}

static np_track_answer renew(states_flow *f, const np_packet *p, bool reply)
{
    if (reply) f->mark |= NP_TRACK_REPLIED;
    uint8_t class = np_track_first_class(p->proto);
    if (p->proto == NP_TCP) class = class_of_state[f->mark & NP_TRACK_STATE];
    if (p->proto == NP_UDP && (f->mark & NP_TRACK_REPLIED)) class = NP_TIMEOUT_UDP_STREAM;
    return (np_track_answer){.verdict = NP_TRACK_RENEW, .class = class, .mark = f->mark};
}

static void follow(states_flow *f, const np_packet *p, bool reply)
{
    uint8_t state = f->mark & NP_TRACK_STATE;
    if (p->flags & NP_RST) {
        set_state(f, RESET);
    } else if (p->flags & NP_FIN) {
        f->fins |= reply ? 2 : 1;
        if (state != RESET) set_state(f, f->fins == 3 ? CLOSED : HALF_CLOSED);
    } else if (state == OPENING && reply && (p->flags & NP_SYN)) {
        set_state(f, ANSWERED);
    } else if (state == ANSWERED && (p->flags & NP_ACK) && !(p->flags & NP_SYN)) {
        set_state(f, ESTABLISHED);
    }
}

static np_track_answer judge(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now, np_time deadline)
{
    (void)c, (void)now, (void)deadline;
    states_flow *f = side;
    bool reply = outbound == !!(f->mark & NP_TRACK_INBOUND);
    if (p->proto != NP_TCP) return renew(f, p, reply);
    if (!reply && np_track_opens(p) && (f->mark & NP_TRACK_STATE) >= CLOSED)
        return (np_track_answer){.verdict = NP_TRACK_REOPEN};
    follow(f, p, reply);
    return renew(f, p, reply);
}

static np_track_answer start(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    (void)c, (void)now;
    states_flow *f = memset(side, 0, sizeof(states_flow));
    f->mark = outbound ? 0 : NP_TRACK_INBOUND;
    if (!np_track_opens(p)) return (np_track_answer){.verdict = NP_TRACK_INVALID};
    return renew(f, p, false);
}

/* In mid-stream a flow is established, or whatever the packet then says. An answer to a SYN, or to an echo
   request, is the other side's. */
static np_track_answer adopt(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    np_track_answer a = start(c, side, p, outbound, now);
    if (a.verdict == NP_TRACK_RENEW) return a;
    states_flow *f = side;
    bool synack = p->proto == NP_TCP && (p->flags & (NP_SYN | NP_ACK)) == (NP_SYN | NP_ACK);
    bool reply = p->proto != NP_TCP || synack;
    if (reply) f->mark ^= NP_TRACK_INBOUND;
    if (p->proto == NP_TCP) set_state(f, synack ? ANSWERED : ESTABLISHED);
    return judge(c, side, p, outbound, now, NP_NEVER);
}

const np_tracker np_track_states = {
    .name = "states", .bytes = sizeof(states_flow), .start = start, .adopt = adopt, .judge = judge};
