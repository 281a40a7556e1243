/*
 * The decoder against tshark: five-tuple, flags, numbers and lengths of every packet of the real captures.
 *
 * The packets of all captures are written into one file a link type, so that tshark starts a few times and
 * not a hundred. Where the two differ on purpose, the difference is explained below and its packets are
 * counted exactly.
 */
#include "../../sim/trace/savefile.h"
#include "natpulse/capture.h"
#include <dirent.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES_MOST 400
#define LINKS_MOST 16

/* What tshark is asked for, in this order. */
static const char *const field[] = {
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "icmp.type",
    "icmp.ident",
    "icmpv6.type",
    "icmpv6.echo.identifier",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.window_size_value",
    "tcp.len",
    "ip.len",
    "ipv6.plen",
    "tcp.options.wscale.shift",
    "tcp.options.timestamp.tsval",
    "udp.length",
    "ip.flags.mf",
    "ip.hdr_len",
};
enum {
    PROTOCOLS,
    IP_SRC,
    IP_DST,
    IPV6_SRC,
    IPV6_DST,
    TCP_SPORT,
    TCP_DPORT,
    UDP_SPORT,
    UDP_DPORT,
    ICMP_TYPE,
    ICMP_IDENT,
    ICMPV6_TYPE,
    ICMPV6_IDENT,
    TCP_FLAGS,
    TCP_SEQ,
    TCP_ACK,
    TCP_WINDOW,
    TCP_LEN,
    IP_LEN,
    IPV6_PLEN,
    TCP_WSCALE,
    TCP_TSVAL,
    UDP_LENGTH,
    IP_MORE,
    IP_HEADER,
    FIELDS,
};
_Static_assert(FIELDS == sizeof field / sizeof *field, "a name for each field");

/* Packets on which the two differ, and why. */
static const struct {
    const char *file;
    uint64_t packets;
    const char *why;
} explained[] = {
    {"ndpi__fuzz-2020-02-16-11740.pcap", 17,
     "UDP length beyond the datagram: malformed here, ports shown there"},
    {"tcpdump__hoobr_bfd_print.pcap", 1, "the same"},
    {"zeek__383379789-decrypt-crash.pcap", 2, "the same"},
    {"ndpi__ndpi_match_string_subprotocol__error.pcapng", 1,
     "an IP length beyond the frame: believed here, not there"},
};

typedef struct link_file {
    int link;
    char path[300];
    pcap_t *dead;
    pcap_dumper_t *dump;
} link_file;

