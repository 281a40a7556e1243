/*
 * The heartbeat `fixed`: a beat every `every`, counted from the opening of the connection.
 *
 * Beats keep their rhythm: a late call does not shift those that follow, and beats that were slept through
 * are not made up for.
 */
#include "beat_strategy.h"

static void start(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    b->next = now + np_beat_every(c, o);
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_time every = np_beat_every(c, o);
    b->next = now + every - (now - b->next) % every;
    return true;
}

const np_beat_strategy np_strategy_fixed = {.has_every = true, .start = start, .due = due};
