/*
 * What the kernel tests' programs share: namespaces, packet sockets in them, and the router's conntrack
 * table.
 */
#ifndef KERNEL_NETLAB_H
#define KERNEL_NETLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SECOND 1000000000LL /* ns */

/* Says what went wrong, with errno's words unless it is 0, and ends the program. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

int64_t now_ns(void); /* of the clock that packets are stamped by */

/* The namespace that `lab` made for a role ("client", "router", "server"): this process moves there. Sockets
   stay where they were made. */
void netlab_enter(const char *role, const char *suffix);

/* A packet socket of the current namespace, non-blocking. NETLAB_SEND hears nothing; NETLAB_ARRIVALS hears
   the IPv4 packets that arrive at the interface; NETLAB_ALL those that leave it, too, and tells when. */
typedef enum netlab_hear { NETLAB_SEND, NETLAB_ARRIVALS, NETLAB_ALL } netlab_hear;
int netlab_open(const char *interface, netlab_hear hear);

/* An IPv4 packet that was heard. */
typedef struct netlab_packet {
    const uint8_t *data; /* from the IP header on; until the next call */
    size_t n;            /* 0: it was no IPv4 packet */
    int64_t when;        /* NETLAB_ALL: ns since the epoch */
    bool leaving;
} netlab_packet;

/* The next packet; false when there is none now. */
bool netlab_hear_one(int fd, netlab_packet *p);

/* Sends an IPv4 packet (whose bytes begin at frame + NETLAB_FRONT) from the client's or the server's end
   towards the router; the Ethernet header is written before it. */
#define NETLAB_FRONT 14
void netlab_send(int fd, uint8_t *frame, size_t n, bool from_server);

/* ---- the conntrack table, by ctnetlink ---- */

int conntrack_open(void); /* of the current namespace */

typedef struct conntrack_flow {
    uint32_t src, dst; /* host order, as the first packet of the flow bore them */
    uint16_t sport, dport;
    uint8_t proto; /* ICMP: an echo with the identifier sport */
} conntrack_flow;

/* Asks for a flow. The answer is of no interest: looking buries what is past its deadline. */
void conntrack_look_up(int fd, const conntrack_flow *f);

void conntrack_flush(int fd);

/* ---- files ---- */

FILE *create_file(const char *dir, const char *name);

/* Raw IP packets with nanosecond times. */
FILE *pcap_create(const char *dir, const char *name);
void pcap_write(FILE *f, int64_t when, const uint8_t *data, size_t kept, size_t n);

#endif
