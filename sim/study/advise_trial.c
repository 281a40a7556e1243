/*
 * Trials: a candidate with an interval behind a NAT, as overrides of the scenario, run, and held against the
 * targets.
 *
 * What goes with an interval is kept in proportion: a server that gives a client up after 2.5 intervals of
 * silence goes on doing so, and the time an answer may take is cut where the next beats would overtake it.
 *
 * A round is one study whose points are the trials, each with the one strategy that it is about: so all cores
 * work on all of them, and losses, arrivals and messages are the same in each.
 */
#include "advise_work.h"
#include "conclude.h"
#include "ladder.h"
#include "points.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- overrides ---- */

/* Overrides of one strategy, under way. */
typedef struct settings {
    np_arena *arena;
    const char *strategy; /* as paths call it */
    np_override *set;
    uint32_t n;
    bool no_memory;
} settings;

static void put(settings *s, const char *path, const char *value)
{
    if (!path || !value) s->no_memory = true;
    s->set[s->n++] = (np_override){.path = path, .value = value};
}

static void put_time(settings *s, const char *key, np_time value)
{
    char text[48];
    np_time_format(text, sizeof text, value);
    put(s, np_arena_format(s->arena, "strategies.%s.%s", s->strategy, key), np_arena_text(s->arena, text));
}

/* By name, or, where `--set PATH=VALUE` would end the path within the name, by number. */
static const char *path_name(np_arena *arena, const np_candidate *c, uint32_t number)
{
    return strchr(c->name, '=') ? np_arena_format(arena, "%u", number) : c->name;
}

/* In proportion, to the millisecond. */
static np_time scaled(np_time value, np_time from, np_time to)
{
    double ms = (double)value / (double)from * (double)to / (double)NP_MILLISECOND;
    return (np_time)ceil(ms) * NP_MILLISECOND;
}

static void put_beat(settings *s, const np_candidate *c, np_time every)
{
    const np_beat_config *b = &c->as_is->beat;
    np_time most = np_beat_one_at_a_time(b->strategy) ? every : every * b->misses;
    if (b->least > 0) {
        np_time least = scaled(b->least, b->every, every);
        put_time(s, "heartbeat.least", least < every ? least : every);
        if (np_beat_one_at_a_time(b->strategy) && least < most) most = least;
    }
    if (b->timeout > most) put_time(s, "heartbeat.timeout", most);
    if (b->server_closes_after > 0)
        put_time(s, "heartbeat.server_closes_after", scaled(b->server_closes_after, b->every, every));
    if (b->client_closes_after > 0)
        put_time(s, "heartbeat.client_closes_after", scaled(b->client_closes_after, b->every, every));
}

#define PUTS_MOST 5

static bool set_interval(settings *s, const np_candidate *c, np_time interval)
{
    if (!c->key) return true;
    put_time(s, c->key, interval);
    if (strcmp(c->key, "heartbeat.every") == 0)
        put_beat(s, c, interval);
    else if (c->as_is->keepalive.interval > interval)
        put_time(s, "keepalive.interval", interval);
    return !s->no_memory;
}

/* ---- loading ---- */

/* Findings name overrides by their number; the one of `nat` is none of the caller's. */
static void relabel(np_findings *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        np_finding *one = &f->finding[i];
        if (strcmp(one->file, "--set") != 0) continue;
        if (one->line-- > 1) continue;
        one->file = "--nat";
        one->line = 1;
        one->column -= (int)strlen("nat=");
    }
}

np_scenario *np_advise_load(const np_advice *a, const char *nat, const np_override *more, uint32_t mores,
                            const np_override **set, uint32_t *sets, np_findings *findings, np_error *e)
{
    struct np_advice_work *w = a->work;
    np_override *all = np_arena_alloc(w->arena, (1 + w->sets + mores) * sizeof *all);
    uint32_t n = 0;
    if (!all) {
        np_fail_memory(e, "the trials");
        return NULL;
    }
    if (nat) all[n++] = (np_override){.path = "nat", .value = nat};
    for (uint32_t i = 0; i < w->sets; i++) all[n++] = w->set[i];
    for (uint32_t i = 0; i < mores; i++) all[n++] = more[i];
    if (set) *set = all;
    if (sets) *sets = n;
    np_scenario *s = np_scenario_load(a->path, all, n, findings, e);
    if (!s && nat) relabel(findings);
    return s;
}

/* Whether the strategy has the interval that its path set: a name with dots may be taken for another's. */
static bool has_interval(const np_candidate *c, const np_strategy *s, np_time interval)
{
    if (strcmp(c->name, s->name) != 0) return false;
    if (!c->key) return true;
    return interval == (strcmp(c->key, "keepalive.idle") == 0 ? s->keepalive.idle : s->beat.every);
}

/* The scenario of a trial, with its strategy alone. */
static np_scenario *load_trial(const np_advice *a, const np_advise_options *o, np_trial *t,
                               np_findings *findings, np_error *e)
{
    const np_candidate *c = &a->candidate[t->candidate];
    np_override more[PUTS_MOST];
    settings s = {.arena = a->work->arena, .set = more};
    s.strategy = path_name(s.arena, c, t->candidate);
    if (!s.strategy || !set_interval(&s, c, t->interval)) {
        np_fail_memory(e, "the trials");
        return NULL;
    }
    np_scenario *loaded =
        np_advise_load(a, o->nats ? o->nat[t->nat] : NULL, more, s.n, &t->set, &t->sets, findings, e);
    if (!loaded) return NULL;
    if (loaded->strategies != a->candidates ||
        !has_interval(c, &loaded->strategy[t->candidate], t->interval)) {
        np_fail(e, NP_TROUBLE_USAGE, "strategies: %s of '%s' cannot be set by its name; give it another",
                c->key, c->name);
        np_scenario_destroy(loaded);
        return NULL;
    }
    t->digest = loaded->digest;
    loaded->strategy += t->candidate;
    loaded->strategies = 1;
    return loaded;
}

