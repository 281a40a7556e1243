/*
 * Threads that run the units of a plan.
 *
 * A crew is a monitor: every function may be called from any thread. Besides its own threads, others can take
 * units and give results back, which is how the ranks of a cluster take part.
 */
#ifndef NATPULSE_STUDY_CREW_H
#define NATPULSE_STUDY_CREW_H

#include "plan.h"
#include "points.h"

typedef struct np_crew np_crew;

typedef struct np_crew_config {
    np_plan *plan;
    const np_points *points;
    const volatile int *stop; /* see np_world_run; may be NULL */
    /* Takes over a result, called by one thread at a time and before the plan knows. False and *e: all stops.
     */
    bool (*keep)(void *ctx, np_study_unit u, np_result *r, np_error *e);
    /* After keep, and once at the beginning; may be NULL. */
    void (*progress)(void *ctx, uint32_t done, uint32_t all);
    void *keep_ctx, *progress_ctx;
} np_crew_config;

np_crew *np_crew_create(const np_crew_config *c, np_error *e); /* NULL when memory is out */

/* Starts `threads` of its own; fewer when the machine grants fewer. */
void np_crew_start(np_crew *c, uint32_t threads);

/* The calling thread runs units until there are none left, something fails or it is to stop. */
void np_crew_work(np_crew *c);

/* Takes a unit to run elsewhere; false: none now. Its result must be given, or it be failed or returned. A
   unit that was returned may be lent again, and its result be given twice: the second is dropped, being the
   same. */
bool np_crew_lend(np_crew *c, np_study_unit *u);
void np_crew_give(np_crew *c, np_study_unit u, np_result *r); /* takes over r */
void np_crew_fail(np_crew *c, np_study_unit u, const np_error *e);
void np_crew_return(np_crew *c, np_study_unit u);

/* Nothing is left to hand out, now or later. */
bool np_crew_over(np_crew *c);

/* Threads as `jobs` asks for: 0 is one a core. */
uint32_t np_crew_threads(uint32_t jobs);

/* Joins the threads and frees the crew. True when the plan is over. Else false; *e says what failed, in the
   unit of the lowest number when it was several; *stopped: it was only told to stop, and *e is untouched. */
bool np_crew_destroy(np_crew *c, bool *stopped, np_error *e);

#endif
