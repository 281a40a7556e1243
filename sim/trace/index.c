/* The growing half of the index. See index.h. */
#include "index.h"
#include "natpulse/memory.h"
#include <stdlib.h>

#define FIRST_BITS 18 /* a huge page of slots: smaller ones would miss the table of pages as often as the cache */
#define MOST_BITS  31

bool np_index_init(np_index *x)
{
    *x = (np_index){.mask = (1u << FIRST_BITS) - 1, .shift = 32 - FIRST_BITS};
    x->slot = np_memory_zeroed(((size_t)x->mask + 1) * sizeof *x->slot);
    return x->slot != NULL;
}

void np_index_free(np_index *x)
{
    free(x->slot);
    *x = (np_index){0};
}

static void place(np_index *x, uint64_t s)
{
    uint32_t at = (uint32_t)(s >> 32) >> x->shift;
    while (x->slot[at]) at = (at + 1) & x->mask;
    x->slot[at] = s;
}

static bool grow(np_index *x)
{
    if (x->shift <= 32 - MOST_BITS) return false;
    np_index wider = {.used = x->used, .mask = x->mask * 2 + 1, .shift = (uint8_t)(x->shift - 1)};
    wider.slot = np_memory_zeroed(((size_t)wider.mask + 1) * sizeof *wider.slot);
    if (!wider.slot) return false;
    for (size_t i = 0; i <= x->mask; i++)
        if (x->slot[i]) place(&wider, x->slot[i]);
    free(x->slot);
    *x = wider;
    return true;
}

bool np_index_add(np_index *x, uint64_t hash, uint32_t i)
{
    if (x->used > x->mask / 2 && !grow(x)) return false;
    place(x, (hash >> 32 << 32) | (i + 1u));
    x->used++;
    return true;
}
