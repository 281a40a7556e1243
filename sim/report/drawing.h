/*
 * One figure being drawn: what it is about, its place on disk, and the parts that draw it.
 */
#ifndef NATPULSE_REPORT_DRAWING_H
#define NATPULSE_REPORT_DRAWING_H

#include "results.h"
#include <limits.h>
#include <stdio.h>

/* Pixels of a figure at its nominal size. Scripts get all of them, and where each panel stands, with the job.
 */
#define NP_WIDTH        900
#define NP_WIDTH_NARROW 520 /* for the screen of a telephone */
#define NP_PANEL_LEFT   110
#define NP_PANEL_RIGHT  30
#define NP_PANEL_HEIGHT 275
#define NP_PANEL_GAP    41  /* between two panels: the tics of the upper one */
#define NP_LETTER       9.4 /* mean width of a letter at the font size of the scripts */
#define NP_LINE         21.0
#define NP_SIDE         14  /* from the left edge to the middle of what names a vertical axis */
#define NP_NAME_SHARE   0.6 /* of a panel's width that a name beside a mark may take */

struct np_picture;

typedef struct np_drawing {
    const np_results *results;
    const struct np_picture *picture;
    uint32_t point, strategy; /* by the scope of the picture; 0 where it has none */
    np_metric metric;         /* what ranking, heat and interval are about */
    int width;                /* NP_WIDTH (0 is taken for it) or NP_WIDTH_NARROW */
    bool bare;                /* without title and background: the page has its own */
    const char *scripts, *directory, *format;
    char work[PATH_MAX]; /* the directory in which gnuplot runs */
    np_error *e;
} np_drawing;

static inline const np_read_point *np_drawing_point(const np_drawing *d)
{
    return &d->results->point[d->point];
}

/* ---- files in the work directory; false or NULL with *d->e on trouble ---- */

bool np_drawing_begin(np_drawing *d); /* makes the work directory, in d->directory */
bool np_drawing_path(const np_drawing *d, const char *name, char *path); /* `path` has room for PATH_MAX */
FILE *np_drawing_create(const np_drawing *d, const char *name);
bool np_drawing_finish(const np_drawing *d, FILE *f);

/* Removes the work directory and all that is in it. */
void np_drawing_remove(const np_drawing *d);

/* 'text' as gnuplot reads it, NAME = 'text', and an element of an array; control characters become blanks. */
void np_drawing_quote(FILE *job, const char *text);
void np_drawing_text(FILE *job, const char *name, const char *text);
void np_drawing_element(FILE *job, const char *array, uint32_t i, const char *text); /* i from 1 */
void np_drawing_tic(FILE *job, const char *array, uint32_t i,
                    const char *text); /* gnuplot takes a tic for a format */

/* The text, or its first letters and … in buf where it has more than `letters`, of which 100 count at most.
 */
#define NP_CUT 512
const char *np_drawing_cut(const char *text, int letters, char buf[NP_CUT]);

/* The same to so many pixels. */
const char *np_drawing_fit(const char *text, double pixels, char buf[NP_CUT]);

/* Pixels that a text takes at the font size of the scripts (glyphs.c). */
double np_text_pixels(const char *text);

/* A name beside a mark of a panel (from 1, from the top), from its left end at (x, y) of that panel's axes.
   For scripts whose job has begun with np_drawing_names; `*n` counts them. (Texts in data would end at a
   quote.) */
void np_drawing_names(FILE *job, uint32_t most);
void np_drawing_name(FILE *job, uint32_t *n, int panel, const char *text, double x, double y);

/* The grey line under a figure: whom it leaves out, and why. */
typedef bool np_left_out(const np_read_strategy *s);
void np_drawing_note(const np_drawing *d, FILE *job, const char *why, np_left_out *out);
void np_drawing_note_without(const np_drawing *d, FILE *job, const char *why,
                             np_metric m); /* those that have no m (in figures of a whole grid: nowhere) */

/* Whether a strategy has a figure at the point that is drawn; in figures of a whole grid: at any. */
bool np_drawing_has(const np_drawing *d, uint32_t strategy, np_metric m);

/* Makes the picture of *d (whose scope has been set): afterwards it is the file "figure". */
bool np_drawing_draw(const np_drawing *d);

/* For figures that are no pictures of results: what a job begins with (format, title, the size of two panels
   with room for a legend of these names, the names as Name[]), what it ends with, and running gnuplot, whose
   figure goes to `target`. */
void np_drawing_frame(const np_drawing *d, FILE *job, const char *title, const char *const *name,
                      uint32_t names, bool legend);
void np_drawing_load(FILE *job, const char *script);
bool np_drawing_place(const np_drawing *d, const char *target);

/* Where the gnuplot scripts are. `found` has room for PATH_MAX. */
bool np_drawing_scripts(char *found, np_error *e);

/* ---- pictures ---- */

typedef struct np_layout {
    int panels, panel; /* how many, one above the other, and how high each is */
    int gap;           /* between them */
    int left, right;   /* margins */
    uint32_t entries;  /* of the legend */
    const char *(*entry)(const np_drawing *d, uint32_t i); /* its names; NULL: they are in */
    const char *const *name;
} np_layout;

typedef enum np_scope {
    NP_SCOPE_STUDY,    /* one for all results */
    NP_SCOPE_STRATEGY, /* one a strategy */
    NP_SCOPE_POINT,    /* one a point */
} np_scope;

typedef struct np_picture {
    const char *name, *title;
    np_scope scope;
    const char *caption;                         /* what to see in it */
    const char *interval;                        /* what shows the intervals: "bars"; NULL: nothing does */
    const char *values;                          /* where a grid's values stand: "after a name" */
    const char *(*why_not)(const np_drawing *d); /* NULL: it can be drawn */
    void (*lay_out)(const np_drawing *d, np_layout *l); /* l holds two panels without a legend; may be NULL */
    bool (*write)(const np_drawing *d, FILE *job); /* its data files, and what its script needs to know */
} np_picture;

extern const np_picture np_pictures[];
extern const size_t np_pictures_count;

/* The strategies of the first point, for a legend. */
const char *np_drawing_strategy(const np_drawing *d, uint32_t i);
void np_drawing_legend(const np_drawing *d, np_layout *l);
int np_drawing_legend_letters(const np_drawing *d); /* that fit into a row of a legend */

const char *np_no_reachability(const np_drawing *d);
bool np_write_reachability(const np_drawing *d, FILE *job);

const char *np_no_interval(const np_drawing *d);
void np_lay_out_interval(const np_drawing *d, np_layout *l);
bool np_write_interval(const np_drawing *d, FILE *job);

const char *np_no_heat(const np_drawing *d);
void np_lay_out_heat(const np_drawing *d, np_layout *l);
bool np_write_heat(const np_drawing *d, FILE *job);

const char *np_no_pareto(const np_drawing *d);
void np_lay_out_pareto(const np_drawing *d, np_layout *l);
bool np_write_pareto(const np_drawing *d, FILE *job);

const char *np_no_causes(const np_drawing *d);
void np_lay_out_causes(const np_drawing *d, np_layout *l);
bool np_write_causes(const np_drawing *d, FILE *job);

const char *np_no_ranking(const np_drawing *d);
void np_lay_out_ranking(const np_drawing *d, np_layout *l);
bool np_write_ranking(const np_drawing *d, FILE *job);

#endif
