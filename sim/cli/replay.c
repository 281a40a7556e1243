/*
 * natpulse replay FILE...
 */
#include "natpulse/replay.h"
#include "natpulse/arena.h"
#include "natpulse/capture_figures.h"
#include "natpulse/output.h"
#include "replay_print.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROFILE "lru-box"

typedef struct replay_options {
    np_texts inside, set;
    np_number seed;
    const char *public_address, *nat, *filter, *adopt, *after_loss, *closed, *compare, *verdicts, *flows,
        *timeline, *figure, *output, *format;
    bool quiet, no_progress;
} replay_options;

/* ---- options into a configuration ---- */

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

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* Two results in one stream would be none. */
static bool outputs_differ(const replay_options *o)
{
    int on_stdout = (!o->output || is_stdout(o->output)) + is_stdout(o->verdicts) + is_stdout(o->flows) +
                    is_stdout(o->timeline);
    if (on_stdout > 1)
        np_cli_misused("more than one result would go to standard output; give the summary a file by -o "
                       "FILE, or the rows");
    return on_stdout <= 1;
}

static bool read_options(const replay_options *o, np_replay_config *config, np_cidr *inside,
                         np_format *format)
{
    int adopt = np_cli_choice("adopt", o->adopt, "first", "never");
    int after = np_cli_choice("after-loss", o->after_loss, "reopen", "dead");
    int closed = np_cli_choice("closed", o->closed, "keep", "leave");
    if (adopt < 0 || after < 0 || closed < 0 || !outputs_differ(o) ||
        !np_cli_format(o->format, o->output, format))
        return false;
    if (*format != NP_FORMAT_TABLE && *format != NP_FORMAT_JSON) {
        np_cli_misused("replay writes its summary as table or json; rows for each packet and flow as CSV by "
                       "--verdicts and --flows");
        return false;
    }
    if (o->compare && (o->verdicts || o->flows)) {
        np_cli_misused("--verdicts and --flows are of one box; leave --compare out");
        return false;
    }
    config->adopt = (np_adopt)adopt;
    config->after_loss = (np_after_loss)after;
    config->closed = closed == 2 ? NP_CLOSED_LEAVE : NP_CLOSED_KEEP;
    config->seed = o->seed.value;
    config->inside = inside;
    return np_cli_inside(&o->inside, inside, &config->insides) && read_public(o->public_address, config);
}

