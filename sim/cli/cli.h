/*
 * What the subcommands share: their entry points, one way to read options, one way to complain, and signals.
 *
 * A subcommand is one file with one function, np_cmd_NAME, that main's table lists. It gets argv[0] = its own
 * name, parses with np_cli_parse, does its work through the library and returns an exit status:
 * 0 done, 1 an expectation does not hold, 2 bad usage or scenario, 3 bad input, 4 failed while running.
 * Results go to standard output, everything else to standard error.
 */
#ifndef NATPULSE_CLI_H
#define NATPULSE_CLI_H

#include "natpulse/report.h"
#include "natpulse/scenario.h"
#include <stddef.h>

int np_cmd_run(int argc, char **argv);
int np_cmd_sweep(int argc, char **argv);
int np_cmd_advise(int argc, char **argv);
int np_cmd_replay(int argc, char **argv);
int np_cmd_curve(int argc, char **argv);
int np_cmd_fit(int argc, char **argv);
int np_cmd_plot(int argc, char **argv);
int np_cmd_report(int argc, char **argv);
int np_cmd_check(int argc, char **argv);
int np_cmd_show(int argc, char **argv);
int np_cmd_list(int argc, char **argv);
int np_cmd_conform(int argc, char **argv);
int np_cmd_bench(int argc, char **argv);
int np_cmd_help(int argc, char **argv);
int np_cmd_version(int argc, char **argv);

/* ---- main's table ---- */

typedef struct np_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* one line */
} np_command;

extern const np_command np_commands[]; /* ends with a NULL name */

/* The command of that name; NULL, after an error with a suggestion on standard error, when there is none. */
const np_command *np_cli_command(const char *name);

/* Usage and the table, for `natpulse help` and for those who say nothing. */
void np_cli_overview(FILE *out);

/* ---- operands ---- */

/* A scenario's path, or with a kind a profile's name or path. */
typedef struct np_subject {
    const char *kind, *name;
} np_subject;

/* Finds out what one or two operands of `what` (show, check) are about: SCENARIO, PROFILE, KIND/NAME, KIND NAME.
   A bare name that both a scenario and a profile have is the scenario's. False after an error on standard error. */
bool np_cli_subject(const char *what, int operands, char **operand, np_subject *out);

/* ---- options ---- */

/* Values of a repeatable option, in order. The texts are argv's, the array is the list's: np_texts_clear. */
typedef struct np_texts {
    const char **text;
    uint32_t n;
} np_texts;
void np_texts_clear(np_texts *t);

/* A number that may not have been given. */
typedef struct np_number {
    uint64_t value;
    bool given;
} np_number;

/*
 * One option. Exactly one of flag, text, texts, number is set, and receives what was given:
 *     {"quiet", 'q', NULL, "no progress, no warnings on standard error", .flag = &quiet},
 *     {"output", 'o', "FILE", "write there instead of standard output", .text = &path},
 *     {"set", 0, "PATH=VALUE", "override a value of the scenario (repeatable)", .texts = &set},
 *     {"jobs", 'j', "N", "threads", .number = &jobs, .least = 1, .most = 1024},
 * A text keeps its initial value when not given; given twice, the last wins.
 */
typedef struct np_option {
    const char *name;  /* without the dashes; NULL ends the table */
    char letter;       /* a short form, 0: none */
    const char *value; /* what stands for the value in the help; NULL: a flag */
    const char *help;  /* one line */
    bool *flag;
    const char **text;
    np_texts *texts;
    np_number *number;
    uint64_t least, most; /* of number, inclusive */
} np_option;

typedef struct np_usage {
    const char *operands;    /* "SCENARIO", "PCAP...", "" */
    int least, most;         /* how many operands; most -1: any number */
    const char *about;       /* a paragraph, each line at most 100 columns, without a newline at its end */
    const np_option *option; /* the table */
} np_usage;

/* np_cli_parse: the subcommand should go on. */
#define NP_CLI_GO (-1)

/*
 * Reads --name VALUE, --name=VALUE, --flag, -o VALUE, -oVALUE; `--` ends the options, "-" is an operand.
 * Options and operands may be mixed. Afterwards argv[1] to argv[*argc - 1] are the operands. Returns
 * NP_CLI_GO, or the exit status to return at once: 0 when --help (or -h) was given and the help has been
 * printed, 2 after a complaint (with a suggestion) on standard error.
 */
int np_cli_parse(const np_usage *u, int *argc, char **argv);

/* Prints usage, about and options of the subcommand `name`. */
void np_cli_help(const np_usage *u, const char *name, FILE *out);

/* The nearest of `n` words to `word`, near enough to be a slip of the finger; NULL when none is. */
const char *np_cli_nearest(const char *word, const char *const *known, size_t n);

/* ---- trouble ---- */

/* Prints `natpulse: TEXT` and a newline on standard error; np_cli_fail returns e's exit status,
   np_cli_misused prints a printf-style text and returns 2. */
int np_cli_fail(const np_error *e);
int np_cli_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));
void np_cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the findings as `file:line:column: error: text`, or e where there are none; clears them; returns e's
 * status. */
int np_cli_findings(np_findings *f, const np_error *e);

/* The exit status when an expectation of the scenario does not hold. */
#define NP_CLI_UNEXPECTED 1

/* ---- the rest ---- */

/* Becomes the signal's number at SIGINT or SIGTERM; a second one ends the program at once. */
extern volatile int np_cli_stop;

/* main's: the above, and a closed pipe becomes a failed write. */
void np_cli_catch_signals(void);

/* The PATH=VALUE texts of --set as overrides, then `seed` and `replicas` where given (NULL: no such option).
   np_cli_sets_free frees them. False, after a complaint, when a text is no PATH=VALUE: the exit status is 2.
 */
typedef struct np_sets {
    np_override *set;
    uint32_t n;
    struct np_arena *arena;
} np_sets;
bool np_cli_sets(const np_texts *set, const np_number *seed, const np_number *replicas, np_sets *out);
void np_cli_sets_free(np_sets *s);

/* The format by --format, else by the extension of `path`, else the table. False after a complaint. */
bool np_cli_format(const char *format, const char *path, np_format *out);

/* The figure with this key. False after a complaint with a suggestion. */
bool np_cli_metric(const char *key, np_metric *out);

/* Colour and width for results on standard output, or for a file (path not NULL and not "-"). */
np_style np_cli_style(const char *path);

/* A bar with share, rate and time left on standard error; where `all` is 0, because nobody knows it, the
   amount and its rate. Silent unless that is a terminal and `wanted`. */
typedef struct np_progress {
    bool shown, stepped;
    double began, drawn;
    uint32_t before;  /* done when it began */
    const char *what; /* "runs" */
} np_progress;
void np_progress_begin(np_progress *p, bool wanted, const char *what);
void np_progress_step(void *progress, uint32_t done, uint32_t all);
void np_progress_end(np_progress *p);

/* ---- recordings: the packets and events of one run ---- */

typedef struct np_recording {
    const char *pcap, *events; /* files; NULL: not wanted */
    const char *strategy;      /* by name; NULL: the first */
    np_number replica;
    bool quiet; /* no word about what was written */
} np_recording;

/* False, after a complaint, when the options contradict each other. `result`: where the command's own result
   goes. */
bool np_cli_recording_ok(const np_recording *r, const char *result);

/* Does the run and writes the files, if any is wanted. 0, or the exit status after a complaint. */
int np_cli_record(const np_scenario *s, const char *path, const np_sets *sets, const np_recording *r);

#endif
