/*
 * Rules: finding their files, reading them, asking boxes. See natpulse/conform.h.
 */
#include "natpulse/conform.h"
#include "natpulse/place.h"
#include "tree.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENDING      ".rule"
#define MOST_PLACES 20

/* ---- files ---- */

typedef struct files {
    np_arena *arena;
    np_rule *rule;
    uint32_t n, room;
    bool no_memory;
} files;

static void add_file(files *f, const char *path, const char *file, const char *group)
{
    if (f->n == f->room) {
        uint32_t room = f->room ? 2 * f->room : 64;
        np_rule *grown = realloc(f->rule, room * sizeof *grown);
        if (!grown) {
            f->no_memory = true;
            return;
        }
        f->rule = grown;
        f->room = room;
    }
    const char *name = np_arena_format(f->arena, "%.*s", (int)(strlen(file) - strlen(ENDING)), file);
    const char *kept = np_arena_text(f->arena, path), *folder = np_arena_text(f->arena, group);
    if (!name || !kept || !folder) f->no_memory = true;
    f->rule[f->n++] = (np_rule){.name = name, .group = folder, .path = kept};
}

static bool is_rule(const char *file)
{
    size_t n = strlen(file);
    return file[0] != '.' && n > strlen(ENDING) && strcmp(file + n - strlen(ENDING), ENDING) == 0;
}

