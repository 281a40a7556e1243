/*
 * The NAT box (natpulse/box.h): the life of a mapping, and what happens to each packet.
 *
 *     expire what is due -> find the mapping -> there: translate, note the packet, refresh
 *                                            -> not there, outbound, and it opens one or is adopted:
 *                                               make room, choose a port, insert, translate
 *                                            -> else the rules on unknown packets
 *
 * Room comes before the port, as in Linux: a flow that then finds no port has cost another its place.
 *
 * Exact expiry costs a packet one comparison: .due is never later than the earliest deadline, for a new or
 * refreshed mapping lowers it and nothing else brings a deadline forward. Only when .due has passed are the
 * heads of the recency lists looked at.
 *
 * Memory: everything at creation. Cost a packet: a lookup and a touch of the table.
 */
#include "box_state.h"
#include <assert.h>
#include <stdlib.h>

/* ---- making and ending boxes ---- */

np_box *np_box_create(const np_nat_config *c, np_key key, uint32_t entity, np_error *e)
{
    if (!np_nat_check(c, e)) return NULL;
    np_box *b = calloc(1, sizeof *b);
    if (b != NULL) b->table = np_table_create(c->capacity);
    if (b == NULL || b->table == NULL) {
        free(b);
        np_fail_memory(e, "a NAT's table");
        return NULL;
    }
    b->config = *c;
    b->key = key;
    b->entity = entity;
    b->due = NP_NEVER;
    b->now = INT64_MIN;
    b->next_port = c->ports.low;
    b->policy = np_evict_find(c->evict);
    b->policy_view = (np_evict_box){.table = b->table, .config = &b->config, .key = key, .entity = entity};
    if (b->policy->create != NULL && (b->policy_state = b->policy->create(&b->policy_view, e)) == NULL) {
        np_table_destroy(b->table);
        free(b);
        return NULL;
    }
    return b;
}

void np_box_destroy(np_box *b)
{
    if (b == NULL) return;
    if (b->policy->destroy != NULL) b->policy->destroy(b->policy_state);
    np_table_destroy(b->table);
    free(b);
}

void np_box_set_tap(np_box *b, np_box_tap tap)
{
    b->tap = tap;
}

/* ---- keys and translation ---- */

static inline np_tuple key_of(const np_addr *local, uint16_t local_port, const np_addr *remote,
                              uint16_t remote_port, const np_packet *p)
{
    return (np_tuple){.local = *local,
                      .remote = *remote,
                      .local_port = local_port,
                      .remote_port = np_is_echo(p->proto) ? 0 : remote_port,
                      .proto = p->proto,
                      .family = p->family};
}

static inline np_tuple key_outbound(const np_packet *p)
{
    return key_of(&p->src, p->sport, &p->dst, p->dport, p);
}
static inline np_tuple key_inbound(const np_packet *p)
{
    return key_of(&p->dst, p->dport, &p->src, p->sport, p);
}

static inline void translate_outbound(np_packet *p, const np_entry *e)
{
    if (e->family != 4) return;
    p->src.word[0] = e->addr.v4.external;
    p->sport = e->external_port;
    if (np_is_echo(e->proto)) p->dport = e->external_port;
}

static inline void translate_inbound(np_packet *p, const np_entry *e)
{
    if (e->family != 4) return;
    p->dst.word[0] = e->addr.v4.local;
    p->dport = e->local_port;
    if (np_is_echo(e->proto)) p->sport = e->local_port;
}

/* ---- the life of a mapping ---- */

static np_mapping mapping_of(const np_entry *e)
{
    np_tuple outside = np_entry_outside(e);
    np_mapping m = {.inside = np_entry_inside(e),
                    .external = outside.local,
                    .external_port = outside.local_port,
                    .conn = e->conn,
                    .last = e->last};
    if (np_is_echo(e->proto)) m.inside.remote_port = m.inside.local_port;
    return m;
}

static void tell(const np_box *b, np_mapping_event what, const np_mapping *m, np_time when)
{
    if (b->tap.mapping != NULL) b->tap.mapping(b->tap.ctx, what, m, when);
}

void np_box_remove(np_box *b, uint32_t entry, np_mapping_event what, np_time when)
{
    np_mapping m = mapping_of(np_table_peek(b->table, entry));
    if (b->policy->removing != NULL) b->policy->removing(b->policy_state, &b->policy_view, entry);
    np_table_remove(b->table, entry);
    b->counts.evictions += what == NP_MAPPING_EVICTED;
    b->counts.expiries += what == NP_MAPPING_EXPIRED;
    tell(b, what, &m, when);
}

static inline void note_deadline(np_box *b, const np_entry *e)
{
    np_time deadline = np_box_deadline(b, e);
    if (deadline < b->due) b->due = deadline;
}

