/*
 * Eviction: the mapping that is needed again the latest goes. No policy loses fewer (Belady, IBM Systems
 * Journal 5(2), 1966); it must know which packets come, so only a replay can drive it
 * (np_nat_config.foresight): it is the bound that others are held against.
 *
 *     heap   entry numbers, the one needed the latest at the root (a binary heap)
 *     place  where in the heap an entry stands
 *     need   when it is needed; NP_NEVER also when it would have timed out by then: its place is worth
 * nothing
 *
 * Memory: 16 bytes an entry. Cost: O(log entries) an insertion, refresh and removal.
 */
#include "evict.h"
#include <stdlib.h>

typedef struct belady {
    uint32_t n, capacity;
    np_time *need;
    uint32_t *heap, *place;
} belady;

static void destroy(void *state)
{
    belady *s = state;
    free(s->need);
    free(s->heap);
    free(s->place);
    free(s);
}

static void *create(const np_evict_box *box, np_error *e)
{
    if (box->config->foresight == NULL) {
        np_fail(e, NP_TROUBLE_USAGE,
                "evict: belady knows which packets come, which only 'natpulse replay' of captures can tell; "
                "choose another policy here");
        return NULL;
    }
    uint32_t capacity = np_table_capacity(box->table);
    belady *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->capacity = capacity;
        s->need = malloc(capacity * sizeof *s->need);
        s->heap = malloc(capacity * sizeof *s->heap);
        s->place = malloc(capacity * sizeof *s->place);
        if (s->need != NULL && s->heap != NULL && s->place != NULL) return s;
        destroy(s);
    }
    np_fail_memory(e, "a NAT's order of needs");
    return NULL;
}

static size_t bytes(const void *state)
{
    const belady *s = state;
    return sizeof *s + s->capacity * (sizeof *s->need + sizeof *s->heap + sizeof *s->place);
}

static void put(belady *s, uint32_t at, uint32_t entry)
{
    s->heap[at] = entry;
    s->place[entry] = at;
}

/* Settles `entry` at or below the free place `at`, or above it. */
static void settle(belady *s, uint32_t at, uint32_t entry)
{
    np_time need = s->need[entry];
    for (uint32_t up; at > 0 && s->need[s->heap[up = (at - 1) / 2]] < need; at = up) put(s, at, s->heap[up]);
    for (uint32_t down; (down = 2 * at + 1) < s->n; at = down) {
        if (down + 1 < s->n && s->need[s->heap[down + 1]] > s->need[s->heap[down]]) down++;
        if (s->need[s->heap[down]] <= need) break;
        put(s, at, s->heap[down]);
    }
    put(s, at, entry);
}

/* When the mapping is needed next, if it can last so long. */
static np_time need_of(const np_evict_box *box, uint32_t entry)
{
    const np_entry *e = np_table_peek(box->table, entry);
    np_time next = box->config->foresight[e->conn];
    return next - e->last >= box->config->timeout[e->class] ? NP_NEVER : next;
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    belady *s = state;
    s->need[entry] = need_of(box, entry);
    settle(s, s->n++, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    belady *s = state;
    s->need[entry] = need_of(box, entry);
    settle(s, s->place[entry], entry);
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    belady *s = state;
    uint32_t at = s->place[entry], last = s->heap[--s->n];
    if (last != entry) settle(s, at, last);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)box, (void)inside, (void)now;
    const belady *s = state;
    return s->n == 0 ? NP_ENTRY_NONE : s->heap[0];
}

const np_evict_policy np_evict_belady = {
    .name = "belady",
    .about = "the mapping that is needed again the latest goes (replays only: the bound for all others)",
    .create = create,
    .destroy = destroy,
    .bytes = bytes,
    .inserted = inserted,
    .touched = touched,
    .removing = removing,
    .victim = victim};
