/*
 * Figures by gnuplot.
 *
 * Each figure is drawn in a directory of its own beside its place: data files, a job that says what is
 * particular to this result (names, ranges, where labels go) and loads the script that says how the figure
 * looks (scripts/plot/NAME.gp). gnuplot runs there with fixed file names, so no name of the user's is ever
 * part of a command; names of strategies go into single-quoted strings, in which gnuplot expands nothing. The
 * finished figure is renamed into place; on any trouble the directory goes, and nothing stays.
 */
#include "figures.h"
#include "labels.h"
#include "natpulse/report.h"
#include "results.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pixels of a figure at its nominal size, and of the two panels of the reachability figure; the scripts set
   their margins from np_left and the like, which are written into the job from here. */
#define WIDTH         900
#define HEIGHT        770
#define PANEL_LEFT    110
#define PANEL_RIGHT   30
#define PANEL_HEIGHT  275
#define PANEL_LOW     117 /* foot of the lower panel */
#define PANEL_HIGH    433 /* foot of the upper panel */
#define LETTER        9.4 /* mean width of a letter at the font size of the scripts */
#define LINE          21.0
#define NOTE_LINE     32
#define LEGEND_LINE   27
#define LEGEND_SAMPLE 110 /* the line and the gaps of an entry */
#define LEGEND_LETTER 11  /* what gnuplot, which must guess, reserves for a letter */

typedef struct drawing {
    const np_results *results;
    const np_read_point *point;
    const char *scripts, *directory, *format;
    char work[PATH_MAX];
    np_error *e;
} drawing;

static const char *const work_files[] = {"job", "values", "client", "server", "entries", "figure", "log"};

/* ---- files in the work directory ---- */

static bool in_work(const drawing *d, const char *name, char *path)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", d->work, name);
    return n < PATH_MAX || np_fail(d->e, NP_TROUBLE_USAGE, "%s: the path is too long", d->directory);
}

static FILE *create(const drawing *d, const char *name)
{
    char path[PATH_MAX];
    if (!in_work(d, name, path)) return NULL;
    FILE *f = fopen(path, "w");
    if (!f) np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", path, strerror(errno));
    return f;
}

static bool finish(const drawing *d, FILE *f)
{
    bool ok = !ferror(f);
    ok = fclose(f) == 0 && ok;
    return ok || np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", d->work, strerror(errno));
}

static void remove_work(const drawing *d)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof work_files / sizeof *work_files; i++) {
        if (in_work(d, work_files[i], path)) unlink(path);
    }
    rmdir(d->work);
}

/* 'text' as gnuplot reads it. */
static void quote(FILE *f, const char *s)
{
    fputc('\'', f);
    for (; *s; s++) {
        if (*s == '\'') fputc('\'', f);
        fputc((unsigned char)*s < ' ' ? ' ' : *s, f);
    }
    fputc('\'', f);
}

static void set_text(FILE *job, const char *name, const char *text)
{
    fprintf(job, "%s = ", name);
    quote(job, text);
    fputc('\n', job);
}

/* ---- what each figure needs ---- */

/* The grey line under a figure: whom it leaves out, and why. */
typedef bool left_out(const np_read_strategy *s);

static void write_note(const drawing *d, FILE *job, const char *why, left_out *out)
{
    char note[400];
    size_t used = 0;
    for (uint32_t i = 0; i < d->point->strategies && used < sizeof note; i++) {
        if (!out(&d->point->strategy[i])) continue;
        int n =
            snprintf(note + used, sizeof note - used, "%s%s", used ? ", " : why, d->point->strategy[i].name);
        used += (size_t)(n > 0 ? n : 0);
    }
    set_text(job, "np_note", used ? note : "");
}

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
static bool write_curves(const drawing *d, const char *file, np_spread which, double low, double high)
{
    FILE *f = create(d, file);
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
    return finish(d, f);
}

