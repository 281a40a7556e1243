/*
 * natpulse advise [SCENARIO]
 *
 * Most options are values of the scenario under a short name, so that an engineer need not know its keys:
 * they become overrides, beside those of --set, and what is wrong with one is told under the option's name.
 */
#include "natpulse/advise.h"
#include "cli.h"
#include "natpulse/arena.h"
#include "natpulse/output.h"
#include <stdlib.h>
#include <string.h>

#define JOBS_MOST     1024
#define REPLICAS_MOST 100000
#define CLIENTS_MOST  16000000
#define OVERRIDES     16 /* that options other than --set can make */

/* The scenarios of the tree that stand in where none is named: one a transport. */
#define BASE     "advise"
#define BASE_UDP "advise-udp"

typedef struct advise_options {
    np_texts nat, target, set;
    np_number clients, seed, replicas, jobs;
    const char *cost, *workload, *background, *radio, *transport, *duration, *ladder, *keepalive, *heartbeat;
    const char *output, *format;
    bool quiet, no_progress;
} advise_options;

/* What the options come to. */
typedef struct request {
    np_arena *arena;
    np_advise_options advise;
    np_override set[OVERRIDES];
    const char *option[OVERRIDES]; /* where each is from */
    uint32_t sets;
    np_override *all; /* those, then the ones of --set */
} request;

static bool no_memory(void)
{
    np_cli_misused("out of memory for the options");
    return false;
}

static bool put(request *r, const char *option, const char *path, const char *value)
{
    if (!value) return no_memory();
    r->option[r->sets] = option;
    r->set[r->sets++] = (np_override){.path = path, .value = value};
    return true;
}

/* ---- lists ---- */

/* The parts of a text between commas, but for commas in brackets, braces and quotes: the length of the first.
 */
static size_t part_length(const char *text)
{
    int depth = 0;
    char quote = 0;
    size_t i = 0;
    for (; text[i]; i++) {
        if (quote) {
            if (text[i] == quote) quote = 0;
        } else if (text[i] == '"' || text[i] == '\'') {
            quote = text[i];
        } else if (text[i] == '[' || text[i] == '{') {
            depth++;
        } else if (text[i] == ']' || text[i] == '}') {
            depth--;
        } else if (text[i] == ',' && depth <= 0) {
            break;
        }
    }
    return i;
}

/* Splits the texts into `out`, with room for as many as there are characters. False when one is empty. */
static bool split(np_arena *arena, const char *option, const char *const *text, uint32_t n, const char **out,
                  uint32_t *parts)
{
    for (uint32_t i = 0; i < n; i++) {
        for (const char *at = text[i];; at++) {
            size_t length = part_length(at), blanks = strspn(at, " ");
            if (blanks >= length) {
                np_cli_misused("advise: %s '%s': there is nothing before or after a comma", option, text[i]);
                return false;
            }
            out[*parts] = np_arena_format(arena, "%.*s", (int)(length - blanks), at + blanks);
            if (!out[(*parts)++]) return no_memory();
            at += length;
            if (!*at) break;
        }
    }
    return true;
}

static const char **room_for(np_arena *arena, const char *const *text, uint32_t n)
{
    size_t most = 1;
    for (uint32_t i = 0; i < n; i++) most += strlen(text[i]) + 1;
    const char **room = np_arena_alloc(arena, most * sizeof *room);
    if (!room) no_memory();
    return room;
}

/* ---- the options one by one ---- */

static bool read_nats(request *r, const np_texts *nat)
{
    const char **name = room_for(r->arena, nat->text, nat->n);
    uint32_t n = 0;
    if (!name || !split(r->arena, "--nat", nat->text, nat->n, name, &n)) return false;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(name[i], name[j]) != 0) continue;
            np_cli_misused("advise: --nat names %s twice", name[i]);
            return false;
        }
    }
    r->advise.nat = name;
    r->advise.nats = n;
    return true;
}

