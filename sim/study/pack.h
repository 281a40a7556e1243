/*
 * A run's result as bytes, to be sent.
 */
#ifndef NATPULSE_STUDY_PACK_H
#define NATPULSE_STUDY_PACK_H

#include "natpulse/metrics.h"

/* The same on every machine. The caller frees the bytes; NULL when memory is out. */
uint8_t *np_result_pack(const np_result *r, size_t *size);

/* NULL when the bytes are no packed result, or memory is out. */
np_result *np_result_unpack(const uint8_t *bytes, size_t size);

#endif
