/*
 * What a scenario becomes: the structs, the text of `show`, overrides, the grid.
 */
#include "bench.h"

/* The design's example, with what is not simulated yet left out. */
static const char example[] =
    "name: push-behind-a-small-router\n"
    "about: A phone app.\n"
    "duration: 6h\n"
    "warmup: 10m\n"
    "seed: 18446744073709551615\n"
    "replicas: 7\n"
    "nat:\n"
    "  profile: lru-box\n"
    "  capacity: 2048\n"
    "  timeouts: {tcp_established: 2h, udp: 30s}\n"
    "access: {delay: 25ms, jitter: exponential(5ms), loss: {gilbert: {mean_loss: 1%, "
    "mean_burst: 400ms}}, down: {delay: 30ms, loss: 2%}}\n"
    "core:   {delay: 41ms, rate: 10Mbit/s, queue: 64KiB, outages: {up: exponential(1h), "
    "down: 5s}}\n"
    "servers: {count: 2, max_connections: 100k, memory_per_connection: 20kB}\n"
    "clients:\n"
    "  - {name: phones,     count: 200, workload: push, arrival: 0s}\n"
    "  - {name: a.b, count: 3, transport: udp, workload: {profile: push, gap: 5m}}\n"
    "  - {name: household,  count: 40,  workload: web,  measure: false}\n"
    "  - {name: a, count: 1, workload: web, measure: false}\n"
    "strategies:\n"
    "  - name: nothing\n"
    "  - {name: Linux default, keepalive: linux, clients: [phones]}\n"
    "  - {name: tuned, keepalive: {profile: linux, idle: 60s, at: both}, user_timeout: "
    "90s, clients: [phones]}\n"
    "  - {name: heartbeat 30 s, heartbeat: {every: 30s, timeout: 10s, misses: 2, "
    "server_closes_after: 75s}}\n"
    "  - {name: polls, connection: per-request, poll: 1m}\n"
    "  - {name: pool, connection: pool, pool: 3, heartbeat: socketio}\n"
    "vary:\n"
    "  nat.capacity: [512, 1k]\n"
    "  access.loss: [0%, {gilbert: {mean_loss: 5%, mean_burst: 1s}}, 0.01]\n"
    "  strategies.heartbeat 30 s.heartbeat.every: [15s, 30s]\n";

