/*
 * TCP states as Linux's conntrack moves them. A packet goes through four gates:
 *
 *     flags that make sense -> transition table -> rules the table cannot say -> window -> state, timeout
 *               |                    |                  |         |                 |
 *            INVALID              INVALID       PASS REOPEN    (skipped by       PASS INVALID
 *                                                INVALID       some RSTs)        CUT
 *
 * The rules beside the table: reopening after a close; SYNs that were let through though they do not belong
 * (remembered, so that the SYN/ACK which answers one puts the entry back in step); challenge ACKs (RFC 5961)
 * that must not pass for the ACK of the last FIN; simultaneous open; how exact a RST must be.
 *
 * SYN_SENT2 has a timeout of its own, which in the kernel cannot be set: 2 minutes.
 */
#include "track_linux.h"
#include <string.h>

/* What the table says beside a state, and short names for it. */
enum { IGNORE = LINUX_STATES, INVALID };
enum {
    SS = LINUX_SYN_SENT,
    SR = LINUX_SYN_RECV,
    ES = LINUX_ESTABLISHED,
    FW = LINUX_FIN_WAIT,
    CW = LINUX_CLOSE_WAIT,
    LA = LINUX_LAST_ACK,
    TW = LINUX_TIME_WAIT,
    CL = LINUX_CLOSE,
    S2 = LINUX_SYN_SENT2,
    ig = IGNORE,
    no = INVALID,
};

