/*
 * natpulse replay FILE...
 */
#include "natpulse/replay.h"
#include "cli.h"
#include "natpulse/arena.h"
#include "natpulse/output.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROFILE "lru-box"
#define INSIDES_MOST    64 /* prefixes of --inside, all told */

typedef struct replay_options {
    np_texts inside, set;
    np_number seed;
    const char *public_address, *nat, *filter, *adopt, *after_loss, *verdicts, *flows, *output, *format;
    bool quiet;
} replay_options;

/* A result and all that is said about it. */
typedef struct result {
    const char *const *file;
    uint32_t files;
    const replay_options *options;
    const np_nat_config *nat;
    const np_capture_counts *read;
    np_replay_summary sum;
} result;

/* ---- warnings: a fixed list with stable names ---- */

typedef struct warning {
    const char *name;
    char text[700];
} warning;

#define WARNINGS_MOST 8

static uint32_t find_warnings(const result *r, warning *w)
{
    uint32_t n = 0;
    const np_capture_counts *read = r->read;
    const np_replay_summary *s = &r->sum;
#define WARN(label, ...) (w[n].name = (label), snprintf(w[n].text, sizeof w[n].text, __VA_ARGS__), n++)
    if (s->stopped) WARN("interrupted", "stopped by a signal; this covers the packets read until then");
    if (read->backwards)
        WARN("clock-went-back",
             "%" PRIu64 " packets claim an earlier time than the one before; time was held for them",
             read->backwards);
    if (read->cut_files)
        WARN("packets-cut", "%" PRIu32 " of %" PRIu32 " files could not be read to the end; the first: %s",
             read->cut_files, r->files, read->cut_text);
    else if (read->by_decoded[NP_DECODED_CUT])
        WARN("packets-cut",
             "%" PRIu64
             " packets were captured too short to tell their flow; capture at least 128 bytes of each",
             read->by_decoded[NP_DECODED_CUT]);
    if (read->unused_files)
        WARN("files-unused", "%" PRIu32 " of %" PRIu32 " files gave no packet; the first: %s",
             read->unused_files, r->files, read->unused_text);
    if (read->packets == 0)
        WARN("no-packets", r->options->filter ? "the capture holds none that the filter lets through"
                                              : "the capture holds none");
    else if (s->outbound + s->inbound == 0)
        WARN("nothing-inside",
             "no packet has an inside address at one end; name the addresses of the clients by --inside "
             "CIDR%s",
             r->options->inside.n ? "" : ", since none is private or shared");
    else if (s->box.evictions + s->box.refused == 0 && s->entries_peak < r->nat->capacity)
        WARN("table-never-full",
             "at most %" PRIu32 " of its %" PRIu32
             " mappings were in use, so the table's size was not put to the test; "
             "--set nat.capacity=N makes it smaller",
             s->entries_peak, r->nat->capacity);
#undef WARN
    return n;
}

/* ---- the summary as a table ---- */

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t undecoded(const np_capture_counts *c)
{
    return c->packets - c->by_decoded[NP_DECODED_OK];
}

static void print_names(const result *r, FILE *out)
{
    fprintf(out, "natpulse %s replay\n%-9s", NP_VERSION, "captures");
    for (uint32_t i = 0; i < r->files; i++) fprintf(out, " %s", r->file[i]);
    fprintf(out, "\n%-9s %s (%s, %" PRIu32 " mappings), seed %" PRIu64 "\n", "profile", r->nat->name,
            r->nat->evict, r->nat->capacity, r->options->seed.value);
}

static void print_packets(const result *r, FILE *out)
{
    const np_capture_counts *read = r->read;
    const np_replay_summary *s = &r->sum;
    char span[40];
    np_time whole = s->first <= s->last ? s->last - s->first : 0;
    np_time_format(span, sizeof span, whole - whole % NP_MILLISECOND);
    fprintf(out, "\n%-9s %" PRIu64 " over %s", "packets", read->packets, span);
    if (r->options->filter) fprintf(out, ", %" PRIu64 " more left out by the filter", read->filtered);
    fprintf(out,
            "\n%-9s %" PRIu64 " out, %" PRIu64 " in; not for the box: %" PRIu64 " local, %" PRIu64
            " elsewhere, %" PRIu64 " not decoded",
            "", s->outbound, s->inbound, s->local, s->elsewhere, undecoded(read));
    const char *before = " (";
    for (int d = NP_DECODED_OK + 1; d < NP_DECODED_COUNT; d++) {
        if (!read->by_decoded[d]) continue;
        fprintf(out, "%s%" PRIu64 " %s", before, read->by_decoded[d], np_decoded_name((np_decoded)d));
        before = ", ";
    }
    fprintf(out, "%s\n", undecoded(read) ? ")" : "");
}

