/*
 * The heartbeat `passive`: a beat when messages have arrived and this end has had nothing to send for `every`
 * since. It tells the other side that they arrived; on an idle connection there are none. WireGuard's
 * KEEPALIVE_TIMEOUT (Linux, drivers/net/wireguard/timers.c), which one more message during the wait arms
 * again.
 */
#include "beat_strategy.h"

static void start(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    (void)c, (void)o, (void)now;
    b->next = NP_NEVER;
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    (void)o;
    bool another = b->heard > b->next - c->every; /* more came after what started the wait */
    b->next = another ? now + c->every : NP_NEVER;
    return true;
}

static void heard(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what, np_time now)
{
    (void)o;
    if (what == NP_BEAT_MESSAGE && b->next == NP_NEVER) b->next = now + c->every;
}

static void sent(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    start(b, c, o, now);
}

const np_beat_strategy np_strategy_passive = {
    .has_every = true, .one_at_a_time = true, .start = start, .due = due, .heard = heard, .sent = sent};
