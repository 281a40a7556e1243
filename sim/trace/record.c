/*
 * Captures out. Blocks of pcapng (draft-ietf-opsawg-pcapng), little endian on every machine so that the same
 * run gives the same bytes:
 *
 *     section header | interface 0, inside | interface 1, outside | one enhanced packet block a packet ...
 *
 * libpcap writes one interface a file, which is why the blocks are made here. A pcap file's record is the
 * middle of such a block, with seconds and nanoseconds as its time.
 *
 *     block: type, length, interface, time (2 words), captured, original | Ethernet | IPv4 | TCP or UDP |
 * zeros | length
 *
 * What a packet needs beside its np_packet is kept for each connection and direction: the next IP
 * identification, and for timestamps (RFC 7323) the last one that passed. TSval is the box's clock in
 * milliseconds; TSecr is the last TSval of the other side that the packet's ACK covers: at the box nobody
 * knows yet what is still on its way to the sender.
 *
 * Memory: 40 bytes a connection number, and one block. Cost of a packet: filling 100 bytes and two fwrite.
 */
#include "natpulse/record.h"

#include <assert.h>
#include <stdlib.h>

/* pcapng block types, options and link type (LINKTYPE_RAW of tcpdump.org's list: an IP header comes first).
 */
#define SECTION_HEADER    0x0a0d0d0au
#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define INTERFACE         1u
#define ENHANCED_PACKET   6u
#define LINKTYPE_ETHERNET 1u
#define OPTION_END        0
#define OPTION_COMMENT    1
#define OPTION_USERAPPL   4 /* of a section header */
#define OPTION_NAME       2 /* of an interface */
#define OPTION_RESOLUTION 9
#define SNAPLEN           65535u /* of both: libpcap refuses a file whose interfaces differ */

#define PACKET_HEAD      28 /* bytes of an enhanced packet block before the packet */
#define ETHERNET_HEADER  14
#define ETHERTYPE_IPV4   0x0800
#define IPV4_HEADER      20
#define TCP_HEADER       20
#define UDP_HEADER       8
#define TCP_OPTIONS_MOST 40
#define HEADERS_MOST     (IPV4_HEADER + TCP_HEADER + TCP_OPTIONS_MOST)
#define BLOCK_MOST       (PACKET_HEAD + ETHERNET_HEADER + 65536)

/* Linux: IP_DF on TCP and connected UDP (path MTU discovery), a TTL of 64 (RFC 1700), one less behind the
 * box. */
#define DONT_FRAGMENT 0x4000
#define TTL           64

/* TCP options (RFC 9293, 7323, 2018). */
enum { NOP = 1, MSS = 2, WSCALE = 3, SACK_PERMITTED = 4, TIMESTAMPS = 8 };
#define TIMESTAMP_BYTES 12 /* with padding: what an MSS leaves out of account (RFC 6691) */

enum { OUT, IN };

/* Of one connection; [direction]. */
struct talk {
    uint32_t stamp[2], end[2]; /* the last TSval that passed, and the sequence number behind that segment */
    uint32_t echo[2];          /* the last TSecr */
    uint32_t highest[2];       /* the highest sequence number that passed */
    uint16_t id[2];
    bool known[2]; /* highest[] is set */
};

/* What a packet got where it arrived; it has the same where it leaves. */
struct made {
    np_time when;
    uint32_t seq, ack, conn, stamp, echo;
    uint16_t id;
    uint8_t flags;
    bool outbound, valid, probe;
    np_place where;
};

struct np_recorder {
    FILE *out, *outside; /* outside NULL: out is a pcapng file of both places */
    struct talk *talk;
    struct talk stray; /* of packets that belong to no connection */
    uint32_t talks;
    uint16_t mss;
    bool out_of_memory;
    struct made last;
    np_recorded count[2];
    uint8_t block[BLOCK_MOST];
};

/* ---- bytes ---- */

static void little16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void little32(uint8_t *at, uint32_t v)
{
    little16(at, v);
    little16(at + 2, v >> 16);
}

static void big16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void big32(uint8_t *at, uint32_t v)
{
    big16(at, v >> 16);
    big16(at + 2, v);
}

