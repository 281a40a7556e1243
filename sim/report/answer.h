/*
 * The answer that results give, in words: what does it take to stay reachable?
 */
#ifndef NATPULSE_REPORT_ANSWER_H
#define NATPULSE_REPORT_ANSWER_H

#include "results.h"

#define NP_TARGET 0.99 /* what an answer asks for when nobody says otherwise: a share of the time */

/* What is chosen (a strategy, and the values of varied settings of strategies) as opposed to what one finds
   (the values of other varied paths). */
typedef struct np_at_circumstance {
    const char *circumstance; /* "nat.capacity = 320" */
    const char *choice;       /* what to do there; NULL: nothing is shown to reach the target */
    np_estimate reachable, upkeep;
} np_at_circumstance;

typedef struct np_answer {
    const char *sentence;   /* one, with its interval */
    const char *doubts;     /* what it leaves open; "" when nothing */
    np_at_circumstance *at; /* the answer for each circumstance alone; none with one circumstance */
    uint32_t circumstances;
} np_answer;

/* The cheapest choice (by upkeep bytes) whose interval of reachability lies above `target` in every
   circumstance, else the best one. The texts are in the arena of the results. False when memory is out. */
bool np_answer_of(const np_results *r, double target, np_answer *out);

/* "6.0 kB", "145 B". `buf` of 24. */
char *np_bytes_text(char *buf, double bytes);

/* "99.82 %" of a share, as far as its interval reaches, rounded down. `buf` of 32. */
char *np_share_mean_text(char *buf, const np_estimate *e);

/* "99.82 % (95 % interval 99.79 to 99.85 %)" of a share; the mean alone when there is no interval. `buf`
 * of 96. */
char *np_share_text(char *buf, const np_estimate *e);

#endif
