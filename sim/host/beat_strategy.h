/*
 * What a heartbeat strategy is: when to send a beat, and no more. beat.c keeps count of answers and misses.
 *
 * A new strategy is a file beat_NAME.c that defines np_strategy_NAME, and a line in the list of beat.c.
 */
#ifndef NATPULSE_HOST_BEAT_STRATEGY_H
#define NATPULSE_HOST_BEAT_STRATEGY_H

#include "natpulse/beat.h"

/* Random draws of this floor: NP_PURPOSE(3, 0x100 ..) are the heartbeats', below 0x100 the workloads'. The
   index is the time of the draw: an end draws at most once at a time, and keeps no count. */
#define NP_PURPOSE_BEAT NP_PURPOSE(3, 0x100)

typedef struct np_beat_strategy {
    bool has_every;     /* it goes by c->every */
    bool learns;        /* it needs o->memory */
    bool one_at_a_time; /* times between beats vary: the answer to one must be due before the next */
    bool by_least;      /* the shortest time between beats is c->least, else c->every */

    /* The connection has opened: sets b->next. */
    void (*start)(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);

    /* b->next has come: moves b->next past `now`; returns whether a beat is to be sent now. */
    bool (*due)(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);

    /* All may be NULL, and may move b->next: a beat was answered or missed (to learn from it); something was
       heard (told after `answered`), or sent other than a beat (to put a beat off). */
    void (*answered)(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);
    void (*missed)(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);
    void (*heard)(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what,
                  np_time now);
    void (*sent)(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now);
} np_beat_strategy;

/* c->every, doubled as often as the server complained. */
static inline np_time np_beat_every(const np_beat_config *c, const np_beat_owner *o)
{
    return c->every << (o->memory ? o->memory->doublings : 0);
}

#endif
