/*
 * Values of a grid. Points times values comparisons of short texts; both are few.
 */
#include "varied.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MOST 500 /* more make no figure; and no search through them */

bool np_quantity(const char *text, double *value, const char **unit)
{
    np_time t;
    if (np_time_parse(text, &t)) {
        *value = np_seconds(t);
        *unit = t == 0 && strcmp(text, "0") == 0 ? "" : "s";
        return true;
    }
    if (!strchr("0123456789.-", *text) || !*text) return false;
    char *end;
    *value = strtod(text, &end);
    if (end == text || !isfinite(*value)) return false;
    while (*end == ' ') end++;
    static const struct {
        char prefix;
        double by;
    } scale[] = {{'k', 1e3}, {'M', 1e6}, {'G', 1e9}};
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++) {
        if (*end != scale[i].prefix) continue;
        *value *= scale[i].by;
        end++;
        break;
    }
    *unit = end;
    static const char *const known[] = {"", "%", "B", "bit/s", "/s", "W"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i], end) == 0) return true;
    }
    return false;
}

uint32_t np_varied_index(const np_varied *v, const np_read_point *p)
{
    uint32_t i = 0;
    while (i < v->n && strcmp(v->value[i], p->value[v->path]) != 0) i++;
    return i;
}

static bool read_numbers(np_varied *v)
{
    const char *first = NULL;
    for (uint32_t i = 0; i < v->n; i++) {
        const char *unit;
        if (!np_quantity(v->value[i], &v->at[i], &unit)) return false;
        if (*unit || v->at[i] != 0) { /* a bare 0 goes with any unit */
            if (first && strcmp(first, unit) != 0) return false;
            first = unit;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (v->at[k] == v->at[i]) return false;
        }
    }
    return v->n > 1;
}

static bool give_up(np_varied *v)
{
    v->n = 0;
    return true;
}

bool np_varied_of(const np_results *r, uint32_t path, np_varied *out)
{
    *out = (np_varied){.path = path};
    for (uint32_t p = 0; p < r->points; p++) {
        if (np_varied_index(out, &r->point[p]) < out->n) continue;
        if (out->n == VALUES_MOST) return give_up(out);
        out->value = np_results_grow(r->arena, out->value, out->n, sizeof *out->value);
        if (!out->value) return false;
        out->value[out->n++] = r->point[p].value[path];
    }
    out->at = np_arena_alloc(r->arena, (out->n + 1) * sizeof *out->at);
    if (!out->at) return false;
    out->numeric = read_numbers(out);
    return true;
}

bool np_path_is_choice(const char *path)
{
    static const char mark[] = "strategies.";
    return strncmp(path, mark, sizeof mark - 1) == 0;
}

static int fitness(const np_results *r, const np_varied *v)
{
    return 4 * v->numeric + 2 * np_path_is_choice(r->path[v->path]);
}

bool np_varied_axes(const np_results *r, np_varied *along, np_varied *other)
{
    if (r->varied < 1 || r->varied > 2 || !np_varied_of(r, r->varied - 1, along)) return false;
    *other = (np_varied){.path = UINT32_MAX};
    if (r->varied == 1) return true;
    if (!np_varied_of(r, 0, other)) return false;
    int a = fitness(r, along), b = fitness(r, other);
    if (b > a || (b == a && other->n > along->n)) {
        np_varied swap = *along;
        *along = *other;
        *other = swap;
    }
    return true;
}

const char *np_path_short(const np_results *r, uint32_t path)
{
    const char *dot = strrchr(r->path[path], '.'), *own = dot ? dot + 1 : r->path[path];
    for (uint32_t i = 0; i < r->varied; i++) {
        const char *last = strrchr(r->path[i], '.');
        if (i != path && strcmp(last ? last + 1 : r->path[i], own) == 0) return r->path[path];
    }
    return own;
}
