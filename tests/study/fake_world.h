/*
 * A world and a scenario of known numbers, in place of the real ones: a test that includes this links its own
 * np_world_run and np_scenario_*.
 *
 * Metric m of strategy k in replica r at capacity c is fake_value(k, m, r, c); the third strategy has no
 * NP_METRIC_ENERGY in odd replicas, and no strategy has one in replica 0. Detections: r + 1 values and k
 * censored.
 */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include "natpulse/arena.h"
#include "natpulse/study.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t fake_fails_at = UINT32_MAX; /* this replica fails */
static bool fake_never_full;
static double fake_scale = 1;
static double fake_shake; /* added to the breaks of the second strategy in odd replicas: noise of its own */

static double fake_value(uint32_t k, int m, uint32_t r, uint32_t capacity)
{
    if (m == NP_METRIC_REACHABLE) return 0.5 + 0.1 * k + 0.01 * r;
    if (m == NP_METRIC_SERVER_ZOMBIE) return 0.125;
    double shake = m == NP_METRIC_BREAKS && k == 1 && r % 2 ? fake_shake : 0;
    return fake_scale * (10.0 * m + 3.0 * k + (r % 3) + capacity / 1000.0) + shake;
}

static uint32_t fake_strategy(const np_strategy *s)
{
    return s->poll ? (uint32_t)s->poll : 0;
}

np_result *np_world_run(const np_world_config *c, const np_strategy *s, uint32_t replica,
                        const np_listener *listener, const volatile int *stop, np_error *e)
{
    (void)listener;
    usleep((replica * 7919 + (uint32_t)s->poll * 104729) % 700); /* so that units do not end in order */
    if (stop && *stop) {
        np_fail(e, NP_TROUBLE_RUN, "stopped");
        return NULL;
    }
    if (replica >= fake_fails_at) {
        np_fail(e, NP_TROUBLE_RUN, "replica %u of strategy %u failed", replica, fake_strategy(s));
        return NULL;
    }
    uint32_t k = fake_strategy(s);
    np_result *r = calloc(1, sizeof *r);
    for (int m = 0; m < NP_METRIC_COUNT; m++) r->value[m] = fake_value(k, m, replica, c->nat[0].capacity);
    if ((k == 2 && replica % 2) || replica == 0) r->value[NP_METRIC_ENERGY] = NAN;
    r->spread[NP_SPREAD_CLIENT_DETECT] = np_quantile_create();
    for (uint32_t i = 0; i <= replica; i++)
        np_quantile_add(r->spread[NP_SPREAD_CLIENT_DETECT], 10.0 * (i + 1));
    for (uint32_t i = 0; i < k; i++) np_quantile_add_censored(r->spread[NP_SPREAD_CLIENT_DETECT]);
    r->spread[NP_SPREAD_SERVER_DETECT] = np_quantile_create();
    np_quantile_add_censored(r->spread[NP_SPREAD_SERVER_DETECT]);
    for (int i = 0; i < NP_SERIES_POINTS; i++) r->occupancy[i] = i + (double)replica;
    r->packet_events = 1000 + replica;
    r->table_was_full = !fake_never_full;
    return r;
}

static const char *fake_capacity[] = {"512", "2k"};

np_scenario *np_scenario_load(const char *path, const np_override *set, uint32_t sets, np_findings *findings,
                              np_error *e)
{
    (void)findings;
    np_arena *a = np_arena_create();
    np_scenario *s = np_arena_alloc(a, sizeof *s);
    *s = (np_scenario){.name = "fake", .about = "", .replicas = 4, .strategies = 3, .arena = a};
    s->world.duration = NP_HOUR;
    s->world.nat[0].capacity = 1000;
    s->world.seed = 9;
    s->strategy = np_arena_alloc(a, 3 * sizeof *s->strategy);
    s->strategy[0].name = "nothing";
    s->strategy[1].name = "heartbeat, 30 \"s\"";
    s->strategy[2].name = "d\xc3\xa9j\xc3\xa0 | vu";
    for (uint32_t k = 0; k < 3; k++) s->strategy[k].poll = k;
    if (path && strcmp(path, "grid") == 0) {
        s->vary = np_arena_alloc(a, sizeof *s->vary);
        *s->vary = (np_vary){.path = "nat.capacity", .value = fake_capacity, .values = 2};
        s->varied = 1;
    }
    if (path && strcmp(path, "eager") == 0)
        s->strategy[1].beat = (np_beat_config){
            .strategy = "fixed", .every = NP_MINUTE, .server_permits = 5 * NP_MINUTE, .strikes = 2};
    for (uint32_t i = 0; i < sets; i++) {
        bool bad = strcmp(set[i].value, "bad") == 0;
        if (strcmp(set[i].path, "replicas") == 0) s->replicas = (uint32_t)atoi(set[i].value);
        if (strcmp(set[i].path, "nat.capacity") == 0)
            s->world.nat[0].capacity = *set[i].value == '5' ? 512 : 2000;
        if (strcmp(set[i].path, "warmup") == 0) s->world.warmup = 40 * NP_MINUTE;
        if (bad) {
            np_fail(e, NP_TROUBLE_USAGE, "bad value");
            np_arena_destroy(a);
            return NULL;
        }
    }
    snprintf(s->digest, sizeof s->digest, "%016x", s->world.nat[0].capacity);
    return s;
}

void np_scenario_destroy(np_scenario *s)
{
    if (s) np_arena_destroy(s->arena);
}

bool np_scenario_canon(const np_scenario *s, FILE *out)
{
    fprintf(out, "name: %s\nreplicas: %u\nnat:\n  capacity: %u\n", s->name, s->replicas,
            s->world.nat[0].capacity);
    for (uint32_t i = 0; i < s->varied; i++) fprintf(out, "vary: %s\n", s->vary[i].path);
    return !ferror(out);
}

uint32_t np_scenario_points(const np_scenario *s)
{
    return s->varied ? 2 : 1;
}

void np_scenario_point(const np_scenario *s, uint32_t i, np_override *out)
{
    if (s->varied) *out = (np_override){.path = s->vary[0].path, .value = s->vary[0].value[i]};
}

#endif
