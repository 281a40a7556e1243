/*
 * What a heartbeat strategy is: when to send a beat, and no more. beat.c keeps count of answers and misses.
 *
 * A new strategy is a file beat_NAME.c that defines np_strategy_NAME, and a line in the list of beat.c.
 */
#ifndef NATPULSE_HOST_BEAT_STRATEGY_H
#define NATPULSE_HOST_BEAT_STRATEGY_H

#include "natpulse/beat.h"

/* Random draws of this floor: NP_PURPOSE(3, 0x100 ..) are the heartbeats', below 0x100 the workloads'. */
#define NP_PURPOSE_BEAT NP_PURPOSE(3, 0x100)

typedef struct np_beat_strategy {
    /* The connection has opened: sets b->next. Where that takes a random draw, b->next = now: `due` comes at
       once and has the key. */
    void (*start)(np_beat *b, const np_beat_config *c, np_time now);

    /* b->next has come: moves b->next past `now`; returns whether a beat is to be sent now. */
    bool (*due)(np_beat *b, const np_beat_config *c, np_key key, np_time now);

    /* All may be NULL, and may move b->next: something was heard (to put a beat off), a beat was answered or
       missed (to learn from it). */
    void (*heard)(np_beat *b, const np_beat_config *c, np_time now);
    void (*answered)(np_beat *b, const np_beat_config *c, np_time now);
    void (*missed)(np_beat *b, const np_beat_config *c, np_time now);
} np_beat_strategy;

#endif