static void print_box(const result *r, FILE *out)
{
    const np_replay_summary *s = &r->sum;
    fprintf(out, "%-9s %" PRIu64 " (%" PRIu64 " tcp, %" PRIu64 " udp, %" PRIu64 " icmp echo)\n", "flows",
            s->flows, s->flows_tcp, s->flows_udp, s->flows_icmp);
    fprintf(out, "%-9s %" PRIu64 " forward, %" PRIu64 " drop, %" PRIu64 " reset", "verdicts", s->forwarded,
            s->dropped, s->reset);
    const char *before = " (";
    for (int i = 0; i < NP_REASON_COUNT; i++) {
        if (!s->by_reason[i]) continue;
        fprintf(out, "%s%" PRIu64 " %s", before, s->by_reason[i], np_reason_name((np_reason)i));
        before = ", ";
    }
    fprintf(out, "%s\n", before[0] == ',' ? ")" : "");
    fprintf(out,
            "%-9s at most %" PRIu32 " of %" PRIu32 " mappings in use; %" PRIu64 " evicted, %" PRIu64
            " expired, %" PRIu64 " refused a place\n",
            "table", s->entries_peak, r->nat->capacity, s->box.evictions, s->box.expiries, s->box.refused);
}

static void print_damage(const result *r, FILE *out)
{
    const np_replay_summary *s = &r->sum;
    fprintf(out, "\n%" PRIu64 " of %" PRIu64 " flows would have lost their mapping", s->flows_hurt, s->flows);
    if (s->flows_hurt == 0) {
        fputs(" with packets still to come\n", out);
        return;
    }
    fprintf(out,
            " with packets still to come (%.3g %%):\n%" PRIu64 " mappings lost, %" PRIu64
            " evicted and %" PRIu64 " expired; %" PRIu64 " packets found none\n",
            percent(s->flows_hurt, s->flows), s->losses_evicted + s->losses_expired, s->losses_evicted,
            s->losses_expired, s->packets_hurt);
    fputs("\nheartbeat every   hurt flows it would have kept\n", out);
    for (int i = 0; i < NP_REPLAY_INTERVALS; i++) {
        char every[40];
        np_time_format(every, sizeof every, np_replay_interval_s[i] * NP_SECOND);
        fprintf(out, "%15s   %10" PRIu64 "  %5.1f %%\n", every, s->saved_by[i],
                percent(s->saved_by[i], s->flows_hurt));
    }
}

static bool print_table(const result *r, FILE *out)
{
    print_names(r, out);
    print_packets(r, out);
    print_box(r, out);
    print_damage(r, out);
    warning w[WARNINGS_MOST];
    uint32_t n = find_warnings(r, w);
    if (n) fputs("\nwarnings\n", out);
    for (uint32_t i = 0; i < n; i++) fprintf(out, "  %s: %s\n", w[i].name, w[i].text);
    return true;
}

