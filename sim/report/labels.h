/*
 * Names beside the points of a figure, so that none covers another.
 */
#ifndef NATPULSE_REPORT_LABELS_H
#define NATPULSE_REPORT_LABELS_H

#include <stdbool.h>
#include <stdint.h>

/* All in pixels of one panel, (0, 0) at its lower left corner. */
typedef struct np_label {
    double x, y;       /* the point */
    double low, high;  /* the ends of its bar: labels keep off it */
    double width;      /* of the text */
    double at_x, at_y; /* out: the left end of the text, in the middle of its height */
    bool far;          /* out: not right beside its point; a line should lead there */
} np_label;

/* Places the first n labels in a panel of width by height; the text is `line` high. The others, up to `all`,
   are points and bars without a name, which the names keep off. Greedy, in the order given: each takes the
   nearest of the places around its point where it covers least. n * all * places, n is a handful. */
void np_labels_place(np_label *label, uint32_t n, uint32_t all, double width, double height, double line);

/* Where a line from the point to its far label ends: at the nearer side of the text. */
void np_label_end(const np_label *l, double line, double *x, double *y);

#endif
