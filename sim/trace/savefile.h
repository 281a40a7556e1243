/*
 * One capture file, whatever it is: pcap or pcapng, plain or compressed, by name or standard input.
 */
#ifndef NATPULSE_TRACE_SAVEFILE_H
#define NATPULSE_TRACE_SAVEFILE_H

#include "filter.h"

typedef struct np_savefile np_savefile;

/* Opens `path` ("-": standard input), which stays the caller's for as long as the file is open. NULL and *e
   when it cannot be opened or is a directory. What is in it shows at the first packet. */
np_savefile *np_savefile_open(const char *path, np_error *e);
void np_savefile_close(np_savefile *s); /* NULL is allowed */

/* Only packets that this expression lets through, from now on. False and *e when it fits no link type of the
   file's. */
bool np_savefile_filter(np_savefile *s, const char *filter, np_error *e);

/* The next packet, which may be one that the filter leaves out: 1, *passes tells; 0 at the end; -1 when
   nothing can be read from here on. */
int np_savefile_next(np_savefile *s, np_frame *out, bool *passes);

/* After -1: why. */
const char *np_savefile_trouble(const np_savefile *s);

/* It was a signal that came while the file had nothing to give: no damage. */
bool np_savefile_interrupted(const np_savefile *s);

/* The name for messages. */
const char *np_savefile_name(const np_savefile *s);

/* Bytes on disk, 0 when there is no such number; and how many of them are read. */
uint64_t np_savefile_size(const np_savefile *s);
uint64_t np_savefile_read(const np_savefile *s);

#endif
