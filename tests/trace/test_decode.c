/*
 * The decoder: packets built byte by byte, every cut of them, and real captures damaged at random.
 *
 * Each packet is handed over in a heap block of exactly its captured size, so that the address sanitizer sees
 * a read one byte beyond.
 */
#include "../../sim/trace/decode.h"
#include <dirent.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static np_tuple quoted; /* by the latest ICMP error */

/* ---- building packets ---- */

typedef struct bytes {
    uint8_t at[4096];
    uint32_t n;
} bytes;

static void put(bytes *b, const void *data, uint32_t n)
{
    assert_true(b->n + n <= sizeof b->at);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}
static void put8(bytes *b, unsigned v)
{
    put(b, (uint8_t[]){(uint8_t)v}, 1);
}
static void put16(bytes *b, unsigned v)
{
    put(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}
static void put32(bytes *b, uint32_t v)
{
    put16(b, v >> 16);
    put16(b, v & 0xffff);
}
static void put_zeros(bytes *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) put8(b, 0);
}

static void ethernet(bytes *b, unsigned type)
{
    put(b, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
    put16(b, type);
}

/* 10.0.0.1 to 192.0.2.1; `total` is the IP length, `fragment` the flags and offset. */
static void ipv4_header(bytes *b, unsigned proto, unsigned total, unsigned fragment)
{
    put8(b, 0x45);
    put8(b, 0);
    put16(b, total);
    put16(b, 0x1234);
    put16(b, fragment);
    put8(b, 64);
    put8(b, proto);
    put16(b, 0);
    put32(b, 0x0a000001);
    put32(b, 0xc0000201);
}

/* fd00::1 to 2001:db8::1 */
static void ipv6_header(bytes *b, unsigned next, unsigned length)
{
    put32(b, 0x60000000);
    put16(b, length);
    put8(b, next);
    put8(b, 64);
    put(b, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 32);
}

static void tcp_header(bytes *b, const void *options, uint32_t option_bytes)
{
    put16(b, 40000);
    put16(b, 443);
    put32(b, 0x11223344);
    put32(b, 0x55667788);
    put8(b, (5 + option_bytes / 4) << 4);
    put8(b, NP_ACK | NP_PSH);
    put16(b, 501);
    put32(b, 0);
    put(b, options, option_bytes);
}

static void udp_header(bytes *b, unsigned length)
{
    put16(b, 5353);
    put16(b, 53);
    put16(b, length);
    put16(b, 0);
}

static void plain_tcp(bytes *b)
{
    ipv4_header(b, NP_TCP, 20 + 20 + 7, 0x4000);
    tcp_header(b, "", 0);
    put_zeros(b, 7);
}

static np_decoded decode_cut(int link, const bytes *b, uint32_t caplen, uint32_t len, np_packet *p)
{
    uint8_t *exact = malloc(caplen ? caplen : 1);
    memcpy(exact, b->at, caplen);
    np_decoded d = np_decode(link, exact, caplen, len, p);
    free(exact);
    return d;
}
static np_decoded decode(int link, const bytes *b, np_packet *p)
{
    return decode_cut(link, b, b->n, b->n, p);
}

static void expect_plain_tcp(const np_packet *p)
{
    assert_int_equal(p->family, 4);
    assert_int_equal(p->proto, NP_TCP);
    assert_int_equal(np_addr_to_ipv4(&p->src), 0x0a000001);
    assert_int_equal(np_addr_to_ipv4(&p->dst), 0xc0000201);
    assert_int_equal(p->src.word[1] | p->src.word[2] | p->src.word[3], 0);
    assert_int_equal(p->sport, 40000);
    assert_int_equal(p->dport, 443);
    assert_int_equal(p->seq, 0x11223344);
    assert_int_equal(p->ack, 0x55667788);
    assert_int_equal(p->flags, NP_ACK | NP_PSH);
    assert_int_equal(p->window, 501);
    assert_int_equal(p->payload, 7);
    assert_int_equal(p->bytes, 47);
    assert_int_equal(p->conn, NP_NO_CONN);
}

/* ---- links ---- */

typedef struct framed {
    int link;
    bytes b;
} framed;

/* The same TCP packet behind every kind of link header. */
static uint32_t all_links(framed *out)
{
    uint32_t n = 0;
    bytes *b;
#define LINK(value) (out[n] = (framed){.link = (value)}, b = &out[n++].b)
    LINK(DLT_EN10MB), ethernet(b, 0x0800);
    LINK(DLT_EN10MB), ethernet(b, 0x8100), put16(b, 5), put16(b, 0x0800);
    LINK(DLT_EN10MB), ethernet(b, 0x88a8), put16(b, 5), put16(b, 0x8100), put16(b, 6), put16(b, 0x0800);
    LINK(DLT_EN10MB), ethernet(b, 0x9100), put16(b, 5), put16(b, 0x8100), put16(b, 6), put16(b, 0x0800);
    LINK(DLT_EN10MB), ethernet(b, 0x8864), put32(b, 0x11000001), put16(b, 2 + 47), put16(b, 0x0021);
    LINK(DLT_EN10MB), ethernet(b, 0x8864), put32(b, 0x11000001), put16(b, 1 + 47), put8(b, 0x21);
    LINK(DLT_EN10MB), ethernet(b, 0x8100), put16(b, 5), put16(b, 0x8864), put32(b, 0x11000001),
        put16(b, 2 + 47), put16(b, 0x0021);
    LINK(DLT_LINUX_SLL), put_zeros(b, 14), put16(b, 0x0800);
    LINK(DLT_LINUX_SLL), put_zeros(b, 14), put16(b, 0x8100), put16(b, 5), put16(b, 0x0800);
    LINK(DLT_LINUX_SLL2), put16(b, 0x0800), put_zeros(b, 18);
    LINK(DLT_RAW);
    LINK(DLT_IPV4);
    LINK(DLT_NULL), put32(b, 2);
    LINK(DLT_NULL), put32(b, 0x02000000);
    LINK(DLT_LOOP), put32(b, 2);
    LINK(DLT_PPP), put16(b, 0x0021);
    LINK(DLT_PPP), put16(b, 0xff03), put16(b, 0x0021);
    LINK(DLT_PPP_SERIAL), put16(b, 0xff03), put8(b, 0x21);
    LINK(DLT_PPP_ETHER), put32(b, 0x11000001), put16(b, 2 + 47), put16(b, 0x0021);
    LINK(DLT_C_HDLC), put16(b, 0x0f00), put16(b, 0x0800);
    LINK(DLT_EN10MB), ethernet(b, 0x8847), put32(b, 0x00010140);
    LINK(DLT_EN10MB), ethernet(b, 0x8847), put32(b, 0x00010040), put32(b, 0x00020140);
#undef LINK
    for (uint32_t i = 0; i < n; i++) plain_tcp(&out[i].b);
    return n;
}

#define LINKS_MOST 32

static void test_links(void **state)
{
    (void)state;
    static framed f[LINKS_MOST];
    uint32_t n = all_links(f);
    for (uint32_t i = 0; i < n; i++) {
        np_packet p;
        assert_true(np_decode_knows(f[i].link));
        assert_int_equal(decode(f[i].link, &f[i].b, &p), NP_DECODED_OK);
        expect_plain_tcp(&p);
    }
    assert_false(np_decode_knows(DLT_FRELAY));
}

/* However few bytes the capture kept: CUT, or decoded the same. */
static void test_every_cut(void **state)
{
    (void)state;
    static framed f[LINKS_MOST];
    uint32_t n = all_links(f);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t headers = f[i].b.n - 7;
        for (uint32_t caplen = 0; caplen <= f[i].b.n; caplen++) {
            np_packet p;
            np_decoded d = decode_cut(f[i].link, &f[i].b, caplen, f[i].b.n, &p);
            assert_int_equal(d, caplen < headers ? NP_DECODED_CUT : NP_DECODED_OK);
            if (d == NP_DECODED_OK) expect_plain_tcp(&p);
        }
        /* The same bytes as a whole frame contradict themselves, unless only payload is missing. */
        for (uint32_t len = 0; len < headers; len++) {
            np_packet p;
            assert_int_not_equal(decode_cut(f[i].link, &f[i].b, len, len, &p), NP_DECODED_OK);
        }
    }
}