static void widen(const np_read_strategy *s, np_spread which, double *low, double *high)
{
    uint32_t n = s->points[which];
    if (n == 0) return;
    *low = fmin(*low, fmax(s->curve[which][0].x, DETECTION_LEAST_S));
    *high = fmax(*high, s->curve[which][n - 1].x);
}

static bool write_detection(const drawing *d, FILE *job)
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
    write_note(d, job, "no breaks: ", never_breaks);
    return write_curves(d, "client", NP_SPREAD_CLIENT_DETECT, low, high) &&
           write_curves(d, "server", NP_SPREAD_SERVER_DETECT, low, high);
}

static bool write_occupancy(const drawing *d, FILE *job)
{
    bool known = d->point->duration_s > 0;
    double hours = known ? d->point->duration_s / 3600 : 1;
    const char *unit = !known ? "share of the run" : hours >= 2 ? "time (h)" : "time (min)";
    double by = known && hours < 2 ? hours * 60 : hours;
    set_text(job, "np_time_unit", unit);
    set_text(job, "np_note", "");
    fprintf(job, "np_capacity = %.9g\nnp_end = %.9g\nnp_warmup = %.9g\n",
            isnan(d->point->capacity) ? 0 : d->point->capacity, by,
            known && d->point->warmup_s > 0 ? by * d->point->warmup_s / d->point->duration_s : 0);
    FILE *f = create(d, "entries");
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
    return finish(d, f);
}

/* An axis: from low to high over so many pixels. */
typedef struct axis {
    double low, high, pixels;
} axis;

static double to_pixel(const axis *a, double v)
{
    return (v - a->low) / (a->high - a->low) * a->pixels;
}
static double to_value(const axis *a, double px)
{
    return a->low + px / a->pixels * (a->high - a->low);
}

/* Upkeep spans decades and may be nothing at all: a logarithmic axis, with a place for 0 at its left end. */
typedef struct cost_axis {
    axis axis;
    double least; /* log10 of the smallest cost above 0, rounded down to a decade */
    bool has_zero;
} cost_axis;

static double cost_place(const cost_axis *c, double cost)
{
    if (isnan(cost)) return NAN;
    return cost > 0 ? fmax(log10(cost), c->axis.low) : c->axis.low + 0.25;
}

static cost_axis cost_axis_of(const np_read_point *p)
{
    double low = INFINITY, high = -INFINITY;
    bool zero = false;
    for (uint32_t i = 0; i < p->strategies; i++) {
        const np_estimate *e = &p->strategy[i].value[NP_DRAWN_UPKEEP];
        if (isnan(e->mean)) continue;
        if (!(e->mean > 0)) {
            zero = true;
            continue;
        }
        low = fmin(low, log10(e->mean));
        high = fmax(high, log10(e->mean));
    }
    if (high < low) low = high = 0;
    double first = floor(low), last = fmax(high + 0.55, first + 1); /* room for a name */
    return (cost_axis){{zero ? first - 0.6 : first, last, WIDTH - PANEL_LEFT - PANEL_RIGHT}, first, zero};
}

typedef struct drawn {
    double mean, low, high;
} drawn;

static drawn drawn_of(const np_read_strategy *s, np_drawn what)
{
    const np_estimate *e = &s->value[what];
    double by = what == NP_DRAWN_REACHABLE ? 100 : 1;
    bool interval = !isnan(e->low);
    drawn v = {by * e->mean, by * (interval ? e->low : e->mean), by * (interval ? e->high : e->mean)};
    v.low = fmax(v.low, 0);
    if (what == NP_DRAWN_REACHABLE) v.high = fmin(v.high, 100);
    return v;
}

static axis value_axis(const np_read_point *p, np_drawn what)
{
    double low = INFINITY, high = -INFINITY;
    for (uint32_t i = 0; i < p->strategies; i++) {
        drawn v = drawn_of(&p->strategy[i], what);
        if (isnan(v.mean)) continue;
        low = fmin(low, v.low);
        high = fmax(high, v.high);
    }
    if (high < low) low = 0, high = 1;
    if (what == NP_DRAWN_BREAKS) low = 0;
    double room = high > low ? 0.15 * (high - low) : high > 0 ? 0.1 * high : 1;
    double top = high + room, bottom = low - room;
    return (axis){bottom, top, PANEL_HEIGHT};
}

