/*
 * The formats by name, and the dispatch to their writers.
 */
#include "natpulse/report.h"
#include "advice.h"
#include "writers.h"
#include <errno.h>
#include <locale.h>
#include <string.h>

static const struct {
    const char *name, *extension;
    np_format format;
} formats[] = {
    {"table", ".txt", NP_FORMAT_TABLE},   {"json", ".json", NP_FORMAT_JSON},
    {"jsonl", ".jsonl", NP_FORMAT_JSONL}, {"csv", ".csv", NP_FORMAT_CSV},
    {"md", ".md", NP_FORMAT_MARKDOWN},
};
#define FORMATS (sizeof formats / sizeof *formats)

bool np_format_named(const char *name, np_format *out)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (strcmp(name, formats[i].name) != 0) continue;
        *out = formats[i].format;
        return true;
    }
    return false;
}

bool np_format_of_file(const char *path, np_format *out)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < FORMATS; i++) {
        if (strcmp(dot, formats[i].extension) != 0) continue;
        *out = formats[i].format;
        return true;
    }
    return false;
}

static bool write_as(const np_study *s, np_format f, np_style style, FILE *out)
{
    switch (f) {
    case NP_FORMAT_JSON: return np_write_json(s, out);
    case NP_FORMAT_JSONL: return np_write_jsonl(s, out);
    case NP_FORMAT_CSV: return np_write_csv(s, out);
    case NP_FORMAT_MARKDOWN: return np_write_markdown(s, out);
    case NP_FORMAT_TABLE: break;
    }
    return np_write_table(s, style, out);
}

/* A program that sets a locale must still get a point in its numbers. */
typedef struct plain_numbers {
    locale_t plain, before;
} plain_numbers;

static plain_numbers begin_numbers(void)
{
    plain_numbers n = {newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), (locale_t)0};
    if (n.plain) n.before = uselocale(n.plain);
    return n;
}

static bool end_numbers(plain_numbers n, bool ok, FILE *out, np_error *e)
{
    if (n.plain) {
        uselocale(n.before);
        freelocale(n.plain);
    }
    if (!ok) return np_fail_memory(e, "the report");
    if (fflush(out) != 0 && errno != EPIPE)
        return np_fail(e, NP_TROUBLE_RUN, "writing the result failed: %s", strerror(errno));
    return true;
}

bool np_report_study(const np_study *s, np_format f, np_style style, FILE *out, np_error *e)
{
    plain_numbers n = begin_numbers();
    return end_numbers(n, write_as(s, f, style, out), out, e);
}

static bool write_advice_as(const np_advice *a, np_format f, np_style style, FILE *out)
{
    switch (f) {
    case NP_FORMAT_JSON: return np_write_advice_json(a, out);
    case NP_FORMAT_CSV: return np_write_advice_csv(a, out);
    case NP_FORMAT_MARKDOWN: return np_write_advice_markdown(a, out);
    default: return np_write_advice_table(a, style, out);
    }
}

bool np_report_advice(const np_advice *a, np_format f, np_style style, FILE *out, np_error *e)
{
    plain_numbers n = begin_numbers();
    return end_numbers(n, write_advice_as(a, f, style, out), out, e);
}

bool np_report_lines_begin(const np_scenario *s, FILE *out, np_error *e)
{
    plain_numbers n = begin_numbers();
    return end_numbers(n, np_write_jsonl_begin(s, NP_VERSION, out), out, e);
}

bool np_report_line(const np_finished *f, FILE *out, np_error *e)
{
    plain_numbers n = begin_numbers();
    return end_numbers(n, np_write_jsonl_run(f, out), out, e);
}

bool np_report_lines_end(const np_study *s, FILE *out, np_error *e)
{
    plain_numbers n = begin_numbers();
    return end_numbers(n, np_write_jsonl_end(s, out), out, e);
}
