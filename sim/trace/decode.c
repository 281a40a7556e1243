/*
 * From captured bytes to np_packet.
 *
 *     link header | tags, PPPoE | IPv4 or IPv6 + extension headers | TCP, UDP, ICMP      | payload
 *     `---------- skipped ----'   `---- addresses, lengths ------'   `- ports, flags ---'  a length only
 *
 * Every byte here may be hostile. A `view` is what is left of the packet: a pointer, how many bytes the
 * capture holds behind it (`cap`) and how many there were on the wire (`wire` >= cap). Headers are passed by
 * take(), which is the only way forward and checks both: too few on the wire is a contradiction in the packet
 * (MALFORMED), too few in the capture is the snapshot length (CUT). Nothing is read without a take() or an
 * explicit test of `cap`.
 *
 * Lengths come from the IP header, since Ethernet pads short frames; an IP length of 0 (a packet captured
 * before segmentation offload filled it in, or an IPv6 jumbogram) means the rest of the frame. An IP length
 * beyond the frame is believed: capture tools that shorten packets often forget the true length, and the
 * headers are all that is used.
 *
 * Cost: one pass, no allocation; a plain TCP packet touches its 54 to 66 header bytes once.
 */
#include "decode.h"
#include <pcap/pcap.h>
#include <stdio.h>

/* EtherTypes (IEEE registry) and PPP protocols (IANA). */
enum {
    ETHER_IPV4 = 0x0800,
    ETHER_IPV6 = 0x86dd,
    ETHER_VLAN = 0x8100,  /* IEEE 802.1Q */
    ETHER_QINQ = 0x88a8,  /* IEEE 802.1ad */
    ETHER_QINQ9 = 0x9100, /* the same before it was standardised */
    ETHER_PPPOE = 0x8864, /* RFC 2516, session stage */
    ETHER_MPLS = 0x8847,  /* RFC 3032 */
    ETHER_MPLS_MULTICAST = 0x8848,
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
};

/* IPv6 extension headers (RFC 8200, RFC 7045). */
enum {
    EXT_HOP_BY_HOP = 0,
    EXT_ROUTING = 43,
    EXT_FRAGMENT = 44,
    EXT_AH = 51,
    EXT_DESTINATION = 60,
    EXT_MOBILITY = 135,
    EXT_HIP = 139,
    EXT_SHIM6 = 140,
};

/* ICMP types: echoes, and the IPv4 errors that quote a packet; of IPv6 all below 128 are errors (RFC 792, RFC
   4443). */
enum {
    ECHO_REPLY = 0,
    ECHO_REQUEST = 8,
    ECHO6_REQUEST = 128,
    ECHO6_REPLY = 129,
    UNREACHABLE = 3,
    SOURCE_QUENCH = 4,
    REDIRECT = 5,
    TIME_EXCEEDED = 11,
    PARAMETER_PROBLEM = 12,
    ERROR6_LAST = 127,
};

/* TCP options (RFC 9293 3.1, RFC 7323, RFC 2018). */
enum {
    TCPOPT_END = 0,
    TCPOPT_NOP = 1,
    TCPOPT_WSCALE = 3,
    TCPOPT_SACK_OK = 4,
    TCPOPT_SACK = 5,
    TCPOPT_TIMESTAMP = 8
};
#define TCP_WSCALE_MAX 14 /* RFC 7323 2.3: a larger shift counts as this */

typedef struct view {
    const uint8_t *at;
    uint32_t cap, wire;
} view;

/* What the IP header said about fragmentation. */
typedef struct piece {
    bool fragmented, later; /* part of a datagram in pieces; not its first */
    uint32_t id;
} piece;

