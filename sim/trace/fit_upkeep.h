/*
 * Heartbeats in a capture: small segments of one size that come in one direction of a connection with nearly
 * constant gaps, and what answers them.
 */
#ifndef NATPULSE_TRACE_FIT_UPKEEP_H
#define NATPULSE_TRACE_FIT_UPKEEP_H

#include "fit_flows.h"

/* One kind of heartbeat. */
typedef struct np_fit_pulse {
    uint8_t proto, way;
    uint16_t port;          /* of the server */
    uint32_t bytes, answer; /* answer 0: none */
    double every;           /* ns, mean over the connections in which it was found */
    uint32_t talks;         /* those */
} np_fit_pulse;

#define NP_FIT_PULSES 16 /* kinds in a capture: those beyond stay ordinary messages */

typedef struct np_fit_pulses {
    np_fit_pulse pulse[NP_FIT_PULSES];
    uint32_t n;
} np_fit_pulses;

/* Finds them, and marks their pieces as beats and answers. False when memory is out. */
bool np_fit_find_pulses(np_fit_flows *f, np_fit_pulses *out);

#endif
