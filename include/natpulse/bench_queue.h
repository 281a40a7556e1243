/*
 * The hold model, by which event queues are compared: with a steady number of events pending, take one out
 * and push one at a random delay after it, again and again. The caller holds the clock.
 */
#ifndef NATPULSE_BENCH_QUEUE_H
#define NATPULSE_BENCH_QUEUE_H

#include "natpulse/time.h"

typedef enum np_bench_delays {
    NP_BENCH_EXPONENTIAL, /* mean 50 ms */
    NP_BENCH_BIMODAL, /* nine in ten exponential with mean 50 ms (packets), one in ten uniform between 54 s
                         and 66 s (timeouts and heartbeats) */
    NP_BENCH_DELAYS_COUNT,
} np_bench_delays;

const char *np_bench_delays_name(np_bench_delays d); /* "exponential", "bimodal" */

/* Names of the queues, the one behind natpulse/events.h first; NULL after the last. */
const char *np_bench_queue_kind(uint32_t i);

typedef struct np_bench_queue np_bench_queue;

/* Queue `kind` (its number, as above) filled with `pending` >= 1 events as if holds had gone on for ever
   (the delays that are left follow the equilibrium distribution). NULL when memory is out. */
np_bench_queue *np_bench_queue_create(uint32_t kind, size_t pending, np_bench_delays delays);
void np_bench_queue_destroy(np_bench_queue *b);

/* Does that many holds. *sum (when not NULL) becomes a checksum of the order in which events came out: the
   same for every kind. False when memory is out. */
bool np_bench_queue_hold(np_bench_queue *b, uint64_t holds, uint64_t *sum);

#endif
