/*
 * The keys of a client group and of its workload, and of the profiles in profiles/workload.
 */
#include "schema_top.h"

#include <string.h>

/* ---- workload ---- */

static const np_choice opens[] = {{"client", false}, {"server", true}, {NULL, 0}};
static const np_choice loops[] = {{"closed", false}, {"open", true}, {NULL, 0}};

#define MISSING (-1) /* no distribution has it: told apart from a constant 0 */

static void workload_begin(void *base)
{
    np_group *g = base;
    g->work = (np_work_config){.shape = "exchange",
                               .name = "inline",
                               .gap = np_dist_constant(MISSING),
                               .count = np_dist_constant(1),
                               .request = np_dist_constant(MISSING),
                               .response = np_dist_constant(0),
                               .service = np_dist_constant(0)};
}

static void workload_check(np_loading *l, const np_node *n, void *base)
{
    np_group *g = base;
    if (g->work.gap.a == MISSING)
        np_report_node(l->report, n, "workload needs the key \"gap\": the time between rounds");
    if (g->work.request.a == MISSING)
        np_report_node(l->report, n, "workload needs the key \"request\": the size of the opener's message");
    if (g->work.gap.a == MISSING || !g->work.open_loop) return;
    if (!(np_dist_mean(&g->work.gap) >= (double)NP_MICROSECOND))
        np_report_node(
            l->report, np_node_at(n, "gap"),
            "gap: rounds that come whatever happens (loop: open) need time between them; expected a mean of "
            "1us or more");
}

static const np_field workload_fields[] = {
    {.key = "name",
     .meaning = "for messages; the profile's by default",
     .type = NP_TYPE_TEXT,
     NP_FIELD(np_group, work.name)},
    {.key = "shape",
     .meaning = "what a round is; exchange: messages and their answers; ticks: one message each way",
     .type = NP_TYPE_LISTED,
     .listed = np_work_list,
     NP_FIELD(np_group, work.shape)},
    {.key = "opens",
     .meaning = "who sends first; server: pushes",
     .type = NP_TYPE_CHOICE,
     .choice = opens,
     NP_FIELD(np_group, work.from_server)},
    {.key = "loop",
     .meaning = "open: rounds come whatever happens; closed: the gap begins when a round has ended",
     .type = NP_TYPE_CHOICE,
     .choice = loops,
     NP_FIELD(np_group, work.open_loop)},
    {.key = "gap",
     .meaning = "time between rounds",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_group, work.gap)},
    {.key = "count",
     .meaning = "exchanges in a round, at least 1",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_COUNT,
     .most = 1e6,
     NP_FIELD(np_group, work.count)},
    {.key = "request",
     .meaning = "the opener's message, at least 1 byte",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_SIZE,
     .most = NP_LARGEST_SIZE,
     NP_FIELD(np_group, work.request)},
    {.key = "response",
     .meaning = "the answer; 0: none",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_SIZE,
     .most = NP_LARGEST_SIZE,
     NP_FIELD(np_group, work.response)},
    {.key = "service",
     .meaning = "from the request's arrival to the answer's departure",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_group, work.service)},
    {.key = "transport",
     .meaning = "of groups that do not say",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_transport,
     .inherited = true,
     NP_FIELD(np_group, transport)},
    {.key = "connection",
     .meaning = "of groups that are not measured and do not say",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_connection,
     .inherited = true,
     NP_FIELD(np_group, connection)},
};
const np_section np_section_workload = {.name = "workload",
                                        .kind = "workload",
                                        NP_FIELDS(workload_fields),
                                        .begin = workload_begin,
                                        .check = workload_check,
                                        .figure = {{"opens", NULL}, {"gap", NULL}, {"count", NULL}, {"request", NULL}, {"response", NULL}}};

/* ---- groups ---- */