static void test_structs(void **state)
{
    (void)state;
    bench_put("x.yaml", example);
    np_scenario *s = bench_load("x.yaml", NULL, 0);
    const np_world_config *w = &s->world;

    assert_string_equal(s->name, "push-behind-a-small-router");
    assert_string_equal(s->about, "A phone app.");
    assert_int_equal(s->replicas, 7);
    assert_true(w->duration == 6 * NP_HOUR && w->warmup == 10 * NP_MINUTE && w->seed == UINT64_MAX);

    assert_int_equal(w->nats, 1);
    assert_int_equal(w->nat[0].capacity, 2048);
    assert_string_equal(w->nat[0].name, "lru-box");
    assert_true(w->nat[0].timeout[NP_TIMEOUT_TCP_ESTABLISHED] == 2 * NP_HOUR);
    assert_true(w->nat[0].timeout[NP_TIMEOUT_UDP] == 30 * NP_SECOND);

    assert_true(w->access_up.delay == 25 * NP_MILLISECOND && w->access_down.delay == 30 * NP_MILLISECOND);
    assert_int_equal(w->access_up.loss_kind, NP_LOSS_GILBERT);
    assert_true(w->access_up.loss == 0.01 && w->access_up.burst == 400 * NP_MILLISECOND);
    assert_int_equal(w->access_down.loss_kind, NP_LOSS_INDEPENDENT);
    assert_true(w->access_down.loss == 0.02);
    assert_int_equal(w->access_down.jitter.kind, NP_DIST_EXPONENTIAL);
    assert_true(w->core_up.delay == 41 * NP_MILLISECOND && w->core_up.rate == 10e6 &&
                w->core_up.queue == 65536);
    assert_true(w->core_down.outages && w->core_down.up.a == 3600e9 && w->core_down.down.a == 5e9);
    assert_int_equal(w->servers, 2);
    assert_int_equal(w->server_connections, 100000);
    assert_int_equal(w->server_memory, 20000);

    assert_int_equal(w->groups, 4);
    const np_group *g = w->group;
    assert_true(g[0].count == 200 && g[0].measure && g[0].transport == NP_TCP && g[0].work.from_server);
    assert_true(g[0].arrival.kind == NP_DIST_CONSTANT && g[0].arrival.a == 0);
    assert_true(g[1].transport == NP_UDP && g[1].work.gap.kind == NP_DIST_CONSTANT &&
                g[1].work.gap.a == 300e9);
    assert_string_equal(g[1].work.name, "push");
    assert_true(g[1].arrival.kind == NP_DIST_UNIFORM && g[1].arrival.b == 60e9);
    assert_true(!g[2].measure && g[2].connection == NP_CONNECTION_PER_REQUEST && !g[2].work.from_server);

    assert_int_equal(s->strategies, 6);
    const np_strategy *t = s->strategy;
    assert_true(!t[0].keepalive.on && t[0].beat.strategy == NULL && t[0].groups == 0);
    assert_true(t[1].keepalive.on && t[1].keepalive.idle == 7200 * NP_SECOND && t[1].keepalive.probes == 9);
    assert_true(t[1].groups == 1 && t[1].keepalive_at == NP_SOCKETS_CLIENT);
    assert_true(t[2].keepalive.idle == 60 * NP_SECOND && t[2].keepalive.interval == 75 * NP_SECOND);
    assert_true(t[2].keepalive_at == NP_SOCKETS_BOTH && t[2].user_timeout == 90 * NP_SECOND);
    assert_string_equal(t[3].beat.strategy, "fixed");
    assert_true(t[3].beat.every == 30 * NP_SECOND && t[3].beat.server_closes_after == 75 * NP_SECOND);
    assert_true(t[3].beat.bytes == 2 && t[3].beat.from == NP_BEAT_FROM_CLIENT);
    assert_true(t[4].connection == NP_CONNECTION_PER_REQUEST && t[4].poll == NP_MINUTE);
    assert_true(t[5].connection == NP_CONNECTION_POOL && t[5].pool == 3 &&
                t[5].beat.from == NP_BEAT_FROM_SERVER);
    np_scenario_destroy(s);
}

/* Sections that are not there are what the floors below say. */
static void test_defaults(void **state)
{
    (void)state;
    bench_put("tiny.yaml", MINIMAL);
    np_scenario *s = bench_load("tiny.yaml", NULL, 0);
    np_nat_config nat;
    np_tcp_config tcp;
    np_nat_defaults(&nat);
    np_tcp_defaults(&tcp);
    assert_string_equal(s->name, "tiny");
    assert_int_equal(s->world.nat[0].capacity, nat.capacity);
    assert_memory_equal(s->world.nat[0].timeout, nat.timeout, sizeof nat.timeout);
    assert_true(s->world.tcp.rto_min == tcp.rto_min && s->world.tcp.retries == tcp.retries);
    assert_true(s->world.duration == NP_HOUR && s->world.warmup == 6 * NP_MINUTE);
    assert_int_equal(s->world.servers, 1);
    assert_int_equal(np_scenario_points(s), 1);
    np_scenario_destroy(s);
}

