/*
 * TCP windows as Linux's conntrack follows them (natpulse's own words for nf_conntrack_proto_tcp's rules;
 * the idea is Guido van Rooij's, "Real Stateful TCP Packet Filtering in IP Filter", 2001).
 *
 *                     S.end - R.maxwin            S.end      S.maxend
 *     sender's seq    ------|=======================|============|------
 *                           II: older is ignored    sent         I: beyond is a misfit
 *
 *                     R.end - W                    R.end
 *     sender's ack    ------|=======================|------
 *                           IV: older is ignored     III: beyond acknowledges what was never seen
 *
 * S is the sender, R the receiver, W = max(S.maxwin, 66000). The right edge of the highest SACK block stands
 * for the ACK where the receiver permitted SACK. All comparisons are modulo 2^32.
 *
 * A liberal flow (option, or picked up in the middle) is let through where it does not fit, but teaches
 * nothing then.
 *
 * One side of a flow is always known: the kernel's rules for two unknown sides are for flows that come back
 * from hardware offload. Not modelled: that, sequence numbers mangled by helpers; a repeated SYN without any
 * option at all, of which the kernel keeps the options of the SYN before.
 */
#include "track_linux.h"

#define MAX_SCALE  14u    /* RFC 7323 2.3 */
#define ACK_WINDOW 66000u /* least W of rule IV; the kernel's constant */

static uint32_t at_least_one(uint32_t window)
{
    return window ? window : 1;
}

/* What a SYN says of its sender's options. Only the liberal mark outlives it. */
static void read_options(np_linux_side *s, const np_packet *p)
{
    s->flags &= LINUX_LIBERAL;
    s->scale = 0;
    if (p->options & NP_OPTION_WSCALE) {
        uint8_t shift = p->options & 0x0f;
        s->scale = shift > MAX_SCALE ? MAX_SCALE : shift;
        s->flags |= LINUX_WSCALE;
    }
    if (p->options & NP_OPTION_SACK_OK) s->flags |= LINUX_SACK;
}

void np_linux_side_open(np_linux_side *s, const np_packet *p)
{
    s->end = s->maxend = p->seq + np_packet_seqlen(p);
    s->maxwin = at_least_one(p->window);
    read_options(s, p);
}

void np_linux_side_pick_up(np_linux_side *s, const np_packet *p)
{
    s->end = p->seq + np_packet_seqlen(p);
    s->maxwin = at_least_one(p->window);
    s->maxend = s->end + s->maxwin;
}

/* Learns what a side of which nothing was seen, or which began anew, shows of itself. True when that is all
   there is to do: a simultaneous open. */
static bool introduce(np_linux_flow *f, const np_packet *p, unsigned dir, uint32_t sack)
{
    np_linux_side *s = &f->side[dir], *r = &f->side[!dir];
    bool syn = p->flags & NP_SYN;
    bool unseen = s->maxwin == 0;
    uint8_t state = f->mark & NP_TRACK_STATE;
    bool restarted = syn && !unseen && np_seq_after(p->seq + np_packet_seqlen(p), s->end) &&
                     (state == LINUX_SYN_SENT || state == LINUX_SYN_RECV);

    if (syn && (unseen || restarted)) {
        np_linux_side_open(s, p);
        if (dir == 1 && !(s->flags & r->flags & LINUX_WSCALE)) s->scale = r->scale = 0;
        return !(p->flags & NP_ACK) && (unseen || dir == 1);
    }
    if (unseen) {
        np_linux_side_pick_up(s, p);
        if (sack == r->end + 1) ++r->end; /* the answer to a keepalive */
    }
    return false;
}

/* The numbers the rules look at. */
typedef struct span {
    uint32_t seq, end, ack, sack;
} span;

/* Rules I to IV. */
static np_linux_fit fit(np_linux_side *s, const np_linux_side *r, const span *n)
{
    uint32_t back = s->maxwin > ACK_WINDOW ? s->maxwin : ACK_WINDOW;
    bool new_enough = r->maxwin == 0 || np_seq_after(n->end, s->end - r->maxwin - 1);
    bool ack_seen = np_seq_before(n->sack, r->end + 1);
    bool ack_new_enough = np_seq_after(n->sack, r->end - back - 1);

    if (np_seq_before(n->seq, s->maxend + 1)) {
        if (!ack_seen) return LINUX_MISFIT;
        return new_enough && ack_new_enough ? LINUX_FITS : LINUX_IGNORED;
    }
    if (n->end - s->maxend + 1 > r->maxwin || !new_enough || !ack_seen || !ack_new_enough)
        return LINUX_MISFIT;
    /* only a little too far: the receiver may well take it, so its ACK shall count */
    s->end = n->end;
    s->flags |= LINUX_UNACKED;
    return LINUX_IGNORED;
}

static void learn(np_linux_side *s, np_linux_side *r, const np_packet *p, const span *n)
{
    uint32_t window = p->flags & NP_SYN ? p->window : (uint32_t)p->window << s->scale;
    uint32_t offered = window + (n->sack - n->ack);
    if (s->maxwin < offered) s->maxwin = offered;
    if (np_seq_after(n->end, s->end)) {
        s->end = n->end;
        s->flags |= LINUX_UNACKED;
    }
    if ((p->flags & NP_ACK) && (!(s->flags & LINUX_MAXACK) || np_seq_after(n->ack, s->maxack))) {
        s->maxack = n->ack;
        s->flags |= LINUX_MAXACK;
    }
    if (r->maxwin && np_seq_after(n->end, s->maxend)) r->maxwin += n->end - s->maxend;
    if (np_seq_after(n->sack + window, r->maxend - 1)) r->maxend = n->sack + at_least_one(window);
    if (n->ack == r->end) r->flags &= (uint8_t)~LINUX_UNACKED;
}

static void count_repeats(np_linux_flow *f, const np_packet *p, unsigned dir, const span *n)
{
    if (f->last_dir == dir && f->last_seq == n->seq && f->last_ack == n->ack && f->last_end == n->end &&
        f->last_window == p->window) {
        ++f->retrans;
        return;
    }
    f->last_dir = (uint8_t)dir;
    f->last_seq = n->seq;
    f->last_ack = n->ack;
    f->last_end = n->end;
    f->last_window = p->window;
    f->retrans = 0;
}

np_linux_fit np_linux_window(np_linux_flow *f, const np_packet *p, unsigned dir, uint8_t kind, bool liberal)
{
    np_linux_side *s = &f->side[dir], *r = &f->side[!dir];
    span n = {.seq = p->seq, .end = p->seq + np_packet_seqlen(p), .ack = p->ack, .sack = p->ack};

    if ((r->flags & LINUX_SACK) && (p->options & NP_OPTION_SACK) && np_seq_after(p->sack, n.sack))
        n.sack = p->sack;
    if (introduce(f, p, dir, n.sack)) return LINUX_FITS;

    /* without an ACK, or with the zero that careless stacks put into a RST: as if all were acknowledged */
    if (!(p->flags & NP_ACK) || ((p->flags & NP_RST) && p->ack == 0)) n.ack = n.sack = r->end;
    /* a RST that answers a SYN */
    if ((p->flags & NP_RST) && p->seq == 0 && (f->mark & NP_TRACK_STATE) == LINUX_SYN_SENT)
        n.seq = n.end = s->end;

    np_linux_fit how = fit(s, r, &n);
    if (how != LINUX_FITS) return liberal || (s->flags & LINUX_LIBERAL) ? LINUX_FITS : how;
    learn(s, r, p, &n);
    if (kind == LINUX_ACK) count_repeats(f, p, dir, &n);
    return LINUX_FITS;
}