/* The rules of a folder and, with `deeper`, of those in it. False when it cannot be read. */
static bool look_into(files *f, const char *dir, const char *group, bool deeper)
{
    DIR *d = opendir(dir);
    if (!d) return false;
    for (struct dirent *entry; (entry = readdir(d)) && !f->no_memory;) {
        char *path = np_arena_format(f->arena, "%s/%s", dir, entry->d_name);
        struct stat st;
        if (!path)
            f->no_memory = true;
        else if (is_rule(entry->d_name))
            add_file(f, path, entry->d_name, group);
        else if (deeper && entry->d_name[0] != '.' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            look_into(f, path, entry->d_name, false);
    }
    closedir(d);
    return true;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* Names with numbers in them: 4787-5 before 4787-12. */
static int natural(const char *a, const char *b)
{
    while (*a && *b) {
        size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
        if (n && m) {
            while (n > 1 && *a == '0') a++, n--;
            while (m > 1 && *b == '0') b++, m--;
            if (n != m) return n < m ? -1 : 1;
            int order = memcmp(a, b, n);
            if (order) return order;
            a += n;
            b += m;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++, b++;
        }
    }
    return *a ? 1 : *b ? -1 : 0;
}

static int in_order(const void *left, const void *right)
{
    const np_rule *a = left, *b = right;
    int order = natural(a->group, b->group);
    return order ? order : natural(a->name, b->name);
}

/* ---- places ---- */

typedef struct places {
    const char *dir[MOST_PLACES];
    int n;
} places;

static void add_place(places *p, const char *dir)
{
    if (dir && dir[0] && p->n < MOST_PLACES) p->dir[p->n++] = dir;
}

static places usual_places(np_arena *arena)
{
    places p = {.n = 0};
    for (const char *said = getenv("NATPULSE_RULES"); said && *said;) {
        size_t length = strcspn(said, ":");
        add_place(&p, np_arena_format(arena, "%.*s", (int)length, said));
        said += length + (said[length] == ':');
    }
    add_place(&p, "tests/conformance");
    char program[4096];
    if (np_program_dir(program, sizeof program)[0]) {
        add_place(&p, np_arena_format(arena, "%s/../tests/conformance", program));
        add_place(&p, np_arena_format(arena, "%s/../share/natpulse/conformance", program));
    }
    add_place(&p, NP_PREFIX "/share/natpulse/conformance");
    return p;
}

static bool find_files(files *f, const char *dir, np_error *e)
{
    if (dir) {
        if (!look_into(f, dir, last_part(dir), true))
            return np_fail(e, NP_TROUBLE_USAGE, "%s: %s; expected a folder of rules", dir, strerror(errno));
        return f->n > 0 || np_fail(e, NP_TROUBLE_USAGE, "%s: there is no rule (NAME" ENDING ") in it", dir);
    }
    places p = usual_places(f->arena);
    for (int i = 0; i < p.n && f->n == 0; i++) look_into(f, p.dir[i], last_part(p.dir[i]), true);
    if (f->n > 0) return true;
    char text[900];
    size_t used = 0;
    for (int i = 0; i < p.n && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "", p.dir[i]);
    return np_fail(e, NP_TROUBLE_USAGE,
                   "no rules are found in %s; NATPULSE_RULES or --rules names another place", text);
}

/* ---- reading ---- */

static bool read_rule(np_rule *rule, np_arena *arena, uint32_t rank, np_report *report)
{
    np_source *source = np_arena_alloc(arena, sizeof *source);
    if (!source) return !(report->no_memory = true);
    *source = (np_source){.file = rule->path, .dir = ".", .rank = rank, .first_line = 1, .first_column = 1};
    size_t bytes;
    const char *why;
    char *text = np_file_read(rule->path, NP_SCRIPT_BYTES, &bytes, &why);
    if (!text) {
        np_report_at(report, source, 1, 1, "the rule cannot be read: %s", why);
        return false;
    }
    rule->script = np_script_read(text, bytes);
    free(text);
    if (!rule->script) return !(report->no_memory = true);
    rule->head = np_script_head_of(rule->script);
    uint32_t n;
    const np_script_mistake *mistake = np_script_mistakes(rule->script, &n);
    for (uint32_t i = 0; i < n; i++)
        np_report_at(report, source, mistake[i].line, mistake[i].column, "%s", mistake[i].text);
    if (!rule->head->rule)
        np_report_at(report, source, 1, 1, "expected a line `rule TITLE` above the packets");
    return true;
}

void np_rules_clear(np_rules *r)
{
    for (uint32_t i = 0; i < r->n; i++) np_script_destroy(r->rule[i].script);
    free(r->rule);
    np_arena_destroy(r->arena);
    *r = (np_rules){.n = 0};
}

bool np_rules_load(const char *dir, np_rules *out, np_findings *findings, np_error *e)
{
    files f = {.arena = np_arena_create()};
    np_report report = {0};
    *out = (np_rules){.n = 0};
    *findings = (np_findings){0};
    if (!f.arena) return np_fail_memory(e, "the rules");
    bool ok = find_files(&f, dir, e);
    if (ok && f.no_memory) ok = np_fail_memory(e, "the rules");
    *out = (np_rules){f.rule, f.n, f.arena};
    if (ok) {
        qsort(out->rule, out->n, sizeof *out->rule, in_order);
        for (uint32_t i = 0; i < out->n; i++) read_rule(&out->rule[i], out->arena, i, &report);
        if (report.n > 0 || report.no_memory) {
            np_report_finish(&report, findings, e);
            ok = false;
        } else {
            np_report_drop(&report);
        }
    }
    if (!ok) np_rules_clear(out);
    return ok;
}

/* ---- asking ---- */

/* Findings are in the i-th --set: those behind the caller's are the rule's own lines. */
static void put_in_place(const np_rule *rule, uint32_t sets, np_findings *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        np_finding *x = &f->finding[i];
        if (strcmp(x->file, "--set") != 0 || (uint32_t)x->line <= sets) continue;
        const np_script_set *s = &rule->head->set[(uint32_t)x->line - sets - 1];
        x->file = rule->path;
        x->line = s->line;
        x->column = s->column;
    }
}

/* The caller's overrides, then the rule's. NULL when memory is out. */
static np_override *all_sets(const np_rule *rule, const np_override *set, uint32_t sets, np_arena *arena)
{
    np_override *all = np_arena_alloc(arena, (sets + rule->head->sets + 1) * sizeof *all);
    if (all && sets > 0) memcpy(all, set, sets * sizeof *all);
    for (uint32_t i = 0; all && i < rule->head->sets; i++) {
        const char *path = np_arena_format(arena, "nat.%s", rule->head->set[i].key);
        if (!path) return NULL;
        all[sets + i] = (np_override){path, rule->head->set[i].value};
    }
    return all;
}

/* Whether the profile as it is belongs to those that the rule is for: what the rule sets may not go with
 * others. */
static bool is_for(const np_rule *rule, const char *profile, const np_override *set, uint32_t sets,
                   np_script_outcome *out, np_findings *findings, np_error *e, bool *good)
{
    np_arena *arena = NULL;
    np_nat_config nat;
    *good = np_profile_nat(profile, set, sets, &nat, &arena, findings, e);
    bool is = *good && np_script_not_for(rule->script, &nat, out->why, sizeof out->why) == NULL;
    if (*good && !is) out->result = NP_SCRIPT_NOT_APPLICABLE;
    np_arena_destroy(arena);
    return is;
}

bool np_rule_ask(const np_rule *rule, const char *profile, const np_override *set, uint32_t sets,
                 uint64_t seed, void (*each)(void *ctx, const np_script_done *d), void *ctx,
                 np_script_outcome *out, np_findings *findings, np_error *e)
{
    *findings = (np_findings){0};
    *out = (np_script_outcome){.result = NP_SCRIPT_MEETS};
    bool good;
    if (rule->head->sets > 0 && !is_for(rule, profile, set, sets, out, findings, e, &good)) return good;
    np_arena *arena = NULL, *own = np_arena_create();
    np_override *all = own ? all_sets(rule, set, sets, own) : NULL;
    np_nat_config nat;
    good = false;
    if (!all)
        np_fail_memory(e, "a rule");
    else if (!np_profile_nat(profile, all, sets + rule->head->sets, &nat, &arena, findings, e))
        put_in_place(rule, sets, findings);
    else if (!(good = np_script_run(rule->script, &nat, seed, each, ctx, out, e))) {
        np_error inner = *e;
        np_fail(e, inner.kind, "%s, with profile %s: %s", rule->path, profile, inner.text);
    }
    np_arena_destroy(arena);
    np_arena_destroy(own);
    return good;
}
