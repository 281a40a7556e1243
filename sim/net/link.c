/*
 * One direction of a link. Every random process is a function of time that exists whether anybody sends or
 * not; sending only looks at it. Nothing depends on earlier packets but the queue, so that links of two runs
 * with the same key and number agree at every moment they share, whatever was sent in between.
 *
 * Independent loss and jitter are one draw at (link, time sent, i) for the i-th packet of that nanosecond: a
 * burst sent at one instant does not share one fate.
 *
 * The Gilbert chain. Rates a (good to bad) and b (bad to good) make spells of mean 1/a and 1/b. The same
 * process is had by throwing the state anew, bad with probability a/(a+b), at the events of a Poisson process
 * of rate a+b: in the bad state throws that change it come at rate (a+b) b/(a+b) = b, in the good at rate a,
 * and two moments T apart agree by more than chance only when no throw lies between, exp(-(a+b)T). In this
 * form the state at any moment follows from the last throw before it alone, and throws can be drawn cell by
 * cell of time, in each from its end backwards with exponential gaps:
 *
 *     time   |   x     x  |            |      x     |  x   x   x |     cells of about 1/(a+b)
 *                                               ^ now: the newest throw not after it; else look further left
 *
 * So a look costs 2.5 draws in the mean however long the link was idle, and the process begins stationary.
 * The state and the time up to which it is known are kept for packets that follow soon. Lost: walking spell
 * by spell (draws in proportion to the silence), and counting the throws of a cell before placing them (4
 * draws).
 *
 * Outages have spells of any distribution, so they are walked spell by spell; spell k is drawn at (line, k).
 */
#include "natpulse/link.h"

#include <assert.h>
#include <math.h>

_Static_assert(sizeof(np_link) == 64, "a link's state is one cache line");

enum { FLOOR = 2 };

/* Purposes of draws. */
#define PURPOSE_PACKET       NP_PURPOSE(FLOOR, 1) /* loss and jitter; index: time sent and ordinal */
#define PURPOSE_THROW        NP_PURPOSE(FLOOR, 2) /* Gilbert: gap and outcome; index: cell and throw */
#define PURPOSE_OUTAGE_START NP_PURPOSE(FLOOR, 3)
#define PURPOSE_OUTAGE       NP_PURPOSE(FLOOR, 4) /* index: spell */

/* Numbers set aside for the throws of a cell. More happen once in 10^14 cells, and share a later cell's
 * draws. */
#define THROWS_PER_CELL 16

/* 2^64 / golden ratio, odd: multiples of it lie far apart, so that no packet's index is another's. */
#define GOLDEN_64 UINT64_C(0x9e3779b97f4a7c15)

#define DEFAULT_QUEUE  1000000 /* bytes, for np_link_config.queue == 0 */
#define MAX_BACKLOG    1e18    /* ns, 31 years: what would wait longer is lost, whatever the queue */
#define ROUNDING_GRACE 0.01    /* ns, more than floating point can be off by in a full queue */

/* ---- Gilbert loss ---- */

/* Sets l->bad and how long it is known to stay, for the moment `now`. */
static void gilbert_look(np_link *l, const np_link_config *c, np_key key, np_time now)
{
    assert(c->burst > 0);
    if (c->loss <= 0 || c->loss >= 1) {
        l->bad = c->loss >= 1;
        l->known_until = NP_NEVER;
        return;
    }
    /* 1/(a+b), with b = 1/burst and a/(a+b) = loss. */
    double gap = fmax((double)c->burst * (1 - c->loss), 1);
    np_time width = (np_time)(gap + 0.5);
    int64_t cell = now / width;
    np_time end = (cell + 1) * width;
    double ago = (double)(end - now); /* of `now`, as seen from the end of the cell */

    l->known_until = end;
    for (;; --cell, ago = 0) {
        double back = 0; /* of a throw, from the end of the cell */
        for (uint32_t i = 0;; ++i) {
            uint64_t index = (uint64_t)cell * THROWS_PER_CELL + i;
            np_random_pair r = np_random_two(key, l->entity, PURPOSE_THROW, index);
            back -= log(np_unit(r.a)) * gap;
            if (back >= (double)width) break; /* before the cell: an older cell's matter */
            if (back >= ago) {
                l->bad = np_unit(r.b) < c->loss;
                return;
            }
            l->known_until = end - (np_time)back;
        }
    }
}

/* ---- outages ---- */

/* Both directions of a line draw the same. */
static uint32_t line_of(const np_link *l)
{
    return l->entity & ~NP_LINK_DOWN;
}

#define STRATA 64

/* The i-th of STRATA equally likely lengths of a spell. */
static double stratum(const np_dist *d, double i)
{
    return np_dist_sample(d, (uint64_t)(i / STRATA * 0x1p64));
}

static double strata_sum(const np_dist *d)
{
    double sum = 0;
    for (int i = 0; i < STRATA; ++i) sum += stratum(d, i + 0.5);
    return sum;
}

static double mean_spell(const np_dist *d)
{
    double mean = np_dist_mean(d);
    return d->cap > 0 || isinf(mean) ? strata_sum(d) / STRATA : mean;
}

/* What is left of the spell that a moment taken at random falls into: the spell is met in proportion to its
   length, the moment is anywhere within it. */
static np_time residual_spell(const np_dist *d, np_random_pair r)
{
    if (d->kind == NP_DIST_EXPONENTIAL && d->cap <= 0) return np_dist_time(d, r.a);

    double target = np_unit(r.a) * strata_sum(d), length = 0;
    int i = 0;
    for (; i < STRATA - 1; ++i) {
        length = stratum(d, i + 0.5);
        if (target < length) break;
        target -= length;
    }
    length = stratum(d, i + 0.5);
    return np_from_seconds(length * np_unit(r.b) * 1e-9);
}

