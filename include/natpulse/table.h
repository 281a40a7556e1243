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

#define NP_ENTRY_NONE    UINT32_MAX
#define NP_TABLE_MOST    ((uint32_t)1 << 26) /* entries in one table */
#define NP_TABLE_CLASSES 16

/* np_entry.seen */
enum {
    NP_SEEN_OUTBOUND = 1,
    NP_SEEN_INBOUND = 2,
    NP_SEEN_DEAD = 0x80, /* was idle too long, and is still in its place (lazy expiry): no packet finds it */
};

typedef struct np_entry_link {
    uint32_t older, newer;
} np_entry_link;

/* Public so that policies and trackers can read and mark entries; only table.c changes what is indexed or
   linked (addresses, ports, proto, family, class, last, made). IPv4 flows keep their three addresses in the
   first words, and room for links behind them; IPv6 flows two in full, for they are not translated: their
   external address and port are the inside ones. */
typedef struct np_entry {
    np_time last; /* last refresh */
    np_time made; /* when it was inserted */
    union {
        struct {
            uint32_t local, remote, external; /* bytes as in np_addr.word[0] */
            np_entry_link chain[2];           /* the box's (sim/nat/chains.h) */
        } v4;
        struct {
            np_addr local, remote;
        } v6;
    } addr;
    uint16_t local_port, remote_port;
    uint8_t proto, family; /* in the order of np_tuple; family 0: a free entry */
    uint16_t external_port;
    uint8_t class; /* np_timeout */
    uint8_t state; /* the tracker's */
    uint8_t mark;  /* the eviction policy's */
    uint8_t seen;  /* NP_SEEN_* */
    uint32_t conn; /* np_packet.conn of the packet that made it */
} np_entry;

_Static_assert(sizeof(np_entry) == 64, "an entry is one cache line");

/* The two keys of an entry: as the inside host sees the flow, and as the outside does. */
np_tuple np_entry_inside(const np_entry *e);
np_tuple np_entry_outside(const np_entry *e);

typedef struct np_table np_table;

/* capacity 1 .. NP_TABLE_MOST. NULL when memory is out. The table never grows. */
np_table *np_table_create(uint32_t capacity);
void np_table_destroy(np_table *t); /* NULL is allowed */

/* Lookups give an entry's number or NP_ENTRY_NONE. `inside` is keyed by the inside five-tuple; `outside` by
   (external address and port, remote address and port, protocol). A tuple's family is 4 or 6. */
uint32_t np_table_find_inside(const np_table *t, const np_tuple *inside);
uint32_t np_table_find_outside(const np_table *t, const np_tuple *outside);

/* A lookup in steps, for batches: each step fetches what the next one reads, so that a batch that takes
   every step for all its packets before the next waits for memory once a step and not once a packet. The
   second says which entry it will probably be (NP_ENTRY_NONE: none); the third, which fetches its neighbours
   in the recency list, pays where np_table_touch follows. */
uint64_t np_table_prefetch_inside(const np_table *t, const np_tuple *inside);
uint32_t np_table_prefetch_entry(const np_table *t, uint64_t hash);
void np_table_prefetch_neighbours(const np_table *t, uint32_t entry);
void np_table_prefetch_outside(const np_table *t, const np_tuple *outside); /* the index only */
uint32_t np_table_find_inside_hashed(const np_table *t, const np_tuple *inside, uint64_t hash);

/* Adds a flow as the youngest of `class`; state, mark, seen and conn are 0. The caller knows that neither key
   is there and that the table is not full (both assert). `external` and its port are not looked at for IPv6.
 */
uint32_t np_table_insert(np_table *t, const np_tuple *inside, const np_addr *external, uint16_t external_port,
                         uint8_t class, np_time now);
void np_table_remove(np_table *t, uint32_t entry);

/* Makes it the youngest of `class`, with .last = now (not before the last touch of that class). */
void np_table_touch(np_table *t, uint32_t entry, uint8_t class, np_time now);

np_entry *np_table_entry(np_table *t, uint32_t entry);
const np_entry *np_table_peek(const np_table *t, uint32_t entry);
uint32_t np_table_oldest(const np_table *t, uint8_t class); /* NP_ENTRY_NONE when the class is empty */
uint32_t np_table_newer(const np_table *t,
                        uint32_t entry); /* the next younger of its class, or NP_ENTRY_NONE */
uint32_t np_table_next_used(const np_table *t,
                            uint32_t from); /* the first used entry from this number on, or NP_ENTRY_NONE */
uint32_t np_table_used(const np_table *t);
uint32_t np_table_capacity(const np_table *t);
size_t np_table_bytes(const np_table *t); /* all memory held */

/* The i-th used slot's entry number for i < used, in no stated but a repeatable order (for uniform random
   choice). At once when no entry below the highest ever used is free (as in a full table), else about
   capacity / 4096 + 64 steps. */
uint32_t np_table_pick(const np_table *t, uint32_t i);

#endif