static void test_not_ip(void **state)
{
    (void)state;
    np_packet p;
    bytes arp = {0}, llc = {0}, lcp = {0}, appletalk = {0};
    ethernet(&arp, 0x0806), put_zeros(&arp, 46);
    ethernet(&llc, 38), put_zeros(&llc, 46);
    ethernet(&lcp, 0x8864), put32(&lcp, 0x11000001), put16(&lcp, 10), put16(&lcp, 0xc021),
        put_zeros(&lcp, 40);
    put32(&appletalk, 16), put_zeros(&appletalk, 40);
    assert_int_equal(decode(DLT_EN10MB, &arp, &p), NP_DECODED_NOT_IP);
    assert_int_equal(decode(DLT_EN10MB, &llc, &p), NP_DECODED_NOT_IP);
    assert_int_equal(decode(DLT_EN10MB, &lcp, &p), NP_DECODED_NOT_IP);
    assert_int_equal(decode(DLT_NULL, &appletalk, &p), NP_DECODED_NOT_IP);
    assert_int_equal(decode(DLT_FRELAY, &arp, &p), NP_DECODED_NOT_IP);
}

/* ---- lengths ---- */

static void test_lengths(void **state)
{
    (void)state;
    np_packet p;
    /* Ethernet pads to 60 bytes: the payload is what IP says. */
    bytes padded = {0};
    ethernet(&padded, 0x0800), ipv4_header(&padded, NP_UDP, 20 + 8 + 3, 0), udp_header(&padded, 8 + 3),
        put_zeros(&padded, 18);
    assert_int_equal(decode(DLT_EN10MB, &padded, &p), NP_DECODED_OK);
    assert_int_equal(p.payload, 3);
    assert_int_equal(p.bytes, 31);

    /* An offloaded packet has length 0 and more than fits 16 bits on the wire. */
    bytes offload = {0};
    ethernet(&offload, 0x0800), ipv4_header(&offload, NP_TCP, 0, 0), tcp_header(&offload, "", 0),
        put_zeros(&offload, 100);
    assert_int_equal(decode(DLT_EN10MB, &offload, &p), NP_DECODED_OK);
    assert_int_equal(p.payload, 100);
    assert_int_equal(p.bytes, 140);
    assert_int_equal(decode_cut(DLT_EN10MB, &offload, offload.n, 14 + 100000, &p), NP_DECODED_OK);
    assert_int_equal(p.payload, 65535);
    assert_int_equal(p.bytes, 65535);

    struct {
        unsigned total, udp;
        np_decoded expected;
    } table[] = {
        {28, 8, NP_DECODED_OK},        {19, 8, NP_DECODED_MALFORMED}, {27, 8, NP_DECODED_MALFORMED},
        {28, 7, NP_DECODED_MALFORMED}, {28, 9, NP_DECODED_MALFORMED}, {28, 0, NP_DECODED_OK},
        {128, 100, NP_DECODED_OK}, /* beyond the frame: believed */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bytes b = {0};
        ipv4_header(&b, NP_UDP, table[i].total, 0), udp_header(&b, table[i].udp);
        assert_int_equal(decode(DLT_RAW, &b, &p), table[i].expected);
    }

    /* An offloaded packet within PPPoE ends where PPPoE says, whatever the frame is padded with. */
    bytes within = {0};
    ethernet(&within, 0x8864), put32(&within, 0x11000001), put16(&within, 2 + 28 + 3), put16(&within, 0x0021);
    ipv4_header(&within, NP_UDP, 0, 0), udp_header(&within, 0), put_zeros(&within, 20);
    assert_int_equal(decode(DLT_EN10MB, &within, &p), NP_DECODED_OK);
    assert_int_equal(p.payload, 3);
    within.at[14] = 0x21; /* another version */
    assert_int_equal(decode(DLT_EN10MB, &within, &p), NP_DECODED_NOT_IP);

    bytes short_header = {0}, wrong_version = {0}, short_tcp = {0}, long_tcp = {0};
    plain_tcp(&short_header), short_header.at[0] = 0x44;
    assert_int_equal(decode(DLT_RAW, &short_header, &p), NP_DECODED_MALFORMED);
    plain_tcp(&wrong_version), wrong_version.at[0] = 0x55;
    assert_int_equal(decode(DLT_RAW, &wrong_version, &p), NP_DECODED_MALFORMED);
    plain_tcp(&short_tcp), short_tcp.at[20 + 12] = 0x40;
    assert_int_equal(decode(DLT_RAW, &short_tcp, &p), NP_DECODED_MALFORMED);
    plain_tcp(&long_tcp), long_tcp.at[20 + 12] = 0x70; /* 28 bytes of 27 */
    assert_int_equal(decode(DLT_RAW, &long_tcp, &p), NP_DECODED_MALFORMED);
}

