/*
 * Two TCP ends and the wire between them: the harness of the TCP tests.
 *
 * The client is end 0, the server end 1. Everything that is sent and every event is written down as one line
 * of text, so that a test is a packet script and its expectation a table:
 *
 *      "0.000 > S 0:1"                  time in seconds; > is from the client; flags; sequence from:to
 *      "0.050 < SA 0:1 ack 1 lost"      sequence numbers count from each end's initial one
 *      "0.100 > A 1:1 ack 1"            the kind follows when it is not control
 *      "0.050 client opened"
 */
#ifndef NATPULSE_TESTS_HOST_WIRE_H
#define NATPULSE_TESTS_HOST_WIRE_H

#include "natpulse/link.h"
#include "natpulse/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CLIENT, SERVER };
enum { WIRE_FLYING = 8192, WIRE_LINES = 4096, WIRE_LINE = 96 };

struct wire;

typedef struct wire_end {
    struct wire *wire;
    int side;
    bool used; /* connected or accepted, and not over */
    bool gone; /* its machine is dead: hears and does nothing */
    np_tcp tcp;
    np_tcp_config config;
    np_tcp_sink sink;
    np_link link; /* its outgoing direction */
    np_link_config way;
    uint32_t iss;
    uint64_t received;
    int events[NP_TCP_TIMED_OUT_KEEPALIVE + 1];
    np_time event_at[NP_TCP_TIMED_OUT_KEEPALIVE + 1];
    unsigned sent, sent_data, sent_pure_acks, sent_kind[NP_KIND_COUNT];
    bool closes_back; /* closes when the peer has */
    uint32_t answers; /* writes so many bytes at each receipt */
} wire_end;

typedef struct wire_flying {
    np_time at;
    uint64_t order;
    int to;
    np_packet p;
} wire_flying;

typedef struct wire {
    np_time now;
    np_key key;
    wire_end end[2];
    wire_flying flying[WIRE_FLYING];
    unsigned flights;
    uint64_t order;
    char line[WIRE_LINES][WIRE_LINE];
    unsigned lines;
    bool quiet;                                                    /* write nothing down */
    uint64_t timers;                                               /* calls of np_tcp_timer */
    np_time (*fate)(struct wire *w, int from, const np_packet *p); /* NULL: the link decides */
} wire;

