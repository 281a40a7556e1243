/*
 * Tracker `none`: what a NAT knows of flows that does not follow TCP's states.
 *
 * Outbound UDP, echo requests, TCP SYNs and packets of other protocols open mappings. Every TCP mapping has
 * the established timeout; a UDP mapping has that of `udp` until packets were seen both ways, then that of
 * `udp_stream`.
 */
#include "box_state.h"

#define ECHO_REQUEST 1 /* np_packet.flags of ICMP */

bool np_track_opens(const np_packet *p)
{
    if (p->proto == NP_TCP) return (p->flags & (NP_SYN | NP_ACK | NP_RST | NP_FIN)) == NP_SYN;
    if (np_is_echo(p->proto)) return p->flags == ECHO_REQUEST;
    return true;
}

uint8_t np_track_first_class(uint8_t proto)
{
    switch (proto) {
    case NP_TCP: return NP_TIMEOUT_TCP_ESTABLISHED;
    case NP_UDP: return NP_TIMEOUT_UDP;
    case NP_ICMP:
    case NP_ICMPV6: return NP_TIMEOUT_ICMP;
    default: return NP_TIMEOUT_OTHER;
    }
}

uint8_t np_track_class(const np_entry *e)
{
    if (e->proto == NP_UDP && e->seen == (NP_SEEN_OUTBOUND | NP_SEEN_INBOUND)) return NP_TIMEOUT_UDP_STREAM;
    return np_track_first_class(e->proto);
}
