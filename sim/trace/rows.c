/* The CSV rows of a replay. See rows.h. */
#include "rows.h"

#define ROW_MOST                                                                                             \
    512 /* four addresses of 45 characters, five numbers of 20, two times, words: less than 400 */

typedef struct row {
    char text[ROW_MOST];
    size_t n;
} row;

static void put_text(row *r, const char *s)
{
    size_t n = strlen(s);
    memcpy(r->text + r->n, s, n);
    r->n += n;
}

/* At least `width` digits. */
static void put_digits(row *r, uint64_t value, int width)
{
    char digit[20];
    int n = 0;
    do digit[n++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (n < width) digit[n++] = '0';
    while (n > 0) r->text[r->n++] = digit[--n];
}

static void put_char(row *r, char c)
{
    r->text[r->n++] = c;
}

static void put_number(row *r, uint64_t value)
{
    put_digits(r, value, 1);
    put_char(r, ',');
}

/* Seconds with nine decimals; a capture's times and differences are never negative. */
static void put_time(row *r, np_time t)
{
    put_digits(r, (uint64_t)(t / NP_SECOND), 1);
    put_char(r, '.');
    put_digits(r, (uint64_t)(t % NP_SECOND), 9);
    put_char(r, ',');
}

static void put_word(row *r, const char *s)
{
    put_text(r, s);
    put_char(r, ',');
}

static void put_address(row *r, const np_addr *a, int family)
{
    if (family == 4) {
        for (int i = 0; i < 4; i++) {
            put_digits(r, a->byte[i], 1);
            put_char(r, i < 3 ? '.' : ',');
        }
    } else {
        char text[46];
        put_word(r, np_addr_format(text, sizeof text, a, family));
    }
}

static void end_row(row *r, FILE *f)
{
    r->text[r->n - 1] = '\n'; /* over the last comma */
    fwrite(r->text, 1, r->n, f);
}

static const char *proto_name(uint8_t proto)
{
    switch (proto) {
    case NP_TCP: return "tcp";
    case NP_UDP: return "udp";
    case NP_ICMP: return "icmp";
    default: return "icmpv6";
    }
}

static void put_ends(row *r, const np_packet *p)
{
    put_address(r, &p->src, p->family);
    put_number(r, p->sport);
    put_address(r, &p->dst, p->family);
    put_number(r, p->dport);
}

void np_rows_verdict_head(FILE *f)
{
    fputs("n,time,dir,proto,src,sport,dst,dport,verdict,reason,out_src,out_sport,out_dst,out_dport\n", f);
}

void np_rows_verdict(FILE *f, const np_captured *c, bool outbound, np_handled h, const np_packet *out)
{
    row r = {.n = 0};
    put_number(&r, c->n);
    put_time(&r, c->time);
    put_word(&r, outbound ? "out" : "in");
    put_word(&r, proto_name(c->packet.proto));
    put_ends(&r, &c->packet);
    put_word(&r, np_verdict_name(h.verdict));
    put_word(&r, np_reason_name(h.reason));
    if (h.verdict == NP_FORWARD)
        put_ends(&r, out);
    else
        put_text(&r, ",,,,");
    end_row(&r, f);
}

void np_rows_flow_head(FILE *f)
{
    fputs("proto,src,sport,dst,dport,start,end,packets,bytes,longest_idle,evicted,expired,packets_lost\n", f);
}

void np_rows_flow(FILE *f, const np_flow *flow, const np_fate *fate)
{
    row r = {.n = 0};
    const np_tuple *t = &flow->inside;
    put_word(&r, proto_name(t->proto));
    put_address(&r, &t->local, t->family);
    put_number(&r, t->local_port);
    put_address(&r, &t->remote, t->family);
    put_number(&r, t->remote_port);
    put_time(&r, flow->start);
    put_time(&r, flow->last);
    put_number(&r, flow->packets);
    put_number(&r, flow->bytes);
    put_time(&r, flow->longest_idle);
    put_number(&r, fate->evicted);
    put_number(&r, fate->expired);
    put_number(&r, fate->packets_lost);
    end_row(&r, f);
}
