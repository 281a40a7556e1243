/*
 * Results for people and programs: tables, JSON, CSV, figures.
 */
#ifndef NATPULSE_REPORT_H
#define NATPULSE_REPORT_H

#include "natpulse/advise.h"
#include "natpulse/study.h"
#include <stdio.h>

typedef enum np_format {
    NP_FORMAT_TABLE,
    NP_FORMAT_JSON,
    NP_FORMAT_JSONL,
    NP_FORMAT_CSV,
    NP_FORMAT_MARKDOWN
} np_format;

/* By name ("table", "json", "jsonl", "csv", "md"), or by a file name's extension (".json", ".csv", ".md",
   ".txt"). False when it is none. */
bool np_format_named(const char *name, np_format *out);
bool np_format_of_file(const char *path, np_format *out);

typedef struct np_style {
    bool colour;
    int width; /* of the terminal; 0: unlimited */
} np_style;

/* Writes a study. False and *e when writing fails. */
bool np_report_study(const np_study *s, np_format f, np_style style, FILE *out, np_error *e);

/* Writes advice, which has no JSON lines. False and *e when writing fails. */
bool np_report_advice(const np_advice *a, np_format f, np_style style, FILE *out, np_error *e);

/* JSON lines while a study runs: a line about it, one for each run (np_study_options.each), and at the end
   one with its precision, expectations and warnings. Each flushes; false and *e when writing fails. */
bool np_report_lines_begin(const np_scenario *s, FILE *out, np_error *e);
bool np_report_line(const np_finished *f, FILE *out, np_error *e);
bool np_report_lines_end(const np_study *s, FILE *out, np_error *e);

/* What to draw, and where. */
typedef struct np_plot_options {
    const char *directory; /* made when absent */
    const char *format;    /* "svg", "png" or "pdf" */
    np_metric metric; /* what the ranking, the heat maps and the interval figure are about: reachable_fraction
                         is 0 */
    bool one_point;   /* of the figures of single points, those of `point` only; */
    uint32_t point;
    bool every_point; /* or all: without either none are drawn where there are more than a few points */
    /* Hears of every file (may be NULL): `why_not` is NULL when it has been drawn, else the reason that these
       results cannot give it. */
    void (*each)(void *ctx, const char *path, const char *why_not);
    void *ctx;
} np_plot_options;

/* Draws the figures of a result file (.json or .csv as written above, .db of a sweep) with gnuplot: across
   the whole grid interval, heat, pareto, ranking and causes, as far as the results give them; reachability,
   detection and occupancy of a point. A name has the number of the strategy or point it is of when there are
   several
   ("detection-3.svg"). False and *e on trouble; a figure is there whole or not. */
bool np_plot(const char *results, const np_plot_options *o, np_error *e);

typedef struct np_page_options {
    double target;    /* the reachability that the answer asks for: above 0, below 1 */
    np_metric metric; /* as of np_plot_options */
    bool no_figures;  /* needs no gnuplot then */
} np_page_options;

/* Writes a page about a result file: HTML that stands alone, figures and all, and depends on the file's
   content only. False and *e on trouble; what has been written is then worth nothing. */
bool np_report_page(const char *results, const np_page_options *o, FILE *out, np_error *e);

#endif
