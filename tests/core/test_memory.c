/* Large blocks: zeroed, aligned, and refused when absurd. */
#include "natpulse/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_blocks(void **state)
{
    (void)state;
    static const size_t size[] = {
        0, 1, 63, 64, 65, 4096, NP_HUGE_PAGE - 1, NP_HUGE_PAGE, 3 * NP_HUGE_PAGE + 5};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        for (int again = 0; again < 2; again++) { /* the second time perhaps the same memory, dirty */
            unsigned char *p = np_memory_zeroed(size[i]);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % (size[i] >= NP_HUGE_PAGE ? NP_HUGE_PAGE : 64), 0);
            for (size_t k = 0; k < size[i]; k++) assert_int_equal(p[k], 0);
            memset(p, 0xa5, size[i]);
            free(p);
        }
    }
    assert_null(np_memory_zeroed(SIZE_MAX - 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks)};
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
