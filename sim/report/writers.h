/*
 * The writers of a study, one a format. Each leaves the checking of `out` to np_report_study, and returns
 * false only when memory is out.
 */
#ifndef NATPULSE_REPORT_WRITERS_H
#define NATPULSE_REPORT_WRITERS_H

#include "natpulse/report.h"

bool np_write_table(const np_study *s, np_style style, FILE *out);
bool np_write_markdown(const np_study *s, FILE *out);
bool np_write_csv(const np_study *s, FILE *out);
bool np_write_json(const np_study *s, FILE *out);
bool np_write_jsonl(const np_study *s, FILE *out);

/* Text that is not ours, as far as it may go into each format: without what would move a terminal's cursor,
   with bars escaped, as a field of CSV, within a comment line. */
void np_put_plain(const char *s, FILE *out);
void np_put_markdown(const char *s, FILE *out);
void np_put_field(const char *s, FILE *out);
void np_put_comment(const char *s, FILE *out);

/* JSON lines as they come: equal to np_write_jsonl when `f` comes in its order. */
bool np_write_jsonl_begin(const np_scenario *s, const char *version, FILE *out);
bool np_write_jsonl_run(const np_finished *f, FILE *out);
bool np_write_jsonl_end(const np_study *s, FILE *out);

#endif
