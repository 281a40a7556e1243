/* Talks through the router, drawn from a seed. See plan.h. */
#include "plan.h"
#include <stdlib.h>
#include <string.h>

const char *const timeout_name[TIMEOUTS] = {"tcp_syn_sent",
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
                                            "icmp"};

/* ---- chance ---- */

typedef struct chance {
    uint64_t state;
} chance;

static uint64_t
draw(chance *c) /* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" */
{
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static uint32_t below(chance *c, uint32_t n)
{
    return (uint32_t)((draw(c) >> 32) * n >> 32);
}
static int64_t between(chance *c, int64_t low, int64_t high)
{
    return low + (int64_t)(draw(c) % (uint64_t)(high - low + 1));
}
static bool percent(chance *c, uint32_t p)
{
    return below(c, 100) < p;
}
/* 1 .. 2^bits, each order of magnitude as likely as the other */
static uint32_t magnitude(chance *c, uint32_t bits)
{
    return 1 + below(c, 1u << below(c, bits + 1));
}

/* ---- a talk in the making ---- */

typedef struct end {
    uint32_t next;         /* the next sequence number it will use */
    uint32_t heard;        /* the highest ACK the other end sent it */
    uint16_t window, last; /* last: payload of its last data */
    uint8_t scale;
    bool sack_ok;
} end;

typedef struct teller {
    chance *c;
    talk *t;
    const uint8_t *timeout;
    end end[2]; /* client, server */
    int64_t length, longest;
    int hint;          /* the timeout the next gap is drawn around, mostly */
    bool hurry;        /* no long gap next */
    bool closing;      /* a FIN or RST was sent */
    step *last, spare; /* the step last said; the spare one when the talk is long enough */
} teller;

#define EDGE_NEAR (15 * MS) /* the injector keeps clear of an edge by less than that */
#define EDGE_FAR  (300 * MS)

static int64_t draw_gap(teller *t)
{
    bool hurry = t->hurry;
    t->hurry = false;
    uint32_t kind = below(t->c, 100);
    if (hurry || kind < 66) return between(t->c, 2 * MS, 40 * MS);
    if (kind < 74) return between(t->c, 50 * MS, 900 * MS);
    int first = t->t->proto == TCP ? 0 : t->t->proto == UDP ? T_UDP : T_ICMP;
    int last = t->t->proto == TCP ? T_UNACKNOWLEDGED : t->t->proto == UDP ? T_UDP_STREAM : T_ICMP;
    int which = percent(t->c, 70) ? t->hint : (int)between(t->c, first, last);
    int64_t edge = t->timeout[which] * SECOND;
    if (t->t->proto == UDP && percent(t->c, 15)) edge = 2 * SECOND; /* when a UDP flow becomes a stream */
    int64_t off = between(t->c, EDGE_NEAR, EDGE_FAR);
    return percent(t->c, 50) ? edge - off : edge + off;
}

/* Adds a step. When the talk is long enough it goes into the spare one, and is not sent. */
static step *say(teller *t, int side, const char *what)
{
    int64_t gap = t->t->n == 0 ? 0 : draw_gap(t);
    bool over = t->t->n == STEPS_MOST || (t->length += gap) > t->longest;
    step *s = t->last = over ? &t->spare : &t->t->step[t->t->n++];
    *s = (step){.gap = gap, .what = what, .from_server = side == 1, .quotes = -1};
    s->packet = (packet){.proto = t->t->proto, .scale = NO_SCALE};
    return s;
}

static void say_tcp(teller *t, int side, const char *what, int flags, uint32_t seq, uint32_t length)
{
    end *me = &t->end[side], *other = &t->end[!side];
    step *s = say(t, side, what);
    s->packet.flags = (uint8_t)flags;
    s->packet.seq = seq;
    s->packet.ack = flags & ACK ? other->next : 0;
    s->packet.window = me->window;
    s->packet.length = (uint16_t)length;
    if (flags & SYN) {
        s->packet.scale = me->scale;
        s->packet.sack_ok = me->sack_ok;
    }
    if (flags & ACK) other->heard = other->next;
}

/* The packet last said, to be spoilt in some way. */
static packet *spoil(teller *t)
{
    return &t->last->packet;
}

static uint32_t draw_length(chance *c)
{
    return percent(c, 50) ? 1 + below(c, 100) : 1 + below(c, 1400);
}

static end draw_end(chance *c)
{
    static const uint16_t window[] = {65535, 64240, 29200, 8192, 1000, 100};
    return (end){.next = (uint32_t)draw(c),
                 .window = window[below(c, sizeof window / sizeof *window)],
                 .scale = percent(c, 70) ? (uint8_t)below(c, 15) : NO_SCALE,
                 .sack_ok = percent(c, 70)};
}

/* ---- what TCP ends may do ---- */

static void acknowledge(teller *t, int side)
{
    say_tcp(t, side, "ack", ACK, t->end[side].next, 0);
}

static void shake_hands(teller *t)
{
    end *c = &t->end[0], *s = &t->end[1];
    t->closing = false;
    t->hint = T_SYN_SENT;
    say_tcp(t, 0, "syn", SYN, c->next, 0);
    while (percent(t->c, 12)) say_tcp(t, 0, "syn again", SYN, c->next, 0);
    c->next++;
    if (percent(t->c, 6)) { /* refused */
        t->hint = T_CLOSE;
        say_tcp(t, 1, "refusal", RST | ACK, 0, 0);
        t->closing = true;
        return;
    }
    if (percent(t->c, 4)) { /* both open */
        t->hurry = true;    /* SYN_SENT2 has no sysctl and lasts 120 s */
        say_tcp(t, 1, "syn from server", SYN, s->next, 0);
        s->next++;
        t->hurry = true;
        say_tcp(t, 0, "syn-ack of both", SYN | ACK, c->next - 1, 0);
        if (percent(t->c, 50)) say_tcp(t, 1, "syn-ack of both", SYN | ACK, s->next - 1, 0);
        if (percent(t->c, 70)) acknowledge(t, 0);
        return;
    }
    t->hint = T_SYN_RECV;
    say_tcp(t, 1, "syn-ack", SYN | ACK, s->next, 0);
    while (percent(t->c, 8)) say_tcp(t, 1, "syn-ack again", SYN | ACK, s->next, 0);
    s->next++;
    if (percent(t->c, 5)) return;
    t->hint = T_ESTABLISHED;
    acknowledge(t, 0);
}

static void send_data(teller *t, int side)
{
    end *e = &t->end[side];
    e->last = (uint16_t)draw_length(t->c);
    t->hint = T_UNACKNOWLEDGED;
    say_tcp(t, side, "data", ACK | PSH, e->next, e->last);
    e->next += e->last;
    if (percent(t->c, 30)) return;
    t->hint = T_ESTABLISHED;
    acknowledge(t, !side);
    if (percent(t->c, 15) && e->last > 1) spoil(t)->ack -= 1 + below(t->c, e->last - 1u); /* only of a part */
}

static void retransmit(teller *t, int side)
{
    end *e = &t->end[side];
    say_tcp(t, side, "retransmission", ACK | PSH, e->next - e->last, e->last);
}

static void repeat_ack(teller *t, int side)
{
    for (uint32_t n = 1 + below(t->c, 6); n > 0; n--) {
        t->hurry = n > 1;
        t->hint = T_MAX_RETRANS;
        say_tcp(t, side, "repeated ack", ACK, t->end[side].next, 0);
    }
}

static void probe(teller *t, int side)
{
    t->hint = T_ESTABLISHED;
    say_tcp(t, side, "keepalive", ACK, t->end[side].next - 1, percent(t->c, 20));
    if (percent(t->c, 80)) say_tcp(t, !side, "keepalive answer", ACK, t->end[!side].next, 0);
}

static void shut_window(teller *t, int side)
{
    end *e = &t->end[side];
    uint16_t window = e->window;
    e->window = 0;
    t->hint = T_MAX_RETRANS;
    say_tcp(t, side, "zero window", ACK, e->next, 0);
    e->window = window;
    if (percent(t->c, 50)) acknowledge(t, side);
}

static void leave_hole(teller *t, int side)
{
    end *e = &t->end[side];
    uint32_t length = draw_length(t->c), hole = 1 + below(t->c, 3000), from = e->next + hole;
    say_tcp(t, side, "ahead of a hole", ACK | PSH, from, length);
    if (percent(t->c, 80)) {
        say_tcp(t, !side, "sack", ACK, t->end[!side].next, 0);
        spoil(t)->sack[0] = from;
        spoil(t)->sack[1] = from + length;
    }
    if (percent(t->c, 60)) {
        say_tcp(t, side, "fills the hole", ACK, e->next, hole < 1400 ? hole : 1400);
        e->next = from + length;
        acknowledge(t, !side);
    }
}

static void press_window(teller *t, int side)
{
    end *e = &t->end[side], *other = &t->end[!side];
    bool scaled = e->scale != NO_SCALE && other->scale != NO_SCALE;
    uint32_t right = e->heard + ((uint32_t)other->window << (scaled ? other->scale : 0));
    int32_t off = (int32_t)magnitude(t->c, 17);
    uint32_t seq = percent(t->c, 20)   ? right
                   : percent(t->c, 50) ? right + (uint32_t)off
                                       : right - (uint32_t)off;
    say_tcp(t, side, "at the window's edge", ACK, seq, percent(t->c, 50) ? draw_length(t->c) : 0);
}

static void stray(teller *t, int side)
{
    uint32_t next = t->end[side].next;
    switch (below(t->c, 4)) {
    case 0:
        say_tcp(t, side, "far ahead", ACK | PSH, next + (1u << 20) + below(t->c, 1u << 30),
                draw_length(t->c));
        break;
    case 1: say_tcp(t, side, "old", ACK | PSH, next - magnitude(t->c, 20), below(t->c, 100)); break;
    case 2:
        say_tcp(t, side, "acks unseen data", ACK, next, percent(t->c, 30) ? draw_length(t->c) : 0);
        spoil(t)->ack += magnitude(t->c, 24);
        break;
    default:
        say_tcp(t, side, "old ack", ACK, next, percent(t->c, 30) ? draw_length(t->c) : 0);
        spoil(t)->ack -= percent(t->c, 50) ? 65000 + below(t->c, 2500) : magnitude(t->c, 22);
    }
}

static void finish(teller *t, int side)
{
    end *e = &t->end[side];
    bool again = t->closing;
    t->hint = again ? T_LAST_ACK : T_FIN_WAIT;
    say_tcp(t, side, "fin", FIN | ACK | (percent(t->c, 20) ? PSH : 0), e->next,
            percent(t->c, 20) ? draw_length(t->c) : 0);
    e->next += spoil(t)->length + 1u;
    t->closing = true;
    while (percent(t->c, 10)) say_tcp(t, side, "fin again", FIN | ACK, e->next - 1, 0);
    if (percent(t->c, 25)) return;
    t->hint = again ? T_TIME_WAIT : T_CLOSE_WAIT;
    acknowledge(t, !side);
}

static void finish_both(teller *t, int side)
{
    finish(t, side);
    finish(t, !side);
}

static void reset(teller *t, int side)
{
    end *e = &t->end[side];
    int flags = percent(t->c, 50) ? RST : RST | ACK;
    t->hint = T_CLOSE;
    switch (below(t->c, 6)) {
    case 0: say_tcp(t, side, "rst inexact", flags, e->next + magnitude(t->c, 14), 0); break;
    case 1: say_tcp(t, side, "rst below", flags, e->next - magnitude(t->c, 17), 0); break;
    case 2: say_tcp(t, side, "rst far", flags, e->next + (1u << 20) + below(t->c, 1u << 30), 0); break;
    default: say_tcp(t, side, "rst exact", flags, e->next, 0); t->closing = true;
    }
    if (percent(t->c, 10)) spoil(t)->ack = 0;
}

/* A client that forgot and begins anew; the server may challenge it, or begin anew too. */
static void open_again(teller *t, int side)
{
    end *c = &t->end[0], *s = &t->end[1];
    uint32_t fresh = percent(t->c, 60) ? c->next + magnitude(t->c, 30) : (uint32_t)draw(t->c);
    if (side == 1) {
        say_tcp(t, 1, "syn from server", SYN, (uint32_t)draw(t->c), 0);
        return;
    }
    say_tcp(t, 0, "syn on live flow", SYN, fresh, 0);
    switch (below(t->c, 4)) {
    case 0: break;
    case 1: /* RFC 5961 */
        say_tcp(t, 1, "challenge ack", ACK, s->next, 0);
        t->hint = T_CLOSE;
        if (percent(t->c, 70)) say_tcp(t, 0, "rst exact", RST, c->next, 0), t->closing = true;
        break;
    case 2:
        c->next = fresh + 1;
        say_tcp(t, 1, "challenge rst", RST | ACK, percent(t->c, 50) ? 0 : s->next, 0);
        t->closing = true;
        break;
    default:
        c->next = fresh + 1;
        if (percent(t->c, 60)) s->next = (uint32_t)draw(t->c);
        t->hint = T_SYN_RECV;
        say_tcp(t, 1, "syn-ack", SYN | ACK, s->next++, 0);
        acknowledge(t, 0);
        t->closing = false;
    }
}

static void shake_again(teller *t, int side)
{
    (void)side;
    end *c = &t->end[0], *s = &t->end[1];
    c->next = percent(t->c, 60) ? c->next + magnitude(t->c, 28) : (uint32_t)draw(t->c);
    s->next = (uint32_t)draw(t->c);
    shake_hands(t);
}

static void unasked_synack(teller *t, int side)
{
    say_tcp(t, side, "unasked syn-ack", SYN | ACK,
            percent(t->c, 50) ? t->end[side].next - 1 : (uint32_t)draw(t->c), 0);
}

static void odd_flags(teller *t, int side)
{
    static const uint8_t odd[] = {0,
                                  FIN,
                                  PSH,
                                  SYN | FIN,
                                  SYN | RST,
                                  FIN | RST,
                                  SYN | URG,
                                  ACK | URG,
                                  URG | PSH,
                                  FIN | ACK | URG,
                                  FIN | SYN | ACK,
                                  RST | PSH,
                                  SYN | PSH,
                                  RST | ACK | PSH};
    say_tcp(t, side, "odd flags", odd[below(t->c, sizeof odd)], t->end[side].next, 0);
}

static void stranger_speaks(teller *t, int side)
{
    (void)side;
    static const uint8_t flag[] = {ACK, SYN, RST, SYN | ACK, FIN | ACK, ACK | PSH};
    say_tcp(t, 1, "stranger", flag[below(t->c, sizeof flag)], (uint32_t)draw(t->c), 0);
    t->last->stranger = true;
}

/* An ICMP error about the last packet of the other side. */
static void complain(teller *t, int side)
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

typedef struct action {
    void (*act)(teller *, int side);
    uint8_t open, closing; /* weights */
} action;

static const action tcp_action[] = {
    {send_data, 30, 8},      {acknowledge, 8, 12}, {retransmit, 8, 6},     {repeat_ack, 6, 3},
    {probe, 10, 3},          {shut_window, 4, 1},  {leave_hole, 5, 1},     {press_window, 6, 2},
    {stray, 10, 4},          {finish, 6, 16},      {finish_both, 5, 0},    {reset, 7, 7},
    {open_again, 4, 6},      {shake_again, 2, 20}, {unasked_synack, 2, 2}, {odd_flags, 2, 2},
    {stranger_speaks, 2, 1}, {complain, 3, 3},
};
#define TCP_ACTIONS (sizeof tcp_action / sizeof *tcp_action)

static void act(teller *t)
{
    uint32_t all = 0;
    for (size_t i = 0; i < TCP_ACTIONS; i++) all += t->closing ? tcp_action[i].closing : tcp_action[i].open;
    uint32_t pick = below(t->c, all), i = 0;
    for (;; i++) {
        uint32_t weight = t->closing ? tcp_action[i].closing : tcp_action[i].open;
        if (pick < weight) break;
        pick -= weight;
    }
    tcp_action[i].act(t, percent(t->c, 50));
}

/* How a TCP talk begins: mostly at its beginning, often in the middle, sometimes on the wrong foot. */
static void tell_tcp(teller *t)
{
    t->end[0] = draw_end(t->c);
    t->end[1] = draw_end(t->c);
    uint32_t way = below(t->c, 100);
    if (way < 68) {
        shake_hands(t);
    } else if (way < 84) {
        t->hint = T_UNACKNOWLEDGED;
        say_tcp(t, 0, "mid-stream", ACK | (percent(t->c, 60) ? PSH : 0), t->end[0].next, 0);
        if (percent(t->c, 60)) spoil(t)->length = (uint16_t)draw_length(t->c);
        t->end[0].next += spoil(t)->length;
        if (percent(t->c, 70)) acknowledge(t, 1);
    } else if (way < 91) {
        say_tcp(t, 1, "server first", ACK | PSH, t->end[1].next, draw_length(t->c));
        t->end[1].next += spoil(t)->length;
        if (percent(t->c, 70)) acknowledge(t, 0);
    } else {
        static const uint8_t flag[] = {FIN | ACK, RST, RST | ACK, SYN | ACK};
        say_tcp(t, 0, "wrong start", flag[below(t->c, sizeof flag)], t->end[0].next, 0);
    }
    for (uint32_t n = 2 + below(t->c, 12); n > 0 && t->length < t->longest && t->t->n < STEPS_MOST - 8; n--)
        act(t);
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
