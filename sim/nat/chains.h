/*
 * The mappings of one endpoint: chains over the entries of a table, found by the local half of an inside or
 * of an outside key, and the remote address where it counts.
 *
 *     inside chain    which external endpoint an inside endpoint has already, for new flows that are to get
 * the same outside chain   which mapping has an external endpoint, whoever it was made for
 *
 * Kept only for boxes that ask (box.c). The links stand in the entries, where IPv4 leaves room; IPv6 flows
 * are not translated and are in no chain. So a kind of chain costs one number for each entry of the table. A
 * chain holds all entries of one hash, the youngest first.
 *
 * Cost: O(1) but for what shares a hash without sharing the endpoint: as many as there are chains.
 */
#ifndef NP_NAT_CHAINS_H
#define NP_NAT_CHAINS_H

#include "natpulse/table.h"

typedef enum np_chain_kind { NP_CHAIN_INSIDE, NP_CHAIN_OUTSIDE, NP_CHAIN_KINDS } np_chain_kind;

typedef struct np_chains np_chains;

/* `by_remote`: the remote address counts, always. NULL when memory is out. */
np_chains *np_chains_create(np_table *t, np_chain_kind kind, bool by_remote);
void np_chains_destroy(np_chains *c);       /* NULL is allowed */
size_t np_chains_bytes(const np_chains *c); /* of NULL: 0 */

void np_chains_add(np_chains *c, uint32_t entry);
void np_chains_remove(np_chains *c, uint32_t entry);

/* The entry last added that agrees with this key of the chains' kind, or NP_ENTRY_NONE. `same_remote`: the
   remote address counts in this case. */
uint32_t np_chains_find(const np_chains *c, const np_tuple *key, bool same_remote);

#endif
