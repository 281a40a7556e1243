/*
 * The interval figure: what one varied setting does. Along it, a line a strategy; with a second varied path a
 * figure a strategy, in which every value of the other path has a line.
 */
#include "drawing.h"
#include "figures.h"
#include "scale.h"
#include "varied.h"
#include <math.h>
#include <stdlib.h>

#define PANELS_MOST 3
#define PANEL       215
#define LOG_SPAN    8.0 /* the varied values: beyond, a linear axis crowds the small ones */

const char *np_no_interval(const np_drawing *d)
{
    const np_results *r = d->results;
    np_varied along, other;
    if (r->varied == 0 || r->varied != (d->picture->scope == NP_SCOPE_STUDY ? 1 : 2)) return "";
    if (!np_varied_axes(r, &along, &other)) return "memory is out";
    return along.numeric ? NULL : "what is varied is not a quantity";
}

/* One of all estimates that a figure of these results may show. */
static const np_estimate *estimate_at(const np_drawing *d, np_metric m, uint32_t i)
{
    uint32_t all = d->results->point[0].strategies;
    if (d->picture->scope == NP_SCOPE_STRATEGY) return &d->results->point[i].strategy[d->strategy].value[m];
    return &d->results->point[i / all].strategy[i % all].value[m];
}

static uint32_t estimates(const np_drawing *d)
{
    return d->results->points *
           (d->picture->scope == NP_SCOPE_STRATEGY ? 1 : d->results->point[0].strategies);
}

static bool has_meaning(const np_drawing *d, np_metric m)
{
    for (uint32_t i = 0; i < estimates(d); i++) {
        if (!isnan(estimate_at(d, m, i)->mean)) return true;
    }
    return false;
}

static int panels_of(const np_drawing *d, np_metric panel[PANELS_MOST])
{
    const np_metric wanted[] = {d->metric, NP_METRIC_REACHABLE, NP_METRIC_BREAKS, NP_METRIC_UPKEEP_BYTES};
    int n = 0;
    for (int i = 0; i < 4 && n < PANELS_MOST; i++) {
        bool again = i > 0 && wanted[i] == d->metric;
        if (!again && has_meaning(d, wanted[i])) panel[n++] = wanted[i];
    }
    return n;
}

static const char *other_value(const np_drawing *d, uint32_t i)
{
    np_varied along, other;
    if (!np_varied_axes(d->results, &along, &other) || i >= other.n) return "";
    const char *named =
        np_arena_format(d->results->arena, "%s %s", np_path_short(d->results, other.path), other.value[i]);
    return named ? named : other.value[i];
}

void np_lay_out_interval(const np_drawing *d, np_layout *l)
{
    np_metric panel[PANELS_MOST];
    np_varied along, other;
    l->panels = panels_of(d, panel);
    l->panel = PANEL;
    if (d->picture->scope == NP_SCOPE_STUDY) {
        np_drawing_legend(d, l);
    } else if (np_varied_axes(d->results, &along, &other)) {
        l->entries = other.n;
        l->entry = other_value;
    }
}

/* ---- the axis of what is varied ---- */

typedef struct axis {
    const np_varied *v;
    uint32_t *order; /* its values upwards */
    bool log;
} axis;

static double place(const axis *a, uint32_t value)
{
    return a->log ? log10(a->v->at[value]) : a->v->at[value];
}

static bool sort_axis(const np_drawing *d, axis *a)
{
    const np_varied *v = a->v;
    a->order = np_arena_alloc(d->results->arena, v->n * sizeof *a->order);
    if (!a->order) return np_fail_memory(d->e, "a figure");
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t k = i;
        for (; k > 0 && v->at[a->order[k - 1]] > v->at[i]; k--) a->order[k] = a->order[k - 1];
        a->order[k] = i;
    }
    double low = v->at[a->order[0]], high = v->at[a->order[v->n - 1]];
    a->log = low > 0 && high > LOG_SPAN * low;
    return true;
}

/* Tics at the values, as they are written; a label that would touch the one before is left out. */
static void write_axis(const np_drawing *d, FILE *job, const axis *a)
{
    const np_varied *v = a->v;
    double low = place(a, a->order[0]), high = place(a, a->order[v->n - 1]), room = 0.04 * (high - low);
    double pixels = d->width - NP_PANEL_LEFT - NP_PANEL_RIGHT, taken = -INFINITY;
    fprintf(job, "np_along_low = %.9g\nnp_along_high = %.9g\nnp_tics = %u\narray Tic[%u]\narray At[%u]\n",
            low - room, high + room, v->n, v->n, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        double at = place(a, a->order[i]), pixel = (at - low) / (high - low) * pixels,
               half = NP_LETTER * np_text_width(v->value[a->order[i]]) / 2;
        bool fits = pixel - half > taken + NP_LETTER;
        if (fits) taken = pixel + half;
        np_drawing_tic(job, "Tic", i + 1, fits ? v->value[a->order[i]] : "");
        fprintf(job, "At[%u] = %.9g\n", i + 1, at);
    }
    np_drawing_text(job, "np_along", d->results->path[v->path]);
}

