/*
 * What is inside a NAT box, for the files that make it up:
 *
 *     config.c      defaults, names
 *     check.c       what does not go together
 *     box.c         making boxes, and the life of a mapping
 *     packets.c     what becomes of each packet
 *     tracked.c     the same with a tracker
 *     track*.c      the trackers
 *     unknown.c     packets without a mapping that do not open one
 *     icmp_error.c  errors about packets of a mapping
 *     expiry.c      idle mappings
 *     collector.c   Linux's collector of them
 *     buckets.c     the hash buckets that it walks through
 *     purge.c       pf's way of looking through the table
 *     farewell.c    what the box says to their ends
 *     graves.c      mappings that are gone and not forgotten
 *     ports*.c      external addresses and ports for new mappings
 *     hosts.c       what each inside host has, or each destination
 *     blocks.c      blocks of ports
 *     chains.c      mappings by endpoint
 *     cpu.c         packets that wait for the box
 *     evict*.c      who goes when the table is full
 */
#ifndef NP_NAT_BOX_STATE_H
#define NP_NAT_BOX_STATE_H

#include "blocks.h"
#include "buckets.h"
#include "chains.h"
#include "evict.h"
#include "graves.h"
#include "hosts.h"
#include "track.h"

/* What a box remembers of a TCP flow so that it can reset it: np_box.ends, by [inside, outside]. */
typedef struct np_ends {
    uint32_t ack[2];      /* the last ACK it sent */
    uint32_t end[2];      /* the sequence number behind its last packet */
    uint8_t heard, acked; /* bit 0: inside, bit 1: outside */
} np_ends;

/* Linux's collector (collector.c). Times in jiffies. */
typedef struct np_collector {
    np_time next;    /* when it comes round; NP_NEVER: it has not begun */
    np_time epoch;   /* jiffy 0 */
    np_time began;   /* this round */
    int64_t mean;    /* of the lifetimes met so far */
    int64_t met;     /* how many */
    uint32_t bucket; /* to go on at */
    bool emergency;  /* a flow was refused since it was last round */
} np_collector;

struct np_box {
    np_table *table;
    np_time due; /* no mapping dies of its age before this, and no collector comes round */
    np_time now; /* of the latest call: time must not run backwards */
    np_nat_config config;
    bool beside;               /* something is kept beside the table */
    bool adapts;               /* timeouts depend on how full the table is */
    bool lazy;                 /* the dead stay in their places until somebody comes by */
    bool reaps;                /* a lookup buries the dead of its bucket (expiry linux) */
    bool coarse;               /* keys leave out some of the remote end: */
    np_dependence grain[2][2]; /* what they have of it, by [TCP][IPv6] */
    const np_tracker *tracker; /* NULL: none */
    const np_evict_policy *policy;
    void *policy_state;
    np_evict_box policy_view;
    np_track_config track;
    uint32_t alive[NP_TIMEOUT_COUNT]; /* lazy: the oldest living one of each class */
    np_collector collector;
    np_time purge_next; /* expiry pf: when it looks on, */
    uint32_t purge_at;  /* and where */
    /* Each of these is NULL unless the configuration asks for it. */
    char *side; /* the tracker's state, .bytes for each entry */
    np_chains *chain[NP_CHAIN_KINDS];
    np_buckets *buckets;
    np_hosts *hosts;
    np_hosts *destinations; /* by np_box_destination */
    np_blocks *blocks;
    np_ends *ends;     /* for each entry */
    np_table *expired; /* graves of mappings whose ends are reset when they talk */
    np_table *held;    /* graves of outside keys in hold */
    np_box_tap tap;
    np_box_counts counts;
    np_key key;
    uint32_t entity;
    uint64_t port_draws; /* random port searches begun */
    uint16_t next_port;  /* of NP_PORT_SEQUENTIAL */
    np_time filled;      /* when a mapping was last made (adaptive timeouts) */
    np_time longest;     /* no timeout is longer, by the steps that the table's fill is past */
    uint32_t crowded;    /* bit i: past adaptive.step[i] */
    np_time idle_from;   /* when the box will have handled all packets it was given (cpu) */
};

/* ---- keys ---- */

