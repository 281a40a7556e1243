/*
 * The capture that reading is measured with.
 *
 * The traffic is that of some thousand clients behind one NAT: flows come and go, a few carry most packets,
 * packets come in trains (Jain and Routhier, IEEE JSAC 4(6), 1986) of which several are under way at a time,
 * half of all packets are bare acknowledgements and most others are full. A train keeps its flow in the
 * processor's cache, and a full packet takes a bare loop as long as it takes to read it: traffic without
 * either would measure something that no capture is.
 */
#include "natpulse/bench_replay.h"
#include "natpulse/curve.h"
#include "natpulse/random.h"
#include "natpulse/replay.h"
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACTIVE    50000 /* flows open at any time */
#define CLIENTS   5000
#define MEAN_LIFE 60  /* packets of a flow */
#define TRAINS    8   /* under way at a time */
#define TRAIN     4   /* mean packets of one */
#define GAP_US    200 /* longest time from packet to packet: 10 000 packets/s */
#define CAPACITY  65536
#define WHOLE     262144 /* the snapshot length of those who cut nothing */

enum { PURPOSE_TRAFFIC = NP_PURPOSE(5, 0x9000) };

struct np_bench_replay {
    char *path;
    bool temporary;
    uint64_t packets, bytes;
};

typedef struct flow {
    uint32_t client, server, left; /* packets to come */
    uint16_t sport, dport;
    uint8_t proto, fresh;
} flow;

/* One capture under way. */
typedef struct making {
    np_stream random;
    flow active[ACTIVE];
    uint32_t train[TRAINS];
    uint64_t us;
    uint8_t packet[1600];
} making;

static uint32_t any(making *m, uint32_t below)
{
    return np_below(np_stream_next(&m->random), below);
}

static void begin_flow(making *m, flow *f)
{
    static const uint16_t port[] = {443, 443, 443, 80, 53, 5223, 22};
    uint32_t life = MEAN_LIFE / 4 + 1;
    while (any(m, 4) && life < 100000) life += life / 2; /* most are short, a few are long */
    *f = (flow){.client = 0x0a000000 + any(m, CLIENTS),
                .server = 0x05000000 + any(m, 1 << 22),
                .sport = (uint16_t)(1024 + any(m, 64512)),
                .dport = port[any(m, 7)],
                .left = life / 2 + any(m, life),
                .proto = any(m, 5) ? NP_TCP : NP_UDP,
                .fresh = 1};
}

static void put16(uint8_t *b, uint32_t v)
{
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
    put16(b, v >> 16);
    put16(b + 2, v);
}

/* Ethernet, IPv4, and TCP or UDP in front of `payload` zeros; how long it is. */
static uint32_t build(uint8_t *b, const flow *f, bool out, uint8_t flags, uint32_t payload)
{
    uint32_t transport = f->proto == NP_TCP ? 20 : 8, bytes = 14 + 20 + transport + payload;
    put16(b + 12, 0x0800);
    b[14] = 0x45;
    put16(b + 16, bytes - 14);
    b[22] = 64;
    b[23] = f->proto;
    put32(b + 26, out ? f->client : f->server);
    put32(b + 30, out ? f->server : f->client);
    put16(b + 34, out ? f->sport : f->dport);
    put16(b + 36, out ? f->dport : f->sport);
    if (f->proto == NP_TCP) {
        b[46] = 0x50;
        b[47] = flags;
    } else {
        put16(b + 38, 8 + payload);
        b[40] = b[41] = 0;
    }
    return bytes;
}

/* Cubed: low numbers are the busy ones. */
static uint32_t any_flow(making *m)
{
    uint64_t u = any(m, 1 << 16);
    return (uint32_t)(((u * u >> 16) * u >> 16) * ACTIVE >> 16);
}

/* The next packet, into m->packet; its length. */
static uint32_t next_packet(making *m)
{
    enum { FIN_ACK = 0x11, SYN = 0x02, ACK = 0x10, FULL = 1460 };
    uint32_t *t = &m->train[any(m, TRAINS)];
    if (any(m, TRAIN) == 0) *t = any_flow(m);
    flow *f = &m->active[*t];
    bool out = any(m, 2) == 1;
    uint8_t flags = ACK;
    uint32_t kind = any(m, 10), payload = kind < 5 ? 0 : kind < 6 ? 100 + any(m, 500) : FULL;
    if (f->fresh) {
        out = true;
        flags = SYN;
    }
    if (f->left <= 1) flags = FIN_ACK;
    if (flags != ACK && f->proto == NP_TCP) payload = 0;
    m->us += any(m, GAP_US);
    uint32_t bytes = build(m->packet, f, out, flags, payload);
    f->fresh = 0;
    if (--f->left == 0) begin_flow(m, f);
    return bytes;
}

static bool write_packets(np_bench_replay *b, uint32_t snaplen, FILE *out)
{
    making *m = calloc(1, sizeof *m);
    if (!m) return false;
    m->random = np_stream_make(np_key_make(1, 0), 0, PURPOSE_TRAFFIC);
    m->us = UINT64_C(1700000000000000);
    for (int i = 0; i < ACTIVE; i++) begin_flow(m, &m->active[i]);
    const uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0,
                              0,          snaplen,    DLT_EN10MB}; /* this machine's byte order */
    bool ok = fwrite(head, sizeof head, 1, out) == 1;
    b->bytes = sizeof head;
    for (uint64_t i = 0; ok && i < b->packets; i++) {
        uint32_t wire = next_packet(m), kept = wire < snaplen ? wire : snaplen;
        const uint32_t record[4] = {(uint32_t)(m->us / 1000000), (uint32_t)(m->us % 1000000), kept, wire};
        ok = fwrite(record, sizeof record, 1, out) == 1 && fwrite(m->packet, kept, 1, out) == 1;
        b->bytes += sizeof record + kept;
    }
    free(m);
    return ok;
}

