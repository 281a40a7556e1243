/*
 * An implicit heap in which every node has four children. Ties by a count of pushes, so 24 bytes an event.
 * One pass down a heap of a million events is ten levels, each a cache miss once the heap outgrows the
 * caches.
 */
#include "events_kind.h"
#include <assert.h>
#include <stdlib.h>

#define CHILDREN 4

typedef struct node {
    np_time time;
    uint64_t order, what;
} node;

typedef struct queue {
    node *node;
    size_t n, size;
    uint64_t pushed;
    np_time now;
} queue;

static void *create(void)
{
    return calloc(1, sizeof(queue));
}

static void destroy(void *of)
{
    queue *q = of;
    if (!q) return;
    free(q->node);
    free(q);
}

static inline bool before(const node *a, const node *b)
{
    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static bool push(void *of, np_time time, uint64_t what)
{
    queue *q = of;
    assert(time >= q->now);
    if (q->n == q->size) {
        size_t size = q->size ? 2 * q->size : 64;
        node *grown = realloc(q->node, size * sizeof *grown);
        if (!grown) return false;
        q->node = grown;
        q->size = size;
    }
    const node e = {time, q->pushed++, what};
    size_t i = q->n++;
    while (i && before(&e, &q->node[(i - 1) / CHILDREN])) {
        q->node[i] = q->node[(i - 1) / CHILDREN];
        i = (i - 1) / CHILDREN;
    }
    q->node[i] = e;
    return true;
}

static bool pop(void *of, np_event *out)
{
    queue *q = of;
    if (!q->n) return false;
    *out = (np_event){q->node[0].time, q->node[0].what};
    q->now = out->time;
    const node e = q->node[--q->n];
    size_t i = 0;
    for (size_t child = 1; child < q->n; child = CHILDREN * i + 1) {
        size_t end = child + CHILDREN < q->n ? child + CHILDREN : q->n, least = child;
        for (size_t c = child + 1; c < end; c++)
            if (before(&q->node[c], &q->node[least])) least = c;
        if (before(&e, &q->node[least])) break;
        q->node[i] = q->node[least];
        i = least;
    }
    if (q->n) q->node[i] = e;
    return true;
}

static np_time peek(void *of)
{
    queue *q = of;
    return q->n ? q->node[0].time : NP_NEVER;
}

const np_events_kind np_events_heap = {"heap4", create, destroy, push, pop, peek};
