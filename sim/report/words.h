/*
 * A scenario in words, for those who do not read YAML.
 */
#ifndef NATPULSE_REPORT_WORDS_H
#define NATPULSE_REPORT_WORDS_H

#include "natpulse/arena.h"
#include "natpulse/scenario.h"

typedef struct np_words {
    const char **sentence; /* what is simulated: clients, box, links, servers, runs */
    uint32_t sentences;
    const char **strategy; /* [scenario->strategies]: what each does */
} np_words;

/* The texts are in the arena. False when memory is out. */
bool np_words_of(const np_scenario *s, np_arena *a, np_words *out);

/* A duration for people: "2 h 4 min". Returns buf. */
#define NP_WORDS_TIME 64
char *np_words_time(char *buf, size_t size, np_time t);

/* The scenario that a result file holds as text. NULL when it is none: what it says cannot be told. */
np_scenario *np_words_scenario(const char *yaml);

#endif
