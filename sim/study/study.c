/*
 * Running a study: units = points x strategies x replicas, shared out to threads, put together in order.
 *
 *     unit u = (point * strategies + strategy) * replicas + replica
 *
 * Threads take the next number from one counter and place their result by it; everything that adds up (means,
 * merged sketches) happens afterwards in one thread and in the order of the numbers. So neither the count of
 * threads nor their luck shows in the result. A unit costs a whole simulation: the counter and the lock
 * around the progress call are not worth more thought.
 *
 * Memory: one np_result a unit until the study is destroyed, since CSV prints every replica; arrays in one
 * arena.
 */
#include "natpulse/study.h"
#include "natpulse/arena.h"
#include "warn.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct crew {
    np_study *study;
    const np_study_options *options;
    uint32_t units;
    atomic_uint next;
    pthread_mutex_t lock; /* over all below */
    uint32_t done;
    uint32_t failed_unit; /* the lowest that failed, so that the message does not depend on luck */
    bool failed;
    np_error error;
} crew;

static bool stopping(const np_study_options *o)
{
    return o->stop && *o->stop;
}

static const np_scenario *scenario_at(const np_study *s, uint32_t point)
{
    return s->loaded ? s->loaded[point] : s->scenario;
}

static void run_unit(crew *c, uint32_t unit)
{
    np_study *s = c->study;
    uint32_t replica = unit % s->replicas, strategies = s->scenario->strategies;
    uint32_t strategy = unit / s->replicas % strategies, point = unit / s->replicas / strategies;
    const np_scenario *at = scenario_at(s, point);
    np_error e = {0};
    np_result *r = np_world_run(&at->world, &at->strategy[strategy], replica, NULL, c->options->stop, &e);
    pthread_mutex_lock(&c->lock);
    if (r) {
        s->point[point].column[strategy].replica[replica] = r;
        c->done++;
        if (c->options->progress) c->options->progress(c->options->ctx, c->done, c->units);
    } else if (!c->failed || unit < c->failed_unit) {
        c->failed = true;
        c->failed_unit = unit;
        c->error = e;
    }
    pthread_mutex_unlock(&c->lock);
}

static bool has_failed(crew *c)
{
    pthread_mutex_lock(&c->lock);
    bool failed = c->failed;
    pthread_mutex_unlock(&c->lock);
    return failed;
}

static void *work(void *crew_)
{
    crew *c = crew_;
    while (!stopping(c->options) && !has_failed(c)) {
        uint32_t unit = atomic_fetch_add(&c->next, 1);
        if (unit >= c->units) break;
        run_unit(c, unit);
    }
    return NULL;
}

/* The calling thread works too, so a machine that grants no threads still gets there. */
static bool run_units(np_study *s, const np_study_options *o, uint32_t units, np_error *e)
{
    crew c = {.study = s, .options = o, .units = units, .lock = PTHREAD_MUTEX_INITIALIZER};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t jobs = o->jobs ? o->jobs : cores > 0 ? (uint32_t)cores : 1;
    if (jobs > units) jobs = units;
    uint32_t helpers = 0;
    pthread_t *helper = calloc(jobs, sizeof *helper);
    while (helper && helpers + 1 < jobs && pthread_create(&helper[helpers], NULL, work, &c) == 0) helpers++;
    work(&c);
    for (uint32_t i = 0; i < helpers; i++) pthread_join(helper[i], NULL);
    free(helper);
    if (c.done < units && stopping(o)) {
        return np_fail(e, NP_TROUBLE_RUN, "stopped after %u of %u runs; nothing was written", c.done, units);
    }
    if (c.failed && e) *e = c.error;
    return !c.failed;
}

/* ---- putting it together ---- */

static void estimate(np_study *s, const np_column *first, np_column *c, double *scratch)
{
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        for (uint32_t r = 0; r < s->replicas; r++) scratch[r] = c->replica[r]->value[m];
        c->value[m] = np_estimate_of(scratch, s->replicas);
        for (uint32_t r = 0; r < s->replicas; r++) scratch[r] -= first->replica[r]->value[m];
        c->versus_first[m] = np_estimate_of(scratch, s->replicas);
    }
    for (int i = 0; i < NP_SERIES_POINTS; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < s->replicas; r++) sum += c->replica[r]->occupancy[i];
        c->occupancy[i] = sum / s->replicas;
    }
    for (uint32_t r = 0; r < s->replicas; r++) s->packet_events += c->replica[r]->packet_events;
}

static bool merge(const np_study *s, np_column *c)
{
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        for (uint32_t r = 0; r < s->replicas; r++) {
            const np_quantile *one = c->replica[r]->spread[d];
            if (!one) continue;
            if (!c->spread[d]) c->spread[d] = np_quantile_create();
            if (!c->spread[d] || !np_quantile_merge(c->spread[d], one)) return false;
        }
    }
    return true;
}

