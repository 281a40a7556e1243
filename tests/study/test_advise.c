/*
 * Advice against what arithmetic says: boxes with a timer alone, with losses, with a table that fills at a
 * steady rate; several of them; candidates whose answer is known beforehand.
 */
#include "natpulse/advise.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int open_file(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/natpulse-advise-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int close_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* Clients that have nothing to say, at links of 25 and 40 ms without jitter; `loss` from clients to box. */
#define SILENCE "{opens: server, gap: 1000h, request: 1B, response: 0B}"
#define SCENARIO(nat, loss, transport, clients, more, strategies)                                            \
    "replicas: 3\nduration: 3h\nwarmup: 10m\nnat: " nat "\naccess: {delay: 25ms, up: {loss: " loss "}}\n"    \
    "core: {delay: 40ms}\ntcp: {delayed_ack: 0}\nclients:\n"                                                 \
    "  - {name: users, count: " clients ", transport: " transport ", workload: " SILENCE "}\n" more          \
    "strategies:\n" strategies

static np_advice *advise(const char *scenario, const np_advise_options *o)
{
    np_findings findings;
    np_error e = {0};
    np_advise_options all = *o;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(scenario, f);
    fclose(f);
    all.path = path;
    if (!all.cost) all.cost = NP_METRIC_UPKEEP_BYTES;
    np_advice *a = np_advise(&all, &findings, &e);
    np_findings_print(&findings, stderr);
    if (!a) fail_msg("%s", e.text);
    np_findings_clear(&findings);
    return a;
}

static const np_candidate *named(const np_advice *a, const char *name)
{
    for (uint32_t k = 0; k < a->candidates; k++)
        if (strcmp(a->candidate[k].name, name) == 0) return &a->candidate[k];
    fail_msg("no candidate %s", name);
    return NULL;
}

/* The longest interval that holds behind a NAT, and the next one, which was looked at and does not. */
static void longest(const np_candidate *c, uint32_t nat, np_time expected, np_time next)
{
    assert_non_null(c->longest[nat]);
    char got[48], want[48];
    if (c->longest[nat]->interval != expected)
        fail_msg("%s: the longest is %s, not %s", c->name, np_time_format(got, 48, c->longest[nat]->interval),
                 np_time_format(want, 48, expected));
    assert_int_equal(c->longest[nat]->standing, NP_HOLDS);
    if (!next) {
        assert_null(c->longer[nat]);
        return;
    }
    assert_non_null(c->longer[nat]);
    assert_int_equal(c->longer[nat]->interval, next);
    assert_int_not_equal(c->longer[nat]->standing, NP_HOLDS);
}

#define MS NP_MILLISECOND
#define S  NP_SECOND

/*
 * A box that forgets what is idle for 300 s, and nothing else. Of a keepalive it sees the probe come 50 ms
 * after the idle time is over, since it saw the answer 25 ms before the client and sees the probe 25 ms after
 * it: 299.9 s are 299.95 s, 299.96 s are too long. Over TCP the first beat comes exactly one interval after
 * the ACK that ended the handshake, and 300 s are too long, because a mapping is gone when its time is
 * reached. Over UDP a mapping begins with a beat, and its answer passes the box 80 ms later: 300.05 s are
 * 299.97 s, 300.1 s are too long.
 */
static void timer_alone(void **state)
{
    (void)state;
    static const np_time ladder[] = {10 * S,  250 * S,     299900 * MS, 299960 * MS,
                                     300 * S, 300050 * MS, 300100 * MS, 310 * S};
    const np_advise_options o = {.rung = ladder, .rungs = 8, .jobs = 2};
    np_advice *a =
        advise(SCENARIO("{timeouts: {tcp_transitory: 300s, tcp_established: 300s}}", "0%", "tcp", "5", "",
                        "  - {name: alive, keepalive: {idle: 1m, interval: 10s, probes: 6}}\n"
                        "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"
                        "  - {name: nothing}\n"),
               &o);
    assert_string_equal(named(a, "alive")->key, "keepalive.idle");
    assert_string_equal(named(a, "beat")->key, "heartbeat.every");
    longest(named(a, "alive"), 0, 299900 * MS, 299960 * MS);
    longest(named(a, "beat"), 0, 299960 * MS, 300 * S);
    assert_null(named(a, "nothing")->key);
    assert_null(named(a, "nothing")->longest[0]);
    /* A probe and its ACK are less than a beat, an answer and the ACKs of both. */
    assert_ptr_equal(a->best, named(a, "alive"));
    np_advice_destroy(a);

    /* A mapping that is late by 20 ms comes back with the beat: nobody misses it, but it counts as a break.
     */
    static const char *const breaks[] = {"breaks_expired_per_conn_hour < 0.1"};
    np_advise_options over_udp = o;
    over_udp.target = breaks;
    over_udp.targets = 1;
    a = advise(SCENARIO("{timeouts: {udp: 300s, udp_stream: 300s}}", "0%", "udp", "5", "",
                        "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"),
               &over_udp);
    longest(named(a, "beat"), 0, 300050 * MS, 300100 * MS);
    np_advice_destroy(a);
}