static uint16_t be16(const uint8_t *b)
{
    return (uint16_t)(b[0] << 8 | b[1]);
}
static uint32_t be32(const uint8_t *b)
{
    return (uint32_t)be16(b) << 16 | be16(b + 2);
}
static uint16_t clamp16(uint32_t n)
{
    return n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

/* Goes past a header of n bytes, if they are there. */
static inline np_decoded take(view *v, uint32_t n)
{
    if (v->cap < n) return v->wire < n ? NP_DECODED_MALFORMED : NP_DECODED_CUT;
    v->at += n;
    v->cap -= n;
    v->wire -= n;
    return NP_DECODED_OK;
}

/* What is left is `n` bytes long on the wire, says a header. */
static inline void set_wire(view *v, uint32_t n)
{
    v->wire = n;
    if (v->cap > n) v->cap = n;
}

const char *np_decoded_name(np_decoded d)
{
    static const char *const name[NP_DECODED_COUNT] = {"ok",        "icmp-error", "not-ip", "cut",
                                                       "malformed", "fragment",   "other"};
    return (unsigned)d < NP_DECODED_COUNT ? name[d] : "?";
}

bool np_decode_knows(int link)
{
    switch (link) {
    case DLT_EN10MB:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_PPP:
    case DLT_PPP_SERIAL:
    case DLT_PPP_ETHER:
    case DLT_C_HDLC: return true;
    default: return false;
    }
}

void np_decode_refusal(int link, char *buf, size_t size)
{
    const char *name = pcap_datalink_val_to_name(link);
    snprintf(buf, size,
             "link type %s (%d) is not among those natpulse reads: Ethernet, Linux SLL and SLL2, raw IP, BSD "
             "loopback, PPP, Cisco HDLC",
             name ? name : "unknown", link);
}

/* ---- transport ---- */

static void tcp_options(np_packet *p, const uint8_t *o, uint32_t n)
{
    /* What Linux sends on nearly every segment: two NOPs and a timestamp. */
    if (n == 12 && be32(o) == 0x0101080a) {
        p->options = NP_OPTION_TIMESTAMP;
        return;
    }
    while (n > 0 && o[0] != TCPOPT_END) {
        if (o[0] == TCPOPT_NOP) {
            o++, n--;
            continue;
        }
        if (n < 2 || o[1] < 2 || o[1] > n) return;
        uint8_t size = o[1];
        if (o[0] == TCPOPT_WSCALE && size == 3) {
            p->options |= NP_OPTION_WSCALE | (o[2] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : o[2]);
        } else if (o[0] == TCPOPT_SACK_OK && size == 2) {
            p->options |= NP_OPTION_SACK_OK;
        } else if (o[0] == TCPOPT_TIMESTAMP && size == 10) {
            p->options |= NP_OPTION_TIMESTAMP;
        } else if (o[0] == TCPOPT_SACK && size % 8 == 2) {
            for (uint32_t block = 2; block < size; block += 8) {
                uint32_t right = be32(o + block + 4);
                if (!(p->options & NP_OPTION_SACK) || np_seq_after(right, p->sack)) p->sack = right;
                p->options |= NP_OPTION_SACK;
            }
        }
        o += size, n -= size;
    }
}

static np_decoded tcp(np_packet *p, view v)
{
    const uint8_t *h = v.at;
    uint32_t whole = v.wire;
    np_decoded d = take(&v, 20);
    if (d != NP_DECODED_OK) return d;
    uint32_t size = (uint32_t)(h[12] >> 4) * 4;
    if (size < 20 || size > whole) return NP_DECODED_MALFORMED;
    p->sport = be16(h);
    p->dport = be16(h + 2);
    p->seq = be32(h + 4);
    p->ack = be32(h + 8);
    p->flags = h[13];
    p->window = be16(h + 14);
    p->payload = clamp16(whole - size);
    /* Options that the snapshot length cut off are not missed: the flow is known without them. */
    tcp_options(p, v.at, v.cap < size - 20 ? v.cap : size - 20);
    return NP_DECODED_OK;
}

static np_decoded udp(np_packet *p, view v, bool fragmented)
{
    const uint8_t *h = v.at;
    np_decoded d = take(&v, 8);
    if (d != NP_DECODED_OK) return d;
    /* Length 0: a jumbogram (RFC 2675 4) or an offloaded packet. A first fragment bears the whole datagram's.
     */
    uint32_t length = be16(h + 4);
    if (length != 0 && (length < 8 || (!fragmented && length - 8 > v.wire))) return NP_DECODED_MALFORMED;
    p->sport = be16(h);
    p->dport = be16(h + 2);
    p->payload = clamp16(length == 0 || fragmented ? v.wire : length - 8);
    return NP_DECODED_OK;
}

static bool is_extension(uint8_t next)
{
    switch (next) {
    case EXT_HOP_BY_HOP:
    case EXT_ROUTING:
    case EXT_FRAGMENT:
    case EXT_AH:
    case EXT_DESTINATION:
    case EXT_MOBILITY:
    case EXT_HIP:
    case EXT_SHIM6: return true;
    default: return false;
    }
}

/* The packet that an ICMP error quotes: its addresses, protocol and ports, of which routers need not quote
   more (RFC 792). What it says of lengths is not looked at, since it is cut. */
static np_decoded quoted_ip(view *v, np_tuple *q)
{
    const uint8_t *h = v->at;
    np_decoded d;
    if (q->family == 4) {
        if ((d = take(v, 20)) != NP_DECODED_OK) return d;
        uint32_t size = (h[0] & 0x0fu) * 4;
        if (h[0] >> 4 != 4 || size < 20) return NP_DECODED_MALFORMED;
        if (be16(h + 6) & 0x1fffu) return NP_DECODED_FRAGMENT;
        q->proto = h[9];
        memcpy(q->local.byte, h + 12, 4);
        memcpy(q->remote.byte, h + 16, 4);
        return take(v, size - 20);
    }
    if ((d = take(v, 40)) != NP_DECODED_OK) return d;
    if (h[0] >> 4 != 6) return NP_DECODED_MALFORMED;
    q->proto = h[6];
    memcpy(q->local.byte, h + 8, 16);
    memcpy(q->remote.byte, h + 24, 16);
    while (is_extension(q->proto)) {
        const uint8_t *x = v->at;
        if ((d = take(v, 8)) != NP_DECODED_OK) return d;
        if (q->proto == EXT_FRAGMENT && (be16(x + 2) & 0xfff8u)) return NP_DECODED_FRAGMENT;
        uint32_t size = q->proto == EXT_FRAGMENT ? 8 : q->proto == EXT_AH ? (x[1] + 2u) * 4 : (x[1] + 1u) * 8;
        if (size > 8 && (d = take(v, size - 8)) != NP_DECODED_OK) return d;
        q->proto = x[0];
    }
    return NP_DECODED_OK;
}

static np_decoded quoted_ports(view v, np_tuple *q)
{
    const uint8_t *h = v.at;
    bool ports = q->proto == NP_TCP || q->proto == NP_UDP;
    np_decoded d = take(&v, ports ? 4 : 8);
    if (d != NP_DECODED_OK) return d;
    if (!ports && h[0] != (q->family == 4 ? ECHO_REQUEST : ECHO6_REQUEST) &&
        h[0] != (q->family == 4 ? ECHO_REPLY : ECHO6_REPLY))
        return NP_DECODED_OTHER;
    q->local_port = be16(ports ? h : h + 4);
    q->remote_port = be16(ports ? h + 2 : h + 4);
    return NP_DECODED_OK;
}

static bool is_transport(uint8_t proto, uint8_t family)
{
    return proto == NP_TCP || proto == NP_UDP || proto == (family == 4 ? NP_ICMP : NP_ICMPV6);
}

/* Behind the eight bytes of an ICMP error's header. */
static np_decoded icmp_error(np_packet *p, view v, np_tuple *quoted)
{
    *quoted = (np_tuple){.family = p->family};
    np_decoded d = quoted_ip(&v, quoted);
    if (d != NP_DECODED_OK) return d;
    if (!is_transport(quoted->proto, quoted->family)) return NP_DECODED_OTHER;
    d = quoted_ports(v, quoted);
    return d == NP_DECODED_OK ? NP_DECODED_ERROR : d;
}

static bool is_error(uint8_t type, uint8_t family)
{
    if (family == 6) return type <= ERROR6_LAST;
    return type == UNREACHABLE || type == SOURCE_QUENCH || type == REDIRECT || type == TIME_EXCEEDED ||
           type == PARAMETER_PROBLEM;
}

static np_decoded icmp(np_packet *p, view v, np_tuple *quoted)
{
    const uint8_t *h = v.at;
    np_decoded d = take(&v, 8);
    if (d != NP_DECODED_OK) return d;
    if (is_error(h[0], p->family)) return icmp_error(p, v, quoted);
    bool request = h[0] == (p->family == 4 ? ECHO_REQUEST : ECHO6_REQUEST);
    if (!request && h[0] != (p->family == 4 ? ECHO_REPLY : ECHO6_REPLY)) return NP_DECODED_OTHER;
    p->sport = p->dport = be16(h + 4);
    p->flags = request;
    p->payload = clamp16(v.wire);
    return NP_DECODED_OK;
}

static np_decoded transport(np_packet *p, view v, bool fragmented, np_tuple *quoted)
{
    if (!is_transport(p->proto, p->family)) return NP_DECODED_OTHER;
    switch (p->proto) {
    case NP_TCP: return tcp(p, v);
    case NP_UDP: return udp(p, v, fragmented);
    default: return icmp(p, v, quoted);
    }
}

/* ---- fragments ---- */

void np_decoder_init(np_decoder *d)
{
    memset(d, 0, sizeof *d);
}

/* IPv4 datagrams are told apart by protocol too (RFC 791 3.2), IPv6 ones are not (RFC 8200 4.5). */
static bool same_datagram(const np_fragment *f, const np_packet *p, uint32_t id)
{
    return f->family == p->family && f->id == id && np_addr_equal(&f->src, &p->src) &&
           np_addr_equal(&f->dst, &p->dst) && (p->family == 6 || f->proto == p->proto);
}

static uint32_t fragment_set(const np_packet *p, uint32_t id)
{
    uint64_t h =
        (p->src.half[0] ^ p->src.half[1] ^ (p->dst.half[0] + p->dst.half[1]) * 3 ^ id) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) & (NP_FRAGMENT_SETS - 1);
}

