/*
 * Eviction: only what has timed out already, and only where it is seen at once, as in VPP's nat44-ed. The box
 * has five lists; before each new flow their heads are looked at in turn, and the first that is dead goes. A
 * full table is asked twice: for a place, without which the flow is refused however many dead there are
 * behind living heads, and then as for any other flow.
 *
 * A use moves a mapping to the end of its list only when more than a second has passed since it was moved
 * last; a change of list does at once. So a head may be alive though one behind it is dead.
 *
 * Meant for lazy expiry; otherwise the dead are gone before a new flow comes, and this is refuse. VPP's
 * packets find a mapping dead as soon as the clock shows the second of its deadline (np_nat_config.tick);
 * here the deadline itself counts, as there.
 *
 * Not modelled: at a full table VPP looks for a place before it drops what cannot begin a flow; the limit is
 * one worker's, and this is a box with one.
 *
 * .mark: the list. Memory: 16 bytes an entry. Cost: O(1).
 */
#include "evict.h"
#include "ring.h"
#include <stdlib.h>

#define THROTTLE NP_SECOND

/* VPP's lists in VPP's order. */
enum { TCP_TRANSITORY, UDP, UNKNOWN, ICMP, TCP_ESTABLISHED, LISTS };

typedef struct heads {
    uint32_t capacity; /* the anchors follow, one a list */
    uint32_t left;     /* how many times this flow may still ask */
    bool asked;        /* it has asked before */
    np_time *moved;    /* when each mapping was moved last */
    np_ring link[];
} heads;

static size_t size_for(uint32_t capacity)
{
    return sizeof(heads) + ((size_t)capacity + LISTS) * sizeof(np_ring);
}

static void destroy(void *state)
{
    heads *s = state;
    free(s->moved);
    free(s);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    heads *s = malloc(size_for(capacity));
    if (s != NULL) {
        *s = (heads){.capacity = capacity, .moved = malloc(capacity * sizeof *s->moved)};
        for (uint32_t list = 0; list < LISTS; list++) np_ring_init(s->link, capacity + list);
        if (s->moved != NULL) return s;
        destroy(s);
    }
    np_fail_memory(e, "a NAT's lists of mappings by protocol");
    return NULL;
}

static size_t bytes(const void *state)
{
    const heads *s = state;
    return size_for(s->capacity) + s->capacity * sizeof *s->moved;
}

static uint8_t list_of(const np_entry *e)
{
    switch (e->class) {
    case NP_TIMEOUT_UDP:
    case NP_TIMEOUT_UDP_STREAM: return UDP;
    case NP_TIMEOUT_OTHER: return UNKNOWN;
    case NP_TIMEOUT_ICMP: return ICMP;
    case NP_TIMEOUT_TCP_ESTABLISHED: return TCP_ESTABLISHED;
    default: return TCP_TRANSITORY;
    }
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    heads *s = state;
    np_entry *e = np_table_entry(box->table, entry);
    e->mark = list_of(e);
    s->moved[entry] = now;
    np_ring_append(s->link, s->capacity + e->mark, entry);
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    np_ring_unlink(((heads *)state)->link, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    const heads *s = state;
    const np_entry *e = np_table_peek(box->table, entry);
    if (e->mark == list_of(e) && now - s->moved[entry] <= THROTTLE) return;
    removing(state, box, entry);
    inserted(state, box, entry, now);
}

static bool early(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)box, (void)inside, (void)now;
    return true;
}

static uint32_t dead_head(const heads *s, const np_evict_box *box, np_time now)
{
    for (uint32_t anchor = s->capacity; anchor < s->capacity + LISTS; anchor++) {
        uint32_t head = np_ring_oldest(s->link, anchor);
        if (head == anchor) continue;
        const np_entry *e = np_table_peek(box->table, head);
        if (now - e->last >= box->config->timeout[e->class]) return head;
    }
    return NP_ENTRY_NONE;
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)inside;
    heads *s = state;
    if (!s->asked) s->left = np_table_used(box->table) == s->capacity ? 2 : 1;
    uint32_t head = s->left-- > 0 ? dead_head(s, box, now) : NP_ENTRY_NONE;
    s->asked = head != NP_ENTRY_NONE;
    return head;
}

const np_evict_policy np_evict_expired_heads = {
    .name = "expired-heads",
    .about = "one that timed out, if it heads one of five lists; else the new flow is refused (VPP nat44-ed)",
    .create = create,
    .destroy = destroy,
    .bytes = bytes,
    .inserted = inserted,
    .touched = touched,
    .removing = removing,
    .early = early,
    .victim = victim,
    .many = true};
