/*
 * Persistent connections, one a request, and pools, for the same work: who waits for what, and for how many
 * round trips.
 */
#include "run.h"

/* Per-request: one handshake an exchange; a request waits a round trip for its handshake. */
static void test_per_request(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 10, NP_TCP);
    g.work = (np_work_config){.shape = "exchange",
                              .name = "ask",
                              .gap = np_dist_constant(60e9),
                              .count = np_dist_constant(1),
                              .request = np_dist_constant(100),
                              .response = np_dist_constant(500)};
    np_strategy s = nothing();
    s.connection = NP_CONNECTION_PER_REQUEST;
    np_result *r = run(&c, &s, 0);
    np_quantile *delay = r->spread[NP_SPREAD_MESSAGE_DELAY];
    assert_near(VALUE(r, HANDSHAKES), VALUE(r, MESSAGES_SENT) / 2, 0, "a handshake an exchange");
    assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
    assert_near(np_quantile_max(delay), 0.150, 1e-6, "a request: handshake and half a round trip");
    assert_near(np_quantile_min(delay), 0.050, 1e-6, "a response: half a round trip");
    assert_true(isnan(VALUE(r, REACHABLE)));
    np_result_destroy(r);
}

/* TLS takes a round trip more before the first message, or two, whoever sends it; what it says by itself is
   neither payload nor upkeep. */
static void test_tls_handshakes(void **state)
{
    (void)state;
    static const double
        trips[] = {[NP_TLS_NONE] = 0, [NP_TLS_1_2] = 2, [NP_TLS_1_3] = 1},
        record[] = {[NP_TLS_NONE] = 0, [NP_TLS_1_2] = 29, [NP_TLS_1_3] = 22},
        says[] = {[NP_TLS_NONE] = 0, [NP_TLS_1_2] = 517 + 3000 + 131 + 51, [NP_TLS_1_3] = 517 + 3000 + 80};
    for (np_tls tls = NP_TLS_NONE; tls <= NP_TLS_1_3; tls++)
        for (int persistent = 0; persistent < 2; persistent++) {
            np_group g;
            np_world_config c = plain_world(&g, 10, NP_TCP);
            g.arrival = np_dist_constant(0);
            c.duration = 119 * NP_SECOND;
            g.work = (np_work_config){.shape = "exchange",
                                      .open_loop = true,
                                      .gap = np_dist_constant(60e9),
                                      .count = np_dist_constant(1),
                                      .request = np_dist_constant(100),
                                      .response = np_dist_constant(500)};
            np_strategy s = nothing();
            s.connection = persistent ? NP_CONNECTION_PERSISTENT : NP_CONNECTION_PER_REQUEST;
            s.tls = tls;
            np_result *r = run(&c, &s, 0);
            assert_near(np_quantile_max(r->spread[NP_SPREAD_MESSAGE_DELAY]),
                        persistent ? 0.050 : 0.150 + trips[tls] * 0.100, 1e-6, "the request's delay");
            assert_near(VALUE(r, PAYLOAD_BYTES) * r->conn_hours, 10 * (600 + 2 * record[tls]), 1e-6,
                        "payload");
            /* SYN and SYN/ACK of 60 bytes; all else has headers of 52, the last ACKs come 40 ms late. */
            double packets = VALUE(r, WIRE_PACKETS) * r->conn_hours / 10,
                   bytes = VALUE(r, WIRE_BYTES) * r->conn_hours / 10;
            assert_near(bytes, 2 * 8 + 52 * packets + 600 + 2 * record[tls] + says[tls], 1e-6, "all bytes");
            assert_true(persistent ? VALUE(r, UPKEEP_PACKETS) == 0 : isnan(VALUE(r, UPKEEP_PACKETS)));
            np_result_destroy(r);
        }
    /* A push that comes while hands are shaken finds no connection. The server has the client's last word a
       round trip after its hello, with either version. */
    for (np_tls tls = NP_TLS_NONE; tls <= NP_TLS_1_3; tls++)
        for (int late = 0; late < 2; late++) {
            np_group g;
            np_world_config c = plain_world(&g, 10, NP_TCP);
            np_strategy s = nothing();
            s.tls = tls;
            double until = tls ? 0.250 : 0.150;
            g.arrival = np_dist_constant(0);
            g.work.gap = np_dist_constant(until * 1e9 + (late ? 1 : -1));
            c.duration = (np_time)(1.5 * until * 1e9); /* one push each */
            np_result *r = run(&c, &s, 0);
            assert_near(VALUE(r, MESSAGES_SENT), 10, 0, "pushes");
            assert_near(VALUE(r, MESSAGES_LOST), late ? 0 : 10, 0, "lost");
            np_result_destroy(r);
        }
}

