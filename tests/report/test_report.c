/*
 * Reports of a fake world, read back by readers that share nothing with the writers: Jansson for JSON, a
 * naive splitter for CSV; and the short numbers of tables against a list.
 */
#include "../../sim/report/figures.h"
#include "../../sim/report/labels.h"
#include "../study/fake_world.h"
#include "natpulse/report.h"
#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char *written(const char *path, const char *replicas, np_format f, np_style style, size_t *size)
{
    np_error e = {0};
    np_findings findings = {0};
    const np_override set = {"replicas", replicas};
    np_scenario *scenario = np_scenario_load(path, &set, 1, &findings, &e);
    np_study_options o = {.path = path, .set = &set, .sets = 1, .jobs = 2};
    np_study *s = np_study_run(scenario, &o, &findings, &e);
    assert_non_null(s);
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    assert_true(np_report_study(s, f, style, out, &e));
    fclose(out);
    np_study_destroy(s);
    np_scenario_destroy(scenario);
    return text;
}

static double real_at(const json_t *metrics, const char *key, const char *member)
{
    const json_t *v = json_object_get(json_object_get(metrics, key), member);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-12 * fmax(1, fabs(b)))) fail_msg("%.17g is not %.17g", a, b);
}

static void json_document(void **state)
{
    (void)state;
    size_t size;
    char *text = written("grid", "4", NP_FORMAT_JSON, (np_style){0}, &size);
    json_error_t why;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!root) fail_msg("line %d: %s", why.line, why.text);
    assert_string_equal(json_string_value(json_object_get(root, "natpulse")), NP_VERSION);
    assert_int_equal(json_integer_value(json_object_get(root, "seed")), 9);
    assert_int_equal(json_integer_value(json_object_get(root, "replicas")), 4);
    const json_t *points = json_object_get(root, "points");
    assert_int_equal(json_array_size(points), 2);
    for (uint32_t p = 0; p < 2; p++) {
        const json_t *point = json_array_get(points, p), *strategies = json_object_get(point, "strategies");
        const char *capacity =
            json_string_value(json_object_get(json_object_get(point, "vary"), "nat.capacity"));
        assert_string_equal(capacity, p ? "2k" : "512");
        assert_int_equal(json_array_size(strategies), 3);
        for (uint32_t k = 0; k < 3; k++) {
            const json_t *s = json_array_get(strategies, k), *metrics = json_object_get(s, "metrics");
            assert_int_equal(json_object_size(metrics), NP_METRIC_COUNT + NP_SPREAD_COUNT);
            double sum = 0;
            for (uint32_t r = 0; r < 4; r++) sum += fake_value(k, NP_METRIC_BREAKS, r, p ? 2000 : 512);
            near(real_at(metrics, "breaks_per_conn_hour", "mean"), sum / 4);
            assert_int_equal(
                json_array_size(json_object_get(json_object_get(metrics, "breaks_per_conn_hour"), "ci95")),
                2);
            assert_int_equal((int)real_at(metrics, "client_detect_s", "censored"), (int)(4 * k));
            near(real_at(metrics, "client_detect_s", "max"), 40);
            assert_true(json_is_null(json_object_get(json_object_get(metrics, "server_detect_s"), "p50")));
            assert_true(json_is_null(json_object_get(metrics, "message_delay_s")));
            const json_t *versus = json_object_get(s, "versus_first");
            assert_int_equal(json_object_size(versus), k ? NP_METRIC_COUNT : 0);
            if (k) near(real_at(versus, "handshakes", "mean_difference"), 3.0 * k);
            const json_t *curve = json_object_get(json_object_get(s, "curves"), "client_detect_s");
            const json_t *last = json_array_get(curve, json_array_size(curve) - 1);
            near(json_number_value(json_array_get(last, 1)), 10.0 / (10 + 4 * k)); /* short by the censored */
            const json_t *entries = json_object_get(json_object_get(s, "series"), "nat_entries");
            assert_int_equal(json_array_size(entries), NP_SERIES_POINTS);
        }
        const json_t *third = json_object_get(json_array_get(strategies, 2), "metrics");
        /* One replica of the third has an energy: a mean, and no interval. */
        assert_true(json_is_null(json_object_get(json_object_get(third, "energy_j_per_conn_hour"), "ci95")));
        assert_string_equal(json_string_value(json_object_get(json_array_get(strategies, 2), "name")),
                            "d\xc3\xa9j\xc3\xa0 | vu");
    }
    const json_t *warnings = json_object_get(root, "warnings");
    assert_string_equal(json_string_value(json_object_get(json_array_get(warnings, 0), "name")),
                        "few-replicas");
    json_decref(root);
    free(text);
}

