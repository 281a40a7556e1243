/*
 * Putting runs together: means and intervals, paired differences, merged distributions, what was reached.
 *
 * Everything that adds up happens here, in one thread and in the order of points, strategies and replicas,
 * after the last run; so neither the count of threads nor their luck shows in the result, and runs that come
 * back from a database give what they gave before.
 *
 * Memory: one np_result a run until the study is destroyed, since CSV prints every replica.
 */
#include "conclude.h"
#include "natpulse/arena.h"
#include "precision.h"
#include "warn.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

np_study *np_study_create(const np_scenario *scenario, np_error *e)
{
    np_study *s = calloc(1, sizeof *s);
    if (s) s->arena = np_arena_create();
    if (s && s->arena) {
        s->scenario = scenario;
        s->version = NP_VERSION;
        return s;
    }
    free(s);
    np_fail_memory(e, "the study");
    return NULL;
}

bool np_study_lay_out(np_study *s, uint32_t points, np_error *e)
{
    uint32_t strategies = s->scenario->strategies;
    s->point = np_arena_alloc(s->arena, points * sizeof *s->point);
    if (!s->point) return np_fail_memory(e, "the points of the grid");
    s->points = points;
    for (uint32_t p = 0; p < points; p++) {
        s->point[p].column = np_arena_alloc(s->arena, strategies * sizeof *s->point[p].column);
        s->point[p].reach =
            np_arena_alloc(s->arena, (s->scenario->precision.goals + 1) * sizeof *s->point[p].reach);
        if (!s->point[p].column || !s->point[p].reach) return np_fail_memory(e, "the columns");
    }
    return true;
}

bool np_study_place(np_column *c, uint32_t replica, np_result *r)
{
    if (replica >= c->room) {
        uint32_t room = c->room ? 2 * c->room : 16;
        while (room <= replica) room *= 2;
        np_result **grown = realloc(c->replica, room * sizeof *grown);
        if (!grown) {
            np_result_destroy(r);
            return false;
        }
        memset(grown + c->room, 0, (room - c->room) * sizeof *grown);
        c->replica = grown;
        c->room = room;
    }
    c->replica[replica] = r;
    return true;
}

static void estimate(np_study *s, const np_column *first, np_column *c, double *scratch)
{
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        for (uint32_t r = 0; r < c->replicas; r++) scratch[r] = c->replica[r]->value[m];
        c->value[m] = np_estimate_of(scratch, c->replicas);
        for (uint32_t r = 0; r < c->replicas; r++) scratch[r] -= first->replica[r]->value[m];
        c->versus_first[m] = np_estimate_of(scratch, c->replicas);
    }
    for (int i = 0; i < NP_SERIES_POINTS; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < c->replicas; r++) sum += c->replica[r]->occupancy[i];
        c->occupancy[i] = sum / c->replicas;
    }
    for (uint32_t r = 0; r < c->replicas; r++) s->packet_events += c->replica[r]->packet_events;
}

static bool merge(np_column *c)
{
    for (int d = 0; d < NP_SPREAD_COUNT; d++) {
        for (uint32_t r = 0; r < c->replicas; r++) {
            const np_quantile *one = c->replica[r]->spread[d];
            if (!one) continue;
            if (!c->spread[d]) c->spread[d] = np_quantile_create();
            if (!c->spread[d] || !np_quantile_merge(c->spread[d], one)) return false;
        }
    }
    return true;
}

static void reach(const np_study *s, np_point *p)
{
    const np_precision *precision = &s->scenario->precision;
    for (uint32_t g = 0; g < precision->goals; g++) {
        np_reach *out = &p->reach[g];
        *out = (np_reach){.widest = NAN};
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            double width = np_precision_width(&p->column[c].value[precision->goal[g].metric]);
            if (isnan(width) || width <= out->widest) continue;
            out->widest = width;
            out->strategy = p->column[c].strategy;
        }
        out->reached = !(out->widest > precision->goal[g].share);
    }
}

bool np_study_conclude(np_study *s, np_error *e)
{
    s->replicas = 0;
    for (uint32_t p = 0; p < s->points; p++) {
        if (s->point[p].column[0].replicas > s->replicas) s->replicas = s->point[p].column[0].replicas;
    }
    double *scratch = np_arena_alloc(s->arena, (s->replicas + 1) * sizeof *scratch);
    if (!scratch) return np_fail_memory(e, "the estimates");
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            np_column *column = &s->point[p].column[c];
            estimate(s, &s->point[p].column[0], column, scratch);
            if (!merge(column)) return np_fail_memory(e, "the merged distributions");
        }
        reach(s, &s->point[p]);
    }
    s->judgement = np_arena_alloc(s->arena, (s->scenario->expectations + 1) * sizeof *s->judgement);
    if (!s->judgement) return np_fail_memory(e, "the expectations");
    s->as_expected = np_study_judge(s, s->scenario, s->judgement);
    np_study_warn(s);
    return true;
}

static void destroy_column(np_column *c)
{
    for (uint32_t r = 0; r < c->room; r++) np_result_destroy(c->replica[r]);
    for (int d = 0; d < NP_SPREAD_COUNT; d++) np_quantile_destroy(c->spread[d]);
    free(c->replica);
}

void np_study_destroy(np_study *s)
{
    if (!s) return;
    for (uint32_t p = 0; s->point && p < s->points; p++) {
        for (uint32_t c = 0; s->point[p].column && c < s->scenario->strategies; c++)
            destroy_column(&s->point[p].column[c]);
    }
    for (uint32_t p = 0; s->loaded && p < s->points; p++) np_scenario_destroy(s->loaded[p]);
    np_arena_destroy(s->arena);
    free(s);
}
