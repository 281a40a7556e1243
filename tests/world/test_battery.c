/*
 * The battery in whole simulations: a lone heartbeat, rows of them, two flows that share tails, and TLS.
 */
#include "build.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static np_result *run(const np_world_config *c, const np_strategy *s, uint32_t replica)
{
    np_error e = {0};
    np_result *r = np_world_run(c, s, replica, NULL, NULL, &e);
    if (!r) fail_msg("%s", e.text);
    return r;
}

#define VALUE(r, m) ((r)->value[NP_METRIC_##m])

static void assert_near(double got, double want, double tolerance, const char *what)
{
    printf("%-50s %.6g, closed form %.6g\n", what, got, want);
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: got %.9g, want %.9g +- %.3g", what, got, want, tolerance);
}

/* Huang et al., MobiSys 2012. A rate so high that data take no time: heartbeats do not. */
static const np_radio_config lte = {.name = "lte",
                                    .promotion = 260100 * NP_MICROSECOND,
                                    .promotion_w = 1.2107,
                                    .tail = 11576 * NP_MILLISECOND,
                                    .tail_w = 1.0600,
                                    .up_bps = 1e15,
                                    .down_bps = 1e15};
static const np_radio_config umts = {.name = "3g",
                                     .promotion = 582100 * NP_MICROSECOND,
                                     .promotion_w = 0.6594,
                                     .tail = 8088200 * NP_MICROSECOND,
                                     .tail_w = 0.8039,
                                     .second_tail = 824200 * NP_MICROSECOND,
                                     .second_tail_w = 0.6013,
                                     .up_bps = 1e15,
                                     .down_bps = 1e15};
static const np_radio_config wifi = {.name = "wifi",
                                     .promotion = 79100 * NP_MICROSECOND,
                                     .promotion_w = 0.1244,
                                     .tail = 238100 * NP_MICROSECOND,
                                     .tail_w = 0.1193,
                                     .up_bps = 1e15,
                                     .down_bps = 1e15};

static np_strategy one_way(np_time every)
{
    np_strategy s = heartbeat(every, 0, 1);
    s.beat.answer_bytes = 0;
    return s;
}

static np_world_config roomy_world(np_group *g, uint32_t clients, np_time phases)
{
    np_world_config c = plain_world(g, clients, NP_UDP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    g->arrival = (np_dist){.kind = NP_DIST_UNIFORM, .a = 0, .b = (double)phases};
    c.warmup = 2 * phases + NP_MINUTE;
    return c;
}

/* One beat within the measured time. */
static void test_a_lone_heartbeat(void **state)
{
    (void)state;
    static const struct {
        const np_radio_config *radio;
        double joules, digit;
    } row[] = {{&lte, 12.59, 0.01}, {&umts, 7.38, 0.01}, {&wifi, 0.038, 0.001}};
    for (int i = 0; i < 3; i++) {
        np_group g;
        np_world_config c = roomy_world(&g, 10, NP_MINUTE);
        g.radio = *row[i].radio;
        c.warmup = 30 * NP_MINUTE;
        c.duration = 90 * NP_MINUTE;
        np_strategy s = one_way(60 * NP_MINUTE);
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, ENERGY), row[i].joules, 0.5 * row[i].digit, row[i].radio->name);
        np_result_destroy(r);
        /* With an answer, over TCP: three packets, the last two within the tail, cost a round trip of tail
           more at most. The ACK is 40 ms late. */
        g.transport = NP_TCP;
        s.beat.answer_bytes = 2;
        r = run(&c, &s, 0);
        double more = VALUE(r, ENERGY) - row[i].joules;
        assert_true(more > -0.5 * row[i].digit && more < 0.14 * row[i].radio->tail_w + 0.5 * row[i].digit);
        np_result_destroy(r);
    }
    np_group g;
    np_world_config c = roomy_world(&g, 10, NP_MINUTE);
    np_strategy s = one_way(NP_MINUTE);
    np_result *r = run(&c, &s, 0);
    assert_true(isnan(VALUE(r, ENERGY))); /* no radio, no meaning */
    np_result_destroy(r);
}

