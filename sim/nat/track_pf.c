/*
 * The tracker `pf`: how OpenBSD's and FreeBSD's packet filter judges the packets of one flow (pf.c; the
 * window rules are Guido van Rooij's, "Real Stateful TCP Packet Filtering in IP Filter", 2001).
 *
 * Each peer has a state of its own, and the timeout follows from the pair:
 *
 *     first packet                      first        tcp_syn_sent
 *     a peer not yet ESTABLISHED        opening      tcp_syn_recv
 *     both ESTABLISHED                  established  tcp_established
 *     a FIN from one                    closing      tcp_fin_wait
 *     FINs from both                    finwait      tcp_last_ack
 *     both FINs acknowledged, or a RST  closed       tcp_close
 *
 *     in order -> windows fit -> renewed
 *              -> one side opening or closing, and not far out -> passed, not renewed
 *              -> else refused ("bad state"): dropped, and while both have only sent a SYN answered by a
 * reset
 *
 * A SYN on a flow that is closed at both ends takes the mapping with it and is dropped: the next one makes a
 * new one. A SYN on an established flow is answered with a challenge ACK (RFC 5961 4.2) and dropped.
 *
 * A state is made by a SYN alone (`flags S/SA`, the default of `keep state`). Datagrams have one timeout
 * until one came there, back, and there again, then another (udp_stream). Not kept apart, for want of
 * timeouts of their own: the first datagram of all (udp.first, 60 s where udp.single is 30), echoes after the
 * first (icmp.error, 10 s where icmp.first is 20), and the same three stages of other protocols.
 *
 * Not modelled: modulated sequence numbers, synproxy, timestamps (pf_norm.c).
 *
 * Memory: 40 bytes a mapping. Cost: O(1).
 */
#include "track.h"
#include <string.h>

/* A peer's states, in the order of BSD's tcp_fsm.h as far as pf uses them: comparisons depend on it. */
enum { CLOSED, SYN_SENT, ESTABLISHED, CLOSING, FIN_WAIT_2, TIME_WAIT };

/* Of the pair, for the mark. */
enum { PAIR_FIRST, PAIR_OPENING, PAIR_ESTABLISHED, PAIR_CLOSING, PAIR_FINWAIT, PAIR_CLOSED };

#define ACK_WINDOW (0xffff + 1500) /* pf's MAXACKWINDOW */
#define MOST_SHIFT 14u             /* RFC 7323 2.3 */
#define SCALED     0x80u           /* the peer offered window scaling; the shift is in the low bits */
#define SHIFT      0x0fu

typedef struct pf_peer {
    uint32_t seqlo;   /* the highest sequence number sent; 0: nothing was */
    uint32_t seqhi;   /* the highest that the other side has room for */
    uint32_t max_win; /* the largest window offered, unscaled */
    uint8_t scale, state;
} pf_peer;

typedef struct pf_flow {
    uint8_t mark;
    pf_peer peer[2]; /* original, reply */
} pf_flow;

static const uint8_t class_of_pair[] = {
    [PAIR_FIRST] = NP_TIMEOUT_TCP_SYN_SENT,          [PAIR_OPENING] = NP_TIMEOUT_TCP_SYN_RECV,
    [PAIR_ESTABLISHED] = NP_TIMEOUT_TCP_ESTABLISHED, [PAIR_CLOSING] = NP_TIMEOUT_TCP_FIN_WAIT,
    [PAIR_FINWAIT] = NP_TIMEOUT_TCP_LAST_ACK,        [PAIR_CLOSED] = NP_TIMEOUT_TCP_CLOSE};

