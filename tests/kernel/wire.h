/*
 * IPv4 packets of the kernel tests: from fields to bytes with all checksums, and back. Written apart from
 * natpulse's own decoder, which is under test.
 */
#ifndef KERNEL_WIRE_H
#define KERNEL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { ECHO_REPLY = 0, UNREACHABLE = 3, ECHO_REQUEST = 8, TIME_EXCEEDED = 11 };

#define NO_SCALE   0xff
#define QUOTE_MOST 28 /* an IP header without options and 8 bytes (RFC 792) */
#define WIRE_MOST  1500
#define WIRE_TTL   64 /* of packets built, and of those that Linux makes */

typedef struct packet {
    uint32_t src, dst;       /* host order, as all numbers here */
    uint16_t sport, dport;   /* ICMP echo: the identifier, in both */
    uint32_t seq, ack;       /* TCP; ICMP echo: the sequence number in seq */
    uint32_t sack[2];        /* a SACK block; none when both are equal */
    uint16_t id;             /* of the IP header: tells test packets apart */
    uint16_t window, length; /* length: bytes of payload */
    uint8_t proto, flags;
    uint8_t scale; /* window scale option, or NO_SCALE */
    bool sack_ok;
    uint8_t type, code; /* ICMP */
    uint8_t ttl;        /* read, not built */
    uint8_t quoted;     /* ICMP error: bytes in quote */
    uint8_t quote[QUOTE_MOST];
} packet;

/* Writes the datagram, at most WIRE_MOST bytes; returns its size. */
size_t wire_build(const packet *p, uint8_t *out);

/* Reads the headers of a datagram; false when it is none that the tests make. */
bool wire_parse(packet *p, const uint8_t *in, size_t n);

#endif
