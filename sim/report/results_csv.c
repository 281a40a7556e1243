/*
 * The tidy CSV read back: columns by name, in any order; of comment lines what the writer says in them. Every
 * other column than strategy, replica, key, value and point is taken for a varied path.
 *
 * Rows of one point and strategy may stand anywhere; the values of the replicas are gathered and estimated at
 * the end. Cost: a search through points and strategies a row that is drawn; points are few.
 */
#include "results.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MOST  64
#define REPLICAS_MOST 1000000
#define POINTS_MOST   100000

typedef enum column { POINT, STRATEGY, REPLICA, KEY, VALUE, KNOWN } column;
static const char *const column_name[KNOWN] = {"point", "strategy", "replica", "key", "value"};

typedef struct gathered { /* one figure of one strategy: values and whose they are */
    double *value;
    uint32_t *replica, n;
} gathered;

typedef struct reader {
    const char *path;
    FILE *file;
    char *text; /* one record, its fields ended by zeros */
    size_t size;
    char *field[COLUMNS_MOST];
    int fields, line;
    int at[KNOWN];
    const char *name[COLUMNS_MOST];
    int columns;
    gathered (*gathered)[NP_METRIC_COUNT]; /* [strategies over all points] */
    uint32_t gatherings;
    np_results *out;
    np_error *e;
} reader;

static bool damaged(const reader *r, const char *what)
{
    return np_fail(r->e, NP_TROUBLE_INPUT, "%s:%d: %s", r->path, r->line, what);
}

static bool memory(const reader *r)
{
    return np_fail_memory(r->e, "the results");
}

/* Appends a line of the file to the record's text. False at the end. */
static bool more_text(reader *r, size_t *length)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, r->file);
    bool ok = n >= 0;
    if (ok && *length + (size_t)n + 1 > r->size) {
        char *grown = realloc(r->text, 2 * (*length + (size_t)n + 1));
        ok = grown != NULL;
        if (grown) {
            r->text = grown;
            r->size = 2 * (*length + (size_t)n + 1);
        }
    }
    if (ok) {
        memcpy(r->text + *length, line, (size_t)n);
        *length += (size_t)n;
        r->text[*length] = 0;
        r->line++;
    }
    free(line);
    return ok;
}

/* An even count of quotes: the record does not go on in the next line. */
static bool complete(const char *s)
{
    size_t quotes = 0;
    for (; *s; s++) quotes += *s == '"';
    return quotes % 2 == 0;
}

/* Cuts the record into fields in place. */
static bool cut(reader *r)
{
    char *from = r->text, *to = r->text;
    for (r->fields = 0;;) {
        if (r->fields == COLUMNS_MOST) return damaged(r, "too many columns");
        r->field[r->fields++] = to;
        bool quoted = *from == '"';
        if (quoted) from++;
        while (*from && (quoted || !strchr(",\r\n", *from))) {
            if (quoted && *from == '"') {
                if (from[1] != '"') break;
                from++;
            }
            *to++ = *from++;
        }
        if (quoted && *from == '"') from++;
        char after = *from;
        if (after && !strchr(",\r\n", after)) return damaged(r, "text after a closing quote");
        *to++ = 0;
        if (after != ',') return true;
        from++;
    }
}

/* The text of a comment that begins with `mark`, or NULL. */
static char *after(char *line, const char *mark)
{
    size_t n = strlen(mark);
    return strncmp(line, mark, n) == 0 ? line + n : NULL;
}

static bool keep(reader *r, const char **to, const char *text)
{
    const char *kept = np_arena_text(r->out->arena, text);
    if (kept) *to = kept;
    return kept != NULL;
}

/* "NAME, digest D, seed N, replicas N, duration T" */
static bool note_scenario(reader *r, char *text)
{
    char *digest = strstr(text, ", digest "), *seed = digest ? strstr(digest, ", seed ") : NULL,
         *rest = seed ? strstr(seed, ", replicas ") : NULL;
    if (!rest) return true;
    *digest = *seed = *rest = 0;
    unsigned long replicas = strtoul(rest + strlen(", replicas "), NULL, 10);
    r->out->replicas = replicas < REPLICAS_MOST ? (uint32_t)replicas : 0;
    return keep(r, &r->out->scenario, text) && keep(r, &r->out->digest, digest + strlen(", digest ")) &&
           keep(r, &r->out->seed, seed + strlen(", seed "));
}

