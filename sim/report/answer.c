/*
 * Composing the answer. All that is said rests on intervals: a strategy counts as good enough only when all
 * of its interval lies above the target, and what an interval leaves open is said as a doubt.
 */
#include "answer.h"
#include "varied.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CIRCUMSTANCES_MOST 200 /* more make no table that anybody reads */

char *np_bytes_text(char *buf, double bytes)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    int k = 0;
    for (; bytes >= 999.5 && k < 4; k++) bytes /= 1000;
    int decimals = k == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    snprintf(buf, 24, "%.*f %s", decimals, bytes, unit[k]);
    return buf;
}

#define DECIMALS_MOST 4

/* Rounded by round, floor or ceil, but what is not 100 % never reads so, however near. */
static void put_share(char *buf, size_t size, double share, int decimals, double (*round_by)(double))
{
    double by = pow(10, decimals), parts = fmax(share, 0) * 100 * by, whole = round(parts);
    /* Of a number of so many digits that it is meant to be, rounding to either side must not make another. */
    double rounded = fabs(parts - whole) < 1e-9 * (1 + whole) ? whole : round_by(parts);
    if (share < 1 && rounded >= 100 * by) rounded = 100 * by - 1;
    snprintf(buf, size, "%.*f", share >= 1 ? 0 : decimals, share >= 1 ? 100 : rounded / by);
}

/* As far as the interval's first digit. */
static int share_decimals(const np_estimate *e)
{
    double half = 50 * (fmin(e->high, 1) - fmax(e->low, 0));
    int decimals = half > 0 ? (int)-floor(log10(1.000001 * half)) : 2;
    return isnan(e->low) ? 2 : decimals < 0 ? 0 : decimals > DECIMALS_MOST ? DECIMALS_MOST : decimals;
}

char *np_share_mean_text(char *buf, const np_estimate *e)
{
    char mean[24];
    put_share(mean, sizeof mean, e->mean, share_decimals(e), round);
    snprintf(buf, 32, "%s %%", mean);
    return buf;
}

char *np_share_text(char *buf, const np_estimate *e)
{
    char low[24], high[24];
    np_share_mean_text(buf, e);
    if (isnan(e->low)) return buf;
    put_share(low, sizeof low, e->low, share_decimals(e), floor); /* no narrower than it is */
    put_share(high, sizeof high, e->high, share_decimals(e), ceil);
    size_t used = strlen(buf);
    snprintf(buf + used, 96 - used, " (95 %% interval %s to %s %%)", low, high);
    return buf;
}

/* ---- choices and circumstances ---- */

typedef struct choice {
    uint32_t strategy, point; /* a point at which it was made */
    bool anywhere;            /* it has a figure for reachability in every circumstance */
    np_estimate reachable;    /* where its interval reaches lowest */
    np_estimate upkeep;       /* where it costs most; NaN: costs unknown somewhere */
} choice;

typedef struct thinking {
    const np_results *r;
    double target;
    uint32_t *setting;      /* [strategies][points]: the number of what was chosen for it there */
    uint32_t *circumstance; /* [points]: the number of what was met there */
    uint32_t settings, circumstances;
    uint32_t *example; /* [circumstances]: a point of each */
    choice *choice;    /* [settings * strategies] */
    uint32_t choices;
    char target_text[24];
} thinking;

/* Whether a path is a setting of the strategy of that name; of nobody's (NULL). */
static bool belongs(const char *path, const char *strategy)
{
    if (!np_path_is_choice(path)) return strategy == NULL;
    const char *whose = strchr(path, '.') + 1;
    size_t n = strategy ? strlen(strategy) : 0;
    return strategy && strncmp(whose, strategy, n) == 0 && whose[n] == '.';
}

/* Numbers the points by the values of those paths that are settings of a strategy, or circumstances (NULL).
 */
