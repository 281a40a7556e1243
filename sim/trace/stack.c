/* Stack distances with holes. See stack.h. */
#include "stack.h"
#include "natpulse/memory.h"
#include <stdlib.h>
#include <string.h>

#define HOLE        UINT32_MAX
#define WORD        64u
#define GROUP       512u /* slots: their bits are a cache line */
#define GROUP_WORDS (GROUP / WORD)
#define FEWEST      (64 * GROUP)
#define MOST        ((uint32_t)1 << 31)

static bool make_slots(np_stack *s, uint32_t slots)
{
    s->slots = slots;
    s->bit = np_memory_zeroed(slots / 8);
    s->owner = np_memory_zeroed(slots * sizeof *s->owner);
    s->tree = np_memory_zeroed((slots / GROUP + 1) * sizeof *s->tree);
    return s->bit && s->owner && s->tree;
}

static void free_slots(np_stack *s)
{
    free(s->bit);
    free(s->owner);
    free(s->tree);
}

bool np_stack_init(np_stack *s, uint32_t slots, uint32_t *(*place)(void *ctx, uint32_t owner), void *ctx)
{
    *s = (np_stack){.place = place, .ctx = ctx};
    uint32_t rounded = FEWEST;
    while (rounded < slots && rounded < MOST) rounded *= 2;
    return make_slots(s, rounded);
}

void np_stack_free(np_stack *s)
{
    free_slots(s);
    free(s->hole);
    *s = (np_stack){0};
}

/* ---- counting ---- */

static inline uint32_t ones(uint64_t word)
{
    return (uint32_t)__builtin_popcountll(word);
}

/* Bits from `slot` to the end of its word, and in the words up to `end`. */
static inline uint32_t count_from(const np_stack *s, uint32_t slot, uint32_t end)
{
    uint32_t w = slot / WORD, n = ones(s->bit[w] >> slot % WORD);
    for (w++; w < end; w++) n += ones(s->bit[w]);
    return n;
}

/* Elements and holes from `slot` to the top: all bits from it on, for none is set from the top on. */
static inline uint32_t distance_of(const np_stack *s, uint32_t slot)
{
    uint32_t group = slot / GROUP, top = s->top / GROUP, in_top = s->used - s->below;
    if (group == top) return count_from(s, slot, s->top / WORD + 1);
    uint32_t n = count_from(s, slot, (group + 1) * GROUP_WORDS), through = 0;
    for (uint32_t i = group + 1; i > 0; i &= i - 1) through += s->tree[i];
    return n + (s->below - through) + in_top;
}

static inline void clear(np_stack *s, uint32_t slot)
{
    uint32_t group = slot / GROUP, groups = s->slots / GROUP;
    s->bit[slot / WORD] &= ~((uint64_t)1 << slot % WORD);
    s->used--;
    if (group == s->top / GROUP) return;
    s->below--;
    for (uint32_t i = group + 1; i <= groups; i += i & -i) s->tree[i]--;
}

/* The top has left a group: its bits go into the tree. */
static void close_group(np_stack *s)
{
    uint32_t group = s->top / GROUP - 1, groups = s->slots / GROUP, n = s->used - s->below;
    for (uint32_t i = group + 1; i <= groups; i += i & -i) s->tree[i] += n;
    s->below = s->used;
}

static inline void push(np_stack *s, uint32_t owner, uint32_t *slot)
{
    uint32_t at = s->top++;
    s->bit[at / WORD] |= (uint64_t)1 << at % WORD;
    s->owner[at] = owner;
    s->used++;
    *slot = at;
    if (s->top % GROUP == 0) close_group(s);
}

/* ---- holes ---- */

static void sift_down(np_stack *s, uint32_t slot)
{
    uint32_t at = 0;
    for (uint32_t down; (down = 2 * at + 1) < s->holes; at = down) {
        if (down + 1 < s->holes && s->hole[down + 1] > s->hole[down]) down++;
        if (s->hole[down] < slot) break;
        s->hole[at] = s->hole[down];
    }
    s->hole[at] = slot;
}

