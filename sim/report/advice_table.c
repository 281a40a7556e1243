/*
 * Advice for people, as text and as Markdown: the answer, what each NAT bears, the evidence, the commands
 * that repeat it, the warnings.
 *
 *     Set a TCP keepalive with an idle time of 45 s (6 probes, 10 s apart): reachable 99.99 % (> 99.9%) ...
 *
 *     longest that holds   keepalive   heartbeat   ...      a row a NAT
 *     lru-box              45 s        45 s
 *     all                  45 s        45 s
 *
 *     evidence             NAT       interval   holds   reachable     upkeep    ...
 *     1   keepalive        lru-box   45 s       yes     99.99 ±0.01   11.9k ±0.1k
 *     2                              1 min      no      98.1 ±0.2
 *
 * The evidence is the trials that the answer rests on: of each candidate behind each NAT the longest interval
 * that holds, the next one that does not, and the one that is advised for all.
 */
#include "advice.h"
#include "words.h"
#include "writers.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAP        3  /* between columns */
#define LINES_MOST 48 /* of evidence in text */
#define NAME_CUT   40 /* of a NAT or a strategy, which may be a path */

/* A table of texts; the texts are the arena's. */
typedef struct grid {
    np_arena *arena;
    const char **cell; /* [rows][columns]; the first two rows are its head */
    uint32_t columns, rows, room;
    uint64_t right; /* bit i: column i is aligned to the right */
    bool failed;
} grid;

#define HEAD_ROWS    2
#define COLUMNS_MOST 64

static void add_row(grid *g)
{
    if (g->rows == g->room) {
        uint32_t room = g->room ? 2 * g->room : 32;
        const char **grown = np_arena_alloc(g->arena, (size_t)room * g->columns * sizeof *grown);
        if (!grown) {
            g->failed = true;
            return;
        }
        if (g->rows > 0) memcpy(grown, g->cell, (size_t)g->rows * g->columns * sizeof *grown);
        g->cell = grown;
        g->room = room;
    }
    g->rows++;
}

/* Puts a text into the last row. */
static void set(grid *g, uint32_t column, const char *text)
{
    const char *kept = g->failed ? NULL : np_arena_text(g->arena, text);
    if (kept)
        g->cell[(g->rows - 1) * g->columns + column] = kept;
    else
        g->failed = true;
}

static const char *at(const grid *g, uint32_t row, uint32_t column)
{
    const char *text = g->cell[row * g->columns + column];
    return text ? text : "";
}

static void put_padded(const char *s, int width, bool right, FILE *out)
{
    int pad = width - np_text_width(s);
    if (right) fprintf(out, "%*s", pad > 0 ? pad : 0, "");
    np_put_plain(s, out);
    if (!right) fprintf(out, "%*s", pad > 0 ? pad : 0, "");
}

static void put_text(const grid *g, np_style style, FILE *out)
{
    int width[COLUMNS_MOST] = {0};
    for (uint32_t r = 0; r < g->rows; r++)
        for (uint32_t c = 0; c < g->columns; c++)
            if (np_text_width(at(g, r, c)) > width[c]) width[c] = np_text_width(at(g, r, c));
    for (uint32_t r = 0; r < g->rows; r++) {
        uint32_t last = g->columns;
        while (last > 0 && !*at(g, r, last - 1)) last--; /* no blanks at a line's end */
        if (r < HEAD_ROWS && last == 0) continue;
        if (style.colour && r < HEAD_ROWS) fputs(r == 0 ? "\033[1m" : "\033[2m", out);
        for (uint32_t c = 0; c < last; c++) {
            bool right = g->right >> c & 1;
            if (c > 0) fprintf(out, "%*s", GAP, "");
            put_padded(at(g, r, c), c + 1 < last || right ? width[c] : 0, right, out);
        }
        if (style.colour && r < HEAD_ROWS) fputs("\033[0m", out);
        fputc('\n', out);
    }
}