static bool read_ladder(request *r, const char *ladder)
{
    if (!ladder) return true;
    const char **text = room_for(r->arena, &ladder, 1);
    uint32_t n = 0;
    if (!text || !split(r->arena, "--ladder", &ladder, 1, text, &n)) return false;
    np_time *rung = np_arena_alloc(r->arena, n * sizeof *rung);
    if (!rung) return no_memory();
    for (uint32_t i = 0; i < n; i++) {
        if (!np_time_parse(text[i], &rung[i]) || rung[i] < NP_MILLISECOND || rung[i] > 3650 * NP_DAY) {
            np_cli_misused("advise: --ladder: '%s' is no interval (such as 30s, 2m or 1h30m)", text[i]);
            return false;
        }
        if (i == 0 || rung[i] > rung[i - 1]) continue;
        np_cli_misused("advise: --ladder: %s comes after %s; expected rising intervals", text[i],
                       text[i - 1]);
        return false;
    }
    r->advise.rung = rung;
    r->advise.rungs = n;
    return true;
}

/* A key, or one without what all rates have at their end. */
static bool read_cost(request *r, const char *name)
{
    static const char *const short_name[] = {"", "_per_conn_hour", "_j_per_conn_hour"};
    r->advise.cost = NP_METRIC_UPKEEP_BYTES;
    if (!name) return true;
    for (size_t i = 0; i < sizeof short_name / sizeof *short_name; i++) {
        const char *key = np_arena_format(r->arena, "%s%s", name, short_name[i]);
        if (!key) return no_memory();
        int m = np_metric_find(key);
        if (m < 0) continue;
        r->advise.cost = (np_metric)m;
        return true;
    }
    np_cli_misused(
        "advise: --cost %s: expected upkeep_bytes, upkeep_packets, wakeups, energy, or another figure "
        "('natpulse list figures')",
        name);
    return false;
}

static bool is_profile_name(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+";
    return *s && strspn(s, plain) == strlen(s);
}

/* Adds a strategy to the list for each profile: {name: mqtt heartbeat, heartbeat: mqtt}. */
static bool add_strategies(request *r, const char *kind, const char *profiles, const char **list)
{
    if (!profiles) return true;
    const char **name = room_for(r->arena, &profiles, 1);
    const char *option = np_arena_format(r->arena, "--%s", kind);
    uint32_t n = 0;
    if (!name || !option) return no_memory();
    if (!split(r->arena, option, &profiles, 1, name, &n)) return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_profile_name(name[i])) {
            np_cli_misused("advise: %s: '%s' is no name of a profile; 'natpulse list %s' names them", option,
                           name[i], kind);
            return false;
        }
        *list = np_arena_format(r->arena, "%s%s{name: %s %s, %s: %s}", *list, **list ? ", " : "", name[i],
                                kind, kind, name[i]);
        if (!*list) return no_memory();
    }
    return true;
}

static bool read_strategies(request *r, const advise_options *o)
{
    const char *list = "";
    if (!add_strategies(r, "keepalive", o->keepalive, &list)) return false;
    if (!add_strategies(r, "heartbeat", o->heartbeat, &list)) return false;
    if (!*list) return true;
    return put(r, o->keepalive ? o->heartbeat ? "--keepalive, --heartbeat" : "--keepalive" : "--heartbeat",
               "strategies", np_arena_format(r->arena, "[%s]", list));
}

/* WORKLOAD, WORKLOAD:COUNT or none. */
static bool read_background(request *r, const char *text)
{
    static const char workload[] = "clients.background.workload", count[] = "clients.background.count";
    const char *colon = strrchr(text, ':');
    if (strcmp(text, "none") == 0) return put(r, "--background", count, "0");
    if (!colon) return put(r, "--background", workload, text);
    if (colon == text || !colon[1]) {
        np_cli_misused("advise: --background '%s': expected WORKLOAD:CLIENTS, such as web:40, or none", text);
        return false;
    }
    return put(r, "--background", workload, np_arena_format(r->arena, "%.*s", (int)(colon - text), text)) &&
           put(r, "--background", count, colon + 1);
}

