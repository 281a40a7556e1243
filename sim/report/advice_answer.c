/*
 * Composing the answer. Every number in it is of a trial; shares are rounded down, so that what is not 100 %
 * never reads so.
 */
#include "advice.h"
#include "answer.h"
#include "words.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NATS_NAMED 4 /* more are counted, not named */

char *np_advice_interval(char *buf, size_t size, np_time interval)
{
    if (interval > 0) return np_words_time(buf, size, interval);
    snprintf(buf, size, "as it is");
    return buf;
}

const char *np_advice_standing(np_standing s)
{
    return s == NP_HOLDS ? "yes" : s == NP_UNSURE ? "unsure" : "no";
}

/* ---- targets ---- */

static const np_metric_info *about(const np_expectation *x)
{
    return x->metric >= 0 ? np_metric_about((np_metric)x->metric) : np_spread_about((np_spread)x->spread);
}

static bool is_share(const np_expectation *x)
{
    return x->metric >= 0 && strstr(about(x)->key, "_fraction");
}

static bool is_time(const np_expectation *x)
{
    return strcmp(about(x)->unit, "s") == 0 && (x->metric >= 0 || x->part != NP_SPREAD_PART_CENSORED);
}

const char *np_advice_bound(const np_expectation *x)
{
    const char *at = strpbrk(x->text, "<>");
    return at ? at : x->text;
}

char *np_advice_heading(char *buf, size_t size, const np_expectation *x)
{
    static const char *const part[] = {[NP_SPREAD_PART_P50] = " p50",
                                       [NP_SPREAD_PART_P95] = " p95",
                                       [NP_SPREAD_PART_P99] = " p99",
                                       [NP_SPREAD_PART_MAX] = " max",
                                       [NP_SPREAD_PART_CENSORED] = ": never"};
    snprintf(buf, size, "%s%s", about(x)->heading, x->metric >= 0 ? "" : part[x->part]);
    return buf;
}

/* A quantile of all: where it lies among those that never were, what the others took is no answer. */
static np_cell between(const np_estimate *seen)
{
    if (isinf(seen->low)) return (np_cell){.value = "never"};
    np_cell c = np_cell_seconds(seen->mean);
    np_cell low = np_cell_seconds(fmax(seen->low, 0)), high = np_cell_seconds(seen->high);
    if (seen->low == seen->mean && seen->high == seen->mean) return c;
    snprintf(c.note, sizeof c.note, "(%.10s to %.10s)", low.value, isinf(seen->high) ? "never" : high.value);
    return c;
}

np_cell np_advice_seen(const np_expectation *x, const np_estimate *seen)
{
    np_cell c = {.value = "-"};
    if (isnan(seen->mean)) return c;
    if (is_time(x)) return between(seen);
    double by = is_share(x) ? 100 : 1, half = by * (seen->high - seen->low) / 2;
    c = np_cell_number(by * seen->mean, half, is_share(x) ? 100 - by * seen->mean : NAN, false);
    return c;
}

/* The value in a sentence; headings say the unit of what is no share and no time. */
static void put_seen(const np_expectation *x, const np_estimate *seen, FILE *out)
{
    char share[32];
    if (isnan(seen->mean))
        fputs("no value", out);
    else
        fputs(is_share(x) ? np_share_mean_text(share, seen) : np_advice_seen(x, seen).value, out);
}

static bool is_upper(const np_expectation *x)
{
    return x->comparison == NP_COMPARE_LESS || x->comparison == NP_COMPARE_AT_MOST;
}

/* The worst that a candidate shows over all NATs. */
static const np_estimate *worst(const np_candidate *c, uint32_t nats, const np_expectation *x,
                                uint32_t target)
{
    const np_estimate *found = &c->common[0]->seen[target];
    for (uint32_t n = 1; n < nats; n++) {
        const np_estimate *e = &c->common[n]->seen[target];
        if (is_upper(x) ? e->mean > found->mean : e->mean < found->mean) found = e;
    }
    return found;
}