static void test_ip_options(void **state)
{
    (void)state;
    np_packet p;
    bytes b = {0}, plain = {0};
    plain_tcp(&plain);
    put(&b, plain.at, 20), put32(&b, 0x01010101), put(&b, plain.at + 20, plain.n - 20);
    b.at[0] = 0x46, b.at[3] = 51;
    assert_int_equal(decode(DLT_RAW, &b, &p), NP_DECODED_OK);
    assert_int_equal(p.dport, 443);
    assert_int_equal(p.payload, 7);
    assert_int_equal(p.bytes, 51);
}

/* ---- TCP options ---- */

static np_packet with_options(const void *options, uint32_t n, np_decoded expected)
{
    bytes b = {0};
    np_packet p = {0};
    ipv4_header(&b, NP_TCP, 40 + n, 0), tcp_header(&b, options, n);
    assert_int_equal(decode(DLT_RAW, &b, &p), expected);
    return p;
}

static void test_tcp_options(void **state)
{
    (void)state;
    /* A SYN's: MSS, SACK permitted, timestamp, NOP, window scale 7. */
    np_packet p = with_options("\2\4\5\xb4\4\2\10\12\0\0\0\1\0\0\0\0\1\3\3\7", 20, NP_DECODED_OK);
    assert_int_equal(p.options, NP_OPTION_WSCALE | 7 | NP_OPTION_SACK_OK | NP_OPTION_TIMESTAMP);
    /* A shift above 14 counts as 14. */
    p = with_options("\3\3\x1f\0", 4, NP_DECODED_OK);
    assert_int_equal(p.options, NP_OPTION_WSCALE | 14);
    p = with_options("\1\1\10\12\0\0\0\1\0\0\0\2", 12, NP_DECODED_OK);
    assert_int_equal(p.options, NP_OPTION_TIMESTAMP);
    /* Two SACK blocks around the wrap: 0x10 is after 0xfffffff0. */
    p = with_options("\1\1\5\22\0\0\0\0\0\0\0\x10\xff\xff\xff\0\xff\xff\xff\xf0", 20, NP_DECODED_OK);
    assert_int_equal(p.options, NP_OPTION_SACK);
    assert_int_equal(p.sack, 0x10);
    /* Lengths that lie: of 0, of 1, beyond the header, at the last byte; what came before them stands. */
    assert_int_equal(with_options("\4\2\x99\0", 4, NP_DECODED_OK).options, NP_OPTION_SACK_OK);
    assert_int_equal(with_options("\4\2\x99\1", 4, NP_DECODED_OK).options, NP_OPTION_SACK_OK);
    assert_int_equal(with_options("\4\2\10\12", 4, NP_DECODED_OK).options, NP_OPTION_SACK_OK);
    assert_int_equal(with_options("\4\2\1\3", 4, NP_DECODED_OK).options, NP_OPTION_SACK_OK);
    /* Nothing counts behind the end of the list. */
    assert_int_equal(with_options("\0\4\2\0", 4, NP_DECODED_OK).options, 0);
}