typedef struct corpus {
    char *file[FILES_MOST];
    int files;
    char scratch[200];
    link_file link[LINKS_MOST];
    int links;
    int compared; /* files that gave a packet */
} corpus;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(corpus *c, const char *directory)
{
    DIR *d = opendir(directory);
    if (!d) return;
    for (struct dirent *entry; (entry = readdir(d)) && c->files < FILES_MOST;) {
        if (entry->d_name[0] == '.') continue;
        char *path = malloc(strlen(directory) + strlen(entry->d_name) + 2);
        sprintf(path, "%s/%s", directory, entry->d_name);
        c->file[c->files++] = path;
    }
    closedir(d);
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static link_file *file_of_link(corpus *c, int link)
{
    for (int i = 0; i < c->links; i++)
        if (c->link[i].link == link) return &c->link[i];
    assert_true(c->links < LINKS_MOST);
    link_file *f = &c->link[c->links++];
    f->link = link;
    snprintf(f->path, sizeof f->path, "%s/link-%d.pcap", c->scratch, link);
    f->dead = pcap_open_dead(link, 262144);
    f->dump = pcap_dump_open(f->dead, f->path);
    assert_non_null(f->dump);
    return f;
}

/* One packet as either side sees it; text, so that a difference can be shown. */
typedef struct seen {
    char text[400];
} seen;

static void see_ours(seen *s, np_decoded d, const np_packet *p)
{
    char src[46], dst[46];
    if (d != NP_DECODED_OK) {
        snprintf(s->text, sizeof s->text, "-");
        return;
    }
    np_addr_format(src, sizeof src, &p->src, p->family);
    np_addr_format(dst, sizeof dst, &p->dst, p->family);
    int n = snprintf(s->text, sizeof s->text, "%d %s:%u > %s:%u bytes %u", p->proto, src, p->sport, dst,
                     p->dport, p->bytes);
    char *rest = s->text + n;
    size_t room = sizeof s->text - (size_t)n;
    if (p->proto == NP_TCP) {
        n = snprintf(rest, room, " flags %x seq %u ack %u window %u payload %u", p->flags, p->seq, p->ack,
                     p->window, p->payload);
        if (p->options & NP_OPTION_WSCALE)
            n += snprintf(rest + n, room - (size_t)n, " wscale %d", p->options & 15);
        if (p->options & NP_OPTION_TIMESTAMP) snprintf(rest + n, room - (size_t)n, " timestamp");
    } else if (p->proto == NP_UDP) {
        snprintf(rest, room, " payload %u", p->payload);
    }
}

/* The first IP header among tshark's protocols ("eth:ethertype:vlan:ethertype:ip:tcp:http"), and what is in
 * it. */
static int first_ip(char *protocols, char **inner)
{
    int family = 0;
    char *at = protocols;
    for (char *token; (token = strsep(&at, ":"));) {
        if (family == 0) {
            family = strcmp(token, "ip") == 0 ? 4 : strcmp(token, "ipv6") == 0 ? 6 : 0;
        } else if (strncmp(token, "ipv6.", 5) != 0 && !(family == 6 && strcmp(token, "ah") == 0)) {
            *inner = token;
            return family;
        }
    }
    return 0;
}

static void see_tshark(seen *s, char *line)
{
    char *f[FIELDS] = {0}, *at = line;
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        f[i] = strsep(&at, "\t");
        if (!f[i]) f[i] = line + strlen(line);
    }
    char *inner = "";
    int family = first_ip(f[PROTOCOLS], &inner);
    const char *src = f[family == 4 ? IP_SRC : IPV6_SRC], *dst = f[family == 4 ? IP_DST : IPV6_DST];
    const char *sport = "", *dport = "";
    unsigned long type = strtoul(f[family == 4 ? ICMP_TYPE : ICMPV6_TYPE], NULL, 10);
    int proto = 0;
    snprintf(s->text, sizeof s->text, "-");
    if (family == 0) return;
    if (strcmp(inner, "tcp") == 0 || strcmp(inner, "mptcp") == 0) {
        proto = NP_TCP, sport = f[TCP_SPORT], dport = f[TCP_DPORT];
    } else if (strcmp(inner, "udp") == 0) {
        proto = NP_UDP, sport = f[UDP_SPORT], dport = f[UDP_DPORT];
    } else if (family == 4 && strcmp(inner, "icmp") == 0 && (type == 0 || type == 8)) {
        proto = NP_ICMP, sport = dport = f[ICMP_IDENT];
    } else if (family == 6 && strcmp(inner, "icmpv6") == 0 && (type == 128 || type == 129)) {
        proto = NP_ICMPV6, sport = dport = f[ICMPV6_IDENT];
    }
    if (!proto || !*sport) return;
    unsigned long bytes = strtoul(f[family == 4 ? IP_LEN : IPV6_PLEN], NULL, 10) + (family == 6 ? 40 : 0);
    int n = snprintf(s->text, sizeof s->text, "%d %s:%lu > %s:%lu bytes %lu", proto, src,
                     strtoul(sport, NULL, 0), dst, strtoul(dport, NULL, 0), bytes);
    char *rest = s->text + n;
    size_t room = sizeof s->text - (size_t)n;
    if (proto == NP_TCP) {
        n = snprintf(rest, room, " flags %lx seq %s ack %lu window %s payload %s",
                     strtoul(f[TCP_FLAGS], NULL, 16) & 0xff, f[TCP_SEQ], strtoul(f[TCP_ACK], NULL, 10),
                     f[TCP_WINDOW], f[TCP_LEN]);
        if (*f[TCP_WSCALE]) n += snprintf(rest + n, room - (size_t)n, " wscale %s", f[TCP_WSCALE]);
        if (*f[TCP_TSVAL]) snprintf(rest + n, room - (size_t)n, " timestamp");
    } else if (proto == NP_UDP) {
        /* A first fragment bears the length of the whole datagram; its own payload is what IP says. */
        bool fragment = strcmp(f[IP_MORE], "1") == 0;
        unsigned long length =
            fragment ? bytes - strtoul(f[IP_HEADER], NULL, 10) : strtoul(f[UDP_LENGTH], NULL, 10);
        snprintf(rest, room, " payload %lu", length - 8);
    }
}

