/*
 * What the figures mean, each in a world so small that it can be counted by hand; and which of them have no
 * meaning where.
 */
#include "run.h"

/* All begin at once, and no mapping times out. */
static np_world_config still_world(np_group *g, uint32_t clients, uint8_t transport)
{
    np_world_config c = plain_world(g, clients, transport);
    g->arrival = np_dist_constant(0);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    return c;
}

static np_work_config asks(np_time every, uint32_t count, np_time service)
{
    return (np_work_config){.shape = "exchange",
                            .open_loop = true,
                            .gap = np_dist_constant((double)every),
                            .count = np_dist_constant(count),
                            .request = np_dist_constant(100),
                            .response = np_dist_constant(200),
                            .service = np_dist_constant((double)service)};
}

static np_strategy per_request(void)
{
    np_strategy s = nothing();
    s.connection = NP_CONNECTION_PER_REQUEST;
    return s;
}

/* A figure that has no meaning is null, and no other is. */
static void what_has_no_meaning(void **state)
{
    (void)state;
    static const np_metric of_connections_that_stay[] = {NP_METRIC_REACHABLE,      NP_METRIC_RECONNECTS,
                                                         NP_METRIC_UPKEEP_PACKETS, NP_METRIC_UPKEEP_BYTES,
                                                         NP_METRIC_SERVER_ZOMBIE,  NP_METRIC_CLIENT_ZOMBIE};
    for (int tcp = 0; tcp < 2; tcp++)
        for (int stays = 0; stays < 2; stays++)
            for (int radio = 0; radio < 2; radio++) {
                np_group g;
                np_world_config c = still_world(&g, 5, tcp ? NP_TCP : NP_UDP);
                g.work = asks(NP_MINUTE, 1, 0);
                if (radio) g.radio = (np_radio_config){.name = "any", .up_bps = 1e6, .down_bps = 1e6};
                np_strategy s = stays ? nothing() : per_request();
                np_result *r = run(&c, &s, 0);
                for (int m = 0; m < NP_METRIC_COUNT; m++) {
                    bool means = true;
                    for (size_t i = 0; i < sizeof of_connections_that_stay / sizeof(np_metric); i++)
                        if (m == (int)of_connections_that_stay[i]) means = stays;
                    if (m == NP_METRIC_HANDSHAKES) means = tcp;
                    if (m == NP_METRIC_ENERGY) means = radio;
                    if (isnan(r->value[m]) == means)
                        fail_msg("%s: %g", np_metric_about((np_metric)m)->key, r->value[m]);
                }
                np_result_destroy(r);
            }
}

/* A packet after a second or more of silence is a wake-up, whoever sends it: a beat and its answer are one.
 */
static void wakeups(void **state)
{
    (void)state;
    static const struct {
        np_time every;
        np_beat_from from;
        double an_hour;
    } row[] = {{30 * NP_SECOND, NP_BEAT_FROM_CLIENT, 120},
               {30 * NP_SECOND, NP_BEAT_FROM_SERVER, 120},
               {1200 * NP_MILLISECOND, NP_BEAT_FROM_CLIENT, 3000},
               {900 * NP_MILLISECOND, NP_BEAT_FROM_CLIENT, 0}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = still_world(&g, 5, NP_UDP);
        c.warmup = NP_HOUR;
        np_strategy s = heartbeat(row[i].every, 500 * NP_MILLISECOND, 1);
        s.beat.from = row[i].from;
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, WAKEUPS), row[i].an_hour, 1, "wake-ups an hour");
        np_result_destroy(r);
    }
}

/* Late is what took more than 10 s: of what waits evenly for the next poll of a minute, 5/6. */
static void late(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 200, NP_TCP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    c.duration = 8 * NP_HOUR;
    g.work.gap = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = 100e9};
    np_strategy s = per_request();
    s.poll = NP_MINUTE;
    np_result *r = run(&c, &s, 0);
    double n = VALUE(r, MESSAGES_DELIVERED);
    assert_near(VALUE(r, MESSAGES_LATE) / n, (50 + 0.050) / 60, 4 * sqrt(5 / 36.0 / n), "late");
    np_result_destroy(r);
}

