/*
 * `expiry: linux`: how Linux finds the dead (nf_conntrack_core.c). A mapping has a deadline and no timer.
 * Past it no packet finds it, but it fills its place and counts until somebody comes by:
 *
 *     a lookup     buries the dead that it meets in its hash bucket before what it looks for
 *     early drop   those in the buckets that it looks through (evict_linux_early_drop.c)
 *     the search   for a port those in the buckets of the ports that it tries
 *     the collector, which walks through all buckets, pauses, and begins anew
 *
 * A round looks at each mapping in both its buckets and keeps a running mean of the lifetimes left, each
 * taken for 1 s at the least and 5 min at the most, as if it had met 100 of 60 s before. The pause from the
 * beginning of one round to that of the next is that mean, 1 s to 60 s. So a box with few flows is visited
 * once a minute, and one full of short-lived flows every few seconds. The mean is in whole jiffies, as in the
 * kernel, where it hardly moves any more after some ten thousand mappings. A round that has buried 257 stops
 * for a jiffy, and so on.
 *
 * The emergency: when a new flow was refused, the next slice of a round (the next round if none is under way)
 * also takes what early drop would spare, while the table is at least 95 % full: all that are not assured,
 * and all of TCP that are closing. They count against the 257; and with the pause after these the emergency
 * is over, until the next flow is refused.
 *
 * Timers are as late as the kernel's wheel makes them: a pause that long is rounded up to a multiple of 512
 * jiffies (2 s), shorter ones less.
 *
 * Where rounds begin is drawn at random: a box has been up for some time when it gets its first mapping.
 * After a restart the first round begins a second later.
 *
 * Assumed: HZ = 250, as Debian builds kernels; a slice takes no time (the kernel's stops for breath after 10
 * ms); the box has its machine for itself (the kernel's collector does the rounds of all namespaces).
 *
 * Cost: of a round the mappings and the buckets, at least a simulated second apart; of a lookup one hash and
 * one bit, which says whether anybody dead may be in the bucket.
 */
#include "box_state.h"

#define HZ          250
#define JIFFY       (NP_SECOND / HZ)
#define PAUSE_LEAST (1 * HZ)  /* GC_SCAN_INTERVAL_MIN */
#define PAUSE_MOST  (60 * HZ) /* GC_SCAN_INTERVAL_MAX */
#define LIFE_MOST   (300 * HZ)
#define MET_BEFORE  100 /* GC_SCAN_INITIAL_COUNT, of PAUSE_MOST each */
#define SLICE       (64000 / HZ + 1)
#define FULL(max)   ((max) / 100 * 95)

/* The timer wheel (kernel/time/timer.c): each level takes eight times as long as the one below, as coarsely.
 */
#define LEVEL_BITS  3
#define FIRST_LEVEL 63                    /* jiffies */
#define COARSE      (1 << 3 * LEVEL_BITS) /* the grain of a pause of PAUSE_MOST */

static int64_t jiffy_of(const np_collector *c, np_time t)
{
    return (t - c->epoch) / JIFFY;
}

static np_time timer(const np_collector *c, np_time now, int64_t jiffies)
{
    int shift = 0;
    for (int64_t reach = FIRST_LEVEL; jiffies >= reach; reach <<= LEVEL_BITS) shift += LEVEL_BITS;
    int64_t at = ((jiffy_of(c, now) + jiffies) >> shift) + 1;
    return c->epoch + (at << shift) * JIFFY;
}

void np_collector_begin(np_box *b, np_time now, bool restarted)
{
    np_collector *c = &b->collector;
    uint64_t offset = np_random(b->key, b->entity, NP_NAT_PURPOSE_COLLECT, 0);
    uint64_t phase = np_random(b->key, b->entity, NP_NAT_PURPOSE_COLLECT, 1);
    if (!restarted) c->epoch = now - np_below(offset, COARSE * JIFFY);
    c->bucket = 0;
    c->emergency = false;
    c->next = restarted ? timer(c, now, HZ)
                        : c->epoch + (1 + np_below(phase, PAUSE_MOST / COARSE + 1)) * COARSE * JIFFY;
    if (c->next < b->due) b->due = c->next;
}

/* ---- rounds ---- */

static int64_t clamp(int64_t x, int64_t least, int64_t most)
{
    return x < least ? least : x > most ? most : x;
}

static void meet(const np_box *b, np_collector *c, const np_entry *e)
{
    int64_t left = clamp((np_box_deadline(b, e) - c->next) / JIFFY, PAUSE_LEAST, LIFE_MOST);
    c->mean += (left - c->mean) / ++c->met;
}

static bool is_expendable(const np_entry *e)
{
    return !(e->state & NP_TRACK_ASSURED) || (e->state & NP_TRACK_CLOSING);
}

/* Goes on to the last bucket, or until a slice is full: false then. */
static bool walk(np_box *b, uint32_t full)
{
    np_collector *c = &b->collector;
    np_buckets *h = b->buckets;
    uint32_t buried = 0;
    for (; c->bucket < h->buckets; c->bucket++) {
        uint32_t anchor = np_buckets_anchor(h, c->bucket), next;
        for (uint32_t node = np_buckets_next(h, anchor); node != anchor; node = next) {
            if (buried == SLICE) return false;
            uint32_t entry = np_buckets_entry(node);
            const np_entry *e = np_table_peek(b->table, entry);
            next = np_buckets_skip(h, node);
            if (np_box_is_dead(b, entry)) {
                np_box_remove(b, entry, NP_MAPPING_FREED, c->next);
                buried++;
                continue;
            }
            meet(b, c, e);
            if (full == 0 || np_table_used(b->table) < full || !is_expendable(e)) continue;
            np_box_remove(b, entry, NP_MAPPING_EVICTED, c->next);
            buried++;
        }
        np_buckets_clean(h, c->bucket);
    }
    return true;
}

void np_collect(np_box *b)
{
    np_collector *c = &b->collector;
    int64_t now = jiffy_of(c, c->next), pause;
    if (c->bucket == 0) {
        c->mean = PAUSE_MOST;
        c->met = MET_BEFORE;
        c->began = now;
    }
    if (np_table_used(b->table) == 0 || walk(b, c->emergency ? FULL(np_table_capacity(b->table)) : 0)) {
        c->bucket = 0;
        int64_t took = clamp(now - c->began, 1, PAUSE_MOST);
        pause = clamp(clamp(c->mean, PAUSE_LEAST, PAUSE_MOST) - took, 1, PAUSE_MOST);
    } else {
        pause = now - c->began < PAUSE_MOST ? 1 : 0; /* this round has taken long enough */
    }
    if (pause == 0) return;
    c->emergency = false;
    c->next = timer(c, c->next, pause);
}

/* ---- lookups ---- */

void np_box_reap(np_box *b, const np_tuple *tuple, np_bucket_kind kind, uint32_t entry)
{
    np_buckets *h = b->buckets;
    uint32_t bucket = np_buckets_of(h, tuple, kind), anchor = np_buckets_anchor(h, bucket), next;
    if (!np_buckets_is_dirty(h, bucket)) return;
    for (uint32_t node = np_buckets_next(h, anchor); node != anchor; node = next) {
        if (np_buckets_entry(node) == entry) return;
        next = np_buckets_skip(h, node);
        np_box_found_dead(b, np_buckets_entry(node), b->now);
    }
    np_buckets_clean(h, bucket);
}
