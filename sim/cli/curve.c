/*
 * natpulse curve FILE...
 */
#include "natpulse/curve.h"
#include "captures.h"
#include "natpulse/arena.h"
#include "natpulse/capture_figures.h"
#include "natpulse/output.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROFILE  "lru-box"
#define DEFAULT_TIMEOUTS "30s,1m,2m,5m,10m,30m,1h,2h,none"

/* Sizes that a curve is written for when none are named: steps from one to its double, in a file and in a
   table for people, which shows at most so many. */
#define STEPS_IN_FILE 4
#define ROWS_MOST     16
#define SIZES_MOST    512
#define SIZE_MOST     ((uint64_t)1 << 32) /* a larger table is a slip of the finger */

typedef struct curve_options {
    np_texts inside, set;
    np_number seed;
    const char *nat, *filter, *timeouts, *sizes, *closed, *sample, *output, *format, *figure;
    bool quiet, no_progress;
} curve_options;

typedef struct result {
    const char *const *file;
    uint32_t files;
    const curve_options *options;
    const np_nat_config *nat;
    const np_capture_counts *read;
    const np_curve *curve;
    np_curve_counts counts;
    np_closed closed;
    uint64_t size[SIZES_MOST];
    uint32_t sizes;
} result;

/* ---- which sizes ---- */

/* From 1 to the size at which the curve is flat, `steps` to the double; at most `most` of them, the largest.
 */
static void choose_sizes(result *r, uint32_t steps, uint32_t most)
{
    double last = 1;
    while (last < (double)r->counts.capacity) last *= 2;
    uint32_t all = 0;
    double least = last / pow(2, (most - 1) / (double)steps);
    for (uint32_t i = most; i-- > 0;) {
        double x = least * pow(2, (most - 1 - i) / (double)steps);
        uint64_t size = (uint64_t)llround(x);
        if (x < 1 || (all > 0 && r->size[all - 1] == size)) continue;
        r->size[all++] = size;
    }
    r->sizes = all;
}

static bool read_sizes(const char *list, result *r)
{
    for (const char *at = list;; at++) {
        char *end;
        size_t length = strcspn(at, ",");
        uint64_t n = *at >= '0' && *at <= '9' ? strtoull(at, &end, 10) : 0;
        if (n > 0 && *end == 'k') n *= 1000, end++;
        if (n > 0 && *end == 'M') n *= 1000000, end++;
        if (n == 0 || n > SIZE_MOST || end != at + length || r->sizes == SIZES_MOST) {
            np_cli_misused("--sizes %s: '%.*s' is no table size; expected numbers such as 512,4k,1M", list,
                           (int)length, at);
            return false;
        }
        r->size[r->sizes++] = n;
        at += length;
        if (!*at) return true;
    }
}

/* ---- output ---- */

static const char *timeout_name(const result *r, uint32_t k, char *buf, size_t size)
{
    np_time t = np_curve_timeout(r->curve, k);
    return t == NP_NEVER ? "none" : np_time_format(buf, size, t);
}

static void find_warnings(const result *r, np_cli_warnings *w)
{
    np_cli_reading reading = {.read = r->read,
                              .files = r->files,
                              .met = r->counts.outbound + r->counts.inbound,
                              .local = r->counts.local,
                              .filtered = r->options->filter,
                              .inside_named = r->options->inside.n > 0,
                              .stopped = r->counts.stopped};
    np_cli_capture_warnings(&reading, w);
}

static void print_head(const result *r, FILE *out)
{
    const np_curve_counts *c = &r->counts;
    fprintf(out, "natpulse %s curve\n", NP_VERSION);
    np_cli_print_captures(r->file, r->files, out);
    fprintf(out, "%-9s evict lru; every timeout as the column says; a flow's mapping %s\n\n", "table",
            r->closed == NP_CLOSED_LEAVE ? "leaves when the flow has ended"
                                         : "stays when the flow has ended");
    np_cli_print_packets(r->read, r->options->filter, c->first, c->last,
                         (uint64_t[]){c->outbound, c->inbound, c->local, c->elsewhere}, out);
    fprintf(out, "%-9s %" PRIu64, "flows", c->flows);
    if (c->sample < 1)
        fprintf(out,
                " (estimated within %.2g %%: %" PRIu64 " are in the sample of %.3g %%, seed %" PRIu64 ")",
                c->sampled ? 196 * sqrt((1 - c->sample) / (double)c->sampled) : 100, c->sampled,
                100 * c->sample, r->options->seed.value);
    fprintf(out, "\n%-9s %" PRIu64 " mappings: a larger one makes no difference\n", "largest", c->capacity);
}

