/*
 * The search for advice.
 *
 *     candidates x NATs      lanes, each a search on the ladder (ladder.c)
 *     round 1                every lane asks for its rungs; all are run together (advise_trial.c)
 *     round 2 ...            until no lane asks
 *     then                   the longest interval that holds behind every NAT is run where it was not yet
 *
 * Where a lane begins is a guess from the timeouts of its box; a box whose table is the limit costs a few
 * rounds more. Nothing is inferred: what is said to hold was run, and so was the next longer interval that
 * does not.
 *
 * A longer interval is taken to lower costs and to do everything else no good. Targets about costs are
 * therefore left out of the search and held against what it has found: where the longest interval costs too
 * much, so do the shorter ones.
 *
 * Memory: all runs are kept until the advice is destroyed, some 30 kB each.
 */
#include "natpulse/advise.h"
#include "advise_work.h"
#include "ladder.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_BY_DEFAULT "reachable_fraction > 99.9%"

static const np_time LADDER[] = {
    10 * NP_SECOND, 15 * NP_SECOND, 20 * NP_SECOND, 25 * NP_SECOND, 30 * NP_SECOND, 45 * NP_SECOND,
    NP_MINUTE,      90 * NP_SECOND, 2 * NP_MINUTE,  3 * NP_MINUTE,  4 * NP_MINUTE,  5 * NP_MINUTE,
    6 * NP_MINUTE,  8 * NP_MINUTE,  10 * NP_MINUTE, 15 * NP_MINUTE, 20 * NP_MINUTE, 30 * NP_MINUTE,
    45 * NP_MINUTE, NP_HOUR,        90 * NP_MINUTE, 2 * NP_HOUR,
};
#define RUNGS (sizeof LADDER / sizeof *LADDER)

/* ---- setting out ---- */

static bool copy_texts(np_arena *arena, const char *const *from, uint32_t n, const char **to)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(to[i] = np_arena_text(arena, from[i]))) return false;
    return true;
}

/* The caller's overrides, and what takes back what is of no use here, where the scenario has it. */
static bool set_sets(np_advice *a, const np_advise_options *o, const np_scenario *whole, np_error *e)
{
    struct np_advice_work *w = a->work;
    w->set = np_arena_alloc(w->arena, (o->sets + 3) * sizeof *w->set);
    const char **text = np_arena_alloc(w->arena, 2 * (o->sets + 1) * sizeof *text);
    bool ok = w->set && text;
    for (uint32_t i = 0; ok && i < o->sets; i++) {
        const char *pair[] = {o->set[i].path, o->set[i].value};
        ok = copy_texts(w->arena, pair, 2, text + 2 * i);
        w->set[i] = (np_override){text[2 * i], text[2 * i + 1]};
    }
    w->sets = o->sets;
    if (ok && whole->varied > 0) w->set[w->sets++] = (np_override){"vary", "{}"};
    if (ok && whole->expectations > 0) w->set[w->sets++] = (np_override){"expect", "[]"};
    if (ok && whole->precision.goals > 0) w->set[w->sets++] = (np_override){"precision", "off"};
    return ok || np_fail_memory(e, "the overrides");
}

/* The targets, those of the scenario as it was written where the caller has none. */
static bool set_targets(np_advice *a, const np_advise_options *o, const np_scenario *whole,
                        np_findings *findings, np_error *e)
{
    struct np_advice_work *w = a->work;
    uint32_t most = o->targets + whole->expectations + 1, n = 0;
    const char **text = np_arena_alloc(w->arena, most * sizeof *text);
    np_expectation *target = np_arena_alloc(w->arena, most * sizeof *target);
    bool ok = (text && target) || np_fail_memory(e, "the targets");
    for (uint32_t i = 0; ok && i < o->targets; i++) text[n++] = o->target[i];
    for (uint32_t i = 0; ok && o->targets == 0 && i < whole->expectations; i++)
        if (whole->expectation[i].strategy == NP_EVERY_STRATEGY) text[n++] = whole->expectation[i].text;
    if (ok && n == 0) text[n++] = TARGET_BY_DEFAULT;
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = np_expectation_read(text[i], "--target", w->base, &target[i], findings, e);
        if (ok && target[i].strategy != NP_EVERY_STRATEGY)
            ok = np_fail(
                e, NP_TROUBLE_USAGE,
                "--target: '%.200s': every candidate is held against a target; leave out the strategy",
                text[i]);
    }
    a->target = target;
    a->targets = n;
    return ok;
}

