/*
 * natpulse report RESULTS
 */
#include "cli.h"
#include "natpulse/output.h"
#include <stdlib.h>
#include <string.h>

/* "99%" or "0.99": a share above 0 and below 1. */
static bool read_target(const char *text, double *target)
{
    char *end;
    double v = strtod(text, &end);
    if (strcmp(end, "%") == 0 || strcmp(end, " %") == 0)
        v /= 100;
    else if (*end)
        v = 0;
    *target = v;
    return v > 0 && v < 1;
}

static int write_page(const char *results, const char *path, const np_page_options *o)
{
    np_error e;
    np_output *out = np_output_open(path, &e);
    if (!out) return np_cli_fail(&e);
    if (!np_report_page(results, o, np_output_file(out), &e)) {
        np_output_abandon(out);
        return np_cli_fail(&e);
    }
    return np_output_commit(out, &e) ? 0 : np_cli_fail(&e);
}

int np_cmd_report(int argc, char **argv)
{
    const char *output = NULL, *metric = "reachable_fraction", *target = "99%";
    np_page_options o = {0};
    const np_option option[] = {
        {"output", 'o', "FILE", "the page (standard output)", .text = &output},
        {"target", 't', "SHARE", "the reachability that the answer asks for (99%)", .text = &target},
        {"metric", 'm', "KEY", "what ranking, heat and interval figures are about (reachable_fraction)",
         .text = &metric},
        {"no-figures", 0, NULL, "leave the figures out, and so need no gnuplot", .flag = &o.no_figures},
        {0},
    };
    const np_usage usage = {"RESULTS", 1, 1,
                            "Writes one self-contained HTML page about a result file (.json or .csv from "
                            "`natpulse run -o`, .db from\n"
                            "`natpulse sweep`): the answer in a sentence with its interval, the scenario in "
                            "words, tables, figures,\n"
                            "warnings, and how to run it again. It needs no network and no script, follows "
                            "the reader's light or dark\n"
                            "setting, and fits a telephone.",
                            option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    if (!read_target(target, &o.target))
        return np_cli_misused("--target %s: expected a share above 0 and below 1, such as 99.9%%", target);
    if (!np_cli_metric(metric, &o.metric)) return NP_TROUBLE_USAGE;
    return write_page(argv[1], output, &o);
}
