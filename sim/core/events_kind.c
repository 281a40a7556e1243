/*
 * The list of event queues, and the chosen one behind the same small interface as the others.
 */
#include "events_kind.h"

static void *create(void)
{
    return np_events_create();
}
static void destroy(void *q)
{
    np_events_destroy(q);
}
static bool push(void *q, np_time time, uint64_t what)
{
    return np_events_push(q, time, what);
}
static bool pop(void *q, np_event *out)
{
    return np_events_pop(q, out);
}
static np_time peek(void *q)
{
    return np_events_peek(q);
}

static const np_events_kind radix = {"radix", create, destroy, push, pop, peek};

const np_events_kind *const np_events_kinds[] = {
    &radix, &np_events_binary, &np_events_heap, &np_events_calendar, NULL,
};
