/*
 * `precision`: how narrow intervals must be, and how many replicas that may take.
 *
 *     precision: {reachable_fraction: 1%, upkeep_bytes_per_conn_hour: 2%, max_replicas: 200}
 *
 * or `precision: off`, which takes back what the file says (for --set).
 *
 * 1% asks for a 95 % interval of at most the mean plus and minus 1 % of the mean, for every strategy at every
 * point. Keys are figures, so this is no section with a table of its own: a reader that walks the list of
 * them.
 */
#include "schema_top.h"

#include <string.h>

#define MOST_REPLICAS 100000
#define BY_DEFAULT    10 /* times `replicas`: intervals a third as wide */

static const char MAXIMUM[] = "max_replicas";

static void complain_key(np_loading *l, const np_node *key)
{
    const char *names[NP_METRIC_COUNT + 2] = {0};
    char quoted[NP_QUOTED], hint[NP_HINT];
    for (int m = 0; m < NP_METRIC_COUNT; ++m) names[m] = np_metric_about((np_metric)m)->key;
    names[NP_METRIC_COUNT] = MAXIMUM;
    np_quote(quoted, sizeof quoted, key->text);
    if (np_spread_find(key->text) >= 0)
        np_report_node(
            l->report, key,
            "precision: %s is a distribution, which has no interval; expected a figure that is a mean",
            quoted);
    else
        np_report_node(l->report, key, "precision: there is no figure %s%s", quoted,
                       np_hint(hint, sizeof hint, key->text, names));
}

static void read_maximum(np_loading *l, const np_node *n, np_scenario *s)
{
    double value;
    char quoted[NP_QUOTED];
    if (!np_measure_parse(NP_UNIT_COUNT, n->text, &value) || value > MOST_REPLICAS ||
        value != (uint32_t)value)
        np_report_node(l->report, n, "max_replicas: %s is not a count of at most %d",
                       np_quote(quoted, sizeof quoted, n->text), MOST_REPLICAS);
    else if (value < s->replicas)
        np_report_node(l->report, n,
                       "max_replicas: %s is less than the %u replicas to begin with; expected "
                       "that or more",
                       n->text, s->replicas);
    else
        s->precision.max_replicas = (uint32_t)value;
}

static void read_goal(np_loading *l, const np_node *n, np_scenario *s)
{
    int metric = np_metric_find(n->key->text);
    double share;
    char quoted[NP_QUOTED];

    if (metric < 0)
        complain_key(l, n->key);
    else if (!np_measure_parse(NP_UNIT_SHARE, n->text, &share) || share <= 0 || share >= 1)
        np_report_node(l->report, n, "%s: %s is not a share above 0 and below 100%% (such as 2%%)",
                       n->key->text, np_quote(quoted, sizeof quoted, n->text));
    else
        s->precision.goal[s->precision.goals++] = (np_goal){.metric = (np_metric)metric, .share = share};
}

void np_precision_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_scenario *s = base;
    uint32_t keys = 0;

    if (n->kind == NP_NODE_TEXT && strcmp(n->text, "off") == 0) return;
    if (!np_node_expect(l, n, NP_NODE_MAP, f->key, f->form)) return;
    for (const np_node *child = n->first; child; child = child->next) ++keys;
    s->precision.goal = np_arena_alloc(l->arena, (keys + 1) * sizeof *s->precision.goal);
    if (!s->precision.goal) {
        l->report->no_memory = true;
        return;
    }
    uint64_t most = (uint64_t)s->replicas * BY_DEFAULT;
    s->precision.max_replicas = most < MOST_REPLICAS ? (uint32_t)most : MOST_REPLICAS;
    for (const np_node *child = n->first; child; child = child->next) {
        const np_node *first = np_node_get(n, child->key->text);
        if (first != child)
            np_report_node(l->report, child->key, "key \"%s\" is there twice; first on line %d",
                           child->key->text, first->key->line);
        else if (!np_node_expect(l, child, NP_NODE_TEXT, child->key->text, "a share (such as 2%)"))
            continue;
        else if (strcmp(child->key->text, MAXIMUM) == 0)
            read_maximum(l, child, s);
        else
            read_goal(l, child, s);
    }
    if (keys == (np_node_get(n, MAXIMUM) ? 1U : 0U))
        np_report_node(l->report, n,
                       "precision: names no figure; expected one or more, such as "
                       "reachable_fraction: 1%%");
}

void np_precision_write(np_writer *w, const np_field *f, const void *base)
{
    const np_precision *p = &((const np_scenario *)base)->precision;
    char buf[NP_MEASURE_TEXT];
    if (p->goals == 0) return;
    np_write_key(w, f->key);
    fputs(" {", w->out);
    for (uint32_t i = 0; i < p->goals; ++i)
        fprintf(w->out, "%s: %s, ", np_metric_about(p->goal[i].metric)->key,
                np_measure_format(buf, sizeof buf, NP_UNIT_SHARE, p->goal[i].share));
    fprintf(w->out, "%s: %u}\n", MAXIMUM, p->max_replicas);
}
