/*
 * The flows of a capture: one record a five-tuple, both directions together, over the whole capture, in the
 * order in which they were first seen.
 *
 *     record n:  | np_flow: whose it is, what the capture shows of it | the user's own part ... |
 *                  88 bytes                                             as many as it asked for
 *
 * What the user (a replay, a curve) keeps for each flow stands behind the np_flow, so that one fetch brings
 * both. Records begin at cache lines. Flat array and index, both growing by doubling; records are known by
 * number, since growing moves them.
 *
 * Memory: 128 bytes a flow where the user's part is at most 40, and 16 to 32 for the index. Cost of a lookup:
 * two cache misses, none in batches that use the prefetches.
 */
#ifndef NATPULSE_TRACE_FLOWS_H
#define NATPULSE_TRACE_FLOWS_H

#include "index.h"
#include "natpulse/error.h"
#include "natpulse/time.h"

/* Of np_flow.marks: how the flow ends, since its last SYN. */
enum { NP_FLOW_FIN_OUT = 0x01, NP_FLOW_FIN_IN = 0x02, NP_FLOW_RST = 0x04 };

typedef struct np_flow {
    np_tuple inside; /* local: the inside host */
    np_time last;
    uint64_t packets;
    uint8_t marks;
    bool from_inside; /* its first packet was outbound */
    uint64_t bytes;   /* on the wire, link headers included */
    np_time start, longest_idle;
} np_flow;

typedef struct np_flows {
    char *record;
    size_t stride;
    uint32_t n, room;
    np_index index;
} np_flows;

/* `own`: bytes of the user's part, zeroed in a new record. */
bool np_flows_init(np_flows *f, size_t own, np_error *e);
void np_flows_free(np_flows *f);

static inline np_flow *np_flows_at(const np_flows *f, uint32_t n)
{
    return (np_flow *)(f->record + n * f->stride);
}

/* The user's part, aligned to 8. */
static inline void *np_flow_own(np_flow *flow)
{
    return flow + 1;
}

/* The number of the flow with that inside five-tuple, whose np_index_hash is `hash`; makes an empty record
   (packets 0) when there is none. NP_INDEX_NONE and *e when memory is out. */
uint32_t np_flows_get(np_flows *f, const np_tuple *inside, uint64_t hash, np_error *e);

/* The two halves of a lookup, for batches: each starts to fetch what the next step reads. */
void np_flows_prefetch_index(const np_flows *f, uint64_t hash);
void np_flows_prefetch_record(const np_flows *f, uint64_t hash);

/* A SYN that opens a connection: what the flow was before is over. */
static inline bool np_packet_opens(const np_packet *p)
{
    return p->proto == NP_TCP && (p->flags & (NP_SYN | NP_ACK | NP_FIN | NP_RST)) == NP_SYN;
}

/* The capture has shown the flow's end: a reset, or FINs both ways. */
static inline bool np_flow_ended(const np_flow *f)
{
    const uint8_t both = NP_FLOW_FIN_OUT | NP_FLOW_FIN_IN;
    return (f->marks & NP_FLOW_RST) || (f->marks & both) == both;
}

/* After a packet of an ended flow: whether a box that follows the flow's end lets the mapping go now: at a
   reset, or with the ACK that follows both FINs. */
static inline bool np_flow_leaves(const np_flow *f, const np_packet *p)
{
    return np_flow_ended(f) && !(p->flags & NP_FIN);
}

static inline void np_flow_note_ending(np_flow *f, const np_packet *p, bool outbound)
{
    if (p->proto != NP_TCP) return;
    if (p->flags & NP_RST) f->marks |= NP_FLOW_RST;
    if (p->flags & NP_FIN) f->marks |= outbound ? NP_FLOW_FIN_OUT : NP_FLOW_FIN_IN;
}

#endif
