/* Namespaces, packet sockets, conntrack, captures. See netlab.h. */
#include "netlab.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM        (64 << 20) /* bytes of receive buffer, where root gets them */
#define PCAP_NANO   0xa1b23c4du
#define PCAP_RAW_IP 101u
#define PCAP_SNAP   65535u

void die(const char *format, ...)
{
    int error = errno;
    va_list a;
    va_start(a, format);
    vfprintf(stderr, format, a);
    va_end(a);
    fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
    exit(1);
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

void netlab_enter(const char *role, const char *suffix)
{
    char path[200];
    snprintf(path, sizeof path, "/run/netns/%s%s", role, suffix);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die("%s", path);
    close(fd);
}

/* ---- packets ---- */

int netlab_open(const char *interface, netlab_hear hear)
{
    static const int heard[] = {0, ETH_P_IP, ETH_P_ALL};
    uint16_t protocol = htons((uint16_t)heard[hear]);
    int on = 1, room = ROOM;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = protocol};
    at.sll_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) die("packet socket on %s", interface);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (hear == NETLAB_ALL && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
        die("timestamps on %s", interface);
    return fd;
}

bool netlab_hear_one(int fd, netlab_packet *p)
{
    static uint8_t frame[2048];
    uint8_t control[128];
    struct sockaddr_ll from;
    struct iovec part = {frame, sizeof frame};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, 0);
    if (n < 0) return false;
    struct timespec t = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_type == SO_TIMESTAMPNS) memcpy(&t, CMSG_DATA(c), sizeof t);
    bool ip = n > NETLAB_FRONT && frame[12] == ETH_P_IP >> 8 && frame[13] == (ETH_P_IP & 0xff);
    *p = (netlab_packet){.data = frame + NETLAB_FRONT,
                         .n = ip ? (size_t)n - NETLAB_FRONT : 0,
                         .when = t.tv_sec * SECOND + t.tv_nsec,
                         .leaving = from.sll_pkttype == PACKET_OUTGOING};
    return true;
}

void netlab_send(int fd, uint8_t *frame, size_t n, bool from_server)
{
    /* The stations' addresses as `lab` gave them out: c0, r0, r1, s0 are 1, 2, 3, 4. */
    const uint8_t head[NETLAB_FRONT] = {
        2, 0, 0, 0, 0, from_server ? 3 : 2, 2, 0, 0, 0, 0, from_server ? 4 : 1, ETH_P_IP >> 8, 0};
    memcpy(frame, head, sizeof head);
    while (send(fd, frame, NETLAB_FRONT + n, 0) < 0)
        if (errno != EAGAIN && errno != ENOBUFS) die("sending");
}

/* ---- conntrack ---- */

/* A netlink message in the making. */
typedef struct message {
    _Alignas(8) uint8_t byte[256];
    uint32_t n;
} message;

#define ATTRIBUTE_HEAD ((uint32_t)sizeof(struct nlattr))

static message begin(uint16_t what, uint16_t flags)
{
    struct nlmsghdr head = {.nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | what),
                            .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
    struct nfgenmsg family = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};
    message m = {.n = sizeof head + sizeof family};
    memcpy(m.byte, &head, sizeof head);
    memcpy(m.byte + sizeof head, &family, sizeof family);
    return m;
}

static void put(message *m, uint16_t type, const void *data, uint32_t size)
{
    struct nlattr head = {(uint16_t)(ATTRIBUTE_HEAD + size), type};
    memcpy(m->byte + m->n, &head, sizeof head);
    if (size) memcpy(m->byte + m->n + ATTRIBUTE_HEAD, data, size);
    m->n += (ATTRIBUTE_HEAD + size + 3) & ~3u;
}

static uint32_t open_nest(message *m, uint16_t type)
{
    uint32_t at = m->n;
    put(m, type | NLA_F_NESTED, NULL, 0);
    return at;
}

static void close_nest(message *m, uint32_t at)
{
    uint16_t size = (uint16_t)(m->n - at);
    memcpy(m->byte + at, &size, sizeof size);
}

/* Sends it and awaits the answer; an error number, or 0. */
static int ask(int fd, message *m)
{
    union {
        struct {
            struct nlmsghdr head;
            struct nlmsgerr error;
        } said;
        char room[8192];
    } answer;
    memcpy(m->byte, &m->n, sizeof m->n); /* nlmsg_len */
    if (send(fd, m->byte, m->n, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < NLMSG_HDRLEN)
        die("asking conntrack");
    return answer.said.head.nlmsg_type == NLMSG_ERROR ? -answer.said.error.error : 0;
}

int conntrack_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0) die("netlink socket");
    return fd;
}

void conntrack_look_up(int fd, const conntrack_flow *f)
{
    uint32_t src = htonl(f->src), dst = htonl(f->dst);
    uint16_t sport = htons(f->sport), dport = htons(f->dport);
    uint8_t request = 8, code = 0; /* ICMP echo request */
    message m = begin(IPCTNL_MSG_CT_GET, 0);
    uint32_t tuple = open_nest(&m, CTA_TUPLE_ORIG), ip = open_nest(&m, CTA_TUPLE_IP);
    put(&m, CTA_IP_V4_SRC, &src, sizeof src);
    put(&m, CTA_IP_V4_DST, &dst, sizeof dst);
    close_nest(&m, ip);
    uint32_t proto = open_nest(&m, CTA_TUPLE_PROTO);
    put(&m, CTA_PROTO_NUM, &f->proto, sizeof f->proto);
    if (f->proto == IPPROTO_ICMP) {
        put(&m, CTA_PROTO_ICMP_ID, &sport, sizeof sport);
        put(&m, CTA_PROTO_ICMP_TYPE, &request, sizeof request);
        put(&m, CTA_PROTO_ICMP_CODE, &code, sizeof code);
    } else {
        put(&m, CTA_PROTO_SRC_PORT, &sport, sizeof sport);
        put(&m, CTA_PROTO_DST_PORT, &dport, sizeof dport);
    }
    close_nest(&m, proto);
    close_nest(&m, tuple);
    errno = ask(fd, &m);
    if (errno && errno != ENOENT) die("asking for a flow");
}

void conntrack_flush(int fd)
{
    message m = begin(IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    errno = ask(fd, &m);
    if (errno) die("flushing the table");
}

/* ---- files ---- */

FILE *create_file(const char *dir, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (!f) die("%s", path);
    return f;
}

FILE *pcap_create(const char *dir, const char *name)
{
    const uint32_t head[] = {PCAP_NANO, 0x00040002, 0, 0, PCAP_SNAP, PCAP_RAW_IP};
    FILE *f = create_file(dir, name);
    fwrite(head, sizeof head, 1, f);
    return f;
}

void pcap_write(FILE *f, int64_t when, const uint8_t *data, size_t kept, size_t n)
{
    const uint32_t head[] = {(uint32_t)(when / SECOND), (uint32_t)(when % SECOND), (uint32_t)kept,
                             (uint32_t)n};
    fwrite(head, sizeof head, 1, f);
    fwrite(data, kept, 1, f);
}
