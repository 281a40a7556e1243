/*
 * natpulse fit PCAP...
 */
#include "natpulse/fit.h"
#include "captures.h"
#include "natpulse/arena.h"
#include "natpulse/output.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_MOST 50 /* quantiles of a distribution without a name, where there is no place for a file */
#define FEW_VALUES  30 /* with fewer, a fitted value may be off by half */
#define SIDE_FILES  (6 * NP_FIT_GROUPS)

typedef struct fit_options {
    np_texts inside;
    const char *filter, *output;
    bool quiet, no_progress;
} fit_options;

/* The scenario being written, and the files beside it. */
typedef struct writer {
    FILE *out;
    const char *path; /* NULL: standard output */
    np_output *beside[SIDE_FILES];
    uint32_t files;
    np_arena *arena;
    np_error *e;
} writer;

/* ---- values ---- */

/* To four digits: what a fit can be believed. */
static double rounded(double x)
{
    if (!(x > 0)) return 0;
    double unit = pow(10, floor(log10(x)) - 3);
    return round(x / unit) * unit;
}

/* The longest time a scenario may have: a clock that jumps makes longer ones. */
#define TIME_MOST ((double)(3650 * NP_DAY))

static void put_time(FILE *out, double ns)
{
    char text[40];
    fputs(np_time_format(text, sizeof text, (np_time)(fmin(rounded(ns), TIME_MOST) + 0.5)), out);
}

typedef enum unit { TIME, BYTES, COUNT } unit;

static void put_value(FILE *out, unit u, double x)
{
    if (u == TIME)
        put_time(out, x);
    else
        fprintf(out, "%.0f%s", rounded(x) < 1 ? round(x) : rounded(x), u == BYTES ? "B" : "");
}

/* ---- files beside the scenario ---- */

/* A part of a path without what the arguments of a distribution cannot hold. */
static void plain(char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("._-", *text)) *text = '_';
}

/* Opens PATH-without-extension-GROUP-KEY.csv; its name without folders, or NULL and *w->e. */
static const char *open_beside(writer *w, const char *group, const char *key)
{
    const char *slash = strrchr(w->path, '/'), *name = slash ? slash + 1 : w->path, *dot = strrchr(name, '.');
    int length = (int)(dot && dot > name ? dot - name : (long)strlen(name));
    char *file = np_arena_format(w->arena, "%.*s-%s-%s.csv", length, name, group, key);
    if (file) plain(file);
    const char *path =
        file ? np_arena_format(w->arena, "%.*s%s", (int)(name - w->path), w->path, file) : NULL;
    if (!path) {
        np_fail_memory(w->e, "the name of a file");
        return NULL;
    }
    if (!(w->beside[w->files] = np_output_open(path, w->e))) return NULL;
    w->files++;
    return file;
}

/* One value a line: seconds, bytes or a count. */
static void put_file(FILE *out, unit u, const np_dist *d)
{
    fputs(u == TIME ? "seconds\n" : u == BYTES ? "bytes\n" : "count\n", out);
    for (uint32_t i = 0; i < d->n; i++)
        fprintf(out, u == TIME ? "%.6f\n" : "%.0f\n", u == TIME ? d->value[i] * 1e-9 : d->value[i]);
}

static bool put_empirical(writer *w, unit u, const np_dist *d, const char *group, const char *key)
{
    if (w->path && d->n > INLINE_MOST) {
        const char *name = open_beside(w, group, key);
        if (!name) return false;
        put_file(np_output_file(w->beside[w->files - 1]), u, d);
        fprintf(w->out, "empirical(%s)", name);
        return true;
    }
    uint32_t k = d->n < INLINE_MOST ? d->n : INLINE_MOST;
    fputs("empirical(", w->out);
    for (uint32_t i = 0; i < k; i++) {
        if (i) fputc(' ', w->out);
        put_value(w->out, u, d->value[k > 1 ? (uint64_t)i * (d->n - 1) / (k - 1) : 0]);
    }
    fputc(')', w->out);
    return true;
}

/* ---- a quantity ---- */

