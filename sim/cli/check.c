/*
 * natpulse check SCENARIO...
 */
#include "cli.h"

/* The worst of two exit statuses. */
static int worse(int a, int b)
{
    return a > b ? a : b;
}

static int check(const char *path, const np_sets *sets, bool quiet)
{
    np_error e = {0};
    np_findings findings = {0};
    np_scenario *s = np_scenario_load(path, sets->set, sets->n, &findings, &e);
    if (!s) return np_cli_findings(&findings, &e);
    if (!quiet) printf("%s: ok\n", path);
    np_scenario_destroy(s);
    return 0;
}

int np_cmd_check(int argc, char **argv)
{
    np_texts set = {0};
    bool quiet = false;
    const np_option options[] = {
        {"set", 0, "PATH=VALUE", "override a value of each scenario (repeatable)", .texts = &set},
        {"quiet", 'q', NULL, "say nothing about scenarios without mistakes", .flag = &quiet},
        {0},
    };
    const np_usage usage = {
        "SCENARIO...", 1, -1,
        "Looks for mistakes in scenarios and the profiles they name, all of them at once: each is\n"
        "a line FILE:LINE:COLUMN: error: TEXT on standard error. Exit status 2 when there is one.",
        options};
    np_sets sets;
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) {
        status = 0;
        if (np_cli_sets(&set, NULL, NULL, &sets)) {
            for (int i = 1; i < argc; i++) status = worse(status, check(argv[i], &sets, quiet));
            np_cli_sets_free(&sets);
        } else {
            status = NP_TROUBLE_USAGE;
        }
    }
    np_texts_clear(&set);
    return status;
}
