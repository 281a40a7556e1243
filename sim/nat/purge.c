/*
 * `expiry: pf`: how OpenBSD's and FreeBSD's packet filter takes idle states (pf.c, pf_purge_states). Once a
 * second it looks at a tenth of them, at 64 at the least, and goes on there the next second. What it finds
 * past its deadline goes; until then a packet finds and revives it. So a dead state stays for up to 10 s, or
 * n / 64 s with n states.
 *
 * Adaptive timeouts are those of the moment at which a state is looked at: when the table is past
 * adaptive.end whatever is looked at goes.
 *
 * pf goes round in the order of its list of states, this in that of the table's places: neither has to do
 * with how old or busy a state is.
 *
 * Cost: the states looked at, which stand in a row.
 */
#include "box_state.h"

#define EVERY    NP_SECOND
#define INTERVAL 10u /* PFTM_INTERVAL, in seconds */
#define LEAST    64u

static void look_through(np_box *b, np_time when)
{
    uint32_t used = np_table_used(b->table), n = used / INTERVAL > LEAST ? used / INTERVAL : LEAST;
    if (n > used) n = used;
    for (; n > 0; n--) {
        uint32_t entry = np_table_next_used(b->table, b->purge_at);
        if (entry == NP_ENTRY_NONE) entry = np_table_next_used(b->table, 0);
        if (entry == NP_ENTRY_NONE) return;
        b->purge_at = entry + 1;
        if (np_box_deadline(b, np_table_peek(b->table, entry)) <= when)
            np_box_remove(b, entry, NP_MAPPING_EXPIRED, when);
    }
}

void np_purge(np_box *b, np_time now)
{
    while (np_table_used(b->table) > 0 && b->purge_next <= now) {
        look_through(b, b->purge_next);
        b->purge_next += EVERY;
    }
    b->due = np_table_used(b->table) > 0 ? b->purge_next : NP_NEVER;
}

void np_purge_begin(np_box *b, np_time now)
{
    b->due = b->purge_next = now - now % EVERY + EVERY;
}
