/*
 * A segment arrives: RFC 9293 3.10.7, with the blind-attack rules of RFC 5961 (an RST or SYN that is merely
 * inside the window draws a challenge ACK).
 *
 * In order: is it acceptable, RST, SYN, ACK, data, FIN; then the application is told, then what the windows
 * allow is sent, then the ACK that is still owed. So an answer written by the application on the spot carries
 * the ACK, and no pure ACK is sent.
 *
 * A segment that is not acceptable (a keepalive probe is one: it lies below the window) is answered by an ACK
 * of its kind and otherwise ignored: as in Linux, it does not count as received for this end's own keepalive.
 */
#include "tcp_impl.h"
#include <assert.h>

/* Takes what a SYN or SYN/ACK says of its sender. */
void np_tcp_take_syn(np_tcp *t, const np_tcp_config *c, const np_packet *p)
{
    t->receive_next = p->seq + 1;
    t->window = p->window; /* never scaled in a SYN */
    if (p->options & NP_OPTION_WSCALE) {
        uint8_t shift = p->options & 0x0f;
        t->peer_shift = shift < 14 ? shift : 14; /* RFC 7323 2.3 */
        t->flags |= NP_TCP_SCALED;
    }
    if (p->options & NP_OPTION_TIMESTAMP && c->timestamps) t->flags |= NP_TCP_STAMPED;
}

/* The RST for a segment that acknowledges what was never sent, before the connection is synchronized. */
static void refuse(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, const np_packet *p)
{
    np_tcp_send(t, c, s, p->ack, 0, NP_RST, NP_KIND_CONTROL);
}

static void in_syn_sent(np_tcp *t, const np_tcp_config *c, const np_packet *p, const np_tcp_sink *s,
                        np_time now)
{
    bool acks = p->flags & NP_ACK;
    if (acks && p->ack != t->high) {
        if (!(p->flags & NP_RST)) refuse(t, c, s, p);
        return;
    }
    if (p->flags & NP_RST) {
        if (acks) np_tcp_finish(t, s, NP_TCP_REFUSED);
        return;
    }
    if (!(p->flags & NP_SYN)) return;

    np_tcp_take_syn(t, c, p);
    t->last_received = now;
    if (!acks) { /* both open at once */
        t->state = NP_TCP_SYN_RECEIVED;
        np_tcp_send_syn(t, c, s);
        return;
    }
    np_tcp_measure(t, p->ack, now);
    t->una = 1;
    t->flags |= NP_TCP_ACK_NOW;
    t->ack_kind = NP_KIND_CONTROL;
    np_tcp_opened(t, c, s, now);
    if (t->state == NP_TCP_CLOSED) return;
    np_tcp_output(t, c, s, now);
    if (t->flags & NP_TCP_ACK_NOW) np_tcp_send_ack(t, c, s, NP_KIND_CONTROL);
}

/* RFC 9293 3.4, table 6: does any of it lie in the window? */
static bool acceptable(const np_tcp *t, const np_tcp_config *c, const np_packet *p)
{
    uint32_t length = np_packet_seqlen(p), window = np_tcp_offered(t, c);
    int64_t from = (int32_t)(p->seq - t->receive_next), to = from + length;
    if (!length) return from >= 0 && from <= window;
    return to > 0 && from < window;
}

static void unacceptable(np_tcp *t, const np_tcp_config *c, const np_packet *p, const np_tcp_sink *s,
                         np_time now)
{
    if (p->flags & NP_RST) return;
    if (t->state == NP_TCP_SYN_RECEIVED && (p->flags & (NP_SYN | NP_ACK)) == NP_SYN &&
        p->seq + 1 == t->receive_next) {
        np_tcp_send_syn(t, c, s); /* our SYN/ACK was lost */
        return;
    }
    if (t->state == NP_TCP_TIME_WAIT && p->flags & NP_FIN) np_tcp_enter_time_wait(t, c, now);
    np_tcp_send_ack(t, c, s, (np_kind)p->kind);
}