/* Opens the file that b->path is to name. */
static FILE *open_file(np_bench_replay *b, const char *path, np_error *e)
{
    const char *directory = getenv("TMPDIR");
    FILE *out = NULL;
    b->temporary = path == NULL;
    if (asprintf(&b->path, path ? "%s" : "%s/natpulse-bench-XXXXXX",
                 path                      ? path
                 : directory && *directory ? directory
                                           : "/tmp") < 0) {
        b->path = NULL;
        np_fail_memory(e, "the path of a capture");
        return NULL;
    }
    int fd = path ? -1 : mkstemp(b->path);
    if (path || fd >= 0) out = path ? fopen(path, "wb") : fdopen(fd, "wb");
    if (!out) np_fail(e, NP_TROUBLE_RUN, "%s: cannot be written: %s", b->path, strerror(errno));
    if (!out && fd >= 0) close(fd);
    if (!out && fd < 0) b->temporary = false; /* nothing is there to be removed */
    return out;
}

np_bench_replay *np_bench_replay_create(const char *path, uint64_t packets, uint32_t snaplen, np_error *e)
{
    np_bench_replay *b = calloc(1, sizeof *b);
    if (!b) {
        np_fail_memory(e, "a capture to be measured");
        return NULL;
    }
    b->packets = packets;
    FILE *out = open_file(b, path, e);
    if (out) {
        bool ok = write_packets(b, snaplen ? snaplen : WHOLE, out);
        ok = fclose(out) == 0 && ok;
        if (ok) return b;
        np_fail(e, NP_TROUBLE_RUN, "%s: writing failed: %s; TMPDIR names another place", b->path,
                strerror(errno));
    }
    np_bench_replay_destroy(b);
    return NULL;
}

void np_bench_replay_destroy(np_bench_replay *b)
{
    if (!b) return;
    if (b->temporary) unlink(b->path);
    free(b->path);
    free(b);
}

uint64_t np_bench_replay_bytes(const np_bench_replay *b)
{
    return b->bytes;
}

/* ---- reading ---- */

static bool met_all(const np_bench_replay *b, uint64_t packets, const char *who, np_error *e)
{
    return packets == b->packets || np_fail(e, NP_TROUBLE_RUN, "%s: %s met %llu packets, not %llu", b->path,
                                            who, (unsigned long long)packets, (unsigned long long)b->packets);
}

bool np_bench_replay_bare(const np_bench_replay *b, np_error *e)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(b->path, why);
    if (!p) return np_fail(e, NP_TROUBLE_RUN, "%s", why);
    struct pcap_pkthdr *h;
    const u_char *data;
    uint64_t packets = 0, bytes = 0;
    while (pcap_next_ex(p, &h, &data) == 1) {
        packets++;
        bytes += h->len;
    }
    pcap_close(p);
    return met_all(b, bytes > 0 ? packets : 0, "libpcap", e);
}

bool np_bench_replay_box(const np_bench_replay *b, const volatile int *stop, np_error *e)
{
    np_nat_config nat;
    np_nat_defaults(&nat);
    nat.capacity = CAPACITY;
    const np_replay_config config = {.nat = &nat, .boxes = 1};
    const char *path = b->path;
    np_capture *c = np_capture_open(&path, 1, NULL, e);
    np_replay_summary *s = c ? calloc(1, sizeof *s) : NULL;
    bool ok = s ? np_replay_run(c, &config, stop, s, e) : c && np_fail_memory(e, "the replay's summary");
    if (ok && s->stopped) ok = np_fail(e, NP_TROUBLE_RUN, "stopped before the end");
    ok = ok && met_all(b, s->outbound + s->inbound, "the box", e);
    free(s);
    np_capture_close(c);
    return ok;
}

bool np_bench_replay_curve(const np_bench_replay *b, const volatile int *stop, np_error *e)
{
    static const np_curve_config config = {.timeout = {10 * NP_SECOND, 30 * NP_SECOND, NP_MINUTE,
                                                       2 * NP_MINUTE, 5 * NP_MINUTE, 10 * NP_MINUTE,
                                                       30 * NP_MINUTE, NP_HOUR, NP_NEVER},
                                           .timeouts = 9,
                                           .sample = 1};
    const char *path = b->path;
    np_capture *c = np_capture_open(&path, 1, NULL, e);
    np_curve *curve = c ? np_curve_run(c, &config, stop, e) : NULL;
    bool ok = curve != NULL;
    if (ok) {
        np_curve_counts counts = np_curve_count(curve);
        if (counts.stopped) ok = np_fail(e, NP_TROUBLE_RUN, "stopped before the end");
        ok = ok && met_all(b, counts.outbound + counts.inbound, "the curve", e);
    }
    np_curve_destroy(curve);
    np_capture_close(c);
    return ok;
}
