/*
 * Heartbeats: answers, misses, silence. When to beat is the strategy's business (beat_strategy.h).
 *
 *      every T        T              T
 *      |--------------|--------------|--------------|
 *      beat           beat           beat
 *      |<- W ->|      |<- W ->|      |<- W ->|
 *              answer due     1 miss         2 misses: dead
 *
 * With period T, answers due in W and k misses allowed, a death at any moment is noticed after more than
 * (k - 1) T + W and at most k T + W. This holds for W > T too: then several beats wait at once. They are
 * answered in the order sent, so it is enough to keep how many wait and the deadline of the oldest; the
 * others follow `every` apart. An answer that comes too late still ends the row of misses: the peer lives.
 * (A strategy whose beats are not evenly apart has only one out at a time.)
 *
 * The rule about silence does not look at beats: anything that arrives breaks it. The server's rule about too
 * many is gRPC's (proposal A8, and PingAbusePolicy in its C core): a beat nearer than the permitted time to
 * the one before, early or not, is a strike; sending a message forgives all.
 *
 * Cost: a few comparisons a call; no allocation. Tried and left: a deadline for every beat that waits (a ring
 * of times in each of a million ends, for a setting that few use).
 */
#include "beat_strategy.h"
#include <assert.h>
#include <string.h>

/* The list: a strategy's name, which is also its file's and its table's. */
#define EACH_STRATEGY(X) X(fixed) X(jittered) X(piggyback) X(passive) X(mars) X(search) X(none)

#define DECLARE(name) extern const np_beat_strategy np_strategy_##name;
#define TABLE(name)   &np_strategy_##name,
#define NAME(name)    #name,
EACH_STRATEGY(DECLARE)
static const np_beat_strategy *const list[] = {EACH_STRATEGY(TABLE)};
static const char *const names[] = {EACH_STRATEGY(NAME) NULL};

const char *const *np_beat_list(void)
{
    return names;
}

void np_beat_defaults(np_beat_config *c)
{
    *c = (np_beat_config){.strategy = NULL,
                          .from = NP_BEAT_FROM_CLIENT,
                          .every = 30 * NP_SECOND,
                          .timeout = 10 * NP_SECOND,
                          .misses = 2,
                          .strikes = 2, /* gRPC proposal A8 */
                          .bytes = 2,   /* MQTT PINGREQ and PINGRESP (MQTT 3.1.1, 3.12 and 3.13) */
                          .answer_bytes = 2};
}

static uint8_t find(const char *name)
{
    uint8_t i = 0;
    while (names[i] && strcmp(names[i], name)) i++;
    assert(names[i]);
    return i;
}

bool np_beat_has_every(const char *strategy)
{
    return list[find(strategy)]->has_every;
}

bool np_beat_learns(const char *strategy)
{
    return list[find(strategy)]->learns;
}

bool np_beat_one_at_a_time(const char *strategy)
{
    return list[find(strategy)]->one_at_a_time;
}

np_time np_beat_shortest(const np_beat_config *c)
{
    const np_beat_strategy *s = list[find(c->strategy)];
    return s->by_least ? c->least : s->has_every ? c->every : 0;
}

bool np_beat_remembers(const np_beat_config *c)
{
    return c->strategy && (np_beat_learns(c->strategy) || c->server_permits);
}

static bool sends(const np_beat_config *c, np_beat_side side)
{
    if (!c->strategy) return false;
    return c->from == NP_BEAT_FROM_BOTH || (c->from == NP_BEAT_FROM_CLIENT) == (side == NP_BEAT_CLIENT);
}

/* The strategy of an end; NULL where it sends no beats. */
static const np_beat_strategy *strategy(const np_beat *b)
{
    return b->strategy == NP_BEAT_SENDS_NONE ? NULL : list[b->strategy];
}

