/*
 * The heartbeat `piggyback`: a beat only when the connection has been idle for `every`. Idle without what is
 * `idle_since`:
 *
 *      sent     this end has sent nothing: MQTT 3.1.2.10, AMQP, RFC 3948 4
 *      heard    this end has heard nothing: gRPC proposal A8
 *      either   neither: WireGuard's PersistentKeepalive (Linux,
 * wg_timers_any_authenticated_packet_traversal)
 *
 * A mapping whose box is refreshed by outbound packets alone is only safe with `sent`: pushes from the server
 * put a beat of the others off, though the box takes no notice of them.
 *
 * Cost: what puts a beat off is one store; the end's timer comes at the time set before, and finds nothing
 * due.
 */
#include "beat_strategy.h"

static void later(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    b->next = now + np_beat_every(c, o);
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    later(b, c, o, now);
    return true;
}

static void heard(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what, np_time now)
{
    (void)what;
    if (c->idle_since != NP_BEAT_IDLE_SENT) later(b, c, o, now);
}

static void sent(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    if (c->idle_since != NP_BEAT_IDLE_HEARD) later(b, c, o, now);
}

const np_beat_strategy np_strategy_piggyback = {
    .has_every = true, .one_at_a_time = true, .start = later, .due = due, .heard = heard, .sent = sent};