static bool print_table(const result *r, FILE *out)
{
    char name[40];
    bool sampled = r->counts.sample < 1;
    print_head(r, out);
    fprintf(out, "\n%% of flows hurt%s, by table size and idle timeout\n%10s",
            sampled ? " with its 95 % interval" : "", "mappings");
    for (uint32_t k = 0; k < r->counts.timeouts; k++)
        fprintf(out, "%*s", sampled ? 18 : 8, timeout_name(r, k, name, sizeof name));
    fputc('\n', out);
    for (uint32_t i = 0; i < r->sizes; i++) {
        fprintf(out, "%10" PRIu64, r->size[i]);
        for (uint32_t k = 0; k < r->counts.timeouts; k++) {
            np_curve_point p = np_curve_at(r->curve, r->size[i], k);
            fprintf(out, "%8.2f", 100 * p.share);
            if (sampled) fprintf(out, " %4.1f-%-4.1f", 100 * p.low, 100 * p.high);
        }
        fputc('\n', out);
    }
    np_cli_warnings w = {.n = 0};
    find_warnings(r, &w);
    np_cli_print_warnings(&w, out);
    return true;
}

/* One row a point; an empty timeout_s: none. */
static bool print_csv(const result *r, FILE *out)
{
    fputs("capacity,timeout_s,flows_hurt,packets_hurt,share,share_low,share_high\n", out);
    for (uint32_t k = 0; k < r->counts.timeouts; k++) {
        np_time t = np_curve_timeout(r->curve, k);
        for (uint32_t i = 0; i < r->sizes; i++) {
            np_curve_point p = np_curve_at(r->curve, r->size[i], k);
            fprintf(out, "%" PRIu64 ",", r->size[i]);
            if (t != NP_NEVER) fprintf(out, "%.9g", np_seconds(t));
            fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%.9g,%.9g,%.9g\n", p.flows_hurt, p.packets_hurt, p.share,
                    p.low, p.high);
        }
    }
    return true;
}

static json_t *point_json(const result *r, uint64_t size, uint32_t k)
{
    np_curve_point p = np_curve_at(r->curve, size, k);
    json_t *j = json_object();
    json_object_set_new(j, "capacity", json_integer((json_int_t)size));
    json_object_set_new(j, "flows_hurt", json_integer((json_int_t)p.flows_hurt));
    json_object_set_new(j, "packets_hurt", json_integer((json_int_t)p.packets_hurt));
    json_object_set_new(j, "share", json_real(p.share));
    if (r->counts.sample < 1) json_object_set_new(j, "ci95", json_pack("[ff]", p.low, p.high));
    return j;
}

