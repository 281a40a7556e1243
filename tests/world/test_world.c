/*
 * Whole simulations against closed forms and against what must be conserved.
 */
#include "run.h"

/* An idle connection without upkeep is usable from its opening until the mapping has been idle for its
 * timeout. */
static void test_idle_connection_dies_at_the_timeout(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 50, NP_TCP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 10 * NP_MINUTE;
    g.arrival = np_dist_constant(0);
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    /* The last packet at the box is the handshake's third, 100 + 20 ms after the start, when the client
       believes since 100 ms and the server since 150 ms. */
    assert_near(VALUE(r, REACHABLE) * 7200, 600.120 - 0.150, 1e-6, "usable seconds");
    assert_near(VALUE(r, BREAKS), 0.5, 1e-9, "breaks per hour: one in two hours");
    assert_near(VALUE(r, BREAKS_EXPIRED), 0.5, 1e-9, "all of them expired");
    assert_near(VALUE(r, BREAKS_OPEN), 0.5, 1e-9, "nobody ever knew");
    assert_int_equal(np_quantile_censored(r->spread[NP_SPREAD_CLIENT_DETECT]), 50);
    assert_int_equal(np_quantile_censored(r->spread[NP_SPREAD_SERVER_DETECT]), 50);
    assert_int_equal(np_quantile_count(r->spread[NP_SPREAD_CLIENT_DETECT]), 0);
    assert_near(VALUE(r, SERVER_ZOMBIE), 1 - (600.120 - 0.150) / (7200 - 0.150), 1e-9, "zombie share");
    assert_near(VALUE(r, NAT_EXPIRIES_LIVE), 50, 0, "live expiries");
    assert_near(VALUE(r, SERVER_OPEN_PEAK), 50, 0, "open at the servers");
    assert_near(VALUE(r, HANDSHAKES), 50, 0, "handshakes");
    np_result_destroy(r);
}

/* A keepalive shorter than the timeout keeps it all alive, at one probe and one ACK a period. */
static void test_keepalive_within_the_timeout(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 20, NP_TCP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 2 * NP_MINUTE;
    c.warmup = 2 * NP_MINUTE;
    np_strategy s = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, REACHABLE), 1, 1e-12, "reachable");
    assert_near(VALUE(r, BREAKS), 0, 0, "breaks");
    /* A period is 60 s from the answer of the last probe, which took a round trip of 100 ms. */
    double per_hour = 2 * 3600 / 60.1;
    assert_near(VALUE(r, UPKEEP_PACKETS), per_hour, 2 * per_hour / 117,
                "upkeep packets"); /* +- one period of 117 */
    assert_near(VALUE(r, UPKEEP_BYTES) / VALUE(r, UPKEEP_PACKETS), 52, 1e-9, "a probe is 20 + 20 + 12 bytes");
    assert_near(VALUE(r, RECONNECTS), 0, 0, "reconnects");
    np_result_destroy(r);
}

/* A keepalive longer than the timeout finds the mapping gone: probes draw no answer, the client knows at
   idle + interval * probes after the last segment it received, and connects again. */
static void test_keepalive_beyond_the_timeout(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 40, NP_TCP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 30 * NP_SECOND;
    np_strategy s = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
    np_result *r = run(&c, &s, 0);
    np_quantile *detect = r->spread[NP_SPREAD_CLIENT_DETECT];
    assert_true(np_quantile_count(detect) > 40 * 40);
    /* Last received: the SYN/ACK, at 100 ms. The handshake's ACK refreshed the box at 120 ms; it expired
       at 30.120 s; given up at 0.100 + 60 + 6 * 10 s. */
    assert_near(np_quantile_min(detect), 120.100 - 30.120, 1e-6, "fastest detection");
    assert_near(np_quantile_max(detect), 120.100 - 30.120, 1e-6, "slowest detection");
    np_result_destroy(r);
}