/* True when the table has a place for the new flow, after evictions if need be. */
static bool make_room(np_box *b, const np_tuple *inside, np_time now)
{
    const np_evict_policy *policy = b->policy;
    uint32_t capacity = np_table_capacity(b->table);
    if (np_table_used(b->table) == capacity ||
        (policy->early != NULL && policy->early(b->policy_state, &b->policy_view, inside, now))) {
        uint32_t victim;
        do {
            victim = policy->victim(b->policy_state, &b->policy_view, inside, now);
            if (victim != NP_ENTRY_NONE && !np_box_found_dead(b, victim, now))
                np_box_remove(b, victim, NP_MAPPING_EVICTED, now);
        } while (policy->many && victim != NP_ENTRY_NONE);
    }
    return np_table_used(b->table) < capacity;
}

/* Makes a mapping. NP_ENTRY_NONE and *why when there is no place or no port for it. */
static uint32_t insert(np_box *b, const np_tuple *inside, uint8_t seen, uint32_t conn, np_time now,
                       np_reason *why)
{
    np_addr external;
    uint16_t port;
    if (!make_room(b, inside, now)) {
        b->counts.refused++;
        *why = NP_REASON_TABLE_FULL;
        return NP_ENTRY_NONE;
    }
    if (!np_ports_choose(b, inside, now, &external, &port)) {
        b->counts.no_port++;
        *why = NP_REASON_NO_PORT;
        return NP_ENTRY_NONE;
    }
    uint32_t entry =
        np_table_insert(b->table, inside, &external, port, np_track_first_class(inside->proto), now);
    np_entry *e = np_table_entry(b->table, entry);
    e->seen = seen;
    e->conn = conn;
    if (b->policy->inserted != NULL) b->policy->inserted(b->policy_state, &b->policy_view, entry, now);
    note_deadline(b, e);
    b->counts.inserts++;
    if (b->tap.mapping != NULL) {
        np_mapping m = mapping_of(e);
        tell(b, NP_MAPPING_CREATED, &m, now);
    }
    return entry;
}

/* A packet of a mapping passed. A packet that does not refresh does not change the class either: an idle time
   runs out by the rule it began under. */
static inline void passed(np_box *b, uint32_t entry, uint8_t seen, np_refresh unless, np_time now)
{
    np_entry *e = np_table_entry(b->table, entry);
    e->seen |= seen;
    if (b->config.refresh == unless) return;
    np_table_touch(b->table, entry, np_track_class(e), now);
    if (b->policy->touched != NULL) b->policy->touched(b->policy_state, &b->policy_view, entry, now);
    note_deadline(b, e);
}

static inline uint32_t alive(np_box *b, uint32_t entry, np_time now)
{
    return entry != NP_ENTRY_NONE && np_box_found_dead(b, entry, now) ? NP_ENTRY_NONE : entry;
}

static inline void begin(np_box *b, np_time now)
{
    assert(now >= b->now);
    b->now = now;
    if (now >= b->due) np_box_expire(b, now);
}

/* ---- packets ---- */

static np_handled outbound_mapped(np_box *b, np_packet *p, uint32_t entry, np_time now)
{
    passed(b, entry, NP_SEEN_OUTBOUND, NP_REFRESH_INBOUND, now);
    translate_outbound(p, np_table_peek(b->table, entry));
    b->counts.forwarded_out++;
    return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
}

static np_handled inbound_mapped(np_box *b, uint32_t entry, np_time now)
{
    passed(b, entry, NP_SEEN_INBOUND, NP_REFRESH_OUTBOUND, now);
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
}

static np_handled outbound_new(np_box *b, np_packet *p, const np_tuple *inside, np_reason reason, np_time now)
{
    uint32_t entry = insert(b, inside, NP_SEEN_OUTBOUND, p->conn, now, &reason);
    if (entry == NP_ENTRY_NONE) return (np_handled){NP_DROP, reason};
    translate_outbound(p, np_table_peek(b->table, entry));
    b->counts.forwarded_out++;
    return (np_handled){NP_FORWARD, reason};
}

static np_handled inbound_unknown(np_box *b, const np_packet *p)
{
    b->counts.unknown_in++;
    return (np_handled){np_unknown_inbound(b, p), NP_REASON_NO_MAPPING};
}

void np_box_prefetch(const np_box *b, const np_packet *p, bool outbound, bool entry)
{
    if (!outbound) return;
    np_tuple key = key_outbound(p);
    uint64_t hash = np_table_prefetch_inside(b->table, &key);
    if (entry) np_table_prefetch_entry(b->table, hash);
}

static np_tuple index_key(const np_tuple *inside)
{
    np_tuple k = *inside;
    if (np_is_echo(k.proto)) k.remote_port = 0;
    return k;
}

uint64_t np_box_prefetch_index(const np_box *b, const np_tuple *inside)
{
    np_tuple key = index_key(inside);
    return np_table_prefetch_inside(b->table, &key);
}

void np_box_prefetch_mapping(const np_box *b, uint64_t hash)
{
    np_table_prefetch_entry(b->table, hash);
}

void np_box_prefetch_neighbours(const np_box *b, uint64_t hash)
{
    np_table_prefetch_neighbours(b->table, hash);
}

