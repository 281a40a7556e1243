/*
 * Which figures a table shows, and the short text of each.
 */
#include "figures.h"
#include <math.h>
#include <stdio.h>

const char *const np_block_title[NP_BLOCK_COUNT] = {"connections", "messages", "cost"};

/* clang-format off */
const np_figure np_figures[] = {
    {NP_BLOCK_CONNECTIONS, "reachable",    "%",         NP_SHOWS_SHARE,    NP_METRIC_REACHABLE,       .divisor = -1, .compared = true},
    {NP_BLOCK_CONNECTIONS, "breaks",       "/h",        NP_SHOWS_METRIC,   NP_METRIC_BREAKS,          .compared = true},
    {NP_BLOCK_CONNECTIONS, "client knows", "p50",       NP_SHOWS_QUANTILE, NP_SPREAD_CLIENT_DETECT,   .p = 0.50},
    {NP_BLOCK_CONNECTIONS, "",             "p95",       NP_SHOWS_QUANTILE, NP_SPREAD_CLIENT_DETECT,   .p = 0.95},
    {NP_BLOCK_CONNECTIONS, "",             "never",     NP_SHOWS_NEVER,    NP_SPREAD_CLIENT_DETECT,   .p = 0},
    {NP_BLOCK_CONNECTIONS, "server knows", "p50",       NP_SHOWS_QUANTILE, NP_SPREAD_SERVER_DETECT,   .p = 0.50},
    {NP_BLOCK_CONNECTIONS, "",             "p95",       NP_SHOWS_QUANTILE, NP_SPREAD_SERVER_DETECT,   .p = 0.95},
    {NP_BLOCK_CONNECTIONS, "",             "never",     NP_SHOWS_NEVER,    NP_SPREAD_SERVER_DETECT,   .p = 0},
    {NP_BLOCK_CONNECTIONS, "false closes", "/h",        NP_SHOWS_METRIC,   NP_METRIC_FALSE_CLOSES,    .optional = true},
    {NP_BLOCK_MESSAGES,    "sent",         "",          NP_SHOWS_METRIC,   NP_METRIC_MESSAGES_SENT,   .divisor = 0},
    {NP_BLOCK_MESSAGES,    "lost",         "%",         NP_SHOWS_SHARE,    NP_METRIC_MESSAGES_LOST,   .divisor = NP_METRIC_MESSAGES_SENT, .compared = true},
    {NP_BLOCK_MESSAGES,    "late",         "%",         NP_SHOWS_SHARE,    NP_METRIC_MESSAGES_LATE,   .divisor = NP_METRIC_MESSAGES_SENT},
    {NP_BLOCK_MESSAGES,    "delay",        "p50",       NP_SHOWS_QUANTILE, NP_SPREAD_MESSAGE_DELAY,   .p = 0.50},
    {NP_BLOCK_MESSAGES,    "",             "p95",       NP_SHOWS_QUANTILE, NP_SPREAD_MESSAGE_DELAY,   .p = 0.95},
    {NP_BLOCK_MESSAGES,    "",             "p99",       NP_SHOWS_QUANTILE, NP_SPREAD_MESSAGE_DELAY,   .p = 0.99},
    {NP_BLOCK_COSTS,       "upkeep",       "packets/h", NP_SHOWS_METRIC,   NP_METRIC_UPKEEP_PACKETS,  .divisor = 0},
    {NP_BLOCK_COSTS,       "upkeep",       "bytes/h",   NP_SHOWS_METRIC,   NP_METRIC_UPKEEP_BYTES,    .compared = true},
    {NP_BLOCK_COSTS,       "all",          "bytes/h",   NP_SHOWS_METRIC,   NP_METRIC_WIRE_BYTES,      .compared = true},
    {NP_BLOCK_COSTS,       "wake-ups",     "/h",        NP_SHOWS_METRIC,   NP_METRIC_WAKEUPS,         .compared = true},
    {NP_BLOCK_COSTS,       "radio",        "J/h",       NP_SHOWS_METRIC,   NP_METRIC_ENERGY,          .optional = true, .compared = true},
    {NP_BLOCK_COSTS,       "handshakes",   "",          NP_SHOWS_METRIC,   NP_METRIC_HANDSHAKES,      .divisor = 0},
    {NP_BLOCK_COSTS,       "zombies",      "%",         NP_SHOWS_SHARE,    NP_METRIC_SERVER_ZOMBIE,   .divisor = -1, .optional = true},
    {NP_BLOCK_COSTS,       "NAT entries",  "mean",      NP_SHOWS_METRIC,   NP_METRIC_NAT_ENTRIES_MEAN, .divisor = 0},
};
/* clang-format on */
const int np_figures_count = sizeof np_figures / sizeof *np_figures;

static const np_cell nothing = {.value = "-"};

/* Decimals with which x shows `digits` significant ones; below 0 for large x. */
static int decimals_for(double x, int digits)
{
    x = fabs(x);
    return x > 0 ? digits - 1 - (int)floor(log10(x)) : 0;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}
static int most(int a, int b)
{
    return a > b ? a : b;
}

/* The thousands that shorten x; below 10 000 a number is short enough. */
static double scale_of(double x, const char **suffix)
{
    static const struct {
        double from, by;
        const char *suffix;
    } scale[] = {{1e10, 1e9, "G"}, {1e7, 1e6, "M"}, {1e4, 1e3, "k"}};
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++) {
        if (fabs(x) < scale[i].from) continue;
        *suffix = scale[i].suffix;
        return scale[i].by;
    }
    *suffix = "";
    return 1;
}

