/*
 * The tables of the page: those that `natpulse run` prints, from what a result file holds.
 *
 * A row is a strategy at a point. A share of messages has no interval here: a file keeps the means of both,
 * not of their ratio.
 */
#include "figures.h"
#include "html.h"
#include "page.h"
#include "varied.h"
#include <math.h>
#include <string.h>

#define ROWS_OPEN 40   /* longer tables are folded */
#define ROWS_MOST 2000 /* what a browser still lays out at once; the file has the rest */

typedef struct sheet {
    const np_results *r;
    bool versus;
    uint32_t strategies, rows;
    FILE *out;
} sheet;

static const np_read_strategy *strategy_at(const sheet *t, uint32_t row)
{
    return &t->r->point[row / t->strategies].strategy[row % t->strategies];
}

static const np_cell none = {.value = "-"};

static np_cell quantile_cell(const np_read_spread *s, double p)
{
    double v = p == 0.50 ? s->p50 : p == 0.95 ? s->p95 : s->p99;
    np_cell c = none;
    if (!isnan(v)) return np_cell_seconds(v);
    if (s->never > 0) snprintf(c.value, sizeof c.value, "never");
    return c;
}

static np_cell never_cell(const np_read_spread *s)
{
    np_cell c = none;
    if (!(s->never + s->count > 0)) return c;
    double share = 100 * s->never / (s->never + s->count);
    snprintf(c.value, sizeof c.value, share > 0 && share < 1 ? "<1 %%" : "%.0f %%", share);
    return c;
}

static np_cell cell_of(const sheet *t, uint32_t row, const np_figure *f)
{
    const np_read_strategy *s = strategy_at(t, row);
    if (f->shows == NP_SHOWS_QUANTILE) return quantile_cell(&s->spread[f->of], f->p);
    if (f->shows == NP_SHOWS_NEVER) return never_cell(&s->spread[f->of]);
    const np_estimate *e = t->versus ? &s->versus_first[f->of] : &s->value[f->of];
    if (f->shows == NP_SHOWS_METRIC) return np_cell_number(e->mean, (e->high - e->low) / 2, NAN, t->versus);
    if (f->divisor < 0)
        return np_cell_number(100 * e->mean, 50 * (e->high - e->low), t->versus ? NAN : 100 - 100 * e->mean,
                              t->versus);
    double whole = s->value[f->divisor].mean;
    if (t->versus || !(whole > 0)) return none;
    return np_cell_number(100 * e->mean / whole, NAN, 100 - 100 * e->mean / whole, false);
}

static bool is_shown(const sheet *t, uint32_t row)
{
    return !t->versus || row % t->strategies != 0; /* no difference from itself */
}

/* A column in which nothing stands is left out, and an optional one of zeros. */
static bool has_values(const sheet *t, const np_figure *f)
{
    if (t->versus && !f->compared) return false;
    for (uint32_t i = 0; i < t->rows; i++) {
        if (!is_shown(t, i)) continue;
        const char *value = cell_of(t, i, f).value;
        if (strcmp(value, "-") != 0 && !(f->optional && strcmp(value, "0") == 0)) return true;
    }
    return false;
}

/* The figures of a block (NP_BLOCK_COUNT: of all) in a row; returns how many. */
static int choose(const sheet *t, np_block block, const np_figure **chosen)
{
    int n = 0;
    for (int i = 0; i < np_figures_count; i++) {
        if (block != NP_BLOCK_COUNT && np_figures[i].block != block) continue;
        if (has_values(t, &np_figures[i])) chosen[n++] = &np_figures[i];
    }
    return n;
}

/* The heading that a figure stands under, its own or that of one before. */
static const char *head_of(const np_figure *f)
{
    while (!*f->head) f--;
    return f->head;
}

