/*
 * What figures and pages need, from a study in memory: how a results database is read.
 */
#include "natpulse/results_db.h"
#include "results.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define CURVE_POINTS 200 /* finer than a figure shows */

/* [value, share of all observations at or below it], as the JSON document has it. */
static bool read_curve(np_arena *a, const np_quantile *q, np_read_spread *to)
{
    double value[CURVE_POINTS], share[CURVE_POINTS];
    size_t n = np_quantile_curve(q, CURVE_POINTS, value, share);
    if (n == 0) return true;
    to->curve = np_arena_alloc(a, n * sizeof *to->curve);
    if (!to->curve) return false;
    double all = to->count + to->never;
    for (size_t i = 0; i < n; i++) to->curve[i] = (np_xy){value[i], share[i] * to->count / all};
    to->points = (uint32_t)n;
    return true;
}

static bool read_spread(np_arena *a, const np_quantile *q, np_read_spread *to)
{
    *to = (np_read_spread){.p50 = np_quantile_at(q, 0.50),
                           .p95 = np_quantile_at(q, 0.95),
                           .p99 = np_quantile_at(q, 0.99),
                           .max = np_quantile_max(q),
                           .count = (double)np_quantile_count(q),
                           .never = (double)np_quantile_censored(q)};
    return read_curve(a, q, to);
}

static bool read_strategy(np_arena *a, const np_column *from, bool first, np_read_strategy *to)
{
    np_results_unknown(to);
    to->name = np_arena_text(a, from->strategy);
    to->entries = np_arena_alloc(a, NP_SERIES_POINTS * sizeof *to->entries);
    if (!to->name || !to->entries) return false;
    memcpy(to->value, from->value, sizeof to->value);
    if (!first) memcpy(to->versus_first, from->versus_first, sizeof to->versus_first);
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        if (from->spread[d] && !read_spread(a, from->spread[d], &to->spread[d])) return false;
    }
    for (int i = 0; i < NP_SERIES_POINTS; i++) {
        if (isfinite(from->occupancy[i]))
            to->entries[to->entry_points++] = (np_xy){(double)(i + 1) / NP_SERIES_POINTS, from->occupancy[i]};
    }
    return true;
}

static bool read_point(np_results *r, const np_study *s, uint32_t p, np_read_point *to)
{
    const np_world_config *w = s->loaded ? &s->loaded[p]->world : &s->scenario->world;
    *to = (np_read_point){.replicas = s->point[p].column[0].replicas,
                          .capacity = w->nat[0].capacity,
                          .duration_s = np_seconds(w->duration),
                          .warmup_s = np_seconds(w->warmup),
                          .strategies = s->scenario->strategies};
    to->strategy = np_arena_alloc(r->arena, to->strategies * sizeof *to->strategy);
    to->value = np_arena_alloc(r->arena, (r->varied + 1) * sizeof *to->value);
    if (!to->strategy || !to->value) return false;
    for (uint32_t v = 0; v < r->varied; v++) {
        to->value[v] = np_arena_text(r->arena, s->point[p].vary[v].value);
        if (!to->value[v]) return false;
    }
    for (uint32_t c = 0; c < to->strategies; c++) {
        if (!read_strategy(r->arena, &s->point[p].column[c], c == 0, &to->strategy[c])) return false;
    }
    return np_results_name_point(r, to);
}

static bool read_remarks(np_results *r, const np_study *s)
{
    char text[240];
    for (uint32_t p = 0; p < s->points; p++)
        for (uint32_t g = 0; g < s->scenario->precision.goals; g++) {
            np_reach_text(text, sizeof text, s, p, g);
            if (!np_results_remark(r, &r->precision, r->point[p].vary, text)) return false;
        }
    for (uint32_t w = 0; w < s->warnings; w++) {
        if (!np_results_remark(r, &r->warning, np_warning_name(s->warned[w].which), s->warned[w].text))
            return false;
    }
    return true;
}

static bool read_head(np_results *r, const np_study *s)
{
    const np_scenario *from = s->scenario;
    r->scenario = np_arena_text(r->arena, from->name);
    r->about = np_arena_text(r->arena, from->about);
    r->version = np_arena_text(r->arena, s->version);
    r->digest = np_arena_text(r->arena, from->digest);
    r->seed = np_arena_format(r->arena, "%" PRIu64, from->world.seed);
    r->yaml = np_arena_text(r->arena, s->yaml ? s->yaml : "");
    r->replicas = s->replicas;
    r->path = np_arena_alloc(r->arena, (from->varied + 1) * sizeof *r->path);
    r->point = np_arena_alloc(r->arena, s->points * sizeof *r->point);
    if (!r->scenario || !r->about || !r->version || !r->digest || !r->seed || !r->yaml || !r->path ||
        !r->point)
        return false;
    for (; r->varied < from->varied; r->varied++) {
        r->path[r->varied] = np_arena_text(r->arena, from->vary[r->varied].path);
        if (!r->path[r->varied]) return false;
    }
    return true;
}

bool np_results_read_db(const char *path, np_results *out, np_error *e)
{
    np_study *s = np_results_load(path, e);
    if (!s) return false;
    bool ok = read_head(out, s);
    for (uint32_t p = 0; ok && p < s->points; p++) ok = read_point(out, s, p, &out->point[p]);
    ok = ok && read_remarks(out, s);
    if (ok) out->points = s->points;
    np_study_destroy(s);
    return ok || np_fail_memory(e, "the results");
}
