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
 *
 * The silence rule is the server's alone and does not look at beats: anything that arrives breaks it.
 *
 * Cost: a few comparisons a call; no allocation. Tried and left: a deadline for every beat that waits (a ring
 * of times in each of a million ends, for a setting that few use).
 */
#include "beat_strategy.h"
#include <assert.h>
#include <string.h>

/* The list: a strategy's name, which is also its file's and its table's. */
#define EACH_STRATEGY(X) X(fixed)

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
                          .server_closes_after = 0,
                          .bytes = 2, /* MQTT PINGREQ and PINGRESP (MQTT 3.1.1, 3.12 and 3.13) */
                          .answer_bytes = 2};
}

static bool sends(const np_beat_config *c, np_beat_side side)
{
    if (!c->strategy) return false;
    return c->from == NP_BEAT_FROM_BOTH || (c->from == NP_BEAT_FROM_CLIENT) == (side == NP_BEAT_CLIENT);
}

static uint8_t find(const char *name)
{
    uint8_t i = 0;
    while (names[i] && strcmp(names[i], name)) i++;
    assert(names[i]);
    return i;
}

void np_beat_start(np_beat *b, const np_beat_config *c, np_beat_side side, uint32_t entity, np_time now)
{
    *b = (np_beat){
        .next = NP_NEVER, .answer_due = NP_NEVER, .heard = now, .entity = entity, .side = (uint8_t)side};
    if (!sends(c, side)) return;
    assert(c->every > 0 && c->misses > 0);
    b->strategy = find(c->strategy);
    list[b->strategy]->start(b, c, now);
}

void np_beat_heard(np_beat *b, const np_beat_config *c, np_time now)
{
    b->heard = now;
    if (b->next != NP_NEVER && list[b->strategy]->heard) list[b->strategy]->heard(b, c, now);
}

/* The oldest beat that waits is settled, one way or the other. */
static void settle(np_beat *b, const np_beat_config *c)
{
    b->waiting--;
    b->answer_due = b->waiting ? b->answer_due + c->every : NP_NEVER;
}

void np_beat_answered(np_beat *b, const np_beat_config *c, np_time now)
{
    np_beat_heard(b, c, now);
    b->missed = 0;
    if (b->waiting) settle(b, c);
    if (b->next != NP_NEVER && list[b->strategy]->answered) list[b->strategy]->answered(b, c, now);
}

static np_time silent_at(const np_beat *b, const np_beat_config *c)
{
    return b->side == NP_BEAT_SERVER && c->server_closes_after ? b->heard + c->server_closes_after : NP_NEVER;
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

np_beat_action np_beat_timer(np_beat *b, const np_beat_config *c, np_key key, np_time now)
{
    if (silent_at(b, c) <= now) return NP_BEAT_SILENT;
    while (b->answer_due <= now) {
        settle(b, c);
        if (b->missed < UINT16_MAX) b->missed++;
        if (list[b->strategy]->missed) list[b->strategy]->missed(b, c, now);
        if (b->missed >= c->misses) return NP_BEAT_DEAD;
    }
    if (b->next > now || !list[b->strategy]->due(b, c, key, now)) return NP_BEAT_NOTHING;
    await(b, c, now);
    return NP_BEAT_SEND;
}
