/*
 * What show and check are asked about: a scenario, or a profile by name or path.
 */
#include "cli.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *find_kind(const char *text, size_t length)
{
    for (const char *const *kind = np_profile_kinds(); *kind; kind++)
        if (strlen(*kind) == length && memcmp(*kind, text, length) == 0) return *kind;
    return NULL;
}

static void complain_several(const char *what, const char *name, uint32_t kinds)
{
    char say[200];
    size_t at = 0;
    for (uint32_t i = 0; kinds >> i && at < sizeof say; i++)
        if (kinds >> i & 1)
            at += (size_t)snprintf(say + at, sizeof say - at, "%s%s/%s", at == 0 ? "" : " or ",
                                   np_profile_kinds()[i], name);
    np_cli_misused("%s: there are several profiles '%s'; say %s", what, name, say);
}

static void complain_unclear(const char *what, const char *path)
{
    np_cli_misused("%s: %s may be a profile of several kinds; say 'natpulse show KIND %s'", what, path, path);
}

/* ---- a name that nothing is called ---- */

enum { MOST_NAMES = 400, MOST_LETTERS = 40 };

typedef struct known_names {
    char text[MOST_NAMES][MOST_LETTERS];
    const char *list[MOST_NAMES];
    size_t n;
} known_names;

static void note_name(void *ctx, const np_profile_card *card)
{
    known_names *all = ctx;
    if (all->n == MOST_NAMES) return;
    snprintf(all->text[all->n], MOST_LETTERS, "%s", card->name);
    all->list[all->n] = all->text[all->n];
    all->n++;
}

static void complain_unknown(const char *what, const char *name)
{
    static known_names all;
    np_error e;
    all.n = 0;
    for (const char *const *kind = np_profile_kinds(); *kind; kind++) {
        np_findings findings = {0};
        np_profile_list(*kind, note_name, &all, &findings, &e);
        np_findings_clear(&findings);
    }
    const char *near = np_cli_nearest(name, all.list, all.n);
    np_cli_misused("%s: there is no scenario or profile '%s'%s%s%s", what, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* ---- finding ---- */

/* "pf": a name of profiles, and of no file. */
static bool is_bare(const char *text)
{
    return text[strcspn(text, "./")] == '\0' && access(text, F_OK) != 0;
}

/* A pipe can be read but once: it is taken for a scenario without a look into it. */
static bool is_pipe(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool np_cli_subject(const char *what, int operands, char **operand, np_subject *out)
{
    const char *first = operand[0];
    size_t length = strcspn(first, "/");
    const char *kind = find_kind(first, length);
    *out = (np_subject){.name = first};

    if (operands == 2 && kind && first[length] == '\0') {
        *out = (np_subject){kind, operand[1]};
        return true;
    }
    if (operands == 2) {
        np_cli_misused("%s: expected one scenario or profile, or the kind and the name of a profile", what);
        return false;
    }
    if (kind && first[length] == '/' && first[length + 1] != '\0' && access(first, F_OK) != 0) {
        *out = (np_subject){kind, first + length + 1};
        return true;
    }
    if (is_bare(first) && np_scenario_is_named(first)) return true; /* as run takes it */
    if (is_pipe(first)) return true;
    uint32_t kinds = np_profile_kinds_of(first);
    if (kinds == 0 && is_bare(first)) {
        complain_unknown(what, first);
        return false;
    }
    if (kinds == 0 || (strcspn(first, "./") == strlen(first) && !is_bare(first))) return true;
    if ((kinds & (kinds - 1)) != 0) {
        (is_bare(first) ? complain_several(what, first, kinds) : complain_unclear(what, first));
        return false;
    }
    for (uint32_t i = 0; kinds >> i; i++) out->kind = np_profile_kinds()[i];
    return true;
}
