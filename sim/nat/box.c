/*
 * The NAT box (natpulse/box.h): making and ending boxes, the life of a mapping, looking.
 *
 *     make_room -> insert -> renew, renew, ... -> remove
 *
 * Room comes before the port, as in Linux: a flow that then finds no port has cost another its place.
 *
 * Memory: everything at creation: the table, and beside it only what the configuration asks for. Bytes an
 * entry: table 88, tracker linux 64, chains 4 each, hosts and destinations 56 each, resets at expiry 20,
 * reset on talk and hold 88 each.
 */
#include "box_state.h"
#include "natpulse/memory.h"
#include <assert.h>
#include <stdlib.h>

/* ---- making and ending boxes ---- */

/* Keys have of the remote end what either rule asks about, and all of it for flows that a tracker follows.
   Where both rules ask the same, and no less than keys have, keys are all there is to it. */
static void set_grain(np_box *b)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        np_dependence m = b->config.mapping, f = b->config.filtering;
        if (np_box_by_flow(b, tcp ? NP_TCP : NP_UDP)) f = NP_ADDRESS_AND_PORT_DEPENDENT;
        b->grain[tcp][0] = m > f ? m : f;
        b->grain[tcp][1] = f; /* IPv6 is not translated: there is nothing to map */
        b->coarse |= b->grain[tcp][0] != NP_ADDRESS_AND_PORT_DEPENDENT ||
                     b->grain[tcp][1] != NP_ADDRESS_AND_PORT_DEPENDENT;
    }
}

/* Chains are for what keys do not tell: an inside endpoint's other mappings where they are to share a port,
   and an outside one's where the two rules differ, or keys have more than both. */
static bool make_chains(np_box *b)
{
    np_dependence m = b->config.mapping, f = b->config.filtering, least = m < f ? m : f;
    bool by_flow = np_box_by_flow(b, NP_TCP) && least != NP_ADDRESS_AND_PORT_DEPENDENT;
    bool inside = m < f || by_flow || b->config.ports.select == NP_PORT_LINUX;
    if (inside &&
        !(b->chain[NP_CHAIN_INSIDE] = np_chains_create(b->table, NP_CHAIN_INSIDE, m == NP_ADDRESS_DEPENDENT)))
        return false;
    return (m == f && !by_flow) || (b->chain[NP_CHAIN_OUTSIDE] = np_chains_create(
                                        b->table, NP_CHAIN_OUTSIDE, least == NP_ADDRESS_DEPENDENT)) != NULL;
}

static bool make_ports(np_box *b)
{
    const np_nat_config *c = &b->config;
    if ((c->ports.block != 0 || c->ports.per_host != 0) && !(b->hosts = np_hosts_create(c->capacity)))
        return false;
    if (c->ports.per_destination != 0 && !(b->destinations = np_hosts_create(c->capacity))) return false;
    if (c->ports.block == 0) return c->ports.hold == 0 || (b->held = np_table_create(c->capacity)) != NULL;
    uint32_t each = ((uint32_t)c->ports.high - c->ports.low + 1) / c->ports.block;
    return (b->blocks = np_blocks_create(c->ports.addresses, each, c->ports.low, c->ports.block)) != NULL;
}

static bool make_farewell(np_box *b)
{
    const np_nat_config *c = &b->config;
    switch (c->at_expiry) {
    case NP_AT_EXPIRY_SILENT: return true;
    case NP_AT_EXPIRY_RESET_ON_TALK:
    case NP_AT_EXPIRY_RESET_INSIDE_ON_TALK: return (b->expired = np_table_create(c->capacity)) != NULL;
    default: return (b->ends = np_memory_zeroed(c->capacity * sizeof *b->ends)) != NULL;
    }
}

static bool make_parts(np_box *b)
{
    b->tracker = np_tracker_of(b->config.tracker);
    set_grain(b);
    const np_nat_config *c = &b->config;
    bool buckets = np_evict_find(c->evict)->buckets || c->expiry == NP_EXPIRY_LINUX;
    return (b->table = np_table_create(c->capacity)) != NULL &&
           (!buckets || (b->buckets = np_buckets_create(b->table, c->buckets ? c->buckets : c->capacity,
                                                        b->key, b->entity)) != NULL) &&
           (b->tracker == NULL ||
            (b->side = np_memory_zeroed(b->config.capacity * b->tracker->bytes)) != NULL) &&
           make_chains(b) && make_ports(b) && make_farewell(b);
}

