/*
 * Readers and writers of the parts of a scenario that are more than a table, for the top table. All have a
 * np_scenario at base.
 */
#ifndef NATPULSE_SCHEMA_TOP_H
#define NATPULSE_SCHEMA_TOP_H

#include "schema.h"

void np_access_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_access_write(np_writer *w, const np_field *f, const void *base);
void np_core_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_core_write(np_writer *w, const np_field *f, const void *base);
void np_clients_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_clients_write(np_writer *w, const np_field *f, const void *base);
void np_strategies_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_strategies_write(np_writer *w, const np_field *f, const void *base);
void np_precision_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_precision_write(np_writer *w, const np_field *f, const void *base);
void np_expect_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_expect_write(np_writer *w, const np_field *f, const void *base);
void np_vary_read(np_loading *l, const np_field *f, const np_node *n, void *base);
void np_vary_write(np_writer *w, const np_field *f, const void *base);

#endif
