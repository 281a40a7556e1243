/*
 * Tables at work: a map of the tree becomes a struct, and whatever is wrong becomes a finding.
 *
 * Nothing here stops at a mistake: the field keeps its default and reading goes on, so that one run reports
 * all there is to report. Cost: keys times fields of a section.
 */
#include "distribution.h"
#include "schema.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const np_node *np_node_at(const np_node *n, const char *key)
{
    const np_node *child = n->kind == NP_NODE_MAP ? np_node_get(n, key) : NULL;
    return child ? child : n;
}

bool np_node_expect(np_loading *l, const np_node *n, np_node_kind kind, const char *name,
                    const char *expected)
{
    if (n->kind == kind) return true;
    if (n->kind == NP_NODE_BROKEN) return false;
    if (n->kind == NP_NODE_TEXT && n->text[0] == '\0')
        np_report_node(l->report, n, "%s: expected %s, found nothing", name, expected);
    else
        np_report_node(l->report, n, "%s: expected %s, found %s", name, expected, np_node_what(n));
    return false;
}

/* ---- values ---- */

#define MOST_PORTION 10.0 /* of a capacity */

static void store_whole(const np_field *f, void *at, uint64_t value)
{
    switch (f->size) {
    case 1: *(uint8_t *)at = (uint8_t)value; break;
    case 2: *(uint16_t *)at = (uint16_t)value; break;
    case 4: *(uint32_t *)at = (uint32_t)value; break;
    default: *(uint64_t *)at = value; break;
    }
}

/* Whether the value is one the field may have; else a finding. */
static bool in_range(np_loading *l, const np_field *f, const np_node *n, double value)
{
    char quoted[NP_QUOTED], low[NP_MEASURE_TEXT], high[NP_MEASURE_TEXT];
    bool small = value<f->least, large = f->most> 0 && value > f->most;

    if (!small && !large) return true;
    np_quote(quoted, sizeof quoted, n->text);
    np_measure_format(low, sizeof low, f->unit, f->least);
    np_measure_format(high, sizeof high, f->unit, f->most);
    if (f->most > 0)
        np_report_node(l->report, n, "%s: %s is too %s; expected %s to %s", f->key, quoted,
                       small ? "small" : "large", low, high);
    else
        np_report_node(l->report, n, "%s: %s is too small; expected %s or more", f->key, quoted, low);
    return false;
}

static bool is_zero_word(const np_field *f, const np_node *n)
{
    return f->zero && strcmp(n->text, f->zero) == 0;
}

static void complain_quantity(np_loading *l, const np_field *f, const np_node *n)
{
    char quoted[NP_QUOTED];
    np_report_node(l->report, n, "%s: %s is not %s%s%s", f->key, np_quote(quoted, sizeof quoted, n->text),
                   np_measure_expected(f->unit), f->zero ? " or " : "", f->zero ? f->zero : "");
}

/* A run of digits goes through no double: a seed has 64 bits. */
static bool parse_whole(np_measure unit, const char *text, uint64_t *out)
{
    if (unit == NP_UNIT_TIME) {
        np_time t;
        if (!np_time_parse(text, &t)) return false;
        *out = (uint64_t)t;
        return true;
    }
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && text[digits] == '\0') {
        errno = 0;
        unsigned long long whole = strtoull(text, NULL, 10);
        if (errno == ERANGE) return false;
        *out = whole;
        return true;
    }
    double value;
    if (!np_measure_parse(unit, text, &value) || value != floor(value) || value >= 0x1p64) return false;
    *out = (uint64_t)value;
    return true;
}

static void read_whole(np_loading *l, const np_field *f, const np_node *n, void *at)
{
    uint64_t value = 0;
    if (!is_zero_word(f, n)) {
        if (!parse_whole(f->unit, n->text, &value)) {
            complain_quantity(l, f, n);
            return;
        }
        bool zero = value == 0 && f->zero;
        if (!zero && !in_range(l, f, n, (double)value)) return;
    }
    store_whole(f, at, value);
}

static void read_real(np_loading *l, const np_field *f, const np_node *n, double *at)
{
    double value = 0;
    if (!is_zero_word(f, n)) {
        if (!np_measure_parse(f->unit, n->text, &value)) {
            complain_quantity(l, f, n);
            return;
        }
        bool zero = value == 0 && f->zero;
        if (!zero && !in_range(l, f, n, value)) return;
    }
    *at = value;
}

static void read_portion(np_loading *l, const np_field *f, const np_node *n, np_portion *at)
{
    size_t length = strlen(n->text);
    uint32_t count = 0;
    np_field part = *f;
    part.size = sizeof count;
    part.unit = NP_UNIT_COUNT;
    if (length == 0 || n->text[length - 1] != '%') {
        uint32_t before = l->report->n;
        read_whole(l, &part, n, &count);
        if (l->report->n == before) *at = (np_portion){.count = count};
        return;
    }
    double share = 0;
    part.unit = NP_UNIT_SHARE;
    part.least = 0;
    part.most = MOST_PORTION;
    uint32_t before = l->report->n;
    read_real(l, &part, n, &share);
    if (l->report->n == before) *at = (np_portion){.share = share};
}

