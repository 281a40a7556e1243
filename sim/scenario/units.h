/*
 * Quantities as scenarios write them: 10k, 1.5MB, 64kbit/s, 1%. (Durations: natpulse/time.h.)
 */
#ifndef NATPULSE_UNITS_H
#define NATPULSE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum np_measure {
    NP_UNIT_NUMBER, /* 1.5, 1e-3 */
    NP_UNIT_COUNT,  /* 200, 10k, 64Ki */
    NP_UNIT_SIZE,   /* bytes: 200, 200B, 1.5MB, 64KiB */
    NP_UNIT_RATE,   /* bits a second: 64kbit/s, 1.5MB/s. The unit must be there */
    NP_UNIT_SHARE,  /* 1%, 0.01 */
    NP_UNIT_TIME,   /* nanoseconds: 1h30m, 250ms (np_time_parse) */
    NP_UNIT_POWER,  /* watts: 1.2W, 60mW. The unit must be there */
} np_measure;

/* Reads a non-negative finite quantity that is the whole of `text`; k M G T are powers of 1000, Ki Mi Gi Ti
   of 1024. False, with *out untouched, when it is none. Numbers are read and written with a decimal point:
   the caller sees to the "C" locale (np_locale_enter). */
bool np_measure_parse(np_measure unit, const char *text, double *out);

/* Writes it so that np_measure_parse reads the same double back. `size` of NP_MEASURE_TEXT is enough. Returns
 * buf.
 */
#define NP_MEASURE_TEXT 48
char *np_measure_format(char *buf, size_t size, np_measure unit, double value);

/* What is expected, with examples: "a size (200B, 1.5MB or 64KiB)". */
const char *np_measure_expected(np_measure unit);

/* This thread reads and writes numbers with a decimal point from here to np_locale_leave. */
typedef struct np_locale {
    void *c, *before;
} np_locale;
np_locale np_locale_enter(void);
void np_locale_leave(np_locale l);

#endif
