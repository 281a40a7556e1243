/*
 * natpulse sweep SCENARIO -o RESULTS, and looking at what it left: --status, --show, --dump RESULTS
 */
#include "natpulse/sweep.h"
#include "cli.h"
#include "natpulse/output.h"
#include "natpulse/ranks.h"
#include "natpulse/results_db.h"
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MOST     1024
#define REPLICAS_MOST 100000

typedef struct sweep_options {
    np_texts set;
    np_number seed, replicas, jobs;
    const char *output, *format;
    bool status, show, dump, quiet, no_progress;
} sweep_options;

/* ---- what is there ---- */

static void print_status(const char *path, const np_results_state *s, FILE *out)
{
    fprintf(out, "%s: %s, natpulse %s, digest %s, seed %" PRIu64 "\n", path, s->scenario, s->version,
            s->digest, s->seed);
    fprintf(out, "%u point%s, %u strateg%s, %u", s->points, s->points == 1 ? "" : "s", s->strategies,
            s->strategies == 1 ? "y" : "ies", s->replicas);
    if (s->max_replicas > s->replicas) fprintf(out, " to %u", s->max_replicas);
    fprintf(out, " replicas\n%" PRIu64 " of %" PRIu64 " runs done (%.0f %%), %u of %u points complete\n",
            s->done, s->all, 100 * (double)s->done / (double)s->all, s->settled, s->points);
}

/* For programs: numbers only, so that no text needs quoting. */
static void print_status_json(const np_results_state *s, FILE *out)
{
    fprintf(out,
            "{\"digest\": \"%.16s\", \"seed\": %" PRIu64
            ", \"points\": %u, \"strategies\": %u, \"replicas\": %u, "
            "\"max_replicas\": %u, \"done\": %" PRIu64 ", \"all\": %" PRIu64 ", \"points_complete\": %u}\n",
            strspn(s->digest, "0123456789abcdef") == strlen(s->digest) ? s->digest : "", s->seed, s->points,
            s->strategies, s->replicas, s->max_replicas, s->done, s->all, s->settled);
}

static bool write_status(const char *path, np_format format, FILE *out, np_error *e)
{
    np_results_state s;
    if (!np_results_status(path, &s, e)) return false;
    if (format == NP_FORMAT_JSON)
        print_status_json(&s, out);
    else
        print_status(path, &s, out);
    return true;
}

static bool write_report(const char *path, const sweep_options *o, np_format format, FILE *out, np_error *e)
{
    np_study *study = np_results_load(path, e);
    bool ok = study && np_report_study(study, format, np_cli_style(o->output), out, e);
    np_study_destroy(study);
    return ok;
}

static int look(const char *path, const sweep_options *o)
{
    np_format format;
    np_error e;
    if (o->status + o->show + o->dump > 1)
        return np_cli_misused("sweep: expected one of --status, --show and --dump");
    if (!np_cli_format(o->format, o->dump ? NULL : o->output, &format)) return NP_TROUBLE_USAGE;
    if (o->dump && o->format) return np_cli_misused("sweep --dump has one format only");
    if (o->status && format != NP_FORMAT_TABLE && format != NP_FORMAT_JSON)
        return np_cli_misused("sweep --status: expected --format table or json");
    np_output *out = np_output_open(o->output, &e);
    if (!out) return np_cli_fail(&e);
    FILE *file = np_output_file(out);
    bool ok = o->status ? write_status(path, format, file, &e)
              : o->show ? write_report(path, o, format, file, &e)
                        : np_results_dump(path, file, &e);
    if (!ok)
        np_output_abandon(out);
    else
        ok = np_output_commit(out, &e);
    return ok ? 0 : np_cli_fail(&e);
}

/* ---- the sweep ---- */

static void note(void *ctx, const char *text)
{
    (void)ctx;
    np_cli_note("%s", text);
}

static bool write_line(void *out, const np_finished *f, np_error *e)
{
    return np_report_line(f, out, e) && !ferror(out);
}

/* What the finished study is held against; the rows stay whatever comes of it. */
static int judge(const char *results, const np_scenario *scenario)
{
    np_error e;
    if (scenario->expectations == 0) return 0;
    np_study *study = np_results_load(results, &e);
    np_judgement *all = calloc(scenario->expectations, sizeof *all);
    int status = 0;
    if (!study || !all) {
        if (study) np_fail_memory(&e, "the expectations");
        status = np_cli_fail(&e);
    } else if (!np_study_judge(study, scenario, all)) {
        status = NP_CLI_UNEXPECTED;
    }
    for (uint32_t i = 0; study && all && i < scenario->expectations; i++) {
        if (!all[i].holds) np_cli_note("expect: %s", all[i].text);
    }
    free(all);
    np_study_destroy(study);
    return status;
}

