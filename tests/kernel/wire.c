/* IPv4 packets from fields to bytes and back. See wire.h. */
#include "wire.h"
#include <string.h>

static void put16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}
static void put32(uint8_t *at, uint32_t v)
{
    put16(at, v >> 16);
    put16(at + 2, v);
}
static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}
static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071 */
static uint32_t add_up(uint32_t sum, const uint8_t *at, size_t n)
{
    for (; n > 1; at += 2, n -= 2) sum += get16(at);
    return n ? sum + ((uint32_t)at[0] << 8) : sum;
}
static uint16_t checksum(uint32_t sum)
{
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static size_t tcp_options(const packet *p, uint8_t *at)
{
    size_t n = 0;
    if (p->flags & SYN) {
        put32(at, 0x020405b4); /* MSS 1460 */
        n = 4;
        if (p->sack_ok) put32(at + n, 0x01010402), n += 4;
        if (p->scale != NO_SCALE) put32(at + n, 0x01030300u | p->scale), n += 4;
    }
    if (p->sack[0] != p->sack[1]) {
        put32(at + n, 0x0101050a);
        put32(at + n + 4, p->sack[0]);
        put32(at + n + 8, p->sack[1]);
        n += 12;
    }
    return n;
}

static size_t build_tcp(const packet *p, uint8_t *at)
{
    size_t header = 20 + tcp_options(p, at + 20);
    put16(at, p->sport);
    put16(at + 2, p->dport);
    put32(at + 4, p->seq);
    put32(at + 8, p->ack);
    put16(at + 12, (uint32_t)(header / 4 << 12) | p->flags);
    put16(at + 14, p->window);
    return header;
}

static size_t build_icmp(const packet *p, uint8_t *at)
{
    at[0] = p->type;
    at[1] = p->code;
    if (p->quoted) {
        memcpy(at + 8, p->quote, p->quoted);
        return 8u + p->quoted;
    }
    put16(at + 4, p->sport);
    put16(at + 6, p->seq);
    return 8;
}

size_t wire_build(const packet *p, uint8_t *out)
{
    memset(out, 0, WIRE_MOST);
    uint8_t *at = out + 20;
    size_t header = 8, sum_at = 2;
    uint32_t pseudo = 0;
    if (p->proto == TCP)
        header = build_tcp(p, at), sum_at = 16;
    else if (p->proto == ICMP)
        header = build_icmp(p, at);
    size_t length = header + p->length;
    if (p->proto == UDP) {
        put16(at, p->sport);
        put16(at + 2, p->dport);
        put16(at + 4, (uint32_t)length);
        sum_at = 6;
    }
    out[0] = 0x45;
    put16(out + 2, (uint32_t)(20 + length));
    put16(out + 4, p->id);
    out[8] = WIRE_TTL;
    out[9] = p->proto;
    put32(out + 12, p->src);
    put32(out + 16, p->dst);
    put16(out + 10, checksum(add_up(0, out, 20)));
    if (p->proto != ICMP) pseudo = add_up(p->proto + (uint32_t)length, out + 12, 8);
    put16(at + sum_at, checksum(add_up(pseudo, at, length)));
    return 20 + length;
}

bool wire_parse(packet *p, const uint8_t *in, size_t n)
{
    if (n < 28 || in[0] != 0x45) return false;
    const uint8_t *at = in + 20;
    *p = (packet){.src = get32(in + 12),
                  .dst = get32(in + 16),
                  .id = get16(in + 4),
                  .proto = in[9],
                  .ttl = in[8],
                  .scale = NO_SCALE};
    if (p->proto == ICMP) {
        p->type = at[0];
        p->code = at[1];
        if (p->type == ECHO_REPLY || p->type == ECHO_REQUEST) {
            p->sport = p->dport = get16(at + 4);
            p->seq = get16(at + 6);
        } else {
            p->quoted = (uint8_t)(n - 28 < QUOTE_MOST ? n - 28 : QUOTE_MOST);
            memcpy(p->quote, at + 8, p->quoted);
        }
        return true;
    }
    if (p->proto != TCP && p->proto != UDP) return false;
    p->sport = get16(at);
    p->dport = get16(at + 2);
    if (p->proto == UDP) return true;
    if (n < 40) return false;
    p->seq = get32(at + 4);
    p->ack = get32(at + 8);
    p->flags = at[13];
    p->window = get16(at + 14);
    p->length = (uint16_t)(get16(in + 2) - 20 - (at[12] >> 4) * 4);
    return true;
}
