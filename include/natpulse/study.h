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
    np_result **replica;
    uint32_t replicas; /* the same for all strategies of a point */
    uint32_t room;     /* of the array; NULL from `replicas` on */
    np_estimate value[NP_METRIC_COUNT];
    np_quantile *spread[NP_SPREAD_COUNT];      /* all replicas merged; NULL: no meaning */
    np_estimate versus_first[NP_METRIC_COUNT]; /* of the paired differences, this minus the first strategy */
    double occupancy[NP_SERIES_POINTS];        /* mean over replicas */
} np_column;

/* How a point met one goal of the scenario's `precision`. */
typedef struct np_reach {
    double widest; /* half of the widest interval, as a share of its mean; infinite: there is none; NaN: the
                      figure has no meaning for any strategy */
    const char *strategy; /* whose that is; NULL when NaN */
    bool reached;
} np_reach;

typedef struct np_point {
    np_override *vary; /* [varied] */
    np_column *column; /* [strategies] */
    np_reach *reach;   /* [scenario->precision.goals] */
    const char *digest;
} np_point;

/* Named warnings, in a fixed order. */
typedef enum np_warning {
    NP_WARNING_FEW_REPLICAS, /* fewer than 5 */
    NP_WARNING_CENSORED,     /* over 5 % of detections had not happened by the end */
    NP_WARNING_TABLE_NEVER_FULL,
    NP_WARNING_WARMUP_TOO_LONG, /* the warm-up takes more than half of the run */
    NP_WARNING_WIDE_INTERVAL,   /* an interval of reachable_fraction or breaks, or of a difference of those to
                                   the   first strategy, is wider than its mean */
    NP_WARNING_PRECISION_MISSED, /* `precision` was not reached with the maximum of replicas */
    NP_WARNING_INCOMPLETE,       /* runs of a sweep are not there yet */
    NP_WARNING_DESERTED,         /* no measured client was there for over a tenth of the time */
    NP_WARNING_TOO_MANY_BEATS,   /* a strategy beats more often than its server permits */
    NP_WARNING_COUNT,
} np_warning;

typedef struct np_warned {
    np_warning which;
    char text[240]; /* what was seen, with its numbers, and the cure; the name is np_warning_name */
} np_warned;

/* What became of an expectation of a scenario: where it holds least. */
typedef struct np_judgement {
    const np_expectation *of;
    bool holds;
    uint32_t point;
    const char *strategy; /* NULL: the figure has a meaning nowhere it was asked for */
    double value;         /* there; NaN when there is none */
    char text[260];       /* "nat_refused <= 0: does not hold: 12 at worst, for 'polling' at point 3" */
} np_judgement;

typedef struct np_study {
    const np_scenario *scenario; /* the caller's; must outlive the study. Of a study that was loaded from a
                                    database: its own, with what reports need and no more */
    const char *version;         /* of the natpulse that ran it */
    const char *yaml;            /* its np_scenario_canon; NULL: `scenario` is whole and can be asked */
    uint32_t replicas;           /* the most that a point has; with `precision` they differ */
    uint32_t points;
    uint64_t missing; /* runs that an unfinished sweep still has to do */
    np_point *point;
    np_warned warned[NP_WARNING_COUNT];
    uint32_t warnings;
    np_judgement *judgement; /* [scenario->expectations] */
    bool as_expected;        /* all of them hold */
    uint64_t packet_events;
    np_scenario **loaded;   /* [points], the study's own: each point's scenario; NULL without vary */
    struct np_arena *arena; /* owns the arrays */
} np_study;

/* One run that has just finished. Everything is valid during the call only. */
typedef struct np_finished {
    uint32_t point, replica;
    const char *strategy;
    const np_override *vary; /* [varied] */
    uint32_t varied;
    const np_result *result;
} np_finished;

typedef struct np_study_options {
    uint32_t jobs;            /* threads; 0: one a core */
    const volatile int *stop; /* see np_world_run; may be NULL */
    void (*progress)(void *ctx, uint32_t done,
                     uint32_t all); /* called from one thread at a time; may be NULL */
    void *ctx;
    /* Called with every run while others go on, in the order of points, replicas, strategies, from one thread
       at a time. False and *e: the study ends. May be NULL. */
    bool (*each)(void *each_ctx, const np_finished *f, np_error *e);
    void *each_ctx;
    /* Told of what somebody who watches may want to know, a line each; may be NULL. */
    void (*notice)(void *notice_ctx, const char *text);
    void *notice_ctx;
    const np_override *set; /* those the scenario was loaded with: applied below each point of the grid */
    uint32_t sets;
    const char *path; /* of the scenario file, to load the points of its grid; needed with vary only */
} np_study_options;

/* Runs it all. The result does not depend on `jobs`. NULL and *e on trouble; *findings says more when a point
   of the grid is no valid scenario. The caller clears *findings in any case. */
np_study *np_study_run(const np_scenario *s, const np_study_options *o, np_findings *findings, np_error *e);
void np_study_destroy(np_study *s);

const char *np_warning_name(np_warning w);

/* Holds the expectations of `scenario` (a study from a database has none) against the study's figures, in
   order; out has room for scenario->expectations. True when all hold. */
bool np_study_judge(const np_study *s, const np_scenario *scenario, np_judgement *out);

/* What a strategy shows of the figure that an expectation is about, with its 95 % interval: of a mean the one over
   replicas. Of a quantile that between order statistics, all observations counted (n) and the censored taken for
   later than the others; .mean is what the report shows, which leaves them out. Infinite: too few were seen. The
   parts .max and .censored have no interval: all three are the value. */
np_estimate np_expectation_seen(const np_expectation *x, const np_column *c);

/* Whether it holds wherever in that interval the figure is, nowhere in it, or is not known well enough. Without
   a value it fails; with a value and no interval (one replica) it never holds for sure. */
typedef enum np_standing { NP_HOLDS, NP_UNSURE, NP_FAILS } np_standing;
np_standing np_expectation_standing(const np_expectation *x, const np_estimate *seen);

/* A value of its figure as text with its unit: "99.5 %", "12.3 s", "no value". `size` of 40 is enough. Returns
   buf. */
char *np_expectation_value(char *buf, size_t size, const np_expectation *x, double value);

/* "reachable_fraction within 1 %: reached with 40 replicas; the widest is 0.93 % of 'polling'": how a point
   met a goal. `size` of 240 is enough. Returns buf. */
char *np_reach_text(char *buf, size_t size, const np_study *s, uint32_t point, uint32_t goal);

#endif
