/*
 * The NAT box: a bounded table of mappings, and the rules by which packets use it.
 *
 * Time comes with every call and must not run backwards. The box allocates at creation only. It knows no
 * endpoints and no captures: whoever drives it gives packets, and hears through taps what happened to
 * mappings.
 *
 * By default mapping and filtering depend on address and port (RFC 4787): a mapping is one flow's, and any
 * number of flows to different destinations can share an external port. Where both depend on less, a mapping
 * is all flows' of its inside endpoint (to that address), and what is said of it has zeros for the rest.
 * Where filtering depends on more than mapping, each remote end has an entry of its own, with the external
 * port that its inside endpoint has: entries are what the table has room for. Where mapping depends on more,
 * one flow's mapping lets in others. UDP, echo requests, TCP SYNs and other protocols from inside open a
 * mapping. An echo's identifier stands for both of its ports, in tuples as in packets, and is translated. A
 * UDP mapping changes from its first timeout to `udp_stream` with a packet that refreshes it.
 *
 * Ties: a mapping whose idle time reaches its timeout exactly is gone (as in Linux, whose deadline test is
 * `deadline <= now`). When two timeout classes hold equally old heads, the class with the lower number is
 * evicted first.
 */
#ifndef NATPULSE_BOX_H
#define NATPULSE_BOX_H

#include "natpulse/error.h"
#include "natpulse/packet.h"
#include "natpulse/random.h"
#include "natpulse/time.h"

/* ---- configuration: the keys of `nat` in a scenario ---- */

/* Timeout classes: one idle timeout and one recency list each. */
typedef enum np_timeout {
    NP_TIMEOUT_TCP_SYN_SENT,
    NP_TIMEOUT_TCP_SYN_RECV,
    NP_TIMEOUT_TCP_ESTABLISHED,
    NP_TIMEOUT_TCP_FIN_WAIT,
    NP_TIMEOUT_TCP_CLOSE_WAIT,
    NP_TIMEOUT_TCP_LAST_ACK,
    NP_TIMEOUT_TCP_TIME_WAIT,
    NP_TIMEOUT_TCP_CLOSE,
    NP_TIMEOUT_TCP_MAX_RETRANS,
    NP_TIMEOUT_TCP_UNACKNOWLEDGED,
    NP_TIMEOUT_TCP_SYN_SENT2, /* SYNs from both sides */
    NP_TIMEOUT_UDP,           /* seen in one direction */
    NP_TIMEOUT_UDP_STREAM,    /* seen in both */
    NP_TIMEOUT_ICMP,
    NP_TIMEOUT_OTHER,
    NP_TIMEOUT_COUNT,
} np_timeout;

/* The key of a class in `nat.timeouts` ("tcp_established", "udp_stream", ...). */
const char *np_timeout_name(np_timeout class);

typedef enum np_refresh {
    NP_REFRESH_BOTH,
    NP_REFRESH_OUTBOUND,
    NP_REFRESH_INBOUND,
    NP_REFRESH_UDP_OUTBOUND, /* of UDP outbound, of all else both (RFC 4787 REQ-6 is about UDP) */
} np_refresh;
typedef enum np_unknown { NP_UNKNOWN_DROP, NP_UNKNOWN_RESET, NP_UNKNOWN_ADOPT } np_unknown;
typedef enum np_port_select {
    NP_PORT_PRESERVE,
    NP_PORT_RANDOM,
    NP_PORT_SEQUENTIAL,
    NP_PORT_LINUX, /* masquerade: the port this source has elsewhere, its own, or one of the same class */
    NP_PORT_NONE,  /* nothing is translated: a stateful filter */
} np_port_select;
typedef enum np_expiry {
    NP_EXPIRY_EXACT,
    NP_EXPIRY_LAZY,
    NP_EXPIRY_SWEEP,
    NP_EXPIRY_LINUX,
    NP_EXPIRY_PF,
} np_expiry;

