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
#include "natpulse/report.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool write_job(const np_drawing *d, const np_picture *p, FILE *job)
{
    const np_read_point *point = d->point;
    char title[300];
    const char *scenario = d->results->scenario, *vary = point->vary;
    snprintf(title, sizeof title, "%s%s%s%s%s", p->title, *scenario || *vary ? ": " : "", scenario,
             *scenario && *vary ? ", " : "", vary);
    const char **name = malloc((point->strategies ? point->strategies : 1) * sizeof *name);
    if (!name) return np_fail_memory(d->e, "a figure");
    for (uint32_t i = 0; i < point->strategies; i++) name[i] = point->strategy[i].name;
    np_drawing_frame(d, job, title, name, point->strategies, p->legend);
    free(name);
    return true;
}

static bool draw(const np_drawing *d, const np_picture *p, const char *target)
{
    FILE *job = np_drawing_create(d, "job");
    if (!job) return false;
    bool ok = write_job(d, p, job) && p->write(d, job);
    np_drawing_load(job, p->name);
    return np_drawing_finish(d, job) && ok && np_drawing_place(d, target);
}

/* ---- places ---- */

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
    bool ok = np_drawing_scripts(scripts, e) && make_directory(directory, e);
    if (ok && (ok = np_drawing_begin(&d))) {
        ok = draw_all(&d, each, ctx);
        np_drawing_remove(&d);
    }
    np_arena_destroy(read.arena);
    return ok;
}
