/*
 * pcapng files with interfaces of any kinds. libpcap reads pcapng too, but refuses a file whose interfaces
 * differ in link type or snapshot length, as a capture on several interfaces at once nearly always does.
 */
#ifndef NATPULSE_TRACE_PCAPNG_H
#define NATPULSE_TRACE_PCAPNG_H

#include "frame.h"
#include "input.h"

/* The first byte of every pcapng file, whatever its byte order. */
#define NP_PCAPNG_FIRST_BYTE 0x0a

typedef struct np_pcapng np_pcapng;

/* Reads from `s`, which stays the caller's. NULL when memory is out. */
np_pcapng *np_pcapng_create(np_input *s);
void np_pcapng_destroy(np_pcapng *p); /* NULL is allowed */

/* The next packet: 1; 0 at the end; -1 when the file is damaged or cut here. */
int np_pcapng_next(np_pcapng *p, np_frame *out);

/* The link type (DLT_*) of an interface that was described in the present section so far; -1: there is none
   of that number. */
int np_pcapng_link(const np_pcapng *p, uint32_t interface);

/* After -1: what is wrong. */
const char *np_pcapng_trouble(const np_pcapng *p);

#endif
