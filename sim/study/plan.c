/*
 * The plan.
 *
 *     point 0   r0: s0 s1 s2   r1: s0 s1 s2 ... | r10 ... the next round, once all before are done
 *     point 1   r0: s0 s1 s2   ...
 *                     ^next                     ^target (in replicas)
 *
 * Units of a point are numbered replica * strategies + strategy. `next` is the first that was not looked at
 * for handing out; `done` has a bit for each that is done. When all below the target are done the point is
 * looked at: its intervals are narrow enough (or there are none to look at, or the maximum is reached) and it
 * is settled, or its target rises.
 *
 * Points with units to hand out form a stack: the lowest point on top at first, and a point whose target
 * rises comes back on top, so that points end one after another and results can be streamed in order.
 *
 * Memory: a bit a unit, and with precision a double for each goal. Cost: all operations are constant but the
 * look, which is linear in the point's units and happens a few times.
 */
#include "plan.h"
#include "natpulse/study.h"
#include "precision.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX

typedef struct lane { /* one point */
    uint32_t target;  /* replicas */
    bool settled, stacked;
    uint64_t next;     /* unit */
    uint64_t finished; /* units done below the target */
    uint64_t *done;    /* a bit a unit */
    double *value;     /* [unit][goal] */
    uint64_t room;     /* units that both have room for */
    uint32_t below;    /* the next point on the stack */
} lane;

struct np_plan {
    uint32_t points, strategies, replicas, settled;
    uint32_t top; /* of the stack */
    uint64_t units, finished;
    np_precision precision;
    lane *lane;
    np_study_unit *back; /* handed out once and not done, to be handed out again */
    uint32_t backs, room_back;
};

static bool grow(np_plan *p, lane *l, uint64_t unit)
{
    if (unit < l->room) return true;
    uint64_t room = (uint64_t)l->target * p->strategies;
    while (room <= unit) room *= 2;
    room = (room + 63) / 64 * 64;
    uint64_t *done = realloc(l->done, room / 8);
    if (!done) return false;
    memset(done + l->room / 64, 0, (room - l->room) / 8);
    l->done = done;
    if (p->precision.goals > 0) {
        double *value = realloc(l->value, room * p->precision.goals * sizeof *value);
        if (!value) return false;
        l->value = value;
    }
    l->room = room;
    return true;
}

static bool is_done(const lane *l, uint64_t unit)
{
    return unit < l->room && (l->done[unit / 64] >> unit % 64 & 1);
}

np_plan *np_plan_create(uint32_t points, uint32_t strategies, uint32_t replicas,
                        const np_precision *precision)
{
    assert(points > 0 && strategies > 0 && replicas > 0);
    np_plan *p = calloc(1, sizeof *p);
    lane *lanes = calloc(points, sizeof *lanes);
    np_goal *goal = calloc(precision->goals + 1, sizeof *goal);
    if (!p || !lanes || !goal) {
        free(p);
        free(lanes);
        free(goal);
        return NULL;
    }
    *p = (np_plan){.points = points, .strategies = strategies, .replicas = replicas, .lane = lanes};
    p->precision = *precision;
    p->precision.goal = goal;
    if (precision->goals > 0) memcpy(goal, precision->goal, precision->goals * sizeof *goal);
    p->units = (uint64_t)points * strategies * replicas;
    for (uint32_t i = 0; i < points; i++) {
        lanes[i] = (lane){.target = replicas, .stacked = true, .below = i + 1 < points ? i + 1 : NOBODY};
    }
    return p;
}

void np_plan_destroy(np_plan *p)
{
    if (!p) return;
    for (uint32_t i = 0; i < p->points; i++) {
        free(p->lane[i].done);
        free(p->lane[i].value);
    }
    free(p->lane);
    free(p->back);
    free(p->precision.goal);
    free(p);
}

/* ---- looking ---- */

