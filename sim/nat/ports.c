/*
 * External addresses and ports for new mappings.
 *
 * Where filtering depends on more than mapping, an inside endpoint that has an external one gets it again.
 * Else what must be free is the outside key, as far as mapping and filtering tell remote ends apart: with
 * both depending on address and port an external port can serve any number of flows to different
 * destinations.
 *
 * An inside host begins at an address of its own (RFC 4787 REQ-2, "paired"), and goes on to the next when it
 * finds no port there. On each address: the inside port itself if it is to be preserved and its key is free
 * (even outside of the range); then from a random or the next port of the range upwards, around its end.
 *
 * An address that has as many mappings to the remote end as it may (ports.per_destination) is passed over.
 *
 * With blocks a host's range is one of its blocks after the other, then that of a new one if it may have
 * more; a port is preserved where it lies in the block.
 */
#include "box_state.h"
#include "hash.h"

/* A search for the outside key of a new mapping. */
typedef struct seeker {
    np_box *box;
    np_time now;
    np_addr host;
    np_tuple outside;
    bool preserve, has_ports;
} seeker;

static np_dependence uniqueness(const np_box *b)
{
    return b->config.mapping < b->config.filtering ? b->config.mapping : b->config.filtering;
}

/* ---- what is free ---- */

/* Graves of keys in hold stand there by what they were outside; for the other key the host serves, and a port
   to tell its own apart. */
void np_ports_hold(np_box *b, const np_tuple *outside, const np_addr *host, np_time when)
{
    np_tuple key = *outside;
    np_coarsen(&key, uniqueness(b));
    np_graves_bury(b->held, &key, host, key.local_port, when);
}

static bool in_hold(const np_box *b, const np_tuple *outside, const np_addr *host, np_time now)
{
    np_tuple key = *outside;
    np_coarsen(&key, uniqueness(b));
    uint32_t grave = np_table_find_inside(b->held, &key);
    if (grave == NP_ENTRY_NONE) return false;
    const np_entry *e = np_table_peek(b->held, grave);
    return e->addr.v4.external != host->word[0] && now - e->last < b->config.ports.hold;
}

bool np_port_is_free(np_box *b, const np_tuple *outside, const np_addr *host, np_time now)
{
    uint32_t e = b->chain[NP_CHAIN_OUTSIDE] != NULL && uniqueness(b) != NP_ADDRESS_AND_PORT_DEPENDENT
                     ? np_box_chained(b, NP_CHAIN_OUTSIDE, outside, uniqueness(b), now)
                     : np_box_find_outside(b, outside, now);
    return e == NP_ENTRY_NONE && (b->held == NULL || !in_hold(b, outside, host, now));
}

static bool is_free(seeker *s, uint16_t port)
{
    s->outside.local_port = port;
    return np_port_is_free(s->box, &s->outside, &s->host, s->now);
}

/* ---- searching ---- */

static uint32_t home_address(const np_box *b, const np_addr *host)
{
    np_tuple k = {.local = *host, .family = 4};
    return np_below(np_hash_tuple(&k), b->config.ports.addresses);
}

static uint32_t first_try(np_box *b, uint16_t low, uint32_t count)
{
    if (b->config.ports.select == NP_PORT_SEQUENTIAL && b->next_port >= low &&
        (uint32_t)(b->next_port - low) < count)
        return (uint32_t)(b->next_port - low);
    if (b->config.ports.select == NP_PORT_SEQUENTIAL) return 0;
    return np_below(np_random(b->key, b->entity, NP_NAT_PURPOSE_PORT, b->port_draws++), count);
}

/* Looks through `count` ports from `low` on. */
static bool search(seeker *s, uint16_t low, uint32_t count)
{
    np_box *b = s->box;
    uint32_t most = b->config.ports.tries, tries = count < most ? count : most, at = first_try(b, low, count);
    for (uint32_t i = 0; i < tries; i++, at = at + 1 == count ? 0 : at + 1) {
        if (!is_free(s, (uint16_t)(low + at))) continue;
        b->next_port = (uint16_t)(low + (at + 1 == count ? 0 : at + 1));
        return true;
    }
    return false;
}

static void set_address(seeker *s, uint32_t n)
{
    s->outside.local = np_addr_ipv4(np_addr_to_ipv4(&s->box->config.ports.first) + n);
}

/* Whether the address may have one more mapping to this remote end. */
static bool may_serve(const seeker *s)
{
    const np_box *b = s->box;
    if (b->destinations == NULL) return true;
    uint32_t n = np_hosts_find(b->destinations, &s->outside.remote, np_box_destination(&s->outside));
    return n == NP_HOST_NONE || np_hosts_at(b->destinations, n)->mappings < b->config.ports.per_destination;
}

static bool in_range(seeker *s, uint16_t own)
{
    uint16_t low = s->box->config.ports.low, high = s->box->config.ports.high;
    if (!may_serve(s)) return false;
    if (s->preserve && is_free(s, own)) return true;
    return s->has_ports && search(s, low, (uint32_t)high - low + 1);
}

