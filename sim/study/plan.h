/*
 * Which runs a study needs, in which order they are handed out, and when there are enough.
 */
#ifndef NATPULSE_STUDY_PLAN_H
#define NATPULSE_STUDY_PLAN_H

#include "natpulse/scenario.h"

typedef struct np_study_unit { /* one run */
    uint32_t point, strategy, replica;
} np_study_unit;

typedef struct np_plan np_plan;

/* A plan of `replicas` for every strategy at every point, or of as many as `precision` takes (copied). NULL
   when memory is out. */
np_plan *np_plan_create(uint32_t points, uint32_t strategies, uint32_t replicas,
                        const np_precision *precision);
void np_plan_destroy(np_plan *p); /* NULL is allowed */

/* Notes that a unit is done, with its values of the precision's goals, in their order. At most once a unit;
   before anything is handed out (what an earlier sweep left), or for a unit that was. False when memory is
   out. The unit must be one that np_plan_may_come_to. */
bool np_plan_done(np_plan *p, np_study_unit u, const double *goal_value);

/* Whether a unit is one of the study's, up to its maximum of replicas, and not done yet. */
bool np_plan_may_come_to(const np_plan *p, np_study_unit u);

/* Hands out a unit that is neither done nor handed out: points in order, within each by replica and strategy.
   False when there is none now; there may be later unless np_plan_over. */
bool np_plan_next(np_plan *p, np_study_unit *u);

/* Takes back a unit that was handed out and will not be done by whoever had it: it is handed out again,
   before all others. One that is done by now is left at that. False when memory is out. */
bool np_plan_return(np_plan *p, np_study_unit u);

/* Every point has all its replicas. */
bool np_plan_over(const np_plan *p);

/* How many replicas a point is to have as far as is known by now, and whether it has them and that is all. */
uint32_t np_plan_replicas(const np_plan *p, uint32_t point);
bool np_plan_settled(const np_plan *p, uint32_t point);

/* Units done, and all as far as is known by now. */
uint64_t np_plan_units_done(const np_plan *p);
uint64_t np_plan_units(const np_plan *p);

#endif
