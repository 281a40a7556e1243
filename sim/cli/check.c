/*
 * natpulse check SCENARIO-OR-PROFILE...
 */
#include "cli.h"

/* The worst of two exit statuses. */
static int worse(int a, int b)
{
    return a > b ? a : b;
}

static bool is_right(const np_subject *it, const np_sets *sets, np_findings *findings, np_error *e)
{
    if (it->kind) return np_profile_show(it->kind, it->name, sets->set, sets->n, NULL, findings, e);
    np_scenario *s = np_scenario_load(it->name, sets->set, sets->n, findings, e);
    np_scenario_destroy(s);
    return s != NULL;
}

static int check(char **operand, const np_sets *sets, bool quiet)
{
    np_error e = {0};
    np_findings findings = {0};
    np_subject it;
    if (!np_cli_subject("check", 1, operand, &it)) return NP_TROUBLE_USAGE;
    if (!is_right(&it, sets, &findings, &e)) return np_cli_findings(&findings, &e);
    if (quiet) return 0;
    if (it.kind)
        printf("%s: ok, a profile of %s\n", *operand, it.kind);
    else
        printf("%s: ok\n", *operand);
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
    const np_usage usage = {"SCENARIO-OR-PROFILE...", 1, -1,
                            "Looks for mistakes in scenarios and the profiles they name, or in profiles "
                            "themselves, all of them at\n"
                            "once: each is a line FILE:LINE:COLUMN: error: TEXT on standard error. Exit "
                            "status 2 when there is one.",
                            options};
    np_sets sets;
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) {
        status = 0;
        if (np_cli_sets(&set, NULL, NULL, &sets)) {
            for (int i = 1; i < argc; i++) status = worse(status, check(&argv[i], &sets, quiet));
            np_cli_sets_free(&sets);
        } else {
            status = NP_TROUBLE_USAGE;
        }
    }
    np_texts_clear(&set);
    return status;
}