static bool make_policy(np_box *b, np_error *e)
{
    b->policy = np_evict_find(b->config.evict);
    b->policy_view = (np_evict_box){
        .table = b->table, .config = &b->config, .buckets = b->buckets, .key = b->key, .entity = b->entity};
    if (b->policy->create == NULL || (b->policy_state = b->policy->create(&b->policy_view, e)) != NULL)
        return true;
    b->policy = NULL;
    return false;
}

np_box *np_box_create(const np_nat_config *c, np_key key, uint32_t entity, np_error *e)
{
    if (!np_nat_check(c, e)) return NULL;
    np_box *b = calloc(1, sizeof *b);
    if (b != NULL) {
        b->config = *c;
        b->key = key;
        b->entity = entity;
        b->due = NP_NEVER;
        b->now = b->filled = b->idle_from = INT64_MIN;
        b->next_port = c->ports.low;
        b->lazy = c->expiry == NP_EXPIRY_LAZY || c->expiry == NP_EXPIRY_LINUX;
        b->reaps = c->expiry == NP_EXPIRY_LINUX;
        memset(b->alive, 0xff, sizeof b->alive); /* NP_ENTRY_NONE */
        b->collector.next = NP_NEVER;
        b->adapts = c->adaptive.end != 0 || c->adaptive.steps != 0;
        b->longest = NP_NEVER;
        b->track = (np_track_config){.timeout = b->config.timeout,
                                     .loose = c->loose,
                                     .be_liberal = c->be_liberal,
                                     .max_retrans = NP_LINUX_MAX_RETRANS};
    }
    bool whole = b != NULL && make_parts(b);
    if (whole)
        b->beside = b->chain[NP_CHAIN_INSIDE] || b->chain[NP_CHAIN_OUTSIDE] || b->hosts || b->destinations ||
                    b->held || b->expired || b->ends || b->buckets;
    if (!whole)
        np_fail_memory(e, "a NAT's table");
    else if (make_policy(b, e))
        return b;
    np_box_destroy(b);
    return NULL;
}

void np_box_destroy(np_box *b)
{
    if (b == NULL) return;
    if (b->policy != NULL && b->policy->destroy != NULL) b->policy->destroy(b->policy_state);
    np_table_destroy(b->table);
    np_table_destroy(b->expired);
    np_table_destroy(b->held);
    for (int i = 0; i < NP_CHAIN_KINDS; i++) np_chains_destroy(b->chain[i]);
    np_buckets_destroy(b->buckets);
    np_hosts_destroy(b->hosts);
    np_hosts_destroy(b->destinations);
    np_blocks_destroy(b->blocks);
    free(b->side);
    free(b->ends);
    free(b);
}

