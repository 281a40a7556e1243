/*
 * A study into a results database: stopped at any moment and started again, it does what is missing.
 */
#ifndef NATPULSE_SWEEP_H
#define NATPULSE_SWEEP_H

#include "natpulse/study.h"

typedef struct np_sweep_outcome {
    uint64_t before, done, all; /* runs that were there, that are now, and that there are to be */
} np_sweep_outcome;

/* Runs what the database at `results` does not have yet: each run in a transaction of its own, so that
   whatever ends the process, what was finished stays. A file that is not there is made; one of another
   scenario, seed or version is refused (NP_TROUBLE_USAGE, the difference named), and so is one that is
   damaged or no results database (NP_TROUBLE_INPUT). The rows depend on scenario and seed alone.

   Of `o`, `each` hears of every run when it ends, in that order. On other ranks than 0 (natpulse/ranks.h)
   `results` is NULL, and only `set`, `sets`, `path` and `stop` count. False and *e on trouble, *out is filled
   as far as it is known; when it was stopped, the text says how far it got and that the same command goes on.
 */
bool np_sweep_run(const np_scenario *s, const char *results, const np_study_options *o, np_sweep_outcome *out,
                  np_findings *findings, np_error *e);

/* On other ranks than 0, in place of np_sweep_run: the scenario could not be loaded. */
void np_sweep_decline(const np_error *e);

#endif
