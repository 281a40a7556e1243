/*
 * Opening a connection, packet by packet: each packet of the handshake lost in turn, retries and their
 * limits, and segments that do not belong (RFC 9293 3.10.7, RFC 5961).
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

static wire *masked(uint64_t client, uint64_t server)
{
    wire *w = wire_new(1);
    w->end[CLIENT].way.loss_kind = w->end[SERVER].way.loss_kind = NP_LOSS_MASK;
    w->end[CLIENT].way.mask = client;
    w->end[SERVER].way.mask = server;
    wire_connect(w);
    return w;
}

static void lost_syn(void **state)
{
    (void)state;
    wire *w = masked(1, 0);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "0.000 > S 0:1 lost", "1.000 > S 0:1", "1.050 < SA 0:1 ack 1", "1.100 client opened",
                "1.100 > A 1:1 ack 1", "1.150 server opened");
    free(w);
}

/* The client repeats its SYN at the moment the server repeats its SYN/ACK, 50 ms apart: the server answers
   the SYN at once and again by its timer, the client answers the second SYN/ACK with an ACK. */
static void lost_syn_ack(void **state)
{
    (void)state;
    wire *w = masked(0, 1);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1 lost", "1.000 > S 0:1", "1.050 < SA 0:1 ack 1",
                "1.050 < SA 0:1 ack 1", "1.100 client opened", "1.100 > A 1:1 ack 1", "1.100 > A 1:1 ack 1",
                "1.150 server opened");
    free(w);
}

static void lost_ack_and_silence(void **state)
{
    (void)state;
    wire *w = masked(2, 0);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 client opened", "0.100 > A 1:1 ack 1 lost",
                "1.050 < SA 0:1 ack 1", "1.100 > A 1:1 ack 1", "1.150 server opened");
    free(w);
}

static void lost_ack_and_data(void **state)
{
    (void)state;
    wire *w = masked(2, 0);
    wire_run(w, 200 * NP_MILLISECOND);
    wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD);
    wire_run(w, NP_MINUTE);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 client opened", "0.100 > A 1:1 ack 1 lost",
                "0.200 > A 1:101 ack 1 payload", "0.250 server opened", "0.290 < A 1:1 ack 101 payload");
    assert_int_equal(w->end[SERVER].received, 100);
    free(w);
}

/* Data written before the connection is open goes out with the ACK of the handshake. */
static void early_write(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_connect(w);
    assert_int_equal(wire_write(w, CLIENT, 100, NP_KIND_PAYLOAD), 100);
    wire_run(w, NP_SECOND);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "0.100 client opened",
                "0.100 > A 1:101 ack 1 payload", "0.150 server opened", "0.190 < A 1:1 ack 101 payload");
    free(w);
}

/* Linux: tcp_syn_retries 6, so 1 + 2 + 4 + 8 + 16 + 32 + 64 s. */
static void syn_gives_up(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    w->fate = wire_cut_both;
    wire_connect(w);
    wire_run(w, NP_HOUR);
    wire_expect(w, "0.000 > S 0:1 lost", "1.000 > S 0:1 lost", "3.000 > S 0:1 lost", "7.000 > S 0:1 lost",
                "15.000 > S 0:1 lost", "31.000 > S 0:1 lost", "63.000 > S 0:1 lost",
                "127.000 client timed-out-connect");
    assert_true(np_tcp_deadline(&w->end[CLIENT].tcp) == NP_NEVER);
    free(w);
}

/* Linux: tcp_synack_retries 5, so 63 s after the first. The client is gone after its SYN. */
static void syn_ack_gives_up(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_connect(w);
    w->end[CLIENT].gone = true;
    wire_run(w, NP_HOUR);
    wire_expect(w, "0.000 > S 0:1", "0.050 < SA 0:1 ack 1", "1.050 < SA 0:1 ack 1", "3.050 < SA 0:1 ack 1",
                "7.050 < SA 0:1 ack 1", "15.050 < SA 0:1 ack 1", "31.050 < SA 0:1 ack 1",
                "63.050 server timed-out-connect");
    free(w);
}

