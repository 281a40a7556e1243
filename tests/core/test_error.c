/*
 * Errors: whatever goes in, one printable line comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/error.h"

#include <string.h>

static void fills(void **state)
{
    np_error e;
    (void)state;
    assert_false(np_fail(&e, NP_TROUBLE_USAGE, "%s:%d: %s", "a.yaml", 7, "unknown key"));
    assert_int_equal(e.kind, 2);
    assert_string_equal(e.text, "a.yaml:7: unknown key");
    assert_false(np_fail(NULL, NP_TROUBLE_RUN, "nobody listens"));
    assert_false(np_fail_memory(&e, "the table"));
    assert_int_equal(e.kind, NP_TROUBLE_RUN);
    assert_string_equal(e.text, "out of memory for the table");
}

static void stays_one_line(void **state)
{
    np_error e;
    (void)state;
    np_fail(&e, NP_TROUBLE_INPUT, "bad name '%s'", "a\nb\033[31m\x7f\tü");
    assert_string_equal(e.text, "bad name 'a?b?[31m??ü'");
}

/* A long text is cut, and never inside a character of one to four bytes. */
static void cuts_whole_characters(void **state)
{
    static const char *const character[] = {"x", "ü", "€", "😀"};
    (void)state;
    for (size_t c = 0; c < 4; ++c) {
        size_t n = strlen(character[c]);
        for (size_t lead = 0; lead < 8; ++lead) {
            char long_text[4096] = "";
            np_error e;
            memset(long_text, '.', lead);
            for (size_t i = lead; i + n < sizeof long_text; i += n)
                memcpy(long_text + i, character[c], n + 1);
            np_fail(&e, NP_TROUBLE_RUN, "%s", long_text);

            size_t want = lead + (sizeof e.text - 1 - lead) / n * n;
            assert_int_equal(strlen(e.text), want);
            assert_memory_equal(e.text, long_text, want);
        }
    }
}

/* Bytes that are no UTF-8 do no harm. */
static void bears_garbage(void **state)
{
    char garbage[3000];
    np_error e;
    (void)state;
    memset(garbage, 0x80, sizeof garbage);
    garbage[sizeof garbage - 1] = '\0';
    np_fail(&e, NP_TROUBLE_RUN, "%s", garbage);
    assert_true(strlen(e.text) >= sizeof e.text - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills),
        cmocka_unit_test(stays_one_line),
        cmocka_unit_test(cuts_whole_characters),
        cmocka_unit_test(bears_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
