/*
 * The arena: what it gives is zeroed, aligned, and nobody else's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/arena.h"
#include "natpulse/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

static void gives_separate_zeroed_memory(void **state)
{
    enum { PIECES = 4000 };
    static unsigned char *piece[PIECES];
    static size_t size[PIECES];
    np_stream s = np_stream_make(np_key_make(seed, 0), 0, 1);
    np_arena *a = np_arena_create();
    (void)state;
    assert_non_null(a);
    for (size_t i = 0; i < PIECES; ++i) {
        uint64_t r = np_stream_next(&s);
        size[i] = r % 100 == 0 ? r >> 8 & 0xffff : r >> 8 & 0xff;
        piece[i] = np_arena_alloc(a, size[i]);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size[i]; ++k) assert_int_equal(piece[i][k], 0);
        if (size[i] > 0) memset(piece[i], (int)(i % 255 + 1), size[i]);
        if (i > 0) assert_ptr_not_equal(piece[i], piece[i - 1]);
    }
    for (size_t i = 0; i < PIECES; ++i) {
        for (size_t k = 0; k < size[i]; ++k) assert_int_equal(piece[i][k], i % 255 + 1);
    }
    np_arena_destroy(a);
}

static void copies_text(void **state)
{
    np_arena *a = np_arena_create();
    char source[] = "changes later";
    char *copy = np_arena_text(a, source);
    (void)state;
    source[0] = 'X';
    assert_string_equal(copy, "changes later");
    assert_string_equal(np_arena_text(a, ""), "");
    assert_string_equal(np_arena_format(a, "%s:%d", "file", 12), "file:12");

    char *wide = np_arena_format(a, "%100000d", 1);
    assert_int_equal(strlen(wide), 100000);
    np_arena_destroy(a);
}

static void refuses_the_impossible(void **state)
{
    np_arena *a = np_arena_create();
    (void)state;
    assert_null(np_arena_alloc(a, SIZE_MAX));
    assert_null(np_arena_alloc(a, SIZE_MAX - 40));
    assert_non_null(np_arena_alloc(a, 1)); /* and works on */
    np_arena_destroy(a);
    np_arena_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_separate_zeroed_memory),
        cmocka_unit_test(copies_text),
        cmocka_unit_test(refuses_the_impossible),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