static bool put_dist(writer *w, unit u, const np_dist *d, const char *group, const char *key)
{
    static const char *const form[] = {[NP_DIST_UNIFORM] = "uniform(low=",
                                       [NP_DIST_EXPONENTIAL] = "exponential(",
                                       [NP_DIST_LOGNORMAL] = "lognormal(median=",
                                       [NP_DIST_WEIBULL] = "weibull(scale=",
                                       [NP_DIST_PARETO] = "pareto(scale="};
    if (d->kind == NP_DIST_EMPIRICAL) return put_empirical(w, u, d, group, key);
    if (d->kind != NP_DIST_CONSTANT) fputs(form[d->kind], w->out);
    put_value(w->out, u, d->a);
    if (d->kind == NP_DIST_UNIFORM) {
        fputs(" high=", w->out);
        put_value(w->out, u, d->b);
    } else if (d->kind == NP_DIST_LOGNORMAL) {
        fprintf(w->out, " sigma=%.4g", d->b);
    } else if (d->kind == NP_DIST_WEIBULL || d->kind == NP_DIST_PARETO) {
        fprintf(w->out, " shape=%.4g", d->b);
    }
    if (d->cap > 0) {
        fputs(" cap=", w->out);
        put_value(w->out, u, d->cap);
    }
    if (d->kind != NP_DIST_CONSTANT) fputc(')', w->out);
    return true;
}

/* A line `key: distribution`, with what it rests on. */
static bool put_quantity(writer *w, const char *indent, const char *group, const char *key, unit u,
                         const np_fit_quantity *q)
{
    fprintf(w->out, "%s%s: ", indent, key);
    if (!put_dist(w, u, &q->dist, group, key)) return false;
    fprintf(w->out, "  # %" PRIu32 " values", q->values);
    if (q->censored) fprintf(w->out, ", %" PRIu32 " still open", q->censored);
    if (q->distance <= 1) fprintf(w->out, "; %.2f of the distance that refuses it", q->distance);
    if (q->distance > 1) fprintf(w->out, "; the likeliest named one is %.1f times too far off", q->distance);
    fputc('\n', w->out);
    return true;
}

/* ---- groups ---- */

static const char *group_name(const np_fit_group *g)
{
    bool tcp = g->transport == NP_TCP;
    if (g->connection == NP_CONNECTION_PER_REQUEST) return tcp ? "tcp-requests" : "udp-requests";
    if (g->from_server) return tcp ? "tcp-pushes" : "udp-pushes";
    return tcp ? "tcp-exchanges" : "udp-exchanges";
}

/* Strategies are about connections that are kept; where there are none, about the requests. */
static bool is_measured(const np_fit *f, const np_fit_group *g)
{
    bool kept = false;
    for (uint32_t i = 0; i < f->groups; i++) kept |= f->group[i].connection == NP_CONNECTION_PERSISTENT;
    return !kept || g->connection == NP_CONNECTION_PERSISTENT;
}

static bool put_group(writer *w, const np_fit *f, const np_fit_group *g)
{
    const char *name = group_name(g), *in = "      ";
    /* A gap cannot be left out: where none was seen, longer than the capture. */
    np_fit_quantity gap = g->gap, request = g->request;
    if (!gap.values) gap.dist = np_dist_constant((double)(f->last - f->first) + (double)NP_SECOND);
    if (!request.values) request.dist = np_dist_constant(1);
    fprintf(w->out,
            "  - name: %s  # %" PRIu32 " connections, %" PRIu64 " exchanges in %" PRIu64 " rounds\n"
            "    count: %" PRIu32 "\n    transport: %s\n",
            name, g->flows, g->exchanges, g->rounds, g->clients, g->transport == NP_TCP ? "tcp" : "udp");
    if (!is_measured(f, g)) fputs("    connection: per-request\n    measure: false\n", w->out);
    if (!put_quantity(w, "    ", name, "arrival", TIME, &g->arrival)) return false;
    fprintf(w->out, "    workload:\n%sopens: %s\n%sloop: %s\n", in, g->from_server ? "server" : "client", in,
            g->open_loop ? "open" : "closed");
    if (g->passed_over)
        fprintf(w->out, "%s# left out: %" PRIu64 " messages that the other side opened\n", in,
                g->passed_over);
    return put_quantity(w, in, name, "gap", TIME, &gap) &&
           put_quantity(w, in, name, "count", COUNT, &g->count) &&
           put_quantity(w, in, name, "request", BYTES, &request) &&
           put_quantity(w, in, name, "response", BYTES, &g->response) &&
           put_quantity(w, in, name, "service", TIME, &g->service);
}

/* ---- strategies ---- */

static void put_keepalive(FILE *out, const np_fit_keepalive *k)
{
    /* What did not show is as in Linux. */
    fprintf(out, "    keepalive: {idle: ");
    put_time(out, (double)k->idle);
    fputs(", interval: ", out);
    put_time(out, (double)(k->interval ? k->interval : 75 * NP_SECOND));
    fprintf(out, ", probes: %" PRIu32 "%s}  # %" PRIu64 " probes in %" PRIu32 " connections",
            k->count ? k->count : 9,
            !k->from_server  ? ""
            : k->from_client ? ", at: both"
                             : ", at: server",
            k->probes, k->flows);
    if (!k->interval) fputs("; the interval did not show", out);
    if (!k->count) fputs("; how many are too many did not show", out);
    fputc('\n', out);
}

