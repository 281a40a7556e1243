/*
 * `vary`: paths and their values, whose cross product is the grid of a study.
 *
 * Each value is tried when the scenario is read: it is put into a copy of the tree, the copy is read, and
 * whatever is wrong with it that was not wrong before is reported at the value.
 */
#include "schema_top.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PATHS  16
#define MOST_VALUES 4096
#define MOST_POINTS 1000000

/* Keys that name or count a study rather than describe one of its points. */
static bool is_fixed(const char *path)
{
    static const char *const fixed[] = {"name", "about", "replicas", "precision", "expect", "vary"};
    size_t length = strcspn(path, ".");
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; ++i)
        if (strlen(fixed[i]) == length && memcmp(fixed[i], path, length) == 0) return true;
    return false;
}

static char *as_written(np_loading *l, const np_node *n)
{
    char *text = NULL, *kept = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        np_yaml_flow(out, n);
        if (fclose(out) == 0) kept = np_arena_text(l->arena, text);
        free(text);
    }
    if (!kept) l->report->no_memory = true;
    return kept;
}

static void read_values(np_loading *l, const np_node *list, np_vary *v)
{
    uint32_t n = 0;
    for (const np_node *value = list->first; value; value = value->next) ++n;
    if (n == 0 || n > MOST_VALUES) {
        np_report_node(l->report, list, "%s: there are %u values; expected 1 to %d", list->key->text, n,
                       MOST_VALUES);
        return;
    }
    v->path = list->key->text;
    v->value = np_arena_alloc(l->arena, n * sizeof *v->value);
    if (!v->value) {
        l->report->no_memory = true;
        return;
    }
    for (const np_node *value = list->first; value; value = value->next)
        v->value[v->values++] = as_written(l, value);
}

void np_vary_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_scenario *s = base;
    uint32_t paths = 0;
    uint64_t points = 1;

    if (!np_node_expect(l, n, NP_NODE_MAP, f->key, f->form)) return;
    for (const np_node *list = n->first; list; list = list->next) ++paths;
    if (paths > MOST_PATHS) {
        np_report_node(l->report, n, "vary: %u paths are too many; expected at most %d", paths, MOST_PATHS);
        return;
    }
    s->vary = np_arena_alloc(l->arena, (paths + 1) * sizeof *s->vary);
    if (!s->vary) {
        l->report->no_memory = true;
        return;
    }
    for (const np_node *list = n->first; list; list = list->next) {
        const np_node *first = np_node_get(n, list->key->text);
        if (first != list)
            np_report_node(l->report, list->key, "key \"%s\" is there twice; first on line %d",
                           list->key->text, first->key->line);
        else if (is_fixed(list->key->text))
            np_report_node(l->report, list->key, "%s cannot be varied", list->key->text);
        else if (np_node_expect(l, list, NP_NODE_LIST, list->key->text,
                                "a list of values, such as [1k, 2k]")) {
            read_values(l, list, &s->vary[s->varied]);
            points *= s->vary[s->varied].values;
            s->varied += s->vary[s->varied].values > 0;
        }
    }
    if (points > MOST_POINTS)
        np_report_node(l->report, n, "vary: the grid has %llu points; expected at most %d",
                       (unsigned long long)points, MOST_POINTS);
}

void np_vary_write(np_writer *w, const np_field *f, const void *base)
{
    const np_scenario *s = base;
    if (s->varied == 0) return;
    np_write_key(w, f->key);
    putc('\n', w->out);
    w->depth++;
    for (uint32_t i = 0; i < s->varied; ++i) {
        np_write_key(w, s->vary[i].path);
        for (uint32_t j = 0; j < s->vary[i].values; ++j)
            fprintf(w->out, "%s%s", j ? ", " : " [", s->vary[i].value[j]);
        fputs("]\n", w->out);
    }
    w->depth--;
}

/* ---- trying values ---- */

static void try_value(np_loading *l, const np_node *root, const char *path, const np_node *key,
                      const np_node *value)
{
    np_report report = {0};
    np_loading trial = {.arena = np_arena_create(), .report = &report, .profiles = l->profiles};
    np_node *copy = trial.arena ? np_node_copy(trial.arena, root) : NULL;

    if (!copy) {
        l->report->no_memory = true;
    } else {
        const np_node *vary = np_node_get(copy, "vary");
        np_scenario s = {.name = ""};
        np_node_remove(copy, vary);
        trial.scenario = &s;
        if (np_override_apply(&report, trial.arena, copy, path, key, value))
            np_scenario_read(&trial, copy, &s);
    }
    l->report->no_memory |= report.no_memory;
    for (uint32_t i = 0; i < report.n; ++i) {
        const np_found *f = &report.found[i];
        bool here = f->source == value->source && f->line == value->line && f->column == value->column;
        bool at_key = f->source == key->source && f->line == key->line && f->column == key->column;
        if (np_report_has(l->report, f)) continue;
        if (here || at_key)
            np_report_at(l->report, f->source, f->line, f->column, "%s", f->text);
        else
            np_report_node(l->report, value, "with this value: %s", f->text);
    }
    np_report_drop(&report);
    np_arena_destroy(trial.arena);
}

void np_grid_check(np_loading *l, const np_node *root)
{
    const np_node *vary = root->kind == NP_NODE_MAP ? np_node_get(root, "vary") : NULL;
    if (!vary || vary->kind != NP_NODE_MAP) return;
    for (const np_node *list = vary->first; list; list = list->next) {
        if (list->kind != NP_NODE_LIST || is_fixed(list->key->text)) continue;
        for (const np_node *value = list->first; value; value = value->next) {
            if (l->report->left_out > 0 || l->report->no_memory) return;
            try_value(l, root, list->key->text, list->key, value);
        }
    }
}

/* ---- points ---- */

uint32_t np_scenario_points(const np_scenario *s)
{
    uint32_t points = 1;
    for (uint32_t i = 0; i < s->varied; ++i) points *= s->vary[i].values;
    return points;
}

void np_scenario_point(const np_scenario *s, uint32_t i, np_override *out)
{
    for (uint32_t v = s->varied; v-- > 0;) {
        out[v] = (np_override){s->vary[v].path, s->vary[v].value[i % s->vary[v].values]};
        i /= s->vary[v].values;
    }
}