static bool note_comment(reader *r)
{
    np_results *o = r->out;
    r->text[strcspn(r->text, "\r\n")] = 0;
    char *text;
    if ((text = after(r->text, "# natpulse "))) return keep(r, &o->version, text);
    if ((text = after(r->text, "# scenario "))) return note_scenario(r, text);
    if ((text = after(r->text, "# expect: "))) return np_results_remark(o, &o->expect, "", text);
    if ((text = after(r->text, "# precision at "))) return np_results_remark(o, &o->precision, "", text);
    if (!(text = after(r->text, "# warning "))) return true;
    char *colon = strstr(text, ": ");
    if (!colon) return true;
    *colon = 0;
    return np_results_remark(o, &o->warning, text, colon + 2);
}

/* The next record that is no comment: 1; 0 at the end; -1 on trouble. */
static int next_record(reader *r)
{
    for (;;) {
        size_t length = 0;
        if (!more_text(r, &length)) {
            if (ferror(r->file))
                return np_fail(r->e, NP_TROUBLE_INPUT, "%s: %s", r->path, strerror(errno)), -1;
            return feof(r->file) ? 0 : (memory(r), -1);
        }
        if (memchr(r->text, 0, length)) return damaged(r, "a zero byte: not a text file"), -1;
        if (*r->text == '#') {
            if (!note_comment(r)) return memory(r), -1;
            continue;
        }
        if (strspn(r->text, "\r\n") == length) continue;
        while (!complete(r->text)) {
            if (!more_text(r, &length)) return damaged(r, "a quote is never closed"), -1;
        }
        return cut(r) ? 1 : -1;
    }
}

static bool is_known(const reader *r, int i)
{
    for (int k = 0; k < KNOWN; k++) {
        if (r->at[k] == i) return true;
    }
    return false;
}

/* The columns that are none of ours name what is varied. */
static bool read_paths(reader *r)
{
    np_results *o = r->out;
    o->path = np_arena_alloc(o->arena, (size_t)(r->columns + 1) * sizeof *o->path);
    if (!o->path) return memory(r);
    for (int i = 0; i < r->columns; i++) {
        if (!is_known(r, i)) o->path[o->varied++] = r->name[i];
    }
    return true;
}

static bool read_header(reader *r)
{
    int got = next_record(r);
    if (got < 0) return false;
    if (got == 0) return damaged(r, "empty: expected a result as `natpulse run -o FILE.csv` writes");
    for (int k = 0; k < KNOWN; k++) r->at[k] = -1;
    r->columns = r->fields;
    for (int i = 0; i < r->fields; i++) {
        r->name[i] = np_arena_text(r->out->arena, r->field[i]);
        if (!r->name[i]) return memory(r);
        for (int k = 0; k < KNOWN; k++) {
            if (strcmp(r->field[i], column_name[k]) == 0) r->at[k] = i;
        }
    }
    for (int k = 0; k < KNOWN; k++) {
        if (r->at[k] >= 0) continue;
        return np_fail(r->e, NP_TROUBLE_INPUT, "%s:%d: no column '%s': not a natpulse result", r->path,
                       r->line, column_name[k]);
    }
    return read_paths(r);
}

static bool add_point(reader *r, uint32_t number)
{
    np_results *o = r->out;
    if (number != o->points || number >= POINTS_MOST) return damaged(r, "points must be counted up from 0");
    o->point = np_results_grow(o->arena, o->point, o->points, sizeof *o->point);
    if (!o->point) return memory(r);
    np_read_point *p = &o->point[o->points++];
    *p = (np_read_point){.capacity = NAN, .duration_s = NAN, .warmup_s = NAN};
    p->value = np_arena_alloc(o->arena, (o->varied + 1) * sizeof *p->value);
    if (!p->value) return memory(r);
    uint32_t v = 0;
    for (int i = 0; i < r->columns; i++) {
        if (is_known(r, i)) continue;
        p->value[v] = np_arena_text(o->arena, r->field[i]);
        if (!p->value[v++]) return memory(r);
    }
    return np_results_name_point(o, p) || memory(r);
}

