/*
 * Segments go out: headers, what windows and state allow to be sent, retransmission of the first segment.
 *
 * The stream's bytes are counted, not held. `next` is what will be sent next; a retransmission timeout takes
 * it back to the oldest unacknowledged byte and everything behind goes out again as the window opens, less
 * what the peer's ACKs step over (it holds out-of-order ranges). So one loop serves first sendings and
 * repetitions.
 *
 * No Nagle delay (as with TCP_NODELAY, which those who send small messages set); a segment cut short by the
 * window waits until something is acknowledged (sender's silly window avoidance, RFC 9293 3.8.6.2.1).
 */
#include "tcp_impl.h"
#include <assert.h>

/* Header sizes in bytes (RFC 791, RFC 9293, and Linux's option layout). */
#define IPV4_TCP_HEADER     40
#define TIMESTAMP_OPTION    12 /* with two no-ops of padding */
#define SYN_OPTIONS         12 /* MSS 4, SACK permitted 2 + 2, window scale 3 + 1 */
#define SYN_OPTIONS_STAMPED 20 /* MSS 4, SACK permitted 2, timestamps 10, window scale 3 + 1 */

void np_tcp_send(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, uint32_t seq, uint32_t payload,
                 uint8_t flags, np_kind kind)
{
    np_packet p = {.seq = seq,
                   .conn = NP_NO_CONN,
                   .window = c->window,
                   .payload = (uint16_t)payload,
                   .proto = NP_TCP,
                   .family = 4,
                   .flags = flags,
                   .kind = (uint8_t)kind};
    uint32_t header = IPV4_TCP_HEADER;
    if (flags & NP_SYN) {
        /* An offer in a SYN, an acceptance in a SYN/ACK. */
        bool stamps = flags & NP_ACK ? t->flags & NP_TCP_STAMPED : c->timestamps;
        bool scales = !(flags & NP_ACK) || t->flags & NP_TCP_SCALED;
        p.options = NP_OPTION_SACK_OK;
        if (stamps) p.options |= NP_OPTION_TIMESTAMP;
        if (scales) p.options = (uint8_t)(p.options | NP_OPTION_WSCALE | c->window_scale);
        header += stamps ? SYN_OPTIONS_STAMPED : SYN_OPTIONS;
    } else if (t->flags & NP_TCP_STAMPED) {
        p.options = NP_OPTION_TIMESTAMP;
        header += TIMESTAMP_OPTION;
    }
    p.bytes = (uint16_t)(header + payload);
    if (flags & NP_ACK) {
        p.ack = t->receive_next;
        t->ack_at = NP_NEVER;
        t->owed = 0;
        t->flags = (uint16_t)(t->flags & ~NP_TCP_ACK_NOW);
    }
    s->transmit(s->ctx, &p);
}

/* A SYN, or in SYN_RECEIVED a SYN/ACK, first or again. */
void np_tcp_send_syn(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s)
{
    uint8_t flags = t->state == NP_TCP_SYN_RECEIVED ? NP_SYN | NP_ACK : NP_SYN;
    np_tcp_send(t, c, s, t->iss, 0, flags, NP_KIND_CONTROL);
}

void np_tcp_send_ack(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_kind kind)
{
    np_tcp_send(t, c, s, t->high, 0, NP_ACK, kind);
}

void np_tcp_send_rst(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s)
{
    np_tcp_send(t, c, s, t->high, 0, NP_RST | NP_ACK, NP_KIND_CONTROL);
}

/* An empty segment just below the window, which must be answered by an ACK. */
void np_tcp_send_probe(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_kind kind)
{
    np_tcp_send(t, c, s, np_tcp_una_seq(t) - 1, 0, NP_ACK, kind);
}

/* Exact for two runs of kinds; when more are queued, those before the last are payload if any of them is. */
np_kind np_tcp_kind_of(const np_tcp *t, uint32_t from, uint32_t bytes)
{
    bool head = np_seq_before(from, t->kind_from), tail = np_seq_after(from + bytes, t->kind_from);
    bool payload = (head && t->flags & NP_TCP_HEAD_PAYLOAD) || (tail && t->flags & NP_TCP_TAIL_PAYLOAD);
    return payload ? NP_KIND_PAYLOAD : NP_KIND_HEARTBEAT;
}

static void send_segment(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, uint32_t seq,
                         uint32_t bytes, bool fin)
{
    uint8_t flags = (uint8_t)(NP_ACK | (bytes ? NP_PSH : 0) | (fin ? NP_FIN : 0));
    np_tcp_send(t, c, s, seq, bytes, flags, bytes ? np_tcp_kind_of(t, seq, bytes) : NP_KIND_CONTROL);
}

uint32_t np_tcp_resend_first(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s)
{
    uint32_t una = np_tcp_una_seq(t), space = t->high - una;
    uint64_t data = t->una <= t->written ? t->written + 1 - t->una : 0;
    uint32_t bytes = data < c->mss ? (uint32_t)data : c->mss;
    if (bytes > space) bytes = space;
    bool fin = bytes == data && space > bytes;
    t->flags = (uint16_t)(t->flags & ~NP_TCP_TIMING); /* Karn: no sample from what is sent twice */
    send_segment(t, c, s, una, bytes, fin);
    return bytes + fin;
}

void np_tcp_output(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    switch ((np_tcp_state)t->state) {
    case NP_TCP_ESTABLISHED:
    case NP_TCP_CLOSE_WAIT:
    case NP_TCP_FIN_WAIT_1:
    case NP_TCP_CLOSING:
    case NP_TCP_LAST_ACK: break;
    default: return;
    }
    uint64_t unsent = np_tcp_unsent(t);
    bool fin_due =
        t->flags & NP_TCP_FIN_QUEUED && t->una + (uint32_t)(t->next - np_tcp_una_seq(t)) <= t->written + 1;
    if (!unsent && !fin_due) return;

    const uint32_t una = np_tcp_una_seq(t);
    if (!np_tcp_outstanding(t)) np_tcp_congestion_idle(t, c, now);
    uint32_t usable = t->cwnd;
    if (t->duplicates < 3) usable += t->duplicates * (uint32_t)c->mss; /* limited transmit, RFC 3042 */
    if (usable > t->window) usable = t->window;

    while (unsent || fin_due) {
        uint32_t flight = t->next - una, room = usable > flight ? usable - flight : 0;
        uint32_t bytes = c->mss;
        if (bytes > unsent) bytes = (uint32_t)unsent;
        if (bytes > room) bytes = flight ? 0 : room;
        if (!bytes && unsent) break;
        bool fin = fin_due && bytes == unsent;

        if (!np_tcp_outstanding(t)) t->unanswered_since = now;
        if (t->retransmit_at == NP_NEVER || t->flags & NP_TCP_PERSISTING) np_tcp_arm_retransmit(t, c, now);
        uint32_t seq = t->next;
        if (seq == t->high) np_tcp_time_from(t, seq, now);
        t->next += bytes + fin;
        if (np_seq_after(t->next, t->high)) t->high = t->next;
        unsent -= bytes;
        if (fin) fin_due = false;
        send_segment(t, c, s, seq, bytes, fin);
    }
    if (unsent && t->next == una && t->retransmit_at == NP_NEVER) np_tcp_arm_persist(t, c, now);
}
