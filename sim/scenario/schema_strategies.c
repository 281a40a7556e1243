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
    s->keepalive_at = NP_SOCKETS_CLIENT;
}

static void keepalive_off(void *base)
{
    np_strategy *s = base;
    s->keepalive = (np_keepalive){.on = false};
    s->keepalive_at = NP_SOCKETS_CLIENT;
}

static bool keepalive_is_off(const void *base)
{
    return !((const np_strategy *)base)->keepalive.on;
}

static const np_choice sockets[] = {
    {"client", NP_SOCKETS_CLIENT}, {"server", NP_SOCKETS_SERVER}, {"both", NP_SOCKETS_BOTH}, {NULL, 0}};

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
    {.key = "at",
     .meaning = "whose socket has it",
     .type = NP_TYPE_CHOICE,
     .choice = sockets,
     NP_FIELD(np_strategy, keepalive_at)},
};
const np_section np_section_keepalive = {.name = "keepalive",
                                         .kind = "keepalive",
                                         NP_FIELDS(keepalive_fields),
                                         .begin = keepalive_begin,
                                         .off = keepalive_off,
                                         .is_off = keepalive_is_off,
                                         .figure = {{"idle", NULL}, {"interval", NULL}, {"probes", NULL}}};

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

/* A key that the strategy has no use for: an error where it is written, dropped where it was inherited. */
static void useless(np_loading *l, const np_node *n, const char *key, np_time *value, const char *useful_to)
{
    const np_node *at = np_node_at(n, key);
    if (at != n && *value) np_report_node(l->report, at, "%s: only %s have any use for it", key, useful_to);
    *value = 0;
}

/* Whether a key that is needed is there. */
static bool needed(np_loading *l, const np_node *n, const np_beat_config *b, const char *key, np_time value,
                   const char *meaning)
{
    if (value) return true;
    np_report_node(l->report, n, "heartbeat needs the key \"%s\" for strategy: %s: %s", key, b->strategy,
                   meaning);
    return false;
}

/* Whether the strategy has the times it goes by, in an order that makes sense. */
static bool check_times(np_loading *l, const np_node *n, np_beat_config *b)
{
    static const char *const learning = "mars and search";
    bool every = np_beat_has_every(b->strategy), learns = np_beat_learns(b->strategy);
    bool jittered = strcmp(b->strategy, "jittered") == 0, good = true;
    char low[40], high[40];

    if (every) good &= needed(l, n, b, "every", b->every, "the time from one beat to the next");
    if (learns) {
        good &= needed(l, n, b, "least", b->least, "where the search begins");
        good &= needed(l, n, b, "most", b->most, "where it ends");
        good &= needed(l, n, b, "step", b->step, "how fine it is");
        useless(l, n, "every", &b->every, "fixed, jittered, piggyback and passive");
    } else {
        useless(l, n, "most", &b->most, learning);
        useless(l, n, "step", &b->step, learning);
        useless(l, n, "back_off", &b->back_off, learning);
    }
    if (!learns && !jittered) useless(l, n, "least", &b->least, "jittered, mars and search");
    if (!good) return false;
    if (jittered && !b->least) b->least = b->every / 5 * 4; /* RFC 5626 4.4.1: 80 to 100 % */

    np_time most = learns ? b->most : b->every;
    if (b->least <= most) return true;
    np_report_node(l->report, np_node_at(n, "least"),
                   "least: %s is longer than %s of %s; expected at most that",
                   np_time_format(low, sizeof low, b->least), learns ? "most" : "every",
                   np_time_format(high, sizeof high, most));
    return false;
}

static void check_answers(np_loading *l, const np_node *n, const np_beat_config *b)
{
    char timeout[40], every[40];

    if (b->timeout > 0 && b->answer_bytes == 0)
        np_report_node(
            l->report, np_node_at(n, "answer_bytes"),
            "answer_bytes: beats without answers would all be missed; expected timeout: none beside it");
    if (b->timeout == 0 && np_beat_learns(b->strategy))
        np_report_node(l->report, np_node_at(n, "timeout"),
                       "timeout: strategy: %s learns from answers that do not come; expected a duration",
                       b->strategy);
    np_time shortest = np_beat_shortest(b);
    if (b->timeout == 0 || shortest == 0) return;
    np_time_format(timeout, sizeof timeout, b->timeout);
    np_time_format(every, sizeof every, shortest);
    if (np_beat_one_at_a_time(b->strategy) && b->timeout > shortest)
        np_report_node(
            l->report, np_node_at(n, "timeout"),
            "timeout: %s is longer than the %s until the next beat; expected at most that, or strategy: "
            "fixed, which can have several beats out",
            timeout, every);
    else if ((double)b->timeout > (double)shortest * b->misses)
        np_report_node(
            l->report, np_node_at(n, "timeout"),
            "timeout: %s is longer than %u beats every %s take; expected at most every times misses", timeout,
            b->misses, every);
}

