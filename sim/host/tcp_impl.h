/*
 * What the files of the TCP endpoint share.
 *
 *   tcp.c             opening, writing, closing; which timer is due
 *   tcp_input.c       a segment arrives: the state machine
 *   tcp_output.c      segments go out: what windows and state allow
 *   tcp_timer.c       round-trip times, retransmission, persist, give-up limits, TIME_WAIT
 *   tcp_congestion.c  the congestion window
 *   tcp_hold.c        out-of-order ranges
 *   tcp_idle.c        an end that only waits, packed
 *   keepalive.c       probes
 *
 * Functions that can end the connection return false when they did: then the sink's `event` has been told,
 * the memory may be gone, and the caller must not touch the end again.
 */
#ifndef NATPULSE_HOST_TCP_IMPL_H
#define NATPULSE_HOST_TCP_IMPL_H

#include "natpulse/tcp.h"

/* np_tcp.flags */
enum {
    NP_TCP_SCALED = 1 << 0,        /* both ends offered window scaling */
    NP_TCP_STAMPED = 1 << 1,       /* both ends offered timestamps */
    NP_TCP_FIN_QUEUED = 1 << 2,    /* the application has closed */
    NP_TCP_FIN_ARRIVED = 1 << 3,   /* the peer has closed, in order */
    NP_TCP_FIN_HELD = 1 << 4,      /* the highest held range ends with the peer's FIN */
    NP_TCP_TIMING = 1 << 5,        /* timed_seq is being timed */
    NP_TCP_RECOVERING = 1 << 6,    /* fast recovery */
    NP_TCP_PERSISTING = 1 << 7,    /* retransmit_at is the persist timer */
    NP_TCP_ACK_NOW = 1 << 8,       /* an ACK is owed that may not be delayed */
    NP_TCP_SYN_RESENT = 1 << 9,    /* our SYN or SYN/ACK timed out once */
    NP_TCP_HEAD_PAYLOAD = 1 << 10, /* of what is queued: there is payload before kind_from */
    NP_TCP_TAIL_PAYLOAD = 1 << 11, /* from kind_from on it is payload (else heartbeats) */
    NP_TCP_FLAGS = (1 << 12) - 1,  /* all there are */
};

static inline uint32_t np_tcp_una_seq(const np_tcp *t)
{
    return t->iss + (uint32_t)t->una;
}

/* Anything sent and not acknowledged? */
static inline bool np_tcp_outstanding(const np_tcp *t)
{
    return t->high != np_tcp_una_seq(t);
}

/* Bytes of the stream from t->next on. */
static inline uint64_t np_tcp_unsent(const np_tcp *t)
{
    uint64_t position = t->una + (uint32_t)(t->next - np_tcp_una_seq(t)), end = t->written + 1;
    return position < end ? end - position : 0;
}

/* Our FIN has been sent and acknowledged. */
static inline bool np_tcp_fin_acked(const np_tcp *t)
{
    return t->una == t->written + 2;
}

/* The window we offer, in bytes: it never closes, since the application takes everything at once. */
static inline uint32_t np_tcp_offered(const np_tcp *t, const np_tcp_config *c)
{
    return (uint32_t)c->window << (t->flags & NP_TCP_SCALED ? c->window_scale : 0);
}

/* tcp.c: the end is closed and its timers are off; then the sink is told. */
void np_tcp_finish(np_tcp *t, const np_tcp_sink *s, np_tcp_event why);
void np_tcp_opened(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);

/* tcp_input.c */
void np_tcp_take_syn(np_tcp *t, const np_tcp_config *c, const np_packet *p);

/* tcp_output.c */
void np_tcp_send(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, uint32_t seq, uint32_t payload,
                 uint8_t flags, np_kind kind);
void np_tcp_send_syn(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s);
void np_tcp_send_ack(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_kind kind);
void np_tcp_send_rst(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s);
void np_tcp_send_probe(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_kind kind);
void np_tcp_output(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);
uint32_t np_tcp_resend_first(np_tcp *t, const np_tcp_config *c,
                             const np_tcp_sink *s); /* sequence space sent */
np_kind np_tcp_kind_of(const np_tcp *t, uint32_t from, uint32_t bytes);

/* tcp_timer.c */
np_time np_tcp_rto(const np_tcp *t, const np_tcp_config *c);
void np_tcp_time_from(np_tcp *t, uint32_t seq,
                      np_time now); /* begins to time `seq` unless one is being timed */
void np_tcp_measure(np_tcp *t, uint32_t acked, np_time now); /* takes the sample when `acked` covers it */
void np_tcp_arm_retransmit(np_tcp *t, const np_tcp_config *c, np_time now);
void np_tcp_arm_persist(np_tcp *t, const np_tcp_config *c, np_time now);
void np_tcp_enter_time_wait(np_tcp *t, const np_tcp_config *c, np_time now);
bool np_tcp_retransmit_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);

/* tcp_congestion.c */
void np_tcp_congestion_open(np_tcp *t, const np_tcp_config *c);
void np_tcp_congestion_acked(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, uint32_t acked,
                             uint32_t flight);
void np_tcp_congestion_duplicate(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);
void np_tcp_congestion_timeout(np_tcp *t, const np_tcp_config *c);
void np_tcp_congestion_idle(np_tcp *t, const np_tcp_config *c, np_time now);

/* tcp_hold.c */
bool np_tcp_hold(np_tcp *t, uint32_t from, uint32_t to); /* false: no room, not held */
bool np_tcp_unhold(np_tcp *t); /* moves receive_next over what is held; true: it met the FIN */

/* keepalive.c */
void np_tcp_keepalive_start(np_tcp *t, const np_tcp_config *c, np_time now);
bool np_tcp_keepalive_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);

#endif