static bool print_json(const result *r, FILE *out)
{
    const np_curve_counts *c = &r->counts;
    bool any = c->first <= c->last;
    json_t *j = json_object(), *lines = json_array();
    json_object_set_new(j, "natpulse", json_string(NP_VERSION));
    json_object_set_new(j, "captures", np_cli_captures_json(r->file, r->files));
    json_object_set_new(j, "closed", json_string(r->closed == NP_CLOSED_LEAVE ? "leave" : "keep"));
    json_object_set_new(j, "sample", json_real(c->sample));
    json_object_set_new(j, "seed", json_integer((json_int_t)r->options->seed.value));
    json_object_set_new(j, "first_s", np_cli_time_json(c->first, any));
    json_object_set_new(j, "last_s", np_cli_time_json(c->last, any));
    json_object_set_new(
        j, "packets",
        np_cli_packets_json(r->read, (uint64_t[]){c->outbound, c->inbound, c->local, c->elsewhere}));
    json_object_set_new(j, "flows", json_integer((json_int_t)c->flows));
    json_object_set_new(j, "flows_sampled", json_integer((json_int_t)c->sampled));
    json_object_set_new(j, "largest", json_integer((json_int_t)c->capacity));
    for (uint32_t k = 0; k < c->timeouts; k++) {
        np_time t = np_curve_timeout(r->curve, k);
        json_t *line = json_object(), *points = json_array();
        json_object_set_new(line, "timeout_s", np_cli_time_json(t, t != NP_NEVER));
        for (uint32_t i = 0; i < r->sizes; i++) json_array_append_new(points, point_json(r, r->size[i], k));
        json_object_set_new(line, "points", points);
        json_array_append_new(lines, line);
    }
    json_object_set_new(j, "curves", lines);
    np_cli_warnings w = {.n = 0};
    find_warnings(r, &w);
    json_object_set_new(j, "warnings", np_cli_warnings_json(&w));
    /* 17 digits give every double back. */
    bool ok = json_dumpf(j, out, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0;
    if (ok) fputc('\n', out);
    json_decref(j);
    return ok;
}

/* ---- options into a configuration ---- */

static bool read_timeouts(const char *list, np_curve_config *config)
{
    for (const char *at = list;; at++) {
        char one[40];
        size_t length = strcspn(at, ",");
        np_time t = 0;
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        bool none = strcmp(one, "none") == 0;
        if (none) t = NP_NEVER;
        if (length >= sizeof one || (!none && !np_time_parse(one, &t)) || t <= 0) {
            np_cli_misused("--timeouts %s: '%.*s' is no timeout; expected a list such as 30s,5m,2h,none",
                           list, (int)length, at);
            return false;
        }
        if (config->timeouts == NP_CURVE_TIMEOUTS) {
            np_cli_misused("--timeouts: at most %d", NP_CURVE_TIMEOUTS);
            return false;
        }
        uint32_t k = config->timeouts++;
        for (; k > 0 && config->timeout[k - 1] > t; k--) config->timeout[k] = config->timeout[k - 1];
        config->timeout[k] = t;
        at += length;
        if (!*at) return true;
    }
}

static bool read_sample(const char *given, double *sample)
{
    char *end;
    *sample = 1;
    if (!given) return true;
    double x = *given >= '0' && *given <= '9' ? strtod(given, &end) : 0;
    bool per_cent = x > 0 && *end == '%';
    if (per_cent) x /= 100, end++;
    if (!(x > 0 && x <= 1) || *end) {
        np_cli_misused("--sample %s: expected a share of the flows such as 0.01 or 1%%", given);
        return false;
    }
    *sample = x;
    return true;
}

static bool read_options(const curve_options *o, np_curve_config *config, np_cidr *inside, np_format *format,
                         result *r)
{
    int closed = np_cli_choice("closed", o->closed, "keep", "leave");
    if (closed < 0 || !np_cli_format(o->format, o->output, format)) return false;
    if (*format != NP_FORMAT_TABLE && *format != NP_FORMAT_JSON && *format != NP_FORMAT_CSV) {
        np_cli_misused("curve writes table, csv or json");
        return false;
    }
    config->closed = r->closed = closed == 2 ? NP_CLOSED_LEAVE : NP_CLOSED_KEEP;
    config->seed = o->seed.value;
    config->inside = inside;
    return np_cli_inside(&o->inside, inside, &config->insides) &&
           read_timeouts(o->timeouts ? o->timeouts : DEFAULT_TIMEOUTS, config) &&
           read_sample(o->sample, &config->sample) && (!o->sizes || read_sizes(o->sizes, r));
}

/* What of the profile the curve's table does not do. */
static bool profile_fits(const np_nat_config *nat, np_error *e)
{
    const char *name = nat->name;
    if (strcmp(nat->evict, "lru") != 0)
        return np_fail(e, NP_TROUBLE_USAGE,
                       "profile %s evicts by %s, and one reading gives all sizes for lru only; add --set "
                       "nat.evict=lru, or ask for single sizes by 'natpulse replay --set nat.capacity=N'",
                       name, nat->evict);
    if (nat->refresh != NP_REFRESH_BOTH)
        return np_fail(
            e, NP_TROUBLE_USAGE,
            "profile %s does not renew mappings by the packets of both directions, and the curve needs "
            "that; add --set nat.refresh=both, or ask for single sizes by 'natpulse replay'",
            name);
    return true;
}

/* ---- the run ---- */

static bool draw(const result *r, np_error *e)
{
    if (!r->options->figure) return true;
    char title[300];
    const char *slash = strrchr(r->file[0], '/');
    snprintf(title, sizeof title, "Flows hurt by a table too small: %s%s", slash ? slash + 1 : r->file[0],
             r->files > 1 ? " and more" : "");
    return np_figure_curve(r->curve, title, r->options->figure, e);
}

static bool write_result(result *r, np_format format, np_output *out, np_error *e)
{
    if (!r->options->sizes)
        choose_sizes(r, format == NP_FORMAT_TABLE ? 1 : STEPS_IN_FILE,
                     format == NP_FORMAT_TABLE ? ROWS_MOST : 27 * STEPS_IN_FILE);
    FILE *f = np_output_file(out);
    bool ok = format == NP_FORMAT_JSON  ? print_json(r, f)
              : format == NP_FORMAT_CSV ? print_csv(r, f)
                                        : print_table(r, f);
    if (!ok && !ferror(f)) return np_fail_memory(e, "the result");
    return draw(r, e);
}

static int read_and_write(result *r, np_curve_config *config, np_format format, np_error *e)
{
    const curve_options *o = r->options;
    np_output *out = np_output_open(o->output, e);
    np_capture *c = out ? np_cli_capture_open(r->file, r->files, o->filter, e) : NULL;
    np_curve *curve = NULL;
    np_progress progress;
    np_progress_begin(&progress, !o->quiet && !o->no_progress, "MB");
    config->reading = np_cli_reading_step;
    config->reading_ctx = &progress;
    if (c) curve = np_curve_run(c, config, &np_cli_stop, e);
    np_progress_end(&progress);
    bool ok = false;
    if (curve) {
        r->curve = curve;
        r->counts = np_curve_count(curve);
        r->read = np_capture_count(c);
        ok = write_result(r, format, out, e);
        if (ok) ok = np_output_commit(out, e), out = NULL;
    }
    if (out) np_output_abandon(out);
    int status = ok ? 0 : np_cli_fail(e);
    if (ok && r->counts.stopped) {
        if (!o->quiet) np_cli_note("stopped by a signal after %" PRIu64 " packets", r->read->packets);
        status = NP_TROUBLE_RUN;
    }
    np_curve_destroy(curve);
    np_capture_close(c);
    return status;
}

static int run(const char *const *file, uint32_t files, const curve_options *o)
{
    np_curve_config config = {.sample = 1};
    np_cidr inside[NP_INSIDES_MOST];
    np_format format;
    np_sets sets;
    np_error e = {0};
    result r = {.file = file, .files = files, .options = o};
    if (!read_options(o, &config, inside, &format, &r)) return NP_TROUBLE_USAGE;
    if (o->figure && !np_figure_format(o->figure, &e)) return np_cli_fail(&e);
    if (!np_cli_sets(&o->set, NULL, NULL, &sets)) return NP_TROUBLE_USAGE;
    np_findings findings = {0};
    np_nat_config nat;
    np_arena *arena = NULL;
    int status;
    if (!np_profile_nat(o->nat ? o->nat : DEFAULT_PROFILE, sets.set, sets.n, &nat, &arena, &findings, &e)) {
        status = np_cli_findings(&findings, &e);
    } else if (!profile_fits(&nat, &e)) {
        status = np_cli_fail(&e);
    } else {
        r.nat = &nat;
        config.unknown_outbound = nat.unknown_outbound;
        status = read_and_write(&r, &config, format, &e);
    }
    np_findings_clear(&findings);
    np_arena_destroy(arena);
    np_cli_sets_free(&sets);
    return status;
}

int np_cmd_curve(int argc, char **argv)
{
    curve_options o = {0};
    const np_option option[] = {
        {"inside", 0, "CIDR[,CIDR...]", "the clients' addresses (private and shared ones)",
         .texts = &o.inside},
        {"timeouts", 0, "LIST", "idle timeouts, a line each (" DEFAULT_TIMEOUTS ")", .text = &o.timeouts},
        {"sizes", 0, "LIST", "table sizes to print (doubling, up to where it makes no difference)",
         .text = &o.sizes},
        {"closed", 0, "keep|leave", "mappings of flows that have ended stay until idle, or leave (keep)",
         .text = &o.closed},
        {"sample", 0, "SHARE", "look at a share of the flows only, such as 1% (all: the curve is exact)",
         .text = &o.sample},
        {"seed", 0, "N", "which flows a sample takes (0)", .number = &o.seed, .most = INT64_MAX},
        {"nat", 0, "PROFILE", "NAT box, for its rules on unknown packets (" DEFAULT_PROFILE ")",
         .text = &o.nat},
        {"set", 0, "nat.KEY=VALUE", "override a value of the profile (repeatable)", .texts = &o.set},
        {"filter", 0, "BPF", "only packets that this pcap-filter(7) expression matches", .text = &o.filter},
        {"figure", 0, "FILE", "draw the curve, as .svg, .png or .pdf", .text = &o.figure},
        {"output", 'o', "FILE", "write the result there (standard output)", .text = &o.output},
        {"format", 'f', "FORMAT", "table, csv or json (by FILE's extension, else table)", .text = &o.format},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {
        "FILE...", 1, -1,
        "Reads captures once, and tells for every size of an LRU table, with each of several idle timeouts, "
        "how\n"
        "many flows would have lost their mapping: what 'natpulse replay' says for one size and timeout.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) status = run((const char *const *)(argv + 1), (uint32_t)(argc - 1), &o);
    np_texts_clear(&o.inside);
    np_texts_clear(&o.set);
    return status;
}
