/*
 * The figures there are; what the detection and occupancy figures need. A new figure is a row here and a
 * script of its name in scripts/plot.
 */
#include "drawing.h"
#include <math.h>

static bool has_break(const np_read_strategy *s)
{
    static const np_spread detects[] = {NP_SPREAD_CLIENT_DETECT, NP_SPREAD_SERVER_DETECT};
    for (int i = 0; i < 2; i++) {
        if (s->points[detects[i]] > 0 || s->never[detects[i]] > 0) return true;
    }
    return false;
}

static bool never_breaks(const np_read_strategy *s)
{
    return !has_break(s);
}

#define DETECTION_LEAST_S 1e-3 /* the left end of the axis: sooner is at once */

/* A curve begins at 0 at the left end and goes on to the right end as high as it came. */
static bool write_curves(const np_drawing *d, const char *file, np_spread which, double low, double high)
{
    FILE *f = np_drawing_create(d, file);
    if (!f) return false;
    for (uint32_t i = 0; i < d->point->strategies; i++) {
        const np_read_strategy *s = &d->point->strategy[i];
        uint32_t n = s->points[which];
        if (n > 0 || s->never[which] > 0) {
            double y = 0;
            fprintf(f, "%.9g 0\n", low);
            for (uint32_t k = 0; k < n; k++) { /* steps: up at x only */
                double x = fmax(s->curve[which][k].x, low), next = 100 * s->curve[which][k].y;
                fprintf(f, "%.9g %.9g\n%.9g %.9g\n", x, y, x, next);
                y = next;
            }
            fprintf(f, "%.9g %.9g\n", high, y);
        } else {
            fputs("NaN NaN\n", f);
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f);
}

static void widen(const np_read_strategy *s, np_spread which, double *low, double *high)
{
    uint32_t n = s->points[which];
    if (n == 0) return;
    *low = fmin(*low, fmax(s->curve[which][0].x, DETECTION_LEAST_S));
    *high = fmax(*high, s->curve[which][n - 1].x);
}

static bool write_detection(const np_drawing *d, FILE *job)
{
    double low = INFINITY, high = 0;
    for (uint32_t i = 0; i < d->point->strategies; i++) {
        widen(&d->point->strategy[i], NP_SPREAD_CLIENT_DETECT, &low, &high);
        widen(&d->point->strategy[i], NP_SPREAD_SERVER_DETECT, &low, &high);
    }
    low = fmin(low, 1) / 1.5; /* 1: so that curves of one value have an axis too */
    high = fmax(high, 10) * 2;
    fprintf(job, "np_detect_low = %.9g\nnp_detect_high = %.9g\narray Shown[%u]\n", low, high,
            d->point->strategies);
    for (uint32_t i = 0; i < d->point->strategies; i++) {
        fprintf(job, "Shown[%u] = %d\n", i + 1, has_break(&d->point->strategy[i]));
    }
    np_drawing_note(d, job, "no breaks: ", never_breaks);
    return write_curves(d, "client", NP_SPREAD_CLIENT_DETECT, low, high) &&
           write_curves(d, "server", NP_SPREAD_SERVER_DETECT, low, high);
}

static bool write_occupancy(const np_drawing *d, FILE *job)
{
    bool known = d->point->duration_s > 0;
    double hours = known ? d->point->duration_s / 3600 : 1;
    const char *unit = !known ? "share of the run" : hours >= 2 ? "time (h)" : "time (min)";
    double by = known && hours < 2 ? hours * 60 : hours;
    np_drawing_text(job, "np_time_unit", unit);
    np_drawing_text(job, "np_note", "");
    fprintf(job, "np_capacity = %.9g\nnp_end = %.9g\nnp_warmup = %.9g\n",
            isnan(d->point->capacity) ? 0 : d->point->capacity, by,
            known && d->point->warmup_s > 0 ? by * d->point->warmup_s / d->point->duration_s : 0);
    FILE *f = np_drawing_create(d, "entries");
    if (!f) return false;
    double peak = 0;
    for (uint32_t i = 0; i < d->point->strategies; i++) {
        const np_read_strategy *s = &d->point->strategy[i];
        fputs(s->entry_points ? "" : "NaN NaN\n", f);
        for (uint32_t k = 0; k < s->entry_points; k++) {
            fprintf(f, "%.9g %.9g\n", s->entries[k].x * by, s->entries[k].y);
            peak = fmax(peak, s->entries[k].y);
        }
        fputs("\n\n", f);
    }
    fprintf(job, "np_peak = %.9g\n", peak);
    return np_drawing_finish(d, f);
}

static bool has_values(const np_read_point *p)
{
    for (uint32_t i = 0; i < p->strategies; i++) {
        const np_estimate *e = p->strategy[i].value;
        if (!isnan(e[NP_DRAWN_UPKEEP].mean) &&
            !(isnan(e[NP_DRAWN_BREAKS].mean) && isnan(e[NP_DRAWN_REACHABLE].mean)))
            return true;
    }
    return false;
}

static bool has_curves(const np_read_point *p)
{
    for (uint32_t i = 0; i < p->strategies; i++) {
        if (p->strategy[i].points[NP_SPREAD_CLIENT_DETECT] + p->strategy[i].points[NP_SPREAD_SERVER_DETECT] >
            0)
            return true;
    }
    return false;
}

static bool has_entries(const np_read_point *p)
{
    for (uint32_t i = 0; i < p->strategies; i++) {
        if (p->strategy[i].entry_points > 0) return true;
    }
    return false;
}

const np_picture np_pictures[] = {
    {"reachability", "What upkeep buys", "no strategy has a figure for upkeep", false, has_values,
     np_write_reachability},
    {"detection", "How soon each end knows of a break",
     "the file holds no times of detection (a .csv has none)", true, has_curves, write_detection},
    {"occupancy", "How full the NAT is", "the file holds no occupancy over time (a .csv has none)", true,
     has_entries, write_occupancy},
};
const size_t np_pictures_count = sizeof np_pictures / sizeof *np_pictures;
