/*
 * What advice should not be trusted without: each warning is one function that looks at all of it and, where
 * there is reason, gives one sentence with its numbers.
 */
#include "advise_work.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in studies: the t quantile dominates the interval below this. */
#define REPLICAS_FEW 5

const char *np_advice_warning_name(np_advice_warning w)
{
    static const char *const name[NP_ADVICE_COUNT] = {
        [NP_ADVICE_FEW_REPLICAS] = "few-replicas",
        [NP_ADVICE_LADDER_END] = "ladder-end",
        [NP_ADVICE_TIMEOUT_NOT_SEEN] = "timeout-not-seen",
        [NP_ADVICE_TABLE_NEVER_FULL] = "table-never-full",
        [NP_ADVICE_UNSURE] = "unsure",
        [NP_ADVICE_NOT_MONOTONE] = "not-monotone",
        [NP_ADVICE_NOTHING_DETECTED] = "nothing-detected",
    };
    return name[w];
}

#define NAMED 4 /* of more NATs, the others are counted */

/* "behind A (it forgets what is idle for 5d), B (1d) and 3 more": those of `n` NATs that are marked. */
static void say_nats(const np_advice *a, const bool *marked, FILE *out)
{
    char buf[48];
    uint32_t named = 0, more = 0;
    fputs("behind ", out);
    for (uint32_t n = 0; n < a->nats; n++) {
        if (!marked[n]) continue;
        if (named == NAMED) {
            more++;
            continue;
        }
        fprintf(out, "%s%.80s (%s%s)", named ? ", " : "", a->nat[n],
                named ? "" : "it forgets what is idle for ",
                np_time_format(buf, sizeof buf, np_advise_patience(&a->at_nat[n]->world)));
        named++;
    }
    if (more > 0) fprintf(out, " and %u more", more);
}

static const char *time_text(char buf[48], np_time t)
{
    return np_time_format(buf, 48, t);
}

static np_time measured(const np_advice *a)
{
    return a->scenario->world.duration - a->scenario->world.warmup;
}

/* ---- each ---- */

static void few_replicas(const np_advice *a, FILE *out, bool *marked)
{
    (void)marked;
    uint32_t n = a->scenario->replicas;
    if (n < REPLICAS_FEW)
        fprintf(out, "%u replicas; intervals are wide and shaky below %d (--replicas 10)", n, REPLICAS_FEW);
}

/* Whether some candidate holds behind it even at the end of the ladder. */
static bool holds_at_top(const np_advice *a, uint32_t nat)
{
    for (uint32_t k = 0; k < a->candidates; k++) {
        const np_candidate *c = &a->candidate[k];
        if (c->key && c->longest[nat] && c->longest[nat]->interval == a->rung[a->rungs - 1]) return true;
    }
    return false;
}

static void ladder_end(const np_advice *a, FILE *out, bool *marked)
{
    char buf[48];
    bool any = false;
    for (uint32_t n = 0; n < a->nats; n++) any |= marked[n] = holds_at_top(a, n);
    if (!any) return;
    say_nats(a, marked, out);
    fprintf(out,
            " the longest interval tried, %s, holds too: longer ones may, and no break was seen within the ",
            time_text(buf, a->rung[a->rungs - 1]));
    fprintf(out, "simulated %s", time_text(buf, a->scenario->world.duration));
    if (a->too_long > 0)
        fprintf(out, "; with a longer --duration %u more can be tried, each to be met %d times", a->too_long,
                NP_ADVISE_GAPS);
}

static void timeout_not_seen(const np_advice *a, FILE *out, bool *marked)
{
    char buf[48];
    for (uint32_t k = 0; k < a->candidates; k++) {
        const np_candidate *c = &a->candidate[k];
        bool any = false;
        for (uint32_t n = 0; n < a->nats; n++)
            any |= marked[n] = c->longest[n] && np_advise_patience(&a->at_nat[n]->world) > measured(a);
        if (!any || !np_candidate_is_silent(c)) continue;
        fprintf(out, "'%.60s' holds for the %s measured ", c->name, time_text(buf, measured(a)));
        say_nats(a, marked, out);
        fputs(": a longer silence than was simulated may break it", out);
        return;
    }
}

/* Whether the table was ever full in the runs of a trial; raises *peak to the most mappings there were. */
static bool was_full(const np_column *c, double *peak)
{
    bool full = false;
    for (uint32_t r = 0; r < c->replicas; r++) {
        full = full || c->replica[r]->table_was_full;
        *peak = fmax(*peak, c->replica[r]->value[NP_METRIC_NAT_ENTRIES_PEAK]);
    }
    return full;
}