typedef struct ours {
    seen *seen;
    int *file;
    size_t n, room;
} ours;

static void keep(ours *o, const seen *s, int file)
{
    if (o->n == o->room) {
        o->room = o->room ? 2 * o->room : 4096;
        o->seen = realloc(o->seen, o->room * sizeof *o->seen);
        o->file = realloc(o->file, o->room * sizeof *o->file);
        assert_true(o->seen && o->file);
    }
    o->seen[o->n] = *s;
    o->file[o->n++] = file;
}

/* Read as natpulse reads it, compressed or of several interfaces, and written once more for tshark. */
static void decode_file(corpus *c, int i, ours *by_link)
{
    np_error e = {0};
    np_frame f;
    bool passes, any = false;
    np_savefile *file = np_savefile_open(c->file[i], &e);
    assert_non_null(file);
    while (np_savefile_next(file, &f, &passes) == 1) {
        any = true;
        if (!np_decode_knows(f.link)) continue;
        link_file *to = file_of_link(c, f.link);
        np_packet packet;
        seen s;
        see_ours(&s, np_decode(f.link, f.data, f.captured, f.wire, &packet), &packet);
        keep(&by_link[to - c->link], &s, i);
        struct pcap_pkthdr h = {
            .ts = {.tv_sec = (time_t)(f.time / NP_SECOND)}, .caplen = f.captured, .len = f.wire};
        pcap_dump((u_char *)to->dump, &h, f.data);
    }
    c->compared += any;
    if (!any) print_message("not compared: %s: %s\n", base_name(c->file[i]), np_savefile_trouble(file));
    np_savefile_close(file);
}

static FILE *start_tshark(const link_file *f)
{
    char command[2000];
    int n = snprintf(
        command, sizeof command,
        "tshark -n -r %s -o ip.defragment:FALSE -o ipv6.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE "
        "-o udp.process_info:FALSE -T fields -E occurrence=f",
        f->path);
    for (int i = 0; i < FIELDS; i++)
        n += snprintf(command + n, sizeof command - (size_t)n, " -e %s", field[i]);
    snprintf(command + n, sizeof command - (size_t)n, " 2>/dev/null");
    return popen(command, "r");
}

/* The flow of a packet, whichever way it goes: "tcp, file, one end, the other end", for counting. */
static char *flow_of(const char *text, int file)
{
    char from[60], to[60], *flow = malloc(200);
    int proto;
    if (sscanf(text, "%d %59s > %59s", &proto, from, to) != 3) {
        free(flow);
        return NULL;
    }
    bool swap = strcmp(from, to) > 0;
    snprintf(flow, 200, "%d %d %s %s", file, proto, swap ? to : from, swap ? from : to);
    return flow;
}

typedef struct flows {
    char **flow;
    size_t n, room;
} flows;

static void add_flow(flows *f, const char *text, int file)
{
    char *flow = flow_of(text, file);
    if (!flow) return;
    if (f->n == f->room) {
        f->room = f->room ? 2 * f->room : 4096;
        f->flow = realloc(f->flow, f->room * sizeof *f->flow);
        assert_non_null(f->flow);
    }
    f->flow[f->n++] = flow;
}

/* How many different ones there are; frees them. */
static size_t count_flows(flows *f)
{
    size_t different = 0;
    if (f->n > 0) qsort(f->flow, f->n, sizeof *f->flow, by_name);
    for (size_t i = 0; i < f->n; i++) different += i == 0 || strcmp(f->flow[i - 1], f->flow[i]) != 0;
    for (size_t i = 0; i < f->n; i++) free(f->flow[i]);
    free(f->flow);
    return different;
}