bool np_stack_leave(np_stack *s, uint32_t *slot)
{
    if (s->holes == s->holes_room) {
        uint32_t room = s->holes_room ? 2 * s->holes_room : 1024;
        uint32_t *wider = realloc(s->hole, room * sizeof *wider);
        if (!wider) return false;
        s->hole = wider;
        s->holes_room = room;
    }
    uint32_t at = s->holes++;
    for (uint32_t up; at > 0 && s->hole[up = (at - 1) / 2] < *slot; at = up) s->hole[at] = s->hole[up];
    s->hole[at] = *slot;
    s->owner[*slot] = HOLE;
    *slot = NP_STACK_NOWHERE;
    return true;
}

/* A touch fills the topmost hole above `slot` (0: any), which is what a table with a free place does. `slot`
   becomes the hole instead, when there is one. False when there is no such hole. */
static bool fill_hole(np_stack *s, uint32_t slot)
{
    if (s->holes == 0 || (slot != NP_STACK_NOWHERE && s->hole[0] < slot)) return false;
    clear(s, s->hole[0]);
    if (slot != NP_STACK_NOWHERE) {
        s->owner[slot] = HOLE;
        sift_down(s, slot);
    } else if (--s->holes > 0) {
        sift_down(s, s->hole[s->holes]);
    }
    return true;
}

/* ---- when slots run out ---- */

static void set_first_bits(np_stack *s, uint32_t n)
{
    uint32_t groups = s->slots / GROUP;
    memset(s->bit, 0, s->slots / 8);
    memset(s->tree, 0, (groups + 1) * sizeof *s->tree);
    for (uint32_t w = 0; w < n / WORD; w++) s->bit[w] = UINT64_MAX;
    if (n % WORD) s->bit[n / WORD] = ((uint64_t)1 << n % WORD) - 1;
    s->top = s->used = n;
    s->below = n / GROUP * GROUP;
    for (uint32_t i = 1; i <= groups; i++) {
        if (i <= n / GROUP) s->tree[i] += GROUP;
        if (i + (i & -i) <= groups) s->tree[i + (i & -i)] += s->tree[i];
    }
}

/* Moves all down, in order, into `to` (which may be s->owner). Holes below every element go: no element's
   distance counts them. Those that stay are put into the heap in falling order, which is a heap's. */
static uint32_t gather(np_stack *s, uint32_t *to)
{
    uint32_t n = 0, holes = 0;
    for (uint32_t w = 0; w < s->slots / WORD; w++) {
        for (uint64_t bits = s->bit[w]; bits; bits &= bits - 1) {
            uint32_t owner = s->owner[w * WORD + (uint32_t)__builtin_ctzll(bits)];
            if (owner == HOLE && n == 0) continue;
            if (owner == HOLE)
                s->hole[holes++] = n;
            else
                *s->place(s->ctx, owner) = n;
            to[n++] = owner;
        }
    }
    s->holes = holes;
    for (uint32_t i = 0; i < holes / 2; i++) {
        uint32_t other = s->hole[holes - 1 - i];
        s->hole[holes - 1 - i] = s->hole[i];
        s->hole[i] = other;
    }
    return n;
}

static bool make_room(np_stack *s)
{
    np_stack old = *s;
    uint32_t n;
    if (s->used < s->slots / 2) {
        n = gather(s, s->owner);
    } else {
        if (s->slots >= MOST || !make_slots(s, 2 * s->slots)) {
            free_slots(s);
            s->bit = old.bit, s->owner = old.owner, s->tree = old.tree, s->slots = old.slots;
            return false;
        }
        uint32_t *to = s->owner;
        np_stack from = old;
        n = gather(&from, to);
        s->holes = from.holes;
        free_slots(&old);
    }
    set_first_bits(s, n);
    return true;
}

/* ---- the stack ---- */

bool np_stack_touch(np_stack *s, uint32_t owner, uint32_t *slot, uint32_t *distance)
{
    if (s->top == s->slots && !make_room(s)) return false;
    *distance = *slot == NP_STACK_NOWHERE ? NP_STACK_NEW : distance_of(s, *slot);
    if (!fill_hole(s, *slot) && *slot != NP_STACK_NOWHERE) clear(s, *slot);
    push(s, owner, slot);
    return true;
}

void np_stack_prefetch(const np_stack *s, uint32_t slot)
{
    if (slot < s->slots) np_prefetch(&s->bit[slot / GROUP * GROUP_WORDS]);
}