/* Of a page's 20 parts no more than so many at once; each takes 5 s and three trips of 100 ms. */
static void test_parallel(void **state)
{
    (void)state;
    static const struct {
        uint32_t most;
        double batches; /* after the page itself */
    } row[] = {{0, 1}, {1, 20}, {6, 4}, {7, 3}, {30, 1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = plain_world(&g, 10, NP_TCP);
        g.arrival = np_dist_constant(0);
        c.duration = 200 * NP_SECOND;
        g.work = (np_work_config){.shape = "exchange",
                                  .gap = np_dist_constant(10e9),
                                  .count = np_dist_constant(21),
                                  .request = np_dist_constant(100),
                                  .response = np_dist_constant(500),
                                  .service = np_dist_constant(5e9)};
        np_strategy s = nothing();
        s.connection = NP_CONNECTION_PER_REQUEST;
        s.parallel = row[i].most;
        np_result *r = run(&c, &s, 0);
        double at_once = row[i].most && row[i].most < 20 ? row[i].most : 20, each = 5.2;
        assert_near(VALUE(r, SERVER_OPEN_PEAK), 10 * at_once, 0, "connections at once");
        /* The last parts wait for the page and for all batches but their own, and arrive half a trip before
           the answer's 5 s. */
        assert_near(np_quantile_max(r->spread[NP_SPREAD_MESSAGE_DELAY]), row[i].batches * each + 0.150,
                    1e-3 * row[i].batches * each, "the last request's delay");
        np_result_destroy(r);
    }
}

/* Polling fetches what waits: no push is lost, each waits for the next poll, half an interval on average. */
static void test_polling(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 100, NP_TCP);
    c.duration = 8 * NP_HOUR;
    g.work.gap = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = 100e9};
    np_strategy s = nothing();
    s.connection = NP_CONNECTION_PER_REQUEST;
    s.poll = NP_MINUTE;
    np_result *r = run(&c, &s, 0);
    double n = (double)np_quantile_count(r->spread[NP_SPREAD_MESSAGE_DELAY]);
    assert_true(n > 20000);
    assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
    assert_near(np_quantile_sum(r->spread[NP_SPREAD_MESSAGE_DELAY]) / n, 30 + 0.050, 4 * 60 / sqrt(12 * n),
                "mean wait");
    assert_near(VALUE(r, HANDSHAKES) / r->conn_hours, 60, 0.2, "polls an hour");
    np_result_destroy(r);
}

/* Over UDP a lost request or answer costs the client its patience of 30 s, and no more: with each direction
   lost with probability p, an exchange fails with f = 1 - (1-p)^2, and a round takes gap + f * 30 s + (1-f) *
   RTT (and half a round trip more when it was the answer that was lost). */
static void test_udp_exchanges_go_on(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 200, NP_UDP);
    g.work = (np_work_config){.shape = "exchange",
                              .name = "ask",
                              .gap = np_dist_constant(60e9),
                              .count = np_dist_constant(1),
                              .request = np_dist_constant(100),
                              .response = np_dist_constant(100)};
    c.duration = 8 * NP_HOUR;
    c.access_up.loss_kind = c.access_down.loss_kind = NP_LOSS_INDEPENDENT;
    c.access_up.loss = c.access_down.loss = 0.2;
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    double f = 1 - 0.8 * 0.8, period = 60 + f * 30 + (1 - f) * 0.1 + 0.8 * 0.2 * 0.07;
    double requests = VALUE(r, MESSAGES_SENT) / 1.8; /* an answer to each that arrived */
    assert_near(requests / r->conn_hours, 3600 / period, 0.02 * 3600 / period, "requests an hour");
    np_result_destroy(r);
}

/* A page, then its 12 parts, 1 s of service each. With a connection for each: the page alone, then all parts;
   a pool of 4 takes them four at a time, its first the page; one connection takes them in turn. Nothing but
   handshakes is waited for beside, a round trip of 0.1 s for each new connection. */
