/*
 * Packets through a whole NAT box: what a tracker costs. Open TCP connections, of which a random one sends
 * data from inside and gets it acknowledged. The caller holds the clock.
 */
#ifndef NATPULSE_BENCH_BOX_H
#define NATPULSE_BENCH_BOX_H

#include "natpulse/box.h"

typedef struct np_bench_box np_bench_box;

/* Boxes to be compared differ in their tracker, but for the last, which is Linux's in all: its tracker, hash
   buckets, early drop, collector and ports. */
typedef enum np_bench_box_kind {
    NP_BENCH_BOX_NONE,
    NP_BENCH_BOX_FLAGS,
    NP_BENCH_BOX_STATES,
    NP_BENCH_BOX_PF,
    NP_BENCH_BOX_LINUX,
    NP_BENCH_BOX_CONNTRACK,
    NP_BENCH_BOX_KINDS,
} np_bench_box_kind;

const char *np_bench_box_name(np_bench_box_kind kind); /* "none", "linux", "conntrack", ... */

/* A box with `flows` (1 .. NP_TABLE_MOST) connections, all open. NULL and *e when memory is out. */
np_bench_box *np_bench_box_create(np_bench_box_kind kind, uint32_t flows, np_error *e);
void np_bench_box_destroy(np_bench_box *b);

/* Sends `packets` packets, in pairs of data and its ACK (an odd one begins a pair that is not ended). Returns
   how many passed by the mapping that was there: all of them. The same packets for every kind. */
uint64_t np_bench_box_packets(np_bench_box *b, uint64_t packets);

/* Memory the box holds for each of its connections. */
double np_bench_box_bytes_per_entry(const np_bench_box *b);

#endif
