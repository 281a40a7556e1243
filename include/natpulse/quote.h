/*
 * Foreign words in messages: shown safely, and guessed at.
 */
#ifndef NATPULSE_QUOTE_H
#define NATPULSE_QUOTE_H

#include <stddef.h>

/* Foreign text as a message may show it: quoted, without control characters, cut when long. `size` of
   NP_QUOTED is enough. Returns buf. */
#define NP_QUOTED 96
char *np_quote(char *buf, size_t size, const char *text);

/* The nearest of the names (by Damerau-Levenshtein distance), NULL when none is near enough to be meant.
   `names` ends with NULL. */
const char *np_nearest(const char *text, const char *const *names);

/* "; did you mean "X"?" or, where nothing is near, "; known: A, B, C". Returns buf. */
#define NP_HINT 600
char *np_hint(char *buf, size_t size, const char *text, const char *const *names);

#endif
