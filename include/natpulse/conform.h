/*
 * Rules (packet scripts that state what a NAT does or should do), and which profiles keep them.
 */
#ifndef NATPULSE_CONFORM_H
#define NATPULSE_CONFORM_H

#include "natpulse/scenario.h"
#include "natpulse/script.h"

typedef struct np_rule {
    const char *name;  /* of its file, without the ending: "4787-5" */
    const char *group; /* of its folder: "rfc4787" */
    const char *path;
    np_script *script;
    const np_script_head *head; /* the script's */
} np_rule;

typedef struct np_rules {
    np_rule *rule; /* by group and name, numbers in them by value */
    uint32_t n;
    struct np_arena *arena;
} np_rules;

/* Reads all rules: NAME.rule in `dir` and in the folders in it. dir NULL: in the first place that has any of
   $NATPULSE_RULES (several, with colons), ./tests/conformance, beside the program, the installed place. False
   when there are none, or mistakes in them (all are in *findings). */
bool np_rules_load(const char *dir, np_rules *out, np_findings *findings, np_error *e);
void np_rules_clear(np_rules *r);

/* Asks a box of that profile (a name, or a path) with these overrides, and with what the rule itself sets.
   `each`, when not NULL, hears of every line of the script. False when the profile has mistakes (they are in
   *findings) or the box cannot be made. */
bool np_rule_ask(const np_rule *rule, const char *profile, const np_override *set, uint32_t sets,
                 uint64_t seed, void (*each)(void *ctx, const np_script_done *d), void *ctx,
                 np_script_outcome *out, np_findings *findings, np_error *e);

#endif
