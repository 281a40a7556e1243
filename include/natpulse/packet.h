/*
 * A packet as endpoints and boxes see it: addresses, ports, and of TCP what a tracker or an endpoint
 * needs. One cache line. Payload is a length, never bytes.
 */
#ifndef NATPULSE_PACKET_H
#define NATPULSE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An IPv4 or IPv6 address in network byte order. IPv4 stands in the first four bytes, the rest is zero;
   which of the two it is, is said beside it (np_packet.family). */
typedef union np_addr {
    uint8_t byte[16];
    uint32_t word[4];
    uint64_t half[2];
} np_addr;

static inline bool np_addr_equal(const np_addr *a, const np_addr *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

/* From and to a host-order IPv4 number (10.0.0.1 is 0x0a000001). */
static inline np_addr np_addr_ipv4(uint32_t host_order)
{
    np_addr a = {.byte = {(uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
                          (uint8_t)(host_order >> 8), (uint8_t)host_order}};
    return a;
}
static inline uint32_t np_addr_to_ipv4(const np_addr *a)
{
    return (uint32_t)a->byte[0] << 24 | (uint32_t)a->byte[1] << 16 | (uint32_t)a->byte[2] << 8 | a->byte[3];
}

/* Text form ("192.0.2.1", RFC 5952 for IPv6). `size` of 46 is always enough. Returns `buf`. */
char *np_addr_format(char *buf, size_t size, const np_addr *a, int family);

/* Reads either family; sets *family to 4 or 6. False when the text is neither. */
bool np_addr_parse(const char *text, np_addr *out, int *family);

/* IP protocol numbers (IANA). */
enum { NP_ICMP = 1, NP_TCP = 6, NP_UDP = 17, NP_ICMPV6 = 58 };

/* TCP flags as in the header (RFC 9293 3.1). */
enum {
    NP_FIN = 0x01,
    NP_SYN = 0x02,
    NP_RST = 0x04,
    NP_PSH = 0x08,
    NP_ACK = 0x10,
    NP_URG = 0x20,
    NP_ECE = 0x40,
    NP_CWR = 0x80
};

/* np_packet.options */
enum {
    NP_OPTION_WSCALE = 0x10,    /* the low four bits are the shift (RFC 7323) */
    NP_OPTION_SACK_OK = 0x20,   /* SACK permitted (RFC 2018) */
    NP_OPTION_SACK = 0x40,      /* .sack holds the highest right edge of the SACK blocks */
    NP_OPTION_TIMESTAMP = 0x80, /* a timestamp option is there: 12 bytes in the header */
};

/* What a simulated packet is for: meters charge it to this. */
typedef enum np_kind {
    NP_KIND_CONTROL,   /* SYN, FIN, RST, and their ACKs */
    NP_KIND_PAYLOAD,   /* application data, and pure ACKs of it */
    NP_KIND_KEEPALIVE, /* keepalive probes and the ACKs they draw */
    NP_KIND_HEARTBEAT, /* heartbeats, their answers, and ACKs of them */
    NP_KIND_COUNT,
} np_kind;

#define NP_NO_CONN UINT32_MAX

typedef struct np_packet {
    np_addr src, dst;
    uint16_t sport, dport; /* host order. ICMP echo: both are the identifier. Other protocols: 0 */
    uint32_t seq, ack;     /* TCP */
    uint32_t conn;    /* simulation: the connection it belongs to; replay: the flow's number; or NP_NO_CONN */
    uint32_t sack;    /* TCP, see NP_OPTION_SACK */
    uint16_t window;  /* TCP, as in the header, unscaled */
    uint16_t payload; /* bytes above the transport header */
    uint16_t bytes;   /* IP length: header and all that follows */
    uint8_t proto;    /* IP protocol number */
    uint8_t family;   /* 4 or 6 */
    uint8_t flags;    /* TCP flags; ICMP echo: 1 for a request, 0 for a reply */
    uint8_t options;  /* NP_OPTION_* */
    uint8_t kind;     /* np_kind */
    uint8_t round;    /* simulation: low bits of how often .conn's slot was reused */
} np_packet;

_Static_assert(sizeof(np_packet) == 64, "a packet is one cache line");

/* The five-tuple of a flow, seen from one side. */
typedef struct np_tuple {
    np_addr local, remote;
    uint16_t local_port, remote_port;
    uint8_t proto, family;
} np_tuple;

bool np_tuple_equal(const np_tuple *a, const np_tuple *b);

/* Turns a packet into the RST that answers it (RFC 9293 3.10.7.1): addresses and ports swapped, sequence
   from its ACK or acknowledging all of it. False when none may be sent (it is itself an RST, or no TCP). */
bool np_packet_reset(const np_packet *p, np_packet *out);

/* Sequence number arithmetic (RFC 9293 3.4): a before b, modulo 2^32. */
static inline bool np_seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool np_seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Sequence space a TCP packet takes: payload, SYN and FIN. */
static inline uint32_t np_packet_seqlen(const np_packet *p)
{
    return (uint32_t)p->payload + !!(p->flags & NP_SYN) + !!(p->flags & NP_FIN);
}

#endif
