/*
 * Eviction: as in BPF's hash of type LRU (kernel/bpf/bpf_lru_list.c), on which Cilium and Katran stand. Not
 * LRU but a clock with three lists, and each CPU has places of its own:
 *
 *     CPU      free (a number) -- new mapping --> pending: mappings since its last batch
 *     global   free (a number)    inactive        active
 *
 * A use only sets the mapping's bit. A CPU without free places gets a batch of them, 128 at most and fewer
 * in a small table: max(1, capacity / CPUs / 2). For that
 *
 *     1. its pending mappings go to active (used) or inactive (not), the oldest first;
 *     2. if inactive is the shorter list the oldest of active are looked at: the used go round, the others
 *        become inactive; then a hand passes over inactive and saves the used to active;
 *     3. places come from the global free ones, and what is then missing from inactive: of its oldest those
 *        not used go, the used are saved to active;
 *     4. if places were missing and nothing went in 3, the oldest inactive mapping (else active) goes,
 *        used or not.
 *
 * Each of these looks at 128 mappings at most. If all that gave no place, one is taken from the next CPU that
 * has any: a free one, or that of its pending mapping.
 *
 * So mappings go in batches, before the table is full (places that other CPUs hold do not count), and at
 * times the used before the idle. The bit is cleared when a mapping changes lists or goes round.
 *
 * Assumed: a flow's packets are all handled by one CPU (of np_nat_config.cpus), chosen by its hash, as
 * network cards spread them. A mapping that is removed otherwise gives its place back to the CPU it is
 * pending at, or to the global free ones. Older kernels ask for batches of 128 whatever the size; that is not
 * modelled, nor is the variant with one list a CPU (BPF_F_NO_COMMON_LRU).
 *
 * .mark: the list, and the bit. Memory: 8 bytes an entry, 16 a CPU. Cost: O(1) a mapping over time; a refresh
 * is one store.
 */
#include "evict.h"
#include "hash.h"
#include "ring.h"
#include <stdlib.h>

#define TARGET_MOST 128u /* LOCAL_FREE_TARGET */
#define SCANS       128u /* LOCAL_NR_SCANS */

enum { ACTIVE, INACTIVE, PENDING }; /* .mark, in the low bits */
#define LIST 3u
#define USED 4u /* .mark */

typedef struct cpu {
    uint32_t free;  /* places */
    uint32_t steal; /* whose turn it is to be robbed */
} cpu;

typedef struct bpf_lru {
    cpu *cpu;
    uint32_t cpus, target;
    uint32_t free;             /* global places */
    uint32_t active, inactive; /* anchors; those of pending lists follow, one a CPU */
    uint32_t held[2];          /* mappings in active, inactive */
    uint32_t hand;             /* the next inactive one to be passed over; the anchor: the oldest */
    /* while victims are asked for */
    bool asked;
    uint32_t at;              /* the CPU */
    uint32_t missing, looked; /* places yet to be found; mappings looked at */
    bool lost;                /* a mapping lost its place */
    np_ring link[];
} bpf_lru;

static size_t size_for(uint32_t capacity, uint32_t cpus)
{
    return sizeof(bpf_lru) + ((size_t)capacity + 2 + cpus) * sizeof(np_ring);
}

static void destroy(void *state)
{
    bpf_lru *s = state;
    free(s->cpu);
    free(s);
}

static uint32_t target_of(uint32_t capacity, uint32_t cpus)
{
    uint32_t half = capacity / cpus / 2;
    return half < 1 ? 1 : half > TARGET_MOST ? TARGET_MOST : half;
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    uint32_t cpus = box->config->cpus;
    bpf_lru *s = malloc(size_for(capacity, cpus));
    if (s != NULL) {
        *s = (bpf_lru){.cpu = calloc(cpus, sizeof *s->cpu),
                       .cpus = cpus,
                       .target = target_of(capacity, cpus),
                       .free = capacity,
                       .active = capacity,
                       .inactive = capacity + 1,
                       .hand = capacity + 1};
        for (uint32_t anchor = capacity; anchor < capacity + 2 + cpus; anchor++)
            np_ring_init(s->link, anchor);
        for (uint32_t at = 0; s->cpu != NULL && at < cpus; at++) s->cpu[at].steal = at;
        if (s->cpu != NULL) return s;
        destroy(s);
    }
    np_fail_memory(e, "a NAT's lists of mappings by CPU");
    return NULL;
}

static size_t bytes(const void *state)
{
    const bpf_lru *s = state;
    return size_for(s->active, s->cpus) + s->cpus * sizeof *s->cpu;
}

/* ---- lists ---- */

static uint32_t cpu_of(const bpf_lru *s, const np_tuple *inside)
{
    return np_below(np_hash_fold(np_hash_tuple(inside) ^ NP_HASH_D, NP_HASH_C), s->cpus);
}

static uint32_t pending_of(const bpf_lru *s, uint32_t at)
{
    return s->inactive + 1 + at;
}

/* Out of its list; the hand does not stay on it. */
static void take_out(bpf_lru *s, const np_entry *e, uint32_t entry)
{
    uint32_t list = e->mark & LIST;
    if (list != PENDING) s->held[list]--;
    if (s->hand == entry) s->hand = s->link[entry].newer;
    np_ring_unlink(s->link, entry);
}

/* To the young end of active or inactive, not used. */
static void put_in(bpf_lru *s, const np_evict_box *box, uint32_t entry, uint32_t list)
{
    np_ring_append(s->link, list == ACTIVE ? s->active : s->inactive, entry);
    s->held[list]++;
    np_table_entry(box->table, entry)->mark = (uint8_t)list;
}

