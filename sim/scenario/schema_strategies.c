/*
 * The keys of a strategy, of its keepalive and its heartbeat, and of the profiles of both.
 */
#include "schema_top.h"

#include <string.h>

/* ---- keepalive ---- */

/* RFC 1122 4.2.3.6 has 2 hours at least; Linux has 7200 s, 75 s, 9 (Documentation/networking/ip-sysctl.rst).
 */
static void keepalive_begin(void *base)
{
    np_strategy *s = base;
    s->keepalive = (np_keepalive){.on = true, .idle = 2 * NP_HOUR, .interval = 75 * NP_SECOND, .probes = 9};
    s->keepalive_at_server = false;
}

static void keepalive_off(void *base)
{
    np_strategy *s = base;
    s->keepalive = (np_keepalive){.on = false};
    s->keepalive_at_server = false;
}

static bool keepalive_is_off(const void *base)
{
    return !((const np_strategy *)base)->keepalive.on;
}

/* Linux's own limits (MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL 32767 s, MAX_TCP_KEEPCNT 127) would refuse longer
   times that other systems allow, so only the count is held to them. */
static const np_field keepalive_fields[] = {
    {.key = "idle",
     .meaning = "since the last segment received, before the first probe",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_strategy, keepalive.idle)},
    {.key = "interval",
     .meaning = "between unanswered probes",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_strategy, keepalive.interval)},
    {.key = "probes",
     .meaning = "unanswered ones after which the connection is given up",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 127,
     NP_FIELD(np_strategy, keepalive.probes)},
    {.key = "at_server",
     .meaning = "the server's socket has it too",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_strategy, keepalive_at_server)},
};
const np_section np_section_keepalive = {.name = "keepalive",
                                         .kind = "keepalive",
                                         NP_FIELDS(keepalive_fields),
                                         .begin = keepalive_begin,
                                         .off = keepalive_off,
                                         .is_off = keepalive_is_off,
                                         .figure = {"idle", "interval", "probes"}};

/* ---- heartbeat ---- */

static void heartbeat_begin(void *base)
{
    np_beat_config *b = base;
    np_beat_defaults(b);
    b->strategy = "fixed";
    b->every = 0;
}

static void heartbeat_off(void *base)
{
    np_beat_defaults(base);
}
static bool heartbeat_is_off(const void *base)
{
    return ((const np_beat_config *)base)->strategy == NULL;
}

static void heartbeat_check(np_loading *l, const np_node *n, void *base)
{
    const np_beat_config *b = base;
    char timeout[40], every[40];

    if (b->every == 0) {
        np_report_node(l->report, n, "heartbeat needs the key \"every\": the time from one beat to the next");
        return;
    }
    np_time_format(timeout, sizeof timeout, b->timeout);
    np_time_format(every, sizeof every, b->every);
    if (b->timeout > 0 && (double)b->timeout > (double)b->every * b->misses)
        np_report_node(
            l->report, np_node_at(n, "timeout"),
            "timeout: %s is longer than %u beats every %s take; expected at most every times misses", timeout,
            b->misses, every);
    if (b->timeout > 0 && b->answer_bytes == 0)
        np_report_node(
            l->report, np_node_at(n, "answer_bytes"),
            "answer_bytes: beats without answers would all be missed; expected timeout: none beside it");
}

static const np_choice froms[] = {
    {"client", NP_BEAT_FROM_CLIENT}, {"server", NP_BEAT_FROM_SERVER}, {"both", NP_BEAT_FROM_BOTH}, {NULL, 0}};