/* A rule about silence that the beats themselves would break. */
static void check_silence(np_loading *l, const np_node *n, const np_beat_config *b, const char *key,
                          np_time after, np_beat_from deaf)
{
    char rule[40], beats[40];
    np_time longest = np_beat_learns(b->strategy) ? b->most : b->every;
    bool hears = b->from != deaf || b->answer_bytes > 0;

    if (!after || !hears || !np_beat_shortest(b) || strcmp(b->strategy, "passive") == 0 || after > longest)
        return;
    np_report_node(
        l->report, np_node_at(n, key),
        "%s: %s of silence pass between two beats that are up to %s apart, so every idle connection would "
        "be closed; expected more than that",
        key, np_time_format(rule, sizeof rule, after), np_time_format(beats, sizeof beats, longest));
}

static void heartbeat_check(np_loading *l, const np_node *n, void *base)
{
    np_beat_config *b = base;
    if (!check_times(l, n, b)) return;
    check_answers(l, n, b);
    check_silence(l, n, b, "server_closes_after", b->server_closes_after, NP_BEAT_FROM_SERVER);
    check_silence(l, n, b, "client_closes_after", b->client_closes_after, NP_BEAT_FROM_CLIENT);
}

/* ---- the server's rule about too many beats ---- */

static void enforces_off(void *base)
{
    ((np_beat_config *)base)->server_permits = 0;
}

static bool enforces_is_off(const void *base)
{
    return !((const np_beat_config *)base)->server_permits;
}

static void enforces_check(np_loading *l, const np_node *n, void *base)
{
    if (enforces_is_off(base))
        np_report_node(
            l->report, n,
            "server_enforces needs the key \"every\": how often a client may beat without complaint");
}

static const np_field enforces_fields[] = {
    {.key = "every",
     .meaning = "beats nearer to the one before are strikes, which a message of the server's forgives",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_beat_config, server_permits)},
    {.key = "strikes",
     .meaning = "so many are forgiven, the next closes the connection",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .most = 100,
     NP_FIELD(np_beat_config, strikes)},
};
static const np_section enforces = {.name = "server_enforces",
                                    NP_FIELDS(enforces_fields),
                                    .check = enforces_check,
                                    .off = enforces_off,
                                    .is_off = enforces_is_off};

static const np_choice idles[] = {
    {"sent", NP_BEAT_IDLE_SENT}, {"heard", NP_BEAT_IDLE_HEARD}, {"either", NP_BEAT_IDLE_EITHER}, {NULL, 0}};
static const np_choice froms[] = {
    {"client", NP_BEAT_FROM_CLIENT}, {"server", NP_BEAT_FROM_SERVER}, {"both", NP_BEAT_FROM_BOTH}, {NULL, 0}};

#define BEAT_TIME(name, member, text, word)                                                                  \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_WHOLE, .unit = NP_UNIT_TIME,                           \
        .least = (double)NP_MILLISECOND, .most = NP_LONGEST_TIME, .zero = word,                              \
        NP_FIELD(np_beat_config, member)                                                                     \
    }

