/*
 * Options: one parser for all subcommands, driven by each one's table, which is its help too.
 */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longest word that is compared for a suggestion; longer ones are nobody's slip. */
#define WORD_MOST 40

/* Edits (insert, delete, replace, swap neighbours) from a to b: the optimal string alignment distance. */
static size_t edits(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[3][WORD_MOST + 1];
    if (n > WORD_MOST || m > WORD_MOST) return WORD_MOST;
    for (size_t j = 0; j <= m; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *above = row[(i + 2) % 3], *two_above = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two_above[j - 2] + 1 < best) best = two_above[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *np_cli_nearest(const char *word, const char *const *known, size_t n)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2; /* one slip in a short word, more in a long one */
    for (size_t i = 0; i < n; i++) {
        size_t d = edits(word, known[i]);
        /* A word cut short ("rep") is a better guess than its distance says. */
        if (strlen(word) >= 3 && strncmp(word, known[i], strlen(word)) == 0) d = 1;
        if (d < least && d < strlen(known[i])) {
            least = d;
            best = known[i];
        }
    }
    return best;
}

static const np_option *by_name(const np_usage *u, const char *name, size_t length)
{
    for (const np_option *o = u->option; o->name; o++) {
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    }
    return NULL;
}

static const np_option *by_letter(const np_usage *u, char letter)
{
    for (const np_option *o = u->option; o->name; o++) {
        if (o->letter == letter) return o;
    }
    return NULL;
}

static int unknown(const np_usage *u, const char *command, const char *name, size_t length)
{
    char word[WORD_MOST + 1];
    size_t n = 0, most = 1;
    for (const np_option *o = u->option; o->name; o++) most++;
    const char **known = malloc(most * sizeof *known);
    const char *near = NULL;
    if (known && length <= WORD_MOST) {
        memcpy(word, name, length);
        word[length] = 0;
        for (const np_option *o = u->option; o->name; o++) known[n++] = o->name;
        known[n++] = "help";
        near = np_cli_nearest(word, known, n);
    }
    free(known);
    return near ? np_cli_misused("%s: no option --%.*s; did you mean --%s?", command, (int)length, name, near)
                : np_cli_misused("%s: no option --%.*s; 'natpulse help %s' lists them", command, (int)length,
                                 name, command);
}

/* Decimal digits only: strtoull would take "-1" and " 7". */
static bool read_number(const char *text, uint64_t *out)
{
    if (!*text || strspn(text, "0123456789") != strlen(text)) return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

static bool take(const np_option *o, const char *command, const char *value)
{
    if (o->text) *o->text = value;
    if (o->texts) {
        const char **grown = realloc(o->texts->text, (o->texts->n + 1) * sizeof *grown);
        if (!grown) {
            np_cli_misused("out of memory for the options");
            return false;
        }
        o->texts->text = grown;
        grown[o->texts->n++] = value;
    }
    if (o->number) {
        uint64_t n;
        if (!read_number(value, &n) || n < o->least || n > o->most) {
            np_cli_misused("%s: --%s %s: expected a whole number from %llu to %llu", command, o->name, value,
                           (unsigned long long)o->least, (unsigned long long)o->most);
            return false;
        }
        *o->number = (np_number){.value = n, .given = true};
    }
    return true;
}

int np_cli_parse(const np_usage *u, int *argc, char **argv)
{
    const char *command = argv[0];
    int operands = 0;
    bool options = true;
    for (int i = 1; i < *argc; i++) {
        const char *word = argv[i];
        if (!options || word[0] != '-' || !word[1]) {
            argv[++operands] = argv[i];
            continue;
        }
        if (strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            np_cli_help(u, command, stdout);
            return 0;
        }
        const np_option *o;
        const char *value = NULL;
        if (word[1] == '-') {
            size_t length = strcspn(word + 2, "=");
            o = by_name(u, word + 2, length);
            if (!o) return unknown(u, command, word + 2, length);
            if (word[2 + length]) value = word + 2 + length + 1;
            if (!o->value && value) return np_cli_misused("%s: --%s takes no value", command, o->name);
        } else {
            o = by_letter(u, word[1]);
            if (!o)
                return np_cli_misused("%s: no option -%c; 'natpulse help %s' lists them", command, word[1],
                                      command);
            if (word[2]) value = word + 2;
            if (!o->value && value) return np_cli_misused("%s: -%c takes no value", command, o->letter);
        }
        if (!o->value) {
            *o->flag = true;
            continue;
        }
        if (!value) {
            if (i + 1 >= *argc)
                return np_cli_misused("%s: --%s needs a value: %s", command, o->name, o->value);
            value = argv[++i];
        }
        if (!take(o, command, value)) return NP_TROUBLE_USAGE;
    }
    if (operands < u->least)
        return np_cli_misused("%s: expected %s; see 'natpulse help %s'", command, u->operands, command);
    if (u->most >= 0 && operands > u->most) {
        return np_cli_misused("%s: one operand too many: '%s'; see 'natpulse help %s'", command,
                              argv[u->most + 1], command);
    }
    *argc = operands + 1;
    return NP_CLI_GO;
}

void np_texts_clear(np_texts *t)
{
    free(t->text);
    *t = (np_texts){0};
}

/* Columns that the longest "-o, --output FILE" of the table takes. */
static int option_width(const np_option *o)
{
    return (int)(6 + strlen(o->name) + (o->value ? 1 + strlen(o->value) : 0));
}

void np_cli_help(const np_usage *u, const char *name, FILE *out)
{
    fprintf(out, "usage: natpulse %s%s%s%s\n\n%s\n", name, u->option->name ? " [OPTION]..." : "",
            *u->operands ? " " : "", u->operands, u->about);
    if (!u->option->name) return;
    int width = 0;
    for (const np_option *o = u->option; o->name; o++) {
        if (option_width(o) > width) width = option_width(o);
    }
    fputs("\noptions:\n", out);
    for (const np_option *o = u->option; o->name; o++) {
        char letter[] = "    ";
        if (o->letter) memcpy(letter, (char[]){'-', o->letter, ',', ' '}, 4);
        fprintf(out, "  %s--%s%s%s%*s  %s\n", letter, o->name, o->value ? " " : "", o->value ? o->value : "",
                width - option_width(o), "", o->help);
    }
}