/* A packet as the client would send it. */
static np_packet forged(const wire *w, uint8_t flags, uint32_t seq, uint32_t ack)
{
    return (np_packet){.seq = w->end[CLIENT].iss + seq,
                       .ack = w->end[SERVER].iss + ack,
                       .window = 65535,
                       .bytes = 52,
                       .proto = NP_TCP,
                       .family = 4,
                       .flags = flags,
                       .options = NP_OPTION_TIMESTAMP};
}

static void refused(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_connect(w);
    np_packet rst = {.proto = NP_TCP, .family = 4, .flags = NP_RST | NP_ACK};
    wire_end *e = &w->end[CLIENT];
    rst.ack = e->iss; /* does not acknowledge the SYN: not for us */
    np_tcp_input(&e->tcp, &e->config, &rst, &e->sink, w->now);
    rst.flags = NP_RST;
    rst.ack = e->iss + 1; /* no ACK flag */
    np_tcp_input(&e->tcp, &e->config, &rst, &e->sink, w->now);
    assert_int_equal(np_tcp_get_state(&e->tcp), NP_TCP_SYN_SENT);
    rst.flags = NP_RST | NP_ACK;
    np_tcp_input(&e->tcp, &e->config, &rst, &e->sink, w->now);
    assert_int_equal(np_tcp_get_state(&e->tcp), NP_TCP_CLOSED);
    wire_expect(w, "0.000 > S 0:1", "0.000 client refused");
    free(w);
}

/* RFC 5961 3.2: an RST counts only at exactly the next sequence number; inside the window it draws a
   challenge ACK, outside nothing. */
static void rst_rules(void **state)
{
    (void)state;
    static const struct {
        uint32_t seq;
        const char *answer; /* NULL: none */
        bool reset;
    } cases[] = {
        {0, NULL, false},
        {2, "1.000 < A 1:1 ack 1", false},
        {65535u << 7, "1.000 < A 1:1 ack 1", false}, /* the last one in the window */
        {(65535u << 7) + 2, NULL, false},
        {1, NULL, true},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire *w = wire_opened(NP_SECOND);
        wire_forget(w);
        np_packet rst = forged(w, NP_RST, cases[i].seq, 0);
        wire_arrive(w, SERVER, &rst);
        if (cases[i].answer)
            wire_expect(w, cases[i].answer);
        else if (cases[i].reset)
            wire_expect(w, "1.000 server was-reset");
        else
            assert_int_equal(w->lines, 0);
        assert_int_equal(np_tcp_get_state(&w->end[SERVER].tcp),
                         cases[i].reset ? NP_TCP_CLOSED : NP_TCP_ESTABLISHED);
        free(w);
    }
}

/* RFC 5961 4.2: a SYN on an open connection draws a challenge ACK wherever it points. The client, who has
   forgotten the connection and sent that SYN, answers with an RST that the server believes; its next SYN
   finds the server free. */
static void rebooted_client(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    wire_forget(w);
    wire_end *e = &w->end[CLIENT];
    uint32_t old = e->iss;
    e->iss = 777;
    wire_connect(w);
    e->iss = old; /* as the server's ACK counts */
    wire_step(w, NP_HOUR);
    wire_expect(w, "1.000 > S 0:1", "1.050 < A 1:1 ack 1");
    e->iss = 777;
    wire_forget(w);
    wire_run(w, NP_MINUTE);
    assert_string_equal(w->line[0], "1.100 > R 224:224"); /* 1000 + 1 - 777: the number the ACK asked for */
    assert_string_equal(w->line[1], "1.150 server was-reset");
    assert_string_equal(w->line[2], "2.000 > S 0:1");
    assert_int_equal(np_tcp_get_state(&w->end[SERVER].tcp), NP_TCP_ESTABLISHED);
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_ESTABLISHED);
    free(w);
}

