/*
 * The flows of a replay and what happened to each: one record a five-tuple, both directions together, over
 * the whole capture, in the order in which they were first seen.
 *
 * Flat array and index, both growing by doubling; records are known by number, since growing moves them.
 * Memory: 112 bytes a flow and 16 to 32 for the index. Cost of a lookup: two cache misses.
 */
#ifndef NATPULSE_TRACE_FLOWS_H
#define NATPULSE_TRACE_FLOWS_H

#include "index.h"
#include "natpulse/error.h"
#include "natpulse/time.h"

/* How the flow stands with the box. */
enum {
    NP_FLOW_UNMAPPED, /* it never had a mapping, or begins anew with a SYN */
    NP_FLOW_MAPPED,
    NP_FLOW_LOST,   /* its mapping was evicted or expired */
    NP_FLOW_CLOSED, /* the box took it away because it saw the flow end */
};

/* Of np_flow.marks. */
enum {
    NP_FLOW_FIN_OUT = 0x01,
    NP_FLOW_FIN_IN = 0x02,
    NP_FLOW_RST = 0x04,
    NP_FLOW_EVICTED =
        0x10, /* the mapping was taken while the flow was open; not counted until a packet comes */
    NP_FLOW_EXPIRED = 0x20, /* it timed out while the flow was open; likewise */
    NP_FLOW_BROKEN = 0x40,  /* the loss is counted, and no packet has passed since */
};

typedef struct np_flow {
    np_tuple inside; /* local: the inside host */
    np_time last, longest_idle;
    uint64_t packets;
    uint64_t bytes; /* on the wire, link headers included */
    np_time start;
    np_time lost_age;          /* idle time at which the loss that waits to be counted happened */
    np_time least_age;         /* the least of those counted; NP_NEVER: none */
    uint64_t packets_lost;     /* as np_replay_summary.packets_hurt */
    uint32_t evicted, expired; /* losses counted */
    uint8_t state, marks;
} np_flow;

typedef struct np_flows {
    np_flow *flow;
    uint32_t n, room;
    np_index index;
} np_flows;

bool np_flows_init(np_flows *f, np_error *e);
void np_flows_free(np_flows *f);

/* The number of the flow with that inside five-tuple, whose np_index_hash is `hash`; makes an empty record
   (packets 0) when there is none. NP_INDEX_NONE and *e when memory is out. */
uint32_t np_flows_get(np_flows *f, const np_tuple *inside, uint64_t hash, np_error *e);

/* The two halves of a lookup, for batches: each starts to fetch what the next step reads. */
void np_flows_prefetch_index(const np_flows *f, uint64_t hash);
void np_flows_prefetch_record(const np_flows *f, uint64_t hash);

#endif
