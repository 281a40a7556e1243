/*
 * One figure being drawn: its place on disk, and the parts that draw it.
 */
#ifndef NATPULSE_REPORT_DRAWING_H
#define NATPULSE_REPORT_DRAWING_H

#include "results.h"
#include <limits.h>
#include <stdio.h>

/* Pixels of a figure at its nominal size, and of the two panels of the reachability figure; the scripts set
   their margins from np_left and the like, which are written into the job from here. */
#define NP_WIDTH        900
#define NP_HEIGHT       770
#define NP_PANEL_LEFT   110
#define NP_PANEL_RIGHT  30
#define NP_PANEL_HEIGHT 275
#define NP_PANEL_LOW    117 /* foot of the lower panel */
#define NP_PANEL_HIGH   433 /* foot of the upper panel */
#define NP_LETTER       9.4 /* mean width of a letter at the font size of the scripts */
#define NP_LINE         21.0

typedef struct np_drawing {
    const np_results *results;
    const np_read_point *point;
    const char *scripts, *directory, *format;
    char work[PATH_MAX]; /* the directory in which gnuplot runs */
    np_error *e;
} np_drawing;

/* ---- files in the work directory; false or NULL with *d->e on trouble ---- */

bool np_drawing_path(const np_drawing *d, const char *name, char *path); /* `path` has room for PATH_MAX */
FILE *np_drawing_create(const np_drawing *d, const char *name);
bool np_drawing_finish(const np_drawing *d, FILE *f);

/* Removes the work directory and all that is in it. */
void np_drawing_remove(const np_drawing *d);

/* 'text' as gnuplot reads it, and NAME = 'text'. */
void np_drawing_quote(FILE *job, const char *text);
void np_drawing_text(FILE *job, const char *name, const char *text);

/* What every job begins with: format, title, the size with room for a legend of these names, and the names as
   Name[]. */
void np_drawing_frame(const np_drawing *d, FILE *job, const char *title, const char *const *name,
                      uint32_t names, bool legend);

/* Loads style and script NAME, and closes the figure: what every job ends with. */
void np_drawing_load(FILE *job, const char *name);

/* Where the scripts are: beside the program (in its source tree, or installed), then where it was to be
   installed, then here. `found` has room for PATH_MAX. */
bool np_drawing_scripts(char *found, np_error *e);

/* Makes a work directory in `directory`, which must be there. np_drawing_remove removes it. */
bool np_drawing_begin(np_drawing *d);

/* Runs gnuplot and moves the figure to `target`. */
bool np_drawing_place(const np_drawing *d, const char *target);

/* The grey line under a figure: whom it leaves out, and why. */
typedef bool np_left_out(const np_read_strategy *s);
void np_drawing_note(const np_drawing *d, FILE *job, const char *why, np_left_out *out);

/* Runs gnuplot over the file "job"; it must have made a file "figure". */
bool np_drawing_gnuplot(const np_drawing *d);

/* ---- pictures ---- */

typedef struct np_picture {
    const char *name, *title, *why_not;
    bool legend; /* else the points have labels */
    bool (*possible)(const np_read_point *p);
    bool (*write)(const np_drawing *d, FILE *job); /* its data files, and what its script needs to know */
} np_picture;

extern const np_picture np_pictures[];
extern const size_t np_pictures_count;

bool np_write_reachability(const np_drawing *d, FILE *job);

#endif