static void compare_link(const corpus *c, const link_file *f, const ours *o, uint64_t *differences)
{
    FILE *tshark = start_tshark(f);
    assert_non_null(tshark);
    char *line = NULL;
    size_t room = 0, n = 0, differing = 0;
    flows mine = {0}, wanted = {0};
    while (getline(&line, &room, tshark) > 0) {
        seen theirs;
        see_tshark(&theirs, line);
        assert_true(n < o->n);
        add_flow(&wanted, theirs.text, o->file[n]);
        add_flow(&mine, o->seen[n].text, o->file[n]);
        if (strcmp(theirs.text, o->seen[n].text) != 0) {
            uint64_t already = differences[o->file[n]]++;
            differing++;
            if (getenv("NP_SHOW") || already == 0)
                print_message("%s link %d packet %zu\n  tshark   %s\n  natpulse %s\n",
                              base_name(c->file[o->file[n]]), f->link, n, theirs.text, o->seen[n].text);
        }
        n++;
    }
    free(line);
    pclose(tshark);
    assert_int_equal(n, o->n);
    size_t ours_different = count_flows(&mine), theirs_different = count_flows(&wanted);
    print_message("link type %d: %zu flows here, %zu in tshark\n", f->link, ours_different, theirs_different);
    /* A packet that differs for a known reason makes at most one flow more or less. */
    assert_in_range(ours_different, theirs_different - differing, theirs_different + differing);
}

static void test_same_as_tshark(void **state)
{
    corpus *c = *state;
    ours by_link[LINKS_MOST] = {0};
    uint64_t differences[FILES_MOST] = {0}, packets = 0;
    for (int i = 0; i < c->files; i++) decode_file(c, i, by_link);
    for (int i = 0; i < c->links; i++) {
        pcap_dump_close(c->link[i].dump);
        pcap_close(c->link[i].dead);
        compare_link(c, &c->link[i], &by_link[i], differences);
        packets += by_link[i].n;
        unlink(c->link[i].path);
        free(by_link[i].seen);
        free(by_link[i].file);
    }
    print_message("%llu packets of %d link types in %d of %d files compared\n", (unsigned long long)packets,
                  c->links, c->compared, c->files);
    int wrong = 0;
    for (int i = 0; i < c->files; i++) {
        uint64_t expected = 0;
        for (size_t k = 0; k < sizeof explained / sizeof *explained; k++)
            if (strcmp(explained[k].file, base_name(c->file[i])) == 0) expected += explained[k].packets;
        if (differences[i] == expected) continue;
        print_message("%s: %llu packets differ, %llu are explained\n", base_name(c->file[i]),
                      (unsigned long long)differences[i], (unsigned long long)expected);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    assert_true(packets > 10000 && c->compared > c->files * 9 / 10);
}

int main(void)
{
    static corpus c;
    const char *root = getenv("NP_PCAPS") ? getenv("NP_PCAPS") : "../shared/pcaps";
    char directory[1000];
    snprintf(directory, sizeof directory, "%s/debian", root);
    list_files(&c, directory);
    snprintf(directory, sizeof directory, "%s/fetched", root);
    list_files(&c, directory);
    if (c.files == 0) {
        puts("no real captures (NP_PCAPS names their directory)");
        return 77;
    }
    if (system("tshark --version > /dev/null 2>&1") != 0) {
        puts("tshark is not installed");
        return 77;
    }
    qsort(c.file, (size_t)c.files, sizeof *c.file, by_name);
    snprintf(c.scratch, sizeof c.scratch, "%s/natpulse-tshark.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(c.scratch)) return 1;
    const struct CMUnitTest test[] = {cmocka_unit_test_prestate(test_same_as_tshark, &c)};
    int failed = cmocka_run_group_tests_name("decode against tshark", test, NULL, NULL);
    rmdir(c.scratch);
    for (int i = 0; i < c.files; i++) free(c.file[i]);
    return failed;
}
