/*
 * The heartbeat `jittered`: each time to the next beat is drawn evenly from `least` to `every`.
 *
 * One-sided, as RFC 5626 4.4.1 has it (80 to 100 % of the agreed time): `every` stays the longest time the
 * path is idle, which is what a mapping's timeout asks about.
 */
#include "beat_strategy.h"

static np_time draw(const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    double u = np_unit(np_random(o->key, o->entity, NP_PURPOSE_BEAT, (uint64_t)now));
    return c->least + (np_time)(u * (double)(c->every - c->least));
}

static void start(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    b->next = now + draw(c, o, now);
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    start(b, c, o, now);
    return true;
}

const np_beat_strategy np_strategy_jittered = {
    .has_every = true, .one_at_a_time = true, .by_least = true, .start = start, .due = due};
