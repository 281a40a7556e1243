/*
 * The conformance of profiles to rules, in all formats.
 *
 *     rfc4787            1   2   3   4  5c
 *     linux              +   .   +   -   -
 *
 * Markdown has a row for each profile and a column for each folder: what is not met, by the rules' codes; and
 * a legend underneath.
 */
#include "natpulse/conformance.h"
#include "json.h"
#include "writers.h"
#include <inttypes.h>
#include <string.h>

#define WIDE 100 /* a block that would be wider is written as a list */

static const char marks[] = {
    [NP_SCRIPT_MEETS] = '+', [NP_SCRIPT_DOES_NOT] = '-', [NP_SCRIPT_NOT_APPLICABLE] = '.'};

const char *np_rule_code(const np_rule *r)
{
    const char *dash = strchr(r->name, '-');
    return dash && dash[1] ? dash + 1 : r->name;
}

static const np_script_outcome *at(const np_conformance *c, uint32_t profile, uint32_t rule)
{
    return &c->outcome[(size_t)profile * c->rules->n + rule];
}

/* The end of the folder that begins with rule `first`. */
static uint32_t group_end(const np_rules *r, uint32_t first)
{
    uint32_t end = first;
    while (end < r->n && strcmp(r->rule[end].group, r->rule[first].group) == 0) end++;
    return end;
}

/* Which rules by their level: a case is as good as a must. */
typedef enum strength { BOTH, MUSTS, OTHERS } strength;

static bool is_must(const np_rule *r)
{
    return r->head->level == NP_LEVEL_MUST || r->head->level == NP_LEVEL_CASE;
}

static bool counts(const np_conformance *c, uint32_t profile, uint32_t rule, np_script_result result,
                   strength which)
{
    return at(c, profile, rule)->result == result &&
           (which == BOTH || is_must(&c->rules->rule[rule]) == (which == MUSTS));
}

static uint32_t count(const np_conformance *c, uint32_t profile, uint32_t first, uint32_t end,
                      np_script_result result, strength which)
{
    uint32_t n = 0;
    for (uint32_t i = first; i < end; i++) n += counts(c, profile, i, result, which);
    return n;
}

/* Their codes, with spaces between. */
static void put_codes(const np_conformance *c, uint32_t profile, uint32_t first, uint32_t end,
                      np_script_result result, strength which, FILE *out)
{
    const char *gap = "";
    for (uint32_t i = first; i < end; i++) {
        if (!counts(c, profile, i, result, which)) continue;
        fprintf(out, "%s%s", gap, np_rule_code(&c->rules->rule[i]));
        gap = " ";
    }
}

/* "rfc4787" is RFC 4787. */
static int put_group(const np_rule *r, FILE *out)
{
    size_t digits = strspn(r->group + (strncmp(r->group, "rfc", 3) == 0 ? 3 : 0), "0123456789");
    bool rfc = digits > 0 && strlen(r->group) == 3 + digits;
    return rfc ? fprintf(out, "RFC %s", r->group + 3) : fprintf(out, "%s", r->group);
}

/* ---- the table ---- */

static void put_legend(const np_conformance *c, FILE *out)
{
    const np_rules *r = c->rules;
    for (uint32_t i = 0; i < r->n; i++) {
        if (i == 0 || strcmp(r->rule[i].group, r->rule[i - 1].group) != 0) {
            fputc('\n', out);
            put_group(&r->rule[i], out);
            fputc('\n', out);
        }
        fprintf(out, "  %-24s %-12s %s\n", r->rule[i].name, np_script_level_name(r->rule[i].head->level),
                r->rule[i].head->title);
    }
}

static int code_width(const np_rules *r, uint32_t rule)
{
    int n = (int)strlen(np_rule_code(&r->rule[rule]));
    return n < 2 ? 2 : n;
}

static void put_block(const np_conformance *c, uint32_t first, uint32_t end, int names, FILE *out)
{
    const np_rules *r = c->rules;
    int width = names;
    for (uint32_t i = first; i < end; i++) width += 1 + code_width(r, i);
    bool list = width > WIDE;
    fputc('\n', out);
    fprintf(out, "%*s", names - put_group(&r->rule[first], out), "");
    for (uint32_t i = first; i < end && !list; i++)
        fprintf(out, " %*s", code_width(r, i), np_rule_code(&r->rule[i]));
    fputc('\n', out);
    for (uint32_t p = 0; p < c->profiles; p++) {
        fprintf(out, "%-*s", names, c->profile[p]);
        for (uint32_t i = first; i < end && !list; i++)
            fprintf(out, " %*c", code_width(r, i), marks[at(c, p, i)->result]);
        for (int result = NP_SCRIPT_MEETS; result <= NP_SCRIPT_DOES_NOT && list; result++) {
            if (count(c, p, first, end, (np_script_result)result, BOTH) == 0) continue;
            fprintf(out, "  %c ", marks[result]);
            put_codes(c, p, first, end, (np_script_result)result, BOTH, out);
        }
        fputc('\n', out);
    }
}

