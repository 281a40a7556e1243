/*
 * One table of the distributions and their parameters drives reading, its messages, and writing.
 */
#include "distribution.h"

#include "findings.h"
#include "tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef enum limit { ANY, POSITIVE, NOT_BELOW_FIRST } limit;

static const struct shape {
    const char *name;
    np_dist_kind kind;
    int params;
    struct param {
        const char *name;
        bool plain; /* a number; else a value of the quantity */
        limit limit;
    } param[2];
} shapes[] = {
    {"uniform", NP_DIST_UNIFORM, 2, {{"low", false, ANY}, {"high", false, NOT_BELOW_FIRST}}},
    {"exponential", NP_DIST_EXPONENTIAL, 1, {{"mean", false, POSITIVE}}},
    {"normal", NP_DIST_NORMAL, 2, {{"mean", false, ANY}, {"sd", false, ANY}}},
    {"lognormal", NP_DIST_LOGNORMAL, 2, {{"median", false, POSITIVE}, {"sigma", true, ANY}}},
    {"weibull", NP_DIST_WEIBULL, 2, {{"scale", false, POSITIVE}, {"shape", true, POSITIVE}}},
    {"pareto", NP_DIST_PARETO, 2, {{"scale", false, POSITIVE}, {"shape", true, POSITIVE}}},
    {"empirical", NP_DIST_EMPIRICAL, 0, {{NULL, false, ANY}}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const char *const shape_names[] = {"uniform", "exponential", "normal",    "lognormal",
                                          "weibull", "pareto",      "empirical", NULL};

/* What is being read. */
typedef struct reading {
    np_measure unit;
    const char *dir;
    np_arena *arena;
    char *why;
    size_t size;
} reading;

static bool refuse(const reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(const reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, r->size, format, args);
    va_end(args);
    return false;
}

/* ---- empirical ---- */

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static bool take_values(np_dist *out, double *value, uint32_t n)
{
    qsort(value, n, sizeof *value, by_value);
    out->value = value;
    out->n = n;
    return true;
}

/* A value of a file: with its unit, or a bare number of seconds, bytes, counts. */
static bool file_value(np_measure unit, const char *text, double *out)
{
    double number;
    if (np_measure_parse(unit, text, out)) return true;
    if (!np_measure_parse(NP_UNIT_NUMBER, text, &number)) return false;
    *out = unit == NP_UNIT_TIME ? (double)np_from_seconds(number) : number;
    return true;
}

static bool read_lines(const reading *r, const char *name, char *text, np_dist *out)
{
    uint32_t room = 1, n = 0, number = 0;
    for (const char *p = text; *p; ++p) room += *p == '\n';
    if (room > NP_EMPIRICAL_MOST) room = NP_EMPIRICAL_MOST;
    double *value = np_arena_alloc(r->arena, room * sizeof *value);
    if (!value) return refuse(r, "out of memory");

    char quoted[NP_QUOTED];
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        ++number;
        line += strspn(line, " \t\"");
        line[strcspn(line, ",; \t\r\"")] = '\0';
        if (*line == '\0' || *line == '#') continue;
        double v;
        if (!file_value(r->unit, line, &v)) {
            if (n == 0 && number == 1) continue; /* a heading */
            return refuse(r, "%s, line %u: %s is not %s", name, number, np_quote(quoted, sizeof quoted, line),
                          np_measure_expected(r->unit));
        }
        if (n == room) return refuse(r, "%s has more than %d values", name, NP_EMPIRICAL_MOST);
        value[n++] = v;
    }
    if (n == 0) return refuse(r, "%s has no values: one a line is expected", name);
    return take_values(out, value, n);
}

static bool read_file(const reading *r, const char *name, np_dist *out)
{
    char quoted[NP_QUOTED];
    np_quote(quoted, sizeof quoted, name);
    const char *path = name[0] == '/' ? name : np_arena_format(r->arena, "%s/%s", r->dir, name);
    if (!path) return refuse(r, "out of memory");
    const char *why;
    size_t bytes;
    char *text = np_file_read(path, NP_EMPIRICAL_BYTES, &bytes, &why);
    if (!text) return refuse(r, "cannot read %s: %s", quoted, why);
    bool good =
        strlen(text) == bytes ? read_lines(r, quoted, text, out) : refuse(r, "%s is no text file", quoted);
    free(text);
    return good;
}

/* ---- arguments ---- */

#define ARGUMENT_BYTES 128

static size_t skip(const char **p)
{
    *p += strspn(*p, " ,");
    return strcspn(*p, " ,");
}

static bool read_empirical(const reading *r, const char *args, np_dist *out)
{
    uint32_t n = 0, room = 0;
    const char *p = args;
    double first;
    char word[ARGUMENT_BYTES];

    for (size_t length; (length = skip(&p)) > 0; p += length) ++room;
    if (room == 0) return refuse(r, "empirical() needs a file or values");
    p = args;
    size_t length = skip(&p);
    if (length < sizeof word) {
        memcpy(word, p, length);
        word[length] = '\0';
    }
    bool is_file = length >= sizeof word || !np_measure_parse(r->unit, word, &first);
    if (room == 1 && is_file) {
        char *name = np_arena_format(r->arena, "%.*s", (int)length, p);
        return name ? read_file(r, name, out) : refuse(r, "out of memory");
    }
    if (room > NP_EMPIRICAL_MOST) return refuse(r, "more than %d values", NP_EMPIRICAL_MOST);
    double *value = np_arena_alloc(r->arena, room * sizeof *value);
    if (!value) return refuse(r, "out of memory");
    for (p = args; (length = skip(&p)) > 0; p += length) {
        char quoted[NP_QUOTED];
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), p);
        if (length >= sizeof word || !np_measure_parse(r->unit, word, &value[n]))
            return refuse(r, "%s is not %s", np_quote(quoted, sizeof quoted, word),
                          np_measure_expected(r->unit));
        ++n;
    }
    return take_values(out, value, n);
}

