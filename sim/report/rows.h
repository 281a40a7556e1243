/*
 * Figures whose rows are strategies: how a strategy at a point is called, and what room its name takes.
 */
#ifndef NATPULSE_REPORT_ROWS_H
#define NATPULSE_REPORT_ROWS_H

#include "drawing.h"

/* "heartbeat 30 s", over a grid with the values of the point: "heartbeat, 640, 30s"; cut to `letters`. NULL
   when memory is out. */
const char *np_row_name(const np_results *r, uint32_t point, uint32_t strategy, int letters);

/* Pixels for the names of rows, and how many letters go into them. */
int np_row_margin(const np_drawing *d, int *letters);

#endif
