/*
 * Loading: file -> tree -> overrides into the tree -> struct -> grid tried -> digest.
 *
 * Everything a scenario holds, and the tree it came from, lives in one arena. Findings live in another, so
 * that they outlast a scenario that came to nothing.
 */
#include "natpulse/scenario.h"

#include "schema.h"

#include <stdlib.h>
#include <string.h>

/* ---- defaults ---- */

static void set_link(np_link_config *up, np_link_config *down, np_time delay)
{
    *up = (np_link_config){.delay = delay,
                           .jitter = np_dist_constant(0),
                           .up = np_dist_constant(0),
                           .down = np_dist_constant(0),
                           .queue = 1000000};
    *down = *up;
}

void np_scenario_defaults(np_scenario *s)
{
    np_world_config *w = &s->world;

    s->about = "";
    s->replicas = 10;
    w->duration = NP_HOUR;
    w->warmup = -1; /* not said: it depends on the duration */
    w->seed = 1;
    np_nat_defaults(&w->nat[0]);
    w->nats = 1;
    set_link(&w->access_up, &w->access_down, 25 * NP_MILLISECOND);
    set_link(&w->core_up, &w->core_down, 40 * NP_MILLISECOND);
    w->servers = 1;
    w->server_memory = 20000;
    np_tcp_defaults(&w->tcp);
    w->tcp.keepalive = (np_keepalive){.on = false}; /* strategies have it */
    w->tcp.user_timeout = 0;
    w->reconnect = (np_reconnect){NP_SECOND, NP_MINUTE, NP_JITTER_FULL};
}

#define WARMUP_SHARE 10 /* of the duration, one part in */

void np_scenario_read(np_loading *l, const np_node *root, np_scenario *s)
{
    np_scenario_defaults(s);
    np_section_layer(l, &np_section_top, root, s);
    if (s->world.warmup < 0) s->world.warmup = s->world.duration / WARMUP_SHARE;
    np_section_top.check(l, root, s);
}

/* ---- overrides ---- */

const np_source *np_override_source(np_loading *l, uint32_t i, const np_override *o)
{
    np_source *source = np_arena_alloc(l->arena, sizeof *source);
    if (!source) {
        l->report->no_memory = true;
        return NULL;
    }
    *source = (np_source){.file = "--set",
                          .dir = ".",
                          .rank = UINT32_MAX,
                          .first_line = (int)i + 1,
                          .first_column = (int)strlen(o->path) + 2};
    return source;
}

void np_overrides_put(np_loading *l, np_node *root, const np_override *set, uint32_t sets)
{
    for (uint32_t i = 0; i < sets; ++i) {
        const np_source *source = np_override_source(l, i, &set[i]);
        if (!source) return;
        np_node at = {.kind = NP_NODE_TEXT, .line = source->first_line, .column = 1, .source = source};
        np_node *value = np_yaml_read(set[i].value, strlen(set[i].value), source, l->arena, l->report);
        if (!value) continue;
        if (!np_override_apply(l->report, l->arena, root, set[i].path, &at, value)) continue;
        np_node *vary = np_node_get(root, "vary");
        const np_node *varied = vary && vary->kind == NP_NODE_MAP ? np_node_get(vary, set[i].path) : NULL;
        if (varied) np_node_remove(vary, varied);
    }
}

/* ---- digest ---- */

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static uint64_t hash_text(const char *text, size_t bytes)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

static bool set_digest(np_scenario *s)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    bool good = out && np_scenario_canon(s, out);
    if (out) good = fclose(out) == 0 && good;
    if (good) snprintf(s->digest, sizeof s->digest, "%016llx", (unsigned long long)hash_text(text, bytes));
    free(text);
    return good;
}

static bool write_text(const np_scenario *s, np_writer w)
{
    np_locale locale = np_locale_enter();
    np_section_write(&w, &np_section_top, s);
    np_locale_leave(locale);
    return !ferror(w.out);
}

bool np_scenario_show(const np_scenario *s, FILE *out)
{
    return write_text(s, (np_writer){.out = out});
}

bool np_scenario_canon(const np_scenario *s, FILE *out)
{
    return write_text(s, (np_writer){.out = out, .rows_only = true});
}

/* ---- loading ---- */

static np_node *read_file(np_loading *l, const char *path, np_source *source)
{
    const char *why;
    size_t bytes;
    char *text = np_file_read(path, NP_YAML_BYTES, &bytes, &why);
    if (!text) {
        np_report_at(l->report, source, 1, 1, "cannot read the scenario: %s", why);
        return NULL;
    }
    np_node *root = np_yaml_read(text, bytes, source, l->arena, l->report);
    free(text);
    if (root && !np_node_expect(l, root, NP_NODE_MAP, "the scenario", "a map of keys")) return NULL;
    return root;
}

static void load(np_loading *l, np_scenario *s, const char *path, const np_override *set, uint32_t sets)
{
    np_source *source = np_arena_alloc(l->arena, sizeof *source);
    np_profiles *here = np_profiles_create(l->arena, ".");
    const char *file = here ? np_arena_text(l->arena, np_scenario_file(here, path)) : NULL;
    const char *dir = file ? np_path_dir(l->arena, file) : NULL;
    s->name = file ? np_path_stem(l->arena, file) : NULL;
    l->profiles = dir ? np_profiles_create(l->arena, dir) : NULL;
    if (!source || !file || !s->name || !l->profiles) {
        l->report->no_memory = true;
        return;
    }
    *source = (np_source){.file = file, .dir = dir, .first_line = 1, .first_column = 1};
    np_node *root = read_file(l, file, source);
    if (!root) return;
    np_overrides_put(l, root, set, sets);
    np_scenario_read(l, root, s);
    np_grid_check(l, root);
}

np_scenario *np_scenario_load(const char *path, const np_override *set, uint32_t sets, np_findings *findings,
                              np_error *e)
{
    np_report report = {0};
    np_arena *arena = np_arena_create();
    np_scenario *s = arena ? np_arena_alloc(arena, sizeof *s) : NULL;

    if (findings) *findings = (np_findings){0};
    if (!s) {
        np_arena_destroy(arena);
        np_fail_memory(e, "the scenario");
        return NULL;
    }
    s->arena = arena;
    np_loading l = {.arena = arena, .report = &report, .scenario = s};
    np_locale locale = np_locale_enter();
    load(&l, s, path, set, sets);
    np_locale_leave(locale);

    if (report.n == 0 && !report.no_memory && set_digest(s)) {
        np_report_drop(&report);
        return s;
    }
    np_report_finish(&report, findings, e);
    np_scenario_destroy(s);
    return NULL;
}

void np_scenario_destroy(np_scenario *s)
{
    if (s) np_arena_destroy(s->arena);
}