static void table_never_full(const np_advice *a, FILE *out, bool *marked)
{
    uint32_t never = 0, fullest = 0;
    double share = -1, most = 0;
    for (uint32_t n = 0; n < a->nats; n++) {
        double peak = 0, capacity = a->at_nat[n]->world.nat[0].capacity;
        marked[n] = true;
        for (uint32_t t = 0; t < a->trials; t++)
            if (a->trial[t]->nat == n && was_full(a->trial[t]->column, &peak)) marked[n] = false;
        if (!marked[n]) continue;
        never++;
        if (peak / capacity <= share) continue;
        share = peak / capacity;
        most = peak;
        fullest = n;
    }
    if (never == 0) return;
    fprintf(
        out,
        "the table was never full behind %u of %u NATs (%s%.80s, at most %.0f of %u mappings): there only ",
        never, a->nats, never > 1 ? "the fullest: " : "", a->nat[fullest], most,
        a->at_nat[fullest]->world.nat[0].capacity);
    fputs("timeouts are judged, not what other traffic would evict", out);
}

static void unsure(const np_advice *a, FILE *out, bool *marked)
{
    (void)marked;
    char buf[48];
    uint32_t named = 0;
    for (uint32_t i = 0; i < a->trials; i++) {
        const np_trial *t = a->trial[i];
        const np_candidate *c = &a->candidate[t->candidate];
        bool next = t == c->longer[t->nat] || (!c->longest[t->nat] && t == c->nearest[t->nat]);
        if (t->standing != NP_UNSURE || !next) continue;
        if (named == 0) fprintf(out, "not known well enough to be advised: ");
        if (named++ >= NAMED) continue;
        fprintf(out, "%s'%.60s'%s%s behind %.80s", named == 1 ? "" : ", ", c->name, t->interval ? " at " : "",
                t->interval ? time_text(buf, t->interval) : "", a->nat[t->nat]);
    }
    if (named > NAMED) fprintf(out, " and %u more", named - NAMED);
    if (named > 0)
        fprintf(out, "; more replicas or a longer duration tell (--replicas %u)", 4 * a->scenario->replicas);
}

static void not_monotone(const np_advice *a, FILE *out, bool *marked)
{
    (void)marked;
    char buf[48];
    for (uint32_t k = 0; k < a->candidates; k++) {
        const np_trial *odd = a->candidate[k].odd;
        if (!odd) continue;
        fprintf(out,
                "'%.60s' at %s does not hold behind %.80s, though a longer interval does; the search takes "
                "shorter "
                "ones to be safer, so other intervals may hold too",
                a->candidate[k].name, time_text(buf, odd->interval), a->nat[odd->nat]);
        return;
    }
}

static void nothing_detected(const np_advice *a, FILE *out, bool *marked)
{
    (void)marked;
    if (!a->best) return;
    for (uint32_t i = 0; i < a->targets; i++) {
        if (a->target[i].metric >= 0) continue;
        for (uint32_t n = 0; n < a->nats; n++) {
            if (a->best->common[n]->seen[i].n > 0) continue;
            fprintf(
                out,
                "%.80s: nothing happened behind %.80s that could be too late; clients that vanish or roam "
                "(churn) "
                "put it to the test",
                a->target[i].text, a->nat[n]);
            return;
        }
    }
}

/* `marked` has room for a mark a NAT. */
typedef void np_look(const np_advice *a, FILE *out, bool *marked);

/* What it says, in the arena: "" when there is no reason to warn, NULL when memory is out. */
static const char *said(const np_advice *a, np_look *look, bool *marked)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    look(a, out, marked);
    const char *kept = fclose(out) == 0 ? np_arena_text(a->work->arena, text) : NULL;
    free(text);
    return kept;
}

bool np_advise_warn(np_advice *a)
{
    static np_look *const look[NP_ADVICE_COUNT] = {
        [NP_ADVICE_FEW_REPLICAS] = few_replicas,
        [NP_ADVICE_LADDER_END] = ladder_end,
        [NP_ADVICE_TIMEOUT_NOT_SEEN] = timeout_not_seen,
        [NP_ADVICE_TABLE_NEVER_FULL] = table_never_full,
        [NP_ADVICE_UNSURE] = unsure,
        [NP_ADVICE_NOT_MONOTONE] = not_monotone,
        [NP_ADVICE_NOTHING_DETECTED] = nothing_detected,
    };
    bool *marked = np_arena_alloc(a->work->arena, a->nats * sizeof *marked);
    for (int w = 0; w < NP_ADVICE_COUNT; w++) {
        const char *text = marked ? said(a, look[w], marked) : NULL;
        if (!text) return false;
        if (*text) a->warned[a->warnings++] = (np_advice_warned){(np_advice_warning)w, text};
    }
    return true;
}
