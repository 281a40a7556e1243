/*
 * The points of a study's grid, each with its own checked scenario.
 */
#ifndef NATPULSE_STUDY_POINTS_H
#define NATPULSE_STUDY_POINTS_H

#include "natpulse/arena.h"
#include "natpulse/study.h"

typedef struct np_points {
    const np_scenario *base; /* the caller's */
    uint32_t points;
    np_override **vary;   /* [points][base->varied] */
    np_scenario **loaded; /* [points], owned; NULL without vary: base is the only point */
} np_points;

/* Loads every point from the scenario file at `path` (needed with vary only), `set` applied below the point.
   Arrays live in `arena`. False and *e on trouble; np_points_clear in any case. */
bool np_points_load(np_points *p, const np_scenario *base, const char *path, const np_override *set,
                    uint32_t sets, np_arena *arena, np_findings *findings, np_error *e);
void np_points_clear(np_points *p);

/* Runs the study s, which is about points->base, at those points and concludes it. Takes the loaded scenarios
   over, whatever comes of it. */
bool np_study_run_points(np_study *s, np_points *points, const np_study_options *o, np_error *e);

static inline const np_scenario *np_points_at(const np_points *p, uint32_t point)
{
    return p->loaded ? p->loaded[point] : p->base;
}

#endif