static bool misnamed_policy(const char *list, const char *one, size_t length)
{
    char word[64];
    size_t n = 0;
    const char *const *known = np_evict_list();
    while (known[n]) n++;
    snprintf(word, sizeof word, "%.*s", (int)length, one);
    const char *near = np_cli_nearest(word, known, n);
    np_cli_misused("--compare %s: no policy '%s'%s%s%s; 'natpulse list evict' names them", list, word,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

/* Copies of nat[0], one a policy. */
static bool read_compared(const char *list, np_nat_config *nat, uint32_t *boxes)
{
    *boxes = 0;
    np_nat_config profile = nat[0];
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        const char *found = NULL;
        for (const char *const *known = np_evict_list(); *known && !found; known++)
            if (strlen(*known) == length && strncmp(*known, at, length) == 0) found = *known;
        if (!found) return misnamed_policy(list, at, length);
        if (*boxes == NP_COMPARED_MOST) {
            np_cli_misused("--compare: at most %d policies", NP_COMPARED_MOST);
            return false;
        }
        nat[*boxes] = profile;
        nat[(*boxes)++].evict = found;
        at += length;
        if (!*at) return true;
    }
}

/* ---- the run ---- */

/* The result files: opened before the work, so that a bad name costs none, and kept or thrown away together.
 */
enum { SUMMARY, VERDICTS, FLOWS, TIMELINE, OUTPUTS };
typedef struct outputs {
    np_output *of[OUTPUTS];
} outputs;

static bool open_outputs(outputs *out, const replay_options *o, np_error *e)
{
    const char *const path[OUTPUTS] = {o->output, o->verdicts, o->flows, o->timeline};
    for (int i = 0; i < OUTPUTS; i++)
        if ((i == SUMMARY || path[i]) && !(out->of[i] = np_output_open(path[i], e))) return false;
    return true;
}

static FILE *file_of(const outputs *out, int which)
{
    return out->of[which] ? np_output_file(out->of[which]) : NULL;
}

static bool commit_outputs(outputs *out, np_error *e)
{
    for (int i = OUTPUTS - 1; i >= 0; i--) { /* the summary last: it says that all is there */
        np_output *o = out->of[i];
        out->of[i] = NULL;
        if (o && !np_output_commit(o, e)) return false;
    }
    return true;
}

static void abandon_outputs(outputs *out)
{
    for (int i = 0; i < OUTPUTS; i++)
        if (out->of[i]) np_output_abandon(out->of[i]);
}

static bool draw(const np_replayed *r, const char *path, np_error *e)
{
    if (!path) return true;
    const char *name[NP_COMPARED_MOST], *slash = strrchr(r->file[0], '/');
    char title[300];
    for (uint32_t i = 0; i < r->boxes; i++) name[i] = r->nat[i].evict;
    snprintf(title, sizeof title, "%s through %s: %s%s", r->boxes > 1 ? "Policies" : "A replay", r->nat->name,
             slash ? slash + 1 : r->file[0], r->files > 1 ? " and more" : "");
    return np_figure_replay(r->sum, r->nat, name, r->boxes, title, path, e);
}

static bool read_and_write(np_capture *c, np_replay_config *config, np_replayed *r, np_replay_summary *sum,
                           const replay_options *o, np_format format, outputs *out, np_error *e)
{
    if (!open_outputs(out, o, e)) return false;
    np_progress progress;
    np_progress_begin(&progress, !o->quiet && !o->no_progress, "MB");
    config->verdicts = file_of(out, VERDICTS);
    config->flows = file_of(out, FLOWS);
    config->reading = np_cli_reading_step;
    config->reading_ctx = &progress;
    bool ok = np_replay_run(c, config, &np_cli_stop, sum, e);
    np_progress_end(&progress);
    if (!ok) return false;
    r->read = np_capture_count(c);
    FILE *summary = file_of(out, SUMMARY);
    ok = format == NP_FORMAT_JSON ? np_replay_print_json(r, summary) : np_replay_print_table(r, summary);
    if (!ok && !ferror(summary)) return np_fail_memory(e, "the result");
    if (out->of[TIMELINE]) np_replay_print_timeline(r, file_of(out, TIMELINE));
    return draw(r, o->figure, e) && commit_outputs(out, e);
}

static int replay(const char *const *file, uint32_t files, const replay_options *o, np_replay_config *config,
                  np_nat_config *nat, np_format format)
{
    np_error e = {0};
    uint32_t boxes = 1;
    if (o->compare && !read_compared(o->compare, nat, &boxes)) return NP_TROUBLE_USAGE;
    config->nat = nat;
    config->boxes = boxes;
    np_replay_summary *sum = calloc(boxes, sizeof *sum);
    np_replayed r = {.file = file,
                     .files = files,
                     .nat = nat,
                     .sum = sum,
                     .boxes = boxes,
                     .seed = o->seed.value,
                     .compared = o->compare,
                     .filtered = o->filter,
                     .inside_named = o->inside.n > 0,
                     .closed_leave = config->closed == NP_CLOSED_LEAVE};
    outputs out = {{0}};
    np_capture *c = sum ? np_cli_capture_open(file, files, o->filter, &e) : NULL;
    if (!sum) np_fail_memory(&e, "the results");
    int status = 0;
    if (!c || !read_and_write(c, config, &r, sum, o, format, &out, &e)) {
        abandon_outputs(&out);
        status = np_cli_fail(&e);
    } else if (sum->stopped) {
        if (!o->quiet) np_cli_note("stopped by a signal after %" PRIu64 " packets", r.read->packets);
        status = NP_TROUBLE_RUN;
    }
    np_capture_close(c);
    free(sum);
    return status;
}

static int run(const char *const *file, uint32_t files, const replay_options *o)
{
    np_replay_config config = {0};
    np_cidr inside[NP_INSIDES_MOST];
    np_format format;
    np_sets sets;
    np_error e = {0};
    if (!read_options(o, &config, inside, &format)) return NP_TROUBLE_USAGE;
    if (o->figure && !np_figure_format(o->figure, &e)) return np_cli_fail(&e);
    if (!np_cli_sets(&o->set, NULL, NULL, &sets)) return NP_TROUBLE_USAGE;

    np_findings findings = {0};
    np_nat_config nat[NP_COMPARED_MOST];
    np_arena *arena = NULL;
    int status;
    if (!np_profile_nat(o->nat ? o->nat : DEFAULT_PROFILE, sets.set, sets.n, nat, &arena, &findings, &e))
        status = np_cli_findings(&findings, &e);
    else
        status = replay(file, files, o, &config, nat, format);
    np_findings_clear(&findings);
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
        {"compare", 0, "POLICY,...", "several eviction policies over the same packets, side by side",
         .text = &o.compare},
        {"filter", 0, "BPF", "only packets that this pcap-filter(7) expression matches", .text = &o.filter},
        {"adopt", 0, "first|never", "take flows first seen as already open (first, never with --public)",
         .text = &o.adopt},
        {"after-loss", 0, "reopen|dead",
         "when a flow goes on without its mapping (reopen, dead with --public)", .text = &o.after_loss},
        {"closed", 0, "keep|leave", "mappings of flows seen to end: the box's business, or taken away (keep)",
         .text = &o.closed},
        {"verdicts", 0, "FILE", "write a CSV row for each packet that meets the box", .text = &o.verdicts},
        {"flows", 0, "FILE", "write a CSV row for each flow", .text = &o.flows},
        {"timeline", 0, "FILE", "write mappings held and lost over time as CSV", .text = &o.timeline},
        {"figure", 0, "FILE", "draw mappings held and lost over time, as .svg, .png or .pdf",
         .text = &o.figure},
        {"seed", 0, "N", "for random ports and evictions (0)", .number = &o.seed, .most = INT64_MAX},
        {"output", 'o', "FILE", "write the summary there (standard output)", .text = &o.output},
        {"format", 'f', "FORMAT", "table or json (by FILE's extension, else table)", .text = &o.format},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {"FILE...", 1, -1,
                            "Sends the packets of captures (pcap or pcapng, also .gz and .zst; - is standard "
                            "input), merged by time,\n"
                            "through a NAT box, and tells which flows would have lost their mapping, what "
                            "heartbeat would have kept\n"
                            "them, and what it would have cost.",
                            option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) status = run((const char *const *)(argv + 1), (uint32_t)(argc - 1), &o);
    np_texts_clear(&o.inside);
    np_texts_clear(&o.set);
    return status;
}
