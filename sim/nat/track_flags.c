/*
 * The tracker `flags`: TCP as VPP's nat44-ed follows it (nat44_ed_inlines.h): by the flags that each side has
 * shown, no sequence numbers, no windows.
 *
 *     OPENING      -- SYN and ACK from both sides ----------->  ESTABLISHED
 *     ESTABLISHED  -- a FIN or RST from one side, its first -->  CLOSING
 *     CLOSING      -- SYN and ACK from both sides ----------->  ESTABLISHED
 *
 * Flags (FIN, SYN, RST, ACK) add up in a direction, and are forgotten on the way to CLOSING. Only a flag that
 * its direction has not shown before can change the state; and a FIN or RST that both sides have shown keeps
 * a flow from being established. Every packet renews, in every state: opening and closing have a transitory
 * timeout (those of tcp_syn_sent and tcp_fin_wait), established its own. A flow begins with a SYN from
 * inside; so one that lost its mapping does not heal.
 *
 * Memory: 8 bytes a mapping. Cost: O(1).
 */
#include "track.h"
#include <string.h>

enum { OPENING, ESTABLISHED, CLOSING };

typedef struct flags_flow {
    uint8_t mark;
    uint8_t seen[2]; /* TCP flags, by [original, reply] */
    uint8_t unused[5];
} flags_flow;

static const uint8_t class_of_state[] = {[OPENING] = NP_TIMEOUT_TCP_SYN_SENT,
                                         [ESTABLISHED] = NP_TIMEOUT_TCP_ESTABLISHED,
                                         [CLOSING] = NP_TIMEOUT_TCP_FIN_WAIT};

static void set_state(flags_flow *f, uint8_t state)
{
    f->mark &= (uint8_t) ~(NP_TRACK_STATE | NP_TRACK_ASSURED | NP_TRACK_CLOSING);
    f->mark |= state;
    if (state == ESTABLISHED) f->mark |= NP_TRACK_ASSURED;
    if (state != CLOSING) return;
    f->mark |= NP_TRACK_CLOSING;
    f->seen[0] = f->seen[1] = 0;
}

static uint8_t class_of(const flags_flow *f, uint8_t proto)
{
    switch (proto) {
    case NP_TCP: return class_of_state[f->mark & NP_TRACK_STATE];
    case NP_UDP: return f->mark & NP_TRACK_REPLIED ? NP_TIMEOUT_UDP_STREAM : NP_TIMEOUT_UDP;
    case NP_ICMP:
    case NP_ICMPV6: return NP_TIMEOUT_ICMP;
    default: return NP_TIMEOUT_OTHER;
    }
}

static np_track_answer renew(flags_flow *f, const np_packet *p, bool reply)
{
    if (reply) f->mark |= NP_TRACK_REPLIED;
    return (np_track_answer){.verdict = NP_TRACK_RENEW, .class = class_of(f, p->proto), .mark = f->mark};
}

static np_track_answer judge(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now, np_time deadline)
{
    (void)c, (void)now, (void)deadline;
    flags_flow *f = side;
    bool reply = outbound == !!(f->mark & NP_TRACK_INBOUND);
    if (p->proto != NP_TCP) return renew(f, p, reply);

    uint8_t before = f->seen[reply];
    f->seen[reply] |= p->flags & (NP_FIN | NP_SYN | NP_RST | NP_ACK);
    if (f->seen[reply] == before) return renew(f, p, reply);
    if ((f->mark & NP_TRACK_STATE) == ESTABLISHED) {
        if (f->seen[reply] & (NP_FIN | NP_RST)) set_state(f, CLOSING);
    } else if ((f->seen[0] & f->seen[1]) == (NP_SYN | NP_ACK)) {
        set_state(f, ESTABLISHED);
    }
    return renew(f, p, reply);
}

static np_track_answer start(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    flags_flow *f = memset(side, 0, sizeof(flags_flow));
    f->mark = outbound ? 0 : NP_TRACK_INBOUND;
    bool opens = p->proto == NP_TCP ? (p->flags & (NP_SYN | NP_ACK)) == NP_SYN
                                    : (p->proto != NP_ICMP && p->proto != NP_ICMPV6) || p->flags == 1;
    if (!opens) return (np_track_answer){.verdict = NP_TRACK_INVALID};
    return judge(c, side, p, outbound, now, NP_NEVER);
}

/* In mid-stream a flow is established, or closing if that is what the packet says. */
static np_track_answer adopt(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    np_track_answer a = start(c, side, p, outbound, now);
    if (a.verdict == NP_TRACK_RENEW) return a;
    flags_flow *f = side;
    if (p->proto == NP_TCP && !(p->flags & NP_SYN)) {
        set_state(f, ESTABLISHED);
        f->seen[0] = f->seen[1] = NP_SYN | NP_ACK;
    }
    return judge(c, side, p, outbound, now, NP_NEVER);
}

const np_tracker np_track_flags = {
    .name = "flags", .bytes = sizeof(flags_flow), .start = start, .adopt = adopt, .judge = judge};