/* [direction][kind][state]. Where a closed flow goes to SYN_SENT, reopens() has the last word. */
/* clang-format off */
static const uint8_t next_state[2][LINUX_KINDS][LINUX_STATES] = {
    {
        /*          from NONE  SS  SR  ES  FW  CW  LA  TW  CL  S2 */
        [LINUX_SYN] =    {SS,  SS, ig, ig, ig, ig, ig, SS, SS, S2},
        [LINUX_SYNACK] = {no,  no, SR, no, no, no, no, no, no, SR},
        [LINUX_FIN] =    {no,  no, FW, FW, LA, LA, LA, TW, CL, no},
        [LINUX_ACK] =    {ES,  no, ES, ES, CW, CW, TW, TW, CL, no},
        [LINUX_RST] =    {no,  CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [LINUX_BARE] =   {no,  no, no, no, no, no, no, no, no, no},
    },
    {
        [LINUX_SYN] =    {no,  S2, no, no, no, no, no, SS, no, S2},
        [LINUX_SYNACK] = {no,  SR, ig, ig, ig, ig, ig, ig, ig, SR},
        [LINUX_FIN] =    {no,  no, FW, FW, LA, LA, LA, TW, CL, no},
        [LINUX_ACK] =    {no,  ig, SR, ES, CW, CW, TW, TW, CL, ig},
        [LINUX_RST] =    {no,  CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [LINUX_BARE] =   {no,  no, no, no, no, no, no, no, no, no},
    },
};
/* clang-format on */

static const uint8_t class_of_state[LINUX_STATES] = {
    [LINUX_NONE] = NP_TIMEOUT_TCP_SYN_SENT,     [LINUX_SYN_SENT] = NP_TIMEOUT_TCP_SYN_SENT,
    [LINUX_SYN_RECV] = NP_TIMEOUT_TCP_SYN_RECV, [LINUX_ESTABLISHED] = NP_TIMEOUT_TCP_ESTABLISHED,
    [LINUX_FIN_WAIT] = NP_TIMEOUT_TCP_FIN_WAIT, [LINUX_CLOSE_WAIT] = NP_TIMEOUT_TCP_CLOSE_WAIT,
    [LINUX_LAST_ACK] = NP_TIMEOUT_TCP_LAST_ACK, [LINUX_TIME_WAIT] = NP_TIMEOUT_TCP_TIME_WAIT,
    [LINUX_CLOSE] = NP_TIMEOUT_TCP_CLOSE,       [LINUX_SYN_SENT2] = NP_TIMEOUT_TCP_SYN_SENT2,
};

/* Remaining time below which an invalid FIN or RST shortens nothing (kernel). */
#define CUT_LEAST (120 * NP_SECOND)

static uint8_t state_of(const np_linux_flow *f)
{
    return f->mark & NP_TRACK_STATE;
}

static bool is_closing(uint8_t state)
{
    return state >= LINUX_FIN_WAIT && state <= LINUX_CLOSE;
}

static void set_state(np_linux_flow *f, uint8_t state)
{
    uint8_t kept = (uint8_t)(f->mark & ~(NP_TRACK_STATE | NP_TRACK_CLOSING));
    f->mark = (uint8_t)(kept | state | (is_closing(state) ? NP_TRACK_CLOSING : 0));
}

static uint8_t kind_of(const np_packet *p)
{
    if (p->flags & NP_RST) return LINUX_RST;
    if (p->flags & NP_SYN) return p->flags & NP_ACK ? LINUX_SYNACK : LINUX_SYN;
    if (p->flags & NP_FIN) return LINUX_FIN;
    return p->flags & NP_ACK ? LINUX_ACK : LINUX_BARE;
}

static bool flags_make_sense(uint8_t flags)
{
    switch (flags & (NP_FIN | NP_SYN | NP_RST | NP_ACK | NP_URG)) {
    case NP_SYN:
    case NP_SYN | NP_URG:
    case NP_SYN | NP_ACK:
    case NP_RST:
    case NP_RST | NP_ACK:
    case NP_FIN | NP_ACK:
    case NP_FIN | NP_ACK | NP_URG:
    case NP_ACK:
    case NP_ACK | NP_URG: return true;
    default: return false;
    }
}

/* ---- rules beside the table ---- */

/* Whether a SYN on a closed flow begins a new one: the flow ended in good order, or this side had reset it.
 */
static bool reopens(const np_linux_flow *f, unsigned dir)
{
    return ((f->side[0].flags | f->side[1].flags) & LINUX_CLOSE_INIT) ||
           (f->last_dir == dir && f->last_kind == LINUX_RST);
}

/* Whether a SYN/ACK answers a SYN that was let through against the table: the ends agree and we do not. */
static bool answers_ignored_syn(const np_linux_flow *f, const np_packet *p, unsigned dir, uint8_t kind)
{
    return kind == LINUX_SYNACK && f->last_kind == LINUX_SYN && f->last_dir != dir && p->ack == f->last_end;
}

/* Takes the remembered SYN for the one that opened the flow, and forgets what its peer sent before. */
static void resynchronise(np_linux_flow *f, unsigned dir)
{
    np_linux_side *opener = &f->side[!dir], *answerer = &f->side[dir];
    opener->end = opener->maxend = f->last_end;
    opener->maxwin = f->last_window ? f->last_window : 1;
    opener->scale = f->last_scale;
    opener->flags = f->last_flags &= (uint8_t)~LINUX_CHALLENGE;
    *answerer = (np_linux_side){.flags = answerer->flags & LINUX_LIBERAL};
}

/* Notes what a packet that is let through against the table says. */
static void remember(np_linux_flow *f, const np_packet *p, unsigned dir, uint8_t kind)
{
    f->last_kind = kind;
    f->last_dir = (uint8_t)dir;
    f->last_seq = p->seq;
    f->last_end = p->seq + np_packet_seqlen(p);
    f->last_window = p->window;
    if (kind == LINUX_SYN && dir == 0) {
        np_linux_side seen = {0};
        np_linux_side_open(&seen, p);
        f->last_flags = seen.flags;
        f->last_scale = seen.scale;
        if (state_of(f) == LINUX_LAST_ACK) f->last_flags |= LINUX_CHALLENGE;
    }
    if (kind == LINUX_ACK && dir == 1 && state_of(f) == LINUX_SYN_SENT) f->last_ack = p->ack;
}

/* An ACK in LAST_ACK that answers an ignored SYN, and not the FIN (RFC 5961 4.2). Said once a SYN. */
static bool is_challenge(np_linux_flow *f, unsigned dir, uint8_t kind)
{
    if (state_of(f) != LINUX_LAST_ACK || kind != LINUX_ACK || f->last_dir == dir ||
        f->last_kind != LINUX_SYN || !(f->last_flags & LINUX_CHALLENGE))
        return false;
    f->last_flags &= (uint8_t)~LINUX_CHALLENGE;
    return true;
}

/* How a RST on a flow that is not closing is to be taken. */
typedef enum reset { RESET_REFUSED, RESET_TAKEN, RESET_IF_FITS, RESET_INEXACT } reset;

static reset judge_reset(const np_track_config *c, const np_linux_flow *f, const np_packet *p, unsigned dir)
{
    const np_linux_side *peer = &f->side[!dir];
    bool established = state_of(f) == LINUX_ESTABLISHED && (f->mark & NP_TRACK_ASSURED);
    bool after_syn = f->last_kind == LINUX_SYN, after_ack = f->last_kind == LINUX_ACK;

    if ((peer->flags & LINUX_MAXACK) && !after_syn) {
        if (p->seq == 0 && !established) return RESET_IF_FITS;
        if (np_seq_before(p->seq, peer->maxack) && !c->ignore_invalid_rst) return RESET_REFUSED;
        if (!established || p->seq == peer->maxack) return RESET_IF_FITS;
        if (after_ack && f->last_dir == dir && p->seq == f->last_end) return RESET_IF_FITS;
        return RESET_INEXACT;
    }
    /* the answer to a SYN or about an ACK that was let through: the windows do not know its numbers */
    bool about_syn = after_syn && f->last_dir != dir && (f->mark & NP_TRACK_REPLIED);
    bool about_ack = after_ack && !(f->mark & NP_TRACK_ASSURED);
    if ((about_syn || about_ack) && p->ack == f->last_end) return RESET_TAKEN;
    /* the answer to a challenge ACK that was let through */
    if (state_of(f) == LINUX_SYN_SENT && after_ack && f->last_dir == 1 && p->seq == f->last_ack)
        return RESET_TAKEN;
    return RESET_IF_FITS;
}

/* ---- the timeout ---- */

static uint8_t choose_class(const np_track_config *c, const np_linux_flow *f, uint8_t kind)
{
    uint8_t state = state_of(f), plain = class_of_state[state];
    np_time timeout = c->timeout[plain];
    bool over_retrans = timeout > c->timeout[NP_TIMEOUT_TCP_MAX_RETRANS];
    bool over_unacked = timeout > c->timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED];

    if (f->retrans >= c->max_retrans && over_retrans) return NP_TIMEOUT_TCP_MAX_RETRANS;
    if (kind == LINUX_RST) /* still ESTABLISHED: it was inexact */
        return c->kernel == NP_TRACK_LINUX_6_12 && state == LINUX_ESTABLISHED ? NP_TIMEOUT_TCP_UNACKNOWLEDGED
                                                                              : NP_TIMEOUT_TCP_CLOSE;
    if (((f->side[0].flags | f->side[1].flags) & LINUX_UNACKED) && over_unacked)
        return NP_TIMEOUT_TCP_UNACKNOWLEDGED;
    if (f->last_window == 0 && over_retrans) return NP_TIMEOUT_TCP_MAX_RETRANS;
    return plain;
}

/* ---- the gates in order ---- */

static np_track_answer answer(np_linux_flow *f, np_track_verdict verdict, uint8_t class, unsigned dir)
{
    bool forwarded = verdict == NP_TRACK_RENEW || verdict == NP_TRACK_PASS || verdict == NP_TRACK_DELETE;
    if (forwarded && dir == 1) f->mark |= NP_TRACK_REPLIED;
    return (np_track_answer){.verdict = (uint8_t)verdict, .class = class, .mark = f->mark};
}

/* An invalid FIN or RST on an assured flow shortens its life once both sides have sent one: they are likely
   gone, and we out of step. */
static np_track_answer misfit(const np_track_config *c, np_linux_flow *f, unsigned dir, uint8_t kind,
                              np_time remaining)
{
    np_track_verdict verdict = NP_TRACK_INVALID;
    if ((f->mark & NP_TRACK_ASSURED) && (kind == LINUX_RST || kind == LINUX_FIN)) {
        if (f->last_dir != dir && (f->last_kind == LINUX_RST || f->last_kind == LINUX_FIN)) {
            if (remaining >= CUT_LEAST && remaining > c->timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED])
                verdict = NP_TRACK_CUT;
        } else {
            f->last_kind = kind;
            f->last_dir = (uint8_t)dir;
        }
    }
    return answer(f, verdict, NP_TIMEOUT_TCP_UNACKNOWLEDGED, dir);
}