static void put_markdown(const grid *g, FILE *out)
{
    for (uint32_t c = 0; c < g->columns; c++) {
        const char *unit = at(g, 1, c);
        fputs(c == 0 ? "| " : " | ", out);
        np_put_markdown(at(g, 0, c), out);
        if (*unit) fputc(' ', out);
        np_put_markdown(unit, out);
    }
    fputs(" |\n|", out);
    for (uint32_t c = 0; c < g->columns; c++) fputs(g->right >> c & 1 ? " --: |" : " :-- |", out);
    fputc('\n', out);
    for (uint32_t r = HEAD_ROWS; r < g->rows; r++) {
        for (uint32_t c = 0; c < g->columns; c++) {
            fputs(c == 0 ? "| " : " | ", out);
            np_put_markdown(at(g, r, c), out);
        }
        fputs(" |\n", out);
    }
}

/* One document under way. */
typedef struct sheet {
    const np_advice *a;
    np_arena *arena;
    np_style style;
    bool markdown, failed;
    FILE *out;
    const np_trial **line; /* of the evidence */
    uint32_t lines, left_out;
} sheet;

static void put_grid(sheet *s, const grid *g)
{
    fputc('\n', s->out);
    s->failed = s->failed || g->failed;
    if (s->failed) return;
    if (s->markdown)
        put_markdown(g, s->out);
    else
        put_text(g, s->style, s->out);
}

/* A name that is not too long for a column. */
static const char *cut(sheet *s, const char *name)
{
    if (np_text_width(name) <= NAME_CUT) return name;
    const char *end = name + strlen(name) - (NAME_CUT - 3);
    while (((unsigned char)*end & 0xC0) == 0x80) end++;
    const char *text = np_arena_format(s->arena, "...%s", end);
    return text ? text : name;
}

/* ---- what each NAT bears ---- */

static void set_borne(sheet *s, grid *g, uint32_t column, const np_candidate *c, const np_trial *holds,
                      const np_trial *nearest)
{
    char words[NP_WORDS_TIME + 8];
    if (!holds) {
        set(g, column, nearest && nearest->standing == NP_UNSURE ? "unsure" : c->key ? "none" : "no");
    } else if (!c->key) {
        set(g, column, "yes");
    } else {
        bool top = holds->interval == s->a->rung[s->a->rungs - 1];
        np_words_time(words, sizeof words - 8, holds->interval);
        if (top) strcat(words, " +");
        set(g, column, words);
    }
}

static void put_borne(sheet *s)
{
    const np_advice *a = s->a;
    uint32_t shown = a->candidates < COLUMNS_MOST - 1 ? a->candidates : COLUMNS_MOST - 1;
    grid g = {.arena = s->arena, .columns = 1 + shown};
    add_row(&g);
    set(&g, 0, "longest that holds");
    for (uint32_t k = 0; k < shown; k++) set(&g, 1 + k, cut(s, a->candidate[k].name));
    add_row(&g);
    for (uint32_t k = 0; k < shown; k++) set(&g, 1 + k, a->candidate[k].key ? a->candidate[k].key : "");
    for (uint32_t n = 0; n < a->nats; n++) {
        add_row(&g);
        set(&g, 0, cut(s, a->nat[n]));
        for (uint32_t k = 0; k < shown; k++) {
            const np_candidate *c = &a->candidate[k];
            set_borne(s, &g, 1 + k, c, c->longest[n], c->nearest[n]);
        }
    }
    if (a->nats > 1) {
        add_row(&g);
        set(&g, 0, s->markdown ? "**all**" : "all");
        for (uint32_t k = 0; k < shown; k++) {
            const np_candidate *c = &a->candidate[k];
            set_borne(s, &g, 1 + k, c, c->holds ? c->common[0] : NULL, NULL);
        }
    }
    put_grid(s, &g);
}

