/*
 * A folder to put scenarios and profiles into, and what came of loading one, as text.
 */
#ifndef NATPULSE_TEST_BENCH_H
#define NATPULSE_TEST_BENCH_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "natpulse/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char bench_dir[256];

static inline int bench_open(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(bench_dir, sizeof bench_dir, "%s/natpulse-test-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(bench_dir) ? 0 : -1;
}

static inline int bench_close(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", bench_dir);
    return system(command);
}

/* The path of a file in the folder; one place, overwritten by the next call. */
static inline const char *bench_path(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", bench_dir, name);
    return path;
}

static inline void bench_put_bytes(const char *name, const char *bytes, size_t n)
{
    char *path = strdup(bench_path(name));
    for (char *slash = path + strlen(bench_dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static inline void bench_put(const char *name, const char *text)
{
    bench_put_bytes(name, text, strlen(text));
}

/* All findings, `FILE:LINE:COLUMN: TEXT` a line, file names without the folder; "ok" when there is none.
 * free() it. */
static inline char *bench_findings(const char *name, const np_override *set, uint32_t sets)
{
    np_findings findings;
    np_error e = {0};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    np_scenario *s = np_scenario_load(bench_path(name), set, sets, &findings, &e);
    if (s) fputs("ok", out);
    if (!s) assert_int_not_equal(e.kind, NP_TROUBLE_NONE);
    for (uint32_t i = 0; i < findings.n; ++i) {
        const np_finding *f = &findings.finding[i];
        size_t skip = strncmp(f->file, bench_dir, strlen(bench_dir)) == 0 ? strlen(bench_dir) + 1 : 0;
        fprintf(out, "%s%s:%d:%d: %s", i ? "\n" : "", f->file + skip, f->line, f->column, f->text);
    }
    fclose(out);
    np_scenario_destroy(s);
    np_findings_clear(&findings);
    return text;
}

/* A scenario that must load. */
static inline np_scenario *bench_load(const char *name, const np_override *set, uint32_t sets)
{
    np_findings findings;
    np_error e = {0};
    np_scenario *s = np_scenario_load(bench_path(name), set, sets, &findings, &e);
    if (!s) {
        np_findings_print(&findings, stderr);
        np_findings_clear(&findings);
        fail_msg("%s", e.text);
    }
    return s;
}

static inline char *bench_show(const np_scenario *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_true(np_scenario_show(s, out));
    fclose(out);
    return text;
}

#define MINIMAL                                                                                              \
    "clients:\n"                                                                                             \
    "  - {name: a, count: 1, workload: push}\n"                                                              \
    "strategies:\n"                                                                                          \
    "  - {name: s}\n"

#endif
