/*
 * The presets of keepalives, heartbeats and radios that come with natpulse, held against figures written down
 * here from the stacks' and protocols' documents, not from the presets: each file has a row, each row a file.
 */
#include "bench.h"

#include <math.h>

/* ---- every file has a row ---- */

struct names {
    const char *const *name;
    size_t n, stride, seen;
};

static const char *name_at(const struct names *k, size_t i)
{
    return *(const char *const *)((const char *)k->name + i * k->stride);
}

static void has_row(void *ctx, const np_profile_card *card)
{
    struct names *k = ctx;
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(card->name, name_at(k, i))) {
            k->seen++;
            return;
        }
    fail_msg("%s has no row here", card->name);
}

static void assert_every_file_has_a_row(const char *kind, const char *const *first, size_t n, size_t stride)
{
    struct names k = {first, n, stride, 0};
    np_error e = {0};
    assert_true(np_profile_list(kind, has_row, &k, NULL, &e));
    assert_int_equal(k.seen, n);
}

/* A scenario with one strategy for each name, `key: NAME`. */
static np_scenario *strategies_of(const char *key, const char *const *first, size_t n, size_t stride)
{
    const struct names k = {first, n, stride, 0};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fputs("clients:\n  - {name: a, count: 1, workload: {gap: 1s, request: 1B}}\nstrategies:\n", out);
    for (size_t i = 0; i < n; i++) fprintf(out, "  - {name: s%zu, %s: %s}\n", i, key, name_at(&k, i));
    fclose(out);
    bench_put("presets.yaml", text);
    free(text);
    return bench_load("presets.yaml", NULL, 0);
}

static void expect(const char *name, const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%s: %s is %g, not %g", name, what, got, want);
}

/* ---- keepalive ---- */

/* Seconds; the longest that a dead peer goes unnoticed is idle + interval * probes. */
static const struct keepalive_row {
    const char *name;
    double idle, interval;
    uint32_t probes;
    double worst;
    np_sockets at;
} keepalives[] = {
    {"linux", 7200, 75, 9, 7875, NP_SOCKETS_CLIENT},   {"windows", 7200, 1, 10, 7210, NP_SOCKETS_CLIENT},
    {"macos", 7200, 75, 8, 7800, NP_SOCKETS_CLIENT},   {"ios", 7200, 75, 8, 7800, NP_SOCKETS_CLIENT},
    {"freebsd", 7200, 75, 8, 7800, NP_SOCKETS_CLIENT}, {"solaris", 7200, 60, 8, 7680, NP_SOCKETS_CLIENT},
    {"lwip", 7200, 75, 9, 7875, NP_SOCKETS_CLIENT},    {"go", 15, 15, 9, 150, NP_SOCKETS_CLIENT},
    {"node", 60, 1, 10, 70, NP_SOCKETS_CLIENT},        {"java", 7200, 75, 9, 7875, NP_SOCKETS_CLIENT},
    {"dotnet", 7200, 75, 9, 7875, NP_SOCKETS_CLIENT},  {"python", 7200, 75, 9, 7875, NP_SOCKETS_CLIENT},
    {"rust", 7200, 75, 9, 7875, NP_SOCKETS_CLIENT},    {"curl", 60, 60, 9, 600, NP_SOCKETS_CLIENT},
    {"chromium", 45, 45, 9, 450, NP_SOCKETS_CLIENT},   {"redis", 300, 100, 3, 600, NP_SOCKETS_SERVER},
    {"libpq", 7200, 75, 9, 7875, NP_SOCKETS_BOTH},     {"pgx", 300, 300, 9, 3000, NP_SOCKETS_CLIENT},
    {"oracle", 60, 75, 9, 735, NP_SOCKETS_CLIENT},     {"mysql", 7200, 75, 9, 7875, NP_SOCKETS_SERVER},
    {"aws", 300, 15, 3, 345, NP_SOCKETS_CLIENT}, /* below 350 s */
    {"gcp", 60, 60, 5, 360, NP_SOCKETS_CLIENT},  /* below 600 s */
    {"envoy", 45, 5, 9, 90, NP_SOCKETS_BOTH},    /* above gRPC's 60 s and 20 s */
    {"mtg", 30, 10, 3, 60, NP_SOCKETS_CLIENT},
};
#define KEEPALIVES (sizeof keepalives / sizeof *keepalives)

