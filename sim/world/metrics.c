/*
 * The list of figures as data, and the memory of one run's results.
 */
#include "natpulse/metrics.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const np_metric_info METRIC[NP_METRIC_COUNT] = {
#define X(e, key, unit, heading, meaning) {key, unit, heading, meaning},
    NP_METRICS(X)
#undef X
};

static const np_metric_info SPREAD[NP_SPREAD_COUNT] = {
#define X(e, key, unit, heading, meaning) {key, unit, heading, meaning},
    NP_SPREADS(X)
#undef X
};

const np_metric_info *np_metric_about(np_metric m)
{
    assert(m < NP_METRIC_COUNT);
    return &METRIC[m];
}

const np_metric_info *np_spread_about(np_spread s)
{
    assert(s < NP_SPREAD_COUNT);
    return &SPREAD[s];
}

static int find(const np_metric_info *list, int n, const char *key)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(list[i].key, key)) return i;
    return -1;
}

int np_metric_find(const char *key)
{
    return find(METRIC, NP_METRIC_COUNT, key);
}
int np_spread_find(const char *key)
{
    return find(SPREAD, NP_SPREAD_COUNT, key);
}

void np_result_destroy(np_result *r)
{
    if (!r) return;
    for (int i = 0; i < NP_SPREAD_COUNT; i++) np_quantile_destroy(r->spread[i]);
    free(r);
}
