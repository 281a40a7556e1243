/*
 * What becomes of each packet:
 *
 *     expire what is due -> find the mapping -> there: translate, note the packet, refresh
 *                                            -> not there, outbound, and it opens one or is adopted:
 *                                               make room, choose a port, insert, translate
 *                                            -> else the rules on unknown packets
 *
 * Cost: a lookup and a touch of the table. What few boxes have (a tracker, coarse keys, looser filters,
 * hairpins, farewells) costs the others a test that always goes the same way.
 */
#include "box_state.h"
#include <assert.h>

/* ---- keys ---- */

/* The whole five-tuple; keys of coarse boxes leave out some of it (only they wait for the second step). */
static inline np_tuple flow_of(const np_addr *local, uint16_t local_port, const np_addr *remote,
                               uint16_t remote_port, const np_packet *p)
{
    return (np_tuple){.local = *local,
                      .remote = *remote,
                      .local_port = local_port,
                      .remote_port = np_is_echo(p->proto) ? 0 : remote_port,
                      .proto = p->proto,
                      .family = p->family};
}

static inline np_tuple flow_outbound(const np_packet *p)
{
    return flow_of(&p->src, p->sport, &p->dst, p->dport, p);
}
static inline np_tuple flow_inbound(const np_packet *p)
{
    return flow_of(&p->dst, p->dport, &p->src, p->sport, p);
}

static inline void make_key(const np_box *b, np_tuple *flow)
{
    if (b->coarse) np_coarsen(flow, np_box_grain(b, flow));
}

void np_box_prefetch(const np_box *b, const np_packet *p, bool outbound, bool entry)
{
    np_tuple key = outbound ? flow_outbound(p) : flow_inbound(p);
    make_key(b, &key);
    if (!outbound) {
        if (!entry) np_table_prefetch_outside(b->table, &key);
        return;
    }
    uint64_t hash = np_table_prefetch_inside(b->table, &key);
    if (entry) np_table_prefetch_entry(b->table, hash);
}

uint64_t np_box_prefetch_index(const np_box *b, const np_tuple *inside)
{
    np_tuple key = np_box_key(b, inside);
    return np_table_prefetch_inside(b->table, &key);
}

uint32_t np_box_prefetch_mapping(const np_box *b, uint64_t hash)
{
    return np_table_prefetch_entry(b->table, hash);
}

void np_box_prefetch_neighbours(const np_box *b, uint32_t entry)
{
    np_table_prefetch_neighbours(b->table, entry);
}

/* ---- a mapping is there ---- */

/* A packet of a mapping passed. A packet that does not refresh does not change the class either: an idle time
   runs out by the rule it began under. */
static inline void passed(np_box *b, const np_packet *p, uint32_t entry, bool outbound, np_time now)
{
    np_entry *e = np_table_entry(b->table, entry);
    e->seen |= outbound ? NP_SEEN_OUTBOUND : NP_SEEN_INBOUND;
    if (b->ends != NULL) np_farewell_note(&b->ends[entry], p, outbound);
    if (!np_box_refreshes(b, e->proto, outbound)) return;
    np_box_renew(b, entry, np_track_class(e), now);
}

static inline np_handled outbound_mapped(np_box *b, np_packet *p, uint32_t entry, np_time now)
{
    passed(b, p, entry, true, now);
    np_translate_outbound(p, np_table_peek(b->table, entry));
    b->counts.forwarded_out++;
    return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
}

static inline np_handled inbound_mapped(np_box *b, const np_packet *p, uint32_t entry, np_time now)
{
    passed(b, p, entry, false, now);
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
}

/* ---- none is there ---- */

/* Makes one, if there is a place and a port for it; else NP_ENTRY_NONE and *why. */
static uint32_t make(np_box *b, const np_tuple *inside, bool outbound, const np_packet *p, np_time now,
                     np_reason *why)
{
    if (!np_box_make_room(b, inside, now, why)) return NP_ENTRY_NONE;
    uint8_t seen = outbound ? NP_SEEN_OUTBOUND : NP_SEEN_INBOUND;
    uint32_t entry = np_box_insert(b, inside, np_track_first_class(inside->proto), 0, seen, p, now);
    if (entry == NP_ENTRY_NONE)
        *why = NP_REASON_NO_PORT;
    else if (b->ends != NULL)
        np_farewell_note(&b->ends[entry], p, outbound);
    return entry;
}

static np_handled outbound_new(np_box *b, np_packet *p, const np_tuple *inside, np_reason reason, np_time now)
{
    uint32_t entry = make(b, inside, true, p, now, &reason);
    if (entry == NP_ENTRY_NONE) return (np_handled){NP_DROP, reason};
    np_translate_outbound(p, np_table_peek(b->table, entry));
    b->counts.forwarded_out++;
    return (np_handled){NP_FORWARD, reason};
}