static void json_lines(void **state)
{
    (void)state;
    size_t size;
    char *text = written("grid", "2", NP_FORMAT_JSONL, (np_style){0}, &size), *at = text;
    int lines = 0, runs = 0;
    while (*at) {
        size_t length = strcspn(at, "\n");
        json_t *line = json_loadb(at, length, 0, NULL);
        assert_non_null(line);
        runs += json_object_get(line, "replica") != NULL;
        lines++;
        json_decref(line);
        at += length + 1;
    }
    assert_int_equal(runs, 2 * 3 * 2);
    assert_int_equal(lines, runs + 2);
    free(text);
}

/* Fields of a CSV line, quotes undone: the slow way. */
static int split(const char *line, char field[16][128])
{
    int n = 0;
    size_t at = 0;
    bool quoted = false;
    memset(field, 0, 16 * 128);
    for (const char *c = line; *c && *c != '\n'; c++) {
        if (*c == '"' && quoted && c[1] == '"') {
            field[n][at++] = *c++;
        } else if (*c == '"') {
            quoted = !quoted;
        } else if (*c == ',' && !quoted) {
            n++;
            at = 0;
        } else {
            field[n][at++] = *c;
        }
    }
    return n + 1;
}

static void csv_rows(void **state)
{
    (void)state;
    size_t size;
    char *text = written("grid", "2", NP_FORMAT_CSV, (np_style){0}, &size), *save = NULL, field[16][128];
    int rows = 0, comments = 0, found = 0;
    assert_true(strncmp(text, "# natpulse " NP_VERSION "\n", 12 + strlen(NP_VERSION)) == 0);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (*line == '#') {
            comments++;
            continue;
        }
        assert_int_equal(split(line, field), 6);
        if (rows++ == 0) {
            assert_string_equal(line, "point,nat.capacity,strategy,replica,key,value");
            continue;
        }
        if (strcmp(field[2], "heartbeat, 30 \"s\"") != 0 || strcmp(field[0], "1") != 0 ||
            strcmp(field[3], "1") != 0)
            continue;
        found++;
        if (strcmp(field[4], "handshakes") == 0)
            near(atof(field[5]), fake_value(1, NP_METRIC_HANDSHAKES, 1, 2000));
        if (strcmp(field[4], "client_detect_s.max") == 0) near(atof(field[5]), 20);
        if (strcmp(field[4], "message_delay_s.p50") == 0) assert_string_equal(field[5], "");
    }
    assert_int_equal(found, NP_METRIC_COUNT + 5 * NP_SPREAD_COUNT);
    assert_int_equal(rows, 1 + 2 * 3 * 2 * found);
    assert_true(comments >= 3);
    free(text);
}

static void tables_keep_their_width(void **state)
{
    (void)state;
    static const int widths[] = {60, 80, 120, 200};
    for (size_t i = 0; i < 2 * sizeof widths / sizeof *widths; i++) {
        size_t size;
        int width = widths[i / 2];
        char *text =
                 written(i % 2 ? "grid" : "flat", "4", NP_FORMAT_TABLE, (np_style){.width = width}, &size),
             *save = NULL;
        assert_null(strchr(text, '\033'));
        assert_non_null(strstr(text, "warning: few-replicas: 4 replicas"));
        assert_non_null(strstr(text, "minus 'nothing'"));
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            if (strncmp(line, "warning", 7) == 0 || strncmp(line, "natpulse", 8) == 0) continue;
            if (np_text_width(line) > width) fail_msg("%d columns: %s", np_text_width(line), line);
        }
        free(text);
    }
    size_t size;
    char *text = written("flat", "4", NP_FORMAT_TABLE, (np_style){.colour = true}, &size);
    assert_non_null(strchr(text, '\033'));
    free(text);
}

static void markdown_rows_are_even(void **state)
{
    (void)state;
    size_t size;
    char *text = written("grid", "4", NP_FORMAT_MARKDOWN, (np_style){0}, &size), *save = NULL;
    int bars = 0, tables = 0, rows = 0;
    char previous = 0;
    for (char *line = text; line && *line; line = (save = strchr(line, '\n')) ? save + 1 : NULL) {
        int n = 0;
        for (char *c = line; *c && *c != '\n'; c++) n += *c == '|' && (c == line || c[-1] != '\\');
        if (*line == '|' && previous != '|') {
            tables++;
            bars = n;
        }
        if (*line == '|') assert_int_equal(n, bars);
        rows += *line == '|';
        previous = *line;
    }
    assert_int_equal(tables, 2);                             /* figures and differences, all points in each */
    assert_int_equal(rows, (2 + 2 * 3) + (2 + 2 * (3 - 1))); /* head and rule; points times strategies */
    free(text);
}

