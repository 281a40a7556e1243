/*
 * Which figures these results give.
 */
#ifndef NATPULSE_REPORT_GALLERY_H
#define NATPULSE_REPORT_GALLERY_H

#include "drawing.h"

/* Figures of single points are drawn unasked for so many points. */
#define NP_POINTS_FEW 4

typedef struct np_gallery {
    bool one_point, every_point; /* asked for */
    bool no_point, only_points;  /* without figures of single points; none but those */
    uint32_t point;              /* which one */
} np_gallery;

/* Whether figures of a single point are among them. */
bool np_gallery_has_point(const np_gallery *g, const np_results *r, uint32_t point);

/* Sets *d to each figure in turn and calls `visit`: `why_not` NULL when it can be drawn. Figures that this
   kind of results never has are passed over. Ends with false when `visit` returns false. */
bool np_gallery_walk(const np_gallery *g, np_drawing *d,
                     bool (*visit)(void *ctx, np_drawing *d, const char *why_not), void *ctx);

/* "detection-3": the name of the figure *d is set to. `buf` of 64. */
char *np_gallery_name(const np_drawing *d, char *buf);

#endif
