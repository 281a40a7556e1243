/*
 * What the subcommands that read captures share: whom they take for inside, warnings, progress by bytes.
 */
#ifndef NATPULSE_CLI_CAPTURES_H
#define NATPULSE_CLI_CAPTURES_H

#include "cli.h"
#include "natpulse/replay.h"
#include <jansson.h>

#define NP_INSIDES_MOST 64 /* prefixes of --inside, all told */

/* np_capture_open, for as many files as the system lets us have open. */
np_capture *np_cli_capture_open(const char *const *file, uint32_t files, const char *filter, np_error *e);

/* The prefixes of every --inside CIDR[,CIDR...]; `out` has room for NP_INSIDES_MOST. False after a complaint.
 */
bool np_cli_inside(const np_texts *texts, np_cidr *out, uint32_t *n);

/* The number of `given` among two words, from 1; 0 when it is NULL, -1 after a complaint about --OPTION. */
int np_cli_choice(const char *option, const char *given, const char *first, const char *second);

/* ---- warnings: a fixed list with stable names ---- */

typedef struct np_cli_warning {
    const char *name;
    char text[2200];
} np_cli_warning;

typedef struct np_cli_warnings {
    np_cli_warning warning[12];
    uint32_t n;
} np_cli_warnings;

void np_cli_warn(np_cli_warnings *w, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What was read, for those that hold for any use of it. */
typedef struct np_cli_reading {
    const np_capture_counts *read;
    uint32_t files;
    uint64_t met, local; /* packets with an inside address at one end; at both */
    bool filtered, inside_named, stopped;
} np_cli_reading;
void np_cli_capture_warnings(const np_cli_reading *r, np_cli_warnings *w);

/* ---- output ---- */

/* The names of the captures, behind one label. */
void np_cli_print_captures(const char *const *file, uint32_t files, FILE *out);

/* "packets 264 over 41s", and how many the filter left out; then where they went. */
void np_cli_print_packets(const np_capture_counts *read, bool filtered, np_time first, np_time last,
                          const uint64_t way[4], FILE *out); /* out, in, local, elsewhere */
void np_cli_print_warnings(const np_cli_warnings *w, FILE *out);

/* Text that may hold bytes that are no UTF-8, as file names do: those become '?'. NULL when memory is out. */
json_t *np_cli_text_json(const char *s);
json_t *np_cli_captures_json(const char *const *file, uint32_t files);
json_t *np_cli_packets_json(const np_capture_counts *read, const uint64_t way[4]);
json_t *np_cli_warnings_json(const np_cli_warnings *w);

/* Seconds since the epoch of a capture's time, null when there was no packet. */
json_t *np_cli_time_json(np_time t, bool any);

/* An np_reading for an np_progress that counts megabytes. */
void np_cli_reading_step(void *progress, uint64_t done, uint64_t all);

#endif
