/*
 * From runs to figures.
 */
#ifndef NATPULSE_STUDY_CONCLUDE_H
#define NATPULSE_STUDY_CONCLUDE_H

#include "natpulse/study.h"

/* Makes a study with room for its columns: points of s->scenario->strategies each, no replicas yet. The
   arrays of np_point are in s->arena. NULL when memory is out. */
np_study *np_study_create(const np_scenario *scenario, np_error *e);
bool np_study_lay_out(np_study *s, uint32_t points, np_error *e);

/* Puts a run in its place and takes it over, in any order. False when memory is out. */
bool np_study_place(np_column *c, uint32_t replica, np_result *r);

/* Estimates, differences, merged distributions, precision and warnings of what is there: the first `replicas`
   of each column must be. */
bool np_study_conclude(np_study *s, np_error *e);

#endif