/* ---- evidence ---- */

static bool is_evidence(const np_advice *a, const np_trial *t)
{
    const np_candidate *c = &a->candidate[t->candidate];
    return t == c->longest[t->nat] || t == c->longer[t->nat] || t == c->nearest[t->nat] ||
           t == c->common[t->nat] || t == c->odd;
}

/* Whether the candidate shows less for the first target behind no other NAT. */
static bool is_worst(const np_advice *a, const np_trial *t)
{
    const np_candidate *c = &a->candidate[t->candidate];
    bool upper = a->target[0].comparison == NP_COMPARE_LESS || a->target[0].comparison == NP_COMPARE_AT_MOST;
    for (uint32_t n = 0; n < a->nats; n++) {
        const np_trial *other = c->nearest[n];
        if (!other || other == t) continue;
        double more = other->seen[0].mean - t->seen[0].mean;
        if (upper ? more > 0 : more < 0) return false;
        if (more == 0 && n < t->nat) return false;
    }
    return true;
}

/* Whether the NAT is the first that allows no longer interval than the one for all. */
static bool is_first_limit(const np_candidate *c, uint32_t nat)
{
    for (uint32_t n = 0; n <= nat; n++)
        if (c->longest[n] && c->longest[n]->interval == c->interval) return n == nat;
    return false;
}

/* The part of it that bears a candidate's answer: the first NAT that allows no longer interval; of those that
   allow none the worst. */
static bool is_key_evidence(const np_advice *a, const np_trial *t)
{
    const np_candidate *c = &a->candidate[t->candidate];
    const np_trial *longest = c->longest[t->nat];
    if (!longest) return t == c->nearest[t->nat] && is_worst(a, t);
    return c->key && is_first_limit(c, t->nat) && (t == longest || t == c->longer[t->nat]);
}

/* The lines of the evidence: all, or, where those are more than people read, the key ones. */
static void choose_lines(sheet *s)
{
    const np_advice *a = s->a;
    s->line = np_arena_alloc(s->arena, (a->trials + 1) * sizeof *s->line);
    s->failed = s->failed || !s->line;
    if (s->failed) return;
    for (uint32_t i = 0; i < a->trials; i++)
        if (is_evidence(a, a->trial[i])) s->line[s->lines++] = a->trial[i];
    if (s->lines <= LINES_MOST || s->markdown) return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->lines; i++)
        if (is_key_evidence(a, s->line[i])) s->line[kept++] = s->line[i];
    s->left_out = s->lines - kept;
    s->lines = kept;
}

/* Costs that are always shown, before the one chosen by where it is another. */
static const np_metric shown_costs[] = {NP_METRIC_UPKEEP_BYTES, NP_METRIC_WAKEUPS, NP_METRIC_ENERGY};
#define SHOWN_COSTS (sizeof shown_costs / sizeof *shown_costs)

static uint32_t costs_of(const np_advice *a, np_metric *out)
{
    uint32_t n = 0;
    bool chosen = false;
    for (size_t i = 0; i < SHOWN_COSTS; i++) {
        bool any = false;
        for (uint32_t t = 0; t < a->trials; t++)
            any = any || !isnan(a->trial[t]->column->value[shown_costs[i]].mean);
        if (any) out[n++] = shown_costs[i];
        chosen = chosen || (any && shown_costs[i] == a->cost);
    }
    if (!chosen) out[n++] = a->cost;
    return n;
}

static void set_cell(grid *g, uint32_t column, const np_cell *c)
{
    char text[80];
    snprintf(text, sizeof text, "%s%s%s", c->value, *c->note ? " " : "", c->note);
    set(g, column, text);
}

#define TARGETS_SHOWN 12
#define FIRST_TARGET  5 /* columns before: number, candidate, NAT, interval, holds */