static inline uint64_t wire_seed(void)
{
    const char *text = getenv("NP_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

__attribute__((format(printf, 2, 3))) static inline void wire_note(wire *w, const char *format, ...)
{
    if (w->quiet) return;
    assert_true(w->lines < WIRE_LINES);
    va_list args;
    va_start(args, format);
    vsnprintf(w->line[w->lines++], WIRE_LINE, format, args);
    va_end(args);
}

static inline const char *wire_event_name(np_tcp_event e)
{
    static const char *const name[] = {"opened",         "peer-closed",        "done",
                                       "refused",        "was-reset",          "timed-out-connect",
                                       "timed-out-data", "timed-out-keepalive"};
    return name[e];
}

static inline void wire_transmit(void *ctx, np_packet *p)
{
    wire_end *e = ctx;
    wire *w = e->wire;
    const wire_end *peer = &w->end[1 - e->side];
    static const char *const kind[] = {"", " payload", " keepalive", " heartbeat"};

    assert_int_equal(p->bytes, 40 + p->payload +
                                   (!(p->flags & NP_SYN) ? (p->options & NP_OPTION_TIMESTAMP ? 12 : 0)
                                    : p->options & NP_OPTION_TIMESTAMP ? 20
                                                                       : 12));
    np_time at = w->fate ? w->fate(w, e->side, p) : np_link_send(&e->link, &e->way, w->key, w->now, p->bytes);
    char flags[8], ack[24] = "";
    snprintf(flags, sizeof flags, "%s%s%s%s", p->flags & NP_SYN ? "S" : "", p->flags & NP_FIN ? "F" : "",
             p->flags & NP_RST ? "R" : "", p->flags & NP_ACK ? "A" : "");
    if (p->flags & NP_ACK) snprintf(ack, sizeof ack, " ack %u", p->ack - peer->iss);
    uint32_t seq = p->seq - e->iss;
    wire_note(w, "%.3f %c %s %u:%u%s%s%s", np_seconds(w->now), e->side == CLIENT ? '>' : '<', flags, seq,
              seq + np_packet_seqlen(p), ack, kind[p->kind], at == NP_LOST ? " lost" : "");
    e->sent++;
    e->sent_kind[p->kind]++;
    if (p->payload) e->sent_data++;
    if ((p->flags & (NP_SYN | NP_FIN | NP_RST | NP_ACK)) == NP_ACK && !p->payload) e->sent_pure_acks++;

    if (at == NP_LOST) return;
    assert_true(w->flights < WIRE_FLYING);
    w->flying[w->flights++] = (wire_flying){.at = at, .order = w->order++, .to = 1 - e->side, .p = *p};
}

static inline void wire_received(void *ctx, uint64_t upto)
{
    wire_end *e = ctx;
    assert_true(upto > e->received);
    e->received = upto;
    if (e->answers) np_tcp_write(&e->tcp, &e->config, e->answers, NP_KIND_PAYLOAD, &e->sink, e->wire->now);
}

static inline void wire_event(void *ctx, np_tcp_event what)
{
    wire_end *e = ctx;
    wire_note(e->wire, "%.3f %s %s", np_seconds(e->wire->now), e->side == CLIENT ? "client" : "server",
              wire_event_name(what));
    e->events[what]++;
    e->event_at[what] = e->wire->now;
    if (what == NP_TCP_OPENED) return;
    if (what != NP_TCP_PEER_CLOSED) e->used = false;
    if (what == NP_TCP_PEER_CLOSED && e->closes_back)
        np_tcp_close(&e->tcp, &e->config, &e->sink, e->wire->now);
}

/* Both ends with Linux's defaults over a link with 50 ms each way and no loss. */
static inline wire *wire_new(uint64_t seed)
{
    wire *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->key = np_key_make(seed, 0);
    for (int i = 0; i < 2; i++) {
        wire_end *e = &w->end[i];
        e->wire = w;
        e->side = i;
        e->iss = i ? 0xfffffff0u : 1000; /* the server's wraps soon */
        e->sink = (np_tcp_sink){wire_transmit, wire_received, wire_event, e};
        np_tcp_defaults(&e->config);
        e->way = (np_link_config){.delay = 50 * NP_MILLISECOND};
    }
    return w;
}

/* After the links' configurations are set. */
static inline void wire_plug(wire *w)
{
    for (int i = 0; i < 2; i++) np_link_init(&w->end[i].link, &w->end[i].way, w->key, (uint32_t)i);
}

static inline void wire_connect(wire *w)
{
    wire_end *e = &w->end[CLIENT];
    wire_plug(w);
    e->used = true;
    np_tcp_connect(&e->tcp, &e->config, e->iss, &e->sink, w->now);
}

/* From a host that knows no connection for p. */
static inline void wire_unknown(wire *w, int to, const np_packet *p)
{
    np_packet answer;
    if (np_tcp_unknown(p, &answer)) wire_transmit(&w->end[to], &answer);
}

static inline void wire_arrive(wire *w, int to, const np_packet *p)
{
    wire_end *e = &w->end[to];
    if (e->gone) return;
    if (e->used)
        np_tcp_input(&e->tcp, &e->config, p, &e->sink, w->now);
    else if (to == SERVER && (p->flags & (NP_SYN | NP_ACK | NP_RST)) == NP_SYN) {
        e->used = true;
        np_tcp_accept(&e->tcp, &e->config, e->iss, p, &e->sink, w->now);
    } else
        wire_unknown(w, to, p);
}

static inline np_time wire_deadline(const wire *w)
{
    np_time least = NP_NEVER;
    for (unsigned i = 0; i < w->flights; i++)
        if (w->flying[i].at < least) least = w->flying[i].at;
    for (int i = 0; i < 2; i++) {
        if (!w->end[i].used || w->end[i].gone) continue;
        np_time t = np_tcp_deadline(&w->end[i].tcp);
        if (t < least) least = t;
    }
    return least;
}

/* One moment: all that arrives, then all timers. False when nothing will ever happen. */
static inline bool wire_step(wire *w, np_time until)
{
    np_time next = wire_deadline(w);
    if (next == NP_NEVER || next > until) return false;
    assert_true(next >= w->now);
    w->now = next;
    unsigned first = WIRE_FLYING;
    for (unsigned i = 0; i < w->flights; i++)
        if (w->flying[i].at == next && (first == WIRE_FLYING || w->flying[i].order < w->flying[first].order))
            first = i;
    if (first != WIRE_FLYING) {
        wire_flying f = w->flying[first];
        w->flying[first] = w->flying[--w->flights];
        wire_arrive(w, f.to, &f.p);
        return true;
    }
    for (int i = 0; i < 2; i++) {
        wire_end *e = &w->end[i];
        if (!e->used || e->gone || np_tcp_deadline(&e->tcp) > next) continue;
        w->timers++;
        np_tcp_timer(&e->tcp, &e->config, &e->sink, w->now);
    }
    return true;
}

static inline void wire_run(wire *w, np_time until)
{
    while (wire_step(w, until)) {
    }
    if (until != NP_NEVER) w->now = until;
}

static inline uint64_t wire_write(wire *w, int from, uint32_t bytes, np_kind kind)
{
    wire_end *e = &w->end[from];
    return np_tcp_write(&e->tcp, &e->config, bytes, kind, &e->sink, w->now);
}

static inline void wire_close(wire *w, int from)
{
    wire_end *e = &w->end[from];
    np_tcp_close(&e->tcp, &e->config, &e->sink, w->now);
}

/* From now on nothing that `from` sends arrives. */
static inline np_time wire_cut_client(wire *w, int from, const np_packet *p)
{
    wire_end *e = &w->end[from];
    return from == CLIENT ? NP_LOST : np_link_send(&e->link, &e->way, w->key, w->now, p->bytes);
}
static inline np_time wire_cut_both(wire *w, int from, const np_packet *p)
{
    (void)w, (void)from, (void)p;
    return NP_LOST;
}

/* Forgets what was written down. */
static inline void wire_forget(wire *w)
{
    w->lines = 0;
}

#define wire_expect(w, ...)                                                                                  \
    do {                                                                                                     \
        const char *const expected_[] = {__VA_ARGS__};                                                       \
        wire_compare(w, expected_, sizeof expected_ / sizeof expected_[0], __FILE__, __LINE__);              \
    } while (0)

static inline void wire_compare(wire *w, const char *const *expected, unsigned n, const char *file, int line)
{
    bool same = n == w->lines;
    for (unsigned i = 0; same && i < n; i++) same = !strcmp(expected[i], w->line[i]);
    if (same) return;
    for (unsigned i = 0; i < n || i < w->lines; i++) {
        const char *want = i < n ? expected[i] : "-", *got = i < w->lines ? w->line[i] : "-";
        print_error("%s:%d: %c expected %-44s got %s\n", file, line, strcmp(want, got) ? '*' : ' ', want,
                    got);
    }
    _fail(file, line);
}

/* A connection that is open and quiet at time `at`. */
static inline wire *wire_opened(np_time at)
{
    wire *w = wire_new(1);
    wire_connect(w);
    wire_run(w, at);
    assert_int_equal(np_tcp_get_state(&w->end[CLIENT].tcp), NP_TCP_ESTABLISHED);
    assert_int_equal(np_tcp_get_state(&w->end[SERVER].tcp), NP_TCP_ESTABLISHED);
    return w;
}

#endif