void np_box_set_tap(np_box *b, np_box_tap tap)
{
    b->tap = tap;
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

/* No tap hears of what only the box's own stack has to do with. */
static void tell(const np_box *b, np_mapping_event what, const np_mapping *m, np_time when)
{
    bool own = m->inside.family == 4 && np_addr_equal(&m->inside.local, &m->external) &&
               b->config.ports.select != NP_PORT_NONE;
    if (b->tap.mapping == NULL || own) return;
    b->tap.mapping(b->tap.ctx, what, m, when);
}

static bool at_host_limit(const np_box *b, const np_tuple *inside)
{
    uint32_t most = b->config.ports.per_host;
    if (most == 0 || np_box_is_public(b, &inside->local, inside->family)) return false;
    uint32_t host = np_hosts_find(b->hosts, &inside->local, inside->family);
    return host != NP_HOST_NONE && np_hosts_at(b->hosts, host)->mappings >= most;
}

bool np_box_make_room(np_box *b, const np_tuple *inside, np_time now, np_reason *why)
{
    const np_evict_policy *policy = b->policy;
    uint32_t capacity = np_table_capacity(b->table);
    bool good = true, limit = at_host_limit(b, inside);
    if (limit && !policy->own) {
        b->counts.host_limit++;
        *why = NP_REASON_HOST_LIMIT;
        return false;
    }
    if (limit || np_table_used(b->table) == capacity ||
        (policy->early != NULL && policy->early(b->policy_state, &b->policy_view, inside, now))) {
        uint32_t victim;
        good = !policy->alive;
        do {
            victim = policy->victim(b->policy_state, &b->policy_view, inside, now);
            if (victim == NP_ENTRY_NONE || np_box_found_dead(b, victim, now)) continue;
            np_box_remove(b, victim, NP_MAPPING_EVICTED, now);
            good = true;
        } while (policy->many && victim != NP_ENTRY_NONE);
    }
    if (good && np_table_used(b->table) < capacity) return true;
    b->counts.refused++;
    b->collector.emergency = true;
    *why = NP_REASON_TABLE_FULL;
    return false;
}

/* A public address has one mapping more to a destination, or one less. IPv6 is not counted. */
static void count_destination(np_box *b, const np_entry *e, bool more)
{
    if (b->destinations == NULL || e->family != 4) return;
    np_tuple outside = np_entry_outside(e);
    uint32_t n = np_hosts_get(b->destinations, &outside.remote, np_box_destination(&outside));
    np_hosts_at(b->destinations, n)->mappings += more ? 1 : UINT32_MAX;
    if (!more) np_hosts_drop(b->destinations, n);
}

/* What is kept beside the table hears of a new entry. */
static void note_new(np_box *b, const np_tuple *inside, uint32_t entry)
{
    const np_entry *e = np_table_peek(b->table, entry);
    for (int i = 0; i < NP_CHAIN_KINDS; i++)
        if (b->chain[i] != NULL) np_chains_add(b->chain[i], entry);
    if (b->buckets != NULL) np_buckets_add(b->buckets, entry);
    if (b->ends != NULL) b->ends[entry] = (np_ends){.heard = 0};
    if (b->expired != NULL) np_graves_forget(b->expired, inside);
    if (np_entry_is_own(b, e)) return;
    count_destination(b, e, true);
    if (b->hosts != NULL)
        np_hosts_at(b->hosts, np_hosts_get(b->hosts, &inside->local, inside->family))->mappings++;
}

/* The same of one that is about to go, released at `when`. */
static void note_gone(np_box *b, uint32_t entry, np_time when)
{
    const np_entry *e = np_table_peek(b->table, entry);
    np_tuple inside = np_entry_inside(e);
    if (b->buckets != NULL) np_buckets_remove(b->buckets, entry);
    for (int i = 0; i < NP_CHAIN_KINDS; i++)
        if (b->chain[i] != NULL) np_chains_remove(b->chain[i], entry);
    if (np_entry_is_own(b, e)) return;
    count_destination(b, e, false);
    np_addr external = {.word = {e->addr.v4.external}};
    bool ports = e->family == 4 && np_has_ports(e->proto);
    if (b->held != NULL && ports) {
        np_tuple outside = np_entry_outside(e);
        np_ports_hold(b, &outside, &inside.local, when);
    }
    if (b->hosts == NULL) return;
    uint32_t n = np_hosts_find(b->hosts, &inside.local, inside.family);
    np_host *host = np_hosts_at(b->hosts, n);
    host->mappings--;
    if (b->blocks != NULL && ports)
        np_blocks_leave(b->blocks, host, np_ports_block(b, &external, e->external_port),
                        when + b->config.ports.hold);
    np_hosts_drop(b->hosts, n);
}

void np_box_die(np_box *b, uint32_t entry, np_time when)
{
    np_mapping m = mapping_of(np_table_peek(b->table, entry));
    if (b->config.at_expiry != NP_AT_EXPIRY_SILENT) np_farewell(b, entry, when);
    np_box_leaves(b, entry);
    np_table_entry(b->table, entry)->seen |= NP_SEEN_DEAD;
    if (b->buckets != NULL) np_buckets_soil(b->buckets, entry);
    b->counts.expiries++;
    m.stays = true;
    tell(b, NP_MAPPING_EXPIRED, &m, when);
}

void np_box_remove(np_box *b, uint32_t entry, np_mapping_event what, np_time when)
{
    np_mapping m = mapping_of(np_table_peek(b->table, entry));
    if (np_box_is_dead(b, entry)) what = NP_MAPPING_FREED;
    if (what == NP_MAPPING_EXPIRED && b->config.at_expiry != NP_AT_EXPIRY_SILENT) np_farewell(b, entry, when);
    if (b->policy->removing != NULL) b->policy->removing(b->policy_state, &b->policy_view, entry);
    if (b->beside) note_gone(b, entry, when);
    if (b->lazy) np_box_leaves(b, entry);
    np_table_remove(b->table, entry);
    if (b->adapts) np_box_note_count(b);
    b->counts.evictions += what == NP_MAPPING_EVICTED;
    b->counts.expiries += what == NP_MAPPING_EXPIRED;
    tell(b, what, &m, when);
}

static uint32_t insert(np_box *b, const np_tuple *inside, const np_addr *external, uint16_t port,
                       uint8_t class, uint8_t state, uint8_t seen, const np_packet *p, np_time now)
{
    uint32_t entry = np_table_insert(b->table, inside, external, port, class, now);
    np_entry *e = np_table_entry(b->table, entry);
    e->state = state;
    e->seen = seen;
    e->conn = p->conn;
    if (b->beside) note_new(b, inside, entry);
    if (b->policy->inserted != NULL) b->policy->inserted(b->policy_state, &b->policy_view, entry, now);
    if (b->adapts) np_box_note_count(b);
    if (b->lazy) np_box_comes(b, entry);
    np_box_note_fill(b, e);
    b->counts.inserts++;
    if (b->tap.mapping != NULL) {
        np_mapping m = mapping_of(e);
        tell(b, NP_MAPPING_CREATED, &m, now);
    }
    return entry;
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
    return insert(b, inside, &external, port, class, state, seen, p, now);
}

uint32_t np_box_insert_at(np_box *b, const np_tuple *inside, const np_addr *external, uint16_t port,
                          uint8_t class, uint8_t state, uint8_t seen, const np_packet *p, np_time now)
{
    if (b->blocks != NULL) np_blocks_use(b->blocks, np_ports_block(b, external, port));
    return insert(b, inside, external, port, class, state, seen, p, now);
}

void np_box_close(np_box *b, const np_tuple *inside, np_time now)
{
    np_box_begin(b, now);
    np_tuple key = np_box_key(b, inside);
    uint32_t entry = np_box_find_inside(b, &key, now);
    if (entry != NP_ENTRY_NONE) np_box_remove(b, entry, NP_MAPPING_CLOSED, now);
}

/* A restart forgets the dead as well. */
static void forget_all(np_table *graves)
{
    if (graves == NULL) return;
    for (uint32_t e; (e = np_table_oldest(graves, 0)) != NP_ENTRY_NONE;) np_table_remove(graves, e);
}

void np_box_flush(np_box *b, np_time now)
{
    np_box_begin(b, now);
    for (uint8_t class = 0; class < NP_TIMEOUT_COUNT; class ++)
        for (uint32_t e; (e = np_table_oldest(b->table, class)) != NP_ENTRY_NONE;)
            np_box_remove(b, e, NP_MAPPING_FLUSHED, now);
    forget_all(b->expired);
    forget_all(b->held);
    if (b->collector.next != NP_NEVER) np_collector_begin(b, now, true);
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
    size_t bytes = sizeof *b + np_table_bytes(b->table);
    if (b->policy->bytes != NULL) bytes += b->policy->bytes(b->policy_state);
    if (b->tracker != NULL) bytes += b->config.capacity * b->tracker->bytes;
    for (int i = 0; i < NP_CHAIN_KINDS; i++) bytes += np_chains_bytes(b->chain[i]);
    bytes += np_buckets_bytes(b->buckets);
    bytes += np_hosts_bytes(b->hosts) + np_hosts_bytes(b->destinations) + np_blocks_bytes(b->blocks);
    if (b->ends != NULL) bytes += b->config.capacity * sizeof *b->ends;
    if (b->expired != NULL) bytes += np_table_bytes(b->expired);
    if (b->held != NULL) bytes += np_table_bytes(b->held);
    return bytes;
}

static bool tell_mapping(const np_box *b, uint32_t entry, np_mapping *m)
{
    if (entry == NP_ENTRY_NONE || np_box_is_dead(b, entry)) return false;
    if (m != NULL) *m = mapping_of(np_table_peek(b->table, entry));
    return true;
}

bool np_box_lookup(const np_box *b, const np_tuple *inside, np_mapping *m)
{
    np_tuple k = np_box_key(b, inside);
    return tell_mapping(b, np_table_find_inside(b->table, &k), m);
}

bool np_box_lookup_outside(const np_box *b, const np_tuple *outside, np_mapping *m)
{
    np_tuple k = np_box_key(b, outside);
    return tell_mapping(b, np_table_find_outside(b->table, &k), m);
}