/* A beat through a link that loses a fifth keeps a mapping of 100 s until floor(100 / T) in a row are lost.
   It takes (p^-m - 1) / (1 - p) beats on average, and it is there again with the next that arrives, after 1 /
   (1 - p): the breaks an hour for each T are known. */
static void timer_and_losses(void **state)
{
    (void)state;
    static const np_time ladder[] = {13 * S, 15 * S, 18 * S, 21 * S, 24 * S, 28 * S, 31 * S, 40 * S, 60 * S};
    enum { RUNGS = sizeof ladder / sizeof *ladder };
    const char *scenario =
        SCENARIO("{timeouts: {udp: 100s, udp_stream: 100s}}", "20%", "udp", "200", "",
                 "  - {name: beat, heartbeat: {every: 10s, timeout: none, answer_bytes: 0}}\n");
    for (int between = 0; between + 1 < RUNGS; between++) {
        double rate[2];
        for (int i = 0; i < 2; i++) {
            double every = np_seconds(ladder[between + i]), p = 0.2, m = floor(100 / every);
            double beats = (pow(p, -m) - 1) / (1 - p) + 1 / (1 - p);
            rate[i] = 3600 / every / beats;
        }
        if (rate[1] < 1.5 * rate[0]) continue; /* the same m: nothing between them to be told apart */
        char target[80];
        snprintf(target, sizeof target, "breaks_expired_per_conn_hour < %.6f", sqrt(rate[0] * rate[1]));
        const char *one = target;
        const np_advise_options o = {.rung = ladder, .rungs = RUNGS, .target = &one, .targets = 1, .jobs = 2};
        np_advice *a = advise(scenario, &o);
        longest(named(a, "beat"), 0, ladder[between], ladder[between + 1]);
        np_advice_destroy(a);
    }
}

/* Five flows of one packet a second go through a table of 620 that forgets the longest idle: a mapping of the
   20 users is out when 600 new ones have come since it was last used, after 120 s. */
static void table_alone(void **state)
{
    (void)state;
    static const np_time ladder[] = {10 * S, 60 * S, 100 * S, 118 * S, 124 * S, 140 * S, 300 * S, 1000 * S};
    const np_advise_options o = {.rung = ladder, .rungs = 8, .jobs = 2};
    np_advice *a = advise(
        SCENARIO("{capacity: 620, evict: lru, timeouts: {udp: 9h, udp_stream: 9h, tcp_established: 9h, "
                 "tcp_transitory: 9h}}",
                 "0%", "tcp", "20",
                 "  - {name: others, count: 5, measure: false, connection: per-request, transport: udp, "
                 "workload: {opens: client, loop: open, gap: 1s, request: 10B, response: 0B}}\n",
                 "  - {name: alive, keepalive: {idle: 1m, interval: 10s, probes: 6}}\n"
                 "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"),
        &o);
    longest(named(a, "alive"), 0, 118 * S, 124 * S);
    longest(named(a, "beat"), 0, 118 * S, 124 * S);
    assert_true(named(a, "beat")->longer[0]->column->value[NP_METRIC_BREAKS_EVICTED].mean > 1);
    for (uint32_t w = 0; w < a->warnings; w++)
        assert_int_not_equal(a->warned[w].which, NP_ADVICE_TABLE_NEVER_FULL);
    np_advice_destroy(a);
}

/* Behind several boxes the shortest of what they bear, simulated behind each; a chain bears what its weakest
 * does. */
