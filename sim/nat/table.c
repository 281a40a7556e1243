/*
 * The flow table (natpulse/table.h).
 *
 *     inside index      outside index          entries            recency links
 *     +-----------+     +-----------+     +---------------+     +---------------+
 *     | tag  e+1  |--.  | 0 (empty) |  .->| one cache     |  e  | older | newer |
 *     | 0         |  |  | tag  e+1  |--'  | line a flow   |     |  ...          |
 *     |  ...      |  '----------------->  |  ...          |     | 16 anchors    |
 *     +-----------+     +-----------+     +---------------+     +---------------+
 *      2 slots per entry, 4 bytes each         64 bytes              8 bytes
 *
 * An index is an array of groups of eight slots. A flow's home is the group its hash says; when that is full
 * the flow stands in the next one that is not. A slot is one word: the entry's number + 1 in the low bits (0:
 * empty), and a tag from the hash in all the rest (12 bits at a million entries). An entry is read when the
 * tag agrees, so nearly never a wrong one. When a flow leaves a full group, one that had gone past it moves
 * back: there are no tombstones.
 *
 * IPv6 flows are not translated, so their outside key is their inside key: the inside index serves both.
 *
 * Links stand apart from the entries: moving a flow to the young end writes two neighbours that have nothing
 * to do with the packet, and eight flows' links share a cache line where entries would take eight lines.
 *
 * Free entries are those from .fresh on, and a stack threaded through the links of those used before. A
 * bitmap, and counts per 4096 entries, find the i-th used one.
 *
 * Invariants: every used entry is once in the inside index, once in the outside index when it is IPv4, and
 * once in the recency list of its class; lists are sorted by .last; no index is more than half full; all
 * groups from a flow's home up to where it stands are full.
 *
 * Memory: one block at creation, 88.1 bytes an entry, in huge pages where the system has them.
 * Cost: everything O(1) but np_table_pick. What counts is how many cache lines are waited for at once: a
 * lookup needs a slot, then an entry and its links; a touch two more links. So code between two waits is
 * short (a core looks ahead some 300 instructions) and has no branch that depends on a slot.
 *
 * Tried and lost (a million flows, Zipf 1.0): slots probed one by one (a third slower: each lookup
 * mispredicts how many it takes); groups of 16 (a sixth slower when all is in cache); links in the entries (8
 * bytes less, a tenth slower); a hash of two rounds, and tags that hold how far a flow stands from home (the
 * instructions cost more than they save); the tuple read as one 8-byte word (three times slower when it has
 * just been written in parts).
 */
#include "natpulse/table.h"
#include "hash.h"
#include "natpulse/memory.h"
#include "ring.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LINE            64u
#define SLOTS_PER_ENTRY 2u
#define GROUP           8u /* slots: half a cache line, so a group never takes two */
#define HUGE_PAGE       ((size_t)2 << 20)
#define WORDS_A_BLOCK   64u /* bitmap words that share a count */
#define BLOCK           (64u * WORDS_A_BLOCK)

struct np_table {
    np_entry *entry;
    np_ring *link;    /* capacity nodes, then an anchor a class */
    uint32_t *inside; /* the indexes, .groups * GROUP words each */
    uint32_t *outside;
    uint32_t groups;
    uint32_t tag; /* mask of the tag in a slot; the rest is an entry's number + 1 */
    uint32_t capacity, used;
    uint32_t fresh; /* entries from here on have never been used */
    uint32_t freed; /* top of the stack of freed entries, threaded through link.newer */
    uint64_t *used_bit;
    uint32_t *used_in_block;
    void *block;
    size_t bytes;
};

/* ---- keys ---- */

static inline np_tuple inside_of(const np_entry *e)
{
    np_tuple k = {
        .local_port = e->local_port, .remote_port = e->remote_port, .proto = e->proto, .family = e->family};
    if (e->family == 4) {
        k.local.word[0] = e->addr.v4.local;
        k.remote.word[0] = e->addr.v4.remote;
    } else {
        k.local = e->addr.v6.local;
        k.remote = e->addr.v6.remote;
    }
    return k;
}