static bool at_least(uint32_t a, uint32_t b)
{
    return !np_seq_before(a, b);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static np_track_answer answer(const pf_flow *f, np_track_verdict verdict, uint8_t class)
{
    return (np_track_answer){.verdict = (uint8_t)verdict, .class = class, .mark = f->mark};
}

static np_track_answer forwarded(pf_flow *f, np_track_verdict verdict, uint8_t class, unsigned dir)
{
    if (dir == 1) f->mark |= NP_TRACK_REPLIED;
    return answer(f, verdict, class);
}

/* ---- TCP ---- */

/* What pf's normalisation lets through. */
static bool flags_make_sense(uint8_t flags)
{
    if (flags & NP_SYN) return !(flags & (NP_RST | NP_FIN));
    if (!(flags & (NP_ACK | NP_RST))) return false;
    return (flags & NP_ACK) || !(flags & (NP_FIN | NP_PSH | NP_URG));
}

static uint8_t scale_of(const np_packet *p)
{
    if (!(p->options & NP_OPTION_WSCALE)) return 0;
    uint8_t shift = p->options & SHIFT;
    return (uint8_t)(SCALED | (shift > MOST_SHIFT ? MOST_SHIFT : shift));
}

/* The window of a SYN is not scaled; it is kept as if it were, rounded up. */
static uint32_t unscaled(uint32_t window, uint8_t scale)
{
    unsigned shift = scale & SHIFT;
    return (window + (1u << shift) - 1) >> shift;
}

static unsigned pair_of(const pf_flow *f)
{
    uint8_t a = f->peer[0].state, b = f->peer[1].state;
    if (a >= FIN_WAIT_2 && b >= FIN_WAIT_2) return PAIR_CLOSED;
    if (a >= CLOSING && b >= CLOSING) return PAIR_FINWAIT;
    if (a < ESTABLISHED || b < ESTABLISHED) return PAIR_OPENING;
    return a >= CLOSING || b >= CLOSING ? PAIR_CLOSING : PAIR_ESTABLISHED;
}

static void set_mark(pf_flow *f, unsigned pair)
{
    f->mark &= (uint8_t) ~(NP_TRACK_STATE | NP_TRACK_ASSURED | NP_TRACK_CLOSING);
    f->mark |= (uint8_t)pair;
    if (pair == PAIR_ESTABLISHED) f->mark |= NP_TRACK_ASSURED;
    if (pair >= PAIR_CLOSING) f->mark |= NP_TRACK_CLOSING;
}

/* A packet as the rules look at it. */
typedef struct span {
    uint32_t seq, end, data_end, ack, window;
    unsigned shift, other_shift;
} span;

/* The first packet of the answering side sets its half. */
static void introduce(pf_peer *src, pf_peer *dst, const np_packet *p, span *n)
{
    if ((p->flags & NP_SYN) && (dst->scale & SCALED)) {
        src->scale = scale_of(p);
        if (src->scale & SCALED) {
            n->shift = src->scale & SHIFT;
            n->other_shift = dst->scale & SHIFT;
            n->window = unscaled(n->window, src->scale);
        } else { /* no scaling then: the opener's window was as it stood */
            dst->max_win <<= dst->scale & SHIFT;
            dst->scale = 0;
        }
    }
    src->seqlo = n->seq;
    if (src->state < SYN_SENT) src->state = SYN_SENT;
    uint32_t room = n->end + larger(1, dst->max_win << n->other_shift);
    if (src->seqhi == 1 || at_least(room, src->seqhi)) src->seqhi = room;
    if (n->window > src->max_win) src->max_win = n->window;
}

static void learn(pf_peer *src, pf_peer *dst, const span *n)
{
    if (src->max_win < n->window) src->max_win = n->window;
    if (np_seq_after(n->end, src->seqlo)) src->seqlo = n->end;
    uint32_t window = n->window << n->shift;
    if (at_least(n->ack + window, dst->seqhi)) dst->seqhi = n->ack + larger(window, 1);
}

static bool reset_is_exact(const pf_peer *src, const pf_peer *dst, const np_packet *p, const span *n)
{
    if (!(p->flags & NP_RST)) return true;
    if (p->seq == src->seqlo || p->seq == src->seqlo + 1 || p->seq + 1 == src->seqlo) return true;
    return (p->flags & NP_ACK) && n->ack == dst->seqlo && at_least(src->seqlo + 1, p->seq) &&
           at_least(p->seq, src->seqlo - (dst->max_win << n->other_shift));
}

static bool fits(const pf_peer *src, const pf_peer *dst, const np_packet *p, const span *n)
{
    int64_t skew = (int32_t)(dst->seqlo - n->ack);
    return at_least(src->seqhi, n->data_end) &&
           at_least(n->seq, src->seqlo - (dst->max_win << n->other_shift)) && skew >= -ACK_WINDOW &&
           skew <= (int64_t)ACK_WINDOW << n->shift && reset_is_exact(src, dst, p, n);
}

/* Out of order, but one side is just opening or has closed, and it is not far off. */
static bool nearly_fits(const pf_peer *src, const pf_peer *dst, const span *n)
{
    return (dst->state < SYN_SENT || dst->state >= FIN_WAIT_2 || src->state >= FIN_WAIT_2) &&
           at_least(src->seqhi + ACK_WINDOW, n->data_end) && at_least(n->seq, src->seqlo - ACK_WINDOW);
}

static np_track_answer judge_syn(pf_flow *f, const pf_peer *src, const pf_peer *dst)
{
    if (src->state >= FIN_WAIT_2 && dst->state >= FIN_WAIT_2) return answer(f, NP_TRACK_PURGE, 0);
    np_track_answer a = answer(f, NP_TRACK_CHALLENGE, 0);
    a.seq = dst->seqlo;
    a.ack = src->seqlo;
    return a;
}

static np_track_answer judge_tcp(pf_flow *f, const np_packet *p, unsigned dir)
{
    pf_peer *src = &f->peer[dir], *dst = &f->peer[!dir];
    if (!flags_make_sense(p->flags)) return answer(f, NP_TRACK_INVALID, 0);
    if ((p->flags & (NP_SYN | NP_ACK)) == NP_SYN &&
        ((src->state >= FIN_WAIT_2 && dst->state >= FIN_WAIT_2) ||
         (src->state >= ESTABLISHED && dst->state >= ESTABLISHED)))
        return judge_syn(f, src, dst);

    span n = {.seq = p->seq, .ack = p->ack, .window = p->window};
    n.data_end = p->seq + p->payload + !!(p->flags & NP_SYN);
    n.end = n.data_end + !!(p->flags & NP_FIN);
    if ((src->scale & dst->scale & SCALED) && !(p->flags & NP_SYN)) {
        n.shift = src->scale & SHIFT;
        n.other_shift = dst->scale & SHIFT;
    }
    if (src->seqlo == 0) introduce(src, dst, p, &n);

    /* without an ACK, with the zero that careless stacks put into a RST, or to one that said nothing yet */
    const uint8_t both = NP_ACK | NP_RST;
    if (!(p->flags & NP_ACK) || (n.ack == 0 && (p->flags & both) == both) || dst->state < SYN_SENT)
        n.ack = dst->seqlo;
    if (n.seq == n.end) n.seq = n.data_end = n.end = src->seqlo; /* nothing in it: wherever it says it is */

    if (fits(src, dst, p, &n)) {
        learn(src, dst, &n);
        if ((p->flags & NP_SYN) && src->state < SYN_SENT) src->state = SYN_SENT;
        if ((p->flags & NP_FIN) && src->state < CLOSING) src->state = CLOSING;
        if ((p->flags & NP_ACK) && dst->state == SYN_SENT)
            dst->state = ESTABLISHED;
        else if ((p->flags & NP_ACK) && dst->state == CLOSING)
            dst->state = FIN_WAIT_2;
        if (p->flags & NP_RST) src->state = dst->state = TIME_WAIT;
        unsigned pair = pair_of(f);
        set_mark(f, pair);
        return forwarded(f, NP_TRACK_RENEW, class_of_pair[pair], dir);
    }
    if (nearly_fits(src, dst, &n)) {
        learn(src, dst, &n);
        if ((p->flags & NP_FIN) && src->state < CLOSING) src->state = CLOSING;
        if (p->flags & NP_RST) src->state = dst->state = TIME_WAIT;
        return forwarded(f, NP_TRACK_PASS, 0, dir);
    }
    if (src->state != SYN_SENT || dst->state != SYN_SENT) return answer(f, NP_TRACK_INVALID, 0);
    src->seqlo = 0;
    src->seqhi = 1;
    src->max_win = 1;
    return answer(f, NP_TRACK_RESET, 0);
}

static np_track_answer start_tcp(pf_flow *f, const np_packet *p)
{
    if ((p->flags & (NP_SYN | NP_ACK)) != NP_SYN || !flags_make_sense(p->flags))
        return answer(f, NP_TRACK_INVALID, 0);
    uint8_t scale = scale_of(p);
    f->peer[0] = (pf_peer){.seqlo = p->seq,
                           .seqhi = p->seq + p->payload + 2,
                           .max_win = unscaled(larger(p->window, 1), scale),
                           .scale = scale,
                           .state = SYN_SENT};
    f->peer[1] = (pf_peer){.seqhi = 1, .max_win = 1, .state = CLOSED};
    set_mark(f, PAIR_FIRST);
    return answer(f, NP_TRACK_RENEW, class_of_pair[PAIR_FIRST]);
}

/* In mid-stream both sides are established, or closing. How far they scale is not known: the most there is is
   assumed, so that none is cut off. */
static np_track_answer adopt_tcp(pf_flow *f, const np_packet *p, unsigned dir)
{
    uint32_t end = p->seq + np_packet_seqlen(p);
    uint32_t window = larger(p->window, 1) << MOST_SHIFT;
    f->peer[dir] = (pf_peer){.seqlo = end,
                             .seqhi = end + window,
                             .max_win = larger(p->window, 1),
                             .scale = SCALED | MOST_SHIFT,
                             .state = p->flags & NP_FIN ? CLOSING : ESTABLISHED};
    f->peer[!dir] = (pf_peer){.seqlo = p->ack,
                              .seqhi = p->ack + window,
                              .max_win = larger(p->window, 1),
                              .scale = SCALED | MOST_SHIFT,
                              .state = p->flags & NP_RST ? TIME_WAIT : ESTABLISHED};
    if (p->flags & NP_RST) f->peer[dir].state = TIME_WAIT;
    unsigned pair = pair_of(f);
    set_mark(f, pair);
    return forwarded(f, NP_TRACK_RENEW, class_of_pair[pair], dir);
}

/* ---- everything ---- */

static bool is_icmp(const np_packet *p)
{
    return p->proto == NP_ICMP || p->proto == NP_ICMPV6;
}

/* Datagrams: a peer has sent none, or some, or has also had one answered. */
enum { NO_TRAFFIC, SINGLE, MULTIPLE };

static np_timeout udp_class(pf_flow *f, unsigned dir)
{
    pf_peer *src = &f->peer[dir], *dst = &f->peer[!dir];
    if (src->state < SINGLE) src->state = SINGLE;
    if (dst->state == SINGLE) dst->state = MULTIPLE;
    return src->state == MULTIPLE && dst->state == MULTIPLE ? NP_TIMEOUT_UDP_STREAM : NP_TIMEOUT_UDP;
}

static np_track_answer judge_other(pf_flow *f, const np_packet *p, unsigned dir)
{
    np_timeout class = is_icmp(p)           ? NP_TIMEOUT_ICMP
                       : p->proto == NP_UDP ? udp_class(f, dir)
                                            : NP_TIMEOUT_OTHER;
    return forwarded(f, NP_TRACK_RENEW, (uint8_t) class, dir);
}

static np_track_answer start(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    (void)c, (void)now;
    pf_flow *f = memset(side, 0, sizeof(pf_flow));
    f->mark = outbound ? 0 : NP_TRACK_INBOUND;
    if (p->proto == NP_TCP) return start_tcp(f, p);
    if (is_icmp(p) && p->flags != 1) return answer(f, NP_TRACK_INVALID, 0);
    return judge_other(f, p, 0);
}

static np_track_answer adopt(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    np_track_answer a = start(c, side, p, outbound, now);
    if (a.verdict == NP_TRACK_RENEW) return a;
    pf_flow *f = side;
    bool reply = is_icmp(p) || (p->flags & (NP_SYN | NP_ACK)) == (NP_SYN | NP_ACK);
    if (reply) f->mark ^= NP_TRACK_INBOUND;
    return p->proto == NP_TCP ? adopt_tcp(f, p, reply) : judge_other(f, p, reply);
}

static np_track_answer judge(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now, np_time deadline)
{
    (void)c, (void)now, (void)deadline;
    pf_flow *f = side;
    unsigned dir = outbound == !!(f->mark & NP_TRACK_INBOUND);
    return p->proto == NP_TCP ? judge_tcp(f, p, dir) : judge_other(f, p, dir);
}

const np_tracker np_track_pf = {
    .name = "pf", .bytes = sizeof(pf_flow), .start = start, .adopt = adopt, .judge = judge};
