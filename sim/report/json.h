/*
 * Parts of JSON documents that several writers have in common. All return a new reference, NULL when memory
 * is out.
 */
#ifndef NATPULSE_REPORT_JSON_H
#define NATPULSE_REPORT_JSON_H

#include "natpulse/study.h"
#include <jansson.h>
#include <stdio.h>

json_t *np_json_number(double x);               /* null when it is not finite */
json_t *np_json_text(const char *s);            /* of text that is no UTF-8 the ASCII */
json_t *np_json_whole(uint64_t n);              /* a string above 2^63 - 1 */
json_t *np_json_interval(const np_estimate *e); /* [low, high], or null */
json_t *np_json_metrics(const np_column *c);    /* every figure by its key, distributions too */

/* Prints a document so that people can find things in it, with a newline at its end. */
void np_json_print(const json_t *v, FILE *out);

#endif