static inline np_tuple outside_of(const np_entry *e)
{
    np_tuple k = inside_of(e);
    k.local_port = e->external_port;
    if (e->family == 4) k.local.word[0] = e->addr.v4.external;
    return k;
}

np_tuple np_entry_inside(const np_entry *e)
{
    return inside_of(e);
}
np_tuple np_entry_outside(const np_entry *e)
{
    return outside_of(e);
}

/* The tail of an entry's key, as np_key_words has that of a tuple: one load, for the fields stand in this
 * order. */
static inline uint64_t rest_of(const np_entry *e)
{
    uint64_t all = e->local_port | (uint64_t)e->remote_port << 16 | (uint64_t)e->proto << 32 |
                   (uint64_t)e->family << 40 | (uint64_t)e->external_port << 48;
    return all & 0x0000ffffffffffffu;
}

static inline bool is_inside(const np_entry *e, const np_tuple *k, np_key_words w)
{
    uint64_t rest = rest_of(e) ^ w.rest;
    if (k->family == 4)
        return (((e->addr.v4.local | (uint64_t)e->addr.v4.remote << 32) ^ w.addresses) | rest) == 0;
    return rest == 0 && np_addr_equal(&e->addr.v6.local, &k->local) &&
           np_addr_equal(&e->addr.v6.remote, &k->remote);
}

/* Of IPv4 entries. */
static inline bool is_outside(const np_entry *e, const np_tuple *k, np_key_words w)
{
    (void)k;
    uint64_t rest = ((rest_of(e) & ~(uint64_t)UINT16_MAX) | e->external_port) ^ w.rest;
    return (((e->addr.v4.external | (uint64_t)e->addr.v4.remote << 32) ^ w.addresses) | rest) == 0;
}

/* ---- the indexes ---- */

typedef bool matcher(const np_entry *e, const np_tuple *k, np_key_words w);
typedef uint32_t lanes __attribute__((vector_size(16), may_alias));
typedef uint64_t halves __attribute__((vector_size(16), may_alias));

static inline uint32_t home_of(const np_table *t, uint64_t hash)
{
    __extension__ unsigned __int128 p = (unsigned __int128)hash * t->groups;
    return (uint32_t)(p >> 64);
}

static inline uint32_t tag_of(const np_table *t, uint64_t hash)
{
    return (uint32_t)hash & t->tag;
}

static inline uint32_t after(const np_table *t, uint32_t g)
{
    return g + 1 == t->groups ? 0 : g + 1;
}

/* How far group `to` is from `from`, going up and around. */
static inline uint32_t distance(const np_table *t, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + t->groups - from;
}

/* Bit i: slot i of the group is `want` under `mask`. All slots are compared and nothing branches: where in a
   group a flow stands cannot be predicted, and a wrong guess costs the wait for the slot's cache line. */
static inline uint32_t agree(const uint32_t *group, uint32_t want, uint32_t mask)
{
    const lanes *v = (const lanes *)group;
    lanes bit = {1, 2, 4, 8}, sum = {0};
    for (uint32_t i = 0; i < GROUP / 4; i++, bit <<= 4) sum |= (lanes)((v[i] & mask) == want) & bit;
    halves h = (halves)sum;
    uint64_t both = h[0] | h[1];
    return (uint32_t)both | (uint32_t)(both >> 32);
}

static inline uint32_t find(const np_table *t, const uint32_t *index, const np_tuple *k, np_key_words w,
                            uint64_t hash, matcher *match)
{
    uint32_t g = home_of(t, hash), tag = tag_of(t, hash);
    for (;; g = after(t, g)) {
        const uint32_t *group = &index[(size_t)g * GROUP];
        for (uint32_t hits = agree(group, tag, t->tag); hits != 0; hits &= hits - 1) {
            uint32_t e = (group[__builtin_ctz(hits)] & ~t->tag) - 1;
            if (e != NP_ENTRY_NONE && match(&t->entry[e], k, w)) return e;
        }
        if (agree(group, 0, UINT32_MAX) != 0) return NP_ENTRY_NONE;
    }
}

