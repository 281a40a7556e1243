/*
 * The radio's energy, without events: everything between two packets follows from the time between them, so a
 * packet charges the tail that ended with it, and itself.
 *
 * Cost: a few comparisons and multiplications a packet; 24 bytes a radio. What is not modelled: that a
 * sleeping radio delays the packet that wakes it by the promotion; that small packets of 3G may go by FACH
 * without waking DCH; the steps of LTE's connected-mode DRX, which the tail's mean power contains.
 */
#include "natpulse/radio.h"

void np_radio_init(np_radio *r)
{
    *r = (np_radio){.awake_until = -NP_NEVER, .charged = -NP_NEVER};
}

/* Joules of the first `t` of a tail. */
static double tail_energy(const np_radio_config *c, np_time t)
{
    np_time first = t < c->tail ? t : c->tail, second = t - first;
    if (second > c->second_tail) second = c->second_tail;
    return c->tail_w * np_seconds(first) + c->second_tail_w * np_seconds(second);
}

static bool asleep(const np_radio *r, const np_radio_config *c, np_time now)
{
    return r->awake_until == -NP_NEVER || now - r->awake_until >= c->tail + c->second_tail;
}

void np_radio_settle(np_radio *r, const np_radio_config *c, np_time now)
{
    if (now <= r->charged || r->awake_until == -NP_NEVER) return;
    r->joules += tail_energy(c, now - r->awake_until) - tail_energy(c, r->charged - r->awake_until);
    r->charged = now;
}

void np_radio_packet(np_radio *r, const np_radio_config *c, bool out, uint32_t bytes, np_time now)
{
    double bps = out ? c->up_bps : c->down_bps, seconds = 8 * bytes / bps;
    np_time from = now > r->awake_until ? now : r->awake_until;
    np_radio_settle(r, c, now);
    if (asleep(r, c, now)) {
        r->joules += c->promotion_w * np_seconds(c->promotion);
        from += c->promotion;
    }
    r->joules += ((out ? c->up_w : c->down_w) * bps * 1e-6 + c->base_w) * seconds;
    r->awake_until = r->charged = from + np_from_seconds(seconds);
}
