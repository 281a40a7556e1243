/*
 * Groups of connections that are used alike, and the quantities of each. See natpulse/fit.h.
 */
#ifndef NATPULSE_TRACE_FIT_GROUP_H
#define NATPULSE_TRACE_FIT_GROUP_H

#include "fit_upkeep.h"
#include "natpulse/fit.h"

/* Sorts the capture's connections into out->group and fits what each shows. out->first, last, access and core
   are filled already. False when memory is out. */
bool np_fit_groups(const np_fit_flows *f, const np_fit_pulses *pulses, np_arena *arena, np_fit *out);

#endif
