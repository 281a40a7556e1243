/*
 * The JSON document read back. Jansson does the grammar; here every value is checked for its kind before it
 * is used, and what a figure can do without may be missing.
 */
#include "results.h"
#include <jansson.h>
#include <math.h>

#define POINTS_MOST 100000 /* of one curve: a file that claims more is none of ours */

typedef struct reader {
    const char *path;
    np_results *out;
    np_error *e;
} reader;

static bool damaged(const reader *r, const char *what)
{
    return np_fail(r->e, NP_TROUBLE_INPUT, "%s: not a natpulse result: %s", r->path, what);
}

static bool memory(const reader *r)
{
    return np_fail_memory(r->e, "the results");
}

static double number_of(const json_t *v)
{
    return json_is_number(v) && isfinite(json_number_value(v)) ? json_number_value(v) : NAN;
}

static np_estimate estimate_of(const json_t *metric)
{
    const json_t *interval = json_object_get(metric, "ci95");
    np_estimate e = {.mean = number_of(json_object_get(metric, "mean")),
                     .low = number_of(json_array_get(interval, 0)),
                     .high = number_of(json_array_get(interval, 1))};
    e.n = isnan(e.mean) ? 0U : 1U;
    return e;
}

/* [[x, y]...], or [y...] with x from 1/n to 1. */
static bool read_curve(const reader *r, const json_t *list, np_xy **curve, uint32_t *points)
{
    size_t n = json_array_size(list);
    if (n == 0) return true;
    if (n > POINTS_MOST) return damaged(r, "a curve of too many points");
    *curve = np_arena_alloc(r->out->arena, n * sizeof **curve);
    if (!*curve) return memory(r);
    for (size_t i = 0; i < n; i++) {
        const json_t *at = json_array_get(list, i);
        np_xy xy = {.x = (double)(i + 1) / (double)n, .y = number_of(at)};
        if (json_is_array(at))
            xy = (np_xy){number_of(json_array_get(at, 0)), number_of(json_array_get(at, 1))};
        if (isnan(xy.x) || isnan(xy.y)) continue;
        (*curve)[(*points)++] = xy;
    }
    return true;
}

static bool read_strategy(const reader *r, const json_t *from, np_read_strategy *to)
{
    const char *name = json_string_value(json_object_get(from, "name"));
    const json_t *metrics = json_object_get(from, "metrics"), *curves = json_object_get(from, "curves");
    if (!name || !json_is_object(metrics)) return damaged(r, "a strategy without name or metrics");
    to->name = np_arena_text(r->out->arena, name);
    if (!to->name) return memory(r);
    for (int d = 0; d < NP_DRAWN_COUNT; d++) {
        to->value[d] = estimate_of(json_object_get(metrics, np_metric_about(np_drawn_metric[d])->key));
    }
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        const char *key = np_spread_about((np_spread)d)->key;
        const json_t *list = json_object_get(curves, key);
        double never = number_of(json_object_get(json_object_get(metrics, key), "censored"));
        to->never[d] = never > 0 ? never : 0;
        if (!read_curve(r, list, &to->curve[d], &to->points[d])) return false;
    }
    const json_t *entries = json_object_get(json_object_get(from, "series"), "nat_entries");
    return read_curve(r, entries, &to->entries, &to->entry_points);
}

static bool read_vary(const reader *r, json_t *vary, np_read_point *to)
{
    const char *path;
    json_t *value;
    to->vary = "";
    json_object_foreach(vary, path, value)
    {
        const char *text = json_string_value(value);
        if (!text) return damaged(r, "a varied value that is no text");
        to->vary = np_arena_format(r->out->arena, "%s%s%s = %s", to->vary, *to->vary ? ", " : "", path, text);
        if (!to->vary) return memory(r);
    }
    return true;
}

static bool read_point(const reader *r, const json_t *from, np_read_point *to)
{
    const json_t *strategies = json_object_get(from, "strategies");
    size_t n = json_array_size(strategies);
    if (n == 0) return damaged(r, "a point without strategies");
    to->capacity = number_of(json_object_get(from, "nat_capacity"));
    to->duration_s = number_of(json_object_get(from, "duration_s"));
    to->warmup_s = number_of(json_object_get(from, "warmup_s"));
    to->strategy = np_arena_alloc(r->out->arena, n * sizeof *to->strategy);
    if (!to->strategy) return memory(r);
    to->strategies = (uint32_t)n;
    if (!read_vary(r, json_object_get(from, "vary"), to)) return false;
    for (size_t i = 0; i < n; i++) {
        if (!read_strategy(r, json_array_get(strategies, i), &to->strategy[i])) return false;
    }
    return true;
}

bool np_results_read_json(const char *path, np_results *out, np_error *e)
{
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why);
    if (!root) {
        return why.line > 0
                   ? np_fail(e, NP_TROUBLE_INPUT, "%s:%d:%d: %s", path, why.line, why.column, why.text)
                   : np_fail(e, NP_TROUBLE_INPUT, "%s", why.text);
    }
    const reader r = {.path = path, .out = out, .e = e};
    const json_t *points = json_object_get(root, "points");
    const char *scenario = json_string_value(json_object_get(root, "scenario"));
    size_t n = json_array_size(points);
    bool ok = n > 0 || damaged(&r, "no points");
    if (ok) {
        out->scenario = np_arena_text(out->arena, scenario ? scenario : "");
        out->point = np_arena_alloc(out->arena, n * sizeof *out->point);
        ok = (out->scenario && out->point) || memory(&r);
    }
    for (size_t i = 0; ok && i < n; i++) ok = read_point(&r, json_array_get(points, i), &out->point[i]);
    if (ok) out->points = (uint32_t)n;
    json_decref(root);
    return ok;
}
