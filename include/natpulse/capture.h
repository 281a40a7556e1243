/*
 * Captures in: packets from pcap and pcapng files, decoded, merged by time.
 */
#ifndef NATPULSE_CAPTURE_H
#define NATPULSE_CAPTURE_H

#include "natpulse/error.h"
#include "natpulse/packet.h"
#include "natpulse/time.h"

/* Why a packet was passed over. */
typedef enum np_decoded {
    NP_DECODED_OK,
    NP_DECODED_ERROR,     /* not passed over: an ICMP error, which belongs to the packet it quotes */
    NP_DECODED_NOT_IP,    /* ARP, LLC, ... */
    NP_DECODED_CUT,       /* the capture holds too little of it */
    NP_DECODED_MALFORMED, /* lengths that contradict each other */
    NP_DECODED_FRAGMENT,  /* a later fragment whose first was not seen */
    NP_DECODED_OTHER,     /* IP, but no TCP, UDP, ICMP echo, nor an ICMP error that quotes one of these */
    NP_DECODED_COUNT,
} np_decoded;

const char *np_decoded_name(np_decoded d); /* "ok", "icmp-error", "not-ip", "cut", ... */

/* Decodes one captured packet. `link` is a DLT_* value, `caplen` bytes are at `data`, `len` was the length on
   the wire. Fills *p when OK (conn = NP_NO_CONN), and its addresses and lengths when ERROR. Reads nothing
   outside [data, data + caplen). It remembers nothing, so every later fragment is NP_DECODED_FRAGMENT; an
   np_capture gives those the ports of their first. Lengths above 65535 (offloaded packets) come out as 65535.
 */
np_decoded np_decode(int link, const uint8_t *data, uint32_t caplen, uint32_t len, np_packet *p);

/* True for link types np_decode knows. */
bool np_decode_knows(int link);

typedef struct np_capture np_capture;

/* Opens files ("-": standard input) to be read as one, merged by time; those packed with gzip or zstd are
   unpacked on the way. A file that cannot be opened or is a directory is an error that names it. `filter`: a
   BPF expression or NULL; one that libpcap does not understand, for the link type of any of the files, is a
   NP_TROUBLE_USAGE error. Of several files, those that are empty, no capture, of an unknown link type, or of
   one that the filter does not fit, are left out and counted; when none remains, np_capture_next fails. The
   texts stay the caller's for as long as the capture lives. */
np_capture *np_capture_open(const char *const *path, uint32_t files, const char *filter, np_error *e);
void np_capture_close(np_capture *c);

/* The same files from the start once more. NULL and *e (NP_TROUBLE_USAGE) when one is not a file on disk but
   standard input or another pipe, which gives its packets once. */
np_capture *np_capture_again(const np_capture *c, np_error *e);

/* How far the reading is, in bytes of the files as they lie on disk. When one of them has no size, as a pipe has
   none, *all is 0 and *done the captured bytes of the packets read. */
void np_capture_progress(const np_capture *c, uint64_t *done, uint64_t *all);

typedef struct np_captured {
    uint64_t
        n; /* counted from 0 over all packets read: the undecodable and those left out by the filter too */
    np_time time;  /* nanoseconds since the Unix epoch; held when the capture's own time goes backwards */
    uint32_t wire; /* bytes on the wire, link header included */
    np_decoded decoded;
    np_packet packet; /* when decoded is OK; addresses and lengths when ERROR */
    np_tuple quoted;  /* when decoded is ERROR: the packet it quotes, local its source */
} np_captured;

/* The next packet: 1; 0 at the end; -1 and *e when nothing could be read from any file. */
int np_capture_next(np_capture *c, np_captured *out, np_error *e);

typedef struct np_capture_counts {
    uint64_t packets;  /* let through by the filter; the sum of by_decoded */
    uint64_t filtered; /* left out by the filter */
    uint64_t by_decoded[NP_DECODED_COUNT], backwards;
    uint64_t bytes;        /* captured bytes of `packets` */
    uint32_t cut_files;    /* files that could not be read to their end */
    uint32_t unused_files; /* files of which no packet could be used: see np_capture_open */
    char cut_text[2000]; /* why, "NAME: WHY, after N packets; NAME: ...": of as many files as it has room for
                          */
    char unused_text[2000];   /* likewise */
    uint64_t strange_packets; /* not-ip, because their interface is of a link type we do not read */
    char strange_text[512];   /* which, for the first of them, with its file */
    bool interrupted;         /* a signal came while a file had nothing to give: what followed is not in it */
} np_capture_counts;
const np_capture_counts *np_capture_count(const np_capture *c);

#endif