/* What becomes of a TCP connection whose mapping times out. */
typedef enum np_at_expiry {
    NP_AT_EXPIRY_SILENT,
    NP_AT_EXPIRY_RESET_INSIDE,
    NP_AT_EXPIRY_RESET_BOTH,
    NP_AT_EXPIRY_RESET_ON_TALK,        /* whoever talks next is reset; a SYN is a new beginning */
    NP_AT_EXPIRY_RESET_INSIDE_ON_TALK, /* only the inside host, when it talks; the outside hears nothing */
} np_at_expiry;

/* RFC 4787 4.1, 5: which part of the remote end counts. */
typedef enum np_dependence {
    NP_ENDPOINT_INDEPENDENT,
    NP_ADDRESS_DEPENDENT,
    NP_ADDRESS_AND_PORT_DEPENDENT,
} np_dependence;

/* How closely packets are judged by their protocol (sim/nat/track.h). */
typedef enum np_tracking {
    NP_TRACK_NONE,   /* not at all: one state for TCP, two for UDP */
    NP_TRACK_LINUX,  /* nf_conntrack: states, windows, assured */
    NP_TRACK_FLAGS,  /* VPP: three states by the flags seen */
    NP_TRACK_PF,     /* pf: a state for each peer, windows */
    NP_TRACK_STATES, /* TCP's states, no windows: firewalls at large */
} np_tracking;
typedef enum np_invalid { NP_INVALID_DROP, NP_INVALID_LEAK } np_invalid;

/* From the moment the table holds more than `above` mappings until it holds `until` or fewer (<= above; less
   is a hysteresis), no idle timeout is longer than `most` (> 0). MikroTik's steps, Junos's early ageing. */
typedef struct np_fill_step {
    uint32_t above, until;
    np_time most;
} np_fill_step;

#define NP_FILL_STEPS_MOST 8

#define NP_CPUS_MOST 1024u

typedef struct np_nat_config {
    const char *name;  /* of the profile, for messages; not owned */
    uint32_t capacity; /* mappings, 1 .. 2^26 */
    const char *evict; /* a name from np_evict_list: what happens to a new flow when full */
    uint32_t buckets;  /* `linux-early-drop` only: hash buckets, up to 2^26; 0: as many as the capacity */
    uint32_t cpus;     /* `bpf-lru` only: CPUs that flows are spread over, 1 .. NP_CPUS_MOST */
    np_time timeout[NP_TIMEOUT_COUNT]; /* > 0 */
    np_refresh refresh;                /* whose packets renew a mapping */
    struct {
        uint32_t start, end; /* all timeouts shrink while the table holds more than `start` mappings: by (end
                                - n) / (end - start), to nothing at `end`, which may be above the capacity
                                (pf). end 0: they do not */
        np_fill_step step[NP_FILL_STEPS_MOST];
        uint32_t steps; /* that there are: beside the scaling, or in its place */
    } adaptive;
    np_expiry expiry; /* exact: gone at its deadline. lazy: dead at its deadline, but it fills its place until
                         it is looked at or in the way. sweep: gone at the first multiple of `sweep` from its
                         deadline on; until then a packet finds it and revives it. linux: as lazy, until a
                         lookup meets it in its hash bucket or the collector comes round (collector.c). pf: as
                         sweep, but a tenth of the table is looked through each second (purge.c) */
    np_time sweep;    /* >= 1 ms */
    np_time tick;     /* deadlines are cut to whole ticks, as by boxes that count seconds; 0: they are not */
    np_at_expiry at_expiry;
    np_dependence mapping; /* which flows of an inside endpoint have the same external endpoint */
    np_dependence
        filtering; /* from whom it lets packets in: all; addresses, or ends, it sent packets to. TCP
                      that a tracker follows: whose SYN begins another flow to the inside endpoint */
    bool hairpin;  /* inside hosts reach each other at their external endpoints (RFC 4787 6) */
    np_tracking tracker;
    bool loose;                  /* tracker linux: picks up TCP flows in the middle */
    bool be_liberal;             /* tracker linux: a packet out of the window is not invalid */
    np_invalid invalid;          /* what the tracker refuses from inside: LEAK lets it out untranslated */
    np_unknown unknown_outbound; /* a mid-stream TCP packet from inside without a mapping. With a tracker: one
                                    that it refuses to begin a flow with */
    np_unknown unknown_inbound;  /* a packet from outside without a mapping, or invalid: DROP, or RESET as a
                                    machine's closed ports answer */
    const np_time *foresight; /* `belady` only, from replays: when each flow (by the np_packet.conn that made
                                 its mapping) next needs its mapping; NP_NEVER: no more. Kept up to date by
                                 the driver, before it hands on a packet of the flow. Not owned */
    struct {
        np_port_select select;
        uint16_t low, high; /* external ports, inclusive. Preserving may go outside the range; with LINUX,
                               1-65535 means none: a port then stays in its class */
        uint32_t addresses; /* public addresses, consecutive from `first`; >= 1 */
        uint32_t block;     /* ports come in blocks of so many, each one inside host's; 0: they do not */
        uint32_t blocks;    /* most blocks an inside host can have at a time; >= 1 */
        uint32_t per_host;  /* most mappings an inside host can have; 0: as many as there is room for */
        uint32_t per_destination; /* most mappings a public address can have to one remote end (address, port,
                                     protocol); 0: as many as there are ports */
        uint32_t tries;           /* ports looked at on one address, or in one block, before it counts as
                                     exhausted; >= 1. LINUX has its own number */
        np_time hold;  /* so long after its last use an outside key (with blocks: a block) is not given to
                          another inside host */
        np_addr first; /* IPv4 */
    } ports;
    struct {
        uint32_t rate;  /* packets per second; 0: as many as come */
        uint32_t queue; /* packets that can wait; more are dropped */
    } cpu;
} np_nat_config;