static void test_show_is_a_scenario(void **state)
{
    (void)state;
    bench_put("x.yaml", example);
    bench_put("tiny.yaml",
              MINIMAL "about: \"two: \\\"lines\\\"\\n\\x01 \\u00e9\"\nnat: {memory: 1MB, entry_bytes: 100}\n"
                      "access: {jitter: empirical(3ms 1ms)}\n");
    for (int i = 0; i < 2; ++i) {
        np_scenario *s = bench_load(i ? "tiny.yaml" : "x.yaml", NULL, 0);
        char *first = bench_show(s);
        bench_put("y.yaml", first);
        np_scenario *again = bench_load("y.yaml", NULL, 0);
        char *second = bench_show(again);
        assert_string_equal(first, second);
        assert_string_equal(s->digest, again->digest);
        assert_int_equal(strlen(s->digest), 16);
        assert_string_equal(s->about, again->about);
        assert_int_equal(s->world.nat[0].capacity, again->world.nat[0].capacity);
        if (i == 1) assert_int_equal(s->world.nat[0].capacity, 10000);
        uint32_t transports = 0; /* of the groups, not of their workloads once more */
        for (const char *at = first; (at = strstr(at, "transport:")); ++at) ++transports;
        assert_int_equal(transports, s->world.groups);
        free(first);
        free(second);
        np_scenario_destroy(s);
        np_scenario_destroy(again);
    }
}

/* How a scenario is written does not matter to its digest; what it says does. */
static void test_digest(void **state)
{
    (void)state;
    bench_put("a.yaml", MINIMAL "name: n\nduration: 1h\n");
    bench_put(
        "b.yaml",
        "{duration: 60m, name: n, strategies: [{name: s}], clients: [{workload: {profile: push}, count: 1, "
        "name: a}]}\n");
    bench_put("c.yaml", MINIMAL "name: n\nduration: 1h\nseed: 2\n");
    np_scenario *a = bench_load("a.yaml", NULL, 0), *b = bench_load("b.yaml", NULL, 0),
                *c = bench_load("c.yaml", NULL, 0);
    assert_string_equal(a->digest, b->digest);
    assert_string_not_equal(a->digest, c->digest);
    np_override set = {"seed", "2"};
    np_scenario *d = bench_load("a.yaml", &set, 1);
    assert_string_equal(c->digest, d->digest);
    np_scenario_destroy(a);
    np_scenario_destroy(b);
    np_scenario_destroy(c);
    np_scenario_destroy(d);
}

static void test_overrides(void **state)
{
    static const np_override set[] = {
        {"nat.capacity", "99"},
        {"nat.ports.range", "2000-3000"},
        {"access.loss", "3%"},
        {"access.up.loss.gilbert", "{mean_loss: 4%, mean_burst: 2s}"},
        {"clients.phones.count", "5"},
        {"clients.a.b.count", "6"},
        {"clients.household.workload.gap", "exponential(1m)"},
        {"strategies.Linux default.keepalive.idle", "5m"},
        {"strategies.heartbeat 30 s.heartbeat.misses", "4"},
        {"strategies.nothing.heartbeat", "mqtt"},
        {"strategies.polls.keepalive", "off"},
        {"tcp.retries", "8"},
        {"seed", "1"},
        {"seed", "2"}, /* the last wins */
    };
    (void)state;
    bench_put("x.yaml", example);
    np_scenario *s = bench_load("x.yaml", set, sizeof set / sizeof *set);
    const np_world_config *w = &s->world;
    assert_int_equal(w->nat[0].capacity, 99);
    assert_true(w->nat[0].ports.low == 2000 && w->nat[0].ports.high == 3000);
    assert_true(w->access_down.loss == 0.02); /* `down` says so itself */
    assert_true(w->access_up.loss_kind == NP_LOSS_GILBERT && w->access_up.loss == 0.04);
    assert_int_equal(w->group[0].count, 5);
    assert_int_equal(w->group[1].count, 6); /* a.b, not a */
    assert_int_equal(w->group[3].count, 1);
    assert_true(w->group[2].work.gap.a == 60e9 && w->group[2].work.count.kind == NP_DIST_PARETO);
    assert_true(s->strategy[1].keepalive.idle == 5 * NP_MINUTE && s->strategy[1].keepalive.probes == 9);
    assert_int_equal(s->strategy[3].beat.misses, 4);
    assert_true(s->strategy[0].beat.every == NP_MINUTE);
    assert_false(s->strategy[4].keepalive.on);
    assert_int_equal(w->tcp.retries, 8);
    assert_int_equal(w->seed, 2);
    assert_int_equal(s->varied, 1); /* of nat.capacity, access.loss and the interval, two are set now */
    assert_string_equal(s->vary[0].path, "strategies.heartbeat 30 s.heartbeat.every");
    np_scenario_destroy(s);
}

