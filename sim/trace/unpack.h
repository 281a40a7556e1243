/*
 * Compressed files as plain streams: a thread unpacks into a pipe. So a compressed capture is read like one
 * that comes through a pipe, and unpacking runs beside the replay.
 */
#ifndef NATPULSE_TRACE_UNPACK_H
#define NATPULSE_TRACE_UNPACK_H

#include "natpulse/error.h"
#include <stddef.h>
#include <stdint.h>

typedef enum np_packing { NP_PACKING_NONE, NP_PACKING_GZIP, NP_PACKING_ZSTD } np_packing;

/* By the first byte of a file: no capture format begins as these do. */
np_packing np_packing_of(int first_byte);

typedef struct np_unpack np_unpack;

#define NP_UNPACK_AHEAD 64 /* bytes that may have been taken from a descriptor already */

/* Unpacks what a descriptor gives, behind the bytes that were taken from it already; with NP_PACKING_NONE it
   only puts them together. It takes the descriptor over, also when it fails. *out is a pipe; the caller
   closes it, and after that the np_unpack. NULL and *e (about `name`) when memory or the system fails. */
np_unpack *np_unpack_begin(int fd, const uint8_t *ahead, size_t n, np_packing how, const char *name, int *out,
                           np_error *e);

/* What is wrong with the packed data, once the stream has ended; NULL: nothing. */
const char *np_unpack_trouble(const np_unpack *u);

uint64_t np_unpack_taken(const np_unpack *u); /* packed bytes used so far */
void np_unpack_end(np_unpack *u);             /* NULL is allowed */

#endif
