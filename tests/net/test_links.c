/*
 * Many links of one kind against as many single ones: the same packets meet the same fates, whether or not
 * the many need memory. Times are drawn so that often several links, and one link several times, send at one
 * instant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/links.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT 300

static uint64_t seed = 1;
static np_key key;

enum { PURPOSE_LINK = NP_PURPOSE(2, 0x100), PURPOSE_TIME };

/* As many sends as links at the first instants, so that a table of those that sent has to grow. */
static np_time next_time(np_time now, uint32_t n)
{
    if (n < 4 * COUNT) return n / (2 * COUNT);
    uint64_t r = np_random(key, n, PURPOSE_TIME, 0);
    return now + (r % 4 ? 0 : (np_time)np_below(r, 3 * NP_SECOND));
}

static void as_single_ones(const np_link_config *c, uint32_t first)
{
    np_link single[COUNT];
    np_links *many = np_links_create(c, key, first, COUNT);
    assert_non_null(many);
    for (uint32_t i = 0; i < COUNT; i++) np_link_init(&single[i], c, key, first + i);
    np_time now = 0;
    uint32_t lost = 0;
    for (uint32_t n = 0; n < 40000; n++) {
        now = next_time(now, n);
        uint32_t i = np_below(np_random(key, n, PURPOSE_LINK, 0), n % 2 ? 3 : COUNT);
        if (n % 7 == 0) assert_int_equal(np_links_up(many, i, now), np_link_up(&single[i], c, key, now));
        np_time want = np_link_send(&single[i], c, key, now, 40 + n % 1400), got;
        assert_true(np_links_send(many, i, now, 40 + n % 1400, &got));
        if (got != want)
            fail_msg("packet %u, at %lld over link %u: %lld, want %lld", n, (long long)now, i, (long long)got,
                     (long long)want);
        assert_int_equal(np_links_next_change(many, i), np_link_next_change(&single[i]));
        lost += got == NP_LOST;
    }
    if (c->loss_kind != NP_LOSS_NONE || c->outages) assert_in_range(lost, 1, 39999);
    np_links_destroy(many);
}

static void every_kind(void **state)
{
    (void)state;
    const np_dist spell = {.kind = NP_DIST_EXPONENTIAL, .a = 600e9};
    const np_link_config kinds[] = {
        {.delay = 20 * NP_MILLISECOND},
        {.delay = 20 * NP_MILLISECOND, .loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.3},
        {.delay = 0, .loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.01},
        {.delay = 1, .loss_kind = NP_LOSS_GILBERT, .loss = 0.1, .burst = NP_SECOND},
        {.delay = 1, .loss_kind = NP_LOSS_MASK, .mask = 0x5},
        {.delay = NP_MILLISECOND, .outages = true, .up = spell, .down = spell},
        {.delay = 5,
         .loss_kind = NP_LOSS_INDEPENDENT,
         .loss = 0.3,
         .outages = true,
         .up = spell,
         .down = spell},
        {.delay = 5,
         .loss_kind = NP_LOSS_INDEPENDENT,
         .loss = 0.3,
         .jitter = {.kind = NP_DIST_UNIFORM, .b = 1e9}},
        {.delay = 5, .loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.3, .rate = 1e6},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        as_single_ones(&kinds[i], 0);
        as_single_ones(&kinds[i], 1 | NP_LINK_DOWN);
    }
}

static void links_without_a_past_are_free(void **state)
{
    (void)state;
    const np_link_config plain = {.delay = NP_SECOND, .loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.5};
    np_link_config rated = plain;
    rated.rate = 1e6;
    np_links *few = np_links_create(&plain, key, 1, 1), *many = np_links_create(&plain, key, 1, 1000000);
    np_links *heavy = np_links_create(&rated, key, 1, 1000);
    assert_true(few && many && heavy);
    assert_int_equal(np_links_bytes(many), np_links_bytes(few));
    assert_true(np_links_bytes(heavy) >= 1000 * sizeof(np_link));
    np_links_destroy(few);
    np_links_destroy(many);
    np_links_destroy(heavy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(links_without_a_past_are_free),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    key = np_key_make(seed, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
