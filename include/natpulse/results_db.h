/*
 * What a sweep has left in its database.
 */
#ifndef NATPULSE_RESULTS_DB_H
#define NATPULSE_RESULTS_DB_H

#include "natpulse/study.h"
#include <stdio.h>

/* A results database as a study, like one that np_study_run gave: for np_report_study and others. Its
   scenario has what is needed to report it (names, values, replicas, times, seed, digest, precision), no
   more. Of an unfinished sweep those replicas count that all strategies of their point have; `missing` says
   how many runs there are still to do. The file is checked as bytes from anywhere are. NULL and *e when it is
   no results database, is damaged, or holds no finished run. */
np_study *np_results_load(const char *path, np_error *e);

/* How far a sweep is. */
typedef struct np_results_state {
    char scenario[200], version[40], digest[40]; /* cut to fit, control characters replaced */
    uint64_t seed;
    uint32_t points, strategies, replicas, max_replicas; /* max_replicas: with precision; else replicas */
    uint64_t done, all;                                  /* runs; with precision all may yet grow */
    uint32_t settled;                                    /* points that have all the replicas they take */
} np_results_state;

/* May be called while a sweep is writing. */
bool np_results_status(const char *path, np_results_state *out, np_error *e);

/* Writes every row as text, tables and rows in a fixed order and numbers exact: equal dumps are equal
   results, whatever the order in which the runs came. `TABLE TAB VALUE TAB ...`; reals as C's %a, blobs in
   hexadecimal, NULL as \N, and tab, newline and backslash in texts as \t, \n, \\. */
bool np_results_dump(const char *path, FILE *out, np_error *e);

#endif
