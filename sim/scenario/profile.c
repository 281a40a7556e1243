/*
 * Profiles: files of keys that a scenario names, which may be based on each other.
 *
 *     DIR/KIND/NAME.yaml     DIR: $NATPULSE_PROFILES (several, with colons), SCENARIO/profiles,
 *                            ./scenarios/profiles, beside the program, the installed place
 *
 * A file is read once a load, however often it is named; what it says is applied each time, base first.
 */
#include "natpulse/place.h"
#include "schema.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_DIRS  16
#define MOST_BASES 16 /* profiles below one another */
#define SUFFIX     ".yaml"

typedef struct cached {
    struct cached *next;
    const char *path;
    np_node *root; /* NULL: it had mistakes */
    np_source source;
} cached;

struct np_profiles {
    np_arena *arena;
    const char *dir[MOST_DIRS];
    int dirs;
    cached *first;
    uint32_t files;
};

/* ---- where they are ---- */

static const np_section *const kinds[] = {&np_section_nat, &np_section_keepalive, &np_section_heartbeat,
                                          &np_section_workload, &np_section_radio};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *const *np_profile_kinds(void)
{
    static const char *const names[] = {"nat", "keepalive", "heartbeat", "workload", "radio", NULL};
    return names;
}

const np_section *np_section_of_kind(const char *kind)
{
    for (int i = 0; i < KINDS; ++i)
        if (strcmp(kinds[i]->kind, kind) == 0) return kinds[i];
    return NULL;
}

bool np_is_profile_kind(const char *kind)
{
    return np_section_of_kind(kind) != NULL;
}

static void add_dir(np_profiles *p, const char *dir)
{
    if (dir && dir[0] && p->dirs < MOST_DIRS) p->dir[p->dirs++] = dir;
}

np_profiles *np_profiles_create(np_arena *arena, const char *dir)
{
    np_profiles *p = np_arena_alloc(arena, sizeof *p);
    if (!p) return NULL;
    p->arena = arena;

    const char *said = getenv("NATPULSE_PROFILES");
    while (said && *said) {
        size_t length = strcspn(said, ":");
        add_dir(p, np_arena_format(arena, "%.*s", (int)length, said));
        said += length + (said[length] == ':');
    }
    add_dir(p, np_arena_format(arena, "%s/profiles", dir));
    add_dir(p, "scenarios/profiles");
    char program[4096];
    if (np_program_dir(program, sizeof program)[0]) {
        add_dir(p, np_arena_format(arena, "%s/../scenarios/profiles", program));
        add_dir(p, np_arena_format(arena, "%s/../share/natpulse/scenarios/profiles", program));
    }
    add_dir(p, NP_PREFIX "/share/natpulse/scenarios/profiles");
    return p;
}

char *np_profile_places(const np_profiles *p, const char *kind, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "no %s profiles are found in ", kind);
    for (int i = 0; i < p->dirs && used < size; ++i)
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "", p->dir[i]);
    if (used < size) snprintf(buf + used, size - used, "; NATPULSE_PROFILES names another place");
    return buf;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **np_profile_names(const np_profiles *p, const char *kind, np_arena *arena, size_t *count)
{
    size_t n = 0, room = 64;
    const char **names = malloc(room * sizeof *names);
    for (int i = 0; names && i < p->dirs; ++i) {
        const char *path = np_arena_format(arena, "%s/%s", p->dir[i], kind);
        DIR *d = path ? opendir(path) : NULL;
        for (struct dirent *entry; d && names && (entry = readdir(d));) {
            size_t length = strlen(entry->d_name);
            if (entry->d_name[0] == '.' || length <= strlen(SUFFIX)) continue;
            if (strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0) continue;
            if (n + 1 == room) {
                const char **grown = realloc(names, 2 * room * sizeof *names);
                if (!grown) break;
                names = grown;
                room *= 2;
            }
            const char *name = np_arena_format(arena, "%.*s", (int)(length - strlen(SUFFIX)), entry->d_name);
            if (name) names[n++] = name;
        }
        if (d) closedir(d);
    }
    if (!names) return NULL;
    qsort(names, n, sizeof *names, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i)
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) names[kept++] = names[i];
    names[kept] = NULL;
    *count = kept;
    return names;
}

const char *np_profile_file(np_profiles *p, const char *kind, const char *name, const char *dir)
{
    size_t length = strlen(name);
    bool ending = length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
    if (name[0] == '/') return name;
    if (strchr(name, '/') || ending) return np_arena_format(p->arena, "%s/%s", dir, name);
    for (int i = 0; i < p->dirs; ++i) {
        const char *path = np_arena_format(p->arena, "%s/%s/%s" SUFFIX, p->dir[i], kind, name);
        if (path && access(path, R_OK) == 0) return path;
    }
    return NULL;
}

const char *np_scenario_file(np_profiles *p, const char *name)
{
    if (strchr(name, '/') || access(name, F_OK) == 0) return name;
    for (int i = 0; i < p->dirs; ++i) {
        const char *beside = np_path_dir(p->arena, p->dir[i]);
        const char *path = beside ? np_arena_format(p->arena, "%s/%s" SUFFIX, beside, name) : NULL;
        if (path && access(path, R_OK) == 0) return path;
    }
    return name;
}