static void put_heads(const sheet *t, const np_figure *const *chosen, int n)
{
    FILE *out = t->out;
    fputs("<thead><tr><th></th>", out);
    if (t->r->points > 1) fprintf(out, "<th colspan=\"%u\"></th>", t->r->varied);
    for (int i = 0; i < n;) {
        int next = i + 1;
        bool spans = chosen[i]->shows == NP_SHOWS_QUANTILE || chosen[i]->shows == NP_SHOWS_NEVER;
        while (spans && next < n && head_of(chosen[next]) == head_of(chosen[i])) next++;
        if (next > i + 1)
            fprintf(out, "<th class=\"group\" colspan=\"%d\" scope=\"colgroup\">%s</th>", next - i,
                    head_of(chosen[i]));
        else
            fprintf(out, "<th scope=\"col\">%s</th>", head_of(chosen[i]));
        i = next;
    }
    fputs("</tr>\n<tr><th>strategy</th>", out);
    for (uint32_t v = 0; v < t->r->varied && t->r->points > 1; v++)
        np_html(out, "<th class=\"value\" scope=\"col\">%s</th>", np_path_short(t->r, v));
    for (int i = 0; i < n; i++) fprintf(out, "<th scope=\"col\">%s</th>", chosen[i]->unit);
    fputs("</tr></thead>\n", out);
}

static void put_table(const sheet *t, const char *title, np_block block)
{
    const np_figure *chosen[64];
    int n = choose(t, block, chosen);
    FILE *out = t->out;
    if (n == 0) return;
    np_html(out, "<h3>%s</h3>\n", title);
    bool folded = t->rows > ROWS_OPEN;
    if (folded) fprintf(out, "<details><summary>%u rows</summary>", t->rows);
    np_html(out, "<div class=\"box\" role=\"region\" aria-label=\"%s\" tabindex=\"0\"><table>", title);
    put_heads(t, chosen, n);
    fputs("<tbody>\n", out);
    for (uint32_t row = 0; row < t->rows; row++) {
        if (!is_shown(t, row)) continue;
        np_html(out, "<tr><th scope=\"row\">%s</th>", strategy_at(t, row)->name);
        for (uint32_t v = 0; v < t->r->varied && t->r->points > 1; v++)
            np_html(out, "<td class=\"value\">%s</td>", t->r->point[row / t->strategies].value[v]);
        for (int i = 0; i < n; i++) {
            np_cell c = cell_of(t, row, chosen[i]);
            np_html(out, "<td>%s", c.value);
            if (*c.note) np_html(out, "<small>%s</small>", c.note);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (folded) fputs("</details>\n", out);
}

static void put_meanings(FILE *out)
{
    fputs("<details><summary>What the columns mean</summary>\n<dl>\n", out);
    for (int i = 0; i < np_figures_count; i++) {
        const np_figure *f = &np_figures[i];
        bool spread = f->shows == NP_SHOWS_QUANTILE || f->shows == NP_SHOWS_NEVER;
        if (!*f->head) continue;
        const char *meaning =
            spread ? np_spread_about((np_spread)f->of)->meaning : np_metric_about((np_metric)f->of)->meaning;
        np_html(out, "<dt>%s%s%s</dt><dd>%s</dd>\n", f->head, spread || !*f->unit ? "" : ", ",
                spread ? "" : f->unit, meaning);
    }
    fputs("<dt>p50, p95, p99</dt><dd>half, 95 % and 99 % of the times were at most so long; <em>never</em> "
          "is the "
          "share that had not come to an end when the run did</dd>\n"
          "<dt>± and small figures</dt><dd>half of the 95 % confidence interval over the "
          "replicas</dd>\n</dl></details>\n",
          out);
}

void np_page_tables(const np_results *r, FILE *out)
{
    static const char *const title[NP_BLOCK_COUNT] = {"Connections", "Messages", "Cost"};
    sheet t = {.r = r, .strategies = r->point[0].strategies, .out = out};
    t.rows = r->points * t.strategies;
    if (t.rows > ROWS_MOST) {
        fprintf(out, "<p>The first %u of %u rows; the result file has the rest.</p>\n", ROWS_MOST, t.rows);
        t.rows = ROWS_MOST;
    }
    for (int b = 0; b < NP_BLOCK_COUNT; b++) put_table(&t, title[b], (np_block)b);
    if (t.strategies > 1) {
        char versus[200];
        t.versus = true;
        snprintf(versus, sizeof versus, "Minus ‘%.150s’, replica by replica", r->point[0].strategy[0].name);
        put_table(&t, versus, NP_BLOCK_COUNT);
    }
    put_meanings(out);
}
