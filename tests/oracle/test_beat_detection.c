/*
 * How long a dead connection goes unnoticed: keepalives, heartbeats with answers, rules about silence,
 * TCP_USER_TIMEOUT and retransmission, each within its bounds and with its mean; and how often a live one is
 * given up by mistake.
 *
 * Death comes by a flood of other flows that evicts every mapping in one instant, T0, at a box that lets
 * nothing of an unknown flow pass. The clients began at times spread evenly over one period of the scheme, so
 * each dies at a uniform moment of its cycle. The path is 20 ms to the box and 30 ms beyond it: what closed
 * forms take to be instants is told apart by some hundredths of a second, which are added here.
 */
#include "oracle.h"

#define CLIENTS  2000
#define REPLICAS 10
#define UP       0.020 /* s: from the client to the box */
#define CORE     0.030 /* s: from the box to the server */
#define TRIP     (2 * (UP + CORE))

static np_world_config doomed_world(np_group g[2], double period, double t0, double after)
{
    np_world_config c = plain_world(g, CLIENTS, NP_TCP);
    c.seed = oracle_own_seed();
    c.group = g;
    c.groups = 2;
    c.duration = np_from_seconds(t0 + after);
    c.nat[0].capacity = 2 * CLIENTS;
    c.nat[0].unknown_outbound = c.nat[0].unknown_inbound = NP_UNKNOWN_DROP;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 30 * NP_DAY;
    g[0].arrival = (np_dist){.kind = NP_DIST_UNIFORM, .a = 0, .b = period * 1e9};
    g[1] = g[0];
    g[1].name = "flood";
    g[1].count = 2 * CLIENTS;
    g[1].transport = NP_UDP;
    g[1].measure = false;
    g[1].arrival = np_dist_constant((t0 - UP) * 1e9);
    return c;
}

enum end { AT_CLIENT, AT_SERVER };

/* Runs it and checks: every connection broke once, every detection within [low, high], the mean by a row. */
static void detects(const char *what, const np_strategy *s, double period, enum end end, double low,
                    double high)
{
    np_group g[2];
    /* Deaths after three periods at least, for all to be in their rhythm. */
    np_world_config c = doomed_world(g, period, 4.3 * period + 10, high + period + 10);
    double mean[REPLICAS];
    for (uint32_t k = 0; k < REPLICAS; k++) {
        np_result *r = oracle_run(&c, s, k, NULL);
        np_quantile *q = r->spread[end == AT_CLIENT ? NP_SPREAD_CLIENT_DETECT : NP_SPREAD_SERVER_DETECT];
        assert_int_equal(np_quantile_count(q), CLIENTS);
        assert_int_equal(np_quantile_censored(q), 0);
        if (!(np_quantile_min(q) >= low - 1e-6 && np_quantile_max(q) <= high + 1e-6))
            fail_msg("%s: from %.6f to %.6f s, closed form %.6f to %.6f", what, np_quantile_min(q),
                     np_quantile_max(q), low, high);
        /* and the bounds are nearly reached */
        assert_true(np_quantile_min(q) < low + 0.01 * period && np_quantile_max(q) > high - 0.01 * period);
        mean[k] = np_quantile_sum(q) / CLIENTS;
        np_result_destroy(r);
    }
    np_estimate got = np_estimate_of(mean, REPLICAS);
    oracle_row(what, &got, (low + high) / 2, 0.02);
}

/* From interval * probes to idle + interval * probes. An ACK that had passed the box is 20 ms from the
   client; a probe whose answer is under way in vain counts from the answer before. */
static void keepalives(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double idle, interval;
        uint32_t probes;
    } row[] = {{"Linux", 7200, 75, 9},
               {"FreeBSD, macOS", 7200, 75, 8},
               {"Windows", 7200, 1, 10},
               {"Solaris", 7200, 60, 8},
               {"Go", 15, 15, 9},
               {"curl", 60, 60, 9},
               {"Redis", 300, 100, 3},
               {"mtg", 30, 10, 3},
               {"60 s, 10 s, 3 (DataStax)", 60, 10, 3}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        char what[120];
        double out = row[i].interval * row[i].probes;
        np_strategy s =
            keepalive(np_from_seconds(row[i].idle), np_from_seconds(row[i].interval), row[i].probes);
        snprintf(what, sizeof what, "keepalive %s, s (worst %g)", row[i].name, row[i].idle + out);
        detects(what, &s, row[i].idle + TRIP, AT_CLIENT, out + UP - TRIP, row[i].idle + out + UP);
    }
}

/* With TCP_USER_TIMEOUT the count is not looked at: the first tick after it with a probe out. Ticks come at
   idle, idle + interval, ... */
static void keepalive_and_user_timeout(void **state)
{
    (void)state;
    static const struct {
        double user, given_up; /* silence after which it ends: idle 60, interval 10 */
    } row[] = {{30, 70}, {65, 70}, {70, 70}, {75, 80}, {200, 200}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        char what[120];
        np_strategy s = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 3);
        s.user_timeout = np_from_seconds(row[i].user);
        snprintf(what, sizeof what, "keepalive 60/10/3 with TCP_USER_TIMEOUT %g s, s", row[i].user);
        detects(what, &s, 60 + TRIP, AT_CLIENT, row[i].given_up - 60 + UP - TRIP, row[i].given_up + UP);
    }
}