/* Sum of 16-bit words (RFC 1071); zeros behind the end change nothing. */
static uint32_t sum(const uint8_t *at, size_t bytes, uint32_t before)
{
    for (size_t i = 0; i + 1 < bytes; i += 2) before += (uint32_t)at[i] << 8 | at[i + 1];
    return before;
}

static uint16_t checksum(uint32_t s)
{
    while (s >> 16) s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

/* ---- the file's head ---- */

static uint32_t padded(uint32_t n)
{
    return (n + 3) & ~3u;
}

static uint8_t *option(uint8_t *at, uint32_t code, const void *value, uint32_t bytes)
{
    little16(at, code);
    little16(at + 2, bytes);
    memset(at + 4, 0, padded(bytes));
    memcpy(at + 4, value, bytes);
    return at + 4 + padded(bytes);
}

/* Closes the options and the block that begins at `block` and goes to `at`; writes it. */
static void put_block(np_recorder *r, uint8_t *block, uint8_t *at)
{
    at = option(at, OPTION_END, "", 0);
    uint32_t length = (uint32_t)(at - block) + 4;
    little32(block + 4, length);
    little32(at, length);
    fwrite(block, 1, length, r->out);
}

#define ABOUT_MOST 4096

static void put_section(np_recorder *r, const char *about)
{
    static const char program[] = "natpulse " NP_VERSION;
    uint8_t *b = r->block, *at = b + 24;
    little32(b, SECTION_HEADER);
    little32(b + 8, BYTE_ORDER_MAGIC);
    little16(b + 12, 1); /* version 1.0 */
    little16(b + 14, 0);
    memset(b + 16, 0xff, 8); /* the section's length is not said */
    size_t n = about ? strlen(about) : 0;
    if (n > ABOUT_MOST) n = ABOUT_MOST;
    if (n) at = option(at, OPTION_COMMENT, about, (uint32_t)n);
    at = option(at, OPTION_USERAPPL, program, sizeof program - 1);
    put_block(r, b, at);
}

static void put_interface(np_recorder *r, const char *name)
{
    uint8_t *b = r->block, *at = b + 16;
    little32(b, INTERFACE);
    little32(b + 8, LINKTYPE_ETHERNET);
    little32(b + 12, SNAPLEN);
    at = option(at, OPTION_NAME, name, (uint32_t)strlen(name));
    at = option(at, OPTION_RESOLUTION, &(uint8_t){9}, 1); /* 10^-9 s */
    put_block(r, b, at);
}

/* Of a pcap file: magic number of nanoseconds, version 2.4, snapshot length, link type. */
static void put_pcap_head(FILE *out)
{
    uint8_t head[24] = {0};
    little32(head, 0xa1b23c4d);
    little16(head + 4, 2);
    little16(head + 6, 4);
    little32(head + 16, SNAPLEN);
    little32(head + 20, LINKTYPE_ETHERNET);
    fwrite(head, sizeof head, 1, out);
}

np_recorder *np_recorder_create(FILE *out, FILE *outside, uint16_t mss, const char *about, np_error *e)
{
    np_recorder *r = calloc(1, sizeof *r);
    if (!r) {
        np_fail_memory(e, "a capture to be written");
        return NULL;
    }
    r->out = out;
    r->outside = outside;
    r->mss = mss;
    if (outside) {
        put_pcap_head(out);
        put_pcap_head(outside);
    } else {
        put_section(r, about);
        put_interface(r, "inside");
        put_interface(r, "outside");
        memset(r->block, 0, sizeof r->block);
    }
    return r;
}

bool np_recorder_finish(np_recorder *r, np_error *e)
{
    bool ok = !r->out_of_memory || np_fail_memory(e, "the connections of a capture");
    free(r->talk);
    free(r);
    return ok;
}

const np_recorded *np_recorder_count(const np_recorder *r, np_place where)
{
    return &r->count[where];
}

/* ---- what a packet needs beside its fields ---- */

static struct talk *talk_of(np_recorder *r, uint32_t conn)
{
    if (conn == NP_NO_CONN) return &r->stray;
    if (conn >= r->talks) {
        uint32_t room = r->talks ? r->talks : 256;
        while (room <= conn) room *= 2;
        struct talk *grown = realloc(r->talk, room * sizeof *grown);
        if (!grown) {
            r->out_of_memory = true;
            return &r->stray;
        }
        memset(grown + r->talks, 0, (room - r->talks) * sizeof *grown);
        r->talk = grown;
        r->talks = room;
    }
    return &r->talk[conn];
}

/* Takes note of a TCP segment, and gives it what it needs. */
static void follow(struct talk *t, const np_packet *p, struct made *m)
{
    int way = m->outbound ? OUT : IN, back = m->outbound ? IN : OUT;
    uint32_t end = p->seq + np_packet_seqlen(p);
    bool fresh = (p->flags & (NP_SYN | NP_ACK)) == NP_SYN;
    if (fresh) { /* a new connection, of which nothing is known */
        memset(t->stamp, 0, sizeof t->stamp);
        memset(t->echo, 0, sizeof t->echo);
        t->known[back] = false;
    }
    m->probe = p->kind == NP_KIND_KEEPALIVE && p->seq + 1 == t->highest[way];
    if (fresh || !t->known[way] || np_seq_after(end, t->highest[way])) t->highest[way] = end;
    t->known[way] = true;
    if (!(p->options & NP_OPTION_TIMESTAMP)) return;

    if (t->stamp[back] && p->flags & NP_ACK && !np_seq_before(p->ack, t->end[back]))
        t->echo[way] = t->stamp[back];
    m->stamp = (uint32_t)(m->when / NP_MILLISECOND) + 1; /* 0 would say that there is none */
    m->echo = p->flags & NP_ACK ? t->echo[way] : 0;
    t->stamp[way] = m->stamp;
    t->end[way] = end;
}

/* The same packet on the box's other side comes right behind. */
static bool leaves_again(const struct made *m, np_time when, np_place where, bool outbound,
                         const np_packet *p)
{
    return m->valid && m->when == when && m->where != where && m->outbound == outbound &&
           m->conn == p->conn && m->seq == p->seq && m->ack == p->ack && m->flags == p->flags;
}

static const struct made *make(np_recorder *r, np_time when, np_place where, bool outbound,
                               const np_packet *p)
{
    if (leaves_again(&r->last, when, where, outbound, p)) {
        r->last.valid = false;
        return &r->last;
    }
    struct talk *t = talk_of(r, p->conn);
    r->last = (struct made){.when = when,
                            .seq = p->seq,
                            .ack = p->ack,
                            .conn = p->conn,
                            .id = t->id[outbound ? OUT : IN]++,
                            .flags = p->flags,
                            .outbound = outbound,
                            .valid = true,
                            .where = where};
    if (p->proto == NP_TCP) follow(t, p, &r->last);
    return &r->last;
}

/* ---- headers ---- */

static uint8_t *put_stamps(uint8_t *at, const struct made *m)
{
    *at++ = TIMESTAMPS;
    *at++ = 10;
    big32(at, m->stamp);
    big32(at + 4, m->echo);
    return at + 8;
}

/* Options in the order of Linux (tcp_options_write), filled up with no-ops to what np_packet.bytes leaves. */
static void put_tcp_options(const np_recorder *r, uint8_t *at, const uint8_t *end, const np_packet *p,
                            const struct made *m)
{
    bool stamps = p->options & NP_OPTION_TIMESTAMP;
    if (p->flags & NP_SYN) {
        *at++ = MSS;
        *at++ = 4;
        big16(at, r->mss + (stamps ? TIMESTAMP_BYTES : 0u));
        at += 2;
        if (!stamps) *at++ = NOP, *at++ = NOP;
        *at++ = SACK_PERMITTED;
        *at++ = 2;
        if (stamps) at = put_stamps(at, m);
        if (p->options & NP_OPTION_WSCALE) {
            *at++ = NOP;
            *at++ = WSCALE;
            *at++ = 3;
            *at++ = p->options & 0x0f;
        }
    } else if (stamps) {
        *at++ = NOP;
        *at++ = NOP;
        at = put_stamps(at, m);
    }
    assert(at <= end);
    while (at < end) *at++ = NOP;
}

static void put_tcp(const np_recorder *r, uint8_t *tcp, uint32_t bytes, const np_packet *p,
                    const struct made *m)
{
    uint32_t header = bytes - p->payload;
    big16(tcp, p->sport);
    big16(tcp + 2, p->dport);
    big32(tcp + 4, p->seq);
    big32(tcp + 8, p->flags & NP_ACK ? p->ack : 0);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = p->flags;
    big16(tcp + 14, p->window);
    put_tcp_options(r, tcp + TCP_HEADER, tcp + header, p, m);
}

/* Locally administered addresses: the box's own on either side, a client's made from its IPv4 address, and
   one for the next router outside. */
static void put_ethernet(uint8_t *at, np_place where, bool outbound, const np_packet *p)
{
    uint8_t box[6] = {0x02, 0x4e, 0x41, 0x54, 0, (uint8_t)where},
            other[6] = {0x02, 0x4e, 0x41, 0x54, 0, 0xff};
    if (where == NP_PLACE_INSIDE) {
        other[1] = 0;
        memcpy(other + 2, outbound ? p->src.byte : p->dst.byte, 4);
    }
    bool to_box = (where == NP_PLACE_INSIDE) == outbound;
    memcpy(at, to_box ? box : other, 6);
    memcpy(at + 6, to_box ? other : box, 6);
    big16(at + 12, ETHERTYPE_IPV4);
}

static void put_ipv4(uint8_t *ip, np_place where, bool outbound, const np_packet *p, const struct made *m)
{
    bool behind = outbound ? where == NP_PLACE_OUTSIDE : where == NP_PLACE_INSIDE;
    ip[0] = 0x45;
    big16(ip + 2, p->bytes);
    big16(ip + 4, m->id);
    big16(ip + 6, DONT_FRAGMENT);
    ip[8] = (uint8_t)(TTL - behind);
    ip[9] = p->proto;
    memcpy(ip + 12, p->src.byte, 4);
    memcpy(ip + 16, p->dst.byte, 4);
    big16(ip + 10, checksum(sum(ip, IPV4_HEADER, 0)));
}

static void count(np_recorded *c, const np_packet *p, const struct made *m)
{
    c->packets++;
    c->bytes += p->bytes;
    c->by_kind[p->kind]++;
    c->probes += m->probe;
}

/* The frame in r->block, with the head that its file wants before it. */
static void put_record(np_recorder *r, np_time when, np_place where, uint32_t captured)
{
    uint8_t *b = r->block;
    little32(b + 20, captured);
    little32(b + 24, captured);
    if (r->outside) {
        little32(b + 12, (uint32_t)(when / NP_SECOND));
        little32(b + 16, (uint32_t)(when % NP_SECOND));
        fwrite(b + 12, 1, 16 + captured, where == NP_PLACE_INSIDE ? r->out : r->outside);
        return;
    }
    little32(b, ENHANCED_PACKET);
    little32(b + 4, PACKET_HEAD + padded(captured) + 4);
    little32(b + 8, where);
    little32(b + 12, (uint32_t)((uint64_t)when >> 32));
    little32(b + 16, (uint32_t)when);
    fwrite(b, 1, PACKET_HEAD + padded(captured), r->out);
    fwrite(b + 4, 1, 4, r->out);
}

void np_recorder_packet(void *recorder, np_time when, np_place where, bool outbound, const np_packet *p)
{
    np_recorder *r = recorder;
    assert(p->family == 4 && (p->proto == NP_TCP || p->proto == NP_UDP) && p->kind < NP_KIND_COUNT);
    const struct made *m = make(r, when, where, outbound, p);
    count(&r->count[where], p, m);

    uint8_t *frame = r->block + PACKET_HEAD, *ip = frame + ETHERNET_HEADER, *above = ip + IPV4_HEADER;
    uint32_t bytes = p->bytes - IPV4_HEADER;
    memset(ip, 0, HEADERS_MOST);
    put_ethernet(frame, where, outbound, p);
    put_ipv4(ip, where, outbound, p, m);

    uint32_t pseudo = sum(ip + 12, 8, p->proto + bytes);
    if (p->proto == NP_TCP) {
        put_tcp(r, above, bytes, p, m);
        big16(above + 16, checksum(sum(above, bytes - p->payload, pseudo)));
    } else {
        big16(above, p->sport);
        big16(above + 2, p->dport);
        big16(above + 4, bytes);
        uint16_t c = checksum(sum(above, UDP_HEADER, pseudo));
        big16(above + 6, c ? c : 0xffff); /* 0 would say that there is none (RFC 768) */
    }
    put_record(r, when, where, ETHERNET_HEADER + (uint32_t)p->bytes);
}
