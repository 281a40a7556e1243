/*
 * A measured figure along an axis: linear, logarithmic, or in nines.
 *
 * Reachability near 1 is told apart by how seldom it fails: 99 % and 99.9 % are as far from each other as 90
 * % and 99 %. In nines a share v stands at -log10(1 - v). gnuplot's own axis is always linear; places and
 * tics come from here.
 */
#ifndef NATPULSE_REPORT_SCALE_H
#define NATPULSE_REPORT_SCALE_H

#include "natpulse/study.h"
#include <stdio.h>

typedef enum np_scale_kind { NP_SCALE_LINEAR, NP_SCALE_LOG, NP_SCALE_NINES } np_scale_kind;

typedef struct np_scale {
    np_metric metric;
    np_scale_kind kind;
    double by;        /* values are shown so many times larger: 100 for shares */
    double low, high; /* ends of the axis, as places */
    double least;     /* LOG: the place of the smallest value above 0, rounded down; 0 stands left of it */
    double most;      /* NINES: the place of 100 % */
    bool zero;        /* LOG: there is a 0 */
} np_scale;

/* For a share in [0, 1]; others are counts, rates and amounts. */
bool np_metric_is_share(np_metric m);

/* Whether more of it is better. */
bool np_metric_more_is_better(np_metric m);

/* The axis that suits n estimates (NaN left out): in nines when `nines` and the metric is reachable_fraction
   and one of them has come above 95 %; logarithmic when `log` and they span more than a factor of 20. */
np_scale np_scale_of(np_metric m, const np_estimate *e, uint32_t n, bool nines, bool log);

/* The linear axis of differences: as they are, shares in percentage points. */
np_scale np_scale_of_differences(np_metric m, const np_estimate *e, uint32_t n);

double np_scale_at(const np_scale *s, double value); /* the place; within the axis for NINES and LOG */

/* The ends of an interval, the mean where there is none, kept to what is possible (a share is at most 1). */
void np_scale_interval(const np_scale *s, const np_estimate *e, double *low, double *high);

/* Writes NAME = '...', gnuplot commands for `eval` that set range, tics and name of axis "x" or "y" in at
   most `pixels`. */
void np_scale_write(const np_scale *s, FILE *job, const char *name, char axis, const char *label,
                    double pixels);

/* "upkeep (bytes per connection-hour)"; `brief`: "upkeep (B/h)". */
char *np_scale_label(char *buf, size_t size, const np_scale *s, bool brief);

#endif
