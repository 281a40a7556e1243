/*
 * Axes: where a value stands, and where the tics do.
 */
#include "scale.h"
#include "drawing.h"
#include <math.h>
#include <string.h>

#define NINES_FROM 0.95 /* below, per cent tell more than nines */
#define NINES_MOST 7.0  /* replicas seldom resolve a ten-millionth */
#define LOG_SPAN   20.0
#define ZERO_PLACE 0.6 /* decades left of the least */
#define TIC_PIXELS 55  /* between two tics of a linear axis, about */
#define LABEL_GAP  9   /* pixels between two labels along an axis */
#define LABEL_Y    19  /* and that one needs across */

bool np_metric_is_share(np_metric m)
{
    return m == NP_METRIC_REACHABLE || m == NP_METRIC_SERVER_ZOMBIE || m == NP_METRIC_CLIENT_ZOMBIE;
}

bool np_metric_more_is_better(np_metric m)
{
    return m == NP_METRIC_REACHABLE || m == NP_METRIC_MESSAGES_DELIVERED || m == NP_METRIC_MESSAGES_SENT;
}

void np_scale_interval(const np_scale *s, const np_estimate *e, double *low, double *high)
{
    *low = isnan(e->low) ? e->mean : e->low;
    *high = isnan(e->high) ? e->mean : e->high;
    *low = fmax(*low, 0);
    if (np_metric_is_share(s->metric)) *high = fmin(*high, 1);
}

static double nines(double share, double most)
{
    return share < 1 ? fmin(-log10(1 - share), most) : most;
}

double np_scale_at(const np_scale *s, double v)
{
    if (isnan(v)) return NAN;
    switch (s->kind) {
    case NP_SCALE_NINES: return fmax(nines(v, s->most), s->low);
    case NP_SCALE_LOG: return v > 0 ? fmax(log10(v * s->by), s->low) : s->least - ZERO_PLACE / 2;
    case NP_SCALE_LINEAR: break;
    }
    return v * s->by;
}

static void end_nines(np_scale *s, const np_estimate *e, uint32_t n)
{
    double low = INFINITY, high = 1;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(e[i].mean)) continue;
        double a, b;
        np_scale_interval(s, &e[i], &a, &b);
        low = fmin(low, nines(a, NINES_MOST));
        if (e[i].mean < 1) high = fmax(high, nines(e[i].mean, NINES_MOST));
        if (b < 1) high = fmax(high, nines(b, NINES_MOST));
    }
    s->most = fmin(ceil(high + 0.3), NINES_MOST); /* 100 % stands above all that is less */
    s->low = low < 1 ? 0 : fmin(floor(low), s->most - 1);
    s->high = s->most + 0.25;
    s->low -= 0.12;
}

static void end_log(np_scale *s, double least, double most)
{
    s->least = floor(log10(least));
    s->low = s->zero ? s->least - ZERO_PLACE : s->least;
    s->high = fmax(log10(most) + 0.08 * (log10(most) - s->low), s->least + 1);
}

np_scale np_scale_of(np_metric m, const np_estimate *e, uint32_t n, bool in_nines, bool log)
{
    np_scale s = {.metric = m, .by = np_metric_is_share(m) ? 100 : 1};
    double low = INFINITY, high = -INFINITY, least = INFINITY, best = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(e[i].mean)) continue;
        double a, b;
        np_scale_interval(&s, &e[i], &a, &b);
        low = fmin(low, a * s.by);
        high = fmax(high, b * s.by);
        best = fmax(best, e[i].mean);
        if (e[i].mean > 0) least = fmin(least, e[i].mean * s.by);
        s.zero = s.zero || !(e[i].mean > 0);
    }
    if (m == NP_METRIC_REACHABLE && in_nines && best > NINES_FROM) {
        s.kind = NP_SCALE_NINES;
        end_nines(&s, e, n);
    } else if (log && least < high && high > LOG_SPAN * least) {
        s.kind = NP_SCALE_LOG;
        end_log(&s, least, high);
    } else {
        if (high < low) low = 0, high = 1;
        if (low < high / 2 || m != NP_METRIC_REACHABLE) low = fmin(low, 0);
        double room = high > low ? 0.08 * (high - low) : high > 0 ? 0.1 * high : 1;
        s.low = low - (low > 0 || high <= 0 ? room : 0.5 * room);
        s.high = high + room;
    }
    return s;
}

np_scale np_scale_of_differences(np_metric m, const np_estimate *e, uint32_t n)
{
    np_scale s = {.metric = m, .by = np_metric_is_share(m) ? 100 : 1};
    double low = 0, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(e[i].mean)) continue;
        low = fmin(low, s.by * (isnan(e[i].low) ? e[i].mean : e[i].low));
        high = fmax(high, s.by * (isnan(e[i].high) ? e[i].mean : e[i].high));
    }
    double room = high > low ? 0.06 * (high - low) : 1;
    s.low = low - room;
    s.high = high + room;
    return s;
}

