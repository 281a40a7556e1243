/*
 * Random traffic over bad paths. Whatever is lost or reordered: bytes arrive once and in order, all of them
 * by the end; both ends close; no end with something to do is without a timer.
 */
#include "wire.h"

static np_stream dice;
static double lost;     /* share of packets */
static np_time reorder; /* delay is 10 ms and up to this, drawn anew for each packet */

static np_time bad_path(wire *w, int from, const np_packet *p)
{
    (void)from, (void)p;
    double u = np_unit(np_stream_next(&dice));
    np_time extra = (np_time)(np_unit(np_stream_next(&dice)) * (double)reorder);
    return u < lost ? NP_LOST : w->now + 10 * NP_MILLISECOND + extra;
}

static bool busy(const np_tcp *t)
{
    switch (np_tcp_get_state(t)) {
    case NP_TCP_CLOSED: return false;
    case NP_TCP_ESTABLISHED:
    case NP_TCP_CLOSE_WAIT: return t->una != t->written + 1;
    default: return true;
    }
}

/* Steps to the end, with the invariants looked at after every step. */
static void run_watched(wire *w, np_time until)
{
    while (wire_step(w, until))
        for (int i = 0; i < 2; i++) {
            const np_tcp *t = &w->end[i].tcp;
            if (!w->end[i].used) continue;
            assert_true(!busy(t) || t->retransmit_at != NP_NEVER);
            assert_true(t->arrived == w->end[i].received || t->state == NP_TCP_CLOSED);
            assert_true(t->una <= t->written + 2);
            assert_true(np_tcp_deadline(t) >= w->now);
        }
    if (until != NP_NEVER && w->now < until) w->now = until;
}

static void torture(void **state)
{
    (void)state;
    uint64_t seed = wire_seed();
    for (uint32_t run = 0; run < 400; run++) {
        dice = np_stream_make(np_key_make(seed, run), 7, 7);
        wire *w = wire_new(seed);
        w->quiet = true;
        w->fate = bad_path;
        lost = (run % 4) * 0.08;
        reorder = (run / 4 % 4) * 15 * NP_MILLISECOND;
        for (int i = 0; i < 2; i++) {
            np_tcp_config *c = &w->end[i].config;
            c->timestamps = run & 1;
            c->delayed_ack = run % 3 ? 40 * NP_MILLISECOND : 0;
            c->synack_retries = c->syn_retries = 30;
            c->orphan_retries = 30;
            c->fin_timeout = NP_HOUR; /* bad paths are slow, and an impatient end would hide a stuck one */
            c->time_wait = NP_HOUR;
            if (run % 5 == 0) c->window = 4000, c->window_scale = 0;
            if (run % 7 == 0) c->keepalive = (np_keepalive){true, NP_SECOND, NP_SECOND, 200};
            w->end[i].iss = (uint32_t)np_stream_next(&dice);
        }
        wire_connect(w);
        run_watched(w, NP_HOUR);
        assert_true(w->end[CLIENT].used && w->end[SERVER].used);
        assert_int_equal(np_tcp_get_state(&w->end[SERVER].tcp), NP_TCP_ESTABLISHED);

        uint64_t written[2] = {0, 0};
        bool closed[2] = {false, false};
        for (int i = 0; i < 60; i++) {
            int who = (int)np_below(np_stream_next(&dice), 2);
            uint32_t act = np_below(np_stream_next(&dice), 20);
            if (!closed[who] && act < 14) {
                uint32_t bytes = 1 + np_below(np_stream_next(&dice), act < 7 ? 100 : 40000);
                written[who] += bytes;
                uint64_t end = wire_write(w, who, bytes, act & 1 ? NP_KIND_PAYLOAD : NP_KIND_HEARTBEAT);
                assert_int_equal(end, written[who]);
            } else if (!closed[who] && i > 30 && act == 19) {
                wire_close(w, who);
                closed[who] = true;
            }
            run_watched(w, w->now + np_below(np_stream_next(&dice), 400) * NP_MILLISECOND);
        }
        for (int i = 0; i < 2; i++)
            if (!closed[i]) wire_close(w, i);
        run_watched(w, w->now + 50 * NP_MINUTE);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(w->end[1 - i].received, written[i]);
            assert_int_equal(w->end[i].events[NP_TCP_PEER_CLOSED], 1);
            np_tcp_state s = np_tcp_get_state(&w->end[i].tcp);
            assert_true(s == NP_TCP_CLOSED || s == NP_TCP_TIME_WAIT);
        }
        run_watched(w, NP_NEVER);
        for (int i = 0; i < 2; i++) assert_int_equal(w->end[i].events[NP_TCP_DONE], 1);
        free(w);
    }
}

