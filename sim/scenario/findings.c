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

char *np_quote(char *buf, size_t size, const char *text)
{
    size_t used = 0, most = size - 6; /* room for ..." and the end */
    buf[used++] = '"';
    for (; *text != '\0' && used < most; ++text) {
        unsigned char c = (unsigned char)*text;
        buf[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (*text != '\0') {
        while (((unsigned char)buf[used - 1] & 0xc0) == 0x80) --used; /* not in the middle of a character */
        if ((unsigned char)buf[used - 1] >= 0xc0) --used;
        memcpy(buf + used, "...", 3);
        used += 3;
    }
    buf[used++] = '"';
    buf[used] = '\0';
    return buf;
}

/* ---- did you mean ---- */

#define LONGEST_NAME 40 /* a longer word is no slip of the finger */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edits (a letter more, less, other, or two swapped) from a to b; both at most LONGEST_NAME long. */
static int edits(const char *a, size_t n, const char *b, size_t m)
{
    int d[LONGEST_NAME + 1][LONGEST_NAME + 1];

    for (size_t i = 0; i <= n; ++i) d[i][0] = (int)i;
    for (size_t j = 0; j <= m; ++j) d[0][j] = (int)j;
    for (size_t i = 1; i <= n; ++i) {
        for (size_t j = 1; j <= m; ++j) {
            int best = least(d[i - 1][j], d[i][j - 1]) + 1;
            best = least(best, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *np_nearest(const char *text, const char *const *names)
{
    size_t n = strnlen(text, LONGEST_NAME + 1);
    const char *nearest = NULL;
    int distance =
        least(4, 1 + (int)(n + 1) / 3); /* one less is near enough: an edit in three letters, three at most */

    if (n > LONGEST_NAME) return NULL;
    for (; *names; ++names) {
        size_t m = strlen(*names);
        if (m > LONGEST_NAME) continue;
        int e = edits(text, n, *names, m);
        if (e < distance && (size_t)e < m) {
            distance = e;
            nearest = *names;
        }
    }
    return nearest;
}

char *np_hint(char *buf, size_t size, const char *text, const char *const *names)
{
    const char *near = np_nearest(text, names);
    if (near) {
        snprintf(buf, size, "; did you mean \"%s\"?", near);
        return buf;
    }
    size_t used = (size_t)snprintf(buf, size, "; known: ");
    for (const char *const *name = names; *name; ++name) {
        if (used + strlen(*name) + 8 > size) {
            snprintf(buf + used, size - used, "...");
            break;
        }
        used += (size_t)snprintf(buf + used, size - used, "%s%s", *name, name[1] ? ", " : "");
    }
    if (!*names) snprintf(buf + used, size - used, "none");
    return buf;
}
