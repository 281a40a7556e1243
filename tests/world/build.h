/* Builds small worlds for tests, by hand: no YAML here. */
#ifndef TEST_WORLD_BUILD_H
#define TEST_WORLD_BUILD_H

#include "natpulse/world.h"

/* One group of `clients`, 20 ms + 30 ms each way without loss, one server, a roomy box. */
static inline np_world_config plain_world(np_group *group, uint32_t clients, uint8_t transport)
{
    np_world_config c = {.duration = 2 * NP_HOUR,
                         .seed = 1,
                         .nats = 1,
                         .servers = 1,
                         .group = group,
                         .groups = 1,
                         .reconnect = {.least = NP_SECOND, .most = NP_MINUTE}};
    np_nat_defaults(&c.nat[0]);
    c.nat[0].capacity = 100000;
    np_tcp_defaults(&c.tcp);
    c.access_up.delay = c.access_down.delay = 20 * NP_MILLISECOND;
    c.core_up.delay = c.core_down.delay = 30 * NP_MILLISECOND;
    *group = (np_group){.name = "clients",
                        .count = clients,
                        .transport = transport,
                        .measure = true,
                        .arrival = {.kind = NP_DIST_UNIFORM, .a = 0, .b = 60e9}};
    /* a workload that never does anything within the run */
    group->work = (np_work_config){.shape = "exchange",
                                   .name = "silent",
                                   .from_server = true,
                                   .open_loop = true,
                                   .gap = np_dist_constant(1e15),
                                   .count = np_dist_constant(1),
                                   .request = np_dist_constant(100)};
    return c;
}

static inline np_strategy nothing(void)
{
    np_strategy s = {.name = "nothing"};
    np_beat_defaults(&s.beat);
    s.beat.strategy = NULL;
    return s;
}

static inline np_strategy heartbeat(np_time every, np_time timeout, uint32_t misses)
{
    np_strategy s = nothing();
    s.name = "heartbeat";
    s.beat.strategy = "fixed";
    s.beat.every = every;
    s.beat.timeout = timeout;
    s.beat.misses = misses;
    return s;
}

static inline np_strategy keepalive(np_time idle, np_time interval, uint32_t probes)
{
    np_strategy s = nothing();
    s.name = "keepalive";
    s.keepalive = (np_keepalive){.on = true, .idle = idle, .interval = interval, .probes = probes};
    return s;
}

#endif