uint32_t np_ports_block(const np_box *b, const np_addr *external, uint16_t port)
{
    uint32_t address = np_addr_to_ipv4(external) - np_addr_to_ipv4(&b->config.ports.first);
    return np_blocks_at(b->blocks, address, port);
}

/* The block is in use meanwhile: a search may end a dead mapping that was the last to need it. */
static bool in_block(seeker *s, np_host *host, uint32_t block, uint16_t own)
{
    np_blocks *blocks = s->box->blocks;
    uint16_t low = np_blocks_first_port(blocks, block);
    uint32_t size = s->box->config.ports.block;
    set_address(s, np_blocks_address(blocks, block));
    if (!may_serve(s)) return false;
    np_blocks_use(blocks, block);
    if (s->preserve && own >= low && (uint32_t)(own - low) < size && is_free(s, own)) return true;
    if (search(s, low, size)) return true;
    np_blocks_leave(blocks, host, block, s->now);
    return false;
}

static bool in_some_block(seeker *s, np_host *host, uint32_t home, uint16_t own)
{
    np_blocks *blocks = s->box->blocks;
    uint32_t addresses = s->box->config.ports.addresses, next;
    for (uint32_t i = np_blocks_next(blocks, host, NP_BLOCK_NONE); i != NP_BLOCK_NONE; i = next) {
        next = np_blocks_next(blocks, host, i);
        if (in_block(s, host, i, own)) return true;
    }
    for (uint32_t i = 0; i < addresses && host->blocks < s->box->config.ports.blocks; i++) {
        uint32_t address = home < addresses - i ? home + i : home - (addresses - i);
        set_address(s, address);
        if (!may_serve(s)) continue;
        uint32_t block = np_blocks_take(blocks, host, address, s->now);
        if (block != NP_BLOCK_NONE) return in_block(s, host, block, own); /* all of it is free */
    }
    return false;
}

/* The host counts as having a mapping meanwhile, for the same reason. */
static bool in_blocks(seeker *s, uint32_t home, uint16_t own)
{
    np_hosts *hosts = s->box->hosts;
    uint32_t n = np_hosts_get(hosts, &s->host, 4);
    np_host *host = np_hosts_at(hosts, n);
    host->mappings++;
    bool found = in_some_block(s, host, home, own);
    host->mappings--;
    if (!found) np_hosts_drop(hosts, n);
    return found;
}

/* ---- choosing ---- */

/* The external endpoint that this inside endpoint has already. */
static bool reuse(np_box *b, const np_tuple *inside, np_time now, np_addr *external, uint16_t *port)
{
    np_dependence m = b->config.mapping;
    np_dependence least =
        np_box_by_flow(b, inside->proto) ? NP_ADDRESS_AND_PORT_DEPENDENT : b->config.filtering;
    if (m >= least || !np_has_ports(inside->proto)) return false;
    uint32_t other = np_box_chained(b, NP_CHAIN_INSIDE, inside, m, now);
    if (other == NP_ENTRY_NONE) return false;
    const np_entry *e = np_table_peek(b->table, other);
    np_tuple outside = *inside;
    outside.local = (np_addr){.word = {e->addr.v4.external}};
    outside.local_port = e->external_port;
    if (np_table_find_outside(b->table, &outside) != NP_ENTRY_NONE) return false; /* the box's own */
    *external = outside.local;
    *port = outside.local_port;
    if (b->blocks != NULL) np_blocks_use(b->blocks, np_ports_block(b, external, *port));
    return true;
}

static bool seek(seeker *s, const np_tuple *inside)
{
    const np_box *b = s->box;
    uint32_t addresses = b->config.ports.addresses, home = home_address(b, &inside->local);
    if (b->blocks != NULL && s->has_ports) return in_blocks(s, home, inside->local_port);
    for (uint32_t i = 0; i < addresses; i++) {
        set_address(s, home < addresses - i ? home + i : home - (addresses - i));
        if (in_range(s, inside->local_port)) return true;
    }
    return false;
}

bool np_ports_choose(np_box *b, const np_tuple *inside, const np_packet *p, np_time now, np_addr *external,
                     uint16_t *port)
{
    *external = inside->local;
    *port = inside->local_port;
    /* not translated: the outside key is the inside key */
    if (inside->family != 4 || b->config.ports.select == NP_PORT_NONE ||
        np_box_is_public(b, &inside->local, 4))
        return true;
    if (reuse(b, inside, now, external, port)) return true;

    bool ports = np_has_ports(inside->proto);
    seeker s = {.box = b,
                .now = now,
                .host = inside->local,
                .outside = *inside,
                .preserve = b->config.ports.select == NP_PORT_PRESERVE || !ports,
                .has_ports = ports};
    bool found = b->config.ports.select == NP_PORT_LINUX ? np_ports_linux(b, inside, p, now, &s.outside)
                                                         : seek(&s, inside);
    if (!found) return false;
    *external = s.outside.local;
    *port = s.outside.local_port;
    return true;
}
