/*
 * Eviction: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023). Three queues in order of arrival: new
 * mappings go into the small one, a tenth of the table; what was used at least twice by the time it comes to
 * the front there moves into the main one, the rest goes, and is remembered in the ghost queue. A flow that
 * is there when it comes back goes into the main queue at once. In the main queue one that was used since
 * goes round again and loses one use; the first that was not goes.
 *
 *     new ------> small --> used twice ----> main --> used: round again
 *                       --> else: goes           --> else: goes
 *                             |                    ^
 *                             '--> ghost --> back -'
 *
 * While the small queue holds a tenth of the table or more it gives the victim, else the main one does. What
 * leaves for another reason than eviction leaves no ghost (but with lazy expiry a victim found dead does).
 *
 * .mark: uses, up to 3, and which queue. The ghosts are as many as the main queue has places.
 *
 * Memory: 8 bytes an entry, 88 a ghost: about 87 bytes an entry. Cost: O(1) over time; a refresh is one
 * store.
 */
#include "evict.h"
#include "graves.h"
#include "ring.h"
#include <stdlib.h>

#define SMALL_SHARE 10u /* the small queue's is one in so many places */
#define USES        3u  /* .mark: as many are counted */
#define IN_MAIN     4u  /* .mark */
#define TO_MAIN     2u  /* uses that open the main queue */

typedef struct s3fifo {
    np_table *ghost;
    uint32_t capacity;     /* the anchor of the small queue; the next one is that of the main queue */
    uint32_t small, share; /* how many are in the small queue, and from how many on it gives the victim */
    np_ring link[];
} s3fifo;

static size_t size_for(uint32_t capacity)
{
    return sizeof(s3fifo) + ((size_t)capacity + 2) * sizeof(np_ring);
}

static void destroy(void *state)
{
    s3fifo *s = state;
    np_table_destroy(s->ghost);
    free(s);
}

static void *create(const np_evict_box *box, np_error *e)
{
    uint32_t capacity = np_table_capacity(box->table);
    uint32_t share = capacity < SMALL_SHARE ? 1 : capacity / SMALL_SHARE;
    s3fifo *s = malloc(size_for(capacity));
    if (s != NULL) {
        *s = (s3fifo){.capacity = capacity, .share = share};
        np_ring_init(s->link, capacity);
        np_ring_init(s->link, capacity + 1);
        s->ghost = np_table_create(capacity > share ? capacity - share : 1);
        if (s->ghost != NULL) return s;
        destroy(s);
    }
    np_fail_memory(e, "a NAT's three queues of mappings");
    return NULL;
}

static size_t bytes(const void *state)
{
    const s3fifo *s = state;
    return size_for(s->capacity) + np_table_bytes(s->ghost);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    s3fifo *s = state;
    np_entry *e = np_table_entry(box->table, entry);
    np_tuple inside = np_entry_inside(e);
    bool back = np_table_find_inside(s->ghost, &inside) != NP_ENTRY_NONE;
    if (back) np_graves_forget(s->ghost, &inside);
    e->mark = back ? IN_MAIN : 0;
    s->small += !back;
    np_ring_append(s->link, s->capacity + back, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)state, (void)now;
    np_entry *e = np_table_entry(box->table, entry);
    if ((e->mark & USES) < USES) e->mark++;
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    s3fifo *s = state;
    s->small -= !(np_table_peek(box->table, entry)->mark & IN_MAIN);
    np_ring_unlink(s->link, entry);
}

/* The one that goes from the small queue, or NP_ENTRY_NONE when all of it moved into the main one. */
static uint32_t from_small(s3fifo *s, const np_evict_box *box, np_time now)
{
    for (uint32_t entry; (entry = np_ring_oldest(s->link, s->capacity)) != s->capacity;) {
        np_entry *e = np_table_entry(box->table, entry);
        if (e->mark < TO_MAIN) {
            np_tuple inside = np_entry_inside(e);
            np_graves_bury(s->ghost, &inside, &inside.local, inside.local_port, now);
            return entry;
        }
        e->mark = IN_MAIN;
        s->small--;
        np_ring_unlink(s->link, entry);
        np_ring_append(s->link, s->capacity + 1, entry);
    }
    return NP_ENTRY_NONE;
}

static uint32_t from_main(s3fifo *s, const np_evict_box *box)
{
    for (uint32_t entry; (entry = np_ring_oldest(s->link, s->capacity + 1)) != s->capacity + 1;) {
        np_entry *e = np_table_entry(box->table, entry);
        if (!(e->mark & USES)) return entry;
        e->mark--;
        np_ring_unlink(s->link, entry);
        np_ring_append(s->link, s->capacity + 1, entry);
    }
    return NP_ENTRY_NONE;
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)inside;
    s3fifo *s = state;
    uint32_t entry = s->small >= s->share ? from_small(s, box, now) : NP_ENTRY_NONE;
    return entry != NP_ENTRY_NONE ? entry : from_main(s, box);
}

const np_evict_policy np_evict_s3fifo = {.name = "s3fifo",
                                         .about = "new mappings are on probation in a small queue; who was "
                                                  "used twice or came back is in a main one (SOSP 2023)",
                                         .create = create,
                                         .destroy = destroy,
                                         .bytes = bytes,
                                         .inserted = inserted,
                                         .touched = touched,
                                         .removing = removing,
                                         .victim = victim};