/* ---- reading ---- */

const char *np_path_dir(np_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? np_arena_format(arena, "%.*s", (int)(slash - path), path) : ".";
}

const char *np_path_stem(np_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0)
        length -= strlen(SUFFIX);
    return np_arena_format(arena, "%.*s", (int)length, name);
}

const np_node *np_profile_load(np_loading *l, const char *path, const np_node *n)
{
    np_profiles *p = l->profiles;
    for (cached *c = p->first; c; c = c->next)
        if (strcmp(c->path, path) == 0) return c->root;

    const char *why;
    size_t bytes;
    char *text = np_file_read(path, NP_YAML_BYTES, &bytes, &why);
    if (!text) {
        char quoted[NP_QUOTED];
        np_report_node(l->report, n, "%s: cannot read %s: %s", n->key ? n->key->text : "profile",
                       np_quote(quoted, sizeof quoted, path), why);
        return NULL;
    }
    cached *c = np_arena_alloc(p->arena, sizeof *c);
    const char *dir = np_path_dir(p->arena, path);
    if (c && dir) {
        c->source = (np_source){path, dir, ++p->files, 1, 1, true};
        c->path = path;
        c->root = np_yaml_read(text, bytes, &c->source, p->arena, l->report);
        c->next = p->first;
        p->first = c;
    } else {
        l->report->no_memory = true;
    }
    free(text);
    return c ? c->root : NULL;
}

/* Which profiles are being read, from the one that the scenario names downwards. */
typedef struct np_chain {
    const struct np_chain *above;
    const np_node *root;
    const char *name;
    int length;
} chain;

static void complain_cycle(np_loading *l, const np_node *n, const chain *above, const chain *again)
{
    char quoted[NP_QUOTED], by[NP_QUOTED];
    if (above == again)
        np_report_node(l->report, n, "base: the profile %s is based on itself",
                       np_quote(quoted, sizeof quoted, again->name));
    else
        np_report_node(l->report, n, "base: the profile %s is based on itself, by way of %s",
                       np_quote(quoted, sizeof quoted, again->name), np_quote(by, sizeof by, above->name));
}

static void complain_unknown(np_loading *l, const np_section *s, const np_node *n)
{
    char quoted[NP_QUOTED], hint[NP_HINT], places[NP_PLACES];
    size_t count = 0;
    const char **names = np_profile_names(l->profiles, s->kind, l->arena, &count);
    if (!names) {
        l->report->no_memory = true;
        return;
    }
    np_quote(quoted, sizeof quoted, n->text);
    if (count > 0)
        np_report_node(l->report, n, "there is no %s profile %s%s", s->kind, quoted,
                       np_hint(hint, sizeof hint, n->text, names));
    else
        np_report_node(l->report, n, "there is no %s profile %s: %s", s->kind, quoted,
                       np_profile_places(l->profiles, s->kind, places, sizeof places));
    free(names);
}

const np_node *np_profile_tree(np_loading *l, const np_section *s, const np_node *n)
{
    const char *path = np_profile_file(l->profiles, s->kind, n->text, n->source->dir);
    for (const cached *c = l->profiles->first; path && c; c = c->next)
        if (strcmp(c->path, path) == 0) return c->root;
    return NULL;
}

/* The field "name" of a section gets the profile's name, which an upper layer may override. */
static void set_name(const np_section *s, void *base, const char *name)
{
    for (uint32_t i = 0; i < s->fields; ++i)
        if (s->field[i].type == NP_TYPE_TEXT && strcmp(s->field[i].key, "name") == 0)
            *(const char **)((char *)base + s->field[i].offset) = name;
}

void np_profile_layer(np_loading *l, const np_section *s, const np_node *n, void *base)
{
    const chain *above = n->source->profile ? l->chain : NULL;
    const char *path = np_profile_file(l->profiles, s->kind, n->text, n->source->dir);
    if (!path) {
        complain_unknown(l, s, n);
        return;
    }
    const np_node *root = np_profile_load(l, path, n);
    if (!root) return;
    for (const chain *c = above; c; c = c->above) {
        if (c->root != root) continue;
        complain_cycle(l, n, above, c);
        return;
    }
    if (above && above->length == MOST_BASES) {
        np_report_node(l->report, n, "base: more than %d profiles below one another", MOST_BASES);
        return;
    }
    const char *name = np_path_stem(l->arena, path);
    if (!name) {
        l->report->no_memory = true;
        return;
    }
    chain here = {above, root, name, above ? above->length + 1 : 1};
    const chain *before = l->chain;
    l->chain = &here;
    if (np_node_expect(l, root, NP_NODE_MAP, name, "a map of keys")) np_section_layer(l, s, root, base);
    l->chain = before;
    if (root->kind == NP_NODE_MAP && !np_node_get(root, "name")) set_name(s, base, name);
}
