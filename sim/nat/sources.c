/* Chains of mappings by inside endpoint. See sources.h. */
#include "sources.h"
#include "hash.h"
#include "natpulse/memory.h"
#include <stdlib.h>

struct np_sources {
    np_table *table;
    uint32_t *youngest; /* of each chain */
    uint32_t chains;
};

np_sources *np_sources_create(np_table *t)
{
    np_sources *s = calloc(1, sizeof *s);
    uint32_t chains = np_table_capacity(t);
    if (s == NULL || (s->youngest = np_memory_zeroed(chains * sizeof *s->youngest)) == NULL) {
        free(s);
        return NULL;
    }
    s->table = t;
    s->chains = chains;
    memset(s->youngest, 0xff, chains * sizeof *s->youngest); /* NP_ENTRY_NONE */
    return s;
}

void np_sources_destroy(np_sources *s)
{
    if (s == NULL) return;
    free(s->youngest);
    free(s);
}

size_t np_sources_bytes(const np_sources *s)
{
    return sizeof *s + s->chains * sizeof *s->youngest;
}

static uint32_t *chain_of(const np_sources *s, uint32_t local, uint16_t port, uint8_t proto)
{
    uint64_t hash =
        np_hash_fold((local | (uint64_t)port << 32 | (uint64_t)proto << 48) ^ NP_HASH_A, NP_HASH_B);
    return &s->youngest[(uint32_t)((hash >> 32) * s->chains >> 32)];
}

static uint32_t *chain_of_entry(const np_sources *s, const np_entry *e)
{
    return chain_of(s, e->addr.v4.local, e->local_port, e->proto);
}

void np_sources_add(np_sources *s, uint32_t entry)
{
    np_entry *e = np_table_entry(s->table, entry);
    if (e->family != 4) return;
    uint32_t *youngest = chain_of_entry(s, e);
    e->addr.v4.source.older = *youngest;
    e->addr.v4.source.newer = NP_ENTRY_NONE;
    if (*youngest != NP_ENTRY_NONE) np_table_entry(s->table, *youngest)->addr.v4.source.newer = entry;
    *youngest = entry;
}

void np_sources_remove(np_sources *s, uint32_t entry)
{
    const np_entry *e = np_table_peek(s->table, entry);
    if (e->family != 4) return;
    uint32_t older = e->addr.v4.source.older, newer = e->addr.v4.source.newer;
    if (older != NP_ENTRY_NONE) np_table_entry(s->table, older)->addr.v4.source.newer = newer;
    if (newer != NP_ENTRY_NONE)
        np_table_entry(s->table, newer)->addr.v4.source.older = older;
    else
        *chain_of_entry(s, e) = older;
}

uint32_t np_sources_find(const np_sources *s, const np_tuple *inside)
{
    uint32_t local = inside->local.word[0];
    for (uint32_t i = *chain_of(s, local, inside->local_port, inside->proto); i != NP_ENTRY_NONE;) {
        const np_entry *e = np_table_peek(s->table, i);
        if (e->addr.v4.local == local && e->local_port == inside->local_port && e->proto == inside->proto)
            return i;
        i = e->addr.v4.source.older;
    }
    return NP_ENTRY_NONE;
}
