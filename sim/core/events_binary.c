/*
 * The textbook radix heap: a bucket for each bit, that holds the events whose time differs from the last
 * one popped in that bit and no higher; bucket 0 holds those of the same time. When bucket 0 is empty, the
 * lowest bucket is redistributed around its least time.
 *
 * Stable, and its cost does not depend on what is pending; but an event may move once for every bit of its
 * delay, where digits of six bits and a sorted front need two or three moves (events.c).
 */
#include "events_kind.h"
#include <assert.h>
#include <stdlib.h>

#define BUCKETS 64

typedef struct bucket {
    np_event *event;
    size_t at, end, size;
    np_time least;
} bucket;

typedef struct queue {
    np_time last;
    uint64_t filled; /* bit b: bucket b has events */
    bucket bucket[BUCKETS];
} queue;

static void *create(void)
{
    return calloc(1, sizeof(queue));
}

static void destroy(void *of)
{
    queue *q = of;
    if (!q) return;
    for (unsigned i = 0; i < BUCKETS; i++) free(q->bucket[i].event);
    free(q);
}

static bool put(queue *q, np_event e)
{
    uint64_t differs = (uint64_t)(e.time ^ q->last);
    unsigned i = differs ? 64u - (unsigned)__builtin_clzll(differs) : 0;
    bucket *b = &q->bucket[i];
    if (b->end == b->size) {
        size_t size = b->size ? 2 * b->size : 16;
        np_event *event = realloc(b->event, size * sizeof *event);
        if (!event) return false;
        b->event = event;
        b->size = size;
    }
    if (!(q->filled >> i & 1) || e.time < b->least) b->least = e.time;
    b->event[b->end++] = e;
    q->filled |= (uint64_t)1 << i;
    return true;
}

static bool push(void *of, np_time time, uint64_t what)
{
    queue *q = of;
    assert(time >= q->last);
    return put(q, (np_event){time, what});
}

/* Around the least time of the lowest bucket, so that bucket 0 has events. */
static bool redistribute(queue *q)
{
    unsigned i = (unsigned)__builtin_ctzll(q->filled);
    bucket *b = &q->bucket[i];
    size_t done = 0;
    q->last = b->least;
    while (done < b->end && put(q, b->event[done])) done++;
    assert(done == b->end); /* a measuring queue: running out of memory here is not provided for */
    q->filled &= ~((uint64_t)1 << i);
    b->at = b->end = 0;
    return true;
}

static bool pop(void *of, np_event *out)
{
    queue *q = of;
    if (!q->filled) return false;
    if (!(q->filled & 1)) redistribute(q);
    bucket *b = &q->bucket[0];
    *out = b->event[b->at++];
    if (b->at == b->end) {
        b->at = b->end = 0;
        q->filled &= ~(uint64_t)1;
    }
    return true;
}

static np_time peek(void *of)
{
    queue *q = of;
    return q->filled ? q->bucket[__builtin_ctzll(q->filled)].least : NP_NEVER;
}

const np_events_kind np_events_binary = {"binary-radix", create, destroy, push, pop, peek};
