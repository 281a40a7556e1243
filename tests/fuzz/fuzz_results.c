/*
 * Fuzzing of results: any bytes, taken for each kind of file that results come in (by the first byte), are
 * refused with a reason on one line, or make a page, twice the same. Databases are also asked for their
 * state, dumped and shown.
 */
#include "natpulse/report.h"
#include "natpulse/results_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/natpulse-fuzz-XXXXXX";

static const char *const suffix[] = {"json", "csv", "db", "db-journal", "db-wal", "db-shm"};

static const char *path_of(int i)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/f.%s", directory, suffix[i]);
    return path;
}

static void remove_files(void)
{
    for (int i = 0; i < 6; i++) unlink(path_of(i));
    rmdir(directory);
}

static void put(int kind, const void *bytes, size_t n)
{
    static int made;
    if (!made) {
        if (!mkdtemp(directory)) abort();
        made = 1;
        atexit(remove_files);
    }
    for (int i = 3; i < 6; i++) unlink(path_of(i));
    FILE *f = fopen(path_of(kind), "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) abort();
}

/* A reason that names the file, and moves no terminal's cursor. */
static void check_reason(const np_error *e)
{
    if (e->kind == NP_TROUBLE_NONE || e->text[0] == '\0') abort();
    for (const unsigned char *c = (const unsigned char *)e->text; *c; c++) {
        if (*c < ' ' || *c == 0x7f) abort();
    }
}

/* NULL: refused. */
static char *page(const char *path, size_t *size)
{
    const np_page_options options = {.target = 0.99, .no_figures = true};
    char *text = NULL;
    np_error e = {0};
    FILE *out = open_memstream(&text, size);
    if (!out) abort();
    bool ok = np_report_page(path, &options, out, &e);
    if (fclose(out) != 0) abort();
    if (ok) return text;
    check_reason(&e);
    free(text);
    return NULL;
}

static void look_at_database(const char *path)
{
    np_error e = {0};
    np_results_state state;
    FILE *out = fopen("/dev/null", "w");
    if (!out) abort();
    if (!np_results_status(path, &state, &e)) check_reason(&e);
    if (!np_results_dump(path, out, &e)) check_reason(&e);
    np_study *s = np_results_load(path, &e);
    if (!s) check_reason(&e);
    if (s && !np_report_study(s, NP_FORMAT_JSON, (np_style){.width = 80}, out, &e)) check_reason(&e);
    if (s && !np_report_study(s, NP_FORMAT_TABLE, (np_style){.width = 80}, out, &e)) check_reason(&e);
    np_study_destroy(s);
    fclose(out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    if (n == 0) return 0;
    int kind = data[0] == 'S' ? 2 : data[0] == '{' ? 0 : 1; /* "SQLite format 3", a document, or rows */
    put(kind, data, n);
    const char *path = path_of(kind);
    size_t size, size_again;
    char *text = page(path, &size);
    if (text) {
        char *again = page(path, &size_again);
        if (!again || size != size_again || memcmp(text, again, size) != 0) abort();
        free(again);
        free(text);
    }
    if (kind == 2) look_at_database(path);
    return 0;
}
