/*
 * Two canonical texts, and what is said of them.
 */
#include "../../sim/study/difference.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BASE                                                                                                 \
    "name: x\n"                                                                                              \
    "nat:\n"                                                                                                 \
    "  capacity: 320\n"                                                                                      \
    "  timeouts:\n"                                                                                          \
    "    udp: 30s\n"                                                                                         \
    "access:\n"                                                                                              \
    "  delay: 1ms\n"                                                                                         \
    "strategies:\n"                                                                                          \
    "- name: one: two\n"                                                                                     \
    "  keepalive:\n"                                                                                         \
    "    idle: 1m\n"                                                                                         \
    "- name: other\n"                                                                                        \
    "  keepalive: off\n"

static void says(const char *before, const char *now, const char *expected)
{
    char what[NP_DIFFERENCE] = "nothing";
    bool different = np_difference(before, now, what);
    if (different != (expected != NULL) || (expected && strcmp(what, expected) != 0))
        fail_msg("expected %s, got %s", expected ? expected : "no difference", what);
}

/* BASE with the first `from` replaced by `to`. */
static const char *with(const char *from, const char *to)
{
    static char text[1000];
    const char *at = strstr(BASE, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - BASE), BASE, to, at + strlen(from));
    return text;
}

static void names_the_first_difference(void **state)
{
    (void)state;
    says(BASE, BASE, NULL);
    says("", "", NULL);
    says(BASE, with("320", "12"), "nat.capacity was 320 and is 12");
    says(BASE, with("30s", "1m"), "nat.timeouts.udp was 30s and is 1m");
    says(BASE, with("1ms", "2ms"), "access.delay was 1ms and is 2ms");
    says(BASE, with("idle: 1m", "idle: 2m"), "strategies.one: two.keepalive.idle was 1m and is 2m");
    says(BASE, with("keepalive: off", "keepalive: on"), "strategies.other.keepalive was off and is on");
    says(BASE, with("name: x", "name: y"), "name was x and is y");
    says(BASE, with("- name: other", "- name: another"),
         "it had strategies.other where strategies.another is now");
    says(BASE, BASE "vary:\n  nat.capacity: [1]\n", "vary has been added");
    says(BASE "vary:\n  nat.capacity: [1]\n", BASE, "it had vary, which is gone");
    says(BASE, with("  delay: 1ms\n", ""), "it had access.delay where strategies is now");
}

/* The text before is from a file that anybody may have made. */
static void foreign_text_is_survived(void **state)
{
    (void)state;
    static char huge[20000];
    char what[NP_DIFFERENCE];
    memset(huge, ' ', sizeof huge - 1);
    assert_true(np_difference(huge, BASE, what));
    memset(huge, 'a', sizeof huge - 1);
    assert_true(np_difference(huge, BASE, what));
    assert_true(strlen(what) < NP_DIFFERENCE);
    for (size_t i = 0; i + 1 < sizeof huge; i += 2) memcpy(huge + i, "\n-", 2);
    assert_true(np_difference(huge, BASE, what));
    assert_true(np_difference("name: \x1b[2J\x07 evil", BASE, what));
    assert_null(strpbrk(what, "\x1b\x07"));
    static const char *const odd[] = {"\n", "\n\n\n",   ":",         " : ", "- ",
                                      "-",  "- name: ", "  - name:", "a",   " "};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_true(np_difference(odd[i], BASE, what));
        assert_true(np_difference(BASE, odd[i], what));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_first_difference),
        cmocka_unit_test(foreign_text_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
