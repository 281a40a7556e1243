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
    np_recording recording;
    const char *output, *format;
    bool quiet, no_progress;
} run_options;

/* Where JSON lines go while runs are still under way. */
static bool write_line(void *output, const np_finished *f, np_error *e)
{
    FILE *out = np_output_file(output);
    if (!np_report_line(f, out, e)) return false;
    return !ferror(out); /* the reader has left: np_output_commit knows */
}

static bool write_study(const np_study *study, np_format format, np_style style, FILE *out, np_error *e)
{
    return format == NP_FORMAT_JSONL ? np_report_lines_end(study, out, e)
                                     : np_report_study(study, format, style, out, e);
}

/* An expectation that does not hold is no trouble: the results are written, and the status says it. */
static int judge(const np_study *study)
{
    for (uint32_t i = 0; i < study->scenario->expectations; i++) {
        if (!study->judgement[i].holds) np_cli_note("expect: %s", study->judgement[i].text);
    }
    return study->as_expected ? 0 : NP_CLI_UNEXPECTED;
}

/* Simulates, and writes to `out` what is to be written. */
static int simulate(const np_scenario *scenario, np_study_options *study_options, const run_options *o,
                    np_format format, np_output *out)
{
    np_error e = {0};
    np_findings findings = {0};
    np_progress progress;
    bool lines = format == NP_FORMAT_JSONL;
    if (lines && !np_report_lines_begin(scenario, np_output_file(out), &e)) return np_cli_fail(&e);
    np_progress_begin(&progress, !o->quiet && !o->no_progress, "runs");
    study_options->progress = np_progress_step;
    study_options->ctx = &progress;
    study_options->each = lines ? write_line : NULL;
    study_options->each_ctx = out;
    np_study *study = np_study_run(scenario, study_options, &findings, &e);
    np_progress_end(&progress);
    if (!study && e.kind == NP_TROUBLE_NONE) return 0; /* nobody reads any more */
    if (!study) return np_cli_findings(&findings, &e);
    np_findings_clear(&findings);
    bool written = write_study(study, format, np_cli_style(o->output), np_output_file(out), &e);
    int status = written ? judge(study) : np_cli_fail(&e);
    np_study_destroy(study);
    return status;
}

static int run(const char *path, const run_options *o, np_format format)
{
    np_sets sets;
    if (!np_cli_sets(&o->set, &o->seed, &o->replicas, &sets)) return NP_TROUBLE_USAGE;
    np_error e = {0};
    np_findings findings = {0};
    int status = 0;
    np_output *out = NULL;
    np_scenario *scenario = np_scenario_load(path, sets.set, sets.n, &findings, &e);
    if (!scenario) {
        status = np_cli_findings(&findings, &e);
    } else if ((status = np_cli_record(scenario, path, &sets, &o->recording)) != 0) {
        /* said already */
    } else if (!(out = np_output_open(o->output, &e))) {
        status = np_cli_fail(&e);
    } else {
        np_study_options options = {
            .jobs = (uint32_t)o->jobs.value,
            .stop = &np_cli_stop,
            .set = sets.set,
            .sets = sets.n,
            .path = path,
        };
        status = simulate(scenario, &options, o, format, out);
        if (status != 0 && status != NP_CLI_UNEXPECTED) {
            np_output_abandon(out);
        } else if (!np_output_commit(out, &e)) {
            status = np_cli_fail(&e);
        }
    }
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
        {"pcap", 0, "FILE",
         "write the packets of one run too, inside and outside of the NAT (pcapng; two .pcap)",
         .text = &o.recording.pcap},
        {"events", 0, "FILE",
         "write its breaks, evictions and detections too (CSV, or JSON lines for .jsonl)",
         .text = &o.recording.events},
        {"strategy", 0, "NAME", "whose run --pcap and --events record (the first strategy's)",
         .text = &o.recording.strategy},
        {"replica", 0, "N", "which replica of it they record, from 0 (0)", .number = &o.recording.replica,
         .most = REPLICAS_MOST - 1},
        {"quiet", 'q', NULL, "results and errors only", .flag = &o.quiet},
        {"no-progress", 0, NULL, "no progress bar", .flag = &o.no_progress},
        {0},
    };
    const np_usage usage = {
        "SCENARIO", 1, 1,
        "Simulates every strategy of the scenario, at every point of its `vary`, over its replicas, and\n"
        "compares them: what each keeps usable, how soon a break is known, and what it costs. Values come\n"
        "with half of their 95 % confidence interval. Ends with status 1 where an `expect` of the scenario\n"
        "does not hold. JSON lines are written while runs are under way. --pcap and --events record one run\n"
        "beside the study, at the first point of a grid.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    np_format format;
    if (status == NP_CLI_GO && !np_cli_format(o.format, o.output, &format)) status = NP_TROUBLE_USAGE;
    o.recording.quiet = o.quiet;
    if (status == NP_CLI_GO && !np_cli_recording_ok(&o.recording, o.output)) status = NP_TROUBLE_USAGE;
    if (status == NP_CLI_GO) status = run(argv[1], &o, format);
    np_texts_clear(&o.set);
    return status;
}
