/* The growing half of the index, and the hash. See index.h. */
#include "index.h"
#include <stdlib.h>

#define FIRST_BITS 12
#define MOST_BITS  31

bool np_index_init(np_index *x)
{
    *x = (np_index){.mask = (1u << FIRST_BITS) - 1, .shift = 32 - FIRST_BITS};
    x->slot = calloc((size_t)x->mask + 1, sizeof *x->slot);
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
    wider.slot = calloc((size_t)wider.mask + 1, sizeof *wider.slot);
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

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiplying to 128 bits and folding the halves, the addresses first, then all with the ports. The constants
   are the first bits of the fractions of the square roots of 2, 3, 5 and 7. */
uint64_t np_index_hash(const np_tuple *t)
{
    uint64_t ends =
        t->local_port | (uint64_t)t->remote_port << 16 | (uint64_t)t->proto << 32 | (uint64_t)t->family << 40;
    uint64_t addresses = t->local.half[0] ^ (t->remote.half[0] << 32 | t->remote.half[0] >> 32);
    if (t->family == 6)
        addresses = fold(addresses ^ 0x3c6ef372fe94f82bu,
                         t->local.half[1] * 3 ^ t->remote.half[1] ^ 0xa54ff53a5f1d36f1u);
    return fold(fold(addresses ^ 0x6a09e667f3bcc909u, ends ^ 0xbb67ae8584caa73bu) ^ 0x3c6ef372fe94f82bu,
                0xa54ff53a5f1d36f1u);
}
