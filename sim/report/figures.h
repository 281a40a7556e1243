/*
 * The figures that tables for people show: which, under what heading, and how a number becomes short text.
 */
#ifndef NATPULSE_REPORT_FIGURES_H
#define NATPULSE_REPORT_FIGURES_H

#include "natpulse/study.h"

/* The tables of a comparison that is too wide for one. */
typedef enum np_block { NP_BLOCK_CONNECTIONS, NP_BLOCK_MESSAGES, NP_BLOCK_COSTS, NP_BLOCK_COUNT } np_block;
extern const char *const np_block_title[NP_BLOCK_COUNT];

typedef struct np_figure {
    np_block block;
    const char *head, *unit; /* two lines of heading; a blank head belongs to the one before */
    enum { NP_SHOWS_METRIC, NP_SHOWS_SHARE, NP_SHOWS_QUANTILE, NP_SHOWS_NEVER } shows;
    int of;        /* np_metric or np_spread */
    int divisor;   /* SHARE: the metric it is a share of; -1: it is a fraction already. Shown in per cent */
    double p;      /* QUANTILE */
    bool compared; /* also shown as a difference from the first strategy */
    bool optional; /* left out where no strategy has a value but 0 */
} np_figure;

extern const np_figure np_figures[];
extern const int np_figures_count;

/* A value and what qualifies it ("99.82", "±0.03"); UTF-8. A figure without meaning is "-" and "". */
typedef struct np_cell {
    char value[32], note[32];
} np_cell;

/* The figure of one strategy, or (first not NULL) the paired difference from the first. `scratch` has room
   for a number a replica. */
np_cell np_figure_cell(const np_column *c, const np_column *first, const np_figure *f, double *scratch);

/* A number with as many digits as its interval deserves: one of the interval's, two when it begins with 1; of
   the value's two at least and four at most. `room`: of a share in per cent, its distance to 100, which
   digits must resolve as well; NaN: not a share. `half` NaN: no interval is known. `sign`: a difference, with
   its sign. */
np_cell np_cell_number(double mean, double half, double room, bool sign);

/* Three significant digits with a unit: "250 ms", "31.2 s", "15.4 min", "2.0 h". */
np_cell np_cell_seconds(double s);

/* Columns on a terminal: code points of UTF-8. */
int np_text_width(const char *s);

#endif
