/*
 * JSON: one document for programs; JSON lines: a line for each run, by point, replica and strategy, between a
 * line about the study and a line with its precision, expectations and warnings.
 *
 * Objects keep the order they are built in, and reals have 15 digits, so equal studies give equal bytes. The
 * document is laid out so that people can find things: what is small or a list of numbers stands on one line.
 */
#include "json.h"
#include "writers.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REALS        JSON_REAL_PRECISION(15)
#define CURVE_POINTS 200 /* of a distribution function: finer than a figure shows */

/* json_real refuses NaN. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Text that is no UTF-8 (a file name may be) keeps its ASCII. */
static json_t *text(const char *s)
{
    json_t *t = json_string(s);
    if (t) return t;
    char plain[256];
    size_t n = 0;
    for (; s[n] && n + 1 < sizeof plain; n++) plain[n] = (unsigned char)s[n] < 0x80 ? s[n] : '?';
    plain[n] = 0;
    return json_string(plain);
}

/* What cannot be said in JSON's integers, whose readers take a signed 64-bit or less, is said in text. */
static json_t *whole(uint64_t n)
{
    if (n <= INT64_MAX) return json_integer((json_int_t)n);
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    return json_string(digits);
}

static json_t *interval(const np_estimate *e)
{
    return isfinite(e->low) ? json_pack("[ff]", e->low, e->high) : json_null();
}

static json_t *metrics_of(const np_column *c)
{
    json_t *all = json_object();
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        const np_estimate *e = &c->value[m];
        json_t *one =
            isnan(e->mean) ? json_null() : json_pack("{s:f, s:o}", "mean", e->mean, "ci95", interval(e));
        json_object_set_new(all, np_metric_about((np_metric)m)->key, one);
    }
    return all;
}

static json_t *spread_of(const np_quantile *q)
{
    if (!q) return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "p50", number(np_quantile_at(q, 0.50)), "p95",
                     number(np_quantile_at(q, 0.95)), "p99", number(np_quantile_at(q, 0.99)), "max",
                     number(np_quantile_max(q)), "count", (json_int_t)np_quantile_count(q), "censored",
                     (json_int_t)np_quantile_censored(q));
}

static void add_spreads(json_t *all, np_quantile *const *spread)
{
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        json_object_set_new(all, np_spread_about((np_spread)d)->key, spread_of(spread[d]));
    }
}

static json_t *versus_first(const np_column *c, bool first)
{
    json_t *all = json_object();
    for (int m = 0; m < NP_METRIC_COUNT && !first; m++) {
        const np_estimate *e = &c->versus_first[m];
        json_t *one = isnan(e->mean)
                          ? json_null()
                          : json_pack("{s:f, s:o}", "mean_difference", e->mean, "ci95", interval(e));
        json_object_set_new(all, np_metric_about((np_metric)m)->key, one);
    }
    return all;
}

/* [value, share of all observations at or below it]: a curve that ends below 1 is short of the censored ones.
 */
static json_t *curve_of(const np_quantile *q)
{
    if (!q) return json_null();
    double value[CURVE_POINTS], share[CURVE_POINTS], seen = (double)np_quantile_count(q);
    double known = seen > 0 ? seen / (seen + (double)np_quantile_censored(q)) : 0;
    size_t n = np_quantile_curve(q, CURVE_POINTS, value, share);
    json_t *curve = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(curve, json_pack("[ff]", value[i], share[i] * known));
    return curve;
}

static json_t *strategy_of(const np_column *c, bool first)
{
    json_t *metrics = np_json_metrics(c), *curves = json_object(), *entries = json_array();
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        json_object_set_new(curves, np_spread_about((np_spread)d)->key, curve_of(c->spread[d]));
    }
    for (int i = 0; i < NP_SERIES_POINTS; i++) json_array_append_new(entries, number(c->occupancy[i]));
    return json_pack("{s:o, s:o, s:o, s:{s:o}, s:o}", "name", text(c->strategy), "metrics", metrics,
                     "versus_first", versus_first(c, first), "series", "nat_entries", entries, "curves",
                     curves);
}

static json_t *vary_of(const np_override *vary, uint32_t varied)
{
    json_t *all = json_object();
    for (uint32_t v = 0; v < varied; v++) json_object_set_new(all, vary[v].path, text(vary[v].value));
    return all;
}

