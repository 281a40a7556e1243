/*
 * What fitting keeps of a capture: its connections, and of each what was said when.
 *
 * A talk is one connection: a five-tuple from a SYN (or the first packet) to the next. What is said in it is
 * a list of pieces in order of time: runs of new payload in one direction, and keepalive probes. Repetitions
 * are left out, by sequence number.
 *
 *     talk: client, server, times of the handshake | first piece -> piece -> ... -> last piece
 *
 * Small segments stay pieces of their own, since a heartbeat is known by its size; a segment above SMALL
 * swallows what follows it in the same direction without a pause, so that a download is one piece.
 *
 * Memory: 136 bytes a talk, 32 a piece.
 */
#ifndef NATPULSE_TRACE_FIT_FLOWS_H
#define NATPULSE_TRACE_FIT_FLOWS_H

#include "index.h"
#include "natpulse/error.h"
#include "natpulse/time.h"

#define NP_FIT_NONE UINT32_MAX

/* Payload of one direction without so long a pause is one message; a round of exchanges ends with such a
   pause. What is shorter is a machine's pause, what is longer a user's: Barford and Crovella (SIGMETRICS
   1998) draw the line between active and inactive OFF times at 1 s. */
#define NP_FIT_PAUSE NP_SECOND

/* Heartbeats are no larger, bytes of payload. The largest in profiles/heartbeat is below 100. */
#define NP_FIT_SMALL 256

enum { NP_FIT_OUT, NP_FIT_IN }; /* from the client, to the client */

enum { NP_FIT_PIECE_DATA, NP_FIT_PIECE_PROBE, NP_FIT_PIECE_BEAT, NP_FIT_PIECE_ANSWER };

typedef struct np_fit_piece {
    np_time first, last; /* of a probe, last - first is how long the other side had been silent */
    uint32_t bytes, next;
    uint16_t tail; /* size of its last segment */
    uint8_t way, what;
} np_fit_piece;

typedef struct np_fit_talk {
    np_tuple who;                    /* local: the client */
    np_time start, syn, synack, ack; /* 0: not seen (syn, synack: or seen twice, so that they tell no time) */
    np_time last, closed;            /* closed: first FIN or RST; NP_NEVER: none */
    np_time heard[2];                /* last packet, by direction; 0: none */
    uint32_t head, tail;             /* pieces */
    uint32_t next[2];                /* sequence number behind the highest seen */
    uint16_t largest[2];             /* segment */
    bool known[2];                   /* next[] is set */
    bool opened;                     /* began with a SYN (UDP: began) */
    bool reset, reset_by_client;
    uint8_t syns, synacks;
} np_fit_talk;

typedef struct np_fit_flows {
    np_fit_talk *talk;
    np_fit_piece *piece;
    uint32_t talks, talk_room, pieces, piece_room;
    uint32_t *current; /* by five-tuple: the talk it is in now */
    uint32_t tuples, tuple_room;
    np_index index;
    uint64_t retransmitted; /* segments */
} np_fit_flows;

bool np_fit_flows_init(np_fit_flows *f);
void np_fit_flows_free(np_fit_flows *f);

/* A TCP or UDP packet between inside and outside. False when memory is out. */
bool np_fit_flows_packet(np_fit_flows *f, np_time when, bool outbound, const np_packet *p);

#endif
