/*
 * The measured load is what it says: every packet passes by the mapping that its handshake made, with every
 * tracker, so that all are measured with the same packets.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "natpulse/bench_box.h"
#include <string.h>

static void every_packet_passes(void **state)
{
    (void)state;
    static const uint32_t flows[] = {1, 2, 65, 5000};
    for (np_bench_box_kind k = 0; k < NP_BENCH_BOX_KINDS; k++)
        for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
            np_error e;
            np_bench_box *b = np_bench_box_create(k, flows[i], &e);
            assert_non_null(b);
            assert_int_equal(np_bench_box_packets(b, 0), 0);
            assert_int_equal(np_bench_box_packets(b, 50001), 50001);
            assert_int_equal(np_bench_box_packets(b, 50000), 50000);
            np_bench_box_destroy(b);
        }
}

/* What a tracker keeps is in its box's bytes, and the boxes differ in nothing else. */
static void memory_is_the_trackers(void **state)
{
    (void)state;
    static const double side[NP_BENCH_BOX_KINDS] = {0, 8, 8, 36, 64, 64 + 8 + 16 + 8};
    np_error e;
    double none = 0;
    for (np_bench_box_kind k = 0; k < NP_BENCH_BOX_KINDS; k++) {
        np_bench_box *b = np_bench_box_create(k, 100000, &e);
        if (k == NP_BENCH_BOX_NONE) none = np_bench_box_bytes_per_entry(b);
        double more = np_bench_box_bytes_per_entry(b) - none;
        assert_true(more > side[k] - 5 && more < side[k] + 5);
        np_bench_box_destroy(b);
    }
    assert_string_equal(np_bench_box_name(NP_BENCH_BOX_LINUX), "linux");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_passes),
        cmocka_unit_test(memory_is_the_trackers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
