/*
 * External addresses and ports for new mappings: mapping and filtering depend on address and port (RFC
 * 4787 4.1, 5), so an external port can serve any number of flows to different destinations, and what must be
 * free is the whole outside key.
 *
 * An inside host begins at an address of its own (RFC 4787 REQ-2, "paired"), and goes on to the next when it
 * finds no port there. On each address: the inside port itself if it is to be preserved and its key is free
 * (even outside of the range); then from a random or the next port of the range upwards, around its end.
 */
#include "box_state.h"
#include "hash.h"

/* Keys tried on one address before it counts as exhausted. With one port in 100 free, a search this long
   fails once in 30,000. Linux gives up after 248, VPP after 10, Cilium after 32 or 128. */
#define TRIES 1024u

bool np_port_is_free(np_box *b, const np_tuple *outside, np_time now)
{
    uint32_t e = np_table_find_outside(b->table, outside);
    return e == NP_ENTRY_NONE || np_box_found_dead(b, e, now);
}

static uint32_t home_address(const np_box *b, const np_tuple *inside)
{
    np_tuple host = {.local = inside->local, .family = 4};
    return np_below(np_hash_tuple(&host), b->config.ports.addresses);
}

static uint32_t first_try(np_box *b, uint32_t range)
{
    if (b->config.ports.select == NP_PORT_SEQUENTIAL) return (uint32_t)(b->next_port - b->config.ports.low);
    return np_below(np_random(b->key, b->entity, NP_NAT_PURPOSE_PORT, b->port_draws++), range);
}

/* Looks through the range on the address in *outside; fills in its port. */
static bool search(np_box *b, np_tuple *outside, np_time now)
{
    uint16_t low = b->config.ports.low, high = b->config.ports.high;
    uint32_t range = (uint32_t)high - low + 1, tries = range < TRIES ? range : TRIES;
    uint32_t at = first_try(b, range);
    for (uint32_t i = 0; i < tries; i++, at = at + 1 == range ? 0 : at + 1) {
        outside->local_port = (uint16_t)(low + at);
        if (!np_port_is_free(b, outside, now)) continue;
        b->next_port = outside->local_port == high ? low : (uint16_t)(outside->local_port + 1);
        return true;
    }
    return false;
}

bool np_ports_choose(np_box *b, const np_tuple *inside, const np_packet *p, np_time now, np_addr *external,
                     uint16_t *port)
{
    np_tuple outside = *inside;
    *external = inside->local;
    *port = inside->local_port;
    /* not translated: the outside key is the inside key */
    if (inside->family != 4 || np_box_is_public(b, &inside->local, 4)) return true;
    if (b->config.ports.select == NP_PORT_LINUX) {
        if (!np_ports_linux(b, &outside, p, now)) return false;
        *external = outside.local;
        *port = outside.local_port;
        return true;
    }

    bool ports = inside->proto == NP_TCP || inside->proto == NP_UDP || inside->proto == NP_ICMP;
    bool preserve = b->config.ports.select == NP_PORT_PRESERVE || !ports;
    uint32_t addresses = b->config.ports.addresses, home = home_address(b, inside);
    uint32_t first = np_addr_to_ipv4(&b->config.ports.first);
    for (uint32_t i = 0; i < addresses; i++) {
        uint32_t n = home < addresses - i ? home + i : home - (addresses - i);
        outside.local = np_addr_ipv4(first + n);
        outside.local_port = inside->local_port;
        if ((preserve && np_port_is_free(b, &outside, now)) || (ports && search(b, &outside, now))) {
            *external = outside.local;
            *port = outside.local_port;
            return true;
        }
    }
    return false;
}