/* UDP beats every T without answers, lost independently with probability p before the box; a mapping lives
   for m beats. A break is a run of at least m losses, and the next beat that gets through heals it: breaks
   come at (1 - p) p^m a beat. */
static void test_success_runs(void **state)
{
    (void)state;
    static const struct {
        double p;
        uint32_t m;
    } row[] = {{0.1, 1}, {0.1, 2}, {0.2, 2}, {0.3, 3}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = plain_world(&g, 400, NP_UDP);
        c.duration = 24 * NP_HOUR;
        c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] =
            row[i].m * 20 * NP_SECOND + 10 * NP_SECOND;
        c.access_up.loss_kind = NP_LOSS_INDEPENDENT;
        c.access_up.loss = row[i].p;
        c.warmup = 5 * NP_MINUTE;
        np_strategy s = heartbeat(20 * NP_SECOND, 0, 1);
        s.beat.answer_bytes = 0;
        np_result *r = run(&c, &s, 0);
        double per_beat = (1 - row[i].p) * pow(row[i].p, row[i].m), beats = r->conn_hours * 180;
        double want = per_beat * 180, breaks = VALUE(r, BREAKS) * r->conn_hours;
        assert_true(breaks > 1000);
        assert_near(VALUE(r, BREAKS), want, 4 * sqrt(per_beat * beats) / r->conn_hours,
                    "breaks per hour"); /* 4 sigma */
        assert_true(VALUE(r, BREAKS_HEALED) > 0.99 * VALUE(r, BREAKS));
        np_result_destroy(r);
    }
}

/* A heartbeat over UDP with answers: k misses allowed, answer due in W; a dead mapping is noticed within
   ((k-1)T + W, kT + W]. The box is made to lose everything once, by an outage from inside.
 */
static void test_heartbeat_detection_bounds(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 300, NP_TCP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++)
        c.nat[0].timeout[i] = 25 * NP_SECOND; /* shorter than the interval */
    c.nat[0].capacity = 100000;
    np_strategy s = heartbeat(40 * NP_SECOND, 5 * NP_SECOND, 2);
    np_result *r = run(&c, &s, 0);
    np_quantile *detect = r->spread[NP_SPREAD_CLIENT_DETECT];
    assert_true(np_quantile_count(detect) > 1000);
    /* Broken 25 s after the handshake; beats at 40 and 80 s are missed at 45 and 85 s after opening. */
    assert_near(np_quantile_min(detect), 85.100 - 25.120, 1e-6, "detection");
    assert_near(np_quantile_max(detect), 85.100 - 25.120, 1e-6, "detection");
    assert_true(np_quantile_min(detect) > (2 - 1) * 40 + 5 && np_quantile_max(detect) <= 2 * 40 + 5);
    np_result_destroy(r);
}

/* The cliff of LRU: equal-period beats in fixed order through a table of C: all live if N <= C, none if N >
 * C. */
static void test_lru_cliff(void **state)
{
    (void)state;
    for (uint32_t over = 0; over < 2; over++) {
        np_group g;
        np_world_config c = plain_world(&g, 100 + over, NP_UDP);
        c.nat[0].capacity = 100;
        for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_HOUR;
        c.warmup = 5 * NP_MINUTE;
        np_strategy s = heartbeat(60 * NP_SECOND, 0, 1);
        s.beat.answer_bytes = 0;
        np_result *r = run(&c, &s, 0);
        if (over)
            assert_near(VALUE(r, BREAKS), 60, 1,
                        "every beat finds its mapping evicted"); /* 60 beats an hour */
        else
            assert_near(VALUE(r, BREAKS), 0, 0, "no beat does");
        np_result_destroy(r);
    }
}

