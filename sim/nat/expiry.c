/*
 * Idle mappings: when they are over, and the taking of them.
 *
 * Exact expiry costs a packet one comparison: .due is never later than the earliest deadline, for a new or
 * refreshed mapping lowers it and nothing else brings a deadline forward. Only when .due has passed are the
 * heads of the recency lists looked at. A sweep is the same with .due moved on to the next time it comes
 * round.
 *
 * With lazy expiry a mapping dies at its deadline all the same, for whoever sends a packet then; only its
 * place is not free before somebody comes by. So the dead stay in their recency lists, before the living, and
 * .alive has the first of these. `expiry: linux` also has a collector (collector.c);
 * `expiry: pf` is a thing of its own (purge.c).
 *
 * Adaptive timeouts scale all classes alike, so that the lists stay in order of deadlines. But then a new
 * mapping does bring deadlines forward, and .due is found anew for each: by the heads of the lists. What has
 * died of crowding did so when the table was last filled, though its deadline now reads as if it had been
 * earlier. Each one that goes gives the others more time again. Steps cap all classes at the same time, so
 * that this holds of them too.
 */
#include "box_state.h"

np_time np_box_adapted(const np_box *b, np_time timeout)
{
    uint32_t start = b->config.adaptive.start, end = b->config.adaptive.end, n = np_table_used(b->table);
    if (timeout > b->longest) timeout = b->longest;
    if (end == 0 || n <= start) return timeout;
    if (n >= end) return 0;
    __extension__ unsigned __int128 scaled = (unsigned __int128)timeout * (end - n) / (end - start);
    return (np_time)scaled;
}

void np_box_note_count(np_box *b)
{
    uint32_t n = np_table_used(b->table);
    b->longest = NP_NEVER;
    for (uint32_t i = 0; i < b->config.adaptive.steps; i++) {
        const np_fill_step *s = &b->config.adaptive.step[i];
        uint32_t bit = UINT32_C(1) << i;
        if (n > s->above)
            b->crowded |= bit;
        else if (n <= s->until)
            b->crowded &= ~bit;
        if ((b->crowded & bit) && s->most < b->longest) b->longest = s->most;
    }
}

/* The mapping with the earliest deadline (the lower class on a tie), which is put into *deadline. */
static uint32_t first_to_expire(const np_box *b, np_time *deadline)
{
    uint32_t first = NP_ENTRY_NONE;
    *deadline = NP_NEVER;
    for (uint8_t class = 0; class < NP_TIMEOUT_COUNT; class ++) {
        uint32_t oldest = b->lazy ? b->alive[class] : np_table_oldest(b->table, class);
        if (oldest == NP_ENTRY_NONE) continue;
        np_time d = np_box_deadline(b, np_table_peek(b->table, oldest));
        if (d >= *deadline) continue;
        first = oldest;
        *deadline = d;
    }
    return first;
}

np_time np_box_taken_at(const np_box *b, np_time deadline)
{
    if (b->adapts && deadline < b->filled) deadline = b->filled;
    if (b->config.expiry != NP_EXPIRY_SWEEP || deadline == NP_NEVER) return deadline;
    np_time over = deadline % b->config.sweep;
    if (over == 0) return deadline;
    return deadline > NP_NEVER - b->config.sweep ? NP_NEVER : deadline + b->config.sweep - over;
}

void np_box_note_fill(np_box *b, const np_entry *e)
{
    b->filled = e->last;
    if (b->config.expiry == NP_EXPIRY_PF) {
        if (b->due == NP_NEVER) np_purge_begin(b, e->last);
        return;
    }
    if (b->reaps && b->collector.next == NP_NEVER) np_collector_begin(b, e->last, false);
    if (!b->adapts) {
        np_box_note_deadline(b, e);
        return;
    }
    np_time deadline;
    first_to_expire(b, &deadline);
    deadline = np_box_taken_at(b, deadline);
    if (deadline < b->due) b->due = deadline;
}

np_time np_box_next_expiry(const np_box *b)
{
    return b->due;
}

void np_box_expire(np_box *b, np_time now)
{
    if (b->config.expiry == NP_EXPIRY_PF) {
        np_purge(b, now);
        return;
    }
    np_time deadline;
    for (;;) {
        uint32_t first = first_to_expire(b, &deadline);
        deadline = np_box_taken_at(b, deadline);
        if (b->collector.next < deadline && b->collector.next <= now)
            np_collect(b);
        else if (deadline > now || first == NP_ENTRY_NONE)
            break;
        else if (b->lazy)
            np_box_die(b, first, deadline);
        else
            np_box_remove(b, first, NP_MAPPING_EXPIRED, deadline);
    }
    b->due = deadline < b->collector.next ? deadline : b->collector.next;
}
