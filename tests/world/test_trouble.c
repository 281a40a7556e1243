/*
 * Servers that stop or are full, boxes that restart or follow one another, links that are cut: against closed
 * forms.
 */
#include "run.h"

/* A server that crashes is silent; once it is back, the next probe of each client draws a reset: found within
   idle and a round trip of its return. Clients whose probe falls into the crash find out by that probe's
   successor. */
static void a_crash_and_the_resets_that_follow(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 1000, NP_TCP);
    static const np_time at[] = {NP_HOUR};
    c.crash.when = (np_moments){.at = at, .listed = 1};
    c.crash.down = always(5 * NP_SECOND);
    np_strategy k = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 6);
    np_result *r = run(&c, &k, 0);
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
    r = run(&c, &s, 0);
    assert_near(VALUE(r, BREAKS_OPEN), VALUE(r, BREAKS), 0, "half open");
    assert_near(VALUE(r, CLIENT_ZOMBIE), 0.5, 0.01, "half of the run");
    np_result_destroy(r);
}

/* The busiest second after a restart, with 2000 clients that all learn of it at once and wait out of 30 s. */
static double storm(np_jitter jitter, np_time down, double *refused)
{
    np_group g;
    np_world_config c = lasting_world(&g, 2000, NP_TCP);
    static const np_time at[] = {20 * NP_MINUTE};
    c.duration = 40 * NP_MINUTE;
    c.warmup = 10 * NP_MINUTE;
    c.restart.when = (np_moments){.at = at, .listed = 1};
    c.restart.down = always(down);
    c.reconnect = (np_reconnect){30 * NP_SECOND, 2 * NP_MINUTE, jitter};
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
    double peak = VALUE(r, CONNECTS_PEAK);
    *refused = VALUE(r, SERVER_REFUSED);
    assert_near(VALUE(r, BREAKS), 0, 0, "a restart is announced: nobody is left believing");
    assert_near(VALUE(r, RECONNECTS) * r->conn_hours, 2000, 1e-6, "all come back");
    np_result_destroy(r);
    return peak;
}

/* A busiest second lies above the mean of all, by no more than five standard deviations of a Poisson count.
 */
static void assert_peak(double got, double mean, const char *what)
{
    if (!(got >= mean && got <= mean + 5 * sqrt(mean)))
        fail_msg("%s: busiest second %g, mean %g", what, got, mean);
}

/* Without jitter all 2000 knock in the same second; full jitter spreads them over 30 s, equal jitter over
   half of that. */
static void jitter_tames_a_storm(void **state)
{
    (void)state;
    double refused;
    assert_near(storm(NP_JITTER_NONE, NP_SECOND, &refused), 2000, 0, "no jitter");
    assert_near(refused, 0, 0, "the program is back by then");
    assert_peak(storm(NP_JITTER_FULL, 0, &refused), 2000 / 30.0, "full jitter");
    assert_peak(storm(NP_JITTER_EQUAL, 0, &refused), 2000 / 15.0, "equal jitter");
    /* One that takes 31 s to come back refuses all of them once. */
    assert_near(storm(NP_JITTER_NONE, 31 * NP_SECOND, &refused), 2000, 0, "no jitter, twice");
    assert_near(refused, 2000, 0, "refused once");
}

/* A server at its limit refuses with a reset, and those refused keep trying. */
static void a_server_at_its_limit(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = lasting_world(&g, 100, NP_TCP);
    c.server_connections = 60;
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
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
        np_world_config c = lasting_world(&g, 400, NP_TCP);
        c.nat[0].unknown_outbound = NP_UNKNOWN_ADOPT;
        c.nat_restart[0] = (np_nat_restart){.when = {.at = at, .listed = 1}, .new_address = new_address};
        np_strategy s = heartbeat(30 * NP_SECOND, 10 * NP_SECOND, 2);
        np_result *r = run(&c, &s, 0);
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
    np_world_config c = lasting_world(&g, 50, NP_TCP);
    c.nats = 2;
    c.nat[1] = c.nat[0];
    c.nat[0].ports.first = np_addr_ipv4(0x64400001);
    c.nat[0].ports.select = NP_PORT_RANDOM;
    c.nat[1].timeout[NP_TIMEOUT_TCP_ESTABLISHED] = 10 * NP_MINUTE;
    g.arrival = always(0);
    np_strategy s = nothing();
    np_result *r = run(&c, &s, 0);
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
        np_world_config c = lasting_world(&g, core ? 20 : 400, NP_UDP);
        c.duration = core ? 400 * NP_HOUR : 20 * NP_HOUR;
        c.warmup = 5 * NP_MINUTE;
        np_link_config *up = core ? &c.core_up : &c.access_up, *down = core ? &c.core_down : &c.access_down;
        up->outages = down->outages = true;
        up->up = down->up = exponential(9 * NP_MINUTE);
        up->down = down->down = exponential(NP_MINUTE);
        np_strategy s = heartbeat(NP_MINUTE, 0, 1);
        np_result *r = run(&c, &s, 0);
        /* Spells are correlated over 1/(1/9 + 1) minutes: the share over T has a variance of 2 p q tau / T.
         */
        double minutes = core ? 400 * 60 : 400 * 20 * 60, sd = sqrt(2 * 0.1 * 0.9 * 0.9 / minutes);
        assert_near(VALUE(r, REACHABLE), 0.9, 4 * sd + 0.001, "share of time that the way is free");
        assert_near(VALUE(r, BREAKS), 0, 0, "an outage is no break");
        np_result_destroy(r);
    }
}

int main(void)
{
    printf("NP_SEED=%llu\n", (unsigned long long)test_seed());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_and_the_resets_that_follow),
        cmocka_unit_test(jitter_tames_a_storm),
        cmocka_unit_test(a_server_at_its_limit),
        cmocka_unit_test(a_box_that_restarts),
        cmocka_unit_test(a_chain_of_boxes),
        cmocka_unit_test(outages_count_against_reachability),
    };
    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
