/*
 * Event queues side by side: the one behind natpulse/events.h and those it was chosen over. They keep the
 * same contract; tests hold them to the same order and the bench measures them.
 */
#ifndef NATPULSE_EVENTS_KIND_H
#define NATPULSE_EVENTS_KIND_H

#include "natpulse/events.h"

typedef struct np_events_kind {
    const char *name;
    void *(*create)(void);
    void (*destroy)(void *q);
    bool (*push)(void *q, np_time time, uint64_t what);
    bool (*pop)(void *q, np_event *out);
    np_time (*peek)(void *q);
} np_events_kind;

extern const np_events_kind
    np_events_binary; /* a radix heap of single bits: Ahuja et al., J. ACM 37(2), 1990 */
extern const np_events_kind np_events_heap; /* an implicit heap of four children: Johnson, IPL 4(3), 1975 */
extern const np_events_kind np_events_calendar; /* Brown, CACM 31(10), 1988 */

/* All of them, the chosen one first; NULL at the end. */
extern const np_events_kind *const np_events_kinds[];

#endif