static int sweep(const np_scenario *scenario, np_study_options *options, const sweep_options *o)
{
    np_error e = {0};
    np_findings findings = {0};
    np_sweep_outcome outcome;
    np_progress progress;
    if (options->each && !np_report_lines_begin(scenario, stdout, &e)) return np_cli_fail(&e);
    np_progress_begin(&progress, !o->quiet && !o->no_progress, "runs");
    options->progress = np_progress_step;
    options->ctx = &progress;
    options->notice = o->quiet ? NULL : note;
    bool ok = np_sweep_run(scenario, o->output, options, &outcome, &findings, &e);
    np_progress_end(&progress);
    if (!ok && e.kind == NP_TROUBLE_NONE) return 0; /* nobody reads the lines any more */
    if (!ok) return np_cli_findings(&findings, &e);
    np_findings_clear(&findings);
    if (!o->quiet)
        np_cli_note("%s: all %" PRIu64 " runs are there%s; `natpulse sweep --show %s` reports them",
                    o->output, outcome.all, outcome.before == outcome.all ? " already" : "", o->output);
    return judge(o->output, scenario);
}

/* Other ranks say nothing: rank 0 speaks for them. */
static int assist(const np_scenario *scenario, const np_study_options *options, np_error *e)
{
    np_findings findings = {0};
    np_sweep_outcome outcome;
    if (scenario)
        np_sweep_run(scenario, NULL, options, &outcome, &findings, e);
    else
        np_sweep_decline(e);
    np_findings_clear(&findings);
    return 0;
}

static int run(const char *path, const sweep_options *o, int rank)
{
    np_sets sets;
    if (!np_cli_sets(&o->set, &o->seed, &o->replicas, &sets)) return NP_TROUBLE_USAGE;
    np_error e = {0};
    np_findings findings = {0};
    np_scenario *scenario = np_scenario_load(path, sets.set, sets.n, &findings, &e);
    np_study_options options = {
        .jobs = (uint32_t)o->jobs.value,
        .stop = &np_cli_stop,
        .each = o->format ? write_line : NULL,
        .each_ctx = stdout,
        .set = sets.set,
        .sets = sets.n,
        .path = path,
    };
    int status;
    if (rank > 0)
        status = assist(scenario, &options, &e);
    else if (!scenario)
        status = np_cli_findings(&findings, &e);
    else
        status = sweep(scenario, &options, o);
    np_findings_clear(&findings);
    np_scenario_destroy(scenario);
    np_cli_sets_free(&sets);
    return status;
}

static int check_and_run(const char *path, const sweep_options *o)
{
    np_format format;
    np_ranks ranks;
    np_error e;
    if (!o->output)
        return np_cli_misused(
            "sweep: expected -o RESULTS, the database that takes the results, such as -o results.db");
    if (np_format_of_file(o->output, &format))
        return np_cli_misused(
            "sweep -o %s: takes a database, such as results.db; `natpulse sweep --show results.db "
            "-o %s` writes that afterwards",
            o->output, o->output);
    if (o->format && strcmp(o->format, "jsonl") != 0)
        return np_cli_misused(
            "sweep --format %s: while it runs only jsonl can be written; `natpulse sweep --show` has "
            "the others",
            o->format);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not the end */
    if (!np_ranks_begin(&ranks, &e)) return np_cli_fail(&e);
    int status = run(path, o, ranks.rank);
    np_ranks_end(status);
    return status;
}

int np_cmd_sweep(int argc, char **argv)
{
    sweep_options o = {0};
    const np_option option[] = {
        {"set", 0, "PATH=VALUE", "override a value of the scenario, such as nat.capacity=4k (repeatable)",
         .texts = &o.set},
        {"seed", 0, "N", "another seed than the scenario's", .number = &o.seed, .most = INT64_MAX},
        {"replicas", 0, "N", "how many replicas of each strategy", .number = &o.replicas, .least = 1,
         .most = REPLICAS_MOST},
        {"jobs", 'j', "N", "threads (all cores; under mpirun or srun 1, besides the other ranks')",
         .number = &o.jobs, .least = 1, .most = JOBS_MOST},
        {"output", 'o', "FILE", "the results database; with --show, --status and --dump where the text goes",
         .text = &o.output},
        {"format", 'f', "FORMAT", "jsonl: a line for each run as it ends; with --show any of run's",
         .text = &o.format},
        {"status", 0, NULL, "say how far the sweep in RESULTS is", .flag = &o.status},
        {"show", 0, NULL, "report RESULTS as `natpulse run` would", .flag = &o.show},
        {"dump", 0, NULL, "write every row of RESULTS as text, in a fixed order", .flag = &o.dump},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {
        "SCENARIO|RESULTS", 1, 1,
        "Simulates like `natpulse run`, into a SQLite database that keeps every run from the moment it "
        "ends.\n"
        "Stopped by whatever and started again, it does what is missing, and ends with the same rows as if "
        "it\n"
        "had never been stopped. A database of another scenario, seed or version is refused. Built with\n"
        "`make MPI=1` and started by mpirun or srun, the runs are shared out to all ranks. Ends with status "
        "1\n"
        "where an `expect` of the scenario does not hold.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) {
        status = o.status || o.show || o.dump ? look(argv[1], &o) : check_and_run(argv[1], &o);
    }
    np_texts_clear(&o.set);
    return status;
}
