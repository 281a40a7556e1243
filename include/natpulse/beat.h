/*
 * Heartbeats: application messages that keep a connection open and notice when it is not.
 *
 * One np_beat at each end. An end may send beats, wait for their answers, and may have rules: give up when
 * nothing has arrived for so long; at the server, give up a client that beats too often. The strategy
 * (`fixed`, ...) says when the next beat is due; beat.c does the rest: answers, misses, rules. A strategy is
 * one file, sim/host/beat_NAME.c, and a line in the list of beat.c.
 *
 * What an end knows lives as long as its connection. What a strategy learns (how long may the path be idle?)
 * is worth most after a failure: it is kept apart, in an np_beat_memory that belongs to the client.
 */
#ifndef NATPULSE_BEAT_H
#define NATPULSE_BEAT_H

#include "natpulse/random.h"
#include "natpulse/time.h"

typedef enum np_beat_from { NP_BEAT_FROM_CLIENT, NP_BEAT_FROM_SERVER, NP_BEAT_FROM_BOTH } np_beat_from;

/* What puts a beat of `piggyback` off. */
typedef enum np_beat_idle { NP_BEAT_IDLE_SENT, NP_BEAT_IDLE_HEARD, NP_BEAT_IDLE_EITHER } np_beat_idle;

typedef struct np_beat_config {
    const char *strategy; /* a name from np_beat_list, NULL: no heartbeat */
    np_beat_from from;
    np_time every;           /* from one beat to the next; the longest such time of `jittered` */
    np_time least, most;     /* jittered: least to every; mars and search: the range that is searched */
    np_time step, back_off;  /* mars and search: see there */
    np_beat_idle idle_since; /* piggyback: what it is idle without */
    np_time timeout;         /* an answer later than this is a miss; 0: answers are not awaited */
    uint32_t misses;         /* this many misses in a row and the sender gives up; >= 1 */
    np_time server_closes_after, client_closes_after; /* the end gives up after so long a silence; 0: never */
    np_time server_permits;       /* beats nearer than this to the one before are strikes; 0: any will do */
    uint32_t strikes;             /* so many are forgiven, the next one ends the connection */
    uint32_t bytes, answer_bytes; /* message sizes; answer 0: beats are not answered */
} np_beat_config;

/* No heartbeat; and the values a heartbeat has when a scenario does not say: fixed, from the client, timeout
   10 s, misses 2, 2-byte beats and answers (MQTT PINGREQ/PINGRESP), 2 strikes (gRPC). */
void np_beat_defaults(np_beat_config *c);

const char *const *np_beat_list(void); /* names of the strategies, NULL at the end */

/* Whether a strategy, known to be in the list, goes by `every`; learns; never has a second beat out before
   the answer to the first is due (so that its timeout must not exceed its shortest interval). */
bool np_beat_has_every(const char *strategy);
bool np_beat_learns(const char *strategy);
bool np_beat_one_at_a_time(const char *strategy);

/* The shortest time between two beats, 0 when there is none. */
np_time np_beat_shortest(const np_beat_config *c);

typedef enum np_beat_side { NP_BEAT_CLIENT, NP_BEAT_SERVER } np_beat_side;

/* What an end has learned, over all connections of one client. All 0 at the start. */
typedef struct np_beat_memory {
    np_time value;        /* the interval being tried or settled on; 0: nothing known yet */
    np_time used;         /* the interval before the beat that is out */
    np_time planned;      /* the interval before the next one */
    np_time safe, unsafe; /* the longest that held; the shortest that did not, 0: none known */
    np_time changed;      /* when value changed last */
    uint16_t good, bad;   /* beats that were answered, beats in a row that were not, at `value` */
    uint16_t link;        /* beats answered on this connection */
    bool settled;
    uint8_t doublings; /* of `every`: the server complained so often */
} np_beat_memory;

/* Whether the ends need a memory. */
bool np_beat_remembers(const np_beat_config *c);

/* Whose np_beat it is. */
typedef struct np_beat_owner {
    np_key key;             /* of the run's random draws */
    uint32_t entity;        /* for draws: unique per end */
    np_beat_memory *memory; /* NULL where np_beat_remembers says that none is needed */
} np_beat_owner;

/* One end's state: 40 bytes. */
typedef struct np_beat {
    np_time next; /* when the strategy wants to be asked next; NP_NEVER: not by itself */
    np_time
        answer_due;   /* when the oldest beat without an answer counts as missed; NP_NEVER: none is awaited */
    np_time heard;    /* last time anything arrived from the peer */
    np_time pinged;   /* the last beat of the peer, -NP_NEVER: none since data were sent (server_permits) */
    uint16_t missed;  /* misses in a row */
    uint16_t waiting; /* beats without an answer, not yet missed */
    uint8_t side, strategy; /* np_beat_side; index in the list, or NP_BEAT_SENDS_NONE */
    uint8_t strikes, spare;
} np_beat;

#define NP_BEAT_SENDS_NONE UINT8_MAX

_Static_assert(sizeof(np_beat) == 40, "an idle connection must stay small");

typedef enum np_beat_action {
    NP_BEAT_NOTHING,
    NP_BEAT_SEND,     /* send c->bytes as a heartbeat now */
    NP_BEAT_DEAD,     /* the connection is given up: too many misses */
    NP_BEAT_SILENT,   /* the connection is given up: the rule about silence */
    NP_BEAT_TOO_MANY, /* the connection is given up: the rule about beats too near to each other */
} np_beat_action;

/* What an application sends or hears. */
typedef enum np_beat_what { NP_BEAT_MESSAGE, NP_BEAT_BEAT, NP_BEAT_ANSWER } np_beat_what;

/* The connection has just opened. c->strategy must be NULL or in the list, and what it goes by above 0 where
   this side sends (asserts). */
void np_beat_start(np_beat *b, const np_beat_config *c, np_beat_side side, const np_beat_owner *o,
                   np_time now);

/* Something arrived from the peer: it breaks the silence; an answer settles the oldest beat that waits for
   one, and ends the row of misses. Returns NP_BEAT_NOTHING, or NP_BEAT_TOO_MANY for a beat. */
np_beat_action np_beat_heard(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what,
                             np_time now);

/* This end sends a message or an answer (its own beats need no telling). */
void np_beat_sent(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what,
                  np_time now);

/* The connection has failed otherwise than by np_beat_timer's verdict (a reset, the stack's time-out): a beat
   whose answer was awaited then counts as missed. */
void np_beat_broke(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);

/* The server complained of too many beats: from now on `every` is twice as long (gRPC proposal A8). */
void np_beat_slow_down(const np_beat_config *c, const np_beat_owner *o);

/* The earliest moment this end wants np_beat_timer, NP_NEVER when none. */
np_time np_beat_deadline(const np_beat *b, const np_beat_config *c);

/* What to do at `now`; call again until NP_BEAT_NOTHING (unless the connection is given up). Of what is due
   at the same moment, misses come before beats: with timeout == every, a beat that is not answered by the
   next is a miss. */
np_beat_action np_beat_timer(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);

#endif
