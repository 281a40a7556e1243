/*
 * The parts of the page.
 */
#ifndef NATPULSE_REPORT_PAGE_H
#define NATPULSE_REPORT_PAGE_H

#include "drawing.h"
#include "natpulse/report.h"

/* The stylesheet, without its <style> element. */
extern const char np_page_style[];

/* Tables of all strategies at all points, their differences from the first, and what the columns mean. */
void np_page_tables(const np_results *r, FILE *out);

/* The figures; `d` says how they are drawn. False and *d->e on trouble. */
bool np_page_figures(np_drawing *d, FILE *out);

/* The page of results that have been read. False and *e on trouble with figures, or when memory is out. */
bool np_page_write(const np_results *r, const np_page_options *o, FILE *out, np_error *e);

#endif