static np_read_strategy *strategy_at(reader *r, np_read_point *p, const char *name)
{
    np_arena *a = r->out->arena;
    for (uint32_t i = p->strategies; i-- > 0;) { /* the last one first: rows stand together */
        if (strcmp(p->strategy[i].name, name) == 0) return &p->strategy[i];
    }
    p->strategy = np_results_grow(a, p->strategy, p->strategies, sizeof *p->strategy);
    r->gathered = np_results_grow(a, r->gathered, r->gatherings, sizeof *r->gathered);
    const char *kept = np_arena_text(a, name);
    if (!p->strategy || !r->gathered || !kept) return NULL;
    memset(r->gathered[r->gatherings], 0, sizeof *r->gathered);
    np_read_strategy *s = &p->strategy[p->strategies++];
    np_results_unknown(s);
    s->name = kept;
    s->entry_points = r->gatherings++; /* kept there until the end */
    return s;
}

/* A whole number below `end`, of a column. False when it is none. */
static bool whole(const reader *r, column k, uint32_t end, uint32_t *out)
{
    const char *text = r->field[r->at[k]];
    char *rest;
    unsigned long n = strtoul(text, &rest, 10);
    if (*text < '0' || *text > '9' || *rest || n >= end) return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_row(reader *r)
{
    if (r->fields != r->columns) return damaged(r, "not as many values as columns");
    int metric = np_metric_find(r->field[r->at[KEY]]);
    uint32_t number, replica;
    if (!whole(r, POINT, POINTS_MOST, &number)) return damaged(r, "points must be counted up from 0");
    if (!whole(r, REPLICA, REPLICAS_MOST, &replica)) return damaged(r, "the replica is no number");
    if (number >= r->out->points && !add_point(r, number)) return false;
    np_read_strategy *s = strategy_at(r, &r->out->point[number], r->field[r->at[STRATEGY]]);
    if (!s) return memory(r);
    if (metric < 0 || !*r->field[r->at[VALUE]]) return true;
    char *end;
    double value = strtod(r->field[r->at[VALUE]], &end);
    if (*end || !isfinite(value)) return damaged(r, "the value is no number");
    gathered *g = &r->gathered[s->entry_points][metric];
    if (g->n >= REPLICAS_MOST) return damaged(r, "too many replicas");
    g->value = np_results_grow(r->out->arena, g->value, g->n, sizeof *g->value);
    g->replica = np_results_grow(r->out->arena, g->replica, g->n, sizeof *g->replica);
    if (!g->value || !g->replica) return memory(r);
    g->replica[g->n] = replica;
    g->value[g->n++] = value;
    return true;
}

/* Of the replicas that both have; the file has them in the same order. */
static np_estimate difference(const gathered *g, const gathered *first, double *scratch)
{
    uint32_t n = 0;
    for (uint32_t i = 0, k = 0; i < g->n && k < first->n;) {
        if (g->replica[i] == first->replica[k])
            scratch[n++] = g->value[i++] - first->value[k++];
        else if (g->replica[i] < first->replica[k])
            i++;
        else
            k++;
    }
    return np_estimate_of(scratch, n);
}

static bool conclude(reader *r)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < r->gatherings; i++) {
        for (int m = 0; m < NP_METRIC_COUNT; m++) {
            if (r->gathered[i][m].n > most) most = r->gathered[i][m].n;
        }
    }
    double *scratch = np_arena_alloc(r->out->arena, (most + 1) * sizeof *scratch);
    if (!scratch) return memory(r);
    for (uint32_t p = 0; p < r->out->points; p++) {
        np_read_point *point = &r->out->point[p];
        const gathered *first = r->gathered[point->strategies ? point->strategy[0].entry_points : 0];
        for (uint32_t i = 0; i < point->strategies; i++) {
            np_read_strategy *s = &point->strategy[i];
            const gathered *g = r->gathered[s->entry_points];
            s->entry_points = 0;
            for (int m = 0; m < NP_METRIC_COUNT; m++) {
                s->value[m] = np_estimate_of(g[m].value, g[m].n);
                if (i > 0) s->versus_first[m] = difference(&g[m], &first[m], scratch);
                if (g[m].n > point->replicas) point->replicas = g[m].n;
            }
        }
    }
    return true;
}

bool np_results_read_csv(const char *path, np_results *out, np_error *e)
{
    reader r = {.path = path, .out = out, .e = e, .file = fopen(path, "r")};
    if (!r.file) return np_fail(e, NP_TROUBLE_INPUT, "%s: %s", path, strerror(errno));
    bool ok = read_header(&r);
    for (int got; ok && (got = next_record(&r)) != 0;) ok = got > 0 && read_row(&r);
    ok = ok && conclude(&r);
    fclose(r.file);
    free(r.text);
    return ok;
}