static np_handled inbound_unknown(np_box *b, const np_packet *p, np_reason reason)
{
    b->counts.unknown_in++;
    return (np_handled){np_unknown_inbound(b, p), reason};
}

static np_handled farewell(np_box *b, bool outbound)
{
    ++*(outbound ? &b->counts.unknown_out : &b->counts.unknown_in);
    return (np_handled){NP_RESET, NP_REASON_EXPIRED};
}

/* ---- both ---- */

static inline void begin(np_box *b, np_time now)
{
    assert(now >= b->now);
    np_box_begin(b, now);
}

static inline np_handled outbound(np_box *b, np_packet *p, np_time now)
{
    np_tuple inside = flow_outbound(p);
    make_key(b, &inside);
    uint32_t entry = np_box_find_inside(b, &inside, now);
    if (entry == NP_ENTRY_NONE && b->expired != NULL && np_farewell_is_due(b, p, &inside, true))
        return farewell(b, true);
    if (b->tracker != NULL) return np_tracked_outbound(b, p, &inside, entry, now);
    if (entry != NP_ENTRY_NONE) return outbound_mapped(b, p, entry, now);
    if (np_track_opens(p)) return outbound_new(b, p, &inside, NP_REASON_CREATED, now);
    b->counts.unknown_out++;
    np_verdict verdict = np_unknown_outbound(b, p);
    if (verdict != NP_FORWARD) return (np_handled){verdict, NP_REASON_NO_MAPPING};
    return outbound_new(b, p, &inside, NP_REASON_ADOPTED, now);
}

static inline np_handled inbound(np_box *b, np_packet *p, np_time now)
{
    np_tuple outside = flow_inbound(p);
    make_key(b, &outside);
    uint32_t entry = np_box_find_outside(b, &outside, now);
    if (entry == NP_ENTRY_NONE && b->chain[NP_CHAIN_OUTSIDE] != NULL &&
        b->config.filtering < b->config.mapping && p->family == 4 && !np_box_by_flow(b, p->proto))
        entry = np_box_chained(b, NP_CHAIN_OUTSIDE, &outside, b->config.filtering, now);
    if (entry == NP_ENTRY_NONE && b->expired != NULL && np_farewell_is_due(b, p, &outside, false))
        return farewell(b, false);
    if (b->tracker != NULL) return np_tracked_inbound(b, p, &outside, entry, false, now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p, np_unknown_reason(b, &outside, now));
    np_handled h = inbound_mapped(b, p, entry, now);
    np_translate_inbound(p, np_table_peek(b->table, entry));
    return h;
}

/* A packet from inside to a public address of the box: out and in again, as if it had been outside (RFC 4787
   6, "external source IP address and port"). It comes out as it is when nobody is there to take it. */
static np_handled hairpin(np_box *b, np_packet *p, np_time now)
{
    np_packet turned = *p;
    np_handled h = outbound(b, &turned, now);
    if (h.verdict != NP_FORWARD || h.reason == NP_REASON_LEAKED) return h;
    h = inbound(b, &turned, now);
    if (h.verdict == NP_FORWARD) *p = turned;
    return h;
}

np_handled np_box_outbound(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    if (b->config.hairpin && np_box_is_public(b, &p->dst, p->family)) return hairpin(b, p, now);
    return outbound(b, p, now);
}

np_handled np_box_inbound(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    return inbound(b, p, now);
}

np_handled np_box_inbound_inside(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    np_tuple inside = flow_inbound(p);
    make_key(b, &inside);
    uint32_t entry = np_box_alive(b, np_table_find_inside(b->table, &inside), now);
    if (b->reaps && entry != NP_ENTRY_NONE) {
        np_tuple outside = np_entry_outside(np_table_peek(b->table, entry));
        np_box_reap(b, &outside, NP_BUCKET_REPLY, entry);
    }
    if (b->tracker != NULL) return np_tracked_inbound(b, p, &inside, entry, true, now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p, NP_REASON_NO_MAPPING);
    return inbound_mapped(b, p, entry, now);
}

np_handled np_box_adopt(np_box *b, np_packet *p, bool is_outbound, np_time now)
{
    begin(b, now);
    np_tuple inside = is_outbound ? flow_outbound(p) : flow_inbound(p);
    make_key(b, &inside);
    uint32_t entry = np_box_find_inside(b, &inside, now);
    if (b->tracker != NULL) return np_tracked_adopt(b, p, &inside, entry, is_outbound, now);
    if (is_outbound)
        return entry != NP_ENTRY_NONE ? outbound_mapped(b, p, entry, now)
                                      : outbound_new(b, p, &inside, NP_REASON_ADOPTED, now);
    if (entry != NP_ENTRY_NONE) return inbound_mapped(b, p, entry, now);
    np_reason reason = NP_REASON_ADOPTED;
    if (make(b, &inside, false, p, now, &reason) == NP_ENTRY_NONE) return (np_handled){NP_DROP, reason};
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, reason};
}
