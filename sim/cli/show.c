/*
 * natpulse show SCENARIO, natpulse show PROFILE, natpulse show KIND NAME
 */
#include "cli.h"
#include "natpulse/output.h"

static int show(const np_subject *it, const np_sets *sets, const char *path)
{
    np_error e = {0};
    np_findings findings = {0};
    np_output *out = NULL;
    np_scenario *s = NULL;
    bool good = it->kind || (s = np_scenario_load(it->name, sets->set, sets->n, &findings, &e));
    if (good) good = (out = np_output_open(path, &e)) != NULL;
    if (good) {
        FILE *f = np_output_file(out);
        good = it->kind
                   ? np_profile_show(it->kind, it->name, sets->set, sets->n, f, &findings, &e)
                   : np_scenario_show(s, f) || np_fail(&e, NP_TROUBLE_RUN, "the scenario cannot be written");
        if (good)
            good = np_output_commit(out, &e);
        else
            np_output_abandon(out);
    }
    np_scenario_destroy(s);
    return good ? 0 : np_cli_findings(&findings, &e);
}

int np_cmd_show(int argc, char **argv)
{
    np_texts set = {0};
    const char *path = NULL;
    const np_option options[] = {
        {"set", 0, "PATH=VALUE", "override a value first (repeatable)", .texts = &set},
        {"output", 'o', "FILE", "write there instead of standard output", .text = &path},
        {0},
    };
    const np_usage usage = {"SCENARIO | [KIND] PROFILE", 1, 2,
                            "Prints a scenario, or a profile by its name or path, with every default and "
                            "every profile filled in.\n"
                            "KIND (nat, keepalive, heartbeat, workload or radio) is needed where a name is "
                            "known to several. What it\n"
                            "prints is a scenario, or a profile, itself.",
                            options};
    np_sets sets;
    np_subject it;
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) {
        status = NP_TROUBLE_USAGE;
        if (np_cli_subject("show", argc - 1, argv + 1, &it) && np_cli_sets(&set, NULL, NULL, &sets)) {
            status = show(&it, &sets, path);
            np_cli_sets_free(&sets);
        }
    }
    np_texts_clear(&set);
    return status;
}
