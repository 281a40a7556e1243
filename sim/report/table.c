/*
 * The comparison for people, as text and as Markdown.
 *
 *     push
 *     natpulse 0.1.0, digest 0123456789abcdef, seed 1, 10 replicas of 6h; ± is half of the 95 % interval
 *
 *     connections   reachable       breaks      client knows     ...
 *                           %           /h      p50    p95  never
 *     nothing       82.1 ±1.2   0.61 ±0.03   31.2 s   45.0 s    4 %   ...
 *
 * A row is a strategy at a point. Over a grid all points stand in the same tables, the values of what is
 * varied before the strategy's name:
 *
 *     connections                          reachable   ...
 *     capacity   every   strategy                  %
 *     320        30s     heartbeat         99.9 ±0.1   ...
 *
 * A column has two parts, the value and what qualifies it, each aligned by itself, so that values stand under
 * values. Columns that do not fit the width go to a table of their own underneath; what a strategy buys and
 * what it costs are never mixed in a table that had to be cut.
 */
#include "figures.h"
#include "writers.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_MOST 24
#define GAP          3 /* between columns */

/* One column of a table: its figure and how wide its parts are. */
typedef struct shown {
    const np_figure *figure;
    int value, note, width;
} shown;

typedef struct sheet {
    const np_study *study;
    uint32_t rows; /* points times strategies, the strategies running fastest */
    np_cell *cell; /* [rows][figures], of the strategies or of their differences */
    double *scratch;
    int *vary;       /* [varied]: widths of their columns; none is shown with one point only */
    uint32_t varied; /* how many are shown */
    bool versus;
    np_style style;
    FILE *out;
    int names; /* width of all that stands before the figures */
} sheet;

