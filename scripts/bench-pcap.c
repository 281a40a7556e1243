/*
 * For scripts/bench-replay: makes a large capture, and reads one with nothing but libpcap.
 *
 *     bench-pcap generate FILE MEGABYTES [SNAPLEN]
 *     bench-pcap read FILE
 *     bench-pcap time COMMAND...      the command's processor seconds; what it prints is thrown away
 *
 * The traffic is that of some thousand clients behind one NAT: flows come and go, a few carry most packets,
 * packets come in trains (Jain and Routhier, IEEE JSAC 4(6), 1986) of which several are under way at a time,
 * half of all packets are bare acknowledgements and most others are full. The same arguments give the same
 * bytes.
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACTIVE    50000 /* flows open at any time */
#define CLIENTS   5000
#define MEAN_LIFE 60  /* packets of a flow */
#define TRAINS    8   /* under way at a time */
#define TRAIN     4   /* mean packets of one */
#define GAP_US    200 /* longest time from packet to packet: 10 000 packets/s */

typedef struct flow {
    uint32_t client, server;
    uint16_t sport, dport;
    uint32_t left; /* packets to come */
    uint8_t proto, fresh;
} flow;

static uint64_t state = 1;
static uint32_t any(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 32) * below >> 32);
}

static void begin_flow(flow *f)
{
    static const uint16_t port[] = {443, 443, 443, 80, 53, 5223, 22};
    uint32_t life = MEAN_LIFE / 4 + 1;
    while (any(4) && life < 100000) life += life / 2; /* most are short, a few are long */
    *f = (flow){.client = 0x0a000000 + any(CLIENTS),
                .server = 0x05000000 + any(1 << 22),
                .sport = (uint16_t)(1024 + any(64512)),
                .dport = port[any(7)],
                .left = life / 2 + any(life),
                .proto = any(5) ? 6 : 17,
                .fresh = 1};
}

static void put16(uint8_t *b, uint32_t v)
{
    b[0] = (uint8_t)(v >> 8), b[1] = (uint8_t)v;
}
static void put32(uint8_t *b, uint32_t v)
{
    put16(b, v >> 16), put16(b + 2, v);
}

static uint32_t build(uint8_t *b, const flow *f, int out, uint8_t flags, uint32_t payload)
{
    uint32_t transport = f->proto == 6 ? 20 : 8, bytes = 14 + 20 + transport + payload;
    put16(b + 12, 0x0800);
    b[14] = 0x45;
    put16(b + 16, bytes - 14);
    b[22] = 64;
    b[23] = f->proto;
    put32(b + 26, out ? f->client : f->server);
    put32(b + 30, out ? f->server : f->client);
    put16(b + 34, out ? f->sport : f->dport);
    put16(b + 36, out ? f->dport : f->sport);
    if (f->proto == 6) {
        b[46] = 0x50;
        b[47] = flags;
    } else {
        put16(b + 38, 8 + payload);
        b[40] = b[41] = 0;
    }
    return bytes;
}

/* Cubed: low numbers are the busy ones. */
static uint32_t any_flow(void)
{
    uint64_t u = any(1 << 16);
    return (uint32_t)(((u * u >> 16) * u >> 16) * ACTIVE >> 16);
}

static int generate(const char *path, uint64_t bytes, uint32_t snaplen)
{
    static flow active[ACTIVE];
    static uint8_t packet[1600];
    FILE *f = fopen(path, "wb");
    if (!f) return perror(path), 1;
    const uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, DLT_EN10MB};
    fwrite(head, sizeof head, 1, f);
    uint32_t train[TRAINS] = {0};
    for (int i = 0; i < ACTIVE; i++) begin_flow(&active[i]);
    uint64_t us = 1700000000000000u, written = sizeof head;
    while (written < bytes) {
        uint32_t *t = &train[any(TRAINS)];
        if (any(TRAIN) == 0) *t = any_flow();
        flow *x = &active[*t];
        int out = (int)any(2);
        uint8_t flags = 0x10;
        uint32_t kind = any(10), payload = kind < 5 ? 0 : kind < 6 ? 100 + any(500) : 1460;
        if (x->fresh) out = 1, flags = 0x02, payload = x->proto == 6 ? 0 : payload;
        if (x->left <= 1) flags = 0x11, payload = x->proto == 6 ? 0 : payload;
        us += any(GAP_US);
        uint32_t wire = build(packet, x, out, flags, payload), kept = wire < snaplen ? wire : snaplen;
        const uint32_t record[4] = {(uint32_t)(us / 1000000), (uint32_t)(us % 1000000), kept, wire};
        fwrite(record, sizeof record, 1, f);
        fwrite(packet, kept, 1, f);
        written += sizeof record + kept;
        x->fresh = 0;
        if (--x->left == 0) begin_flow(x);
    }
    return fclose(f) == 0 ? 0 : (perror(path), 1);
}

static int read_all(const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, error);
    if (!p) return fprintf(stderr, "%s\n", error), 1;
    struct pcap_pkthdr *h;
    const uint8_t *data;
    uint64_t packets = 0, bytes = 0;
    while (pcap_next_ex(p, &h, &data) == 1) packets++, bytes += h->len;
    pcap_close(p);
    printf("%llu packets, %llu bytes\n", (unsigned long long)packets, (unsigned long long)bytes);
    return 0;
}

static int time_command(char **command)
{
    struct rusage used;
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(127);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || getrusage(RUSAGE_CHILDREN, &used) != 0)
        return perror("bench-pcap"), 1;
    printf("%.3f\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
    return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "generate") == 0)
        return generate(argv[2], strtoull(argv[3], NULL, 10) << 20,
                        argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 262144);
    if (argc >= 3 && strcmp(argv[1], "time") == 0) return time_command(argv + 2);
    if (argc == 3 && strcmp(argv[1], "read") == 0) return read_all(argv[2]);
    fprintf(stderr, "usage: bench-pcap generate FILE MEGABYTES [SNAPLEN] | read FILE | time COMMAND...\n");
    return 2;
}
