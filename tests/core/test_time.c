/*
 * Durations as text: tables of what is read and written, and the round trip on random values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/random.h"
#include "natpulse/time.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

static void reads(void **state)
{
    static const struct {
        const char *text;
        np_time want;
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"0.0ns", 0},
        {"1ns", 1},
        {"1us", NP_MICROSECOND},
        {"1ms", NP_MILLISECOND},
        {"1s", NP_SECOND},
        {"1m", NP_MINUTE},
        {"1h", NP_HOUR},
        {"1d", NP_DAY},
        {"2h4m", 2 * NP_HOUR + 4 * NP_MINUTE},
        {"1m30s", 90 * NP_SECOND},
        {"1d2h3m4s5ms6us7ns", NP_DAY + 2 * NP_HOUR + 3 * NP_MINUTE + 4 * NP_SECOND + 5006007},
        {"1d1ns", NP_DAY + 1},
        {"1.5h", 90 * NP_MINUTE},
        {"1.5h30m", 2 * NP_HOUR},
        {"0.1d", 8640 * NP_SECOND},
        {"250ms", 250 * NP_MILLISECOND},
        {"1.5us", 1500},
        {"90s", 90 * NP_SECOND},
        {"0.000000001s", 1},
        {"0.0000000005s", 1}, /* half a nanosecond rounds up */
        {"0.00000000049s", 0},
        {"0.3333333333333333333333333333s", 333333333},
        {"0.1234567891s", 123456789},
        {"007s", 7 * NP_SECOND},
        {"9223372036s", 9223372036 * NP_SECOND},
        {"9223372036854775806ns", NP_NEVER - 1},
        {"106751d23h47m16.854775806s", NP_NEVER - 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        np_time t = -1;
        if (!np_time_parse(cases[i].text, &t)) fail_msg("'%s' was refused", cases[i].text);
        if (t != cases[i].want) {
            fail_msg("'%s' is %lld, want %lld", cases[i].text, (long long)t, (long long)cases[i].want);
        }
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "1",
        "00",
        "0.0",
        "10 s",
        " 1s",
        "1s ",
        "-1s",
        "+1s",
        ".5s",
        "1.s",
        "s",
        "1x",
        "1sec",
        "1S",
        "1min",
        "1e3s",
        "0x1s",
        "1,5s",
        "1.5.5s",
        "1s1s",
        "1s1m",
        "1ms1s",
        "1h30",
        "inf",
        "nan",
        "1hs",
        "1µs",
        "1s\n",
        "--1s",
        "1m.5s",
        "١s",
        "9223372036854775807ns", /* NP_NEVER itself is no duration */
        "9223372036854775808ns",
        "9223372037s",
        "106752d",
        "99999999999999999999999999999d",
        "106751d24h",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        np_time t = 42;
        if (np_time_parse(cases[i], &t)) fail_msg("'%s' was read as %lld", cases[i], (long long)t);
        assert_int_equal(t, 42);
    }
}

static void writes(void **state)
{
    static const struct {
        np_time t;
        const char *want;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {999, "999ns"},
        {1000, "1us"},
        {1500, "1.5us"},
        {1000001, "1.000001ms"},
        {250 * NP_MILLISECOND, "250ms"},
        {NP_SECOND, "1s"},
        {NP_SECOND + 1, "1.000000001s"},
        {90 * NP_SECOND, "1m30s"},
        {NP_MINUTE + 500 * NP_MILLISECOND, "1m0.5s"},
        {2 * NP_HOUR + 4 * NP_MINUTE, "2h4m"},
        {36 * NP_HOUR, "1d12h"},
        {NP_HOUR + 1, "1h0.000000001s"},
        {NP_NEVER - 1, "106751d23h47m16.854775806s"},
        {-1500, "-1.5us"},
        {INT64_MIN, "-106751d23h47m16.854775808s"},
    };
    char buf[40];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_ptr_equal(np_time_format(buf, sizeof buf, cases[i].t), buf);
        assert_string_equal(buf, cases[i].want);
    }
    np_time_format(buf, 4, 90 * NP_SECOND);
    assert_string_equal(buf, "1m3");
}

static void round_trip(void **state)
{
    static const np_time unit[] = {1, NP_MICROSECOND, NP_MILLISECOND, NP_SECOND, NP_MINUTE, NP_HOUR, NP_DAY};
    np_stream s = np_stream_make(np_key_make(seed, 0), 0, 1);
    (void)state;
    for (int i = 0; i < 300000; ++i) {
        uint64_t r = np_stream_next(&s);
        np_time t = (np_time)(np_stream_next(&s) >> (1 + r % 63));
        np_time u = unit[(r >> 8) % 7];
        if (r >> 16 & 1) t = t / u * u; /* whole units are what people write */
        if (t == NP_NEVER) continue;

        char buf[40];
        np_time back = -1;
        np_time_format(buf, sizeof buf, t);
        assert_true(strlen(buf) < sizeof buf - 1);
        if (!np_time_parse(buf, &back) || back != t) {
            fail_msg("%lld was written '%s' and read back as %lld", (long long)t, buf, (long long)back);
        }
    }
}

/* Where a locale with a decimal comma is installed, it must not matter. */
static void ignores_locale(void **state)
{
    static const char *const comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "pl_PL.UTF-8", "de_DE"};
    bool found = false;
    (void)state;
    for (size_t i = 0; i < 4 && !found; ++i) found = setlocale(LC_ALL, comma[i]) != NULL;
    char buf[40];
    np_time t;
    assert_true(np_time_parse("1.5s", &t));
    assert_int_equal(t, 1500 * NP_MILLISECOND);
    assert_string_equal(np_time_format(buf, sizeof buf, t), "1.5s");
    setlocale(LC_ALL, "C");
    if (!found) printf("no locale with a decimal comma is installed here\n");
}

static void seconds(void **state)
{
    (void)state;
    assert_int_equal(np_from_seconds(1.5), 1500 * NP_MILLISECOND);
    assert_int_equal(np_from_seconds(0.4e-9), 0);
    assert_int_equal(np_from_seconds(0.6e-9), 1);
    assert_int_equal(np_from_seconds(-1), 0);
    assert_int_equal(np_from_seconds(0.0 / 0.0), 0);
    assert_int_equal(np_from_seconds(1e300), NP_NEVER - 1);
    assert_true(np_seconds(1500 * NP_MILLISECOND) == 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),      cmocka_unit_test(refuses),        cmocka_unit_test(writes),
        cmocka_unit_test(round_trip), cmocka_unit_test(ignores_locale), cmocka_unit_test(seconds),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