static const np_field heartbeat_fields[] = {
    {.key = "strategy",
     .meaning =
         "fixed; jittered: at random; piggyback: when idle; passive: when nothing was said in reply; mars, "
         "search: learn how long is safe; none: only the rules about silence",
     .type = NP_TYPE_LISTED,
     .listed = np_beat_list,
     NP_FIELD(np_beat_config, strategy)},
    BEAT_TIME("every", every, "from one beat to the next; jittered: at most; piggyback, passive: of idleness",
              "none"),
    BEAT_TIME("least", least,
              "jittered: from one beat to the next, at least (80% of every); mars, search: where it begins",
              "none"),
    BEAT_TIME("most", most, "mars, search: never longer", "none"),
    BEAT_TIME("step", step, "mars: by so much it grows; search: it ends when so near", "none"),
    BEAT_TIME("back_off", back_off, "mars, search: stay so much below what failed, or held last", "none"),
    {.key = "idle_since",
     .meaning = "piggyback: this end has sent nothing, heard nothing, or neither",
     .type = NP_TYPE_CHOICE,
     .choice = idles,
     NP_FIELD(np_beat_config, idle_since)},
    BEAT_TIME("timeout", timeout, "an answer later than this is a miss; none: answers are not awaited",
              "none"),
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
    BEAT_TIME("server_closes_after", server_closes_after,
              "the server gives a client up that was silent for so long", "never"),
    BEAT_TIME("client_closes_after", client_closes_after,
              "the client gives a server up that was silent for so long", "never"),
    {.key = "server_enforces",
     .meaning =
         "the server closes the connection of a client that beats too often: off (the default), or a map",
     .type = NP_TYPE_SECTION,
     .section = &enforces},
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
const np_section np_section_heartbeat = {.name = "heartbeat",
                                         .kind = "heartbeat",
                                         NP_FIELDS(heartbeat_fields),
                                         .begin = heartbeat_begin,
                                         .check = heartbeat_check,
                                         .off = heartbeat_off,
                                         .is_off = heartbeat_is_off,
                                         .figure = {{"strategy", NULL}, {"every", NULL}, {"timeout", NULL}, {"misses", NULL}, {"from", NULL},
                                                    {"server_closes_after", NULL}, {"bytes", NULL}, {"answer_bytes", NULL}}};

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

static const np_choice tls_versions[] = {
    {"none", NP_TLS_NONE}, {"1.2", NP_TLS_1_2}, {"1.3", NP_TLS_1_3}, {NULL, 0}};

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
    {.key = "parallel",
     .meaning = "per-request: so many connections of a client at once, at most, as browsers have 6",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 1000,
     .zero = "unlimited",
     NP_FIELD(np_strategy, parallel)},
    {.key = "keepalive",
     .meaning = "of a TCP socket: a profile, off (the default), or a map",
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
    {.key = "tls",
     .meaning = "TLS over TCP: its version, for its handshake and the bytes it adds to each record",
     .type = NP_TYPE_CHOICE,
     .choice = tls_versions,
     NP_FIELD(np_strategy, tls)},
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

/* What a heartbeat alone cannot know: the path's length, and how connections are used. */
static void check_heartbeat(np_loading *l, const np_node *n, const np_strategy *s)
{
    const np_world_config *w = &l->scenario->world;
    np_time trip = w->access_up.delay + w->core_up.delay + w->core_down.delay + w->access_down.delay;
    char timeout[40], path[40];

    if (!s->beat.strategy) return;
    if (s->beat.timeout > 0 && s->beat.timeout <= trip)
        np_report_node(
            l->report, np_node_at(np_node_at(n, "heartbeat"), "timeout"),
            "timeout: no answer can come within %s, because a round trip takes %s; expected more than that",
            np_time_format(timeout, sizeof timeout, s->beat.timeout),
            np_time_format(path, sizeof path, trip));
    if (s->connection == NP_CONNECTION_PER_REQUEST)
        np_report_node(
            l->report, np_node_at(n, "heartbeat"),
            "heartbeat: connection: per-request closes each connection after one exchange, so there is "
            "nothing to keep open; leave one of the two out");
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
    if (s->connection != NP_CONNECTION_PER_REQUEST && s->parallel > 0)
        np_report_node(
            l->report, np_node_at(n, "parallel"),
            "parallel: only connection: per-request has any use for it; a pool's size is the key \"pool\"");
    check_heartbeat(l, n, s);
    for (uint32_t i = 0; i < world->groups; ++i) {
        const np_group *g = &world->group[i];
        if (!applies(s, world, i)) continue;
        np_quote(quoted, sizeof quoted, g->name);
        if (s->tls && g->transport == NP_UDP)
            np_report_node(
                l->report, np_node_at(n, "tls"),
                "tls: the clients %s use udp, which has no TLS records; add what their protocol takes to "
                "the sizes of their messages",
                quoted);
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
        if (s->connection == NP_CONNECTION_PER_REQUEST && np_work_is_fleeting(&g->work))
            np_report_node(
                l->report, np_node_at(n, "connection"),
                "connection: per-request does not go with %s, whose two sides both send all the time; "
                "expected persistent",
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