np_track_answer np_linux_tcp_judge(const np_track_config *c, np_linux_flow *f, const np_packet *p,
                                   unsigned dir, np_time remaining)
{
    if (!flags_make_sense(p->flags)) return answer(f, NP_TRACK_INVALID, 0, dir);
    uint8_t kind = kind_of(p), old = state_of(f), next = next_state[dir][kind][old];
    bool in_window = false;

    if (next == LINUX_SYN_SENT && is_closing(old)) {
        if (reopens(f, dir)) return answer(f, NP_TRACK_REOPEN, 0, dir);
        next = IGNORE;
    }
    if (next == INVALID) return answer(f, NP_TRACK_INVALID, 0, dir);
    if (next == IGNORE) {
        if (!answers_ignored_syn(f, p, dir, kind)) {
            remember(f, p, dir, kind);
            return answer(f, NP_TRACK_PASS, 0, dir);
        }
        resynchronise(f, dir);
        old = LINUX_SYN_SENT;
        next = LINUX_SYN_RECV;
    } else if (next == LINUX_TIME_WAIT && is_challenge(f, dir, kind)) {
        return answer(f, NP_TRACK_PASS, 0, dir);
    } else if (next == LINUX_SYN_SENT2) {
        f->last_flags |= LINUX_SIMULTANEOUS;
    } else if (next == LINUX_SYN_RECV && dir == 1 && kind == LINUX_ACK &&
               (f->last_flags & LINUX_SIMULTANEOUS)) {
        next = LINUX_ESTABLISHED;
    } else if (kind == LINUX_RST) {
        reset r = is_closing(old) ? RESET_TAKEN : judge_reset(c, f, p, dir);
        if (r == RESET_REFUSED) return answer(f, NP_TRACK_INVALID, 0, dir);
        if (r == RESET_INEXACT) next = old;
        in_window = r == RESET_TAKEN;
    }

    np_linux_fit fit = in_window ? LINUX_FITS : np_linux_window(f, p, dir, kind, c->be_liberal);
    if (fit == LINUX_IGNORED) return answer(f, NP_TRACK_PASS, 0, dir);
    if (fit == LINUX_MISFIT) return misfit(c, f, dir, kind, remaining);

    f->last_kind = kind;
    f->last_dir = (uint8_t)dir;
    set_state(f, next);
    if (next != old && next == LINUX_FIN_WAIT) f->side[dir].flags |= LINUX_CLOSE_INIT;

    uint8_t class = choose_class(c, f, kind);
    if (!(f->mark & NP_TRACK_REPLIED)) {
        if (kind == LINUX_RST) return answer(f, NP_TRACK_DELETE, 0, dir);
        if (kind == LINUX_SYN && old == LINUX_SYN_SENT) return answer(f, NP_TRACK_PASS, 0, dir);
        if (next == LINUX_ESTABLISHED && c->timeout[class] > c->timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED])
            class = NP_TIMEOUT_TCP_UNACKNOWLEDGED;
    } else if (next == LINUX_ESTABLISHED && (old == LINUX_SYN_RECV || old == LINUX_ESTABLISHED)) {
        f->mark |= NP_TRACK_ASSURED;
    }
    return answer(f, NP_TRACK_RENEW, class, dir);
}

