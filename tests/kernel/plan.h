/*
 * What is said through the router: talks between one client and one server, drawn from a seed.
 *
 * A talk is a sequence of packets that a real connection, a broken one or a stranger might send: handshakes,
 * data, repeats, keepalives, windows, FINs and resets in and out of place. The gap before each is mostly a
 * round trip, and often just under or over one of the router's timeouts.
 *
 * Talks whose mappings can get in each other's way share a group; groups share no tuple.
 */
#ifndef KERNEL_PLAN_H
#define KERNEL_PLAN_H

#include "netlab.h"
#include "wire.h"

#define MS 1000000LL

/* The router's timeouts in whole seconds, 1 .. TIMEOUT_MOST; TCP's first, and under the names of nat.timeouts
 */
enum timeout {
    T_SYN_SENT,
    T_SYN_RECV,
    T_ESTABLISHED,
    T_FIN_WAIT,
    T_CLOSE_WAIT,
    T_LAST_ACK,
    T_TIME_WAIT,
    T_CLOSE,
    T_MAX_RETRANS,
    T_UNACKNOWLEDGED,
    T_UDP,
    T_UDP_STREAM,
    T_ICMP,
    TIMEOUTS,
    T_STREAM_AFTER = TIMEOUTS /* not one, but an edge too: the 2 s after which UDP is a stream */
};
extern const char *const timeout_name[TIMEOUTS + 1];
#define TIMEOUT_MOST 10

#define STEPS_MOST    40
#define CLIENT_FIRST  0x0a4d0102u /* 10.77.1.2 */
#define CLIENT_ROUTER 0x0a4dfe01u /* 10.77.254.1: one on the way to clients, who complains too */
#define SERVER_FIRST  0xc0000202u /* 192.0.2.2 */
#define ROUTER_OUT    0xc0000201u /* 192.0.2.1 */

typedef struct step {
    int64_t gap;      /* after the step before, ns */
    const char *what; /* the class it is counted under */
    packet packet;    /* without addresses and ports */
    bool from_server;
    bool stranger; /* from another server than the one talked to */
    int8_t around; /* the timeout that the gap was drawn around; -1: none */
    int8_t quotes; /* an ICMP error about this step; -1: it is none */
} step;

typedef struct talk {
    uint32_t group, client, server;
    uint16_t sport, dport;
    uint8_t proto;
    uint8_t n;
    int64_t start; /* ns */
    step step[STEPS_MOST];
} talk;

typedef struct plan {
    talk *talk;
    uint32_t talks, groups, steps;
    uint8_t timeout[TIMEOUTS];
} plan;

/* The same for the same seed everywhere. `groups` talks or pairs of talks begin within `spread`, and none
   lasts much longer than `longest` (ns). Its own memory: plan_free. */
plan plan_draw(uint64_t seed, uint32_t groups, int64_t spread, int64_t longest);
void plan_free(plan *p);

#endif
