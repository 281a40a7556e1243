/*
 * natpulse show SCENARIO, natpulse show KIND NAME, natpulse show KIND/NAME
 */
#include "cli.h"
#include "natpulse/output.h"
#include <string.h>
#include <unistd.h>

static bool is_kind(const char *text, size_t length)
{
    for (const char *const *kind = np_profile_kinds(); *kind; kind++)
        if (strlen(*kind) == length && memcmp(*kind, text, length) == 0) return true;
    return false;
}

/* What the operands ask for: a scenario's path, or a profile's kind and name. */
typedef struct subject {
    const char *path, *name;
    char kind[32];
} subject;

static bool find_subject(int argc, char **argv, subject *out)
{
    size_t length = strcspn(argv[1], "/");
    bool kind = length < sizeof out->kind && is_kind(argv[1], length);
    *out = (subject){.path = argv[1]};
    if (kind && argv[1][length] == '\0' && argc == 3)
        out->name = argv[2];
    else if (kind && argv[1][length] == '/' && argc == 2 && access(argv[1], F_OK) != 0)
        out->name = argv[1] + length + 1;
    if (out->name) {
        memcpy(out->kind, argv[1], length);
        return true;
    }
    if (argc == 2) return true;
    np_cli_misused("show: expected one scenario, or the kind and the name of a profile");
    return false;
}

static int show(const subject *it, const np_sets *sets, const char *path)
{
    np_error e = {0};
    np_findings findings = {0};
    np_output *out = NULL;
    np_scenario *s = NULL;
    bool good = it->name || (s = np_scenario_load(it->path, sets->set, sets->n, &findings, &e));
    if (good) good = (out = np_output_open(path, &e)) != NULL;
    if (good) {
        FILE *f = np_output_file(out);
        good = it->name
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
    const np_usage usage = {
        "SCENARIO | KIND NAME", 1, 2,
        "Prints a scenario, or a profile (KIND is nat, keepalive, heartbeat, workload or radio), with every\n"
        "default and every profile filled in. What it prints is a scenario, or a profile, itself.",
        options};
    np_sets sets;
    subject it;
    int status = np_cli_parse(&usage, &argc, argv);
    if (status == NP_CLI_GO) {
        status = NP_TROUBLE_USAGE;
        if (find_subject(argc, argv, &it) && np_cli_sets(&set, NULL, NULL, &sets)) {
            status = show(&it, &sets, path);
            np_cli_sets_free(&sets);
        }
    }
    np_texts_clear(&set);
    return status;
}
