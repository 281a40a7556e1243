/*
 * Loading the points of a grid: the scenario file is read once a point, with the point's values put in, so
 * that each passes the same checks as a scenario that was written that way.
 */
#include "points.h"
#include <assert.h>

static bool load_point(np_points *p, uint32_t i, const char *path, const np_override *set, uint32_t sets,
                       np_arena *arena, np_findings *findings, np_error *e)
{
    const np_scenario *base = p->base;
    np_override *all = np_arena_alloc(arena, (sets + base->varied + 1) * sizeof *all);
    if (!all) return np_fail_memory(e, "the points of the grid");
    for (uint32_t s = 0; s < sets; s++) all[s] = set[s];
    p->vary[i] = all + sets;
    np_scenario_point(base, i, p->vary[i]);
    if (base->varied == 0) return true;
    p->loaded[i] = np_scenario_load(path, all, sets + base->varied, findings, e);
    if (!p->loaded[i]) return false;
    if (p->loaded[i]->strategies == base->strategies) return true;
    return np_fail(e, NP_TROUBLE_USAGE, "%s: the scenario changed while it was read", path);
}

bool np_points_load(np_points *p, const np_scenario *base, const char *path, const np_override *set,
                    uint32_t sets, np_arena *arena, np_findings *findings, np_error *e)
{
    assert(path || base->varied == 0);
    *p = (np_points){.base = base, .points = np_scenario_points(base)};
    const np_precision *precision = &base->precision;
    uint64_t most = precision->goals > 0 ? precision->max_replicas : base->replicas;
    if ((uint64_t)p->points * base->strategies > UINT32_MAX / most) {
        return np_fail(e, NP_TROUBLE_USAGE,
                       "%s: %u points and %u strategies times %llu replicas are too many runs", base->name,
                       p->points, base->strategies, (unsigned long long)most);
    }
    p->vary = np_arena_alloc(arena, p->points * sizeof *p->vary);
    if (base->varied > 0) p->loaded = np_arena_alloc(arena, p->points * sizeof *p->loaded);
    if (!p->vary || (base->varied > 0 && !p->loaded)) return np_fail_memory(e, "the points of the grid");
    for (uint32_t i = 0; i < p->points; i++) {
        if (!load_point(p, i, path, set, sets, arena, findings, e)) return false;
    }
    return true;
}

void np_points_clear(np_points *p)
{
    for (uint32_t i = 0; p->loaded && i < p->points; i++) np_scenario_destroy(p->loaded[i]);
    *p = (np_points){0};
}
