/*
 * Clients that come and go, servers that stop, boxes that restart, links that are cut: against closed forms.
 */
#include "build.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUE(r, m) ((r)->value[NP_METRIC_##m])

static uint64_t seed = 1;

static np_dist exponential(np_time mean)
{
    return (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = (double)mean};
}

static np_dist always(np_time t)
{
    return np_dist_constant((double)t);
}

static np_result *run(const np_world_config *c, const np_strategy *s)
{
    np_error e = {0};
    np_result *r = np_world_run(c, s, 0, NULL, NULL, &e);
    if (!r) fail_msg("%s", e.text);
    return r;
}

static void assert_near(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: got %.9g, want %.9g +- %.3g", what, got, want, tolerance);
}

/* All that broke ended in one of four ways. */
static void assert_all_ended(const np_result *r)
{
    double ended = VALUE(r, BREAKS_CLIENT_KNEW) + VALUE(r, BREAKS_SERVER_KNEW) + VALUE(r, BREAKS_HEALED) +
                   VALUE(r, BREAKS_OPEN);
    assert_near(ended, VALUE(r, BREAKS), 1e-9 * (1 + VALUE(r, BREAKS)), "breaks and their ends");
}

static np_world_config world_of(np_group *g, uint32_t clients, uint8_t transport)
{
    np_world_config c = plain_world(g, clients, transport);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    c.seed = seed;
    return c;
}

/* Sessions of S and absences of A: the clients are there S/(S + A) of the time, and each return is a
   handshake. A clean close breaks nothing and leaves no zombie. */
