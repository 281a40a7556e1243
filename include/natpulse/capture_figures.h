/*
 * Figures of what was found in captures, drawn by gnuplot into one file.
 */
#ifndef NATPULSE_CAPTURE_FIGURES_H
#define NATPULSE_CAPTURE_FIGURES_H

#include "natpulse/curve.h"

/* The format of a figure by the extension of its name: "svg", "png", "pdf". NULL, with *e (NP_TROUBLE_USAGE),
   when it is none of them. */
const char *np_figure_format(const char *path, np_error *e);

/* Hurt flows against table size, a line a timeout, a sample's with its interval. `title`: what was read.
 *False and e on trouble; the figure is there whole or not. */
bool np_figure_curve(const np_curve *c, const char *title, const char *path, np_error *e);

/* Mappings held and mappings lost over time, a line a box. */
bool np_figure_replay(const np_replay_summary *s, const np_nat_config *nat, const char *const *name,
                      uint32_t boxes, const char *title, const char *path, np_error *e);

#endif