static void test_the_same_page(void **state)
{
    (void)state;
    static const struct {
        np_connection connection;
        uint32_t pool, handshakes, at_once;
        double last; /* when the last request arrives, after the page was wanted */
    } row[] = {{NP_CONNECTION_PER_REQUEST, 0, 13, 12, 0.150 + 1.05 + 0.150},
               {NP_CONNECTION_PERSISTENT, 0, 1, 1, 12 * 1.1 + 0.05},
               {NP_CONNECTION_POOL, 4, 4, 4, 3 * 1.1 + 0.05},
               {NP_CONNECTION_POOL, 13, 13, 13, 0.05}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = plain_world(&g, 10, NP_TCP);
        g.arrival = np_dist_constant(0);
        c.duration = 110 * NP_SECOND;
        g.work = (np_work_config){.shape = "exchange",
                                  .gap = np_dist_constant(60e9),
                                  .count = np_dist_constant(13),
                                  .request = np_dist_constant(100),
                                  .response = np_dist_constant(500),
                                  .service = np_dist_constant(1e9)};
        np_strategy s = nothing();
        s.connection = row[i].connection;
        s.pool = row[i].pool;
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, HANDSHAKES), 10 * row[i].handshakes, 0, "handshakes");
        assert_near(VALUE(r, SERVER_OPEN_PEAK), 10 * row[i].at_once, 0, "held at once");
        assert_near(VALUE(r, MESSAGES_DELIVERED), 10 * 2 * 13, 0, "delivered");
        assert_near(np_quantile_max(r->spread[NP_SPREAD_MESSAGE_DELAY]), row[i].last, 0.002 * row[i].last,
                    "the last request");
        np_result_destroy(r);
    }
}

/* Whoever waits for an answer waits 30 s without a packet of it, and no less for one that takes longer: 2 MB
   at 400 kbit/s are 40 s and more. */
static void test_patience(void **state)
{
    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        np_group g;
        np_world_config c = plain_world(&g, 5, NP_TCP);
        c.duration = 20 * NP_MINUTE;
        g.work = (np_work_config){.shape = "exchange",
                                  .gap = np_dist_constant(60e9),
                                  .count = np_dist_constant(1),
                                  .request = np_dist_constant(100),
                                  .response = np_dist_constant(slow ? 2e6 : 1000),
                                  .service = np_dist_constant(slow ? 0 : 31e9)};
        c.access_down.rate = 400e3;
        c.access_down.queue = 100000;
        c.tcp.window_scale = 0; /* no more on its way than the queue holds */
        np_strategy s = nothing();
        s.connection = NP_CONNECTION_PER_REQUEST;
        np_result *r = run(&c, &s, 0);
        double answers = slow ? VALUE(r, MESSAGES_LATE) : VALUE(r, MESSAGES_LOST);
        printf("%s: %.0f sent, %.0f lost, %.0f late\n", slow ? "40 s of data" : "31 s of nothing",
               VALUE(r, MESSAGES_SENT), VALUE(r, MESSAGES_LOST), VALUE(r, MESSAGES_LATE));
        assert_true(answers >= 5 * 10);
        if (slow) assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
        if (!slow)
            assert_near(VALUE(r, FALSE_CLOSES) * r->conn_hours, answers, 5, "given up though all was well");
        np_result_destroy(r);
    }
}

/* One-shot UDP: a request, a response, and both ends are done; a one-way message is a mapping and no more. */
static void one_shot_datagrams(void **state)
{
    (void)state;
    for (int response = 0; response < 2; response++) {
        np_group g;
        np_world_config c = lasting_world(&g, 50, NP_UDP);
        c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = 30 * NP_SECOND;
        c.warmup = 5 * NP_MINUTE;
        g.work = (np_work_config){.shape = "exchange",
                                  .open_loop = true,
                                  .gap = exponential(10 * NP_SECOND),
                                  .count = np_dist_constant(1),
                                  .request = np_dist_constant(60),
                                  .response = np_dist_constant(response ? 200 : 0)};
        np_strategy s = nothing();
        s.connection = NP_CONNECTION_PER_REQUEST;
        np_result *r = run(&c, &s, 0);
        double rate = 50 / 10.0, n = rate * (7200 - 300);
        assert_near(VALUE(r, NAT_INSERTS), n, 4 * sqrt(n), "a mapping each");
        assert_near(VALUE(r, MESSAGES_SENT), n * (1 + response), (1 + response) * 4 * sqrt(n), "messages");
        assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
        assert_near(VALUE(r, MESSAGES_DELIVERED) + VALUE(r, MESSAGES_PENDING), VALUE(r, MESSAGES_SENT), 0,
                    "sum");
        assert_true(VALUE(r, SERVER_OPEN_PEAK) <= 2);
        /* L (D + tau), where a flow with an answer is active for 60 ms. */
        double entries = rate * (30 + (response ? 0.060 : 0)), hold = 30.0 / 6900;
        assert_near(VALUE(r, NAT_ENTRIES_MEAN), entries, 4 * sqrt(entries * 2 * hold), "entries");
        assert_true(VALUE(r, NAT_ENTRIES_OVER) > 0.98 * entries);
        np_result_destroy(r);
    }
}