/* Peaks and what follows from them count from the end of the warm-up, whatever is there at the end. */
static void servers_hold(void **state)
{
    (void)state;
    for (int leave = 0; leave < 2; leave++) {
        np_group g;
        np_world_config c = still_world(&g, 50, NP_TCP);
        c.warmup = NP_HOUR;
        c.server_memory = 20000;
        g.churn.session = np_dist_constant(leave ? 90 * 60e9 : 30 * 60e9); /* of the two hours */
        np_strategy s = nothing();
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, SERVER_OPEN_PEAK), leave ? 50 : 0, 0, "peak");
        assert_near(VALUE(r, SERVER_MEMORY), leave ? 1e6 : 0, 0, "bytes");
        assert_near(VALUE(r, SERVER_OPEN_MEAN), leave ? 25 : 0, 0.01, "mean over the second hour");
        assert_near(VALUE(r, CLIENTS_MEAN), leave ? 25 : 0, 1e-9, "clients");
        assert_near(VALUE(r, DESERTED), leave ? 0.5 : 1, 1e-9, "nobody there");
        assert_near(VALUE(r, NAT_ENTRIES_PEAK), 50, 0, "mappings last for a day");
        assert_near(VALUE(r, NAT_ENTRIES_MEAN), 50, 0, "all the time");
        assert_near(VALUE(r, NAT_ENTRIES_OVER), leave ? 25 : 50, 0.01, "though their connections are over");
        assert_near(VALUE(r, NAT_INSERTS), 0, 0, "were made before");
        np_result_destroy(r);
    }
}

/* One client that comes for ten minutes and is away for five. */
static void nobody_is_there(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = still_world(&g, 1, NP_TCP);
    c.duration = 150 * NP_MINUTE;
    g.churn.session = np_dist_constant(10 * 60e9);
    g.churn.away = np_dist_constant(5 * 60e9);
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, DESERTED), 1 / 3.0, 1e-9, "share of time without anybody");
    assert_near(r->conn_hours, 100 / 60.0, 1e-9, "hours");
    assert_near(VALUE(r, HANDSHAKES), 10, 0, "comings");
    np_result_destroy(r);
}

/* Who sleeps has had no time to know: only the server is censored. */
static void censored(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = still_world(&g, 10, NP_TCP);
    g.churn.sleep = np_dist_constant(60 * 60e9);
    g.churn.nap = np_dist_constant(10 * 3600e9);
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, BREAKS_OPEN) * r->conn_hours, 10, 1e-9, "open");
    assert_int_equal(np_quantile_censored(r->spread[NP_SPREAD_SERVER_DETECT]), 10);
    assert_int_equal(np_quantile_censored(r->spread[NP_SPREAD_CLIENT_DETECT]), 0);
    np_result_destroy(r);
}

/* Mappings that are evicted: live while somebody believes in the flow, dead when it is over. */
static void evicted(void **state)
{
    (void)state;
    for (int dead = 0; dead < 2; dead++) {
        np_group g;
        np_world_config c = still_world(&g, 1, NP_UDP);
        c.nat[0].capacity = 10;
        c.warmup = NP_HOUR;
        if (dead) { /* one exchange a minute, each with a mapping of its own */
            g.work = asks(NP_MINUTE, 1, 0);
        } else { /* 11 that stay, a beat a minute each: the cliff */
            g.count = 11;
            g.arrival = (np_dist){.kind = NP_DIST_UNIFORM, .a = 0, .b = 60e9};
        }
        np_strategy s = dead ? per_request() : heartbeat(NP_MINUTE, 0, 1);
        s.beat.answer_bytes = 0;
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, NAT_EVICTIONS_DEAD), dead ? 60 : 0, 0, "dead");
        assert_near(VALUE(r, NAT_EVICTIONS_LIVE), dead ? 0 : 660, 0, "live");
        assert_near(VALUE(r, NAT_INSERTS), dead ? 60 : 660, 0, "made");
        np_result_destroy(r);
    }
}

