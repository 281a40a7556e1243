/*
 * The table-size curve (natpulse/curve.h): one reading, all capacities C and timeouts T.
 *
 * Why one stack serves all of them. The table of (C, T) evicts the longest idle mapping when it is full,
 * times one out when it has been idle for T, and every packet of a flow renews its mapping, or makes it again
 * when it was lost (np_replay_run's "reopen"). So whatever C and T are, after a packet its flow is the most
 * recent, and the order of recency of all flows is that of their latest packets.
 *
 * Without timeouts and closing: the table holds the C most recent flows. By induction over packets: a flow
 * that is there moves to the front; one that is not comes to the front and the last goes. So a flow is found
 * if and only if its stack distance (flows touched since, itself included) is at most C.
 *
 * With timeouts, one T for all: the flows that time out are always the least recent, so those alive are a
 * beginning of the order. Claim: the table holds those of the C most recent that are alive. When mappings
 * time out they are the last ones the table has; none that was evicted is more recent. When a flow comes that
 * is not there, the table evicts only if it holds C, which are then the C most recent. So a flow is found if
 * and only if its distance is at most C and its gap is less than T: the distance does not depend on T, nor
 * the gap on C.
 *
 * With flows that leave (NP_CLOSED_LEAVE): each table that held the flow has a free place, anywhere in the
 * order. A stack with holes does for all C what each table does: position i of the stack is what the table of
 * i places holds beyond that of i - 1, a flow or nothing. A touch from distance d with the topmost hole at h:
 * tables smaller than h are full and shift by one, as before; those from h on have a free place and evict
 * nothing; those from d on (if h < d) had the flow already, and keep as many free places: the hole is now at
 * d. Timeouts change nothing in the part of the stack that is alive: all that is at and below the first flow
 * that timed out is free for (C, T), whether the stack without timeouts calls it a hole or not, and a touch
 * from there looks, above, like that of a new flow: h vanishes from the living part either way.
 *
 * What is counted: a packet of a flow that had a mapping before, that is no SYN and comes before the flow's
 * end, as in a replay. For each only (gap between which timeouts, distance) is noted; for each flow the
 * largest of both, since a flow is hurt if any of its packets is. Two histograms then answer for every C and
 * T.
 *
 * A sample takes flows by their hash, and distances are scaled up by the share (Waldspurger et al., "SHARDS",
 * FAST 2015). Its interval takes it that all flows have the same neighbours, which is the worst case: where
 * they come and go it is about 1.4 times as wide as need be, and more where the sample holds fewer than
 * twenty of a table's places.
 *
 * Memory: 128 bytes a flow, its index, the stack, and 12 bytes a timeout for each capacity at which something
 * changes. Cost a packet: a lookup in the flow records and a touch of the stack.
 */
#include "natpulse/curve.h"
#include "feed.h"
#include "stack.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Batches between two reports of how far the reading is. */
#define BATCHES_A_REPORT 2048

/* A 95 % interval of a normal variable: half of it in standard deviations, and what is left out at an end. */
#define TWO_SIGMA 1.96
#define ONE_TAIL  0.025

/* How many had a gap between two timeouts and this distance, by distance. Summed up in the end. */
typedef struct histogram {
    uint64_t *packets;
    uint32_t *flows;
    uint32_t room; /* distances 0 .. room - 1 */
} histogram;

/* What is kept of a flow, in its record. */
typedef struct track {
    np_time last; /* the box's clock at its latest packet */
    uint32_t slot;
    uint32_t furthest; /* the largest distance counted */
    uint8_t gap;       /* the largest gap counted: how many timeouts are not larger */
    bool counted;      /* any packet was */
    bool left;         /* the table */
} track;

struct np_curve {
    np_curve_counts counts;
    np_time timeout[NP_CURVE_TIMEOUTS];
    histogram by_gap[NP_CURVE_TIMEOUTS]; /* longer than so many timeouts; lost in all tables: in none */
    uint64_t packets_counted, flows_counted;
    uint32_t furthest;
};

typedef struct run {
    np_curve *curve;
    const np_curve_config *config;
    np_flows flows;
    np_feed feed;
    np_stack stack;
} run;

static uint32_t *slot_of(void *flows, uint32_t flow)
{
    track *t = np_flow_own(np_flows_at(flows, flow));
    return &t->slot;
}

/* ---- one packet ---- */

