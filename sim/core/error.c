/*
 * Errors as values. A text is one printable line whatever the names and bytes in it were: control
 * characters become '?', and a text that is too long ends at a whole UTF-8 character.
 */
#include "natpulse/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Length of s without a UTF-8 character that was cut at its end. */
static size_t whole_characters(const char *s, size_t n)
{
    size_t start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80) --start;
    if (start == 0) return n;
    unsigned char lead = (unsigned char)s[start - 1];
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return n - start + 1 < need ? start - 1 : n;
}

bool np_fail(np_error *e, np_trouble kind, const char *format, ...)
{
    if (!e) return false;
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);

    e->kind = kind;
    if (wanted < 0) e->text[0] = '\0';
    if (wanted >= (int)sizeof e->text) e->text[whole_characters(e->text, sizeof e->text - 1)] = '\0';
    for (char *c = e->text; *c; ++c) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    }
    return false;
}

bool np_fail_memory(np_error *e, const char *what)
{
    return np_fail(e, NP_TROUBLE_RUN, "out of memory for %s", what);
}
