/*
 * Trouble of the user's or of the machine's, as a value. The library never prints and never exits;
 * it fills an np_error and returns false (or NULL). A mistake of the caller's is an assert instead.
 */
#ifndef NATPULSE_ERROR_H
#define NATPULSE_ERROR_H

#include <stdbool.h>

/* The kinds are the exit statuses of the command line, so that a subcommand can return one as it is. */
typedef enum np_trouble {
    NP_TROUBLE_NONE = 0,
    NP_TROUBLE_USAGE = 2, /* bad arguments, a bad scenario */
    NP_TROUBLE_INPUT = 3, /* no capture, a damaged file */
    NP_TROUBLE_RUN = 4,   /* out of memory, a full disk */
} np_trouble;

typedef struct np_error {
    np_trouble kind;
    char text[1020]; /* one line without a newline: what was wrong, where, what would be right */
} np_error;

/* Fills *e (when e is not NULL) with a printf-style text cut to fit. Always returns false, so that a
   function can say `return np_fail(e, ...)`. */
bool np_fail(np_error *e, np_trouble kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed allocation of `what`. */
bool np_fail_memory(np_error *e, const char *what);

#endif
