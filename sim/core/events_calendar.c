/*
 * A calendar queue: a ring of days, each a sorted list of the events that fall on it in any year. The number
 * of days follows the number of events, the length of a day their spacing, estimated from the earliest
 * ones at each change of size as Brown gives it.
 *
 * A day's length suits one density: where many events lie near and few far, or the mix changes while the
 * count does not, days are too long for some events and too short for others.
 */
#include "events_kind.h"
#include <assert.h>
#include <stdlib.h>

#define LEAST_DAYS 16
#define SAMPLE     25 /* events from which the spacing is estimated (Brown) */
#define NONE       UINT32_MAX

typedef struct node {
    np_event event;
    uint32_t next;
} node;

typedef struct day {
    uint32_t first, last;
} day;

/* Brown gives no length to begin with; any will do until the first change of size. */
#define FIRST_LENGTH NP_MILLISECOND

typedef struct queue {
    day *day;
    uint32_t days; /* a power of two */
    np_time length;
    np_time now;
    uint32_t n;
    bool found; /* found_day's first event is the earliest */
    uint32_t found_day;
    node *node;
    uint32_t nodes, unused;
} queue;

static void *create(void)
{
    queue *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    *q = (queue){.days = LEAST_DAYS, .length = FIRST_LENGTH, .unused = NONE};
    q->day = malloc(q->days * sizeof *q->day);
    if (!q->day) {
        free(q);
        return NULL;
    }
    for (uint32_t i = 0; i < q->days; i++) q->day[i].first = NONE;
    return q;
}

static void destroy(void *of)
{
    queue *q = of;
    if (!q) return;
    free(q->day);
    free(q->node);
    free(q);
}

static uint32_t day_of(const queue *q, np_time t)
{
    return (uint32_t)(t / q->length) & (q->days - 1);
}

/* Links a node into its day, after all that are not later. */
static void link_node(queue *q, uint32_t i)
{
    np_time t = q->node[i].event.time;
    day *d = &q->day[day_of(q, t)];
    if (d->first == NONE) {
        d->first = d->last = i;
        q->node[i].next = NONE;
    } else if (q->node[d->last].event.time <= t) {
        q->node[d->last].next = i;
        q->node[i].next = NONE;
        d->last = i;
    } else {
        uint32_t *at = &d->first;
        while (q->node[*at].event.time <= t) at = &q->node[*at].next;
        q->node[i].next = *at;
        *at = i;
    }
}

/* Finds the day whose first event is the earliest: the first day of this year that has one, else the least of
   all years. */
static void find(queue *q)
{
    if (q->found) return;
    uint32_t d = day_of(q, q->now), best = NONE;
    uint64_t length = (uint64_t)q->length, end = ((uint64_t)q->now / length + 1) * length;
    for (uint32_t i = 0; i < q->days; i++, d = (d + 1) & (q->days - 1), end += length) {
        uint32_t first = q->day[d].first;
        if (first == NONE) continue;
        if ((uint64_t)q->node[first].event.time < end) {
            best = d;
            break;
        }
        if (best == NONE || q->node[first].event.time < q->node[q->day[best].first].event.time) best = d;
    }
    q->found_day = best;
    q->found = true;
}

static bool take(queue *q, np_event *out)
{
    if (!q->n) return false;
    find(q);
    day *d = &q->day[q->found_day];
    uint32_t i = d->first;
    *out = q->node[i].event;
    d->first = q->node[i].next;
    q->node[i].next = q->unused;
    q->unused = i;
    q->found = false;
    q->now = out->time;
    q->n--;
    return true;
}

static bool put(queue *q, np_event e)
{
    if (q->unused == NONE) {
        uint32_t more = q->nodes ? 2 * q->nodes : 64;
        node *grown = realloc(q->node, more * sizeof *grown);
        if (!grown) return false;
        q->node = grown;
        for (uint32_t i = more; i-- > q->nodes; q->unused = i) q->node[i].next = q->unused;
        q->nodes = more;
    }
    uint32_t i = q->unused;
    q->unused = q->node[i].next;
    q->node[i].event = e;
    link_node(q, i);
    if (q->found && e.time < q->node[q->day[q->found_day].first].event.time) q->found_day = day_of(q, e.time);
    if (q->n++ == 0) q->found = false;
    return true;
}

/* Three times the mean spacing of the earliest events, leaving out spacings of more than twice the mean; at
   most such that a year from any time on ends before 2^64. */
static np_time estimate_length(queue *q, uint32_t days)
{
    np_event e[SAMPLE];
    np_time now = q->now, sum = 0;
    uint32_t n = 0, kept = 0;
    while (n < SAMPLE && take(q, &e[n])) n++;
    /* Back to where they came from: each goes before what is left of its day. */
    for (uint32_t i = n; i-- > 0;) {
        uint32_t at = q->unused;
        day *d = &q->day[day_of(q, e[i].time)];
        q->unused = q->node[at].next;
        q->node[at] = (node){e[i], d->first};
        if (d->first == NONE) d->last = at;
        d->first = at;
        q->n++;
    }
    q->now = now;
    q->found = false;
    if (n < 2) return FIRST_LENGTH;
    np_time mean = (e[n - 1].time - e[0].time) / (n - 1);
    for (uint32_t i = 1; i < n; i++) {
        np_time spacing = e[i].time - e[i - 1].time;
        if (spacing / 2 > mean) continue;
        sum += spacing;
        kept++;
    }
    np_time most = INT64_MAX / 2 / days, spacing = kept ? sum / kept : 0;
    if (spacing == 0) return 1;
    return spacing < most / 3 ? 3 * spacing : most;
}

static bool resize(queue *q, uint32_t days)
{
    np_time length = estimate_length(q, days);
    day *old = q->day, *fresh = malloc(days * sizeof *fresh);
    uint32_t old_days = q->days;
    if (!fresh) return false;
    for (uint32_t i = 0; i < days; i++) fresh[i].first = NONE;
    q->day = fresh;
    q->days = days;
    q->length = length;
    q->found = false;
    for (uint32_t i = 0; i < old_days; i++)
        for (uint32_t at = old[i].first, next; at != NONE; at = next) {
            next = q->node[at].next;
            link_node(q, at);
        }
    free(old);
    return true;
}

static bool push(void *of, np_time time, uint64_t what)
{
    queue *q = of;
    assert(time >= q->now);
    return put(q, (np_event){time, what}) && (q->n <= 2 * q->days || resize(q, 2 * q->days));
}

static bool pop(void *of, np_event *out)
{
    queue *q = of;
    if (!take(q, out)) return false;
    if (q->days > LEAST_DAYS && q->n < q->days / 2) resize(q, q->days / 2); /* a failure leaves it as it is */
    return true;
}

static np_time peek(void *of)
{
    queue *q = of;
    if (!q->n) return NP_NEVER;
    find(q);
    return q->node[q->day[q->found_day].first].event.time;
}

const np_events_kind np_events_calendar = {"calendar", create, destroy, push, pop, peek};
