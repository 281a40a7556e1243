/*
 * The Pareto figure: reachability against what it costs, a panel a cost. All points and strategies stand in
 * it; those that no other beats in both are joined and named.
 */
#include "drawing.h"
#include "figures.h"
#include "labels.h"
#include "scale.h"
#include "varied.h"
#include <math.h>
#include <stdlib.h>

#define COSTS       3
#define LABELS_MOST 16   /* in a panel; more front members go unnamed */
#define OBSTACLES   48   /* marks that names keep off, */
#define STAIRS      96   /* and pieces of the stairs */
#define PIECE       26.0 /* pixels from one piece to the next */
#define APART       36   /* pixels between two marks that both have names, where there are many; */
#define TOGETHER    4    /* where there are few: */
#define FEW         6
#define BARS_MOST   40 /* more marks have no interval bars: they would cover each other */

static const np_metric costs[COSTS] = {NP_METRIC_UPKEEP_BYTES, NP_METRIC_WAKEUPS, NP_METRIC_ENERGY};

static const np_read_strategy *mark_at(const np_results *r, uint32_t i)
{
    uint32_t n = r->point[0].strategies;
    return &r->point[i / n].strategy[i % n];
}

static uint32_t marks(const np_results *r)
{
    return r->points * r->point[0].strategies;
}

static bool stands(const np_read_strategy *s, np_metric cost)
{
    return !isnan(s->value[cost].mean) && !isnan(s->value[NP_METRIC_REACHABLE].mean);
}

static int costs_of(const np_results *r, np_metric cost[COSTS])
{
    int n = 0;
    for (int k = 0; k < COSTS; k++) {
        uint32_t i = 0;
        while (i < marks(r) && !stands(mark_at(r, i), costs[k])) i++;
        if (i < marks(r)) cost[n++] = costs[k];
    }
    return n;
}

const char *np_no_pareto(const np_drawing *d)
{
    np_metric cost[COSTS];
    return costs_of(d->results, cost) > 0 ? NULL : "no strategy has a figure for what it costs";
}

void np_lay_out_pareto(const np_drawing *d, np_layout *l)
{
    np_metric cost[COSTS];
    l->panels = costs_of(d->results, cost);
    l->panel = 262;
    l->gap = NP_PANEL_GAP + 30; /* every panel names its axis */
    if (d->results->points > 1) np_drawing_legend(d, l);
}

typedef struct panel {
    const np_drawing *d;
    np_metric cost;
    np_scale x, y;
    uint32_t *front; /* marks that nothing beats, by rising cost */
    uint32_t members;
} panel;

typedef struct candidate {
    double cost, reachable;
    uint32_t mark;
} candidate;

/* By cost, then by reachability, the best first; then by number. */
static int compare(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
    if (x->reachable != y->reachable) return x->reachable > y->reachable ? -1 : 1;
    return x->mark < y->mark ? -1 : x->mark > y->mark;
}

static bool find_front(panel *p)
{
    const np_results *r = p->d->results;
    candidate *all = np_arena_alloc(r->arena, marks(r) * sizeof *all);
    p->front = np_arena_alloc(r->arena, marks(r) * sizeof *p->front);
    if (!all || !p->front) return np_fail_memory(p->d->e, "a figure");
    uint32_t n = 0;
    for (uint32_t i = 0; i < marks(r); i++) {
        const np_estimate *value = mark_at(r, i)->value;
        if (stands(mark_at(r, i), p->cost))
            all[n++] = (candidate){value[p->cost].mean, value[NP_METRIC_REACHABLE].mean, i};
    }
    qsort(all, n, sizeof *all, compare);
    double best = -1;
    for (uint32_t i = 0; i < n; i++) {
        if (all[i].reachable <= best) continue;
        best = all[i].reachable;
        p->front[p->members++] = all[i].mark;
    }
    return true;
}

static bool find_scales(panel *p)
{
    const np_results *r = p->d->results;
    np_estimate *x = np_arena_alloc(r->arena, marks(r) * sizeof *x),
                *y = np_arena_alloc(r->arena, marks(r) * sizeof *y);
    if (!x || !y) return np_fail_memory(p->d->e, "a figure");
    for (uint32_t i = 0; i < marks(r); i++) {
        x[i] = mark_at(r, i)->value[p->cost];
        x[i].low = x[i].high = NAN; /* only means are drawn along x */
        y[i] = mark_at(r, i)->value[NP_METRIC_REACHABLE];
    }
    p->x = np_scale_of(p->cost, x, marks(r), false, true);
    p->y = np_scale_of(NP_METRIC_REACHABLE, y, marks(r), true, false);
    return true;
}

