/*
 * The sweep: the plan less what the database has, a crew, and a transaction for each run.
 *
 * The plan alone decides what is to be done, from the scenario and the runs that are there; how often a sweep
 * was stopped, by whom its runs were done and in which order they came shows nowhere in the rows.
 */
#include "natpulse/sweep.h"
#include "db.h"
#include "hands.h"
#include <stdlib.h>

typedef struct sweep {
    const np_study_options *options;
    np_points points;
    np_plan *plan;
    np_db db;
} sweep;

static bool keep(void *ctx, np_study_unit u, np_result *r, np_error *e)
{
    sweep *s = ctx;
    const np_study_options *o = s->options;
    bool ok = np_db_put(&s->db, u, r, e);
    if (ok && o->each) {
        const np_finished f = {.point = u.point,
                               .replica = u.replica,
                               .strategy = np_points_at(&s->points, u.point)->strategy[u.strategy].name,
                               .vary = s->points.vary[u.point],
                               .varied = s->points.base->varied,
                               .result = r};
        ok = o->each(o->each_ctx, &f, e);
    }
    np_result_destroy(r);
    return ok;
}

static bool run_all(sweep *s, np_error *e)
{
    const np_study_options *o = s->options;
    const np_crew_config config = {
        .plan = s->plan,
        .points = &s->points,
        .stop = o->stop,
        .keep = keep,
        .keep_ctx = s,
        .progress = o->progress,
        .progress_ctx = o->ctx,
    };
    np_crew *crew = np_crew_create(&config, e);
    if (!crew) return false;
    if (np_ranks_count() > 1) {
        np_crew_start(crew, o->jobs ? o->jobs : 1);
        np_ranks_serve(crew, s->points.base->digest, o->notice, o->notice_ctx);
    } else {
        np_crew_start(crew, np_crew_threads(o->jobs) - 1);
    }
    np_crew_work(crew); /* with ranks nothing is left, unless they could not be served */
    bool stopped, over = np_crew_destroy(crew, &stopped, e);
    if (stopped)
        np_fail(e, NP_TROUBLE_RUN, "stopped with %llu of %llu runs in %s; the same command does the others",
                (unsigned long long)np_plan_units_done(s->plan), (unsigned long long)np_plan_units(s->plan),
                s->db.path);
    return over;
}

static bool sweep_into(sweep *s, const char *results, np_sweep_outcome *out, np_error *e)
{
    const np_scenario *base = s->points.base;
    s->plan = np_plan_create(s->points.points, base->strategies, base->replicas, &base->precision);
    if (!s->plan) return np_fail_memory(e, "the plan");
    if (!np_db_open(&s->db, results, np_ranks_count() > 1 ? NP_DB_SHARED : NP_DB_WRITE, e) ||
        !np_db_begin_study(&s->db, &s->points, e) || !np_db_fill_plan(&s->db, s->plan, &base->precision, e))
        return false;
    out->before = np_plan_units_done(s->plan);
    bool ok = np_plan_over(s->plan) || run_all(s, e);
    out->done = np_plan_units_done(s->plan);
    out->all = np_plan_units(s->plan);
    return ok;
}

bool np_sweep_run(const np_scenario *scenario, const char *results, const np_study_options *o,
                  np_sweep_outcome *out, np_findings *findings, np_error *e)
{
    sweep s = {.options = o};
    *out = (np_sweep_outcome){0};
    np_arena *arena = np_arena_create();
    if (!arena) return np_fail_memory(e, "the sweep");
    bool ok = np_points_load(&s.points, scenario, o->path, o->set, o->sets, arena, findings, e);
    if (results) {
        ok = ok && sweep_into(&s, results, out, e);
        np_db_close(&s.db);
        np_plan_destroy(s.plan);
    } else if (ok) {
        np_ranks_assist(&s.points, o->stop);
    } else {
        np_ranks_decline(e);
    }
    np_points_clear(&s.points);
    np_arena_destroy(arena);
    return ok;
}

void np_sweep_decline(const np_error *e)
{
    np_ranks_decline(e);
}
