/*
 * natpulse list KIND
 */
#include "cli.h"
#include "natpulse/arena.h"
#include "natpulse/box.h"
#include "natpulse/metrics.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_MOST 10

/* Rows of texts, the first of them the headings; the last column is not padded. */
typedef struct table {
    np_arena *arena;
    const char *(*row)[COLUMNS_MOST];
    uint32_t rows, room, columns;
    bool no_memory;
} table;

static void add_row(table *t, const char *const *cell, uint32_t columns)
{
    if (t->rows == t->room) {
        uint32_t room = t->room ? 2 * t->room : 64;
        void *grown = realloc(t->row, room * sizeof *t->row);
        if (!grown) {
            t->no_memory = true;
            return;
        }
        t->row = grown;
        t->room = room;
    }
    for (uint32_t i = 0; i < columns; i++) {
        t->row[t->rows][i] = np_arena_text(t->arena, cell[i]);
        if (!t->row[t->rows][i]) {
            t->no_memory = true;
            return;
        }
    }
    t->rows++;
    t->columns = columns;
}

/* Words of a text in lines of at most `room` columns, the first where the line stands, the others behind
   `indent` spaces. */
static void print_wrapped(const char *text, int indent, int room)
{
    int column = 0;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > 0 && column + 1 + word > room) {
            printf("\n%*s", indent, "");
            column = 0;
        }
        column += printf("%s%.*s", column > 0 ? " " : "", word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

#define LEAST_ROOM 56 /* for the last column; where there is less it stands below its row */
#define BELOW      4

/* On a terminal the last column is wrapped; elsewhere a row is a line. */
static void print_table(const table *t)
{
    int width[COLUMNS_MOST] = {0}, offset = 0;
    int screen = isatty(STDOUT_FILENO) ? np_cli_style(NULL).width : 0;
    uint32_t last = t->columns - 1;
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t i = 0; i < last; i++) {
            int length = (int)strlen(t->row[r][i]);
            if (length > width[i]) width[i] = length;
        }
    for (uint32_t i = 0; i < last; i++) offset += width[i] + 2;
    bool below = screen > 0 && screen - offset < LEAST_ROOM;
    for (uint32_t r = 0; r < t->rows; r++) {
        for (uint32_t i = 0; i < last; i++)
            printf("%-*s%s", below && i + 1 == last ? 0 : width[i], t->row[r][i],
                   below && i + 1 == last ? "\n" : "  ");
        if (below && r > 0) printf("%*s", BELOW, "");
        if (!below && screen == 0)
            puts(t->row[r][last]);
        else if (!below)
            print_wrapped(t->row[r][last], offset, screen - offset);
        else if (r > 0)
            print_wrapped(t->row[r][last], BELOW, screen - BELOW);
    }
}

/* ---- profiles ---- */

/* The first sentence of a text. */
static const char *first_sentence(np_arena *arena, const char *about)
{
    const char *end = strstr(about, ". ");
    return end ? np_arena_format(arena, "%.*s", (int)(end + 1 - about), about) : about;
}

static void add_profile(void *ctx, const np_profile_card *card)
{
    table *t = ctx;
    const char *cell[COLUMNS_MOST];
    uint32_t n = 0;
    const char *about = first_sentence(t->arena, card->about);
    if (!about) {
        t->no_memory = true;
        return;
    }
    if (t->rows == 0) {
        cell[n++] = "name";
        for (uint32_t i = 0; i < card->figures && n + 1 < COLUMNS_MOST; i++) cell[n++] = card->key[i];
        cell[n++] = "about";
        add_row(t, cell, n);
        n = 0;
    }
    cell[n++] = card->name;
    for (uint32_t i = 0; i < card->figures && n + 1 < COLUMNS_MOST; i++) cell[n++] = card->figure[i];
    cell[n++] = about;
    add_row(t, cell, n);
}

static int list_profiles(const char *kind, table *t)
{
    np_error e = {0};
    np_findings findings = {0};
    if (np_profile_list(kind, add_profile, t, &findings, &e)) {
        print_table(t);
        return 0;
    }
    print_table(t);
    return np_cli_findings(&findings, &e);
}

/* ---- other lists ---- */

static int list_names(const char *const *name)
{
    for (; *name; name++) puts(*name);
    return 0;
}

static int list_policies(table *t)
{
    static const char *const heading[] = {"name", "who goes when the table is full"};
    add_row(t, heading, 2);
    for (const char *const *name = np_evict_list(); *name; name++) {
        const char *const cell[] = {*name, np_evict_about(*name)};
        add_row(t, cell, 2);
    }
    print_table(t);
    return 0;
}

static void add_key(void *ctx, const np_scenario_key *key)
{
    const char *const cell[] = {key->path, key->form, key->fallback, key->meaning};
    add_row(ctx, cell, 4);
}

static int list_keys(table *t)
{
    static const char *const heading[] = {"key", "value", "default", "meaning"};
    np_error e = {0};
    add_row(t, heading, 4);
    if (!np_scenario_keys(add_key, t, &e)) return np_cli_fail(&e);
    print_table(t);
    return 0;
}

static void add_figure(table *t, const np_metric_info *about, const char *what)
{
    const char *const cell[] = {about->key, about->unit, what, about->meaning};
    add_row(t, cell, 4);
}

static int list_figures(table *t)
{
    static const char *const heading[] = {"key", "unit", "kind", "meaning"};
    add_row(t, heading, 4);
    for (int m = 0; m < NP_METRIC_COUNT; m++) add_figure(t, np_metric_about((np_metric)m), "mean");
    for (int s = 0; s < NP_SPREAD_COUNT; s++) add_figure(t, np_spread_about((np_spread)s), "quantiles");
    print_table(t);
    return 0;
}

static int list(const char *kind, table *t)
{
    static const char *const kinds[] = {"nat",   "keepalive", "heartbeat", "workload", "radio",
                                        "evict", "beats",     "keys",      "figures"};
    enum { KINDS = sizeof kinds / sizeof *kinds };

    for (const char *const *profiles = np_profile_kinds(); *profiles; profiles++)
        if (strcmp(*profiles, kind) == 0) return list_profiles(kind, t);
    if (strcmp(kind, "evict") == 0) return list_policies(t);
    if (strcmp(kind, "beats") == 0) return list_names(np_beat_list());
    if (strcmp(kind, "keys") == 0) return list_keys(t);
    if (strcmp(kind, "figures") == 0) return list_figures(t);
    const char *near = np_cli_nearest(kind, kinds, KINDS);
    if (near) return np_cli_misused("list: there is no kind '%s'; did you mean '%s'?", kind, near);
    return np_cli_misused("list: there is no kind '%s'; 'natpulse list --help' names them", kind);
}

int np_cmd_list(int argc, char **argv)
{
    static const np_option none[] = {{0}};
    static const np_usage usage = {
        "KIND", 1, 1,
        "Lists what a scenario can name:\n"
        "  nat, keepalive, heartbeat, workload, radio   profiles, with their main figures\n"
        "  evict, beats                                 eviction policies, heartbeat strategies\n"
        "  keys                                         every key of a scenario\n"
        "  figures                                      what is measured",
        none};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    table t = {.arena = np_arena_create()};
    if (t.arena) status = list(argv[1], &t);
    if (!t.arena || t.no_memory) {
        np_error e;
        np_fail_memory(&e, "the list");
        status = np_cli_fail(&e);
    }
    free(t.row);
    np_arena_destroy(t.arena);
    return status;
}