static bool write_table(const np_conformance *c, FILE *out)
{
    int names = 8;
    for (uint32_t p = 0; p < c->profiles; p++)
        if ((int)strlen(c->profile[p]) > names) names = (int)strlen(c->profile[p]);
    for (uint32_t i = 0; i < c->rules->n; i++)
        if ((int)strlen(c->rules->rule[i].group) > names) names = (int)strlen(c->rules->rule[i].group);
    fprintf(out,
            "natpulse %s conform, seed %" PRIu64
            ": %u profiles, %u rules; + meets, - does not, . not applicable\n",
            NP_VERSION, c->seed, c->profiles, c->rules->n);
    for (uint32_t first = 0; first < c->rules->n; first = group_end(c->rules, first))
        put_block(c, first, group_end(c->rules, first), names, out);
    put_legend(c, out);
    return true;
}

/* ---- Markdown ---- */

/* Codes of broken musts; in parentheses of other advice not followed; in brackets of what is not applicable.
 */
static void put_cell(const np_conformance *c, uint32_t p, uint32_t first, uint32_t end, FILE *out)
{
    static const struct {
        np_script_result result;
        strength which;
        const char *before, *after;
    } parts[] = {{NP_SCRIPT_DOES_NOT, MUSTS, "", ""},
                 {NP_SCRIPT_DOES_NOT, OTHERS, "(", ")"},
                 {NP_SCRIPT_NOT_APPLICABLE, BOTH, "[", "]"}};
    const char *gap = "";
    if (count(c, p, first, end, NP_SCRIPT_DOES_NOT, BOTH) == 0) {
        fputs("all", out);
        gap = " ";
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (count(c, p, first, end, parts[i].result, parts[i].which) == 0) continue;
        fprintf(out, "%s%s", gap, parts[i].before);
        put_codes(c, p, first, end, parts[i].result, parts[i].which, out);
        fputs(parts[i].after, out);
        gap = " ";
    }
}

/* A folder of cases says how single products and policies are: most profiles have nothing to do with most of
 * it. */
static bool is_cases(const np_rules *r, uint32_t first, uint32_t end)
{
    while (first < end && r->rule[first].head->level == NP_LEVEL_CASE) first++;
    return first == end;
}

static void put_cases(const np_conformance *c, uint32_t first, uint32_t end, FILE *out)
{
    uint32_t applies = 0, keeps = 0, last = 0;
    for (uint32_t p = 0; p < c->profiles; p++) {
        uint32_t met = count(c, p, first, end, NP_SCRIPT_MEETS, BOTH);
        uint32_t not_met = count(c, p, first, end, NP_SCRIPT_DOES_NOT, BOTH);
        if (met + not_met > 0) last = p;
        applies += met + not_met > 0;
        keeps += met > 0 && not_met == 0;
    }
    fprintf(out, "\n**");
    put_group(&c->rules->rule[first], out);
    fprintf(out, "**: %u rules; ", end - first);
    if (applies == 1)
        fprintf(out, "some are for `%s`, which ", c->profile[last]);
    else
        fprintf(out, "some are for %u of the profiles, ", applies);
    if (keeps == applies) {
        fprintf(out, "%s all of these.\n", applies == 1 ? "meets" : "which meet");
        return;
    }
    fputs(applies == 1 ? "does not meet" : "of which do not meet", out);
    for (uint32_t p = 0; p < c->profiles; p++) {
        if (count(c, p, first, end, NP_SCRIPT_DOES_NOT, BOTH) == 0) continue;
        if (applies > 1) fprintf(out, " `%s`", c->profile[p]);
        fputc(' ', out);
        put_codes(c, p, first, end, NP_SCRIPT_DOES_NOT, BOTH, out);
        fputc(';', out);
    }
    fputs(" the others all.\n", out);
}

static void put_titles(const np_rules *r, uint32_t first, uint32_t end, FILE *out)
{
    fprintf(out, "\n**");
    put_group(&r->rule[first], out);
    fputs("**:", out);
    for (uint32_t i = first; i < end; i++)
        fprintf(out, " **%s** %s%s%s", np_rule_code(&r->rule[i]), r->rule[i].head->title,
                is_must(&r->rule[i]) ? "" : " (advice)", i + 1 < end ? ";" : ".\n");
}

