/*
 * natpulse run SCENARIO
 */
#include "cli.h"
#include "natpulse/output.h"

#define JOBS_MOST     1024
#define REPLICAS_MOST 100000

typedef struct run_options {
    np_texts set;
    np_number seed, replicas, jobs;
    const char *output, *format;
    bool quiet, no_progress;
} run_options;

static bool write_study(const np_study *study, const run_options *o, np_format format, np_error *e)
{
    np_output *out = np_output_open(o->output, e);
    if (!out) return false;
    if (!np_report_study(study, format, np_cli_style(o->output), np_output_file(out), e)) {
        np_output_abandon(out);
        return false;
    }
    return np_output_commit(out, e);
}

static int run(const char *path, const run_options *o, np_format format)
{
    np_sets sets;
    if (!np_cli_sets(&o->set, &o->seed, &o->replicas, &sets)) return NP_TROUBLE_USAGE;
    np_error e = {0};
    np_findings findings = {0};
    np_progress progress;
    np_study *study = NULL;
    np_scenario *scenario = np_scenario_load(path, sets.set, sets.n, &findings, &e);
    if (scenario) {
        np_progress_begin(&progress, !o->quiet && !o->no_progress, "runs");
        np_study_options options = {
            .jobs = (uint32_t)o->jobs.value,
            .stop = &np_cli_stop,
            .progress = np_progress_step,
            .ctx = &progress,
            .set = sets.set,
            .sets = sets.n,
            .path = path,
        };
        study = np_study_run(scenario, &options, &findings, &e);
        np_progress_end(&progress);
    }
    int status = 0;
    if (!study) {
        status = np_cli_findings(&findings, &e);
    } else {
        np_findings_clear(&findings);
        if (!write_study(study, o, format, &e)) status = np_cli_fail(&e);
    }
    np_study_destroy(study);
    np_scenario_destroy(scenario);
    np_cli_sets_free(&sets);
    return status;
}

int np_cmd_run(int argc, char **argv)
{
    run_options o = {0};
    const np_option option[] = {
        {"set", 0, "PATH=VALUE", "override a value of the scenario, such as nat.capacity=4k (repeatable)",
         .texts = &o.set},
        {"seed", 0, "N", "another seed than the scenario's", .number = &o.seed, .most = INT64_MAX},
        {"replicas", 0, "N", "how many replicas of each strategy", .number = &o.replicas, .least = 1,
         .most = REPLICAS_MOST},
        {"jobs", 'j', "N", "threads (all cores)", .number = &o.jobs, .least = 1, .most = JOBS_MOST},
        {"output", 'o', "FILE", "write the result there (standard output)", .text = &o.output},
        {"format", 'f', "FORMAT", "table, json, jsonl, csv or md (by FILE's extension, else table)",
         .text = &o.format},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {
        "SCENARIO", 1, 1,
        "Simulates every strategy of the scenario, at every point of its `vary`, over its replicas, and\n"
        "compares them: what each keeps usable, how soon a break is known, and what it costs. Values come\n"
        "with half of their 95 % confidence interval.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    np_format format;
    if (status == NP_CLI_GO && !np_cli_format(o.format, o.output, &format)) status = NP_TROUBLE_USAGE;
    if (status == NP_CLI_GO) status = run(argv[1], &o, format);
    np_texts_clear(&o.set);
    return status;
}
