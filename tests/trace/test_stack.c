/*
 * Stack distances with holes against what they stand for: an LRU table of every size, each kept by itself.
 */
#include "../../sim/trace/stack.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

#define ELEMENTS 48

/* A table: most recent first. */
typedef struct table {
    uint32_t element[ELEMENTS], n;
} table;

static bool take(table *t, uint32_t element)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->element[i] != element) continue;
        memmove(&t->element[i], &t->element[i + 1], (--t->n - i) * sizeof *t->element);
        return true;
    }
    return false;
}

static void put_first(table *t, uint32_t capacity, uint32_t element)
{
    if (t->n == capacity) t->n--;
    memmove(&t->element[1], &t->element[0], t->n++ * sizeof *t->element);
    t->element[0] = element;
}

static uint32_t slot[1 << 20];
static uint32_t *place(void *ctx, uint32_t owner)
{
    (void)ctx;
    return &slot[owner];
}

static void test_every_size(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        static table of[ELEMENTS + 1]; /* by capacity */
        np_stack s;
        uint32_t elements = 2 + any(ELEMENTS - 1), leaving = any(4); /* none, or more and more of them */
        memset(of, 0, sizeof of);
        memset(slot, 0xff, sizeof slot);
        assert_true(np_stack_init(&s, 0, place, NULL));
        for (int step = 0; step < 50000; step++) { /* more than there are slots at first: they run out */
            uint32_t element = any(3) ? any(elements) : any(elements / 2 + 1), distance;
            if (any(10) < leaving) {
                if (slot[element] == NP_STACK_NOWHERE) continue;
                assert_true(np_stack_leave(&s, &slot[element]));
                for (uint32_t c = 1; c <= ELEMENTS; c++) take(&of[c], element);
                continue;
            }
            assert_true(np_stack_touch(&s, element, &slot[element], &distance));
            for (uint32_t c = 1; c <= ELEMENTS; c++) {
                bool held = take(&of[c], element);
                if (held != (distance <= c)) fail_msg("step %d, size %u: distance %u", step, c, distance);
                put_first(&of[c], c, element);
            }
        }
        np_stack_free(&s);
    }
}

/* Many elements, so that slots grow: distances counted by a plain array of latest touches. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 200000, CHECKED = 300 };
    static uint64_t latest[MANY];
    np_stack s;
    uint64_t now = 0;
    memset(slot, 0xff, sizeof slot);
    memset(latest, 0, sizeof latest);
    assert_true(np_stack_init(&s, 0, place, NULL));
    for (int i = 0; i < 5 * MANY + CHECKED; i++) {
        uint32_t element = i < MANY ? (uint32_t)i : any(MANY), distance, expected = 1;
        assert_true(np_stack_touch(&s, element, &slot[element], &distance));
        if (i >= 5 * MANY) {
            for (uint32_t k = 0; k < MANY; k++) expected += latest[k] > latest[element];
            assert_int_equal(distance, expected);
        }
        latest[element] = ++now;
    }
    np_stack_free(&s);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_every_size), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests_name("stack", test, NULL, NULL);
}