/* The rungs that the simulated time is long enough for. */
static bool set_ladder(np_advice *a, const np_advise_options *o, np_error *e)
{
    const np_time *from = o->rungs ? o->rung : LADDER;
    uint32_t rungs = o->rungs ? o->rungs : (uint32_t)RUNGS;
    const np_world_config *w = &a->scenario->world;
    np_time most = (w->duration - w->warmup) / NP_ADVISE_GAPS;
    np_time *rung = np_arena_alloc(a->work->arena, rungs * sizeof *rung);
    char least[48], measured[48];
    if (!rung) return np_fail_memory(e, "the ladder");
    for (uint32_t i = 0; i < rungs; i++) {
        assert(from[i] > 0 && (i == 0 || from[i] > from[i - 1]));
        if (from[i] <= most) rung[a->rungs++] = from[i];
    }
    a->rung = rung;
    a->too_long = rungs - a->rungs;
    if (a->rungs > 0) return true;
    return np_fail(
        e, NP_TROUBLE_USAGE,
        "the %s that are measured are too short for an interval of %s, of which they should hold %d; "
        "expected a longer duration",
        np_time_format(measured, sizeof measured, w->duration - w->warmup),
        np_time_format(least, sizeof least, from[0]), NP_ADVISE_GAPS);
}

static const char *own_name(np_arena *arena, const np_world_config *w)
{
    const char *name = NULL;
    for (uint32_t i = 0; i < w->nats; i++) {
        const char *one = w->nat[i].name && *w->nat[i].name ? w->nat[i].name : "own box";
        name = name ? np_arena_format(arena, "%s, %s", name, one) : np_arena_text(arena, one);
        if (!name) return NULL;
    }
    return name;
}

static bool set_nats(np_advice *a, const np_advise_options *o, np_findings *findings, np_error *e)
{
    struct np_advice_work *w = a->work;
    a->nats = o->nats ? o->nats : 1;
    const char **name = np_arena_alloc(w->arena, a->nats * sizeof *name);
    w->at_nat = np_arena_alloc(w->arena, a->nats * sizeof *w->at_nat);
    if (!name || !w->at_nat) return np_fail_memory(e, "the NATs");
    for (uint32_t i = 0; i < a->nats; i++) {
        const char *nat = o->nats ? o->nat[i] : NULL;
        w->at_nat[i] = np_advise_load(a, nat, NULL, 0, NULL, NULL, findings, e);
        if (!w->at_nat[i]) return false;
        name[i] = nat ? np_arena_text(w->arena, nat) : own_name(w->arena, &w->at_nat[i]->world);
        if (!name[i]) return np_fail_memory(e, "the NATs");
    }
    a->nat = name;
    a->at_nat = (const np_scenario **)w->at_nat;
    return true;
}

/* ---- candidates and their lanes ---- */

static const char *key_of(const np_strategy *s)
{
    if (s->beat.strategy && np_beat_has_every(s->beat.strategy)) return "heartbeat.every";
    return s->keepalive.on && !s->beat.strategy ? "keepalive.idle" : NULL;
}

np_time np_advise_patience(const np_world_config *w)
{
    np_time least = NP_NEVER;
    for (uint32_t g = 0; g < w->groups; g++) {
        if (!w->group[g].measure) continue;
        np_timeout class =
            w->group[g].transport == NP_UDP ? NP_TIMEOUT_UDP_STREAM : NP_TIMEOUT_TCP_ESTABLISHED;
        for (uint32_t i = 0; i < w->nats; i++)
            if (w->nat[i].timeout[class] < least) least = w->nat[i].timeout[class];
    }
    return least;
}

/* The longest rung below it. */
static uint32_t guess(const np_advice *a, np_time below)
{
    uint32_t i = 0;
    while (i + 1 < a->rungs && a->rung[i + 1] < below) i++;
    return i;
}

