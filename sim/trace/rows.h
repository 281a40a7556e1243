/*
 * The CSV rows of a replay. Built in a buffer without printf, because a row for every packet must not cost
 * more than the replay itself.
 */
#ifndef NATPULSE_TRACE_ROWS_H
#define NATPULSE_TRACE_ROWS_H

#include "fate.h"
#include "flows.h"
#include "natpulse/replay.h"

/* n,time,dir,proto,src,sport,dst,dport,verdict,reason,out_src,out_sport,out_dst,out_dport
   `out`: the packet as it leaves the box; its fields stay empty when it does not. */
void np_rows_verdict_head(FILE *f);
void np_rows_verdict(FILE *f, const np_captured *c, bool outbound, np_handled h, const np_packet *out);

/* proto,src,sport,dst,dport,start,end,packets,bytes,longest_idle,evicted,expired,packets_lost; src is inside.
 */
void np_rows_flow_head(FILE *f);
void np_rows_flow(FILE *f, const np_flow *flow, const np_fate *fate);

#endif
