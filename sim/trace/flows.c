/* The flows of a replay. See flows.h. */
#include "flows.h"
#include <stdlib.h>

#define FIRST_ROOM 1024

bool np_flows_init(np_flows *f, np_error *e)
{
    *f = (np_flows){.room = FIRST_ROOM, .flow = malloc(FIRST_ROOM * sizeof *f->flow)};
    if (np_index_init(&f->index) && f->flow) return true;
    np_flows_free(f);
    return np_fail_memory(e, "the flow records");
}

void np_flows_free(np_flows *f)
{
    free(f->flow);
    np_index_free(&f->index);
    *f = (np_flows){0};
}

static uint32_t add(np_flows *f, const np_tuple *inside, uint64_t hash, np_error *e)
{
    if (f->n == f->room) {
        np_flow *wider = realloc(f->flow, 2 * (size_t)f->room * sizeof *wider);
        if (!wider) {
            np_fail_memory(e, "the flow records");
            return NP_INDEX_NONE;
        }
        f->flow = wider;
        f->room *= 2;
    }
    if (!np_index_add(&f->index, hash, f->n)) {
        np_fail_memory(e, "the flow index");
        return NP_INDEX_NONE;
    }
    f->flow[f->n] = (np_flow){.inside = *inside, .least_age = NP_NEVER};
    return f->n++;
}

uint32_t np_flows_get(np_flows *f, const np_tuple *inside, uint64_t hash, np_error *e)
{
    uint32_t at = np_index_start(&f->index, hash), i;
    while ((i = np_index_next(&f->index, hash, &at)) != NP_INDEX_NONE)
        if (np_tuple_equal(&f->flow[i].inside, inside)) return i;
    return add(f, inside, hash, e);
}

void np_flows_prefetch_index(const np_flows *f, uint64_t hash)
{
    __builtin_prefetch(&f->index.slot[np_index_start(&f->index, hash)]);
}

void np_flows_prefetch_record(const np_flows *f, uint64_t hash)
{
    uint32_t at = np_index_start(&f->index, hash), i = np_index_next(&f->index, hash, &at);
    if (i == NP_INDEX_NONE) return;
    __builtin_prefetch(&f->flow[i], 1);
    __builtin_prefetch((const char *)&f->flow[i] + 64, 1);
    __builtin_prefetch((const char *)(&f->flow[i] + 1) - 1,
                       1); /* a record may lie across three cache lines */
}
