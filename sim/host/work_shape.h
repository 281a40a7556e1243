/*
 * What the shape of a workload is: two pure functions. A new shape is a file work_NAME.c that defines
 * np_shape_NAME, and a line in the list of work.c.
 */
#ifndef NATPULSE_HOST_WORK_SHAPE_H
#define NATPULSE_HOST_WORK_SHAPE_H

#include "natpulse/work.h"

/* Random draws; a shape takes what it needs. The heartbeats' purposes begin at 0x100. */
enum {
    NP_PURPOSE_WORK_ROUND = NP_PURPOSE(3, 0),   /* gap and count of a round; index: k */
    NP_PURPOSE_WORK_BYTES = NP_PURPOSE(3, 1),   /* request and response; index: np_work_index(k, i) */
    NP_PURPOSE_WORK_SERVICE = NP_PURPOSE(3, 2), /* index: np_work_index(k, i) */
};

static inline uint64_t np_work_index(uint32_t k, uint32_t i)
{
    return (uint64_t)k << 32 | i;
}

typedef struct np_work_shape {
    np_round (*round)(const np_work_config *w, np_key key, uint32_t entity, uint32_t k);
    np_exchange (*exchange)(const np_work_config *w, np_key key, uint32_t entity, uint32_t k, uint32_t i);
    bool fleeting; /* see np_work_is_fleeting */
} np_work_shape;

/* A size in bytes from `least` to 1 GiB: heavy tails are cut where no machine would follow. */
static inline uint32_t np_work_bytes(const np_dist *d, uint64_t bits, uint32_t least)
{
    double x = np_dist_sample(d, bits) + 0.5, most = 1u << 30;
    return x < least ? least : x > most ? 1u << 30 : (uint32_t)x;
}

#endif
