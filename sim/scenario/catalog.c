/*
 * Profiles by themselves: one for a replay, one in full, all of a kind in a list.
 *
 * A profile is read as a scenario reads it: a tree {KIND: NAME}, overrides put in, the kind's section read.
 */
#include "natpulse/scenario.h"

#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for whatever a kind of profile is read into. */
typedef union subject {
    np_nat_draft nat;
    np_strategy strategy;
    np_beat_config beat;
    np_group group;
    np_radio_config radio;
} subject;

static bool begin(np_loading *l, np_report *report, np_error *e)
{
    *l = (np_loading){.arena = np_arena_create(), .report = report};
    l->profiles = l->arena ? np_profiles_create(l->arena, ".") : NULL;
    if (l->profiles) return true;
    np_arena_destroy(l->arena);
    return np_fail_memory(e, "profiles");
}

/* A tree {KIND: NAME}. NULL when out of memory. */
static np_node *make_tree(np_loading *l, const char *kind, const char *name)
{
    np_source *source = np_arena_alloc(l->arena, sizeof *source);
    const char *copy = np_arena_text(l->arena, name);
    if (!source || !copy) return NULL;
    *source = (np_source){.file = copy, .dir = ".", .first_line = 1, .first_column = 1};
    np_node where = {.line = 1, .column = 1, .source = source};
    np_node *root = np_node_make(l->arena, NP_NODE_MAP, &where);
    np_node *key = np_node_make(l->arena, NP_NODE_TEXT, &where);
    np_node *value = np_node_make(l->arena, NP_NODE_TEXT, &where);
    if (!root || !key || !value) return NULL;
    key->text = kind;
    value->text = copy;
    value->key = key;
    np_node_append(root, value);
    return root;
}

/* Reads one profile into *out. Its findings, if any, are in the report. */
static void read_profile(np_loading *l, const np_section *k, const char *name, const np_override *set,
                         uint32_t sets, subject *out)
{
    np_node *root = make_tree(l, k->kind, name);
    if (!root) {
        l->report->no_memory = true;
        return;
    }
    memset(out, 0, sizeof *out);
    if (k == &np_section_workload) out->group.transport = NP_TCP;
    for (uint32_t i = 0; i < sets; ++i) {
        size_t length = strlen(k->kind);
        if (strncmp(set[i].path, k->kind, length) == 0 && set[i].path[length] == '.') continue;
        const np_source *source = np_override_source(l, i, &set[i]);
        if (source)
            np_report_at(l->report, source, source->first_line, 1,
                         "%s is not of this profile; expected a path that begins with %s.", set[i].path,
                         k->kind);
        return;
    }
    np_overrides_put(l, root, set, sets);
    np_section_read(l, k, np_node_get(root, k->kind), out);
}

bool np_profile_nat(const char *name, const np_override *set, uint32_t sets, np_nat_config *out,
                    np_arena **arena, np_findings *findings, np_error *e)
{
    np_report report = {0};
    np_loading l;
    subject s;

    if (findings) *findings = (np_findings){0};
    if (!begin(&l, &report, e)) return false;
    np_locale locale = np_locale_enter();
    read_profile(&l, &np_section_nat, name, set, sets, &s);
    np_locale_leave(locale);
    if (report.n > 0 || report.no_memory) {
        np_report_finish(&report, findings, e);
        np_arena_destroy(l.arena);
        return false;
    }
    np_report_drop(&report);
    *out = s.nat.nat;
    *arena = l.arena;
    return true;
}

/* ---- what a profile says about itself ---- */

/* The tree of the file; NULL when it cannot be had. */
static const np_node *file_of(np_loading *l, const np_section *k, const char *name, const char **path)
{
    np_node here = {.kind = NP_NODE_TEXT, .source = &(np_source){.file = name, .dir = "."}};
    *path = np_profile_file(l->profiles, k->kind, name, ".");
    const np_node *root = *path ? np_profile_load(l, *path, &here) : NULL;
    return root && root->kind == NP_NODE_MAP ? root : NULL;
}

