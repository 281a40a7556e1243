/*
 * Figures of what was found in captures: their data, and what scripts/plot/curve.gp and replay.gp need to
 * know.
 */
#include "natpulse/capture_figures.h"
#include "drawing.h"
#include <math.h>
#include <string.h>

/* Sizes at which a curve is drawn: enough that its steps show. */
#define POINTS_A_DOUBLING 12

const char *np_figure_format(const char *path, np_error *e)
{
    static const char *const known[] = {"svg", "png", "pdf"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
        if (strcmp(dot + 1, known[i]) == 0) return known[i];
    np_fail(e, NP_TROUBLE_USAGE, "%s: the extension tells no format of a figure; expected .svg, .png or .pdf",
            path);
    return NULL;
}

/* ---- one figure from begin to end ---- */

typedef struct figure {
    np_drawing drawing;
    char scripts[PATH_MAX], directory[PATH_MAX];
    const char *path;
    FILE *job;
} figure;

static bool begin(figure *f, const char *path, np_error *e)
{
    const char *slash = strrchr(path, '/'), *format = np_figure_format(path, e);
    f->path = path;
    if (!format || !np_drawing_scripts(f->scripts, e)) return false;
    int n = slash ? snprintf(f->directory, sizeof f->directory, "%.*s", (int)(slash - path + 1), path)
                  : snprintf(f->directory, sizeof f->directory, ".");
    if (n >= PATH_MAX) return np_fail(e, NP_TROUBLE_USAGE, "%s: the path is too long", path);
    f->drawing = (np_drawing){.scripts = f->scripts, .directory = f->directory, .format = format, .e = e};
    if (!np_drawing_begin(&f->drawing)) return false;
    f->job = np_drawing_create(&f->drawing, "job");
    if (!f->job) np_drawing_remove(&f->drawing);
    return f->job != NULL;
}

static bool end(figure *f, const char *script, bool ok)
{
    np_drawing_load(f->job, script);
    ok = np_drawing_finish(&f->drawing, f->job) && ok && np_drawing_place(&f->drawing, f->path);
    np_drawing_remove(&f->drawing);
    return ok;
}

/* ---- the curve ---- */

static bool write_curves(const np_drawing *d, const np_curve *c, double most)
{
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    for (uint32_t k = 0; k < np_curve_count(c).timeouts; k++) {
        uint64_t before = 0;
        for (double x = 1; x <= most * 1.001; x *= pow(2, 1.0 / POINTS_A_DOUBLING)) {
            uint64_t capacity = (uint64_t)llround(x);
            if (capacity == before) continue;
            before = capacity;
            np_curve_point p = np_curve_at(c, capacity, k);
            fprintf(f, "%llu %.9g %.9g %.9g\n", (unsigned long long)capacity, 100 * p.share, 100 * p.low,
                    100 * p.high);
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f);
}

bool np_figure_curve(const np_curve *c, const char *title, const char *path, np_error *e)
{
    figure f;
    if (!begin(&f, path, e)) return false;
    np_curve_counts counts = np_curve_count(c);
    char text[NP_CURVE_TIMEOUTS][40];
    const char *name[NP_CURVE_TIMEOUTS];
    for (uint32_t k = 0; k < counts.timeouts; k++) {
        np_time t = np_curve_timeout(c, k);
        name[k] = t == NP_NEVER ? "none" : np_time_format(text[k], sizeof text[k], t);
    }
    double most = 16;
    while (most < (double)counts.capacity) most *= 2;
    np_drawing_frame(&f.drawing, f.job, title, name, counts.timeouts, true);
    char note[200] = "";
    if (counts.sample < 1)
        snprintf(note, sizeof note, "from a sample of %llu flows (%.3g %%); shaded: 95 %% intervals",
                 (unsigned long long)counts.sampled, 100 * counts.sample);
    np_drawing_text(f.job, "np_note", note);
    fprintf(f.job, "np_most = %.0f\nnp_sampled = %d\n", most, counts.sample < 1);
    return end(&f, "curve", write_curves(&f.drawing, c, most));
}

/* ---- the replay ---- */

static bool write_bins(const np_drawing *d, const np_replay_summary *s, uint32_t boxes, double unit_s)
{
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    for (uint32_t i = 0; i < boxes; i++) {
        double width_s = np_seconds(s[i].bin_width);
        if (s[i].bins == 0) fputs("0 0 0\n", f);
        for (uint32_t b = 0; b < s[i].bins; b++) {
            const np_replay_bin *bin = &s[i].bin[b];
            double from = b * width_s / unit_s, to = (b + 1) * width_s / unit_s;
            double lost = (double)(bin->evicted + bin->expired) / width_s;
            fprintf(f, "%.9g %u %.9g\n%.9g %u %.9g\n", from, bin->entries, lost, to, bin->entries, lost);
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f);
}

bool np_figure_replay(const np_replay_summary *s, const np_nat_config *nat, const char *const *name,
                      uint32_t boxes, const char *title, const char *path, np_error *e)
{
    figure f;
    if (!begin(&f, path, e)) return false;
    double length_s = s->first <= s->last ? np_seconds(s->last - s->first) : 0;
    double unit_s = length_s >= 7200 ? 3600 : length_s >= 120 ? 60 : 1;
    uint32_t peak = 0, capacity = 0;
    for (uint32_t i = 0; i < boxes; i++) {
        if (s[i].entries_peak > peak) peak = s[i].entries_peak;
        if (nat[i].capacity > capacity) capacity = nat[i].capacity;
    }
    np_drawing_frame(&f.drawing, f.job, title, name, boxes, true);
    np_drawing_text(f.job, "np_note", "");
    np_drawing_text(f.job, "np_time_unit",
                    unit_s == 3600 ? "time (h)"
                    : unit_s == 60 ? "time (min)"
                                   : "time (s)");
    fprintf(f.job, "np_end = %.9g\nnp_peak = %u\nnp_capacity = %u\n", length_s > 0 ? length_s / unit_s : 1,
            peak, capacity);
    return end(&f, "replay", write_bins(&f.drawing, s, boxes, unit_s));
}
