/*
 * The shape `ticks`: both sides send every `gap`, whatever the other does: voice, video, an online game. A
 * round is one tick: the client's message of size `request`, then the server's of size `response`. Neither is
 * answered, and what cannot be sent at its tick is not sent at all.
 */
#include "work_shape.h"

enum { CLIENTS_TICK, SERVERS_TICK, BOTH };

static np_round draw_round(const np_work_config *w, np_key key, uint32_t entity, uint32_t k)
{
    return (np_round){.gap = np_dist_time(&w->gap, np_random(key, entity, NP_PURPOSE_WORK_ROUND, k)),
                      .count = BOTH};
}

static np_exchange draw_exchange(const np_work_config *w, np_key key, uint32_t entity, uint32_t k, uint32_t i)
{
    uint64_t bits = np_random(key, entity, NP_PURPOSE_WORK_BYTES, np_work_index(k, i));
    const np_dist *size = i == CLIENTS_TICK ? &w->request : &w->response;
    return (np_exchange){.request = np_work_bytes(size, bits, 1), .from_server = i == SERVERS_TICK};
}

const np_work_shape np_shape_ticks = {.round = draw_round, .exchange = draw_exchange, .fleeting = true};
