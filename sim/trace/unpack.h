/*
 * Compressed files as plain streams: a thread unpacks into a pipe, whose other end is a FILE like any other.
 * So libpcap reads a compressed capture as it reads one from a pipe, and unpacking runs beside the replay.
 */
#ifndef NATPULSE_TRACE_UNPACK_H
#define NATPULSE_TRACE_UNPACK_H

#include "natpulse/error.h"
#include <stdint.h>
#include <stdio.h>

typedef enum np_packing { NP_PACKING_NONE, NP_PACKING_GZIP, NP_PACKING_ZSTD } np_packing;

/* By the first byte of a file: no capture format begins as these do. */
np_packing np_packing_of(int first_byte);

typedef struct np_unpack np_unpack;

/* Unpacks what a descriptor gives, behind the byte `first` that was taken from it already. It takes the
   descriptor over, also when it fails. *out is the stream; the caller closes it, and after that the
   np_unpack. NULL and *e (about `name`) when memory or the system fails. */
np_unpack *np_unpack_begin(int fd, uint8_t first, np_packing how, const char *name, FILE **out, np_error *e);

/* What is wrong with the packed data, once the stream has ended; NULL: nothing. */
const char *np_unpack_trouble(const np_unpack *u);

uint64_t np_unpack_taken(const np_unpack *u); /* packed bytes used so far */
void np_unpack_end(np_unpack *u);             /* NULL is allowed */

#endif
