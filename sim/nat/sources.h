/*
 * Which mappings an inside endpoint (address, port, protocol) has: chains over the entries of a table, kept
 * where new flows are to get the external port that their source has already.
 *
 * The links stand in the entries, where IPv4 leaves room; IPv6 flows are not translated and in no chain. So
 * the cost is one number for each entry of the table. Chains are found by hash, and hold all entries with
 * that hash: the youngest first.
 */
#ifndef NP_NAT_SOURCES_H
#define NP_NAT_SOURCES_H

#include "natpulse/table.h"

typedef struct np_sources np_sources;

np_sources *np_sources_create(np_table *t); /* NULL when memory is out */
void np_sources_destroy(np_sources *s);     /* NULL is allowed */
size_t np_sources_bytes(const np_sources *s);

void np_sources_add(np_sources *s, uint32_t entry);
void np_sources_remove(np_sources *s, uint32_t entry);

/* The entry that was last added with the local half of this inside key, or NP_ENTRY_NONE. */
uint32_t np_sources_find(const np_sources *s, const np_tuple *inside);

#endif
