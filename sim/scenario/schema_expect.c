/*
 * `expect`: what must hold of the results, so that a scenario can be a check.
 *
 *     expect:
 *       - reachable_fraction of "heartbeat 30 s" > 99%
 *       - client_detect_s.p95 of tuned keepalive < 2m
 *       - nat_refused <= 0                                     of every strategy
 *
 *     FIGURE [of STRATEGY] < | <= | > | >= VALUE
 *
 * A strategy needs quotes only where its name has one of < > = in it. A distribution is named with its part,
 * as in CSV: KEY.p50, .p95, .p99, .max, .censored.
 */
#include "schema_top.h"

#include <stdlib.h>
#include <string.h>

#define MOST_EXPECTATIONS 1000

static const char *const parts[] = {[NP_SPREAD_PART_P50] = "p50",
                                    [NP_SPREAD_PART_P95] = "p95",
                                    [NP_SPREAD_PART_P99] = "p99",
                                    [NP_SPREAD_PART_MAX] = "max",
                                    [NP_SPREAD_PART_CENSORED] = "censored"};
enum { PARTS = sizeof parts / sizeof *parts };

static const char *const comparisons[] = {[NP_COMPARE_LESS] = "<",
                                          [NP_COMPARE_AT_MOST] = "<=",
                                          [NP_COMPARE_MORE] = ">",
                                          [NP_COMPARE_AT_LEAST] = ">="};
enum { COMPARISONS = sizeof comparisons / sizeof *comparisons };

/* One expectation while it is read. */
typedef struct sentence {
    np_loading *l;
    const np_node *node;
    const char *at; /* in node->text, behind what has been understood */
    np_expectation *out;
} sentence;

static const char *skip(const char *s)
{
    return s + strspn(s, " \t");
}

/* A copy of `n` characters without the blanks at its end. NULL when out of memory. */
static char *cut(sentence *s, const char *from, size_t n)
{
    while (n > 0 && (from[n - 1] == ' ' || from[n - 1] == '\t')) --n;
    char *copy = np_arena_format(s->l->arena, "%.*s", (int)n, from);
    if (!copy) s->l->report->no_memory = true;
    return copy;
}

/* ---- the figure ---- */

static bool complain_figure(sentence *s, const char *word)
{
    char part[NP_SPREAD_COUNT * PARTS][48];
    const char *names[NP_METRIC_COUNT + NP_SPREAD_COUNT * PARTS + 1];
    char quoted[NP_QUOTED], hint[NP_HINT];
    size_t n = 0;

    for (int m = 0; m < NP_METRIC_COUNT; ++m) names[n++] = np_metric_about((np_metric)m)->key;
    for (int d = 0; d < NP_SPREAD_COUNT; ++d) {
        for (int p = 0; p < PARTS; ++p) {
            char *name = part[d * PARTS + p];
            snprintf(name, sizeof part[0], "%s.%s", np_spread_about((np_spread)d)->key, parts[p]);
            names[n++] = name;
        }
    }
    names[n] = NULL;
    np_report_node(s->l->report, s->node, "expect: there is no figure %s%s",
                   np_quote(quoted, sizeof quoted, word), np_hint(hint, sizeof hint, word, names));
    return false;
}

static bool read_figure(sentence *s)
{
    char *word = cut(s, s->at, strcspn(s->at, " \t<>="));
    if (!word) return false;
    s->at += strlen(word);
    s->out->metric = np_metric_find(word);
    s->out->spread = -1;
    if (s->out->metric >= 0) return true;

    char *dot = strrchr(word, '.');
    if (dot) *dot = '\0';
    if (np_metric_find(word) >= 0) {
        np_report_node(s->l->report, s->node, "expect: %s is a mean and has no .%s; expected it alone", word,
                       dot + 1);
        return false;
    }
    s->out->spread = np_spread_find(word);
    if (s->out->spread >= 0 && !dot) {
        np_report_node(
            s->l->report, s->node,
            "expect: %s is a distribution; expected a part of it: %s.p50, .p95, .p99, .max or .censored",
            word, word);
        return false;
    }
    if (dot) *dot = '.';
    for (int p = 0; s->out->spread >= 0 && p < PARTS; ++p) {
        if (strcmp(dot + 1, parts[p]) != 0) continue;
        s->out->part = (np_spread_part)p;
        return true;
    }
    return complain_figure(s, word);
}

/* ---- the strategy ---- */

static bool find_strategy(sentence *s, const char *name)
{
    const np_scenario *all = s->l->scenario;
    for (uint32_t i = 0; i < all->strategies; ++i) {
        if (!all->strategy[i].name || strcmp(all->strategy[i].name, name) != 0) continue;
        s->out->strategy = i;
        return true;
    }
    const char **names = calloc(all->strategies + 1, sizeof *names);
    char quoted[NP_QUOTED], hint[NP_HINT];
    if (!names) {
        s->l->report->no_memory = true;
        return false;
    }
    size_t n = 0;
    for (uint32_t i = 0; i < all->strategies; ++i)
        if (all->strategy[i].name) names[n++] = all->strategy[i].name;
    np_report_node(s->l->report, s->node, "expect: there is no strategy %s%s",
                   np_quote(quoted, sizeof quoted, name), np_hint(hint, sizeof hint, name, names));
    free(names);
    return false;
}

