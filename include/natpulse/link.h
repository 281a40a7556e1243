/*
 * One direction of one link: when, and whether, a packet sent now arrives.
 *
 * Time is an argument, never read from a clock. A link holds no packets: it answers "at t" or "lost".
 * The configuration is shared by all links of a kind (one a client group); the state is one a link.
 *
 * Order of what a packet meets: outage, loss, queue and rate, delay and jitter. Packets of one link never
 * overtake each other: jitter that would reorder them holds the later one back to the earlier's arrival.
 *
 * Randomness (np_random) is keyed by (link, time sent), not by a count of packets: two strategies that
 * send at the same moment meet the same fate, and bursts and outages are processes in time that are there
 * whether anybody sends or not. (Packets sent at the very same nanosecond have fates of their own: the i-th
 * of them is keyed by (link, time sent, i).)
 *
 * What it does not do: duplicate, corrupt, reorder, or share its rate with other links.
 */
#ifndef NATPULSE_LINK_H
#define NATPULSE_LINK_H

#include "natpulse/dist.h"
#include "natpulse/random.h"
#include "natpulse/time.h"

typedef enum np_loss_kind { NP_LOSS_NONE, NP_LOSS_INDEPENDENT, NP_LOSS_GILBERT, NP_LOSS_MASK } np_loss_kind;

typedef struct np_link_config {
    np_time delay;  /* propagation, one way */
    np_dist jitter; /* added to it; constant 0 for none */
    np_loss_kind loss_kind;
    double
        loss; /* INDEPENDENT: probability. GILBERT: mean share of time in the bad state, where all is lost */
    np_time burst; /* GILBERT: mean length of a bad spell; spells are exponential in time */
    uint64_t mask; /* MASK (for tests): bit i set: the i-th packet of each link is lost; after 64: none */
    bool outages;  /* on/off process: down for `down`, up for `up`, drawn in turn */
    np_dist up,
        down;    /* nanoseconds; a look costs one draw for each spell since the last, so let them be long */
    double rate; /* bits a second; 0: unlimited */
    uint32_t queue; /* bytes that may be unsent at once; a packet that does not fit is lost, unless it finds
                       the link free. 0: 1 MB */
} np_link_config;

/* 64 bytes. Start with np_link_init; the fields are the implementation's own. */
typedef struct np_link {
    np_time free_at;      /* when the rate has dealt with all sent so far, but for free_fraction */
    np_time last_arrival; /* no packet arrives before it */
    np_time last_sent;
    np_time known_until;   /* Gilbert: .bad holds before it */
    np_time outage_at;     /* the next change of outage state */
    uint32_t outage_flips; /* changes so far: even is up */
    uint32_t entity;       /* which link, for its random draws */
    uint32_t sent;         /* packets offered so far (for MASK) */
    uint32_t ordinal;      /* packets sent at .last_sent before the last one */
    float free_fraction;   /* of a nanosecond, [0, 1) */
    bool bad;              /* Gilbert: the state */
} np_link;

#define NP_LOST INT64_MIN

/* Two entities that differ in this bit only are the two directions of one line: with the same spells, both
   are down at the same times. All else is drawn for each by itself. */
#define NP_LINK_DOWN 0x80000000u

/* entity: unique over all links of a simulation, both directions. Good and up at time 0 in proportion to
   the process's long-run shares (a stationary start; for outages that are not exponential the length of the
   first spell is from 64 points of its distribution). The result depends on nothing but the arguments. */
void np_link_init(np_link *l, const np_link_config *c, np_key key, uint32_t entity);

/* Offers a packet of `bytes` (IP length) at `now` >= 0; `now` must not run backwards on one link.
   Returns when it arrives, or NP_LOST. */
np_time np_link_send(np_link *l, const np_link_config *c, np_key key, np_time now, uint32_t bytes);

/* Whether an independent loss befalls what is sent over the link `entity` at `now` as the one after `ordinal`
   others of the same nanosecond: the draw of np_link_send. */
bool np_link_loses(const np_link_config *c, np_key key, uint32_t entity, np_time now, uint32_t ordinal);

/* True when every packet takes exactly c->delay or is lost: then arrivals of all links of this kind are in
   the order of sending, and one FIFO can carry them all. */
bool np_link_is_fifo(const np_link_config *c);

/* Whether the path is up (no outage) at `now`; independent and Gilbert loss do not count as down. */
bool np_link_up(np_link *l, const np_link_config *c, np_key key, np_time now);

/* When the answer of np_link_up, as it was asked for last, becomes another one. NP_NEVER: it does not. */
np_time np_link_next_change(const np_link *l);

#endif
