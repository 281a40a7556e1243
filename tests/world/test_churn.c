/*
 * Clients that come and go: against closed forms.
 */
#include "run.h"

/* Sessions of S and absences of A: the clients are there S/(S + A) of the time, and each return is a
   handshake. A clean close breaks nothing and leaves no zombie. */
static void sessions_renew(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        np_group g;
        np_world_config c = lasting_world(&g, 200, tcp ? NP_TCP : NP_UDP);
        c.duration = 21 * NP_HOUR;
        c.warmup = NP_HOUR;
        g.churn.session = exponential(20 * NP_MINUTE);
        g.churn.away = exponential(10 * NP_MINUTE);
        np_strategy s = nothing();
        np_result *r = run(&c, &s, 0);
        double cycles = 200 * 20 * 3600.0 / 1800; /* of 30 minutes, in the 20 hours counted */
        /* The share of a cycle spent there, over n cycles, has an sd of about 2/9 sqrt(2) / sqrt(n). */
        assert_near(VALUE(r, CLIENTS_MEAN) / 200, 2.0 / 3, 4 * 2.0 / 9 * sqrt(2) / sqrt(cycles),
                    "share of time");
        if (tcp) assert_near(VALUE(r, HANDSHAKES), cycles, 4 * sqrt(cycles), "handshakes");
        assert_near(VALUE(r, BREAKS), 0, 0, "breaks");
        assert_near(VALUE(r, RECONNECTS), 0, 0, "a return is no reconnect");
        assert_near(VALUE(r, SERVER_OPEN_MEAN) / VALUE(r, CLIENTS_MEAN), 1, 1e-3,
                    "the server forgets who left");
        assert_true(VALUE(r, REACHABLE) > 0.999); /* but for the handshake */
        assert_true(VALUE(r, DESERTED) == 0);
        np_result_destroy(r);
    }
}

/* Clients that vanish after an exponential time, and never come back, leave one break each, whose cause is
   known; with nothing to notice it by, all are open at the end, and the server holds zombies. */
static void the_vanished_leave_zombies(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 2000, NP_TCP);
    c.duration = 2 * NP_HOUR;
    g.arrival = always(0);
    g.churn.vanish = exponential(NP_HOUR);
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    double gone = 1 - exp(-2), breaks = VALUE(r, BREAKS) * r->conn_hours;
    assert_near(breaks, 2000 * gone, 4 * sqrt(2000 * gone * (1 - gone)), "as many as vanish in two means");
    assert_near(VALUE(r, BREAKS_CLIENT_GONE), VALUE(r, BREAKS), 1e-12, "cause");
    assert_near(VALUE(r, BREAKS_OPEN), VALUE(r, BREAKS), 1e-12, "nobody noticed");
    assert_near(r->conn_hours, 2000 * gone, 4 * sqrt(2000.0), "hours: the integral of exp(-t)");
    assert_near(VALUE(r, SERVER_OPEN_MEAN), 2000, 1, "the server still holds them all");
    assert_near(VALUE(r, SERVER_ZOMBIE), 1 - gone / 2, 0.02, "zombies");
    assert_int_equal(np_quantile_censored(r->spread[NP_SPREAD_SERVER_DETECT]), (int)(breaks + 0.5));
    assert_int_equal(np_quantile_censored(r->spread[NP_SPREAD_CLIENT_DETECT]), 0);
    assert_all_ended(r);
    np_result_destroy(r);
}

/* Death at a uniform moment of an idle cycle is found after interval * probes at the least,
   idle
   + interval * probes at the most, half of idle and that on average. The server's keepalive finds a vanished
   client. Without the server's own keepalive nothing does. */