/* ---- IPv6 ---- */

static void test_ipv6(void **state)
{
    (void)state;
    np_packet p;
    bytes b = {0};
    /* Hop-by-hop, routing, destination options, AH, then UDP. */
    ipv6_header(&b, 0, 8 + 24 + 8 + 24 + 8 + 5);
    put8(&b, 43), put8(&b, 0), put_zeros(&b, 6);
    put8(&b, 60), put8(&b, 2), put_zeros(&b, 22);
    put8(&b, 51), put8(&b, 0), put_zeros(&b, 6);
    put8(&b, NP_UDP), put8(&b, 4), put_zeros(&b, 22);
    udp_header(&b, 8 + 5), put_zeros(&b, 5);
    for (uint32_t caplen = 1; caplen <= b.n; caplen++) {
        np_decoded d = decode_cut(DLT_RAW, &b, caplen, b.n, &p);
        assert_int_equal(d, caplen < b.n - 5 ? NP_DECODED_CUT : NP_DECODED_OK);
    }
    assert_int_equal(p.family, 6);
    assert_int_equal(p.proto, NP_UDP);
    assert_int_equal(p.sport, 5353);
    assert_int_equal(p.dport, 53);
    assert_int_equal(p.payload, 5);
    assert_int_equal(p.bytes, 40 + 77);
    assert_int_equal(p.src.byte[0], 0xfd);
    assert_int_equal(p.dst.byte[15], 1);

    bytes loop = {0}, esp = {0};
    put32(&loop, 30), ipv6_header(&loop, NP_UDP, 8), udp_header(&loop, 8);
    assert_int_equal(decode(DLT_NULL, &loop, &p), NP_DECODED_OK);
    ipv6_header(&esp, 50, 16), put_zeros(&esp, 16);
    assert_int_equal(decode(DLT_IPV6, &esp, &p), NP_DECODED_OTHER);
    /* A header that is longer than what is left. */
    bytes liar = {0};
    ipv6_header(&liar, 0, 16), put8(&liar, NP_UDP), put8(&liar, 200), put_zeros(&liar, 14);
    assert_int_equal(decode(DLT_IPV6, &liar, &p), NP_DECODED_MALFORMED);
}