static bool set_candidate(np_advice *a, uint32_t k)
{
    np_arena *arena = a->work->arena;
    np_candidate *c = &a->candidate[k];
    const np_trial ***list[] = {&c->longest, &c->longer, &c->nearest, &c->common};
    *c = (np_candidate){.name = a->scenario->strategy[k].name, .as_is = &a->scenario->strategy[k]};
    c->key = key_of(c->as_is);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!(*list[i] = np_arena_alloc(arena, a->nats * sizeof **list[i]))) return false;
    for (uint32_t n = 0; n < a->nats; n++) {
        np_lane *l = np_lane_of(a, k, n);
        l->rungs = c->key ? a->rungs : 1;
        l->rung = np_arena_alloc(arena, l->rungs);
        l->trial = np_arena_alloc(arena, l->rungs * sizeof *l->trial);
        if (!l->rung || !l->trial) return false;
        l->guess = c->key ? guess(a, np_advise_patience(&a->at_nat[n]->world)) : 0;
    }
    return true;
}

static bool set_candidates(np_advice *a, np_error *e)
{
    struct np_advice_work *w = a->work;
    a->candidates = a->scenario->strategies;
    a->candidate = np_arena_alloc(w->arena, a->candidates * sizeof *a->candidate);
    w->lane = np_arena_alloc(w->arena, (size_t)a->candidates * a->nats * sizeof *w->lane);
    bool ok = a->candidate && w->lane;
    for (uint32_t k = 0; ok && k < a->candidates; k++) ok = set_candidate(a, k);
    return ok || np_fail_memory(e, "the candidates");
}

static bool has_radio(const np_world_config *w)
{
    for (uint32_t g = 0; g < w->groups; g++)
        if (w->group[g].measure && w->group[g].radio.name) return true;
    return false;
}

/* The scenario as it was written gives targets; without its vary, expect and precision it is what is run. */
static bool set_base(np_advice *a, const np_advise_options *o, np_findings *findings, np_error *e)
{
    struct np_advice_work *w = a->work;
    np_scenario *whole = np_scenario_load(a->path, o->set, o->sets, findings, e);
    if (!whole) return false;
    bool ok = set_sets(a, o, whole, e) &&
              (w->base = np_advise_load(a, NULL, NULL, 0, NULL, NULL, findings, e)) != NULL &&
              set_targets(a, o, whole, findings, e);
    np_scenario_destroy(whole);
    a->scenario = w->base;
    return ok;
}

static bool set_out(np_advice *a, const np_advise_options *o, np_findings *findings, np_error *e)
{
    struct np_advice_work *w = a->work;
    a->path = np_arena_text(w->arena, o->path);
    a->cost = o->cost;
    if (!a->path) return np_fail_memory(e, "the path");
    if (!set_base(a, o, findings, e)) return false;
    if (w->base->replicas < 2)
        return np_fail(e, NP_TROUBLE_USAGE, "one replica gives no interval; expected 2 replicas or more");
    if (o->cost == NP_METRIC_ENERGY && !has_radio(&w->base->world))
        return np_fail(
            e, NP_TROUBLE_USAGE,
            "energy has no meaning without a radio; expected one at a measured group (clients[].radio)");
    return set_ladder(a, o, e) && set_nats(a, o, findings, e) && set_candidates(a, e);
}

/* ---- searching ---- */

/* The longest interval that may hold behind all NATs behind which any does; -1: behind none. Over once no
   lane of the candidate asks. */
static int common(const np_advice *a, uint32_t k)
{
    int rung = INT32_MAX;
    for (uint32_t n = 0; n < a->nats; n++) {
        const np_lane *l = np_lane_of(a, k, n);
        int longest = np_ladder_longest(l->rung, l->rungs);
        if (longest >= 0 && longest < rung) rung = longest;
    }
    if (rung == INT32_MAX) return -1;
    for (uint32_t n = 0; rung >= 0 && n < a->nats; n++) {
        const np_lane *l = np_lane_of(a, k, n);
        if (l->rung[rung] != NP_RUNG_FAILS || np_ladder_longest(l->rung, l->rungs) < 0) continue;
        rung--; /* not monotone behind this one: shorter, and asked anew of all */
        n = UINT32_MAX;
    }
    return rung;
}