/* A closed flow whose numbers lie behind those of a new SYN: the server will take that for a new connection.
 */
bool np_linux_yields(const void *side, const np_packet *syn)
{
    const np_linux_flow *f = side;
    uint8_t state = state_of(f);
    return (state == LINUX_TIME_WAIT || state == LINUX_CLOSE) &&
           np_seq_after(syn->seq + np_packet_seqlen(syn), f->side[0].end);
}

/* ---- the first packet ---- */

np_track_answer np_linux_tcp_start(const np_track_config *c, np_linux_flow *f, const np_packet *p,
                                   bool pick_up)
{
    uint8_t first = flags_make_sense(p->flags) ? next_state[0][kind_of(p)][LINUX_NONE] : INVALID;
    if (first == LINUX_SYN_SENT) {
        np_linux_side_open(&f->side[0], p);
    } else if (first == LINUX_ESTABLISHED && pick_up) {
        np_linux_side_pick_up(&f->side[0], p);
        f->side[0].flags = f->side[1].flags = LINUX_SACK | LINUX_LIBERAL;
    } else {
        return answer(f, NP_TRACK_INVALID, 0, 0);
    }
    f->last_kind = LINUX_BARE;
    return np_linux_tcp_judge(c, f, p, 0, 0);
}

/* Beside what start takes: an answer to a SYN makes the other side the opener; a FIN or RST closes a flow
   that is picked up with it; whatever else is as good as an ACK. */
np_track_answer np_linux_tcp_adopt(const np_track_config *c, np_linux_flow *f, const np_packet *p)
{
    np_track_answer a = np_linux_tcp_start(c, f, p, true);
    if (a.verdict == NP_TRACK_RENEW) return a;

    if (kind_of(p) == LINUX_SYNACK && flags_make_sense(p->flags)) {
        f->mark ^= NP_TRACK_INBOUND;
        set_state(f, LINUX_SYN_SENT);
        f->side[0].end = f->side[0].maxend = p->ack;
        f->side[0].flags = LINUX_WSCALE | LINUX_SACK | LINUX_LIBERAL;
        f->side[1].flags = LINUX_LIBERAL;
        return np_linux_tcp_judge(c, f, p, 1, 0);
    }
    np_packet plain = *p;
    plain.flags = NP_ACK;
    a = np_linux_tcp_start(c, f, &plain, true);
    if (p->flags & NP_RST) {
        f->last_kind = LINUX_RST;
        set_state(f, LINUX_CLOSE);
        return answer(f, NP_TRACK_RENEW, NP_TIMEOUT_TCP_CLOSE, 0);
    }
    if (kind_of(p) == LINUX_FIN && flags_make_sense(p->flags)) return np_linux_tcp_judge(c, f, p, 0, 0);
    return a;
}
