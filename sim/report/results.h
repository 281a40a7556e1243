/*
 * What a result file holds, as far as figures need it.
 */
#ifndef NATPULSE_REPORT_RESULTS_H
#define NATPULSE_REPORT_RESULTS_H

#include "natpulse/arena.h"
#include "natpulse/study.h"

typedef struct np_xy {
    double x, y;
} np_xy;

/* The figures a drawing uses. */
typedef enum np_drawn { NP_DRAWN_REACHABLE, NP_DRAWN_BREAKS, NP_DRAWN_UPKEEP, NP_DRAWN_COUNT } np_drawn;
extern const np_metric np_drawn_metric[NP_DRAWN_COUNT];

typedef struct np_read_strategy {
    const char *name;
    np_estimate value[NP_DRAWN_COUNT]; /* NaN: null, or not in the file */
    np_xy *curve[NP_SPREAD_COUNT];     /* NULL: not in the file */
    uint32_t points[NP_SPREAD_COUNT];
    double never[NP_SPREAD_COUNT]; /* how many were censored; 0 when the file does not say */
    np_xy *entries;                /* x: share of the run */
    uint32_t entry_points;
} np_read_strategy;

typedef struct np_read_point {
    const char *vary;                      /* "nat.capacity = 512, access.loss = 1%"; "" without vary */
    double capacity, duration_s, warmup_s; /* NaN: not in the file */
    np_read_strategy *strategy;
    uint32_t strategies;
} np_read_point;

typedef struct np_results {
    const char *scenario; /* "" when the file does not say */
    np_read_point *point;
    uint32_t points;
    np_arena *arena; /* owns all: np_arena_destroy */
} np_results;

/* Reads a .json or .csv result, or the .db of a sweep. False and *e (NP_TROUBLE_INPUT) when it is none. */
bool np_results_read(const char *path, np_results *out, np_error *e);

/* The readers behind it; `out` has an arena and is otherwise zero. */
bool np_results_read_json(const char *path, np_results *out, np_error *e);
bool np_results_read_csv(const char *path, np_results *out, np_error *e);
bool np_results_read_db(const char *path, np_results *out, np_error *e);

/* An array in the arena with room for `more` than `n` items of `size`, holding the first n: grows by
   doubling. NULL when memory is out. */
void *np_results_grow(np_arena *a, void *items, uint32_t n, size_t size);

#endif
