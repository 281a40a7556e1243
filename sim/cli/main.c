/*
 * natpulse: the table of subcommands, and what surrounds each of them.
 */
#include "cli.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

const np_command np_commands[] = {
    {"run", np_cmd_run, "simulate a scenario and compare its strategies"},
    {"sweep", np_cmd_sweep, "the same into a results database: resumable, on all cores or MPI ranks"},
    {"advise", np_cmd_advise, "the cheapest keepalive and heartbeat that meet a target on given NATs"},
    {"replay", np_cmd_replay, "drive the NAT box with captured packets"},
    {"curve", np_cmd_curve, "damage for every table size, from one reading of captures"},
    {"fit", np_cmd_fit, "write a scenario that matches a capture"},
    {"plot", np_cmd_plot, "draw the figures of a result file"},
    {"report", np_cmd_report, "write one self-contained HTML page about a result file"},
    {"check", np_cmd_check, "look for mistakes in a scenario"},
    {"show", np_cmd_show, "print a scenario with every default filled in"},
    {"list", np_cmd_list, "list profiles, policies, strategies and figures"},
    {"conform", np_cmd_conform, "hold NAT profiles against what RFCs require and products do"},
    {"bench", np_cmd_bench, "measure how fast this machine simulates"},
    {"help", np_cmd_help, "explain a subcommand"},
    {"version", np_cmd_version, "print the version"},
    {0},
};

/* A reader who has seen enough is no failure; poll reports the closed end of a pipe as an error. */
static bool reader_has_left(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    const char *why = strerror(errno);
    if (reader_has_left()) return status;
    np_error e;
    np_fail(&e, NP_TROUBLE_RUN, "writing to standard output failed: %s", why);
    return np_cli_fail(&e);
}

int main(int argc, char **argv)
{
    np_cli_catch_signals();
    if (argc < 2) {
        np_cli_overview(stderr);
        return NP_TROUBLE_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    const np_command *c = np_cli_command(name);
    return c ? finish(c->run(argc - 1, argv + 1)) : NP_TROUBLE_USAGE;
}
