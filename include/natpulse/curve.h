/*
 * The table-size curve: what every size of an LRU table, with each of several idle timeouts, would have done
 * to the flows of a capture, from one reading.
 *
 * It is equal to one np_replay_run for each size and timeout with `evict: lru`, NP_ADOPT_FIRST,
 * NP_AFTER_LOSS_REOPEN, every timeout of the profile set to the one asked for, tracker `none`, and ports that
 * never run out.
 */
#ifndef NATPULSE_CURVE_H
#define NATPULSE_CURVE_H

#include "natpulse/replay.h"

#define NP_CURVE_TIMEOUTS 32 /* at most, in one curve */

typedef struct np_curve_config {
    const np_cidr *inside; /* as np_replay_config */
    uint32_t insides;
    np_time timeout[NP_CURVE_TIMEOUTS]; /* rising, > 0; NP_NEVER: no mapping ever times out */
    uint32_t timeouts;                  /* at least 1 */
    np_closed closed;
    np_unknown unknown_outbound; /* of the profile: matters with NP_CLOSED_LEAVE, for packets after the end */
    double sample;       /* share of the flows that is looked at, above 0; 1: all, and the curve is exact */
    uint64_t seed;       /* which flows the sample takes */
    np_reading *reading; /* NULL: not wanted */
    void *reading_ctx;
} np_curve_config;

/* A point of the curve. */
typedef struct np_curve_point {
    uint64_t flows_hurt, packets_hurt; /* as in np_replay_summary; of a sample, scaled up to all flows */
    /* Of all flows; and its 95 % interval, which a sample has and an exact curve has not (equal to the
     * share). */
    double share, low, high;
} np_curve_point;

typedef struct np_curve np_curve;

/* Reads the capture to its end, or until *stop (NULL: never) is not 0. NULL and *e on trouble. */
np_curve *np_curve_run(np_capture *c, const np_curve_config *config, const volatile int *stop, np_error *e);
void np_curve_destroy(np_curve *c); /* NULL is allowed */

typedef struct np_curve_counts {
    uint64_t outbound, inbound, local, elsewhere, flows; /* as in np_replay_summary, of all flows */
    uint64_t sampled;                                    /* flows looked at: all, or those of the sample */
    uint32_t timeouts;
    double sample;       /* as asked for */
    uint64_t capacity;   /* no table needs more: from this size on the curve is flat */
    np_time first, last; /* first > last: there was no packet */
    bool stopped;
} np_curve_counts;
np_curve_counts np_curve_count(const np_curve *c);

np_time np_curve_timeout(const np_curve *c, uint32_t timeout);

/* The point of a capacity (at least 1) and the number of a timeout in the configuration's list. O(timeouts).
 */
np_curve_point np_curve_at(const np_curve *c, uint64_t capacity, uint32_t timeout);

#endif
