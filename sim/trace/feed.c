/* The packets of a capture that concern a NAT box. See feed.h. */
#include "feed.h"

void np_feed_init(np_feed *f, np_capture *c, const np_sides *sides, np_flows *flows)
{
    f->capture = c;
    f->flows = flows;
    f->sides = *sides;
    f->clock = -1;
    f->sample_below = UINT64_MAX;
    f->sample_key = 1;
    f->outbound = f->inbound = f->local = f->elsewhere = 0;
    f->first = NP_NEVER;
    f->last = 0;
}

/* Of an IPv4 address only the four bytes that were written last: a wider load would have to wait for them. */
static inline void set_addr(np_addr *to, const np_addr *from, int family)
{
    if (family == 4) {
        uint64_t first = 0;
        memcpy(&first, from->byte, 4);
        to->half[0] = first;
        to->half[1] = 0;
    } else {
        *to = *from;
    }
}

/* Written as choices and not as two cases, since which way the next packet goes cannot be predicted. */
static inline void set_inside(np_tuple *t, const np_packet *p, bool local_is_source)
{
    set_addr(&t->local, local_is_source ? &p->src : &p->dst, p->family);
    set_addr(&t->remote, local_is_source ? &p->dst : &p->src, p->family);
    t->local_port = local_is_source ? p->sport : p->dport;
    t->remote_port = local_is_source ? p->dport : p->sport;
    t->proto = p->proto;
    t->family = p->family;
}

static np_time tick(np_feed *f, np_time captured)
{
    if (captured > f->clock)
        f->clock = captured;
    else if (f->clock < NP_NEVER - 1)
        f->clock++;
    return f->clock;
}

/* The index hash is mixed once more, so that which flows are chosen has nothing to do with where in the index
   they stand. The constants are those of the index. */
static bool in_sample(const np_feed *f, uint64_t hash)
{
    return f->sample_below == UINT64_MAX ||
           np_index_fold(hash ^ 0x6a09e667f3bcc909u, f->sample_key) < f->sample_below;
}

/* Whether the packet is to be handed on. */
static bool consider(np_feed *f, np_fed *x)
{
    const np_packet *p = &x->captured.packet;
    x->way = np_sides_way(&f->sides, p);
    x->flow = NP_INDEX_NONE;
    switch (x->way) {
    case NP_WAY_LOCAL: f->local++; return false;
    case NP_WAY_ELSEWHERE: f->elsewhere++; return false;
    case NP_WAY_OUT: f->outbound++; break;
    default: f->inbound++; break;
    }
    x->now = tick(f, x->captured.time);
    if (x->captured.decoded == NP_DECODED_ERROR || !np_fed_bears_inside(x))
        return f->sample_below == UINT64_MAX;
    set_inside(&x->inside, p, x->way == NP_WAY_OUT);
    x->hash = np_index_hash(&x->inside);
    if (!in_sample(f, x->hash)) return false;
    np_flows_prefetch_index(f->flows, x->hash);
    return true;
}

int np_feed_next(np_feed *f, bool *more, np_error *e)
{
    uint32_t n = 0, read = 0;
    int got = 1;
    for (; read < NP_FEED_BATCH && (got = np_capture_next(f->capture, &f->fed[n].captured, e)) == 1; read++) {
        const np_captured *c = &f->fed[n].captured;
        if (f->first == NP_NEVER) f->first = c->time;
        f->last = c->time;
        if (c->decoded == NP_DECODED_OK || c->decoded == NP_DECODED_ERROR) n += consider(f, &f->fed[n]);
    }
    if (got < 0) return -1;
    *more = got == 1;
    for (uint32_t i = 0; i < n; i++)
        if (np_fed_has_flow(&f->fed[i])) np_flows_prefetch_record(f->flows, f->fed[i].hash);
    f->n = n;
    return (int)n;
}

bool np_feed_flows(np_feed *f, np_error *e)
{
    for (uint32_t i = 0; i < f->n; i++) {
        np_fed *x = &f->fed[i];
        if (!np_fed_has_flow(x)) continue;
        x->flow = np_flows_get(f->flows, &x->inside, x->hash, e);
        if (x->flow == NP_INDEX_NONE) return false;
    }
    return true;
}
