/*
 * What is inside a NAT box, for the files that make it up:
 *
 *     config.c     defaults, names, checks
 *     track_none.c which packets open a mapping, and the timeout class after each packet
 *     ports.c      external addresses and ports for new mappings
 *     unknown.c    packets without a mapping that do not open one
 *     evict*.c     who goes when the table is full
 *     box.c        the life of a mapping, and the order of things for each packet
 */
#ifndef NP_NAT_BOX_STATE_H
#define NP_NAT_BOX_STATE_H

#include "evict.h"

struct np_box {
    np_table *table;
    np_time due; /* no mapping expires before this (exact expiry) */
    np_time now; /* of the latest call: time must not run backwards */
    np_nat_config config;
    const np_evict_policy *policy;
    void *policy_state;
    np_evict_box policy_view;
    np_box_tap tap;
    np_box_counts counts;
    np_key key;
    uint32_t entity;
    uint64_t port_draws; /* random port searches begun */
    uint16_t next_port;  /* of NP_PORT_SEQUENTIAL */
};

/* config.c: false and *e unless every value makes sense. */
bool np_nat_check(const np_nat_config *c, np_error *e);

/* track_none.c. Whether an outbound packet without a mapping opens one by itself. */
bool np_track_opens(const np_packet *p);

/* track_none.c. The timeout class of a mapping that has just seen a packet; .seen says so already. */
uint8_t np_track_class(const np_entry *e);
uint8_t np_track_first_class(uint8_t proto);

/* ports.c. Finds *external and *port for a new mapping, whose outside key is free. False when none is. */
bool np_ports_choose(np_box *b, const np_tuple *inside, np_time now, np_addr *external, uint16_t *port);

/* unknown.c. The verdicts on packets without a mapping. NP_FORWARD: outbound, and to be adopted. */
np_verdict np_unknown_outbound(const np_box *b, const np_packet *p);
np_verdict np_unknown_inbound(const np_box *b, const np_packet *p);

/* box.c. Takes a mapping out of the table and tells the tap. */
void np_box_remove(np_box *b, uint32_t entry, np_mapping_event what, np_time when);

/* When idleness ends a mapping. Saturates: a deadline past the end of time is NP_NEVER. */
static inline np_time np_box_deadline(const np_box *b, const np_entry *e)
{
    np_time timeout = b->config.timeout[e->class];
    return timeout > NP_NEVER - e->last ? NP_NEVER : e->last + timeout;
}

/* With lazy expiry: whether looking at this entry finds it dead. It is removed then. */
static inline bool np_box_found_dead(np_box *b, uint32_t entry, np_time now)
{
    if (b->config.expiry != NP_EXPIRY_LAZY) return false;
    np_time deadline = np_box_deadline(b, np_table_peek(b->table, entry));
    if (deadline > now) return false;
    np_box_remove(b, entry, NP_MAPPING_EXPIRED, deadline);
    return true;
}

/* An ICMP echo flow has one identifier and no ports: in keys it stands as the local port, which is
   translated, and the remote port is 0. In packets, and in tuples that others see, it stands in both. */
static inline bool np_is_echo(uint8_t proto)
{
    return proto == NP_ICMP || proto == NP_ICMPV6;
}

#endif
