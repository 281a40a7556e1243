/*
 * A mean and its confidence interval. Sums run in the order of the values, so that the result does not depend
 * on which thread was first; the variance takes a second pass, because the difference of two large sums loses
 * it.
 */
#include "natpulse/study.h"
#include <math.h>

np_estimate np_estimate_of(const double *value, uint32_t n)
{
    np_estimate e = {.mean = NAN, .low = NAN, .high = NAN};
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(value[i])) continue;
        sum += value[i];
        e.n++;
    }
    if (e.n == 0) return e;
    e.mean = sum / e.n;
    if (e.n == 1) return e;
    for (uint32_t i = 0; i < n; i++) {
        if (!isnan(value[i])) squares += (value[i] - e.mean) * (value[i] - e.mean);
    }
    double half = np_student_95(e.n - 1) * sqrt(squares / (e.n - 1) / e.n);
    e.low = e.mean - half;
    e.high = e.mean + half;
    return e;
}
