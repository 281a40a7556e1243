/*
 * UDP datagrams: sizes and fields.
 */
#include "natpulse/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void datagrams(void **state)
{
    (void)state;
    static const struct {
        uint32_t payload;
        int bytes;
    } cases[] = {{0, 28}, {1, 29}, {20, 48}, {NP_UDP_MAX_PAYLOAD, 1500}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        np_packet p;
        memset(&p, 0xff, sizeof p);
        np_udp_datagram(&p, cases[i].payload, NP_KIND_HEARTBEAT);
        assert_int_equal(p.bytes, cases[i].bytes);
        assert_int_equal(p.payload, cases[i].payload);
        assert_int_equal(p.proto, NP_UDP);
        assert_int_equal(p.family, 4);
        assert_int_equal(p.kind, NP_KIND_HEARTBEAT);
        assert_int_equal(p.conn, NP_NO_CONN);
        assert_int_equal(p.flags | p.options | p.window | (int)p.seq | (int)p.ack, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(datagrams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
