/*
 * Flows of a script, by five-tuple in an open hash table that doubles. See script_flows.h.
 */
#include "script_flows.h"
#include "hash.h"
#include <stdlib.h>

#define FIRST_ROOM 64u
#define NEW_ISN    1000000u /* so far beyond its last number a side begins a new connection */

static const uint32_t first_isn[2] = {1000, 5000};

static uint32_t place_of(const script_flow *flow, uint32_t room, const np_tuple *key)
{
    uint32_t at = (uint32_t)(np_hash_tuple(key) >> 32) & (room - 1);
    while (flow[at].used && !np_tuple_equal(&flow[at].key, key)) at = (at + 1) & (room - 1);
    return at;
}

static bool grow(script_flows *f)
{
    uint32_t room = f->room ? 2 * f->room : FIRST_ROOM;
    script_flow *flow = calloc(room, sizeof *flow);
    if (flow == NULL) return false;
    for (uint32_t i = 0; i < f->room; i++)
        if (f->flow[i].used) flow[place_of(flow, room, &f->flow[i].key)] = f->flow[i];
    free(f->flow);
    f->flow = flow;
    f->room = room;
    return true;
}

uint32_t script_flows_get(script_flows *f, const np_tuple *key)
{
    uint32_t at = f->room ? place_of(f->flow, f->room, key) : 0;
    if (f->room && f->flow[at].used) return at;
    if (2 * f->n >= f->room) {
        if (!grow(f)) return UINT32_MAX;
        at = place_of(f->flow, f->room, key);
    }
    f->flow[at] = (script_flow){.key = *key, .used = true, .number = f->n++};
    return at;
}

void script_flows_free(script_flows *f)
{
    free(f->flow);
    *f = (script_flows){.n = 0};
}

/* ---- sequence numbers ---- */

/* A SYN that nothing but SYNs came before is the same again; any other begins anew, further on. */
static void open_side(script_flow *f, int side)
{
    if (!f->heard[side])
        f->isn[side] = first_isn[side];
    else if (!f->opened[side])
        f->isn[side] = f->next[side] + NEW_ISN;
    f->next[side] = f->isn[side];
}

void script_flow_number(script_flow *f, np_packet *p, int side, bool automatic)
{
    bool syn = p->flags & NP_SYN;
    if (automatic) {
        if (syn) open_side(f, side);
        if (!f->heard[side] && !syn) f->next[side] = first_isn[side] + 1; /* its SYN was missed */
        p->seq = f->next[side];
        p->ack = !(p->flags & NP_ACK) ? 0 : f->heard[!side] ? f->next[!side] : first_isn[!side] + 1;
    }
    uint32_t end = p->seq + np_packet_seqlen(p);
    if (syn || !f->heard[side] || np_seq_after(end, f->next[side])) f->next[side] = end;
    if (syn) f->isn[side] = p->seq;
    f->opened[side] = syn;
    f->heard[side] = true;
}
