/*
 * Replay: a capture's packets through a NAT box.
 */
#ifndef NATPULSE_REPLAY_H
#define NATPULSE_REPLAY_H

#include "natpulse/box.h"
#include "natpulse/capture.h"
#include "natpulse/quantile.h"
#include <stdio.h>

typedef struct np_cidr {
    np_addr addr;
    uint8_t bits, family;
} np_cidr;
bool np_cidr_parse(const char *text, np_cidr *out); /* "10.0.0.0/8", "fd00::/8", "192.0.2.1" */
bool np_cidr_contains(const np_cidr *c, const np_addr *a, int family);

typedef enum np_adopt { NP_ADOPT_DEFAULT, NP_ADOPT_FIRST, NP_ADOPT_NEVER } np_adopt;
typedef enum np_after_loss { NP_AFTER_LOSS_DEFAULT, NP_AFTER_LOSS_REOPEN, NP_AFTER_LOSS_DEAD } np_after_loss;

typedef struct np_replay_config {
    const np_cidr *inside; /* none: private and shared addresses (RFC 1918, RFC 6598, RFC 4193) */
    uint32_t insides;
    bool has_public;
    np_addr public_address; /* IPv4; replaces the profile's first */
    np_adopt adopt;
    np_after_loss after_loss;
    const np_nat_config *nat;
    uint64_t seed;
    FILE *verdicts, *flows;  /* NULL: not wanted */
} np_replay_config;

/* Heartbeat intervals of the "what would have saved them" table, seconds: a fixed grid. */
#define NP_REPLAY_INTERVALS 10
extern const uint32_t np_replay_interval_s[NP_REPLAY_INTERVALS];

typedef struct np_replay_summary {
    uint64_t outbound, inbound, local, elsewhere; /* packets by direction; elsewhere: neither end inside */
    uint64_t forwarded, dropped, reset, by_reason[NP_REASON_COUNT];
    uint64_t flows, flows_tcp, flows_udp, flows_icmp;
    uint64_t flows_hurt;     /* lost their mapping while packets were still to come */
    uint64_t losses_evicted, losses_expired, packets_hurt; /* mappings so lost; packets that found none for it */
    uint64_t saved_by[NP_REPLAY_INTERVALS]; /* hurt flows that a heartbeat of that interval would have kept */
    np_box_counts box;
    uint32_t entries_peak;
    np_time first, last;
} np_replay_summary;

/* Reads the capture to its end. False and *e on trouble. */
bool np_replay_run(np_capture *c, const np_replay_config *r, const volatile int *stop, np_replay_summary *out,
                   np_error *e);

#endif
