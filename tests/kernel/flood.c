/*
 * Fills a router's conntrack table and asks for more: who is refused, who is dropped early, who survives.
 *
 *     flood --suffix S --assured N --closing N --unassured N --new N [--wait S] [--watch S --later N] --out
 * DIR
 *
 * First come N connections whose handshake is done (assured: never dropped early), then N of which the client
 * has also sent a FIN, then N one-way UDP flows (unassured), which together should fill the table. After a
 * while, if one is given, come the new UDP flows, one after the other. Then the collector is watched for so
 * long at most, until it has taken some and stopped; and more new flows follow. At last the server sends one
 * packet to each flow: those that still have a mapping reach the client.
 *
 *     DIR/arrived.pcap   all packets as the router got them (raw IP, ns); after a watch the times are as if
 * it had lasted its whole time DIR/passed         one character a packet of the new flows, the later ones and
 * the probes: 1 it came out on the other side, 0 it did not standard output    "count N", as the kernel
 * counts, after the filling, after the new flows and at the end; "early_drop N" and "drop N" from its
 * statistics after the new flows; "collected N" and "after S" of the watch
 *
 * Each flow has a client port and a server port of its own; ports are kept by the router, since none clash.
 */
#include "netlab.h"
#include "wire.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_IP  0x0a4d0102u /* 10.77.1.2 */
#define SERVER_IP  0xc0000202u /* 192.0.2.2 */
#define ROUTER_OUT 0xc0000201u /* 192.0.2.1 */
#define PORTS      50000u      /* client ports a server port, from FIRST_PORT on */
#define FIRST_PORT 10000u
#define AT_ONCE    16 /* packets between two looks at what came out */
#define SNAP       64
#define STILL      (SECOND / 2) /* the collector takes no more */

typedef struct flood {
    int wire[2], out[2]; /* sending from the client's and the server's end; what arrives there */
    FILE *pcap;
    char *passed;
    uint32_t assured, closing, unassured, fresh, later;
    uint32_t old, flows, judged; /* flows to fill the table; all; packets whose fate is noted */
    int64_t wait, watch, shift;  /* ns; shift: of the times written down */
    uint16_t id;
} flood;

/* Flow numbers: assured TCP, then closing TCP, unassured UDP, new UDP. */
static packet flow_packet(const flood *f, uint32_t flow, bool from_server)
{
    uint16_t sport = (uint16_t)(FIRST_PORT + flow % PORTS), dport = (uint16_t)(1000 + flow / PORTS);
    packet p = {.proto = flow < f->assured + f->closing ? TCP : UDP, .scale = NO_SCALE, .window = 65535};
    p.src = from_server ? SERVER_IP : CLIENT_IP;
    p.dst = from_server ? ROUTER_OUT : SERVER_IP;
    p.sport = from_server ? dport : sport;
    p.dport = from_server ? sport : dport;
    return p;
}

static uint32_t flow_of(const packet *p, bool at_client)
{
    uint16_t sport = at_client ? p->dport : p->sport, dport = at_client ? p->sport : p->dport;
    return (dport - 1000u) * PORTS + sport - FIRST_PORT;
}

/* What came out: new flows at the server, probes at the client. */
static void look(flood *f, int side)
{
    netlab_packet heard;
    packet p;
    while (netlab_hear_one(f->out[side], &heard)) {
        if (!wire_parse(&p, heard.data, heard.n)) continue;
        uint32_t flow = flow_of(&p, side == 0);
        if (flow >= f->flows) continue;
        if (side == 0)
            f->passed[f->fresh + f->later + flow] = '1';
        else if (flow >= f->old)
            f->passed[flow - f->old] = '1';
    }
}

static void look_long(flood *f)
{
    usleep(100000);
    look(f, 0), look(f, 1);
}

static void send_packet(flood *f, packet p, bool from_server)
{
    uint8_t frame[NETLAB_FRONT + WIRE_MOST];
    p.id = ++f->id;
    size_t n = wire_build(&p, frame + NETLAB_FRONT);
    pcap_write(f->pcap, now_ns() + f->shift, frame + NETLAB_FRONT, n < SNAP ? n : SNAP, n);
    netlab_send(f->wire[from_server], frame, n, from_server);
    if (f->id % AT_ONCE == 0) look(f, 0), look(f, 1);
}

static void shake_hands(flood *f, uint32_t flow)
{
    packet p = flow_packet(f, flow, false), q = flow_packet(f, flow, true);
    p.flags = SYN;
    p.seq = 1000;
    send_packet(f, p, false);
    q.flags = SYN | ACK;
    q.seq = 5000;
    q.ack = 1001;
    send_packet(f, q, true);
    p.flags = ACK;
    p.seq = 1001;
    p.ack = 5001;
    send_packet(f, p, false);
    if (flow < f->assured) return;
    p.flags = FIN | ACK;
    send_packet(f, p, false);
}

