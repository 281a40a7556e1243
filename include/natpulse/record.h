/*
 * Captures out: what crossed the first NAT of a simulation, written as a pcapng file with two interfaces,
 * `inside` and `outside`, or as two pcap files.
 *
 * The simulator knows lengths and header fields, no bytes. The recorder makes the packets from them: correct
 * checksums, TCP options as Linux lays them out, timestamps and IP identifications that go up, payload of
 * zeros, and around them Ethernet with made-up addresses. A packet that the box forwards has the same
 * identification and timestamps on both sides.
 *
 * Times are simulated time: the run begins at 1970-01-01 00:00:00 UTC, so that seconds in a viewer are
 * seconds of the run.
 */
#ifndef NATPULSE_RECORD_H
#define NATPULSE_RECORD_H

#include "natpulse/world.h"
#include <stdio.h>

typedef struct np_recorder np_recorder;

/* What was written, by place. */
typedef struct np_recorded {
    uint64_t packets, bytes; /* IP lengths */
    uint64_t by_kind[NP_KIND_COUNT];
    uint64_t probes; /* of NP_KIND_KEEPALIVE: those that ask; the others are their ACKs */
} np_recorded;

/* Writes the head of a pcapng file to `out`; or, where `outside` is given, the heads of two pcap files with
   nanoseconds, of which `out` is the inside's. Both stay the caller's. `mss`: np_tcp_config.mss of the
   simulation. `about` (NULL: none) becomes a pcapng file's comment. Failed writes show in ferror. NULL and *e
   when memory is out. */
np_recorder *np_recorder_create(FILE *out, FILE *outside, uint16_t mss, const char *about, np_error *e);

/* np_listener.packet, with the recorder as its ctx. IPv4, TCP and UDP, as simulations have them. */
void np_recorder_packet(void *recorder, np_time when, np_place where, bool outbound, const np_packet *p);

const np_recorded *np_recorder_count(const np_recorder *r, np_place where);

/* Frees it. False and *e when memory ran out on the way, so that packets are missing. */
bool np_recorder_finish(np_recorder *r, np_error *e);

#endif