/* Every extension header there is, and every number that a BSD calls IPv6. */
static void test_ipv6_kinds(void **state)
{
    (void)state;
    static const uint8_t extension[] = {0, 43, 60, 135, 139, 140};
    static const uint32_t family[] = {10, 24, 28, 30};
    np_packet p;
    for (size_t i = 0; i < sizeof extension; i++) {
        bytes b = {0};
        ipv6_header(&b, extension[i], 16 + 8);
        put8(&b, NP_UDP), put8(&b, 1), put_zeros(&b, 14), udp_header(&b, 8);
        assert_int_equal(decode(DLT_RAW, &b, &p), NP_DECODED_OK);
        assert_int_equal(p.dport, 53);
    }
    for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
        bytes b = {0};
        put32(&b, __builtin_bswap32(family[i])), ipv6_header(&b, NP_UDP, 8), udp_header(&b, 8);
        assert_int_equal(decode(DLT_NULL, &b, &p), NP_DECODED_OK);
    }
}

/* ---- ICMP ---- */

static np_decoded icmp_type(unsigned family, unsigned type, np_packet *p)
{
    bytes b = {0};
    if (family == 4)
        ipv4_header(&b, NP_ICMP, 28, 0);
    else
        ipv6_header(&b, NP_ICMPV6, 8);
    put8(&b, type), put8(&b, 0), put16(&b, 0), put16(&b, 0xbeef), put16(&b, 1);
    return decode(DLT_RAW, &b, p);
}

static void test_icmp(void **state)
{
    (void)state;
    struct {
        unsigned family, type, request;
    } echo[] = {{4, 8, 1}, {4, 0, 0}, {6, 128, 1}, {6, 129, 0}};
    np_packet p;
    for (size_t i = 0; i < sizeof echo / sizeof *echo; i++) {
        assert_int_equal(icmp_type(echo[i].family, echo[i].type, &p), NP_DECODED_OK);
        assert_int_equal(p.sport, 0xbeef);
        assert_int_equal(p.dport, 0xbeef);
        assert_int_equal(p.flags, echo[i].request);
    }
    assert_int_equal(icmp_type(4, 3, &p), NP_DECODED_MALFORMED); /* it quotes nothing */
    assert_int_equal(icmp_type(4, 128, &p), NP_DECODED_OTHER);
    assert_int_equal(icmp_type(6, 8, &p), NP_DECODED_MALFORMED);
    assert_int_equal(icmp_type(6, 135, &p), NP_DECODED_OTHER);
}

/* An error of `type` that quotes `inner`, cut to `caplen` bytes. */
static np_decoded error_cut(unsigned family, unsigned type, const bytes *inner, uint32_t missing,
                            np_packet *p)
{
    np_decoder d;
    bytes b = {0};
    if (family == 4)
        ipv4_header(&b, NP_ICMP, 28 + inner->n, 0);
    else
        ipv6_header(&b, NP_ICMPV6, 8 + inner->n);
    put8(&b, type), put8(&b, 1), put16(&b, 0), put32(&b, 0), put(&b, inner->at, inner->n);
    uint32_t caplen = b.n - missing;
    uint8_t *exact = malloc(caplen);
    memcpy(exact, b.at, caplen);
    np_decoder_init(&d);
    quoted = (np_tuple){0};
    np_decoded result = np_decoder_decode(&d, DLT_RAW, exact, caplen, b.n, 0, p, &quoted);
    free(exact);
    return result;
}