static void put_targets(const np_advice *a, const np_candidate *c, FILE *out)
{
    char heading[60];
    for (uint32_t i = 0; i < a->targets; i++) {
        const np_expectation *x = &a->target[i];
        fprintf(out, "%s%s ", i ? ", " : "", np_advice_heading(heading, sizeof heading, x));
        put_seen(x, worst(c, a->nats, x, i), out);
        fprintf(out, " (%s)", np_advice_bound(x));
    }
}

/* What a trial misses, and why. */
static void put_missed(const np_advice *a, const np_trial *t, FILE *out)
{
    char heading[60];
    const char *joint = "";
    for (uint32_t i = 0; i < a->targets; i++) {
        if (t->of[i] == NP_HOLDS) continue;
        const np_expectation *x = &a->target[i];
        fprintf(out, "%s%s ", joint, np_advice_heading(heading, sizeof heading, x));
        put_seen(x, &t->seen[i], out);
        fputs(t->of[i] == NP_UNSURE ? ", not known well enough" : "", out);
        joint = ", ";
    }
    double rate;
    const char *cause = np_advice_cause(t, &rate);
    if (cause) fprintf(out, "; %.2g an hour %s", rate, cause);
}

const char *np_advice_cause(const np_trial *t, double *per_hour)
{
    static const struct {
        np_metric metric;
        const char *what;
    } cause[] = {{NP_METRIC_BREAKS_EVICTED, "evicted"},         {NP_METRIC_BREAKS_EXPIRED, "expired"},
                 {NP_METRIC_BREAKS_NAT_RESTART, "NAT restart"}, {NP_METRIC_BREAKS_ROAMED, "roamed"},
                 {NP_METRIC_BREAKS_SERVER_GONE, "server gone"}, {NP_METRIC_BREAKS_REFUSED, "refused"},
                 {NP_METRIC_FALSE_CLOSES, "given up in vain"}};
    const char *most = NULL;
    *per_hour = 0;
    for (size_t i = 0; i < sizeof cause / sizeof *cause; i++) {
        double rate = t->column->value[cause[i].metric].mean;
        if (!(rate > *per_hour)) continue;
        *per_hour = rate;
        most = cause[i].what;
    }
    return most;
}

/* ---- names ---- */

static void put_nats(const np_advice *a, FILE *out)
{
    if (a->nats > NATS_NAMED) {
        fprintf(out, "behind all %u NATs", a->nats);
        return;
    }
    for (uint32_t n = 0; n < a->nats; n++)
        fprintf(out, "%s%.80s", n == 0 ? "behind " : n + 1 == a->nats ? " and " : ", ", a->nat[n]);
}

/* No trial has probes that are further apart than the idle time. */
static np_time probes_apart(const np_candidate *c, np_time idle)
{
    return c->as_is->keepalive.interval < idle ? c->as_is->keepalive.interval : idle;
}

static void put_candidate(const np_candidate *c, np_time interval, FILE *out)
{
    char every[NP_WORDS_TIME], gap[NP_WORDS_TIME];
    const char *usual = "";
    np_words_time(every, sizeof every, interval);
    if (c->key && strcmp(c->key, "keepalive.idle") == 0) {
        usual = "keepalive";
        fprintf(out, "a TCP keepalive with an idle time of %s (%u probe%s, %s apart)", every,
                c->as_is->keepalive.probes, c->as_is->keepalive.probes == 1 ? "" : "s",
                np_words_time(gap, sizeof gap, probes_apart(c, interval)));
    } else if (c->key) {
        usual = "heartbeat";
        fprintf(out, "a heartbeat every %s", every);
    } else {
        bool learns = c->as_is->beat.strategy && np_beat_learns(c->as_is->beat.strategy);
        fprintf(out, "%s'%.60s' as it is", learns ? "the adaptive heartbeat " : "", c->name);
        return;
    }
    if (strcmp(usual, c->name) != 0) fprintf(out, " ('%.60s')", c->name);
}

