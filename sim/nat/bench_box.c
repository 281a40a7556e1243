/*
 * Packets through a whole box: handshakes beforehand, then data and ACKs of connections drawn at random, each
 * as likely as another. Of each connection only how much it has sent is kept, so that every packet fits the
 * windows.
 */
#include "natpulse/bench_box.h"
#include "natpulse/random.h"
#include <stdlib.h>

#define OPENED  1000u /* sequence numbers behind the SYNs */
#define ANSWER  5000u
#define DATA    100u /* bytes a packet */
#define HEADERS 40u
#define WINDOW  60000u
#define GAP     NP_MICROSECOND /* simulated, between two packets */

enum { PURPOSE_FLOW = NP_PURPOSE(3, 0x9002) };

struct np_bench_box {
    np_box *box;
    uint32_t *sent; /* bytes, by connection */
    uint32_t flows;
    np_stream draws;
    np_time now;
};

static const struct {
    const char *name;
    np_tracking tracker;
} kinds[NP_BENCH_BOX_KINDS] = {
    [NP_BENCH_BOX_NONE] = {"none", NP_TRACK_NONE},
    [NP_BENCH_BOX_FLAGS] = {"flags", NP_TRACK_FLAGS},
    [NP_BENCH_BOX_STATES] = {"states", NP_TRACK_STATES},
    [NP_BENCH_BOX_PF] = {"pf", NP_TRACK_PF},
    [NP_BENCH_BOX_LINUX] = {"linux", NP_TRACK_LINUX},
    [NP_BENCH_BOX_CONNTRACK] = {"conntrack", NP_TRACK_LINUX},
};

const char *np_bench_box_name(np_bench_box_kind kind)
{
    return kinds[kind].name;
}

/* 64 connections to an inside host, each to one of 4096 servers. The port is kept. */
static np_packet packet_of(uint32_t flow, bool outbound)
{
    np_packet p = {.src = np_addr_ipv4(0x0a000000u + (flow >> 6)),
                   .dst = np_addr_ipv4(0xc6120000u + (flow * 0x9e3779b1u >> 20)),
                   .sport = (uint16_t)(32768 + (flow & 63)),
                   .dport = 443,
                   .window = WINDOW,
                   .bytes = HEADERS,
                   .conn = flow,
                   .proto = NP_TCP,
                   .family = 4};
    if (outbound) return p;
    np_addr host = p.src;
    p.src = p.dst;
    p.dst = host;
    p.dport = p.sport;
    p.sport = 443;
    return p;
}

static bool send(np_bench_box *b, uint32_t flow, bool outbound, uint8_t flags, uint32_t seq, uint32_t ack,
                 uint16_t payload)
{
    np_packet p = packet_of(flow, outbound);
    p.flags = flags;
    p.seq = seq;
    p.ack = ack;
    p.payload = payload;
    p.bytes += payload;
    b->now += GAP;
    np_handled h = outbound ? np_box_outbound(b->box, &p, b->now) : np_box_inbound_inside(b->box, &p, b->now);
    return h.verdict == NP_FORWARD && h.reason == NP_REASON_MAPPED;
}

static void shake_hands(np_bench_box *b, uint32_t flow)
{
    send(b, flow, true, NP_SYN, OPENED - 1, 0, 0);
    send(b, flow, false, NP_SYN | NP_ACK, ANSWER - 1, OPENED, 0);
    send(b, flow, true, NP_ACK, OPENED, ANSWER, 0);
}

np_bench_box *np_bench_box_create(np_bench_box_kind kind, uint32_t flows, np_error *e)
{
    np_nat_config c;
    np_nat_defaults(&c);
    c.capacity = flows;
    c.tracker = kinds[kind].tracker;
    c.ports.addresses = flows / 1024 + 1; /* so that ports are hardly ever contended */
    for (int class = 0; class < NP_TIMEOUT_COUNT; class ++) c.timeout[class] = NP_DAY;
    if (kind == NP_BENCH_BOX_CONNTRACK) {
        c.evict = "linux-early-drop";
        c.expiry = NP_EXPIRY_LINUX;
        c.ports.select = NP_PORT_LINUX;
        c.ports.low = 1;
    }
    np_bench_box *b = calloc(1, sizeof *b);
    if (b != NULL) {
        b->flows = flows;
        b->draws = np_stream_make(np_key_make(1, 0), 0, PURPOSE_FLOW);
        b->sent = calloc(flows, sizeof *b->sent);
        b->box = np_box_create(&c, np_key_make(1, 0), 0, e);
    }
    if (b == NULL || b->sent == NULL || b->box == NULL) {
        np_bench_box_destroy(b);
        np_fail_memory(e, "the box to be measured");
        return NULL;
    }
    for (uint32_t flow = 0; flow < flows; flow++) shake_hands(b, flow);
    return b;
}

void np_bench_box_destroy(np_bench_box *b)
{
    if (b == NULL) return;
    np_box_destroy(b->box);
    free(b->sent);
    free(b);
}

uint64_t np_bench_box_packets(np_bench_box *b, uint64_t packets)
{
    uint64_t passed = 0;
    for (uint64_t i = 0; i < packets; i += 2) {
        uint32_t flow = np_below(np_stream_next(&b->draws), b->flows), at = OPENED + b->sent[flow];
        passed += send(b, flow, true, NP_ACK | NP_PSH, at, ANSWER, DATA);
        if (i + 1 < packets) passed += send(b, flow, false, NP_ACK, ANSWER, at + DATA, 0);
        b->sent[flow] += DATA;
    }
    return passed;
}

double np_bench_box_bytes_per_entry(const np_bench_box *b)
{
    return (double)np_box_bytes(b->box) / b->flows;
}