static void write_panel(const drawing *d, FILE *job, const char *name, np_drawn what, const cost_axis *x)
{
    const np_read_point *p = d->point;
    axis y = value_axis(p, what);
    np_label label[64];
    uint32_t owner[64], n = 0;
    for (uint32_t i = 0; i < p->strategies && n < 64; i++) {
        drawn v = drawn_of(&p->strategy[i], what);
        double cost = p->strategy[i].value[NP_DRAWN_UPKEEP].mean;
        if (isnan(v.mean) || isnan(cost)) continue;
        owner[n] = i;
        label[n++] = (np_label){.x = to_pixel(&x->axis, cost_place(x, cost)),
                                .y = to_pixel(&y, v.mean),
                                .low = to_pixel(&y, v.low),
                                .high = to_pixel(&y, v.high),
                                .width = LETTER * np_text_width(p->strategy[i].name)};
    }
    np_labels_place(label, n, x->axis.pixels, y.pixels, LINE);
    /* One row a label: its place, whose it is, its point, and where a line from the point should end (NaN: no
     * line). */
    fprintf(job, "np_%s_low = %.9g\nnp_%s_high = %.9g\n$%s << END\n", name, y.low, name, y.high, name);
    for (uint32_t i = 0; i < n; i++) {
        const np_label *l = &label[i];
        double x_end, y_end;
        np_label_end(l, LINE, &x_end, &y_end);
        fprintf(job, "%.9g %.9g %u %.9g %.9g %.9g %.9g\n", to_value(&x->axis, l->at_x), to_value(&y, l->at_y),
                owner[i] + 1, to_value(&x->axis, l->x), to_value(&y, l->y),
                l->far ? to_value(&x->axis, x_end) : NAN, to_value(&y, y_end));
    }
    fputs("END\n", job);
}

static bool has_no_upkeep(const np_read_strategy *s)
{
    return isnan(s->value[NP_DRAWN_UPKEEP].mean);
}

static bool write_reachability(const drawing *d, FILE *job)
{
    const np_read_point *p = d->point;
    cost_axis x = cost_axis_of(p);
    fprintf(job, "np_cost_low = %.9g\nnp_cost_high = %.9g\nnp_cost_least = %.9g\nnp_cost_zero = %.9g\n",
            x.axis.low, x.axis.high, x.least, x.has_zero ? cost_place(&x, 0) : NAN);
    write_note(d, job, "without a figure for upkeep: ", has_no_upkeep);
    write_panel(d, job, "reachable", NP_DRAWN_REACHABLE, &x);
    write_panel(d, job, "breaks", NP_DRAWN_BREAKS, &x);
    FILE *f = create(d, "values");
    if (!f) return false;
    for (uint32_t i = 0; i < p->strategies; i++) {
        drawn cost = drawn_of(&p->strategy[i], NP_DRAWN_UPKEEP);
        drawn reach = drawn_of(&p->strategy[i], NP_DRAWN_REACHABLE),
              breaks = drawn_of(&p->strategy[i], NP_DRAWN_BREAKS);
        fprintf(f, "%.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g\n\n\n", cost_place(&x, cost.mean),
                cost_place(&x, cost.low), cost_place(&x, cost.high), reach.mean, reach.low, reach.high,
                breaks.mean, breaks.low, breaks.high);
    }
    return finish(d, f);
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

typedef struct picture {
    const char *name, *title, *why_not;
    bool legend; /* else the points have labels */
    bool (*possible)(const np_read_point *p);
    bool (*write)(const drawing *d, FILE *job);
} picture;

static const picture pictures[] = {
    {"reachability", "What upkeep buys", "no strategy has a figure for upkeep", false, has_values,
     write_reachability},
    {"detection", "How soon each end knows of a break",
     "the file holds no times of detection (a .csv has none)", true, has_curves, write_detection},
    {"occupancy", "How full the NAT is", "the file holds no occupancy over time (a .csv has none)", true,
     has_entries, write_occupancy},
};
#define PICTURES (sizeof pictures / sizeof *pictures)

/* ---- gnuplot ---- */

/* gnuplot's own words, its last line. */
static void last_line(const drawing *d, char *text, size_t size)
{
    char path[PATH_MAX], line[300];
    *text = 0;
    FILE *f = in_work(d, "log", path) ? fopen(path, "r") : NULL;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (*line) snprintf(text, size, "%s", line + strspn(line, " "));
    }
    if (f) fclose(f);
}

