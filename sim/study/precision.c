/*
 * Sequential precision: replicas in rounds until every interval that the scenario names is narrow enough.
 *
 * An interval shrinks with the square root of the count, so `replicas * excess^2` is a good guess of what it
 * takes. A guess from few replicas is rough: a round at most doubles the count, and takes a quarter more at
 * least, so that all cores have work and the looks are few. Looks are only between rounds, which makes the
 * count a function of the results alone, whatever the threads and however often a sweep was stopped.
 *
 * Stopping at the first look that is narrow enough favours looks that are so by chance: the intervals hold
 * the true mean a little less often than 95 % of the time (with ten replicas to begin with 93 % or more; see
 * tests/study/test_plan.c). A larger `replicas` lessens that.
 */
#include "precision.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>

double np_precision_width(const np_estimate *e)
{
    if (e->n == 0) return NAN;
    if (e->n == 1) return INFINITY;
    double half = (e->high - e->low) / 2;
    return half > 0 ? half / fabs(e->mean) : 0;
}

char *np_reach_text(char *buf, size_t size, const np_study *s, uint32_t point, uint32_t goal)
{
    const np_goal *wanted = &s->scenario->precision.goal[goal];
    const np_reach *r = &s->point[point].reach[goal];
    uint32_t replicas = s->point[point].column[0].replicas;
    const char *key = np_metric_about(wanted->metric)->key;
    int n = snprintf(buf, size, "%s within %.4g %%: ", key, 100 * wanted->share);
    buf += n;
    size -= (size_t)n;
    if (!r->strategy)
        snprintf(buf, size, "it has no meaning for any strategy");
    else if (r->reached)
        snprintf(buf, size, "reached with %u replicas; the widest is %.3g %% of '%.60s'", replicas,
                 100 * r->widest, r->strategy);
    else
        snprintf(buf, size, "not reached with %u replicas%s; the widest is %.3g %% of '%.60s'", replicas,
                 replicas == s->scenario->precision.max_replicas ? ", the maximum" : "", 100 * r->widest,
                 r->strategy);
    return buf - n;
}

uint32_t np_precision_next(uint32_t replicas, double excess, uint32_t most)
{
    assert(replicas < most && excess > 1);
    double least = ceil(replicas * 1.25), wanted = fmin(replicas * excess * excess, 2.0 * replicas);
    wanted = ceil(fmax(fmax(wanted, least), replicas + 1.0));
    return wanted < most ? (uint32_t)wanted : most;
}
