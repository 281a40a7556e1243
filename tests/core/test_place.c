/* The folder of this very program. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "natpulse/place.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void this_program(void **state)
{
    (void)state;
    char dir[4096], path[4200];
    assert_ptr_equal(np_program_dir(dir, sizeof dir), dir);
    if (!dir[0]) skip(); /* a system that does not tell */
    snprintf(path, sizeof path, "%s/test_place", dir);
    assert_int_equal(access(path, X_OK), 0);
    char exact[4096];
    size_t whole = strlen(path) + 1;
    assert_string_equal(np_program_dir(exact, whole + 1), dir);
    for (size_t size = 1; size < whole; size++) {
        memset(exact, 'x', sizeof exact);
        assert_string_equal(np_program_dir(exact, size), "");
        assert_int_equal(exact[size], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(this_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
