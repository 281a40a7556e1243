/*
 * Replay: a capture's packets through a NAT box, or through several at once.
 */
#ifndef NATPULSE_REPLAY_H
#define NATPULSE_REPLAY_H

#include "natpulse/box.h"
#include "natpulse/capture.h"
#include <stdio.h>

/* An address prefix. The bits of `addr` behind the first `bits` are 0. */
typedef struct np_cidr {
    np_addr addr;
    uint8_t bits, family;
} np_cidr;
bool np_cidr_parse(const char *text, np_cidr *out); /* "10.0.0.0/8", "fd00::/8", "192.0.2.1" */
bool np_cidr_contains(const np_cidr *c, const np_addr *a, int family);

/* A flow without a mapping that was never there: NP_ADOPT_FIRST takes it as already open, whichever packet
   shows it (the default without a public address); NP_ADOPT_NEVER leaves that to the box's rules (the default
   with one). */
typedef enum np_adopt { NP_ADOPT_DEFAULT, NP_ADOPT_FIRST, NP_ADOPT_NEVER } np_adopt;

/* A flow whose mapping was lost and that shows another packet: NP_AFTER_LOSS_REOPEN counts the loss and makes
   the mapping again, since the packet did pass in reality (the default without a public address);
   NP_AFTER_LOSS_DEAD counts it and leaves the rest to the box's rules (the default with one). */
typedef enum np_after_loss { NP_AFTER_LOSS_DEFAULT, NP_AFTER_LOSS_REOPEN, NP_AFTER_LOSS_DEAD } np_after_loss;

/* When the capture shows a flow's end: NP_CLOSED_KEEP leaves its mapping to the box, whose tracker may know
   it too (the default); NP_CLOSED_LEAVE takes the mapping away, with the reset, or with the ACK that follows
   FINs both ways. */
typedef enum np_closed { NP_CLOSED_KEEP, NP_CLOSED_LEAVE } np_closed;

/* Where a long piece of work stands: bytes read of all there are, 0 when that is not known. */
typedef void np_reading(void *ctx, uint64_t done, uint64_t all);

typedef struct np_replay_config {
    const np_cidr *inside; /* none: private and shared addresses (RFC 1918, RFC 6598, RFC 4193) */
    uint32_t insides;
    bool has_public;
    np_addr public_address; /* IPv4; replaces the profile's first */
    np_adopt adopt;
    np_after_loss after_loss;
    np_closed closed;
    const np_nat_config *nat; /* `boxes` of them, all given the same packets in one reading */
    uint32_t boxes;           /* 0 counts as 1; more than one are not possible with a public address */
    uint64_t seed;
    FILE *verdicts, *flows; /* CSV, of the first box; NULL: not wanted. A failed write shows in ferror */
    np_reading *reading;    /* NULL: not wanted */
    void *reading_ctx;
} np_replay_config;

/* Heartbeat intervals of the "what would have saved them" table, seconds, rising: a fixed grid. */
#define NP_REPLAY_INTERVALS 10
extern const uint32_t np_replay_interval_s[NP_REPLAY_INTERVALS];

/* A stretch of the capture's time. */
typedef struct np_replay_bin {
    uint32_t entries;          /* the most mappings held in it */
    uint64_t evicted, expired; /* losses that came to light in it */
    uint64_t packets_hurt;
} np_replay_bin;
#define NP_REPLAY_BINS 400

/* What became of the flows to or from one port: the lower of a flow's two, which is nearly always the
   server's. 0 for ICMP. */
typedef struct np_replay_service {
    uint64_t flows, flows_hurt, packets, packets_hurt;
    uint16_t port;
    uint8_t proto;
} np_replay_service;
#define NP_REPLAY_SERVICES 12

/*
 * A flow is a five-tuple, both directions together, over the whole capture. It is hurt when its mapping was
 * evicted or expired while it was open and another packet of it came afterwards. It is not hurt when it had
 * ended before (a reset, or FINs both ways), nor when that packet is a SYN, which begins a new connection.
 */
typedef struct np_replay_summary {
    uint64_t outbound, inbound; /* packets that met the box */
    uint64_t local;     /* between two inside hosts, or to addresses no router passes on (multicast) */
    uint64_t elsewhere; /* neither end inside */
    uint64_t errors;    /* ICMP errors among those that met the box; they belong to no flow of their own */
    uint64_t forwarded, dropped, reset, by_reason[NP_REASON_COUNT];
    uint64_t flows, flows_tcp, flows_udp, flows_icmp;
    uint64_t flows_hurt;
    uint64_t losses_evicted, losses_expired; /* mappings whose loss hurt their flow */
    uint64_t packets_hurt; /* dropped or answered by a reset for it; with NP_AFTER_LOSS_REOPEN the one a loss
                              that found it */
    /* Hurt flows of which no loss would have happened had they beaten whenever they were idle for that
       interval: it is shorter than the timeout, and at no moment of the gap was a mapping evicted that had
       been used later than the last beat. This takes the table as it was: that heartbeats of many flows would
       themselves renew mappings that others then lack is left out. Only where the longest idle mapping goes
       (lru), or none was evicted: elsewhere a heartbeat need not keep a mapping, and .saving_known is false.
     */
    uint64_t saved_by[NP_REPLAY_INTERVALS];
    bool saving_known;
    /* Packets it would have cost: a heartbeat and its answer in every flow, hurt or not, as often as the flow
       was idle for the interval between two packets of one connection. */
    uint64_t saving_costs[NP_REPLAY_INTERVALS];
    np_replay_service service[NP_REPLAY_SERVICES]; /* the most hurt first, then the largest */
    uint32_t services;                             /* how many of them are filled */
    uint32_t services_all;                         /* how many there were */
    np_replay_bin bin[NP_REPLAY_BINS];
    uint32_t bins;     /* filled */
    np_time bin_width; /* ns; the first begins at `first` */
    np_box_counts box;
    uint32_t entries_peak;
    np_time first, last; /* of all packets read; first > last: there was none */
    bool stopped;        /* before the end of the capture, because *stop was set */
} np_replay_summary;

/* Reads the capture to its end, or until *stop (NULL: never) is not 0. `out` has room for a summary a box.
   The policy `belady` needs the capture twice: NP_TROUBLE_USAGE where it comes from a pipe. False and *e on
   trouble. */
bool np_replay_run(np_capture *c, const np_replay_config *r, const volatile int *stop, np_replay_summary *out,
                   np_error *e);

#endif
