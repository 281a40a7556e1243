/*
 * Battery: what a client's radio takes, above idle, for the packets it sends and receives.
 *
 * A radio that wakes up pays a promotion, then stays awake for a tail after the last packet, in one or two
 * steps. A packet within the tail needs no promotion and starts the tail anew: overlapping tails are charged
 * once, and many small packets cost what the time costs that they keep the radio awake.
 *
 *      power
 *        |        alpha r + beta
 *        |          __            __
 *        | promotion  |tail      |  |tail    second tail
 *        |  ________| |__________|  |_______
 *        |  |                               |_________
 *     0 -|--+                                         +---------- idle
 *           |       |             |
 *           packet 1 goes out     packet 2
 *
 * The model and its figures: Huang et al., MobiSys 2012. Idle is the zero line: what paging takes is taken
 * with or without a connection.
 */
#ifndef NATPULSE_RADIO_H
#define NATPULSE_RADIO_H

#include "natpulse/time.h"

typedef struct np_radio_config {
    const char *name;  /* of the profile; NULL: no radio is charged */
    np_time promotion; /* from idle to awake */
    double promotion_w;
    np_time tail, second_tail; /* after the last packet; 3G: DCH, then FACH */
    double tail_w, second_tail_w;
    double up_w, down_w;     /* while data move, for each Mbit/s (Huang's alpha), */
    double base_w;           /* and whatever the rate (beta) */
    double up_bps, down_bps; /* the rate at which they move, bits/s; > 0 */
} np_radio_config;

/* One radio: 24 bytes. */
typedef struct np_radio {
    np_time awake_until; /* promotion and packets are over; then the tail begins */
    np_time charged;     /* the tail is charged up to here; >= awake_until */
    double joules;       /* charged so far */
} np_radio;

/* Idle since ever. */
void np_radio_init(np_radio *r);

/* A packet of `bytes` (IP length) goes out, or comes in, at `now`, which never runs backwards. One that finds
   the radio busy follows what it is busy with. */
void np_radio_packet(np_radio *r, const np_radio_config *c, bool out, uint32_t bytes, np_time now);

/* Charges the tail up to `now`: r->joules then is what the time until now took (promotions and packets are
   charged whole when they begin). */
void np_radio_settle(np_radio *r, const np_radio_config *c, np_time now);

#endif
