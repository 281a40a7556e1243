/*
 * A box that can handle so many packets a second: one server with a finite queue, first come first served,
 * the same time for every packet. Only the moment at which it will have finished is kept: how many wait
 * follows from it.
 */
#include "box_state.h"

np_time np_box_admit(np_box *b, np_time now)
{
    if (b->config.cpu.rate == 0) return now;
    np_time each = (NP_SECOND + b->config.cpu.rate - 1) / b->config.cpu.rate;
    np_time begin = b->idle_from > now ? b->idle_from : now;
    /* one is in work, the rest of those ahead wait */
    if (begin > now && (begin - now + each - 1) / each > b->config.cpu.queue) {
        b->counts.cpu++;
        return NP_NEVER;
    }
    b->idle_from = begin + each;
    return b->idle_from;
}