static np_fragment *find_fragment(np_decoder *d, const np_packet *p, uint32_t id)
{
    np_fragment *set = d->place[fragment_set(p, id)];
    for (uint32_t i = 0; i < NP_FRAGMENT_WAYS; i++)
        if (same_datagram(&set[i], p, id)) return &set[i];
    return NULL;
}

static void remember_first(np_decoder *d, const np_packet *p, uint32_t id, np_time now)
{
    np_fragment *f = find_fragment(d, p, id);
    if (!f) {
        uint32_t set = fragment_set(p, id);
        f = &d->place[set][d->turn[set]++ % NP_FRAGMENT_WAYS];
    }
    *f = (np_fragment){.src = p->src,
                       .dst = p->dst,
                       .id = id,
                       .sport = p->sport,
                       .dport = p->dport,
                       .proto = p->proto,
                       .family = p->family,
                       .flags = p->flags,
                       .seen = now};
}

static np_decoded follow_first(np_decoder *d, np_packet *p, view v, uint32_t id, np_time now)
{
    const np_fragment *f = d ? find_fragment(d, p, id) : NULL;
    if (!f || now - f->seen > NP_FRAGMENT_LIFE) return NP_DECODED_FRAGMENT;
    p->proto = f->proto;
    p->sport = f->sport;
    p->dport = f->dport;
    p->flags = f->proto == NP_TCP ? NP_ACK : f->flags;
    p->payload = clamp16(v.wire);
    return NP_DECODED_OK;
}

