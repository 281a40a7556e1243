/*
 * Chunked pools: items that are named by number and never move, so that a pointer taken before a callback
 * still holds after it. Freed numbers queue up and are reused oldest first: a stale number (in a mapping, in
 * a packet under way) stays recognisably stale for as long as possible.
 *
 * An item's first word links the free ones. Memory is only given back at the end.
 */
#include "natpulse/memory.h"
#include "state.h"
#include <assert.h>
#include <stdlib.h>

/* Items a chunk, powers of two. So many at most make whole huge pages of items of any 16 bytes. */
#define LEAST_SHIFT 8
#define MOST_SHIFT  17

void np_pool_init(struct pool *p, size_t item, uint32_t expected)
{
    *p = (struct pool){.item = item, .shift = LEAST_SHIFT, .free_head = NONE, .free_tail = NONE};
    while (p->shift < MOST_SHIFT && expected >> p->shift > 3) p->shift++;
}

void np_pool_release(struct pool *p)
{
    for (uint32_t i = 0; i < p->chunks; i++) free(p->chunk[i]);
    free(p->chunk);
    *p = (struct pool){0};
}

uint32_t np_pool_take(struct pool *p)
{
    if (p->free_head != NONE) {
        uint32_t i = p->free_head;
        uint32_t *item = np_pool_at(p, i);
        p->free_head = *item;
        if (p->free_head == NONE) p->free_tail = NONE;
        memset(item, 0, p->item);
        return i;
    }
    return np_pool_reach(p, p->used) ? p->used++ : NONE;
}

bool np_pool_reach(struct pool *p, uint32_t i)
{
    while (!np_pool_has(p, i)) {
        char **grown = realloc(p->chunk, (p->chunks + 1) * sizeof *grown);
        if (!grown) return false;
        p->chunk = grown;
        if (!(grown[p->chunks] = np_memory_zeroed(p->item << p->shift))) return false;
        p->chunks++;
    }
    return true;
}

void np_pool_give(struct pool *p, uint32_t i)
{
    assert(i < p->used);
    uint32_t *item = np_pool_at(p, i);
    *item = NONE;
    if (p->free_tail == NONE)
        p->free_head = i;
    else
        *(uint32_t *)np_pool_at(p, p->free_tail) = i;
    p->free_tail = i;
}

void np_pool_give_back(struct pool *p, uint32_t i)
{
    assert(i < p->used);
    *(uint32_t *)np_pool_at(p, i) = p->free_head;
    if (p->free_head == NONE) p->free_tail = i;
    p->free_head = i;
}