/* False and *e (a sentence that names the profile, the key and what would be right) unless all of it makes
   sense together. np_box_create asks for itself. */
bool np_nat_check(const np_nat_config *c, np_error *e);

/* The same for whoever wants all that is wrong: for each `each` hears a sentence, and the keys that it is
   about with spaces between ("adaptive.start adaptive.end"). Whether it heard none. */
bool np_nat_check_each(const np_nat_config *c, void (*each)(void *ctx, const char *keys, const char *text),
                       void *ctx);

/* Names of the eviction policies ("lru", "refuse", ...), NULL at the end. */
const char *const *np_evict_list(void);

/* Who goes by the policy of this name, in a line; NULL when there is none. */
const char *np_evict_about(const char *name);

/* Fills in what `lru-box`, the default profile, has: 4096 mappings, LRU, TCP 1 h, UDP 30 s, ... */
void np_nat_defaults(np_nat_config *c);

/* ---- what happens ---- */

typedef enum np_verdict { NP_FORWARD, NP_DROP, NP_RESET } np_verdict;
const char *np_verdict_name(np_verdict v); /* "forward", "drop", "reset" */

/* Why a packet got its verdict. */
typedef enum np_reason {
    NP_REASON_MAPPED,     /* its mapping was there */
    NP_REASON_CREATED,    /* it opened a new mapping */
    NP_REASON_ADOPTED,    /* a mid-stream packet made a mapping (again) */
    NP_REASON_NO_MAPPING, /* none there, and the rules do not make one */
    NP_REASON_TABLE_FULL, /* a new mapping was refused a place */
    NP_REASON_NO_PORT,    /* no external port was free */
    NP_REASON_INVALID,    /* its mapping is there, but the tracker does not take it for one of that flow */
    NP_REASON_LEAKED,     /* the tracker refused it, and it went out untranslated */
    NP_REASON_FILTERED,   /* from outside, for an external endpoint in use, from one that it lets nothing in
                             from */
    NP_REASON_HOST_LIMIT, /* the inside host has as many mappings as it may */
    NP_REASON_EXPIRED,    /* its mapping timed out, and the box says so */
    NP_REASON_CPU,        /* the box was too busy (np_box_admit) */
    NP_REASON_COUNT,
} np_reason;
const char *np_reason_name(np_reason r); /* "mapped", "no-mapping", "table-full", "invalid-leaked", ... */