#define NO_PROGRAM 127 /* what shells say too */

static void become_gnuplot(const drawing *d)
{
    int none = open("/dev/null", O_RDONLY), log = -1;
    if (chdir(d->work) == 0) log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (none < 0 || log < 0 || dup2(none, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(1);
    execlp("gnuplot", "gnuplot", "-d", "job", (char *)NULL); /* -d: not the user's own settings */
    _exit(errno == ENOENT ? NO_PROGRAM : 1);
}

static bool run_gnuplot(const drawing *d)
{
    pid_t child = fork();
    if (child == 0) become_gnuplot(d);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (child < 0) return np_fail(d->e, NP_TROUBLE_RUN, "starting gnuplot failed: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM) {
        return np_fail(
            d->e, NP_TROUBLE_RUN,
            "gnuplot is not installed: figures need it (package gnuplot-nox or gnuplot on Debian, gnuplot "
            "elsewhere)");
    }
    char path[PATH_MAX], why[300];
    struct stat drawn_file;
    if (!in_work(d, "figure", path)) return false;
    if (status == 0 && stat(path, &drawn_file) == 0 && drawn_file.st_size > 0) return true;
    last_line(d, why, sizeof why);
    return np_fail(d->e, NP_TROUBLE_RUN, "gnuplot failed: %s", *why ? why : "it wrote no figure");
}

/* Columns of the legend that fit under the figure. */
static int legend_columns(const np_read_point *p)
{
    int longest = 1;
    for (uint32_t i = 0; i < p->strategies; i++) {
        int n = np_text_width(p->strategy[i].name);
        if (n > longest) longest = n;
    }
    int columns = (WIDTH - PANEL_LEFT) / (LEGEND_LETTER * longest + LEGEND_SAMPLE);
    return columns < 1 ? 1 : columns > 4 ? 4 : columns;
}

static void write_job(const drawing *d, const picture *p, FILE *job)
{
    const np_read_point *point = d->point;
    char title[300];
    const char *name = d->results->scenario, *vary = point->vary;
    snprintf(title, sizeof title, "%s%s%s%s%s", p->title, *name || *vary ? ": " : "", name,
             *name && *vary ? ", " : "", vary);
    set_text(job, "np_format", d->format);
    set_text(job, "np_title", title);
    set_text(job, "np_scripts", d->scripts);
    int columns = legend_columns(point), rows = ((int)point->strategies + columns - 1) / columns;
    int legend = p->legend ? (int)(LEGEND_LINE * rows) : 0;
    fprintf(job, "np_width = %d.0\nnp_height = %d.0\nnp_left = %d\nnp_right = %d\nnp_panel = %d\n", WIDTH,
            HEIGHT + legend, PANEL_LEFT, PANEL_RIGHT, PANEL_HEIGHT);
    fprintf(job, "np_foot_low = %d\nnp_foot_high = %d\n", PANEL_LOW + legend, PANEL_HIGH + legend);
    fprintf(job, "np_legend = %d\nnp_legend_columns = %d\nnp_note_line = %d\n", legend, columns, NOTE_LINE);
    fprintf(job, "np_strategies = %u\narray Name[%u]\n", point->strategies, point->strategies);
    for (uint32_t i = 0; i < point->strategies; i++) {
        fprintf(job, "Name[%u] = ", i + 1);
        quote(job, point->strategy[i].name);
        fputc('\n', job);
    }
}

static bool draw(const drawing *d, const picture *p, const char *target)
{
    char path[PATH_MAX];
    FILE *job = create(d, "job");
    if (!job) return false;
    write_job(d, p, job);
    bool ok = p->write(d, job);
    fprintf(job, "load np_scripts.'/style.gp'\nload np_scripts.'/%s.gp'\nset output\n", p->name);
    ok = finish(d, job) && ok;
    ok = ok && run_gnuplot(d) && in_work(d, "figure", path);
    if (ok && rename(path, target) != 0)
        ok = np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", target, strerror(errno));
    return ok;
}

/* ---- places ---- */

static bool has_scripts(const char *directory)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/style.gp", directory);
    return n < PATH_MAX && access(path, R_OK) == 0;
}

/* Beside the program (in its source tree, or installed), then where it was to be installed, then here. */
static bool find_scripts(char *found, np_error *e)
{
    static const char *const beside[] = {"scripts/plot", "../scripts/plot", "../share/natpulse/plot"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1); /* Linux; elsewhere the other places do */
    if (n > 0) {
        self[n] = 0;
        *strrchr(self, '/') = 0;
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            char at[2 * PATH_MAX];
            snprintf(at, sizeof at, "%s/%s", self, beside[i]);
            if (has_scripts(at) && realpath(at, found)) return true;
        }
    }
    static const char *const fixed[] = {NP_PREFIX "/share/natpulse/plot", "scripts/plot"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (has_scripts(fixed[i]) && realpath(fixed[i], found)) return true;
    }
    return np_fail(e, NP_TROUBLE_RUN,
                   "the gnuplot scripts are missing: looked for style.gp beside the program, in %s and in %s",
                   fixed[0], fixed[1]);
}

