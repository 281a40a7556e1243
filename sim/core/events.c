/*
 * The event queue: a radix heap with digits of six bits and a sorted front.
 *
 *      front      [ 17 | 18 | 18 | 25 ]                                    all events before front_until
 *      level 0    bucket d: times that differ from `base` in the lowest digit only, where they have d
 *      level 1    bucket d: ... in the second digit (and below), where they have d
 *      ...        each bucket a chain of chunks of 31 events:  [31] -> [31] -> [ 4]
 *      level 10   times are below 2^63, that is 11 digits
 *
 * A push goes to the front when it is due before front_until; else to the bucket of the highest digit in
 * which it differs from `base`. A pop takes from the front. When that is empty, the lowest bucket of the
 * lowest level that has any is next: a short one is sorted into the front and front_until becomes the end of
 * its range; a long one is spread over the levels below. Should later pushes overfill the front, it is spread
 * in the same way, and a narrower bucket becomes the next front.
 *
 * Invariants
 *  - base <= now <= every pending time. Only a pop moves base: after a peek a push earlier than the peeked
 *    time is still in order, since peeking changes nothing (a bucket knows its least time).
 *  - Front, then levels upwards, then digits upwards: each holds nothing later than the next does. While the
 *    front covers a bucket of level L, the levels below L are empty.
 *  - Events of one time come out in the order of pushing: buckets are appended to and spread in order,
 *    sorting and insertion are stable. A level 0 bucket holds one time only, so it is served a chunk at
 *    a time while later pushes of that time go to its end.
 *
 * Memory: chunks from blocks that double the total. Only the last chunk of a bucket is partly filled, so
 * pending / 31 + BUCKETS + 1 chunks suffice whatever happens; push sees to it that there are so many, and
 * spreading, which only moves events, cannot run out. 16.5 B an event, up to twice that after a doubling, and
 * half a megabyte at least; what was never used is never touched.
 *
 * Cost: peek and the common pop are a handful of instructions. An event moves once a level at most, in
 * practice two or three times in its life whatever its delay: a bucket need not be spread to the last digit,
 * only until it is short. All writes go to the ends of 64 chains, which stay in cache; chains are read in
 * sequence, and ahead.
 *
 * Measured (`natpulse bench queue` repeats it against the queues in events_kind.h): a hold takes 15 to 40 ns
 * from 64 to a million pending, with exponential delays as with packets and long timeouts mixed.
 *
 * Tried and lost
 *  - The textbook radix heap (a bucket a bit, events_binary.c): the same order, 1.7 to 2.7 times the time, as
 *    events move more often.
 *  - A heap of four children (events_heap.c): 1.3 to 1.7 times the time at 64 pending, four to nine times at
 * a million.
 *  - A calendar queue (events_calendar.c): near up to 16 thousand pending, four to seven times slower at a
 *    million, since its list nodes lie scattered; and the length of its day is a guess that can be wrong.
 *  - Digits of 4 or 5 bits: no faster below 256 thousand pending, slower there. Chunks of 7 and 15 events:
 *    slower from 256 thousand on (more chains to follow); of 63: no gain. No prefetching of chunks: a third
 *    slower at a million. Huge pages, prefetching the next bucket: within the noise.
 */
#include "natpulse/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS   6 /* so that the buckets of a level are the bits of one word */
#define DIGITS       (1u << DIGIT_BITS)
#define LEVELS       11 /* ceil(63 / DIGIT_BITS) */
#define BUCKETS      (LEVELS * DIGITS)
#define CHUNK_EVENTS 31
#define SHORT_CHUNKS 2   /* a bucket of so many chunks is sorted and not spread */
#define FRONT_MAX    128 /* a front of so many events is spread */
#define FIRST_CHUNKS 1024

typedef struct chunk {
    np_event event[CHUNK_EVENTS];
    struct chunk *next;
    uint64_t pad; /* to eight cache lines */
} chunk;

_Static_assert(sizeof(chunk) == 512, "a chunk is eight cache lines");

typedef struct block {
    struct block *next;
    chunk chunk[] __attribute__((aligned(64)));
} block;

typedef struct bucket {
    chunk *first, *last;
    np_time least;
    uint32_t fill; /* events in the last chunk */
} bucket;

