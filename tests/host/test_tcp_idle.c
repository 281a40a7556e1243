/*
 * Packed ends. Twins live through the same: one of them is packed and unpacked, and what was not packed wiped
 * out, whenever it can be. Everything that it sends and tells must be what the other sends and tells.
 */
#include "wire.h"

static uint64_t packings, trials;

static void sleep_and_wake(wire *w)
{
    for (int i = 0; i < 2; i++) {
        wire_end *e = &w->end[i];
        np_tcp_idle idle;
        if (!e->used) continue;
        memset(&idle, 0xa5, sizeof idle);
        idle.owner = 77;
        trials++;
        if (!np_tcp_pack(&e->tcp, &e->config, &idle)) continue;
        assert_int_equal(idle.owner, 77);
        packings++;
        memset(&e->tcp, 0xa5, sizeof e->tcp);
        np_tcp_unpack(&idle, &e->tcp);
    }
}

static void run(wire *w, np_time until, bool sleeps)
{
    while (wire_step(w, until))
        if (sleeps) sleep_and_wake(w);
    w->now = until;
}

/* Losses and reorderings drawn from the time and the packet, so that twins meet the same. */
static uint32_t lost_percent;
static np_time jitter;

static np_time bad_path(wire *w, int from, const np_packet *p)
{
    np_random_pair r = np_random_two(w->key, p->seq + p->ack, (uint32_t)from, (uint64_t)w->now);
    if (np_below(r.a, 100) < lost_percent) return NP_LOST;
    return w->now + 10 * NP_MILLISECOND + (np_time)(np_unit(r.b) * (double)jitter);
}

/* A life of one connection: messages of all sizes with silences of all lengths, then both close. */
static wire *live(uint64_t seed, uint32_t number, bool sleeps)
{
    np_stream dice = np_stream_make(np_key_make(seed, number), 9, 9);
    wire *w = wire_new(seed);
    w->fate = bad_path;
    lost_percent = number % 5 * 4;
    jitter = number % 3 * 7 * NP_MILLISECOND;
    for (int i = 0; i < 2; i++) {
        np_tcp_config *c = &w->end[i].config;
        c->timestamps = number & 1;
        c->delayed_ack = number % 3 ? 40 * NP_MILLISECOND : 0;
        c->window_scale = number % 4 ? 7 : 0;
        c->initial_window = number % 6 ? 10 : 2;
        c->user_timeout = number % 7 ? 0 : 20 * NP_SECOND;
        if (number % 2) c->keepalive = (np_keepalive){true, 3 * NP_SECOND, NP_SECOND, 4};
        w->end[i].iss = (uint32_t)np_stream_next(&dice);
        w->end[i].answers = number % 8 == 7 && i ? 30 : 0;
    }
    wire_connect(w);
    run(w, NP_MINUTE, sleeps);
    for (int i = 0; i < 40 && w->lines < WIRE_LINES - 1000; i++) {
        int who = (int)np_below(np_stream_next(&dice), 2);
        uint32_t size = np_below(np_stream_next(&dice), 10);
        uint32_t bytes = 1 + np_below(np_stream_next(&dice), size < 8 ? 200 : 60000);
        uint32_t silence = np_below(np_stream_next(&dice), 4);
        np_time longest = silence ? 300 * NP_MILLISECOND : 40 * NP_SECOND;
        if (w->end[who].used && np_tcp_get_state(&w->end[who].tcp) == NP_TCP_ESTABLISHED)
            wire_write(w, who, bytes, size & 1 ? NP_KIND_PAYLOAD : NP_KIND_HEARTBEAT);
        if (sleeps) sleep_and_wake(w);
        run(w, w->now + (np_time)(np_unit(np_stream_next(&dice)) * (double)longest), sleeps);
    }
    w->end[SERVER].answers = 0;
    for (int i = 0; i < 2; i++)
        if (w->end[i].used) wire_close(w, i);
    run(w, w->now + NP_HOUR, sleeps);
    return w;
}

static void twins(void **state)
{
    (void)state;
    uint64_t seed = wire_seed();
    packings = trials = 0;
    for (uint32_t number = 0; number < 300; number++) {
        wire *one = live(seed, number, false), *other = live(seed, number, true);
        for (unsigned i = 0; i < one->lines && i < other->lines; i++)
            if (strcmp(one->line[i], other->line[i]))
                fail_msg("life %u, line %u: \"%s\", packed \"%s\"", number, i, one->line[i], other->line[i]);
        assert_int_equal(one->lines, other->lines);
        assert_int_equal(one->now, other->now);
        free(one);
        free(other);
    }
    printf("packed %llu of %llu times\n", (unsigned long long)packings, (unsigned long long)trials);
    assert_true(packings > trials / 20 && packings < trials);
}

/* What a million connections with heartbeats rely on: between two of them both ends are packed. */
static void heartbeats_sleep(void **state)
{
    (void)state;
    wire *w = wire_opened(NP_SECOND);
    np_tcp_idle idle;
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 2; k++) assert_true(np_tcp_pack(&w->end[k].tcp, &w->end[k].config, &idle));
        w->end[SERVER].answers = 2;
        wire_write(w, CLIENT, 2, NP_KIND_HEARTBEAT);
        assert_false(np_tcp_pack(&w->end[CLIENT].tcp, &w->end[CLIENT].config, &idle));
        run(w, w->now + NP_SECOND, true);
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins),
        cmocka_unit_test(heartbeats_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