static void several(void **state)
{
    (void)state;
#define BOX(t) "{timeouts: {tcp_transitory: " t ", tcp_established: " t "}}"
    static const char *const nat[] = {BOX("200s"), BOX("50s"), BOX("9h"), "[" BOX("9h") ", " BOX("100s") "]"};
    static const np_time ladder[] = {10 * S,  20 * S,  45 * S,  55 * S,  90 * S,
                                     110 * S, 190 * S, 210 * S, 1000 * S};
    const np_advise_options o = {.nat = nat, .nats = 4, .rung = ladder, .rungs = 9, .jobs = 2};
    np_advice *a = advise(SCENARIO("{}", "0%", "tcp", "3", "",
                                   "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"
                                   "  - {name: nothing}\n"),
                          &o);
    const np_candidate *c = named(a, "beat");
    longest(c, 0, 190 * S, 210 * S);
    longest(c, 1, 45 * S, 55 * S);
    longest(c, 2, 1000 * S, 0);
    longest(c, 3, 90 * S, 110 * S);
    assert_true(c->holds && c->interval == 45 * S && a->best == c);
    double most = 0;
    for (uint32_t n = 0; n < 4; n++) {
        assert_non_null(c->common[n]);
        assert_int_equal(c->common[n]->interval, 45 * S);
        assert_int_equal(c->common[n]->nat, n);
        assert_int_equal(c->common[n]->standing, NP_HOLDS);
        most = fmax(most, c->common[n]->column->value[NP_METRIC_UPKEEP_BYTES].mean);
    }
    assert_true(c->cost.mean == most);
    /* Silence is borne by one of them for as long as it was simulated: that is told. */
    assert_non_null(named(a, "nothing")->longest[2]);
    assert_false(named(a, "nothing")->holds);
    bool told[NP_ADVICE_COUNT] = {false};
    for (uint32_t w = 0; w < a->warnings; w++) {
        told[a->warned[w].which] = true;
        if (a->warned[w].which == NP_ADVICE_TIMEOUT_NOT_SEEN)
            assert_non_null(strstr(a->warned[w].text, "9h"));
        if (a->warned[w].which == NP_ADVICE_LADDER_END) assert_non_null(strstr(a->warned[w].text, "3h"));
    }
    assert_true(told[NP_ADVICE_FEW_REPLICAS] && told[NP_ADVICE_LADDER_END] &&
                told[NP_ADVICE_TIMEOUT_NOT_SEEN] && told[NP_ADVICE_TABLE_NEVER_FULL]);
    assert_false(told[NP_ADVICE_UNSURE] || told[NP_ADVICE_NOT_MONOTONE] || told[NP_ADVICE_NOTHING_DETECTED]);
    np_advice_destroy(a);
}

/* Upkeep is told for the box behind which it is dearest: the more often it restarts, the more beats are sent
 * again. */
static void dearest(void **state)
{
    (void)state;
    static const char *const nat[] = {"{restart: {every: 20m}}", "{restart: {every: 10m}}", "{}"};
    static const char *const target[] = {"reachable_fraction > 20%"};
    static const np_time ladder[] = {30 * S, 60 * S};
    const np_advise_options o = {
        .nat = nat, .nats = 3, .target = target, .targets = 1, .rung = ladder, .rungs = 2, .jobs = 2};
    np_advice *a = advise(
        SCENARIO("{}", "0%", "tcp", "20", "", "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"),
        &o);
    assert_non_null(a->best);
    double cost[3];
    for (uint32_t n = 0; n < 3; n++) cost[n] = a->best->common[n]->column->value[NP_METRIC_UPKEEP_BYTES].mean;
    assert_true(cost[1] > cost[0] && cost[0] > cost[2]);
    assert_true(a->best->cost.mean == cost[1]);
    np_advice_destroy(a);
}

/* More users than places, all equally idle: no interval is short enough, and the whole ladder is combed for
 * one. */
static void nobody(void **state)
{
    (void)state;
    static const np_time ladder[] = {5 * S, 10 * S, 20 * S, 40 * S, 80 * S, 160 * S};
    const np_advise_options o = {.rung = ladder, .rungs = 6, .jobs = 2};
    np_advice *a = advise(SCENARIO("{capacity: 20, evict: lru}", "0%", "tcp", "21", "",
                                   "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"
                                   "  - {name: nothing}\n"),
                          &o);
    assert_null(a->best);
    assert_non_null(a->obstacle);
    assert_int_not_equal(a->obstacle->standing, NP_HOLDS);
    const np_candidate *c = named(a, "beat");
    assert_false(c->holds);
    assert_null(c->longest[0]);
    assert_null(c->common[0]);
    assert_non_null(c->nearest[0]);
    for (uint32_t t = 0; t < a->trials; t++)
        assert_true(a->trial[t]->seen[0].mean <= a->obstacle->seen[0].mean);
    np_advice_destroy(a);
}

