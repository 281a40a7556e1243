/*
 * Heartbeats: application messages that keep a connection open and notice when it is not.
 *
 * One np_beat at each end. An end may send beats, wait for their answers, and may have the silence rule:
 * give up when nothing has arrived for so long. The strategy (`fixed`, ...) says when the next beat is due;
 * beat.c does the rest: answers, misses, silence. A strategy is one file, sim/host/beat_NAME.c, and a line in
 * the list of beat.c.
 */
#ifndef NATPULSE_BEAT_H
#define NATPULSE_BEAT_H

#include "natpulse/random.h"
#include "natpulse/time.h"

typedef enum np_beat_from { NP_BEAT_FROM_CLIENT, NP_BEAT_FROM_SERVER, NP_BEAT_FROM_BOTH } np_beat_from;

typedef struct np_beat_config {
    const char *strategy; /* a name from np_beat_list, NULL: no heartbeat */
    np_beat_from from;
    np_time every;                /* from one beat to the next */
    np_time timeout;              /* an answer later than this is a miss; 0: answers are not awaited */
    uint32_t misses;              /* this many misses in a row and the sender gives up; >= 1 */
    np_time server_closes_after;  /* the server gives a client up that was silent for so long; 0: never */
    uint32_t bytes, answer_bytes; /* message sizes; answer 0: beats are not answered */
} np_beat_config;

/* No heartbeat; and the values a heartbeat has when a scenario does not say: fixed, from the client, timeout
   10 s, misses 2, 2-byte beats and answers (MQTT PINGREQ/PINGRESP). */
void np_beat_defaults(np_beat_config *c);

const char *const *np_beat_list(void); /* names of the strategies, NULL at the end */

typedef enum np_beat_side { NP_BEAT_CLIENT, NP_BEAT_SERVER } np_beat_side;

/* One end's state: 48 bytes. */
typedef struct np_beat {
    np_time next; /* when the strategy wants to be asked next; NP_NEVER: this end sends none */
    np_time
        answer_due; /* when the oldest beat without an answer counts as missed; NP_NEVER: none is awaited */
    np_time heard;  /* last time anything arrived from the peer */
    uint32_t entity, draws; /* for the strategy's random draws: whose, and the index of the next */
    uint16_t missed;        /* misses in a row */
    uint16_t waiting;       /* beats without an answer, not yet missed */
    uint8_t side, strategy; /* np_beat_side; index in the list */
    uint8_t spare[2];
    uint32_t learned[2]; /* the strategy's own; 0 at the start */
} np_beat;

_Static_assert(sizeof(np_beat) == 48, "an idle connection must stay small");

typedef enum np_beat_action {
    NP_BEAT_NOTHING,
    NP_BEAT_SEND,   /* send c->bytes as a heartbeat now */
    NP_BEAT_DEAD,   /* the connection is given up: too many misses */
    NP_BEAT_SILENT, /* the connection is given up: the server's rule */
} np_beat_action;

/* The connection has just opened. entity: unique per end, for random draws. c->strategy must be NULL or in
   the list, and `every` above 0 where this side sends (asserts). */
void np_beat_start(np_beat *b, const np_beat_config *c, np_beat_side side, uint32_t entity, np_time now);

/* Something arrived from the peer (any data: it breaks the silence); a beat's answer arrived (it breaks the
   silence, settles the oldest beat that waits for one, and ends the row of misses). */
void np_beat_heard(np_beat *b, const np_beat_config *c, np_time now);
void np_beat_answered(np_beat *b, const np_beat_config *c, np_time now);

/* The earliest moment this end wants np_beat_timer, NP_NEVER when none. */
np_time np_beat_deadline(const np_beat *b, const np_beat_config *c);

/* What to do at `now`; call again until NP_BEAT_NOTHING (unless dead or silent). Of what is due at the same
   moment, misses come before beats: with timeout == every, a beat that is not answered by the next is a miss.
 */
np_beat_action np_beat_timer(np_beat *b, const np_beat_config *c, np_key key, np_time now);

#endif
