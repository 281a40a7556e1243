/*
 * One end of a TCP connection: opening, writing, closing, and which timer is due. See tcp_impl.h for the
 * other files.
 *
 *                          connect                      accept
 *      np_tcp_connect -> SYN_SENT --- SYN/ACK --.   SYN_RECEIVED <- np_tcp_accept
 *                                               v        |
 *                      .------------------- ESTABLISHED <- ACK of SYN
 *              close   |                        |  FIN
 *                      v                        v
 *                  FIN_WAIT_1 - FIN -> CLOSING  CLOSE_WAIT
 *              ACK     |                  | ACK     | close
 *                  FIN_WAIT_2 - FIN ->  TIME_WAIT   LAST_ACK - ACK -> CLOSED
 *
 * Memory: the caller's np_tcp, nothing else; no allocation, no data held. Cost: every call is O(1) in
 * what is queued, plus what it sends. An idle end without keepalive has no timer at all.
 *
 * Invariants between calls, in a synchronized state:
 *   - una <= next <= high in sequence space, and high never beyond 1 + written + FIN;
 *   - something outstanding, or queued behind a closed window, means retransmit_at is running;
 *   - held ranges lie above receive_next, and owed ACKs mean ack_at is running.
 *
 * What it does not do: SACK blocks (permitted in the SYN as Linux does, never sent), tail loss probes, RACK,
 * PAWS, path MTU, urgent data, Fast Open, ECN, pacing, a closing receive window.
 */
#include "tcp_impl.h"
#include <assert.h>

void np_tcp_defaults(np_tcp_config *c)
{
    *c = (np_tcp_config){
        .keepalive = {.on = false, .idle = 7200 * NP_SECOND, .interval = 75 * NP_SECOND, .probes = 9},
        .rto_initial = NP_SECOND,
        .rto_min = 200 * NP_MILLISECOND,
        .rto_max = 120 * NP_SECOND,
        .delayed_ack = 40 * NP_MILLISECOND,
        .time_wait = 60 * NP_SECOND,
        .fin_timeout = 60 * NP_SECOND,
        .syn_retries = 6,
        .synack_retries = 5,
        .retries = 15,
        .orphan_retries = 8,
        .mss = 1448,
        .window = 65535,
        .window_scale = 7,
        .initial_window = 10,
        .timestamps = true,
    };
}

static void start(np_tcp *t, np_tcp_state state, uint32_t iss, np_time now)
{
    *t = (np_tcp){.retransmit_at = NP_NEVER,
                  .keepalive_at = NP_NEVER,
                  .ack_at = NP_NEVER,
                  .last_received = now,
                  .unanswered_since = now,
                  .iss = iss,
                  .next = iss + 1,
                  .high = iss + 1,
                  .recover = iss,
                  .kind_from = iss + 1,
                  .state = (uint8_t)state};
    np_tcp_time_from(t, iss, now);
}

void np_tcp_connect(np_tcp *t, const np_tcp_config *c, uint32_t iss, const np_tcp_sink *s, np_time now)
{
    start(t, NP_TCP_SYN_SENT, iss, now);
    np_tcp_arm_retransmit(t, c, now);
    np_tcp_send_syn(t, c, s);
}

void np_tcp_accept(np_tcp *t, const np_tcp_config *c, uint32_t iss, const np_packet *syn,
                   const np_tcp_sink *s, np_time now)
{
    assert((syn->flags & (NP_SYN | NP_ACK | NP_RST)) == NP_SYN);
    start(t, NP_TCP_SYN_RECEIVED, iss, now);
    np_tcp_take_syn(t, c, syn);
    np_tcp_arm_retransmit(t, c, now);
    np_tcp_send_syn(t, c, s);
}

/* The handshake is complete at this end. What the application does about it may close the end. */
void np_tcp_opened(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    t->state = t->flags & NP_TCP_FIN_QUEUED ? NP_TCP_FIN_WAIT_1 : NP_TCP_ESTABLISHED;
    t->timeouts = 0;
    t->retransmit_at = NP_NEVER;
    np_tcp_congestion_open(t, c);
    np_tcp_keepalive_start(t, c, now);
    s->event(s->ctx, NP_TCP_OPENED);
}

