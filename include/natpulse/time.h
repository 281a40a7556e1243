/*
 * Simulated time: a signed 64-bit count of nanoseconds since the start of the run
 * (or, for captures, since the Unix epoch). Good for 292 years either way.
 */
#ifndef NATPULSE_TIME_H
#define NATPULSE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t np_time;

#define NP_MICROSECOND ((np_time)1000)
#define NP_MILLISECOND ((np_time)1000000)
#define NP_SECOND      ((np_time)1000000000)
#define NP_MINUTE      (60 * NP_SECOND)
#define NP_HOUR        (3600 * NP_SECOND)
#define NP_DAY         (86400 * NP_SECOND)

/* A moment that never comes: the deadline of a timer that is not running. */
#define NP_NEVER INT64_MAX

static inline double np_seconds(np_time t)
{
    return (double)t * 1e-9;
}

/* Nearest nanosecond; saturates at 0 below and at NP_NEVER - 1 above (a NaN gives 0). */
static inline np_time np_from_seconds(double s)
{
    if (!(s > 0)) return 0;
    return s >= 9.2e9 ? NP_NEVER - 1 : (np_time)(s * 1e9 + 0.5);
}

/* Writes a duration the way scenarios do ("2h4m", "1m30s", "250ms", "1.5us", "0s"): the shortest
   text that np_time_parse reads back to the same value. `size` of 40 is always enough. Returns `buf`. */
char *np_time_format(char *buf, size_t size, np_time t);

/* Reads a duration: one or more NUMBER UNIT pairs without spaces, units d h m s ms us ns in falling
   order, the number may have decimals ("1.5h"). A bare "0" is allowed, any other bare number is not.
   False, with *out untouched, when the text is anything else, negative, or past 292 years. */
bool np_time_parse(const char *text, np_time *out);

#endif