typedef struct np_handled {
    np_verdict verdict;
    np_reason reason;
} np_handled;

/* What happens to a mapping. A tap hears the time with it: of an expiry that is the deadline, which lies
   before the call that notices. With lazy expiry a mapping fills its place after that (np_mapping.stays)
   until it is freed. */
typedef enum np_mapping_event {
    NP_MAPPING_CREATED,
    NP_MAPPING_EVICTED, /* to make room */
    NP_MAPPING_EXPIRED, /* idle for its timeout */
    NP_MAPPING_CLOSED,  /* the box saw the flow end */
    NP_MAPPING_FLUSHED, /* the box restarted */
    NP_MAPPING_FREED,   /* it expired before, and has now given up its place */
    NP_MAPPING_EVENT_COUNT,
} np_mapping_event;

/* A mapping as a tap sees it; valid during the call. */
typedef struct np_mapping {
    np_tuple inside;  /* local: the inside host; remote: the outside host */
    np_addr external; /* public address; IPv6 flows are not translated: equals inside.local */
    uint16_t external_port;
    uint32_t conn; /* np_packet.conn of the packet that made it */
    np_time last;  /* last refresh */
    bool stays;    /* expired, but NP_MAPPING_FREED is yet to come */
} np_mapping;

typedef struct np_box_tap {
    void (*mapping)(void *ctx, np_mapping_event what, const np_mapping *m, np_time when);
    void *ctx;
    /* The box sends a packet of its own: a reset at expiry, pf's challenge ACK. Before the tap hears of that
       mapping's end. NULL: such packets are not made. */
    void (*emit)(void *ctx, bool to_inside, const np_packet *p, np_time when);
} np_box_tap;

/* Counters since creation. unknown_out: packets from inside that found no mapping and open none by
   themselves, whatever was then done with them; unknown_in: packets from outside that found none; invalid:
   packets that the tracker did not take for their mapping's; refused, no_port, host_limit: new flows turned
   away; cpu: packets that the box had no time for; emitted: packets of its own. */
typedef struct np_box_counts {
    uint64_t inserts, evictions, expiries, refused, no_port, unknown_in, unknown_out, forwarded_in,
        forwarded_out, invalid, filtered, host_limit, cpu, emitted;
} np_box_counts;

/* ---- the box ---- */

typedef struct np_box np_box;

/* `entity` tells this box's random draws (port choice, random eviction) from another's. The configuration
   is copied (its strings are not). NULL and *e when it makes no sense or memory is out. */
np_box *np_box_create(const np_nat_config *c, np_key key, uint32_t entity, np_error *e);
void np_box_destroy(np_box *b);

/* At most one tap; ctx is the caller's. */
void np_box_set_tap(np_box *b, np_box_tap tap);

/* A packet arrives from inside. On NP_FORWARD it is translated in place (source address and port).
   On NP_RESET the caller answers it (np_packet_reset, or ICMP port unreachable for UDP).
   With `hairpin`, when a packet's destination has changed as well, it goes to that inside host. */
np_handled np_box_outbound(np_box *b, np_packet *p, np_time now);

/* A packet arrives from outside for a public address. On NP_FORWARD its destination is translated in place.
 */
np_handled np_box_inbound(np_box *b, np_packet *p, np_time now);

/* For captures taken on the inside, whose inbound packets bear the inside address already: looks the
   flow up by its inside five-tuple and refreshes it as an inbound packet would. Nothing is translated. */
np_handled np_box_inbound_inside(np_box *b, np_packet *p, np_time now);

