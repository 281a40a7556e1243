/*
 * A capture of made-up traffic, and how it is read: by a bare libpcap loop, by a replay through one box, by
 * the curve of all table sizes. The caller holds the clock.
 */
#ifndef NATPULSE_BENCH_REPLAY_H
#define NATPULSE_BENCH_REPLAY_H

#include "natpulse/error.h"
#include <stdint.h>

typedef struct np_bench_replay np_bench_replay;

/* Writes a capture of `packets` (at least 1) packets, each cut to `snaplen` bytes (0: whole), some 640 bytes
   of each on average. `path` NULL: into a file in $TMPDIR or /tmp, that np_bench_replay_destroy removes; else
   to that path, where it stays. The same packets make the same bytes. NULL and *e when it cannot be written.
 */
np_bench_replay *np_bench_replay_create(const char *path, uint64_t packets, uint32_t snaplen, np_error *e);
void np_bench_replay_destroy(np_bench_replay *b); /* NULL is allowed */

uint64_t np_bench_replay_bytes(const np_bench_replay *b); /* of the file */

/* Reads it once: with libpcap and nothing else; through a box with room for 65536 mappings of which the
   longest idle one goes; as the curve of all sizes, with nine timeouts. Each must meet every packet: else,
   and when the file cannot be read, false and *e. `stop` as np_replay_run. */
bool np_bench_replay_bare(const np_bench_replay *b, np_error *e);
bool np_bench_replay_box(const np_bench_replay *b, const volatile int *stop, np_error *e);
bool np_bench_replay_curve(const np_bench_replay *b, const volatile int *stop, np_error *e);

#endif
