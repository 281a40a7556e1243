/*
 * run's --pcap and --events: one run of one strategy, with its packets and its events in files.
 *
 * It is a run of its own beside those of the study, and the same as one of them, since a run depends on
 * nothing but scenario, seed, replica and strategy.
 */
#include "cli.h"
#include "natpulse/journal.h"
#include "natpulse/output.h"
#include "natpulse/record.h"
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The files of a recording, each NULL when not wanted. */
typedef struct files {
    np_output *pcap, *outside, *events;
} files;

/* Who listens to the run. */
typedef struct ears {
    np_recorder *recorder;
    np_journal journal;
} ears;

static void hear_packet(void *ctx, np_time when, np_place where, bool outbound, const np_packet *p)
{
    np_recorder_packet(((ears *)ctx)->recorder, when, where, outbound, p);
}

static void hear_notice(void *ctx, const np_notice *n)
{
    np_journal_notice(&((ears *)ctx)->journal, n);
}

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

bool np_cli_recording_ok(const np_recording *r, const char *result)
{
    if (!r->pcap && !r->events && (r->strategy || r->replica.given)) {
        np_cli_misused(
            "--strategy and --replica say which run --pcap and --events record; neither was given");
        return false;
    }
    if ((!result || is_stdout(result)) + is_stdout(r->pcap) + is_stdout(r->events) > 1) {
        np_cli_misused(
            "more than one result would go to standard output; give the others a file by -o, --pcap "
            "or --events FILE");
        return false;
    }
    return true;
}

/* The strategy meant; NULL after a complaint. */
static const np_strategy *find_strategy(const np_scenario *s, const np_recording *r)
{
    if (!r->strategy) return &s->strategy[0];
    const char **known = calloc(s->strategies, sizeof *known), *near = NULL;
    for (uint32_t i = 0; i < s->strategies; i++) {
        if (strcmp(s->strategy[i].name, r->strategy) == 0) {
            free(known);
            return &s->strategy[i];
        }
        if (known) known[i] = s->strategy[i].name;
    }
    if (known) near = np_cli_nearest(r->strategy, known, s->strategies);
    free(known);
    if (near)
        np_cli_misused("--strategy %s: the scenario has no such strategy; did you mean '%s'?", r->strategy,
                       near);
    else
        np_cli_misused("--strategy %s: the scenario has no such strategy; its first is '%s'", r->strategy,
                       s->strategy[0].name);
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Which run it is, before its events: comments, or a first JSON line. False when memory is out. */
static bool introduce(const np_journal *j, const np_scenario *s, const char *strategy, uint32_t replica)
{
    if (!j->json) {
        fprintf(j->out, "# natpulse %s\n# scenario ", NP_VERSION);
        for (const char *c = s->name; *c; c++) fputc((unsigned char)*c < ' ' ? ' ' : *c, j->out);
        fprintf(j->out, ", digest %s, seed %" PRIu64 ", replica %" PRIu32 ", strategy ", s->digest,
                s->world.seed, replica);
        for (const char *c = strategy; *c; c++) fputc((unsigned char)*c < ' ' ? ' ' : *c, j->out);
        fputc('\n', j->out);
        np_journal_head(j);
        return true;
    }
    json_t *head = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "natpulse", NP_VERSION, "scenario", s->name,
                             "digest", s->digest, "seed", (json_int_t)s->world.seed, "replica",
                             (json_int_t)replica, "strategy", strategy);
    if (!head) return false;
    bool ok = json_dumpf(head, j->out, 0) == 0 || ferror(j->out);
    fputc('\n', j->out);
    json_decref(head);
    return ok;
}

/* "run-inside.pcap" for "run.pcap" and "inside"; false when it does not fit. */
static bool name_of(const char *path, const char *place, char name[PATH_MAX])
{
    int length = (int)(strlen(path) - strlen(".pcap"));
    return snprintf(name, PATH_MAX, "%.*s-%s.pcap", length, path, place) < PATH_MAX;
}

/* Two pcap files where the name says pcap. */
static bool open_two(files *f, const char *path, np_error *e)
{
    char inside[PATH_MAX], outside[PATH_MAX];
    if (!name_of(path, "inside", inside) || !name_of(path, "outside", outside))
        return np_fail(e, NP_TROUBLE_USAGE, "--pcap: the path is too long");
    return (f->pcap = np_output_open(inside, e)) && (f->outside = np_output_open(outside, e));
}

static bool open_files(files *f, ears *who, const np_recording *r, const np_scenario *s, const char *strategy,
                       np_error *e)
{
    uint32_t replica = (uint32_t)r->replica.value;
    if (r->pcap) {
        char about[512];
        snprintf(about, sizeof about,
                 "scenario %s, digest %s, seed %" PRIu64 ", replica %" PRIu32 ", strategy %s", s->name,
                 s->digest, s->world.seed, replica, strategy);
        bool two = ends_with(r->pcap, ".pcap");
        if (two ? !open_two(f, r->pcap, e) : !(f->pcap = np_output_open(r->pcap, e))) return false;
        FILE *outside = two ? np_output_file(f->outside) : NULL;
        who->recorder = np_recorder_create(np_output_file(f->pcap), outside, s->world.tcp.mss, about, e);
        if (!who->recorder) return false;
    }
    if (r->events) {
        if (!(f->events = np_output_open(r->events, e))) return false;
        who->journal = (np_journal){.out = np_output_file(f->events),
                                    .json = ends_with(r->events, ".json") || ends_with(r->events, ".jsonl")};
        if (!introduce(&who->journal, s, strategy, replica)) return np_fail_memory(e, "the events");
    }
    return true;
}