/* ---- costs ---- */

static void put_cost(np_metric m, double value, FILE *out)
{
    static const struct {
        np_metric metric;
        const char *what;
    } known[] = {{NP_METRIC_UPKEEP_PACKETS, "packets of upkeep"},
                 {NP_METRIC_WIRE_PACKETS, "packets in all"},
                 {NP_METRIC_WAKEUPS, "wake-ups"},
                 {NP_METRIC_ENERGY, "J of its radio"}};
    char bytes[24];
    if (m == NP_METRIC_UPKEEP_BYTES || m == NP_METRIC_WIRE_BYTES) {
        fprintf(out, "%s %s", np_bytes_text(bytes, value),
                m == NP_METRIC_WIRE_BYTES ? "in all" : "of upkeep");
        return;
    }
    np_cell c = np_cell_number(value, NAN, NAN, false);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].metric != m) continue;
        fprintf(out, "%s %s", c.value, known[i].what);
        return;
    }
    fprintf(out, "%s %s", np_metric_about(m)->key, c.value);
}

static double dearest(const np_advice *a, const np_candidate *c, np_metric m)
{
    double most = NAN;
    for (uint32_t n = 0; n < a->nats; n++) most = fmax(most, c->common[n]->column->value[m].mean);
    return most;
}

/* What is chosen by first, then what everybody asks. */
static void put_costs(const np_advice *a, const np_candidate *c, FILE *out)
{
    static const np_metric asked[] = {NP_METRIC_UPKEEP_BYTES, NP_METRIC_WAKEUPS, NP_METRIC_ENERGY};
    fprintf(out, "It costs each client%s ", a->nats > 1 ? " at most" : "");
    put_cost(a->cost, dearest(a, c, a->cost), out);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        double value = dearest(a, c, asked[i]);
        if (asked[i] == a->cost || isnan(value)) continue;
        fputs(", ", out);
        put_cost(asked[i], value, out);
    }
    fputs(" an hour", out);
}

/* ---- the answer ---- */

/* Behind the NATs that allow no more: what the next longer interval does. */
static void put_limit(const np_advice *a, const np_candidate *c, FILE *out)
{
    char longer[NP_WORDS_TIME];
    uint32_t limits = 0;
    const np_trial *first = NULL, *last = NULL;
    for (uint32_t n = 0; n < a->nats; n++) {
        const np_trial *t = c->longer[n];
        if (!t || c->longest[n]->interval != c->interval) continue;
        if (limits++ == 0) first = t;
        last = t;
    }
    if (!first) {
        fputs("; no longer interval was tried", out);
        return;
    }
    fprintf(out, "; %s %s behind %.80s", np_words_time(longer, sizeof longer, first->interval),
            first->standing == NP_UNSURE ? "is not sure to hold" : "does not hold", a->nat[first->nat]);
    if (limits == 2) fprintf(out, " and %.80s", a->nat[last->nat]);
    if (limits > 2) fprintf(out, " and %u others", limits - 1);
    fputs(" (", out);
    put_missed(a, first, out);
    fputc(')', out);
}

/* A target can hold though connections break, where they are soon there again. */
static void put_breaks(const np_advice *a, const np_candidate *c, FILE *out)
{
    const np_trial *worst = NULL;
    double most = 0, rate;
    for (uint32_t n = 0; n < a->nats; n++) {
        if (!np_advice_cause(c->common[n], &rate) || rate <= most) continue;
        most = rate;
        worst = c->common[n];
    }
    if (!worst) return;
    const char *cause = np_advice_cause(worst, &rate);
    fprintf(out, ", though connections break there%s%.80s %.2g times an hour (%s)",
            a->nats > 1 ? ", behind " : "", a->nats > 1 ? a->nat[worst->nat] : "", rate, cause);
}

