/*
 * Hosts with mappings: an index with holes against a list, in tables so small that everything collides.
 */
#include "../../sim/nat/hosts.h"
#include "draw.h"

#define MOST 40

typedef struct known {
    np_addr addr;
    uint32_t mappings;
} known;

static np_addr address_of(uint64_t n)
{
    np_addr a = {.half = {n * 0x9e3779b97f4a7c15u, n}};
    return a;
}

static void test_random(void **state)
{
    (void)state;
    uint64_t s = seed_of_run();
    for (uint32_t most = 1; most <= MOST; most++) {
        np_hosts *h = np_hosts_create(most);
        known list[MOST];
        uint32_t n = 0;
        for (uint32_t step = 0; step < 20000; step++) {
            np_addr a = address_of(below(&s, 2 * most));
            uint32_t i = 0;
            while (i < n && !np_addr_equal(&list[i].addr, &a)) i++;
            uint32_t found = np_hosts_find(h, &a, 4);
            assert_int_equal(found != NP_HOST_NONE, i < n);
            assert_int_equal(np_hosts_find(h, &a, 6), NP_HOST_NONE);
            if (i < n) assert_int_equal(np_hosts_at(h, found)->mappings, list[i].mappings);
            if (below(&s, 2) && (i < n || n < most)) {
                found = np_hosts_get(h, &a, 4);
                np_hosts_at(h, found)->mappings++;
                if (i == n) list[n++] = (known){.addr = a};
                list[i].mappings++;
            } else if (i < n) {
                np_hosts_at(h, found)->mappings--;
                np_hosts_drop(h, found);
                if (--list[i].mappings == 0) list[i] = list[--n];
            }
        }
        np_hosts_destroy(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