/* A poll over UDP is an exchange like another: its answer sent, the server holds nothing of it. */
static void polls_over_datagrams(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 50, NP_UDP);
    c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = 30 * NP_SECOND;
    g.work.gap = exponential(100 * NP_SECOND);
    np_strategy s = nothing();
    s.connection = NP_CONNECTION_PER_REQUEST;
    s.poll = NP_MINUTE;
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
    assert_true(VALUE(r, MESSAGES_DELIVERED) > 3000);
    assert_true(VALUE(r, SERVER_OPEN_PEAK) <= 2);
    assert_near(VALUE(r, NAT_EXPIRIES_LIVE), 0, 0, "mappings of connections that somebody believes in");
    np_result_destroy(r);

    c.core_down.loss_kind = NP_LOSS_INDEPENDENT; /* what is lost at once, the next poll asks for again */
    c.core_down.loss = 0.5;
    r = run(&c, &s, 0);
    assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
assert_true(VALUE(r, MESSAGES_DELIVERED) > 3000);
    np_result_destroy(r);
    c.core_down.loss = 1;
    r = run(&c, &s, 0);
    assert_near(VALUE(r, MESSAGES_PENDING), VALUE(r, MESSAGES_SENT), 0,
                "waiting for a poll that is answered");
    np_result_destroy(r);
}

/* Ticks go both ways, and are not saved up for later. */
static void ticks_both_ways(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 4, NP_UDP);
    c.duration = 10 * NP_MINUTE;
    c.warmup = 2 * NP_MINUTE;
    g.work = (np_work_config){.shape = "ticks",
                              .open_loop = true,
                              .gap = always(50 * NP_MILLISECOND),
                              .count = np_dist_constant(1),
                              .request = np_dist_constant(60),
                              .response = np_dist_constant(200)};
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    assert_near(VALUE(r, MESSAGES_SENT), 2 * 4 * 480 * 20, 2 * 4, "two a tick");
    assert_near(VALUE(r, PAYLOAD_BYTES), 3600 * 20 * 260, 260, "bytes an hour");
    assert_near(np_quantile_max(r->spread[NP_SPREAD_MESSAGE_DELAY]), 0.050, 1e-6, "delay");
    np_result_destroy(r);

    /* Over TCP, with a server that is gone for two of the eight minutes: what fell due meanwhile is lost, and
       nothing comes late. */
    static const np_time down[] = {5 * NP_MINUTE};
    c = lasting_world(&g, 4, NP_TCP);
    c.duration = 10 * NP_MINUTE;
    c.warmup = 2 * NP_MINUTE;
    c.restart.when = (np_moments){.at = down, .listed = 1};
    c.restart.down = always(2 * NP_MINUTE);
    c.reconnect = (np_reconnect){NP_SECOND, NP_SECOND, NP_JITTER_NONE};
    g.work = (np_work_config){.shape = "ticks",
                              .open_loop = true,
                              .gap = always(50 * NP_MILLISECOND),
                              .count = np_dist_constant(1),
                              .request = np_dist_constant(60),
                              .response = np_dist_constant(200)};
    r = run(&c, &s, 0);
    assert_near(VALUE(r, MESSAGES_LATE), 0, 0, "late");
    assert_near(VALUE(r, MESSAGES_LOST), 2 * 4 * 120 * 20, 2 * 4 * 2 * 20, "lost with the server");
    assert_near(VALUE(r, MESSAGES_SENT), 2 * 4 * 480 * 20, 2 * 4, "two a tick");
    np_result_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_per_request),
        cmocka_unit_test(test_tls_handshakes),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_the_same_page),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_polling),
        cmocka_unit_test(test_udp_exchanges_go_on),
        cmocka_unit_test(one_shot_datagrams),
        cmocka_unit_test(polls_over_datagrams),
        cmocka_unit_test(ticks_both_ways),
    };
    return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