static void put_others(const np_advice *a, FILE *out)
{
    const char *joint = ". Also holding: ";
    for (uint32_t k = 0; k < a->candidates; k++) {
        const np_candidate *c = &a->candidate[k];
        if (c == a->best || !c->holds) continue;
        fputs(joint, out);
        put_candidate(c, c->interval, out);
        if (!isnan(c->cost.mean)) {
            fputs(", ", out);
            put_cost(a->cost, c->cost.mean, out);
        }
        joint = "; ";
    }
}

static void put_advice(const np_advice *a, FILE *out)
{
    const np_candidate *c = a->best;
    if (np_candidate_is_silent(c)) {
        fprintf(out, "No keepalive or heartbeat is needed ('%.60s'): ", c->name);
    } else {
        fputs(c->key ? "Set " : "Take ", out);
        put_candidate(c, c->interval, out);
        fputs(": ", out);
    }
    put_targets(a, c, out);
    fputc(' ', out);
    put_nats(a, out);
    put_breaks(a, c, out);
    if (c->key) put_limit(a, c, out);
    fputs(". ", out);
    put_costs(a, c, out);
    put_others(a, out);
    fputs(".\n", out);
}

/* Behind the NATs that bear the candidate at all it has been simulated at one interval too. */
static void put_rest(const np_advice *a, const np_candidate *c, FILE *out)
{
    uint32_t borne = 0;
    char words[NP_WORDS_TIME];
    for (uint32_t n = 0; n < a->nats; n++) borne += c->common[n] && c->common[n]->standing == NP_HOLDS;
    if (borne == 0) return;
    fprintf(out, "; behind the other %u it holds", borne);
    if (c->key) fprintf(out, " at %s", np_words_time(words, sizeof words, c->interval));
}

static void put_obstacle(const np_advice *a, FILE *out)
{
    const np_trial *t = a->obstacle;
    fputs("No candidate meets ", out);
    for (uint32_t i = 0; i < a->targets; i++) fprintf(out, "%s%s", i ? ", " : "", a->target[i].text);
    fputc(' ', out);
    put_nats(a, out);
    fputs(" for sure. ", out);
    if (!t) {
        fputs("None has a cost to be chosen by.\n", out);
        return;
    }
    const np_candidate *c = &a->candidate[t->candidate];
    fputs("Nearest comes ", out);
    put_candidate(c, t->interval, out);
    fprintf(out, ": behind %.80s ", a->nat[t->nat]);
    put_missed(a, t, out);
    if (c->key && t->interval == a->rung[0]) fputs("; shorter intervals were not tried", out);
    put_rest(a, c, out);
    fputs(".\n", out);
}

const char *np_advice_answer(const np_advice *a, np_arena *arena)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    if (a->best)
        put_advice(a, out);
    else
        put_obstacle(a, out);
    if (fclose(out) != 0) return NULL;
    text[strcspn(text, "\n")] = '\0';
    const char *kept = np_arena_text(arena, text);
    free(text);
    return kept;
}

/* ---- the command ---- */

static void put_word(const char *s, FILE *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:/=+@%";
    if (*s && strspn(s, plain) == strlen(s)) {
        fputs(s, out);
        return;
    }
    fputc('\'', out);
    for (; *s; s++) {
        if (*s == '\'')
            fputs("'\\''", out);
        else
            fputc(*s, out);
    }
    fputc('\'', out);
}

const char *np_advice_command(const np_advice *a, const np_trial *t, np_arena *arena)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    fputs("natpulse run ", out);
    put_word(a->path, out);
    for (uint32_t i = 0; i < t->sets; i++) {
        const char *set = np_arena_format(arena, "%s=%s", t->set[i].path, t->set[i].value);
        fputs(" --set ", out);
        if (set) put_word(set, out);
    }
    if (fclose(out) != 0) return NULL;
    const char *kept = np_arena_text(arena, text);
    free(text);
    return kept;
}
