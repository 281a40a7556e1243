/*
 * External ports as Linux's masquerade chooses them (nf_nat_core.c):
 *
 *     the port that the latest mapping of this source has, if it can be had towards this destination too;
 *     else the source's own port, if it is within the range that was given, or none was;
 *     else a search of it, or of the port's class: 1-511, 600-1023, 1024-65535; of identifiers: all.
 *
 * A search begins at random and goes upwards for at most 128 ports; then anew at random for 64, 32, 16, 8. In
 * the last 32 tries of each round a TCP SYN takes a port from a flow that is closed and whose sequence
 * numbers it has passed (tracker linux). Without a port Linux lets the clash stand and drops the packet when
 * the entry is to be confirmed: the same to everybody.
 *
 * Before that, on the way in, netfilter binds the destination to itself, and asks for it whether the reply is
 * taken as it would be without translation. It never is; but a lookup buries the dead that it meets.
 *
 * With several public addresses one is chosen by source and destination, and only that one is tried.
 */
#include "box_state.h"
#include "hash.h"

#define FIRST_ROUND 128u
#define LAST_ROUND  8u
#define HARDER_FROM 32u /* tries left */

typedef struct ports {
    uint32_t low, count;
} ports;

static bool any_range(const np_box *b)
{
    return b->config.ports.low == 1 && b->config.ports.high == UINT16_MAX;
}

/* Where to search. */
static ports ports_for(const np_box *b, uint8_t proto, uint16_t own)
{
    if (!any_range(b))
        return (ports){b->config.ports.low, (uint32_t)b->config.ports.high - b->config.ports.low + 1};
    if (proto == NP_ICMP) return (ports){0, UINT16_MAX + 1};
    if (own < 512) return (ports){1, 511};
    if (own < 1024) return (ports){600, 1023 - 600 + 1};
    return (ports){1024, UINT16_MAX - 1024 + 1};
}

static bool in_range(const np_box *b, uint16_t port)
{
    return any_range(b) || (port >= b->config.ports.low && port <= b->config.ports.high);
}

static bool take(np_box *b, const np_tuple *outside, const np_addr *host, const np_packet *p, uint32_t left,
                 np_time now)
{
    if (np_port_is_free(b, outside, host, now)) return true;
    bool syn = p->proto == NP_TCP && (p->flags & NP_SYN);
    if (left > HARDER_FROM || !syn || b->tracker == NULL || b->tracker->yields == NULL) return false;
    uint32_t holder = np_table_find_outside(b->table, outside);
    if (holder == NP_ENTRY_NONE || np_entry_is_own(b, np_table_peek(b->table, holder)) ||
        !b->tracker->yields(np_box_side(b, holder), p))
        return false;
    np_box_remove(b, holder, NP_MAPPING_CLOSED, now);
    return true;
}

static bool search(np_box *b, np_tuple *outside, const np_addr *host, const np_packet *p, np_time now)
{
    ports r = ports_for(b, p->proto, outside->local_port);
    uint32_t round = r.count < FIRST_ROUND ? r.count : FIRST_ROUND;
    for (;; round /= 2) {
        uint64_t bits = np_random(b->key, b->entity, NP_NAT_PURPOSE_PORT, b->port_draws++);
        uint32_t at = np_below(bits, UINT16_MAX + 1);
        for (uint32_t i = 0; i < round; i++, at++) {
            outside->local_port = (uint16_t)(r.low + at % r.count);
            if (take(b, outside, host, p, round - i, now)) return true;
        }
        if (round >= r.count || round < 2 * LAST_ROUND) return false;
    }
}

bool np_ports_linux(np_box *b, const np_tuple *inside, const np_packet *p, np_time now, np_tuple *outside)
{
    *outside = *inside;
    if (b->reaps) np_box_reap(b, inside, NP_BUCKET_REPLY, NP_ENTRY_NONE); /* of the null binding */
    uint32_t other = np_chains_find(b->chain[NP_CHAIN_INSIDE], inside, false);
    if (other != NP_ENTRY_NONE) {
        const np_entry *e = np_table_peek(b->table, other);
        outside->local = (np_addr){.word = {e->addr.v4.external}};
        outside->local_port = e->external_port;
        if (np_port_is_free(b, outside, &inside->local, now)) return true;
    }
    np_tuple ends = {.local = inside->local, .remote = inside->remote, .family = 4};
    uint32_t n = np_below(np_hash_tuple(&ends), b->config.ports.addresses);
    outside->local = np_addr_ipv4(np_addr_to_ipv4(&b->config.ports.first) + n);
    outside->local_port = inside->local_port;
    if (in_range(b, inside->local_port) && np_port_is_free(b, outside, &inside->local, now)) return true;
    return np_has_ports(p->proto) && search(b, outside, &inside->local, p, now);
}
