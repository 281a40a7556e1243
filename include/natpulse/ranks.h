/*
 * The ranks of a cluster: this process as one of those that mpirun or srun started.
 *
 * Built without MPI, or started by itself, a process is rank 0 of 1, and nothing here does anything.
 */
#ifndef NATPULSE_RANKS_H
#define NATPULSE_RANKS_H

#include "natpulse/error.h"

typedef struct np_ranks {
    int rank, ranks;
} np_ranks;

/* Joins the other ranks. False and *e when the process was started as one of several, but the program is
   built without MPI: then each of them would do the same. */
bool np_ranks_begin(np_ranks *r, np_error *e);

/* Leaves them, in the main thread, when this rank has nothing more to do and is about to exit with `status`:
   rank 0 sends the others home, and ends by force who does not go. */
void np_ranks_end(int status);

#endif
