/*
 * Advice in words: the answer, the command that repeats a trial, short texts of its figures.
 */
#ifndef NATPULSE_REPORT_ADVICE_H
#define NATPULSE_REPORT_ADVICE_H

#include "figures.h"
#include "natpulse/advise.h"
#include "natpulse/arena.h"
#include "natpulse/report.h"

/* One or two sentences: what to set, what it gives, what it costs, what the next longer interval does. In the
   arena; NULL when memory is out. */
const char *np_advice_answer(const np_advice *a, np_arena *arena);

/* `natpulse run SCENARIO --set PATH=VALUE...`, as a shell takes it: its row of that strategy has the figures
   of the trial. In the arena; NULL when memory is out. */
const char *np_advice_command(const np_advice *a, const np_trial *t, np_arena *arena);

/* What a trial shows for a target: "99.97 %" and "±0.01". */
np_cell np_advice_seen(const np_expectation *target, const np_estimate *seen);

/* A target without its figure: "> 99.9%"; and its figure's heading: "reachable", "server detects p95". */
const char *np_advice_bound(const np_expectation *target);
char *np_advice_heading(char *buf, size_t size, const np_expectation *target);

/* What takes most connections of a trial from clients that want them ("expired"), and how often an hour;
   NULL: nothing does. */
const char *np_advice_cause(const np_trial *t, double *per_hour);

/* "45 s", "2 h"; "as it is" for 0. `size` of NP_WORDS_TIME. Returns buf. */
char *np_advice_interval(char *buf, size_t size, np_time interval);

/* "yes", "no", "unsure" */
const char *np_advice_standing(np_standing s);

bool np_write_advice_table(const np_advice *a, np_style style, FILE *out);
bool np_write_advice_markdown(const np_advice *a, FILE *out);
bool np_write_advice_json(const np_advice *a, FILE *out);
bool np_write_advice_csv(const np_advice *a, FILE *out);

#endif