static void test_keepalives(void **state)
{
    (void)state;
    if (access("scenarios/profiles", F_OK) != 0) skip();
    assert_every_file_has_a_row("keepalive", &keepalives[0].name, KEEPALIVES, sizeof *keepalives);
    np_scenario *s = strategies_of("keepalive", &keepalives[0].name, KEEPALIVES, sizeof *keepalives);
    for (size_t i = 0; i < KEEPALIVES; i++) {
        const struct keepalive_row *want = &keepalives[i];
        const np_keepalive *k = &s->strategy[i].keepalive;
        assert_true(k->on);
        expect(want->name, "idle", np_seconds(k->idle), want->idle);
        expect(want->name, "interval", np_seconds(k->interval), want->interval);
        expect(want->name, "probes", k->probes, want->probes);
        expect(want->name, "worst case", np_seconds(k->idle + k->interval * k->probes), want->worst);
        expect(want->name, "socket", s->strategy[i].keepalive_at, want->at);
    }
    np_scenario_destroy(s);
}

/* ---- heartbeats ---- */

enum { CLIENT = NP_BEAT_FROM_CLIENT, SERVER = NP_BEAT_FROM_SERVER, BOTH = NP_BEAT_FROM_BOTH };
enum { NEVER_IDLE = -1, SENT = NP_BEAT_IDLE_SENT, HEARD = NP_BEAT_IDLE_HEARD, EITHER = NP_BEAT_IDLE_EITHER };

/* Seconds and bytes. The time an answer has, 0: none is awaited; misses that end it; silence that ends it, at
   the server and at the client. */