/* An ICMP echo flow has one identifier and no ports: in keys it stands as the local port, which is
   translated, and the remote port is 0. In packets, and in tuples that others see, it stands in both. */
static inline bool np_is_echo(uint8_t proto)
{
    return proto == NP_ICMP || proto == NP_ICMPV6;
}

/* Only protocols with something to translate besides the address can have more than one flow an address. */
static inline bool np_has_ports(uint8_t proto)
{
    return proto == NP_TCP || proto == NP_UDP || np_is_echo(proto);
}

/* Whether every flow of a protocol has an entry of its own, because a tracker follows it. */
static inline bool np_box_by_flow(const np_box *b, uint8_t proto)
{
    return proto == NP_TCP && b->tracker != NULL;
}

/* What of the remote end keys have. */
static inline np_dependence np_box_grain(const np_box *b, const np_tuple *k)
{
    return b->grain[k->proto == NP_TCP][k->family == 6];
}

/* Leaves of the remote end what counts. */
static inline void np_coarsen(np_tuple *key, np_dependence grain)
{
    if (grain == NP_ADDRESS_AND_PORT_DEPENDENT || !np_has_ports(key->proto)) return;
    key->remote_port = 0;
    if (grain == NP_ENDPOINT_INDEPENDENT) key->remote = (np_addr){.half = {0, 0}};
}

/* A flow's key in the table. */
static inline np_tuple np_box_key(const np_box *b, const np_tuple *flow)
{
    np_tuple k = *flow;
    if (np_is_echo(k.proto)) k.remote_port = 0;
    if (b->coarse) np_coarsen(&k, np_box_grain(b, &k));
    return k;
}

static inline bool np_box_is_public(const np_box *b, const np_addr *a, int family)
{
    return family == 4 &&
           np_addr_to_ipv4(a) - np_addr_to_ipv4(&b->config.ports.first) < b->config.ports.addresses;
}

/* Whether the packets of a mapping change on their way. */
static inline bool np_box_translates(const np_box *b, const np_entry *e)
{
    return e->family == 4 && b->config.ports.select != NP_PORT_NONE;
}

/* Of the box's own stack, and no inside host's (tracked.c). */
static inline bool np_entry_is_own(const np_box *b, const np_entry *e)
{
    return np_box_translates(b, e) && e->addr.v4.local == e->addr.v4.external;
}

/* What of an outside key tells destinations apart beside the remote address: np_box.destinations. */
static inline uint64_t np_box_destination(const np_tuple *outside)
{
    return outside->local.word[0] | (uint64_t)outside->remote_port << 32 | (uint64_t)outside->proto << 48;
}

/* Whether a packet of this direction renews its mapping. The rule is in config.c: where it is not plain it is
   looked up out of line, for the packet path is about boxes where it is. */
