/*
 * Collecting what is wrong with a scenario: everything, once, in file order.
 */
#ifndef NATPULSE_FINDINGS_H
#define NATPULSE_FINDINGS_H

#include "natpulse/arena.h"
#include "natpulse/quote.h"
#include "natpulse/scenario.h"
#include <stddef.h>

/* Where text comes from: a file, or the value of an override. */
typedef struct np_source {
    const char *file;             /* as messages name it */
    const char *dir;              /* what relative paths in it start from */
    uint32_t rank;                /* findings are ordered by it first */
    int first_line, first_column; /* of the text within that file, from 1 */
    bool profile;                 /* a profile file: it may have `base`, `about`, `sources` */
} np_source;

typedef struct np_found {
    const np_source *source;
    int line, column;
    const char *text;
} np_found;

/* Findings on their way. Beyond NP_FINDINGS_MOST they are counted, not kept. */
typedef struct np_report {
    np_arena *arena; /* NULL until the first finding; owns the texts */
    np_found *found;
    uint32_t n, room, left_out;
    bool no_memory; /* an allocation failed somewhere: what follows means nothing */
} np_report;

#define NP_FINDINGS_MOST 1000

/* Adds a finding with a printf-style text. */
void np_report_at(np_report *r, const np_source *source, int line, int column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

bool np_report_has(const np_report *r, const np_found *f);

/* Sorts, drops what was found twice, moves all into *out and ends the report. The file names stay valid as
   long as *out does. */
void np_report_finish(np_report *r, np_findings *out, np_error *e);
void np_report_drop(np_report *r);

#endif
