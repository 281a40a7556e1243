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
#include "natpulse/memory.h"
#include <assert.h>
#include <stdlib.h>

/* ---- making and ending boxes ---- */

/* Beside the table only what the configuration asks for. */
static bool make_tables(np_box *b, const np_nat_config *c)
{
    b->config = *c;
    b->tracker = np_tracker_of(c->tracker);
    if ((b->table = np_table_create(c->capacity)) == NULL) return false;
    if (b->tracker != NULL && (b->side = np_memory_zeroed(c->capacity * b->tracker->bytes)) == NULL)
        return false;
    return c->ports.select != NP_PORT_LINUX || (b->sources = np_sources_create(b->table)) != NULL;
}

np_box *np_box_create(const np_nat_config *c, np_key key, uint32_t entity, np_error *e)
{
    if (!np_nat_check(c, e)) return NULL;
    np_box *b = calloc(1, sizeof *b);
    if (b == NULL || !make_tables(b, c)) {
        np_box_destroy(b);
        np_fail_memory(e, "a NAT's table");
        return NULL;
    }
    b->key = key;
    b->entity = entity;
    b->due = NP_NEVER;
    b->now = INT64_MIN;
    b->next_port = c->ports.low;
    b->track = (np_track_config){.timeout = b->config.timeout,
                                 .loose = c->loose,
                                 .be_liberal = c->be_liberal,
                                 .max_retrans = NP_LINUX_MAX_RETRANS};
    b->policy = np_evict_find(c->evict);
    b->policy_view = (np_evict_box){.table = b->table, .config = &b->config, .key = key, .entity = entity};
    if (b->policy->create != NULL && (b->policy_state = b->policy->create(&b->policy_view, e)) == NULL) {
        b->policy = NULL;
        np_box_destroy(b);
        return NULL;
    }
    return b;
}

void np_box_destroy(np_box *b)
{
    if (b == NULL) return;
    if (b->policy != NULL && b->policy->destroy != NULL) b->policy->destroy(b->policy_state);
    np_table_destroy(b->table);
    np_sources_destroy(b->sources);
    free(b->side);
    free(b);
}

void np_box_set_tap(np_box *b, np_box_tap tap)
{
    b->tap = tap;
}

/* ---- keys ---- */

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

/* What the box's own stack has to do with (tracked.c) is no inside host's mapping. */
static void tell(const np_box *b, np_mapping_event what, const np_mapping *m, np_time when)
{
    if (b->tap.mapping == NULL || (m->inside.family == 4 && np_addr_equal(&m->inside.local, &m->external)))
        return;
    b->tap.mapping(b->tap.ctx, what, m, when);
}

void np_box_remove(np_box *b, uint32_t entry, np_mapping_event what, np_time when)
{
    np_mapping m = mapping_of(np_table_peek(b->table, entry));
    if (b->policy->removing != NULL) b->policy->removing(b->policy_state, &b->policy_view, entry);
    if (b->sources != NULL) np_sources_remove(b->sources, entry);
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

bool np_box_make_room(np_box *b, const np_tuple *inside, np_time now)
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
    bool room = np_table_used(b->table) < capacity;
    b->counts.refused += !room;
    return room;
}

uint32_t np_box_insert(np_box *b, const np_tuple *inside, uint8_t class, uint8_t state, uint8_t seen,
                       const np_packet *p, np_time now)
{
    np_addr external;
    uint16_t port;
    if (!np_ports_choose(b, inside, p, now, &external, &port)) {
        b->counts.no_port++;
        return NP_ENTRY_NONE;
    }
    uint32_t entry = np_table_insert(b->table, inside, &external, port, class, now);
    np_entry *e = np_table_entry(b->table, entry);
    e->state = state;
    e->seen = seen;
    e->conn = p->conn;
    if (b->sources != NULL) np_sources_add(b->sources, entry);
    if (b->policy->inserted != NULL) b->policy->inserted(b->policy_state, &b->policy_view, entry, now);
    note_deadline(b, e);
    b->counts.inserts++;
    if (b->tap.mapping != NULL) {
        np_mapping m = mapping_of(e);
        tell(b, NP_MAPPING_CREATED, &m, now);
    }
    return entry;
}

