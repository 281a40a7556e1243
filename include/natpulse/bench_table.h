/*
 * Packets through a full flow table: the flow of each is drawn from a Zipf distribution, found, and made the
 * youngest. The caller holds the clock.
 */
#ifndef NATPULSE_BENCH_TABLE_H
#define NATPULSE_BENCH_TABLE_H

#include "natpulse/error.h"
#include "natpulse/table.h"

typedef struct np_bench_table np_bench_table;

/* A table of `flows` (1 .. NP_TABLE_MOST) flows, UDP over IPv4, all of one timeout class; and a sequence of
   packets in which the r-th most popular flow has a share in proportion to 1 / r. Which flow is how popular
   has nothing to do with its place in the table. NULL and *e when memory is out. */
np_bench_table *np_bench_table_create(uint32_t flows, np_error *e);
void np_bench_table_destroy(np_bench_table *b);

/* Looks `packets` packets up and refreshes their flows, one after the other or in prefetched batches. Returns
   how many were found: all of them. */
uint64_t np_bench_table_single(np_bench_table *b, uint64_t packets);
uint64_t np_bench_table_batched(np_bench_table *b, uint64_t packets);

/* The bare loop to compare with: the same packets, but the flow's place is known beforehand, so that nothing
   is looked up and no key compared; only refreshed. */
uint64_t np_bench_table_bare(np_bench_table *b, uint64_t packets);

/* Memory the table holds for each of its flows. */
double np_bench_table_bytes_per_entry(const np_bench_table *b);

#endif
