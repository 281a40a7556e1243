/*
 * Holding a study against what its scenario expects.
 *
 * An expectation must hold at every point, and for every strategy that it is about; the judgement names the
 * place where it holds least. What decides is the mean over replicas, or the part of the merged distribution:
 * the numbers that the report shows. A figure without a value holds nothing; but where there was nothing to
 * detect or deliver at all, no time was too long.
 *
 * To hold for sure takes more: it must hold wherever in its interval the figure really is. Quantiles have the
 * interval between two order statistics, whose ranks a binomial count does not leave in 95 of 100 cases
 * (David and Nagaraja, Order Statistics, 7.1), with the normal approximation of that count.
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

char *np_expectation_value(char *buf, size_t size, const np_expectation *x, double value)
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
    return buf;
}

static void write_text(const np_study *s, np_judgement *v)
{
    char value[40], who[70] = "", where[40] = "";
    np_expectation_value(value, sizeof value, v->of, v->value);
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

/* ---- for sure ---- */

#define NORMAL_95 1.96 /* its 97.5 % quantile */

/* The value at a share of all observations, of which the censored are later than any. */
static double at_share(const np_quantile *q, double share)
{
    double seen = (double)np_quantile_count(q), all = seen + (double)np_quantile_censored(q);
    if (share <= 0) return 0;
    return share * all < seen ? np_quantile_at(q, share * all / seen) : INFINITY;
}

static np_estimate quantile_seen(const np_quantile *q, np_spread_part part)
{
    static const double share[] = {
        [NP_SPREAD_PART_P50] = 0.50, [NP_SPREAD_PART_P95] = 0.95, [NP_SPREAD_PART_P99] = 0.99};
    double p = share[part], n = (double)(np_quantile_count(q) + np_quantile_censored(q));
    double off = NORMAL_95 * sqrt(p * (1 - p) / n);
    return (np_estimate){.mean = part_of(q, part),
                         .low = at_share(q, p - off),
                         .high = at_share(q, p + off),
                         .n = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX};
}

np_estimate np_expectation_seen(const np_expectation *x, const np_column *c)
{
    if (x->metric >= 0) return c->value[x->metric];
    const np_quantile *q = c->spread[x->spread];
    uint64_t n = q ? np_quantile_count(q) + np_quantile_censored(q) : 0;
    if (n > 0 && x->part <= NP_SPREAD_PART_P99) return quantile_seen(q, x->part);
    double value = part_of(q, x->part);
    return (np_estimate){value, value, value, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX};
}

np_standing np_expectation_standing(const np_expectation *x, const np_estimate *seen)
{
    bool upper = x->comparison == NP_COMPARE_LESS || x->comparison == NP_COMPARE_AT_MOST;
    double worst = upper ? seen->high : seen->low, best = upper ? seen->low : seen->high;
    if (isnan(seen->mean)) return NP_FAILS;
    if (isnan(worst)) return holds(x, seen->mean) ? NP_UNSURE : NP_FAILS;
    if (holds(x, worst)) return NP_HOLDS;
    return holds(x, best) ? NP_UNSURE : NP_FAILS;
}
