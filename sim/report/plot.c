/*
 * Figures by gnuplot, into a directory. Each is renamed into place when finished; on any trouble the
 * directory in which it was drawn goes, and nothing stays.
 */
#include "gallery.h"
#include "natpulse/report.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* With those above it that are missing. */
static bool make_directory(const char *directory, np_error *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s", directory);
    if (n >= PATH_MAX) return np_fail(e, NP_TROUBLE_USAGE, "%s: the path is too long", directory);
    for (char *slash = path; (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = '\0';
        mkdir(path, 0777); /* the last one says what is wrong */
    }
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    return np_fail(e, NP_TROUBLE_RUN, "%s: %s", directory, strerror(errno));
}

typedef struct plotting {
    const np_plot_options *o;
    uint32_t done;
} plotting;

static bool place(void *ctx, np_drawing *d, const char *why_not)
{
    plotting *p = ctx;
    char target[PATH_MAX], figure[PATH_MAX], name[64];
    int n = snprintf(target, sizeof target, "%s/%s.%s", d->directory, np_gallery_name(d, name), d->format);
    if (n >= PATH_MAX) return np_fail(d->e, NP_TROUBLE_USAGE, "%s: the path is too long", d->directory);
    if (!why_not) {
        if (!np_drawing_draw(d) || !np_drawing_path(d, "figure", figure)) return false;
        if (rename(figure, target) != 0)
            return np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", target, strerror(errno));
        p->done++;
    }
    if (p->o->each) p->o->each(p->o->ctx, target, why_not);
    return true;
}

static bool draw_all(np_drawing *d, const np_plot_options *o)
{
    const np_gallery g = {.one_point = o->one_point, .every_point = o->every_point, .point = o->point};
    plotting p = {.o = o};
    if (!np_gallery_walk(&g, d, place, &p)) return false;
    if (o->each && !o->one_point && !np_gallery_has_point(&g, d->results, 0)) {
        char why[120];
        snprintf(why, sizeof why, "there are %u; --point N draws those of one, --every-point all",
                 d->results->points);
        o->each(o->ctx, "each figure of a single point", why);
    }
    return p.done > 0 || np_fail(d->e, NP_TROUBLE_INPUT, "nothing in these results can be drawn");
}

bool np_plot(const char *results, const np_plot_options *o, np_error *e)
{
    np_results read;
    if (!np_results_read(results, &read, e)) return false;
    char scripts[PATH_MAX];
    np_drawing d = {.results = &read,
                    .metric = o->metric,
                    .width = NP_WIDTH,
                    .scripts = scripts,
                    .directory = o->directory,
                    .format = o->format,
                    .e = e};
    bool ok = !o->one_point || o->point < read.points ||
              np_fail(e, NP_TROUBLE_USAGE, "%s: has no point %u; its points are 0 to %u", results, o->point,
                      read.points - 1);
    ok = ok && np_drawing_scripts(scripts, e) && make_directory(o->directory, e) && np_drawing_begin(&d);
    if (ok) {
        ok = draw_all(&d, o);
        np_drawing_remove(&d);
    }
    np_arena_destroy(read.arena);
    return ok;
}
