/*
 * UDP endpoints have no state of their own and no keepalive: only datagrams. A flow is kept alive by
 * heartbeats of the application, or not at all.
 */
#ifndef NATPULSE_UDP_H
#define NATPULSE_UDP_H

#include "natpulse/packet.h"

/* The largest payload of one datagram without fragmentation at an MTU of 1500 (IPv4). */
#define NP_UDP_MAX_PAYLOAD 1472

/* Fills in everything of a datagram but addresses, ports and conn. payload <= NP_UDP_MAX_PAYLOAD. */
void np_udp_datagram(np_packet *p, uint32_t payload, np_kind kind);

#endif
