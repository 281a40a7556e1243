/*
 * `precision` and `expect`: what is understood, and each mistake with its place and its words.
 */
#include "bench.h"

#include <math.h>

#define SCENARIO                                                                                             \
    "clients:\n"                                                                                             \
    "  - {name: a, count: 1, workload: push}\n"                                                              \
    "strategies:\n"                                                                                          \
    "  - {name: nothing}\n"                                                                                  \
    "  - {name: beat 30 s, heartbeat: {every: 30s, timeout: 10s}}\n"                                         \
    "  - {name: odd < one, keepalive: linux}\n"

static void expectations_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int metric, spread;
        np_spread_part part;
        uint32_t strategy;
        np_comparison comparison;
        double bound;
    } row[] = {
        {"reachable_fraction of \"beat 30 s\" > 99%", NP_METRIC_REACHABLE, -1, 0, 1, NP_COMPARE_MORE, 0.99},
        {"reachable_fraction of 'beat 30 s' >= 0.5", NP_METRIC_REACHABLE, -1, 0, 1, NP_COMPARE_AT_LEAST, 0.5},
        {"reachable_fraction of beat 30 s >0.5", NP_METRIC_REACHABLE, -1, 0, 1, NP_COMPARE_MORE, 0.5},
        {"  nat_refused<=10k  ", NP_METRIC_NAT_REFUSED, -1, 0, NP_EVERY_STRATEGY, NP_COMPARE_AT_MOST, 10000},
        {"breaks_per_conn_hour of nothing < 0.25", NP_METRIC_BREAKS, -1, 0, 0, NP_COMPARE_LESS, 0.25},
        {"upkeep_bytes_per_conn_hour of \"odd < one\" < 1.5kB", NP_METRIC_UPKEEP_BYTES, -1, 0, 2,
         NP_COMPARE_LESS, 1500},
        {"client_detect_s.p50 of nothing < 2m", -1, NP_SPREAD_CLIENT_DETECT, NP_SPREAD_PART_P50, 0,
         NP_COMPARE_LESS, 120},
        {"server_detect_s.p95 < 2h4m", -1, NP_SPREAD_SERVER_DETECT, NP_SPREAD_PART_P95, NP_EVERY_STRATEGY,
         NP_COMPARE_LESS, 7440},
        {"message_delay_s.p99 < 0.5", -1, NP_SPREAD_MESSAGE_DELAY, NP_SPREAD_PART_P99, NP_EVERY_STRATEGY,
         NP_COMPARE_LESS, 0.5},
        {"message_delay_s.max < 250ms", -1, NP_SPREAD_MESSAGE_DELAY, NP_SPREAD_PART_MAX, NP_EVERY_STRATEGY,
         NP_COMPARE_LESS, 0.25},
        {"client_detect_s.censored <= 3", -1, NP_SPREAD_CLIENT_DETECT, NP_SPREAD_PART_CENSORED,
         NP_EVERY_STRATEGY, NP_COMPARE_AT_MOST, 3},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        char text[1000];
        snprintf(text, sizeof text, SCENARIO "expect:\n  - >-\n    %s\n", row[i].text);
        bench_put("s.yaml", text);
        np_scenario *s = bench_load("s.yaml", NULL, 0);
        assert_int_equal(s->expectations, 1);
        const np_expectation *x = s->expectation;
        assert_int_equal(x->metric, row[i].metric);
        assert_int_equal(x->spread, row[i].spread);
        assert_int_equal(x->part, row[i].part);
        assert_int_equal(x->strategy, row[i].strategy);
        assert_int_equal(x->comparison, row[i].comparison);
        assert_true(fabs(x->bound - row[i].bound) < 1e-12);
        np_scenario_destroy(s);
    }
}