static bool widen(histogram *h, uint32_t distance)
{
    uint32_t room = h->room ? h->room : 1024;
    while (room <= distance) room *= 2;
    uint64_t *packets = realloc(h->packets, room * sizeof *packets);
    if (packets) h->packets = packets;
    uint32_t *flows = realloc(h->flows, room * sizeof *flows);
    if (flows) h->flows = flows;
    if (!packets || !flows) return false;
    memset(packets + h->room, 0, (room - h->room) * sizeof *packets);
    memset(flows + h->room, 0, (room - h->room) * sizeof *flows);
    h->room = room;
    return true;
}

static uint8_t gap_of(const np_curve_config *config, np_time idle)
{
    uint8_t gap = 0;
    while (gap < config->timeouts && idle >= config->timeout[gap]) gap++;
    return gap;
}

static bool count(run *r, track *t, uint32_t distance, np_time idle)
{
    np_curve *c = r->curve;
    uint8_t gap = gap_of(r->config, idle);
    c->packets_counted++;
    t->counted = true;
    if (gap > t->gap) t->gap = gap;
    if (distance > t->furthest) t->furthest = distance;
    if (gap == r->config->timeouts) return true;
    histogram *h = &c->by_gap[gap];
    if (distance >= h->room && !widen(h, distance)) return false;
    h->packets[distance]++;
    return true;
}

/* After its flow has left, a packet makes a mapping only by the rule on unknown packets, in every table or in
   none. */
static bool stays_out(const run *r, const np_packet *p, bool outbound)
{
    return !(outbound && r->config->unknown_outbound == NP_UNKNOWN_ADOPT && !(p->flags & NP_RST));
}

static bool touch(run *r, const np_fed *x)
{
    const np_packet *p = &x->captured.packet;
    bool outbound = x->way == NP_WAY_OUT, opening = np_packet_opens(p);
    np_flow *f = np_flows_at(&r->flows, x->flow);
    track *t = np_flow_own(f);
    if (f->packets++ == 0) t->slot = NP_STACK_NOWHERE;
    if (opening) f->marks = 0;
    if (t->left && !opening && stays_out(r, p, outbound)) {
        np_flow_note_ending(f, p, outbound);
        return true;
    }
    bool counts = t->slot != NP_STACK_NOWHERE && !opening && !np_flow_ended(f);
    uint32_t distance;
    if (!np_stack_touch(&r->stack, x->flow, &t->slot, &distance)) return false;
    if (counts && !count(r, t, distance, x->now - t->last)) return false;
    t->last = x->now;
    t->left = false;
    np_flow_note_ending(f, p, outbound);
    if (r->config->closed == NP_CLOSED_LEAVE && np_flow_leaves(f, p)) {
        t->left = true;
        return np_stack_leave(&r->stack, &t->slot);
    }
    return true;
}

/* ---- the reading ---- */

static void prefetch_batch(run *r, int n)
{
    for (int i = 0; i < n; i++) {
        const np_fed *x = &r->feed.fed[i];
        if (x->flow != NP_INDEX_NONE) np_stack_prefetch(&r->stack, *slot_of(&r->flows, x->flow));
    }
}

static void report(const run *r, const np_capture *c)
{
    uint64_t done, all;
    np_capture_progress(c, &done, &all);
    r->config->reading(r->config->reading_ctx, done, all);
}

static bool read_all(run *r, np_capture *c, const volatile int *stop, np_error *e)
{
    bool more = true;
    for (uint32_t batches = 0; more && !(stop && *stop); batches++) {
        int n = np_feed_next(&r->feed, &more, e);
        if (n < 0) return stop && *stop; /* a signal also makes a pending read fail */
        if (!np_feed_flows(&r->feed, e)) return false;
        prefetch_batch(r, n);
        for (int i = 0; i < n; i++) {
            const np_fed *x = &r->feed.fed[i];
            if (x->flow != NP_INDEX_NONE && !touch(r, x)) return np_fail_memory(e, "the stack of flows");
        }
        if (r->config->reading && batches % BATCHES_A_REPORT == 0) report(r, c);
    }
    return true;
}

