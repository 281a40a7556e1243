/*
 * What is to come: for the clairvoyant policy, a first reading of the capture tells for each packet when its
 * flow next needs the mapping that the packet renews.
 *
 * A flow does not need it again when it has ended, when the next packet is a SYN that begins a new
 * connection, or when there is none. Memory: 8 bytes a packet that meets the box.
 */
#ifndef NATPULSE_TRACE_FORESIGHT_H
#define NATPULSE_TRACE_FORESIGHT_H

#include "sides.h"

typedef struct np_foresight {
    np_time *after; /* for the i-th packet that meets the box: when its flow needs the mapping next */
    uint64_t packets;
    np_time *next; /* for each flow: the same for its latest packet */
    uint32_t flows;
} np_foresight;

/* Reads `c` to its end, or until *stop. False and *e on trouble. np_foresight_free in any case. */
bool np_foresight_read(np_foresight *f, np_capture *c, const np_sides *sides, const volatile int *stop,
                       np_error *e);
void np_foresight_free(np_foresight *f);

#endif
