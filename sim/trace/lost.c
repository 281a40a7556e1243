/* Mappings that were lost. See lost.h. */
#include "lost.h"
#include <stdlib.h>

#define FIRST_ROOM 256

bool np_lost_init(np_lost *l)
{
    *l = (np_lost){.room = FIRST_ROOM, .mapping = malloc(FIRST_ROOM * sizeof *l->mapping)};
    if (np_index_init(&l->index) && l->mapping) return true;
    np_lost_free(l);
    return false;
}

void np_lost_free(np_lost *l)
{
    free(l->mapping);
    np_index_free(&l->index);
    *l = (np_lost){0};
}

static uint32_t find(const np_lost *l, const np_tuple *outside, uint64_t hash)
{
    uint32_t at = np_index_start(&l->index, hash), i;
    while ((i = np_index_next(&l->index, hash, &at)) != NP_INDEX_NONE)
        if (np_tuple_equal(&l->mapping[i].outside, outside)) return i;
    return NP_INDEX_NONE;
}

bool np_lost_put(np_lost *l, const np_tuple *outside, uint32_t flow)
{
    uint64_t hash = np_index_hash(outside);
    uint32_t i = find(l, outside, hash);
    if (i == NP_INDEX_NONE) {
        if (l->n == l->room) {
            np_lost_mapping *wider = realloc(l->mapping, 2 * (size_t)l->room * sizeof *wider);
            if (!wider) return false;
            l->mapping = wider;
            l->room *= 2;
        }
        if (!np_index_add(&l->index, hash, l->n)) return false;
        i = l->n++;
    }
    l->mapping[i] = (np_lost_mapping){.outside = *outside, .flow = flow};
    return true;
}

uint32_t np_lost_find(const np_lost *l, const np_tuple *outside)
{
    uint32_t i = find(l, outside, np_index_hash(outside));
    return i == NP_INDEX_NONE ? NP_INDEX_NONE : l->mapping[i].flow;
}