static void put_evidence_head(const sheet *s, grid *g, uint32_t targets, const np_metric *cost,
                              uint32_t costs)
{
    static const char *const head[FIRST_TARGET] = {"", "candidate", "NAT", "interval", "holds"};
    char heading[60];
    add_row(g);
    for (uint32_t i = 0; i < FIRST_TARGET; i++) set(g, i, head[i]);
    for (uint32_t i = 0; i < targets; i++)
        set(g, FIRST_TARGET + i, np_advice_heading(heading, sizeof heading, &s->a->target[i]));
    for (uint32_t i = 0; i < costs; i++) {
        snprintf(heading, sizeof heading, "%s", np_metric_about(cost[i])->heading);
        set(g, FIRST_TARGET + targets + i, heading);
    }
    set(g, g->columns - 1, "broken");
    add_row(g);
    for (uint32_t i = 0; i < targets; i++) set(g, FIRST_TARGET + i, np_advice_bound(&s->a->target[i]));
    set(g, g->columns - 1, "an hour");
}

static void put_evidence(sheet *s)
{
    const np_advice *a = s->a;
    np_metric cost[SHOWN_COSTS + 1];
    uint32_t costs = costs_of(a, cost), targets = a->targets < TARGETS_SHOWN ? a->targets : TARGETS_SHOWN;
    grid g = {.arena = s->arena, .columns = FIRST_TARGET + targets + costs + 1};
    for (uint32_t i = FIRST_TARGET; i + 1 < g.columns; i++) g.right |= UINT64_C(1) << i;
    g.right |= 1;
    put_evidence_head(s, &g, targets, cost, costs);
    for (uint32_t i = 0; i < s->lines; i++) {
        const np_trial *t = s->line[i];
        char text[80];
        add_row(&g);
        snprintf(text, sizeof text, "%u", i + 1);
        set(&g, 0, text);
        set(&g, 1, cut(s, a->candidate[t->candidate].name));
        set(&g, 2, cut(s, a->nat[t->nat]));
        set(&g, 3, np_advice_interval(text, sizeof text, t->interval));
        set(&g, 4, np_advice_standing(t->standing));
        for (uint32_t x = 0; x < targets; x++) {
            np_cell c = np_advice_seen(&a->target[x], &t->seen[x]);
            set_cell(&g, FIRST_TARGET + x, &c);
        }
        for (uint32_t x = 0; x < costs; x++) {
            const np_estimate *e = &t->column->value[cost[x]];
            np_cell c = np_cell_number(e->mean, (e->high - e->low) / 2, NAN, false);
            set_cell(&g, FIRST_TARGET + targets + x, &c);
        }
        double rate;
        const char *cause = np_advice_cause(t, &rate);
        snprintf(text, sizeof text, "%.2g %s", rate, cause ? cause : "");
        set(&g, g.columns - 1, cause ? text : "-");
    }
    put_grid(s, &g);
    if (s->left_out > 0)
        fprintf(s->out, "%u more lines, of NATs on which less depends: --format md, csv or json\n",
                s->left_out);
}

/* The lines of the evidence that a command repeats: several where candidates stand as they are. */
static void put_numbers(sheet *s, const char *const *command, uint32_t n, uint32_t first)
{
    char text[24] = "";
    for (uint32_t i = first; i < n; i++) {
        if (i > first && strcmp(command[i], command[first]) != 0) continue;
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%u", used ? ", " : "", i + 1);
    }
    fprintf(s->out, "%10s   ", text);
}

static bool seen_before(const char *const *command, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(command[i], command[j]) == 0) return true;
    return false;
}

