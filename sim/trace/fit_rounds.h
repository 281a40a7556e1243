/*
 * What a connection shows of its workload: messages, exchanges, rounds, and keepalive probes.
 *
 *     connection -> messages -> exchanges -> rounds
 *
 * A message is the payload of one direction without a pause; an exchange a message of the opener and the
 * answer that follows; a round the exchanges of one client without a pause between them (NP_FIT_PAUSE). What
 * a round waits for is `gap`: since the end of the round before (closed loop) or since its start (open loop).
 * A gap that was still open when the connection or the capture ended is a censored value.
 *
 * Times are those at the capture's place: the service time is what an answer takes beyond a handshake's round
 * trip there, a closed gap what lies between answer and request less the round trip to the client.
 */
#ifndef NATPULSE_TRACE_FIT_ROUNDS_H
#define NATPULSE_TRACE_FIT_ROUNDS_H

#include "fit_flows.h"
#include "natpulse/fit.h"

typedef struct np_fit_values {
    double *v;
    uint32_t n, room;
} np_fit_values;

typedef struct np_fit_message {
    np_time first, last;
    uint32_t bytes;
    uint8_t way;
} np_fit_message;

typedef struct np_fit_exchange {
    np_time first, end;
} np_fit_exchange;

/* What is gathered of one group. Arrays grow as needed and are used again for the next. */
typedef struct np_fit_seen {
    const np_fit_flows *f;
    np_time access, core;    /* one way */
    np_fit_message *message; /* of the connection that was read last */
    uint32_t messages, message_room;
    np_fit_exchange *exchange; /* of rounds that were not read yet */
    uint32_t exchanges, exchange_room;
    np_fit_values open, closed, open_cut, closed_cut; /* gaps by either rule, and the censored */
    np_fit_values count, request, response, service, arrival, held, idle, interval, given_up;
    bool out_of_memory;
} np_fit_seen;

void np_fit_seen_clear(np_fit_seen *s); /* the values: for another group */
void np_fit_seen_free(np_fit_seen *s);
void np_fit_put(np_fit_seen *s, np_fit_values *to, double x);

void np_fit_sort(np_fit_values *v);

/* Sorts, and takes the middle one; 0 when there is none. */
double np_fit_median(np_fit_values *v);

/* The messages of a connection, into s->message: upkeep left out. */
void np_fit_read_messages(np_fit_seen *s, const np_fit_talk *t);

/* The exchanges in the messages that were read: their sizes and service times; rounds are for the next
   function. A connection for a single one stands in time where it began. */
void np_fit_read_exchanges(np_fit_seen *s, np_fit_group *g, const np_fit_talk *t);

/* The rounds of the exchanges since the last call, and the gaps before, between and behind them. `since`:
   where the gap of the first begins, 0: nobody knows; `end`: nothing more shows afterwards. */
void np_fit_read_rounds(np_fit_seen *s, np_fit_group *g, np_time since, np_time end);

/* The keepalive probes of a connection. */
void np_fit_read_probes(np_fit_seen *s, np_fit_group *g, const np_fit_talk *t);

#endif
