/*
 * Deadlines of one end: near ones come in time whatever far ones wait behind them.
 */
#include "run.h"
#include <string.h>

/* A rule that nobody is silent enough for is a far deadline behind near ones, and moves none of them: all is
   as without it. */
static void test_rule_that_never_applies(void **state)
{
    (void)state;
    np_result *of[2];
    for (int rule = 0; rule < 2; rule++) {
        np_group g;
        np_world_config c = plain_world(&g, 40, NP_TCP);
        c.access_up.loss_kind = c.access_down.loss_kind = NP_LOSS_INDEPENDENT;
        c.access_up.loss = c.access_down.loss = 0.2;
        g.work.gap = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = 20e9};
        np_strategy s = heartbeat(0, 0, 1);
        s.beat.strategy = "none";
        if (rule) s.beat.client_closes_after = s.beat.server_closes_after = 100 * NP_HOUR;
        s.keepalive = (np_keepalive){.on = true, .idle = NP_MINUTE, .interval = 10 * NP_SECOND, .probes = 30};
        if (!rule) s.beat.strategy = NULL;
        of[rule] = run(&c, &s, 0);
    }
    assert_true(VALUE(of[0], MESSAGES_SENT) > 1000);
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        double a = of[0]->value[m], b = of[1]->value[m];
        if (!(a == b || (isnan(a) && isnan(b))))
            assert_near(b, a, 1e-12 * fabs(a), np_metric_about((np_metric)m)->key);
    }
    for (int q = 0; q < NP_SPREAD_COUNT; q++) {
        assert_int_equal(np_quantile_count(of[0]->spread[q]), np_quantile_count(of[1]->spread[q]));
        if (np_quantile_count(of[0]->spread[q]))
            assert_true(np_quantile_max(of[0]->spread[q]) == np_quantile_max(of[1]->spread[q]));
    }
    np_result_destroy(of[0]);
    np_result_destroy(of[1]);
}

/* A client that falls asleep while its request is unanswered wakes with deadlines that have passed; it beats
   on as one that had nothing to say. */
static void test_sleepers_beat_on(void **state)
{
    (void)state;
    double beats[2];
    for (int busy = 0; busy < 2; busy++) {
        np_group g;
        np_world_config c = lasting_world(&g, 200, NP_TCP);
        c.duration = 4 * NP_HOUR;
        g.work.from_server = false;
        g.work.gap = busy ? exponential(2 * NP_SECOND) : always(1000 * NP_HOUR);
        g.churn.sleep = exponential(2 * NP_MINUTE);
        g.churn.nap = always(5 * NP_MINUTE);
        np_strategy s = heartbeat(30 * NP_SECOND, 0, 1);
        s.beat.answer_bytes = 0;
        np_result *r = run(&c, &s, 0);
        beats[busy] = VALUE(r, UPKEEP_PACKETS);
        np_result_destroy(r);
    }
    assert_near(beats[1], beats[0], 0.05 * beats[0], "beats and their ACKs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_that_never_applies),
        cmocka_unit_test(test_sleepers_beat_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