static inline void add(np_table *t, uint32_t *index, const np_tuple *k, uint32_t entry, matcher *match)
{
    np_key_words w = np_key_words_of(k);
    uint64_t hash = np_hash_words(w);
    uint32_t g = home_of(t, hash), empty;
    assert(find(t, index, k, w, hash, match) == NP_ENTRY_NONE);
    while ((empty = agree(&index[(size_t)g * GROUP], 0, UINT32_MAX)) == 0) g = after(t, g);
    index[(size_t)g * GROUP + (uint32_t)__builtin_ctz(empty)] = tag_of(t, hash) | (entry + 1);
}

/* How many groups a flow in group g stands from its home. */
static inline uint32_t displacement(const np_table *t, uint32_t slot, uint32_t g, bool outside)
{
    const np_entry *e = &t->entry[(slot & ~t->tag) - 1];
    np_tuple k = outside ? outside_of(e) : inside_of(e);
    return distance(t, home_of(t, np_hash_tuple(&k)), g);
}

/* Empties the entry's slot. When that was in a full group, flows may have gone past it: one that did moves
   in, and leaves a hole of its own. A group that was not full ends the search: nothing went past it. */
static void take_out(np_table *t, uint32_t *index, const np_tuple *k, uint32_t entry)
{
    uint32_t g = home_of(t, np_hash_tuple(k)), hit;
    while ((hit = agree(&index[(size_t)g * GROUP], entry + 1, ~t->tag)) == 0) g = after(t, g);
    uint32_t *hole = &index[(size_t)g * GROUP + (uint32_t)__builtin_ctz(hit)];
    bool full = agree(&index[(size_t)g * GROUP], 0, UINT32_MAX) == 0;
    for (uint32_t next = after(t, g); full; next = after(t, next)) {
        uint32_t *group = &index[(size_t)next * GROUP];
        full = agree(group, 0, UINT32_MAX) == 0;
        for (uint32_t i = 0; i < GROUP; i++) {
            if (group[i] == 0 || displacement(t, group[i], next, index == t->outside) < distance(t, g, next))
                continue;
            *hole = group[i];
            hole = &group[i];
            g = next;
            break;
        }
    }
    *hole = 0;
}

static inline uint32_t find_key(const np_table *t, const uint32_t *index, const np_tuple *k, matcher *match)
{
    np_key_words w = np_key_words_of(k);
    return find(t, index, k, w, np_hash_words(w), match);
}

/* Inline, besides being there for everybody: link-time optimisation then puts a lookup where it is asked for,
   however many ask. A call costs a fifth of it. */
inline uint32_t np_table_find_inside(const np_table *t, const np_tuple *inside)
{
    return find_key(t, t->inside, inside, is_inside);
}

inline uint32_t np_table_find_outside(const np_table *t, const np_tuple *outside)
{
    if (outside->family != 4) return find_key(t, t->inside, outside, is_inside);
    return find_key(t, t->outside, outside, is_outside);
}

void np_table_prefetch_outside(const np_table *t, const np_tuple *outside)
{
    const uint32_t *index = outside->family == 4 ? t->outside : t->inside;
    np_prefetch(&index[(size_t)home_of(t, np_hash_tuple(outside)) * GROUP]);
}

uint64_t np_table_prefetch_inside(const np_table *t, const np_tuple *inside)
{
    uint64_t hash = np_hash_tuple(inside);
    np_prefetch(&t->inside[(size_t)home_of(t, hash) * GROUP]);
    return hash;
}

/* The entry that has this hash, judging by the tags of its home group alone. */
static inline uint32_t likely(const np_table *t, uint64_t hash)
{
    uint32_t g = home_of(t, hash);
    const uint32_t *group = &t->inside[(size_t)g * GROUP];
    uint32_t hits = agree(group, tag_of(t, hash), t->tag);
    return hits == 0 ? NP_ENTRY_NONE : (group[__builtin_ctz(hits)] & ~t->tag) - 1;
}

