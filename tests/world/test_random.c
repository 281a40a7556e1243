/*
 * Worlds made at random, of everything there is at once: nothing crashes, every message and every break is
 * accounted for, figures lie in their ranges, and twice is the same.
 */
#include "run.h"

#define WORLDS 60

static np_key dice;
static uint64_t thrown;

static uint32_t die(uint32_t sides)
{
    return np_below(np_random(dice, 0, NP_PURPOSE(15, 1), thrown++), sides);
}

static np_time between(np_time low, np_time high)
{
    return low + (np_time)(np_unit(np_random(dice, 0, NP_PURPOSE(15, 2), thrown++)) * (double)(high - low));
}

/* Now and then, at random. */
static np_dist maybe(np_time low, np_time high)
{
    return die(3) ? np_dist_constant(0) : exponential(between(low, high));
}

static void draw_churn(np_churn *c)
{
    c->session = maybe(NP_MINUTE, NP_HOUR);
    if (c->session.a > 0) c->away = maybe(NP_SECOND, 10 * NP_MINUTE);
    c->vanish = maybe(NP_MINUTE, NP_HOUR);
    if (c->vanish.a > 0) c->back = maybe(NP_SECOND, 10 * NP_MINUTE);
    c->sleep = maybe(NP_MINUTE, NP_HOUR);
    if (c->sleep.a > 0) c->nap = exponential(between(NP_SECOND, 20 * NP_MINUTE));
    c->roam = maybe(NP_MINUTE, NP_HOUR);
}

static void draw_link(np_link_config *l)
{
    l->delay = between(0, 100 * NP_MILLISECOND);
    if (!die(2)) l->jitter = exponential(between(0, 20 * NP_MILLISECOND));
    l->loss_kind = (np_loss_kind)die(3);
    l->loss = l->loss_kind ? 0.001 * die(80) : 0;
    l->burst = between(10 * NP_MILLISECOND, 5 * NP_SECOND);
    if (!die(4)) l->rate = 50e3 + 1e3 * die(5000), l->queue = 3000 + die(100000);
    l->outages = !die(4);
    l->up = exponential(between(NP_MINUTE, NP_HOUR));
    l->down = exponential(between(NP_SECOND, NP_MINUTE));
}

static void draw_group(np_group *g, bool measured)
{
    *g = (np_group){.name = measured ? "measured" : "others",
                    .count = 1 + die(12),
                    .transport = die(3) ? NP_TCP : NP_UDP,
                    .connection = (np_connection)die(3),
                    .measure = measured,
                    .arrival = {.kind = NP_DIST_UNIFORM, .a = 0, .b = 600e9}};
    bool ticks = !die(5);
    g->work =
        (np_work_config){.shape = ticks ? "ticks" : "exchange",
                         .from_server = !ticks && !die(3),
                         .open_loop = ticks || die(2),
                         .gap = exponential(between(ticks ? NP_SECOND : 5 * NP_SECOND, 5 * NP_MINUTE)),
                         .count = {.kind = NP_DIST_UNIFORM, .a = 1, .b = 1 + die(12)},
                         .request = exponential(1 + die(3000)),
                         .response = die(4) ? exponential(1 + die(100000)) : np_dist_constant(0),
                         .service = die(2) ? exponential(between(0, 5 * NP_SECOND)) : np_dist_constant(0)};
    if (!measured && g->work.from_server) g->connection = NP_CONNECTION_PERSISTENT;
    if (ticks && g->connection == NP_CONNECTION_PER_REQUEST) g->connection = NP_CONNECTION_PERSISTENT;
    if (!die(4))
        g->radio =
            (np_radio_config){.name = "any", .tail = NP_SECOND, .tail_w = 1, .up_bps = 1e6, .down_bps = 1e6};
    draw_churn(&g->churn);
}

static void draw_strategy(np_strategy *s, const np_group *g)
{
    *s = nothing();
    bool ticks = !strcmp(g->work.shape, "ticks");
    s->connection = (np_connection)die(3);
    if (ticks && s->connection == NP_CONNECTION_PER_REQUEST) s->connection = NP_CONNECTION_PERSISTENT;
    s->pool = s->connection == NP_CONNECTION_POOL ? 1 + die(5) : 0;
    s->parallel = die(2) ? 0 : 1 + die(6);
    s->poll = between(2 * NP_SECOND, 5 * NP_MINUTE);
    if (g->transport == NP_TCP) {
        s->tls = (np_tls)die(3);
        if (die(2)) {
            s->keepalive = (np_keepalive){.on = true,
                                          .idle = between(NP_SECOND, 10 * NP_MINUTE),
                                          .interval = between(NP_SECOND, NP_MINUTE),
                                          .probes = 1 + die(9)};
            s->keepalive_at = (np_sockets)die(3);
        }
        if (!die(3)) s->user_timeout = between(NP_SECOND, NP_MINUTE);
    }
    if (s->connection == NP_CONNECTION_PER_REQUEST || die(3) == 0) return;
    uint32_t strategies = 0;
    while (np_beat_list()[strategies]) strategies++;
    s->beat.strategy = np_beat_list()[die(strategies)];
    s->beat.from = (np_beat_from)die(3);
    s->beat.every = between(NP_SECOND, 5 * NP_MINUTE);
    s->beat.least = s->beat.every / 2;
    s->beat.most = 4 * s->beat.every;
    s->beat.step = s->beat.every / 4 + 1;
    s->beat.back_off = s->beat.step / 2;
    s->beat.idle_since = (np_beat_idle)die(3);
    s->beat.timeout = s->beat.least;
    s->beat.misses = 1 + die(3);
    if (!die(3)) s->beat.server_closes_after = between(NP_SECOND, 10 * NP_MINUTE);
    if (!die(3)) s->beat.client_closes_after = between(NP_SECOND, 10 * NP_MINUTE);
    if (!die(3)) s->beat.server_permits = between(NP_SECOND, 10 * NP_MINUTE);
}

