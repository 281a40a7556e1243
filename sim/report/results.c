/*
 * Reading results back, for figures and pages.
 */
#include "results.h"
#include "natpulse/report.h"
#include <math.h>
#include <string.h>

const np_results np_results_empty = {
    .scenario = "", .about = "", .version = "", .digest = "", .seed = "", .yaml = ""};

void np_results_unknown(np_read_strategy *s)
{
    static const np_estimate nothing = {NAN, NAN, NAN, 0};
    *s = (np_read_strategy){.name = ""};
    for (int m = 0; m < NP_METRIC_COUNT; m++) s->value[m] = s->versus_first[m] = nothing;
    for (int d = 0; d < NP_SPREAD_COUNT; d++)
        s->spread[d] = (np_read_spread){NAN, NAN, NAN, NAN, 0, 0, NULL, 0};
}

void *np_results_grow(np_arena *a, void *items, uint32_t n, size_t size)
{
    if (n > 0 && (n & (n - 1)) != 0) return items; /* room for the next power of two is there */
    void *grown = np_arena_alloc(a, (n > 0 ? 2 * (size_t)n : 1) * size);
    if (grown && n > 0) memcpy(grown, items, n * size);
    return grown;
}

bool np_results_remark(np_results *r, np_remarks *to, const char *name, const char *text)
{
    to->remark = np_results_grow(r->arena, to->remark, to->n, sizeof *to->remark);
    if (!to->remark) return false;
    np_read_remark *one = &to->remark[to->n];
    *one = (np_read_remark){np_arena_text(r->arena, name), np_arena_text(r->arena, text)};
    to->n++;
    return one->name && one->text;
}

bool np_results_name_point(np_results *r, np_read_point *p)
{
    p->vary = "";
    for (uint32_t v = 0; p->vary && v < r->varied; v++) {
        p->vary =
            np_arena_format(r->arena, "%s%s%s = %s", p->vary, *p->vary ? ", " : "", r->path[v], p->value[v]);
    }
    return p->vary != NULL;
}

typedef bool np_results_reader(const char *path, np_results *out, np_error *e);

static np_results_reader *reader_for(const char *path)
{
    static const char database[] = ".db";
    size_t n = strlen(path), end = sizeof database - 1;
    np_format format;
    if (n > end && strcmp(path + n - end, database) == 0) return np_results_read_db;
    if (!np_format_of_file(path, &format)) return NULL;
    return format == NP_FORMAT_JSON  ? np_results_read_json
           : format == NP_FORMAT_CSV ? np_results_read_csv
                                     : NULL;
}

/* Figures that compare points need the same strategies at each. */
static bool check_points(const np_results *r, const char *path, np_error *e)
{
    if (r->points == 0) return np_fail(e, NP_TROUBLE_INPUT, "%s: holds no results", path);
    for (uint32_t p = 1; p < r->points; p++) {
        const np_read_point *first = &r->point[0], *other = &r->point[p];
        bool same = first->strategies == other->strategies;
        for (uint32_t i = 0; same && i < first->strategies; i++) {
            same = strcmp(first->strategy[i].name, other->strategy[i].name) == 0;
        }
        if (!same)
            return np_fail(e, NP_TROUBLE_INPUT,
                           "%s: not a natpulse result: point %u has other strategies than point 0", path, p);
    }
    return true;
}

bool np_results_read(const char *path, np_results *out, np_error *e)
{
    np_results_reader *read = reader_for(path);
    *out = np_results_empty;
    if (!read) {
        return np_fail(e, NP_TROUBLE_INPUT,
                       "%s: expected a .json or .csv result, as `natpulse run -o` writes, or the .db of a "
                       "sweep",
                       path);
    }
    out->arena = np_arena_create();
    if (!out->arena) return np_fail_memory(e, "the results");
    bool ok = read(path, out, e) && check_points(out, path, e);
    if (!ok) np_arena_destroy(out->arena);
    return ok;
}
