/*
 * The heat map: reachability and breaks of one strategy over two varied paths, a cell a point, its number in
 * it. Dark is much, in grey as in colour; the number is what to read.
 */
#include "drawing.h"
#include "figures.h"
#include "scale.h"
#include "varied.h"
#include <math.h>

#define PANELS    2
#define CELLS     400 /* pixels that the rows of a panel share, */
#define CELL_LOW  28  /* and the bounds of one */
#define CELL_HIGH 52
#define WIDEST    14 /* columns whose numbers can still be read */

const char *np_no_heat(const np_drawing *d)
{
    const np_results *r = d->results;
    np_varied along, other;
    if (r->varied < 2) return "";
    if (r->varied > 2) return "more than two paths are varied";
    if (!np_varied_axes(r, &along, &other)) return "memory is out";
    if (along.n == 0 || other.n == 0 || along.n > WIDEST) return "more values are varied than a map can show";
    return along.n > 1 && other.n > 1 ? NULL : "one of the two varied paths has one value only";
}

static int cell_height(uint32_t rows)
{
    int h = CELLS / (int)rows;
    return h < CELL_LOW ? CELL_LOW : h > CELL_HIGH ? CELL_HIGH : h;
}

void np_lay_out_heat(const np_drawing *d, np_layout *l)
{
    np_varied along, other;
    if (!np_varied_axes(d->results, &along, &other) || other.n == 0) return;
    int widest = 0;
    for (uint32_t i = 0; i < other.n; i++) {
        int n = np_text_width(other.value[i]);
        if (n > widest) widest = n;
    }
    l->panels = PANELS;
    l->panel = cell_height(other.n) * (int)other.n;
    l->left = 70 + (int)(NP_LETTER * (widest > 20 ? 20 : widest));
}

/* From nearly white to dark; blue for what is good, orange for what is bad. */
static unsigned colour_of(double share, bool good)
{
    static const unsigned char ramp[2][3][3] = {{{0xFF, 0xF3, 0xE2}, {0xF0, 0x8A, 0x2C}, {0x7A, 0x28, 0x00}},
                                                {{0xF0, 0xF6, 0xFC}, {0x5B, 0xA0, 0xD0}, {0x08, 0x2F, 0x66}}};
    double at = fmin(fmax(share, 0), 1) * 2, part = at - (at >= 1);
    unsigned rgb = 0;
    for (int c = 0; c < 3; c++) {
        double from = ramp[good][at >= 1][c], to = ramp[good][at >= 1 ? 2 : 1][c];
        rgb = rgb << 8 | (unsigned)lround(from + part * (to - from));
    }
    return rgb;
}

#define TEXT_DARK  0x111111
#define TEXT_LIGHT 0xFFFFFF
#define LIGHT_FROM 0.55 /* darker cells have light numbers */
#define NOTHING    0xE4E4E4

static void write_cell(FILE *f, const np_scale *s, uint32_t x, uint32_t y, const np_estimate *e)
{
    double low = s->kind == NP_SCALE_LINEAR ? fmax(s->low, 0) : s->low,
           share = (np_scale_at(s, e->mean) - low) / (s->high - low);
    if (isnan(e->mean)) {
        fprintf(f, "%u %u %d %d -\n", x, y, NOTHING, TEXT_DARK);
        return;
    }
    bool part = np_metric_is_share(s->metric);
    double half = (e->high - e->low) / 2, mean = e->mean * s->by;
    np_cell c = np_cell_number(mean, half * s->by, part ? 100 - mean : NAN, false);
    fprintf(f, "%u %u %u %d %s\n", x, y, colour_of(share, np_metric_more_is_better(s->metric)),
            share > LIGHT_FROM ? TEXT_LIGHT : TEXT_DARK, c.value);
}

/* One scale for all strategies: their figures can be compared. */
static bool scale_of(const np_drawing *d, np_metric m, np_scale *out)
{
    const np_results *r = d->results;
    uint32_t strategies = r->point[0].strategies, n = r->points * strategies;
    np_estimate *all = np_arena_alloc(r->arena, n * sizeof *all);
    if (!all) return np_fail_memory(d->e, "a figure");
    for (uint32_t i = 0; i < n; i++) all[i] = r->point[i / strategies].strategy[i % strategies].value[m];
    *out = np_scale_of(m, all, n, true, false);
    return true;
}

static void write_values(FILE *job, const char *array, const np_varied *v)
{
    fprintf(job, "array %s[%u]\n", array, v->n);
    for (uint32_t i = 0; i < v->n; i++) np_drawing_tic(job, array, i + 1, v->value[i]);
}

bool np_write_heat(const np_drawing *d, FILE *job)
{
    const np_results *r = d->results;
    np_varied along, other;
    if (!np_varied_axes(r, &along, &other)) return np_fail_memory(d->e, "a figure");
    np_metric metric[PANELS] = {d->metric,
                                d->metric == NP_METRIC_BREAKS ? NP_METRIC_REACHABLE : NP_METRIC_BREAKS};
    fprintf(job, "np_columns = %u\nnp_rows = %u\narray Panel[%d]\n", along.n, other.n, PANELS);
    write_values(job, "Column", &along);
    write_values(job, "Row", &other);
    np_drawing_text(job, "np_along", r->path[along.path]);
    np_drawing_text(job, "np_other", np_path_short(r, other.path));
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    bool ok = true;
    for (int k = 0; k < PANELS && ok; k++) {
        char label[80];
        np_scale s;
        ok = scale_of(d, metric[k], &s);
        if (!ok) break;
        np_drawing_element(job, "Panel", (uint32_t)k + 1, np_scale_label(label, sizeof label, &s, false));
        for (uint32_t p = 0; p < r->points; p++) {
            write_cell(f, &s, np_varied_index(&along, &r->point[p]), np_varied_index(&other, &r->point[p]),
                       &r->point[p].strategy[d->strategy].value[metric[k]]);
        }
        fputs("\n\n", f);
    }
    return np_drawing_finish(d, f) && ok;
}
