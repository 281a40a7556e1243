/*
 * The heartbeat `none`: nobody beats, but the rules about silence hold. So are proxies and load balancers
 * that close idle connections, and applications that leave upkeep to the stack.
 */
#include "beat_strategy.h"

static void start(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    (void)c, (void)o, (void)now;
    b->next = NP_NEVER;
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    start(b, c, o, now);
    return false;
}

const np_beat_strategy np_strategy_none = {.start = start, .due = due};
