/*
 * The parts of `nat` that have files of their own.
 */
#ifndef NATPULSE_SCHEMA_NAT_H
#define NATPULSE_SCHEMA_NAT_H

#include "schema.h"

/* schema_nat_times.c */
extern const np_section np_section_timeouts, np_section_adaptive;
void np_expiry_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_expiry_write(np_writer *w, const np_field *f, const void *base);

/* schema_nat_ports.c */
extern const np_section np_section_ports;

#define NP_MAPPINGS_MOST (1 << 26) /* np_nat_config.capacity */

#endif
