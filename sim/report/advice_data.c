/*
 * Advice for programs, all trials with all figures: JSON, and CSV with a row for each trial and figure.
 *
 *     # natpulse 0.1.0
 *     # scenario advise, seed 1, replicas 5
 *     candidate,nat,interval_s,holds,key,mean,low,high
 *     keepalive,lru-box,45,yes,reachable_fraction,0.99998,0.99997,0.99999
 */
#include "advice.h"
#include "json.h"
#include "writers.h"
#include <inttypes.h>
#include <math.h>

/* ---- JSON ---- */

static json_t *seconds(np_time interval)
{
    return interval > 0 ? json_real(np_seconds(interval)) : json_null();
}

static json_t *targets_of(const np_advice *a, const np_trial *t)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < a->targets; i++) {
        const np_estimate *e = &t->seen[i];
        json_array_append_new(all,
                              json_pack("{s:o, s:o, s:o, s:s}", "target", np_json_text(a->target[i].text),
                                        "value", np_json_number(e->mean), "ci95",
                                        json_pack("[o, o]", np_json_number(e->low), np_json_number(e->high)),
                                        "holds", np_advice_standing(t->of[i])));
    }
    return all;
}

static json_t *settings_of(const np_trial *t)
{
    json_t *all = json_object();
    for (uint32_t i = 0; i < t->sets; i++)
        json_object_set_new(all, t->set[i].path, np_json_text(t->set[i].value));
    return all;
}

static json_t *trial_of(const np_advice *a, const np_trial *t, np_arena *arena)
{
    const char *command = np_advice_command(a, t, arena);
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:o}", "candidate",
                     np_json_text(a->candidate[t->candidate].name), "nat", np_json_text(a->nat[t->nat]),
                     "interval_s", seconds(t->interval), "holds", np_advice_standing(t->standing), "targets",
                     targets_of(a, t), "digest", t->digest, "set", settings_of(t), "command",
                     np_json_text(command ? command : ""), "metrics", np_json_metrics(t->column));
}

static json_t *longest_of(const np_advice *a, const np_candidate *c)
{
    json_t *all = json_object();
    for (uint32_t n = 0; n < a->nats; n++) {
        json_t *value = c->longest[n] ? c->key ? seconds(c->longest[n]->interval) : json_true() : json_null();
        json_object_set_new(all, a->nat[n], value);
    }
    return all;
}

static json_t *candidate_of(const np_advice *a, const np_candidate *c)
{
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "name", np_json_text(c->name), "key",
                     c->key ? json_string(c->key) : json_null(), "holds", c->holds, "interval_s",
                     c->holds ? seconds(c->interval) : json_null(), "cost",
                     c->holds ? np_json_number(c->cost.mean) : json_null(), "longest", longest_of(a, c));
}

static json_t *advice_of(const np_advice *a)
{
    const np_candidate *c = a->best;
    if (!c) return json_null();
    return json_pack("{s:o, s:o, s:o, s:f}", "candidate", np_json_text(c->name), "key",
                     c->key ? json_string(c->key) : json_null(), "interval_s", seconds(c->interval), "cost",
                     c->cost.mean);
}

static json_t *texts(const char *const *text, uint32_t n)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(all, np_json_text(text[i]));
    return all;
}

