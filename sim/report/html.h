/*
 * Text from anywhere into HTML that is well-formed as XML too.
 */
#ifndef NATPULSE_REPORT_HTML_H
#define NATPULSE_REPORT_HTML_H

#include <stdio.h>

/* Writes text so that it is text in an element or in a quoted attribute: & < > " ' as entities; bytes that
   are no UTF-8, and characters that XML does not allow, as U+FFFD; newlines and tabs as they are. */
void np_html_text(FILE *out, const char *text);

/* Writes a printf-style format as it stands, in which each %s is written as np_html_text does. No other
   conversion is known. */
void np_html(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a figure that gnuplot drew as an <svg> that can stand in a page: without prolog, ids, tooltips,
   fonts (the page's apply), and without its marks, which stand once a page (np_html_svg_marks). `label` is
   its text for those who do not see it. */
void np_html_svg(FILE *out, const char *svg, const char *label);

/* The definitions of the marks that figures use. */
void np_html_svg_marks(FILE *out, const char *svg);

#endif
