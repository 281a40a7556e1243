/* What tests of whole simulations share. */
#ifndef TEST_WORLD_RUN_H
#define TEST_WORLD_RUN_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "build.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE(r, m) ((r)->value[NP_METRIC_##m])

static inline np_result *run(const np_world_config *c, const np_strategy *s, uint32_t replica)
{
    np_error e = {0};
    np_result *r = np_world_run(c, s, replica, NULL, NULL, &e);
    if (!r) fail_msg("%s", e.text);
    return r;
}

static inline void assert_near(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: got %.9g, want %.9g +- %.3g", what, got, want, tolerance);
}

/* All that broke ended in one of four ways. */
static inline void assert_all_ended(const np_result *r)
{
    double ended = VALUE(r, BREAKS_CLIENT_KNEW) + VALUE(r, BREAKS_SERVER_KNEW) + VALUE(r, BREAKS_HEALED) +
                   VALUE(r, BREAKS_OPEN);
    assert_near(ended, VALUE(r, BREAKS), 1e-9 * (1 + VALUE(r, BREAKS)), "breaks and their ends");
}

static inline np_dist exponential(np_time mean)
{
    return (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = (double)mean};
}

static inline np_dist always(np_time t)
{
    return np_dist_constant((double)t);
}

static inline uint64_t test_seed(void)
{
    const char *text = getenv("NP_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

/* plain_world, in which no mapping times out. */
static inline np_world_config lasting_world(np_group *g, uint32_t clients, uint8_t transport)
{
    np_world_config c = plain_world(g, clients, transport);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    c.seed = test_seed();
    return c;
}

#endif
