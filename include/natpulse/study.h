/*
 * A study: every strategy of a scenario, at every point of its grid, over replicas, compared.
 */
#ifndef NATPULSE_STUDY_H
#define NATPULSE_STUDY_H

#include "natpulse/metrics.h"
#include "natpulse/scenario.h"

/* A mean over replicas with its 95 % confidence interval (Student's t). n counts the replicas in which the
   figure had a meaning; with none all are NaN, with one the interval is NaN. */
typedef struct np_estimate {
    double mean, low, high;
    uint32_t n;
} np_estimate;

/* The estimate of n values, NaNs left out. */
np_estimate np_estimate_of(const double *value, uint32_t n);

/* The t quantile for a two-sided 95 % interval, df >= 1. */
double np_student_95(uint32_t df);

typedef struct np_column { /* one strategy at one point */
    const char *strategy;
    np_result **replica; /* [replicas] */
    np_estimate value[NP_METRIC_COUNT];
    np_quantile *spread[NP_SPREAD_COUNT];      /* all replicas merged; NULL: no meaning */
    np_estimate versus_first[NP_METRIC_COUNT]; /* of the paired differences, this minus the first strategy */
    double occupancy[NP_SERIES_POINTS];        /* mean over replicas */
} np_column;

typedef struct np_point {
    np_override *vary; /* [varied] */
    np_column *column; /* [strategies] */
    const char *digest;
} np_point;

/* Named warnings, in a fixed order. */
typedef enum np_warning {
    NP_WARNING_FEW_REPLICAS, /* fewer than 5 */
    NP_WARNING_CENSORED,     /* over 5 % of detections had not happened by the end */
    NP_WARNING_TABLE_NEVER_FULL,
    NP_WARNING_WARMUP_TOO_LONG, /* the warm-up takes more than half of the run */
    NP_WARNING_WIDE_INTERVAL,   /* an interval of reachable_fraction or breaks is wider than its mean */
    NP_WARNING_COUNT,
} np_warning;

typedef struct np_warned {
    np_warning which;
    char text[200]; /* what was seen, with its numbers, and the cure; the name is np_warning_name */
} np_warned;

typedef struct np_study {
    const np_scenario *scenario; /* the caller's; must outlive the study */
    uint32_t replicas, points;
    np_point *point;
    np_warned warned[NP_WARNING_COUNT];
    uint32_t warnings;
    uint64_t packet_events;
    np_scenario **loaded;   /* [points], the study's own: each point's scenario; NULL without vary */
    struct np_arena *arena; /* owns the arrays */
} np_study;

typedef struct np_study_options {
    uint32_t jobs;            /* threads; 0: one a core */
    const volatile int *stop; /* see np_world_run; may be NULL */
    void (*progress)(void *ctx, uint32_t done,
                     uint32_t all); /* called from one thread at a time; may be NULL */
    void *ctx;
    const np_override *set; /* those the scenario was loaded with: applied below each point of the grid */
    uint32_t sets;
    const char *path; /* of the scenario file, to load the points of its grid; needed with vary only */
} np_study_options;

/* Runs it all. The result does not depend on `jobs`. NULL and *e on trouble; *findings says more when a point
   of the grid is no valid scenario. The caller clears *findings in any case. */
np_study *np_study_run(const np_scenario *s, const np_study_options *o, np_findings *findings, np_error *e);
void np_study_destroy(np_study *s);

const char *np_warning_name(np_warning w);

#endif