/* The published mean powers of LTE above idle. */
static void test_intervals(void **state)
{
    (void)state;
    static const struct {
        int every;
        double milliwatts, digit;
    } row[] = {{5, 1060, 1},     {11, 1060, 1},   {20, 629, 1},    {30, 420, 1},
               {60, 210, 1},     {120, 105, 1},   {240, 52.4, .1}, {300, 42.0, 0.1},
               {600, 21.0, 0.1}, {900, 14.0, .1}, {1680, 7.5, .1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = roomy_world(&g, 50, row[i].every * NP_SECOND);
        g.radio = lte;
        c.duration = c.warmup + 50 * row[i].every * NP_SECOND; /* whole periods: any phase gives the same */
        np_strategy s = one_way(row[i].every * NP_SECOND);
        np_result *r = run(&c, &s, 0);
        char what[60];
        snprintf(what, sizeof what, "LTE, a beat every %d s, mW above idle", row[i].every);
        assert_near(1e3 * VALUE(r, ENERGY) / 3600, row[i].milliwatts, 0.5 * row[i].digit + 0.01, what);
        np_result_destroy(r);
    }
}

/* Two flows without regard to each other, beats from the client at random intervals of mean T1, pushes from
   the server every T2, share their tails: the radio is awake for 1 - (1 - w / T1)(1 - w / T2) of the time, w
   = promotion
   + tail. Without a promotion that is exact; with it, a packet that finds the radio awake spares a promotion,
   so that w is between tail and both. */
static void test_two_flows(void **state)
{
    (void)state;
    static const int row[][3] = {{15, 25, 30}, {20, 40, 60}, {40, 80, 300}, {200, 280, 60}};
    for (int promoted = 0; promoted < 2; promoted++)
        for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
            np_group g;
            double T1 = (row[i][0] + row[i][1]) / 2.0, T2 = row[i][2];
            np_world_config c = roomy_world(&g, 200, row[i][1] * NP_SECOND);
            g.radio = lte;
            if (!promoted) g.radio.promotion = 0;
            g.work.gap = np_dist_constant(T2 * 1e9);
            c.warmup += 30 * (np_time)T1 * NP_SECOND; /* until phases are forgotten */
            c.duration = c.warmup + 60 * (np_time)(T1 + T2) * NP_SECOND;
            np_strategy s = one_way(row[i][1] * NP_SECOND);
            s.beat.strategy = "jittered";
            s.beat.least = row[i][0] * NP_SECOND;
            np_result *r = run(&c, &s, 0);
            double low = np_seconds(lte.tail), high = low + np_seconds(g.radio.promotion);
            double share[2] = {1 - (1 - low / T1) * (1 - low / T2), 1 - (1 - high / T1) * (1 - high / T2)};
            double got = VALUE(r, ENERGY) / 3600 / lte.tail_w;
            char what[80];
            snprintf(what, sizeof what, "LTE, %g s and %g s%s: share awake", T1, T2,
                     promoted ? ", promoted" : "");
            if (promoted) { /* a promotion's power is 14 % above the tail's */
                printf("%-50s %.6g, between %.6g and %.6g\n", what, got, share[0], share[1]);
                assert_true(got > share[0] && got < share[1] * 1.005);
            } else {
                assert_near(got, share[0], 0.005 * share[0], what);
            }
            np_result_destroy(r);
        }
}

/* Data take power by their direction: 1000 bytes a minute at 1 Mbit/s are 8 ms. */
static void test_directions(void **state)
{
    (void)state;
    for (int pushes = 0; pushes < 2; pushes++) {
        np_group g;
        np_world_config c = roomy_world(&g, 10, NP_MINUTE);
        c.duration = c.warmup + NP_HOUR;
        g.radio = (np_radio_config){
            .name = "bare", .up_w = 2, .down_w = 3, .base_w = 0.5, .up_bps = 1e6, .down_bps = 1e6};
        np_strategy s = one_way(NP_MINUTE);
        s.beat.bytes = 1000 - 28;
        s.beat.from = pushes ? NP_BEAT_FROM_SERVER : NP_BEAT_FROM_CLIENT;
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, ENERGY), 60 * 0.008 * (pushes ? 3.5 : 2.5), 1e-9,
                    pushes ? "down, J/h" : "up, J/h");
        np_result_destroy(r);
    }
}

/* TLS adds its bytes to each record, of which a long message needs several. */
static void test_tls(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = plain_world(&g, 10, NP_TCP);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    c.warmup = NP_HOUR;
    g.arrival = np_dist_constant(0);
    np_strategy s = heartbeat(60 * NP_SECOND, 10 * NP_SECOND, 1);
    static const uint32_t record[] = {[NP_TLS_1_2] = 29, [NP_TLS_1_3] = 22};
    for (int i = 0; i < 3; i++) {
        s.tls = (np_tls)i;
        np_result *r = run(&c, &s, 0);
        /* An hour of beats and answers of 2 bytes and the ACKs, each with 52 bytes of headers. */
        assert_near(VALUE(r, UPKEEP_BYTES), 60 * (3 * 52 + 2 * (2 + record[i])), 1e-6,
                    "upkeep bytes an hour");
        np_result_destroy(r);
    }
    s = nothing();
    g.work.gap = np_dist_constant(600e9);
    g.work.request = np_dist_constant(40000);
    for (int i = 0; i < 3; i++) {
        s.tls = (np_tls)i;
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, PAYLOAD_BYTES), 6 * (40000 + 3 * record[i]), 1e-6, "payload bytes an hour");
        np_result_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lone_heartbeat),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_two_flows),
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_tls),
    };
    return cmocka_run_group_tests_name("battery", tests, NULL, NULL);
}