/* What the candidate still has to know, at most 2 a NAT or a scan. */
static uint32_t ask(const np_advice *a, uint32_t k, np_asked *asked, uint32_t *want)
{
    uint32_t n = 0;
    for (uint32_t nat = 0; nat < a->nats; nat++) {
        const np_lane *l = np_lane_of(a, k, nat);
        uint32_t wanted = np_ladder_next(l->rung, l->rungs, l->guess, want);
        for (uint32_t i = 0; i < wanted; i++) asked[n++] = (np_asked){k, nat, want[i]};
    }
    if (n > 0) return n;
    int rung = common(a, k);
    for (uint32_t nat = 0; rung >= 0 && nat < a->nats; nat++) {
        const np_lane *l = np_lane_of(a, k, nat);
        if (l->rung[rung] == NP_RUNG_UNKNOWN && np_ladder_longest(l->rung, l->rungs) >= 0)
            asked[n++] = (np_asked){k, nat, (uint32_t)rung};
    }
    return n;
}

#define OUTLOOK 2 /* more rungs that a lane which asked is likely to need */

static bool search(np_advice *a, const np_advise_options *o, np_findings *findings, np_error *e)
{
    np_asked *asked =
        np_arena_alloc(a->work->arena, (size_t)a->candidates * a->nats * (a->rungs + 1) * sizeof *asked);
    uint32_t *want = np_arena_alloc(a->work->arena, (a->rungs + 1) * sizeof *want);
    if (!asked || !want) return np_fail_memory(e, "the search");
    for (;;) {
        uint32_t n = 0, searching = 0;
        for (uint32_t k = 0; k < a->candidates; k++) {
            uint32_t more = ask(a, k, asked + n, want);
            n += more;
            if (a->candidate[k].key) searching += more;
        }
        if (n == 0) return true;
        if (!np_advise_round(a, o, asked, n, searching * OUTLOOK * a->scenario->replicas, findings, e))
            return false;
    }
}

/* ---- what was found ---- */

/* How far a trial is from its targets: of the one that is missed most, the share of its bound that is
 * missing. */
static double distance(const np_advice *a, const np_trial *t)
{
    double most = 0;
    for (uint32_t i = 0; i < a->targets; i++) {
        if (t->of[i] == NP_HOLDS) continue;
        const np_estimate *seen = &t->seen[i];
        double bound = a->target[i].bound;
        double low = fabs(seen->low - bound), high = fabs(seen->high - bound);
        double off = (isnan(low) ? INFINITY : fmax(low, high)) / fmax(fabs(bound), 1e-9);
        most = fmax(most, off);
    }
    return most;
}

static void find_nearest(np_advice *a, np_candidate *c, uint32_t nat, const np_lane *l)
{
    for (uint32_t r = 0; r < l->rungs; r++) {
        const np_trial *t = l->trial[r], *best = c->nearest[nat];
        if (t && (!best || distance(a, t) < distance(a, best))) c->nearest[nat] = t;
    }
}

/* The ladder leaves targets about cost out: what it found must meet them too. */
static void conclude_lane(np_advice *a, uint32_t k, uint32_t nat)
{
    np_candidate *c = &a->candidate[k];
    const np_lane *l = np_lane_of(a, k, nat);
    int longest = np_ladder_longest(l->rung, l->rungs), odd = np_ladder_odd(l->rung, l->rungs);
    const np_trial *found = longest >= 0 ? l->trial[longest] : NULL;
    if (found && found->standing == NP_HOLDS) {
        c->longest[nat] = found;
        if (longest + 1 < (int)l->rungs) c->longer[nat] = l->trial[longest + 1];
    } else if (found) {
        c->nearest[nat] = found;
    } else {
        find_nearest(a, c, nat, l);
    }
    if (odd >= 0 && !c->odd) c->odd = l->trial[odd];
}

