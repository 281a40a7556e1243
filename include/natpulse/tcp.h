/*
 * One end of a TCP connection (RFC 9293, 6298, 5681, 1122), with Linux's constants by default.
 *
 * The state is plain memory that the caller owns; the functions are told the time and hand packets to a
 * sink. What is sent is a count of bytes; the packets carry lengths and sequence numbers, no data.
 * Every function may move the end's deadline: afterwards ask np_tcp_deadline() and call np_tcp_timer() then.
 */
#ifndef NATPULSE_TCP_H
#define NATPULSE_TCP_H

#include "natpulse/packet.h"
#include "natpulse/time.h"

/* TCP keepalive (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT). */
typedef struct np_keepalive {
    bool on;
    np_time idle;     /* since the last segment received, before the first probe */
    np_time interval; /* between unanswered probes */
    uint32_t probes;  /* unanswered probes after which the connection is given up */
} np_keepalive;

typedef struct np_tcp_config {
    np_keepalive keepalive;
    np_time user_timeout;    /* TCP_USER_TIMEOUT (RFC 5482, tcp(7)); 0: none */
    np_time rto_initial;     /* 1 s (RFC 6298 2.1) */
    np_time rto_min;         /* 200 ms (Linux TCP_RTO_MIN) */
    np_time rto_max;         /* 120 s (Linux TCP_RTO_MAX) */
    np_time delayed_ack;     /* 40 ms (Linux TCP_DELACK_MIN); 0: every segment is acknowledged at once */
    np_time time_wait;       /* 60 s (Linux TCP_TIMEWAIT_LEN) */
    np_time fin_timeout;     /* 60 s: an orphan in FIN_WAIT_2 (Linux tcp_fin_timeout) */
    uint32_t syn_retries;    /* 6 (Linux tcp_syn_retries) */
    uint32_t synack_retries; /* 5 (Linux tcp_synack_retries) */
    uint32_t retries;        /* 15 (Linux tcp_retries2): gives up after about 924.6 s at rto_min */
    uint32_t orphan_retries; /* 8 (Linux tcp_orphan_retries): the same after np_tcp_close, 102.2 s */
    uint16_t mss;            /* 1448 payload bytes */
    uint16_t window;         /* 65535, before scaling */
    uint8_t window_scale;    /* 7 */
    uint8_t initial_window;  /* 10 segments (RFC 6928) */
    bool timestamps;         /* 12 bytes of option in every segment after the handshake (RFC 7323) */
} np_tcp_config;

/* Linux's defaults as above; keepalive off; timestamps on. */
void np_tcp_defaults(np_tcp_config *c);

typedef enum np_tcp_state {
    NP_TCP_CLOSED,
    NP_TCP_SYN_SENT,
    NP_TCP_SYN_RECEIVED,
    NP_TCP_ESTABLISHED,
    NP_TCP_FIN_WAIT_1,
    NP_TCP_FIN_WAIT_2,
    NP_TCP_CLOSE_WAIT,
    NP_TCP_CLOSING,
    NP_TCP_LAST_ACK,
    NP_TCP_TIME_WAIT,
} np_tcp_state;

/* How an end came to be closed, or what it is told. */
typedef enum np_tcp_event {
    NP_TCP_OPENED,              /* the handshake is complete at this end */
    NP_TCP_PEER_CLOSED,         /* a FIN arrived, in order */
    NP_TCP_DONE,                /* closed cleanly, after TIME_WAIT where due */
    NP_TCP_REFUSED,             /* RST in answer to the SYN (ECONNREFUSED) */
    NP_TCP_WAS_RESET,           /* RST (ECONNRESET) */
    NP_TCP_TIMED_OUT_CONNECT,   /* SYN (or SYN/ACK) retries used up (ETIMEDOUT) */
    NP_TCP_TIMED_OUT_DATA,      /* retransmissions used up, or TCP_USER_TIMEOUT (ETIMEDOUT) */
    NP_TCP_TIMED_OUT_KEEPALIVE, /* probes used up (ETIMEDOUT) */
} np_tcp_event;

/* Where an end's output goes. Calls happen inside np_tcp_* functions; they must not call back into the same
   end, except np_tcp_write/close/abort from `event` and `received`. The end's memory may go inside an `event`
   that says the connection is over (DONE and all below it); after an abort from a callback, once that
   function has returned. */
typedef struct np_tcp_sink {
    /* Fill in addresses, ports and conn, and forward. All else is set; bytes are those of IPv4. */
    void (*transmit)(void *ctx, np_packet *p);
    /* All data up to (not including) stream offset `upto` has arrived in order. */
    void (*received)(void *ctx, uint64_t upto);
    void (*event)(void *ctx, np_tcp_event what);
    void *ctx;
} np_tcp_sink;

/* Out-of-order data is kept as a few ranges of sequence numbers, not as segments. */
#define NP_TCP_HELD 3