static const np_field heartbeat_fields[] = {
    {.key = "strategy",
     .meaning = "when the next beat is due; fixed: always the same time after the last",
     .type = NP_TYPE_LISTED,
     .listed = np_beat_list,
     NP_FIELD(np_beat_config, strategy)},
    {.key = "every",
     .meaning = "from one beat to the next",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_beat_config, every)},
    {.key = "timeout",
     .meaning = "an answer later than this is a miss; none: answers are not awaited",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .zero = "none",
     NP_FIELD(np_beat_config, timeout)},
    {.key = "misses",
     .meaning = "this many in a row and the sender gives up",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 1000,
     NP_FIELD(np_beat_config, misses)},
    {.key = "from",
     .meaning = "who sends beats",
     .type = NP_TYPE_CHOICE,
     .choice = froms,
     NP_FIELD(np_beat_config, from)},
    {.key = "server_closes_after",
     .meaning = "the server gives a client up that was silent for so long",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .zero = "never",
     NP_FIELD(np_beat_config, server_closes_after)},
    {.key = "bytes",
     .meaning = "a beat's size above TCP or UDP",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_SIZE,
     .least = 1,
     .most = 1400, /* one packet */
     NP_FIELD(np_beat_config, bytes)},
    {.key = "answer_bytes",
     .meaning = "its answer's; 0: beats are not answered",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_SIZE,
     .most = 1400,
     NP_FIELD(np_beat_config, answer_bytes)},
};
const np_section np_section_heartbeat = {
    .name = "heartbeat",
    .kind = "heartbeat",
    NP_FIELDS(heartbeat_fields),
    .begin = heartbeat_begin,
    .check = heartbeat_check,
    .off = heartbeat_off,
    .is_off = heartbeat_is_off,
    .figure = {"every", "timeout", "misses", "from", "server_closes_after", "bytes", "answer_bytes"}};

/* ---- strategies ---- */

/* The groups a strategy names, as bits. */
static void read_groups(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_strategy *s = base;
    const np_world_config *world = &l->scenario->world;
    const char *names[65];
    char quoted[NP_QUOTED], hint[NP_HINT];

    for (uint32_t i = 0; i < world->groups; ++i) names[i] = world->group[i].name;
    names[world->groups] = NULL;
    if (!np_node_expect(l, n, NP_NODE_LIST, f->key, f->form)) return;
    if (!n->first) np_report_node(l->report, n, "clients: the list is empty; expected %s", f->form);
    for (const np_node *entry = n->first; entry; entry = entry->next) {
        if (!np_node_expect(l, entry, NP_NODE_TEXT, f->key, "the name of a client group")) continue;
        uint32_t i = 0;
        while (i < world->groups && strcmp(names[i], entry->text) != 0) ++i;
        np_quote(quoted, sizeof quoted, entry->text);
        if (i == world->groups)
            np_report_node(l->report, entry, "clients: there is no client group %s%s", quoted,
                           np_hint(hint, sizeof hint, entry->text, names));
        else if (!world->group[i].measure)
            np_report_node(l->report, entry, "clients: %s is not measured, so no strategy applies to it",
                           quoted);
        else
            s->groups |= (uint64_t)1 << i;
    }
}

static const np_field strategy_fields[] = {
    {.key = "name",
     .meaning = "of the column in tables",
     .type = NP_TYPE_TEXT,
     .required = true,
     NP_FIELD(np_strategy, name)},
    {.key = "connection",
     .meaning = "persistent; per-request: a handshake, an exchange, a close; pool: several at once",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_connection,
     NP_FIELD(np_strategy, connection)},
    {.key = "poll",
     .meaning = "per-request where the server opens: how often the client asks",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .zero = "none",
     NP_FIELD(np_strategy, poll)},
    {.key = "pool",
     .meaning = "pool: connections a client",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 1000,
     .zero = "none",
     NP_FIELD(np_strategy, pool)},
    {.key = "keepalive",
     .meaning = "of the client's socket: a profile, off (the default), or a map",
     .type = NP_TYPE_SECTION,
     .section = &np_section_keepalive},
    {.key = "user_timeout",
     .meaning = "TCP_USER_TIMEOUT at both ends",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .zero = "none",
     NP_FIELD(np_strategy, user_timeout)},
    {.key = "heartbeat",
     .meaning = "of the application: a profile, off (the default), or a map",
     .type = NP_TYPE_SECTION,
     .section = &np_section_heartbeat,
     NP_FIELD(np_strategy, beat)},
    {.key = "clients",
     .meaning = "the groups it applies to; every measured one by default",
     .type = NP_TYPE_OWN,
     .form = "a list of names of client groups",
     .read = read_groups}, /* written by np_strategies_write, which has the names */
};

