/* What TCP ends say, in and out of place. See plan.h. */
#include "teller.h"
#include <stddef.h>

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
    if (percent(t->c, 3)) {
        t->hurry = true; /* at another time it might make a SYN_SENT2 */
        say_tcp(t, 1, "syn from server", SYN, (uint32_t)draw(t->c), 0);
    }
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
    (void)side;
    end *c = &t->end[0], *s = &t->end[1];
    uint32_t fresh = percent(t->c, 60) ? c->next + magnitude(t->c, 30) : (uint32_t)draw(t->c);
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
void tell_tcp(teller *t)
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
