/*
 * What is inside a NAT box, for the files that make it up:
 *
 *     config.c     defaults, names, checks
 *     track_none.c which packets open a mapping, and the timeout class after each packet
 *     tracked.c    packets of a box with a tracker
 *     track*.c     the trackers
 *     ports*.c     external addresses and ports for new mappings
 *     unknown.c    packets without a mapping that do not open one
 *     evict*.c     who goes when the table is full
 *     box.c        the life of a mapping, and the order of things for each packet
 */
#ifndef NP_NAT_BOX_STATE_H
#define NP_NAT_BOX_STATE_H

#include "evict.h"
#include "sources.h"
#include "track.h"

struct np_box {
    np_table *table;
    np_time due; /* no mapping expires before this (exact expiry) */
    np_time now; /* of the latest call: time must not run backwards */
    np_nat_config config;
    const np_tracker *tracker; /* NULL: none */
    const np_evict_policy *policy;
    void *policy_state;
    np_evict_box policy_view;
    np_track_config track;
    char *side;          /* the tracker's state, .bytes for each entry */
    np_sources *sources; /* NULL where nothing asks for them */
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

/* ports.c. Finds *external and *port for the new mapping that `p` opens, so that its outside key is free.
   False when none is. */
bool np_ports_choose(np_box *b, const np_tuple *inside, const np_packet *p, np_time now, np_addr *external,
                     uint16_t *port);

/* ports.c. Whether no mapping has this outside key. */
bool np_port_is_free(np_box *b, const np_tuple *outside, np_time now);

/* ports_linux.c: the same with ports.select linux; on entry *outside is the inside key. */
bool np_ports_linux(np_box *b, np_tuple *outside, const np_packet *p, np_time now);

/* unknown.c. The verdicts on packets without a mapping. NP_FORWARD: outbound, and to be adopted. */
np_verdict np_unknown_outbound(const np_box *b, const np_packet *p);
np_verdict np_unknown_inbound(const np_box *b, const np_packet *p);

/* box.c. Takes a mapping out of the table and tells the tap. */
void np_box_remove(np_box *b, uint32_t entry, np_mapping_event what, np_time when);

/* box.c. True when the table has a place for the new flow, after evictions if need be. Counts a refusal. */
bool np_box_make_room(np_box *b, const np_tuple *inside, np_time now);

/* box.c. Makes a mapping for the flow of `p`, for which there is room, and tells the tap. NP_ENTRY_NONE when
   there is no port for it, which is counted. */
uint32_t np_box_insert(np_box *b, const np_tuple *inside, uint8_t class, uint8_t state, uint8_t seen,
                       const np_packet *p, np_time now);

/* box.c. The idle time of `class` begins anew. */
void np_box_renew(np_box *b, uint32_t entry, uint8_t class, np_time now);

/* tracked.c: np_box_outbound and its kin with a tracker. `entry` is the live one of that flow, or none. */
np_handled np_tracked_outbound(np_box *b, np_packet *p, const np_tuple *inside, uint32_t entry, np_time now);
np_handled np_tracked_inbound(np_box *b, np_packet *p, const np_tuple *outside, uint32_t entry,
                              bool bears_inside, np_time now);
np_handled np_tracked_adopt(np_box *b, np_packet *p, const np_tuple *inside, uint32_t entry, bool outbound,
                            np_time now);

/* track.c: the tracker of a configuration; NULL for none. */
const np_tracker *np_tracker_of(np_tracking t);

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

static inline bool np_box_is_public(const np_box *b, const np_addr *a, int family)
{
    return family == 4 &&
           np_addr_to_ipv4(a) - np_addr_to_ipv4(&b->config.ports.first) < b->config.ports.addresses;
}

/* Of the box's own stack, and no inside host's (tracked.c). */
static inline bool np_entry_is_own(const np_entry *e)
{
    return e->family == 4 && e->addr.v4.local == e->addr.v4.external;
}

static inline void *np_box_side(const np_box *b, uint32_t entry)
{
    return b->side + (size_t)entry * b->tracker->bytes;
}

/* An ICMP echo flow has one identifier and no ports: in keys it stands as the local port, which is
   translated, and the remote port is 0. In packets, and in tuples that others see, it stands in both. */
static inline bool np_is_echo(uint8_t proto)
{
    return proto == NP_ICMP || proto == NP_ICMPV6;
}

static inline void np_translate_outbound(np_packet *p, const np_entry *e)
{
    if (e->family != 4) return;
    p->src.word[0] = e->addr.v4.external;
    p->sport = e->external_port;
    if (np_is_echo(e->proto)) p->dport = e->external_port;
}

static inline void np_translate_inbound(np_packet *p, const np_entry *e)
{
    if (e->family != 4) return;
    p->dst.word[0] = e->addr.v4.local;
    p->dport = e->local_port;
    if (np_is_echo(e->proto)) p->sport = e->local_port;
}

#endif