/* The cross product, the last path fastest; each point loads, and is what its values say. */
static void test_grid(void **state)
{
    (void)state;
    bench_put("x.yaml", example);
    np_scenario *s = bench_load("x.yaml", NULL, 0);
    assert_int_equal(s->varied, 3);
    assert_int_equal(np_scenario_points(s), 12);
    static const char *const loss[] = {"0%", "{gilbert: {mean_loss: 5%, mean_burst: 1s}}", "0.01"};
    for (uint32_t i = 0; i < 12; ++i) {
        np_override point[3];
        np_scenario_point(s, i, point);
        assert_string_equal(point[0].path, "nat.capacity");
        assert_string_equal(point[0].value, i < 6 ? "512" : "1k");
        assert_string_equal(point[1].value, loss[i / 2 % 3]);
        assert_string_equal(point[2].value, i % 2 ? "30s" : "15s");
        np_scenario *p = bench_load("x.yaml", point, 3);
        assert_int_equal(p->varied, 0);
        assert_int_equal(p->world.nat[0].capacity, i < 6 ? 512 : 1000);
        assert_true(p->world.access_up.loss == (i / 2 % 3 == 0 ? 0 : i / 2 % 3 == 1 ? 0.05 : 0.01));
        assert_true(p->strategy[3].beat.every == (i % 2 ? 30 : 15) * NP_SECOND);
        np_scenario_destroy(p);
    }
    np_scenario_destroy(s);
}

static void note_key(void *ctx, const np_scenario_key *key)
{
    uint32_t *n = ctx;
    ++*n;
    assert_true(key->meaning && key->meaning[0] && key->form[0]);
    assert_null(strstr(key->fallback, "-1"));
}

static void test_keys(void **state)
{
    uint32_t n = 0;
    (void)state;
    assert_true(np_scenario_keys(note_key, &n, NULL));
    assert_true(n > 80);
}

/* A bare name is a scenario beside a folder of profiles; a path is a path, and a file goes first. */
static void test_by_name(void **state)
{
    (void)state;
    char profiles[400];
    np_findings findings;
    np_error e = {0};
    snprintf(profiles, sizeof profiles, "%s/shared/profiles", bench_dir);
    bench_put("shared/named.yaml", example);
    assert_int_equal(mkdir(profiles, 0700), 0);
    assert_int_equal(setenv("NATPULSE_PROFILES", profiles, 1), 0);
    np_scenario *s = np_scenario_load("named", NULL, 0, &findings, &e);
    assert_non_null(s);
    assert_int_equal(s->strategies, 6);
    np_scenario_destroy(s);
    static const char *const none[] = {"named.yaml", "./named", "shared/named", "nam"};
    for (size_t i = 0; i < sizeof none / sizeof *none; ++i) {
        assert_null(np_scenario_load(none[i], NULL, 0, &findings, &e));
        assert_string_equal(findings.finding[0].file, none[i]);
        np_findings_clear(&findings);
    }
    unsetenv("NATPULSE_PROFILES");
}

/* Background can be left out, which makes its size something to vary. */
static void test_nobody(void **state)
{
    (void)state;
    bench_put("x.yaml", "clients:\n  - {name: a, count: 3, workload: push}\n"
                        "  - {name: b, count: 0, workload: web, measure: false}\nstrategies: [{name: s}]\n");
    np_scenario *s = bench_load("x.yaml", NULL, 0);
    assert_int_equal(s->world.groups, 2);
    assert_int_equal(s->world.group[1].count, 0);
    np_error e = {0};
    np_result *r = np_world_run(&s->world, &s->strategy[0], 0, NULL, NULL, &e);
    assert_non_null(r);
    assert_true(r->value[NP_METRIC_NAT_ENTRIES_PEAK] == 3);
    np_result_destroy(r);
    np_scenario_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structs),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_show_is_a_scenario),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
