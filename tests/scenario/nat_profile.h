/*
 * Boxes made from the NAT profiles that come with natpulse, and packets for them.
 */
#ifndef NATPULSE_TEST_NAT_PROFILE_H
#define NATPULSE_TEST_NAT_PROFILE_H

#include "../nat/draw.h"
#include "bench.h"

#include "natpulse/arena.h"

#include <dirent.h>

#define HOST   0x0a000001u /* 10.0.0.1 */
#define SERVER 0xc6336401u /* 198.51.100.1 */
#define PUBLIC 0xc0000201u /* 192.0.2.1 */
#define S      NP_SECOND

#define PROFILES_DIR  "scenarios/profiles/nat"
#define PROFILES_MOST 200

static inline int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all files in the profiles' folder, sorted: what the disk has, not what the program finds. */
static inline size_t profile_files(char *name[PROFILES_MOST])
{
    size_t n = 0;
    DIR *d = opendir(PROFILES_DIR);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char *dot = strrchr(e->d_name, '.');
        if (dot == NULL || strcmp(dot, ".yaml") != 0) continue;
        assert_true(n < PROFILES_MOST);
        name[n++] = strndup(e->d_name, (size_t)(dot - e->d_name));
    }
    closedir(d);
    qsort(name, n, sizeof *name, by_text);
    return n;
}

static inline void profile_files_free(char **name, size_t n)
{
    while (n > 0) free(name[--n]);
}

/* The configuration of a profile; its strings belong to *arena. */
static inline np_nat_config profile_config(const char *name, const np_override *set, uint32_t sets,
                                           np_arena **arena)
{
    np_nat_config c;
    np_findings findings;
    np_error e;
    if (!np_profile_nat(name, set, sets, &c, arena, &findings, &e)) fail_msg("%s: %s", name, e.text);
    return c;
}

/* A box with its clock, and what it sent by itself. */
typedef struct machine {
    np_box *box;
    np_arena *arena;
    np_nat_config config;
    np_time now;
    uint32_t sent[2]; /* to the outside, to the inside */
    np_packet last_sent;
} machine;

static inline void machine_sent(void *ctx, bool to_inside, const np_packet *p, np_time when)
{
    (void)when;
    machine *m = ctx;
    m->sent[to_inside]++;
    m->last_sent = *p;
}

static inline void machine_open(machine *m, const char *profile, const np_override *set, uint32_t sets)
{
    np_error e = {.text = ""};
    *m = (machine){0};
    m->config = profile_config(profile, set, sets, &m->arena);
    m->box = np_box_create(&m->config, np_key_make(1, 0), 0, &e);
    if (m->box == NULL) fail_msg("%s: %s", profile, e.text);
    np_box_set_tap(m->box, (np_box_tap){.ctx = m, .emit = machine_sent});
}

static inline void machine_close(machine *m)
{
    np_box_destroy(m->box);
    np_arena_destroy(m->arena);
}

/* The same with one override of the profile. */
static inline void machine_open_with(machine *m, const char *profile, const char *path, const char *value)
{
    np_override set = {path, value};
    machine_open(m, profile, &set, 1);
}

/* ---- one connection, seen from both ends ---- */

typedef struct flow {
    machine *m;
    uint32_t host, server;
    uint16_t sport, dport;
    uint8_t proto;
    uint32_t public_addr;
    uint16_t port; /* external, of its last packet out */
    uint32_t seq, ack;
    np_packet came; /* the last packet, as it left the box */
} flow;

static inline flow flow_of(machine *m, uint8_t proto, uint32_t host, uint16_t sport, uint32_t server,
                           uint16_t dport)
{
    return (flow){.m = m,
                  .host = HOST + host,
                  .server = SERVER + server,
                  .sport = sport,
                  .dport = dport,
                  .proto = proto,
                  .seq = 1000,
                  .ack = 5000};
}

static inline np_handled flow_out(flow *f, uint8_t flags)
{
    np_packet p = packet(f->proto, f->host, f->sport, f->server, f->dport, flags);
    p.seq = f->seq;
    p.ack = flags & NP_ACK ? f->ack : 0;
    p.window = 60000;
    np_handled h = np_box_outbound(f->m->box, &p, f->m->now);
    if (h.verdict == NP_FORWARD && h.reason != NP_REASON_LEAKED) {
        f->port = p.sport;
        f->public_addr = np_addr_to_ipv4(&p.src);
        f->seq += np_packet_seqlen(&p);
    }
    f->came = p;
    return h;
}

static inline np_handled flow_in(flow *f, uint8_t flags)
{
    np_packet p = packet(f->proto, f->server, f->dport, f->public_addr, f->port, flags);
    p.seq = f->ack;
    p.ack = flags & NP_ACK ? f->seq : 0;
    p.window = 60000;
    np_handled h = np_box_inbound(f->m->box, &p, f->m->now);
    if (h.verdict == NP_FORWARD) f->ack += np_packet_seqlen(&p);
    f->came = p;
    return h;
}

/* What a packet must come to: a verdict and, where it matters, the reason. */
static inline void must(np_handled h, np_verdict verdict, const char *reason)
{
    assert_string_equal(np_verdict_name(h.verdict), np_verdict_name(verdict));
    if (reason) assert_string_equal(np_reason_name(h.reason), reason);
}

static inline void flow_handshake(flow *f)
{
    must(flow_out(f, NP_SYN), NP_FORWARD, "created");
    must(flow_in(f, NP_SYN | NP_ACK), NP_FORWARD, "mapped");
    must(flow_out(f, NP_ACK), NP_FORWARD, "mapped");
}

/* Both ends close, the inside first. */
static inline void flow_close(flow *f)
{
    must(flow_out(f, NP_FIN | NP_ACK), NP_FORWARD, "mapped");
    must(flow_in(f, NP_FIN | NP_ACK), NP_FORWARD, "mapped");
    must(flow_out(f, NP_ACK), NP_FORWARD, "mapped");
}

/* Time passes, and with it what is due. */
static inline void pass(machine *m, np_time by)
{
    m->now += by;
    np_box_expire(m->box, m->now);
}

#endif