static np_world_config messy_world(np_group g[2])
{
    np_world_config c = plain_world(g, 30, NP_TCP);
    c.groups = 2;
    c.group = g;
    c.duration = NP_HOUR;
    c.warmup = 5 * NP_MINUTE;
    c.nat[0].capacity = 120;
    c.servers = 3;
    c.access_up.loss_kind = c.access_down.loss_kind = NP_LOSS_GILBERT;
    c.access_up.loss = c.access_down.loss = 0.03;
    c.access_up.burst = c.access_down.burst = 400 * NP_MILLISECOND;
    c.access_up.jitter = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = 5e6};
    g[0].work.gap = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = 120e9};
    g[1] = g[0];
    g[1].name = "web";
    g[1].count = 8;
    g[1].measure = false;
    g[1].connection = NP_CONNECTION_PER_REQUEST;
    g[1].work = (np_work_config){.shape = "exchange",
                                 .name = "web",
                                 .gap = {.kind = NP_DIST_EXPONENTIAL, .a = 20e9},
                                 .count = {.kind = NP_DIST_UNIFORM, .a = 1, .b = 12},
                                 .request = np_dist_constant(400),
                                 .response = {.kind = NP_DIST_EXPONENTIAL, .a = 20000},
                                 .service = np_dist_constant(3e7)};
    return c;
}

/* Every message is delivered, lost, or pending; every strategy meets the same messages; twice is the same. */
static void test_conservation_and_common_numbers(void **state)
{
    (void)state;
    np_group g[2];
    np_world_config c = messy_world(g);
    np_strategy strategy[] = {
        nothing(),
        keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6),
        heartbeat(30 * NP_SECOND, 10 * NP_SECOND, 2),
        {.name = "polling", .connection = NP_CONNECTION_PER_REQUEST, .poll = NP_MINUTE}};
    double sent[2] = {0, 0};
    for (uint32_t replica = 0; replica < 2; replica++)
        for (size_t i = 0; i < 4; i++) {
            np_result *r = run(&c, &strategy[i], replica), *again = run(&c, &strategy[i], replica);
            assert_near(VALUE(r, MESSAGES_SENT),
                        VALUE(r, MESSAGES_DELIVERED) + VALUE(r, MESSAGES_LOST) + VALUE(r, MESSAGES_PENDING),
                        0, "messages");
            assert_true(VALUE(r, MESSAGES_PENDING) < (i == 3 ? 0.1 : 0.6) * VALUE(r, MESSAGES_SENT));
            if (i == 0)
                sent[replica] = VALUE(r, MESSAGES_SENT);
            else
                assert_near(VALUE(r, MESSAGES_SENT), sent[replica], 0,
                            "the same messages for every strategy");
            assert_memory_equal(r->value, again->value, sizeof r->value);
            assert_memory_equal(r->occupancy, again->occupancy, sizeof r->occupancy);
            assert_true(r->packet_events == again->packet_events && r->packet_events > 10000);
            assert_true(VALUE(r, NAT_ENTRIES_PEAK) <= 120);
            np_result_destroy(r);
            np_result_destroy(again);
        }
    assert_true(sent[0] != sent[1]);
}

/* What comes out must not depend on upkeep that cannot matter: with a table nobody fills and no timeouts in
   reach, messages all arrive, whatever the strategy. */
static void test_nothing_breaks_in_a_roomy_box(void **state)
{
    (void)state;
    np_group g[2];
    np_world_config c = messy_world(g);
    c.nat[0].capacity = 1000000;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, BREAKS), 0, 0, "breaks");
    assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
    assert_near(VALUE(r, REACHABLE), 1, 1e-12, "reachable");
    assert_near(VALUE(r, FALSE_CLOSES), 0, 0, "false closes");
    np_result_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_connection_dies_at_the_timeout),
        cmocka_unit_test(test_keepalive_within_the_timeout),
        cmocka_unit_test(test_keepalive_beyond_the_timeout),
        cmocka_unit_test(test_success_runs),
        cmocka_unit_test(test_heartbeat_detection_bounds),
        cmocka_unit_test(test_lru_cliff),
        cmocka_unit_test(test_conservation_and_common_numbers),
        cmocka_unit_test(test_nothing_breaks_in_a_roomy_box),
    };
    return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