static void put_beat(FILE *out, const np_fit_beat *b)
{
    np_time timeout = b->every < 10 * NP_SECOND ? b->every : 10 * NP_SECOND;
    fprintf(out, "    heartbeat: {every: ");
    put_time(out, (double)b->every);
    fprintf(out, ", from: %s, bytes: %" PRIu32 "B, answer_bytes: %" PRIu32 "B, timeout: ",
            b->from == NP_BEAT_FROM_SERVER ? "server" : "client", b->bytes, b->answer_bytes);
    if (b->answer_bytes)
        put_time(out, (double)timeout);
    else
        fputs("none", out);
    fprintf(out,
            "}  # %" PRIu64 " beats in %" PRIu32 " connections; how long an answer may take does not show\n",
            b->beats, b->flows);
}

static void put_strategy(FILE *out, const np_fit_group *g, const char *only)
{
    fprintf(out, "  - name: as captured%s%s\n", only ? ", " : "", only ? only : "");
    if (only) fprintf(out, "    clients: [%s]\n", only);
    if (g->connection == NP_CONNECTION_PER_REQUEST) fputs("    connection: per-request\n", out);
    if (g->connection == NP_CONNECTION_PERSISTENT && g->pool > 1)
        fprintf(out, "    connection: pool\n    pool: %" PRIu32 "\n", g->pool);
    if (g->keepalive.flows) put_keepalive(out, &g->keepalive);
    if (g->beat.flows) put_beat(out, &g->beat);
}

/* One for each group that is measured: each has its own upkeep. */
static void put_strategies(FILE *out, const np_fit *f)
{
    uint32_t measured = 0;
    for (uint32_t i = 0; i < f->groups; i++) measured += is_measured(f, &f->group[i]);
    fputs("\nstrategies:\n", out);
    for (uint32_t i = 0; i < f->groups; i++) {
        const np_fit_group *g = &f->group[i];
        if (is_measured(f, g)) put_strategy(out, g, measured > 1 ? group_name(g) : NULL);
    }
}

/* ---- warnings: as comments at the end ---- */

/* Names of files may hold anything, also ends of lines. */
static void put_comment(FILE *out, const char *text)
{
    for (; *text; text++) fputc((unsigned char)*text < ' ' ? '?' : *text, out);
}

static void put_warnings(FILE *out, const np_fit *f, const np_cli_reading *read)
{
    np_cli_warnings w = {0};
    np_cli_capture_warnings(read, &w);
    for (uint32_t i = 0; i < f->groups; i++)
        if (f->group[i].gap.values < FEW_VALUES)
            np_cli_warn(&w, "few-values", "%s shows %" PRIu32 " gaps; a longer capture would tell more",
                        group_name(&f->group[i]), f->group[i].gap.values);
    for (uint32_t i = 0; i < w.n; i++) {
        fprintf(out, "# warning %s: ", w.warning[i].name);
        put_comment(out, w.warning[i].text);
        fputc('\n', out);
    }
}

static bool put_scenario(writer *w, const np_fit *f, const np_cli_reading *read, const char *const *file)
{
    FILE *out = w->out;
    fprintf(out, "# natpulse %s fit, from", NP_VERSION);
    for (uint32_t i = 0; i < read->files; i++) {
        fputc(' ', out);
        put_comment(out, file[i]);
    }
    fprintf(out,
            "\n# %" PRIu64 " packets, %" PRIu64 " of them TCP or UDP between inside and outside, %" PRIu64
            " repeated; %" PRIu32 " clients, %" PRIu32 " servers,\n# %" PRIu32
            " connections that nobody answered.\n"
            "# Links: half of the median round trip of handshakes. The box is not in a capture: the default "
            "one.\n\n"
            "name: fitted\nabout: Clients, workload and upkeep as a capture shows them.\n",
            f->packets, f->used, f->retransmitted, f->clients, f->servers, f->failed);
    fputs("duration: ", out);
    put_time(out, fmax((double)(f->last - f->first), (double)NP_SECOND));
    fputs("\nwarmup: 0s\n\nnat: {profile: lru-box}\n", out);
    if (f->access) {
        fputs("access: {delay: ", out);
        put_time(out, (double)f->access);
        fputs("}\n", out);
    }
    if (f->core) {
        fputs("core: {delay: ", out);
        put_time(out, (double)f->core);
        fputs("}\n", out);
    }
    fprintf(out, "servers: {count: %" PRIu32 "}\n\nclients:\n", f->servers);
    for (uint32_t i = 0; i < f->groups; i++)
        if (!put_group(w, f, &f->group[i])) return false;
    put_strategies(out, f);
    put_warnings(out, f, read);
    return true;
}

