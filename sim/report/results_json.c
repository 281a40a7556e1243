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

static np_estimate estimate_of(const json_t *metric, const char *member)
{
    const json_t *interval = json_object_get(metric, "ci95");
    np_estimate e = {.mean = number_of(json_object_get(metric, member)),
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

static bool read_spread(const reader *r, const json_t *metrics, const json_t *curves, np_spread d,
                        np_read_spread *to)
{
    const char *key = np_spread_about(d)->key;
    const json_t *from = json_object_get(metrics, key);
    double count = number_of(json_object_get(from, "count")),
           never = number_of(json_object_get(from, "censored"));
    *to = (np_read_spread){.p50 = number_of(json_object_get(from, "p50")),
                           .p95 = number_of(json_object_get(from, "p95")),
                           .p99 = number_of(json_object_get(from, "p99")),
                           .max = number_of(json_object_get(from, "max")),
                           .count = count > 0 ? count : 0,
                           .never = never > 0 ? never : 0};
    return read_curve(r, json_object_get(curves, key), &to->curve, &to->points);
}

static bool read_strategy(const reader *r, const json_t *from, np_read_strategy *to)
{
    const char *name = json_string_value(json_object_get(from, "name"));
    const json_t *metrics = json_object_get(from, "metrics"), *curves = json_object_get(from, "curves"),
                 *versus = json_object_get(from, "versus_first");
    if (!name || !json_is_object(metrics)) return damaged(r, "a strategy without name or metrics");
    np_results_unknown(to);
    to->name = np_arena_text(r->out->arena, name);
    if (!to->name) return memory(r);
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        const char *key = np_metric_about((np_metric)m)->key;
        to->value[m] = estimate_of(json_object_get(metrics, key), "mean");
        to->versus_first[m] = estimate_of(json_object_get(versus, key), "mean_difference");
    }
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        if (!read_spread(r, metrics, curves, (np_spread)d, &to->spread[d])) return false;
    }
    const json_t *entries = json_object_get(json_object_get(from, "series"), "nat_entries");
    return read_curve(r, entries, &to->entries, &to->entry_points);
}

/* The paths are those of the first point. */
static bool read_paths(const reader *r, json_t *vary)
{
    np_results *o = r->out;
    const char *path;
    json_t *value;
    o->path = np_arena_alloc(o->arena, (json_object_size(vary) + 1) * sizeof *o->path);
    if (!o->path) return memory(r);
    json_object_foreach(vary, path, value)
    {
        o->path[o->varied] = np_arena_text(o->arena, path);
        if (!o->path[o->varied++]) return memory(r);
    }
    return true;
}

static bool read_vary(const reader *r, const json_t *vary, np_read_point *to)
{
    np_results *o = r->out;
    if (json_object_size(vary) != o->varied)
        return damaged(r, "points that vary in other paths than the first");
    to->value = np_arena_alloc(o->arena, (o->varied + 1) * sizeof *to->value);
    if (!to->value) return memory(r);
    for (uint32_t v = 0; v < o->varied; v++) {
        const char *value = json_string_value(json_object_get(vary, o->path[v]));
        if (!value) return damaged(r, "a varied value that is no text, or missing");
        to->value[v] = np_arena_text(o->arena, value);
        if (!to->value[v]) return memory(r);
    }
    return np_results_name_point(o, to) || memory(r);
}

static bool read_point(const reader *r, const json_t *from, np_read_point *to)
{
    const json_t *strategies = json_object_get(from, "strategies");
    double replicas = number_of(json_object_get(from, "replicas"));
    size_t n = json_array_size(strategies);
    if (n == 0) return damaged(r, "a point without strategies");
    to->replicas = replicas > 0 && replicas < UINT32_MAX ? (uint32_t)replicas : 0;
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

/* A list of objects, of each of which two texts are kept; "" for one that is missing. */
static bool read_remarks(const reader *r, const json_t *list, const char *name, np_remarks *to)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        const char *of = json_string_value(json_object_get(one, name)),
                   *text = json_string_value(json_object_get(one, "text"));
        if (text && !np_results_remark(r->out, to, of ? of : "", text)) return memory(r);
    }
    return true;
}

/* A text, or a whole number as text; "" for what is neither or missing. */
static const char *text_of(const reader *r, const json_t *root, const char *key)
{
    const json_t *v = json_object_get(root, key);
    if (json_is_integer(v)) return np_arena_format(r->out->arena, "%lld", (long long)json_integer_value(v));
    const char *text = json_string_value(v);
    return np_arena_text(r->out->arena, text ? text : "");
}

static bool read_head(const reader *r, const json_t *root)
{
    np_results *o = r->out;
    double replicas = number_of(json_object_get(root, "replicas"));
    o->scenario = text_of(r, root, "scenario");
    o->about = text_of(r, root, "about");
    o->version = text_of(r, root, "natpulse");
    o->digest = text_of(r, root, "digest");
    o->seed = text_of(r, root, "seed");
    o->yaml = text_of(r, root, "yaml");
    o->replicas = replicas > 0 && replicas < UINT32_MAX ? (uint32_t)replicas : 0;
    return (o->scenario && o->about && o->version && o->digest && o->seed && o->yaml) || memory(r);
}

static bool read_all(const reader *r, const json_t *root)
{
    np_results *o = r->out;
    const json_t *points = json_object_get(root, "points");
    size_t n = json_array_size(points);
    if (n == 0) return damaged(r, "no points");
    o->point = np_arena_alloc(o->arena, n * sizeof *o->point);
    if (!o->point) return memory(r);
    if (!read_head(r, root) || !read_paths(r, json_object_get(json_array_get(points, 0), "vary")))
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *point = json_array_get(points, i);
        if (!read_point(r, point, &o->point[i])) return false;
        size_t k;
        json_t *goal;
        json_array_foreach(json_object_get(point, "precision"), k, goal)
        {
            const char *text = json_string_value(json_object_get(goal, "text"));
            if (text && !np_results_remark(o, &o->precision, o->point[i].vary, text)) return memory(r);
        }
    }
    o->points = (uint32_t)n;
    return read_remarks(r, json_object_get(root, "expect"), "expect", &o->expect) &&
           read_remarks(r, json_object_get(root, "warnings"), "name", &o->warning);
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
    bool ok = read_all(&r, root);
    json_decref(root);
    return ok;
}
