/*
 * Scenarios: YAML in, checked plain structs out. Nothing past this floor knows YAML.
 */
#ifndef NATPULSE_SCENARIO_H
#define NATPULSE_SCENARIO_H

#include "natpulse/error.h"
#include "natpulse/world.h"
#include <stdio.h>

/* One value for one path ("nat.capacity", "strategies.NAME.heartbeat.every"): --set, or a point of vary. */
typedef struct np_override {
    const char *path, *value; /* value is YAML text */
} np_override;

typedef struct np_vary {
    const char *path;
    const char **value; /* as written */
    uint32_t values;
} np_vary;

/* `precision`: replicas are added until every interval is narrow enough, or the maximum is reached. */
typedef struct np_goal {
    np_metric metric;
    double share; /* half of the 95 % interval may be at most this much of the mean; above 0, below 1 */
} np_goal;

typedef struct np_precision {
    np_goal *goal;
    uint32_t goals;        /* 0: none is asked for, `replicas` is the count */
    uint32_t max_replicas; /* at least np_scenario.replicas, which is how many there are to begin with */
} np_precision;

/* `expect`: FIGURE [of STRATEGY] COMPARISON VALUE, at every point of the grid. */
typedef enum np_spread_part { NP_SPREAD_PART_P50, NP_SPREAD_PART_P95, NP_SPREAD_PART_P99, NP_SPREAD_PART_MAX, NP_SPREAD_PART_CENSORED } np_spread_part;
typedef enum np_comparison {
    NP_COMPARE_LESS,
    NP_COMPARE_AT_MOST,
    NP_COMPARE_MORE,
    NP_COMPARE_AT_LEAST
} np_comparison;
#define NP_EVERY_STRATEGY UINT32_MAX

typedef struct np_expectation {
    const char *text;  /* as written */
    int metric;        /* an np_metric, whose mean is meant; or -1 */
    int spread;        /* then an np_spread, and */
    np_spread_part part;      /* which part of it */
    uint32_t strategy; /* its number, or NP_EVERY_STRATEGY: each in which the figure has a meaning */
    np_comparison comparison;
    double bound; /* in the figure's unit */
} np_expectation;

typedef struct np_scenario {
    const char *name, *about;
    uint32_t replicas;
    np_world_config world; /* seed, duration, ... in it */
    np_strategy *strategy;
    uint32_t strategies;
    np_vary *vary;
    uint32_t varied;
    np_precision precision;
    np_expectation *expectation;
    uint32_t expectations;
    char digest[17];        /* hexadecimal, of the scenario with everything filled in but `expect` */
    struct np_arena *arena; /* owns all of the above */
} np_scenario;

/* One thing wrong with a scenario. */
typedef struct np_finding {
    const char *file;     /* or "--set" */
    int line, column;     /* from 1 */
    const char *text;     /* what was wrong, what would be right */
} np_finding;

typedef struct np_findings {
    np_finding *finding;
    uint32_t n;
    struct np_arena *arena;
} np_findings;

/* Reads a scenario and the profiles it names, applies `sets` in order, checks everything. NULL when something is
   wrong: then *findings lists all of it, in file order, and *e holds a summary. A file that cannot be read is
   one finding. Profiles are searched in $NATPULSE_PROFILES, beside the scenario, beside the program and in the
   installed place; a `path` that is a bare name, and no file, is a scenario that stands beside the profiles in
   one of those places ("quickstart"). */
np_scenario *np_scenario_load(const char *path, const np_override *set, uint32_t sets, np_findings *findings, np_error *e);
void np_scenario_destroy(np_scenario *s);
void np_findings_clear(np_findings *f);

/* Prints each as `file:line:column: error: text`. */
void np_findings_print(const np_findings *f, FILE *out);

/* Writes the scenario with every default and profile filled in, itself a valid scenario. */
bool np_scenario_show(const np_scenario *s, FILE *out);

/* The same without `expect`: the text that the digest is of, and all that results depend on. */
bool np_scenario_canon(const np_scenario *s, FILE *out);

/* Reads one line of `expect` that stands elsewhere, about the strategies of s, whose arena gets what *out points
   to. False when it is none: *findings, which the caller clears, says what is wrong with it, as of the file
   `from`. */
bool np_expectation_read(const char *text, const char *from, np_scenario *s, np_expectation *out,
                         np_findings *findings, np_error *e);

/* The number of points of its grid (1 without vary), and the overrides of the i-th: the last path of `vary` runs
   fastest. `out` has room for s->varied. The strings belong to s. */
uint32_t np_scenario_points(const np_scenario *s);
void np_scenario_point(const np_scenario *s, uint32_t i, np_override *out);

/* A NAT profile by name or path, with `nat.KEY` overrides (for replay). The strings in *out belong to *arena
   (np_arena_destroy). Without a scenario, "beside the scenario" is the working directory. */
bool np_profile_nat(const char *name, const np_override *set, uint32_t sets, np_nat_config *out,
                    struct np_arena **arena, np_findings *findings, np_error *e);

/* The kinds of profiles: "nat", "keepalive", "heartbeat", "workload", "radio". NULL at the end. */
const char *const *np_profile_kinds(void);

/* Writes a profile with those it is based on and every default filled in, itself a valid profile. `set` has
   paths that begin with the kind. With `out` NULL it is only looked through for mistakes. False and *findings, *e
   as np_scenario_load does. */
bool np_profile_show(const char *kind, const char *name, const np_override *set, uint32_t sets, FILE *out,
                     np_findings *findings, np_error *e);

/* Whether a bare name is a scenario's that stands beside the profiles, as np_scenario_load finds it. */
bool np_scenario_is_named(const char *name);

/* Which kinds of profiles a name may mean: bit i for np_profile_kinds()[i]. A name with a slash or an ending is
   the path of a file, and may be of each kind that has all of its keys; in a folder that is called after a kind it
   is of that one. 0: of none; no such file or profile, or a scenario. */
uint32_t np_profile_kinds_of(const char *name);

/* One profile in a list; valid during the call. */
typedef struct np_profile_card {
    const char *name, *path, *about;
    const char *const *key; /* the main keys of its kind: the same for all profiles of that kind */
    const char *const *figure; /* and their values, as scenarios write them */
    uint32_t figures;
} np_profile_card;

/* Calls `each` with the profiles of a kind, by name. False when one has mistakes (all are in *findings; the
   others are listed) or memory is out. */
bool np_profile_list(const char *kind, void (*each)(void *ctx, const np_profile_card *card), void *ctx,
                     np_findings *findings, np_error *e);

/* One key that a scenario may have. */
typedef struct np_scenario_key {
    const char *path;    /* "nat.ports.range"; the entries of a list are "clients[].count" */
    const char *form;    /* "duration", "both|outbound|inbound", ... */
    const char *fallback; /* its value when nothing is said, "" when there is none */
    const char *meaning; /* one line */
} np_scenario_key;

/* Calls `each` with every key, in the order in which np_scenario_show writes them. False when memory is out. */
bool np_scenario_keys(void (*each)(void *ctx, const np_scenario_key *key), void *ctx, np_error *e);

#endif
