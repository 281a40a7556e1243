/*
 * Workloads: finds the shape and asks it. Nothing is remembered, so a round costs one or two Philox blocks
 * whenever it is asked for, in any order.
 */
#include "work_shape.h"
#include <assert.h>
#include <string.h>

/* The list: a shape's name, which is also its file's and its table's. */
#define EACH_SHAPE(X) X(exchange) X(ticks)

#define DECLARE(name) extern const np_work_shape np_shape_##name;
#define TABLE(name)   &np_shape_##name,
#define NAME(name)    #name,
EACH_SHAPE(DECLARE)
static const np_work_shape *const list[] = {EACH_SHAPE(TABLE)};
static const char *const names[] = {EACH_SHAPE(NAME) NULL};

const char *const *np_work_list(void)
{
    return names;
}

static const np_work_shape *shape(const np_work_config *w)
{
    unsigned i = 0;
    while (names[i] && strcmp(names[i], w->shape)) i++;
    assert(names[i]);
    return list[i];
}

np_round np_work_round(const np_work_config *w, np_key key, uint32_t entity, uint32_t k)
{
    return shape(w)->round(w, key, entity, k);
}

bool np_work_is_fleeting(const np_work_config *w)
{
    return shape(w)->fleeting;
}

np_exchange np_work_exchange(const np_work_config *w, np_key key, uint32_t entity, uint32_t k, uint32_t i)
{
    return shape(w)->exchange(w, key, entity, k, i);
}