static bool number_points(const np_results *r, const char *strategy, uint32_t *number, uint32_t *count)
{
    uint64_t *code = np_arena_alloc(r->arena, r->points * sizeof *code), radix = 1;
    uint32_t *of_code;
    if (!code) return false;
    for (uint32_t v = 0; v < r->varied; v++) {
        np_varied values;
        if (!belongs(r->path[v], strategy)) continue;
        if (!np_varied_of(r, v, &values)) return false;
        for (uint32_t p = 0; p < r->points; p++) code[p] += radix * np_varied_index(&values, &r->point[p]);
        radix *= values.n + 1;
        if (radix > 1000000) return false; /* no grid of ours: a million points */
    }
    of_code = np_arena_alloc(r->arena, radix * sizeof *of_code);
    if (!of_code) return false;
    *count = 0;
    for (uint32_t p = 0; p < r->points; p++) {
        if (of_code[code[p]] == 0) of_code[code[p]] = ++*count;
        number[p] = of_code[code[p]] - 1;
    }
    return true;
}

static double low_of(const np_estimate *e)
{
    return isnan(e->low) ? -INFINITY : e->low; /* without an interval nothing is shown */
}
static double high_of(const np_estimate *e)
{
    return isnan(e->high) ? INFINITY : e->high;
}

static void consider(choice *c, const np_read_strategy *s, uint32_t point)
{
    const np_estimate *reachable = &s->value[NP_METRIC_REACHABLE],
                      *upkeep = &s->value[NP_METRIC_UPKEEP_BYTES];
    bool first = c->point == UINT32_MAX;
    if (first) *c = (choice){c->strategy, point, true, *reachable, *upkeep};
    if (isnan(reachable->mean)) c->anywhere = false;
    bool lower = low_of(reachable) < low_of(&c->reachable) ||
                 (low_of(reachable) == low_of(&c->reachable) && reachable->mean < c->reachable.mean);
    if (lower) c->reachable = *reachable;
    if (isnan(upkeep->mean) || upkeep->mean > c->upkeep.mean) c->upkeep = *upkeep;
}

/* The choices over all circumstances, or over one (UINT32_MAX: all). */
static void gather(thinking *t, uint32_t circumstance)
{
    const np_results *r = t->r;
    uint32_t strategies = r->point[0].strategies;
    for (uint32_t i = 0; i < t->choices; i++)
        t->choice[i] = (choice){.strategy = i % strategies, .point = UINT32_MAX};
    for (uint32_t p = 0; p < r->points; p++) {
        if (circumstance != UINT32_MAX && t->circumstance[p] != circumstance) continue;
        for (uint32_t s = 0; s < strategies; s++)
            consider(&t->choice[t->setting[s * r->points + p] * strategies + s], &r->point[p].strategy[s], p);
    }
}

static bool counts(const choice *c)
{
    return c->point != UINT32_MAX && c->anywhere;
}

static bool is_shown(const thinking *t, const choice *c)
{
    return counts(c) && low_of(&c->reachable) >= t->target;
}

/* Cheaper; what has no known cost last; then the more reachable. */
static bool is_cheaper(const choice *a, const choice *b)
{
    double x = isnan(a->upkeep.mean) ? INFINITY : a->upkeep.mean,
           y = isnan(b->upkeep.mean) ? INFINITY : b->upkeep.mean;
    return x < y || (x == y && a->reachable.mean > b->reachable.mean);
}

static const choice *cheapest_shown(const thinking *t)
{
    const choice *best = NULL;
    for (uint32_t i = 0; i < t->choices; i++) {
        if (is_shown(t, &t->choice[i]) && (!best || is_cheaper(&t->choice[i], best))) best = &t->choice[i];
    }
    return best;
}

static const choice *most_reachable(const thinking *t)
{
    const choice *best = NULL;
    for (uint32_t i = 0; i < t->choices; i++) {
        if (counts(&t->choice[i]) && (!best || t->choice[i].reachable.mean > best->reachable.mean))
            best = &t->choice[i];
    }
    return best;
}

/* ---- words ---- */

/* "‘heartbeat’ with every = 30s". A varied setting of another strategy says nothing about this one. */
static const char *name_of(const thinking *t, const choice *c)
{
    const np_results *r = t->r;
    const char *own = r->point[0].strategy[c->strategy].name, *name = np_arena_format(r->arena, "‘%s’", own),
               *with = " with ";
    for (uint32_t v = 0; name && v < r->varied; v++) {
        if (!belongs(r->path[v], own)) continue;
        name = np_arena_format(r->arena, "%s%s%s = %s", name, with, np_path_short(r, v),
                               r->point[c->point].value[v]);
        with = ", ";
    }
    return name;
}