/* The widest interval, in multiples of what is wanted. */
static bool excess_of(const np_plan *p, const lane *l, double *excess)
{
    double *column = malloc(l->target * sizeof *column);
    if (!column) return false;
    *excess = 0;
    for (uint32_t g = 0; g < p->precision.goals; g++) {
        for (uint32_t s = 0; s < p->strategies; s++) {
            for (uint32_t r = 0; r < l->target; r++)
                column[r] = l->value[((uint64_t)r * p->strategies + s) * p->precision.goals + g];
            np_estimate e = np_estimate_of(column, l->target);
            *excess = fmax(*excess, np_precision_width(&e) / p->precision.goal[g].share);
        }
    }
    free(column);
    return true;
}

/* After the last unit below the target: the point is settled, or has a new target and is on the stack. */
static bool look(np_plan *p, uint32_t point)
{
    lane *l = &p->lane[point];
    while (!l->settled && l->finished == (uint64_t)l->target * p->strategies) {
        double excess = 0;
        bool more = p->precision.goals > 0 && l->target < p->precision.max_replicas;
        if (more && !excess_of(p, l, &excess)) return false;
        if (!more || excess <= 1) {
            l->settled = true;
            p->settled++;
            continue;
        }
        uint64_t before = l->finished;
        uint32_t target = np_precision_next(l->target, excess, p->precision.max_replicas);
        p->units += (uint64_t)(target - l->target) * p->strategies;
        l->target = target;
        for (uint64_t u = before; u < (uint64_t)target * p->strategies; u++) l->finished += is_done(l, u);
        if (l->stacked) continue;
        l->stacked = true;
        l->below = p->top;
        p->top = point;
    }
    return true;
}

bool np_plan_may_come_to(const np_plan *p, np_study_unit u)
{
    uint32_t most = p->precision.goals > 0 ? p->precision.max_replicas : p->replicas;
    return u.point < p->points && u.strategy < p->strategies && u.replica < most &&
           !is_done(&p->lane[u.point], (uint64_t)u.replica * p->strategies + u.strategy);
}

bool np_plan_done(np_plan *p, np_study_unit u, const double *goal_value)
{
    assert(np_plan_may_come_to(p, u));
    lane *l = &p->lane[u.point];
    uint64_t unit = (uint64_t)u.replica * p->strategies + u.strategy;
    if (!grow(p, l, unit)) return false;
    l->done[unit / 64] |= UINT64_C(1) << unit % 64;
    for (uint32_t g = 0; g < p->precision.goals; g++) l->value[unit * p->precision.goals + g] = goal_value[g];
    p->finished++;
    if (unit >= (uint64_t)l->target * p->strategies) return true;
    l->finished++;
    return look(p, u.point);
}

/* ---- handing out ---- */

bool np_plan_return(np_plan *p, np_study_unit u)
{
    if (!np_plan_may_come_to(p, u)) return true;
    if (p->backs == p->room_back) {
        uint32_t room = p->room_back ? 2 * p->room_back : 16;
        np_study_unit *grown = realloc(p->back, room * sizeof *grown);
        if (!grown) return false;
        p->back = grown;
        p->room_back = room;
    }
    p->back[p->backs++] = u;
    return true;
}

bool np_plan_next(np_plan *p, np_study_unit *u)
{
    while (p->backs > 0) {
        *u = p->back[--p->backs];
        if (np_plan_may_come_to(p, *u)) return true;
    }
    while (p->top != NOBODY) {
        lane *l = &p->lane[p->top];
        uint64_t end = (uint64_t)l->target * p->strategies;
        while (l->next < end && is_done(l, l->next)) l->next++;
        if (l->next < end) {
            *u = (np_study_unit){.point = p->top,
                                 .strategy = (uint32_t)(l->next % p->strategies),
                                 .replica = (uint32_t)(l->next / p->strategies)};
            l->next++;
            return true;
        }
        l->stacked = false;
        p->top = l->below;
    }
    return false;
}

bool np_plan_over(const np_plan *p)
{
    return p->settled == p->points;
}

uint32_t np_plan_replicas(const np_plan *p, uint32_t point)
{
    return p->lane[point].target;
}

bool np_plan_settled(const np_plan *p, uint32_t point)
{
    return p->lane[point].settled;
}

uint64_t np_plan_units_done(const np_plan *p)
{
    return p->finished;
}

uint64_t np_plan_units(const np_plan *p)
{
    return p->units;
}