static void probe(flood *f, uint32_t flow)
{
    packet q = flow_packet(f, flow, true);
    q.flags = ACK;
    q.seq = 5001;
    q.ack = 1001;
    send_packet(f, q, true);
}

static uint32_t count_mappings(void)
{
    char text[32] = "";
    int fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) die("nf_conntrack_count");
    close(fd);
    return (uint32_t)strtoul(text, NULL, 10);
}

static void print_count(void)
{
    printf("count %u\n", count_mappings());
}

/* Until the collector has come and gone. */
static void watch_collector(flood *f)
{
    int64_t began = now_ns(), fell = 0;
    uint32_t first = count_mappings(), last = first;
    while (now_ns() - began < f->watch && (last == first || now_ns() - fell < STILL)) {
        usleep(2000);
        uint32_t now = count_mappings();
        if (now != last) fell = now_ns();
        last = now;
    }
    printf("collected %u\nafter %.1f\n", first - last, last == first ? 0.0 : (double)(fell - began) / 1e9);
    f->shift = f->watch - (now_ns() - began);
}

/* Columns of /proc/net/stat/nf_conntrack, one row a processor, hexadecimal, named in the first row. */
static void print_statistics(void)
{
    static const char *const wanted[] = {"early_drop", "drop"};
    char line[1024], head[1024];
    FILE *f = fopen("/proc/thread-self/net/stat/nf_conntrack", "r");
    if (!f || !fgets(head, sizeof head, f)) die("statistics");
    uint64_t sum[2] = {0};
    while (fgets(line, sizeof line, f)) {
        char *name_at, *value_at, names[1024];
        memcpy(names, head, sizeof names);
        char *name = strtok_r(names, " \n", &name_at), *value = strtok_r(line, " \n", &value_at);
        for (; name && value;
             name = strtok_r(NULL, " \n", &name_at), value = strtok_r(NULL, " \n", &value_at))
            for (int i = 0; i < 2; i++)
                if (!strcmp(name, wanted[i])) sum[i] += strtoull(value, NULL, 16);
    }
    fclose(f);
    printf("early_drop %llu\ndrop %llu\n", (unsigned long long)sum[0], (unsigned long long)sum[1]);
}

static void ask(flood *f, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) send_packet(f, flow_packet(f, i, false), false);
}

static void run(flood *f)
{
    uint32_t tcp = f->assured + f->closing;
    for (uint32_t i = 0; i < tcp; i++) shake_hands(f, i);
    ask(f, tcp, f->unassured);
    print_count();
    for (int64_t until = now_ns() + f->wait; now_ns() < until;) usleep(10000);
    ask(f, f->old, f->fresh);
    print_count();
    print_statistics();
    if (f->watch > 0) watch_collector(f);
    ask(f, f->old + f->fresh, f->later);
    look_long(f);
    memset(f->passed + f->fresh + f->later, '0', f->flows); /* what came before the probes was none */
    for (uint32_t i = 0; i < f->flows; i++) probe(f, i);
    look_long(f);
    print_count();
}

int main(int argc, char **argv)
{
    flood f = {0};
    const char *suffix = "", *dir = ".";
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        uint32_t n = (uint32_t)strtoul(value, NULL, 10);
        if (!strcmp(argv[i], "--suffix"))
            suffix = value;
        else if (!strcmp(argv[i], "--out"))
            dir = value;
        else if (!strcmp(argv[i], "--assured"))
            f.assured = n;
        else if (!strcmp(argv[i], "--closing"))
            f.closing = n;
        else if (!strcmp(argv[i], "--wait"))
            f.wait = (int64_t)(strtod(value, NULL) * 1e9);
        else if (!strcmp(argv[i], "--watch"))
            f.watch = (int64_t)(strtod(value, NULL) * 1e9);
        else if (!strcmp(argv[i], "--later"))
            f.later = n;
        else if (!strcmp(argv[i], "--unassured"))
            f.unassured = n;
        else if (!strcmp(argv[i], "--new"))
            f.fresh = n;
    }
    f.old = f.assured + f.closing + f.unassured;
    f.flows = f.old + f.fresh + f.later;
    netlab_enter("client", suffix);
    f.wire[0] = netlab_open("c0", NETLAB_SEND);
    f.out[0] = netlab_open("c0", NETLAB_ARRIVALS);
    netlab_enter("server", suffix);
    f.wire[1] = netlab_open("s0", NETLAB_SEND);
    f.out[1] = netlab_open("s0", NETLAB_ARRIVALS);
    netlab_enter("router", suffix); /* and stay there: the counters are its own */
    f.judged = f.fresh + f.later + f.flows;
    f.passed = malloc(f.judged);
    if (!f.passed) die("memory");
    memset(f.passed, '0', f.judged);
    f.pcap = pcap_create(dir, "arrived.pcap");
    run(&f);
    FILE *passed = create_file(dir, "passed");
    fwrite(f.passed, 1, f.judged, passed);
    if (fclose(passed) || fclose(f.pcap)) die("writing");
    free(f.passed);
    return 0;
}
