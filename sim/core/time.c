/*
 * Durations as text. Everything is integer arithmetic: no locale and no rounding but the one stated.
 */
#include "natpulse/time.h"

#include <stdio.h>
#include <string.h>

/* Units in the order in which they may follow each other. */
static const struct unit {
    char name[3];
    np_time ns;
} units[] = {
    {"d", NP_DAY},          {"h", NP_HOUR},         {"m", NP_MINUTE}, {"s", NP_SECOND},
    {"ms", NP_MILLISECOND}, {"us", NP_MICROSECOND}, {"ns", 1},
};
enum { UNITS = sizeof units / sizeof *units, SECONDS = 3 };

/* Decimals beyond this many are below a ten-thousandth of a nanosecond even of a day. */
#define MAX_DECIMALS 18

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "WHOLE[.FRACTION]UNIT" where `rest` in [0, unit) nanoseconds is the fraction. Returns the characters
 * wanted. */
static int print_decimal(char *buf, size_t size, uint64_t whole, uint64_t rest, const struct unit *u)
{
    char fraction[24] = "";
    if (rest > 0) {
        int digits = 0;
        for (np_time ns = u->ns; ns > 1; ns /= 10) ++digits;
        int n = snprintf(fraction, sizeof fraction, ".%0*llu", digits, (unsigned long long)rest);
        while (fraction[n - 1] == '0') fraction[--n] = '\0';
    }
    return snprintf(buf, size, "%llu%s%s", (unsigned long long)whole, fraction, u->name);
}

char *np_time_format(char *buf, size_t size, np_time t)
{
    char text[48];
    size_t n = 0;
    uint64_t left = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;

    if (t < 0) text[n++] = '-';
    for (int i = 0; i < SECONDS; ++i) {
        uint64_t count = left / (uint64_t)units[i].ns;
        left %= (uint64_t)units[i].ns;
        if (count > 0) n += (size_t)print_decimal(text + n, sizeof text - n, count, 0, &units[i]);
    }
    if (left > 0 || t == 0) {
        /* From a second up the rest is decimals of seconds; below, of the largest unit that fits. */
        int i = SECONDS;
        bool alone = n == (t < 0);
        while (alone && i < UNITS - 1 && left > 0 && left < (uint64_t)units[i].ns) ++i;
        uint64_t ns = (uint64_t)units[i].ns;
        n += (size_t)print_decimal(text + n, sizeof text - n, left / ns, left % ns, &units[i]);
    }
    text[n] = '\0';
    snprintf(buf, size, "%s", text);
    return buf;
}

/* The unit that begins at *p, of those from `from` on; moves *p behind it. UNITS when there is none. */
static int read_unit(const char **p, int from)
{
    size_t length = 0;
    while ((*p)[length] >= 'a' && (*p)[length] <= 'z') ++length;
    for (int i = from; i < UNITS; ++i) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, *p, length) == 0) {
            *p += length;
            return i;
        }
    }
    return UNITS;
}

bool np_time_parse(const char *text, np_time *out)
{
    const char *p = text;
    int next_unit = 0;
    uint64_t total = 0; /* never above NP_NEVER */

    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    do {
        uint64_t whole = 0, fraction = 0, scale = 1;
        int decimals = 0;

        if (!is_digit(*p)) return false;
        for (; is_digit(*p); ++p) {
            whole = whole * 10 + (uint64_t)(*p - '0');
            if (whole > (uint64_t)NP_NEVER) return false;
        }
        if (*p == '.') {
            if (!is_digit(*++p)) return false;
            for (; is_digit(*p); ++p) {
                if (decimals == MAX_DECIMALS) continue;
                fraction = fraction * 10 + (uint64_t)(*p - '0');
                scale *= 10;
                ++decimals;
            }
        }
        int unit = read_unit(&p, next_unit);
        if (unit == UNITS) return false;
        next_unit = unit + 1;

        uint64_t ns = (uint64_t)units[unit].ns;
        unsigned __int128 value = (unsigned __int128)whole * ns;
        value += ((unsigned __int128)fraction * ns + scale / 2) / scale;
        if (value >= (unsigned __int128)NP_NEVER - total) return false;
        total += (uint64_t)value;
    } while (*p != '\0');
    *out = (np_time)total;
    return true;
}