/* A box that is too small for all spoils it, but what the others bear is simulated and told all the same. */
static void all_but_one(void **state)
{
    (void)state;
    static const char *const nat[] = {BOX("200s"), "{capacity: 2, evict: lru}", BOX("50s")};
    static const np_time ladder[] = {45 * S, 55 * S, 190 * S, 210 * S};
    const np_advise_options o = {.nat = nat, .nats = 3, .rung = ladder, .rungs = 4, .jobs = 2};
    np_advice *a = advise(
        SCENARIO("{}", "0%", "tcp", "3", "", "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"), &o);
    const np_candidate *c = named(a, "beat");
    assert_null(a->best);
    assert_false(c->holds);
    assert_int_equal(a->obstacle->nat, 1);
    assert_null(c->longest[1]);
    assert_null(c->common[1]);
    longest(c, 0, 190 * S, 210 * S);
    longest(c, 2, 45 * S, 55 * S);
    assert_true(c->common[0]->interval == 45 * S && c->common[0]->standing == NP_HOLDS);
    assert_ptr_equal(c->common[2], c->longest[2]);
    assert_int_equal(c->interval, 45 * S);
    np_advice_destroy(a);
}

/* A target about costs is none that a shorter interval meets: it holds at the longest interval or nowhere. */
static void costs(void **state)
{
    (void)state;
    static const np_time ladder[] = {10 * S, 30 * S, 50 * S, 70 * S, 140 * S};
    const char *scenario =
        SCENARIO("{timeouts: {udp: 60s, udp_stream: 60s}}", "0%", "udp", "3", "",
                 "  - {name: beat, heartbeat: {every: 1m, timeout: none, answer_bytes: 0}}\n");
    static const char *const dear[] = {"reachable_fraction > 99%", "upkeep_packets_per_conn_hour < 60"};
    static const char *const fair[] = {"upkeep_packets_per_conn_hour < 80", "reachable_fraction > 99%"};
    np_advise_options o = {.rung = ladder, .rungs = 5, .target = dear, .targets = 2, .jobs = 2};
    np_advice *a = advise(scenario, &o); /* 72 packets an hour */
    assert_null(a->best);
    assert_int_equal(a->obstacle->interval, 50 * S);
    assert_int_equal(a->obstacle->of[0], NP_HOLDS);
    assert_int_equal(a->obstacle->of[1], NP_FAILS);
    assert_null(a->candidate[0].longest[0]);
    assert_ptr_equal(a->candidate[0].nearest[0], a->obstacle);
    np_advice_destroy(a);
    o.target = fair;
    a = advise(scenario, &o);
    assert_non_null(a->best);
    assert_int_equal(a->best->interval, 50 * S);
    assert_true(fabs(a->best->common[0]->column->value[NP_METRIC_UPKEEP_PACKETS].mean - 72) < 1);
    np_advice_destroy(a);
}

static const char *value_of(const np_trial *t, const char *key)
{
    for (uint32_t i = 0; i < t->sets; i++)
        if (strcmp(t->set[i].path, key) == 0) return t->set[i].value;
    return NULL;
}

/* What goes with an interval stays in proportion, and what was set is in the scenario that was run: loading
   it again with the trial's overrides gives the same scenario, and running that the same figures. */
