/*
 * What is varied: the values of a path, in the order written, and where they stand along an axis.
 */
#ifndef NATPULSE_REPORT_VARIED_H
#define NATPULSE_REPORT_VARIED_H

#include "results.h"

typedef struct np_varied {
    uint32_t path;      /* which of the results' */
    const char **value; /* [n] as written, each once */
    double *at;         /* [n] numbers they stand for; NaN when they are not numeric */
    uint32_t n;
    bool numeric; /* all are numbers of one unit, and at least two differ */
} np_varied;

/* The values of a path over all points; none (n = 0) when they are more than a figure could show. False when
   memory is out. */
bool np_varied_of(const np_results *r, uint32_t path, np_varied *out);

/* Which of the values a point has; n when none. */
uint32_t np_varied_index(const np_varied *v, const np_read_point *p);

/* A number with its unit, as scenarios write them ("1m30s", "2k", "1.5MB", "5%"). False when it is none.
   `*unit` tells units apart; it points into `text` or to a constant. */
bool np_quantity(const char *text, double *value, const char **unit);

/* A strategy's own setting, chosen by who uses it; others are circumstances. */
bool np_path_is_choice(const char *path);

/* With one or two varied paths: the one that figures run along (numeric, rather a choice, rather the longer),
   and the other, UINT32_MAX with one only. False with none or more. */
bool np_varied_axes(const np_results *r, np_varied *along, np_varied *other);

/* "every" of "strategies.heartbeat.heartbeat.every", all of it where two would read the same. */
const char *np_path_short(const np_results *r, uint32_t path);

#endif
