/*
 * How narrow an interval is, and how many replicas make it narrow enough.
 */
#ifndef NATPULSE_STUDY_PRECISION_H
#define NATPULSE_STUDY_PRECISION_H

#include "natpulse/study.h"

/* Half of the interval as a share of the mean: 0 when all replicas agree, infinite when there is no interval
   yet or the mean is 0, NaN when the figure has no meaning. */
double np_precision_width(const np_estimate *e);

/* How many replicas to have next, when `replicas` left the widest interval `excess` (> 1) times as wide as
   wanted: more than `replicas`, at most `most`, which is larger. */
uint32_t np_precision_next(uint32_t replicas, double excess, uint32_t most);

#endif