static const struct heartbeat_row {
    const char *name, *strategy;
    int from, idle;
    double every, timeout;
    uint32_t misses;
    double server_closes, client_closes;
    uint32_t bytes, answer;
} heartbeats[] = {
    {"mqtt", "piggyback", CLIENT, SENT, 60, 10, 1, 90, 0, 2, 2},
    {"websocket", "fixed", CLIENT, NEVER_IDLE, 30, 10, 2, 0, 0, 6, 2},
    {"socketio", "fixed", SERVER, NEVER_IDLE, 25, 20, 1, 0, 45, 3, 7},
    {"phoenix", "fixed", CLIENT, NEVER_IDLE, 30, 30, 1, 60, 0, 55, 55},
    {"websockets-python", "fixed", BOTH, NEVER_IDLE, 20, 20, 1, 0, 0, 10, 6},
    {"nginx-proxy", "none", CLIENT, NEVER_IDLE, 0, 10, 2, 60, 0, 2, 2},
    {"aws-alb", "none", CLIENT, NEVER_IDLE, 0, 10, 2, 60, 0, 2, 2},
    {"grpc", "piggyback", CLIENT, HEARD, 300, 20, 1, 0, 0, 17, 17},
    {"grpc-eager", "piggyback", CLIENT, HEARD, 60, 20, 1, 0, 0, 17, 17},
    {"grpc-server", "fixed", SERVER, NEVER_IDLE, 7200, 20, 1, 0, 0, 17, 17},
    {"http2", "fixed", CLIENT, NEVER_IDLE, 30, 10, 1, 0, 0, 17, 17},
    {"amqp", "piggyback", BOTH, SENT, 30, 0, 2, 60, 60, 8, 0},
    {"stomp", "piggyback", BOTH, SENT, 10, 0, 2, 20, 20, 1, 0},
    {"xmpp-whitespace", "piggyback", CLIENT, SENT, 60, 0, 2, 0, 0, 1, 0},
    {"ssh", "piggyback", CLIENT, HEARD, 60, 60, 3, 0, 0, 68, 36},
    {"mosh", "piggyback", BOTH, SENT, 3, 0, 2, 0, 0, 64, 0},
    {"kafka", "fixed", CLIENT, NEVER_IDLE, 3, 0, 2, 45, 0, 90, 20},
    {"redis-replica", "fixed", SERVER, NEVER_IDLE, 10, 0, 2, 60, 60, 14, 7},
    {"hikaricp", "piggyback", CLIENT, SENT, 120, 5, 1, 0, 0, 6, 11},
    {"sip-outbound-tcp", "jittered", CLIENT, NEVER_IDLE, 120, 10, 1, 0, 0, 4, 2},
    {"sip-outbound-udp", "jittered", CLIENT, NEVER_IDLE, 29, 9.5, 1, 0, 0, 20, 32},
    {"stun", "fixed", CLIENT, NEVER_IDLE, 15, 0, 2, 0, 0, 20, 0},
    {"ice-consent", "jittered", CLIENT, NEVER_IDLE, 6, 0, 2, 0, 30, 20, 32},
    {"wireguard", "piggyback", CLIENT, EITHER, 25, 0, 2, 0, 0, 32, 0},
    {"wireguard-passive", "passive", BOTH, NEVER_IDLE, 10, 0, 2, 0, 0, 32, 0},
    {"openvpn", "piggyback", BOTH, SENT, 10, 0, 2, 120, 60, 56, 0},
    {"ipsec-nat-t", "piggyback", CLIENT, SENT, 20, 0, 2, 0, 0, 1, 0},
    {"quic", "piggyback", CLIENT, EITHER, 15, 0, 2, 30, 30, 29, 33},
    {"fcm-cellular", "fixed", CLIENT, NEVER_IDLE, 1680, 60, 1, 0, 0, 10, 10},
    {"fcm-wifi", "fixed", CLIENT, NEVER_IDLE, 900, 60, 1, 0, 0, 10, 10},
    {"mars", "mars", CLIENT, NEVER_IDLE, 0, 8, 1, 0, 0, 20, 20},
    {"search", "search", CLIENT, NEVER_IDLE, 0, 10, 1, 0, 0, 2, 2},
    {"telegram", "fixed", CLIENT, NEVER_IDLE, 60, 15, 1, 75, 0, 80, 80},
    {"whatsapp-web", "jittered", CLIENT, NEVER_IDLE, 30, 10, 1, 0, 0, 60, 60},
};
#define HEARTBEATS (sizeof heartbeats / sizeof *heartbeats)

static const np_beat_config *beat_of(const np_scenario *s, const char *name)
{
    for (size_t i = 0; i < HEARTBEATS; i++)
        if (!strcmp(heartbeats[i].name, name)) return &s->strategy[i].beat;
    fail_msg("no row %s", name);
    return NULL;
}

