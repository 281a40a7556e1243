/*
 * natpulse help [SUBCOMMAND]
 */
#include "cli.h"
#include <string.h>

const np_command *np_cli_command(const char *name)
{
    const char *known[32];
    size_t n = 0;
    for (const np_command *c = np_commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) return c;
        if (n < sizeof known / sizeof *known) known[n++] = c->name;
    }
    const char *near = np_cli_nearest(name, known, n);
    if (near) {
        np_cli_misused("no subcommand '%s'; did you mean '%s'?", name, near);
    } else {
        np_cli_misused("no subcommand '%s'; 'natpulse help' lists them", name);
    }
    return NULL;
}

void np_cli_overview(FILE *out)
{
    fputs("usage: natpulse SUBCOMMAND [ARGUMENT]...\n\n"
          "Which keepalive or heartbeat keeps connections usable through a NAT, how soon is a dead one\n"
          "noticed, and what does it cost? natpulse simulates clients, servers and the NAT box between "
          "them.\n\n",
          out);
    for (const np_command *c = np_commands; c->name; c++) fprintf(out, "  %-10s%s\n", c->name, c->help);
    fputs("\n'natpulse help SUBCOMMAND' tells more. Exit status: 0 done, 1 an expectation does not hold,\n"
          "2 bad usage or scenario, 3 bad input, 4 failed while running.\n",
          out);
}

int np_cmd_help(int argc, char **argv)
{
    static const np_option none[] = {{0}};
    static const np_usage usage = {"[SUBCOMMAND]", 0, 1, "Explains a subcommand, or lists all of them.",
                                   none};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    if (argc < 2) {
        np_cli_overview(stdout);
        return 0;
    }
    const np_command *c = np_cli_command(argv[1]);
    if (!c) return NP_TROUBLE_USAGE;
    char name[32], flag[] = "--help";
    snprintf(name, sizeof name, "%s", c->name);
    return c->run(2, (char *[]){name, flag, NULL});
}
