/*
 * Quantities and distributions: what is read, what is refused, and that what is written reads back the same.
 */
#include "../../sim/scenario/distribution.h"

#include "bench.h"

#include <locale.h>
#include <math.h>

static void test_read(void **state)
{
    static const struct {
        np_measure unit;
        const char *text;
        double value; /* negative: refused */
    } rows[] = {
        {NP_UNIT_NUMBER, "1.5", 1.5},     {NP_UNIT_NUMBER, "1e-3", 0.001},
        {NP_UNIT_NUMBER, "2E+2", 200},    {NP_UNIT_NUMBER, "0", 0},
        {NP_UNIT_NUMBER, "007", 7},       {NP_UNIT_NUMBER, "5.", 5},
        {NP_UNIT_NUMBER, "", -1},         {NP_UNIT_NUMBER, ".5", -1},
        {NP_UNIT_NUMBER, "-1", -1},       {NP_UNIT_NUMBER, "+1", -1},
        {NP_UNIT_NUMBER, "inf", -1},      {NP_UNIT_NUMBER, "nan", -1},
        {NP_UNIT_NUMBER, "0x10", -1},     {NP_UNIT_NUMBER, "1e999", -1},
        {NP_UNIT_NUMBER, "1.2.3", -1},    {NP_UNIT_NUMBER, " 1", -1},
        {NP_UNIT_NUMBER, "1 ", -1},       {NP_UNIT_NUMBER, "1,5", -1},
        {NP_UNIT_COUNT, "200", 200},      {NP_UNIT_COUNT, "10k", 10000},
        {NP_UNIT_COUNT, "64Ki", 65536},   {NP_UNIT_COUNT, "1.5M", 1.5e6},
        {NP_UNIT_COUNT, "2G", 2e9},       {NP_UNIT_COUNT, "1Gi", 0x1p30},
        {NP_UNIT_COUNT, "10K", -1},       {NP_UNIT_COUNT, "10kB", -1},
        {NP_UNIT_COUNT, "k", -1},         {NP_UNIT_SIZE, "200", 200},
        {NP_UNIT_SIZE, "200B", 200},      {NP_UNIT_SIZE, "1.5MB", 1.5e6},
        {NP_UNIT_SIZE, "20kB", 20000},    {NP_UNIT_SIZE, "64KiB", 65536},
        {NP_UNIT_SIZE, "1TiB", 0x1p40},   {NP_UNIT_SIZE, "20KB", -1},
        {NP_UNIT_SIZE, "20b", -1},        {NP_UNIT_SIZE, "20 kB", -1},
        {NP_UNIT_RATE, "64kbit/s", 64e3}, {NP_UNIT_RATE, "10Mbit/s", 10e6},
        {NP_UNIT_RATE, "1MB/s", 8e6},     {NP_UNIT_RATE, "9600bit/s", 9600},
        {NP_UNIT_RATE, "64k", -1},        {NP_UNIT_RATE, "64kbps", -1},
        {NP_UNIT_POWER, "1.2W", 1.2},     {NP_UNIT_POWER, "124.4mW", 124.4 / 1000},
        {NP_UNIT_POWER, "5", -1},         {NP_UNIT_SHARE, "1%", 0.01},
        {NP_UNIT_SHARE, "0.01", 0.01},    {NP_UNIT_SHARE, "100%", 1},
        {NP_UNIT_SHARE, "0.1%", 0.001},   {NP_UNIT_SHARE, "1 %", -1},
        {NP_UNIT_SHARE, "%", -1},         {NP_UNIT_TIME, "1m30s", 90e9},
        {NP_UNIT_TIME, "250ms", 250e6},   {NP_UNIT_TIME, "2h4m", 7440e9},
        {NP_UNIT_TIME, "10", -1},         {NP_UNIT_TIME, "1s30m", -1},
        {NP_UNIT_TIME, "0", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        double value = -1;
        bool good = np_measure_parse(rows[i].unit, rows[i].text, &value);
        if (value != rows[i].value || good != (rows[i].value >= 0))
            fail_msg("\"%s\" was read as %g, not %g", rows[i].text, value, rows[i].value);
    }
}

static void test_write(void **state)
{
    static const struct {
        np_measure unit;
        double value;
        const char *text;
    } rows[] = {
        {NP_UNIT_COUNT, 65536, "64Ki"},    {NP_UNIT_COUNT, 10000, "10k"},
        {NP_UNIT_COUNT, 128000, "128k"},   {NP_UNIT_COUNT, 512, "512"},
        {NP_UNIT_SIZE, 1500000, "1500kB"}, {NP_UNIT_SIZE, 2e6, "2MB"},
        {NP_UNIT_SIZE, 65536, "64KiB"},    {NP_UNIT_SIZE, 0, "0B"},
        {NP_UNIT_RATE, 64000, "64kbit/s"}, {NP_UNIT_POWER, 124.4 / 1000, "124.4mW"},
        {NP_UNIT_POWER, 2, "2000mW"},      {NP_UNIT_SHARE, 0.01, "1%"},
        {NP_UNIT_SHARE, 0.07, "7%"},       {NP_UNIT_SHARE, 0.005, "0.5%"},
        {NP_UNIT_TIME, 90e9, "1m30s"},     {NP_UNIT_NUMBER, 0.1, "0.1"},
        {NP_UNIT_NUMBER, 1.366, "1.366"},
    };
    char buf[NP_MEASURE_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        assert_string_equal(np_measure_format(buf, sizeof buf, rows[i].unit, rows[i].value), rows[i].text);
}

static uint64_t next(uint64_t *x) /* splitmix64 */
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void test_any_value_returns(void **state)
{
    const char *said = getenv("NP_SEED");
    uint64_t seed = said ? strtoull(said, NULL, 0) : 1, x = seed;
    (void)state;
    print_message("NP_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < 100000; ++i) {
        np_measure unit = (np_measure)(next(&x) % 7);
        double value = ldexp((double)(next(&x) >> 11), -53) * pow(10, (double)(next(&x) % 16));
        if (next(&x) % 2) value = floor(value);
        if (unit == NP_UNIT_TIME) value = floor(value);
        char buf[NP_MEASURE_TEXT];
        double back = -1;
        np_measure_format(buf, sizeof buf, unit, value);
        if (!np_measure_parse(unit, buf, &back) || back != value)
            fail_msg("%.17g of unit %d became \"%s\" and %.17g", value, unit, buf, back);
    }
}

static void test_locale(void **state)
{
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    char *before = strdup(setlocale(LC_NUMERIC, NULL));
    bool found = false;
    double value = 0;
    char buf[NP_MEASURE_TEXT];
    (void)state;
    for (size_t i = 0; i < 4 && !found; ++i) found = setlocale(LC_NUMERIC, commas[i]) != NULL;
    np_locale l = np_locale_enter();
    assert_true(np_measure_parse(NP_UNIT_NUMBER, "1.5", &value));
    assert_float_equal(value, 1.5, 0);
    assert_string_equal(np_measure_format(buf, sizeof buf, NP_UNIT_NUMBER, 1.5), "1.5");
    np_locale_leave(l);
    setlocale(LC_NUMERIC, before);
    free(before);
    if (!found) print_message("no locale with a decimal comma here: only the \"C\" locale was tried\n");
}

/* ---- distributions ---- */

static void test_distributions(void **state)
{
    static const struct {
        np_measure unit;
        const char *text, *written; /* or, of refused ones, why */
        np_dist d;                  /* kind and numbers; .n 1: refused */
    } rows[] = {
        {NP_UNIT_TIME, "30s", "30s", {.kind = NP_DIST_CONSTANT, .a = 30e9}},
        {NP_UNIT_TIME, "exponential(5ms)", "exponential(5ms)", {.kind = NP_DIST_EXPONENTIAL, .a = 5e6}},
        {NP_UNIT_TIME, "exponential(mean=5ms)", "exponential(5ms)", {.kind = NP_DIST_EXPONENTIAL, .a = 5e6}},
        {NP_UNIT_TIME,
         "uniform(1s 2s)",
         "uniform(low=1s high=2s)",
         {.kind = NP_DIST_UNIFORM, .a = 1e9, .b = 2e9}},
        {NP_UNIT_TIME,
         "uniform(1s, 2s)",
         "uniform(low=1s high=2s)",
         {.kind = NP_DIST_UNIFORM, .a = 1e9, .b = 2e9}},
        {NP_UNIT_TIME,
         "uniform(high=2s 1s)",
         "uniform(low=1s high=2s)",
         {.kind = NP_DIST_UNIFORM, .a = 1e9, .b = 2e9}},
        {NP_UNIT_SIZE,
         "normal(1kB 200B)",
         "normal(mean=1kB sd=200B)",
         {.kind = NP_DIST_NORMAL, .a = 1000, .b = 200}},
        {NP_UNIT_TIME,
         "lognormal(median=2s sigma=1.2)",
         "lognormal(median=2s sigma=1.2)",
         {.kind = NP_DIST_LOGNORMAL, .a = 2e9, .b = 1.2}},
        {NP_UNIT_TIME,
         "weibull(1.46s 0.382)",
         "weibull(scale=1.46s shape=0.382)",
         {.kind = NP_DIST_WEIBULL, .a = 1.46e9, .b = 0.382}},
        {NP_UNIT_COUNT,
         "pareto(scale=2 shape=1.1 cap=53)",
         "pareto(scale=2 shape=1.1 cap=53)",
         {.kind = NP_DIST_PARETO, .a = 2, .b = 1.1, .cap = 53}},

        {NP_UNIT_TIME,
         "30",
         "\"30\" is neither a duration (such as 30s, 250ms or 2h4m) nor a distribution (such as "
         "exponential(...))",
         {.n = 1}},
        {NP_UNIT_TIME, "exponential(5ms", "\"exponential(5ms\" does not end with \")\"", {.n = 1}},
        {NP_UNIT_TIME, "exponential()", "too few arguments; expected exponential(mean)", {.n = 1}},
        {NP_UNIT_TIME, "exponential(1s 2s)", "too many arguments; expected exponential(mean)", {.n = 1}},
        {NP_UNIT_TIME, "exponential(mean=1s mean=2s)", "mean is given twice in exponential", {.n = 1}},
        {NP_UNIT_TIME, "exponential(0s)", "the mean of exponential must be above 0", {.n = 1}},
        {NP_UNIT_TIME, "exponential(1s cap=0s)", "a cap of 0 would leave nothing", {.n = 1}},
        {NP_UNIT_TIME, "exponential(5)", "\"5\" is not a duration (such as 30s, 250ms or 2h4m)", {.n = 1}},
        {NP_UNIT_TIME, "weibull(1s 0)", "the shape of weibull must be above 0", {.n = 1}},
        {NP_UNIT_TIME, "lognormal(2s 1s)", "\"1s\" is not a number (such as 1.5)", {.n = 1}},
        {NP_UNIT_TIME,
         "gamma(1s)",
         "there is no distribution \"gamma\"; known: uniform, exponential, normal, lognormal, weibull, "
         "pareto, empirical",
         {.n = 1}},
        {NP_UNIT_TIME, "empirical()", "empirical() needs a file or values", {.n = 1}},
        {NP_UNIT_TIME, "empirical(1s x)", "\"x\" is not a duration (such as 30s, 250ms or 2h4m)", {.n = 1}},
    };
    np_arena *arena = np_arena_create();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        np_dist d = {0};
        char why[800] = "";
        bool good = np_distribution_parse(rows[i].text, rows[i].unit, ".", arena, &d, why, sizeof why);
        if (rows[i].d.n) {
            assert_false(good);
            assert_string_equal(why, rows[i].written);
            continue;
        }
        if (!good) fail_msg("%s: %s", rows[i].text, why);
        assert_int_equal(d.kind, rows[i].d.kind);
        assert_true(d.a == rows[i].d.a && d.b == rows[i].d.b && d.cap == rows[i].d.cap);
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        np_distribution_write(out, rows[i].unit, &d);
        fclose(out);
        assert_string_equal(text, rows[i].written);
        free(text);
    }
    np_arena_destroy(arena);
}

static void test_empirical(void **state)
{
    static const struct {
        const char *content, *expected; /* as written, or why not */
    } rows[] = {
        {"3\n1\n2\n", "empirical(1s 2s 3s)"},
        {"gap,other\n250ms,x\n0.5,y\n", "empirical(250ms 500ms)"},
        {"# a comment\n\n1s\r\n", "empirical(1s)"},
        {"1\n2x\n", "\"f.csv\", line 2: \"2x\" is not a duration (such as 30s, 250ms or 2h4m)"},
        {"only words\n", "\"f.csv\" has no values: one a line is expected"},
        {"", "\"f.csv\" has no values: one a line is expected"},
        {"1\n\n-2\n", "\"f.csv\", line 3: \"-2\" is not a duration (such as 30s, 250ms or 2h4m)"},
    };
    np_arena *arena = np_arena_create();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        bench_put("f.csv", rows[i].content);
        np_dist d;
        char text[800] = "";
        if (np_distribution_parse("empirical(f.csv)", NP_UNIT_TIME, bench_dir, arena, &d, text,
                                  sizeof text)) {
            FILE *out = fmemopen(text, sizeof text, "w");
            np_distribution_write(out, NP_UNIT_TIME, &d);
            fclose(out);
        }
        assert_string_equal(text, rows[i].expected);
    }
    char why[800];
    np_dist d;
    bench_put_bytes("f.csv", "1\n\0 2\n", 6);
    assert_false(
        np_distribution_parse("empirical(f.csv)", NP_UNIT_TIME, bench_dir, arena, &d, why, sizeof why));
    assert_string_equal(why, "\"f.csv\" is no text file");
    np_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_any_value_returns),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_empirical),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
