/*
 * What figures need, from a study in memory: how a results database is drawn.
 */
#include "natpulse/results_db.h"
#include "results.h"
#include <math.h>
#include <string.h>

#define CURVE_POINTS 200 /* finer than a figure shows */

/* [value, share of all observations at or below it], as the JSON document has it. */
static bool read_curve(np_arena *a, const np_quantile *q, np_xy **curve, uint32_t *points)
{
    double value[CURVE_POINTS], share[CURVE_POINTS];
    size_t n = np_quantile_curve(q, CURVE_POINTS, value, share);
    double seen = (double)np_quantile_count(q), all = seen + (double)np_quantile_censored(q);
    if (n == 0) return true;
    *curve = np_arena_alloc(a, n * sizeof **curve);
    if (!*curve) return false;
    for (size_t i = 0; i < n; i++) (*curve)[i] = (np_xy){value[i], share[i] * seen / all};
    *points = (uint32_t)n;
    return true;
}

static bool read_strategy(np_arena *a, const np_column *from, np_read_strategy *to)
{
    to->name = np_arena_text(a, from->strategy);
    to->entries = np_arena_alloc(a, NP_SERIES_POINTS * sizeof *to->entries);
    if (!to->name || !to->entries) return false;
    for (int d = 0; d < NP_DRAWN_COUNT; d++) to->value[d] = from->value[np_drawn_metric[d]];
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        const np_quantile *q = from->spread[d];
        if (!q) continue;
        to->never[d] = (double)np_quantile_censored(q);
        if (!read_curve(a, q, &to->curve[d], &to->points[d])) return false;
    }
    for (int i = 0; i < NP_SERIES_POINTS; i++) {
        if (isfinite(from->occupancy[i]))
            to->entries[to->entry_points++] = (np_xy){(double)(i + 1) / NP_SERIES_POINTS, from->occupancy[i]};
    }
    return true;
}

static bool read_point(np_arena *a, const np_study *s, uint32_t p, np_read_point *to)
{
    const np_world_config *w = s->loaded ? &s->loaded[p]->world : &s->scenario->world;
    *to = (np_read_point){.vary = "",
                          .capacity = w->nat[0].capacity,
                          .duration_s = np_seconds(w->duration),
                          .warmup_s = np_seconds(w->warmup),
                          .strategies = s->scenario->strategies};
    to->strategy = np_arena_alloc(a, to->strategies * sizeof *to->strategy);
    for (uint32_t v = 0; to->vary && v < s->scenario->varied; v++) {
        const np_override *o = &s->point[p].vary[v];
        to->vary = np_arena_format(a, "%s%s%s = %s", to->vary, *to->vary ? ", " : "", o->path, o->value);
    }
    if (!to->strategy || !to->vary) return false;
    for (uint32_t c = 0; c < to->strategies; c++) {
        if (!read_strategy(a, &s->point[p].column[c], &to->strategy[c])) return false;
    }
    return true;
}

bool np_results_read_db(const char *path, np_results *out, np_error *e)
{
    np_study *s = np_results_load(path, e);
    if (!s) return false;
    out->scenario = np_arena_text(out->arena, s->scenario->name);
    out->point = np_arena_alloc(out->arena, s->points * sizeof *out->point);
    bool ok = out->scenario && out->point;
    for (uint32_t p = 0; ok && p < s->points; p++) ok = read_point(out->arena, s, p, &out->point[p]);
    if (ok) out->points = s->points;
    np_study_destroy(s);
    return ok || np_fail_memory(e, "the results");
}
