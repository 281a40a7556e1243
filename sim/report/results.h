/*
 * What a result file holds, as figures and pages need it: the same whichever of the three formats it came
 * from.
 */
#ifndef NATPULSE_REPORT_RESULTS_H
#define NATPULSE_REPORT_RESULTS_H

#include "natpulse/arena.h"
#include "natpulse/study.h"

typedef struct np_xy {
    double x, y;
} np_xy;

/* A distribution in short; NaN: not in the file, or there is none. */
typedef struct np_read_spread {
    double p50, p95, p99, max, count, never; /* never: how many were censored, 0 when the file does not say */
    np_xy *curve;                            /* (value, share of all at or below it); NULL: not in the file */
    uint32_t points;
} np_read_spread;

typedef struct np_read_strategy {
    const char *name;
    np_estimate value[NP_METRIC_COUNT];        /* NaN: null, or not in the file */
    np_estimate versus_first[NP_METRIC_COUNT]; /* of the paired differences; NaN for the first */
    np_read_spread spread[NP_SPREAD_COUNT];
    np_xy *entries; /* x: share of the run */
    uint32_t entry_points;
} np_read_strategy;

typedef struct np_read_point {
    const char *vary;                      /* "nat.capacity = 512, access.loss = 1%"; "" without vary */
    const char **value;                    /* [varied] of the results */
    uint32_t replicas;                     /* 0: not in the file */
    double capacity, duration_s, warmup_s; /* NaN: not in the file */
    np_read_strategy *strategy;
    uint32_t strategies;
} np_read_point;

/* A remark of the file's: `name` is a warning's, or "" for the others. */
typedef struct np_read_remark {
    const char *name, *text;
} np_read_remark;

typedef struct np_remarks {
    np_read_remark *remark;
    uint32_t n;
} np_remarks;

typedef struct np_results {
    const char *scenario, *about; /* "" when the file does not say, as the next three */
    const char *version, *digest, *seed;
    const char *yaml;  /* the scenario with everything filled in; "" when the file does not hold it */
    uint32_t replicas; /* 0: not in the file */
    const char **path; /* [varied] */
    uint32_t varied;
    np_read_point *point; /* all with the strategies of the first, in its order */
    uint32_t points;
    np_remarks precision, expect, warning;
    np_arena *arena; /* owns all: np_arena_destroy */
} np_results;

/* Reads a .json or .csv result, or the .db of a sweep. False and *e (NP_TROUBLE_INPUT) when it is none. */
bool np_results_read(const char *path, np_results *out, np_error *e);

/* The readers behind it; `out` is np_results_empty with an arena. */
bool np_results_read_json(const char *path, np_results *out, np_error *e);
bool np_results_read_csv(const char *path, np_results *out, np_error *e);
bool np_results_read_db(const char *path, np_results *out, np_error *e);

/* Nothing known yet, of results, of a strategy. */
extern const np_results np_results_empty;
void np_results_unknown(np_read_strategy *s);

/* An array in the arena with room for `more` than `n` items of `size`, holding the first n: grows by
   doubling. NULL when memory is out. */
void *np_results_grow(np_arena *a, void *items, uint32_t n, size_t size);

/* Appends a remark; the texts are copied. False when memory is out. */
bool np_results_remark(np_results *r, np_remarks *to, const char *name, const char *text);

/* Fills in p->vary from p->value and the paths. False when memory is out. */
bool np_results_name_point(np_results *r, np_read_point *p);

#endif