/* The IP header is done: p has addresses and protocol, v is behind it. */
static np_decoded behind_ip(np_decoder *d, np_packet *p, view v, piece f, np_time now, np_tuple *quoted)
{
    if (f.later) return follow_first(d, p, v, f.id, now);
    np_decoded result = transport(p, v, f.fragmented, quoted);
    if (result == NP_DECODED_OK && f.fragmented && d) remember_first(d, p, f.id, now);
    return result;
}

/* ---- network ---- */

static np_decoded ipv4(np_decoder *d, np_packet *p, view v, np_time now, np_tuple *quoted)
{
    const uint8_t *h = v.at;
    view whole = v;
    np_decoded result = take(&v, 20);
    if (result != NP_DECODED_OK) return result;
    uint32_t size = (h[0] & 0x0fu) * 4, total = be16(h + 2);
    if (h[0] >> 4 != 4 || size < 20) return NP_DECODED_MALFORMED;
    if (total == 0) total = whole.wire;
    if (total < size) return NP_DECODED_MALFORMED;
    v = whole;
    set_wire(&v, total);
    result = take(&v, size);
    if (result != NP_DECODED_OK) return result;

    p->family = 4;
    p->proto = h[9];
    memcpy(p->src.byte, h + 12, 4);
    memcpy(p->dst.byte, h + 16, 4);
    p->bytes = clamp16(total);
    uint32_t offset = be16(h + 6) & 0x1fffu, more = be16(h + 6) & 0x2000u;
    if (offset > 0 && !is_transport(p->proto, 4)) return NP_DECODED_OTHER;
    return behind_ip(d, p, v, (piece){.fragmented = offset || more, .later = offset > 0, .id = be16(h + 4)},
                     now, quoted);
}