/* 1, 2 or 5 times a power of ten, at least x. */
static double round_step(double x)
{
    double decade = pow(10, floor(log10(x))), lead = x / decade;
    return decade * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

static void put_number(FILE *job, double v)
{
    static const char *const suffix[] = {"", " k", " M", " G", " T"};
    int thousands = 0;
    for (; fabs(v) >= 1000 && thousands < 4; thousands++) v /= 1000;
    fprintf(job, "\"%.6g%s\"", v, suffix[thousands]);
}

/* Half of what a label takes of an axis, in decades of `unit` pixels. */
static double half_label(const char *label, char axis, double unit)
{
    return (axis == 'x' ? np_text_pixels(label) + LABEL_GAP : LABEL_Y) / 2 / unit;
}

/* As many labels as fit, from 0 upwards; 100 is always there. */
static void write_nines(const np_scale *s, FILE *job, char axis, double unit)
{
    static const char *const share[] = {"0", "90", "99", "99.9", "99.99", "99.999", "99.9999"};
    double fifty = -log10(0.5), free = -INFINITY, end = s->most - half_label("100", axis, unit);
    for (int k = (int)ceil(s->low); k < (int)s->most; k++) {
        double half = half_label(share[k], axis, unit);
        bool shown = k - half >= free && k + half <= end;
        fprintf(job, "\"%s\" %d, ", shown ? share[k] : "", k);
        if (shown) free = k + half;
        half = half_label("50", axis, unit);
        if (k > 0 || fifty - half < free || fifty + half > 1 - half) continue;
        fprintf(job, "\"50\" %.9g, ", fifty);
        free = fifty + half;
    }
    fprintf(job, "\"100\" %.9g", s->most);
}

static void write_log(const np_scale *s, FILE *job, bool wide)
{
    const char *comma = "";
    if (s->zero) {
        fprintf(job, "\"0\" %.9g", s->least - ZERO_PLACE / 2);
        comma = ", ";
    }
    bool few = s->high - s->least < 2.3 && wide;
    for (int d = (int)s->least; d <= s->high; d++) {
        for (int m = 1; m < 10; m++) {
            double at = d + log10(m);
            if (at > s->high) break;
            fputs(comma, job);
            if (m == 1 || (few && (m == 2 || m == 5))) {
                put_number(job, m * pow(10, d));
                fprintf(job, " %.9g", at);
            } else {
                fprintf(job, "\"\" %.9g 1", at);
            }
            comma = ", ";
        }
    }
}

static void write_linear(const np_scale *s, FILE *job, double pixels)
{
    double span = s->high - s->low, step = round_step(span / fmax(pixels / TIC_PIXELS, 2));
    const char *comma = "";
    for (long k = (long)ceil(s->low / step); (double)k * step <= s->high; k++) {
        double v = (double)k * step;
        if (s->by == 100 && s->low >= -50 && v > 100.0001 && s->metric == NP_METRIC_REACHABLE) break;
        fputs(comma, job);
        put_number(job, v);
        fprintf(job, " %.9g", v);
        comma = ", ";
    }
}

/* gnuplot puts the name of a vertical axis so far from it as its widest number needs, beyond the edge if need
   be; it is given a place of its own. */
#define NP_SIDE_LABEL "screen px(np_side), graph 0.5 center rotate by 90"

void np_scale_write(const np_scale *s, FILE *job, const char *name, char axis, const char *label,
                    double pixels)
{
    fprintf(job, "%s = 'set %crange [%.9g:%.9g]; ", name, axis, s->low, s->high);
    if (axis == 'y')
        fprintf(job, "set label 997 \"%s\" at " NP_SIDE_LABEL "; ", label);
    else
        fprintf(job, "set xlabel \"%s\"; ", label);
    fprintf(job, "set %ctics (", axis);
    double unit = pixels / (s->high - s->low);             /* a decade */
    bool wide = 2 * half_label("999 k", axis, unit) < 0.3; /* 2 and 5 have room beside 1 */
    switch (s->kind) {
    case NP_SCALE_NINES: write_nines(s, job, axis, unit); break;
    case NP_SCALE_LOG: write_log(s, job, wide); break;
    case NP_SCALE_LINEAR: write_linear(s, job, axis == 'x' ? pixels / 1.6 : pixels); break;
    }
    fputs(")'\n", job);
}

static const struct {
    np_metric metric;
    const char *brief, *whole;
} labels[] = {
    {NP_METRIC_REACHABLE, "reachable (%)", "reachable (% of the time)"},
    {NP_METRIC_BREAKS, "breaks (1/h)", "breaks per connection-hour"},
    {NP_METRIC_UPKEEP_BYTES, "upkeep (bytes/h)", "upkeep (bytes per connection-hour)"},
    {NP_METRIC_UPKEEP_PACKETS, "upkeep (packets/h)", "upkeep (packets per connection-hour)"},
    {NP_METRIC_WAKEUPS, "wake-ups (1/h)", "wake-ups per connection-hour"},
    {NP_METRIC_ENERGY, "energy (J/h)", "radio energy (J per connection-hour)"},
};

char *np_scale_label(char *buf, size_t size, const np_scale *s, bool brief)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (labels[i].metric != s->metric) continue;
        snprintf(buf, size, "%s", brief ? labels[i].brief : labels[i].whole);
        return buf;
    }
    const np_metric_info *about = np_metric_about(s->metric);
    const char *unit = np_metric_is_share(s->metric) ? "%" : about->unit;
    snprintf(buf, size, *unit && !strchr(about->heading, '/') ? "%s (%s)" : "%s", about->heading, unit);
    return buf;
}