static void strategy_begin(void *base)
{
    np_strategy *s = base;
    *s = (np_strategy){.name = "", .connection = NP_CONNECTION_PERSISTENT};
    np_beat_defaults(&s->beat);
}

static bool applies(const np_strategy *s, const np_world_config *world, uint32_t group)
{
    return s->groups ? s->groups >> group & 1 : world->group[group].measure;
}

static void strategy_check(np_loading *l, const np_node *n, void *base)
{
    const np_strategy *s = base;
    const np_world_config *world = &l->scenario->world;
    char quoted[NP_QUOTED];

    if (s->connection == NP_CONNECTION_POOL && s->pool == 0)
        np_report_node(l->report, np_node_at(n, "connection"),
                       "connection: a pool needs the key \"pool\": how many");
    if (s->connection != NP_CONNECTION_POOL && s->pool > 0)
        np_report_node(l->report, np_node_at(n, "pool"), "pool: only connection: pool has any use for it");
    for (uint32_t i = 0; i < world->groups; ++i) {
        const np_group *g = &world->group[i];
        if (!applies(s, world, i)) continue;
        np_quote(quoted, sizeof quoted, g->name);
        if (s->keepalive.on && g->transport == NP_UDP)
            np_report_node(
                l->report, np_node_at(n, "keepalive"),
                "keepalive: the clients %s use udp, which has no connection for the stack to probe; use a "
                "heartbeat",
                quoted);
        if (s->user_timeout > 0 && g->transport == NP_UDP)
            np_report_node(
                l->report, np_node_at(n, "user_timeout"),
                "user_timeout: the clients %s use udp, which has no acknowledgements to wait for; use a "
                "heartbeat",
                quoted);
        if (s->connection == NP_CONNECTION_PER_REQUEST && g->work.from_server && s->poll == 0)
            np_report_node(
                l->report, np_node_at(n, "connection"),
                "connection: per-request needs the key \"poll\", because the server opens the workload of %s "
                "and can reach a client only when it asks",
                quoted);
    }
}

const np_section np_section_strategy = {
    .name = "a strategy", NP_FIELDS(strategy_fields), .begin = strategy_begin, .check = strategy_check};

/* ---- the list ---- */

#define MOST_STRATEGIES 256

void np_strategies_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_scenario *s = base;
    uint32_t count = 0;

    if (!np_node_expect(l, n, NP_NODE_LIST, f->key, f->form)) return;
    for (const np_node *c = n->first; c; c = c->next) ++count;
    if (count == 0 || count > MOST_STRATEGIES) {
        np_report_node(l->report, n, "strategies: there are %u; expected 1 to %d", count, MOST_STRATEGIES);
        return;
    }
    s->strategy = np_arena_alloc(l->arena, count * sizeof *s->strategy);
    if (!s->strategy) {
        l->report->no_memory = true;
        return;
    }
    for (const np_node *c = n->first; c; c = c->next)
        np_section_read(l, &np_section_strategy, c, &s->strategy[s->strategies++]);
    np_check_names(l, n, "strategy");
}

void np_strategies_write(np_writer *w, const np_field *f, const void *base)
{
    const np_scenario *s = base;
    np_write_key(w, f->key);
    putc('\n', w->out);
    for (uint32_t i = 0; i < s->strategies; ++i) {
        w->depth++;
        w->dash = true;
        np_section_write(w, &np_section_strategy, &s->strategy[i]);
        if (s->strategy[i].groups) {
            const char *before = " [";
            np_write_key(w, "clients");
            for (uint32_t g = 0; g < s->world.groups; ++g) {
                if (!(s->strategy[i].groups >> g & 1)) continue;
                fputs(before, w->out);
                np_yaml_text(w->out, s->world.group[g].name);
                before = ", ";
            }
            fputs("]\n", w->out);
        }
        w->depth--;
    }
}