/* ---- the summary as JSON ---- */

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* A text that may hold bytes that are no UTF-8, as file names do: those become '?'. */
static json_t *text(const char *s)
{
    json_t *j = json_string(s);
    if (j) return j;
    char *copy = strdup(s);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

static json_t *packets_json(const result *r)
{
    json_t *undone = json_object();
    for (int d = NP_DECODED_OK + 1; d < NP_DECODED_COUNT; d++)
        json_object_set_new(undone, np_decoded_name((np_decoded)d), number(r->read->by_decoded[d]));
    json_t *j = json_object();
    json_object_set_new(j, "read", number(r->read->packets));
    json_object_set_new(j, "filtered", number(r->read->filtered));
    json_object_set_new(j, "outbound", number(r->sum.outbound));
    json_object_set_new(j, "inbound", number(r->sum.inbound));
    json_object_set_new(j, "local", number(r->sum.local));
    json_object_set_new(j, "elsewhere", number(r->sum.elsewhere));
    json_object_set_new(j, "undecoded", undone);
    return j;
}

static json_t *flows_json(const np_replay_summary *s)
{
    json_t *j = json_object();
    json_object_set_new(j, "all", number(s->flows));
    json_object_set_new(j, "tcp", number(s->flows_tcp));
    json_object_set_new(j, "udp", number(s->flows_udp));
    json_object_set_new(j, "icmp", number(s->flows_icmp));
    json_object_set_new(j, "hurt", number(s->flows_hurt));
    return j;
}

static json_t *verdicts_json(const np_replay_summary *s)
{
    json_t *j = json_object(), *reasons = json_object();
    json_object_set_new(j, np_verdict_name(NP_FORWARD), number(s->forwarded));
    json_object_set_new(j, np_verdict_name(NP_DROP), number(s->dropped));
    json_object_set_new(j, np_verdict_name(NP_RESET), number(s->reset));
    for (int i = 0; i < NP_REASON_COUNT; i++)
        json_object_set_new(reasons, np_reason_name((np_reason)i), number(s->by_reason[i]));
    json_object_set_new(j, "reasons", reasons);
    return j;
}

static json_t *table_json(const result *r)
{
    json_t *j = json_object();
    json_object_set_new(j, "capacity", number(r->nat->capacity));
    json_object_set_new(j, "evict", text(r->nat->evict));
    json_object_set_new(j, "peak", number(r->sum.entries_peak));
    json_object_set_new(j, "inserts", number(r->sum.box.inserts));
    json_object_set_new(j, "evictions", number(r->sum.box.evictions));
    json_object_set_new(j, "expiries", number(r->sum.box.expiries));
    json_object_set_new(j, "refused", number(r->sum.box.refused));
    json_object_set_new(j, "no_port", number(r->sum.box.no_port));
    return j;
}

static json_t *saved_json(const np_replay_summary *s)
{
    json_t *all = json_array();
    for (int i = 0; i < NP_REPLAY_INTERVALS; i++) {
        json_t *j = json_object();
        json_object_set_new(j, "every_s", number(np_replay_interval_s[i]));
        json_object_set_new(j, "flows", number(s->saved_by[i]));
        json_object_set_new(j, "share",
                            s->flows_hurt ? json_real((double)s->saved_by[i] / (double)s->flows_hurt)
                                          : json_null());
        json_array_append_new(all, j);
    }
    return all;
}

static json_t *losses_json(const np_replay_summary *s)
{
    json_t *j = json_object();
    json_object_set_new(j, "evicted", number(s->losses_evicted));
    json_object_set_new(j, "expired", number(s->losses_expired));
    json_object_set_new(j, "packets", number(s->packets_hurt));
    return j;
}

static json_t *warnings_json(const result *r)
{
    warning w[WARNINGS_MOST];
    uint32_t n = find_warnings(r, w);
    json_t *all = json_array();
    for (uint32_t i = 0; i < n; i++) {
        json_t *j = json_object();
        json_object_set_new(j, "name", text(w[i].name));
        json_object_set_new(j, "text", text(w[i].text));
        json_array_append_new(all, j);
    }
    return all;
}

static bool print_json(const result *r, FILE *out)
{
    bool any = r->sum.first <= r->sum.last;
    json_t *j = json_object(), *captures = json_array();
    for (uint32_t i = 0; i < r->files; i++) json_array_append_new(captures, text(r->file[i]));
    json_object_set_new(j, "natpulse", text(NP_VERSION));
    json_object_set_new(j, "captures", captures);
    json_object_set_new(j, "profile", text(r->nat->name));
    json_object_set_new(j, "seed", number(r->options->seed.value));
    json_object_set_new(j, "first_s", any ? json_real(np_seconds(r->sum.first)) : json_null());
    json_object_set_new(j, "last_s", any ? json_real(np_seconds(r->sum.last)) : json_null());
    json_object_set_new(j, "packets", packets_json(r));
    json_object_set_new(j, "flows", flows_json(&r->sum));
    json_object_set_new(j, "verdicts", verdicts_json(&r->sum));
    json_object_set_new(j, "table", table_json(r));
    json_object_set_new(j, "losses", losses_json(&r->sum));
    json_object_set_new(j, "saved_by", saved_json(&r->sum));
    json_object_set_new(j, "warnings", warnings_json(r));
    /* 17 digits give every double back. */
    bool ok = json_dumpf(j, out, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0;
    if (ok) fputc('\n', out);
    json_decref(j);
    return ok;
}

/* ---- options into a configuration ---- */

static bool read_inside(const np_texts *texts, np_cidr *out, uint32_t *n)
{
    for (uint32_t i = 0; i < texts->n; i++) {
        for (const char *at = texts->text[i];; at++) {
            char one[64];
            size_t length = strcspn(at, ",");
            snprintf(one, sizeof one, "%.*s", (int)length, at);
            if (*n == INSIDES_MOST) {
                np_cli_misused("--inside: at most %d prefixes", INSIDES_MOST);
                return false;
            }
            if (length >= sizeof one || !np_cidr_parse(one, &out[*n])) {
                np_cli_misused(
                    "--inside %s: '%.*s' is no address prefix; expected one such as 10.0.0.0/8 or fd00::/8",
                    texts->text[i], (int)length, at);
                return false;
            }
            ++*n;
            at += length;
            if (!*at) break;
        }
    }
    return true;
}

static bool read_public(const char *given, np_replay_config *config)
{
    int family = 0;
    if (!given) return true;
    if (!np_addr_parse(given, &config->public_address, &family) || family != 4) {
        np_cli_misused("--public %s: expected an IPv4 address such as 192.0.2.1", given);
        return false;
    }
    config->has_public = true;
    return true;
}

/* The number of `given` among two words; 0 when not given, -1 after a complaint. */
static int read_choice(const char *option, const char *given, const char *first, const char *second)
{
    if (!given) return 0;
    if (strcmp(given, first) == 0) return 1;
    if (strcmp(given, second) == 0) return 2;
    np_cli_misused("--%s %s: expected %s or %s", option, given, first, second);
    return -1;
}

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* Two results in one stream would be none. */
static bool outputs_differ(const replay_options *o)
{
    int on_stdout = (!o->output || is_stdout(o->output)) + is_stdout(o->verdicts) + is_stdout(o->flows);
    if (on_stdout > 1)
        np_cli_misused("more than one result would go to standard output; give the summary a file by -o "
                       "FILE, or the rows");
    return on_stdout <= 1;
}

static bool read_options(const replay_options *o, np_replay_config *config, np_cidr *inside,
                         np_format *format)
{
    int adopt = read_choice("adopt", o->adopt, "first", "never");
    int after = read_choice("after-loss", o->after_loss, "reopen", "dead");
    if (adopt < 0 || after < 0 || !outputs_differ(o) || !np_cli_format(o->format, o->output, format))
        return false;
    if (*format != NP_FORMAT_TABLE && *format != NP_FORMAT_JSON) {
        np_cli_misused("replay writes its summary as table or json; rows for each packet and flow as CSV by "
                       "--verdicts and "
                       "--flows");
        return false;
    }
    config->adopt = (np_adopt)adopt;
    config->after_loss = (np_after_loss)after;
    config->seed = o->seed.value;
    config->inside = inside;
    return read_inside(&o->inside, inside, &config->insides) && read_public(o->public_address, config);
}

/* ---- the run ---- */

/* The result files: opened before the work, so that a bad name costs none, and kept or thrown away together.
 */
typedef struct outputs {
    np_output *summary, *verdicts, *flows;
} outputs;

static bool open_outputs(outputs *out, const replay_options *o, np_error *e)
{
    out->summary = np_output_open(o->output, e);
    if (!out->summary) return false;
    if (o->verdicts && !(out->verdicts = np_output_open(o->verdicts, e))) return false;
    return !o->flows || (out->flows = np_output_open(o->flows, e));
}

static bool commit(np_output **o, np_error *e)
{
    bool ok = !*o || np_output_commit(*o, e);
    *o = NULL;
    return ok;
}

static bool commit_outputs(outputs *out, np_error *e)
{
    return commit(&out->verdicts, e) && commit(&out->flows, e) && commit(&out->summary, e);
}

static void abandon_outputs(outputs *out)
{
    np_output *all[] = {out->summary, out->verdicts, out->flows};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) np_output_abandon(all[i]);
}

static bool replay(np_capture *c, np_replay_config *config, result *r, np_format format, outputs *out,
                   np_error *e)
{
    const replay_options *o = r->options;
    if (!open_outputs(out, o, e)) return false;
    if (out->verdicts) config->verdicts = np_output_file(out->verdicts);
    if (out->flows) config->flows = np_output_file(out->flows);
    if (!np_replay_run(c, config, &np_cli_stop, &r->sum, e)) return false;
    r->read = np_capture_count(c);
    FILE *summary = np_output_file(out->summary);
    if (!(format == NP_FORMAT_JSON ? print_json(r, summary) : print_table(r, summary)) && !ferror(summary))
        return np_fail_memory(e, "the result");
    return commit_outputs(out, e);
}

static int run(const char *const *file, uint32_t files, const replay_options *o)
{
    np_replay_config config = {0};
    np_cidr inside[INSIDES_MOST];
    np_format format;
    np_sets sets;
    if (!read_options(o, &config, inside, &format)) return NP_TROUBLE_USAGE;
    if (!np_cli_sets(&o->set, NULL, NULL, &sets)) return NP_TROUBLE_USAGE;

    np_error e = {0};
    np_findings findings = {0};
    np_nat_config nat;
    np_arena *arena = NULL;
    int status = 0;
    if (!np_profile_nat(o->nat ? o->nat : DEFAULT_PROFILE, sets.set, sets.n, &nat, &arena, &findings, &e)) {
        status = np_cli_findings(&findings, &e);
    } else {
        config.nat = &nat;
        result r = {.file = file, .files = files, .options = o, .nat = &nat};
        outputs out = {0};
        np_capture *c = np_capture_open(file, files, o->filter, &e);
        if (!c || !replay(c, &config, &r, format, &out, &e)) {
            abandon_outputs(&out);
            status = np_cli_fail(&e);
        } else if (r.sum.stopped) {
            if (!o->quiet) np_cli_note("stopped by a signal after %" PRIu64 " packets", r.read->packets);
            status = NP_TROUBLE_RUN;
        }
        np_capture_close(c);
        np_findings_clear(&findings);
    }
    np_arena_destroy(arena);
    np_cli_sets_free(&sets);
    return status;
}

int np_cmd_replay(int argc, char **argv)
{
    replay_options o = {0};
    const np_option option[] = {
        {"inside", 0, "CIDR[,CIDR...]", "the clients' addresses (private and shared ones)",
         .texts = &o.inside},
        {"public", 0, "IP", "the NAT's outside address, for captures taken there", .text = &o.public_address},
        {"nat", 0, "PROFILE", "what NAT box (" DEFAULT_PROFILE ")", .text = &o.nat},
        {"set", 0, "nat.KEY=VALUE", "override a value of the profile, such as nat.capacity=512 (repeatable)",
         .texts = &o.set},
        {"filter", 0, "BPF", "only packets that this pcap-filter(7) expression matches", .text = &o.filter},
        {"adopt", 0, "first|never", "take flows first seen as already open (first, never with --public)",
         .text = &o.adopt},
        {"after-loss", 0, "reopen|dead",
         "when a flow goes on without its mapping (reopen, dead with --public)", .text = &o.after_loss},
        {"verdicts", 0, "FILE", "write a CSV row for each packet that meets the box", .text = &o.verdicts},
        {"flows", 0, "FILE", "write a CSV row for each flow", .text = &o.flows},
        {"seed", 0, "N", "for random ports and evictions (0)", .number = &o.seed, .most = INT64_MAX},
        {"output", 'o', "FILE", "write the summary there (standard output)", .text = &o.output},
        {"format", 'f', "FORMAT", "table or json (by FILE's extension, else table)", .text = &o.format},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {0},
    };
    const np_usage usage = {
        "FILE...", 1, -1,
        "Sends the packets of captures (pcap or pcapng; - is standard input), merged by time, through a NAT\n"
        "box, and tells which flows would have lost their mapping and what heartbeat would have kept them.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) status = run((const char *const *)(argv + 1), (uint32_t)(argc - 1), &o);
    np_texts_clear(&o.inside);
    np_texts_clear(&o.set);
    return status;
}