static void write_list(FILE *out, const np_node *root, const char *key)
{
    const np_node *list = np_node_get(root, key);
    if (!list || list->kind != NP_NODE_LIST || !list->first) return;
    fprintf(out, "%s:\n", key);
    for (const np_node *n = list->first; n; n = n->next) {
        fputs("  - ", out);
        np_yaml_flow(out, n);
        putc('\n', out);
    }
}

/* What a profile says about itself. */
static void write_words(FILE *out, const np_node *root)
{
    const np_node *about = np_node_get(root, "about");
    if (about && about->kind == NP_NODE_TEXT) {
        fputs("about: ", out);
        np_yaml_text(out, about->text);
        putc('\n', out);
    }
    write_list(out, root, "sources");
    write_list(out, root, "assumed");
}

static bool unknown_kind(const char *kind, np_error *e)
{
    char quoted[NP_QUOTED], hint[NP_HINT];
    return np_fail(e, NP_TROUBLE_USAGE, "there are no profiles of kind %s%s",
                   np_quote(quoted, sizeof quoted, kind),
                   np_hint(hint, sizeof hint, kind, np_profile_kinds()));
}

bool np_profile_show(const char *kind, const char *name, const np_override *set, uint32_t sets, FILE *out,
                     np_findings *findings, np_error *e)
{
    const np_section *k = np_section_of_kind(kind);
    np_report report = {0};
    np_loading l;
    subject s;

    if (findings) *findings = (np_findings){0};
    if (!k) return unknown_kind(kind, e);
    if (!begin(&l, &report, e)) return false;
    np_locale locale = np_locale_enter();
    read_profile(&l, k, name, set, sets, &s);
    bool good = report.n == 0 && !report.no_memory;
    if (good && out) {
        const char *path;
        const np_node *root = file_of(&l, k, name, &path);
        if (root) write_words(out, root);
        np_writer w = {.out = out, .profile = true};
        np_section_write(&w, k, &s);
    }
    np_locale_leave(locale);
    if (good)
        np_report_drop(&report);
    else
        np_report_finish(&report, findings, e);
    np_arena_destroy(l.arena);
    return good;
}

/* ---- which kind ---- */

/* The kinds that have all keys of a profile's tree. */
static uint32_t kinds_with_keys(const np_node *root)
{
    uint32_t kinds = 0;
    for (int i = 0; np_profile_kinds()[i]; ++i) {
        const np_section *k = np_section_of_kind(np_profile_kinds()[i]);
        const np_node *child = root->first;
        while (child && np_section_knows(k, root, child->key->text)) child = child->next;
        if (!child) kinds |= UINT32_C(1) << i;
    }
    return kinds;
}

/* The kind that the last folder of a path is called after; 0 for none. */
static uint32_t kind_of_folder(np_loading *l, const char *path)
{
    const char *dir = np_path_dir(l->arena, path);
    const char *slash = dir ? strrchr(dir, '/') : NULL, *folder = slash ? slash + 1 : dir;
    for (int i = 0; folder && np_profile_kinds()[i]; ++i)
        if (strcmp(folder, np_profile_kinds()[i]) == 0) return UINT32_C(1) << i;
    return 0;
}

static uint32_t kinds_of_file(np_loading *l, const char *path)
{
    np_node here = {.kind = NP_NODE_TEXT, .source = &(np_source){.file = path, .dir = "."}};
    uint32_t folder = kind_of_folder(l, path);
    if (folder != 0) return folder;
    const np_node *root = np_profile_load(l, path, &here);
    return root && root->kind == NP_NODE_MAP ? kinds_with_keys(root) : 0;
}

