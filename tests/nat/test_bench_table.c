/*
 * The measured load is what it says: every packet has its flow, batched or not, in tables of any size.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "natpulse/bench_table.h"

static void every_packet_is_found(void **state)
{
    (void)state;
    static const uint32_t flows[] = {1, 2, 63, 64, 65, 1000, 100000};
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        np_error e;
        np_bench_table *b = np_bench_table_create(flows[i], &e);
        assert_non_null(b);
        assert_int_equal(np_bench_table_single(b, 0), 0);
        assert_int_equal(np_bench_table_single(b, 100000), 100000);
        assert_int_equal(np_bench_table_batched(b, 100003), 100003); /* not a multiple of the batch */
        assert_int_equal(np_bench_table_bare(b, 1000), 1000);
        assert_int_equal(np_bench_table_single(b, 1000), 1000);
        np_bench_table_destroy(b);
    }
}

static void memory_is_the_tables(void **state)
{
    (void)state;
    np_error e;
    np_bench_table *b = np_bench_table_create(100000, &e);
    np_table *t = np_table_create(100000);
    assert_true(np_bench_table_bytes_per_entry(b) == (double)np_table_bytes(t) / 100000);
    np_table_destroy(t);
    np_bench_table_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_is_found),
        cmocka_unit_test(memory_is_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