/* How the goals of `precision` were met, at one point. */
static json_t *precision_of(const np_study *s, uint32_t p)
{
    json_t *all = json_array();
    for (uint32_t g = 0; g < s->scenario->precision.goals; g++) {
        const np_goal *wanted = &s->scenario->precision.goal[g];
        const np_reach *r = &s->point[p].reach[g];
        char words[240];
        json_array_append_new(all, json_pack("{s:s, s:f, s:b, s:o, s:o, s:o}", "key",
                                             np_metric_about(wanted->metric)->key, "within", wanted->share,
                                             "reached", r->reached, "widest", number(r->widest), "strategy",
                                             r->strategy ? text(r->strategy) : json_null(), "text",
                                             text(np_reach_text(words, sizeof words, s, p, g))));
    }
    return all;
}

static json_t *expect_of(const np_study *s)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < s->scenario->expectations; i++) {
        const np_judgement *j = &s->judgement[i];
        json_array_append_new(all, json_pack("{s:o, s:b, s:o, s:o, s:I, s:o}", "expect", text(j->of->text),
                                             "holds", j->holds, "value", number(j->value), "strategy",
                                             j->strategy ? text(j->strategy) : json_null(), "point",
                                             (json_int_t)j->point, "text", text(j->text)));
    }
    return all;
}

static json_t *point_of(const np_study *s, uint32_t p)
{
    const np_scenario *at = s->loaded ? s->loaded[p] : s->scenario;
    json_t *strategies = json_array();
    for (uint32_t c = 0; c < s->scenario->strategies; c++) {
        json_array_append_new(strategies, strategy_of(&s->point[p].column[c], c == 0));
    }
    json_t *point =
        json_pack("{s:o, s:s, s:I, s:o, s:f, s:f}", "vary", vary_of(s->point[p].vary, s->scenario->varied),
                  "digest", s->point[p].digest, "replicas", (json_int_t)s->point[p].column[0].replicas,
                  "nat_capacity", whole(at->world.nat[0].capacity), "duration_s",
                  np_seconds(at->world.duration), "warmup_s", np_seconds(at->world.warmup));
    if (s->scenario->precision.goals > 0) json_object_set_new(point, "precision", precision_of(s, p));
    json_object_set_new(point, "strategies", strategies);
    return point;
}

static json_t *about(const np_scenario *s, const char *version, uint32_t replicas)
{
    return json_pack("{s:s, s:o, s:s, s:o, s:I}", "natpulse", version, "scenario", text(s->name), "digest",
                     s->digest, "seed", whole(s->world.seed), "replicas", (json_int_t)replicas);
}

static json_t *warnings_of(const np_study *s)
{
    json_t *all = json_array();
    for (uint32_t w = 0; w < s->warnings; w++) {
        json_array_append_new(all, json_pack("{s:s, s:o}", "name", np_warning_name(s->warned[w].which),
                                             "text", text(s->warned[w].text)));
    }
    return all;
}

/* ---- layout ---- */

/* Containers within containers. */
static size_t depth(const json_t *v)
{
    size_t deepest = 0, i;
    const char *key;
    json_t *child;
    if (json_is_object(v)) {
        json_object_foreach((json_t *)v, key, child) deepest =
            depth(child) > deepest ? depth(child) : deepest;
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, child) deepest = depth(child) > deepest ? depth(child) : deepest;
    } else {
        return 0;
    }
    return deepest + 1;
}

static void dump(const json_t *v, int indent, FILE *out);

static void dump_member(const char *key, const json_t *v, int indent, bool last, FILE *out)
{
    fprintf(out, "%*s", indent + 1, "");
    if (key) {
        json_t *name = json_string(key);
        json_dumpf(name, out, JSON_ENCODE_ANY);
        json_decref(name);
        fputs(": ", out);
    }
    dump(v, indent + 1, out);
    fputs(last ? "\n" : ",\n", out);
}

static void dump(const json_t *v, int indent, FILE *out)
{
    if (depth(v) <= 2) {
        json_dumpf(v, out, JSON_ENCODE_ANY | REALS);
        return;
    }
    size_t i, n = json_is_object(v) ? json_object_size(v) : json_array_size(v);
    const char *key;
    json_t *child;
    fputs(json_is_object(v) ? "{\n" : "[\n", out);
    if (json_is_object(v)) {
        i = 0;
        json_object_foreach((json_t *)v, key, child) dump_member(key, child, indent, ++i == n, out);
    } else {
        json_array_foreach(v, i, child) dump_member(NULL, child, indent, i + 1 == n, out);
    }
    fprintf(out, "%*s%s", indent, "", json_is_object(v) ? "}" : "]");
}

