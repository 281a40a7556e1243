/*
 * Eviction: a mapping that was used in the last 5 seconds is guaranteed; of the others the one that would
 * expire the soonest goes, and where there is none the new flow is refused. As Click's IPRewriter
 * (iprewriterbase.cc: shift_heap_best_effort, shrink_heap_for_new_flow).
 *
 * Left out: the places that later versions are said to reserve for new flows (50, or an eighth of the
 * capacity); who has to make way for them does not follow from what we have read.
 *
 * In a class the longest idle expires first and loses its guarantee first: only heads are looked at.
 */
#include "evict.h"

#define GUARANTEE (5 * NP_SECOND) /* Click's default */

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)state, (void)inside;
    uint32_t best = NP_ENTRY_NONE;
    np_time soonest = 0;
    for (uint8_t class = 0; class < NP_TIMEOUT_COUNT; class ++) {
        uint32_t head = np_table_oldest(box->table, class);
        if (head == NP_ENTRY_NONE) continue;
        np_time idle = now - np_table_peek(box->table, head)->last;
        np_time left = box->config->timeout[class] - idle;
        if (idle < GUARANTEE || (best != NP_ENTRY_NONE && left >= soonest)) continue;
        best = head;
        soonest = left;
    }
    return best;
}

const np_evict_policy np_evict_guarantee = {.name = "guarantee",
                                            .about = "that which would expire the soonest, used in the last "
                                                     "5 s excepted; else the new flow is refused (Click)",
                                            .victim = victim};