static bool sum_flows(run *r, np_error *e)
{
    np_curve *c = r->curve;
    for (uint32_t n = 0; n < r->flows.n; n++) {
        const track *t = np_flow_own(np_flows_at(&r->flows, n));
        if (!t->counted) continue;
        c->flows_counted++;
        if (t->furthest > c->furthest) c->furthest = t->furthest;
        if (t->gap == r->config->timeouts) continue;
        histogram *h = &c->by_gap[t->gap];
        if (t->furthest >= h->room && !widen(h, t->furthest)) return np_fail_memory(e, "the curve");
        h->flows[t->furthest]++;
    }
    for (uint32_t k = 0; k < r->config->timeouts; k++) {
        histogram *h = &c->by_gap[k];
        for (uint32_t d = 1; d < h->room; d++) {
            h->packets[d] += h->packets[d - 1];
            h->flows[d] += h->flows[d - 1];
        }
    }
    return true;
}

/* The share of hashes below the limit that the feed wants. */
static uint64_t sample_limit(double sample)
{
    return sample >= 1 ? UINT64_MAX : (uint64_t)(sample * 0x1p64);
}

/* Odd, and nothing alike for seeds that follow each other. */
static uint64_t sample_key(uint64_t seed)
{
    return np_index_fold(seed ^ 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu) | 1;
}

np_curve *np_curve_run(np_capture *capture, const np_curve_config *config, const volatile int *stop,
                       np_error *e)
{
    assert(config->timeouts >= 1 && config->timeouts <= NP_CURVE_TIMEOUTS && config->sample > 0);
    np_sides sides;
    np_curve *c = calloc(1, sizeof *c);
    run r = {.curve = c, .config = config};
    bool ok = c || np_fail_memory(e, "the curve");
    ok = ok && np_sides_init(&sides, config->inside, config->insides, e) &&
         np_flows_init(&r.flows, sizeof(track), e);
    if (ok && !np_stack_init(&r.stack, 0, slot_of, &r.flows)) ok = np_fail_memory(e, "the stack of flows");
    if (ok) {
        np_feed_init(&r.feed, capture, &sides, &r.flows);
        r.feed.sample_below = sample_limit(config->sample);
        r.feed.sample_key = sample_key(config->seed);
        ok = read_all(&r, capture, stop, e) && sum_flows(&r, e);
    }
    if (ok) {
        memcpy(c->timeout, config->timeout, config->timeouts * sizeof *c->timeout);
        double scale = config->sample < 1 ? config->sample : 1;
        c->counts =
            (np_curve_counts){.outbound = r.feed.outbound,
                              .inbound = r.feed.inbound,
                              .local = r.feed.local,
                              .elsewhere = r.feed.elsewhere,
                              .flows = (uint64_t)llround(r.flows.n / scale),
                              .sampled = r.flows.n,
                              .timeouts = config->timeouts,
                              .sample = scale,
                              .capacity = c->furthest ? 1 + (uint64_t)ceil((c->furthest - 1) / scale) : 1,
                              .first = r.feed.first,
                              .last = r.feed.last,
                              .stopped = stop && *stop};
    }
    np_stack_free(&r.stack);
    np_flows_free(&r.flows);
    if (ok) return c;
    np_curve_destroy(c);
    return NULL;
}

void np_curve_destroy(np_curve *c)
{
    if (!c) return;
    for (uint32_t k = 0; k < NP_CURVE_TIMEOUTS; k++) {
        free(c->by_gap[k].packets);
        free(c->by_gap[k].flows);
    }
    free(c);
}

/* ---- what it says ---- */

np_curve_counts np_curve_count(const np_curve *c)
{
    return c->counts;
}

np_time np_curve_timeout(const np_curve *c, uint32_t timeout)
{
    assert(timeout < c->counts.timeouts);
    return c->timeout[timeout];
}

/* How many of those looked at were found at a distance above `most`, or not at all, with that timeout. */
static void beyond(const np_curve *c, double most, uint32_t timeout, uint64_t *flows, uint64_t *packets)
{
    *flows = c->flows_counted;
    *packets = c->packets_counted;
    for (uint32_t k = 0; k <= timeout; k++) {
        const histogram *h = &c->by_gap[k];
        if (h->room == 0) continue;
        uint32_t d = most >= h->room - 1 ? h->room - 1 : (uint32_t)most;
        *flows -= h->flows[d];
        *packets -= h->packets[d];
    }
}

static double share_beyond(const np_curve *c, double most, uint32_t timeout)
{
    uint64_t flows, packets;
    beyond(c, most, timeout, &flows, &packets);
    return (double)flows / (double)c->counts.sampled;
}

