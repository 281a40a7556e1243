/*
 * Reading results back, for drawing.
 */
#include "results.h"
#include "natpulse/report.h"
#include <string.h>

const np_metric np_drawn_metric[NP_DRAWN_COUNT] = {
    [NP_DRAWN_REACHABLE] = NP_METRIC_REACHABLE,
    [NP_DRAWN_BREAKS] = NP_METRIC_BREAKS,
    [NP_DRAWN_UPKEEP] = NP_METRIC_UPKEEP_BYTES,
};

void *np_results_grow(np_arena *a, void *items, uint32_t n, size_t size)
{
    if (n > 0 && (n & (n - 1)) != 0) return items; /* room for the next power of two is there */
    void *grown = np_arena_alloc(a, (n > 0 ? 2 * (size_t)n : 1) * size);
    if (grown && n > 0) memcpy(grown, items, n * size);
    return grown;
}

typedef bool np_results_reader(const char *path, np_results *out, np_error *e);

static np_results_reader *reader_for(const char *path)
{
    static const char database[] = ".db";
    size_t n = strlen(path), end = sizeof database - 1;
    np_format format;
    if (n > end && strcmp(path + n - end, database) == 0) return np_results_read_db;
    if (!np_format_of_file(path, &format)) return NULL;
    return format == NP_FORMAT_JSON  ? np_results_read_json
           : format == NP_FORMAT_CSV ? np_results_read_csv
                                     : NULL;
}

bool np_results_read(const char *path, np_results *out, np_error *e)
{
    np_results_reader *read = reader_for(path);
    *out = (np_results){.scenario = ""};
    if (!read) {
        return np_fail(e, NP_TROUBLE_INPUT,
                       "%s: expected a .json or .csv result, as `natpulse run -o` writes, or the .db of a "
                       "sweep",
                       path);
    }
    out->arena = np_arena_create();
    if (!out->arena) return np_fail_memory(e, "the results");
    bool ok = read(path, out, e);
    if (ok && out->points == 0) ok = np_fail(e, NP_TROUBLE_INPUT, "%s: holds no results", path);
    if (!ok) np_arena_destroy(out->arena);
    return ok;
}
