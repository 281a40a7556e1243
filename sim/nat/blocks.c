/* Port blocks. See blocks.h. A block is in its address's queue of free ones, or in its host's list. */
#include "blocks.h"
#include "natpulse/memory.h"
#include <assert.h>
#include <stdlib.h>

typedef struct block {
    np_time free_from;
    uint32_t next, used;
} block;

typedef struct queue {
    uint32_t head, tail;
} queue;

struct np_blocks {
    block *block;
    queue *free; /* an address */
    uint32_t addresses, each, size;
    uint16_t low;
};

static void append(np_blocks *b, uint32_t i)
{
    queue *q = &b->free[i / b->each];
    b->block[i].next = NP_BLOCK_NONE;
    if (q->head == NP_BLOCK_NONE)
        q->head = i;
    else
        b->block[q->tail].next = i;
    q->tail = i;
}

np_blocks *np_blocks_create(uint32_t addresses, uint32_t each, uint16_t low, uint32_t size)
{
    np_blocks *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    *b = (np_blocks){.addresses = addresses, .each = each, .size = size, .low = low};
    b->block = np_memory_zeroed((size_t)addresses * each * sizeof *b->block);
    b->free = np_memory_zeroed(addresses * sizeof *b->free);
    if (b->block == NULL || b->free == NULL) {
        np_blocks_destroy(b);
        return NULL;
    }
    for (uint32_t a = 0; a < addresses; a++) b->free[a].head = NP_BLOCK_NONE;
    for (uint32_t i = 0; i < addresses * each; i++) {
        b->block[i].free_from = INT64_MIN;
        append(b, i);
    }
    return b;
}

void np_blocks_destroy(np_blocks *b)
{
    if (b == NULL) return;
    free(b->block);
    free(b->free);
    free(b);
}

size_t np_blocks_bytes(const np_blocks *b)
{
    if (b == NULL) return 0;
    return sizeof *b + (size_t)b->addresses * b->each * sizeof *b->block + b->addresses * sizeof *b->free;
}

uint32_t np_blocks_next(const np_blocks *b, const np_host *h, uint32_t i)
{
    return i == NP_BLOCK_NONE ? h->first_block : b->block[i].next;
}

uint32_t np_blocks_take(np_blocks *b, np_host *h, uint32_t address, np_time now)
{
    queue *q = &b->free[address];
    uint32_t i = q->head;
    if (i == NP_BLOCK_NONE || b->block[i].free_from > now) return NP_BLOCK_NONE;
    q->head = b->block[i].next;
    b->block[i] = (block){.next = h->first_block};
    h->first_block = i;
    h->blocks++;
    return i;
}

uint16_t np_blocks_first_port(const np_blocks *b, uint32_t i)
{
    return (uint16_t)(b->low + i % b->each * b->size);
}

uint32_t np_blocks_address(const np_blocks *b, uint32_t i)
{
    return i / b->each;
}

uint32_t np_blocks_at(const np_blocks *b, uint32_t address, uint16_t port)
{
    return address * b->each + (uint32_t)(port - b->low) / b->size;
}

void np_blocks_use(np_blocks *b, uint32_t i)
{
    b->block[i].used++;
}

void np_blocks_leave(np_blocks *b, np_host *h, uint32_t i, np_time free_from)
{
    assert(b->block[i].used > 0);
    if (--b->block[i].used != 0) return;
    uint32_t *at = &h->first_block;
    while (*at != i) at = &b->block[*at].next;
    *at = b->block[i].next;
    h->blocks--;
    b->block[i].free_from = free_from;
    append(b, i);
}
