/*
 * Closing a connection, packet by packet: in order, at once, by halves, with packets lost, and with nobody
 * there.
 */
#include "wire.h"

static void assert_states(const wire *w, np_tcp_state client, np_tcp_state server)
{
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), client);
    assert_int_equal(np_tcp_get_state(&w->end[SERVER].tcp), server);
}

/* From now on what mask names is lost, counted from the next packet of each end. */
static void lose(wire *w, uint64_t client, uint64_t server)
{
    const uint64_t mask[2] = {client, server};
    for (int i = 0; i < 2; i++) {
        w->end[i].way.loss_kind = NP_LOSS_MASK;
        w->end[i].way.mask = mask[i];
    }
    wire_plug(w);
}

static void client_closes(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].closes_back = true;
    wire_forget(w);
    wire_close(w, CLIENT);
    assert_states(w, NP_TCP_FIN_WAIT_1, NP_TCP_ESTABLISHED);
    wire_run(w, NP_HOUR);
    wire_expect(w, "1.000 > FA 1:2 ack 1", "1.050 server peer-closed", "1.050 < FA 1:2 ack 2",
                "1.100 client peer-closed", "1.100 > A 2:2 ack 2", "1.150 server done", "61.100 client done");
    assert_states(w, NP_TCP_CLOSED, NP_TCP_CLOSED);
    free(w);
}

static void both_close_at_once(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_forget(w);
    wire_close(w, CLIENT);
    wire_close(w, SERVER);
    wire_run(w, 1080 * NP_MILLISECOND);
    assert_states(w, NP_TCP_CLOSING, NP_TCP_CLOSING);
    wire_run(w, 1200 * NP_MILLISECOND);
    assert_states(w, NP_TCP_TIME_WAIT, NP_TCP_TIME_WAIT);
    wire_run(w, NP_HOUR);
    wire_expect(w, "1.000 > FA 1:2 ack 1", "1.000 < FA 1:2 ack 1", "1.050 server peer-closed",
                "1.050 < A 2:2 ack 2", "1.050 client peer-closed", "1.050 > A 2:2 ack 2",
                "61.100 client done", "61.100 server done");
    free(w);
}

/* The server goes on sending after the client has closed; FIN_WAIT_2 lasts while data come. */
static void half_close(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_close(w, CLIENT);
    wire_run(w, 50 * NP_SECOND);
    assert_states(w, NP_TCP_FIN_WAIT_2, NP_TCP_CLOSE_WAIT);
    wire_write(w, SERVER, 3000, NP_KIND_PAYLOAD);
    wire_run(w, 100 * NP_SECOND);
    assert_int_equal(w->end[CLIENT].received, 3000);
    assert_states(w, NP_TCP_FIN_WAIT_2, NP_TCP_CLOSE_WAIT);
    wire_close(w, SERVER);
    wire_run(w, 101 * NP_SECOND);
    assert_states(w, NP_TCP_TIME_WAIT, NP_TCP_CLOSED);
    assert_int_equal(w->end[SERVER].events[NP_TCP_DONE], 1);
    free(w);
}

/* FIN follows the data, in the last segment of it, and takes a sequence number of its own. */
static void fin_after_data(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_forget(w);
    wire_write(w, CLIENT, 2000, NP_KIND_PAYLOAD);
    wire_close(w, CLIENT);
    wire_run(w, 2 * NP_SECOND);
    wire_expect(w, "1.000 > A 1:1449 ack 1 payload", "1.000 > A 1449:2001 ack 1 payload",
                "1.000 > FA 2001:2002 ack 1", "1.050 server peer-closed",
                "1.050 < A 1:1 ack 2002 payload"); /* it acknowledges data too */
    assert_int_equal(w->end[SERVER].received, 2000);
    free(w);
}

/* RTO: 100 ms round trip, one sample: 100 + max(200, 4 * 50). The server repeats its own. */
static void lost_fin(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].closes_back = true;
    lose(w, 1, 0);
    wire_forget(w);
    wire_close(w, CLIENT);
    wire_run(w, NP_HOUR);
    wire_expect(w, "1.000 > FA 1:2 ack 1 lost", "1.300 > FA 1:2 ack 1", "1.350 server peer-closed",
                "1.350 < FA 1:2 ack 2", "1.400 client peer-closed", "1.400 > A 2:2 ack 2",
                "1.450 server done", "61.400 client done");
    free(w);
}

