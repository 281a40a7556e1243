/*
 * A captured packet before it is decoded.
 */
#ifndef NATPULSE_TRACE_FRAME_H
#define NATPULSE_TRACE_FRAME_H

#include "natpulse/time.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Times from here on do not fit np_time: the year 2262. */
#define NP_LAST_SECOND ((int64_t)9223372035)

typedef struct np_frame {
    int link; /* DLT_* value */
    np_time time;
    uint32_t captured, wire; /* bytes */
    const uint8_t *data;     /* until the next one is asked for */
} np_frame;

/* Numbers in a capture file's head, which is in the byte order of the machine that wrote it. `swapped`: not
   this one's. */
static inline uint32_t np_frame_word(const uint8_t *at, bool swapped)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return swapped ? __builtin_bswap32(v) : v;
}

static inline uint32_t np_frame_half(const uint8_t *at, bool swapped)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return swapped ? __builtin_bswap16(v) : v;
}

/* The DLT_* value of a LINKTYPE_* value in a file of that byte order. */
int np_frame_link(uint32_t linktype, bool big_endian);

/* Seconds and nanoseconds of a file, which may be absurd: before 1970 it is 1970, and the nanoseconds of no
   second are none. */
np_time np_frame_time(int64_t seconds, uint64_t nanoseconds);

#endif
