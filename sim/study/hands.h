/*
 * Units of a crew done by other ranks.
 */
#ifndef NATPULSE_STUDY_HANDS_H
#define NATPULSE_STUDY_HANDS_H

#include "crew.h"
#include "natpulse/ranks.h"

/* How many ranks there are: 1 when this process is alone. */
int np_ranks_count(void);

/* Rank 0: hands units of the crew to the other ranks as they fall idle, until it is over. They must have the
   scenario of that digest. The unit of a rank that is gone is done by another. `notice` (may be NULL) is told
   of ranks that go and come back. */
void np_ranks_serve(np_crew *c, const char *digest, void (*notice)(void *ctx, const char *text), void *ctx);

/* Other ranks: runs the units that rank 0 hands out, until it says that is all or *stop is set. */
void np_ranks_assist(const np_points *points, const volatile int *stop);

/* Other ranks: tells rank 0 that this one cannot take part, and why. */
void np_ranks_decline(const np_error *e);

#endif
