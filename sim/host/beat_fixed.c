/*
 * The heartbeat `fixed`: a beat every `every`, counted from the opening of the connection.
 *
 * Beats keep their rhythm: a late call does not shift those that follow, and beats that were slept through
 * are not made up for.
 */
#include "beat_strategy.h"

static void start(np_beat *b, const np_beat_config *c, np_time now)
{
    b->next = now + c->every;
}

static bool due(np_beat *b, const np_beat_config *c, np_key key, np_time now)
{
    (void)key;
    b->next = now + c->every - (now - b->next) % c->every;
    return true;
}

const np_beat_strategy np_strategy_fixed = {.start = start, .due = due};