static bool commit(np_output **o, np_error *e)
{
    bool ok = !*o || np_output_commit(*o, e);
    *o = NULL;
    return ok;
}

static void tell(const np_recording *r, const np_recorded *in, const np_recorded *out, const np_journal *j)
{
    char inside[PATH_MAX] = "", outside[PATH_MAX] = "";
    bool two = r->pcap && ends_with(r->pcap, ".pcap") && name_of(r->pcap, "inside", inside) &&
               name_of(r->pcap, "outside", outside);
    if (r->pcap)
        np_cli_note("%s%s%s: %" PRIu64 " packets inside (%" PRIu64 " keepalive probes, %" PRIu64
                    " ACKs of them, %" PRIu64 " of heartbeats), %" PRIu64 " outside (%" PRIu64 ", %" PRIu64
                    ", %" PRIu64 ")",
                    two ? inside : r->pcap, two ? " and " : "", outside, in->packets, in->probes,
                    in->by_kind[NP_KIND_KEEPALIVE] - in->probes, in->by_kind[NP_KIND_HEARTBEAT], out->packets,
                    out->probes, out->by_kind[NP_KIND_KEEPALIVE] - out->probes,
                    out->by_kind[NP_KIND_HEARTBEAT]);
    if (r->events) np_cli_note("%s: %" PRIu64 " events", r->events, j->rows);
}

static bool record(const np_scenario *s, const np_strategy *strategy, const np_recording *r, np_error *e)
{
    files f = {0};
    ears who = {0};
    np_recorded in = {0}, out = {0};
    bool ok = open_files(&f, &who, r, s, strategy->name, e);
    if (ok) {
        np_listener listener = {.packet = who.recorder ? hear_packet : NULL,
                                .notice = f.events ? hear_notice : NULL,
                                .ctx = &who};
        np_result *result =
            np_world_run(&s->world, strategy, (uint32_t)r->replica.value, &listener, &np_cli_stop, e);
        ok = result != NULL;
        if (result) np_result_destroy(result);
    }
    if (who.recorder) {
        in = *np_recorder_count(who.recorder, NP_PLACE_INSIDE);
        out = *np_recorder_count(who.recorder, NP_PLACE_OUTSIDE);
        ok = np_recorder_finish(who.recorder, ok ? e : NULL) && ok;
    }
    ok = ok && commit(&f.pcap, e) && commit(&f.outside, e) && commit(&f.events, e);
    if (f.pcap) np_output_abandon(f.pcap);
    if (f.outside) np_output_abandon(f.outside);
    if (f.events) np_output_abandon(f.events);
    if (ok && !r->quiet) tell(r, &in, &out, &who.journal);
    return ok;
}

/* The first point of a scenario's grid, loaded as the study loads it. */
static np_scenario *first_point(const np_scenario *s, const char *path, const np_sets *sets,
                                np_findings *findings, np_error *e)
{
    np_override *all = calloc(sets->n + s->varied, sizeof *all);
    if (!all) {
        np_fail_memory(e, "a point of the grid");
        return NULL;
    }
    for (uint32_t i = 0; i < sets->n; i++) all[i] = sets->set[i];
    np_scenario_point(s, 0, all + sets->n);
    np_scenario *point = np_scenario_load(path, all, sets->n + s->varied, findings, e);
    free(all);
    return point;
}

int np_cli_record(const np_scenario *s, const char *path, const np_sets *sets, const np_recording *r)
{
    if (!r->pcap && !r->events) return 0;
    np_error e = {0};
    np_findings findings = {0};
    np_scenario *point = s->varied ? first_point(s, path, sets, &findings, &e) : NULL;
    if (s->varied && !point) return np_cli_findings(&findings, &e);
    const np_scenario *meant = point ? point : s;
    const np_strategy *strategy = find_strategy(meant, r);
    int status = strategy ? 0 : NP_TROUBLE_USAGE;
    if (strategy) {
        if (!r->quiet && !r->strategy && meant->strategies > 1)
            np_cli_note("recording '%s', the first of %" PRIu32 " strategies; --strategy NAME for another",
                        strategy->name, meant->strategies);
        if (!r->quiet && point)
            np_cli_note("recording the first of %" PRIu32 " points of the grid", np_scenario_points(s));
        if (!record(meant, strategy, r, &e)) status = np_cli_fail(&e);
    }
    np_scenario_destroy(point);
    np_findings_clear(&findings);
    return status;
}