/* A megabyte over links that lose 0 to 5 %: every byte once, and at a sane speed. 50 ms each way and 10
   segments to begin with need 8 round trips without loss; with 1 % loss about 1.2 / sqrt(p) segments a round
   trip (Mathis 1997) is what Reno makes of it. */
static void bulk(void **state)
{
    (void)state;
    uint64_t seed = wire_seed();
    const double losses[] = {0, 0.001, 0.01, 0.05};
    const double slowest[] = {1.2, 6, 12, 90};
    for (unsigned i = 0; i < 4; i++) {
        double mean = 0;
        for (uint32_t run = 0; run < 10; run++) {
            wire *w = wire_new(seed + run);
            w->quiet = true;
            for (int k = 0; k < 2; k++) {
                w->end[k].way.loss_kind = NP_LOSS_INDEPENDENT;
                w->end[k].way.loss = losses[i];
            }
            wire_connect(w);
            while (np_tcp_get_state(&w->end[SERVER].tcp) != NP_TCP_ESTABLISHED)
                assert_true(wire_step(w, NP_HOUR));
            np_time begin = w->now;
            wire_write(w, SERVER, 1000000, NP_KIND_PAYLOAD);
            while (w->end[CLIENT].received < 1000000) assert_true(wire_step(w, NP_HOUR));
            mean += np_seconds(w->now - begin) / 10;
            run_watched(w, NP_NEVER);
            assert_int_equal(w->end[CLIENT].received, 1000000);
            free(w);
        }
        printf("1 MB at %.1f %% loss: %.2f s\n", losses[i] * 100, mean);
        assert_true(mean < slowest[i]);
    }
}

/* A single loss in the middle of a big transfer costs no timeout, wherever it strikes. */
static void single_losses(void **state)
{
    (void)state;
    for (int at = 0; at < 55; at++) {
        wire *w = wire_opened(NP_SECOND);
        w->quiet = true;
        w->end[CLIENT].way.loss_kind = NP_LOSS_MASK;
        w->end[CLIENT].way.mask = 1ull << at;
        wire_plug(w);
        wire_write(w, CLIENT, 64 * 1448, NP_KIND_PAYLOAD);
        while (w->end[SERVER].received < 64 * 1448) {
            assert_true(wire_step(w, NP_MINUTE));
            assert_int_equal(w->end[CLIENT].tcp.timeouts, 0);
        }
        assert_int_equal(w->end[CLIENT].sent_data, 65);
        free(w);
    }
}

/* Packets made of noise: nothing breaks, whatever they ask for. */
static void noise(void **state)
{
    (void)state;
    uint64_t seed = wire_seed();
    for (uint32_t run = 0; run < 300; run++) {
        dice = np_stream_make(np_key_make(seed, run), 8, 8);
        wire *w = wire_opened(NP_SECOND);
        w->quiet = true;
        wire_write(w, CLIENT, 20000, NP_KIND_PAYLOAD);
        wire_write(w, SERVER, 20000, NP_KIND_PAYLOAD);
        for (int i = 0; i < 200; i++) {
            int to = (int)(np_stream_next(&dice) & 1);
            wire_end *e = &w->end[to];
            uint64_t a = np_stream_next(&dice), b = np_stream_next(&dice);
            np_packet p = {.seq = e->tcp.receive_next + (uint32_t)(a & 1 ? a >> 52 : a >> 32),
                           .ack = e->tcp.high - (uint32_t)(a & 2 ? b >> 52 : b >> 32),
                           .window = (uint16_t)(a & 4 ? b : 0),
                           .payload = (uint16_t)(a & 8 ? b >> 16 & 2047 : b >> 16),
                           .flags = (uint8_t)(a & 16 ? NP_ACK : b >> 8),
                           .options = (uint8_t)(b >> 24),
                           .proto = NP_TCP,
                           .family = 4,
                           .bytes = 40,
                           .kind = (uint8_t)(b & 3)};
            if (a & 0x60) p.flags = (uint8_t)(p.flags & ~NP_RST);
            if (!e->used) break;
            np_tcp_input(&e->tcp, &e->config, &p,
                         &(np_tcp_sink){e->sink.transmit, wire_received, wire_event, e}, w->now);
            if (w->flights > WIRE_FLYING / 2) break;
            wire_run(w, w->now + 5 * NP_MILLISECOND);
        }
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture),
        cmocka_unit_test(bulk),
        cmocka_unit_test(single_losses),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
