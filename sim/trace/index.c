/* The growing half of the index. See index.h. */
#include "index.h"
#include "natpulse/memory.h"
#include <stdlib.h>

#define FIRST_BITS 12
#define NEXT_BITS  18 /* a huge page of slots: fewer would miss the table of pages as often as the cache */
#define MOST_BITS  31

static bool make(np_index *x, uint32_t bits, uint32_t used)
{
    *x = (np_index){.used = used, .mask = (uint32_t)((1ull << bits) - 1), .shift = (uint8_t)(32 - bits)};
    x->slot = np_memory_zeroed(((size_t)x->mask + 1) * sizeof *x->slot);
    return x->slot != NULL;
}

bool np_index_init(np_index *x)
{
    return make(x, FIRST_BITS, 0);
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
    uint32_t bits = 32u - x->shift;
    np_index wider;
    if (bits >= MOST_BITS || !make(&wider, bits < NEXT_BITS ? NEXT_BITS : bits + 1, x->used)) return false;
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