static void put_commands(sheet *s)
{
    const np_advice *a = s->a;
    uint32_t n = s->lines;
    const char **command = np_arena_alloc(s->arena, (n + 1) * sizeof *command);
    s->failed = s->failed || !command;
    for (uint32_t i = 0; i < n && !s->failed; i++)
        s->failed = !(command[i] = np_advice_command(a, s->line[i], s->arena));
    if (s->failed) return;
    fputs(s->markdown
              ? "\nThese repeat the evidence, in its order; look for the row of the candidate:\n\n```sh\n"
              : "\nto repeat a line of the evidence (the row of its candidate)\n",
          s->out);
    for (uint32_t i = 0; i < n; i++) {
        if (seen_before(command, i)) continue;
        if (!s->markdown) put_numbers(s, command, n, i);
        fputs(command[i], s->out);
        fputc('\n', s->out);
    }
    if (s->markdown) fputs("```\n", s->out);
}

/* ---- all of it ---- */

static void put_head(sheet *s)
{
    const np_scenario *scenario = s->a->scenario;
    char duration[48], warmup[48];
    fputs(s->markdown ? "## " : "", s->out);
    np_put_plain(scenario->name, s->out);
    fprintf(s->out, "%s\nnatpulse %s, seed %" PRIu64 ", %u replicas of %s", s->markdown ? "\n" : "",
            NP_VERSION, scenario->world.seed, scenario->replicas,
            np_time_format(duration, sizeof duration, scenario->world.duration));
    if (scenario->world.warmup > 0)
        fprintf(s->out, " (%s of it warm-up)", np_time_format(warmup, sizeof warmup, scenario->world.warmup));
    fputs("; ± is half of the 95 % interval\n", s->out);
}

/* Lines of at most `width` columns, broken at blanks. */
static void put_wrapped(const char *text, int width, FILE *out)
{
    int column = 0;
    while (*text) {
        size_t word = strcspn(text, " "), gap = strspn(text + word, " ");
        char *one = strndup(text, word);
        int letters = one ? np_text_width(one) : (int)word;
        if (column > 0 && width > 0 && column + 1 + letters > width) {
            fputc('\n', out);
            column = 0;
        }
        if (column > 0) fputc(' ', out);
        np_put_plain(one ? one : "", out);
        column += letters + (column > 0);
        free(one);
        text += word + gap;
    }
    fputc('\n', out);
}

static void put_answer(sheet *s)
{
    const char *answer = np_advice_answer(s->a, s->arena);
    s->failed = s->failed || !answer;
    if (s->failed) return;
    fputc('\n', s->out);
    if (s->markdown) {
        np_put_markdown(answer, s->out);
        fputc('\n', s->out);
        return;
    }
    if (s->style.colour) fputs("\033[1m", s->out);
    put_wrapped(answer, s->style.width, s->out);
    if (s->style.colour) fputs("\033[0m", s->out);
}

static void put_warnings(sheet *s)
{
    const np_advice *a = s->a;
    if (a->warnings > 0) fputc('\n', s->out);
    for (uint32_t w = 0; w < a->warnings; w++) {
        if (s->style.colour) fputs("\033[33m", s->out);
        fprintf(s->out, "%swarning: %s:", s->markdown ? "- " : "",
                np_advice_warning_name(a->warned[w].which));
        if (s->style.colour) fputs("\033[0m", s->out);
        fputc(' ', s->out);
        np_put_plain(a->warned[w].text, s->out);
        fputc('\n', s->out);
    }
}

static bool write_sheet(const np_advice *a, np_style style, bool markdown, FILE *out)
{
    sheet s = {.a = a, .arena = np_arena_create(), .style = style, .markdown = markdown, .out = out};
    if (!s.arena) return false;
    put_head(&s);
    put_answer(&s);
    put_borne(&s);
    choose_lines(&s);
    put_evidence(&s);
    put_commands(&s);
    put_warnings(&s);
    np_arena_destroy(s.arena);
    return !s.failed;
}

bool np_write_advice_table(const np_advice *a, np_style style, FILE *out)
{
    return write_sheet(a, style, false, out);
}

bool np_write_advice_markdown(const np_advice *a, FILE *out)
{
    return write_sheet(a, (np_style){0}, true, out);
}