int np_text_width(const char *s)
{
    int n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

void np_put_plain(const char *s, FILE *out)
{
    for (; *s; s++) fputc((unsigned char)*s < ' ' || *s == 0x7F ? '?' : *s, out);
}

static void put_right(const char *s, int width, FILE *out)
{
    fprintf(out, "%*s%s", most(0, width - np_text_width(s)), "", s);
}

static void colour(const sheet *t, const char *code)
{
    if (t->style.colour) fprintf(t->out, "\033[%sm", code);
}

#define BOLD  "1"
#define FAINT "2"
#define PLAIN "0"

/* ---- what is shown ---- */

static const np_cell *cell_at(const sheet *t, uint32_t row, const np_figure *f)
{
    return &t->cell[row * (uint32_t)np_figures_count + (uint32_t)(f - np_figures)];
}

static const np_point *point_of(const sheet *t, uint32_t row)
{
    return &t->study->point[row / t->study->scenario->strategies];
}

static const np_column *column_of(const sheet *t, uint32_t row)
{
    return &point_of(t, row)->column[row % t->study->scenario->strategies];
}

/* Differences from itself are not shown. */
static bool is_shown(const sheet *t, uint32_t row)
{
    return !t->versus || row % t->study->scenario->strategies != 0;
}

static void fill(sheet *t)
{
    for (uint32_t r = 0; r < t->rows; r++) {
        const np_column *first = &point_of(t, r)->column[0];
        for (int f = 0; f < np_figures_count; f++) {
            t->cell[r * (uint32_t)np_figures_count + (uint32_t)f] =
                np_figure_cell(column_of(t, r), t->versus ? first : NULL, &np_figures[f], t->scratch);
        }
    }
}

static bool has_values(const sheet *t, const np_figure *f)
{
    for (uint32_t r = 0; r < t->rows; r++) {
        const char *value = cell_at(t, r, f)->value;
        if (strcmp(value, "-") != 0 && strcmp(value, "0") != 0) return true;
    }
    return false;
}

/* ---- what stands before the figures ---- */

/* The last part of a path names it well enough over its column; where two would read the same, all of it. */
static const char *short_path(const np_study *s, uint32_t v)
{
    const char *dot = strrchr(s->point[0].vary[v].path, '.'), *own = dot ? dot + 1 : s->point[0].vary[v].path;
    for (uint32_t i = 0; i < s->scenario->varied; i++) {
        const char *other = s->point[0].vary[i].path, *last = strrchr(other, '.');
        if (i != v && strcmp(last ? last + 1 : other, own) == 0) return s->point[0].vary[v].path;
    }
    return own;
}

static int name_width(const sheet *t)
{
    int width = 0;
    for (uint32_t v = 0; v < t->varied; v++) {
        t->vary[v] = np_text_width(short_path(t->study, v));
        for (uint32_t p = 0; p < t->study->points; p++)
            t->vary[v] = most(t->vary[v], np_text_width(t->study->point[p].vary[v].value));
        width += t->vary[v] + GAP;
    }
    int name = t->varied ? np_text_width("strategy") : 0;
    for (uint32_t r = 0; r < t->rows; r++) name = most(name, np_text_width(column_of(t, r)->strategy));
    return width + name;
}

static void put_padded(const char *s, int width, FILE *out)
{
    np_put_plain(s, out);
    fprintf(out, "%*s", most(0, width - np_text_width(s)), "");
}

/* The names of what is varied, under a table's title. */
static void put_vary_heads(const sheet *t)
{
    int left = t->names;
    for (uint32_t v = 0; v < t->varied; v++) {
        put_padded(short_path(t->study, v), t->vary[v] + GAP, t->out);
        left -= t->vary[v] + GAP;
    }
    put_padded(t->varied ? "strategy" : "", left, t->out);
}

static void put_row_name(const sheet *t, uint32_t row)
{
    int left = t->names;
    for (uint32_t v = 0; v < t->varied; v++) {
        put_padded(point_of(t, row)->vary[v].value, t->vary[v] + GAP, t->out);
        left -= t->vary[v] + GAP;
    }
    put_padded(column_of(t, row)->strategy, left, t->out);
}

/* ---- which figures ---- */

static int choose(const sheet *t, shown *column)
{
    int n = 0;
    for (int i = 0; i < np_figures_count && n < FIGURES_MOST; i++) {
        const np_figure *f = &np_figures[i];
        if ((t->versus && !f->compared) || (f->optional && !has_values(t, f))) continue;
        shown *s = &column[n++];
        *s = (shown){.figure = f};
        for (uint32_t r = 0; r < t->rows; r++) {
            const np_cell *cell = cell_at(t, r, f);
            if (!is_shown(t, r)) continue;
            s->value = most(s->value, np_text_width(cell->value));
            s->note = most(s->note, np_text_width(cell->note));
        }
        int both = s->value + (s->note ? 1 + s->note : 0);
        bool spans =
            i + 1 < np_figures_count && !*np_figures[i + 1].head; /* its heading has room over the next */
        s->width = most(both, most(spans ? 0 : np_text_width(f->head), np_text_width(f->unit)));
        s->value += s->width - both;
    }
    return n;
}

/* ---- text ---- */

/* A heading that goes on over the columns after it stands over their first; others stand over their value's
 * end. */
static void put_heads(const sheet *t, const shown *column, int n)
{
    for (int i = 0; i < n;) {
        int width = GAP + column[i].width, next = i + 1;
        const char *head = column[i].figure->head;
        while (next < n && !*column[next].figure->head) width += GAP + column[next++].width;
        if (next == i + 1) {
            put_right(head, width, t->out);
        } else {
            int lead = most(0, width - GAP - np_text_width(head)) / 2; /* in the middle of what it covers */
            fprintf(t->out, "%*s%s%*s", GAP + lead, "", head,
                    next < n ? width - GAP - lead - np_text_width(head) : 0, "");
        }
        i = next;
    }
}

static void put_text_rows(const sheet *t, const char *title, const shown *column, int n)
{
    FILE *out = t->out;
    colour(t, BOLD);
    fprintf(out, "%s%*s", title, most(0, t->names - np_text_width(title)), "");
    put_heads(t, column, n);
    colour(t, PLAIN);
    fputc('\n', out);
    colour(t, FAINT);
    put_vary_heads(t);
    for (int i = 0; i < n; i++) put_right(column[i].figure->unit, column[i].width + GAP, out);
    colour(t, PLAIN);
    fputc('\n', out);
    for (uint32_t r = 0; r < t->rows; r++) {
        if (!is_shown(t, r)) continue;
        put_row_name(t, r);
        int owed = 0; /* blanks are written only before something */
        for (int i = 0; i < n; i++) {
            const np_cell *cell = cell_at(t, r, column[i].figure);
            put_right(cell->value, owed + GAP + column[i].value, out);
            owed = 0;
            if (!column[i].note) continue;
            if (*cell->note) {
                colour(t, FAINT);
                fprintf(out, " %s", cell->note);
                colour(t, PLAIN);
            }
            owed = column[i].note - np_text_width(cell->note) + (*cell->note ? 0 : 1);
        }
        fputc('\n', out);
    }
}

static void put_text_block(const sheet *t, const char *title, const shown *column, int n)
{
    for (int from = 0; from < n;) {
        int to = from, width = t->names;
        while (to < n &&
               (to == from || t->style.width == 0 || width + GAP + column[to].width <= t->style.width)) {
            width += GAP + column[to++].width;
        }
        while (to < n && to > from + 1 && !*column[to].figure->head)
            to--; /* not between a heading and its rest */
        fputc('\n', t->out);
        put_text_rows(t, title, column + from, to - from);
        from = to;
    }
}

static void put_text(sheet *t, const char *title)
{
    shown column[FIGURES_MOST];
    int n = choose(t, column), width;
    t->names = most(name_width(t), title ? np_text_width(title) : 0);
    for (int i = 0; i < NP_BLOCK_COUNT && !title; i++)
        t->names = most(t->names, np_text_width(np_block_title[i]));
    width = t->names;
    for (int i = 0; i < n; i++) width += GAP + column[i].width;
    if (title || width <= t->style.width) {
        put_text_block(t, title ? title : "", column, n);
        return;
    }
    for (int from = 0, to; from < n; from = to) {
        np_block block = column[from].figure->block;
        for (to = from; to < n && column[to].figure->block == block;) to++;
        put_text_block(t, np_block_title[block], column + from, to - from);
    }
}

/* ---- Markdown ---- */

void np_put_markdown(const char *s, FILE *out)
{
    for (; *s; s++) {
        if (*s == '|') fputc('\\', out);
        fputc((unsigned char)*s < ' ' ? ' ' : *s, out);
    }
}

static void put_markdown(const sheet *t, const char *title)
{
    shown column[FIGURES_MOST];
    int n = choose(t, column);
    FILE *out = t->out;
    fputs("\n| ", out);
    for (uint32_t v = 0; v < t->varied; v++) {
        np_put_markdown(short_path(t->study, v), out);
        fputs(" | ", out);
    }
    np_put_markdown(title ? title : "strategy", out);
    const char *head = "";
    for (int i = 0; i < n; i++) {
        if (*column[i].figure->head) head = column[i].figure->head; /* blank: the one before goes on */
        fprintf(out, " | %s %s", head, column[i].figure->unit);
    }
    fputs(" |\n| :--", out);
    for (uint32_t v = 0; v < t->varied; v++) fputs(" | :--", out);
    for (int i = 0; i < n; i++) fputs(" | --:", out);
    fputs(" |\n", out);
    for (uint32_t r = 0; r < t->rows; r++) {
        if (!is_shown(t, r)) continue;
        fputs("| ", out);
        for (uint32_t v = 0; v < t->varied; v++) {
            np_put_markdown(point_of(t, r)->vary[v].value, out);
            fputs(" | ", out);
        }
        np_put_markdown(column_of(t, r)->strategy, out);
        for (int i = 0; i < n; i++) {
            const np_cell *cell = cell_at(t, r, column[i].figure);
            fprintf(out, " | %s%s%s", cell->value, *cell->note ? " " : "", cell->note);
        }
        fputs(" |\n", out);
    }
}

/* ---- both ---- */

static void put_head(const sheet *t, bool markdown)
{
    const np_study *s = t->study;
    char duration[40], warmup[40];
    colour(t, BOLD);
    fputs(markdown ? "## " : "", t->out);
    np_put_plain(s->scenario->name, t->out);
    colour(t, PLAIN);
    uint32_t fewest = s->replicas;
    for (uint32_t p = 0; p < s->points; p++) {
        if (s->point[p].column[0].replicas < fewest) fewest = s->point[p].column[0].replicas;
    }
    fprintf(t->out, "%s\nnatpulse %s, digest %s, seed %" PRIu64 ", ", markdown ? "\n" : "", s->version,
            s->scenario->digest, s->scenario->world.seed);
    if (fewest < s->replicas) fprintf(t->out, "%u to ", fewest);
    fprintf(t->out, "%u replica%s of %s", s->replicas, s->replicas == 1 ? "" : "s",
            np_time_format(duration, sizeof duration, s->scenario->world.duration));
    if (s->scenario->world.warmup > 0) {
        fprintf(t->out, " (%s of it warm-up)",
                np_time_format(warmup, sizeof warmup, s->scenario->world.warmup));
    }
    fputs(s->replicas > 1 ? "; ± is half of the 95 % interval\n" : "\n", t->out);
}

/* Where a point stands in the grid, before what is said of it alone. */
static void put_point(const sheet *t, uint32_t point)
{
    for (uint32_t v = 0; v < t->varied; v++) {
        fprintf(t->out, "%s%s = ", v > 0 ? ", " : "", t->study->point[point].vary[v].path);
        np_put_plain(t->study->point[point].vary[v].value, t->out);
    }
    if (t->varied) fputs(": ", t->out);
}

static void put_precision(const sheet *t, bool markdown)
{
    uint32_t goals = t->study->scenario->precision.goals;
    char text[240];
    if (goals > 0) fputc('\n', t->out);
    for (uint32_t p = 0; p < t->study->points; p++)
        for (uint32_t g = 0; g < goals; g++) {
            fputs(markdown ? "- precision: " : "precision: ", t->out);
            put_point(t, p);
            np_put_plain(np_reach_text(text, sizeof text, t->study, p, g), t->out);
            fputc('\n', t->out);
        }
}

static void put_expectations(const sheet *t, bool markdown)
{
    const np_study *s = t->study;
    if (s->scenario->expectations > 0) fputc('\n', t->out);
    for (uint32_t i = 0; i < s->scenario->expectations; i++) {
        fputs(markdown ? "- " : "", t->out);
        colour(t, s->judgement[i].holds ? "32" : "31"); /* green, red */
        fputs("expect:", t->out);
        colour(t, PLAIN);
        fputc(' ', t->out);
        np_put_plain(s->judgement[i].text, t->out);
        fputc('\n', t->out);
    }
}

static void put_warnings(const sheet *t, bool markdown)
{
    const np_study *s = t->study;
    if (s->warnings > 0) fputc('\n', t->out);
    for (uint32_t w = 0; w < s->warnings; w++) {
        fputs(markdown ? "- " : "", t->out);
        colour(t, "33"); /* yellow */
        fprintf(t->out, "warning: %s:", np_warning_name(s->warned[w].which));
        colour(t, PLAIN);
        fputc(' ', t->out);
        np_put_plain(s->warned[w].text, t->out);
        fputc('\n', t->out);
    }
}

static bool write_sheet(const np_study *s, np_style style, FILE *out, bool markdown)
{
    sheet t = {.study = s, .style = style, .out = out, .rows = s->points * s->scenario->strategies};
    t.varied = s->points > 1 ? s->scenario->varied : 0;
    t.cell = calloc((size_t)t.rows * (size_t)np_figures_count, sizeof *t.cell);
    t.scratch = calloc(s->replicas + 1, sizeof *t.scratch);
    t.vary = calloc(s->scenario->varied + 1, sizeof *t.vary);
    bool ok = t.cell && t.scratch && t.vary;
    if (ok) put_head(&t, markdown);
    for (int versus = 0; ok && versus < (s->scenario->strategies > 1 ? 2 : 1); versus++) {
        char title[80];
        t.versus = versus;
        snprintf(title, sizeof title, "minus '%.60s'", s->point[0].column[0].strategy);
        fill(&t);
        if (markdown) {
            put_markdown(&t, versus ? title : NULL);
        } else {
            put_text(&t, versus ? title : NULL);
        }
    }
    if (ok) put_precision(&t, markdown);
    if (ok) {
        put_expectations(&t, markdown);
        put_warnings(&t, markdown);
    }
    free(t.cell);
    free(t.scratch);
    free(t.vary);
    return ok;
}

bool np_write_table(const np_study *s, np_style style, FILE *out)
{
    return write_sheet(s, style, out, false);
}

bool np_write_markdown(const np_study *s, FILE *out)
{
    return write_sheet(s, (np_style){0}, out, true);
}
