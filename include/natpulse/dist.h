/*
 * Named distributions of a non-negative quantity: a time in nanoseconds, a size in bytes, a count.
 *
 * Every sample is the inverse of the distribution function at one uniform number, so a sample costs
 * exactly one draw and two runs that share the draw move together (common random numbers).
 */
#ifndef NATPULSE_DIST_H
#define NATPULSE_DIST_H

#include "natpulse/error.h"
#include "natpulse/time.h"
#include <stdint.h>

typedef enum np_dist_kind {
    NP_DIST_CONSTANT,    /* a */
    NP_DIST_UNIFORM,     /* from a to b */
    NP_DIST_EXPONENTIAL, /* mean a */
    NP_DIST_NORMAL,      /* mean a, standard deviation b; below 0 counts as 0 */
    NP_DIST_LOGNORMAL,   /* median a, sigma b (of the logarithm) */
    NP_DIST_WEIBULL,     /* scale a, shape b */
    NP_DIST_PARETO,      /* scale (least value) a, shape b > 0 */
    NP_DIST_EMPIRICAL,   /* n sorted values; linear between neighbours */
} np_dist_kind;

typedef struct np_dist {
    np_dist_kind kind;
    double a, b;
    double cap;          /* samples above it become it; 0: no cap */
    const double *value; /* empirical only: owned by whoever made it, sorted upwards */
    uint32_t n;
} np_dist;

static inline np_dist np_dist_constant(double a)
{
    return (np_dist){.kind = NP_DIST_CONSTANT, .a = a};
}

/* One sample from 64 random bits (np_random). Never negative, never NaN. */
double np_dist_sample(const np_dist *d, uint64_t bits);

/* The same as a time, rounded to the nearest nanosecond. */
np_time np_dist_time(const np_dist *d, uint64_t bits);

/* The mean without regard to the cap; INFINITY for a Pareto of shape <= 1. */
double np_dist_mean(const np_dist *d);

/* Inverse of the standard normal distribution function, relative error below 1e-9 (Wichura, AS 241). */
double np_normal_quantile(double p);

#endif