/* A locale with a decimal comma must not reach the file. */
static void no_locale(void **state)
{
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    bool set = false;
    for (size_t i = 0; i < sizeof comma / sizeof *comma && !set; i++)
        set = setlocale(LC_ALL, comma[i]) != NULL;
    if (!set) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    size_t size;
    char *text = written("flat", "4", NP_FORMAT_CSV, (np_style){0}, &size);
    setlocale(LC_ALL, "C");
    assert_non_null(strstr(text, "reachable_fraction,0.5\n"));
    free(text);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        double mean, half, room;
        bool sign;
        const char *value, *note;
    } row[] = {
        {82.134, 1.21, NAN, false, "82.1", "±1.2"},
        {82.134, 0.34, NAN, false, "82.1", "±0.3"},
        {99.9987, 0.0041, 0.0013, false, "99.999", "±0.004"},
        {100, 0, 0, false, "100", "±0"},
        {99.98, 1e-9, 0.02, false, "99.980", "±0.000"},
        {12345, 230, NAN, false, "12.3k", "±0.2k"},
        {1234.5, 23, NAN, false, "1234", "±23"},
        {0, 0, NAN, true, "0", "±0"},
        {3.14159, NAN, NAN, true, "+3.14", ""},
        {-0.43911, 0.0093, NAN, true, "-0.439", "±0.009"},
        {2.5e9, 1e8, NAN, false, "2500M", "±100M"},
        {4.2e-8, 1e-9, NAN, false, "4.2e-08", "±1e-09"},
        {NAN, NAN, NAN, false, "-", ""},
        {0.5, 2.3, NAN, false, "0.50", "±2.30"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_cell c = np_cell_number(row[i].mean, row[i].half, row[i].room, row[i].sign);
        if (strcmp(c.value, row[i].value) != 0 || strcmp(c.note, row[i].note) != 0) {
            fail_msg("%g ± %g: '%s' '%s' instead of '%s' '%s'", row[i].mean, row[i].half, c.value, c.note,
                     row[i].value, row[i].note);
        }
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        double s;
        const char *text;
    } row[] = {{0, "0 ms"},    {0.0659, "65.9 ms"}, {1, "1.00 s"},    {31.24, "31.2 s"},
               {119, "119 s"}, {924.6, "15.4 min"}, {7875, "2.19 h"}, {360000, "100 h"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_string_equal(np_cell_seconds(row[i].s).value, row[i].text);
}

static void formats(void **state)
{
    (void)state;
    np_format f;
    assert_true(np_format_named("jsonl", &f) && f == NP_FORMAT_JSONL);
    assert_false(np_format_named("yaml", &f));
    assert_true(np_format_of_file("a.b/c.json", &f) && f == NP_FORMAT_JSON);
    assert_true(np_format_of_file("x.md", &f) && f == NP_FORMAT_MARKDOWN);
    assert_false(np_format_of_file("dir.csv/file", &f));
    assert_false(np_format_of_file("file", &f));
    assert_false(np_format_of_file("file.CSVX", &f));
}

/* Names of points on a line, and of two equal points, cover neither each other nor a point. */
static void labels_keep_apart(void **state)
{
    (void)state;
    np_label l[6] = {{100, 50, 50, 50, 90, 0, 0, false},     {100, 50, 50, 50, 120, 0, 0, false},
                     {190, 50, 30, 70, 100, 0, 0, false},    {400, 200, 190, 210, 100, 0, 0, false},
                     {590, 200, 190, 210, 100, 0, 0, false}, {105, 52, 40, 60, 80, 0, 0, false}};
    const double line = 19;
    np_labels_place(l, 6, 6, 600, 275, line);
    for (int i = 0; i < 6; i++) {
        assert_true(l[i].at_x >= 0 && l[i].at_x + l[i].width <= 600);
        assert_true(l[i].at_y - line / 2 >= 0 && l[i].at_y + line / 2 <= 275);
        for (int k = 0; k < 6; k++) {
            bool across = l[i].at_x < l[k].x && l[k].x < l[i].at_x + l[i].width;
            assert_false(across && fabs(l[i].at_y - l[k].y) < line / 2);
            if (k >= i) continue;
            bool wide = l[i].at_x < l[k].at_x + l[k].width && l[k].at_x < l[i].at_x + l[i].width;
            assert_false(wide && fabs(l[i].at_y - l[k].at_y) < line);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_document),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(csv_rows),
        cmocka_unit_test(tables_keep_their_width),
        cmocka_unit_test(markdown_rows_are_even),
        cmocka_unit_test(no_locale),
        cmocka_unit_test(numbers),
        cmocka_unit_test(durations),
        cmocka_unit_test(formats),
        cmocka_unit_test(labels_keep_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
