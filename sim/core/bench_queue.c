/*
 * The hold model. Delays are drawn beforehand and gone through in a ring, so that what is timed is the queue:
 * a ring of this length is read in sequence, costs about a nanosecond a hold and little of the cache.
 */
#include "natpulse/bench_queue.h"
#include "events_kind.h"
#include "natpulse/dist.h"
#include "natpulse/random.h"
#include <stdlib.h>

#define RING 16384 /* a power of two */

#define PACKET_MEAN   (50 * NP_MILLISECOND)
#define TIMEOUT_LEAST (54 * NP_SECOND)
#define TIMEOUT_MOST  (66 * NP_SECOND)
#define TIMEOUT_SHARE 0.1

struct np_bench_queue {
    const np_events_kind *kind;
    void *queue;
    size_t at;
    np_time delay[RING];
};

const char *np_bench_delays_name(np_bench_delays d)
{
    static const char *const name[NP_BENCH_DELAYS_COUNT] = {"exponential", "bimodal"};
    return name[d];
}

const char *np_bench_queue_kind(uint32_t i)
{
    uint32_t n = 0;
    while (n < i && np_events_kinds[n]) n++;
    return np_events_kinds[n] ? np_events_kinds[n]->name : NULL;
}

static const np_dist packet = {.kind = NP_DIST_EXPONENTIAL, .a = (double)PACKET_MEAN};
static const np_dist timeout = {
    .kind = NP_DIST_UNIFORM, .a = (double)TIMEOUT_LEAST, .b = (double)TIMEOUT_MOST};

static np_time draw_delay(np_stream *s, np_bench_delays delays)
{
    bool is_timeout = delays == NP_BENCH_BIMODAL && np_unit(np_stream_next(s)) < TIMEOUT_SHARE;
    return np_dist_time(is_timeout ? &timeout : &packet, np_stream_next(s));
}

/* What is left of a delay in the steady state: of a pending event's delay D (long ones are met in proportion
   to their length) a uniform share; an exponential is its own remainder. */
static np_time draw_remainder(np_stream *s, np_bench_delays delays)
{
    double timeouts = TIMEOUT_SHARE * (double)(TIMEOUT_LEAST + TIMEOUT_MOST) / 2;
    double packets = (1 - TIMEOUT_SHARE) * (double)PACKET_MEAN;
    if (delays != NP_BENCH_BIMODAL || np_unit(np_stream_next(s)) * (timeouts + packets) < packets)
        return np_dist_time(&packet, np_stream_next(s));
    double whole = np_dist_sample(&timeout, np_stream_next(s));
    return (np_time)(whole * np_unit(np_stream_next(s)));
}

np_bench_queue *np_bench_queue_create(uint32_t kind, size_t pending, np_bench_delays delays)
{
    np_bench_queue *b = malloc(sizeof *b);
    if (!b) return NULL;
    *b = (np_bench_queue){.kind = np_events_kinds[kind]};
    b->queue = b->kind->create();
    np_stream s = np_stream_make(np_key_make(1, 0), 0, NP_PURPOSE(1, 1));
    for (size_t i = 0; i < RING; i++) b->delay[i] = draw_delay(&s, delays);
    bool ok = b->queue;
    for (size_t i = 0; ok && i < pending; i++) ok = b->kind->push(b->queue, draw_remainder(&s, delays), i);
    if (ok) return b;
    np_bench_queue_destroy(b);
    return NULL;
}

void np_bench_queue_destroy(np_bench_queue *b)
{
    if (!b) return;
    if (b->queue) b->kind->destroy(b->queue);
    free(b);
}

bool np_bench_queue_hold(np_bench_queue *b, uint64_t holds, uint64_t *sum)
{
    const np_events_kind *kind = b->kind;
    uint64_t order = 0;
    np_event e;
    for (uint64_t i = 0; i < holds && kind->pop(b->queue, &e); i++) {
        order = order * 31 + e.what;
        b->at = (b->at + 1) % RING;
        if (!kind->push(b->queue, e.time + b->delay[b->at], e.what)) return false;
    }
    if (sum) *sum = order;
    return true;
}