static void stop(np_tcp *t)
{
    t->state = NP_TCP_CLOSED;
    t->retransmit_at = t->keepalive_at = t->ack_at = NP_NEVER;
}

void np_tcp_finish(np_tcp *t, const np_tcp_sink *s, np_tcp_event why)
{
    stop(t);
    s->event(s->ctx, why);
}

uint64_t np_tcp_write(np_tcp *t, const np_tcp_config *c, uint32_t bytes, np_kind kind, const np_tcp_sink *s,
                      np_time now)
{
    assert(!(t->flags & NP_TCP_FIN_QUEUED));
    assert(t->state == NP_TCP_SYN_SENT || t->state == NP_TCP_SYN_RECEIVED || t->state == NP_TCP_ESTABLISHED ||
           t->state == NP_TCP_CLOSE_WAIT);
    assert(kind == NP_KIND_PAYLOAD || kind == NP_KIND_HEARTBEAT);
    if (!bytes) return t->written;

    const uint32_t end = t->iss + 1 + (uint32_t)t->written;
    const uint16_t tail = kind == NP_KIND_PAYLOAD ? NP_TCP_TAIL_PAYLOAD : 0;
    if (t->written + 1 == t->una) { /* nothing unacknowledged: one run, of this kind */
        t->flags = (uint16_t)((t->flags & ~(NP_TCP_HEAD_PAYLOAD | NP_TCP_TAIL_PAYLOAD)) | tail);
        t->kind_from = end;
    } else if ((t->flags & NP_TCP_TAIL_PAYLOAD) != tail) {
        bool head = np_tcp_kind_of(t, np_tcp_una_seq(t), end - np_tcp_una_seq(t)) == NP_KIND_PAYLOAD;
        t->flags = (uint16_t)((t->flags & ~(NP_TCP_HEAD_PAYLOAD | NP_TCP_TAIL_PAYLOAD)) |
                              (head ? NP_TCP_HEAD_PAYLOAD : 0) | tail);
        t->kind_from = end;
    }
    t->written += bytes;
    uint64_t offset = t->written;
    np_tcp_output(t, c, s, now);
    return offset;
}

void np_tcp_close(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    if (t->flags & NP_TCP_FIN_QUEUED) return;
    switch ((np_tcp_state)t->state) {
    case NP_TCP_SYN_SENT: np_tcp_finish(t, s, NP_TCP_DONE); return;
    case NP_TCP_SYN_RECEIVED: break;
    case NP_TCP_ESTABLISHED: t->state = NP_TCP_FIN_WAIT_1; break;
    case NP_TCP_CLOSE_WAIT: t->state = NP_TCP_LAST_ACK; break;
    default: return;
    }
    t->flags |= NP_TCP_FIN_QUEUED;
    np_tcp_output(t, c, s, now);
}

void np_tcp_abort(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    (void)now;
    bool synchronized =
        t->state != NP_TCP_CLOSED && t->state != NP_TCP_SYN_SENT && t->state != NP_TCP_TIME_WAIT;
    stop(t);
    if (synchronized) np_tcp_send_rst(t, c, s);
}

np_time np_tcp_deadline(const np_tcp *t)
{
    np_time least = t->retransmit_at < t->keepalive_at ? t->retransmit_at : t->keepalive_at;
    return least < t->ack_at ? least : t->ack_at;
}

void np_tcp_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    if (t->ack_at <= now) np_tcp_send_ack(t, c, s, (np_kind)t->ack_kind);
    if (t->retransmit_at <= now && !np_tcp_retransmit_timer(t, c, s, now)) return;
    if (t->keepalive_at <= now) np_tcp_keepalive_timer(t, c, s, now);
}

np_tcp_state np_tcp_get_state(const np_tcp *t)
{
    return (np_tcp_state)t->state;
}

bool np_tcp_unknown(const np_packet *p, np_packet *answer)
{
    return np_packet_reset(p, answer);
}