static const np_field client_fields[] = {
    {.key = "name",
     .meaning = "of the group",
     .type = NP_TYPE_TEXT,
     .required = true,
     NP_FIELD(np_group, name)},
    {.key = "count",
     .meaning = "clients in it",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .most = 16e6,
     .required = true,
     NP_FIELD(np_group, count)},
    {.key = "workload",
     .meaning = "what the clients do",
     .type = NP_TYPE_SECTION,
     .section = &np_section_workload,
     .required = true},
    {.key = "transport",
     .meaning = "the workload's by default, and tcp where it does not say",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_transport,
     NP_FIELD(np_group, transport)},
    {.key = "connection",
     .meaning = "of groups that are not measured; strategies decide for those that are",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_connection,
     NP_FIELD(np_group, connection)},
    {.key = "measure",
     .meaning = "false: background, strategies and figures pass over it",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_group, measure)},
    {.key = "radio",
     .meaning = "what sending and receiving takes from the battery: a profile, off (the default), or a map",
     .type = NP_TYPE_SECTION,
     .section = &np_section_radio,
     NP_FIELD(np_group, radio)},
    {.key = "arrival",
     .meaning = "when each client's session begins, from the start of the run",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_group, arrival)},
    {.key = "churn",
     .meaning = "how clients come and go: off (the default), or a map",
     .type = NP_TYPE_SECTION,
     .section = &np_section_churn,
     NP_FIELD(np_group, churn)},
};

/* Clients arrive over the first minute (3GPP TR 37.868, traffic model 1). */
static void client_begin(void *base)
{
    *(np_group *)base = (np_group){.name = "",
                                   .count = 1,
                                   .transport = NP_TCP,
                                   .connection = NP_CONNECTION_PERSISTENT,
                                   .measure = true,
                                   .arrival = {.kind = NP_DIST_UNIFORM, .a = 0, .b = (double)NP_MINUTE}};
    workload_begin(base);
}

static void client_check(np_loading *l, const np_node *n, void *base)
{
    const np_group *g = base;
    if (g->measure && g->count == 0)
        np_report_node(l->report, np_node_at(n, "count"),
                       "count: a measured group has at least one client; expected that or measure: false");
    if (!g->measure && g->radio.name)
        np_report_node(l->report, np_node_at(n, "radio"),
                       "radio: energy is a figure, and this group is not measured; leave one of the two out");
    if (!g->measure && g->work.from_server && g->connection != NP_CONNECTION_PERSISTENT)
        np_report_node(
            l->report, np_node_at(n, "connection"),
            "connection: the server opens this workload, so clients that are not measured need a persistent "
            "connection to be reached through");
}

const np_section np_section_client = {
    .name = "a client group", NP_FIELDS(client_fields), .begin = client_begin, .check = client_check};

/* ---- the list ---- */

#define MOST_GROUPS 64 /* np_world_config.groups */

void np_clients_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_scenario *s = base;
    uint32_t count = 0, measured = 0;

    if (!np_node_expect(l, n, NP_NODE_LIST, f->key, f->form)) return;
    for (const np_node *c = n->first; c; c = c->next) ++count;
    if (count > MOST_GROUPS) {
        np_report_node(l->report, n, "clients: %u groups are too many; expected at most %d", count,
                       MOST_GROUPS);
        return;
    }
    s->world.group = np_arena_alloc(l->arena, (count + 1) * sizeof *s->world.group);
    if (!s->world.group) {
        l->report->no_memory = true;
        return;
    }
    for (const np_node *c = n->first; c; c = c->next) {
        np_group *g = &s->world.group[s->world.groups++];
        np_section_read(l, &np_section_client, c, g);
        measured += g->measure;
    }
    np_check_names(l, n, "client group");
    if (measured == 0)
        np_report_node(l->report, n,
                       "clients: no group is measured; expected at least one without measure: false");
}

void np_clients_write(np_writer *w, const np_field *f, const void *base)
{
    const np_scenario *s = base;
    np_write_key(w, f->key);
    putc('\n', w->out);
    for (uint32_t i = 0; i < s->world.groups; ++i) {
        w->depth++;
        w->dash = true;
        np_section_write(w, &np_section_client, &s->world.group[i]);
        w->depth--;
    }
}
