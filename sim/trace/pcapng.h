/*
 * pcapng files with interfaces of any kinds. libpcap reads pcapng too, but refuses a file whose interfaces
 * differ in link type or snapshot length, as a capture on several interfaces at once nearly always does.
 */
#ifndef NATPULSE_TRACE_PCAPNG_H
#define NATPULSE_TRACE_PCAPNG_H

#include "natpulse/time.h"
#include <stdio.h>

/* The first byte of every pcapng file, whatever its byte order. */
#define NP_PCAPNG_FIRST_BYTE 0x0a

/* Times from here on do not fit np_time: the year 2262. */
#define NP_LAST_SECOND ((int64_t)9223372035)

/* A captured packet before it is decoded. */
typedef struct np_frame {
    int link; /* DLT_* value */
    np_time time;
    uint32_t captured, wire; /* bytes */
    const uint8_t *data;     /* until the next one is asked for */
} np_frame;

typedef struct np_pcapng np_pcapng;

/* Reads from `f`, which stays the caller's. NULL when memory is out. */
np_pcapng *np_pcapng_create(FILE *f);
void np_pcapng_destroy(np_pcapng *p); /* NULL is allowed */

/* The next packet: 1; 0 at the end; -1 when the file is damaged or cut here. */
int np_pcapng_next(np_pcapng *p, np_frame *out);

/* The link type (DLT_*) of an interface that was described in the present section so far; -1: there is none
   of that number. */
int np_pcapng_link(const np_pcapng *p, uint32_t interface);

/* After -1: what is wrong. */
const char *np_pcapng_trouble(const np_pcapng *p);

#endif