static void conclude_candidate(np_advice *a, uint32_t k)
{
    np_candidate *c = &a->candidate[k];
    for (uint32_t n = 0; n < a->nats; n++) conclude_lane(a, k, n);
    int rung = common(a, k);
    c->holds = true;
    c->cost = (np_estimate){.mean = NAN, .low = NAN, .high = NAN};
    for (uint32_t n = 0; n < a->nats; n++) {
        const np_lane *l = np_lane_of(a, k, n);
        bool borne = rung >= 0 && np_ladder_longest(l->rung, l->rungs) >= 0;
        const np_trial *t = c->common[n] = borne ? l->trial[rung] : NULL;
        c->holds = c->holds && t && t->standing == NP_HOLDS;
        if (!t) continue;
        const np_estimate *cost = &t->column->value[a->cost];
        if (!(cost->mean <= c->cost.mean)) c->cost = *cost;
        c->interval = t->interval;
    }
}

/* Where a candidate that does not hold behind all misses most; *held: behind how many it does. */
static const np_trial *misses(const np_advice *a, const np_candidate *c, uint32_t *held)
{
    const np_trial *worst = NULL;
    *held = 0;
    for (uint32_t n = 0; n < a->nats; n++) {
        const np_trial *t = c->longest[n] ? c->common[n] : c->nearest[n];
        *held += c->longest[n] != NULL;
        if (!t || t->standing == NP_HOLDS) continue;
        if (!worst || distance(a, t) > distance(a, worst)) worst = t;
    }
    return worst;
}

static void choose(np_advice *a)
{
    for (uint32_t k = 0; k < a->candidates; k++) {
        const np_candidate *c = &a->candidate[k];
        if (c->holds && !isnan(c->cost.mean) && (!a->best || c->cost.mean < a->best->cost.mean)) a->best = c;
    }
    uint32_t most = 0, held;
    for (uint32_t k = 0; k < a->candidates && !a->best; k++) {
        const np_trial *t = misses(a, &a->candidate[k], &held);
        if (!t) continue;
        bool nearer =
            !a->obstacle || held > most || (held == most && distance(a, t) < distance(a, a->obstacle));
        if (!nearer) continue;
        a->obstacle = t;
        most = held;
    }
}

/* All trials, by candidate, NAT and interval. */
static bool list_trials(np_advice *a)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < a->candidates * a->nats; i++) all += a->work->lane[i].rungs;
    a->trial = np_arena_alloc(a->work->arena, (all + 1) * sizeof *a->trial);
    if (!a->trial) return false;
    for (uint32_t i = 0; i < a->candidates * a->nats; i++) {
        const np_lane *l = &a->work->lane[i];
        for (uint32_t r = 0; r < l->rungs; r++)
            if (l->trial[r]) a->trial[a->trials++] = l->trial[r];
    }
    return true;
}

static bool conclude(np_advice *a, np_error *e)
{
    for (uint32_t k = 0; k < a->candidates; k++) conclude_candidate(a, k);
    choose(a);
    return (list_trials(a) && np_advise_warn(a)) || np_fail_memory(e, "the advice");
}

bool np_candidate_is_silent(const np_candidate *c)
{
    const np_strategy *s = c->as_is;
    bool beats = s->beat.strategy && strcmp(s->beat.strategy, "none") != 0;
    return s->connection != NP_CONNECTION_PER_REQUEST && !beats && !s->keepalive.on;
}

/* ---- all of it ---- */

np_advice *np_advise(const np_advise_options *o, np_findings *findings, np_error *e)
{
    np_advice *a = calloc(1, sizeof *a);
    struct np_advice_work *w = calloc(1, sizeof *w);
    *findings = (np_findings){0};
    if (!a || !w || !(w->arena = np_arena_create())) {
        free(a);
        free(w);
        np_fail_memory(e, "the advice");
        return NULL;
    }
    a->work = w;
    if (set_out(a, o, findings, e) && search(a, o, findings, e) && conclude(a, e)) return a;
    np_advice_destroy(a);
    return NULL;
}

void np_advice_destroy(np_advice *a)
{
    if (!a) return;
    struct np_advice_work *w = a->work;
    for (uint32_t i = 0; i < w->rounds; i++) np_study_destroy(w->round[i]);
    for (uint32_t i = 0; w->at_nat && i < a->nats; i++) np_scenario_destroy(w->at_nat[i]);
    np_scenario_destroy(w->base);
    np_arena_destroy(w->arena);
    free(w->round);
    free(w);
    free(a);
}
