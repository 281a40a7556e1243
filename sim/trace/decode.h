/*
 * Decoding with a memory for fragments: only the first fragment of a datagram carries the ports, so the
 * later ones are given those of the first.
 *
 * The memory is a small set-associative cache inside the struct: it never grows, a flood of fragments pushes
 * out older first fragments, and what a later fragment then lacks is counted as NP_DECODED_FRAGMENT.
 */
#ifndef NATPULSE_TRACE_DECODE_H
#define NATPULSE_TRACE_DECODE_H

#include "natpulse/capture.h"

#define NP_FRAGMENT_SETS 64u /* a power of two */
#define NP_FRAGMENT_WAYS 4u

/* A datagram whose first fragment was seen. */
typedef struct np_fragment {
    np_addr src, dst;
    uint32_t id;
    uint16_t sport, dport;
    uint8_t proto, family; /* family 0: an empty place */
    uint8_t flags;         /* ICMP echo: request or reply */
    np_time seen;
} np_fragment;

typedef struct np_decoder {
    np_fragment place[NP_FRAGMENT_SETS][NP_FRAGMENT_WAYS];
    uint8_t turn[NP_FRAGMENT_SETS]; /* the way to be overwritten next */
} np_decoder;

void np_decoder_init(np_decoder *d);

/* Writes why packets of a link type (DLT_*) that np_decode does not know cannot be used, and which it knows.
 */
void np_decode_refusal(int link, char *buf, size_t size);

/* As np_decode, but later fragments follow the first one seen at most NP_FRAGMENT_LIFE before `now`: they are
   OK, with its ports, the TCP flags of a packet in mid-stream (ACK), and all behind the IP header as payload.
   When it is an ICMP error, *quoted has the packet it quotes. */
np_decoded np_decoder_decode(np_decoder *d, int link, const uint8_t *data, uint32_t caplen, uint32_t len,
                             np_time now, np_packet *p, np_tuple *quoted);

/* How long a datagram's fragments belong together: Linux gives them 30 s (net.ipv4.ipfrag_time), RFC 8200 4.5
   gives IPv6 60 s. The longer serves both: identifications do not come round that fast in practice. */
#define NP_FRAGMENT_LIFE NP_MINUTE

#endif
