/*
 * Random numbers that depend on nothing but what they are for.
 *
 * Each number is a function of (seed, replica, entity, purpose, index): Philox 4x32-10 of Random123
 * (Salmon et al., SC 2011) with key = (seed, replica) and counter = (index, entity, purpose). So a draw
 * does not depend on the order of draws, on threads or on what else was simulated, and two strategies
 * that ask the same question (the think time before client 7's 12th page) get the same answer:
 * common random numbers without bookkeeping.
 *
 * An entity is a client, a link, a box, ... numbered by its owner; a purpose is a constant from the
 * floor that draws: NP_PURPOSE(floor, n), so that two floors never share one.
 */
#ifndef NATPULSE_RANDOM_H
#define NATPULSE_RANDOM_H

#include <stdint.h>

#define NP_PURPOSE(floor, n) ((uint32_t)(floor) << 16 | (uint32_t)(n))

typedef struct np_key {
    uint32_t word[2];
} np_key;

/* The key of one replica. The pair is mixed through Philox itself, so that neighbouring seeds and replicas
   share nothing (two given pairs have the same key with probability 2^-64). */
np_key np_key_make(uint64_t seed, uint32_t replica);

/* 64 random bits. */
uint64_t np_random(np_key key, uint32_t entity, uint32_t purpose, uint64_t index);

/* Two independent lots of 64 bits for the price of one block. */
typedef struct np_random_pair {
    uint64_t a, b;
} np_random_pair;
np_random_pair np_random_two(np_key key, uint32_t entity, uint32_t purpose, uint64_t index);

/* The top 52 bits as a double strictly between 0 and 1, 2^-53 from either at the least (so that logarithms
   and quantiles are finite). Not 53 bits: the half added to the largest would round up to 1. */
static inline double np_unit(uint64_t bits)
{
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

/* A number in [0, n), n > 0, unbiased to within 2^-32 * n (multiply and shift). n must fit 32 bits. */
static inline uint32_t np_below(uint64_t bits, uint32_t n)
{
    return (uint32_t)(((bits >> 32) * n) >> 32);
}

/* A sequence: the same function with the index counted up at each draw. */
typedef struct np_stream {
    np_key key;
    uint32_t entity, purpose;
    uint64_t next;
} np_stream;

static inline np_stream np_stream_make(np_key key, uint32_t entity, uint32_t purpose)
{
    return (np_stream){.key = key, .entity = entity, .purpose = purpose};
}

static inline uint64_t np_stream_next(np_stream *s)
{
    return np_random(s->key, s->entity, s->purpose, s->next++);
}

#endif
