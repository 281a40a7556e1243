/*
 * The event queue of one simulation: what happens next.
 *
 * Contract: events come out by time; events of the same time come out in the order they were pushed.
 * Time does not run backwards: an event may not be pushed before the time of the last one popped.
 * There is no cancel. An owner who no longer wants an event ignores it when it comes (it keeps the time
 * it is waiting for, and compares); so the queue holds 16 bytes an event and needs no handles.
 * The queue owns its memory, grows by doubling and never shrinks. Not shared between threads.
 */
#ifndef NATPULSE_EVENTS_H
#define NATPULSE_EVENTS_H

#include "natpulse/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct np_event {
    np_time time;
    uint64_t what; /* the owner's: kind, index, ... */
} np_event;

typedef struct np_events np_events;

/* NULL when memory is out. */
np_events *np_events_create(void);
void np_events_destroy(np_events *q);

/* Adds an event. `time` must not be before np_events_now(). False only when memory is out. */
bool np_events_push(np_events *q, np_time time, uint64_t what);

/* Takes the next event out. False when there is none. */
bool np_events_pop(np_events *q, np_event *out);

/* The time of the next event without taking it, NP_NEVER when there is none. */
np_time np_events_peek(np_events *q);

/* The time of the last event popped; 0 at the start. */
np_time np_events_now(const np_events *q);

/* A hint for prefetching: the event that will be popped `places` after the next one if nothing is pushed
   before it, or NULL when that is not known cheaply. Valid until the next push or pop. */
const np_event *np_events_ahead(const np_events *q, uint32_t places);

/* The same for what comes after those events that np_events_ahead knows: some of the next *n or more, in no
   order. */
const np_event *np_events_beyond(const np_events *q, uint32_t *n);

size_t np_events_pending(const np_events *q);

/* Bytes of memory held. */
size_t np_events_bytes(const np_events *q);

#endif
