/*
 * The flow table of a NAT box: two hash indexes over one array of cache-line entries, and a recency list
 * for each class.
 *
 * It stores and finds; it decides nothing. What to evict, when to expire, which port to take is the
 * business of box.c and the eviction policies.
 */
#ifndef NATPULSE_TABLE_H
#define NATPULSE_TABLE_H

#include "natpulse/packet.h"
#include "natpulse/time.h"

#define NP_ENTRY_NONE UINT32_MAX
#define NP_TABLE_CLASSES 16

/* Public so that policies and trackers can read and mark entries; only table.c changes what is indexed or
   linked. IPv4 flows keep their three addresses in the first words, IPv6 flows two in full. */
typedef struct np_entry {
    np_time last;            /* last refresh */
    uint32_t older, newer;   /* neighbours in the recency list of its class; ends: NP_ENTRY_NONE */
    union {
        struct { uint32_t local, remote, external; uint32_t spare[5]; } v4; /* bytes as in np_addr.word[0] */
        struct { np_addr local, remote; } v6;
    } addr;
    uint16_t local_port, remote_port, external_port;
    uint8_t proto, family;
    uint8_t class;           /* np_timeout */
    uint8_t state;           /* the tracker's */
    uint8_t mark;            /* the eviction policy's */
    uint8_t seen;            /* bit 0: outbound packet seen, bit 1: inbound */
    uint32_t conn;           /* np_packet.conn of the packet that made it */
} np_entry;

_Static_assert(sizeof(np_entry) == 64, "an entry is one cache line");

typedef struct np_table np_table;

/* capacity 1 .. 2^26. NULL when memory is out. The table never grows. */
np_table *np_table_create(uint32_t capacity);
void np_table_destroy(np_table *t);

/* Lookups give an entry's number or NP_ENTRY_NONE. `inside` is keyed by the inside five-tuple; `outside` by
   (external address and port, remote address and port, protocol). */
uint32_t np_table_find_inside(const np_table *t, const np_tuple *inside);
uint32_t np_table_find_outside(const np_table *t, const np_tuple *outside);

/* The two halves of a lookup, for batches: hash and prefetch first, look up later. */
uint64_t np_table_prefetch_inside(const np_table *t, const np_tuple *inside);
void np_table_prefetch_entry(const np_table *t, uint64_t hash);
uint32_t np_table_find_inside_hashed(const np_table *t, const np_tuple *inside, uint64_t hash);

/* Adds a flow as the youngest of `class`. The caller knows that neither key is there and that the table is
   not full (both assert). */
uint32_t np_table_insert(np_table *t, const np_tuple *inside, const np_addr *external, uint16_t external_port,
                         uint8_t class, np_time now);
void np_table_remove(np_table *t, uint32_t entry);

/* Makes it the youngest of `class`, with .last = now. */
void np_table_touch(np_table *t, uint32_t entry, uint8_t class, np_time now);

np_entry *np_table_entry(np_table *t, uint32_t entry);
uint32_t np_table_oldest(const np_table *t, uint8_t class); /* NP_ENTRY_NONE when the class is empty */
uint32_t np_table_used(const np_table *t);
uint32_t np_table_capacity(const np_table *t);
size_t np_table_bytes(const np_table *t); /* all memory held */

/* The i-th used slot's entry number for i < used, in no stated but a repeatable order (for uniform random choice). */
uint32_t np_table_pick(const np_table *t, uint32_t i);

#endif
