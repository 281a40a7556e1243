/* How talks are told: chance, and a talk in the making. What the parts of the plan share. */
#ifndef KERNEL_TELLER_H
#define KERNEL_TELLER_H

#include "plan.h"

typedef struct chance {
    uint64_t state;
} chance;

uint64_t draw(chance *c);
uint32_t below(chance *c, uint32_t n);                 /* 0 .. n - 1 */
int64_t between(chance *c, int64_t low, int64_t high); /* both inclusive */
bool percent(chance *c, uint32_t p);
uint32_t magnitude(chance *c, uint32_t bits); /* 1 .. 2^bits, each order of magnitude as likely as another */

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
    int hint;          /* the timeout that the packet said next will put in force */
    int in_force;      /* that of the packet said last: the gap behind it is drawn around that, mostly */
    bool hurry;        /* no long gap next */
    bool closing;      /* a FIN or RST was sent */
    step *last, spare; /* the step last said; the spare one when the talk is long enough */
} teller;

/* Adds a step. When the talk is long enough it goes into the spare one, and is not sent. */
step *say(teller *t, int side, const char *what);

/* An ICMP error about the last packet of the other side. */
void complain(teller *t, int side);

/* A whole TCP talk (plan_tcp.c). */
void tell_tcp(teller *t);

#endif