static void complain_word(np_loading *l, const np_field *f, const np_node *n, const char *const *names)
{
    char quoted[NP_QUOTED], hint[NP_HINT];
    np_report_node(l->report, n, "%s: there is no %s%s", f->key, np_quote(quoted, sizeof quoted, n->text),
                   np_hint(hint, sizeof hint, n->text, names));
}

static void read_choice(np_loading *l, const np_field *f, const np_node *n, void *at)
{
    enum { MOST_CHOICES = 8 };
    const char *names[MOST_CHOICES + 1];
    size_t count = 0;
    for (const np_choice *c = f->choice; c->name; ++c) {
        if (strcmp(n->text, c->name) == 0) {
            store_whole(f, at, (uint64_t)c->value);
            return;
        }
        if (count < MOST_CHOICES) names[count++] = c->name;
    }
    names[count] = NULL;
    complain_word(l, f, n, names);
}

static void read_listed(np_loading *l, const np_field *f, const np_node *n, const char **at)
{
    const char *const *names = f->listed();
    for (const char *const *name = names; *name; ++name) {
        if (strcmp(*name, n->text) != 0) continue;
        *at = *name;
        return;
    }
    complain_word(l, f, n, names);
}

/* No size, count or time is below 0. A normal distribution whose tail there is more than a thousandth is not
   what anybody measured. */
#define LEAST_MEAN_IN_SDS 3.09

static bool can_be_negative(np_loading *l, const np_field *f, const np_node *n, const np_dist *d)
{
    if (d->kind != NP_DIST_NORMAL || d->a >= LEAST_MEAN_IN_SDS * d->b) return false;
    np_report_node(
        l->report, n,
        "%s: %.2g %% of these %s would be negative; expected an sd of at most a third of the mean, or a "
        "lognormal, weibull or pareto",
        f->key, 50 * erfc(d->a / d->b / sqrt(2)),
        f->unit == NP_UNIT_TIME   ? "times"
        : f->unit == NP_UNIT_SIZE ? "sizes"
                                  : "counts");
    return true;
}

static void read_dist(np_loading *l, const np_field *f, const np_node *n, np_dist *at)
{
    char why[NP_HINT + NP_QUOTED + 100];
    np_dist d;
    if (is_zero_word(f, n)) {
        *at = np_dist_constant(0);
        return;
    }
    if (!np_distribution_parse(n->text, f->unit, n->source->dir, l->arena, &d, why, sizeof why)) {
        np_report_node(l->report, n, "%s: %s", f->key, why);
        return;
    }
    double largest = d.kind == NP_DIST_EMPIRICAL ? d.value[d.n - 1] : d.kind == NP_DIST_UNIFORM ? d.b : d.a;
    if (f->most > 0 && largest > f->most) {
        char most[NP_MEASURE_TEXT];
        np_report_node(l->report, n, "%s: %s is too large; expected at most %s", f->key, n->text,
                       np_measure_format(most, sizeof most, f->unit, f->most));
        return;
    }
    if (can_be_negative(l, f, n, &d)) return;
    if (f->positive_mean && !(np_dist_mean(&d) >= (double)NP_MICROSECOND)) {
        np_report_node(l->report, n, "%s: %s takes no time; expected a mean of 1us or more", f->key, n->text);
        return;
    }
    *at = d;
}

static void read_field(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    void *at = (char *)base + f->offset;

    if (f->type == NP_TYPE_SECTION) {
        np_section_read(l, f->section, n, at);
        return;
    }
    if (f->type == NP_TYPE_OWN) {
        if (n->kind != NP_NODE_BROKEN) f->read(l, f, n, base);
        return;
    }
    const char *expected = f->type == NP_TYPE_WHOLE || f->type == NP_TYPE_REAL || f->type == NP_TYPE_DIST
                               ? np_measure_expected(f->unit)
                           : f->type == NP_TYPE_PORTION ? np_measure_expected(NP_UNIT_COUNT)
                                                        : "a text";
    if (!np_node_expect(l, n, NP_NODE_TEXT, f->key, expected)) return;
    switch (f->type) {
    case NP_TYPE_TEXT: *(const char **)at = n->text; break;
    case NP_TYPE_WHOLE: read_whole(l, f, n, at); break;
    case NP_TYPE_REAL: read_real(l, f, n, at); break;
    case NP_TYPE_PORTION: read_portion(l, f, n, at); break;
    case NP_TYPE_CHOICE: read_choice(l, f, n, at); break;
    case NP_TYPE_LISTED: read_listed(l, f, n, at); break;
    default: read_dist(l, f, n, at); break;
    }
}

/* ---- maps ---- */