/* Options that are about the groups of our own scenario. */
static bool read_clients(request *r, const advise_options *o, bool own)
{
    const struct {
        const char *option, *value, *instead;
    } about[] = {{"--workload", o->workload, "clients.NAME.workload"},
                 {"--clients", o->clients.given ? "" : NULL, "clients.NAME.count"},
                 {"--background", o->background, "clients.NAME.count"},
                 {"--radio", o->radio, "clients.NAME.radio"},
                 {"--transport", o->transport, "clients.NAME.transport"}};
    for (size_t i = 0; i < sizeof about / sizeof *about; i++) {
        if (!about[i].value || own) continue;
        np_cli_misused("advise: %s is about natpulse's own scenario; for yours expected --set %s=VALUE",
                       about[i].option, about[i].instead);
        return false;
    }
    if (o->workload && !put(r, "--workload", "clients.clients.workload", o->workload)) return false;
    if (o->clients.given && !put(r, "--clients", "clients.clients.count",
                                 np_arena_format(r->arena, "%llu", (unsigned long long)o->clients.value)))
        return false;
    if (o->background && !read_background(r, o->background)) return false;
    return !o->radio || put(r, "--radio", "clients.clients.radio", o->radio);
}

static bool read_base(request *r, const char *path, const char *transport)
{
    if (transport && strcmp(transport, "tcp") != 0 && strcmp(transport, "udp") != 0) {
        np_cli_misused("advise: --transport %s: expected tcp or udp", transport);
        return false;
    }
    r->advise.path = path ? path : transport && strcmp(transport, "udp") == 0 ? BASE_UDP : BASE;
    return true;
}

static bool read_request(request *r, const char *path, const advise_options *o, const np_sets *sets)
{
    if (!read_base(r, path, o->transport) || !read_nats(r, &o->nat) || !read_ladder(r, o->ladder) ||
        !read_cost(r, o->cost) || !read_clients(r, o, !path) || !read_strategies(r, o))
        return false;
    if (o->duration && !put(r, "--duration", "duration", o->duration)) return false;
    r->all = np_arena_alloc(r->arena, (r->sets + sets->n + 1) * sizeof *r->all);
    if (!r->all) return no_memory();
    memcpy(r->all, r->set, r->sets * sizeof *r->all);
    for (uint32_t i = 0; i < sets->n; i++) r->all[r->sets + i] = sets->set[i];
    r->advise.set = r->all;
    r->advise.sets = r->sets + sets->n;
    r->advise.target = o->target.text;
    r->advise.targets = o->target.n;
    r->advise.jobs = (uint32_t)o->jobs.value;
    return true;
}

/* ---- advising ---- */

/* Findings of overrides that an option made are told as the option's. */
static int complain(const request *r, np_findings *f, const np_error *e)
{
    for (uint32_t i = 0; i < f->n; i++) {
        np_finding *one = &f->finding[i];
        if (strcmp(one->file, "--set") != 0) continue;
        uint32_t number = (uint32_t)one->line - 1;
        if (number >= r->sets) {
            one->line -= (int)r->sets;
            continue;
        }
        one->file = r->option[number];
        one->column -= (int)strlen(r->set[number].path) + 1;
        if (one->column < 1) one->column = 1;
        one->line = 1;
    }
    return np_cli_findings(f, e);
}

static int write_advice(const np_advice *a, const advise_options *o, np_format format)
{
    np_error e = {0};
    np_output *out = np_output_open(o->output, &e);
    if (!out) return np_cli_fail(&e);
    if (!np_report_advice(a, format, np_cli_style(o->output), np_output_file(out), &e)) {
        np_output_abandon(out);
        return np_cli_fail(&e);
    }
    if (!np_output_commit(out, &e)) return np_cli_fail(&e);
    return a->best ? 0 : NP_CLI_UNEXPECTED;
}

static int advise(request *r, const advise_options *o, np_format format)
{
    np_error e = {0};
    np_findings findings = {0};
    np_progress progress;
    np_progress_begin(&progress, !o->quiet && !o->no_progress, "runs");
    r->advise.stop = &np_cli_stop;
    r->advise.progress = np_progress_step;
    r->advise.ctx = &progress;
    np_advice *a = np_advise(&r->advise, &findings, &e);
    np_progress_end(&progress);
    if (!a) return complain(r, &findings, &e);
    np_findings_clear(&findings);
    int status = write_advice(a, o, format);
    np_advice_destroy(a);
    return status;
}

static int run(const char *path, const advise_options *o, np_format format)
{
    request r = {.arena = np_arena_create()};
    np_sets sets;
    if (!r.arena) return no_memory() ? 0 : NP_TROUBLE_USAGE;
    int status = NP_TROUBLE_USAGE;
    if (np_cli_sets(&o->set, &o->seed, &o->replicas, &sets)) {
        if (read_request(&r, path, o, &sets)) status = advise(&r, o, format);
        np_cli_sets_free(&sets);
    }
    np_arena_destroy(r.arena);
    return status;
}

