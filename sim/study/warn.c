/*
 * Each warning is one function that looks at the whole study and, when there is reason, writes one line: what
 * was seen, with the worst number, and what would help.
 */
#include "warn.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Below this many replicas the t quantile (2.8 at 4 degrees of freedom, 12.7 at 1) dominates the interval. */
#define REPLICAS_FEW 5

/* With more censored than this, the 95th percentile of the detections is itself unknown. */
#define CENSORED_MOST 0.05

const char *np_warning_name(np_warning w)
{
    static const char *const name[NP_WARNING_COUNT] = {
        [NP_WARNING_FEW_REPLICAS] = "few-replicas",
        [NP_WARNING_CENSORED] = "censored",
        [NP_WARNING_TABLE_NEVER_FULL] = "table-never-full",
        [NP_WARNING_WARMUP_TOO_LONG] = "warmup-too-long",
        [NP_WARNING_WIDE_INTERVAL] = "wide-interval",
        [NP_WARNING_PRECISION_MISSED] = "precision-missed",
        [NP_WARNING_INCOMPLETE] = "incomplete",
        [NP_WARNING_DESERTED] = "deserted",
        [NP_WARNING_TOO_MANY_BEATS] = "too-many-beats",
    };
    return name[w];
}

/* Each returns whether it wrote a warning. */
typedef bool np_look(const np_study *s, char *text, size_t size);

static bool few_replicas(const np_study *s, char *text, size_t size)
{
    uint32_t fewest = s->replicas;
    for (uint32_t p = 0; p < s->points; p++) {
        uint32_t replicas = s->point[p].column[0].replicas; /* 0: an unfinished sweep is not there yet */
        if (replicas > 0 && replicas < fewest) fewest = replicas;
    }
    if (fewest >= REPLICAS_FEW) return false;
    snprintf(text, size, "%u replica%s; intervals are %s below %d (--replicas 10)", fewest,
             fewest == 1 ? "" : "s", fewest <= 1 ? "missing" : "wide and shaky", REPLICAS_FEW);
    return true;
}

static bool censored(const np_study *s, char *text, size_t size)
{
    double worst = CENSORED_MOST;
    bool found = false;
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            const np_column *column = &s->point[p].column[c];
            for (int d = NP_SPREAD_CLIENT_DETECT; d <= NP_SPREAD_SERVER_DETECT; d++) {
                const np_quantile *q = column->spread[d];
                if (!q || np_quantile_censored(q) == 0) continue;
                double never = (double)np_quantile_censored(q), all = never + (double)np_quantile_count(q);
                if (!(never / all > worst)) continue;
                worst = never / all;
                found = true;
                snprintf(text, size,
                         "the %s of '%.60s' had not learned of %.0f of %.0f breaks (%.0f %%) by the end; the "
                         "times are "
                         "of the others; a longer duration tells more",
                         d == NP_SPREAD_CLIENT_DETECT ? "client" : "server", column->strategy, never, all,
                         100 * worst);
            }
        }
    }
    return found;
}

static bool table_never_full(const np_study *s, char *text, size_t size)
{
    uint32_t points = 0, capacity = 0;
    double peak = 0;
    for (uint32_t p = 0; p < s->points; p++) {
        const np_scenario *at = s->loaded ? s->loaded[p] : s->scenario;
        double highest = 0;
        bool full = s->point[p].column[0].replicas == 0;
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            for (uint32_t r = 0; r < s->point[p].column[c].replicas; r++) {
                const np_result *one = s->point[p].column[c].replica[r];
                full = full || one->table_was_full;
                highest = fmax(highest, one->value[NP_METRIC_NAT_ENTRIES_PEAK]);
            }
        }
        if (full) continue;
        if (points++ > 0 && highest <= peak) continue;
        peak = highest;
        capacity = at->world.nat[0].capacity;
    }
    if (points == 0) return false;
    char where[60] = "";
    if (s->points > 1) snprintf(where, sizeof where, "at %u of %u points ", points, s->points);
    snprintf(text, size,
             "%sthe NAT never filled its table (at most %.0f of %u mappings): eviction played no part", where,
             peak, capacity);
    return true;
}

static bool warmup_too_long(const np_study *s, char *text, size_t size)
{
    for (uint32_t p = 0; p < s->points; p++) {
        const np_world_config *w = s->loaded ? &s->loaded[p]->world : &s->scenario->world;
        if (w->warmup <= w->duration / 2) continue;
        char warmup[40], duration[40];
        snprintf(text, size, "the warm-up of %s takes more than half of the %s; little is left to measure",
                 np_time_format(warmup, sizeof warmup, w->warmup),
                 np_time_format(duration, sizeof duration, w->duration));
        return true;
    }
    return false;
}

/* The widest interval met so far, in widths to the mean, and how many are wider than theirs. */
typedef struct widest {
    double ratio;
    uint32_t wide, all;
    char *text;
    size_t size;
} widest;