/* A single one needs no list; shown, it reads back; it is no part of the digest, precision is. */
static void shown_and_digested(void **state)
{
    (void)state;
    bench_put("plain.yaml", "name: x\n" SCENARIO);
    bench_put("expect.yaml", "name: x\n" SCENARIO "expect: nat_refused of \"odd < one\" <= 0\n");
    bench_put("precise.yaml", "name: x\n" SCENARIO "precision: {breaks_per_conn_hour: 2.5%}\n");
    np_scenario *plain = bench_load("plain.yaml", NULL, 0), *expect = bench_load("expect.yaml", NULL, 0),
                *precise = bench_load("precise.yaml", NULL, 0);
    assert_int_equal(plain->precision.goals, 0);
    assert_int_equal(expect->expectations, 1);
    assert_string_equal(plain->digest, expect->digest);
    assert_string_not_equal(plain->digest, precise->digest);
    assert_int_equal(precise->precision.goals, 1);
    assert_int_equal(precise->precision.goal[0].metric, NP_METRIC_BREAKS);
    assert_true(precise->precision.goal[0].share == 0.025);
    assert_int_equal(precise->precision.max_replicas, 10 * precise->replicas);
    char *text = bench_show(expect), *text2 = bench_show(precise);
    bench_put("again.yaml", text);
    bench_put("again2.yaml", text2);
    np_scenario *again = bench_load("again.yaml", NULL, 0), *again2 = bench_load("again2.yaml", NULL, 0);
    assert_string_equal(again->expectation[0].text, expect->expectation[0].text);
    assert_int_equal(again2->precision.max_replicas, precise->precision.max_replicas);
    assert_string_equal(again2->digest, precise->digest);
    const np_override set[] = {{"precision.nat_inserts", "3%"}, {"precision.max_replicas", "77"}};
    np_scenario *more = bench_load("precise.yaml", set, 2);
    assert_int_equal(more->precision.goals, 2);
    assert_int_equal(more->precision.max_replicas, 77);
    np_scenario *all[] = {plain, expect, precise, again, again2, more};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) np_scenario_destroy(all[i]);
    free(text);
    free(text2);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *found; /* the beginning of what is found */
    } row[] = {
        {"expect: reachable_fractoin > 1", "s.yaml:7:9: expect: there is no figure \"reachable_fractoin\"; "
                                           "did you mean \"reachable_fraction\"?"},
        {"expect: client_detect_s > 1",
         "s.yaml:7:9: expect: client_detect_s is a distribution; expected a part"},
        {"expect: client_detect_s.p96 > 1", "s.yaml:7:9: expect: there is no figure \"client_detect_s.p96\"; "
                                            "did you mean \"client_detect_s.p95\"?"},
        {"expect: nat_refused.p50 > 1", "s.yaml:7:9: expect: nat_refused is a mean and has no .p50"},
        {"expect:\n  - nat_refused > 1\n  - nat_refused of beet 30 s > 1",
         "s.yaml:9:5: expect: there is no strategy \"beet 30 s\"; did you mean \"beat 30 s\"?"},
        {"expect: nat_refused of \"beat 30 s > 1",
         "s.yaml:7:9: expect: the quote before the strategy's name"},
        {"expect: nat_refused == 1", "s.yaml:7:9: expect: expected <, <=, > or >= after the figure and its "
                                     "strategy, found \"==\""},
        {"expect: nat_refused",
         "s.yaml:7:9: expect: expected <, <=, > or >= after the figure and its strategy, "
         "found nothing"},
        {"expect: nat_refused >", "s.yaml:7:9: expect: \"\" is not a count"},
        {"expect: nat_refused > 1 year", "s.yaml:7:9: expect: \"1 year\" is not a count"},
        {"expect: client_detect_s.max < 1parsec", "s.yaml:7:9: expect: \"1parsec\" is not a duration"},
        {"expect: reachable_fraction > 5kB", "s.yaml:7:9: expect: \"5kB\" is not a share"},
        {"expect: {a: b}", "s.yaml:7:9: expect: expected a list of FIGURE of STRATEGY > VALUE, found a map"},
        {"expect: [[a]]", "s.yaml:7:10: expect: expected FIGURE of STRATEGY > VALUE, found a list"},
        {"expect: ['']", "s.yaml:7:11: expect: expected FIGURE of STRATEGY > VALUE, found nothing"},
        {"vary: {expect: [a, b]}", "s.yaml:7:8: expect cannot be varied"},
        {"vary: {precision.nat_inserts: [1%]}", "s.yaml:7:8: precision.nat_inserts cannot be varied"},
        {"precision: {reachable: 1%}", "s.yaml:7:13: precision: there is no figure \"reachable\"; "},
        {"precision: {client_detect_s: 1%}",
         "s.yaml:7:13: precision: \"client_detect_s\" is a distribution, which has no interval"},
        {"precision: {nat_inserts: 0%}", "s.yaml:7:26: nat_inserts: \"0%\" is not a share above 0"},
        {"precision: {nat_inserts: 100%}", "s.yaml:7:26: nat_inserts: \"100%\" is not a share above 0"},
        {"precision: {nat_inserts: soon}", "s.yaml:7:26: nat_inserts: \"soon\" is not a share above 0"},
        {"precision: {nat_inserts: [1%]}",
         "s.yaml:7:26: nat_inserts: expected a share (such as 2%), found a list"},
        {"precision: {nat_inserts: 1%, nat_inserts: 2%}", "s.yaml:7:30: key \"nat_inserts\" is there twice"},
        {"precision: {nat_inserts: 1%, max_replicas: 5}", "s.yaml:7:44: max_replicas: 5 is less than the 10"},
        {"precision: {nat_inserts: 1%, max_replicas: 1.5}",
         "s.yaml:7:44: max_replicas: \"1.5\" is not a count"},
        {"precision: {nat_inserts: 1%, max_replicas: 1M}",
         "s.yaml:7:44: max_replicas: \"1M\" is not a count"},
        {"precision: {max_replicas: 50}", "s.yaml:7:12: precision: names no figure"},
        {"precision: {}", "s.yaml:7:12: precision: names no figure"},
        {"precision: 1%",
         "s.yaml:7:12: precision: expected a map of figures to shares, and max_replicas, found"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        char text[1000];
        snprintf(text, sizeof text, SCENARIO "%s\n", row[i].text);
        bench_put("s.yaml", text);
        char *found = bench_findings("s.yaml", NULL, 0);
        if (strncmp(found, row[i].found, strlen(row[i].found)) != 0)
            fail_msg("%s\n  expected %s\n  found    %s", row[i].text, row[i].found, found);
        if (strchr(found, '\n')) fail_msg("%s\n  more than one finding: %s", row[i].text, found);
        free(found);
    }
}

