/*
 * Figures of what was found in captures: their data, and what scripts/plot/curve.gp and replay.gp need to
 * know.
 */
#include "natpulse/capture_figures.h"
#include "drawing.h"
#include <assert.h>
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

/* A share of 0 is drawn half a flow's share above nothing, since the axis is logarithmic: what matters is who
   is hurt by a table that is nearly large enough. */
static double least_shown(const np_curve *c)
{
    uint64_t flows = np_curve_count(c).sampled;
    return flows > 10 ? 100 / (2.0 * (double)flows) : 5;
}

static bool write_curves(const np_drawing *d, const np_curve *c, double most)
{
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    double least = least_shown(c);
    for (uint32_t k = 0; k < np_curve_count(c).timeouts; k++) {
        uint64_t before = 0;
        for (double x = 1; x <= most * 1.001; x *= pow(2, 1.0 / POINTS_A_DOUBLING)) {
            uint64_t capacity = (uint64_t)llround(x);
            if (capacity == before) continue;
            before = capacity;
            np_curve_point p = np_curve_at(c, capacity, k);
            fprintf(f, "%llu %.9g %.9g %.9g\n", (unsigned long long)capacity, fmax(100 * p.share, least),
                    fmax(100 * p.low, least), fmax(100 * p.high, least));
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f);
}

/* Where the names of lines stand that end at these heights (shares of the panel, 0 at its foot): beside the
   end, or as near to it as leaves `apart` between two. Lines come in falling order. */
static void spread_names(const double *end, uint32_t n, double apart, double *place)
{
    for (uint32_t i = 0; i < n; i++) place[i] = i > 0 ? fmin(end[i], place[i - 1] - apart) : fmin(end[0], 1);
    double foot = 0;
    for (uint32_t i = n; i-- > 0 && place[i] < foot; foot += apart) place[i] = foot;
}

#define NAME_APART (18 / (2.0 * NP_PANEL_HEIGHT + NP_PANEL_GAP)) /* a line of text in the panel */

/* A timeout's name at the right end of its line, or a little off with a thin line between. */
static void write_ends(FILE *job, const np_curve *c, double most, const char *const *name)
{
    uint32_t n = np_curve_count(c).timeouts;
    double end[NP_CURVE_TIMEOUTS], place[NP_CURVE_TIMEOUTS], least = least_shown(c);
    for (uint32_t k = 0; k < n; k++) { /* a longer timeout hurts no more than a shorter one */
        double share = fmax(100 * np_curve_at(c, (uint64_t)most, k).share, least);
        end[k] = log(share / least) / log(100 / least);
    }
    spread_names(end, n, NAME_APART, place);
    fprintf(job, "array End[%u]\narray Place[%u]\narray Said[%u]\n", n, n, n);
    for (uint32_t k = 0; k < n; k++) {
        fprintf(job, "End[%u] = %.6g\nPlace[%u] = %.6g\n", k + 1, end[k], k + 1, place[k]);
        np_drawing_element(job, "Said", k + 1, name[k]);
    }
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
    np_drawing_frame(&f.drawing, f.job, title, name, counts.timeouts, false);
    char note[200] = "";
    if (counts.sample < 1)
        snprintf(note, sizeof note, "from a sample of %llu flows (%.3g %%); shaded: 95 %% intervals",
                 (unsigned long long)counts.sampled, 100 * counts.sample);
    np_drawing_text(f.job, "np_note", note);
    write_ends(f.job, c, most, name);
    fprintf(f.job, "np_most = %.0f\nnp_least = %.9g\nnp_sampled = %d\n", most, least_shown(c),
            counts.sample < 1);
    return end(&f, "curve", write_curves(&f.drawing, c, most));
}

/* ---- the replay ---- */

/* A line a bin's end: time, mappings held, mappings evicted and lost by either cause in a unit of time, and
   lost so far. */
static bool write_bins(const np_drawing *d, const np_replay_summary *s, uint32_t boxes, double unit_s,
                       double rate_s)
{
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    for (uint32_t i = 0; i < boxes; i++) {
        double width_s = np_seconds(s[i].bin_width);
        uint64_t so_far = 0;
        if (s[i].bins == 0) fputs("0 0 0 0 0\n", f);
        for (uint32_t b = 0; b < s[i].bins; b++) {
            const np_replay_bin *bin = &s[i].bin[b];
            double from = b * width_s / unit_s, to = (b + 1) * width_s / unit_s, rate = rate_s / width_s,
                   evicted = (double)bin->evicted * rate, lost = (double)(bin->evicted + bin->expired) * rate;
            fprintf(f, "%.9g %u %.9g %.9g %llu\n", from, bin->entries, evicted, lost,
                    (unsigned long long)so_far);
            so_far += bin->evicted + bin->expired;
            fprintf(f, "%.9g %u %.9g %.9g %llu\n", to, bin->entries, evicted, lost,
                    (unsigned long long)so_far);
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f);
}

#define REPLAYED_MOST 64 /* boxes in one figure */

/* Of one box its causes, of several the names with what each lost in the end. */
static uint32_t name_lines(const np_replay_summary *s, const char *const *name, uint32_t boxes,
                           char text[][80], const char **line)
{
    static const char *const cause[] = {"mappings held", "evicted", "timed out"};
    for (uint32_t i = 0; boxes > 1 && i < boxes; i++) {
        snprintf(text[i], sizeof text[i], "%s: %llu", name[i],
                 (unsigned long long)(s[i].losses_evicted + s[i].losses_expired));
        line[i] = text[i];
    }
    for (uint32_t i = 0; boxes == 1 && i < 3; i++) line[i] = cause[i];
    return boxes > 1 ? boxes : 3;
}

bool np_figure_replay(const np_replay_summary *s, const np_nat_config *nat, const char *const *name,
                      uint32_t boxes, const char *title, const char *path, np_error *e)
{
    figure f;
    char text[REPLAYED_MOST][80];
    const char *line[REPLAYED_MOST];
    assert(boxes <= REPLAYED_MOST);
    if (!begin(&f, path, e)) return false;
    double length_s = s->first <= s->last ? np_seconds(s->last - s->first) : 0;
    double unit_s = length_s >= 7200 ? 3600 : length_s >= 120 ? 60 : 1, rate_s = unit_s >= 60 ? 60 : 1;
    uint32_t peak = 0, capacity = 0;
    for (uint32_t i = 0; i < boxes; i++) {
        if (s[i].entries_peak > peak) peak = s[i].entries_peak;
        if (nat[i].capacity > capacity) capacity = nat[i].capacity;
    }
    uint32_t lines = name_lines(s, name, boxes, text, line);
    np_drawing_frame(&f.drawing, f.job, title, line, lines, true);
    np_drawing_text(f.job, "np_note", "lost: evicted or timed out with packets still to come");
    np_drawing_text(f.job, "np_time_unit",
                    unit_s == 3600 ? "time (h)"
                    : unit_s == 60 ? "time (min)"
                                   : "time (s)");
    np_drawing_text(f.job, "np_rate_unit", rate_s == 60 ? "minute" : "second");
    fprintf(f.job, "np_boxes = %u\nnp_end = %.9g\nnp_peak = %u\nnp_capacity = %u\n", boxes,
            s->bins > 0 ? s->bins * np_seconds(s->bin_width) / unit_s : 1, peak, capacity);
    return end(&f, "replay", write_bins(&f.drawing, s, boxes, unit_s, rate_s));
}
