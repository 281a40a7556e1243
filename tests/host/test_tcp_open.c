/*
 * Opening and closing, packet by packet, with each packet of the handshake and of the farewell lost in turn.
 */
#include "wire.h"

static void handshake(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_connect(w);
    wire_run(w, NP_HOUR);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 client opened", "0.100 > A 1:1 ack 1",
                "0.150 server opened");
    /* An idle connection without keepalive has no timer. */
    assert_true(np_tcp_deadline(&w->end[CLIENT].tcp) == NP_NEVER);
    assert_true(np_tcp_deadline(&w->end[SERVER].tcp) == NP_NEVER);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