/* ---- the error of a sample ---- */

#define EXACT_MOST 100 /* up to this mean a binomial's quantiles are added up, beyond it is nearly normal */

/* The least k that a binomial variable of n trials does not exceed with probability `p` or more, for a
   probability of success up to 1/2. */
static double quantile_of_few(double n, double success, double p)
{
    double mean = n * success, spread = sqrt(mean * (1 - success));
    if (mean > EXACT_MOST) return fmax(0, ceil(mean + (p > 0.5 ? TWO_SIGMA : -TWO_SIGMA) * spread - 0.5));
    double one = exp(n * log1p(-success)), all = one, odds = success / (1 - success), k = 0;
    for (; all < p && k < n; all += one) {
        one *= (n - k) / (k + 1) * odds;
        k++;
    }
    return k;
}

/* Both ends of the 95 % that lie in the middle, of how many of n are in a sample. */
static double least_in_sample(double n, double sample)
{
    return sample <= 0.5 ? quantile_of_few(n, sample, ONE_TAIL)
                         : n - quantile_of_few(n, 1 - sample, 1 - ONE_TAIL);
}

static double most_in_sample(double n, double sample)
{
    return sample <= 0.5 ? quantile_of_few(n, sample, 1 - ONE_TAIL)
                         : n - quantile_of_few(n, 1 - sample, ONE_TAIL);
}

/* How far the share among all may lie from the share s among n of them, up (direction 1) or down (-1):
   Wilson's interval (JASA 22, 1927), which is honest where hardly anybody or nearly everybody is hurt. */
static double whom(double s, double n, int direction)
{
    const double z2 = TWO_SIGMA * TWO_SIGMA;
    double middle = (s + z2 / (2 * n)) / (1 + z2 / n),
           half = TWO_SIGMA * sqrt(s * (1 - s) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    return fmax(0, half + direction * (middle - s)); /* 0 but for rounding, at either end */
}

/* Two independent errors: their squares add up. But where the curve bends, nearly the whole of one may be
   used up before the other comes; and where the sample holds nobody between (blind), the one is a bias and no
   error. Three quarters and the whole are what 1000 samples of each of five kinds of traffic ask for. */
static double together(double axis, double whom, bool blind)
{
    return fmax(hypot(axis, whom), axis + (blind ? whom : 0.75 * whom));
}

/*
 * A sample errs twice. In whom it asks: n flows, as many as would leave the same variance if they were drawn
 * from endless flows. And in where on the axis of capacities it is: of the C flows between which a table of C
 * places decides, the sample has a binomial number; the packets of one flow share these neighbours, and so,
 * at worst, do all flows, so that this error does not average out.
 */
static void add_interval(const np_curve *c, double capacity, uint32_t timeout, np_curve_point *p)
{
    double sample = c->counts.sample, n = (double)c->counts.sampled / (1 - sample), s = p->share;
    double fewest = least_in_sample(capacity, sample), most = most_in_sample(capacity - 1, sample);
    double low = fmin(s, share_beyond(c, 1 + most, timeout)),
           high = fmax(s, share_beyond(c, fewest, timeout));
    double below = fmax(whom(s, n, -1), whom(low, n, -1)), above = fmax(whom(s, n, 1), whom(high, n, 1));
    p->low = fmax(0, s - together(s - low, below, fewest == 0));
    p->high = fmin(1, s + together(high - s, above, fewest == 0));
}

np_curve_point np_curve_at(const np_curve *c, uint64_t capacity, uint32_t timeout)
{
    assert(capacity >= 1 && timeout < c->counts.timeouts);
    np_curve_point p = {0};
    if (c->counts.sampled == 0) {
        p.high = c->counts.sample < 1; /* a sample of none tells nothing */
        return p;
    }
    beyond(c, 1 + ((double)capacity - 1) * c->counts.sample, timeout, &p.flows_hurt, &p.packets_hurt);
    p.share = p.low = p.high = (double)p.flows_hurt / (double)c->counts.sampled;
    if (c->counts.sample < 1) {
        add_interval(c, (double)capacity, timeout, &p);
        p.flows_hurt = (uint64_t)llround((double)p.flows_hurt / c->counts.sample);
        p.packets_hurt = (uint64_t)llround((double)p.packets_hurt / c->counts.sample);
    }
    return p;
}