static bool read_strategy(sentence *s)
{
    s->out->strategy = NP_EVERY_STRATEGY;
    s->at = skip(s->at);
    if (strncmp(s->at, "of", 2) != 0 || !strchr(" \t\"'", s->at[2]) || !s->at[2]) return true;
    const char *name = skip(s->at + 2);
    size_t length;
    bool quoted = *name == '"' || *name == '\'';
    if (quoted) {
        const char *end = strchr(name + 1, *name);
        if (!end) {
            np_report_node(s->l->report, s->node,
                           "expect: the quote before the strategy's name is never closed");
            return false;
        }
        length = (size_t)(end - ++name);
    } else {
        length = strcspn(name, "<>=");
    }
    s->at = name + length + quoted;
    char *copy = cut(s, name, length);
    return copy && find_strategy(s, copy);
}

/* ---- the comparison and its value ---- */

static bool read_comparison(sentence *s)
{
    s->at = skip(s->at);
    size_t length = strspn(s->at, "<>=!");
    for (int c = 0; c < COMPARISONS; ++c) {
        if (strlen(comparisons[c]) != length || strncmp(s->at, comparisons[c], length) != 0) continue;
        s->out->comparison = (np_comparison)c;
        s->at = skip(s->at + length);
        return true;
    }
    char quoted[NP_QUOTED], *found = cut(s, s->at, length ? length : strcspn(s->at, " \t"));
    if (found)
        np_report_node(s->l->report, s->node,
                       "expect: expected <, <=, > or >= after the figure and its strategy, found %s",
                       *found ? np_quote(quoted, sizeof quoted, found) : "nothing");
    return false;
}

static np_measure measure_of(const np_expectation *x)
{
    const np_metric_info *about =
        x->metric >= 0 ? np_metric_about((np_metric)x->metric) : np_spread_about((np_spread)x->spread);
    if (x->metric < 0 && x->part == NP_SPREAD_PART_CENSORED) return NP_UNIT_COUNT;
    if (strcmp(about->unit, "s") == 0) return NP_UNIT_TIME;
    if (about->unit[0] == 'B') return NP_UNIT_SIZE;
    return strstr(about->key, "_fraction") ? NP_UNIT_SHARE : NP_UNIT_COUNT;
}

/* Figures are in seconds; a bare number is one of those. */
static bool read_bound(sentence *s)
{
    np_measure measure = measure_of(s->out);
    char *word = cut(s, s->at, strlen(s->at)), quoted[NP_QUOTED];
    if (!word) return false;
    if (np_measure_parse(measure, word, &s->out->bound)) {
        if (measure == NP_UNIT_TIME) s->out->bound = np_seconds((np_time)s->out->bound);
        return true;
    }
    if (measure == NP_UNIT_TIME && np_measure_parse(NP_UNIT_NUMBER, word, &s->out->bound)) return true;
    np_report_node(s->l->report, s->node, "expect: %s is not %s", np_quote(quoted, sizeof quoted, word),
                   np_measure_expected(measure));
    return false;
}

/* One expectation, about the strategies of l->scenario. */
static bool read_one(np_loading *l, const np_node *n, np_expectation *out)
{
    if (!np_node_expect(l, n, NP_NODE_TEXT, "expect", "FIGURE of STRATEGY > VALUE")) return false;
    if (*skip(n->text) == '\0') {
        np_report_node(l->report, n, "expect: expected FIGURE of STRATEGY > VALUE, found nothing");
        return false;
    }
    *out = (np_expectation){.text = n->text};
    sentence x = {.l = l, .node = n, .at = skip(n->text), .out = out};
    return read_figure(&x) && read_strategy(&x) && read_comparison(&x) && read_bound(&x);
}

static void add_one(np_loading *l, const np_node *n, np_scenario *s)
{
    s->expectations += read_one(l, n, &s->expectation[s->expectations]);
}

void np_expect_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_scenario *s = base;
    uint32_t count = 1;

    if (n->kind == NP_NODE_LIST) {
        count = 0;
        for (const np_node *child = n->first; child; child = child->next) ++count;
    } else if (!np_node_expect(l, n, NP_NODE_TEXT, f->key, f->form)) {
        return;
    }
    if (count > MOST_EXPECTATIONS) {
        np_report_node(l->report, n, "expect: there are %u; expected at most %d", count, MOST_EXPECTATIONS);
        return;
    }
    s->expectation = np_arena_alloc(l->arena, (count + 1) * sizeof *s->expectation);
    if (!s->expectation) {
        l->report->no_memory = true;
    } else if (n->kind == NP_NODE_LIST) {
        for (const np_node *child = n->first; child; child = child->next) add_one(l, child, s);
    } else {
        add_one(l, n, s);
    }
}

bool np_expectation_read(const char *text, const char *from, np_scenario *s, np_expectation *out,
                         np_findings *findings, np_error *e)
{
    np_report report = {0};
    np_loading l = {.arena = s->arena, .report = &report, .scenario = s};
    np_source source = {.file = from, .dir = ".", .first_line = 1, .first_column = 1};
    np_node n = {.kind = NP_NODE_TEXT, .line = 1, .column = 1, .source = &source};
    bool read = false;

    *findings = (np_findings){0};
    n.text = np_arena_text(s->arena, text);
    np_locale locale = np_locale_enter();
    if (!n.text)
        report.no_memory = true;
    else
        read = read_one(&l, &n, out);
    np_locale_leave(locale);
    if (read)
        np_report_drop(&report);
    else
        np_report_finish(&report, findings, e);
    return read;
}

void np_expect_write(np_writer *w, const np_field *f, const void *base)
{
    const np_scenario *s = base;
    if (s->expectations == 0 || w->rows_only) return;
    np_write_key(w, f->key);
    putc('\n', w->out);
    for (uint32_t i = 0; i < s->expectations; ++i) {
        fputs("- ", w->out);
        np_yaml_text(w->out, s->expectation[i].text);
        putc('\n', w->out);
    }
}
