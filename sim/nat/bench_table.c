/*
 * Packets through a full flow table. What is drawn at random is drawn beforehand: a long ring of flow
 * numbers, read in sequence. The five-tuple is made from the number as it is needed, for a table that had to
 * read its keys from another large array would be measured with that array's cache misses.
 */
#include "natpulse/bench_table.h"
#include "natpulse/random.h"
#include <stdlib.h>

#define RING  (1u << 22) /* packets before the sequence repeats; a power of two */
#define BATCH 32         /* packets whose memory is fetched together */
#define CLASS 0

enum { PURPOSE_PACKET = NP_PURPOSE(3, 0x9000), PURPOSE_PLACE = NP_PURPOSE(3, 0x9001) };

struct np_bench_table {
    np_table *table;
    uint32_t *ring;
    uint32_t at;
    np_time now;
};

/* 64 flows to an inside host, each to one of 4096 servers. Written in place, each field once: a structure put
   together elsewhere and copied would be measured with the wait of wide loads for narrow stores. */
static inline void set_tuple(np_tuple *k, uint32_t flow)
{
    k->local.word[0] = np_addr_ipv4(0x0a000000u + (flow >> 6)).word[0];
    k->local.word[1] = 0;
    k->local.half[1] = 0;
    k->remote.word[0] = np_addr_ipv4(0xc6120000u + (flow * 0x9e3779b1u >> 20)).word[0];
    k->remote.word[1] = 0;
    k->remote.half[1] = 0;
    k->local_port = (uint16_t)(32768 + (flow & 63));
    k->remote_port = 443;
    k->proto = NP_UDP;
    k->family = 4;
}

/* Every flow its own external address and port, 32768 ports an address. */
static void insert(np_table *t, uint32_t flow)
{
    np_tuple inside;
    set_tuple(&inside, flow);
    const np_addr external = np_addr_ipv4(0xcb007100u + (flow >> 15));
    np_table_insert(t, &inside, &external, (uint16_t)(32768 + (flow & 32767)), CLASS, 0);
}

/* Fills the ring: a rank by inversion of the distribution's running sum, then the flow that has the rank. */
static bool draw_packets(np_bench_table *b, uint32_t flows)
{
    double *sum = malloc(flows * sizeof *sum);
    uint32_t *flow_of_rank = malloc(flows * sizeof *flow_of_rank);
    if (sum && flow_of_rank) {
        const np_key key = np_key_make(1, 0);
        np_stream place = np_stream_make(key, 0, PURPOSE_PLACE);
        np_stream packet = np_stream_make(key, 0, PURPOSE_PACKET);
        double all = 0;
        for (uint32_t r = 0; r < flows; r++) {
            sum[r] = all += 1.0 / (r + 1.0);
            uint32_t j = np_below(np_stream_next(&place), r + 1);
            flow_of_rank[r] = flow_of_rank[j];
            flow_of_rank[j] = r;
        }
        for (uint32_t i = 0; i < RING; i++) {
            double u = np_unit(np_stream_next(&packet)) * all;
            uint32_t low = 0, high = flows - 1; /* the first rank whose sum is at least u */
            while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                if (sum[middle] < u)
                    low = middle + 1;
                else
                    high = middle;
            }
            b->ring[i] = flow_of_rank[low];
        }
    }
    bool ok = sum && flow_of_rank;
    free(sum);
    free(flow_of_rank);
    return ok;
}

np_bench_table *np_bench_table_create(uint32_t flows, np_error *e)
{
    np_bench_table *b = calloc(1, sizeof *b);
    if (b) {
        b->table = np_table_create(flows);
        b->ring = malloc(RING * sizeof *b->ring);
    }
    if (!b || !b->table || !b->ring || !draw_packets(b, flows)) {
        np_bench_table_destroy(b);
        np_fail_memory(e, "the flow table to be measured");
        return NULL;
    }
    for (uint32_t i = 0; i < flows; i++) insert(b->table, i);
    return b;
}

void np_bench_table_destroy(np_bench_table *b)
{
    if (!b) return;
    np_table_destroy(b->table);
    free(b->ring);
    free(b);
}

uint64_t np_bench_table_single(np_bench_table *b, uint64_t packets)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < packets; i++) {
        np_tuple inside;
        set_tuple(&inside, b->ring[b->at++ % RING]);
        uint32_t entry = np_table_find_inside(b->table, &inside);
        if (entry == NP_ENTRY_NONE) continue;
        np_table_touch(b->table, entry, CLASS, ++b->now);
        found++;
    }
    return found;
}

uint64_t np_bench_table_batched(np_bench_table *b, uint64_t packets)
{
    uint64_t found = 0, hash[BATCH];
    uint32_t likely[BATCH];
    np_tuple inside[BATCH];
    for (uint64_t left = packets; left;) {
        uint32_t n = left < BATCH ? (uint32_t)left : BATCH;
        for (uint32_t i = 0; i < n; i++) {
            set_tuple(&inside[i], b->ring[b->at++ % RING]);
            hash[i] = np_table_prefetch_inside(b->table, &inside[i]);
        }
        for (uint32_t i = 0; i < n; i++) likely[i] = np_table_prefetch_entry(b->table, hash[i]);
        for (uint32_t i = 0; i < n; i++) np_table_prefetch_neighbours(b->table, likely[i]);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t entry = np_table_find_inside_hashed(b->table, &inside[i], hash[i]);
            if (entry == NP_ENTRY_NONE) continue;
            np_table_touch(b->table, entry, CLASS, ++b->now);
            found++;
        }
        left -= n;
    }
    return found;
}

uint64_t np_bench_table_bare(np_bench_table *b, uint64_t packets)
{
    /* flows were inserted in order, into an empty table */
    for (uint64_t i = 0; i < packets; i++) np_table_touch(b->table, b->ring[b->at++ % RING], CLASS, ++b->now);
    return packets;
}

double np_bench_table_bytes_per_entry(const np_bench_table *b)
{
    return (double)np_table_bytes(b->table) / np_table_capacity(b->table);
}
