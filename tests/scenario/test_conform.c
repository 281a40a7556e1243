/*
 * Rules: where they are found and in what order, mistakes in them by file, line and column, and asking
 * profiles.
 */
#include "bench.h"
#include "natpulse/conform.h"

#define GOOD "rule t\nsource s\n> udp = forward\n"

static int fill(void **state)
{
    if (bench_open(state) != 0) return -1;
    bench_put("good/b9/r-2.rule", GOOD);
    bench_put("good/b9/r-10.rule", GOOD);
    bench_put("good/b9/r-1a.rule", GOOD);
    bench_put("good/b9/r-009.rule", GOOD);
    bench_put("good/b9/r-1.rule", GOOD);
    bench_put("good/b10/z.rule", GOOD);
    bench_put("good/top.rule", GOOD);
    bench_put("good/b9/.hidden.rule", "no rule");
    bench_put("good/b9/note.txt", "no rule");
    bench_put("good/b9/deep/too.rule", "no rule");
    bench_put("bad/a.rule", "rule t\nsource s\n> udp = forwards\nx\n");
    bench_put("bad/x/b.rule", "> udp\n");
    bench_put("empty/note.txt", "no rule");
    return 0;
}

static void order(void **state)
{
    (void)state;
    np_rules r;
    np_findings f;
    np_error e;
    static const char *const names[] = {"b9/r-1",  "b9/r-1a", "b9/r-2",  "b9/r-009",
                                        "b9/r-10", "b10/z",   "good/top"};
    {
        char dir[600];
        snprintf(dir, sizeof dir, "%s", bench_path("good"));
        if (!np_rules_load(dir, &r, &f, &e)) fail_msg("%s", e.text);
        assert_int_equal(r.n, sizeof names / sizeof *names);
        for (uint32_t i = 0; i < r.n; i++) {
            char name[80];
            snprintf(name, sizeof name, "%s/%s", r.rule[i].group, r.rule[i].name);
            assert_string_equal(name, names[i]);
            assert_string_equal(r.rule[i].head->title, "t");
        }
        np_rules_clear(&r);
    }
}

