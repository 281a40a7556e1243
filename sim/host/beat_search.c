/*
 * The heartbeat `search`: finds the longest time for which the path may be idle by halving, and stays a
 * little below.
 *
 *      least      safe                unsafe          most
 *      |-----------|---------|----------|--------------|
 *        held before       tried          failed before
 *
 * A beat is sent when nothing was sent or heard for the value, so that its answer says something about the
 * value and nothing else. Answered: the value is safe, and the middle of what is left comes next. Failed
 * twice in a row: it is unsafe (once may be a lost packet). When what is left is no more than `step`, it
 * settles at the safe end, less `back_off`. Settled, 2 failures in a row mean that the box has become less
 * patient: the search begins again between `least` and the value that failed. Settled for a day, it looks
 * again whether more will do.
 *
 * `least` is taken to be safe without trying, and failures there teach nothing.
 *
 * Steady state, when a mapping lasts tau: a value in (tau - step - back_off, tau], after at most
 * log2((most - least) / step) + 1 trials, each of which costs one beat, or two connections.
 */
#include "beat_strategy.h"

#define FAILURES    2
#define SETTLED_FOR NP_DAY

/* The next value to try, or where to settle. */
static void go_on(const np_beat_config *c, np_beat_memory *m, np_time now)
{
    np_time end = m->unsafe ? m->unsafe : c->most + c->step; /* `most` itself may be tried */
    np_time left = end - m->safe;
    m->settled = left <= c->step;
    m->value = m->settled ? m->safe - c->back_off : m->safe + left / 2;
    if (m->value > c->most) m->value = c->most;
    if (m->value < c->least) m->value = c->least;
    m->bad = 0;
    m->changed = now;
}

static void later(np_beat *b, const np_beat_owner *o, np_time now)
{
    b->next = now + o->memory->value;
}

static void start(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    if (!o->memory->value) {
        o->memory->safe = c->least;
        go_on(c, o->memory, now);
    }
    later(b, o, now);
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    (void)c;
    o->memory->used = o->memory->value;
    later(b, o, now);
    return true;
}

static void answered(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_beat_memory *m = o->memory;
    (void)b;
    if (m->used != m->value) return;
    m->bad = 0;
    if (!m->settled) {
        m->safe = m->used;
        go_on(c, m, now);
    } else if (now - m->changed >= SETTLED_FOR) {
        m->unsafe = 0;
        go_on(c, m, now);
    }
}

static void missed(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_beat_memory *m = o->memory;
    (void)b;
    if (m->used != m->value || m->value == c->least || ++m->bad < FAILURES) return;
    if (m->settled) m->safe = c->least;
    m->unsafe = m->used;
    go_on(c, m, now);
}

static void heard(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_beat_what what, np_time now)
{
    (void)c, (void)what;
    later(b, o, now);
}

static void sent(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    (void)c;
    later(b, o, now);
}

const np_beat_strategy np_strategy_search = {.learns = true,
                                             .one_at_a_time = true,
                                             .by_least = true,
                                             .start = start,
                                             .due = due,
                                             .answered = answered,
                                             .missed = missed,
                                             .heard = heard,
                                             .sent = sent};
