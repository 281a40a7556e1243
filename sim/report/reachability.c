/*
 * The reachability figure: where each strategy stands, what it costs, and where its name goes.
 */
#include "drawing.h"
#include "figures.h"
#include "labels.h"
#include <math.h>

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

static cost_axis cost_axis_of(const np_read_point *p, int pixels)
{
    double low = INFINITY, high = -INFINITY;
    bool zero = false;
    for (uint32_t i = 0; i < p->strategies; i++) {
        const np_estimate *e = &p->strategy[i].value[NP_METRIC_UPKEEP_BYTES];
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
    return (cost_axis){{zero ? first - 0.6 : first, last, pixels}, first, zero};
}

typedef struct drawn {
    double mean, low, high;
} drawn;

static drawn drawn_of(const np_read_strategy *s, np_metric what)
{
    const np_estimate *e = &s->value[what];
    double by = what == NP_METRIC_REACHABLE ? 100 : 1;
    bool interval = !isnan(e->low);
    drawn v = {by * e->mean, by * (interval ? e->low : e->mean), by * (interval ? e->high : e->mean)};
    v.low = fmax(v.low, 0);
    if (what == NP_METRIC_REACHABLE) v.high = fmin(v.high, 100);
    return v;
}

static axis value_axis(const np_read_point *p, np_metric what)
{
    double low = INFINITY, high = -INFINITY;
    for (uint32_t i = 0; i < p->strategies; i++) {
        drawn v = drawn_of(&p->strategy[i], what);
        if (isnan(v.mean)) continue;
        low = fmin(low, v.low);
        high = fmax(high, v.high);
    }
    if (high < low) low = 0, high = 1;
    if (what == NP_METRIC_BREAKS) low = 0;
    double room = high > low ? 0.15 * (high - low) : high > 0 ? 0.1 * high : 1;
    /* Beyond what cannot be there is less room than from tic to tic: no tic says it could. */
    double over = what == NP_METRIC_REACHABLE && high == 100 ? 0.5 * room : room,
           under = low == 0 ? 0.5 * room : room;
    return (axis){low - under, high + over, NP_PANEL_HEIGHT};
}

static void write_panel(const np_drawing *d, FILE *job, int number, const char *name, np_metric what,
                        const cost_axis *x, uint32_t *names)
{
    const np_read_point *p = np_drawing_point(d);
    axis y = value_axis(p, what);
    np_label label[64];
    uint32_t owner[64], n = 0;
    int letters = (int)(NP_NAME_SHARE * x->axis.pixels / NP_LETTER);
    char cut[NP_CUT];
    for (uint32_t i = 0; i < p->strategies && n < 64; i++) {
        drawn v = drawn_of(&p->strategy[i], what);
        double cost = p->strategy[i].value[NP_METRIC_UPKEEP_BYTES].mean;
        if (isnan(v.mean) || isnan(cost)) continue;
        owner[n] = i;
        label[n++] = (np_label){.x = to_pixel(&x->axis, cost_place(x, cost)),
                                .y = to_pixel(&y, v.mean),
                                .low = to_pixel(&y, v.low),
                                .high = to_pixel(&y, v.high),
                                .width = np_text_pixels(np_drawing_cut(p->strategy[i].name, letters, cut))};
    }
    np_labels_place(label, n, n, x->axis.pixels, y.pixels, NP_LINE);
    /* The names; and rows of a point and where a line from it to its name should end (NaN: no line). */
    fprintf(job, "np_%s_low = %.9g\nnp_%s_high = %.9g\n$%s << END\n", name, y.low, name, y.high, name);
    for (uint32_t i = 0; i < n; i++) {
        const np_label *l = &label[i];
        double x_end, y_end;
        np_label_end(l, NP_LINE, &x_end, &y_end);
        fprintf(job, "%.9g %.9g %.9g %.9g\n", to_value(&x->axis, l->x), to_value(&y, l->y),
                l->far ? to_value(&x->axis, x_end) : NAN, to_value(&y, y_end));
    }
    fputs("END\n", job);
    for (uint32_t i = 0; i < n; i++) {
        np_drawing_name(job, names, number, np_drawing_cut(p->strategy[owner[i]].name, letters, cut),
                        to_value(&x->axis, label[i].at_x), to_value(&y, label[i].at_y));
    }
}

const char *np_no_reachability(const np_drawing *d)
{
    const np_read_point *p = np_drawing_point(d);
    for (uint32_t i = 0; i < p->strategies; i++) {
        const np_estimate *e = p->strategy[i].value;
        if (!isnan(e[NP_METRIC_UPKEEP_BYTES].mean) &&
            !(isnan(e[NP_METRIC_BREAKS].mean) && isnan(e[NP_METRIC_REACHABLE].mean)))
            return NULL;
    }
    return "no strategy has a figure for upkeep";
}

bool np_write_reachability(const np_drawing *d, FILE *job)
{
    const np_read_point *p = np_drawing_point(d);
    cost_axis x = cost_axis_of(p, d->width - NP_PANEL_LEFT - NP_PANEL_RIGHT);
    fprintf(job, "np_cost_low = %.9g\nnp_cost_high = %.9g\nnp_cost_least = %.9g\n", x.axis.low, x.axis.high,
            x.least);
    if (x.has_zero)
        fprintf(job, "np_cost_zero = %.9g\n", cost_place(&x, 0));
    else
        fputs("np_cost_zero = NaN\n", job); /* gnuplot's spelling */
    np_drawing_note_without(d, job, "without a figure for upkeep: ", NP_METRIC_UPKEEP_BYTES);
    uint32_t names = 0;
    np_drawing_names(job, 2 * p->strategies);
    write_panel(d, job, 1, "reachable", NP_METRIC_REACHABLE, &x, &names);
    write_panel(d, job, 2, "breaks", NP_METRIC_BREAKS, &x, &names);
    FILE *f = np_drawing_create(d, "values");
    if (!f) return false;
    for (uint32_t i = 0; i < p->strategies; i++) {
        drawn cost = drawn_of(&p->strategy[i], NP_METRIC_UPKEEP_BYTES);
        drawn reach = drawn_of(&p->strategy[i], NP_METRIC_REACHABLE),
              breaks = drawn_of(&p->strategy[i], NP_METRIC_BREAKS);
        fprintf(f, "%.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g\n\n\n", cost_place(&x, cost.mean),
                cost_place(&x, cost.low), cost_place(&x, cost.high), reach.mean, reach.low, reach.high,
                breaks.mean, breaks.low, breaks.high);
    }
    return np_drawing_finish(d, f);
}
