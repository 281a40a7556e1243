/*
 * What differs between two scenarios, in words.
 */
#ifndef NATPULSE_STUDY_DIFFERENCE_H
#define NATPULSE_STUDY_DIFFERENCE_H

#include <stdbool.h>

#define NP_DIFFERENCE 500

/* Compares two texts of np_scenario_canon, `before` from anywhere. False when they are the same; else `what`
   (NP_DIFFERENCE bytes) names the first difference: "nat.capacity was 320 and is 512". */
bool np_difference(const char *before, const char *now, char *what);

#endif