bool np_refresh_rule(np_refresh r, uint8_t proto, bool outbound);
static inline bool np_box_refreshes(const np_box *b, uint8_t proto, bool outbound)
{
    return b->config.refresh == NP_REFRESH_BOTH || np_refresh_rule(b->config.refresh, proto, outbound);
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

/* ---- box.c ---- */

/* Takes a mapping out of the table and tells the tap. */
void np_box_remove(np_box *b, uint32_t entry, np_mapping_event what, np_time when);

/* With lazy expiry: its idle time is over. It stays in its place. */
void np_box_die(np_box *b, uint32_t entry, np_time when);

/* Whether the new flow may have a mapping and there is a place for it, after evictions if need be. A refusal
   is counted, and *why says what it was. */
bool np_box_make_room(np_box *b, const np_tuple *inside, np_time now, np_reason *why);

/* Makes a mapping for the flow of `p`, for which there is room, and tells the tap. NP_ENTRY_NONE when there
   is no port for it, which is counted. */
uint32_t np_box_insert(np_box *b, const np_tuple *inside, uint8_t class, uint8_t state, uint8_t seen,
                       const np_packet *p, np_time now);

/* The same with an external endpoint that its inside endpoint has already. */
uint32_t np_box_insert_at(np_box *b, const np_tuple *inside, const np_addr *external, uint16_t port,
                          uint8_t class, uint8_t state, uint8_t seen, const np_packet *p, np_time now);

static inline void *np_box_side(const np_box *b, uint32_t entry)
{
    return b->side + (size_t)entry * b->tracker->bytes;
}

/* ---- expiry.c ---- */

/* A timeout as it is with the table as full as it is now. */
np_time np_box_adapted(const np_box *b, np_time timeout);

/* The table holds one mapping more, or less: which steps it is past. Only with np_box.adapts. */
void np_box_note_count(np_box *b);

/* When a mapping with this deadline is really taken. */
np_time np_box_taken_at(const np_box *b, np_time deadline);

/* A mapping was added: .due shall not be too late. */
void np_box_note_fill(np_box *b, const np_entry *e);

/* When idleness ends a mapping. Saturates: a deadline past the end of time is NP_NEVER. */
static inline np_time np_box_deadline(const np_box *b, const np_entry *e)
{
    np_time timeout = b->config.timeout[e->class];
    if (b->adapts) timeout = np_box_adapted(b, timeout);
    np_time deadline = timeout > NP_NEVER - e->last ? NP_NEVER : e->last + timeout;
    if (b->config.tick == 0 || deadline == NP_NEVER) return deadline;
    deadline -= deadline % b->config.tick;
    return deadline < e->last ? e->last : deadline;
}

/* A mapping was renewed: .due shall not be too late. */
static inline void np_box_note_deadline(np_box *b, const np_entry *e)
{
    np_time deadline = np_box_deadline(b, e);
    if (deadline >= b->due) return;
    b->due = b->config.expiry == NP_EXPIRY_SWEEP ? np_box_taken_at(b, deadline) : deadline;
}

/* With lazy expiry the living of a class stand behind the dead, and .alive is the first of them: an entry is
   about to leave its class, or has just come to it as the youngest. */
static inline void np_box_leaves(np_box *b, uint32_t entry)
{
    uint32_t *alive = &b->alive[np_table_peek(b->table, entry)->class];
    if (*alive == entry) *alive = np_table_newer(b->table, entry);
}
static inline void np_box_comes(np_box *b, uint32_t entry)
{
    uint32_t *alive = &b->alive[np_table_peek(b->table, entry)->class];
    if (*alive == NP_ENTRY_NONE) *alive = entry;
}

/* The idle time of `class` begins anew. */
static inline void np_box_renew(np_box *b, uint32_t entry, uint8_t class, np_time now)
{
    if (b->lazy) np_box_leaves(b, entry);
    np_table_touch(b->table, entry, class, now);
    if (b->lazy) np_box_comes(b, entry);
    if (b->policy->touched != NULL) b->policy->touched(b->policy_state, &b->policy_view, entry, now);
    np_box_note_deadline(b, np_table_peek(b->table, entry));
}

static inline bool np_box_is_dead(const np_box *b, uint32_t entry)
{
    return np_table_peek(b->table, entry)->seen & NP_SEEN_DEAD;
}

/* Whether looking at this entry finds it dead (lazy expiry). It is removed then. */
static inline bool np_box_found_dead(np_box *b, uint32_t entry, np_time now)
{
    if (!np_box_is_dead(b, entry)) return false;
    np_box_remove(b, entry, NP_MAPPING_FREED, now);
    return true;
}

/* An entry that was looked up, unless that finds it dead. */
static inline uint32_t np_box_alive(np_box *b, uint32_t entry, np_time now)
{
    return entry != NP_ENTRY_NONE && np_box_found_dead(b, entry, now) ? NP_ENTRY_NONE : entry;
}

/* Removes the dead of a tuple's bucket that a lookup meets on its way to `entry`, or to the end. */
void np_box_reap(np_box *b, const np_tuple *tuple, np_bucket_kind kind, uint32_t entry);

/* Lookups: the live entry with this key. */
static inline uint32_t np_box_find_inside(np_box *b, const np_tuple *inside, np_time now)
{
    uint32_t entry = np_box_alive(b, np_table_find_inside(b->table, inside), now);
    if (b->reaps) np_box_reap(b, inside, NP_BUCKET_ORIGINAL, entry);
    return entry;
}
static inline uint32_t np_box_find_outside(np_box *b, const np_tuple *outside, np_time now)
{
    uint32_t entry = np_box_alive(b, np_table_find_outside(b->table, outside), now);
    if (b->reaps) np_box_reap(b, outside, NP_BUCKET_REPLY, entry);
    return entry;
}

/* The live entry that was last made and agrees with the key, by one of the chains. `grain`: whether the
   remote address counts. */
static inline uint32_t np_box_chained(np_box *b, np_chain_kind kind, const np_tuple *key, np_dependence grain,
                                      np_time now)
{
    uint32_t e;
    do e = np_chains_find(b->chain[kind], key, grain == NP_ADDRESS_DEPENDENT);
    while (e != NP_ENTRY_NONE && np_box_found_dead(b, e, now));
    return e;
}

/* ---- collector.c ---- */

/* The first mapping is made: the collector has been going round for some time, or (`restarted`) begins with
   the box. */
void np_collector_begin(np_box *b, np_time now, bool restarted);

/* It comes round, at .collector.next. */
void np_collect(np_box *b);

/* ---- purge.c ---- */

/* The first mapping is made in an empty table. */
void np_purge_begin(np_box *b, np_time now);

/* Looks through what is due, second by second. */
void np_purge(np_box *b, np_time now);

/* ---- every call that brings a time begins so ---- */

static inline void np_box_begin(np_box *b, np_time now)
{
    b->now = now;
    if (now >= b->due) np_box_expire(b, now);
}

/* ---- farewell.c ---- */

/* Of a TCP packet that is all headers. */
#define NP_BARE_BYTES_4 40
#define NP_BARE_BYTES_6 60

/* Notes a packet of a mapping. Only with np_box.ends. */
void np_farewell_note(np_ends *ends, const np_packet *p, bool outbound);

/* A mapping is about to go because it was idle. */
void np_farewell(np_box *b, uint32_t entry, np_time when);

/* Whether a packet without a mapping belonged to one that expired, and is to be reset for that. */
bool np_farewell_is_due(const np_box *b, const np_packet *p, const np_tuple *key, bool outbound);

/* ---- trackers ---- */

/* track_none.c. The timeout class of a mapping that has just seen a packet; .seen says so already. */
uint8_t np_track_class(const np_entry *e);

/* track.c: the tracker of a configuration; NULL for none. */
const np_tracker *np_tracker_of(np_tracking t);

/* tracked.c: np_box_outbound and its kin with a tracker. `entry` is the live one of that flow, or none. */
np_handled np_tracked_outbound(np_box *b, np_packet *p, const np_tuple *inside, uint32_t entry, np_time now);
np_handled np_tracked_inbound(np_box *b, np_packet *p, const np_tuple *outside, uint32_t entry,
                              bool bears_inside, np_time now);
np_handled np_tracked_adopt(np_box *b, np_packet *p, const np_tuple *inside, uint32_t entry, bool outbound,
                            np_time now);

/* ---- unknown.c: the verdicts on packets without a mapping ---- */

/* NP_FORWARD: to be adopted. */
np_verdict np_unknown_outbound(const np_box *b, const np_packet *p);
np_verdict np_unknown_inbound(const np_box *b, const np_packet *p);

/* Why nothing was found for a packet from outside. */
np_reason np_unknown_reason(np_box *b, const np_tuple *outside, np_time now);

/* ---- ports.c ---- */

/* Finds *external and *port for the new mapping that `p` opens, so that its outside key is free. False when
   none is. */
bool np_ports_choose(np_box *b, const np_tuple *inside, const np_packet *p, np_time now, np_addr *external,
                     uint16_t *port);

/* The block of an external endpoint. Only with blocks. A choice counts as a use of its block. */
uint32_t np_ports_block(const np_box *b, const np_addr *external, uint16_t port);

/* Whether a new mapping of that inside host may have this outside key. */
bool np_port_is_free(np_box *b, const np_tuple *outside, const np_addr *host, np_time now);

/* An outside key that this inside host had is free again, and in hold. */
void np_ports_hold(np_box *b, const np_tuple *outside, const np_addr *host, np_time when);

/* ports_linux.c: the choice with ports.select linux; *outside becomes the outside key. */
bool np_ports_linux(np_box *b, const np_tuple *inside, const np_packet *p, np_time now, np_tuple *outside);

#endif