/* The scenario as text: whoever has the results can run it again. */
static json_t *yaml_of(const np_study *s)
{
    if (s->yaml) return json_string(s->yaml);
    char *canon = NULL;
    size_t size;
    FILE *out = open_memstream(&canon, &size);
    bool ok = out && np_scenario_canon(s->scenario, out);
    if (out) ok = fclose(out) == 0 && ok;
    json_t *yaml = ok ? json_string(canon) : NULL; /* it is UTF-8, as YAML is */
    free(canon);
    return yaml;
}

json_t *np_json_number(double x)
{
    return number(x);
}

json_t *np_json_text(const char *s)
{
    return text(s);
}

json_t *np_json_whole(uint64_t n)
{
    return whole(n);
}

json_t *np_json_interval(const np_estimate *e)
{
    return interval(e);
}

json_t *np_json_metrics(const np_column *c)
{
    json_t *all = metrics_of(c);
    add_spreads(all, c->spread);
    return all;
}

void np_json_print(const json_t *v, FILE *out)
{
    dump(v, 0, out);
    fputc('\n', out);
}

bool np_write_json(const np_study *s, FILE *out)
{
    json_t *root = about(s->scenario, s->version, s->replicas), *points = json_array();
    json_object_set_new(root, "about", text(s->scenario->about));
    bool ok = json_object_set_new(root, "yaml", yaml_of(s)) == 0;
    for (uint32_t p = 0; p < s->points; p++) json_array_append_new(points, point_of(s, p));
    ok = json_object_set_new(root, "points", points) == 0 && json_array_size(points) == s->points && ok;
    if (s->scenario->expectations > 0) ok = ok && json_object_set_new(root, "expect", expect_of(s)) == 0;
    ok = ok && json_object_set_new(root, "warnings", warnings_of(s)) == 0;
    if (ok) np_json_print(root, out);
    json_decref(root);
    return ok;
}

static bool line(json_t *v, FILE *out)
{
    if (!v) return false;
    json_dumpf(v, out, JSON_COMPACT | REALS);
    fputc('\n', out);
    json_decref(v);
    return true;
}

bool np_write_jsonl_begin(const np_scenario *s, const char *version, FILE *out)
{
    return line(about(s, version, s->replicas), out);
}

bool np_write_jsonl_run(const np_finished *f, FILE *out)
{
    json_t *metrics = json_object();
    for (int m = 0; m < NP_METRIC_COUNT; m++)
        json_object_set_new(metrics, np_metric_about((np_metric)m)->key, number(f->result->value[m]));
    add_spreads(metrics, f->result->spread);
    return line(json_pack("{s:I, s:o, s:o, s:I, s:o}", "point", (json_int_t)f->point, "vary",
                          vary_of(f->vary, f->varied), "strategy", text(f->strategy), "replica",
                          (json_int_t)f->replica, "metrics", metrics),
                out);
}

bool np_write_jsonl_end(const np_study *s, FILE *out)
{
    json_t *last = json_object(), *precision = json_array();
    for (uint32_t p = 0; p < s->points && s->scenario->precision.goals > 0; p++) {
        json_array_append_new(precision, json_pack("{s:I, s:I, s:o}", "point", (json_int_t)p, "replicas",
                                                   (json_int_t)s->point[p].column[0].replicas, "goals",
                                                   precision_of(s, p)));
    }
    if (s->scenario->precision.goals > 0) json_object_set(last, "precision", precision);
    json_decref(precision);
    if (s->scenario->expectations > 0) json_object_set_new(last, "expect", expect_of(s));
    json_object_set_new(last, "warnings", warnings_of(s));
    return line(last, out);
}

bool np_write_jsonl(const np_study *s, FILE *out)
{
    bool ok = np_write_jsonl_begin(s->scenario, s->version, out);
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t r = 0; r < s->point[p].column[0].replicas; r++) {
            for (uint32_t c = 0; c < s->scenario->strategies; c++) {
                const np_column *column = &s->point[p].column[c];
                const np_finished f = {.point = p,
                                       .replica = r,
                                       .strategy = column->strategy,
                                       .vary = s->point[p].vary,
                                       .varied = s->scenario->varied,
                                       .result = column->replica[r]};
                ok = ok && np_write_jsonl_run(&f, out);
            }
        }
    }
    return ok && np_write_jsonl_end(s, out);
}
