/*
 * A result file that is there whole or not at all: written under a temporary name beside its place, renamed
 * when complete.
 */
#ifndef NATPULSE_OUTPUT_H
#define NATPULSE_OUTPUT_H

#include "natpulse/error.h"
#include <stdio.h>

typedef struct np_output np_output;

/* Opens for writing. path NULL or "-": standard output. NULL and *e when it cannot. */
np_output *np_output_open(const char *path, np_error *e);
FILE *np_output_file(np_output *o);

/* Flushes, checks and renames into place; frees o in any case. A closed pipe on standard output is no error
   (EPIPE: true). */
bool np_output_commit(np_output *o, np_error *e);

/* Throws it away: nothing is left. */
void np_output_abandon(np_output *o);

#endif