static const np_dist *spell_dist(const np_link *l, const np_link_config *c)
{
    return l->outage_flips % 2 == 0 ? &c->up : &c->down;
}

static void outage_start(np_link *l, const np_link_config *c, np_key key)
{
    double up = mean_spell(&c->up), down = mean_spell(&c->down);
    np_random_pair state = np_random_two(key, line_of(l), PURPOSE_OUTAGE_START, 0);
    np_random_pair place = np_random_two(key, line_of(l), PURPOSE_OUTAGE_START, 1);

    l->outage_flips = np_unit(state.a) * (up + down) < down;
    l->outage_at = residual_spell(spell_dist(l, c), place);
}

bool np_link_up(np_link *l, const np_link_config *c, np_key key, np_time now)
{
    if (!c->outages) return true;
    while (l->outage_at <= now) {
        ++l->outage_flips;
        np_time spell =
            np_dist_time(spell_dist(l, c), np_random(key, line_of(l), PURPOSE_OUTAGE, l->outage_flips));
        if (spell == 0) spell = 1; /* so that two distributions of zeros come to an end */
        l->outage_at = spell < NP_NEVER - l->outage_at ? l->outage_at + spell : NP_NEVER;
    }
    return l->outage_flips % 2 == 0;
}

np_time np_link_next_change(const np_link *l)
{
    return l->outage_at;
}

/* ---- the link ---- */

void np_link_init(np_link *l, const np_link_config *c, np_key key, uint32_t entity)
{
    *l = (np_link){.entity = entity, .last_sent = -1, .outage_at = NP_NEVER};
    if (c->outages) outage_start(l, c, key);
}

bool np_link_is_fifo(const np_link_config *c)
{
    return c->jitter.kind == NP_DIST_CONSTANT && c->jitter.a <= 0 && c->rate <= 0;
}

/* What is drawn for the packet that is sent over the link `entity` as the one after `ordinal` others of this
   nanosecond: its fate, and its jitter. */
static np_random_pair own_draws(np_key key, uint32_t entity, np_time now, uint32_t ordinal)
{
    return np_random_two(key, entity, PURPOSE_PACKET, (uint64_t)now + ordinal * GOLDEN_64);
}

bool np_link_loses(const np_link_config *c, np_key key, uint32_t entity, np_time now, uint32_t ordinal)
{
    assert(c->loss_kind == NP_LOSS_INDEPENDENT);
    return np_unit(own_draws(key, entity, now, ordinal).a) < c->loss;
}

/* `bits` are this packet's own. */
static bool is_lost(np_link *l, const np_link_config *c, np_key key, np_time now, uint64_t bits)
{
    switch (c->loss_kind) {
    case NP_LOSS_NONE: return false;
    case NP_LOSS_INDEPENDENT: return np_unit(bits) < c->loss;
    case NP_LOSS_GILBERT:
        if (now >= l->known_until) gilbert_look(l, c, key, now);
        return l->bad;
    case NP_LOSS_MASK: return l->sent <= 64 && (c->mask >> (l->sent - 1) & 1);
    }
    assert(false && "a kind of loss that does not exist");
    return true;
}

/* The packet queues for the rate: the moment its last bit leaves, or NP_LOST when it does not fit. A packet
   that finds the link free always does. Fractions of nanoseconds are kept, so that a long burst leaves on
   time. */
static np_time transmit(np_link *l, const np_link_config *c, np_time now, uint32_t bytes)
{
    double ns_per_byte = 8e9 / c->rate, takes = bytes * ns_per_byte;
    double room = (c->queue > 0 ? c->queue : DEFAULT_QUEUE) * ns_per_byte;

    if (l->free_at > now) {
        double backlog = (double)(l->free_at - now) + (double)l->free_fraction;
        if (backlog + takes > fmin(room, MAX_BACKLOG) + ROUNDING_GRACE) return NP_LOST;
        takes += (double)l->free_fraction;
    } else {
        if (takes > MAX_BACKLOG) return NP_LOST;
        l->free_at = now;
    }
    double whole = floor(takes);
    l->free_at += (np_time)whole;
    l->free_fraction = (float)(takes - whole);
    return l->free_at + (l->free_fraction >= 0.5f);
}

np_time np_link_send(np_link *l, const np_link_config *c, np_key key, np_time now, uint32_t bytes)
{
    assert(now >= 0 && now >= l->last_sent);
    l->ordinal = now == l->last_sent ? l->ordinal + 1 : 0;
    l->last_sent = now;
    if (l->sent < UINT32_MAX) ++l->sent;

    np_random_pair own = {0, 0};
    if (c->loss_kind == NP_LOSS_INDEPENDENT || c->jitter.kind != NP_DIST_CONSTANT) {
        own = own_draws(key, l->entity, now, l->ordinal);
    }
    if (!np_link_up(l, c, key, now) || is_lost(l, c, key, now, own.a)) return NP_LOST;

    np_time leaves = c->rate > 0 ? transmit(l, c, now, bytes) : now;
    if (leaves == NP_LOST) return NP_LOST;

    np_time arrival = leaves + c->delay + np_dist_time(&c->jitter, own.b);
    if (arrival < l->last_arrival) arrival = l->last_arrival;
    l->last_arrival = arrival;
    return arrival;
}
