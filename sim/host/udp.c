/* UDP datagrams (RFC 768). */
#include "natpulse/udp.h"
#include <assert.h>

#define IPV4_UDP_HEADER 28 /* 20 + 8 bytes */

void np_udp_datagram(np_packet *p, uint32_t payload, np_kind kind)
{
    assert(payload <= NP_UDP_MAX_PAYLOAD);
    *p = (np_packet){.conn = NP_NO_CONN,
                     .payload = (uint16_t)payload,
                     .bytes = (uint16_t)(IPV4_UDP_HEADER + payload),
                     .proto = NP_UDP,
                     .family = 4,
                     .kind = (uint8_t)kind};
}
