/*
 * Results sent as bytes: the same comes out, and what was cut or changed is refused or is a result.
 */
#include "../../sim/study/pack.h"
#include "natpulse/random.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 1;

static np_result *some_result(void)
{
    np_key key = np_key_make(seed, 4);
    np_result *r = calloc(1, sizeof *r);
    for (int m = 0; m < NP_METRIC_COUNT; m++)
        r->value[m] = m % 5 == 3 ? NAN : np_unit(np_random(key, 0, 1, (uint64_t)m)) * 1e6;
    for (int i = 0; i < NP_SERIES_POINTS; i++) r->occupancy[i] = i * 0.1;
    r->spread[1] = np_quantile_create();
    for (uint64_t i = 0; i < 300; i++)
        assert_true(np_quantile_add(r->spread[1], np_unit(np_random(key, 1, 1, i)) * 100));
    np_quantile_add_censored(r->spread[1]);
    r->spread[2] = np_quantile_create();
    r->conn_hours = 12.5;
    r->packet_events = UINT64_C(1) << 40;
    r->table_was_full = true;
    return r;
}

static void comes_back(void **state)
{
    (void)state;
    size_t size, again_size;
    np_result *r = some_result();
    uint8_t *bytes = np_result_pack(r, &size);
    np_result *back = np_result_unpack(bytes, size);
    assert_non_null(back);
    assert_memory_equal(back->value, r->value, sizeof r->value);
    assert_memory_equal(back->occupancy, r->occupancy, sizeof r->occupancy);
    assert_true(back->conn_hours == 12.5 && back->packet_events == UINT64_C(1) << 40 && back->table_was_full);
    assert_null(back->spread[0]);
    assert_true(np_quantile_count(back->spread[1]) == 300 && np_quantile_censored(back->spread[1]) == 1);
    assert_true(np_quantile_sum(back->spread[1]) == np_quantile_sum(r->spread[1]));
    assert_true(np_quantile_count(back->spread[2]) == 0);
    uint8_t *again = np_result_pack(back, &again_size);
    assert_int_equal(again_size, size);
    assert_memory_equal(again, bytes, size);
    free(again);
    free(bytes);
    np_result_destroy(back);
    np_result_destroy(r);
}

static void damage_is_survived(void **state)
{
    (void)state;
    size_t size;
    np_result *r = some_result();
    uint8_t *bytes = np_result_pack(r, &size);
    for (size_t cut = 0; cut < size; cut++) assert_null(np_result_unpack(bytes, cut));
    bytes = realloc(bytes, size + 1);
    bytes[size] = 0;
    assert_null(np_result_unpack(bytes, size + 1));
    np_key key = np_key_make(seed, 5);
    for (uint64_t i = 0; i < 3000; i++) {
        size_t at = np_random(key, 0, 1, i) % size;
        uint8_t kept = bytes[at];
        bytes[at] ^= (uint8_t)(1 + np_random(key, 1, 1, i) % 255);
        np_result_destroy(np_result_unpack(bytes, size));
        bytes[at] = kept;
    }
    free(bytes);
    np_result_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(damage_is_survived),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
