/*
 * Running a study in memory: the points of the grid, a plan of the runs, a crew that does them, and what
 * np_study_conclude makes of it.
 *
 * Runs end in any order; `each` hears of them in the plan's order, so that what is streamed does not depend
 * on threads: a run is told as soon as all before it have been.
 */
#include "natpulse/study.h"
#include "conclude.h"
#include "crew.h"
#include <assert.h>

typedef struct running {
    np_study *study;
    np_plan *plan;
    const np_points *points;
    const np_study_options *options;
    np_study_unit told; /* the next for `each` */
} running;

static bool tell(running *r, np_error *e)
{
    const np_study *s = r->study;
    uint32_t strategies = s->scenario->strategies;
    for (np_study_unit *u = &r->told; r->options->each && u->point < s->points;) {
        const np_column *c = &s->point[u->point].column[u->strategy];
        if (u->replica == np_plan_replicas(r->plan, u->point)) {
            if (!np_plan_settled(r->plan, u->point)) break;
            *u = (np_study_unit){.point = u->point + 1};
            continue;
        }
        if (u->replica >= c->room || !c->replica[u->replica]) break;
        const np_finished f = {.point = u->point,
                               .replica = u->replica,
                               .strategy = c->strategy,
                               .vary = s->point[u->point].vary,
                               .varied = s->scenario->varied,
                               .result = c->replica[u->replica]};
        if (!r->options->each(r->options->each_ctx, &f, e)) return false;
        if (++u->strategy < strategies) continue;
        u->strategy = 0;
        u->replica++;
    }
    return true;
}

static bool keep(void *ctx, np_study_unit u, np_result *result, np_error *e)
{
    running *r = ctx;
    if (!np_study_place(&r->study->point[u.point].column[u.strategy], u.replica, result))
        return np_fail_memory(e, "the replicas");
    return tell(r, e);
}

static bool run_all(running *r, np_error *e)
{
    const np_study_options *o = r->options;
    const np_crew_config config = {
        .plan = r->plan,
        .points = r->points,
        .stop = o->stop,
        .keep = keep,
        .keep_ctx = r,
        .progress = o->progress,
        .progress_ctx = o->ctx,
    };
    np_crew *crew = np_crew_create(&config, e);
    if (!crew) return false;
    uint64_t units = np_plan_units(r->plan);
    uint32_t threads = np_crew_threads(o->jobs);
    if (threads > units) threads = (uint32_t)units;
    np_crew_start(crew, threads - 1); /* the caller works too: a machine that grants no threads gets there */
    np_crew_work(crew);
    bool stopped, over = np_crew_destroy(crew, &stopped, e);
    if (stopped) {
        np_fail(e, NP_TROUBLE_RUN, "stopped after %llu of %llu runs%s",
                (unsigned long long)np_plan_units_done(r->plan), (unsigned long long)np_plan_units(r->plan),
                o->each ? "" : "; nothing was written");
    }
    return over && tell(r, e);
}

static bool set_out(np_study *s, const np_points *points, np_error *e)
{
    if (!np_study_lay_out(s, points->points, e)) return false;
    s->loaded = points->loaded;
    for (uint32_t p = 0; p < s->points; p++) {
        const np_scenario *at = np_points_at(points, p);
        s->point[p].vary = points->vary[p];
        s->point[p].digest = at->digest;
        for (uint32_t c = 0; c < at->strategies; c++) s->point[p].column[c].strategy = at->strategy[c].name;
    }
    return true;
}

static bool run_study(np_study *s, const np_points *points, const np_study_options *o, np_error *e)
{
    const np_scenario *base = s->scenario;
    running r = {.study = s, .points = points, .options = o};
    r.plan = np_plan_create(s->points, base->strategies, base->replicas, &base->precision);
    if (!r.plan) return np_fail_memory(e, "the plan");
    bool ok = run_all(&r, e);
    for (uint32_t p = 0; ok && p < s->points; p++) {
        for (uint32_t c = 0; c < base->strategies; c++)
            s->point[p].column[c].replicas = np_plan_replicas(r.plan, p);
    }
    np_plan_destroy(r.plan);
    return ok && np_study_conclude(s, e);
}

bool np_study_run_points(np_study *s, np_points *points, const np_study_options *o, np_error *e)
{
    if (set_out(s, points, e)) return run_study(s, points, o, e);
    if (!s->loaded) np_points_clear(points);
    return false;
}

np_study *np_study_run(const np_scenario *scenario, const np_study_options *o, np_findings *findings,
                       np_error *e)
{
    assert(scenario->replicas > 0 && scenario->strategies > 0);
    np_study *s = np_study_create(scenario, e);
    if (!s) return NULL;
    np_points points;
    if (!np_points_load(&points, scenario, o->path, o->set, o->sets, s->arena, findings, e)) {
        np_points_clear(&points);
    } else if (np_study_run_points(s, &points, o, e)) {
        return s;
    }
    np_study_destroy(s);
    return NULL;
}
