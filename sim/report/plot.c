/*
 * Figures by gnuplot.
 *
 * Each figure is drawn in a directory of its own beside its place: data files, a job that says what is
 * particular to this result (names, ranges, where labels go) and loads the script that says how the figure
 * looks (scripts/plot/NAME.gp). gnuplot runs there with fixed file names, so no name of the user's is ever
 * part of a command; names of strategies go into single-quoted strings, in which gnuplot expands nothing. The
 * finished figure is renamed into place; on any trouble the directory goes, and nothing stays.
 */
#include "drawing.h"
#include "figures.h"
#include "natpulse/report.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pixels under the panels: a line for the note, one for each row of the legend. */
#define NOTE_LINE     32
#define LEGEND_LINE   27
#define LEGEND_SAMPLE 110 /* the line and the gaps of an entry */
#define LEGEND_LETTER 11  /* what gnuplot, which must guess, reserves for a letter */

/* Columns of the legend that fit under the figure. */
static int legend_columns(const np_read_point *p)
{
    int longest = 1;
    for (uint32_t i = 0; i < p->strategies; i++) {
        int n = np_text_width(p->strategy[i].name);
        if (n > longest) longest = n;
    }
    int columns = (NP_WIDTH - NP_PANEL_LEFT) / (LEGEND_LETTER * longest + LEGEND_SAMPLE);
    return columns < 1 ? 1 : columns > 4 ? 4 : columns;
}

static void write_job(const np_drawing *d, const np_picture *p, FILE *job)
{
    const np_read_point *point = d->point;
    char title[300];
    const char *name = d->results->scenario, *vary = point->vary;
    snprintf(title, sizeof title, "%s%s%s%s%s", p->title, *name || *vary ? ": " : "", name,
             *name && *vary ? ", " : "", vary);
    np_drawing_text(job, "np_format", d->format);
    np_drawing_text(job, "np_title", title);
    np_drawing_text(job, "np_scripts", d->scripts);
    int columns = legend_columns(point), rows = ((int)point->strategies + columns - 1) / columns;
    int legend = p->legend ? (int)(LEGEND_LINE * rows) : 0;
    fprintf(job, "np_width = %d.0\nnp_height = %d.0\nnp_left = %d\nnp_right = %d\nnp_panel = %d\n", NP_WIDTH,
            NP_HEIGHT + legend, NP_PANEL_LEFT, NP_PANEL_RIGHT, NP_PANEL_HEIGHT);
    fprintf(job, "np_foot_low = %d\nnp_foot_high = %d\n", NP_PANEL_LOW + legend, NP_PANEL_HIGH + legend);
    fprintf(job, "np_legend = %d\nnp_legend_columns = %d\nnp_note_line = %d\n", legend, columns, NOTE_LINE);
    fprintf(job, "np_strategies = %u\narray Name[%u]\n", point->strategies, point->strategies);
    for (uint32_t i = 0; i < point->strategies; i++) {
        fprintf(job, "Name[%u] = ", i + 1);
        np_drawing_quote(job, point->strategy[i].name);
        fputc('\n', job);
    }
}

static bool draw(const np_drawing *d, const np_picture *p, const char *target)
{
    char path[PATH_MAX];
    FILE *job = np_drawing_create(d, "job");
    if (!job) return false;
    write_job(d, p, job);
    bool ok = p->write(d, job);
    fprintf(job, "load np_scripts.'/style.gp'\nload np_scripts.'/%s.gp'\nset output\n", p->name);
    ok = np_drawing_finish(d, job) && ok;
    ok = ok && np_drawing_gnuplot(d) && np_drawing_path(d, "figure", path);
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

static bool draw_all(np_drawing *d, void (*each)(void *ctx, const char *path, const char *why_not), void *ctx)
{
    uint32_t done = 0;
    for (uint32_t p = 0; p < d->results->points; p++) {
        d->point = &d->results->point[p];
        for (size_t i = 0; i < np_pictures_count; i++) {
            char target[PATH_MAX], number[16] = "";
            if (d->results->points > 1) snprintf(number, sizeof number, "-%u", p);
            int n = snprintf(target, sizeof target, "%s/%s%s.%s", d->directory, np_pictures[i].name, number,
                             d->format);
            if (n >= PATH_MAX)
                return np_fail(d->e, NP_TROUBLE_USAGE, "%s: the path is too long", d->directory);
            bool possible = np_pictures[i].possible(d->point);
            if (possible && !draw(d, &np_pictures[i], target)) return false;
            done += possible;
            if (each) each(ctx, target, possible ? NULL : np_pictures[i].why_not);
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
    np_drawing d = {.results = &read, .scripts = scripts, .directory = directory, .format = format, .e = e};
    bool ok = find_scripts(scripts, e) && make_directory(directory, e);
    if (ok) {
        int n = snprintf(d.work, sizeof d.work, "%s/.natpulse-plot-XXXXXX", directory);
        ok = (n < PATH_MAX && mkdtemp(d.work)) ||
             np_fail(e, NP_TROUBLE_RUN, "%s: %s", directory, strerror(errno));
    }
    if (ok) {
        ok = draw_all(&d, each, ctx);
        np_drawing_remove(&d);
    }
    np_arena_destroy(read.arena);
    return ok;
}