static void keepalive_finds_the_vanished(void **state)
{
    (void)state;
    for (int at_server = 0; at_server < 2; at_server++) {
        np_group g;
        np_world_config c = lasting_world(&g, 2000, NP_TCP);
        c.duration = 8 * NP_HOUR;
        g.churn.vanish = exponential(2 * NP_HOUR);
        np_strategy s = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
        s.keepalive_at = at_server ? NP_SOCKETS_SERVER : NP_SOCKETS_CLIENT;
        np_result *r = run(&c, &s, 0);
        np_quantile *detect = r->spread[NP_SPREAD_SERVER_DETECT];
        double n = (double)np_quantile_count(detect);
        assert_all_ended(r);
        if (!at_server) {
            assert_true(n == 0);
            np_result_destroy(r);
            continue;
        }
        assert_true(n > 1500);
        /* A round trip of 0.1 s blurs the bounds. */
        assert_true(np_quantile_min(detect) > 60 - 0.2 && np_quantile_max(detect) < 120 + 0.2);
        assert_near(np_quantile_sum(detect) / n, 90, 4 * 60 / sqrt(12 * n) + 0.1, "mean detection");
        np_result_destroy(r);
    }
}

/* A server's rule about silence: gone at a uniform moment of the beats' cycle, known at most the rule's time
   after the last beat, and not before that less one period. */
static void silence_finds_the_vanished(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 2000, NP_UDP);
    c.duration = 8 * NP_HOUR;
    g.churn.vanish = exponential(2 * NP_HOUR);
    g.churn.back = exponential(10 * NP_MINUTE);
    np_strategy s = heartbeat(30 * NP_SECOND, 10 * NP_SECOND, 2);
    s.beat.server_closes_after = 75 * NP_SECOND;
    np_result *r = run(&c, &s, 0);
    np_quantile *detect = r->spread[NP_SPREAD_SERVER_DETECT];
    double n = (double)np_quantile_count(detect);
    assert_true(n > 5000);
    assert_true(np_quantile_min(detect) > 75 - 30 - 0.2 && np_quantile_max(detect) < 75 + 0.2);
    assert_near(np_quantile_sum(detect) / n, 60, 4 * 30 / sqrt(12 * n) + 0.1, "mean detection");
    assert_all_ended(r);
    np_result_destroy(r);
}

/* Sleepers come back to what they left: nothing is closed, each nap is a break that heals, and the time
   asleep is not asked for. A server that probes meanwhile finds them gone. */
static void sleepers_find_things_as_they_were(void **state)
{
    (void)state;
    for (int probed = 0; probed < 2; probed++) {
        np_group g;
        np_world_config c = lasting_world(&g, 300, NP_TCP);
        c.duration = 10 * NP_HOUR;
        g.churn.sleep = exponential(30 * NP_MINUTE);
        g.churn.nap = always(10 * NP_MINUTE);
        np_strategy s = nothing(), k = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
        k.keepalive_at = NP_SOCKETS_BOTH;
        np_result *r = run(&c, probed ? &k : &s, 0);
        assert_near(VALUE(r, CLIENTS_MEAN), 300 * 0.75, 300 * 0.02, "awake three quarters of the time");
        assert_near(VALUE(r, BREAKS) * r->conn_hours, 300 * 10 / (2.0 / 3), 4 * sqrt(4500), "naps");
        assert_near(VALUE(r, BREAKS_CLIENT_GONE), VALUE(r, BREAKS), 1e-12, "cause");
        assert_all_ended(r);
        if (probed) { /* at most 120 s after the nap began, and known to the sleeper as soon as it probes
                         itself */
            assert_true(VALUE(r, BREAKS_SERVER_KNEW) > 0.98 * VALUE(r, BREAKS));
            assert_true(np_quantile_max(r->spread[NP_SPREAD_SERVER_DETECT]) < 120.2);
            assert_true(np_quantile_max(r->spread[NP_SPREAD_CLIENT_DETECT]) < 121);
        } else {
            assert_near(VALUE(r, BREAKS_HEALED) + VALUE(r, BREAKS_OPEN), VALUE(r, BREAKS), 1e-9, "all heal");
            assert_near(VALUE(r, HANDSHAKES), 300, 0, "no connection was lost");
            assert_true(VALUE(r, REACHABLE) > 0.999);
        }
        np_result_destroy(r);
    }
}

/* A client with another address: TCP stays behind and the keepalive finds out; UDP goes on with its next
   beat, which reaches the server half a period later on average. */
