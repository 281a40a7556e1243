/*
 * One simulation: clients -> access link -> NAT box(es) -> core link -> servers, for one strategy and one
 * replica. Everything is in the configuration; nothing is read from anywhere else.
 */
#ifndef NATPULSE_WORLD_H
#define NATPULSE_WORLD_H

#include "natpulse/beat.h"
#include "natpulse/box.h"
#include "natpulse/link.h"
#include "natpulse/metrics.h"
#include "natpulse/radio.h"
#include "natpulse/tcp.h"
#include "natpulse/work.h"

typedef enum np_connection { NP_CONNECTION_PERSISTENT, NP_CONNECTION_PER_REQUEST, NP_CONNECTION_POOL } np_connection;

/* A distribution that says nothing, a constant 0, means "never" below. */

/* When something happens: at the times listed (rising, not owned), and again and again, `every` apart. */
typedef struct np_moments {
    np_dist every; /* ns; the first one such time after the start */
    const np_time *at;
    uint32_t listed;
} np_moments;

/* How clients come and go. Draws are keyed by (client, purpose, index), so that all strategies meet the same
   churn at the same instants. While a client is away or asleep it wants no connection. */
typedef struct np_churn {
    np_dist session; /* so long after it came a client closes everything cleanly, */
    np_dist away;    /* and comes again after so long; never: not again */
    np_dist vanish;  /* every so long it goes without a word: no FIN, no answer to anything, */
    np_dist back;    /* and comes again after so long, remembering nothing; never: not again */
    np_dist sleep;   /* every so long it stops, its network with it: its connections stay as they are, */
    np_dist nap;     /* for so long; timers that ran out go off when it wakes */
    np_dist roam;    /* every so long its address changes. TCP connections stay with the old one, to which
                        nothing goes any more; UDP goes on from the new one */
} np_churn;

/* Clients of one kind behind the box. */
typedef struct np_group {
    const char *name;
    uint32_t count;
    np_work_config work;
    uint8_t transport;         /* NP_TCP or NP_UDP */
    np_connection connection;  /* of groups that are not measured; strategies decide for those that are */
    np_radio_config radio;     /* of each client; .name NULL: energy is not counted */
    bool measure;              /* strategies apply to it and figures are about it */
    np_dist arrival;           /* when each client's session begins, ns from the start (uniform over 60 s by default) */
    np_churn churn;
} np_group;

/* TLS over TCP. 1.2 takes two round trips before the first message, 1.3 one (RFC 5246 7.3, RFC 8446 2). */
typedef enum np_tls { NP_TLS_NONE, NP_TLS_1_2, NP_TLS_1_3 } np_tls;

/* Whose socket has keepalive. */
typedef enum np_sockets { NP_SOCKETS_CLIENT, NP_SOCKETS_SERVER, NP_SOCKETS_BOTH } np_sockets;

/* One way of keeping connections: a column of the comparison. */
typedef struct np_strategy {
    const char *name;
    np_connection connection;
    np_time poll;              /* PER_REQUEST with a from_server workload: how often the client asks */
    uint32_t pool;             /* POOL: connections a client */
    uint32_t parallel;         /* PER_REQUEST: at most so many at once that a client waits for; 0: any number */
    np_keepalive keepalive;
    np_sockets keepalive_at;
    np_time user_timeout;      /* TCP_USER_TIMEOUT at both ends; 0: none */
    np_beat_config beat;
    np_tls tls;
    uint64_t groups;           /* bit i: applies to group i; 0: to every measured one */
} np_strategy;

/* Reconnecting after the k-th failure in a row: a ceiling of least * 2^(k - 1), at most `most`, of which the
   wait is all, a uniform share, or a uniform share of the upper half. */
typedef enum np_jitter { NP_JITTER_FULL, NP_JITTER_NONE, NP_JITTER_EQUAL } np_jitter;

typedef struct np_reconnect {
    np_time least, most;
    np_jitter jitter;
} np_reconnect;

/* Servers that stop and forget all connections. Listed times are for all of them at once, `every` for each by
   itself. */
typedef struct np_downtime {
    np_moments when;
    np_dist down; /* how long, ns */
} np_downtime;

/* A box that loses its table, and may come back with other public addresses. */
typedef struct np_nat_restart {
    np_moments when;
    bool new_address;
} np_nat_restart;

typedef struct np_world_config {
    np_time duration, warmup;
    uint64_t seed;
    np_nat_config nat[4];
    np_nat_restart nat_restart[4];
    uint32_t nats;             /* boxes in the chain, the first nearest to the clients; 1 .. 4 */
    np_link_config access_up, access_down, core_up, core_down;
    uint32_t servers;          /* 1 .. 65535 */
    uint32_t server_connections; /* at each server; more are refused with an RST. 0: unlimited */
    uint32_t server_memory;      /* bytes a connection */
    np_downtime crash;           /* the machine: silent while down, then answers with RSTs what it does not know */
    np_downtime restart;         /* the program: its connections are reset at once, new ones while it is down */
    np_tcp_config tcp;         /* keepalive and user_timeout in it are overridden by the strategy */
    np_reconnect reconnect;
    np_group *group;
    uint32_t groups;           /* at most 64 */
} np_world_config;

/* What others may listen to. All may be NULL. */
typedef enum np_place { NP_PLACE_INSIDE, NP_PLACE_OUTSIDE } np_place; /* of the first box */

typedef enum np_notice_kind {
    NP_NOTICE_OPENED,   /* a measured connection is open at both ends */
    NP_NOTICE_BREAK,    /* cause is set */
    NP_NOTICE_HEALED,
    NP_NOTICE_CLIENT_KNEW,
    NP_NOTICE_SERVER_KNEW,
    NP_NOTICE_FALSE_CLOSE,
    NP_NOTICE_EVICTED,  /* any flow's mapping */
    NP_NOTICE_EXPIRED,
} np_notice_kind;

typedef struct np_notice {
    np_time when;
    np_notice_kind kind;
    const char *cause;  /* "evicted", "keepalive", "rst", ... or NULL */
    uint32_t client, conn;
} np_notice;

typedef struct np_listener {
    void (*packet)(void *ctx, np_time when, np_place where, bool outbound, const np_packet *p);
    void (*notice)(void *ctx, const np_notice *n);
    void *ctx;
} np_listener;

/* Runs to the end. `stop` (may be NULL) is looked at now and then: non-zero abandons the run. NULL and *e when
   abandoned or memory is out. The caller destroys the result. */
np_result *np_world_run(const np_world_config *c, const np_strategy *s, uint32_t replica, const np_listener *listener,
                        const volatile int *stop, np_error *e);

/* Bytes of memory one idle simulated TCP connection with a heartbeat costs: both ends, a timer at each, its
   place in the servers' hash, its client and that one's session. What only some simulations have is not in
   it: links that remember (jitter, rate, bursts, outages), radios, churn, heartbeats that learn. Nor is the
   mapping in the box, which has its own figure. */
size_t np_world_connection_bytes(void);

#endif