struct np_events {
    uint32_t front_at, front_end;
    uint64_t front_until; /* one past the last time the front covers; may be 2^63 */
    np_time now, base;
    size_t pending, room;    /* push needs no memory while pending < room */
    uint32_t levels;         /* bit l: level l has events */
    uint64_t digits[LEVELS]; /* bit d: bucket d of the level has events */
    chunk *unused;
    chunk *fresh, *fresh_end; /* part of the newest block that was never used */
    block *blocks;
    size_t chunks;
    np_event front[2 * FRONT_MAX]; /* twice: moved down once in FRONT_MAX pushes at most */
    bucket bucket[LEVELS][DIGITS];
};

/* ---- memory ---- */

/* Doubles the chunks. */
static bool grow(np_events *q)
{
    size_t more = q->chunks ? q->chunks : FIRST_CHUNKS;
    block *b = aligned_alloc(64, sizeof(block) + more * sizeof(chunk));
    if (!b) return false;
    b->next = q->blocks;
    q->blocks = b;
    for (; q->fresh != q->fresh_end; q->fresh++) {
        q->fresh->next = q->unused;
        q->unused = q->fresh;
    }
    q->fresh = b->chunk;
    q->fresh_end = b->chunk + more;
    q->chunks += more;
    q->room = (q->chunks - BUCKETS - 1) * CHUNK_EVENTS;
    return true;
}

static inline chunk *take_chunk(np_events *q)
{
    chunk *c = q->unused;
    if (c) {
        q->unused = c->next;
        return c;
    }
    assert(q->fresh != q->fresh_end);
    return q->fresh++;
}

static inline void drop_chunk(np_events *q, chunk *c)
{
    c->next = q->unused;
    q->unused = c;
}

np_events *np_events_create(void)
{
    np_events *q = calloc(1, sizeof *q);
    if (q && !grow(q)) {
        free(q);
        return NULL;
    }
    return q;
}

