/* Chains of mappings by endpoint. See chains.h. */
#include "chains.h"
#include "hash.h"
#include "natpulse/memory.h"
#include <stdlib.h>

struct np_chains {
    np_table *table;
    uint32_t *youngest; /* of each chain */
    uint32_t chains;
    np_chain_kind kind;
    bool by_remote;
};

/* What an entry is found by. */
typedef struct endpoint {
    uint32_t local, remote;
    uint16_t port;
    uint8_t proto;
} endpoint;

np_chains *np_chains_create(np_table *t, np_chain_kind kind, bool by_remote)
{
    np_chains *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    *c = (np_chains){.table = t, .chains = np_table_capacity(t), .kind = kind, .by_remote = by_remote};
    if ((c->youngest = np_memory_zeroed(c->chains * sizeof *c->youngest)) == NULL) {
        free(c);
        return NULL;
    }
    memset(c->youngest, 0xff, c->chains * sizeof *c->youngest); /* NP_ENTRY_NONE */
    return c;
}

void np_chains_destroy(np_chains *c)
{
    if (c == NULL) return;
    free(c->youngest);
    free(c);
}

size_t np_chains_bytes(const np_chains *c)
{
    return c == NULL ? 0 : sizeof *c + c->chains * sizeof *c->youngest;
}

static endpoint endpoint_of(const np_chains *c, const np_entry *e)
{
    bool inside = c->kind == NP_CHAIN_INSIDE;
    return (endpoint){.local = inside ? e->addr.v4.local : e->addr.v4.external,
                      .remote = c->by_remote ? e->addr.v4.remote : 0,
                      .port = inside ? e->local_port : e->external_port,
                      .proto = e->proto};
}

static bool equal(endpoint a, endpoint b)
{
    return a.local == b.local && a.remote == b.remote && a.port == b.port && a.proto == b.proto;
}

static uint32_t *chain_of(const np_chains *c, endpoint p)
{
    uint64_t hash = np_hash_fold((p.local | (uint64_t)p.remote << 32) ^ NP_HASH_A,
                                 (p.port | (uint64_t)p.proto << 16) ^ NP_HASH_B);
    return &c->youngest[(uint32_t)((hash >> 32) * c->chains >> 32)];
}

static np_entry_link *link_of(const np_chains *c, uint32_t entry)
{
    return &np_table_entry(c->table, entry)->addr.v4.chain[c->kind];
}

void np_chains_add(np_chains *c, uint32_t entry)
{
    const np_entry *e = np_table_peek(c->table, entry);
    if (e->family != 4) return;
    uint32_t *youngest = chain_of(c, endpoint_of(c, e));
    *link_of(c, entry) = (np_entry_link){.older = *youngest, .newer = NP_ENTRY_NONE};
    if (*youngest != NP_ENTRY_NONE) link_of(c, *youngest)->newer = entry;
    *youngest = entry;
}

void np_chains_remove(np_chains *c, uint32_t entry)
{
    const np_entry *e = np_table_peek(c->table, entry);
    if (e->family != 4) return;
    np_entry_link l = *link_of(c, entry);
    if (l.older != NP_ENTRY_NONE) link_of(c, l.older)->newer = l.newer;
    if (l.newer != NP_ENTRY_NONE)
        link_of(c, l.newer)->older = l.older;
    else
        *chain_of(c, endpoint_of(c, e)) = l.older;
}

uint32_t np_chains_find(const np_chains *c, const np_tuple *key, bool same_remote)
{
    endpoint p = {.local = key->local.word[0],
                  .remote = c->by_remote ? key->remote.word[0] : 0,
                  .port = key->local_port,
                  .proto = key->proto};
    uint32_t i = *chain_of(c, p);
    for (; i != NP_ENTRY_NONE; i = link_of(c, i)->older) {
        const np_entry *e = np_table_peek(c->table, i);
        if (equal(endpoint_of(c, e), p) && (!same_remote || e->addr.v4.remote == key->remote.word[0])) break;
    }
    return i;
}