static void look_at(widest *w, const np_estimate *e, const char *key, const char *strategy, const char *first)
{
    if (isnan(e->low)) return;
    w->all++;
    double ratio = e->mean != 0 ? (e->high - e->low) / fabs(e->mean) : 0;
    if (!(ratio > 1)) return;
    w->wide++;
    if (!(ratio > w->ratio)) return;
    w->ratio = ratio;
    snprintf(w->text, w->size, "%s of '%.50s'%s%.50s%s is %.3g, anywhere from %.3g to %.3g;", key, strategy,
             first ? " minus '" : "", first ? first : "", first ? "'" : "", e->mean,
             first ? e->low : fmax(e->low, 0), e->high);
}

static bool wide_interval(const np_study *s, char *text, size_t size)
{
    static const np_metric watched[] = {NP_METRIC_REACHABLE, NP_METRIC_BREAKS};
    widest w = {.ratio = 1, .text = text, .size = size};
    for (uint32_t p = 0; p < s->points; p++) {
        const np_column *column = s->point[p].column;
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
                const char *key = np_metric_about(watched[i])->key;
                look_at(&w, &column[c].value[watched[i]], key, column[c].strategy, NULL);
                if (c > 0)
                    look_at(&w, &column[c].versus_first[watched[i]], key, column[c].strategy,
                            column[0].strategy);
            }
        }
    }
    if (w.wide == 0) return false;
    size_t used = strlen(text);
    snprintf(text + used, size - used, " %u of %u intervals exceed their mean; more replicas help", w.wide,
             w.all);
    return true;
}

static bool precision_missed(const np_study *s, char *text, size_t size)
{
    const np_precision *precision = &s->scenario->precision;
    uint32_t missed = 0;
    double worst = 0;
    if (s->missing > 0) return false; /* it may yet be reached */
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t g = 0; g < precision->goals; g++) {
            const np_reach *r = &s->point[p].reach[g];
            if (r->reached) continue;
            missed++;
            if (r->widest <= worst) continue;
            worst = r->widest;
            snprintf(
                text, size,
                "%s of '%.60s' is known to %.3g %% after %u replicas, not to the %.3g %% wanted; a larger "
                "max_replicas helps",
                np_metric_about(precision->goal[g].metric)->key, r->strategy, 100 * r->widest,
                s->point[p].column[0].replicas, 100 * precision->goal[g].share);
        }
    }
    return missed > 0;
}

static bool incomplete(const np_study *s, char *text, size_t size)
{
    if (s->missing == 0) return false;
    snprintf(
        text, size,
        "%llu runs of the sweep are not there yet, and a replica counts only where all strategies have it; "
        "`natpulse sweep` finishes them",
        (unsigned long long)s->missing);
    return true;
}

/* With clients away for more than this share of the time, a rate per connection-hour rests on little. */
#define DESERTED_MOST 0.1

static bool deserted(const np_study *s, char *text, size_t size)
{
    double worst = DESERTED_MOST;
    bool found = false;
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            const np_column *column = &s->point[p].column[c];
            if (!(column->value[NP_METRIC_DESERTED].mean > worst)) continue;
            worst = column->value[NP_METRIC_DESERTED].mean;
            found = true;
            snprintf(
                text, size,
                "no measured client was there for %.0f %% of the time (%.3g on average); a later arrival, a "
                "longer session, or a way back (churn: away, vanish.back) leaves more to measure",
                100 * worst, column->value[NP_METRIC_CLIENTS_MEAN].mean);
        }
    }
    return found;
}

static bool too_many_beats(const np_study *s, char *text, size_t size)
{
    for (uint32_t p = 0; p < s->points; p++) {
        const np_scenario *at = s->loaded ? s->loaded[p] : s->scenario;
        for (uint32_t c = 0; c < at->strategies; c++) {
            const np_beat_config *b = &at->strategy[c].beat;
            if (!b->strategy || b->from == NP_BEAT_FROM_SERVER) continue;
            np_time shortest = np_beat_shortest(b);
            if (shortest == 0 || shortest >= b->server_permits) continue;
            char beats[40], permits[40];
            snprintf(text, size,
                     "'%.60s' beats as often as each %s, its server permits one in %s: idle clients are "
                     "closed until "
                     "they have slowed down",
                     at->strategy[c].name, np_time_format(beats, sizeof beats, shortest),
                     np_time_format(permits, sizeof permits, b->server_permits));
            return true;
        }
    }
    return false;
}

void np_study_warn(np_study *s)
{
    static np_look *const look[NP_WARNING_COUNT] = {
        [NP_WARNING_FEW_REPLICAS] = few_replicas,
        [NP_WARNING_CENSORED] = censored,
        [NP_WARNING_TABLE_NEVER_FULL] = table_never_full,
        [NP_WARNING_WARMUP_TOO_LONG] = warmup_too_long,
        [NP_WARNING_WIDE_INTERVAL] = wide_interval,
        [NP_WARNING_PRECISION_MISSED] = precision_missed,
        [NP_WARNING_INCOMPLETE] = incomplete,
        [NP_WARNING_DESERTED] = deserted,
        [NP_WARNING_TOO_MANY_BEATS] = too_many_beats,
    };
    s->warnings = 0;
    for (int w = 0; w < NP_WARNING_COUNT; w++) {
        np_warned *warned = &s->warned[s->warnings];
        warned->which = (np_warning)w;
        if (look[w](s, warned->text, sizeof warned->text)) s->warnings++;
    }
}
