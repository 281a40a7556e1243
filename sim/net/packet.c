/*
 * Addresses as text, and the packets that answer packets.
 */
#include "natpulse/packet.h"

#include <arpa/inet.h>
#include <assert.h>

char *np_addr_format(char *buf, size_t size, const np_addr *a, int family)
{
    assert(family == 4 || family == 6);
    assert(size > 0);
    if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, a->byte, buf, (socklen_t)size)) buf[0] = '\0';
    return buf;
}

bool np_addr_parse(const char *text, np_addr *out, int *family)
{
    np_addr a = {.half = {0, 0}};
    int found = inet_pton(AF_INET, text, a.byte) == 1 ? 4 : inet_pton(AF_INET6, text, a.byte) == 1 ? 6 : 0;
    if (!found) return false;
    *out = a;
    *family = found;
    return true;
}

bool np_tuple_equal(const np_tuple *a, const np_tuple *b)
{
    return a->local_port == b->local_port && a->remote_port == b->remote_port && a->proto == b->proto &&
           a->family == b->family && np_addr_equal(&a->local, &b->local) &&
           np_addr_equal(&a->remote, &b->remote);
}

/* IP and TCP headers without options. */
#define RESET_BYTES_IPV4 40
#define RESET_BYTES_IPV6 60

bool np_packet_reset(const np_packet *p, np_packet *out)
{
    if (p->proto != NP_TCP || (p->flags & NP_RST)) return false;

    np_packet reset = {
        .src = p->dst,
        .dst = p->src,
        .sport = p->dport,
        .dport = p->sport,
        .conn = p->conn,
        .bytes = p->family == 4 ? RESET_BYTES_IPV4 : RESET_BYTES_IPV6,
        .proto = NP_TCP,
        .family = p->family,
        .kind = NP_KIND_CONTROL,
        .round = p->round,
    };
    if (p->flags & NP_ACK) {
        reset.flags = NP_RST;
        reset.seq = p->ack;
    } else {
        reset.flags = NP_RST | NP_ACK;
        reset.ack = p->seq + np_packet_seqlen(p);
    }
    *out = reset; /* at the end: `out` may be `p` */
    return true;
}