/* New data are acknowledged. */
static void progress(np_tcp *t, const np_tcp_config *c, const np_packet *p, const np_tcp_sink *s, np_time now)
{
    uint32_t una = np_tcp_una_seq(t), acked = p->ack - una, flight = t->high - una;
    t->una += acked;
    if (np_seq_before(t->next, p->ack)) t->next = p->ack;
    if (np_seq_before(t->kind_from, p->ack)) t->kind_from = p->ack;
    np_tcp_measure(t, p->ack, now);
    /* With timestamps every ACK of new data is a valid sample, and ends the back-off (RFC 7323 4.1). */
    if (t->flags & NP_TCP_STAMPED) t->timeouts = 0;
    t->unanswered_since = now;
    np_tcp_congestion_acked(t, c, s, acked, flight);
    t->retransmit_at = NP_NEVER;
    if (np_tcp_outstanding(t)) np_tcp_arm_retransmit(t, c, now);
}

/* Our FIN is acknowledged. False when that was the end. */
static bool fin_acked(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    switch ((np_tcp_state)t->state) {
    case NP_TCP_FIN_WAIT_1:
        t->state = NP_TCP_FIN_WAIT_2;
        t->retransmit_at = now + c->fin_timeout;
        return true;
    case NP_TCP_CLOSING: np_tcp_enter_time_wait(t, c, now); return true;
    case NP_TCP_LAST_ACK: np_tcp_finish(t, s, NP_TCP_DONE); return false;
    default: return true;
    }
}

/* The ACK field. False when nothing more is to be done with the segment. */
static bool take_ack(np_tcp *t, const np_tcp_config *c, const np_packet *p, const np_tcp_sink *s, np_time now)
{
    uint32_t una = np_tcp_una_seq(t);
    if (np_seq_after(p->ack, t->high)) {
        np_tcp_send_ack(t, c, s, (np_kind)p->kind);
        return false;
    }
    if (np_seq_before(p->ack, una)) return true;

    t->probes = 0;
    uint32_t window = t->window;
    t->window = (uint32_t)p->window << (t->flags & NP_TCP_SCALED ? t->peer_shift : 0);
    if (t->flags & NP_TCP_PERSISTING && t->window) {
        t->flags = (uint16_t)(t->flags & ~NP_TCP_PERSISTING);
        t->retransmit_at = NP_NEVER;
        t->timeouts = 0;
    }
    if (p->ack != una) {
        progress(t, c, p, s, now);
        if (t->flags & NP_TCP_FIN_QUEUED && np_tcp_fin_acked(t)) return fin_acked(t, c, s, now);
    } else if (np_tcp_outstanding(t) && !np_packet_seqlen(p) && window == t->window) {
        np_tcp_congestion_duplicate(t, c, s, now);
    }
    return true;
}

/* An ACK is owed for p: at once, or when a second full segment or the timer comes. */
static void owe_ack(np_tcp *t, const np_tcp_config *c, const np_packet *p, bool at_once, np_time now)
{
    if (t->ack_at == NP_NEVER || p->kind == NP_KIND_PAYLOAD) t->ack_kind = p->kind;
    if (p->payload >= c->mss) t->owed++;
    if (at_once || t->owed >= 2 || !c->delayed_ack)
        t->flags |= NP_TCP_ACK_NOW;
    else if (t->ack_at == NP_NEVER)
        t->ack_at = now + c->delayed_ack;
}