inline uint32_t np_table_prefetch_entry(const np_table *t, uint64_t hash)
{
    uint32_t e = likely(t, hash);
    if (e == NP_ENTRY_NONE) return e;
    np_prefetch(&t->entry[e]);
    np_prefetch(&t->link[e]);
    return e;
}

inline void np_table_prefetch_neighbours(const np_table *t, uint32_t entry)
{
    if (entry == NP_ENTRY_NONE) return;
    np_prefetch(&t->link[t->link[entry].older]);
    np_prefetch(&t->link[t->link[entry].newer]);
}

uint32_t np_table_find_inside_hashed(const np_table *t, const np_tuple *inside, uint64_t hash)
{
    return find(t, t->inside, inside, np_key_words_of(inside), hash, is_inside);
}

/* ---- which entries are used ---- */

static uint32_t take_entry(np_table *t)
{
    uint32_t e = t->freed;
    if (e != NP_ENTRY_NONE)
        t->freed = t->link[e].newer;
    else
        e = t->fresh++;
    t->used_bit[e / 64] |= (uint64_t)1 << e % 64;
    t->used_in_block[e / BLOCK]++;
    t->used++;
    return e;
}

static void free_entry(np_table *t, uint32_t e)
{
    t->entry[e].family = 0;
    t->used_bit[e / 64] &= ~((uint64_t)1 << e % 64);
    t->used_in_block[e / BLOCK]--;
    t->used--;
    t->link[e].newer = t->freed;
    t->freed = e;
}

