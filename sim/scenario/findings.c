/*
 * Findings: kept in the order in which the checks meet them, sorted by (source, line, column) at the end.
 * A profile that two strategies name is read twice and its mistakes are found twice: equal findings are
 * reported once.
 *
 * Cost: n log n at the end. Memory: the texts in an arena that the caller of np_scenario_load gets.
 */
#include "findings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void np_report_at(np_report *r, const np_source *source, int line, int column, const char *format, ...)
{
    if (r->n == NP_FINDINGS_MOST) {
        r->left_out++;
        return;
    }
    if (r->n == r->room) {
        uint32_t room = r->room ? 2 * r->room : 16;
        np_found *grown = realloc(r->found, room * sizeof *grown);
        if (!grown) {
            r->no_memory = true;
            return;
        }
        r->found = grown;
        r->room = room;
    }
    if (!r->arena) r->arena = np_arena_create();

    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *kept = r->arena ? np_arena_text(r->arena, text) : NULL;
    if (!kept) {
        r->no_memory = true;
        return;
    }
    r->found[r->n++] = (np_found){source, line, column, kept};
}

static bool same(const np_found *a, const np_found *b)
{
    return a->source->rank == b->source->rank && a->line == b->line && a->column == b->column &&
           strcmp(a->text, b->text) == 0;
}

bool np_report_has(const np_report *r, const np_found *f)
{
    for (uint32_t i = 0; i < r->n; ++i)
        if (same(&r->found[i], f)) return true;
    return false;
}

static int in_file_order(const void *left, const void *right)
{
    const np_found *a = left, *b = right;
    if (a->source->rank != b->source->rank) return a->source->rank < b->source->rank ? -1 : 1;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    if (a->column != b->column) return a->column < b->column ? -1 : 1;
    return strcmp(a->text, b->text);
}

static bool move_all(np_report *r, np_findings *out)
{
    out->finding = np_arena_alloc(r->arena, (r->n + 1) * sizeof *out->finding);
    if (!out->finding) return false;

    const np_source *source = NULL;
    const char *file = NULL;
    for (uint32_t i = 0; i < r->n; ++i) {
        const np_found *f = &r->found[i];
        if (i > 0 && same(f, f - 1)) continue;
        if (f->source != source) {
            source = f->source;
            file = np_arena_text(r->arena, source->file);
            if (!file) return false;
        }
        out->finding[out->n++] = (np_finding){file, f->line, f->column, f->text};
    }
    if (r->left_out > 0) {
        const char *text = np_arena_format(r->arena, "%u more mistakes are left out", r->left_out);
        if (!text) return false;
        np_finding last = out->finding[out->n - 1];
        last.text = text;
        out->finding[out->n++] = last;
    }
    return true;
}

void np_report_finish(np_report *r, np_findings *out, np_error *e)
{
    if (r->no_memory || !r->arena) {
        np_fail_memory(e, "the scenario");
        np_report_drop(r);
        return;
    }
    qsort(r->found, r->n, sizeof *r->found, in_file_order);
    np_findings all = {0};
    if (!move_all(r, &all)) {
        np_fail_memory(e, "the scenario");
        np_report_drop(r);
        return;
    }
    const np_finding *first = &all.finding[0];
    if (all.n == 1)
        np_fail(e, NP_TROUBLE_USAGE, "%s:%d:%d: %s", first->file, first->line, first->column, first->text);
    else
        np_fail(e, NP_TROUBLE_USAGE, "%s: %u mistakes; the first, on line %d: %s", first->file, all.n,
                first->line, first->text);
    all.arena = r->arena;
    r->arena = NULL;
    if (out)
        *out = all;
    else
        np_findings_clear(&all);
    np_report_drop(r);
}

void np_report_drop(np_report *r)
{
    np_arena_destroy(r->arena);
    free(r->found);
    *r = (np_report){0};
}

void np_findings_clear(np_findings *f)
{
    np_arena_destroy(f->arena);
    *f = (np_findings){0};
}

void np_findings_print(const np_findings *f, FILE *out)
{
    for (uint32_t i = 0; i < f->n; ++i) {
        const np_finding *g = &f->finding[i];
        fprintf(out, "%s:%d:%d: error: %s\n", g->file, g->line, g->column, g->text);
    }
}