#define SHARE_DECIMALS 3 /* a thousandth of a per cent is as fine as people compare shares */
#define DECIMALS_MOST  6 /* smaller numbers are written with an exponent */

/* A share so near to nothing, or to all, that it would be written as if it were that. */
static bool is_at_end(np_cell *c, double mean, double room, int decimals)
{
    double least = pow(10, -decimals);
    if (decimals < SHARE_DECIMALS) return false;
    if (mean > 0 && mean < least / 2)
        snprintf(c->value, sizeof c->value, "<%.*f", decimals, least);
    else if (room > 0 && room < least / 2)
        snprintf(c->value, sizeof c->value, ">%.*f", decimals, 100 - least);
    return *c->value != 0;
}

np_cell np_cell_number(double mean, double half, double room, bool sign)
{
    if (!isfinite(mean)) return nothing;
    np_cell c = {{0}, {0}};
    const char *suffix;
    double by = scale_of(fmax(fabs(mean), isnan(half) ? 0 : half), &suffix);
    mean /= by;
    bool known = isfinite(half) && half > 0;
    if (isfinite(half)) half /= by;
    double fine =
        !isnan(room) && room > 0 && room < fabs(mean) ? room : mean; /* what the digits must resolve */
    int wanted = decimals_for(fine, 3);
    if (known) {
        /* One digit of the interval, two when it begins with 1: at most a third of it is rounded away. */
        int lead = (int)(half / pow(10, floor(log10(half))));
        wanted = decimals_for(half, lead == 1 ? 2 : 1);
        if (fine != 0) wanted = most(least(wanted, decimals_for(fine, 4)), decimals_for(fine, 2));
    }
    if (wanted > DECIMALS_MOST && isnan(room)) {
        snprintf(c.value, sizeof c.value, sign ? "%+.1e" : "%.1e", mean * by);
        if (known) snprintf(c.note, sizeof c.note, "±%.0e", half * by);
        return c;
    }
    int decimals = least(most(wanted, 0), isnan(room) ? DECIMALS_MOST : SHARE_DECIMALS);
    if (mean == 0 && !known) decimals = 0;
    if (!isnan(room) && is_at_end(&c, mean, room, decimals)) return c;
    snprintf(c.value, sizeof c.value, sign && mean != 0 ? "%+.*f%s" : "%.*f%s", decimals, mean, suffix);
    if (!isnan(half)) {
        snprintf(c.note, sizeof c.note, "±%.*f%s", half > 0 ? decimals : 0, half, half > 0 ? suffix : "");
    }
    return c;
}

np_cell np_cell_seconds(double s)
{
    if (!isfinite(s)) return nothing;
    static const struct {
        double from, by;
        const char *unit;
    } unit[] = {{7200, 3600, "h"}, {120, 60, "min"}, {1, 1, "s"}, {0, 1e-3, "ms"}};
    size_t i = 0;
    while (s < unit[i].from) i++;
    double x = s / unit[i].by;
    int decimals = x > 0 ? most(0, least(2, decimals_for(x, 3))) : 0;
    np_cell c = {{0}, {0}};
    snprintf(c.value, sizeof c.value, "%.*f %s", decimals, x, unit[i].unit);
    return c;
}

/* ---- figures ---- */

static double of_replica(const np_figure *f, const np_result *r)
{
    double x = r->value[f->of];
    if (f->shows == NP_SHOWS_METRIC) return x;
    if (f->divisor < 0) return 100 * x;
    double whole = r->value[f->divisor];
    return whole > 0 ? 100 * x / whole : NAN;
}

static np_cell quantile_cell(const np_quantile *q, double p)
{
    np_cell c = nothing;
    if (q && np_quantile_count(q) > 0) return np_cell_seconds(np_quantile_at(q, p));
    if (q && np_quantile_censored(q) > 0) snprintf(c.value, sizeof c.value, "never");
    return c;
}

/* The share of the censored: what the quantiles beside it do not speak of. */
static np_cell never_cell(const np_quantile *q)
{
    np_cell c = nothing;
    double never = q ? (double)np_quantile_censored(q) : 0,
           all = q ? never + (double)np_quantile_count(q) : 0;
    if (!(all > 0)) return c;
    double share = 100 * never / all;
    snprintf(c.value, sizeof c.value, share > 0 && share < 1 ? "<1 %%" : "%.0f %%", share);
    return c;
}

static np_estimate estimate(const np_column *c, const np_column *first, const np_figure *f, double *scratch)
{
    for (uint32_t r = 0; r < c->replicas; r++) {
        scratch[r] = of_replica(f, c->replica[r]) - (first ? of_replica(f, first->replica[r]) : 0);
    }
    return np_estimate_of(scratch, c->replicas);
}

np_cell np_figure_cell(const np_column *c, const np_column *first, const np_figure *f, double *scratch)
{
    if (f->shows == NP_SHOWS_QUANTILE) return quantile_cell(c->spread[f->of], f->p);
    if (f->shows == NP_SHOWS_NEVER) return never_cell(c->spread[f->of]);
    np_estimate e = estimate(c, first, f, scratch);
    double room = f->shows == NP_SHOWS_SHARE && !first ? 100 - e.mean : NAN;
    return np_cell_number(e.mean, (e.high - e.low) / 2, room, first != NULL);
}