/* ---- how it stands ---- */

bool np_advise_is_cost(const np_expectation *target)
{
    switch (target->metric) {
    case NP_METRIC_UPKEEP_PACKETS:
    case NP_METRIC_UPKEEP_BYTES:
    case NP_METRIC_WIRE_PACKETS:
    case NP_METRIC_WIRE_BYTES:
    case NP_METRIC_WAKEUPS:
    case NP_METRIC_ENERGY: return true;
    default: return false;
    }
}

static bool judge(const np_advice *a, np_trial *t, np_lane *l, uint32_t rung)
{
    np_standing *of = np_arena_alloc(a->work->arena, (a->targets + 1) * sizeof *of);
    np_estimate *seen = np_arena_alloc(a->work->arena, (a->targets + 1) * sizeof *seen);
    if (!of || !seen) return false;
    np_standing kept = NP_HOLDS;
    t->of = of;
    t->seen = seen;
    for (uint32_t i = 0; i < a->targets; i++) {
        seen[i] = np_expectation_seen(&a->target[i], t->column);
        of[i] = np_expectation_standing(&a->target[i], &seen[i]);
        if (of[i] > t->standing) t->standing = of[i];
        if (of[i] > kept && !np_advise_is_cost(&a->target[i])) kept = of[i];
    }
    l->rung[rung] = kept == NP_HOLDS ? NP_RUNG_HOLDS : NP_RUNG_FAILS;
    return true;
}

/* ---- a round ---- */

typedef struct beyond { /* progress of a round within all of it */
    const np_advise_options *o;
    uint64_t before;
    uint32_t after;
} beyond;

static void tell_progress(void *ctx, uint32_t done, uint32_t all)
{
    const beyond *b = ctx;
    if (b->o->progress)
        b->o->progress(b->o->ctx, (uint32_t)(b->before + done), (uint32_t)(b->before + all + b->after));
}

static bool keep_study(struct np_advice_work *w, np_study *s)
{
    if (w->rounds == w->room) {
        uint32_t room = w->room ? 2 * w->room : 16;
        np_study **grown = realloc(w->round, room * sizeof *grown);
        if (!grown) return false;
        w->round = grown;
        w->room = room;
    }
    w->round[w->rounds++] = s;
    return true;
}

/* Loads the trials as the points of a study. */
static bool load_round(np_advice *a, const np_advise_options *o, const np_asked *asked, uint32_t n,
                       np_trial **trial, np_points *points, np_findings *findings, np_error *e)
{
    np_arena *arena = a->work->arena;
    points->points = n;
    points->vary = np_arena_alloc(arena, n * sizeof *points->vary);
    points->loaded = np_arena_alloc(arena, n * sizeof *points->loaded);
    if (!points->vary || !points->loaded) return np_fail_memory(e, "the trials");
    for (uint32_t i = 0; i < n; i++) {
        const np_lane *l = np_lane_of(a, asked[i].candidate, asked[i].nat);
        np_trial *t = trial[i] = np_arena_alloc(arena, sizeof *t);
        if (!t) return np_fail_memory(e, "the trials");
        *t = (np_trial){.candidate = asked[i].candidate, .nat = asked[i].nat};
        if (l->rungs > 1 || a->candidate[t->candidate].key) t->interval = a->rung[asked[i].rung];
        if (!(points->loaded[i] = load_trial(a, o, t, findings, e))) return false;
    }
    points->base = points->loaded[0];
    return true;
}

static np_study *run_round(const np_advise_options *o, np_points *points, beyond *b, np_error *e)
{
    np_study *s = np_study_create(points->base, e);
    const np_study_options options = {.jobs = o->jobs, .stop = o->stop, .progress = tell_progress, .ctx = b};
    if (!s) {
        np_points_clear(points);
    } else if (!np_study_run_points(s, points, &options, e)) {
        np_study_destroy(s);
        return NULL;
    }
    return s;
}

bool np_advise_round(np_advice *a, const np_advise_options *o, const np_asked *asked, uint32_t n,
                     uint32_t outlook, np_findings *findings, np_error *e)
{
    struct np_advice_work *w = a->work;
    beyond b = {.o = o, .before = w->done, .after = outlook};
    np_points points = {0};
    np_trial **trial = np_arena_alloc(w->arena, n * sizeof *trial);
    if (!trial) return np_fail_memory(e, "the trials");
    if (!load_round(a, o, asked, n, trial, &points, findings, e)) {
        np_points_clear(&points);
        return false;
    }
    w->done += (uint64_t)n * points.base->replicas;
    np_study *s = run_round(o, &points, &b, e);
    if (!s) return false;
    if (!keep_study(w, s)) {
        np_study_destroy(s);
        return np_fail_memory(e, "the trials");
    }
    for (uint32_t i = 0; i < n; i++) {
        np_lane *l = np_lane_of(a, asked[i].candidate, asked[i].nat);
        trial[i]->column = s->point[i].column;
        l->trial[asked[i].rung] = trial[i];
        if (!judge(a, trial[i], l, asked[i].rung)) return np_fail_memory(e, "the trials");
    }
    return true;
}