static bool write_markdown(const np_conformance *c, FILE *out)
{
    const np_rules *r = c->rules;
    uint32_t end;
    fputs("| profile |", out);
    for (uint32_t i = 0; i < r->n; i = end)
        if (end = group_end(r, i), !is_cases(r, i, end)) {
            fputc(' ', out);
            put_group(&r->rule[i], out);
            fputs(" |", out);
        }
    fputs("\n| --- |", out);
    for (uint32_t i = 0; i < r->n; i = end)
        if (end = group_end(r, i), !is_cases(r, i, end)) fputs(" --- |", out);
    fputc('\n', out);
    for (uint32_t p = 0; p < c->profiles; p++) {
        fprintf(out, "| `%s` |", c->profile[p]);
        for (uint32_t i = 0; i < r->n; i = end)
            if (end = group_end(r, i), !is_cases(r, i, end)) {
                fputc(' ', out);
                put_cell(c, p, i, end, out);
                fputs(" |", out);
            }
        fputc('\n', out);
    }
    fputs("\nWhat a profile does not meet, by number; in parentheses advice (should, recommended) that it "
          "does not follow; in\n"
          "brackets what has no meaning for it.\n",
          out);
    for (uint32_t i = 0; i < r->n; i = end) {
        end = group_end(r, i);
        if (is_cases(r, i, end))
            put_cases(c, i, end, out);
        else
            put_titles(r, i, end, out);
    }
    return true;
}

/* ---- for programs ---- */

static bool write_csv(const np_conformance *c, FILE *out)
{
    fprintf(out, "# natpulse %s conform, seed %" PRIu64 "\nprofile,folder,rule,level,source,result,why\n",
            NP_VERSION, c->seed);
    for (uint32_t p = 0; p < c->profiles; p++)
        for (uint32_t i = 0; i < c->rules->n; i++) {
            const np_rule *r = &c->rules->rule[i];
            const np_script_outcome *o = at(c, p, i);
            np_put_field(c->profile[p], out);
            fprintf(out, ",%s,%s,%s,", r->group, r->name, np_script_level_name(r->head->level));
            np_put_field(r->head->source, out);
            fprintf(out, ",%s,", np_script_result_name(o->result));
            np_put_field(o->why, out);
            fputc('\n', out);
        }
    return true;
}

static json_t *rules_json(const np_rules *r)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < r->n; i++) {
        const np_rule *x = &r->rule[i];
        json_array_append_new(
            all, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "name", np_json_text(x->name), "folder",
                           np_json_text(x->group), "level", np_script_level_name(x->head->level), "source",
                           np_json_text(x->head->source), "title", np_json_text(x->head->title), "about",
                           np_json_text(x->head->about)));
    }
    return all;
}

static json_t *profiles_json(const np_conformance *c)
{
    json_t *all = json_array();
    for (uint32_t p = 0; p < c->profiles; p++) {
        json_t *results = json_object();
        for (uint32_t i = 0; i < c->rules->n; i++) {
            const np_script_outcome *o = at(c, p, i);
            json_t *line = o->line ? json_integer(o->line) : json_null();
            json_t *why = o->why[0] ? np_json_text(o->why) : json_null();
            json_object_set_new(results, c->rules->rule[i].name,
                                json_pack("{s:s, s:o, s:o}", "result", np_script_result_name(o->result),
                                          "line", line, "why", why));
        }
        json_array_append_new(all,
                              json_pack("{s:o, s:o}", "name", np_json_text(c->profile[p]), "rules", results));
    }
    return all;
}

static bool write_json(const np_conformance *c, FILE *out)
{
    json_t *j = json_pack("{s:s, s:o, s:o, s:o}", "natpulse", NP_VERSION, "seed", np_json_whole(c->seed),
                          "rules", rules_json(c->rules), "profiles", profiles_json(c));
    if (j) np_json_print(j, out);
    json_decref(j);
    return j != NULL;
}

bool np_conformance_write(const np_conformance *c, np_format f, FILE *out, np_error *e)
{
    bool ok;
    switch (f) {
    case NP_FORMAT_TABLE: ok = write_table(c, out); break;
    case NP_FORMAT_MARKDOWN: ok = write_markdown(c, out); break;
    case NP_FORMAT_CSV: ok = write_csv(c, out); break;
    case NP_FORMAT_JSON: ok = write_json(c, out); break;
    default: return np_fail(e, NP_TROUBLE_USAGE, "conformance is written as table, md, csv or json");
    }
    return ok || np_fail_memory(e, "the conformance table");
}
