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
        if (s->spread[detects[i]].points > 0 || s->spread[detects[i]].never > 0) return true;
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
    for (uint32_t i = 0; i < np_drawing_point(d)->strategies; i++) {
        const np_read_strategy *s = &np_drawing_point(d)->strategy[i];
        uint32_t n = s->spread[which].points;
        if (n > 0 || s->spread[which].never > 0) {
            double y = 0;
            fprintf(f, "%.9g 0\n", low);
            for (uint32_t k = 0; k < n; k++) { /* steps: up at x only */
                double x = fmax(s->spread[which].curve[k].x, low), next = 100 * s->spread[which].curve[k].y;
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
    uint32_t n = s->spread[which].points;
    if (n == 0) return;
    *low = fmin(*low, fmax(s->spread[which].curve[0].x, DETECTION_LEAST_S));
    *high = fmax(*high, s->spread[which].curve[n - 1].x);
}

static bool write_detection(const np_drawing *d, FILE *job)
{
    double low = INFINITY, high = 0;
    for (uint32_t i = 0; i < np_drawing_point(d)->strategies; i++) {
        widen(&np_drawing_point(d)->strategy[i], NP_SPREAD_CLIENT_DETECT, &low, &high);
        widen(&np_drawing_point(d)->strategy[i], NP_SPREAD_SERVER_DETECT, &low, &high);
    }
    low = fmin(low, 1) / 1.5; /* 1: so that curves of one value have an axis too */
    high = fmax(high, 10) * 2;
    fprintf(job, "np_detect_low = %.9g\nnp_detect_high = %.9g\narray Shown[%u]\n", low, high,
            np_drawing_point(d)->strategies);
    for (uint32_t i = 0; i < np_drawing_point(d)->strategies; i++) {
        fprintf(job, "Shown[%u] = %d\n", i + 1, has_break(&np_drawing_point(d)->strategy[i]));
    }
    np_drawing_note(d, job, "no breaks to know of: ", never_breaks);
    return write_curves(d, "client", NP_SPREAD_CLIENT_DETECT, low, high) &&
           write_curves(d, "server", NP_SPREAD_SERVER_DETECT, low, high);
}

#define CAPACITY_NEAR                                                                                        \
    3 /* times the peak: a capacity above would leave the curves at the foot of the figure */

static bool write_occupancy(const np_drawing *d, FILE *job)
{
    bool known = np_drawing_point(d)->duration_s > 0;
    double hours = known ? np_drawing_point(d)->duration_s / 3600 : 1;
    const char *unit = !known ? "share of the run" : hours >= 2 ? "time (h)" : "time (min)";
    double by = known && hours < 2 ? hours * 60 : hours;
    np_drawing_text(job, "np_time_unit", unit);
    fprintf(job, "np_capacity = %.9g\nnp_end = %.9g\nnp_warmup = %.9g\n",
            isnan(np_drawing_point(d)->capacity) ? 0 : np_drawing_point(d)->capacity, by,
            known && np_drawing_point(d)->warmup_s > 0
                ? by * np_drawing_point(d)->warmup_s / np_drawing_point(d)->duration_s
                : 0);
    FILE *f = np_drawing_create(d, "entries");
    if (!f) return false;
    double peak = 0;
    for (uint32_t i = 0; i < np_drawing_point(d)->strategies; i++) {
        const np_read_strategy *s = &np_drawing_point(d)->strategy[i];
        fputs(s->entry_points ? "" : "NaN NaN\n", f);
        for (uint32_t k = 0; k < s->entry_points; k++) {
            fprintf(f, "%.9g %.9g\n", s->entries[k].x * by, s->entries[k].y);
            peak = fmax(peak, s->entries[k].y);
        }
        fputs("\n\n", f);
    }
    fprintf(job, "np_peak = %.9g\n", peak);
    double capacity = np_drawing_point(d)->capacity;
    bool near = capacity < CAPACITY_NEAR * peak; /* then a line shows it */
    fprintf(job, "np_near = %d\n", near);
    if (capacity > 0 && !near) {
        char note[80];
        snprintf(note, sizeof note, "the table has room for %.0f", capacity);
        np_drawing_text(job, "np_note", note);
    }
    return np_drawing_finish(d, f);
}

static const char *no_detection(const np_drawing *d)
{
    const np_read_point *p = np_drawing_point(d);
    bool known = false;
    for (uint32_t i = 0; i < p->strategies; i++) {
        const np_read_spread *spread = p->strategy[i].spread;
        if (spread[NP_SPREAD_CLIENT_DETECT].points + spread[NP_SPREAD_SERVER_DETECT].points > 0) return NULL;
        known = known || p->strategy[i].entry_points > 0; /* written by what writes the others */
    }
    return known ? "nothing broke that an end came to know of"
                 : "the file holds no times of detection (a .csv has none)";
}

static const char *no_occupancy(const np_drawing *d)
{
    const np_read_point *p = np_drawing_point(d);
    for (uint32_t i = 0; i < p->strategies; i++) {
        if (p->strategy[i].entry_points > 0) return NULL;
    }
    return "the file holds no occupancy over time (a .csv has none)";
}

static void lay_out_occupancy(const np_drawing *d, np_layout *l)
{
    np_drawing_legend(d, l);
    l->panels = 1;
    l->panel = 420;
}

const np_picture np_pictures[] = {
    {"interval", "Against what is varied", NP_SCOPE_STUDY,
     "What the varied setting does to reachability, breaks and cost. Bands are 95 % intervals.", "bands",
     NULL, np_no_interval, np_lay_out_interval, np_write_interval},
    {"interval", "Against what is varied", NP_SCOPE_STRATEGY,
     "What one setting does to reachability, breaks and cost, a line for each value of the other. Bands are "
     "95 % "
     "intervals.",
     "bands", NULL, np_no_interval, np_lay_out_interval, np_write_interval},
    {"heat", "Over both settings", NP_SCOPE_STRATEGY, "Each cell is the mean at one pair of settings.", NULL,
     NULL, np_no_heat, np_lay_out_heat, np_write_heat},
    {"pareto", "What reachability costs", NP_SCOPE_STUDY,
     "Each mark is one strategy. On the grey line stand those that nothing beats: what is more reachable "
     "costs "
     "more. Up each grid line is ten times less often out of reach.",
     "bars", "beside a mark", np_no_pareto, np_lay_out_pareto, np_write_pareto},
    {"ranking", "Who comes first", NP_SCOPE_STUDY,
     "Means with 95 % intervals, the best on top. Beside them the difference from the first strategy, "
     "replica by "
     "replica under the same losses and arrivals.",
     "bars and ±", "after a name", np_no_ranking, np_lay_out_ranking, np_write_ranking},
    {"causes", "Why connections break", NP_SCOPE_STUDY, "Breaks by what caused them.", "±", "after a name",
     np_no_causes, np_lay_out_causes, np_write_causes},
    {"reachability", "What upkeep buys", NP_SCOPE_POINT,
     "Reachability and breaks against the bytes that upkeep costs; bars are 95 % intervals.", "bars", NULL,
     np_no_reachability, NULL, np_write_reachability},
    {"detection", "How soon each end knows of a break", NP_SCOPE_POINT,
     "The share of all breaks that an end knows of after so long. A curve that ends below 100 % is short of "
     "those "
     "never noticed.",
     NULL, NULL, no_detection, np_drawing_legend, write_detection},
    {"occupancy", "How full the NAT is", NP_SCOPE_POINT,
     "Mappings in the table over time, mean over replicas.", NULL, NULL, no_occupancy, lay_out_occupancy,
     write_occupancy},
};
const size_t np_pictures_count = sizeof np_pictures / sizeof *np_pictures;