/* What a box turns away: for want of a place, or of a port. One client has the only one, the other asks every
   minute. And what knocks from outside without a mapping, counted from the warm-up on. */
static void turned_away(void **state)
{
    (void)state;
    for (int port = 0; port < 2; port++) {
        np_group g;
        np_world_config c = still_world(&g, 2, NP_UDP);
        c.warmup = NP_HOUR;
        c.nat[0].evict = "refuse";
        if (port)
            c.nat[0].ports.low = c.nat[0].ports.high = 40000, c.nat[0].ports.select = NP_PORT_SEQUENTIAL;
        else
            c.nat[0].capacity = 1;
        np_strategy s = heartbeat(NP_MINUTE, 0, 1);
        s.beat.answer_bytes = 0;
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, NAT_REFUSED), 60, 0, "refused");
        np_result_destroy(r);
    }
    np_group g;
    np_world_config c = still_world(&g, 3, NP_UDP);
    c.warmup = NP_HOUR;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 30 * NP_SECOND;
    g.work.gap = np_dist_constant(600e9); /* pushes, to nobody's port */
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, NAT_UNKNOWN_IN), 3 * 6, 0, "unknown, of the second hour");
    assert_near(VALUE(r, MESSAGES_LOST), 3 * 6, 0, "and lost");
    assert_near(VALUE(r, REACHABLE), 0, 0, "reachable");
    np_result_destroy(r);
}

/* What reachable_fraction promises: of messages that the server sends at random times, over UDP and without
   random loss, that share arrives. Whatever takes the mapping or the way away: timeouts, eviction, restarts,
   roaming, outages; each alone and all together. */
static void reachable_is_what_arrives(void **state)
{
    (void)state;
    for (int trouble = 0; trouble < 7; trouble++) {
        bool all = trouble == 6;
        np_group g;
        np_world_config c = lasting_world(&g, 200, NP_UDP);
        c.duration = 10 * NP_HOUR;
        c.warmup = 20 * NP_MINUTE;
        g.work.gap = exponential(NP_MINUTE);
        if (trouble == 0 || all)
            c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = 50 * NP_SECOND;
        if (trouble == 1 || all) c.nat[0].capacity = 190;
        if (trouble == 2 || all) {
            c.nat_restart[0].when.every = exponential(10 * NP_MINUTE);
            c.nat_restart[0].new_address = true;
        }
        if (trouble == 3 || all) g.churn.roam = exponential(10 * NP_MINUTE);
        if (trouble == 4 || all) {
            c.access_up.outages = c.access_down.outages = true;
            c.access_up.up = c.access_down.up = exponential(9 * NP_MINUTE);
            c.access_up.down = c.access_down.down = exponential(NP_MINUTE);
        }
        if (trouble == 5 || all)
            c.nat[0].refresh = NP_REFRESH_OUTBOUND, c.nat[0].filtering = NP_ENDPOINT_INDEPENDENT;
        np_strategy s = heartbeat(100 * NP_SECOND, 0, 1);
        s.beat.strategy = "jittered";
        s.beat.least = 20 * NP_SECOND;
        s.beat.answer_bytes = 0;
        np_result *r = run(&c, &s, 0);
        double n = VALUE(r, MESSAGES_SENT), got = VALUE(r, MESSAGES_DELIVERED) / n,
               want = VALUE(r, REACHABLE);
        static const char *const name[] = {"timeouts", "eviction", "restarts", "roaming",
                                           "outages",  "refresh",  "all"};
        printf("%-8s reachable %.5f, delivered %.5f of %.0f\n", name[trouble], want, got, n);
        assert_near(got, want, 4 * sqrt(want * (1 - want) / n) + 1e-3, name[trouble]);
        if (trouble != 5) assert_true(want < 0.99);
        np_result_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_meaning),
        cmocka_unit_test(wakeups),
        cmocka_unit_test(late),
        cmocka_unit_test(servers_hold),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(censored),
        cmocka_unit_test(evicted),
        cmocka_unit_test(turned_away),
        cmocka_unit_test(reachable_is_what_arrives),
    };
    return cmocka_run_group_tests_name("meters", tests, NULL, NULL);
}
