/* Hosts with mappings. See hosts.h. An index of half-empty slots, probed one by one, over numbered
 * records. */
#include "hosts.h"
#include "hash.h"
#include "natpulse/memory.h"
#include <assert.h>
#include <stdlib.h>

struct np_hosts {
    np_host *host;
    uint32_t *slot; /* number + 1; 0: empty */
    uint32_t slots, most, fresh, freed;
};

np_hosts *np_hosts_create(uint32_t most)
{
    np_hosts *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    *h = (np_hosts){.slots = 2 * most, .most = most, .freed = NP_HOST_NONE};
    h->host = np_memory_zeroed(most * sizeof *h->host);
    h->slot = np_memory_zeroed(h->slots * sizeof *h->slot);
    if (h->host != NULL && h->slot != NULL) return h;
    np_hosts_destroy(h);
    return NULL;
}

void np_hosts_destroy(np_hosts *h)
{
    if (h == NULL) return;
    free(h->host);
    free(h->slot);
    free(h);
}

size_t np_hosts_bytes(const np_hosts *h)
{
    return h == NULL ? 0 : sizeof *h + h->most * sizeof *h->host + h->slots * sizeof *h->slot;
}

static uint32_t home_of(const np_hosts *h, const np_addr *addr, uint64_t rest)
{
    uint64_t hash = np_hash_fold(addr->half[0] ^ NP_HASH_A, addr->half[1] ^ NP_HASH_B ^ rest);
    return (uint32_t)((hash >> 32) * h->slots >> 32);
}

static uint32_t after(const np_hosts *h, uint32_t at)
{
    return at + 1 == h->slots ? 0 : at + 1;
}

/* The slot of that host, or the empty one where it would stand. */
static uint32_t slot_of(const np_hosts *h, const np_addr *addr, uint64_t rest)
{
    uint32_t at = home_of(h, addr, rest);
    for (; h->slot[at] != 0; at = after(h, at)) {
        const np_host *host = &h->host[h->slot[at] - 1];
        if (host->rest == rest && np_addr_equal(&host->addr, addr)) break;
    }
    return at;
}

uint32_t np_hosts_find(const np_hosts *h, const np_addr *addr, uint64_t rest)
{
    return h->slot[slot_of(h, addr, rest)] - 1; /* an empty slot: NP_HOST_NONE */
}

uint32_t np_hosts_get(np_hosts *h, const np_addr *addr, uint64_t rest)
{
    uint32_t at = slot_of(h, addr, rest);
    if (h->slot[at] != 0) return h->slot[at] - 1;
    uint32_t i = h->freed;
    if (i != NP_HOST_NONE)
        h->freed = h->host[i].next_free;
    else
        i = h->fresh++;
    assert(i < h->most);
    h->host[i] = (np_host){.addr = *addr, .rest = rest, .first_block = UINT32_MAX};
    h->slot[at] = i + 1;
    return i;
}

np_host *np_hosts_at(np_hosts *h, uint32_t i)
{
    return &h->host[i];
}

/* Closes the gap: whoever stands behind it and may stand in it moves there. */
void np_hosts_drop(np_hosts *h, uint32_t i)
{
    np_host *host = &h->host[i];
    if (host->mappings != 0) return;
    uint32_t hole = slot_of(h, &host->addr, host->rest);
    for (uint32_t at = after(h, hole); h->slot[at] != 0; at = after(h, at)) {
        const np_host *other = &h->host[h->slot[at] - 1];
        uint32_t home = home_of(h, &other->addr, other->rest);
        uint32_t from_home = at >= home ? at - home : at + h->slots - home;
        uint32_t from_hole = at >= hole ? at - hole : at + h->slots - hole;
        if (from_home < from_hole) continue;
        h->slot[hole] = h->slot[at];
        hole = at;
    }
    h->slot[hole] = 0;
    host->next_free = h->freed;
    h->freed = i;
}