/* The last ACK is lost: the server's FIN comes again, TIME_WAIT answers it and starts anew. */
static void lost_last_ack(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].closes_back = true;
    lose(w, 2, 0);
    wire_forget(w);
    wire_close(w, CLIENT);
    wire_run(w, NP_HOUR);
    wire_expect(w, "1.000 > FA 1:2 ack 1", "1.050 server peer-closed", "1.050 < FA 1:2 ack 2",
                "1.100 client peer-closed", "1.100 > A 2:2 ack 2 lost", "1.350 < FA 1:2 ack 2",
                "1.400 > A 2:2 ack 2", "1.450 server done", "61.400 client done");
    free(w);
}

/* Data are lost, the FIN behind them is not: it is held, and counts when the hole is filled. */
static void fin_ahead_of_data(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    lose(w, 1, 0);
    wire_forget(w);
    wire_write(w, CLIENT, 1000, NP_KIND_PAYLOAD);
    wire_close(w, CLIENT);
    wire_run(w, 2 * NP_SECOND);
    wire_expect(w, "1.000 > A 1:1001 ack 1 payload lost", "1.000 > FA 1001:1002 ack 1", "1.050 < A 1:1 ack 1",
                "1.300 > FA 1:1002 ack 1 payload", "1.350 server peer-closed",
                "1.350 < A 1:1 ack 1002 payload");
    assert_int_equal(w->end[SERVER].received, 1000);
    free(w);
}

/* The peer acknowledges the FIN and never closes: an orphan waits tcp_fin_timeout. */
static void fin_wait_2_ends(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_forget(w);
    wire_close(w, CLIENT);
    wire_run(w, 30 * NP_SECOND);
    assert_states(w, NP_TCP_FIN_WAIT_2, NP_TCP_CLOSE_WAIT);
    wire_run(w, NP_HOUR);
    wire_expect(w, "1.000 > FA 1:2 ack 1", "1.050 server peer-closed", "1.050 < A 1:1 ack 2",
                "61.100 client done");
    /* What the server writes now meets a host that knows nothing of it. */
    wire_forget(w);
    wire_write(w, SERVER, 10, NP_KIND_PAYLOAD);
    wire_run(w, 2 * NP_HOUR);
    wire_expect(w, "3600.000 < A 1:11 ack 2 payload", "3600.050 > R 2:2", "3600.100 server was-reset");
    free(w);
}

/* Nobody is there to take the FIN: an orphan gives up at the first RTO at or after the time of 8 retries,
   200 ms * (2^9 - 1) = 102.2 s; this path's RTOs of 300 ms come at 300 ms * (2^n - 1): 153.3 s. */
static void nobody_takes_the_fin(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].gone = true;
    wire_close(w, CLIENT);
    wire_run(w, NP_HOUR);
    assert_int_equal(w->end[CLIENT].events[NP_TCP_TIMED_OUT_DATA], 1);
    assert_int_equal(w->end[CLIENT].event_at[NP_TCP_TIMED_OUT_DATA] - NP_SECOND, 300 * NP_MILLISECOND * 511);
    free(w);
}

static void abort_resets(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_forget(w);
    wire_end *e = &w->end[CLIENT];
    np_tcp_abort(&e->tcp, &e->config, &e->sink, w->now);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "1.000 > RA 1:1 ack 1", "1.050 server was-reset");
    assert_states(w, NP_TCP_CLOSED, NP_TCP_CLOSED);
    free(w);

    w = wire_new(1); /* before the connection is open there is nobody to tell */
    wire_connect(w);
    e = &w->end[CLIENT];
    np_tcp_abort(&e->tcp, &e->config, &e->sink, w->now);
    e->used = false;
    wire_run(w, NP_MINUTE);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 > R 1:1", "0.150 server was-reset");
    free(w);
}

static void abort_on_event(void *ctx, np_tcp_event what)
{
    wire_end *e = ctx;
    wire_event(ctx, what);
    if (what == NP_TCP_OPENED) np_tcp_abort(&e->tcp, &e->config, &e->sink, e->wire->now);
}

static void abort_on_data(void *ctx, uint64_t upto)
{
    wire_end *e = ctx;
    wire_received(ctx, upto);
    np_tcp_abort(&e->tcp, &e->config, &e->sink, e->wire->now);
}