static double place_x(const panel *p, uint32_t i)
{
    return np_scale_at(&p->x, mark_at(p->d->results, i)->value[p->cost].mean);
}
static double place_y(const panel *p, uint32_t i)
{
    return np_scale_at(&p->y, mark_at(p->d->results, i)->value[NP_METRIC_REACHABLE].mean);
}

/* Stairs: what so much buys, until more is spent. */
static void write_front(const panel *p, FILE *f)
{
    for (uint32_t i = 0; i < p->members; i++) {
        double y = place_y(p, p->front[i]);
        fprintf(f, "%.9g %.9g\n%.9g %.9g\n", place_x(p, p->front[i]), y,
                i + 1 < p->members ? place_x(p, p->front[i + 1]) : p->x.high, y);
    }
    fputs("\n\n", f);
}

/* A strategy alone is told by its name, a point of a grid by its values. */
static const char *text_of(const np_results *r, uint32_t i)
{
    const np_read_point *p = &r->point[i / r->point[0].strategies];
    if (r->points == 1) return mark_at(r, i)->name;
    const char *text = "";
    for (uint32_t v = 0; text && v < r->varied; v++)
        text = np_arena_format(r->arena, "%s%s%s", text, *text ? ", " : "", p->value[v]);
    return text ? text : "";
}

static np_label label_at(const panel *p, uint32_t mark, double by_x, double by_y)
{
    double low, high;
    np_scale_interval(&p->y, &mark_at(p->d->results, mark)->value[NP_METRIC_REACHABLE], &low, &high);
    return (np_label){.x = (place_x(p, mark) - p->x.low) * by_x,
                      .y = (place_y(p, mark) - p->y.low) * by_y,
                      .low = (np_scale_at(&p->y, low) - p->y.low) * by_y,
                      .high = (np_scale_at(&p->y, high) - p->y.low) * by_y};
}

/* In a grid many marks may stand in one place: one name is enough there. */
static bool is_crowded(const np_label *label, uint32_t n, bool few)
{
    for (uint32_t i = 0; i < n; i++) {
        if (hypot(label[i].x - label[n].x, label[i].y - label[n].y) < (few ? TOGETHER : APART)) return true;
    }
    return false;
}

/* The stairs as points in a row and bars. Returns how many labels there are then. */
static uint32_t add_stairs(const panel *p, np_label *label, uint32_t n, double by_x, double by_y)
{
    const uint32_t most = n + STAIRS;
    for (uint32_t i = 0; i < p->members; i++) {
        bool last = i + 1 == p->members;
        double x = (place_x(p, p->front[i]) - p->x.low) * by_x,
               y = (place_y(p, p->front[i]) - p->y.low) * by_y,
               end = ((last ? p->x.high : place_x(p, p->front[i + 1])) - p->x.low) * by_x,
               top = last ? y : (place_y(p, p->front[i + 1]) - p->y.low) * by_y;
        for (x += PIECE; x < end && n < most; x += PIECE)
            label[n++] = (np_label){.x = x, .y = y, .low = y, .high = y};
        if (!last && n < most) label[n++] = (np_label){.x = end, .y = y, .low = y, .high = top};
    }
    return n;
}

/* The names; and rows of a mark and where a line from it to its name ends (NaN: none). `*texts` counts over
   all panels. */