static void sessions_renew(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        np_group g;
        np_world_config c = world_of(&g, 200, tcp ? NP_TCP : NP_UDP);
        c.duration = 21 * NP_HOUR;
        c.warmup = NP_HOUR;
        g.churn.session = exponential(20 * NP_MINUTE);
        g.churn.away = exponential(10 * NP_MINUTE);
        np_strategy s = nothing();
        np_result *r = run(&c, &s);
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
    np_world_config c = world_of(&g, 2000, NP_TCP);
    c.duration = 2 * NP_HOUR;
    g.arrival = always(0);
    g.churn.vanish = exponential(NP_HOUR);
    np_strategy s = nothing();
    np_result *r = run(&c, &s);
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

/* Closed form 6d: death at a uniform moment of an idle cycle is found after interval * probes at the least,
   idle
   + interval * probes at the most, half of idle and that on average. The server's keepalive finds a vanished
   client. Without the server's own keepalive nothing does. */
static void keepalive_finds_the_vanished(void **state)
{
    (void)state;
    for (int at_server = 0; at_server < 2; at_server++) {
        np_group g;
        np_world_config c = world_of(&g, 2000, NP_TCP);
        c.duration = 8 * NP_HOUR;
        g.churn.vanish = exponential(2 * NP_HOUR);
        np_strategy s = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
        s.keepalive_at = at_server ? NP_SOCKETS_SERVER : NP_SOCKETS_CLIENT;
        np_result *r = run(&c, &s);
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
    np_world_config c = world_of(&g, 2000, NP_UDP);
    c.duration = 8 * NP_HOUR;
    g.churn.vanish = exponential(2 * NP_HOUR);
    g.churn.back = exponential(10 * NP_MINUTE);
    np_strategy s = heartbeat(30 * NP_SECOND, 10 * NP_SECOND, 2);
    s.beat.server_closes_after = 75 * NP_SECOND;
    np_result *r = run(&c, &s);
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
        np_world_config c = world_of(&g, 300, NP_TCP);
        c.duration = 10 * NP_HOUR;
        g.churn.sleep = exponential(30 * NP_MINUTE);
        g.churn.nap = always(10 * NP_MINUTE);
        np_strategy s = nothing(), k = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
        k.keepalive_at = NP_SOCKETS_BOTH;
        np_result *r = run(&c, probed ? &k : &s);
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
    np_world_config c = world_of(&g, 500, NP_TCP);
    c.duration = 8 * NP_HOUR;
    g.churn.roam = exponential(NP_HOUR);
    np_strategy k = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
    np_result *r = run(&c, &k);
    double n = (double)np_quantile_count(r->spread[NP_SPREAD_CLIENT_DETECT]);
    assert_near(VALUE(r, BREAKS_ROAMED), VALUE(r, BREAKS), 1e-12, "cause");
    /* A move while the last one is not noticed yet is no break: 90 s of each hour. */
    assert_near(VALUE(r, BREAKS), 3600 / 3690.0, 4 * sqrt(1 / (500 * 8.0)), "breaks per hour");
    assert_near(np_quantile_sum(r->spread[NP_SPREAD_CLIENT_DETECT]) / n, 90, 4 * 60 / sqrt(12 * n) + 0.1,
                "mean detection");
    assert_near(VALUE(r, RECONNECTS), VALUE(r, BREAKS), 0.02, "each is replaced");
    assert_all_ended(r);
    np_result_destroy(r);

    c = world_of(&g, 500, NP_UDP);
    c.duration = 8 * NP_HOUR;
    g.churn.roam = exponential(NP_HOUR);
    np_strategy b = heartbeat(20 * NP_SECOND, 10 * NP_SECOND, 2);
    r = run(&c, &b);
    assert_true(VALUE(r, BREAKS_HEALED) > 0.99 * VALUE(r, BREAKS));
    assert_near(1 - VALUE(r, REACHABLE), 10.05 / 3600, 4 * 10.0 / 3600 / sqrt(4000), "half a period an hour");
    assert_all_ended(r);
    np_result_destroy(r);
}

/* A server that crashes is silent; once it is back, the next probe of each client draws a reset: found within
   idle and a round trip of its return. Clients whose probe falls into the crash find out by that probe's
   successor. */
static void a_crash_and_the_resets_that_follow(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = world_of(&g, 1000, NP_TCP);
    static const np_time at[] = {NP_HOUR};
    c.crash.when = (np_moments){.at = at, .listed = 1};
    c.crash.down = always(5 * NP_SECOND);
    np_strategy k = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
    np_result *r = run(&c, &k);
    const np_quantile *detect = r->spread[NP_SPREAD_CLIENT_DETECT];
    assert_near(VALUE(r, BREAKS_SERVER_GONE) * r->conn_hours, 1000, 1e-6, "each connection broke");
    assert_int_equal(np_quantile_count(detect), 1000);
    /* Uniform over a cycle of 60.1 s, but what falls into the 5 s comes 10 s later; then a round trip. */
    assert_true(np_quantile_min(detect) > 5 && np_quantile_max(detect) < 60.4);
    double mean = 30.05 + 0.1 + 10 * 5 / 60.1;
    assert_near(np_quantile_sum(detect) / 1000, mean, 4 * 60 / sqrt(12 * 1000), "mean detection");
    assert_near(VALUE(r, BREAKS_CLIENT_KNEW), VALUE(r, BREAKS), 1e-12, "the server has forgotten");
    assert_near(VALUE(r, RECONNECTS) * r->conn_hours, 1000, 1e-6, "all come back");
    np_result_destroy(r);

    np_strategy s = nothing(); /* a client that neither sends nor probes never finds out */
    r = run(&c, &s);
    assert_near(VALUE(r, BREAKS_OPEN), VALUE(r, BREAKS), 0, "half open");
    assert_near(VALUE(r, CLIENT_ZOMBIE), 0.5, 0.01, "half of the run");
    np_result_destroy(r);
}

/* The busiest second after a restart, with 2000 clients that all learn of it at once and wait out of 30 s. */
static double storm(np_jitter jitter, np_time down, double *refused)
{
    np_group g;
    np_world_config c = world_of(&g, 2000, NP_TCP);
    static const np_time at[] = {20 * NP_MINUTE};
    c.duration = 40 * NP_MINUTE;
    c.warmup = 10 * NP_MINUTE;
    c.restart.when = (np_moments){.at = at, .listed = 1};
    c.restart.down = always(down);
    c.reconnect = (np_reconnect){30 * NP_SECOND, 2 * NP_MINUTE, jitter};
    np_strategy s = nothing();
    np_result *r = run(&c, &s);
    double peak = VALUE(r, CONNECTS_PEAK);
    *refused = VALUE(r, SERVER_REFUSED);
    assert_near(VALUE(r, BREAKS), 0, 0, "a restart is announced: nobody is left believing");
    assert_near(VALUE(r, RECONNECTS) * r->conn_hours, 2000, 1e-6, "all come back");
    np_result_destroy(r);
    return peak;
}

/* Without jitter all 2000 knock in the same second; full jitter spreads them over 30 s, equal jitter over
   half of that. The busiest of so many seconds is within five standard deviations of its Poisson mean. */
static void jitter_tames_a_storm(void **state)
{
    (void)state;
    double refused;
    assert_near(storm(NP_JITTER_NONE, NP_SECOND, &refused), 2000, 0, "no jitter");
    assert_near(refused, 0, 0, "the program is back by then");
    assert_near(storm(NP_JITTER_FULL, 0, &refused), 2000 / 30.0, 5 * sqrt(2000 / 30.0), "full jitter");
    assert_near(storm(NP_JITTER_EQUAL, 0, &refused), 2000 / 15.0, 5 * sqrt(2000 / 15.0), "equal jitter");
    /* One that takes 31 s to come back refuses all of them once. */
    assert_near(storm(NP_JITTER_NONE, 31 * NP_SECOND, &refused), 2000, 0, "no jitter, twice");
    assert_near(refused, 2000, 0, "refused once");
}

/* A server at its limit refuses with a reset, and those refused keep trying. */
static void a_server_at_its_limit(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = world_of(&g, 100, NP_TCP);
    c.server_connections = 60;
    np_strategy s = nothing();
    np_result *r = run(&c, &s);
    assert_near(VALUE(r, SERVER_OPEN_PEAK), 60, 0, "its limit");
    assert_near(VALUE(r, SERVER_OPEN_MEAN), 60, 1, "is always used");
    assert_near(VALUE(r, HANDSHAKES), 60, 0, "handshakes");
    assert_near(VALUE(r, REACHABLE), 0.6, 0.01, "those inside");
    /* 40 clients, at a mean wait of half a minute and a round trip. */
    assert_near(VALUE(r, SERVER_REFUSED), 40 * 7200 / 30.1, 0.1 * 40 * 7200 / 30.1, "refusals");
    np_result_destroy(r);
}

/* A box that restarts: with `adopt` and the same address the next packet from inside heals the connection;
   with a new address it draws the server's reset. */
static void a_box_that_restarts(void **state)
{
    (void)state;
    static const np_time at[] = {NP_HOUR};
    for (int new_address = 0; new_address < 2; new_address++) {
        np_group g;
        np_world_config c = world_of(&g, 400, NP_TCP);
        c.nat[0].unknown_outbound = NP_UNKNOWN_ADOPT;
        c.nat_restart[0] = (np_nat_restart){.when = {.at = at, .listed = 1}, .new_address = new_address};
        np_strategy s = heartbeat(30 * NP_SECOND, 10 * NP_SECOND, 2);
        np_result *r = run(&c, &s);
        assert_near(VALUE(r, BREAKS_NAT_RESTART) * r->conn_hours, 400, 1e-6, "each connection broke");
        if (new_address) {
            const np_quantile *detect = r->spread[NP_SPREAD_CLIENT_DETECT];
            assert_int_equal(np_quantile_count(detect), 400);
            assert_true(np_quantile_max(detect) < 30.2);
            assert_near(np_quantile_sum(detect) / 400, 15.1, 4 * 30 / sqrt(12 * 400), "at the next beat");
            assert_near(VALUE(r, RECONNECTS) * r->conn_hours, 400, 1e-6, "reconnects");
        } else {
            /* About 400^2 / 2 / 28232 pairs want the same port, and who comes second now may be the other. */
            double others = VALUE(r, RECONNECTS) * r->conn_hours;
            assert_near(others, 400 * 400 / 2.0 / 28232, 7, "reconnects");
            assert_near(VALUE(r, BREAKS_HEALED) * r->conn_hours, 400 - others, 1e-6, "healed");
        }
        assert_all_ended(r);
        np_result_destroy(r);
    }
}

/* The inner of two boxes counts too, and what happens there is laid at the right connection's door. */
static void a_chain_of_boxes(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = world_of(&g, 50, NP_TCP);
    c.nats = 2;
    c.nat[1] = c.nat[0];
    c.nat[0].ports.first = np_addr_ipv4(0x64400001);
    c.nat[0].ports.select = NP_PORT_RANDOM;
    c.nat[1].timeout[NP_TIMEOUT_TCP_ESTABLISHED] = 10 * NP_MINUTE;
    g.arrival = always(0);
    np_strategy s = nothing();
    np_result *r = run(&c, &s);
    assert_near(VALUE(r, REACHABLE) * 7200, 600.120 - 0.150, 1e-6, "until the outer box forgets");
    assert_near(VALUE(r, BREAKS_EXPIRED), 0.5, 1e-9, "breaks");
    assert_near(VALUE(r, NAT_EXPIRIES_LIVE), 50, 0, "live expiries");
    np_result_destroy(r);
}

/* Outages: a link up for U and down for D on average is down D / (U + D) of the time, and no break for that.
 */
static void outages_count_against_reachability(void **state)
{
    (void)state;
    for (int core = 0; core < 2; core++) {
        np_group g;
        np_world_config c = world_of(&g, core ? 20 : 400, NP_UDP);
        c.duration = core ? 400 * NP_HOUR : 20 * NP_HOUR;
        c.warmup = 5 * NP_MINUTE;
        np_link_config *up = core ? &c.core_up : &c.access_up, *down = core ? &c.core_down : &c.access_down;
        up->outages = down->outages = true;
        up->up = down->up = exponential(9 * NP_MINUTE);
        up->down = down->down = exponential(NP_MINUTE);
        np_strategy s = heartbeat(NP_MINUTE, 0, 1);
        np_result *r = run(&c, &s);
        /* Spells are correlated over 1/(1/9 + 1) minutes: the share over T has a variance of 2 p q tau / T.
         */
        double minutes = core ? 400 * 60 : 400 * 20 * 60, sd = sqrt(2 * 0.1 * 0.9 * 0.9 / minutes);
        assert_near(VALUE(r, REACHABLE), 0.9, 4 * sd + 0.001, "share of time that the way is free");
        assert_near(VALUE(r, BREAKS), 0, 0, "an outage is no break");
        np_result_destroy(r);
    }
}

/* One-shot UDP: a request, a response, and both ends are done; a one-way message is a mapping and no more. */
static void one_shot_datagrams(void **state)
{
    (void)state;
    for (int response = 0; response < 2; response++) {
        np_group g;
        np_world_config c = world_of(&g, 50, NP_UDP);
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
        np_result *r = run(&c, &s);
        double rate = 50 / 10.0, n = rate * (7200 - 300);
        assert_near(VALUE(r, NAT_INSERTS), n, 4 * sqrt(n), "a mapping each");
        assert_near(VALUE(r, MESSAGES_SENT), n * (1 + response), (1 + response) * 4 * sqrt(n), "messages");
        assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
        assert_near(VALUE(r, MESSAGES_DELIVERED) + VALUE(r, MESSAGES_PENDING), VALUE(r, MESSAGES_SENT), 0,
                    "sum");
        assert_true(VALUE(r, SERVER_OPEN_PEAK) <= 2);
        /* Closed form 6e: L (D + tau), where a flow with an answer is active for 60 ms. */
        double entries = rate * (30 + (response ? 0.060 : 0)), hold = 30.0 / 6900;
        assert_near(VALUE(r, NAT_ENTRIES_MEAN), entries, 4 * sqrt(entries * 2 * hold), "entries");
        assert_true(VALUE(r, NAT_ENTRIES_OVER) > 0.98 * entries);
        np_result_destroy(r);
    }
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
        np_world_config c = world_of(&g, 100, tcp ? NP_TCP : NP_UDP);
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

/* A poll over UDP is an exchange like another: its answer sent, the server holds nothing of it. */
static void polls_over_datagrams(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = world_of(&g, 50, NP_UDP);
    c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = 30 * NP_SECOND;
    g.work.gap = exponential(100 * NP_SECOND);
    np_strategy s = nothing();
    s.connection = NP_CONNECTION_PER_REQUEST;
    s.poll = NP_MINUTE;
    np_result *r = run(&c, &s);
    assert_near(VALUE(r, MESSAGES_LOST), 0, 0, "lost");
    assert_true(VALUE(r, MESSAGES_DELIVERED) > 3000);
    assert_true(VALUE(r, SERVER_OPEN_PEAK) <= 2);
    assert_near(VALUE(r, NAT_EXPIRIES_LIVE), 0, 0, "mappings of connections that somebody believes in");
    np_result_destroy(r);
}

/* Ticks go both ways, and are not saved up for later. */
static void ticks_both_ways(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = world_of(&g, 4, NP_UDP);
    c.duration = 10 * NP_MINUTE;
    c.warmup = 2 * NP_MINUTE;
    g.work = (np_work_config){.shape = "ticks",
                              .open_loop = true,
                              .gap = always(50 * NP_MILLISECOND),
                              .count = np_dist_constant(1),
                              .request = np_dist_constant(60),
                              .response = np_dist_constant(200)};
    np_strategy s = nothing();
    np_result *r = run(&c, &s);
    assert_near(VALUE(r, MESSAGES_SENT), 2 * 4 * 480 * 20, 2 * 4, "two a tick");
    assert_near(VALUE(r, PAYLOAD_BYTES), 3600 * 20 * 260, 260, "bytes an hour");
    assert_near(np_quantile_max(r->spread[NP_SPREAD_MESSAGE_DELAY]), 0.050, 1e-6, "delay");
    np_result_destroy(r);
}

/* Every strategy meets the same churn: nobody's coming or going depends on what they do. */
static void churn_is_the_same_for_all(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = world_of(&g, 100, NP_TCP);
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
        np_result *r = run(&c, &strategy[i]), *again = run(&c, &strategy[i]);
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
    const char *text = getenv("NP_SEED");
    if (text) seed = strtoull(text, NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_renew),
        cmocka_unit_test(the_vanished_leave_zombies),
        cmocka_unit_test(keepalive_finds_the_vanished),
        cmocka_unit_test(silence_finds_the_vanished),
        cmocka_unit_test(sleepers_find_things_as_they_were),
        cmocka_unit_test(roaming),
        cmocka_unit_test(a_crash_and_the_resets_that_follow),
        cmocka_unit_test(jitter_tames_a_storm),
        cmocka_unit_test(a_server_at_its_limit),
        cmocka_unit_test(a_box_that_restarts),
        cmocka_unit_test(a_chain_of_boxes),
        cmocka_unit_test(outages_count_against_reachability),
        cmocka_unit_test(one_shot_datagrams),
        cmocka_unit_test(the_vanished_ask_for_nothing),
        cmocka_unit_test(polls_over_datagrams),
        cmocka_unit_test(ticks_both_ways),
        cmocka_unit_test(churn_is_the_same_for_all),
    };
    return cmocka_run_group_tests_name("churn", tests, NULL, NULL);
}