uint32_t np_profile_kinds_of(const char *name)
{
    np_report report = {0};
    np_loading l;
    np_error e;
    uint32_t kinds = 0;

    if (!begin(&l, &report, &e)) return 0;
    const char *path = np_profile_file(l.profiles, "nat", name, ".");
    const char *stem = np_path_stem(l.arena, name);
    bool is_path = !stem || strcmp(stem, name) != 0;
    if (is_path && path && access(path, R_OK) == 0) kinds = kinds_of_file(&l, path);
    for (int i = 0; !is_path && np_profile_kinds()[i]; ++i)
        if (np_profile_file(l.profiles, np_profile_kinds()[i], name, ".")) kinds |= UINT32_C(1) << i;
    np_report_drop(&report);
    np_arena_destroy(l.arena);
    return kinds;
}

bool np_scenario_is_named(const char *name)
{
    np_report report = {0};
    np_loading l;
    np_error e;

    if (!begin(&l, &report, &e)) return false;
    const char *file = np_scenario_file(l.profiles, name);
    bool named = file && strcmp(file, name) != 0;
    np_report_drop(&report);
    np_arena_destroy(l.arena);
    return named;
}

/* ---- lists ---- */

/* The value at a path of keys below a section, as text in the arena; "" when there is none. */
static const char *figure(np_arena *arena, const np_section *s, const char *path, const void *base)
{
    size_t length = strcspn(path, ".");
    for (uint32_t i = 0; i < s->fields; ++i) {
        const np_field *f = &s->field[i];
        if (strlen(f->key) != length || memcmp(f->key, path, length) != 0) continue;
        if (path[length] == '.')
            return figure(arena, f->section, path + length + 1, (const char *)base + f->offset);

        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        if (!out) return NULL;
        np_writer w = {.out = out};
        np_field_write(&w, f, base);
        const char *kept = fclose(out) == 0 ? np_arena_text(arena, text) : NULL;
        free(text);
        return kept;
    }
    return "";
}

static void list_one(np_loading *l, const np_section *k, const char *name,
                     void (*each)(void *ctx, const np_profile_card *card), void *ctx)
{
    const char *heading[NP_FIGURES_MOST], *value[NP_FIGURES_MOST];
    subject s;
    uint32_t before = l->report->n, n = 0;

    read_profile(l, k, name, NULL, 0, &s);
    if (l->report->n > before || l->report->no_memory) return;
    for (; n < NP_FIGURES_MOST && k->figure[n].path; ++n) {
        heading[n] = k->figure[n].heading ? k->figure[n].heading : k->figure[n].path;
        value[n] = figure(l->arena, k, k->figure[n].path, &s);
        if (!value[n]) l->report->no_memory = true;
    }
    if (l->report->no_memory) return;
    const char *path;
    const np_node *root = file_of(l, k, name, &path);
    const np_node *about = root ? np_node_get(root, "about") : NULL;
    const char *text = about && about->kind == NP_NODE_TEXT ? about->text : "";
    each(ctx, &(np_profile_card){name, path, text, heading, value, n});
}

bool np_profile_list(const char *kind, void (*each)(void *ctx, const np_profile_card *card), void *ctx,
                     np_findings *findings, np_error *e)
{
    const np_section *k = np_section_of_kind(kind);
    np_report report = {0};
    np_loading l;

    if (findings) *findings = (np_findings){0};
    if (!k) return unknown_kind(kind, e);
    if (!begin(&l, &report, e)) return false;
    np_locale locale = np_locale_enter();
    size_t n = 0;
    const char **names = np_profile_names(l.profiles, kind, l.arena, &n);
    report.no_memory = !names;
    for (size_t i = 0; i < n && !report.no_memory; ++i) list_one(&l, k, names[i], each, ctx);
    free(names);
    np_locale_leave(locale);
    bool good = report.n == 0 && !report.no_memory;
    char places[NP_PLACES];
    if (!good) {
        np_report_finish(&report, findings, e);
    } else {
        np_report_drop(&report);
        if (n == 0)
            good = np_fail(e, NP_TROUBLE_USAGE, "%s",
                           np_profile_places(l.profiles, kind, places, sizeof places));
    }
    np_arena_destroy(l.arena);
    return good;
}
