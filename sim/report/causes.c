/*
 * Break causes: a bar for each strategy, its parts stacked in one order. Over a grid, a bar for each of its
 * points as well.
 */
#include "figures.h"
#include "rows.h"
#include <math.h>

#define ROWS_MOST 40
#define ROW       36
#define BAR       24  /* how high a bar is in it */
#define NUMBER    132 /* pixels right of the longest bar, for its number */

static const np_metric causes[] = {NP_METRIC_BREAKS_EVICTED,     NP_METRIC_BREAKS_EXPIRED,
                                   NP_METRIC_BREAKS_NAT_RESTART, NP_METRIC_BREAKS_ROAMED,
                                   NP_METRIC_BREAKS_CLIENT_GONE, NP_METRIC_BREAKS_SERVER_GONE,
                                   NP_METRIC_BREAKS_REFUSED};
#define CAUSES (sizeof causes / sizeof *causes)

static const char *const words[CAUSES] = {"evicted",     "timed out",   "NAT restarted",     "client roamed",
                                          "client gone", "server gone", "refused by the NAT"};

static uint32_t rows(const np_results *r)
{
    return r->points * r->point[0].strategies;
}

static const np_estimate *value_at(const np_results *r, uint32_t row, np_metric m)
{
    uint32_t n = r->point[0].strategies;
    return &r->point[row / n].strategy[row % n].value[m];
}

static double longest(const np_results *r)
{
    double most = 0;
    for (uint32_t i = 0; i < rows(r); i++) most = fmax(most, value_at(r, i, NP_METRIC_BREAKS)->mean);
    return most;
}

/* The k-th cause that has any part; CAUSES when there are no more. */
static uint32_t present(const np_results *r, uint32_t k)
{
    for (uint32_t c = 0; c < CAUSES; c++) {
        uint32_t i = 0;
        while (i < rows(r) && !(value_at(r, i, causes[c])->mean > 0)) i++;
        if (i < rows(r) && k-- == 0) return c;
    }
    return CAUSES;
}

const char *np_no_causes(const np_drawing *d)
{
    if (rows(d->results) > ROWS_MOST) return "more strategies and points than a figure has rows (40)";
    return longest(d->results) > 0 && present(d->results, 0) < CAUSES ? NULL : "nothing broke";
}

static const char *cause_at(const np_drawing *d, uint32_t k)
{
    uint32_t c = present(d->results, k);
    return c < CAUSES ? words[c] : "";
}

void np_lay_out_causes(const np_drawing *d, np_layout *l)
{
    int letters;
    l->panels = 1;
    l->panel = ROW * (int)rows(d->results) + 10;
    l->left = np_row_margin(d, &letters);
    while (l->entries < CAUSES && present(d->results, l->entries) < CAUSES) l->entries++;
    l->entry = cause_at;
}

bool np_write_causes(const np_drawing *d, FILE *job)
{
    const np_results *r = d->results;
    int letters;
    int left = np_row_margin(d, &letters);
    double pixels = d->width - left - NP_PANEL_RIGHT, most = longest(r);
    uint32_t n = rows(r), parts = 0;
    while (parts < CAUSES && present(r, parts) < CAUSES) parts++;
    fprintf(job,
            "np_rows = %u\nnp_row = %d\nnp_most = %.9g\nnp_longest = %.9g\narray Row[%u]\narray "
            "Number[%u]\narray Total[%u]\n",
            n, ROW, most * pixels / (pixels - NUMBER), most, n, n, n);
    for (uint32_t i = 0; i < n; i++) {
        const np_estimate *e = value_at(r, i, NP_METRIC_BREAKS);
        const char *name = np_row_name(r, i / r->point[0].strategies, i % r->point[0].strategies, letters);
        if (!name) return np_fail_memory(d->e, "a figure");
        np_cell c = np_cell_number(e->mean, (e->high - e->low) / 2, NAN, false);
        char number[80];
        snprintf(number, sizeof number, "%s%s%s", c.value, e->mean > 0 && *c.note ? " " : "",
                 e->mean > 0 ? c.note : "");
        np_drawing_tic(job, "Row", i + 1, name);
        np_drawing_element(job, "Number", i + 1, number);
        fprintf(job, "Total[%u] = %.9g\n", i + 1, isnan(e->mean) ? 0 : e->mean);
    }
    fprintf(job, "np_parts = %u\narray Part[%u]\narray Cause[%u]\n", parts, parts, parts);
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    double *from = np_arena_alloc(r->arena, n * sizeof *from); /* where the next part begins */
    for (uint32_t k = 0; from && k < parts; k++) {
        uint32_t c = present(r, k);
        np_drawing_element(job, "Part", k + 1, words[c]);
        fprintf(job, "Cause[%u] = %u\n", k + 1, c + 1);
        for (uint32_t i = 0; i < n; i++) {
            double v = value_at(r, i, causes[c])->mean, middle = 5 + ROW * (i + 0.5);
            if (!(v > 0)) v = 0;
            fprintf(f, "%.9g %.9g %.9g %.9g\n", from[i], from[i] + v, middle - BAR / 2.0, middle + BAR / 2.0);
            from[i] += v;
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f) && (from || np_fail_memory(d->e, "a figure"));
}
