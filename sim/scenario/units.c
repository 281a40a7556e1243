/*
 * One table says which endings a quantity may have; one pair of functions reads and writes them all.
 */
#include "units.h"

#include "natpulse/time.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct prefix {
    const char *text;
    double factor;
} prefixes[] = {
    {"Ti", 0x1p40}, {"Gi", 0x1p30}, {"Mi", 0x1p20}, {"Ki", 0x1p10}, {"T", 1e12},
    {"G", 1e9},     {"M", 1e6},     {"k", 1e3},     {"", 1},
};
enum { PREFIXES = sizeof prefixes / sizeof *prefixes };

#define ENDINGS 2

static const struct quantity {
    const char *expected;
    bool prefixed;
    struct ending {
        const char *text; /* NULL: no further one */
        double factor;    /* negative: a divisor, so that 1% is exactly 1/100 */
    } ending[ENDINGS];    /* the first is the one written */
} quantities[] = {
    [NP_UNIT_NUMBER] = {"a number (such as 1.5)", false, {{"", 1}}},
    [NP_UNIT_COUNT] = {"a count (such as 200, 10k or 64Ki)", true, {{"", 1}}},
    [NP_UNIT_SIZE] = {"a size (such as 200B, 1.5MB or 64KiB)", true, {{"B", 1}, {"", 1}}},
    [NP_UNIT_RATE] = {"a rate (such as 64kbit/s, 10Mbit/s or 1MB/s)", true, {{"bit/s", 1}, {"B/s", 8}}},
    [NP_UNIT_SHARE] = {"a share (such as 1% or 0.01)", false, {{"%", -100}, {"", 1}}},
    [NP_UNIT_POWER] = {"a power (such as 1.2W or 60mW)", false, {{"W", 1}, {"mW", -1000}}},
    [NP_UNIT_TIME] = {"a duration (such as 30s, 250ms or 2h4m)", false, {{NULL, 0}}},
};

const char *np_measure_expected(np_measure unit)
{
    return quantities[unit].expected;
}

/* A decimal number at the beginning of the text; *end behind it. strtod alone would take "inf", "0x1p3",
 * "-1". */
static bool read_number(const char *text, const char **end, double *out)
{
    size_t length = strspn(text, "0123456789.");
    if (length == 0 || text[0] == '.') return false;
    size_t exponent = length;
    if (text[exponent] == 'e' || text[exponent] == 'E') {
        exponent += text[exponent + 1] == '-' || text[exponent + 1] == '+' ? 2 : 1;
        size_t digits = strspn(text + exponent, "0123456789");
        if (digits > 0) length = exponent + digits;
    }
    char *stop;
    *out = strtod(text, &stop);
    *end = stop;
    return stop == text + length && isfinite(*out);
}

static bool read_ending(const struct quantity *q, const char *text, double *factor)
{
    for (int p = q->prefixed ? 0 : PREFIXES - 1; p < PREFIXES; ++p) {
        size_t length = strlen(prefixes[p].text);
        if (strncmp(text, prefixes[p].text, length) != 0) continue;
        for (int i = 0; i < ENDINGS && q->ending[i].text; ++i) {
            if (strcmp(text + length, q->ending[i].text) != 0) continue;
            *factor = q->ending[i].factor * prefixes[p].factor;
            return true;
        }
    }
    return false;
}

bool np_measure_parse(np_measure unit, const char *text, double *out)
{
    if (unit == NP_UNIT_TIME) {
        np_time t;
        if (!np_time_parse(text, &t)) return false;
        *out = (double)t;
        return true;
    }
    const char *end;
    double number, factor;
    if (!read_number(text, &end, &number) || !read_ending(&quantities[unit], end, &factor)) return false;
    double value = factor > 0 ? number * factor : number / -factor;
    if (!isfinite(value)) return false;
    *out = value;
    return true;
}

/* The shortest decimal text that strtod reads back to the same double. */
static void print_number(char *buf, size_t size, double value)
{
    for (int digits = 6; digits <= 17; ++digits) {
        snprintf(buf, size, "%.*g", digits, value);
        if (strtod(buf, NULL) == value) return;
    }
}

char *np_measure_format(char *buf, size_t size, np_measure unit, double value)
{
    char number[32];
    double back;

    if (unit == NP_UNIT_TIME) return np_time_format(buf, size, (np_time)value);
    const struct quantity *q = &quantities[unit];
    if (q->prefixed) {
        for (int p = 0; p < PREFIXES; ++p) {
            double scaled = value / prefixes[p].factor;
            bool binary = prefixes[p].text[0] != '\0' && prefixes[p].text[1] == 'i';
            if (scaled < 1 || (scaled != floor(scaled) && p < PREFIXES - 1)) continue;
            if (binary && fmod(value, 1000) == 0) continue; /* 1MB, not 976.5625KiB; 64KiB, not 65.536kB */
            print_number(number, sizeof number, scaled);
            snprintf(buf, size, "%s%s%s", number, prefixes[p].text, q->ending[0].text);
            if (np_measure_parse(unit, buf, &back) && back == value) return buf;
        }
    } else if (unit == NP_UNIT_SHARE) {
        snprintf(buf, size, "%.15g%%", value * 100);
        if (np_measure_parse(unit, buf, &back) && back == value) return buf;
    } else if (unit == NP_UNIT_POWER) {
        snprintf(buf, size, "%.15gmW", value * 1000);
        if (np_measure_parse(unit, buf, &back) && back == value) return buf;
    }
    print_number(number, sizeof number, value);
    snprintf(buf, size, "%s%s", number, unit == NP_UNIT_SHARE ? "" : q->ending[0].text);
    return buf;
}

np_locale np_locale_enter(void)
{
    np_locale l = {0};
    l.c = (void *)newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (l.c) l.before = (void *)uselocale((locale_t)l.c);
    return l;
}

void np_locale_leave(np_locale l)
{
    if (!l.c) return;
    uselocale((locale_t)l.before);
    freelocale((locale_t)l.c);
}