static bool make_directory(const char *directory, np_error *e)
{
    if (mkdir(directory, 0777) == 0 || errno == EEXIST) return true;
    return np_fail(e, NP_TROUBLE_RUN, "%s: %s", directory, strerror(errno));
}

static bool draw_all(drawing *d, void (*each)(void *ctx, const char *path, const char *why_not), void *ctx)
{
    uint32_t done = 0;
    for (uint32_t p = 0; p < d->results->points; p++) {
        d->point = &d->results->point[p];
        for (size_t i = 0; i < PICTURES; i++) {
            char target[PATH_MAX], number[16] = "";
            if (d->results->points > 1) snprintf(number, sizeof number, "-%u", p);
            int n = snprintf(target, sizeof target, "%s/%s%s.%s", d->directory, pictures[i].name, number,
                             d->format);
            if (n >= PATH_MAX)
                return np_fail(d->e, NP_TROUBLE_USAGE, "%s: the path is too long", d->directory);
            bool possible = pictures[i].possible(d->point);
            if (possible && !draw(d, &pictures[i], target)) return false;
            done += possible;
            if (each) each(ctx, target, possible ? NULL : pictures[i].why_not);
        }
    }
    return done > 0 || np_fail(d->e, NP_TROUBLE_INPUT, "nothing in these results can be drawn");
}

bool np_plot(const char *results, const char *directory, const char *format,
             void (*each)(void *ctx, const char *path, const char *why_not), void *ctx, np_error *e)
{
    np_results read;
    if (!np_results_read(results, &read, e)) return false;
    char scripts[PATH_MAX];
    drawing d = {.results = &read, .scripts = scripts, .directory = directory, .format = format, .e = e};
    bool ok = find_scripts(scripts, e) && make_directory(directory, e);
    if (ok) {
        int n = snprintf(d.work, sizeof d.work, "%s/.natpulse-plot-XXXXXX", directory);
        ok = (n < PATH_MAX && mkdtemp(d.work)) ||
             np_fail(e, NP_TROUBLE_RUN, "%s: %s", directory, strerror(errno));
    }
    if (ok) {
        ok = draw_all(&d, each, ctx);
        remove_work(&d);
    }
    np_arena_destroy(read.arena);
    return ok;
}
