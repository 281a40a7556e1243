/*
 * Lazy expiry is the box's business alone: a mapping is dead at its deadline for whoever sends a packet, so
 * that all that users notice is the same as with a box that takes its mappings on time. Only the table is
 * fuller.
 */
#include "run.h"
#include <string.h>

static const np_expiry kinds[] = {NP_EXPIRY_EXACT, NP_EXPIRY_LAZY, NP_EXPIRY_LINUX};

/* Nobody comes by: usable until the deadline; the place is filled until then, for good, or until the
   collector's next round, which is 62 s away at the most. */
static void test_idle_connections(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        np_group g;
        np_world_config c = plain_world(&g, 50, NP_TCP);
        for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 10 * NP_MINUTE;
        g.arrival = np_dist_constant(0);
        c.nat[0].expiry = kinds[k];
        np_strategy s = nothing();
        np_result *r = run(&c, &s, 0);
        assert_near(VALUE(r, REACHABLE) * 7200, 600.120 - 0.150, 1e-6, "usable seconds");
        assert_near(VALUE(r, BREAKS_EXPIRED), 0.5, 1e-9, "breaks per hour: one in two hours");
        assert_near(VALUE(r, NAT_EXPIRIES_LIVE), 50, 0, "live expiries");
        double filled = VALUE(r, NAT_ENTRIES_MEAN) / 50 * 7200;
        if (kinds[k] == NP_EXPIRY_EXACT) assert_near(filled, 600.100, 1e-6, "seconds that a place is filled");
        if (kinds[k] == NP_EXPIRY_LAZY)
            assert_near(filled, 7200 - 0.020, 1e-6, "seconds that a place is filled");
        if (kinds[k] == NP_EXPIRY_LINUX)
            assert_near(filled, 600.100 + 31, 31, "seconds that a place is filled");
        np_result_destroy(r);
    }
}

/* With loss, talk, clients that leave, servers that talk first: the same figures to the last bit. */
static void test_nobody_else_notices(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        np_result *of[3];
        for (int k = 0; k < 3; k++) {
            np_group g;
            np_world_config c = plain_world(&g, 60, udp ? NP_UDP : NP_TCP);
            c.nats = 2; /* in a chain, so that the second is heard of too */
            c.nat[1] = c.nat[0];
            c.nat[1].ports.first = np_addr_ipv4(0xcb007101u);
            for (int i = 0; i < NP_TIMEOUT_COUNT; i++) {
                c.nat[0].timeout[i] = 90 * NP_SECOND;
                c.nat[1].timeout[i] = 70 * NP_SECOND;
            }
            c.nat[0].expiry = c.nat[1].expiry = kinds[k];
            c.nat[0].unknown_outbound = c.nat[1].unknown_outbound = NP_UNKNOWN_ADOPT;
            c.access_up.loss_kind = c.access_down.loss_kind = NP_LOSS_INDEPENDENT;
            c.access_up.loss = c.access_down.loss = 0.05;
            g.work.gap = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = 300e9};
            np_strategy s = heartbeat(100 * NP_SECOND, 20 * NP_SECOND, 2);
            of[k] = run(&c, &s, 0);
        }
        assert_true(VALUE(of[0], BREAKS_EXPIRED) > 1);
        for (int k = 1; k < 3; k++) {
            for (int m = 0; m < NP_METRIC_COUNT; m++) {
                if (m == NP_METRIC_NAT_ENTRIES_MEAN || m == NP_METRIC_NAT_ENTRIES_OVER ||
                    m == NP_METRIC_NAT_ENTRIES_PEAK)
                    continue;
                if (memcmp(&of[0]->value[m], &of[k]->value[m], sizeof(double)) != 0)
                    fail_msg("%s: %.17g and %.17g", np_metric_about((np_metric)m)->key, of[0]->value[m],
                             of[k]->value[m]);
            }
            for (int q = 0; q < NP_SPREAD_COUNT; q++) {
                assert_int_equal(np_quantile_count(of[0]->spread[q]), np_quantile_count(of[k]->spread[q]));
                if (np_quantile_count(of[0]->spread[q]) == 0) continue;
                assert_true(np_quantile_max(of[0]->spread[q]) == np_quantile_max(of[k]->spread[q]));
            }
            assert_true(VALUE(of[k], NAT_ENTRIES_MEAN) > VALUE(of[0], NAT_ENTRIES_MEAN));
        }
        for (int k = 0; k < 3; k++) np_result_destroy(of[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_connections),
        cmocka_unit_test(test_nobody_else_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