void np_beat_start(np_beat *b, const np_beat_config *c, np_beat_side side, const np_beat_owner *o,
                   np_time now)
{
    *b = (np_beat){.next = NP_NEVER,
                   .answer_due = NP_NEVER,
                   .heard = now,
                   .pinged = -NP_NEVER,
                   .side = (uint8_t)side,
                   .strategy = NP_BEAT_SENDS_NONE};
    if (!sends(c, side)) return;
    b->strategy = find(c->strategy);
    const np_beat_strategy *s = list[b->strategy];
    assert(c->misses > 0 && (!s->has_every || c->every > 0) && (!s->by_least || c->least > 0));
    assert(!s->learns || o->memory);
    s->start(b, c, o, now);
}

/* The oldest beat that waits is settled, one way or the other. */
static void settle(np_beat *b, const np_beat_config *c, const np_beat_owner *o)
{
    b->waiting--;
    b->answer_due = b->waiting ? b->answer_due + np_beat_every(c, o) : NP_NEVER;
}

/* A beat arrived: is it one too many? */
static bool too_many(np_beat *b, const np_beat_config *c, np_time now)
{
    if (!c->server_permits || b->side != NP_BEAT_SERVER) return false;
    bool strike = b->pinged != -NP_NEVER && now - b->pinged < c->server_permits;
    b->pinged = now;
    if (strike && b->strikes < UINT8_MAX) b->strikes++;
    return strike && b->strikes > c->strikes;
}

np_beat_action np_beat_heard(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what,
                             np_time now)
{
    const np_beat_strategy *s = strategy(b);
    b->heard = now;
    if (what == NP_BEAT_ANSWER) {
        b->missed = 0;
        if (b->waiting) settle(b, c, o);
        if (s && s->answered) s->answered(b, c, o, now);
    }
    if (s && s->heard) s->heard(b, c, o, what, now);
    return what == NP_BEAT_BEAT && too_many(b, c, now) ? NP_BEAT_TOO_MANY : NP_BEAT_NOTHING;
}

void np_beat_sent(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what, np_time now)
{
    const np_beat_strategy *s = strategy(b);
    if (s && s->sent) s->sent(b, c, o, now);
    if (what != NP_BEAT_MESSAGE) return;
    b->pinged = -NP_NEVER;
    b->strikes = 0;
}

void np_beat_broke(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    const np_beat_strategy *s = strategy(b);
    if (b->waiting && s && s->missed) s->missed(b, c, o, now);
}

void np_beat_slow_down(const np_beat_config *c, const np_beat_owner *o)
{
    if (np_beat_every(c, o) < NP_DAY) o->memory->doublings++;
}

static np_time silent_at(const np_beat *b, const np_beat_config *c)
{
    np_time after = b->side == NP_BEAT_SERVER ? c->server_closes_after : c->client_closes_after;
    return after ? b->heard + after : NP_NEVER;
}

np_time np_beat_deadline(const np_beat *b, const np_beat_config *c)
{
    np_time least = b->next < b->answer_due ? b->next : b->answer_due, silent = silent_at(b, c);
    return least < silent ? least : silent;
}

/* A beat goes out: its answer is awaited. */
static void await(np_beat *b, const np_beat_config *c, np_time now)
{
    if (!c->timeout || !c->answer_bytes || b->waiting == UINT16_MAX) return;
    if (!b->waiting++) b->answer_due = now + c->timeout;
}

np_beat_action np_beat_timer(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    const np_beat_strategy *s = strategy(b);
    if (silent_at(b, c) <= now) return NP_BEAT_SILENT;
    while (b->answer_due <= now) {
        settle(b, c, o);
        if (b->missed < UINT16_MAX) b->missed++;
        if (s->missed) s->missed(b, c, o, now);
        if (b->missed >= c->misses) return NP_BEAT_DEAD;
    }
    if (b->next > now || !s->due(b, c, o, now)) return NP_BEAT_NOTHING;
    await(b, c, now);
    return NP_BEAT_SEND;
}
