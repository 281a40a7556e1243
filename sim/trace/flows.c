/* The flows of a capture. See flows.h. */
#include "flows.h"
#include "natpulse/memory.h"
#include <stdlib.h>

#define FIRST_ROOM 1024
#define LINE       64

bool np_flows_init(np_flows *f, size_t own, np_error *e)
{
    *f = (np_flows){.room = FIRST_ROOM, .stride = (sizeof(np_flow) + own + LINE - 1) / LINE * LINE};
    f->record = np_memory_zeroed(f->room * f->stride);
    if (np_index_init(&f->index) && f->record) return true;
    np_flows_free(f);
    return np_fail_memory(e, "the flow records");
}

void np_flows_free(np_flows *f)
{
    free(f->record);
    np_index_free(&f->index);
    *f = (np_flows){0};
}

static bool widen(np_flows *f)
{
    if (f->room > UINT32_MAX / 2) return false;
    char *wider = np_memory_zeroed(2 * f->room * f->stride);
    if (!wider) return false;
    memcpy(wider, f->record, f->room * f->stride);
    free(f->record);
    f->record = wider;
    f->room *= 2;
    return true;
}

static uint32_t add(np_flows *f, const np_tuple *inside, uint64_t hash, np_error *e)
{
    if ((f->n == f->room && !widen(f)) || !np_index_add(&f->index, hash, f->n)) {
        np_fail_memory(e, "the flow records");
        return NP_INDEX_NONE;
    }
    np_flows_at(f, f->n)->inside = *inside;
    return f->n++;
}

uint32_t np_flows_get(np_flows *f, const np_tuple *inside, uint64_t hash, np_error *e)
{
    uint32_t at = np_index_start(&f->index, hash), i;
    while ((i = np_index_next(&f->index, hash, &at)) != NP_INDEX_NONE)
        if (np_tuple_equal(&np_flows_at(f, i)->inside, inside)) return i;
    return add(f, inside, hash, e);
}

void np_flows_prefetch_index(const np_flows *f, uint64_t hash)
{
    np_prefetch(&f->index.slot[np_index_start(&f->index, hash)]);
}

void np_flows_prefetch_record(const np_flows *f, uint64_t hash)
{
    uint32_t at = np_index_start(&f->index, hash), i = np_index_next(&f->index, hash, &at);
    if (i == NP_INDEX_NONE) return;
    const char *record = (const char *)np_flows_at(f, i);
    np_prefetch(record);
    np_prefetch(record + LINE);
}
