/*
 * The heartbeat `mars`: the adaptive one of Tencent's Mars (mars/stn/src/smart_heartbeat.cc and config.h, at
 * 6aa5b56), which WeChat uses. It climbs until beats fail, steps back, and stays:
 *
 *      most  580 s |                          .......... (reached: settled there)
 *                  |                      ____x x            x: beats that failed
 *                  |                 ____|   |
 *                  |            ____|        |  back by step + back_off: settled
 *                  |       ____|             |______________________
 *      least 210 s |______|
 *                   3 + 4   5    5    5    2 failures in a row
 *
 *   - a connection begins with `least`, until 3 beats have been answered on it;
 *   - after 5 answered at the value, it grows by `step`, at most to `most`, where it settles;
 *   - 2 failures in a row at the value, not counting those at `least`: while climbing it falls by step +
 * back_off and settles; when settled it climbs again from `least`;
 *   - settled for 7 days, an answered beat raises it by `back_off` and it climbs on.
 *
 * A failure is a beat without an answer, whether that was noticed by its timeout or by a reset. A failure
 * usually ends the connection, so what is learned is kept beyond it.
 *
 * Left out: the foreground (`least` throughout), a memory a network name (here a client has one network), the
 * report of a bad network after 6 failures at the minimum (it changes no interval), and what it does about
 * phones whose alarms come late.
 *
 * Steady state, when a mapping lasts tau and nothing else is sent: with n the first step for which
 * v = least + n step exceeds tau, v - step - back_off, or least if that is less; most, when tau exceeds it.
 */
#include "beat_strategy.h"

#define ANSWERED_FIRST  3            /* NetStableTestCount */
#define ANSWERED_ENOUGH 5            /* BaseSuccCount */
#define FAILURES        2            /* MaxHeartFailCount */
#define SETTLED_FOR     (7 * NP_DAY) /* then it is tried again whether more will do */

static np_time interval(const np_beat_config *c, const np_beat_memory *m)
{
    return m->link < ANSWERED_FIRST ? c->least : m->value;
}

static void start(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_beat_memory *m = o->memory;
    if (!m->value) m->value = c->least;
    m->link = 0;
    m->planned = interval(c, m);
    b->next = now + m->planned;
}

static bool due(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_beat_memory *m = o->memory;
    m->used = m->planned;
    m->planned = interval(c, m);
    b->next = now + m->planned;
    return true;
}

static void change(np_beat_memory *m, np_time value, bool settled, np_time now)
{
    m->value = value;
    m->settled = settled;
    m->changed = now;
    m->good = m->bad = 0;
}

static void learn_good(const np_beat_config *c, np_beat_memory *m, np_time now)
{
    if (m->link < UINT16_MAX) m->link++;
    if (m->link < ANSWERED_FIRST || m->used != m->value) return;
    m->bad = 0;
    if (m->settled) {
        if (m->value < c->most && now - m->changed >= SETTLED_FOR) {
            np_time more = m->value + c->back_off;
            change(m, more < c->most ? more : c->most, false, now);
        }
    } else if (++m->good >= ANSWERED_ENOUGH) {
        np_time more = m->value + c->step;
        change(m, more < c->most ? more : c->most, more >= c->most, now);
    }
}

static void answered(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_beat_memory *m = o->memory;
    learn_good(c, m, now);
    np_time instead = interval(c, m);
    b->next += instead - m->planned;
    m->planned = instead;
}

static void missed(np_beat *b, const np_beat_config *c, const np_beat_owner *o, np_time now)
{
    np_beat_memory *m = o->memory;
    (void)b;
    if (m->link < ANSWERED_FIRST || m->used != m->value || m->value == c->least) return;
    if (++m->bad < FAILURES) return;
    np_time less = m->value - c->step - c->back_off;
    if (m->settled)
        change(m, c->least, false, now);
    else
        change(m, less > c->least ? less : c->least, true, now);
}

const np_beat_strategy np_strategy_mars = {.learns = true,
                                           .one_at_a_time = true,
                                           .by_least = true,
                                           .start = start,
                                           .due = due,
                                           .answered = answered,
                                           .missed = missed};