void np_events_destroy(np_events *q)
{
    if (!q) return;
    for (block *b = q->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(q);
}

/* ---- buckets ---- */

static inline void append(np_events *q, np_event e)
{
    uint64_t differs = (uint64_t)(e.time ^ q->base);
    unsigned level = (63u - (unsigned)__builtin_clzll(differs | 1)) / DIGIT_BITS;
    unsigned digit = (unsigned)((uint64_t)e.time >> (level * DIGIT_BITS)) % DIGITS;
    bucket *b = &q->bucket[level][digit];
    uint64_t bit = (uint64_t)1 << digit;
    if (!(q->digits[level] & bit)) {
        q->digits[level] |= bit;
        q->levels |= 1u << level;
        b->first = b->last = take_chunk(q);
        b->fill = 0;
        b->least = e.time;
    } else if (b->fill == CHUNK_EVENTS) {
        b->last = b->last->next = take_chunk(q);
        b->fill = 0;
    }
    b->last->event[b->fill++] = e;
    if (e.time < b->least) b->least = e.time;
}

static inline void mark_empty(np_events *q, unsigned level, unsigned digit)
{
    q->digits[level] &= ~((uint64_t)1 << digit);
    if (!q->digits[level]) q->levels &= ~(1u << level);
}

/* The bucket that is next when the front is empty. There is one. */
static inline bucket *next_bucket(np_events *q, unsigned *level, unsigned *digit)
{
    *level = (unsigned)__builtin_ctz(q->levels);
    *digit = (unsigned)__builtin_ctzll(q->digits[*level]);
    return &q->bucket[*level][*digit];
}

/* Moves a bucket's events to the levels below it. */
static void spread(np_events *q, unsigned level, unsigned digit)
{
    const bucket b = q->bucket[level][digit];
    mark_empty(q, level, digit);
    for (chunk *c = b.first, *next;; c = next) {
        bool end = c == b.last;
        uint32_t n = end ? b.fill : CHUNK_EVENTS;
        next = end ? NULL : c->next;
        for (size_t line = 0; !end && line < sizeof(chunk); line += 64)
            __builtin_prefetch((char *)next + line);
        for (uint32_t i = 0; i < n; i++) append(q, c->event[i]);
        drop_chunk(q, c);
        if (end) return;
    }
}

/* ---- the front ---- */

/* Into its place: after all events that are not later. */
static inline void insert(np_events *q, np_event e)
{
    uint32_t i = q->front_end++;
    for (; i > q->front_at && q->front[i - 1].time > e.time; i--) q->front[i] = q->front[i - 1];
    q->front[i] = e;
}

/* Events of the bucket's first chunk. */
static inline uint32_t first_fill(const bucket *b)
{
    return b->first == b->last ? b->fill : CHUNK_EVENTS;
}

/* Moves the events of the first `chunks` chunks of a bucket to the front. */
static void take(np_events *q, unsigned level, unsigned digit, unsigned chunks)
{
    bucket *b = &q->bucket[level][digit];
    while (chunks--) {
        chunk *c = b->first;
        uint32_t n = first_fill(b);
        for (uint32_t i = 0; i < n; i++) insert(q, c->event[i]);
        bool end = c == b->last;
        b->first = c->next;
        drop_chunk(q, c);
        if (end) {
            mark_empty(q, level, digit);
            return;
        }
    }
}

static bool is_short(const bucket *b)
{
    const chunk *c = b->first;
    for (unsigned i = 1; i < SHORT_CHUNKS && c != b->last; i++) c = c->next;
    return c == b->last;
}

/* Fills the empty front. False when nothing is pending. */
static bool refill(np_events *q)
{
    q->front_at = q->front_end = 0;
    while (q->levels) {
        unsigned level, digit, shift;
        bucket *b = next_bucket(q, &level, &digit);
        q->base = b->least;
        if (level == 0) {
            q->front_until = (uint64_t)q->base; /* later pushes of the same time queue up in the bucket */
            take(q, level, digit, 1);
            return true;
        }
        if (is_short(b)) {
            shift = level * DIGIT_BITS;
            q->front_until = (((uint64_t)q->base >> shift) + 1) << shift;
            take(q, level, digit, SHORT_CHUNKS);
            return true;
        }
        spread(q, level, digit);
    }
    return false;
}

/* Makes room in the front: at its end, or by spreading all of it. */
static void relieve(np_events *q)
{
    uint32_t n = q->front_end - q->front_at;
    if (n < FRONT_MAX) {
        memmove(q->front, q->front + q->front_at, n * sizeof *q->front);
    } else {
        for (uint32_t i = q->front_at; i < q->front_end; i++) append(q, q->front[i]);
        q->front_until = 0;
        n = 0;
    }
    q->front_at = 0;
    q->front_end = n;
}

/* ---- the queue ---- */

bool np_events_push(np_events *q, np_time time, uint64_t what)
{
    assert(time >= q->now);
    if (q->pending == q->room && !grow(q)) return false;
    q->pending++;
    if ((uint64_t)time < q->front_until) {
        if (q->front_end - q->front_at >= FRONT_MAX || q->front_end == 2 * FRONT_MAX) relieve(q);
        if ((uint64_t)time < q->front_until) {
            insert(q, (np_event){time, what});
            return true;
        }
    }
    append(q, (np_event){time, what});
    return true;
}

bool np_events_pop(np_events *q, np_event *out)
{
    if (q->front_at == q->front_end && !refill(q)) return false;
    *out = q->front[q->front_at++];
    q->now = out->time;
    q->pending--;
    return true;
}

np_time np_events_peek(np_events *q)
{
    unsigned level, digit;
    if (q->front_at != q->front_end) return q->front[q->front_at].time;
    return q->levels ? next_bucket(q, &level, &digit)->least : NP_NEVER;
}

const np_event *np_events_ahead(const np_events *q, uint32_t places)
{
    return places < q->front_end - q->front_at ? &q->front[q->front_at + places] : NULL;
}

const np_event *np_events_beyond(const np_events *q, uint32_t *n)
{
    if (!q->levels) {
        *n = 0;
        return NULL;
    }
    unsigned level = (unsigned)__builtin_ctz(q->levels);
    const bucket *b = &q->bucket[level][__builtin_ctzll(q->digits[level])];
    *n = first_fill(b);
    return b->first->event;
}

np_time np_events_now(const np_events *q)
{
    return q->now;
}

size_t np_events_pending(const np_events *q)
{
    return q->pending;
}

size_t np_events_bytes(const np_events *q)
{
    size_t bytes = sizeof *q + q->chunks * sizeof(chunk);
    for (const block *b = q->blocks; b; b = b->next) bytes += sizeof *b;
    return bytes;
}