static void write_usage(const struct shape *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s(%s%s%s)", s->name, s->param[0].name, s->params > 1 ? " " : "",
             s->params > 1 ? s->param[1].name : "");
}

enum { CAP = 2, UNKNOWN = -1 }; /* beside 0 and 1, the numbers of the parameters */

static int parameter(const struct shape *s, const char *name)
{
    for (int i = 0; i < s->params; ++i)
        if (strcmp(name, s->param[i].name) == 0) return i;
    return strcmp(name, "cap") == 0 ? CAP : UNKNOWN;
}

/* One argument, `NAME=VALUE` or `VALUE`. Bit i of *given: parameter i (or the cap) is there already. */
static bool take_argument(const reading *r, const struct shape *s, char *word, np_dist *out, unsigned *given)
{
    char usage[64], quoted[NP_QUOTED];
    const char *value = word;
    int which = 0;

    write_usage(s, usage, sizeof usage);
    char *equals = strchr(word, '=');
    if (equals) {
        *equals = '\0';
        value = equals + 1;
        which = parameter(s, word);
        if (which == UNKNOWN)
            return refuse(r, "%s has no parameter %s; expected %s, and cap=VALUE", s->name,
                          np_quote(quoted, sizeof quoted, word), usage);
        if (*given & 1u << which) return refuse(r, "%s is given twice in %s", word, s->name);
    } else {
        while (which < s->params && (*given & 1u << which)) ++which;
        if (which == s->params) return refuse(r, "too many arguments; expected %s", usage);
    }
    *given |= 1u << which;

    np_measure unit = which != CAP && s->param[which].plain ? NP_UNIT_NUMBER : r->unit;
    double v;
    if (!np_measure_parse(unit, value, &v))
        return refuse(r, "%s is not %s", np_quote(quoted, sizeof quoted, value), np_measure_expected(unit));
    if (which == CAP && !(v > 0)) return refuse(r, "a cap of 0 would leave nothing");
    *(which == 0 ? &out->a : which == 1 ? &out->b : &out->cap) = v;
    return true;
}