static void move(bpf_lru *s, const np_evict_box *box, uint32_t entry, uint32_t list)
{
    take_out(s, np_table_peek(box->table, entry), entry);
    put_in(s, box, entry, list);
}

static bool is_used(const np_evict_box *box, uint32_t entry)
{
    return np_table_peek(box->table, entry)->mark & USED;
}

/* ---- a batch ---- */

static void flush_pending(bpf_lru *s, const np_evict_box *box)
{
    uint32_t anchor = pending_of(s, s->at);
    for (uint32_t entry; (entry = np_ring_oldest(s->link, anchor)) != anchor;)
        move(s, box, entry, is_used(box, entry) ? ACTIVE : INACTIVE);
}

static void rotate_active(bpf_lru *s, const np_evict_box *box)
{
    uint32_t n = s->held[ACTIVE] < SCANS ? s->held[ACTIVE] : SCANS;
    for (; n > 0; n--) {
        uint32_t entry = np_ring_oldest(s->link, s->active);
        move(s, box, entry, is_used(box, entry) ? ACTIVE : INACTIVE);
    }
}

static void rotate_inactive(bpf_lru *s, const np_evict_box *box)
{
    uint32_t n = s->held[INACTIVE] < SCANS ? s->held[INACTIVE] : SCANS;
    for (uint32_t entry = s->hand; n > 0; n--) {
        if (entry == s->inactive) entry = np_ring_oldest(s->link, s->inactive);
        uint32_t next = s->link[entry].newer;
        if (is_used(box, entry)) move(s, box, entry, ACTIVE);
        s->hand = entry = next;
    }
}

static void begin(bpf_lru *s, const np_evict_box *box, const np_tuple *inside)
{
    s->asked = true;
    s->at = cpu_of(s, inside);
    flush_pending(s, box);
    if (s->held[INACTIVE] < s->held[ACTIVE]) rotate_active(s, box);
    rotate_inactive(s, box);
    uint32_t n = s->free < s->target ? s->free : s->target;
    s->free -= n;
    s->cpu[s->at].free += n;
    s->missing = s->target - n;
    s->looked = 0;
    s->lost = false;
}

/* The next unused one of the oldest inactive. */
static uint32_t shrink(bpf_lru *s, const np_evict_box *box)
{
    while (s->missing > 0 && s->looked < SCANS && s->held[INACTIVE] > 0) {
        uint32_t entry = np_ring_oldest(s->link, s->inactive);
        s->looked++;
        if (!is_used(box, entry)) {
            s->missing--;
            return entry;
        }
        move(s, box, entry, ACTIVE);
    }
    return NP_ENTRY_NONE;
}

static uint32_t force(bpf_lru *s)
{
    if (s->lost || s->missing == 0 || s->held[ACTIVE] + s->held[INACTIVE] == 0) return NP_ENTRY_NONE;
    s->missing = 0;
    return np_ring_oldest(s->link, s->held[INACTIVE] > 0 ? s->inactive : s->active);
}

/* One place of another CPU; NP_ENTRY_NONE when it cost nobody anything. It comes to this only where there are
   more CPUs than half the places: then each has one place at most, so that a pending mapping is the only one.
 */
static uint32_t steal(bpf_lru *s)
{
    cpu *own = &s->cpu[s->at];
    uint32_t first = own->steal, entry = NP_ENTRY_NONE;
    bool found = false;
    do {
        uint32_t other = own->steal;
        if (s->cpu[other].free > 0) {
            s->cpu[other].free--;
            own->free++;
            found = true;
        } else {
            uint32_t anchor = pending_of(s, other), oldest = np_ring_oldest(s->link, anchor);
            if ((found = oldest != anchor)) entry = oldest;
        }
        own->steal = other + 1 == s->cpus ? 0 : other + 1;
    } while (!found && own->steal != first);
    return entry;
}

/* ---- the policy ---- */

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    bpf_lru *s = state;
    np_entry *e = np_table_entry(box->table, entry);
    np_tuple inside = np_entry_inside(e);
    uint32_t at = cpu_of(s, &inside);
    s->cpu[at].free--;
    e->mark = PENDING;
    np_ring_append(s->link, pending_of(s, at), entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)state, (void)now;
    np_table_entry(box->table, entry)->mark |= USED;
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    bpf_lru *s = state;
    const np_entry *e = np_table_peek(box->table, entry);
    np_tuple inside = np_entry_inside(e);
    take_out(s, e, entry);
    if (s->asked) {
        s->lost = true;
        s->cpu[s->at].free++;
    } else if ((e->mark & LIST) == PENDING) {
        s->cpu[cpu_of(s, &inside)].free++;
    } else {
        s->free++;
    }
}

static bool early(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)box, (void)now;
    const bpf_lru *s = state;
    return s->cpu[cpu_of(s, inside)].free == 0;
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)now;
    bpf_lru *s = state;
    if (!s->asked) begin(s, box, inside);
    uint32_t entry = shrink(s, box);
    if (entry == NP_ENTRY_NONE) entry = force(s);
    if (entry == NP_ENTRY_NONE && s->cpu[s->at].free == 0) entry = steal(s);
    s->asked = entry != NP_ENTRY_NONE;
    return entry;
}

const np_evict_policy np_evict_bpf_lru = {.name = "bpf-lru",
                                          .about = "up to 128 at a time, by a clock with active and inactive "
                                                   "lists and places for each CPU (BPF; Cilium, Katran)",
                                          .create = create,
                                          .destroy = destroy,
                                          .bytes = bytes,
                                          .inserted = inserted,
                                          .touched = touched,
                                          .removing = removing,
                                          .early = early,
                                          .victim = victim,
                                          .many = true};