np_handled np_box_outbound(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    np_tuple inside = key_outbound(p);
    uint32_t entry = alive(b, np_table_find_inside(b->table, &inside), now);
    if (entry != NP_ENTRY_NONE) return outbound_mapped(b, p, entry, now);
    if (np_track_opens(p)) return outbound_new(b, p, &inside, NP_REASON_CREATED, now);
    b->counts.unknown_out++;
    np_verdict verdict = np_unknown_outbound(b, p);
    if (verdict != NP_FORWARD) return (np_handled){verdict, NP_REASON_NO_MAPPING};
    return outbound_new(b, p, &inside, NP_REASON_ADOPTED, now);
}

np_handled np_box_inbound(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    np_tuple outside = key_inbound(p);
    uint32_t entry = alive(b, np_table_find_outside(b->table, &outside), now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p);
    translate_inbound(p, np_table_peek(b->table, entry));
    return inbound_mapped(b, entry, now);
}

np_handled np_box_inbound_inside(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    np_tuple inside = key_inbound(p);
    uint32_t entry = alive(b, np_table_find_inside(b->table, &inside), now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p);
    return inbound_mapped(b, entry, now);
}

np_handled np_box_adopt(np_box *b, np_packet *p, bool outbound, np_time now)
{
    begin(b, now);
    np_tuple inside = outbound ? key_outbound(p) : key_inbound(p);
    uint32_t entry = alive(b, np_table_find_inside(b->table, &inside), now);
    if (outbound)
        return entry != NP_ENTRY_NONE ? outbound_mapped(b, p, entry, now)
                                      : outbound_new(b, p, &inside, NP_REASON_ADOPTED, now);
    if (entry != NP_ENTRY_NONE) return inbound_mapped(b, entry, now);
    np_reason reason = NP_REASON_ADOPTED;
    if (insert(b, &inside, NP_SEEN_INBOUND, p->conn, now, &reason) == NP_ENTRY_NONE)
        return (np_handled){NP_DROP, reason};
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, reason};
}

/* ---- time ---- */

/* The mapping with the earliest deadline (the lower class on a tie), which is put into *deadline. */
static uint32_t first_to_expire(const np_box *b, np_time *deadline)
{
    uint32_t first = NP_ENTRY_NONE;
    *deadline = NP_NEVER;
    for (uint8_t class = 0; class < NP_TIMEOUT_COUNT; class ++) {
        uint32_t oldest = np_table_oldest(b->table, class);
        if (oldest == NP_ENTRY_NONE) continue;
        np_time d = np_box_deadline(b, np_table_peek(b->table, oldest));
        if (d >= *deadline) continue;
        first = oldest;
        *deadline = d;
    }
    return first;
}

np_time np_box_next_expiry(const np_box *b)
{
    return b->config.expiry == NP_EXPIRY_EXACT ? b->due : NP_NEVER;
}

void np_box_expire(np_box *b, np_time now)
{
    if (b->config.expiry != NP_EXPIRY_EXACT) return;
    np_time deadline;
    for (uint32_t e; (e = first_to_expire(b, &deadline)) != NP_ENTRY_NONE && deadline <= now;)
        np_box_remove(b, e, NP_MAPPING_EXPIRED, deadline);
    b->due = deadline;
}

void np_box_close(np_box *b, const np_tuple *inside, np_time now)
{
    begin(b, now);
    np_tuple key = index_key(inside);
    uint32_t entry = alive(b, np_table_find_inside(b->table, &key), now);
    if (entry != NP_ENTRY_NONE) np_box_remove(b, entry, NP_MAPPING_CLOSED, now);
}

void np_box_flush(np_box *b, np_time now)
{
    begin(b, now);
    for (uint8_t class = 0; class < NP_TIMEOUT_COUNT; class ++)
        for (uint32_t e; (e = np_table_oldest(b->table, class)) != NP_ENTRY_NONE;)
            np_box_remove(b, e, NP_MAPPING_FLUSHED, now);
}

void np_box_readdress(np_box *b, const np_addr *first)
{
    assert(np_table_used(b->table) == 0);
    b->config.ports.first = *first;
}

/* ---- looking ---- */

uint32_t np_box_entries(const np_box *b)
{
    return np_table_used(b->table);
}
const np_box_counts *np_box_count(const np_box *b)
{
    return &b->counts;
}

size_t np_box_bytes(const np_box *b)
{
    size_t policy = b->policy->bytes == NULL ? 0 : b->policy->bytes(b->policy_state);
    return sizeof *b + np_table_bytes(b->table) + policy;
}

bool np_box_lookup(const np_box *b, const np_tuple *inside, np_mapping *m)
{
    np_tuple k = index_key(inside);
    uint32_t e = np_table_find_inside(b->table, &k);
    if (e == NP_ENTRY_NONE) return false;
    if (m != NULL) *m = mapping_of(np_table_peek(b->table, e));
    return true;
}