static json_t *document(const np_advice *a, np_arena *arena)
{
    const np_scenario *s = a->scenario;
    const char *answer = np_advice_answer(a, arena);
    json_t *root = json_pack("{s:s, s:o, s:o, s:I, s:f, s:s, s:o}", "natpulse", NP_VERSION, "scenario",
                             np_json_text(s->name), "seed", np_json_whole(s->world.seed), "replicas",
                             (json_int_t)s->replicas, "duration_s", np_seconds(s->world.duration), "cost",
                             np_metric_about(a->cost)->key, "nats", texts(a->nat, a->nats));
    json_t *targets = json_array(), *candidates = json_array(), *trials = json_array(),
           *warnings = json_array();
    for (uint32_t i = 0; i < a->targets; i++) json_array_append_new(targets, np_json_text(a->target[i].text));
    for (uint32_t k = 0; k < a->candidates; k++)
        json_array_append_new(candidates, candidate_of(a, &a->candidate[k]));
    for (uint32_t t = 0; t < a->trials; t++) json_array_append_new(trials, trial_of(a, a->trial[t], arena));
    for (uint32_t w = 0; w < a->warnings; w++)
        json_array_append_new(warnings,
                              json_pack("{s:s, s:o}", "name", np_advice_warning_name(a->warned[w].which),
                                        "text", np_json_text(a->warned[w].text)));
    json_object_set_new(root, "targets", targets);
    json_object_set_new(root, "answer", np_json_text(answer ? answer : ""));
    json_object_set_new(root, "advice", advice_of(a));
    json_object_set_new(root, "candidates", candidates);
    json_object_set_new(root, "trials", trials);
    return json_object_set_new(root, "warnings", warnings) == 0 && answer ? root : NULL;
}

bool np_write_advice_json(const np_advice *a, FILE *out)
{
    np_arena *arena = np_arena_create();
    json_t *root = arena ? document(a, arena) : NULL;
    if (root) np_json_print(root, out);
    json_decref(root);
    np_arena_destroy(arena);
    return root != NULL;
}

/* ---- CSV ---- */

static void put_row(const np_advice *a, const np_trial *t, const char *key, const char *part,
                    const np_estimate *e, FILE *out)
{
    np_put_field(a->candidate[t->candidate].name, out);
    fputc(',', out);
    np_put_field(a->nat[t->nat], out);
    fputc(',', out);
    if (t->interval > 0) fprintf(out, "%.15g", np_seconds(t->interval));
    fprintf(out, ",%s,%s%s", np_advice_standing(t->standing), key, part);
    const double value[] = {e->mean, e->low, e->high};
    for (int i = 0; i < 3; i++) {
        fputc(',', out);
        if (isfinite(value[i])) fprintf(out, "%.15g", value[i]);
    }
    fputc('\n', out);
}

static void put_spread(const np_advice *a, const np_trial *t, int d, FILE *out)
{
    static const char *const part[] = {[NP_SPREAD_PART_P50] = ".p50",
                                       [NP_SPREAD_PART_P95] = ".p95",
                                       [NP_SPREAD_PART_P99] = ".p99",
                                       [NP_SPREAD_PART_MAX] = ".max",
                                       [NP_SPREAD_PART_CENSORED] = ".censored"};
    for (size_t p = 0; p < sizeof part / sizeof *part; p++) {
        const np_expectation x = {.metric = -1, .spread = d, .part = (np_spread_part)p};
        np_estimate e = np_expectation_seen(&x, t->column);
        put_row(a, t, np_spread_about((np_spread)d)->key, part[p], &e, out);
    }
}

bool np_write_advice_csv(const np_advice *a, FILE *out)
{
    np_arena *arena = np_arena_create();
    const char *answer = arena ? np_advice_answer(a, arena) : NULL;
    fprintf(out, "# natpulse %s\n# scenario ", NP_VERSION);
    np_put_comment(a->scenario->name, out);
    fprintf(out, ", seed %" PRIu64 ", replicas %u\n# ", a->scenario->world.seed, a->scenario->replicas);
    if (answer) np_put_comment(answer, out);
    fputs("\ncandidate,nat,interval_s,holds,key,mean,low,high\n", out);
    for (uint32_t i = 0; i < a->trials; i++) {
        const np_trial *t = a->trial[i];
        for (int m = 0; m < NP_METRIC_COUNT; m++)
            put_row(a, t, np_metric_about((np_metric)m)->key, "", &t->column->value[m], out);
        for (int d = 0; d < NP_SPREAD_COUNT; d++) put_spread(a, t, d, out);
    }
    for (uint32_t w = 0; w < a->warnings; w++) {
        fprintf(out, "# warning %s: ", np_advice_warning_name(a->warned[w].which));
        np_put_comment(a->warned[w].text, out);
        fputc('\n', out);
    }
    np_arena_destroy(arena);
    return answer != NULL;
}
