/*
 * Results read back: what was written comes in again, and files that were damaged by chance or malice are
 * refused or read, never more (run with SAN=1 to see that).
 */
#include "../../sim/report/results.h"
#include "../study/fake_world.h"
#include "natpulse/random.h"
#include "natpulse/report.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char directory[] = "/tmp/natpulse-results-XXXXXX";

static const char *in_directory(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static const char *put(const char *name, const char *text, size_t size)
{
    FILE *f = fopen(in_directory(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    fclose(f);
    return in_directory(name);
}

static char *written(np_format format, size_t *size)
{
    np_error e = {0};
    np_findings findings = {0};
    np_scenario *scenario = np_scenario_load("grid", NULL, 0, &findings, &e);
    np_study_options o = {.path = "grid", .jobs = 1};
    np_study *s = np_study_run(scenario, &o, &findings, &e);
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    assert_true(np_report_study(s, format, (np_style){0}, out, &e));
    fclose(out);
    np_study_destroy(s);
    np_scenario_destroy(scenario);
    return text;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(1, fabs(b)))) fail_msg("%.15g is not %.15g", a, b);
}

static void check(const np_results *r, bool json)
{
    assert_string_equal(r->scenario, "fake");
    assert_int_equal(r->points, 2);
    assert_string_equal(r->point[1].vary, "nat.capacity = 2k");
    assert_int_equal(r->varied, 1);
    assert_string_equal(r->path[0], "nat.capacity");
    assert_string_equal(r->version, NP_VERSION);
    assert_string_equal(r->seed, "9");
    assert_string_equal(r->digest, "00000000000003e8");
    assert_int_equal(r->replicas, 4);
    assert_true(json == (strstr(r->yaml, "capacity: 1000\n") != NULL));
    assert_int_equal(r->warning.n, 3);
    assert_string_equal(r->warning.remark[0].name, "few-replicas");
    assert_non_null(strstr(r->warning.remark[0].text, "4 replicas; "));
    for (uint32_t p = 0; p < 2; p++) {
        assert_int_equal(r->point[p].strategies, 3);
        for (uint32_t k = 0; k < 3; k++) {
            const np_read_strategy *s = &r->point[p].strategy[k];
            const np_read_spread *detect = &s->spread[NP_SPREAD_CLIENT_DETECT];
            double value[4];
            for (uint32_t i = 0; i < 4; i++)
                value[i] = fake_value(k, NP_METRIC_UPKEEP_BYTES, i, p ? 2000 : 512);
            np_estimate e = np_estimate_of(value, 4);
            near(s->value[NP_METRIC_UPKEEP_BYTES].mean, e.mean);
            near(s->value[NP_METRIC_UPKEEP_BYTES].low, e.low);
            near(s->value[NP_METRIC_UPKEEP_BYTES].high, e.high);
            near(s->value[NP_METRIC_REACHABLE].mean, 0.515 + 0.1 * k);
            assert_true(isnan(s->versus_first[NP_METRIC_UPKEEP_BYTES].mean) == (k == 0));
            if (k > 0) near(s->versus_first[NP_METRIC_UPKEEP_BYTES].mean, 3.0 * k);
            if (k > 0) near(s->versus_first[NP_METRIC_UPKEEP_BYTES].low, 3.0 * k);
            assert_int_equal(s->entry_points, json ? NP_SERIES_POINTS : 0);
            if (json) near(s->spread[NP_SPREAD_CLIENT_DETECT].never, 4.0 * k);
            if (json) near(detect->curve[detect->points - 1].x, 40);
        }
        assert_string_equal(r->point[p].strategy[1].name, "heartbeat, 30 \"s\"");
    }
}

static void round_trip(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        size_t size;
        char *text = written(json ? NP_FORMAT_JSON : NP_FORMAT_CSV, &size);
        np_results r;
        np_error e = {0};
        if (!np_results_read(put(json ? "a.json" : "a.csv", text, size), &r, &e)) fail_msg("%s", e.text);
        check(&r, json);
        np_arena_destroy(r.arena);
        free(text);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *says;
    } row[] = {
        {"a.csv", "", "empty"},
        {"a.csv", "# only comments\n", "empty"},
        {"a.csv", "a,b\n1,2\n", "no column 'point'"},
        {"a.csv", "point,strategy,replica,key,value\n", "holds no results"},
        {"a.csv", "point,strategy,replica,key,value\n0,x,0\n", ":2: not as many values"},
        {"a.csv", "point,strategy,replica,key,value\n7,x,0,handshakes,1\n", ":2: points must be counted"},
        {"a.csv", "point,strategy,replica,key,value\n-1,x,0,handshakes,1\n", ":2: points must be counted"},
        {"a.csv", "point,strategy,replica,key,value\n0,x,0,reachable_fraction,many\n",
         ":2: the value is no number"},
        {"a.csv", "point,strategy,replica,key,value\n0,\"x,0,handshakes,1\n", "a quote is never closed"},
        {"a.csv", "point,strategy,replica,key,value\n0,\"x\"y,0,handshakes,1\n",
         "text after a closing quote"},
        {"a.json", "", "a.json:1"},
        {"a.json", "[]", "no points"},
        {"a.json", "{\"points\": [1]}", "a point without strategies"},
        {"a.json", "{\"points\": [{\"strategies\": [{\"name\": 1}]}]}", "a strategy without name"},
        {"a.json", "{\"points\": [{\"vary\": {\"p\": 1}, \"strategies\": [{}]}]}", "a varied value"},
        {"a.txt", "natpulse", "expected a .json or .csv"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_results r;
        np_error e = {0};
        assert_false(np_results_read(put(row[i].name, row[i].text, strlen(row[i].text)), &r, &e));
        assert_int_equal(e.kind, NP_TROUBLE_INPUT);
        if (!strstr(e.text, row[i].says)) fail_msg("'%s' instead of '...%s...'", e.text, row[i].says);
    }
    np_results r;
    np_error e = {0};
    assert_false(np_results_read("/nonexistent/x.csv", &r, &e));
    assert_false(np_results_read("/nonexistent/x.json", &r, &e));
    assert_int_equal(e.kind, NP_TROUBLE_INPUT);
}

static void damaged_at_random(void **state)
{
    (void)state;
    const char *given = getenv("NP_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    np_key key = np_key_make(seed, 0);
    static const char spice[] = "\",\n\r#[]{}:-.e0\0\xff'";
    for (int json = 0; json < 2; json++) {
        size_t size;
        char *text = written(json ? NP_FORMAT_JSON : NP_FORMAT_CSV, &size);
        char *bad = malloc(size);
        for (uint32_t i = 0; i < 400; i++) {
            memcpy(bad, text, size);
            size_t kept = i % 2 ? size : np_below(np_random(key, i, NP_PURPOSE(99, 2), 0), (uint32_t)size);
            for (uint32_t k = 0; k < 1 + i % 7; k++) {
                uint32_t at = np_below(np_random(key, i, NP_PURPOSE(99, 3), k), (uint32_t)size);
                if (k % 2) at %= 600; /* the head, where structure is */
                bad[at] = spice[np_below(np_random(key, i, NP_PURPOSE(99, 4), k), sizeof spice - 1)];
            }
            np_results r;
            np_error e = {0};
            bool ok = np_results_read(put(json ? "b.json" : "b.csv", bad, kept), &r, &e);
            if (ok) np_arena_destroy(r.arena);
            if (!ok) assert_int_equal(e.kind, NP_TROUBLE_INPUT);
        }
        free(bad);
        free(text);
    }
}

static int clean(void **state)
{
    (void)state;
    static const char *const name[] = {"a.csv", "a.json", "a.txt", "b.csv", "b.json"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) unlink(in_directory(name[i]));
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(refused),
        cmocka_unit_test(damaged_at_random),
    };
    if (!mkdtemp(directory)) return 1;
    return cmocka_run_group_tests(tests, NULL, clean);
}
