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

int np_cmd_plot(int argc, char **argv)
{
    const char *directory = ".", *format = "svg";
    bool quiet = false;
    const np_option option[] = {
        {"output", 'o', "DIR", "the directory for the figures, made when absent (.)", .text = &directory},
        {"format", 'f', "FORMAT", "svg, png or pdf (svg)", .text = &format},
        {"quiet", 'q', NULL, "do not name the files written", .flag = &quiet},
        {0},
    };
    const np_usage usage = {"RESULTS", 1, 1,
                            "Draws the figures of a result file (.json or .csv from `natpulse run -o`, .db "
                            "from `natpulse sweep`) with "
                            "gnuplot: reachability\n"
                            "and breaks against what they cost, the times until either end knows of a break, "
                            "and the occupancy of\n"
                            "the NAT's table. Prints the names of the files. A .csv holds no distributions "
                            "and no occupancy: only\n"
                            "the first figure can be drawn from it.",
                            option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    static const char *const known[] = {"svg", "png", "pdf"};
    size_t i = 0;
    while (i < 3 && strcmp(known[i], format) != 0) i++;
    if (i == 3) return np_cli_misused("--format %s: expected svg, png or pdf", format);
    np_error e;
    return np_plot(argv[1], directory, format, say, &quiet, &e) ? 0 : np_cli_fail(&e);
}
