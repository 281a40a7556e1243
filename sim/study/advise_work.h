/*
 * Advice under way: what the search knows, and the runs behind it.
 */
#ifndef NATPULSE_STUDY_ADVISE_WORK_H
#define NATPULSE_STUDY_ADVISE_WORK_H

#include "natpulse/advise.h"
#include "natpulse/arena.h"

/* One candidate behind one NAT: a search of its own. */
typedef struct np_lane {
    uint8_t *rung;    /* [rungs] np_rung, targets about cost left out */
    np_trial **trial; /* [rungs] NULL: not looked at */
    uint32_t rungs;   /* 1 where nothing is searched: the strategy as it is */
    uint32_t guess;
} np_lane;

typedef struct np_asked { /* a rung to look at */
    uint32_t candidate, nat, rung;
} np_asked;

struct np_advice_work {
    np_arena *arena;
    np_scenario *base;
    np_scenario **at_nat; /* [nats] */
    np_lane *lane;        /* [candidates][nats] */
    np_study **round;     /* owns the columns of the trials */
    uint32_t rounds, room;
    np_override
        *set; /* [sets] of every run: the caller's, and what takes the scenario's vary and expect back */
    uint32_t sets;
    uint64_t done; /* runs of the rounds that are over */
};

static inline np_lane *np_lane_of(const np_advice *a, uint32_t candidate, uint32_t nat)
{
    return &a->work->lane[candidate * a->nats + nat];
}

/* Loads the scenario with a value of `nat` (NULL: its own) and `more` set. The finding of a bad NAT is one of
   "--nat", others are of the caller's overrides by their number. */
np_scenario *np_advise_load(const np_advice *a, const char *nat, const np_override *more, uint32_t mores,
                            const np_override **set, uint32_t *sets, np_findings *findings, np_error *e);

/* Runs a round: makes a trial of each rung asked for and notes how it stands. `outlook` is how many more runs
   are likely to follow, for the progress. */
bool np_advise_round(np_advice *a, const np_advise_options *o, const np_asked *asked, uint32_t n,
                     uint32_t outlook, np_findings *findings, np_error *e);

/* Whether a longer interval lowers the figure: costs. All others are taken to get no better by it. */
bool np_advise_is_cost(const np_expectation *target);

/* How long the boxes remember an idle connection of the measured clients. */
np_time np_advise_patience(const np_world_config *w);

/* Fills in a->warned, at the end. False when memory is out. */
bool np_advise_warn(np_advice *a);

#endif