static np_decoded ipv6(np_decoder *d, np_packet *p, view v, np_time now, np_tuple *quoted)
{
    const uint8_t *h = v.at;
    np_decoded result = take(&v, 40);
    if (result != NP_DECODED_OK) return result;
    if (h[0] >> 4 != 6) return NP_DECODED_MALFORMED;
    uint32_t length = be16(h + 4);
    if (length != 0) set_wire(&v, length);
    p->family = 6;
    p->proto = h[6];
    memcpy(p->src.byte, h + 8, 16);
    memcpy(p->dst.byte, h + 24, 16);
    p->bytes = clamp16(40 + v.wire);

    piece f = {0};
    while (is_extension(p->proto) && !f.later) { /* each is at least 8 bytes long, so this ends */
        const uint8_t *x = v.at;
        view from = v;
        result = take(&v, 8);
        if (result != NP_DECODED_OK) return result;
        if (p->proto == EXT_FRAGMENT) {
            uint32_t offset = be16(x + 2) & 0xfff8u, more = x[3] & 1u;
            f = (piece){.fragmented = offset || more, .later = offset > 0, .id = be32(x + 4)};
        } else {
            uint32_t size = p->proto == EXT_AH ? (x[1] + 2u) * 4 : (x[1] + 1u) * 8;
            v = from;
            result = take(&v, size);
            if (result != NP_DECODED_OK) return result;
        }
        p->proto = x[0];
    }
    if (f.later && !is_extension(p->proto) && !is_transport(p->proto, 6)) return NP_DECODED_OTHER;
    return behind_ip(d, p, v, f, now, quoted);
}

/* ---- link ---- */

/* PPP's protocol, which may be compressed to its odd second byte (RFC 1661 6.5). */
static np_decoded ppp_protocol(view *v, uint32_t *type)
{
    const uint8_t *h = v->at;
    np_decoded result = take(v, 1);
    if (result != NP_DECODED_OK) return result;
    uint32_t protocol = h[0];
    if (!(protocol & 1)) {
        result = take(v, 1);
        if (result != NP_DECODED_OK) return result;
        protocol = be16(h);
    }
    if (protocol != PPP_IPV4 && protocol != PPP_IPV6) return NP_DECODED_NOT_IP;
    *type = protocol == PPP_IPV4 ? ETHER_IPV4 : ETHER_IPV6;
    return NP_DECODED_OK;
}

/* RFC 1662 3.1: address and control, ff 03, may be there or not. */
static np_decoded ppp(view *v, uint32_t *type)
{
    view from = *v;
    np_decoded result = take(v, 2);
    if (result != NP_DECODED_OK) return result;
    if (from.at[0] != 0xff || from.at[1] != 0x03) *v = from;
    return ppp_protocol(v, type);
}

/* RFC 2516 4: version and type, code, session, length; then PPP. */
static np_decoded pppoe(view *v, uint32_t *type)
{
    const uint8_t *h = v->at;
    np_decoded result = take(v, 6);
    if (result != NP_DECODED_OK) return result;
    uint32_t length = be16(h + 4);
    if (length < v->wire) set_wire(v, length);
    if (h[0] != 0x11 || h[1] != 0) return NP_DECODED_NOT_IP;
    return ppp_protocol(v, type);
}

/* RFC 3032 2.1: labels of four bytes, the last with its lowest bit of the third byte set. What they carry is
   not said: IP if it looks so (RFC 4928). */
static np_decoded mpls(view *v, uint32_t *type)
{
    for (bool last = false; !last;) {
        const uint8_t *label = v->at;
        np_decoded result = take(v, 4);
        if (result != NP_DECODED_OK) return result;
        last = label[2] & 1;
    }
    if (v->cap < 1) return v->wire < 1 ? NP_DECODED_MALFORMED : NP_DECODED_CUT;
    uint32_t version = v->at[0] >> 4;
    *type = version == 4 ? ETHER_IPV4 : ETHER_IPV6;
    return version == 4 || version == 6 ? NP_DECODED_OK : NP_DECODED_NOT_IP;
}

