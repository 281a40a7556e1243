/* What both ends of a script's flows know: sequence numbers, and the external endpoint that was given last.
 */
#ifndef NP_NAT_SCRIPT_FLOWS_H
#define NP_NAT_SCRIPT_FLOWS_H

#include "script.h"

enum { SCRIPT_INSIDE, SCRIPT_OUTSIDE };

typedef struct script_flow {
    np_tuple key; /* local: the inside end; with an all zero remote: what is said of the inside end alone */
    np_addr external;
    uint16_t external_port;
    bool used, given;         /* the place is taken; .external is known */
    bool heard[2], opened[2]; /* a packet of that side was sent; only SYNs were */
    uint32_t number;          /* in order of first use, from 0 */
    uint32_t isn[2], next[2]; /* sequence numbers of the two sides */
} script_flow;

typedef struct script_flows {
    script_flow *flow; /* a power of two; probed from the key's hash on */
    uint32_t n, room;
} script_flows;

/* The flow with this key, made when it is new: its place, which may be another once more are made; UINT32_MAX
   when memory is out. */
uint32_t script_flows_get(script_flows *f, const np_tuple *key);

void script_flows_free(script_flows *f);

/* Gives a TCP packet its numbers, when they are automatic, and remembers them. */
void script_flow_number(script_flow *f, np_packet *p, int side, bool automatic);

#endif
