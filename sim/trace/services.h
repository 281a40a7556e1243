/*
 * The flows of a replay by protocol and port.
 */
#ifndef NATPULSE_TRACE_SERVICES_H
#define NATPULSE_TRACE_SERVICES_H

#include "flows.h"
#include "natpulse/replay.h"

/* Fills in .service, .services and .services_all of *s. `fate`: where in a flow record's own part the np_fate
   to be counted stands. False when memory is out. */
bool np_services_sum(const np_flows *flows, size_t fate, np_replay_summary *s);

#endif