/* An override takes back what the file says of the study. */
static void taken_back(void **state)
{
    (void)state;
    static const np_override set[] = {{"precision", "off"}, {"expect", "[]"}, {"vary", "{}"}};
    bench_put("s.yaml", SCENARIO "expect: nat_refused <= 0\n"
                                 "precision: {nat_inserts: 1%}\n"
                                 "vary: {nat.capacity: [1k, 2k]}\n");
    np_scenario *s = bench_load("s.yaml", NULL, 0);
    assert_true(s->expectations == 1 && s->precision.goals == 1 && s->varied == 1);
    np_scenario_destroy(s);
    s = bench_load("s.yaml", set, 3);
    assert_true(s->expectations == 0 && s->precision.goals == 0 && s->varied == 0);
    np_scenario_destroy(s);
    bench_put("s.yaml", SCENARIO);
    np_scenario *plain = bench_load("s.yaml", NULL, 0);
    s = bench_load("s.yaml", set, 3);
    assert_string_equal(s->digest, plain->digest);
    np_scenario_destroy(plain);
    np_scenario_destroy(s);
}

/* A line that stands elsewhere is understood as one of `expect`, and its mistakes are told of where it stands. */
static void one_by_itself(void **state)
{
    (void)state;
    static const char *const line[] = {"reachable_fraction of \"beat 30 s\" > 99%",
                                       "server_detect_s.p95 < 2h4m", "upkeep_bytes_per_conn_hour <= 1.5kB"};
    np_findings findings;
    np_error e = {0};
    for (size_t i = 0; i < sizeof line / sizeof *line; ++i) {
        char text[1000];
        np_expectation x;
        snprintf(text, sizeof text, SCENARIO "expect:\n  - '%s'\n", line[i]);
        bench_put("s.yaml", text);
        np_scenario *s = bench_load("s.yaml", NULL, 0);
        assert_true(np_expectation_read(line[i], "--target", s, &x, &findings, &e));
        const np_expectation *in_file = s->expectation;
        assert_string_equal(x.text, in_file->text);
        assert_true(x.metric == in_file->metric && x.spread == in_file->spread && x.part == in_file->part &&
                    x.strategy == in_file->strategy && x.comparison == in_file->comparison &&
                    x.bound == in_file->bound);
        assert_int_equal(s->expectations, 1);
        np_scenario_destroy(s);
    }
    np_scenario *s = bench_load("s.yaml", NULL, 0);
    np_expectation x;
    assert_false(np_expectation_read("nat_refused of nobody > 1", "--target", s, &x, &findings, &e));
    assert_int_equal(findings.n, 1);
    assert_string_equal(findings.finding[0].file, "--target");
    assert_non_null(strstr(findings.finding[0].text, "there is no strategy \"nobody\""));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    np_findings_clear(&findings);
    assert_false(np_expectation_read("", "--target", s, &x, &findings, &e));
    np_findings_clear(&findings);
    np_scenario_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expectations_are_understood),
        cmocka_unit_test(shown_and_digested),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(taken_back),
        cmocka_unit_test(one_by_itself),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
