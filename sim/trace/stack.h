/*
 * Stack distances with holes: for every capacity at once, whether an LRU table still holds what is asked for.
 *
 *     slot   0    1    2    3    4    5    6    7    8  ...  top
 *            .    A    .    o    B    .    C    D    o         next to be given out
 *            |              |                        `- the topmost hole: the place of one that left
 *            `- vacated: its element moved to the top
 *
 * Each touch takes the next slot, so slots are in order of recency. The distance of an element is the number
 * of elements and holes from its slot to the top, itself included: a table of C places holds it when that is
 * at most C. Why holes count: when an element leaves, each table that held it has a free place, and those too
 * small to hold what is below do not get it back. The next touch fills, in every table, the topmost hole,
 * since a table with a free place evicts nothing; and when the element touched came from below that hole, it
 * leaves its own place free instead: the hole moves down to there. (Mattson et al., IBM Systems Journal 9(2),
 * 1970, for stacks; holes follow from the same induction over tables, see curve.c.)
 *
 * Counting: a bit a slot, a sum for each group of 512 slots in a Fenwick tree, the group at the top apart. So
 * counting reads one cache line of bits and a dozen sums; most touches are near the top and read bits only.
 * The topmost hole is the root of a heap. When slots run out, what is left moves down and the vacated go (one
 * pass, no more often than every n touches for n elements).
 *
 * Memory: 4.2 to 17 bytes an element. Cost of a touch: O(log n), 20 to 60 ns for a million elements.
 */
#ifndef NATPULSE_TRACE_STACK_H
#define NATPULSE_TRACE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NP_STACK_NOWHERE UINT32_MAX /* the slot of what is not in the stack */
#define NP_STACK_NEW     UINT32_MAX /* the distance of what was not in it */

typedef struct np_stack {
    uint64_t *bit;   /* a slot holds an element or a hole */
    uint32_t *owner; /* which element; or that it is a hole */
    uint32_t *tree;  /* Fenwick tree over the groups below the top's, from 1 */
    uint32_t *hole;  /* max-heap of the slots of holes */
    uint32_t top, slots, used;
    uint32_t below; /* bits in the groups below the top's */
    uint32_t holes, holes_room;
    /* Where the owner keeps its slot: asked for when slots change. */
    uint32_t *(*place)(void *ctx, uint32_t owner);
    void *ctx;
} np_stack;

/* `slots`: how many at first, rounded up (0: a default). False when memory is out, as below. */
bool np_stack_init(np_stack *s, uint32_t slots, uint32_t *(*place)(void *ctx, uint32_t owner), void *ctx);
void np_stack_free(np_stack *s);

/* Puts the element on top. *slot is where it is, or NP_STACK_NOWHERE, and becomes where it is then. Its
   distance before goes to *distance: from 1, or NP_STACK_NEW. */
bool np_stack_touch(np_stack *s, uint32_t owner, uint32_t *slot, uint32_t *distance);

/* The element leaves every table that has it: its place becomes a hole, *slot NP_STACK_NOWHERE. */
bool np_stack_leave(np_stack *s, uint32_t *slot);

/* Starts to fetch what the touch of an element at `slot` will read. */
void np_stack_prefetch(const np_stack *s, uint32_t slot);

#endif
