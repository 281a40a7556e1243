/*
 * Advice: the longest keepalive and heartbeat intervals with which connections through given NATs meet a
 * target, and the cheapest of them.
 *
 * Every strategy of a scenario is a candidate. Where it has a heartbeat that goes by `every`, that is what is
 * searched; else the `idle` of its keepalive; a strategy without either (adaptive, polling, nothing) is
 * judged as it is. Every judgement is a trial: a run of the scenario with some values set, that `natpulse
 * run` repeats.
 */
#ifndef NATPULSE_ADVISE_H
#define NATPULSE_ADVISE_H

#include "natpulse/study.h"

/* A rung of the ladder is tried where the measured time holds it so many times. */
#define NP_ADVISE_GAPS 3

typedef struct np_advise_options {
    const char *path; /* of the scenario, or its name (np_scenario_load) */
    const np_override *set;
    uint32_t sets;
    const char *const *nat;    /* values of the key `nat`: names of profiles, or YAML; */
    uint32_t nats;             /* 0: the scenario's own box */
    const char *const *target; /* lines of `expect` that name no strategy; 0: those of the scenario, or, where
                                  it has none, reachable_fraction > 99.9% */
    uint32_t targets;
    np_metric cost;      /* what is to be cheap */
    const np_time *rung; /* the ladder, rising; */
    uint32_t rungs;      /* 0: round intervals from 10 s to 2 h */
    uint32_t jobs;       /* as np_study_options, like the four below */
    const volatile int *stop;
    void (*progress)(void *ctx, uint32_t done, uint32_t all); /* `all` is a guess that grows and shrinks */
    void *ctx;
} np_advise_options;

/* One candidate with one interval behind one NAT. */
typedef struct np_trial {
    uint32_t candidate, nat;
    np_time interval;        /* 0: as the scenario has it */
    np_standing standing;    /* of the target that holds least */
    const np_standing *of;   /* [targets] */
    const np_estimate *seen; /* [targets] */
    const np_column *column; /* all figures */
    const char *digest;      /* of the scenario with these set: */
    const np_override *set;  /* what `natpulse run` must be told for the same figures */
    uint32_t sets;
} np_trial;

typedef struct np_candidate {
    const char *name;         /* the strategy's */
    const char *key;          /* "heartbeat.every", "keepalive.idle"; NULL: nothing is searched */
    const np_strategy *as_is; /* as the scenario has it */
    const np_trial **longest; /* [nats] the longest interval that holds; NULL: none does */
    const np_trial **longer;  /* [nats] the next one, which does not; NULL: the ladder ends there */
    const np_trial **nearest; /* [nats] where none holds: what came nearest */
    const np_trial **common;  /* [nats] at the longest interval that holds behind all NATs behind which any
                                 does;  NULL where none does */
    const np_trial *odd;      /* one that fails although a longer one holds; NULL: none was met */
    bool holds;               /* at that interval behind all NATs */
    np_time interval;         /* that interval, 0: as it is, or behind no NAT */
    np_estimate cost;         /* what it costs where it costs most */
} np_candidate;

/* Named warnings of advice, in a fixed order. */
typedef enum np_advice_warning {
    NP_ADVICE_FEW_REPLICAS,
    NP_ADVICE_LADDER_END,       /* the longest interval tried holds: longer ones may */
    NP_ADVICE_TIMEOUT_NOT_SEEN, /* silence holds, in a time shorter than the box's patience */
    NP_ADVICE_TABLE_NEVER_FULL,
    NP_ADVICE_UNSURE,           /* a longer interval is not known well enough */
    NP_ADVICE_NOT_MONOTONE,     /* a shorter interval fails where a longer one holds */
    NP_ADVICE_NOTHING_DETECTED, /* a target about detection holds because nothing broke */
    NP_ADVICE_COUNT,
} np_advice_warning;

typedef struct np_advice_warned {
    np_advice_warning which;
    const char *text;
} np_advice_warned;

typedef struct np_advice {
    const np_scenario *scenario; /* without a NAT of `nat` set and without its vary, expect and precision */
    const char *path;            /* of it */
    const char *const *nat;      /* [nats] what each is called */
    const np_scenario **at_nat;  /* [nats] the scenario with it */
    uint32_t nats;
    const np_expectation *target;
    uint32_t targets;
    np_metric cost;
    const np_time *rung; /* those that were tried, or could have been */
    uint32_t rungs;
    uint32_t too_long; /* rungs of the ladder that the simulated time is too short for */
    np_candidate *candidate;
    uint32_t candidates;
    const np_trial **trial; /* all, by candidate, NAT and interval */
    uint32_t trials;
    const np_candidate *best; /* the cheapest that holds behind all; NULL: none does */
    const np_trial
        *obstacle; /* then: where the candidate that comes nearest misses most; NULL: best is there */
    np_advice_warned warned[NP_ADVICE_COUNT];
    uint32_t warnings;
    struct np_advice_work *work; /* owns all of it */
} np_advice;

/* Searches. NULL and *e on trouble; *findings says more where the scenario, a NAT or a target is none; the
   caller clears it in any case. The result does not depend on `jobs`. */
np_advice *np_advise(const np_advise_options *o, np_findings *findings, np_error *e);
void np_advice_destroy(np_advice *a); /* NULL is allowed */

/* Whether it does nothing that keeps a mapping: no keepalive, no heartbeat, and no polling instead. */
bool np_candidate_is_silent(const np_candidate *c);

const char *np_advice_warning_name(np_advice_warning w);

#endif