int np_cmd_advise(int argc, char **argv)
{
    advise_options o = {0};
    const np_option option[] = {
        {"nat", 0, "LIST", "NATs of the users: profiles with commas between them (repeatable)",
         .texts = &o.nat},
        {"target", 0, "EXPECTATION", "what must hold, such as 'server_detect_s.p95 < 2m' (repeatable)",
         .texts = &o.target},
        {"cost", 0, "FIGURE", "what is to be low: upkeep_packets, wakeups, energy... (upkeep_bytes)",
         .text = &o.cost},
        {"keepalive", 0, "PROFILES", "candidates instead of the scenario's: keepalives, such as linux,go",
         .text = &o.keepalive},
        {"heartbeat", 0, "PROFILES", "and heartbeats, such as mqtt,mars", .text = &o.heartbeat},
        {"transport", 0, "tcp|udp", "of the clients, in natpulse's own scenario, as the four below (tcp)",
         .text = &o.transport},
        {"workload", 0, "PROFILE", "what they do (push, once an hour)", .text = &o.workload},
        {"clients", 0, "N", "how many there are (50)", .number = &o.clients, .least = 1,
         .most = CLIENTS_MOST},
        {"background", 0, "WORKLOAD:N", "others behind the same NAT, or none (web:10)",
         .text = &o.background},
        {"radio", 0, "PROFILE", "of the clients, for the energy (lte)", .text = &o.radio},
        {"duration", 0, "TIME", "how much time is simulated; three intervals must fit into it",
         .text = &o.duration},
        {"ladder", 0, "LIST", "the intervals to choose from (round ones from 10s to 2h)", .text = &o.ladder},
        {"set", 0, "PATH=VALUE", "override a value of the scenario, such as nat.capacity=4k (repeatable)",
         .texts = &o.set},
        {"seed", 0, "N", "another seed than the scenario's", .number = &o.seed, .most = INT64_MAX},
        {"replicas", 0, "N", "how many replicas of each run", .number = &o.replicas, .least = 2,
         .most = REPLICAS_MOST},
        {"jobs", 'j', "N", "threads (all cores)", .number = &o.jobs, .least = 1, .most = JOBS_MOST},
        {"output", 'o', "FILE", "write the advice there (standard output)", .text = &o.output},
        {"format", 'f', "FORMAT", "table, json, csv or md (by FILE's extension, else table)",
         .text = &o.format},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {
        "[SCENARIO]", 0, 1,
        "Searches the longest keepalive and heartbeat intervals with which connections through the given "
        "NATs\n"
        "meet a target, and says which is the cheapest, with the runs that show it and the commands that\n"
        "repeat them. Every strategy of the scenario is a candidate: of a heartbeat `every` is searched, of "
        "a\n"
        "keepalive `idle`, others are judged as they are. Without a SCENARIO it is natpulse's own, `advise`\n"
        "('natpulse show advise'), or `advise-udp`. A target is a line of `expect` without a strategy (the\n"
        "scenario's own, else reachable_fraction > 99.9%); it holds where all of the 95 % interval is on "
        "its\n"
        "right side. The search relies on shorter intervals being no worse, but for costs; the interval that "
        "is\n"
        "advised and the next longer one are always simulated, behind each NAT. An element of --nat may be\n"
        "YAML: {profile: lru-box, capacity: 512}, or a chain [lru-box, linux]. Ends with status 1 when no\n"
        "candidate meets the target.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    np_format format;
    if (status == NP_CLI_GO && !np_cli_format(o.format, o.output, &format)) status = NP_TROUBLE_USAGE;
    if (status == NP_CLI_GO && format == NP_FORMAT_JSONL)
        status = np_cli_misused("advise: advice is one document; expected --format table, json, csv or md");
    if (status == NP_CLI_GO) status = run(argc > 1 ? argv[1] : NULL, &o, format);
    np_texts_clear(&o.nat);
    np_texts_clear(&o.target);
    np_texts_clear(&o.set);
    return status;
}