/* ((k - 1) T + W, k T + W]. */
static void heartbeats(void **state)
{
    (void)state;
    static const struct {
        double every, timeout;
        uint32_t misses;
        np_beat_from from;
    } row[] = {{30, 10, 1, NP_BEAT_FROM_CLIENT}, {30, 10, 2, NP_BEAT_FROM_CLIENT},
               {30, 30, 1, NP_BEAT_FROM_CLIENT}, {20, 20, 1, NP_BEAT_FROM_CLIENT},
               {60, 60, 3, NP_BEAT_FROM_CLIENT}, {10, 25, 3, NP_BEAT_FROM_CLIENT},
               {25, 20, 1, NP_BEAT_FROM_SERVER}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        char what[120];
        double T = row[i].every, W = row[i].timeout, k = row[i].misses;
        np_strategy s = heartbeat(np_from_seconds(T), np_from_seconds(W), row[i].misses);
        s.beat.from = row[i].from;
        bool client = row[i].from == NP_BEAT_FROM_CLIENT;
        /* from the answer's passing the box back to its beat's departure */
        double back = client ? UP + 2 * CORE : 2 * UP + CORE;
        snprintf(what, sizeof what, "heartbeat %g s, answer in %g s, %g misses, %s, s", T, W, k,
                 client ? "client" : "server (Socket.IO)");
        detects(what, &s, T, client ? AT_CLIENT : AT_SERVER, (k - 1) * T + W - back, k * T + W - back);
    }
}

/* A rule of R about silence, towards a peer that sends every T: (R - T, R]. */
static void silences(void **state)
{
    (void)state;
    np_strategy s = heartbeat(60 * NP_SECOND, 0, 1); /* MQTT, at the server */
    s.beat.strategy = "piggyback";
    s.beat.server_closes_after = 90 * NP_SECOND;
    detects("MQTT server, 1.5 times 60 s of silence, s", &s, 60, AT_SERVER, 30 + CORE, 90 + CORE);

    s = heartbeat(25 * NP_SECOND, 0, 1); /* Socket.IO, at the client */
    s.beat.from = NP_BEAT_FROM_SERVER;
    s.beat.client_closes_after = 45 * NP_SECOND;
    detects("Socket.IO client, 45 s of silence, s", &s, 25, AT_CLIENT, 20 + UP, 45 + UP);

    s = heartbeat(10 * NP_SECOND, 0, 1);
    s.beat.strategy = "piggyback";
    s.beat.from = NP_BEAT_FROM_BOTH;
    s.beat.answer_bytes = 0;
    s.beat.client_closes_after = 60 * NP_SECOND;
    s.beat.server_closes_after = 120 * NP_SECOND;
    detects("OpenVPN 10 60, client, s", &s, 10, AT_CLIENT, 50 + UP, 60 + UP);
    s.beat.client_closes_after = 0; /* lest a client that comes again takes the port that the server knows */
    detects("OpenVPN 10 60, server, s", &s, 10, AT_SERVER, 110 + CORE, 120 + CORE);
}

/* An application that writes every T and waits for nothing learns of it from the stack. */
static void writers(void **state)
{
    (void)state;
    np_strategy s = heartbeat(20 * NP_SECOND, 0, 1);
    double back = UP + 2 * CORE;
    s.user_timeout = 30 * NP_SECOND;
    detects("writer every 20 s, TCP_USER_TIMEOUT 30 s, s", &s, 20, AT_CLIENT, 30 - back, 50 - back);

    /* tcp_retries2 = 15 stands for 924.6 s, 15 doublings from 0.2 s. The RTO of this path is 0.3 s, so the
       timeouts come at 0.3 (2^n - 1) up to 153.3 s and then each 120 s: the first one past 924.6 s is 993.3.
     */
    s.user_timeout = 0;
    detects("writer every 20 s, tcp_retries2 15, s", &s, 20, AT_CLIENT, 993.3 - back, 1013.3 - back);
}

/* Beats over UDP that are lost, or whose answers are, with P = 1 - (1 - pf)(1 - pr): k misses in a row take
   (P^-k - 1) / (1 - P) beats. Then W until the last one is missed, and half a second on average to come
   again. */
static void false_alarms(void **state)
{
    (void)state;
    static const struct {
        double pf, pr;
        uint32_t k, clients;
    } row[] = {{0.1, 0.1, 1, 8}, {0.1, 0.1, 2, 56}, {0.1, 0.1, 3, 230}, {0.05, 0.2, 2, 30}, {0.3, 0, 3, 55}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = plain_world(&g, row[i].clients, NP_UDP);
        c.seed = oracle_own_seed();
        c.duration = 8 * NP_HOUR;
        c.warmup = NP_HOUR;
        for (int t = 0; t < NP_TIMEOUT_COUNT; t++) c.nat[0].timeout[t] = NP_DAY;
        c.access_up.loss_kind = c.access_down.loss_kind = NP_LOSS_INDEPENDENT;
        c.access_up.loss = row[i].pf;
        c.access_down.loss = row[i].pr;
        np_strategy s = heartbeat(30 * NP_SECOND, 10 * NP_SECOND, row[i].k);
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_RECONNECTS, 20);
        double P = 1 - (1 - row[i].pf) * (1 - row[i].pr), cycles = (pow(P, -(double)row[i].k) - 1) / (1 - P);
        char what[120];
        snprintf(what, sizeof what, "false alarms/h, loss %g and %g, %u misses", row[i].pf, row[i].pr,
                 row[i].k);
        oracle_row(what, &got, 3600 / (cycles * 30 + 10 + 0.5), 0.02);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keepalives),
        cmocka_unit_test(keepalive_and_user_timeout),
        cmocka_unit_test(heartbeats),
        cmocka_unit_test(silences),
        cmocka_unit_test(writers),
        cmocka_unit_test(false_alarms),
        cmocka_unit_test(oracle_most_inside),
    };
    return cmocka_run_group_tests_name("detection", tests, NULL, NULL);
}