typedef struct np_tcp_range {
    uint32_t from, to; /* [from, to) */
} np_tcp_range;

/* One end. The fields are the implementation's own; sequence numbers are as on the wire, offsets count the
 * stream's bytes from 0. */
typedef struct np_tcp {
    np_time retransmit_at;    /* RTO, persist, TIME_WAIT and FIN_WAIT_2: never two of them at once */
    np_time keepalive_at;     /* may lie too early: it is checked against last_received when it comes */
    np_time ack_at;           /* delayed ACK */
    np_time last_received;    /* the last acceptable segment */
    np_time unanswered_since; /* first sending of what is outstanding, or the last progress since */
    uint64_t una;             /* oldest unacknowledged position: 0 the SYN, 1 + offset, then the FIN */
    uint64_t written;         /* stream offset after the last byte queued */
    uint64_t arrived;         /* stream offset after the last byte received in order */
    uint32_t iss, receive_next;
    uint32_t next, high;     /* to be sent next; after the highest ever sent (next < high after a timeout) */
    uint32_t recover;        /* NewReno (RFC 6582) */
    uint32_t window;         /* the peer's, scaled, bytes */
    uint32_t cwnd, ssthresh; /* bytes */
    uint32_t srtt_us, rttvar_us;    /* srtt_us 0: no sample yet */
    uint32_t timed_seq, timed_us;   /* the segment whose ACK will be a sample */
    uint32_t kind_from;             /* where the run of bytes of the last written kind begins */
    np_tcp_range held[NP_TCP_HELD]; /* rising, disjoint, none touching */
    uint16_t flags, probes;         /* probes: keepalive or window probes sent since the last ACK */
    uint8_t state, timeouts, duplicates, owed, peer_shift, holds, ack_kind;
} np_tcp;

/* An end that only waits, packed: open, all it sent acknowledged, nothing queued, no ACK owed, nothing held.
   That is how nearly all ends are nearly all the time, when connections are many. */
typedef struct np_tcp_idle {
    np_time keepalive_at, last_received;
    uint32_t written, arrived, iss, receive_next, ssthresh, srtt_us, rttvar_us;
    uint16_t window, cwnd, flags;
    uint8_t probes, peer_shift;
    uint32_t owner; /* is the owner's: not looked at, and left as it is */
} np_tcp_idle;

_Static_assert(sizeof(np_tcp_idle) == 56, "an idle connection must stay small");

/* `iss`: initial sequence number. Opens actively: sends a SYN. */
void np_tcp_connect(np_tcp *t, const np_tcp_config *c, uint32_t iss, const np_tcp_sink *s, np_time now);

/* Opens passively with the SYN that arrived: sends a SYN/ACK. */
void np_tcp_accept(np_tcp *t, const np_tcp_config *c, uint32_t iss, const np_packet *syn,
                   const np_tcp_sink *s, np_time now);

/* A segment for this end arrived. One that is not acceptable is answered as RFC 9293 and 5961 say and
   otherwise ignored; p may be anything with proto NP_TCP. */
void np_tcp_input(np_tcp *t, const np_tcp_config *c, const np_packet *p, const np_tcp_sink *s, np_time now);

/* Queues `bytes` of `kind` (NP_KIND_PAYLOAD or _HEARTBEAT) and sends what window and state allow. Returns the
   stream offset after the last byte: the peer has it all when its `received` reports that offset.
   Not to be called after np_tcp_close or when closed (asserts). */
uint64_t np_tcp_write(np_tcp *t, const np_tcp_config *c, uint32_t bytes, np_kind kind, const np_tcp_sink *s,
                      np_time now);

/* FIN after what is queued; data of the peer are still taken (shutdown(2), SHUT_WR), though not for longer
   than fin_timeout of silence. Before the handshake's answer: closed at once, with NP_TCP_DONE. Again:
   nothing. */
void np_tcp_close(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);

/* RST, and closed at once (no event). */
void np_tcp_abort(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);

/* The earliest moment this end wants np_tcp_timer, NP_NEVER when none. */
np_time np_tcp_deadline(const np_tcp *t);

/* Does whatever is due at `now`; harmless when nothing is. */
void np_tcp_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now);

/* Packs an end if that loses nothing: the unpacked one will do all that the end would have done. False when
   it is not idle, or its numbers do not fit (a stream of 4 GB, say, or a window grown beyond the initial
   one): then *out is not changed. */
bool np_tcp_pack(const np_tcp *t, const np_tcp_config *c, np_tcp_idle *out);
void np_tcp_unpack(const np_tcp_idle *i, np_tcp *out);

np_tcp_state np_tcp_get_state(const np_tcp *t);

/* The answer a host gives to a TCP packet for which it has no connection: an RST (RFC 9293 3.10.7.1).
   False when none is due. */
bool np_tcp_unknown(const np_packet *p, np_packet *answer);

#endif
