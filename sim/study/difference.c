/*
 * The first line in which two canonical scenarios differ, and the path of its key.
 *
 * The text is YAML as np_scenario_canon writes it: a key a line, two blanks of indentation a level, `- name:
 * X` for the entries of lists. So a line's path is its own key and, going up, the key of each line that is
 * indented less.
 */
#include "difference.h"
#include <stdio.h>
#include <string.h>

#define PARTS 8 /* levels of a path that are named */

typedef struct line {
    const char *text;
    int length;
} line;

static line line_at(const char *text)
{
    return (line){text, (int)strcspn(text, "\n")};
}

static bool same(line a, line b)
{
    return a.length == b.length && memcmp(a.text, b.text, (size_t)a.length) == 0;
}

/* An entry of a list belongs below its key though it is not indented more: count its dash. */
static int indent_of(line l)
{
    int n = 0;
    while (n < l.length && l.text[n] == ' ') n++;
    return n < l.length && l.text[n] == '-' ? n + 1 : n;
}

/* What the line adds to a path: its key, or the name of the entry that it begins. */
static line key_of(line l)
{
    static const char name[] = "- name: ";
    int from = 0;
    while (from < l.length && l.text[from] == ' ') from++;
    int named = (int)sizeof name - 1;
    if (l.length - from > named && memcmp(l.text + from, name, (size_t)named) == 0)
        return (line){l.text + from + named, l.length - from - named};
    if (from + 1 < l.length && l.text[from] == '-') from += 2;
    int to = from;
    while (to < l.length && l.text[to] != ':') to++;
    return (line){l.text + from, to - from};
}

static line value_of(line l)
{
    int from = 0;
    while (from < l.length && l.text[from] != ':') from++;
    while (from < l.length && (l.text[from] == ':' || l.text[from] == ' ')) from++;
    return (line){l.text + from, l.length - from};
}

/* The path of the line at `at`, which begins a line of `text`. */
static void write_path(const char *text, const char *at, char *out, size_t size)
{
    line part[PARTS];
    int parts = 0, indent = indent_of(line_at(at));
    part[parts++] = key_of(line_at(at));
    for (const char *c = at; c > text && parts < PARTS && indent > 0;) {
        do c--;
        while (c > text && c[-1] != '\n');
        line l = line_at(c);
        if (indent_of(l) >= indent) continue;
        indent = indent_of(l);
        part[parts++] = key_of(l);
    }
    size_t used = 0;
    out[0] = '\0';
    while (parts-- > 0 && used + 1 < size) {
        int n = snprintf(out + used, size - used, "%.*s%s", part[parts].length, part[parts].text,
                         parts ? "." : "");
        used += (size_t)n;
    }
}

static void clean(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) *text = '?';
    }
}

bool np_difference(const char *before, const char *now, char *what)
{
    const char *a = before, *b = now;
    while (*a && *b && same(line_at(a), line_at(b))) {
        a += line_at(a).length + (a[line_at(a).length] == '\n');
        b += line_at(b).length + (b[line_at(b).length] == '\n');
    }
    if (!*a && !*b) return false;
    char path[160], other[160];
    line x = line_at(a), y = line_at(b);
    if (*a) write_path(before, a, path, sizeof path);
    if (*b) write_path(now, b, *a ? other : path, sizeof path);
    if (*a && *b && strcmp(path, other) == 0) {
        x = value_of(x);
        y = value_of(y);
        snprintf(what, NP_DIFFERENCE, "%s was %.*s and is %.*s", path, x.length < 100 ? x.length : 100,
                 x.text, y.length < 100 ? y.length : 100, y.text);
    } else if (*a && *b) {
        snprintf(what, NP_DIFFERENCE, "it had %s where %s is now", path, other);
    } else {
        snprintf(what, NP_DIFFERENCE, *a ? "it had %s, which is gone" : "%s has been added", path);
    }
    clean(what);
    return true;
}
