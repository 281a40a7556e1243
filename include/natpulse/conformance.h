/*
 * Which profiles keep which rules, for people and programs.
 */
#ifndef NATPULSE_CONFORMANCE_H
#define NATPULSE_CONFORMANCE_H

#include "natpulse/conform.h"
#include "natpulse/report.h"

typedef struct np_conformance {
    const np_rules *rules;
    const char *const *profile;
    uint32_t profiles;
    const np_script_outcome *outcome; /* [profiles][rules->n] */
    uint64_t seed;
} np_conformance;

/* Writes it as a table (a block for each folder of rules), Markdown (a row for each profile, with what it
   does not meet), CSV (profile, folder, rule, ...) or JSON. Leaves the checking of `out` to the caller. False
   and *e when memory is out, or the format is another. */
bool np_conformance_write(const np_conformance *c, np_format f, FILE *out, np_error *e);

/* What stands behind the first dash of a rule's name, which its folder has told: "5" of "4787-5". */
const char *np_rule_code(const np_rule *r);

#endif
