/*
 * Eviction: the mapping that was made first goes, however busy it is. One list in order of making: 8 bytes an
 * entry.
 */
#include "evict.h"
#include "ring.h"
#include <stdlib.h>

typedef struct fifo {
    uint32_t anchor; /* the capacity */
    np_ring link[];
} fifo;

static size_t size_for(uint32_t capacity)
{
    return sizeof(fifo) + ((size_t)capacity + 1) * sizeof(np_ring);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    fifo *f = malloc(size_for(capacity));
    if (f == NULL) {
        np_fail_memory(e, "a NAT's list of mappings in order of making");
        return NULL;
    }
    f->anchor = capacity;
    np_ring_init(f->link, capacity);
    return f;
}

static size_t bytes(const void *state)
{
    return size_for(((const fifo *)state)->anchor);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)box, (void)now;
    fifo *f = state;
    np_ring_append(f->link, f->anchor, entry);
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    np_ring_unlink(((fifo *)state)->link, entry);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)box, (void)inside, (void)now;
    const fifo *f = state;
    uint32_t oldest = np_ring_oldest(f->link, f->anchor);
    return oldest == f->anchor ? NP_ENTRY_NONE : oldest;
}

const np_evict_policy np_evict_fifo = {.name = "fifo",
                                       .about = "the mapping that was made first goes, however busy",
                                       .create = create,
                                       .destroy = free,
                                       .bytes = bytes,
                                       .inserted = inserted,
                                       .removing = removing,
                                       .victim = victim};