static void trials_repeat(void **state)
{
    (void)state;
    static const np_time ladder[] = {5 * S, 20 * S, 100 * S};
    static const np_override set[] = {{"seed", "7"}, {"core.delay", "30ms"}};
    static const char *const nat[] = {"{capacity: 100, timeouts: {tcp_established: 25s}}", "{capacity: 50}"};
    const np_advise_options o = {
        .nat = nat, .nats = 2, .rung = ladder, .rungs = 3, .set = set, .sets = 2, .jobs = 2};
    np_advice *a = advise(
        SCENARIO(
            "{capacity: 7}", "1%", "tcp", "3", "",
            "  - {name: a=b, heartbeat: {every: 60s, timeout: 60s, misses: 2, server_closes_after: 150s}}\n"
            "  - {name: a.b c, heartbeat: {strategy: jittered, every: 60s, least: 45s, client_closes_after: "
            "61s}}\n"
            "  - {name: a, keepalive: {idle: 1h, interval: 75s, probes: 2}}\n"
            "  - {name: learns, heartbeat: {strategy: search, least: 10s, most: 1m, step: 5s}}\n"
            "vary: {nat.capacity: [1k, 2k]}\nexpect: [reachable_fraction of a > 3%, reachable_fraction > "
            "80%]\n"
            "precision: {breaks_per_conn_hour: 1%, max_replicas: 7}\n"),
        &o);
    assert_int_equal(a->targets, 1); /* of the scenario's, the one that names nobody */
    assert_string_equal(a->target[0].text, "reachable_fraction > 80%");
    assert_int_equal(a->candidates, 4);
    assert_null(named(a, "learns")->key);
    int checked = 0;
    for (uint32_t t = 0; t < a->trials; t++) {
        const np_trial *x = a->trial[t];
        np_findings findings;
        np_error e = {0};
        np_scenario *s = np_scenario_load(path, x->set, x->sets, &findings, &e);
        assert_non_null(s);
        assert_string_equal(s->digest, x->digest);
        assert_int_equal(s->world.seed, 7);
        assert_int_equal(s->world.nat[0].capacity, x->nat == 0 ? 100 : 50);
        const np_study_options run = {.jobs = 1};
        np_study *again = np_study_run(s, &run, &findings, &e);
        assert_non_null(again);
        const np_column *c = &again->point[0].column[x->candidate];
        assert_memory_equal(c->value, x->column->value, sizeof c->value);
        np_study_destroy(again);
        np_scenario_destroy(s);
        if (x->candidate == 0 && x->interval == 20 * S) {
            assert_string_equal(value_of(x, "strategies.0.heartbeat.every"), "20s");
            assert_string_equal(value_of(x, "strategies.0.heartbeat.server_closes_after"), "50s");
            assert_string_equal(value_of(x, "strategies.0.heartbeat.timeout"), "40s");
            checked++;
        }
        if (x->candidate == 1 && x->interval == 20 * S) {
            assert_string_equal(value_of(x, "strategies.a.b c.heartbeat.least"), "15s");
            assert_string_equal(value_of(x, "strategies.a.b c.heartbeat.client_closes_after"), "20.334s");
            checked++;
        }
        if (x->candidate == 2 && x->interval == 20 * S) {
            assert_string_equal(value_of(x, "strategies.a.keepalive.interval"), "20s");
            checked++;
        }
        if (x->candidate == 2 && x->interval == 100 * S)
            assert_null(value_of(x, "strategies.a.keepalive.interval"));
        if (x->candidate == 3)
            assert_int_equal(x->sets, 6); /* nat, two of ours, and what takes things back */
    }
    assert_int_equal(checked, 6); /* behind both boxes */
    np_advice_destroy(a);
}

static void same_for_any_jobs(void **state)
{
    (void)state;
    static const np_time ladder[] = {10 * S, 20 * S, 40 * S, 80 * S, 160 * S, 320 * S};
    const char *scenario =
        SCENARIO("{timeouts: {tcp_transitory: 3m, tcp_established: 3m}}", "3%", "tcp", "4", "",
                 "  - {name: alive, keepalive: {idle: 1m, interval: 10s, probes: 6}}\n"
                 "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n");
    np_advise_options o = {.rung = ladder, .rungs = 6, .jobs = 1};
    np_advice *one = advise(scenario, &o);
    o.jobs = 8;
    np_advice *eight = advise(scenario, &o);
    assert_int_equal(one->trials, eight->trials);
    for (uint32_t t = 0; t < one->trials; t++) {
        const np_trial *x = one->trial[t], *y = eight->trial[t];
        assert_true(x->candidate == y->candidate && x->interval == y->interval && x->standing == y->standing);
        assert_memory_equal(x->column->value, y->column->value, sizeof x->column->value);
    }
    np_advice_destroy(one);
    np_advice_destroy(eight);
}

/* Clients vanish, and only one candidate tells the server in time; where nobody does, it is told that the
   target was never put to the test. */