/* An ACK of what was never sent: reset while opening, an ACK when open. */
static void bad_acks(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_connect(w);
    wire_end *e = &w->end[CLIENT];
    np_packet p = {.proto = NP_TCP, .family = 4, .flags = NP_ACK, .ack = e->iss + 5};
    np_tcp_input(&e->tcp, &e->config, &p, &e->sink, w->now);
    wire_expect(w, "0.000 > S 0:1", "0.000 > R 5:5");
    free(w);

    w = wire_opened(NP_SECOND);
    wire_forget(w);
    p = forged(w, NP_ACK, 1, 50);
    wire_arrive(w, SERVER, &p);
    wire_expect(w, "1.000 < A 1:1 ack 1");
    free(w);
}

/* Both ends call each other at once (RFC 9293 3.5, figure 7): not what the simulator needs, but it must work.
 */
static void both_open(void **state)
{
    (void)state;
    wire *w = wire_new(1);
    wire_end *s = &w->end[SERVER];
    s->used = true;
    wire_connect(w);
    np_tcp_connect(&s->tcp, &s->config, s->iss, &s->sink, w->now);
    wire_run(w, NP_MINUTE);
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_ESTABLISHED);
    assert_int_equal(np_tcp_get_state(&s->tcp), NP_TCP_ESTABLISHED);
    wire_write(w, CLIENT, 5000, NP_KIND_PAYLOAD);
    wire_run(w, 2 * NP_MINUTE);
    assert_int_equal(s->received, 5000);
    free(w);
}

static void defaults(void **state)
{
    (void)state;
    np_tcp_config c;
    np_tcp_defaults(&c);
    assert_false(c.keepalive.on);
    assert_int_equal(c.keepalive.idle, 7200 * NP_SECOND);
    assert_int_equal(c.keepalive.interval, 75 * NP_SECOND);
    assert_int_equal(c.keepalive.probes, 9);
    assert_true(sizeof(np_tcp) <= 152);
}

/* Options and header sizes as Linux lays them out: 60 and 52 bytes with timestamps, 52 and 40 without; what
   only one end offers is not used. */
static void options(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        wire *w = wire_new(1);
        w->end[CLIENT].config.timestamps = i & 1;
        w->end[SERVER].config.timestamps = i & 2;
        wire_connect(w);
        assert_int_equal(w->flying[0].p.bytes, i & 1 ? 60 : 52);
        assert_int_equal(w->flying[0].p.options & 0x0f, 7);
        assert_true(w->flying[0].p.options & NP_OPTION_SACK_OK);
        wire_step(w, NP_SECOND);
        assert_int_equal(w->flying[0].p.flags, NP_SYN | NP_ACK);
        assert_int_equal(w->flying[0].p.bytes, i == 3 ? 60 : 52);
        wire_step(w, NP_SECOND);
        assert_int_equal(w->flying[0].p.flags, NP_ACK);
        assert_int_equal(w->flying[0].p.bytes, i == 3 ? 52 : 40);
        assert_int_equal(w->flying[0].p.options, i == 3 ? NP_OPTION_TIMESTAMP : 0);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake),         cmocka_unit_test(lost_syn),
        cmocka_unit_test(lost_syn_ack),      cmocka_unit_test(lost_ack_and_silence),
        cmocka_unit_test(lost_ack_and_data), cmocka_unit_test(early_write),
        cmocka_unit_test(syn_gives_up),      cmocka_unit_test(syn_ack_gives_up),
        cmocka_unit_test(refused),           cmocka_unit_test(rst_rules),
        cmocka_unit_test(rebooted_client),   cmocka_unit_test(bad_acks),
        cmocka_unit_test(both_open),         cmocka_unit_test(defaults),
        cmocka_unit_test(options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
