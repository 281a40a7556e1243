/*
 * The journal of a simulation: every opening, break, eviction and detection, a row each, as CSV or as JSON
 * lines.
 *
 *     time,event,cause,client,connection
 *     613.207418311,break,evicted,17,204
 *     658.410000000,client_knew,keepalive,17,204
 *
 * Times are seconds from the start of the run, to the nanosecond. `client` and `connection` are numbers from
 * 0 and 1, empty (JSON: null) where a mapping belonged to no connection any more. Events: opened, break,
 * healed, client_knew, server_knew, false_close, and of any mapping evicted and expired, whose cause is live
 * (an end still believed in the flow) or dead.
 */
#ifndef NATPULSE_JOURNAL_H
#define NATPULSE_JOURNAL_H

#include "natpulse/world.h"
#include <stdio.h>

typedef struct np_journal {
    FILE *out; /* failed writes show in ferror */
    bool json; /* a JSON object a line; else CSV */
    uint64_t rows;
} np_journal;

/* The name of an event, as in the `event` column. */
const char *np_notice_name(np_notice_kind kind);

/* The line with the columns' names; nothing for JSON. */
void np_journal_head(const np_journal *j);

/* np_listener.notice, with the journal as its ctx. */
void np_journal_notice(void *journal, const np_notice *n);

#endif
