/*
 * The packets of a capture that concern a NAT box, in batches: which way each goes, which flow it is of, and
 * when the box gets it.
 *
 *     np_capture_next -> which way? -> five-tuple, hash -> flow number -> np_fed
 *                        sides.c                           flows.c
 *
 * A lookup in the flow records done packet by packet would wait for memory twice; in a batch each step
 * fetches what the next one reads, so that a batch waits about as long as a packet.
 *
 * The box's clock: no two packets meet a box at the same moment. A capture's clock may be too coarse to tell
 * two packets apart, or be held because it went back, but their order is known, and it is the order in which
 * they renew their mappings. So a packet that bears no later time than the one before gets the next
 * nanosecond. All else (rows, idle times of flows) uses the capture's own times.
 */
#ifndef NATPULSE_TRACE_FEED_H
#define NATPULSE_TRACE_FEED_H

#include "flows.h"
#include "sides.h"

#define NP_FEED_BATCH 64 /* enough to hide the waits; all of it stays in the first-level cache */

typedef struct np_fed {
    np_captured captured;
    np_way way;
    uint32_t flow;   /* after np_feed_flows: its number; NP_INDEX_NONE where np_fed_has_flow says no */
    np_time now;     /* the box's clock; of packets for the box */
    np_tuple inside; /* likewise as .flow, and its hash */
    uint64_t hash;
} np_fed;

typedef struct np_feed {
    np_capture *capture;
    np_flows *flows;
    np_sides sides;
    np_time clock;
    /* Flows whose hash, mixed with the key (odd), is below this are kept; UINT64_MAX: all. Set after the
     * init. */
    uint64_t sample_below, sample_key;
    /* Counts so far. */
    uint64_t outbound, inbound, local, elsewhere;
    np_time first, last; /* of all packets read */
    uint32_t n;          /* of the batch */
    np_fed fed[NP_FEED_BATCH];
} np_feed;

/* Records of flows go to *flows, which stays the caller's. */
void np_feed_init(np_feed *f, np_capture *c, const np_sides *sides, np_flows *flows);

/* Reads the next batch into f->fed: the packets for the box, in order. Their number, which may be 0 before
 *the end; more is false at the end. -1 and *e on trouble. */
int np_feed_next(np_feed *f, bool *more, np_error *e);

/* Finds the flow of each packet of the batch that has one, or makes its record. Apart from the reading, so
   that the caller can start fetching what it will need meanwhile. False and *e when memory is out. */
bool np_feed_flows(np_feed *f, np_error *e);

static inline bool np_fed_bears_inside(const np_fed *f)
{
    return f->way == NP_WAY_OUT || f->way == NP_WAY_IN;
}

/* ICMP errors have none of their own. */
static inline bool np_fed_has_flow(const np_fed *f)
{
    return np_fed_bears_inside(f) && f->captured.decoded == NP_DECODED_OK;
}

#endif
