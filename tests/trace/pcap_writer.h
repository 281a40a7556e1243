/*
 * Captures for tests, written byte by byte: raw IP packets in a microsecond or nanosecond pcap file.
 */
#ifndef TESTS_TRACE_PCAP_WRITER_H
#define TESTS_TRACE_PCAP_WRITER_H

#include "natpulse/packet.h"
#include "natpulse/time.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINKTYPE_RAW 101 /* pcap-linktype(7) */

static inline void write_head(FILE *f, uint32_t link)
{
    const uint32_t head[6] = {0xa1b23c4d, 0x00040002, 0,
                              0,          262144,     link}; /* nanoseconds, this machine's byte order */
    fwrite(head, sizeof head, 1, f);
}

/* An IPv4 packet without payload: TCP, UDP or ICMP echo. */
static inline void write_packet(FILE *f, np_time when, const np_packet *p)
{
    uint8_t b[40] = {0x45};
    uint32_t size = p->proto == NP_TCP ? 40 : 28;
    uint32_t head[4] = {(uint32_t)(when / NP_SECOND), (uint32_t)(when % NP_SECOND), size, size};
    b[3] = (uint8_t)size;
    b[8] = 64;
    b[9] = p->proto;
    memcpy(b + 12, p->src.byte, 4);
    memcpy(b + 16, p->dst.byte, 4);
    b[20] = (uint8_t)(p->sport >> 8), b[21] = (uint8_t)p->sport;
    b[22] = (uint8_t)(p->dport >> 8), b[23] = (uint8_t)p->dport;
    if (p->proto == NP_TCP) b[32] = 0x50, b[33] = p->flags;
    if (p->proto == NP_UDP) b[25] = 8;
    if (p->proto == NP_ICMP) {
        b[20] = p->flags ? 8 : 0, b[21] = b[22] = b[23] = 0;
        b[24] = (uint8_t)(p->sport >> 8), b[25] = (uint8_t)p->sport;
    }
    fwrite(head, sizeof head, 1, f);
    fwrite(b, size, 1, f);
}

/* A new empty file; its name, to be unlinked and freed, goes to *path. */
static inline FILE *temporary(char **path)
{
    const char *directory = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    *path = malloc(strlen(directory) + 40);
    sprintf(*path, "%s/natpulse-trace.XXXXXX", directory);
    int fd = mkstemp(*path);
    return fd < 0 ? NULL : fdopen(fd, "wb");
}

#endif