static void roaming(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 500, NP_TCP);
    c.duration = 8 * NP_HOUR;
    g.churn.roam = exponential(NP_HOUR);
    np_strategy k = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
    np_result *r = run(&c, &k, 0);
    double n = (double)np_quantile_count(r->spread[NP_SPREAD_CLIENT_DETECT]);
    assert_near(VALUE(r, BREAKS_ROAMED), VALUE(r, BREAKS), 1e-12, "cause");
    /* A move while the last one is not noticed yet is no break: 90 s of each hour. */
    assert_near(VALUE(r, BREAKS), 3600 / 3690.0, 4 * sqrt(1 / (500 * 8.0)), "breaks per hour");
    assert_near(np_quantile_sum(r->spread[NP_SPREAD_CLIENT_DETECT]) / n, 90, 4 * 60 / sqrt(12 * n) + 0.1,
                "mean detection");
    assert_near(VALUE(r, RECONNECTS), VALUE(r, BREAKS), 0.02, "each is replaced");
    assert_all_ended(r);
    np_result_destroy(r);

    c = lasting_world(&g, 500, NP_UDP);
    c.duration = 8 * NP_HOUR;
    g.churn.roam = exponential(NP_HOUR);
    np_strategy b = heartbeat(20 * NP_SECOND, 10 * NP_SECOND, 2);
    r = run(&c, &b, 0);
    assert_true(VALUE(r, BREAKS_HEALED) > 0.99 * VALUE(r, BREAKS));
    assert_near(1 - VALUE(r, REACHABLE), 10.05 / 3600, 4 * 10.0 / 3600 / sqrt(4000), "half a period an hour");
    assert_all_ended(r);
    np_result_destroy(r);
}

/* A client roams on a clock of its own, however often it comes and goes: UDP on a clean path breaks once a
 * move. */
static void roaming_goes_on(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 100, NP_UDP);
    c.duration = 8 * NP_HOUR;
    g.churn.roam = always(NP_HOUR);
    g.churn.session = always(50 * NP_MINUTE);
    g.churn.away = always(NP_SECOND);
    np_strategy b = heartbeat(20 * NP_SECOND, 10 * NP_SECOND, 2);
    np_result *r = run(&c, &b, 0);
    assert_near(VALUE(r, BREAKS_ROAMED) * r->conn_hours, 700, 5, "a move an hour, though it came ten times");
    np_result_destroy(r);
}

/* Whoever vanishes in his sleep was not there already. */
static void vanishing_in_ones_sleep(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 10, NP_TCP);
    g.arrival = always(0);
    g.churn.sleep = always(20 * NP_MINUTE);
    g.churn.nap = always(NP_DAY);
    g.churn.vanish = always(30 * NP_MINUTE);
    g.churn.back = always(30 * NP_MINUTE);
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0); /* there for 20 of each 60 minutes */
    assert_near(VALUE(r, CLIENTS_MEAN), 10 / 3.0, 1e-9, "clients");
    assert_near(r->conn_hours, 10 * 2 / 3.0, 1e-9, "hours");
    assert_near(VALUE(r, DESERTED), 2 / 3.0, 1e-9, "nobody there");
    np_result_destroy(r);
}

/* What the box sees of the clients: before and after they are gone, and meanwhile. */
struct seen {
    uint32_t before, meanwhile, after;
};

static void see(void *ctx, np_time when, np_place where, bool outbound, const np_packet *p)
{
    struct seen *n = ctx;
    (void)p;
    if (where != NP_PLACE_INSIDE || !outbound) return;
    n->before += when > 6 * NP_MINUTE && when < 8 * NP_MINUTE;
    n->meanwhile += when > 10 * NP_MINUTE + NP_SECOND && when < 14 * NP_MINUTE;
    n->after += when > 17 * NP_MINUTE && when < 19 * NP_MINUTE;
}

/* Whoever has vanished opens no more connections, whatever he was about to ask for; whoever comes back, or
   whose server does, asks as before. */
