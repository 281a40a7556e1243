/*
 * Shared by the subcommands: complaints, signals, overrides, output formats, the terminal.
 */
#include "cli.h"
#include "natpulse/arena.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

volatile int np_cli_stop;

/* Results that go to no terminal are laid out for this many columns: what a page or a diff holds. */
#define PLAIN_WIDTH 120

static void complain(const char *format, va_list args)
{
    fflush(stdout);
    fputs("natpulse: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void np_cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(format, args);
    va_end(args);
}

int np_cli_misused(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(format, args);
    va_end(args);
    return NP_TROUBLE_USAGE;
}

int np_cli_fail(const np_error *e)
{
    np_cli_note("%s", e->text);
    return (int)e->kind;
}

int np_cli_findings(np_findings *f, const np_error *e)
{
    if (f->n == 0) {
        np_findings_clear(f);
        return np_cli_fail(e);
    }
    np_findings_print(f, stderr);
    np_findings_clear(f);
    return (int)e->kind;
}

static void stop_on(int number)
{
    np_cli_stop = number;
}

void np_cli_catch_signals(void)
{
    struct sigaction stop = {.sa_handler = stop_on, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&stop.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
}

static void append(np_sets *s, const char *path, const char *value)
{
    s->set[s->n++] = (np_override){.path = path, .value = value};
}

bool np_cli_sets(const np_texts *set, const np_number *seed, const np_number *replicas, np_sets *out)
{
    np_arena *arena = np_arena_create();
    *out = (np_sets){.arena = arena};
    if (arena) out->set = np_arena_alloc(arena, (set->n + 2) * sizeof *out->set);
    if (!out->set) {
        np_cli_misused("out of memory for the options");
        np_cli_sets_free(out);
        return false;
    }
    for (uint32_t i = 0; i < set->n; i++) {
        const char *equals = strchr(set->text[i], '=');
        if (!equals || equals == set->text[i]) {
            np_cli_misused("--set %s: expected PATH=VALUE, such as nat.capacity=4k", set->text[i]);
            np_cli_sets_free(out);
            return false;
        }
        append(out, np_arena_format(arena, "%.*s", (int)(equals - set->text[i]), set->text[i]), equals + 1);
    }
    if (seed && seed->given)
        append(out, "seed", np_arena_format(arena, "%llu", (unsigned long long)seed->value));
    if (replicas && replicas->given) {
        append(out, "replicas", np_arena_format(arena, "%llu", (unsigned long long)replicas->value));
    }
    for (uint32_t i = 0; i < out->n; i++) {
        if (out->set[i].path && out->set[i].value) continue;
        np_cli_misused("out of memory for the options");
        np_cli_sets_free(out);
        return false;
    }
    return true;
}

void np_cli_sets_free(np_sets *s)
{
    np_arena_destroy(s->arena);
    *s = (np_sets){0};
}

bool np_cli_format(const char *format, const char *path, np_format *out)
{
    *out = NP_FORMAT_TABLE;
    if (format) {
        if (np_format_named(format, out)) return true;
        static const char *const known[] = {"table", "json", "jsonl", "csv", "md"};
        const char *near = np_cli_nearest(format, known, sizeof known / sizeof *known);
        np_cli_misused("--format %s: expected table, json, jsonl, csv or md%s%s%s", format,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    if (!path || strcmp(path, "-") == 0 || np_format_of_file(path, out)) return true;
    np_cli_misused(
        "-o %s: the extension tells no format; end the name in .txt, .json, .jsonl, .csv or .md, or give "
        "--format",
        path);
    return false;
}

np_style np_cli_style(const char *path)
{
    np_style style = {.colour = false, .width = PLAIN_WIDTH};
    if ((path && strcmp(path, "-") != 0) || !isatty(STDOUT_FILENO)) return style;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    style.colour = !(no && *no) && !(term && strcmp(term, "dumb") == 0);
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
    return style;
}
