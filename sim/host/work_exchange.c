/*
 * The shape `exchange`: rounds of independent exchanges, every gap, count, size and service time drawn by
 * itself from its distribution.
 *
 * A round is cut at a million exchanges.
 */
#include "work_shape.h"

#define MOST_COUNT 1e6

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static np_round draw_round(const np_work_config *w, np_key key, uint32_t entity, uint32_t k)
{
    np_random_pair r = np_random_two(key, entity, NP_PURPOSE_WORK_ROUND, k);
    return (np_round){.gap = np_dist_time(&w->gap, r.a),
                      .count = (uint32_t)clamp(np_dist_sample(&w->count, r.b), 1, MOST_COUNT)};
}

static np_exchange draw_exchange(const np_work_config *w, np_key key, uint32_t entity, uint32_t k, uint32_t i)
{
    uint64_t index = np_work_index(k, i);
    np_random_pair r = np_random_two(key, entity, NP_PURPOSE_WORK_BYTES, index);
    return (np_exchange){
        .request = np_work_bytes(&w->request, r.a, 1),
        .response = np_work_bytes(&w->response, r.b, 0),
        .service = np_dist_time(&w->service, np_random(key, entity, NP_PURPOSE_WORK_SERVICE, index)),
        .from_server = w->from_server};
}

const np_work_shape np_shape_exchange = {.round = draw_round, .exchange = draw_exchange};