/* From where an ICMP error comes, and how it looks. */
typedef enum np_error_way {
    NP_ERROR_OUT,       /* from inside */
    NP_ERROR_IN,        /* from outside, for a public address */
    NP_ERROR_IN_INSIDE, /* from outside, in a capture taken on the inside: nothing is to be translated */
} np_error_way;

/* An ICMP error p arrives about a packet whose five-tuple it quotes; quoted->local is who sent that. It goes
   with the mapping of that packet, against it, whatever router it is from, and neither renews nor ends a
   mapping (RFC 5508 REQ-4 to REQ-6). On NP_FORWARD p and *quoted are translated in place. One about no
   mapping is dropped, or leaked as what a tracker refuses: errors are never answered (RFC 1122 3.2.2). With
   `hairpin` one from inside about what came from another inside host reaches that. */
np_handled np_box_error(np_box *b, np_packet *p, np_tuple *quoted, np_error_way way, np_time now);

/* For drivers that know which packets come next: fetches what the lookup of `p` will touch, in two steps with
   some other packets' work between them (first the index, then, with `entry`, the mapping it names; that
   of an inbound packet answers an outbound one and is at hand). Changes nothing. */
void np_box_prefetch(const np_box *b, const np_packet *p, bool outbound, bool entry);

/* The same for a flow by its inside five-tuple, whichever way its packet goes, each step with what the one
   before gave: the index; the mapping; what refreshing the mapping will touch. */
uint64_t np_box_prefetch_index(const np_box *b, const np_tuple *inside);
uint32_t np_box_prefetch_mapping(const np_box *b, uint64_t hash);
void np_box_prefetch_neighbours(const np_box *b, uint32_t entry);

/* Makes a mapping for the flow of `p` whatever its flags, as `adopt` would (evicting when the policy says
   so). `outbound` tells which direction p goes: its source or its destination is the inside host. For replays
   that take a flow seen mid-stream as open. An inbound `p` bears the inside address. */
np_handled np_box_adopt(np_box *b, np_packet *p, bool outbound, np_time now);

/* A time before which no mapping expires nor is collected (NP_NEVER: none will be): exact after
   np_box_expire, later perhaps early, since a refresh does not move it. And the doing of it: all whose
   deadline is <= now expire, oldest deadline first. Every packet call does this for itself first. */
np_time np_box_next_expiry(const np_box *b);
void np_box_expire(np_box *b, np_time now);

/* The flow with this inside five-tuple is over, says whoever watches it: its mapping, if there is one, leaves
   the table (NP_MAPPING_CLOSED). */
void np_box_close(np_box *b, const np_tuple *inside, np_time now);

/* When the box gets round to a packet that arrives `now`: at once without a cpu.rate, else after those before
   it and as long as it takes. NP_NEVER: its queue is full, the packet is dropped (NP_REASON_CPU). The caller
   hands the packet on at that time; whoever cannot (a replay) does so now, and only drops. */
np_time np_box_admit(np_box *b, np_time now);

/* Loses the whole table (a restart). */
void np_box_flush(np_box *b, np_time now);

/* Public addresses begin at `first` (IPv4) from now on. The table must be empty: after a flush. */
void np_box_readdress(np_box *b, const np_addr *first);

uint32_t np_box_entries(const np_box *b); /* mappings held now, expired but unnoticed ones (lazy) included */
const np_box_counts *np_box_count(const np_box *b);
size_t np_box_bytes(const np_box *b); /* memory held, all in */

/* Whether the flow with this inside five-tuple has a mapping; if so fills *m (when not NULL). No refresh. */
bool np_box_lookup(const np_box *b, const np_tuple *inside, np_mapping *m);

/* The same by what the outside sees: .local is the public address and port. For IPv6 the inside five-tuple.
 */
bool np_box_lookup_outside(const np_box *b, const np_tuple *outside, np_mapping *m);

#endif