void np_box_renew(np_box *b, uint32_t entry, uint8_t class, np_time now)
{
    np_table_touch(b->table, entry, class, now);
    if (b->policy->touched != NULL) b->policy->touched(b->policy_state, &b->policy_view, entry, now);
    note_deadline(b, np_table_peek(b->table, entry));
}

/* Makes a mapping, if there is a place and a port for it; else NP_ENTRY_NONE and *why. */
static uint32_t make(np_box *b, const np_tuple *inside, uint8_t seen, const np_packet *p, np_time now,
                     np_reason *why)
{
    uint32_t entry = NP_ENTRY_NONE;
    if (!np_box_make_room(b, inside, now))
        *why = NP_REASON_TABLE_FULL;
    else if ((entry = np_box_insert(b, inside, np_track_first_class(inside->proto), 0, seen, p, now)) ==
             NP_ENTRY_NONE)
        *why = NP_REASON_NO_PORT;
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
    np_translate_outbound(p, np_table_peek(b->table, entry));
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
    uint32_t entry = make(b, inside, NP_SEEN_OUTBOUND, p, now, &reason);
    if (entry == NP_ENTRY_NONE) return (np_handled){NP_DROP, reason};
    np_translate_outbound(p, np_table_peek(b->table, entry));
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
    if (b->tracker != NULL) return np_tracked_outbound(b, p, &inside, entry, now);
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
    if (b->tracker != NULL) return np_tracked_inbound(b, p, &outside, entry, false, now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p);
    np_translate_inbound(p, np_table_peek(b->table, entry));
    return inbound_mapped(b, entry, now);
}

np_handled np_box_inbound_inside(np_box *b, np_packet *p, np_time now)
{
    begin(b, now);
    np_tuple inside = key_inbound(p);
    uint32_t entry = alive(b, np_table_find_inside(b->table, &inside), now);
    if (b->tracker != NULL) return np_tracked_inbound(b, p, &inside, entry, true, now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p);
    return inbound_mapped(b, entry, now);
}

np_handled np_box_adopt(np_box *b, np_packet *p, bool outbound, np_time now)
{
    begin(b, now);
    np_tuple inside = outbound ? key_outbound(p) : key_inbound(p);
    uint32_t entry = alive(b, np_table_find_inside(b->table, &inside), now);
    if (b->tracker != NULL) return np_tracked_adopt(b, p, &inside, entry, outbound, now);
    if (outbound)
        return entry != NP_ENTRY_NONE ? outbound_mapped(b, p, entry, now)
                                      : outbound_new(b, p, &inside, NP_REASON_ADOPTED, now);
    if (entry != NP_ENTRY_NONE) return inbound_mapped(b, entry, now);
    np_reason reason = NP_REASON_ADOPTED;
    if (make(b, &inside, NP_SEEN_INBOUND, p, now, &reason) == NP_ENTRY_NONE)
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
    size_t side = b->tracker == NULL ? 0 : b->config.capacity * b->tracker->bytes;
    size_t sources = b->sources == NULL ? 0 : np_sources_bytes(b->sources);
    return sizeof *b + np_table_bytes(b->table) + policy + side + sources;
}

static bool tell_mapping(const np_box *b, uint32_t entry, np_mapping *m)
{
    if (entry == NP_ENTRY_NONE) return false;
    if (m != NULL) *m = mapping_of(np_table_peek(b->table, entry));
    return true;
}

bool np_box_lookup(const np_box *b, const np_tuple *inside, np_mapping *m)
{
    np_tuple k = index_key(inside);
    return tell_mapping(b, np_table_find_inside(b->table, &k), m);
}

bool np_box_lookup_outside(const np_box *b, const np_tuple *outside, np_mapping *m)
{
    np_tuple k = index_key(outside);
    return tell_mapping(b, np_table_find_outside(b->table, &k), m);
}
