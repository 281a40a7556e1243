/* Talks through the router, drawn from a seed. See plan.h. */
#include "teller.h"
#include <stdlib.h>
#include <string.h>

const char *const timeout_name[TIMEOUTS + 1] = {"tcp_syn_sent",
                                                "tcp_syn_recv",
                                                "tcp_established",
                                                "tcp_fin_wait",
                                                "tcp_close_wait",
                                                "tcp_last_ack",
                                                "tcp_time_wait",
                                                "tcp_close",
                                                "tcp_max_retrans",
                                                "tcp_unacknowledged",
                                                "udp",
                                                "udp_stream",
                                                "icmp",
                                                [T_STREAM_AFTER] = "udp (2 s to a stream)"};

/* ---- chance ---- */

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 */
uint64_t draw(chance *c)
{
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
uint32_t below(chance *c, uint32_t n)
{
    return (uint32_t)((draw(c) >> 32) * n >> 32);
}
int64_t between(chance *c, int64_t low, int64_t high)
{
    return low + (int64_t)(draw(c) % (uint64_t)(high - low + 1));
}
bool percent(chance *c, uint32_t p)
{
    return below(c, 100) < p;
}
uint32_t magnitude(chance *c, uint32_t bits)
{
    return 1 + below(c, 1u << below(c, bits + 1));
}

/* ---- a talk in the making ---- */

#define EDGE_NEAR (15 * MS) /* the injector keeps clear of an edge by less than that */
#define EDGE_FAR  (300 * MS)

/* Puts the timeout that the gap is drawn around into *around, if it is. */
static int64_t draw_gap(teller *t, int8_t *around)
{
    bool hurry = t->hurry;
    t->hurry = false;
    uint32_t kind = below(t->c, 100);
    if (hurry || kind < 66) return between(t->c, 2 * MS, 40 * MS);
    if (kind < 74) return between(t->c, 50 * MS, 900 * MS);
    int first = t->t->proto == TCP ? 0 : t->t->proto == UDP ? T_UDP : T_ICMP;
    int last = t->t->proto == TCP ? T_UNACKNOWLEDGED : t->t->proto == UDP ? T_UDP_STREAM : T_ICMP;
    int which = percent(t->c, 70) ? t->in_force : (int)between(t->c, first, last);
    int64_t edge = t->timeout[which] * SECOND;
    *around = (int8_t)which;
    if (t->t->proto == UDP && percent(t->c, 15)) { /* when a UDP flow becomes a stream */
        edge = 2 * SECOND;
        *around = T_STREAM_AFTER;
    }
    int64_t off = between(t->c, EDGE_NEAR, EDGE_FAR);
    return percent(t->c, 50) ? edge - off : edge + off;
}

step *say(teller *t, int side, const char *what)
{
    int8_t around = -1;
    int64_t gap = t->t->n == 0 ? 0 : draw_gap(t, &around);
    t->in_force = t->hint;
    bool over = t->t->n == STEPS_MOST || (t->length += gap) > t->longest;
    step *s = t->last = over ? &t->spare : &t->t->step[t->t->n++];
    *s = (step){.gap = gap, .what = what, .from_server = side == 1, .around = around, .quotes = -1};
    s->packet = (packet){.proto = t->t->proto, .scale = NO_SCALE};
    return s;
}

void complain(teller *t, int side)
{
    int about = (int)t->t->n - 1;
    while (about >= 0 && (t->t->step[about].from_server == (side == 1) || t->t->step[about].quotes >= 0))
        about--;
    if (about < 0) return;
    step *s = say(t, side, "icmp error");
    s->quotes = (int8_t)about;
    s->packet.proto = ICMP;
    s->packet.type = percent(t->c, 70) ? UNREACHABLE : TIME_EXCEEDED;
    s->packet.code = s->packet.type == UNREACHABLE ? (uint8_t)below(t->c, 4) : 0;
    s->stranger = percent(t->c, 30); /* a router on the way */
}

/* ---- UDP and ICMP ---- */

static void tell_udp(teller *t)
{
    for (uint32_t n = 2 + below(t->c, 12); n > 0; n--) {
        int side = t->t->n == 0 ? percent(t->c, 5) : percent(t->c, 45);
        if (t->t->n && percent(t->c, 6)) {
            complain(t, side);
            continue;
        }
        t->hint = percent(t->c, 50) ? T_UDP : T_UDP_STREAM;
        step *s = say(t, side, side ? "udp in" : "udp out");
        s->packet.length = (uint16_t)below(t->c, 1400);
        s->stranger = side == 1 && percent(t->c, 6);
        if (s->stranger) s->what = "udp stranger";
    }
}

static void tell_icmp(teller *t)
{
    uint16_t seq = 0;
    for (uint32_t n = 1 + below(t->c, 8); n > 0; n--) {
        t->hint = T_ICMP;
        if (t->t->n && percent(t->c, 10)) {
            complain(t, percent(t->c, 50));
            continue;
        }
        step *s = say(t, 0, "echo request");
        s->packet.type = ECHO_REQUEST;
        s->packet.seq = ++seq;
        for (uint32_t answers = percent(t->c, 80) + percent(t->c, 10); answers > 0; answers--) {
            s = say(t, 1, "echo reply");
            s->packet.type = ECHO_REPLY;
            s->packet.seq = seq;
        }
    }
}

/* ---- the whole ---- */

/* Whole seconds, so that all edges lie on one grid: each of TCP's its own, in the order of the defaults or in
 * any. */
static void draw_timeouts(chance *c, uint8_t *timeout)
{
    static const uint8_t usual[T_UDP] = {6, 4, 10, 7, 3, 2, 5, 1, 9, 8};
    memcpy(timeout, usual, sizeof usual);
    if (percent(c, 50))
        for (uint32_t i = T_UDP - 1; i > 0; i--) {
            uint32_t j = below(c, i + 1);
            uint8_t swap = timeout[i];
            timeout[i] = timeout[j];
            timeout[j] = swap;
        }
    timeout[T_UDP] = (uint8_t)between(c, 1, 3);
    timeout[T_UDP_STREAM] = (uint8_t)between(c, timeout[T_UDP] + 1, 6);
    timeout[T_ICMP] = (uint8_t)between(c, 1, 4);
}

static talk *begin(plan *p, const talk *like, int64_t start)
{
    talk *t = &p->talk[p->talks++];
    *t = *like;
    t->start = start;
    t->n = 0;
    return t;
}

static void tell(plan *p, chance *c, talk *t, int64_t longest)
{
    teller who = {.c = c, .t = t, .timeout = p->timeout, .longest = longest};
    if (t->proto == TCP)
        tell_tcp(&who);
    else if (t->proto == UDP)
        tell_udp(&who);
    else
        tell_icmp(&who);
    p->steps += t->n;
}

plan plan_draw(uint64_t seed, uint32_t groups, int64_t spread, int64_t longest)
{
    chance c = {seed};
    plan p = {.groups = groups};
    p.talk = malloc(3u * groups * sizeof *p.talk);
    if (!p.talk) abort();
    draw_timeouts(&c, p.timeout);
    uint32_t low = 0;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t kind = below(&c, 100);
        talk like = {.group = g,
                     .client = CLIENT_FIRST + below(&c, 2),
                     .server = SERVER_FIRST,
                     .sport = (uint16_t)(10000 + g * 11 % 50000),
                     .dport = (uint16_t)(2000 + g),
                     .proto = kind < 78   ? TCP
                              : kind < 92 ? UDP
                                          : ICMP};
        if (like.proto == ICMP) like.sport = like.dport = (uint16_t)(1000 + g);
        bool clash = percent(&c, 12);
        if (clash && like.proto != ICMP && percent(&c, 30)) { /* the lower classes of ports */
            like.sport = (uint16_t)(low % 2 ? 1 + low / 2 % 511 : 600 + low / 2 % 424);
            low++;
        }
        int64_t start = between(&c, 0, spread);
        tell(&p, &c, begin(&p, &like, start), longest);
        if (!clash) continue;
        like.client = like.client == CLIENT_FIRST ? CLIENT_FIRST + 1 : CLIENT_FIRST;
        start += between(&c, 5 * MS, 3 * SECOND);
        tell(&p, &c, begin(&p, &like, start), longest);
        if (like.proto == ICMP || percent(&c, 50)) continue;
        like.dport = (uint16_t)(like.dport + 20000); /* the same client port to another destination */
        start += between(&c, 5 * MS, 3 * SECOND);
        tell(&p, &c, begin(&p, &like, start), longest);
    }
    return p;
}

void plan_free(plan *p)
{
    free(p->talk);
    p->talk = NULL;
}
