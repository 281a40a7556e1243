/*
 * Holding a study against what its scenario expects.
 *
 * An expectation must hold at every point, and for every strategy that it is about; the verdict names the
 * place where it holds least. What decides is the mean over replicas, or the part of the merged distribution:
 * the numbers that the report shows. A figure without a value holds nothing; but where there was nothing to
 * detect or deliver at all, no time was too long.
 */
#include "natpulse/study.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static double part_of(const np_quantile *q, np_spread_part part)
{
    if (!q) return NAN;
    if (part == NP_SPREAD_PART_CENSORED) return (double)np_quantile_censored(q);
    if (np_quantile_count(q) + np_quantile_censored(q) == 0) return 0;
    switch (part) {
    case NP_SPREAD_PART_P50: return np_quantile_at(q, 0.50);
    case NP_SPREAD_PART_P95: return np_quantile_at(q, 0.95);
    case NP_SPREAD_PART_P99: return np_quantile_at(q, 0.99);
    default: return np_quantile_max(q);
    }
}

static double value_of(const np_expectation *x, const np_column *c)
{
    return x->metric >= 0 ? c->value[x->metric].mean : part_of(c->spread[x->spread], x->part);
}

static bool has_meaning(const np_expectation *x, const np_column *c)
{
    return x->metric >= 0 ? c->value[x->metric].n > 0 : c->spread[x->spread] != NULL;
}

static bool holds(const np_expectation *x, double value)
{
    switch (x->comparison) {
    case NP_COMPARE_LESS: return value < x->bound;
    case NP_COMPARE_AT_MOST: return value <= x->bound;
    case NP_COMPARE_MORE: return value > x->bound;
    default: return value >= x->bound;
    }
}

/* How far on the wrong side; no value is the farthest. */
static double badness(const np_expectation *x, double value)
{
    if (isnan(value)) return INFINITY;
    bool upper = x->comparison == NP_COMPARE_LESS || x->comparison == NP_COMPARE_AT_MOST;
    return upper ? value - x->bound : x->bound - value;
}

static void format_value(char *buf, size_t size, const np_expectation *x, double value)
{
    const np_metric_info *about =
        x->metric >= 0 ? np_metric_about((np_metric)x->metric) : np_spread_about((np_spread)x->spread);
    bool censored = x->metric < 0 && x->part == NP_SPREAD_PART_CENSORED;
    if (isnan(value))
        snprintf(buf, size, "no value");
    else if (strstr(about->key, "_fraction"))
        snprintf(buf, size, "%.6g %%", 100 * value);
    else
        snprintf(buf, size, "%.6g%s%s", value, *about->unit && !censored ? " " : "",
                 censored ? "" : about->unit);
}

static void write_text(const np_study *s, np_judgement *v)
{
    char value[40], who[70] = "", where[40] = "";
    format_value(value, sizeof value, v->of, v->value);
    if (v->of->strategy == NP_EVERY_STRATEGY && v->strategy)
        snprintf(who, sizeof who, " for '%.50s'", v->strategy);
    if (s->points > 1) snprintf(where, sizeof where, " at point %u", v->point);
    if (v->strategy) {
        snprintf(v->text, sizeof v->text, "%.80s: %s: %s%s%s%s", v->of->text,
                 v->holds ? "holds" : "does not hold", value, *who || *where ? " at worst," : "", who, where);
    } else {
        snprintf(v->text, sizeof v->text, "%.80s: does not hold: the figure has no meaning there",
                 v->of->text);
    }
}

static void judge(const np_study *s, const np_expectation *x, np_judgement *v)
{
    *v = (np_judgement){.of = x, .value = NAN};
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            const np_column *column = &s->point[p].column[c];
            bool asked = x->strategy == c || (x->strategy == NP_EVERY_STRATEGY && has_meaning(x, column));
            if (!asked) continue;
            double value = value_of(x, column);
            if (v->strategy && !(badness(x, value) > badness(x, v->value))) continue;
            v->point = p;
            v->strategy = column->strategy;
            v->value = value;
        }
    }
    v->holds = v->strategy && holds(x, v->value);
    write_text(s, v);
}

bool np_study_judge(const np_study *s, const np_scenario *scenario, np_judgement *out)
{
    bool all = true;
    for (uint32_t i = 0; i < scenario->expectations; i++) {
        judge(s, &scenario->expectation[i], &out[i]);
        all = all && out[i].holds;
    }
    return all;
}