static bool conclude(np_study *s, np_error *e)
{
    double *scratch = np_arena_alloc(s->arena, s->replicas * sizeof *scratch);
    if (!scratch) return np_fail_memory(e, "the estimates");
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            np_column *column = &s->point[p].column[c];
            estimate(s, &s->point[p].column[0], column, scratch);
            if (!merge(s, column)) return np_fail_memory(e, "the merged distributions");
        }
    }
    np_study_warn(s);
    return true;
}

/* ---- setting out ---- */

static bool load_point(np_study *s, const np_study_options *o, uint32_t p, np_findings *findings, np_error *e)
{
    const np_scenario *base = s->scenario;
    np_override *all = np_arena_alloc(s->arena, (o->sets + base->varied) * sizeof *all);
    if (!all) return np_fail_memory(e, "the points of the grid");
    for (uint32_t i = 0; i < o->sets; i++) all[i] = o->set[i];
    s->point[p].vary = all + o->sets;
    np_scenario_point(base, p, s->point[p].vary);
    s->loaded[p] = np_scenario_load(o->path, all, o->sets + base->varied, findings, e);
    if (!s->loaded[p]) return false;
    if (s->loaded[p]->strategies != base->strategies) {
        return np_fail(e, NP_TROUBLE_USAGE, "%s: the scenario changed while it was read", o->path);
    }
    return true;
}

static bool set_out(np_study *s, const np_study_options *o, np_findings *findings, np_error *e)
{
    const np_scenario *base = s->scenario;
    s->point = np_arena_alloc(s->arena, s->points * sizeof *s->point);
    if (base->varied > 0) {
        assert(o->path);
        s->loaded = np_arena_alloc(s->arena, s->points * sizeof *s->loaded);
        if (!s->loaded) return np_fail_memory(e, "the points of the grid");
    }
    if (!s->point) return np_fail_memory(e, "the points of the grid");
    for (uint32_t p = 0; p < s->points; p++) {
        if (base->varied > 0 && !load_point(s, o, p, findings, e)) return false;
        s->point[p].digest = scenario_at(s, p)->digest;
        np_column *column = np_arena_alloc(s->arena, base->strategies * sizeof *column);
        if (!column) return np_fail_memory(e, "the columns");
        s->point[p].column = column;
        for (uint32_t c = 0; c < base->strategies; c++) {
            column[c].strategy = scenario_at(s, p)->strategy[c].name;
            column[c].replica = np_arena_alloc(s->arena, s->replicas * sizeof *column[c].replica);
            if (!column[c].replica) return np_fail_memory(e, "the replicas");
        }
    }
    return true;
}

np_study *np_study_run(const np_scenario *scenario, const np_study_options *o, np_findings *findings,
                       np_error *e)
{
    assert(scenario->replicas > 0 && scenario->strategies > 0);
    np_study *s = calloc(1, sizeof *s);
    if (s) s->arena = np_arena_create();
    if (!s || !s->arena) {
        free(s);
        np_fail_memory(e, "the study");
        return NULL;
    }
    s->scenario = scenario;
    s->replicas = scenario->replicas;
    uint64_t points = np_scenario_points(scenario), units = points * scenario->strategies;
    s->points = (uint32_t)points;
    if (units > UINT32_MAX / 2 / s->replicas) { /* half: every thread may count one past the end */
        np_fail(e, NP_TROUBLE_USAGE, "%s: %llu points and strategies times %u replicas are too many runs",
                scenario->name, (unsigned long long)units, s->replicas);
    } else if (set_out(s, o, findings, e) && run_units(s, o, (uint32_t)units * s->replicas, e) &&
               conclude(s, e)) {
        return s;
    }
    np_study_destroy(s);
    return NULL;
}

static void destroy_column(const np_study *s, np_column *c)
{
    for (uint32_t r = 0; c->replica && r < s->replicas; r++) {
        if (c->replica[r]) np_result_destroy(c->replica[r]);
    }
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        if (c->spread[d]) np_quantile_destroy(c->spread[d]);
    }
}

void np_study_destroy(np_study *s)
{
    if (!s) return;
    for (uint32_t p = 0; s->point && p < s->points; p++) {
        for (uint32_t c = 0; s->point[p].column && c < s->scenario->strategies; c++) {
            destroy_column(s, &s->point[p].column[c]);
        }
        if (s->loaded && s->loaded[p]) np_scenario_destroy(s->loaded[p]);
    }
    np_arena_destroy(s->arena);
    free(s);
}
