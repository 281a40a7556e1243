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
 * Not modelled: sequence numbers mangled by helpers; a repeated SYN without any option at all, of which the
 * kernel keeps the options of the SYN before.
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
    s->maxwin = at_least_one((uint32_t)p->window << s->scale);
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
        if (r->maxwin == 0) {
            r->end = r->maxend = sack;
        } else if (sack == r->end + 1) {
            ++r->end; /* the answer to a keepalive */
        }
    }
    return false;
}

np_linux_fit np_linux_window(np_linux_flow *f, const np_packet *p, unsigned dir, uint8_t kind, bool liberal)
{
    np_linux_side *s = &f->side[dir], *r = &f->side[!dir];
    uint32_t seq = p->seq, end = seq + np_packet_seqlen(p), ack = p->ack, sack = ack;

    if ((r->flags & LINUX_SACK) && (p->options & NP_OPTION_SACK) && np_seq_after(p->sack, sack))
        sack = p->sack;
    if (introduce(f, p, dir, sack)) return LINUX_FITS;

    /* without an ACK, or with the zero that careless stacks put into a RST: as if all were acknowledged */
    if (!(p->flags & NP_ACK) || ((p->flags & NP_RST) && ack == 0)) ack = sack = r->end;
    /* a RST that answers a SYN */
    if ((p->flags & NP_RST) && seq == 0 && (f->mark & NP_TRACK_STATE) == LINUX_SYN_SENT) seq = end = s->end;

    liberal = liberal || (s->flags & LINUX_LIBERAL);
    uint32_t back = s->maxwin > ACK_WINDOW ? s->maxwin : ACK_WINDOW;
    bool seq_new_enough = np_seq_after(end, s->end - r->maxwin - 1);
    bool ack_old_enough = np_seq_before(sack, r->end + 1);
    bool ack_new_enough = np_seq_after(sack, r->end - back - 1);

    if (!np_seq_before(seq, s->maxend + 1)) {
        bool slightly = r->maxwin && end - s->maxend + 1 <= r->maxwin;
        if (!slightly || !seq_new_enough || !ack_old_enough || !ack_new_enough)
            return liberal ? LINUX_FITS : LINUX_MISFIT;
        /* the receiver may well take it: let its ACK count */
        s->end = end;
        s->flags |= LINUX_UNACKED;
        return liberal ? LINUX_FITS : LINUX_IGNORED;
    }
    if (!ack_old_enough) return liberal ? LINUX_FITS : LINUX_MISFIT;
    if ((r->maxwin && !seq_new_enough) || !ack_new_enough) return liberal ? LINUX_FITS : LINUX_IGNORED;

    uint32_t window = p->flags & NP_SYN ? p->window : (uint32_t)p->window << s->scale;
    if (s->maxwin < window + (sack - ack)) s->maxwin = window + (sack - ack);
    if (np_seq_after(end, s->end)) {
        s->end = end;
        s->flags |= LINUX_UNACKED;
    }
    if ((p->flags & NP_ACK) && (!(s->flags & LINUX_MAXACK) || np_seq_after(ack, s->maxack))) {
        s->maxack = ack;
        s->flags |= LINUX_MAXACK;
    }
    if (r->maxwin && np_seq_after(end, s->maxend)) r->maxwin += end - s->maxend;
    if (np_seq_after(sack + window, r->maxend - 1)) r->maxend = sack + at_least_one(window);
    if (ack == r->end) r->flags &= (uint8_t)~LINUX_UNACKED;

    if (kind != LINUX_ACK) return LINUX_FITS;
    if (f->last_dir == dir && f->last_seq == seq && f->last_ack == ack && f->last_end == end &&
        f->last_window == p->window) {
        ++f->retrans;
    } else {
        f->last_dir = (uint8_t)dir;
        f->last_seq = seq;
        f->last_ack = ack;
        f->last_end = end;
        f->last_window = p->window;
        f->retrans = 0;
    }
    return LINUX_FITS;
}