/* Keys a section has beside its fields: what it is based on, and what a profile says about itself. */
static const char *const profile_keys[] = {"base", "about", "sources", "assumed", NULL};
static const char *const scenario_keys[] = {"profile", NULL};

static const char *const *keys_beside(const np_section *s, const np_node *map)
{
    static const char *const none[] = {NULL};
    return !s->kind ? none : map->source->profile ? profile_keys : scenario_keys;
}

bool np_section_knows(const np_section *s, const np_node *map, const char *key)
{
    for (uint32_t i = 0; i < s->fields; ++i)
        if (strcmp(s->field[i].key, key) == 0) return true;
    const char *const *beside = keys_beside(s, map);
    while (*beside && strcmp(*beside, key) != 0) ++beside;
    return *beside != NULL;
}

static void complain_key(np_loading *l, const np_section *s, const np_node *map, const np_node *key)
{
    enum { MOST_KEYS = 40 };
    const char *names[MOST_KEYS + 4];
    char quoted[NP_QUOTED], hint[NP_HINT];
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->fields && n < MOST_KEYS; ++i) names[n++] = s->field[i].key;
    for (const char *const *beside = keys_beside(s, map); *beside; ++beside) names[n++] = *beside;
    names[n] = NULL;
    np_report_node(l->report, key, "unknown key %s in %s%s", np_quote(quoted, sizeof quoted, key->text),
                   s->name, np_hint(hint, sizeof hint, key->text, names));
}

static void check_keys(np_loading *l, const np_section *s, const np_node *map)
{
    for (const np_node *child = map->first; child; child = child->next) {
        if (!np_section_knows(s, map, child->key->text)) {
            complain_key(l, s, map, child->key);
            continue;
        }
        const np_node *first = np_node_get(map, child->key->text);
        if (first != child)
            np_report_node(l->report, child->key, "key \"%s\" is there twice; first on line %d",
                           child->key->text, first->key->line);
    }
}

void np_section_layer(np_loading *l, const np_section *s, const np_node *n, void *base)
{
    if (s->kind && n->kind == NP_NODE_TEXT && n->text[0] != '\0') {
        np_profile_layer(l, s, n, base);
        return;
    }
    if (!np_node_expect(l, n, NP_NODE_MAP, s->name,
                        s->kind ? "a map of keys or the name of a profile" : "a map of keys"))
        return;
    check_keys(l, s, n);
    if (s->kind) {
        const np_node *below = np_node_get(n, n->source->profile ? "base" : "profile");
        if (below && np_node_expect(l, below, NP_NODE_TEXT, below->key->text, "the name of a profile"))
            np_profile_layer(l, s, below, base);
    }
    for (uint32_t i = 0; i < s->fields; ++i) {
        const np_node *child = np_node_get(n, s->field[i].key);
        if (child)
            read_field(l, &s->field[i], child, base);
        else if (s->field[i].required)
            np_report_node(l->report, n, "%s needs the key \"%s\": %s", s->name, s->field[i].key,
                           s->field[i].meaning);
    }
    if (s->layered) s->layered(l, n, base);
}

void np_section_read(np_loading *l, const np_section *s, const np_node *n, void *base)
{
    if (s->off && n->kind == NP_NODE_TEXT && (!strcmp(n->text, "off") || !strcmp(n->text, "none"))) {
        s->off(base);
        return;
    }
    if (s->begin) s->begin(base);
    uint32_t before = l->report->n;
    np_section_layer(l, s, n, base);
    if (s->check && l->report->n == before) s->check(l, n, base);
}

void np_check_names(np_loading *l, const np_node *list, const char *what)
{
    for (const np_node *entry = list->first; entry; entry = entry->next) {
        const np_node *name = entry->kind == NP_NODE_MAP ? np_node_get(entry, "name") : NULL;
        if (!name || name->kind != NP_NODE_TEXT) continue;
        if (name->text[0] == '\0')
            np_report_node(l->report, name, "name: a name of a %s cannot be empty", what);
        for (const np_node *other = list->first; other != entry; other = other->next) {
            const np_node *taken = other->kind == NP_NODE_MAP ? np_node_get(other, "name") : NULL;
            if (!taken || taken->kind != NP_NODE_TEXT || strcmp(taken->text, name->text) != 0) continue;
            char quoted[NP_QUOTED];
            np_report_node(l->report, name, "name: there is a %s %s already, on line %d", what,
                           np_quote(quoted, sizeof quoted, name->text), taken->line);
            break;
        }
    }
}

const np_choice np_choice_bool[] = {{"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}, {NULL, 0}};
const np_choice np_choice_connection[] = {{"persistent", NP_CONNECTION_PERSISTENT},
                                          {"per-request", NP_CONNECTION_PER_REQUEST},
                                          {"pool", NP_CONNECTION_POOL},
                                          {NULL, 0}};
const np_choice np_choice_transport[] = {{"tcp", NP_TCP}, {"udp", NP_UDP}, {NULL, 0}};