static void test_heartbeats(void **state)
{
    (void)state;
    if (access("scenarios/profiles", F_OK) != 0) skip();
    assert_every_file_has_a_row("heartbeat", &heartbeats[0].name, HEARTBEATS, sizeof *heartbeats);
    np_scenario *s = strategies_of("heartbeat", &heartbeats[0].name, HEARTBEATS, sizeof *heartbeats);
    for (size_t i = 0; i < HEARTBEATS; i++) {
        const struct heartbeat_row *want = &heartbeats[i];
        const np_beat_config *b = &s->strategy[i].beat;
        if (strcmp(b->strategy, want->strategy)) fail_msg("%s is %s", want->name, b->strategy);
        expect(want->name, "from", b->from, want->from);
        if (want->idle != NEVER_IDLE) expect(want->name, "idle_since", b->idle_since, want->idle);
        expect(want->name, "every", np_seconds(b->every), want->every);
        expect(want->name, "timeout", np_seconds(b->timeout), want->timeout);
        expect(want->name, "misses", b->misses, want->misses);
        expect(want->name, "server_closes_after", np_seconds(b->server_closes_after), want->server_closes);
        expect(want->name, "client_closes_after", np_seconds(b->client_closes_after), want->client_closes);
        expect(want->name, "bytes", b->bytes, want->bytes);
        expect(want->name, "answer_bytes", b->answer_bytes, want->answer);
        bool minds = !strncmp(want->name, "grpc", 4) && want->from == CLIENT;
        expect(want->name, "server_enforces.every", np_seconds(b->server_permits), minds ? 300 : 0);
        if (minds) expect(want->name, "strikes", b->strikes, 2);
    }
    static const struct {
        const char *name;
        double least;
    } random[] = {
        {"sip-outbound-tcp", 95}, {"sip-outbound-udp", 24}, {"ice-consent", 4}, {"whatsapp-web", 20}};
    for (size_t i = 0; i < sizeof random / sizeof *random; i++)
        expect(random[i].name, "least", np_seconds(beat_of(s, random[i].name)->least), random[i].least);
    const np_beat_config *mars = beat_of(s, "mars");
    expect("mars", "least", np_seconds(mars->least), 210);
    expect("mars", "most", np_seconds(mars->most), 580);
    expect("mars", "step", np_seconds(mars->step), 60);
    expect("mars", "back_off", np_seconds(mars->back_off), 20);
    np_scenario_destroy(s);
}

/* ---- radios ---- */

/* Huang et al. 2012: milliseconds, milliwatts, and the joules of a lone heartbeat that follow. */
static const struct radio_row {
    const char *name;
    double promotion, promotion_mw, tail, tail_mw, second, second_mw, up, down, base, joules;
} radios[] = {
    {"lte", 260.1, 1210.7, 11576, 1060.0, 0, 0, 438.39, 51.97, 1288.04, 12.59},
    {"3g", 582.1, 659.4, 8088.2, 803.9, 824.2, 601.3, 868.98, 122.12, 817.88, 7.38},
    {"wifi", 79.1, 124.4, 238.1, 119.3, 0, 0, 283.17, 137.01, 132.86, 0.038},
};
#define RADIOS (sizeof radios / sizeof *radios)

static void test_radios(void **state)
{
    (void)state;
    if (access("scenarios/profiles", F_OK) != 0) skip();
    assert_every_file_has_a_row("radio", &radios[0].name, RADIOS, sizeof *radios);
    for (size_t i = 0; i < RADIOS; i++) {
        const struct radio_row *w = &radios[i];
        char text[200];
        snprintf(
            text, sizeof text,
            "clients:\n  - {name: a, count: 1, radio: %s, workload: {gap: 1s, request: 1B}}\nstrategies: "
            "[{name: s}]\n",
            w->name);
        bench_put("radio.yaml", text);
        np_scenario *s = bench_load("radio.yaml", NULL, 0);
        const np_radio_config *r = &s->world.group[0].radio;
        expect(w->name, "promotion", 1e3 * np_seconds(r->promotion), w->promotion);
        expect(w->name, "promotion_power", 1e3 * r->promotion_w, w->promotion_mw);
        expect(w->name, "tail", 1e3 * np_seconds(r->tail), w->tail);
        expect(w->name, "tail_power", 1e3 * r->tail_w, w->tail_mw);
        expect(w->name, "second_tail", 1e3 * np_seconds(r->second_tail), w->second);
        expect(w->name, "second_tail_power", 1e3 * r->second_tail_w, w->second_mw);
        expect(w->name, "up", 1e3 * r->up_w, w->up);
        expect(w->name, "down", 1e3 * r->down_w, w->down);
        expect(w->name, "base", 1e3 * r->base_w, w->base);
        double joules = np_seconds(r->promotion) * r->promotion_w + np_seconds(r->tail) * r->tail_w +
                        np_seconds(r->second_tail) * r->second_tail_w;
        assert_true(fabs(joules - w->joules) < (w->joules < 1 ? 0.0005 : 0.005));
        np_scenario_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepalives),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_radios),
    };
    return cmocka_run_group_tests_name("presets", tests, bench_open, bench_close);
}
