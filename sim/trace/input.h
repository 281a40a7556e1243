/*
 * A descriptor read in large pieces, whose bytes are looked at where they lie: no copy of each packet, as
 * through a FILE, which costs an eighth of a replay.
 */
#ifndef NATPULSE_TRACE_INPUT_H
#define NATPULSE_TRACE_INPUT_H

#include "natpulse/memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct np_input {
    int fd; /* the caller's to close */
    uint8_t *buffer;
    size_t at, have, room; /* bytes used and held */
    uint64_t taken;        /* out of the descriptor */
    bool ended;            /* it has no more */
    int error;             /* errno of a read that failed, or of lacking memory; 0: none */
} np_input;

/* False when memory is out. */
bool np_input_init(np_input *s, int fd);
void np_input_free(np_input *s);

/* The slow half of the next function. */
const uint8_t *np_input_fetch(np_input *s, size_t n);

/* The next n bytes, which are used with that, in one piece until the next call; NULL when there are not as
   many left, and then none is used. Memory grows as bytes arrive, not as they are asked for. */
static inline const uint8_t *np_input_take(np_input *s, size_t n)
{
    if (s->have - s->at < n) return np_input_fetch(s, n);
    const uint8_t *bytes = s->buffer + s->at;
    s->at += n;
    return bytes;
}

/* Starts to fetch the two cache lines that come next, which may be behind what is held. */
static inline void np_input_prefetch(const np_input *s)
{
    np_prefetch(s->buffer + s->at);
    np_prefetch(s->buffer + s->at + 64);
}

/* A byte that was read from the descriptor before: it comes first. Only before anything was taken. */
void np_input_put_back(np_input *s, uint8_t byte);

/* Whether the descriptor has ended and everything is used. */
static inline bool np_input_at_end(const np_input *s)
{
    return s->ended && s->at == s->have;
}

#endif
