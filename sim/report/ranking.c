/*
 * The ranking: strategies (over a grid: strategies at points) by one figure, with intervals; beside it the
 * paired difference from the first strategy at the same point.
 */
#include "figures.h"
#include "rows.h"
#include "scale.h"
#include <math.h>
#include <stdlib.h>

#define ROWS_MOST  30
#define ROW        34
#define NUMBER     110 /* pixels at the right end for the value, at least, */
#define BESIDE     16  /* and from the panel to it, and from it to the edge */
#define PANES_FROM 700 /* narrower figures have no room for the differences */
#define BETWEEN    36

typedef struct entry {
    double value; /* the larger, the better */
    uint32_t point, strategy;
} entry;

static uint32_t all_rows(const np_results *r)
{
    return r->points * r->point[0].strategies;
}

static const np_estimate *value_of(const np_drawing *d, uint32_t i)
{
    uint32_t n = d->results->point[0].strategies;
    return &d->results->point[i / n].strategy[i % n].value[d->metric];
}

/* Those that have a value. */
static uint32_t ranked(const np_drawing *d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < all_rows(d->results); i++) n += isnan(value_of(d, i)->mean) ? 0 : 1;
    return n;
}

static uint32_t shown(const np_drawing *d)
{
    uint32_t n = ranked(d);
    return n > ROWS_MOST ? ROWS_MOST : n;
}

const char *np_no_ranking(const np_drawing *d)
{
    if (all_rows(d->results) < 2) return ""; /* nobody to come second */
    return ranked(d) > 0 ? NULL : "the figure has a meaning for no strategy";
}

#define NUMBER_TEXT 80

static void number_text(const np_drawing *d, const np_estimate *v, char text[NUMBER_TEXT])
{
    bool share = np_metric_is_share(d->metric);
    double by = share ? 100 : 1;
    np_cell c =
        np_cell_number(by * v->mean, by * (v->high - v->low) / 2, share ? 100 - by * v->mean : NAN, false);
    snprintf(text, NUMBER_TEXT, "%s%s%s", c.value, *c.note ? " " : "", c.note);
}

/* Of all that might be shown: whoever is ranked, the axis ends at the same place. */
static int number_margin(const np_drawing *d)
{
    double widest = NUMBER;
    for (uint32_t i = 0; i < all_rows(d->results); i++) {
        char text[NUMBER_TEXT];
        if (isnan(value_of(d, i)->mean)) continue;
        number_text(d, value_of(d, i), text);
        widest = fmax(widest, np_text_pixels(text) + 2 * BESIDE);
    }
    return (int)widest;
}

void np_lay_out_ranking(const np_drawing *d, np_layout *l)
{
    int letters;
    l->panels = 1;
    l->panel = ROW * (int)shown(d) + 12;
    l->left = np_row_margin(d, &letters);
    l->right = number_margin(d);
}

/* Ties stand in the order of the scenario. */
static int compare(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? -1 : 1;
    if (x->point != y->point) return x->point < y->point ? -1 : 1;
    return x->strategy < y->strategy ? -1 : x->strategy > y->strategy;
}

static entry *rank(const np_drawing *d)
{
    uint32_t strategies = d->results->point[0].strategies, n = 0;
    entry *e = np_arena_alloc(d->results->arena, all_rows(d->results) * sizeof *e);
    for (uint32_t i = 0; e && i < all_rows(d->results); i++) {
        double v = value_of(d, i)->mean;
        if (isnan(v)) continue;
        e[n++] = (entry){np_metric_more_is_better(d->metric) ? v : -v, i / strategies, i % strategies};
    }
    if (e) qsort(e, n, sizeof *e, compare);
    return e;
}

static void write_numbers(const np_drawing *d, FILE *job, const entry *e, uint32_t n, int letters)
{
    for (uint32_t i = 0; i < n; i++) {
        char number[NUMBER_TEXT];
        number_text(d, &d->results->point[e[i].point].strategy[e[i].strategy].value[d->metric], number);
        const char *name = np_row_name(d->results, e[i].point, e[i].strategy, letters);
        np_drawing_tic(job, "Row", i + 1, name ? name : "");
        np_drawing_element(job, "Number", i + 1, number);
        fprintf(job, "Style[%u] = %u\n", i + 1, e[i].strategy + 1);
    }
}

/* Rows of: row, mean low high, difference low high, style. */
static bool write_values(const np_drawing *d, const entry *e, uint32_t n, const np_scale *s,
                         const np_scale *versus)
{
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    for (uint32_t i = 0; i < n; i++) {
        const np_read_strategy *one = &d->results->point[e[i].point].strategy[e[i].strategy];
        const np_estimate *diff = &one->versus_first[d->metric];
        double low, high, by = versus->by;
        np_scale_interval(s, &one->value[d->metric], &low, &high);
        fprintf(f, "%.9g %.9g %.9g %.9g %.9g %.9g %.9g\n\n\n", 6 + ROW * (i + 0.5),
                np_scale_at(s, one->value[d->metric].mean), np_scale_at(s, low), np_scale_at(s, high),
                by * diff->mean, by * (isnan(diff->low) ? diff->mean : diff->low),
                by * (isnan(diff->high) ? diff->mean : diff->high));
    }
    return np_drawing_finish(d, f);
}

bool np_write_ranking(const np_drawing *d, FILE *job)
{
    const np_results *r = d->results;
    uint32_t n = shown(d);
    int letters;
    int left = np_row_margin(d, &letters);
    entry *e = rank(d);
    np_estimate *value = np_arena_alloc(r->arena, n * sizeof *value),
                *diff = np_arena_alloc(r->arena, n * sizeof *diff);
    if (!e || !value || !diff) return np_fail_memory(d->e, "a figure");
    bool differs = false;
    for (uint32_t i = 0; i < n; i++) {
        const np_read_strategy *one = &r->point[e[i].point].strategy[e[i].strategy];
        value[i] = one->value[d->metric];
        diff[i] = one->versus_first[d->metric];
        differs = differs || !isnan(diff[i].mean);
    }
    np_scale s = np_scale_of(d->metric, value, n, true, true),
             versus = np_scale_of_differences(d->metric, diff, n);
    bool panes = differs && d->width >= PANES_FROM;
    double width = d->width - left - number_margin(d), first = panes ? (width - BETWEEN) * 0.55 : width;
    char label[80], title[160], cut[NP_CUT];
    np_scale_write(&s, job, "np_value", 'x', np_scale_label(label, sizeof label, &s, !panes), first);
    np_scale_write(&versus, job, "np_versus", 'x',
                   np_metric_is_share(d->metric) ? "difference (points)" : "difference",
                   width - first - BETWEEN);
    snprintf(title, sizeof title, "minus %.100s", r->point[0].strategy[0].name);
    np_drawing_text(job, "np_versus_title",
                    np_drawing_fit(title, d->width - left - first - BETWEEN - BESIDE, cut));
    fprintf(job, "np_rows = %u\nnp_row = %d\nnp_panes = %d\nnp_first = %.9g\nnp_between = %d\n", n, ROW,
            panes, first, BETWEEN);
    fprintf(job, "array Row[%u]\narray Number[%u]\narray Style[%u]\n", n, n, n);
    write_numbers(d, job, e, n, letters);
    np_drawing_note_without(d, job, "without this figure: ", d->metric);
    if (ranked(d) > n) {
        char note[80];
        snprintf(note, sizeof note, "the best %u of %u", n, ranked(d));
        np_drawing_text(job, "np_note", note);
    }
    return write_values(d, e, n, &s, &versus);
}
