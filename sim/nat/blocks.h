/*
 * Port blocks (RFC 7753 and 7422 have the idea): the ports of each public address come in blocks of equal
 * size, each one inside host's as long as it has a mapping in it. So a box need not log every mapping to tell
 * whose it was.
 *
 * A block serves all protocols. A free one waits in its address's queue until it is its turn, the longest
 * free first: so a hold time holds up the queue's head only.
 *
 * Ports of the range behind the last whole block are not used.
 */
#ifndef NP_NAT_BLOCKS_H
#define NP_NAT_BLOCKS_H

#include "hosts.h"
#include "natpulse/time.h"

#define NP_BLOCK_NONE  UINT32_MAX
#define NP_BLOCKS_MOST ((uint32_t)1 << 26) /* in one box */

typedef struct np_blocks np_blocks;

/* `each` blocks of `size` ports from `low` on, on each of `addresses`. NULL when memory is out. */
np_blocks *np_blocks_create(uint32_t addresses, uint32_t each, uint16_t low, uint32_t size);
void np_blocks_destroy(np_blocks *b);       /* NULL is allowed */
size_t np_blocks_bytes(const np_blocks *b); /* of NULL: 0 */

/* The next block of a host after `block`, or the first after NP_BLOCK_NONE; NP_BLOCK_NONE at the end. */
uint32_t np_blocks_next(const np_blocks *b, const np_host *h, uint32_t block);

/* Gives the host a block of that address; NP_BLOCK_NONE when none is free yet. */
uint32_t np_blocks_take(np_blocks *b, np_host *h, uint32_t address, np_time now);

uint16_t np_blocks_first_port(const np_blocks *b, uint32_t block);
uint32_t np_blocks_address(const np_blocks *b, uint32_t block);

/* The block that has this port. */
uint32_t np_blocks_at(const np_blocks *b, uint32_t address, uint16_t port);

/* One more mapping needs the block, or one less. The last to go takes it from the host: it can be had again
   from `free_from` on. */
void np_blocks_use(np_blocks *b, uint32_t block);
void np_blocks_leave(np_blocks *b, np_host *h, uint32_t block, np_time free_from);

#endif