/* Errors bear the five-tuple that they quote: the first eight bytes of the transport are enough. */
static void test_icmp_errors(void **state)
{
    (void)state;
    static const unsigned types4[] = {3, 4, 5, 11, 12}, types6[] = {1, 2, 3, 4};
    np_packet p;
    bytes tcp = {0}, udp = {0}, udp6 = {0}, hops6 = {0}, echo = {0}, later = {0}, igmp = {0},
          unreachable = {0};
    ipv4_header(&tcp, NP_TCP, 1500, 0x4000), put16(&tcp, 40000), put16(&tcp, 443), put32(&tcp, 7);
    ipv4_header(&udp, NP_UDP, 1500, 0x2000), udp_header(&udp, 3000);
    ipv6_header(&udp6, NP_UDP, 1000), udp_header(&udp6, 1000);
    ipv6_header(&hops6, 0, 1000), put8(&hops6, NP_UDP), put_zeros(&hops6, 7), udp_header(&hops6, 992);
    ipv4_header(&echo, NP_ICMP, 84, 0), put8(&echo, 8), put_zeros(&echo, 3), put16(&echo, 0xbeef),
        put16(&echo, 1);
    ipv4_header(&later, NP_UDP, 1500, 0x2001), put_zeros(&later, 8);
    ipv4_header(&igmp, 2, 28, 0), put_zeros(&igmp, 8);
    ipv4_header(&unreachable, NP_ICMP, 56, 0), put8(&unreachable, 3), put_zeros(&unreachable, 7);

    for (size_t i = 0; i < sizeof types4 / sizeof *types4; i++) {
        assert_int_equal(error_cut(4, types4[i], &tcp, 0, &p), NP_DECODED_ERROR);
        assert_int_equal(p.proto, NP_ICMP);
        assert_int_equal(np_addr_to_ipv4(&p.src), 0x0a000001);
        assert_int_equal(quoted.proto, NP_TCP);
        assert_int_equal(quoted.family, 4);
        assert_int_equal(np_addr_to_ipv4(&quoted.local), 0x0a000001);
        assert_int_equal(np_addr_to_ipv4(&quoted.remote), 0xc0000201);
        assert_int_equal(quoted.local_port, 40000);
        assert_int_equal(quoted.remote_port, 443);
    }
    for (size_t i = 0; i < sizeof types6 / sizeof *types6; i++) {
        assert_int_equal(error_cut(6, types6[i], i % 2 ? &udp6 : &hops6, 0, &p), NP_DECODED_ERROR);
        assert_int_equal(p.proto, NP_ICMPV6);
        assert_int_equal(quoted.proto, NP_UDP);
        assert_int_equal(quoted.family, 6);
        assert_int_equal(quoted.local.byte[0], 0xfd);
        assert_int_equal(quoted.remote.byte[15], 1);
        assert_int_equal(quoted.local_port, 5353);
        assert_int_equal(quoted.remote_port, 53);
    }
    assert_int_equal(error_cut(4, 3, &udp, 0, &p), NP_DECODED_ERROR);
    assert_int_equal(quoted.local_port, 5353);
    assert_int_equal(error_cut(4, 11, &echo, 0, &p), NP_DECODED_ERROR);
    assert_int_equal(quoted.local_port, 0xbeef);
    assert_int_equal(quoted.remote_port, 0xbeef);
    assert_int_equal(error_cut(4, 3, &later, 0, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(error_cut(4, 3, &igmp, 0, &p), NP_DECODED_OTHER);
    assert_int_equal(error_cut(4, 3, &unreachable, 0, &p), NP_DECODED_OTHER);
    assert_int_equal(error_cut(4, 3, &udp6, 0, &p), NP_DECODED_MALFORMED);
    for (uint32_t missing = 1; missing < tcp.n; missing++)
        assert_int_equal(error_cut(4, 3, &tcp, missing, &p),
                         missing <= 4 ? NP_DECODED_ERROR : NP_DECODED_CUT);
    for (uint32_t missing = 1; missing < hops6.n; missing++)
        assert_int_equal(error_cut(6, 1, &hops6, missing, &p),
                         missing <= 4 ? NP_DECODED_ERROR : NP_DECODED_CUT);
}

/* ---- fragments ---- */

static np_decoded next_fragment(np_decoder *d, unsigned id, unsigned fragment, unsigned proto, np_time now,
                                np_packet *p)
{
    bytes b = {0};
    ipv4_header(&b, proto, 20 + 24, fragment);
    b.at[4] = (uint8_t)(id >> 8), b.at[5] = (uint8_t)id;
    if (proto == NP_UDP)
        udp_header(&b, 1000), put_zeros(&b, 16);
    else
        tcp_header(&b, "", 0), put_zeros(&b, 4);
    return np_decoder_decode(d, DLT_RAW, b.at, b.n, b.n, now, p, &quoted);
}

static void test_fragments(void **state)
{
    (void)state;
    static np_decoder d;
    np_packet p;
    const unsigned more = 0x2000;
    np_decoder_init(&d);
    assert_int_equal(next_fragment(&d, 7, more | 3, NP_UDP, 0, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(next_fragment(&d, 7, more, NP_UDP, 0, &p), NP_DECODED_OK);
    assert_int_equal(p.sport, 5353);
    assert_int_equal(p.payload, 16);
    assert_int_equal(next_fragment(&d, 7, more | 3, NP_UDP, NP_SECOND, &p), NP_DECODED_OK);
    assert_int_equal(p.sport, 5353);
    assert_int_equal(p.dport, 53);
    assert_int_equal(p.payload, 24);
    /* Another id, another protocol, too late. */
    assert_int_equal(next_fragment(&d, 8, 3, NP_UDP, NP_SECOND, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(next_fragment(&d, 7, 3, NP_TCP, NP_SECOND, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(next_fragment(&d, 7, 3, NP_UDP, NP_FRAGMENT_LIFE + 1, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(next_fragment(&d, 7, 3, 50, NP_SECOND, &p), NP_DECODED_OTHER);
    /* A later fragment of a TCP segment is one in mid-stream, whatever the first one's flags are. */
    bytes syn = {0};
    ipv4_header(&syn, NP_TCP, 20 + 24, more), tcp_header(&syn, "\0\0\0\0", 4), syn.at[20 + 13] = NP_SYN;
    assert_int_equal(np_decoder_decode(&d, DLT_RAW, syn.at, syn.n, syn.n, 0, &p, &quoted), NP_DECODED_OK);
    assert_int_equal(p.flags, NP_SYN);
    bytes rest = {0};
    ipv4_header(&rest, NP_TCP, 20 + 24, 3), put_zeros(&rest, 24);
    assert_int_equal(np_decoder_decode(&d, DLT_RAW, rest.at, rest.n, rest.n, 1, &p, &quoted), NP_DECODED_OK);
    assert_int_equal(p.flags, NP_ACK);
    assert_int_equal(p.sport, 40000);
    /* A hundred datagrams at once are well within the memory's 256 places. */
    uint32_t found = 0;
    np_decoder_init(&d);
    for (unsigned id = 0; id < 100; id++) next_fragment(&d, id, more, NP_UDP, 0, &p);
    for (unsigned id = 0; id < 100; id++) found += next_fragment(&d, id, 3, NP_UDP, 0, &p) == NP_DECODED_OK;
    assert_in_range(found, 95, 100);
    /* A flood of first fragments pushes the old ones out and breaks nothing. */
    for (unsigned id = 100; id < 5000; id++) next_fragment(&d, id, more, NP_UDP, NP_SECOND, &p);
    assert_int_equal(next_fragment(&d, 7, 3, NP_UDP, NP_SECOND, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(next_fragment(&d, 4999, 3, NP_UDP, NP_SECOND, &p), NP_DECODED_OK);
}

static void fragment6(bytes *b, unsigned offset_and_more, unsigned next, uint32_t id)
{
    ipv6_header(b, 44, 8 + 16);
    put8(b, next), put8(b, 0), put16(b, offset_and_more), put32(b, id);
    udp_header(b, 2000), put_zeros(b, 8);
}

static void test_fragments6(void **state)
{
    (void)state;
    static np_decoder d;
    np_packet p;
    bytes first = {0}, later = {0}, atomic = {0};
    np_decoder_init(&d);
    fragment6(&first, 1, NP_UDP, 99), fragment6(&later, 16, NP_UDP, 99), fragment6(&atomic, 0, NP_UDP, 99);
    assert_int_equal(np_decode(DLT_RAW, later.at, later.n, later.n, &p), NP_DECODED_FRAGMENT);
    assert_int_equal(np_decoder_decode(&d, DLT_RAW, first.at, first.n, first.n, 0, &p, &quoted),
                     NP_DECODED_OK);
    assert_int_equal(np_decoder_decode(&d, DLT_RAW, later.at, later.n, later.n, 0, &p, &quoted),
                     NP_DECODED_OK);
    assert_int_equal(p.sport, 5353);
    assert_int_equal(p.proto, NP_UDP);
    /* What its first bytes are the fragment header tells, also where it is another extension header. */
    bytes options = {0}, after = {0};
    fragment6(&options, 1, 60, 101), options.n -= 16; /* its UDP header */
    put8(&options, NP_UDP), put8(&options, 0), put_zeros(&options, 6), udp_header(&options, 2000);
    fragment6(&after, 16, 60, 101);
    assert_int_equal(np_decoder_decode(&d, DLT_RAW, options.at, options.n, options.n, 0, &p, &quoted),
                     NP_DECODED_OK);
    assert_int_equal(np_decoder_decode(&d, DLT_RAW, after.at, after.n, after.n, 0, &p, &quoted),
                     NP_DECODED_OK);
    assert_int_equal(p.dport, 53);
    /* An error that quotes a first fragment belongs to its flow, one that quotes a later one to nobody's. */
    assert_int_equal(error_cut(6, 3, &first, 0, &p), NP_DECODED_ERROR);
    assert_int_equal(quoted.remote_port, 53);
    assert_int_equal(error_cut(6, 3, &later, 0, &p), NP_DECODED_FRAGMENT);
    /* A fragment header on a whole datagram (RFC 6946): its UDP length counts again. */
    assert_int_equal(np_decode(DLT_RAW, atomic.at, atomic.n, atomic.n, &p), NP_DECODED_MALFORMED);
}

/* ---- damage ---- */

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

/* Flips bytes and cuts; all that is asked is that nothing is read outside, and that OK means ports and
 * addresses. */
static void damage(int link, const uint8_t *data, uint32_t caplen, uint32_t len, np_decoder *d)
{
    uint32_t cut = caplen ? any(caplen + 1) : 0;
    uint8_t *exact = malloc(cut ? cut : 1);
    memcpy(exact, data, cut);
    for (uint32_t flips = any(4); cut && flips > 0; flips--)
        exact[any(cut < 80 ? cut : 80)] = (uint8_t)any(256);
    np_packet p = {0};
    np_decoded result = np_decoder_decode(d, link, exact, cut, any(2) ? len : cut, 0, &p, &quoted);
    assert_in_range(result, 0, NP_DECODED_COUNT - 1);
    if (result == NP_DECODED_OK) {
        assert_true(p.family == 4 || p.family == 6);
        assert_true(p.proto == NP_TCP || p.proto == NP_UDP || p.proto == NP_ICMP || p.proto == NP_ICMPV6);
    }
    free(exact);
}

static void damage_file(const char *path, np_decoder *d)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_t *c = pcap_open_offline(path, text);
    if (!c) return;
    struct pcap_pkthdr *h;
    const uint8_t *data;
    while (pcap_next_ex(c, &h, &data) == 1) damage(pcap_datalink(c), data, h->caplen, h->len, d);
    pcap_close(c);
}

static void test_damage(void **state)
{
    (void)state;
    static np_decoder d;
    static framed f[LINKS_MOST];
    np_decoder_init(&d);
    uint32_t n = all_links(f);
    for (int i = 0; i < 20000; i++) {
        const framed *one = &f[any(n)];
        damage(one->link, one->b.at, one->b.n, one->b.n, &d);
    }
    const char *root = getenv("NP_PCAPS") ? getenv("NP_PCAPS") : "../shared/pcaps";
    static const char *const part[] = {"debian", "fetched"};
    for (int i = 0; i < 2; i++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/%s", root, part[i]);
        struct dirent **entry;
        int entries =
            scandir(path, &entry, NULL, alphasort); /* -1: not there; the built packets are a test too */
        for (int k = 0; k < entries; k++) {
            snprintf(path, sizeof path, "%s/%s/%s", root, part[i], entry[k]->d_name);
            if (entry[k]->d_name[0] != '.') damage_file(path, &d);
            free(entry[k]);
        }
        if (entries >= 0) free(entry);
    }
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {
        cmocka_unit_test(test_links),      cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_not_ip),     cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_ip_options), cmocka_unit_test(test_tcp_options),
        cmocka_unit_test(test_ipv6),       cmocka_unit_test(test_ipv6_kinds),
        cmocka_unit_test(test_icmp),       cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_fragments6), cmocka_unit_test(test_icmp_errors),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests_name("decode", test, NULL, NULL);
}