/* " at both values of nat.capacity", " in all 4 circumstances": where there are several. */
static const char *everywhere(const thinking *t)
{
    const np_results *r = t->r;
    const char *path = NULL;
    uint32_t paths = 0;
    if (t->circumstances == 1) return "";
    for (uint32_t v = 0; v < r->varied; v++) {
        if (!belongs(r->path[v], NULL)) continue;
        path = r->path[v];
        paths++;
    }
    if (paths != 1) return np_arena_format(r->arena, " in all %u circumstances", t->circumstances);
    return t->circumstances == 2
               ? np_arena_format(r->arena, " at both values of %s", path)
               : np_arena_format(r->arena, " at all %u values of %s", t->circumstances, path);
}

static const char *sentence_shown(const thinking *t, const choice *best)
{
    char share[96], bytes[24];
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->choices; i++) n += is_shown(t, &t->choice[i]);
    const char *cost = "";
    if (!isnan(best->upkeep.mean))
        cost = np_arena_format(t->r->arena, ", for %s of upkeep per connection-hour",
                               np_bytes_text(bytes, best->upkeep.mean));
    const char *rank = n == 1   ? "alone keeps"
                       : n == 2 ? "is the cheaper of two that keep"
                                : np_arena_format(t->r->arena, "is the cheapest of %u that keep", n);
    if (!cost || !rank) return NULL;
    return np_arena_format(t->r->arena, "%s %s clients reachable at least %s of the time%s: %s%s%s.",
                           name_of(t, best), rank, t->target_text, everywhere(t),
                           t->circumstances > 1 ? "at worst " : "", np_share_text(share, &best->reachable),
                           cost);
}

static const char *sentence_best(const thinking *t, const choice *best)
{
    char share[96];
    bool open = high_of(&best->reachable) >= t->target;
    return np_arena_format(
        t->r->arena,
        "Nothing here is shown to keep clients reachable at least %s of the time%s; the best, %s, "
        "comes to %s%s%s.",
        t->target_text, everywhere(t), name_of(t, best), t->circumstances > 1 ? "at worst " : "",
        np_share_text(share, &best->reachable),
        isnan(best->reachable.low) ? ", and one replica has no interval"
        : open                     ? ", which leaves the target open"
                                   : "");
}

static bool overlap(const np_estimate *a, const np_estimate *b)
{
    return !isnan(a->low) && !isnan(b->low) && a->low <= b->high && b->low <= a->high;
}

static const char *add(const thinking *t, const char *so_far, const char *more)
{
    if (!so_far || !more) return NULL;
    return np_arena_format(t->r->arena, "%s%s%s", so_far, *so_far ? " " : "", more);
}

/* A cheaper one that may do as well; one whose cost is as good as the same. */
static const char *doubts_shown(const thinking *t, const choice *best)
{
    char share[96], bytes[24];
    const char *doubts = "";
    const choice *open = NULL, *equal = NULL;
    for (uint32_t i = 0; i < t->choices; i++) {
        const choice *c = &t->choice[i];
        if (c == best || !counts(c)) continue;
        bool may =
            !is_shown(t, c) && high_of(&c->reachable) >= t->target && c->upkeep.mean < best->upkeep.mean;
        if (may && (!open || is_cheaper(c, open))) open = c;
        if (is_shown(t, c) && overlap(&c->upkeep, &best->upkeep) && (!equal || is_cheaper(c, equal)))
            equal = c;
    }
    if (open)
        doubts = add(t, doubts,
                     np_arena_format(t->r->arena,
                                     "%s costs less (%s) and may do as well: it comes to %s. More replicas "
                                     "would tell.",
                                     name_of(t, open), np_bytes_text(bytes, open->upkeep.mean),
                                     np_share_text(share, &open->reachable)));
    if (equal)
        doubts = add(t, doubts,
                     np_arena_format(t->r->arena, "%s costs the same as far as these replicas can tell.",
                                     name_of(t, equal)));
    return doubts;
}