static void draw_box(np_nat_config *n)
{
    static const char *const evict[] = {"lru", "refuse", "fifo", "random", "clock"};
    np_nat_defaults(n);
    n->capacity = 2 + die(die(2) ? 30 : 500);
    n->evict = evict[die(5)];
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) n->timeout[i] = between(NP_SECOND, 20 * NP_MINUTE);
    n->refresh = (np_refresh)die(3);
    n->unknown_outbound = (np_unknown)die(3);
    n->unknown_inbound = die(2) ? NP_UNKNOWN_DROP : NP_UNKNOWN_RESET;
    n->at_expiry = die(2) ? NP_AT_EXPIRY_SILENT : NP_AT_EXPIRY_RESET_BOTH;
    n->ports.select = die(2) ? NP_PORT_PRESERVE : NP_PORT_RANDOM;
    if (!die(4)) n->cpu.rate = 20 + die(2000), n->cpu.queue = die(100);
}

static np_world_config draw_world(np_group group[2], np_strategy *s)
{
    draw_group(&group[0], true);
    draw_group(&group[1], false);
    draw_strategy(s, &group[0]);
    np_world_config c = {
        .duration = between(20 * NP_MINUTE, 2 * NP_HOUR),
        .warmup = between(0, 10 * NP_MINUTE),
        .seed = thrown,
        .nats = 1 + die(3),
        .servers = 1 + die(3),
        .server_connections = die(3) ? 0 : 1 + die(10),
        .server_memory = 1000,
        .reconnect = {between(NP_MILLISECOND, NP_SECOND), between(NP_SECOND, NP_MINUTE), (np_jitter)die(3)},
        .group = group,
        .groups = 2};
    np_tcp_defaults(&c.tcp);
    c.tcp.timestamps = die(2);
    for (uint32_t i = 0; i < c.nats; i++) {
        draw_box(&c.nat[i]);
        c.nat_restart[i] =
            (np_nat_restart){.when.every = maybe(5 * NP_MINUTE, NP_HOUR), .new_address = die(2)};
    }
    draw_link(&c.access_up);
    c.access_down = c.access_up;
    draw_link(&c.core_up);
    c.core_down = c.core_up;
    c.crash = (np_downtime){.when.every = maybe(10 * NP_MINUTE, NP_HOUR), .down = exponential(NP_MINUTE)};
    c.restart =
        (np_downtime){.when.every = maybe(10 * NP_MINUTE, NP_HOUR), .down = exponential(10 * NP_SECOND)};
    return c;
}

static void check(const np_result *r, const np_world_config *c, const np_strategy *s)
{
    assert_near(VALUE(r, MESSAGES_SENT),
                VALUE(r, MESSAGES_DELIVERED) + VALUE(r, MESSAGES_LOST) + VALUE(r, MESSAGES_PENDING), 0,
                "messages");
    if (r->conn_hours > 0) assert_all_ended(r);
    static const np_metric shares[] = {NP_METRIC_REACHABLE, NP_METRIC_SERVER_ZOMBIE, NP_METRIC_CLIENT_ZOMBIE,
                                       NP_METRIC_DESERTED};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double x = r->value[shares[i]];
        if (!isnan(x) && !(x >= -1e-9 && x <= 1 + 1e-9))
            fail_msg("%s is %g", np_metric_about(shares[i])->key, x);
    }
    for (int m = 0; m < NP_METRIC_COUNT; m++)
        if (r->value[m] < -1e-9) fail_msg("%s is %g", np_metric_about((np_metric)m)->key, r->value[m]);
    assert_true(VALUE(r, NAT_ENTRIES_PEAK) <= c->nat[0].capacity);
    assert_true(VALUE(r, NAT_ENTRIES_MEAN) <= VALUE(r, NAT_ENTRIES_PEAK) + 1e-9);
    assert_true(VALUE(r, SERVER_OPEN_MEAN) <= VALUE(r, SERVER_OPEN_PEAK) + 1e-9);
    assert_true(VALUE(r, UPKEEP_BYTES) <= VALUE(r, WIRE_BYTES) + 1e-9 || isnan(VALUE(r, UPKEEP_BYTES)));
    if (c->server_connections && c->group[0].transport == NP_TCP)
        assert_true(VALUE(r, SERVER_OPEN_PEAK) <= c->server_connections * c->servers);
    if (s->connection == NP_CONNECTION_PER_REQUEST) assert_true(isnan(VALUE(r, REACHABLE)));
}

static void worlds_at_random(void **state)
{
    (void)state;
    uint64_t packets = 0;
    for (uint32_t w = 0; w < WORLDS; w++) {
        np_group group[2];
        np_strategy s;
        dice = np_key_make(test_seed(), w);
        thrown = 0;
        np_world_config c = draw_world(group, &s);
        np_result *r = run(&c, &s, w);
        check(r, &c, &s);
        packets += r->packet_events;
        if (w % 10 == 0) {
            np_result *again = run(&c, &s, w);
            assert_memory_equal(r->value, again->value, sizeof r->value);
            assert_true(r->packet_events == again->packet_events);
            np_result_destroy(again);
        }
        np_result_destroy(r);
    }
    printf("%d worlds, %llu packet events\n", WORLDS, (unsigned long long)packets);
    assert_true(packets > 1000000);
}

int main(void)
{
    printf("NP_SEED=%llu\n", (unsigned long long)test_seed());
    const struct CMUnitTest tests[] = {cmocka_unit_test(worlds_at_random)};
    return cmocka_run_group_tests_name("random worlds", tests, NULL, NULL);
}
