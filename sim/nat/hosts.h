/*
 * Hosts that have mappings: how many, and which port blocks. Kept only for boxes that limit or give out by
 * host. A host is forgotten with its last mapping.
 *
 * Inside hosts are told apart by address and family. Boxes that limit by destination count these in the same
 * way: a public address's mappings to one remote end (np_box_destination).
 *
 * Memory: 48 bytes for each entry of the table (so many hosts there can be). Cost: O(1).
 */
#ifndef NP_NAT_HOSTS_H
#define NP_NAT_HOSTS_H

#include "natpulse/packet.h"

#define NP_HOST_NONE UINT32_MAX

typedef struct np_host {
    np_addr addr;
    uint64_t rest; /* what else tells it from others: its family; see above */
    uint32_t mappings;
    uint32_t blocks;      /* that it has, */
    uint32_t first_block; /* and the one it got last (blocks.h) */
    uint32_t next_free;
} np_host;

typedef struct np_hosts np_hosts;

np_hosts *np_hosts_create(uint32_t most); /* NULL when memory is out */
void np_hosts_destroy(np_hosts *h);       /* NULL is allowed */
size_t np_hosts_bytes(const np_hosts *h); /* of NULL: 0 */

/* The number of a host; NP_HOST_NONE when it has no mappings. */
uint32_t np_hosts_find(const np_hosts *h, const np_addr *addr, uint64_t rest);

/* The same, and makes one without mappings where there is none. At most `most` may be there. */
uint32_t np_hosts_get(np_hosts *h, const np_addr *addr, uint64_t rest);

np_host *np_hosts_at(np_hosts *h, uint32_t i);

/* Forgets a host when it has no mappings. */
void np_hosts_drop(np_hosts *h, uint32_t i);

#endif
