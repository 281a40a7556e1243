/*
 * natpulse plot RESULTS
 */
#include "cli.h"
#include <string.h>

static void say(void *ctx, const char *path, const char *why_not)
{
    if (*(const bool *)ctx) return;
    if (why_not) {
        np_cli_note("%s is not drawn: %s", path, why_not);
    } else {
        printf("%s\n", path);
    }
}

bool np_cli_metric(const char *key, np_metric *out)
{
    int found = np_metric_find(key);
    if (found >= 0) {
        *out = (np_metric)found;
        return true;
    }
    const char *known[NP_METRIC_COUNT];
    for (int m = 0; m < NP_METRIC_COUNT; m++) known[m] = np_metric_about((np_metric)m)->key;
    const char *near = np_cli_nearest(key, known, NP_METRIC_COUNT);
    np_cli_misused("--metric %s: no such figure; 'natpulse list figures' names them%s%s%s", key,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

int np_cmd_plot(int argc, char **argv)
{
    const char *directory = ".", *format = "svg", *metric = "reachable_fraction";
    bool quiet = false, every_point = false;
    np_number point = {0};
    const np_option option[] = {
        {"output", 'o', "DIR", "the directory for the figures, made when absent (.)", .text = &directory},
        {"format", 'f', "FORMAT", "svg, png or pdf (svg)", .text = &format},
        {"metric", 'm', "KEY", "what ranking, heat and interval are about (reachable_fraction)",
         .text = &metric},
        {"point", 0, "N", "of a grid: the figures of this point, counted from 0", .number = &point,
         .most = UINT32_MAX},
        {"every-point", 0, NULL, "of a grid: those of every point, however many", .flag = &every_point},
        {"quiet", 'q', NULL, "do not name the files written", .flag = &quiet},
        {0},
    };
    const np_usage usage = {
        "RESULTS", 1, 1,
        "Draws the figures of a result file (.json or .csv from `natpulse run -o`, .db from `natpulse "
        "sweep`) with\n"
        "gnuplot, and prints their names. Across all points: what varied settings do (interval, heat), what\n"
        "reachability costs (pareto), who comes first (ranking), why connections break (causes). Of one "
        "point:\n"
        "what upkeep buys (reachability), how soon a break is known (detection), how full the NAT is "
        "(occupancy);\n"
        "of grids with more than four points only when asked for. A .csv holds no distributions and no "
        "occupancy.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    static const char *const known[] = {"svg", "png", "pdf"};
    size_t i = 0;
    while (i < 3 && strcmp(known[i], format) != 0) i++;
    if (i == 3) return np_cli_misused("--format %s: expected svg, png or pdf", format);
    np_error e;
    np_plot_options o = {.directory = directory,
                         .format = format,
                         .one_point = point.given,
                         .point = (uint32_t)point.value,
                         .every_point = every_point,
                         .each = say,
                         .ctx = &quiet};
    if (!np_cli_metric(metric, &o.metric)) return NP_TROUBLE_USAGE;
    return np_plot(argv[1], &o, &e) ? 0 : np_cli_fail(&e);
}
