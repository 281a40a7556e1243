/*
 * What became of a flow in one box. Stands in the flow's record, behind what the capture shows of it.
 */
#ifndef NATPULSE_TRACE_FATE_H
#define NATPULSE_TRACE_FATE_H

#include "natpulse/time.h"

/* How the flow stands with the box. */
enum {
    NP_FATE_UNMAPPED, /* it never had a mapping, or begins anew with a SYN */
    NP_FATE_MAPPED,
    NP_FATE_LOST,   /* its mapping was evicted or expired */
    NP_FATE_CLOSED, /* the mapping was taken away because the flow had ended */
};

/* Of np_fate.marks. */
enum {
    NP_FATE_EVICTED =
        0x01, /* the mapping was taken while the flow was open; not counted until a packet comes */
    NP_FATE_EXPIRED = 0x02, /* it timed out while the flow was open; likewise */
    NP_FATE_BROKEN = 0x04,  /* the loss is counted, and no packet has passed since */
};

typedef struct np_fate {
    np_time lost_last,
        lost_age; /* of the loss that waits to be counted: the mapping's last use, and how old it was */
    uint32_t packets_lost;     /* as np_replay_summary.packets_hurt */
    uint32_t evicted, expired; /* losses counted */
    uint16_t saved_by; /* when there are any: a bit each interval that would have spared all of them */
    uint8_t state, marks;
} np_fate;

_Static_assert(sizeof(np_fate) <= 32, "with np_flow it fits two cache lines");

#endif