static void detection(void **state)
{
    (void)state;
    static const np_time ladder[] = {10 * S, 20 * S, 30 * S, 60 * S, 120 * S};
    static const char *const target[] = {"server_detect_s.p95 < 80s"};
    const np_advise_options o = {.rung = ladder, .rungs = 5, .target = target, .targets = 1, .jobs = 2};
    const char *strategies =
        "  - {name: beat, heartbeat: {every: 1m, timeout: 10s, server_closes_after: 150s}}\n"
        "  - {name: alive, keepalive: {idle: 1m, interval: 10s, probes: 6}}\n";
    char text[3000];
    snprintf(text, sizeof text,
             "%sclients:\n  - {name: users, count: 100, workload: " SILENCE
             ", churn: {vanish: {every: exponential(1h), back: 1m}}}\nstrategies:\n%s",
             "replicas: 3\nduration: 3h\n", strategies);
    np_advice *a = advise(text, &o);
    /* The server gives up 2.5 T after the last beat, which was up to T before the client vanished: 1.5 T
       to 2.5 T later, evenly, so the p95 is 2.45 T: 73.5 s at 30 s, 147 s at 60 s. A reconnection does not
       tell it. */
    longest(named(a, "beat"), 0, 30 * S, 60 * S);
    double p95 = named(a, "beat")->longest[0]->seen[0].mean;
    assert_true(fabs(p95 - 73.5) < 1);
    assert_null(named(a, "alive")->longest[0]); /* its probes are the client's, which is gone */
    np_advice_destroy(a);

    a = advise(
        SCENARIO("{}", "0%", "tcp", "3", "",
                 "  - {name: beat, heartbeat: {every: 1m, timeout: 10s, server_closes_after: 150s}}\n"),
        &o);
    assert_non_null(a->best);
    bool told = false;
    for (uint32_t w = 0; w < a->warnings; w++) told |= a->warned[w].which == NP_ADVICE_NOTHING_DETECTED;
    assert_true(told);
    np_advice_destroy(a);
}

/* Trouble is told, with what would be right. */
static void trouble(void **state)
{
    (void)state;
    static const np_override one[] = {{"replicas", "1"}}, brief[] = {{"duration", "20s"}, {"warmup", "0"}};
    static const char *const named_target[] = {"nat_refused of beat <= 0"};
    static const char *const wrong[] = {"nat_refusd <= 0"};
    static const char *const nat[] = {"{}", "{capacity: 0}"};
    static const struct {
        np_advise_options o;
        const char *text, *file;
    } row[] = {
        {{.set = one, .sets = 1}, "expected 2 replicas or more", NULL},
        {{.set = brief, .sets = 2}, "the 20s that are measured are too short for an interval of 10s", NULL},
        {{.cost = NP_METRIC_ENERGY}, "energy has no meaning without a radio", NULL},
        {{.target = named_target, .targets = 1}, "leave out the strategy", NULL},
        {{.target = wrong, .targets = 1}, "did you mean \"nat_refused\"", "--target"},
        {{.nat = nat, .nats = 2}, "\"0\" is too small", "--nat"},
    };
    FILE *f = fopen(path, "w");
    fputs(SCENARIO("{}", "0%", "tcp", "3", "", "  - {name: beat, heartbeat: {every: 1m, timeout: 10s}}\n"),
          f);
    fclose(f);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_findings findings;
        np_error e = {0};
        np_advise_options o = row[i].o;
        o.path = path;
        assert_null(np_advise(&o, &findings, &e));
        assert_int_equal(e.kind, NP_TROUBLE_USAGE);
        const char *text = findings.n ? findings.finding[0].text : e.text;
        if (!strstr(text, row[i].text)) fail_msg("row %zu: %s", i, text);
        if (row[i].file) {
            assert_int_equal(findings.n, 1);
            assert_string_equal(findings.finding[0].file, row[i].file);
            assert_int_equal(findings.finding[0].line, 1);
        }
        np_findings_clear(&findings);
    }
}

/* Stops between runs, and says so. */
static void stops(void **state)
{
    (void)state;
    volatile int stop = 2;
    np_findings findings;
    np_error e = {0};
    const np_advise_options o = {.path = path, .stop = &stop};
    assert_null(np_advise(&o, &findings, &e));
    assert_int_equal(e.kind, NP_TROUBLE_RUN);
    assert_non_null(strstr(e.text, "stopped"));
    np_findings_clear(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timer_alone),   cmocka_unit_test(timer_and_losses),
        cmocka_unit_test(table_alone),   cmocka_unit_test(several),
        cmocka_unit_test(nobody),        cmocka_unit_test(dearest),
        cmocka_unit_test(all_but_one),   cmocka_unit_test(costs),
        cmocka_unit_test(trials_repeat), cmocka_unit_test(same_for_any_jobs),
        cmocka_unit_test(detection),     cmocka_unit_test(trouble),
        cmocka_unit_test(stops),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
