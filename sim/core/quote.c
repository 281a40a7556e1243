/*
 * Foreign words in messages: shown safely, and guessed at.
 */
#include "natpulse/quote.h"
#include <stdio.h>
#include <string.h>

char *np_quote(char *buf, size_t size, const char *text)
{
    size_t used = 0, most = size - 6; /* room for ..." and the end */
    buf[used++] = '"';
    for (; *text != '\0' && used < most; ++text) {
        unsigned char c = (unsigned char)*text;
        buf[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (*text != '\0') {
        while (((unsigned char)buf[used - 1] & 0xc0) == 0x80) --used; /* not in the middle of a character */
        if ((unsigned char)buf[used - 1] >= 0xc0) --used;
        memcpy(buf + used, "...", 3);
        used += 3;
    }
    buf[used++] = '"';
    buf[used] = '\0';
    return buf;
}

/* ---- did you mean ---- */

#define LONGEST_NAME 40 /* a longer word is no slip of the finger */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edits (a letter more, less, other, or two swapped) from a to b; both at most LONGEST_NAME long. */
static int edits(const char *a, size_t n, const char *b, size_t m)
{
    int d[LONGEST_NAME + 1][LONGEST_NAME + 1];

    for (size_t i = 0; i <= n; ++i) d[i][0] = (int)i;
    for (size_t j = 0; j <= m; ++j) d[0][j] = (int)j;
    for (size_t i = 1; i <= n; ++i) {
        for (size_t j = 1; j <= m; ++j) {
            int best = least(d[i - 1][j], d[i][j - 1]) + 1;
            best = least(best, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *np_nearest(const char *text, const char *const *names)
{
    size_t n = strnlen(text, LONGEST_NAME + 1);
    const char *nearest = NULL;
    int distance =
        least(4, 1 + (int)(n + 1) / 3); /* one less is near enough: an edit in three letters, three at most */

    if (n > LONGEST_NAME) return NULL;
    for (; *names; ++names) {
        size_t m = strlen(*names);
        if (m > LONGEST_NAME) continue;
        int e = edits(text, n, *names, m);
        if (e < distance && (size_t)e < m) {
            distance = e;
            nearest = *names;
        }
    }
    return nearest;
}

char *np_hint(char *buf, size_t size, const char *text, const char *const *names)
{
    const char *near = np_nearest(text, names);
    if (near) {
        snprintf(buf, size, "; did you mean \"%s\"?", near);
        return buf;
    }
    size_t used = (size_t)snprintf(buf, size, "; known: ");
    for (const char *const *name = names; *name; ++name) {
        if (used + strlen(*name) + 8 > size) {
            snprintf(buf + used, size - used, "...");
            break;
        }
        used += (size_t)snprintf(buf + used, size - used, "%s%s", *name, name[1] ? ", " : "");
    }
    if (!*names) snprintf(buf + used, size - used, "none");
    return buf;
}
