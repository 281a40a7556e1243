/*
 * Workloads: what applications do with a connection.
 *
 * A workload is a series of rounds. Each round is one or more exchanges (a request and its response, or a
 * one-way message) opened by the client or by the server. What the k-th round of a client is, is a function
 * of (client, k) alone (np_random): every strategy meets the same rounds. A new set of numbers is a YAML
 * profile; a new shape is a file sim/host/work_NAME.c and a line in the list of work.c.
 */
#ifndef NATPULSE_WORK_H
#define NATPULSE_WORK_H

#include "natpulse/dist.h"
#include "natpulse/random.h"
#include <stdbool.h>

typedef struct np_work_config {
    const char *shape; /* a name from np_work_list: "exchange", "ticks" */
    const char *name;  /* of the profile, for messages */
    bool from_server;  /* the server opens each exchange (push) */
    bool open_loop;    /* the gap runs from the start of a round (arrivals), not from its end (think time) */
    np_dist gap;       /* between rounds, ns */
    np_dist count;     /* exchanges in a round (rounded down, at least 1) */
    np_dist request;   /* bytes of the opener's message (at least 1) */
    np_dist response;  /* bytes of the answer; 0: none */
    np_dist service;   /* from request in to response out, ns */
} np_work_config;

const char *const *np_work_list(void);

typedef struct np_round {
    np_time gap; /* before this round: since the start (open loop) or the end of the one before, or since the
                    session began */
    uint32_t count; /* exchanges */
} np_round;

typedef struct np_exchange {
    uint32_t request, response; /* bytes; response 0: one way */
    np_time service;
    bool from_server; /* it opens this one */
} np_exchange;

/* The k-th round of client `entity`, and its i-th exchange. */
np_round np_work_round(const np_work_config *w, np_key key, uint32_t entity, uint32_t k);
/* Whether its messages are worth nothing later: what cannot go out at once is not sent at all. */
bool np_work_is_fleeting(const np_work_config *w);

np_exchange np_work_exchange(const np_work_config *w, np_key key, uint32_t entity, uint32_t k, uint32_t i);

#endif
