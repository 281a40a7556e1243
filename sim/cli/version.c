/*
 * natpulse version
 */
#include "cli.h"

int np_cmd_version(int argc, char **argv)
{
    static const np_option none[] = {{0}};
    static const np_usage usage = {"", 0, 0, "Prints the version.", none};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    printf("natpulse %s\n", NP_VERSION);
    return 0;
}
