/*
 * What natpulse replay says: as a table, as JSON, and over time as CSV.
 */
#ifndef NATPULSE_CLI_REPLAY_PRINT_H
#define NATPULSE_CLI_REPLAY_PRINT_H

#include "captures.h"

#define NP_COMPARED_MOST 32 /* policies in one --compare */

typedef struct np_replayed {
    const char *const *file;
    uint32_t files;
    const np_nat_config *nat; /* `boxes` of them */
    const np_replay_summary *sum;
    uint32_t boxes;
    const np_capture_counts *read;
    uint64_t seed;
    bool compared, filtered, inside_named, closed_leave;
} np_replayed;

/* False when memory is out; a failed write shows in ferror. */
bool np_replay_print_table(const np_replayed *r, FILE *out);
bool np_replay_print_json(const np_replayed *r, FILE *out);

/* time_s,entries,evicted,expired,packets_lost; with several boxes the policy comes first. */
void np_replay_print_timeline(const np_replayed *r, FILE *out);

#endif