/* Others that cannot be told from the best. */
static const char *doubts_best(const thinking *t, const choice *best)
{
    const char *names = "";
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->choices; i++) {
        const choice *c = &t->choice[i];
        if (c == best || !counts(c) || !overlap(&c->reachable, &best->reachable)) continue;
        if (++n <= 3)
            names = np_arena_format(t->r->arena, "%s%s%s", names, *names ? ", " : "", name_of(t, c));
        if (!names) return NULL;
    }
    if (n == 0) return "";
    return np_arena_format(t->r->arena, "%s%s cannot be told from it: the intervals overlap.", names,
                           n > 3 ? " and others" : "");
}

/* "nat.capacity = 320, access.loss = 1%" */
static const char *circumstance_text(const thinking *t, uint32_t point)
{
    const np_results *r = t->r;
    const char *text = "";
    for (uint32_t v = 0; text && v < r->varied; v++) {
        if (!belongs(r->path[v], NULL)) continue;
        text = np_arena_format(r->arena, "%s%s%s = %s", text, *text ? ", " : "", r->path[v],
                               r->point[point].value[v]);
    }
    return text;
}

static bool answer_each(thinking *t, np_answer *out)
{
    if (t->circumstances < 2 || t->circumstances > CIRCUMSTANCES_MOST) return true;
    out->at = np_arena_alloc(t->r->arena, t->circumstances * sizeof *out->at);
    if (!out->at) return false;
    for (uint32_t i = 0; i < t->circumstances; i++) {
        gather(t, i);
        const choice *best = cheapest_shown(t), *shown = best ? best : most_reachable(t);
        np_at_circumstance *at = &out->at[out->circumstances++];
        *at = (np_at_circumstance){
            .circumstance = circumstance_text(t, t->example[i]), .reachable.mean = NAN, .upkeep.mean = NAN};
        if (best) at->choice = name_of(t, best);
        if (shown) at->reachable = shown->reachable, at->upkeep = shown->upkeep;
        if (!at->circumstance || (best && !at->choice)) return false;
    }
    return true;
}

static bool begin(thinking *t)
{
    const np_results *r = t->r;
    uint32_t strategies = r->point[0].strategies;
    t->setting = np_arena_alloc(r->arena, (size_t)strategies * r->points * sizeof *t->setting);
    t->circumstance = np_arena_alloc(r->arena, r->points * sizeof *t->circumstance);
    if (!t->setting || !t->circumstance || !number_points(r, NULL, t->circumstance, &t->circumstances))
        return false;
    for (uint32_t s = 0; s < strategies; s++) {
        uint32_t n;
        if (!number_points(r, r->point[0].strategy[s].name, t->setting + s * r->points, &n)) return false;
        if (n > t->settings) t->settings = n;
    }
    t->example = np_arena_alloc(r->arena, t->circumstances * sizeof *t->example);
    t->choices = t->settings * strategies;
    t->choice = np_arena_alloc(r->arena, t->choices * sizeof *t->choice);
    if (!t->example || !t->choice) return false;
    for (uint32_t p = r->points; p-- > 0;) t->example[t->circumstance[p]] = p;
    snprintf(t->target_text, sizeof t->target_text, "%.6g %%", 100 * t->target);
    return true;
}

bool np_answer_of(const np_results *r, double target, np_answer *out)
{
    thinking t = {.r = r, .target = target};
    *out = (np_answer){.doubts = ""};
    if (!begin(&t)) return false;
    gather(&t, UINT32_MAX);
    const choice *shown = cheapest_shown(&t), *best = shown ? shown : most_reachable(&t);
    if (!best) {
        out->sentence = "None of these strategies has a figure for reachability: they keep no connections.";
        return true;
    }
    out->sentence = shown ? sentence_shown(&t, shown) : sentence_best(&t, best);
    out->doubts = shown ? doubts_shown(&t, shown) : doubts_best(&t, best);
    return out->sentence && out->doubts && answer_each(&t, out);
}