/* ---- the run ---- */

static bool write_all(const np_fit *f, const np_capture *c, const char *const *file, uint32_t files,
                      const fit_options *o, np_arena *arena, np_error *e)
{
    np_output *main = np_output_open(o->output, e);
    if (!main) return false;
    bool to_file = o->output && strcmp(o->output, "-") != 0;
    writer w = {.out = np_output_file(main), .path = to_file ? o->output : NULL, .arena = arena, .e = e};
    np_cli_reading read = {.read = np_capture_count(c),
                           .files = files,
                           .met = f->used,
                           .filtered = o->filter != NULL,
                           .inside_named = o->inside.n > 0,
                           .stopped = f->stopped};
    bool ok = put_scenario(&w, f, &read, file);
    for (uint32_t i = 0; i < w.files; i++) {
        if (!ok)
            np_output_abandon(w.beside[i]);
        else
            ok = np_output_commit(w.beside[i], e);
    }
    if (ok) return np_output_commit(main, e);
    np_output_abandon(main);
    return false;
}

static bool nothing_to_fit(const np_fit *f, const char *file, np_error *e)
{
    if (f->connections == 0)
        return np_fail(
            e, NP_TROUBLE_INPUT,
            "%s: no connection to fit: of %" PRIu64 " packets %" PRIu64
            " are TCP or UDP between an inside address and another; name the addresses of the clients by "
            "--inside CIDR",
            file, f->packets, f->used);
    return np_fail(
        e, NP_TROUBLE_INPUT,
        "%s: none of its %" PRIu32 " connections shows a workload: %" PRIu32
        " were not answered, the others said nothing or began less than half a minute before the end; "
        "a longer capture would tell more",
        file, f->connections, f->failed);
}

static bool fit(const char *const *file, uint32_t files, const fit_options *o, np_fit_config *config,
                np_arena *arena, bool *stopped, np_error *e)
{
    np_fit f;
    np_progress progress;
    np_capture *c = np_cli_capture_open(file, files, o->filter, e);
    np_progress_begin(&progress, !o->quiet && !o->no_progress, "MB");
    config->reading = np_cli_reading_step;
    config->reading_ctx = &progress;
    bool ok = c && np_fit_capture(c, config, &np_cli_stop, arena, &f, e);
    np_progress_end(&progress);
    if (ok && !f.groups) ok = nothing_to_fit(&f, file[0], e);
    ok = ok && write_all(&f, c, file, files, o, arena, e);
    *stopped = ok && f.stopped;
    np_capture_close(c);
    return ok;
}

static int run(const char *const *file, uint32_t files, const fit_options *o)
{
    np_cidr inside[NP_INSIDES_MOST];
    np_fit_config config = {.inside = inside};
    np_error e = {0};
    bool stopped = false;
    if (!np_cli_inside(&o->inside, inside, &config.insides)) return NP_TROUBLE_USAGE;
    np_arena *arena = np_arena_create();
    bool ok = arena ? fit(file, files, o, &config, arena, &stopped, &e) : np_fail_memory(&e, "a fit");
    np_arena_destroy(arena);
    if (!ok) return np_cli_fail(&e);
    if (stopped && !o->quiet)
        np_cli_note("stopped by a signal; the scenario covers the packets read until then");
    return stopped ? NP_TROUBLE_RUN : 0;
}

int np_cmd_fit(int argc, char **argv)
{
    fit_options o = {0};
    const np_option option[] = {
        {"inside", 0, "CIDR[,CIDR...]", "the clients' addresses (private and shared ones)",
         .texts = &o.inside},
        {"filter", 0, "BPF", "only packets that this pcap-filter(7) expression matches", .text = &o.filter},
        {"output", 'o', "FILE", "write the scenario there, and CSV files beside it (standard output)",
         .text = &o.output},
        {"quiet", 'q', NULL, "errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {"PCAP...", 1, -1,
                            "Writes a scenario whose clients, workload and upkeep match captures (pcap or "
                            "pcapng, also .gz and .zst;\n"
                            "- is standard input), merged by time: who holds connections and who opens one "
                            "for each request, how\n"
                            "often and how much they speak, what keepalives and heartbeats they send. A "
                            "quantity becomes a named\n"
                            "distribution where a Kolmogorov-Smirnov test accepts one, and else its own "
                            "quantiles, in a CSV file.\n"
                            "Loss and the NAT box do not show in a capture and are left to you.",
                            option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) status = run((const char *const *)(argv + 1), (uint32_t)(argc - 1), &o);
    np_texts_clear(&o.inside);
    return status;
}