/* The application gives up from inside a callback: an RST, and not a packet more. */
static void abort_from_callbacks(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    w->end[CLIENT].sink.event = abort_on_event;
    wire_connect(w);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 client opened", "0.100 > RA 1:1 ack 1",
                "0.150 server was-reset");
    free(w);

    w = wire_opened(NP_SECOND);
    w->end[SERVER].sink.received = abort_on_data;
    lose(w, 1, 0);
    wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD);
    wire_close(w, CLIENT);
    wire_run(w, 1320 * NP_MILLISECOND);
    wire_forget(w);
    wire_run(w,
             NP_MINUTE); /* data and FIN come in one segment: nobody is there any more to hear of the FIN */
    wire_expect(w, "1.350 < RA 1:1 ack 12", "1.400 client was-reset");
    free(w);
}

static void close_while_opening(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_connect(w);
    wire_close(w, CLIENT);
    wire_expect(w, "0.000 > S 0:1", "0.000 client done");
    free(w);

    w = wire_new(1);
    wire_connect(w);
    wire_step(w, NP_SECOND);
    wire_close(w, SERVER); /* in SYN_RECEIVED: as soon as it is open */
    w->end[CLIENT].closes_back = true;
    wire_run(w, NP_HOUR);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 client opened", "0.100 > A 1:1 ack 1",
                "0.150 server opened", "0.150 < FA 1:2 ack 1", "0.200 client peer-closed",
                "0.200 > FA 1:2 ack 2", "0.250 server peer-closed", "0.250 < A 2:2 ack 2",
                "0.300 client done", "60.250 server done");
    free(w);
}

/* TIME_WAIT ended by an RST, as a late packet at the far side causes it (RFC 1337), is a clean end: nothing
   was lost. With data unacknowledged it is a reset, whoever has closed. */
static void rst_after_the_end(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    w->end[SERVER].closes_back = true;
    wire_close(w, CLIENT);
    wire_run(w, 2 * NP_SECOND);
    assert_states(w, NP_TCP_TIME_WAIT, NP_TCP_CLOSED);
    np_packet stray = {.proto = NP_TCP, .family = 4, .flags = NP_ACK, .seq = w->end[CLIENT].iss + 1};
    stray.ack = w->end[SERVER].iss + 2;
    wire_forget(w);
    wire_arrive(w, SERVER, &stray);
    wire_run(w, 3 * NP_SECOND);
    wire_expect(w, "2.000 < R 2:2", "2.050 client done");
    free(w);

    w = wire_opened(NP_SECOND);
    wire_close(w, SERVER);
    wire_run(w, 2 * NP_SECOND);
    w->end[SERVER].used = false;
    wire_write(w, CLIENT, 10, NP_KIND_PAYLOAD);
    wire_close(w, CLIENT);
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_LAST_ACK);
    wire_run(w, 3 * NP_SECOND);
    assert_int_equal(w->end[CLIENT].events[NP_TCP_WAS_RESET], 1);
    free(w);
}

/* A stray packet meets an RST, an RST meets nothing, and UDP is not TCP's to answer. */
static void unknown(void **state)
{
    (void)state;
    np_packet p = {.proto = NP_TCP, .family = 4, .flags = NP_ACK, .seq = 5, .ack = 9, .sport = 1, .dport = 2},
              a;
    assert_true(np_tcp_unknown(&p, &a));
    assert_int_equal(a.flags, NP_RST);
    assert_int_equal(a.seq, 9);
    assert_int_equal(a.sport, 2);
    assert_int_equal(a.kind, NP_KIND_CONTROL);
    p.flags = NP_SYN;
    assert_true(np_tcp_unknown(&p, &a));
    assert_int_equal(a.flags, NP_RST | NP_ACK);
    assert_int_equal(a.ack, 6);
    p.flags = NP_RST;
    assert_false(np_tcp_unknown(&p, &a));
    p.proto = NP_UDP;
    p.flags = 0;
    assert_false(np_tcp_unknown(&p, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_closes),
        cmocka_unit_test(both_close_at_once),
        cmocka_unit_test(half_close),
        cmocka_unit_test(fin_after_data),
        cmocka_unit_test(lost_fin),
        cmocka_unit_test(lost_last_ack),
        cmocka_unit_test(fin_ahead_of_data),
        cmocka_unit_test(fin_wait_2_ends),
        cmocka_unit_test(nobody_takes_the_fin),
        cmocka_unit_test(abort_resets),
        cmocka_unit_test(abort_from_callbacks),
        cmocka_unit_test(close_while_opening),
        cmocka_unit_test(rst_after_the_end),
        cmocka_unit_test(unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
