/*
 * The figures that tables for people show: which, under what heading, and how a number becomes short text.
 */
#ifndef NATPULSE_REPORT_FIGURES_H
#define NATPULSE_REPORT_FIGURES_H

#include "natpulse/study.h"

typedef enum np_side { NP_SIDE_BUYS, NP_SIDE_COSTS } np_side;

typedef struct np_figure {
    np_side side;
    const char *head, *unit; /* two lines of heading */
    enum { NP_SHOWS_METRIC, NP_SHOWS_SHARE, NP_SHOWS_QUANTILE } shows;
    int of;        /* np_metric or np_spread */
    int divisor;   /* SHARE: the metric it is a share of; -1: it is a fraction already. Shown in per cent */
    double p;      /* QUANTILE */
    bool never;    /* QUANTILE: tells how many never ended */
    bool compared; /* also shown as a difference from the first strategy */
    bool optional; /* left out where no strategy has a value */
} np_figure;

extern const np_figure np_figures[];
extern const int np_figures_count;

/* A value and what qualifies it ("99.82", "±0.03"); UTF-8. A figure without meaning is "-" and "". */
typedef struct np_cell {
    char value[32], note[32];
} np_cell;

/* The figure of one strategy, or (first not NULL) the paired difference from the first. `scratch` has room
   for a number a replica. */
np_cell np_figure_cell(const np_study *s, const np_column *c, const np_column *first, const np_figure *f,
                       double *scratch);

/* A number with as many digits as its interval deserves: two significant digits of the value at least, four
   at most. `room` is the distance to the end of the scale that digits must resolve (100 - x for a share near
   100 %); NaN: none. `half` NaN: no interval is known. */
np_cell np_cell_number(double mean, double half, double room, bool sign);

/* Three significant digits with a unit: "250 ms", "31.2 s", "15.4 min", "2.0 h". */
np_cell np_cell_seconds(double s);

/* Columns on a terminal: code points of UTF-8. */
int np_text_width(const char *s);

#endif