static void write_names(const panel *p, int panel_number, FILE *job, FILE *f, uint32_t *texts, double width,
                        double height)
{
    const np_results *r = p->d->results;
    np_label label[LABELS_MOST + OBSTACLES + STAIRS];
    uint32_t owner[LABELS_MOST], n = 0, all = r->points == 1 ? marks(r) : p->members;
    double by_x = width / (p->x.high - p->x.low), by_y = height / (p->y.high - p->y.low);
    int letters = (int)(NP_NAME_SHARE * width / NP_LETTER);
    char cut[NP_CUT];
    for (uint32_t i = 0; i < all && n < LABELS_MOST; i++) {
        uint32_t mark = r->points == 1 ? i : p->front[i];
        if (!stands(mark_at(r, mark), p->cost)) continue;
        label[n] = label_at(p, mark, by_x, by_y);
        if (r->points > 1 && is_crowded(label, n, p->members <= FEW)) continue;
        owner[n] = mark;
        label[n++].width = np_text_pixels(np_drawing_cut(text_of(r, mark), letters, cut));
    }
    uint32_t known = n;
    for (uint32_t i = 0; i < marks(r) && known < n + OBSTACLES; i++) {
        if (stands(mark_at(r, i), p->cost)) label[known++] = label_at(p, i, by_x, by_y);
    }
    known = add_stairs(p, label, known, by_x, by_y);
    np_labels_place(label, n, known, width, height, NP_LINE);
    for (uint32_t i = 0; i < n; i++) {
        double x, y;
        np_label_end(&label[i], NP_LINE, &x, &y);
        np_drawing_name(job, texts, panel_number, np_drawing_cut(text_of(r, owner[i]), letters, cut),
                        p->x.low + label[i].at_x / by_x, p->y.low + label[i].at_y / by_y);
        fprintf(f, "%.9g %.9g %.9g %.9g\n", place_x(p, owner[i]), place_y(p, owner[i]),
                label[i].far ? p->x.low + x / by_x : NAN, p->y.low + y / by_y);
    }
    fputs(n > 0 ? "\n\n" : "NaN NaN NaN NaN\n\n\n", f);
}

/* A block for each strategy of each panel. */
static void write_marks(const panel *p, FILE *f)
{
    const np_results *r = p->d->results;
    uint32_t strategies = r->point[0].strategies;
    bool bars = marks(r) <= BARS_MOST;
    for (uint32_t s = 0; s < strategies; s++) {
        bool any = false;
        for (uint32_t i = s; i < marks(r); i += strategies) {
            if (!stands(mark_at(r, i), p->cost)) continue;
            double low, high;
            np_scale_interval(&p->y, &mark_at(r, i)->value[NP_METRIC_REACHABLE], &low, &high);
            double y = place_y(p, i);
            fprintf(f, "%.9g %.9g %.9g %.9g\n", place_x(p, i), y, bars ? np_scale_at(&p->y, low) : y,
                    bars ? np_scale_at(&p->y, high) : y);
            any = true;
        }
        fputs(any ? "\n\n" : "NaN NaN NaN NaN\n\n\n", f);
    }
}

static bool stands_anywhere(const np_drawing *d, uint32_t strategy)
{
    const np_results *r = d->results;
    for (uint32_t i = strategy; i < marks(r); i += r->point[0].strategies) {
        for (int k = 0; k < COSTS; k++) {
            if (stands(mark_at(r, i), costs[k])) return true;
        }
    }
    return false;
}

bool np_write_pareto(const np_drawing *d, FILE *job)
{
    np_metric cost[COSTS];
    int n = costs_of(d->results, cost);
    np_layout l = {.left = NP_PANEL_LEFT, .right = NP_PANEL_RIGHT};
    np_lay_out_pareto(d, &l);
    double width = d->width - l.left - l.right;
    fprintf(job, "array X[%d]\narray Y[%d]\n", n, n);
    np_drawing_names(job, COSTS * LABELS_MOST);
    FILE *values = np_drawing_create(d, "values"), *front = np_drawing_create(d, "front"),
         *names = np_drawing_create(d, "names");
    bool ok = values && front && names;
    uint32_t texts = 0;
    for (int k = 0; ok && k < n; k++) {
        panel p = {.d = d, .cost = cost[k]};
        ok = find_scales(&p) && find_front(&p);
        if (!ok) break;
        char name[32], label[80];
        snprintf(name, sizeof name, "X[%d]", k + 1);
        np_scale_write(&p.x, job, name, 'x', np_scale_label(label, sizeof label, &p.x, false), width);
        snprintf(name, sizeof name, "Y[%d]", k + 1);
        np_scale_write(&p.y, job, name, 'y', np_scale_label(label, sizeof label, &p.y, false), l.panel);
        write_front(&p, front);
        write_names(&p, k + 1, job, names, &texts, width, l.panel);
        write_marks(&p, values);
    }
    np_drawing_note_without(d, job, "without a figure for upkeep: ", NP_METRIC_UPKEEP_BYTES);
    uint32_t strategies = d->results->point[0].strategies;
    fprintf(job, "array Shown[%u]\n", strategies);
    for (uint32_t i = 0; i < strategies; i++) fprintf(job, "Shown[%u] = %d\n", i + 1, stands_anywhere(d, i));
    if (values) ok = np_drawing_finish(d, values) && ok;
    if (front) ok = np_drawing_finish(d, front) && ok;
    if (names) ok = np_drawing_finish(d, names) && ok;
    return ok;
}