static bool check_limits(const reading *r, const struct shape *s, const np_dist *d)
{
    for (int i = 0; i < s->params; ++i) {
        double v = i == 0 ? d->a : d->b;
        if (s->param[i].limit == POSITIVE && !(v > 0))
            return refuse(r, "the %s of %s must be above 0", s->param[i].name, s->name);
        if (s->param[i].limit == NOT_BELOW_FIRST && v < d->a)
            return refuse(r, "the %s of %s is below its %s", s->param[i].name, s->name, s->param[0].name);
    }
    return true;
}

static bool read_shape(const reading *r, const struct shape *s, const char *args, np_dist *out)
{
    char word[ARGUMENT_BYTES], usage[64], quoted[NP_QUOTED];
    unsigned given = 0;

    out->kind = s->kind;
    if (s->kind == NP_DIST_EMPIRICAL) return read_empirical(r, args, out);
    for (size_t length; (length = skip(&args)) > 0; args += length) {
        if (length >= sizeof word) return refuse(r, "%s is too long", np_quote(quoted, sizeof quoted, args));
        memcpy(word, args, length);
        word[length] = '\0';
        if (!take_argument(r, s, word, out, &given)) return false;
    }
    unsigned all = (1u << s->params) - 1;
    if ((given & all) != all) {
        write_usage(s, usage, sizeof usage);
        return refuse(r, "too few arguments; expected %s", usage);
    }
    return check_limits(r, s, out);
}

bool np_distribution_parse(const char *text, np_measure unit, const char *dir, np_arena *arena, np_dist *out,
                           char *why, size_t size)
{
    reading r = {unit, dir, arena, why, size};
    char quoted[NP_QUOTED], hint[NP_HINT];
    np_dist d = {.kind = NP_DIST_CONSTANT};

    const char *open = strchr(text, '(');
    if (!open) {
        if (!np_measure_parse(unit, text, &d.a))
            return refuse(&r, "%s is neither %s nor a distribution (such as exponential(...))",
                          np_quote(quoted, sizeof quoted, text), np_measure_expected(unit));
        *out = d;
        return true;
    }
    size_t length = strlen(open);
    if (open[length - 1] != ')')
        return refuse(&r, "%s does not end with \")\"", np_quote(quoted, sizeof quoted, text));

    char *name = np_arena_format(arena, "%.*s", (int)(open - text), text);
    char *args = np_arena_format(arena, "%.*s", (int)(length - 2), open + 1);
    if (!name || !args) return refuse(&r, "out of memory");
    for (int i = 0; i < SHAPES; ++i) {
        if (strcmp(shapes[i].name, name) != 0) continue;
        if (!read_shape(&r, &shapes[i], args, &d)) return false;
        *out = d;
        return true;
    }
    return refuse(&r, "there is no distribution %s%s", np_quote(quoted, sizeof quoted, name),
                  np_hint(hint, sizeof hint, name, shape_names));
}

void np_distribution_write(FILE *out, np_measure unit, const np_dist *d)
{
    char buf[NP_MEASURE_TEXT];
    if (d->kind == NP_DIST_CONSTANT) {
        fputs(np_measure_format(buf, sizeof buf, unit, d->a), out);
        return;
    }
    const struct shape *s = shapes;
    while (s->kind != d->kind) ++s;
    fprintf(out, "%s(", s->name);
    for (uint32_t i = 0; i < d->n; ++i)
        fprintf(out, "%s%s", i ? " " : "", np_measure_format(buf, sizeof buf, unit, d->value[i]));
    for (int i = 0; i < s->params; ++i) {
        np_measure u = s->param[i].plain ? NP_UNIT_NUMBER : unit;
        if (i > 0) putc(' ', out);
        if (s->params > 1) fprintf(out, "%s=", s->param[i].name);
        fputs(np_measure_format(buf, sizeof buf, u, i == 0 ? d->a : d->b), out);
    }
    if (d->cap > 0) fprintf(out, " cap=%s", np_measure_format(buf, sizeof buf, unit, d->cap));
    putc(')', out);
}