static void the_vanished_ask_for_nothing(void **state)
{
    (void)state;
    static const np_time down[] = {3 * NP_MINUTE};
    for (int tcp = 0; tcp < 2; tcp++) {
        np_group g;
        np_world_config c = lasting_world(&g, 100, tcp ? NP_TCP : NP_UDP);
        struct seen n = {0, 0, 0};
        c.duration = 19 * NP_MINUTE;
        c.crash.when = (np_moments){.at = down, .listed = 1};
        c.crash.down = always(NP_MINUTE);
        g.churn.vanish = always(9 * NP_MINUTE); /* they came within the first */
        g.churn.back = always(5 * NP_MINUTE);
        g.work = (np_work_config){.shape = "exchange",
                                  .gap = exponential(10 * NP_SECOND),
                                  .count = np_dist_constant(20),
                                  .request = np_dist_constant(60),
                                  .response = np_dist_constant(500),
                                  .service = always(5 * NP_SECOND)};
        np_strategy s = nothing();
        s.connection = NP_CONNECTION_PER_REQUEST;
        s.parallel = 4;
        np_listener listener = {.packet = see, .ctx = &n};
        np_error e = {0};
        np_result *r = np_world_run(&c, &s, 0, &listener, NULL, &e);
        if (!r) fail_msg("%s", e.text);
        printf("%s: %u packets in 2 minutes, %u while gone, %u afterwards\n", tcp ? "TCP" : "UDP", n.before,
               n.meanwhile, n.after);
        assert_true(n.before > 2000);
        assert_int_equal(n.meanwhile, 0);
        assert_near(n.after, n.before, 0.3 * n.before, "as before");
        assert_near(VALUE(r, MESSAGES_SENT),
                    VALUE(r, MESSAGES_DELIVERED) + VALUE(r, MESSAGES_LOST) + VALUE(r, MESSAGES_PENDING), 0,
                    "sum");
        np_result_destroy(r);
    }
}

/* Every strategy meets the same churn: nobody's coming or going depends on what they do. */
static void churn_is_the_same_for_all(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 100, NP_TCP);
    g.churn = (np_churn){.session = exponential(NP_HOUR),
                         .away = exponential(10 * NP_MINUTE),
                         .vanish = exponential(NP_HOUR),
                         .back = exponential(5 * NP_MINUTE),
                         .sleep = exponential(20 * NP_MINUTE),
                         .nap = exponential(5 * NP_MINUTE),
                         .roam = exponential(30 * NP_MINUTE)};
    g.work.gap = exponential(NP_MINUTE);
    c.crash.when.every = exponential(NP_HOUR);
    c.crash.down = exponential(NP_MINUTE);
    c.access_up.loss_kind = c.access_down.loss_kind = NP_LOSS_INDEPENDENT;
    c.access_up.loss = c.access_down.loss = 0.02;
    np_strategy strategy[] = {nothing(), keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6),
                              heartbeat(30 * NP_SECOND, 10 * NP_SECOND, 2)};
    double clients = 0, hours = 0;
    for (int i = 0; i < 3; i++) {
        np_result *r = run(&c, &strategy[i], 0), *again = run(&c, &strategy[i], 0);
        if (i == 0) clients = VALUE(r, CLIENTS_MEAN), hours = r->conn_hours;
        assert_true(VALUE(r, CLIENTS_MEAN) == clients && r->conn_hours == hours);
        assert_memory_equal(r->value, again->value, sizeof r->value);
        assert_near(VALUE(r, MESSAGES_SENT),
                    VALUE(r, MESSAGES_DELIVERED) + VALUE(r, MESSAGES_LOST) + VALUE(r, MESSAGES_PENDING), 0,
                    "sum");
        assert_all_ended(r);
        np_result_destroy(r);
        np_result_destroy(again);
    }
}

int main(void)
{
    printf("NP_SEED=%llu\n", (unsigned long long)test_seed());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_renew),
        cmocka_unit_test(the_vanished_leave_zombies),
        cmocka_unit_test(keepalive_finds_the_vanished),
        cmocka_unit_test(silence_finds_the_vanished),
        cmocka_unit_test(sleepers_find_things_as_they_were),
        cmocka_unit_test(roaming),
        cmocka_unit_test(roaming_goes_on),
        cmocka_unit_test(vanishing_in_ones_sleep),
        cmocka_unit_test(the_vanished_ask_for_nothing),
        cmocka_unit_test(churn_is_the_same_for_all),
    };
    return cmocka_run_group_tests_name("churn", tests, NULL, NULL);
}