/* From an EtherType to what it wraps: any number of VLAN tags, then perhaps PPPoE or MPLS. */
static np_decoded unwrap(view *v, uint32_t *type)
{
    while (*type == ETHER_VLAN || *type == ETHER_QINQ || *type == ETHER_QINQ9) {
        const uint8_t *tag = v->at;
        np_decoded result = take(v, 4);
        if (result != NP_DECODED_OK) return result;
        *type = be16(tag + 2);
    }
    if (*type == ETHER_PPPOE) return pppoe(v, type);
    if (*type == ETHER_MPLS || *type == ETHER_MPLS_MULTICAST) return mpls(v, type);
    return *type == ETHER_IPV4 || *type == ETHER_IPV6 ? NP_DECODED_OK : NP_DECODED_NOT_IP;
}

/* BSD loopback: the address family of whoever captured, in its byte order (DLT_NULL) or the network's
   (DLT_LOOP). No family is as large as 65536, so the order shows. AF_INET is 2 everywhere; AF_INET6 is 24,
   28, 30 on the BSDs and macOS (pcap-linktype(7)), 10 on Linux. */
static np_decoded loopback_type(uint32_t family, uint32_t *type)
{
    if (family > UINT16_MAX) family = __builtin_bswap32(family);
    switch (family) {
    case 2: *type = ETHER_IPV4; return NP_DECODED_OK;
    case 10:
    case 24:
    case 28:
    case 30: *type = ETHER_IPV6; return NP_DECODED_OK;
    default: return NP_DECODED_NOT_IP;
    }
}

static np_decoded link_header(int link, view *v, uint32_t *type)
{
    static const struct {
        int link;
        uint8_t size, type_at;
    } framed[] = {{DLT_EN10MB, 14, 12}, {DLT_LINUX_SLL, 16, 14}, {DLT_LINUX_SLL2, 20, 0}, {DLT_C_HDLC, 4, 2}};
    const uint8_t *h = v->at;
    np_decoded result;
    for (unsigned i = 0; i < sizeof framed / sizeof framed[0]; i++) {
        if (framed[i].link != link) continue;
        result = take(v, framed[i].size);
        if (result != NP_DECODED_OK) return result;
        *type = be16(h + framed[i].type_at);
        return unwrap(v, type);
    }
    switch (link) {
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
        if (v->cap < 1) return v->wire < 1 ? NP_DECODED_MALFORMED : NP_DECODED_CUT;
        *type = h[0] >> 4 == 6 ? ETHER_IPV6 : ETHER_IPV4;
        return NP_DECODED_OK;
    case DLT_PPP:
    case DLT_PPP_SERIAL: return ppp(v, type);
    case DLT_PPP_ETHER: return pppoe(v, type);
    case DLT_NULL:
    case DLT_LOOP:
        result = take(v, 4);
        return result == NP_DECODED_OK ? loopback_type(be32(h), type) : result;
    default: return NP_DECODED_NOT_IP;
    }
}

/* `d` NULL: without a memory for fragments. */
static np_decoded decode(np_decoder *d, int link, const uint8_t *data, uint32_t caplen, uint32_t len,
                         np_time now, np_packet *p, np_tuple *quoted)
{
    view v = {.at = data, .cap = caplen, .wire = len < caplen ? caplen : len};
    uint32_t type = 0;
    np_decoded result = link_header(link, &v, &type);
    if (result != NP_DECODED_OK) return result;
    *p = (np_packet){.conn = NP_NO_CONN};
    return type == ETHER_IPV4 ? ipv4(d, p, v, now, quoted) : ipv6(d, p, v, now, quoted);
}

np_decoded np_decode(int link, const uint8_t *data, uint32_t caplen, uint32_t len, np_packet *p)
{
    np_tuple quoted;
    return decode(NULL, link, data, caplen, len, 0, p, &quoted);
}

np_decoded np_decoder_decode(np_decoder *d, int link, const uint8_t *data, uint32_t caplen, uint32_t len,
                             np_time now, np_packet *p, np_tuple *quoted)
{
    return decode(d, link, data, caplen, len, now, p, quoted);
}
