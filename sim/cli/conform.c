/*
 * natpulse conform [PROFILE...]
 */
#include "cli.h"
#include "natpulse/arena.h"
#include "natpulse/conformance.h"
#include "natpulse/output.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct conform_options {
    const char *rules, *output, *format;
    np_texts rule, set;
    np_number seed;
    bool quiet, no_progress;
} conform_options;

/* Names of profiles. */
typedef struct names {
    np_arena *arena;
    const char **name;
    uint32_t n, room;
    bool no_memory;
} names;

static void add_name(void *ctx, const np_profile_card *card)
{
    names *all = ctx;
    if (all->n == all->room) {
        uint32_t room = all->room ? 2 * all->room : 32;
        const char **grown = realloc(all->name, room * sizeof *grown);
        if (!grown) {
            all->no_memory = true;
            return;
        }
        all->name = grown;
        all->room = room;
    }
    const char *name = np_arena_text(all->arena, card->name);
    if (name)
        all->name[all->n++] = name;
    else
        all->no_memory = true;
}

/* ---- the rules asked about ---- */

/* Leaves only those that were named. False after a complaint. */
static bool choose_rules(np_rules *r, const np_texts *wanted)
{
    if (wanted->n == 0) return true;
    uint32_t kept = 0;
    for (uint32_t w = 0; w < wanted->n; w++) {
        uint32_t i = kept;
        while (i < r->n && strcmp(r->rule[i].name, wanted->text[w]) != 0) i++;
        if (i == r->n) {
            const char **known = malloc(r->n * sizeof *known);
            for (i = 0; known && i < r->n; i++) known[i] = r->rule[i].name;
            const char *near = known ? np_cli_nearest(wanted->text[w], known, r->n) : NULL;
            np_cli_misused("--rule %s: there is no such rule%s%s%s", wanted->text[w],
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            free(known);
            return false;
        }
        np_rule rule = r->rule[i];
        memmove(&r->rule[kept + 1], &r->rule[kept], (i - kept) * sizeof rule);
        r->rule[kept++] = rule;
    }
    for (uint32_t i = kept; i < r->n; i++) np_script_destroy(r->rule[i].script);
    r->n = kept;
    return true;
}

/* ---- step by step ---- */

static void print_step(void *ctx, const np_script_done *d)
{
    FILE *out = ctx;
    char when[40];
    const char *mark = !d->asked ? " " : d->met ? "+" : d->premise ? "." : "-";
    fprintf(out, "%s %4d %11s  %-52s | %s\n", mark, d->line, np_time_format(when, sizeof when, d->at),
            d->text, d->did);
}

static void print_rule(const np_rule *r, FILE *out)
{
    fprintf(out, "%s: %s\n%s (%s), %s\n", r->name, r->head->title, r->head->source,
            np_script_level_name(r->head->level), r->path);
    if (*r->head->about) fprintf(out, "%s\n", r->head->about);
    for (uint32_t i = 0; i < r->head->sets; i++)
        fprintf(out, "with %s %s, because %s\n", r->head->set[i].key, r->head->set[i].value,
                r->head->set[i].because);
}

/* ---- asking ---- */

typedef struct asking {
    const conform_options *o;
    np_rules rules;
    names profiles;
    np_sets sets;
    uint64_t seed;
    np_script_outcome *outcome;
    np_findings findings;
    np_error e;
} asking;

static bool ask(asking *a, uint32_t profile, uint32_t rule, FILE *steps)
{
    return np_rule_ask(&a->rules.rule[rule], a->profiles.name[profile], a->sets.set, a->sets.n, a->seed,
                       steps ? print_step : NULL, steps, &a->outcome[(size_t)profile * a->rules.n + rule],
                       &a->findings, &a->e);
}

static bool ask_all(asking *a, FILE *out, np_format format)
{
    np_progress progress;
    np_progress_begin(&progress, !a->o->quiet && !a->o->no_progress, "rules");
    uint32_t all = a->profiles.n * a->rules.n, done = 0;
    bool ok = true;
    for (uint32_t p = 0; p < a->profiles.n && ok; p++)
        for (uint32_t i = 0; i < a->rules.n && ok; i++) {
            ok = np_cli_stop ? np_fail(&a->e, NP_TROUBLE_RUN, "stopped by a signal") : ask(a, p, i, NULL);
            np_progress_step(&progress, ++done, all);
        }
    np_progress_end(&progress);
    if (!ok) return false;
    np_conformance c = {&a->rules, a->profiles.name, a->profiles.n, a->outcome, a->seed};
    return np_conformance_write(&c, format, out, &a->e);
}

static bool ask_in_steps(asking *a, FILE *out)
{
    for (uint32_t i = 0; i < a->rules.n; i++) {
        fputs(i ? "\n" : "", out);
        print_rule(&a->rules.rule[i], out);
        for (uint32_t p = 0; p < a->profiles.n; p++) {
            fprintf(out, "\n%s\n", a->profiles.name[p]);
            if (np_cli_stop) return np_fail(&a->e, NP_TROUBLE_RUN, "stopped by a signal");
            if (!ask(a, p, i, out)) return false;
            const np_script_outcome *o = &a->outcome[(size_t)p * a->rules.n + i];
            fprintf(out, "%s: %s%s%s\n", a->profiles.name[p], np_script_result_name(o->result),
                    o->result == NP_SCRIPT_NOT_APPLICABLE ? ": " : "",
                    o->result == NP_SCRIPT_NOT_APPLICABLE ? o->why : "");
        }
    }
    return true;
}

static bool find_profiles(asking *a, int argc, char **argv)
{
    if (!(a->profiles.arena = np_arena_create())) return np_fail_memory(&a->e, "the profiles");
    if (argc == 1 && !np_profile_list("nat", add_name, &a->profiles, &a->findings, &a->e)) return false;
    for (int i = 1; i < argc; i++) add_name(&a->profiles, &(np_profile_card){.name = argv[i]});
    return !a->profiles.no_memory || np_fail_memory(&a->e, "the profiles");
}

static bool write_out(asking *a, np_format format)
{
    size_t cells = (size_t)a->profiles.n * a->rules.n;
    if (!(a->outcome = calloc(cells + 1, sizeof *a->outcome))) return np_fail_memory(&a->e, "the results");
    np_output *out = np_output_open(a->o->output, &a->e);
    if (!out) return false;
    FILE *f = np_output_file(out);
    bool steps = a->o->rule.n > 0 && format == NP_FORMAT_TABLE;
    if (steps ? ask_in_steps(a, f) : ask_all(a, f, format)) return np_output_commit(out, &a->e);
    np_output_abandon(out);
    return false;
}

static int conform(const conform_options *o, int argc, char **argv)
{
    np_format format;
    if (!np_cli_format(o->format, o->output, &format)) return NP_TROUBLE_USAGE;
    if (format == NP_FORMAT_JSONL) return np_cli_misused("--format jsonl: expected table, md, csv or json");
    asking a = {.o = o, .seed = o->seed.given ? o->seed.value : 1};
    if (!np_cli_sets(&o->set, NULL, NULL, &a.sets)) return NP_TROUBLE_USAGE;
    int status = NP_TROUBLE_USAGE;
    if (!np_rules_load(o->rules, &a.rules, &a.findings, &a.e))
        status = np_cli_findings(&a.findings, &a.e);
    else if (choose_rules(&a.rules, &o->rule))
        status =
            find_profiles(&a, argc, argv) && write_out(&a, format) ? 0 : np_cli_findings(&a.findings, &a.e);
    np_findings_clear(&a.findings);
    np_rules_clear(&a.rules);
    np_arena_destroy(a.profiles.arena);
    free(a.profiles.name);
    free(a.outcome);
    np_cli_sets_free(&a.sets);
    return status;
}

int np_cmd_conform(int argc, char **argv)
{
    conform_options o = {0};
    const np_option option[] = {
        {"rule", 'r', "NAME", "only this rule, step by step: what is sent, expected and done (repeatable)",
         .texts = &o.rule},
        {"rules", 0, "DIR", "rules of your own: NAME.rule in DIR and the folders in it", .text = &o.rules},
        {"set", 0, "nat.KEY=VALUE", "override a value of every profile (repeatable)", .texts = &o.set},
        {"seed", 0, "N", "for random ports and evictions (1)", .number = &o.seed, .most = INT64_MAX},
        {"output", 'o', "FILE", "write the results there (standard output)", .text = &o.output},
        {"format", 'f', "FORMAT", "table, md, csv or json (by FILE's extension, else table)",
         .text = &o.format},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {
        "[PROFILE...]", 0, -1,
        "Asks NAT profiles (all of them when none is named) about rules: what RFC 4787, 5382, 5508, 6888 "
        "and\n"
        "7857 require, what Linux was seen to do, how each eviction policy chooses. A rule is a script of\n"
        "timed packets, and what should become of each; a profile meets it when its box does so. A rule "
        "that\n"
        "has no meaning for a box is not applicable.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) status = conform(&o, argc, argv);
    np_texts_clear(&o.rule);
    np_texts_clear(&o.set);
    return status;
}
