/*
 * pcap files as programs write them today: version 2.4, micro- or nanoseconds, either byte order. Older and
 * odder ones are libpcap's.
 */
#ifndef NATPULSE_TRACE_PCAP_FILE_H
#define NATPULSE_TRACE_PCAP_FILE_H

#include "frame.h"
#include "input.h"

#define NP_PCAP_HEAD 24 /* bytes of a file's header */

typedef struct np_pcap_file {
    np_input *stream; /* the caller's */
    int link;
    uint32_t snaplen, unit_ns;
    bool swapped;
    char trouble[96];
} np_pcap_file;

/* From the file's header. False when it is none of those: then nothing is known of it. */
bool np_pcap_file_begin(np_pcap_file *p, np_input *s, const uint8_t head[NP_PCAP_HEAD]);

/* The next packet: 1; 0 at the end; -1 when the file is damaged or cut here, and .trouble says how. */
int np_pcap_file_next(np_pcap_file *p, np_frame *out);

#endif
