/*
 * Heartbeats in whole simulations where more than one end has a part: a server that minds too many, what is
 * learned over connections, rules about silence, and that what beats cost is counted.
 */
#include "build.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUE(r, m) ((r)->value[NP_METRIC_##m])

/* What happened, as a text: a letter and whole seconds. */
struct story {
    char text[2000];
};

static void tell(void *ctx, const np_notice *n)
{
    struct story *s = ctx;
    const char *what = NULL;
    switch (n->kind) {
    case NP_NOTICE_OPENED: what = "open"; break;
    case NP_NOTICE_BREAK: what = "break"; break;
    case NP_NOTICE_FALSE_CLOSE: what = "closed"; break;
    default: return;
    }
    size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof s->text - used, "%s%s", used ? " " : "", what);
    if (n->cause) snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), ":%s", n->cause);
    used = strlen(s->text);
    if (n->kind != NP_NOTICE_OPENED)
        snprintf(s->text + used, sizeof s->text - used, "@%ld", (long)(n->when / NP_SECOND));
}

static np_result *run(const np_world_config *c, const np_strategy *s, struct story *story)
{
    np_error e = {0};
    np_listener listener = {.notice = tell, .ctx = story};
    memset(story, 0, sizeof *story);
    np_result *r = np_world_run(c, s, 0, &listener, NULL, &e);
    if (!r) fail_msg("%s", e.text);
    return r;
}

static np_world_config still_world(np_group *g, uint8_t transport)
{
    np_world_config c = plain_world(g, 1, transport);
    g->arrival = np_dist_constant(0);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
    c.reconnect.least = NP_MILLISECOND; /* back at once */
    return c;
}

/* gRPC: a ping every 60 s where one in 300 s is permitted. The first is free, two more are forgiven, the
   fourth closes; the client comes back with 120 s, then 240 s, and with 480 s it may stay. */
static void test_too_many(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        np_group g;
        np_world_config c = still_world(&g, udp ? NP_UDP : NP_TCP);
        np_strategy s = heartbeat(60 * NP_SECOND, 20 * NP_SECOND, 1);
        s.beat.server_permits = 300 * NP_SECOND;
        struct story story;
        np_result *r = run(&c, &s, &story);
        assert_string_equal(story.text, "open closed:too-many-beats@240 open closed:too-many-beats@720 open "
                                        "closed:too-many-beats@1680 open");
        assert_true(fabs(VALUE(r, RECONNECTS) * r->conn_hours - 3) < 1e-9);
        assert_true(fabs(VALUE(r, FALSE_CLOSES) * r->conn_hours - 3) < 1e-9);
        np_result_destroy(r);

        s.beat.strikes = 5; /* three more are forgiven */
        np_result_destroy(run(&c, &s, &story));
        assert_string_equal(story.text, "open closed:too-many-beats@420 open closed:too-many-beats@1260 open "
                                        "closed:too-many-beats@2940 open");

        g.work.gap = np_dist_constant(150e9); /* what the server sends forgives all */
        s.beat.strikes = 2;
        np_result_destroy(run(&c, &s, &story));
        assert_string_equal(story.text, "open");
    }
}

/* What a client learns outlives its connections: Mars fails twice at 330 s, each time on a connection of its
   own, and then stays at 250 s. It learns the same from a box that resets what it does not know, only sooner.
 */
static void test_learning_outlives_connections(void **state)
{
    (void)state;
    for (int resets = 0; resets < 2; resets++) {
        np_group g;
        np_world_config c = still_world(&g, NP_TCP);
        c.duration = 12 * NP_HOUR;
        c.nat[0].unknown_outbound = c.nat[0].unknown_inbound = resets ? NP_UNKNOWN_RESET : NP_UNKNOWN_DROP;
        for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = 300 * NP_SECOND;
        np_strategy s = heartbeat(0, 8 * NP_SECOND, 1);
        s.beat.strategy = "mars";
        s.beat.least = 210 * NP_SECOND;
        s.beat.most = 580 * NP_SECOND;
        s.beat.step = 60 * NP_SECOND;
        s.beat.back_off = 20 * NP_SECOND;
        struct story story;
        np_result *r = run(&c, &s, &story);
        /* 7 * 210 + 5 * 270 = 2820 s, and 300 s after that beat's last ACK; the failing beat 330 s after it,
           8 s or a reset, and 3 * 210 s on the next connection */
        assert_string_equal(story.text, resets ? "open break:expired@3120 open break:expired@4080 open"
                                               : "open break:expired@3120 open break:expired@4088 open");
        np_result_destroy(r);
    }
}

/* Nobody beats: the end with the rule closes, the other learns of it. */
static void test_silence(void **state)
{
    (void)state;
    for (int server = 0; server < 2; server++) {
        np_group g;
        np_world_config c = still_world(&g, NP_TCP);
        c.duration = 100 * NP_SECOND;
        np_strategy s = heartbeat(0, 0, 1);
        s.beat.strategy = "none";
        *(server ? &s.beat.server_closes_after : &s.beat.client_closes_after) = 60 * NP_SECOND;
        struct story story;
        np_result *r = run(&c, &s, &story);
        assert_string_equal(story.text, "open closed:silence@60 open");
        assert_true(VALUE(r, UPKEEP_PACKETS) == 0);
        np_result_destroy(r);
    }
}

/* Both ends beat every 60 s and answer nothing: two beats and two ACKs a minute. Over UDP, two beats. */
static void test_both(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        np_group g;
        np_world_config c = still_world(&g, udp ? NP_UDP : NP_TCP);
        c.warmup = NP_HOUR;
        np_strategy s = heartbeat(60 * NP_SECOND, 0, 1);
        s.beat.from = NP_BEAT_FROM_BOTH;
        s.beat.bytes = 8;
        s.beat.answer_bytes = 0;
        struct story story;
        np_result *r = run(&c, &s, &story);
        assert_true(VALUE(r, UPKEEP_PACKETS) == (udp ? 120 : 240));
        assert_true(VALUE(r, UPKEEP_BYTES) == (udp ? 120 * (28 + 8) : 240 * 52 + 120 * 8));
        assert_string_equal(story.text, "open");
        np_result_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_learning_outlives_connections),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_both),
    };
    return cmocka_run_group_tests_name("beats", tests, NULL, NULL);
}