uint32_t np_table_pick(const np_table *t, uint32_t i)
{
    assert(i < t->used);
    if (t->used == t->fresh) return i;
    uint32_t block = 0;
    for (; i >= t->used_in_block[block]; block++) i -= t->used_in_block[block];
    uint32_t word = block * WORDS_A_BLOCK;
    for (uint32_t n; i >= (n = (uint32_t)__builtin_popcountll(t->used_bit[word])); word++) i -= n;
    uint64_t bits = t->used_bit[word];
    for (; i > 0; i--) bits &= bits - 1;
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

uint32_t np_table_next_used(const np_table *t, uint32_t from)
{
    while (from < t->fresh) {
        uint64_t bits = t->used_bit[from / 64] >> from % 64;
        if (bits != 0) return from + (uint32_t)__builtin_ctzll(bits);
        from = (from / 64 + 1) * 64;
        while (from % BLOCK == 0 && from < t->fresh && t->used_in_block[from / BLOCK] == 0) from += BLOCK;
    }
    return NP_ENTRY_NONE;
}

/* ---- changing ---- */

uint32_t np_table_insert(np_table *t, const np_tuple *inside, const np_addr *external, uint16_t external_port,
                         uint8_t class, np_time now)
{
    assert(t->used < t->capacity && class < NP_TABLE_CLASSES && (inside->family == 4 || inside->family == 6));
    uint32_t number = take_entry(t);
    np_entry *e = &t->entry[number];
    *e = (np_entry){.last = now,
                    .made = now,
                    .local_port = inside->local_port,
                    .remote_port = inside->remote_port,
                    .external_port = inside->local_port,
                    .proto = inside->proto,
                    .family = inside->family,
                    .class = class};
    if (inside->family == 4) {
        e->addr.v4.local = inside->local.word[0];
        e->addr.v4.remote = inside->remote.word[0];
        e->addr.v4.external = external->word[0];
        e->external_port = external_port;
        np_tuple outside = outside_of(e);
        add(t, t->outside, &outside, number, is_outside);
    } else {
        e->addr.v6.local = inside->local;
        e->addr.v6.remote = inside->remote;
    }
    add(t, t->inside, inside, number, is_inside);
    np_ring_append(t->link, t->capacity + class, number);
    return number;
}

void np_table_remove(np_table *t, uint32_t entry)
{
    const np_entry *e = &t->entry[entry];
    assert(entry < t->fresh && e->family != 0);
    np_tuple inside = inside_of(e), outside = outside_of(e);
    take_out(t, t->inside, &inside, entry);
    if (e->family == 4) take_out(t, t->outside, &outside, entry);
    np_ring_unlink(t->link, entry);
    free_entry(t, entry);
}

void np_table_touch(np_table *t, uint32_t entry, uint8_t class, np_time now)
{
    assert(class < NP_TABLE_CLASSES);
    uint32_t anchor = t->capacity + class;
    t->entry[entry].last = now;
    t->entry[entry].class = class;
    if (t->link[anchor].older == entry) return;
    np_ring_unlink(t->link, entry);
    np_ring_append(t->link, anchor, entry);
}

/* ---- looking ---- */

np_entry *np_table_entry(np_table *t, uint32_t entry)
{
    return &t->entry[entry];
}
const np_entry *np_table_peek(const np_table *t, uint32_t entry)
{
    return &t->entry[entry];
}

uint32_t np_table_newer(const np_table *t, uint32_t entry)
{
    uint32_t e = t->link[entry].newer;
    return e < t->capacity ? e : NP_ENTRY_NONE;
}

uint32_t np_table_oldest(const np_table *t, uint8_t class)
{
    assert(class < NP_TABLE_CLASSES);
    return np_table_newer(t, t->capacity + class);
}

uint32_t np_table_used(const np_table *t)
{
    return t->used;
}
uint32_t np_table_capacity(const np_table *t)
{
    return t->capacity;
}
size_t np_table_bytes(const np_table *t)
{
    return t->bytes;
}

/* ---- making ---- */

/* Lays out parts of a block: gives where the next one begins. */
static size_t part(size_t *end, size_t bytes)
{
    size_t begin = (*end + LINE - 1) / LINE * LINE;
    *end = begin + bytes;
    return begin;
}

np_table *np_table_create(uint32_t capacity)
{
    assert(capacity >= 1 && capacity <= NP_TABLE_MOST);
    np_table t = {.capacity = capacity, .freed = NP_ENTRY_NONE};
    t.tag = UINT32_MAX;
    while (~t.tag < capacity) t.tag <<= 1;
    t.groups = (SLOTS_PER_ENTRY * capacity + GROUP - 1) / GROUP;

    size_t words = ((size_t)capacity + 63) / 64, blocks = (words + WORDS_A_BLOCK - 1) / WORDS_A_BLOCK,
           end = 0;
    size_t at_head = part(&end, sizeof t), at_entry = part(&end, capacity * sizeof *t.entry);
    size_t at_link = part(&end, (capacity + NP_TABLE_CLASSES) * sizeof *t.link);
    size_t slots = (size_t)t.groups * GROUP;
    size_t at_inside = part(&end, slots * sizeof *t.inside),
           at_outside = part(&end, slots * sizeof *t.outside);
    size_t at_bit = part(&end, words * sizeof *t.used_bit),
           at_count = part(&end, blocks * sizeof *t.used_in_block);

    t.bytes = end + LINE;
    t.block = calloc(1, t.bytes);
    if (t.block == NULL) return NULL;
#ifdef MADV_HUGEPAGE
    /* Advice only, for whole huge pages within the block: without them most lookups miss the TLB too. */
    uintptr_t low = ((uintptr_t)t.block + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t high = ((uintptr_t)t.block + t.bytes) / HUGE_PAGE * HUGE_PAGE;
    if (high > low) madvise((void *)low, high - low, MADV_HUGEPAGE);
#endif
    char *base = (char *)(((uintptr_t)t.block + LINE - 1) / LINE * LINE);
    t.entry = (np_entry *)(base + at_entry);
    t.link = (np_ring *)(base + at_link);
    t.inside = (uint32_t *)(base + at_inside);
    t.outside = (uint32_t *)(base + at_outside);
    t.used_bit = (uint64_t *)(base + at_bit);
    t.used_in_block = (uint32_t *)(base + at_count);
    for (uint32_t c = 0; c < NP_TABLE_CLASSES; c++) np_ring_init(t.link, capacity + c);
    np_table *made = (np_table *)(base + at_head);
    *made = t;
    return made;
}

void np_table_destroy(np_table *t)
{
    if (t != NULL) free(t->block);
}