/* Payload and FIN of an acceptable segment. Returns whether the peer's FIN is now in order. */
static bool take_data(np_tcp *t, const np_tcp_config *c, const np_packet *p, np_time now)
{
    uint32_t to = p->seq + p->payload, edge = t->receive_next + np_tcp_offered(t, c);
    bool fin = p->flags & NP_FIN;
    if (np_seq_after(to + fin, edge)) { /* cut at the edge of the window */
        to = edge;
        fin = false;
    }
    if (np_seq_after(p->seq, t->receive_next)) {
        if (np_tcp_hold(t, p->seq, to + fin) && fin) t->flags |= NP_TCP_FIN_HELD;
        owe_ack(t, c, p, true, now);
        return false;
    }
    bool holes = t->holds;
    uint32_t before = t->receive_next;
    t->receive_next = to + fin;
    if (holes) fin |= np_tcp_unhold(t);
    t->arrived += t->receive_next - before - fin;
    owe_ack(t, c, p, fin || holes, now);
    return fin;
}

/* Both have closed and all data are acknowledged: an RST takes nothing away (RFC 9293 3.10.7.4, CLOSING,
   LAST-ACK and TIME-WAIT; RFC 1337 tells how it comes about). */
static bool only_farewells_left(const np_tcp *t)
{
    return t->flags & NP_TCP_FIN_ARRIVED && t->flags & NP_TCP_FIN_QUEUED && t->una > t->written;
}

static void fin_arrived(np_tcp *t, const np_tcp_config *c, np_time now)
{
    t->flags |= NP_TCP_FIN_ARRIVED;
    switch ((np_tcp_state)t->state) {
    case NP_TCP_ESTABLISHED: t->state = NP_TCP_CLOSE_WAIT; break;
    case NP_TCP_FIN_WAIT_1: t->state = NP_TCP_CLOSING; break;
    case NP_TCP_FIN_WAIT_2: np_tcp_enter_time_wait(t, c, now); break;
    default: break;
    }
}

void np_tcp_input(np_tcp *t, const np_tcp_config *c, const np_packet *p, const np_tcp_sink *s, np_time now)
{
    assert(p->proto == NP_TCP);
    if (t->state == NP_TCP_CLOSED) return;
    if (t->state == NP_TCP_SYN_SENT) {
        in_syn_sent(t, c, p, s, now);
        return;
    }
    if (!acceptable(t, c, p)) {
        unacceptable(t, c, p, s, now);
        return;
    }
    if (p->flags & NP_RST && p->seq == t->receive_next) {
        np_tcp_finish(t, s, only_farewells_left(t) ? NP_TCP_DONE : NP_TCP_WAS_RESET);
        return;
    }
    if (p->flags & (NP_RST | NP_SYN)) { /* RFC 5961 3.2, 4.2 */
        np_tcp_send_ack(t, c, s, (np_kind)p->kind);
        return;
    }
    if (!(p->flags & NP_ACK)) return;

    if (t->state == NP_TCP_SYN_RECEIVED) {
        if (p->ack != t->high) {
            refuse(t, c, s, p);
            return;
        }
        np_tcp_measure(t, p->ack, now);
        t->una = 1;
        t->last_received = now;
        np_tcp_opened(t, c, s, now);
        if (t->state == NP_TCP_CLOSED) return;
    }
    t->last_received = now;
    if (!take_ack(t, c, p, s, now)) return;

    if (np_packet_seqlen(p) && !(t->flags & NP_TCP_FIN_ARRIVED)) {
        uint64_t before = t->arrived;
        bool fin = take_data(t, c, p, now);
        if (t->state == NP_TCP_FIN_WAIT_2) t->retransmit_at = now + c->fin_timeout;
        if (fin) fin_arrived(t, c, now);
        if (t->arrived != before) s->received(s->ctx, t->arrived);
        if (t->state == NP_TCP_CLOSED) return;
        if (fin) s->event(s->ctx, NP_TCP_PEER_CLOSED);
        if (t->state == NP_TCP_CLOSED) return;
    }
    np_tcp_output(t, c, s, now);
    if (t->flags & NP_TCP_ACK_NOW) np_tcp_send_ack(t, c, s, (np_kind)t->ack_kind);
}