static void mistakes(void **state)
{
    (void)state;
    np_rules r;
    np_findings f;
    np_error e;
    char dir[600];
    snprintf(dir, sizeof dir, "%s", bench_path("bad"));
    assert_false(np_rules_load(dir, &r, &f, &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    assert_int_equal(f.n, 3);
    assert_string_equal(f.finding[0].file, bench_path("bad/a.rule"));
    assert_int_equal(f.finding[0].line, 3);
    assert_int_equal(f.finding[0].column, 9);
    assert_int_equal(f.finding[1].line, 4);
    assert_int_equal(f.finding[1].column, 1);
    assert_string_equal(f.finding[2].file, bench_path("bad/x/b.rule"));
    assert_non_null(strstr(f.finding[2].text, "rule TITLE"));
    assert_int_equal(r.n, 0);
    np_findings_clear(&f);

    snprintf(dir, sizeof dir, "%s", bench_path("empty"));
    assert_false(np_rules_load(dir, &r, &f, &e));
    assert_non_null(strstr(e.text, "there is no rule"));
    snprintf(dir, sizeof dir, "%s", bench_path("nowhere"));
    assert_false(np_rules_load(dir, &r, &f, &e));
    assert_non_null(strstr(e.text, "nowhere: No such file"));
}

/* The first place that has any. */
static void places(void **state)
{
    (void)state;
    np_rules r;
    np_findings f;
    np_error e;
    char said[1200];
    snprintf(said, sizeof said, "%s/nowhere:%s/empty::%s/good:%s/bad", bench_dir, bench_dir, bench_dir,
             bench_dir);
    setenv("NATPULSE_RULES", said, 1);
    assert_true(np_rules_load(NULL, &r, &f, &e));
    assert_int_equal(r.n, 7);
    np_rules_clear(&r);
    unsetenv("NATPULSE_RULES");
    if (access("tests/conformance", F_OK) != 0) return; /* not run from the top of the tree */
    assert_true(np_rules_load(NULL, &r, &f, &e));
    assert_true(r.n > 80);
    assert_non_null(strstr(r.rule[0].path, "tests/conformance/"));
    np_rules_clear(&r);
}

/* A rule of these lines, asked of a profile with these overrides. */
static bool ask(const char *text, const char *profile, const np_override *set, uint32_t sets,
                np_script_outcome *out, np_findings *f, np_error *e)
{
    np_rule rule = {.name = "r-1", .group = "g", .path = "g/r-1.rule"};
    rule.script = np_script_read(text, strlen(text));
    rule.head = np_script_head_of(rule.script);
    bool ok = np_rule_ask(&rule, profile, set, sets, 1, NULL, NULL, out, f, e);
    np_script_destroy(rule.script);
    return ok;
}

static void asking(void **state)
{
    (void)state;
    np_script_outcome out;
    np_findings f;
    np_error e;
    const np_override set[] = {{"nat.timeouts.udp", "60s"}, {"nat.capacity", "77"}};
    static const char *const one = "rule a\nsource b\n> udp = forward udp 30\n";
    assert_true(ask(one, "lru-box", NULL, 0, &out, &f, &e));
    assert_int_equal(out.result, NP_SCRIPT_MEETS);
    assert_true(ask(one, "lru-box", set, 2, &out, &f, &e));
    assert_int_equal(out.result, NP_SCRIPT_DOES_NOT);

    /* what the rule sets wins, and comes after `only` */
    assert_true(
        ask("rule a\nsource b\nonly evict lru\nset capacity=2 because x\nrepeat capacity\nc1+:9+ > udp\nend\n"
            "c1:9 < udp = forward\nc5:5 > udp\nc1:9 < udp = drop\nc2:10 < udp = forward\n",
            "lru-box", set, 2, &out, &f, &e));
    assert_int_equal(out.result, NP_SCRIPT_DOES_NOT); /* c1 was used: c2 went */
    assert_int_equal(out.line, 10);
    assert_true(ask("rule a\nsource b\nonly evict lru\nset expiry=lazy because x\n> udp = forward\n",
                    "azure-load-balancer-reset", NULL, 0, &out, &f,
                    &e)); /* lazy would not go with its resets */
    assert_int_equal(out.result, NP_SCRIPT_NOT_APPLICABLE);
    assert_string_equal(out.why, "evict is refuse");
}

static void findings(void **state)
{
    (void)state;
    np_script_outcome out;
    np_findings f;
    np_error e;
    const np_override good = {"nat.capacity", "77"}, bad = {"nat.capacity", "x"};
    static const char *const text =
        "rule a\nsource b\nset timeouts.udp=1m because c\n  set colour=2 because c\n> udp\n";
    assert_false(ask(text, "lru-box", &good, 1, &out, &f, &e));
    assert_int_equal(f.n, 1);
    assert_string_equal(f.finding[0].file, "g/r-1.rule");
    assert_int_equal(f.finding[0].line, 4);
    assert_int_equal(f.finding[0].column, 7);
    np_findings_clear(&f);
    assert_false(ask(text, "lru-box", &bad, 1, &out, &f, &e));
    assert_string_equal(f.finding[0].file, "--set");
    np_findings_clear(&f);
    assert_false(ask(text, "no-such-box", NULL, 0, &out, &f, &e));
    assert_int_equal(f.n, 1);
    np_findings_clear(&f);
    /* a profile's own capacity with belady, which only a script's foresight allows */
    assert_true(ask("rule a\nsource b\nset evict=belady because c\n> udp = forward\n", "lru-box", NULL, 0,
                    &out, &f, &e));
    assert_int_equal(out.result, NP_SCRIPT_MEETS);
    assert_false(
        ask("rule a\nsource b\nset evict=belady because c\n> @c2 udp\n", "lru-box", NULL, 0, &out, &f, &e));
    assert_non_null(strstr(e.text, "g/r-1.rule, with profile lru-box: line 4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),  cmocka_unit_test(mistakes), cmocka_unit_test(places),
        cmocka_unit_test(asking), cmocka_unit_test(findings),
    };
    return cmocka_run_group_tests(tests, fill, bench_close);
}