/* ---- lines ---- */

typedef struct lines {
    const np_drawing *d;
    axis x;
    const np_varied *other;
    np_metric panel[PANELS_MOST];
    np_scale scale[PANELS_MOST];
    int panels;
} lines;

/* The point at a value of each path. NULL: the file has none. */
static const np_read_point *point_at(const lines *l, uint32_t along, uint32_t other)
{
    const np_results *r = l->d->results;
    for (uint32_t p = 0; p < r->points; p++) {
        if (np_varied_index(l->x.v, &r->point[p]) != along) continue;
        if (r->varied == 1 || np_varied_index(l->other, &r->point[p]) == other) return &r->point[p];
    }
    return NULL;
}

static void write_place(const lines *l, FILE *f, int panel, const np_estimate *e)
{
    double low, high;
    np_scale_interval(&l->scale[panel], e, &low, &high);
    fprintf(f, " %.9g %.9g %.9g", np_scale_at(&l->scale[panel], e->mean), np_scale_at(&l->scale[panel], low),
            np_scale_at(&l->scale[panel], high));
}

/* Returns whether there is anything of it. */
static bool write_line(const lines *l, FILE *f, uint32_t line)
{
    bool all = l->d->picture->scope == NP_SCOPE_STUDY;
    uint32_t strategy = all ? line : l->d->strategy, other = all ? 0 : line;
    bool any = false;
    for (uint32_t i = 0; i < l->x.v->n; i++) {
        const np_read_point *p = point_at(l, l->x.order[i], other);
        if (!p || isnan(p->strategy[strategy].value[l->panel[0]].mean)) continue;
        fprintf(f, "%.9g", place(&l->x, l->x.order[i]));
        for (int k = 0; k < l->panels; k++) write_place(l, f, k, &p->strategy[strategy].value[l->panel[k]]);
        fputc('\n', f);
        any = true;
    }
    fputs(any ? "\n\n" : "NaN NaN\n\n\n", f);
    return any;
}

static bool find_scales(lines *l)
{
    uint32_t n = estimates(l->d);
    np_estimate *all = np_arena_alloc(l->d->results->arena, n * sizeof *all);
    if (!all) return np_fail_memory(l->d->e, "a figure");
    for (int k = 0; k < l->panels; k++) {
        for (uint32_t i = 0; i < n; i++) all[i] = *estimate_at(l->d, l->panel[k], i);
        l->scale[k] = np_scale_of(l->panel[k], all, n, true, l->panel[k] != NP_METRIC_BREAKS);
    }
    return true;
}

bool np_write_interval(const np_drawing *d, FILE *job)
{
    np_varied along, other;
    lines l = {.d = d, .x.v = &along, .other = &other, .panels = 0};
    if (!np_varied_axes(d->results, &along, &other)) return np_fail_memory(d->e, "a figure");
    l.panels = panels_of(d, l.panel);
    if (!sort_axis(d, &l.x) || !find_scales(&l)) return false;
    bool all = d->picture->scope == NP_SCOPE_STUDY;
    uint32_t n = all ? d->results->point[0].strategies : other.n;
    write_axis(d, job, &l.x);
    fprintf(job, "array Panel[%d]\n", l.panels);
    for (int k = 0; k < l.panels; k++) {
        char name[32], label[80];
        snprintf(name, sizeof name, "Panel[%d]", k + 1);
        np_scale_write(&l.scale[k], job, name, 'y', np_scale_label(label, sizeof label, &l.scale[k], true),
                       PANEL);
    }
    char cut[NP_CUT];
    fprintf(job, "np_lines = %u\nnp_of = %u\narray Line[%u]\n", n, all ? 0 : d->strategy + 1, n);
    for (uint32_t i = 0; i < n; i++) {
        np_drawing_element(job, "Line", i + 1,
                           np_drawing_cut(all ? np_drawing_strategy(d, i) : other_value(d, i),
                                          np_drawing_legend_letters(d), cut));
    }
    if (all) np_drawing_note_without(d, job, "without this figure: ", l.panel[0]);
    fprintf(job, "array Shown[%u]\n", n);
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    for (uint32_t i = 0; i < n; i++) fprintf(job, "Shown[%u] = %d\n", i + 1, write_line(&l, f, i));
    return np_drawing_finish(d, f);
}
