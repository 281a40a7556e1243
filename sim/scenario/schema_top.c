/*
 * The keys of a scenario itself, and of servers, tcp and reconnect.
 */
#include "schema_top.h"

/* ---- nat: through a draft, because memory may become capacity; one, or a chain of them ---- */

#define MOST_NATS 4 /* np_world_config.nat */

/* Boxes that are not the last have addresses of the range between them (RFC 6598, 100.64.0.0/10). */
#define FIRST_SHARED 0x64400001u
#define SHARED_STEP  0x00100000u

static void read_nat(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_scenario *s = base;
    bool list = n->kind == NP_NODE_LIST;
    uint32_t nats = 0;
    for (const np_node *box = list ? n->first : n; box; box = list ? box->next : NULL, ++nats) {
        np_nat_draft draft;
        if (nats == MOST_NATS) {
            np_report_node(l->report, box, "%s: too many boxes in a row; expected at most %d", f->key,
                           MOST_NATS);
            break;
        }
        np_section_read(l, &np_section_nat, box, &draft);
        s->world.nat[nats] = draft.nat;
        s->world.nat_restart[nats] = draft.restart;
    }
    if (nats == 0) np_report_node(l->report, n, "%s: the list is empty; expected %s", f->key, f->form);
    s->world.nats = nats;
    for (uint32_t i = 0; i + 1 < nats; ++i)
        s->world.nat[i].ports.first = np_addr_ipv4(FIRST_SHARED + i * SHARED_STEP);
}

static void write_nat(np_writer *w, const np_field *f, const void *base)
{
    const np_scenario *s = base;
    np_write_key(w, f->key);
    putc('\n', w->out);
    w->depth++;
    for (uint32_t i = 0; i < s->world.nats; ++i) {
        np_nat_draft draft = np_nat_draft_of(&s->world.nat[i], &s->world.nat_restart[i]);
        w->dash = s->world.nats > 1;
        np_section_write(w, &np_section_nat, &draft);
    }
    w->depth--;
}

/* ---- servers, tcp, reconnect ---- */

static const np_field server_fields[] = {
    {.key = "count",
     .meaning = "servers",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 60000,
     NP_FIELD(np_scenario, world.servers)},
    {.key = "max_connections",
     .meaning = "at each; more are refused with an RST",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 4e9,
     .zero = "unlimited",
     NP_FIELD(np_scenario, world.server_connections)},
    {.key = "memory_per_connection",
     .meaning = "of the server, for the figures",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_SIZE,
     .most = NP_LARGEST_SIZE,
     NP_FIELD(np_scenario, world.server_memory)},
    {.key = "crash",
     .meaning = "the machine stops: silent while down, then unknown connections are reset",
     .type = NP_TYPE_SECTION,
     .section = &np_section_crash,
     NP_FIELD(np_scenario, world.crash)},
    {.key = "restart",
     .meaning = "the program stops: its connections are reset, new ones refused while it is down",
     .type = NP_TYPE_SECTION,
     .section = &np_section_restart,
     NP_FIELD(np_scenario, world.restart)},
};
static const np_section servers = {.name = "servers", NP_FIELDS(server_fields)};

#define TCP_TIME(name, member, text, lowest)                                                                 \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_WHOLE, .unit = NP_UNIT_TIME, .least = lowest,          \
        .most = (double)NP_DAY, NP_FIELD(np_tcp_config, member)                                              \
    }
#define TCP_COUNT(name, member, text, lowest, highest, of)                                                   \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_WHOLE, .unit = of, .least = lowest, .most = highest,   \
        NP_FIELD(np_tcp_config, member)                                                                      \
    }

static const np_field tcp_fields[] = {
    TCP_TIME("rto_initial", rto_initial, "first retransmission timeout", (double)NP_MILLISECOND),
    TCP_TIME("rto_min", rto_min, "lower bound of it", (double)NP_MILLISECOND),
    TCP_TIME("rto_max", rto_max, "upper bound of it", (double)NP_MILLISECOND),
    TCP_TIME("delayed_ack", delayed_ack, "an acknowledgement waits for so long; 0: it does not", 0),
    TCP_TIME("time_wait", time_wait, "how long a closed connection is remembered", 0),
    TCP_TIME("fin_timeout", fin_timeout, "how long an orphan waits for the other FIN", 0),
    TCP_COUNT("syn_retries", syn_retries, "retransmissions of a SYN", 0, 30, NP_UNIT_COUNT),
    TCP_COUNT("synack_retries", synack_retries, "retransmissions of a SYN/ACK", 0, 30, NP_UNIT_COUNT),
    TCP_COUNT("retries", retries, "retransmissions of data (Linux: tcp_retries2)", 0, 100, NP_UNIT_COUNT),
    TCP_COUNT("orphan_retries", orphan_retries,
              "the same once the application has closed (Linux: tcp_orphan_retries)", 0, 100, NP_UNIT_COUNT),
    TCP_COUNT("mss", mss, "payload of a full segment", 64, 1460, NP_UNIT_SIZE),
    TCP_COUNT("window", window, "receive window, before scaling", 1460, 65535, NP_UNIT_SIZE),
    TCP_COUNT("window_scale", window_scale, "its shift (RFC 7323)", 0, 14, NP_UNIT_COUNT),
    TCP_COUNT("initial_window", initial_window, "segments at the start (RFC 6928)", 1, 100, NP_UNIT_COUNT),
    {.key = "timestamps",
     .meaning = "12 bytes of option in each segment",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_tcp_config, timestamps)},
};

static void tcp_check(np_loading *l, const np_node *n, void *base)
{
    const np_tcp_config *c = base;
    if (c->rto_min > c->rto_max)
        np_report_node(l->report, np_node_at(n, "rto_min"),
                       "rto_min: it is above rto_max; expected at most that");
}

static const np_section tcp = {.name = "tcp", NP_FIELDS(tcp_fields), .check = tcp_check};

static const np_choice jitters[] = {
    {"full", NP_JITTER_FULL}, {"none", NP_JITTER_NONE}, {"equal", NP_JITTER_EQUAL}, {NULL, 0}};

static const np_field reconnect_fields[] = {
    {.key = "least",
     .meaning = "the wait after the first failure, before jitter",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = (double)NP_DAY,
     NP_FIELD(np_reconnect, least)},
    {.key = "most",
     .meaning = "it doubles up to this",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = (double)NP_DAY,
     NP_FIELD(np_reconnect, most)},
    {.key = "jitter",
     .meaning = "of the wait: none: all of it; full: a uniform share; equal: a share of its upper half",
     .type = NP_TYPE_CHOICE,
     .choice = jitters,
     NP_FIELD(np_reconnect, jitter)},
};

static void reconnect_check(np_loading *l, const np_node *n, void *base)
{
    const np_reconnect *r = base;
    if (r->least > r->most)
        np_report_node(l->report, np_node_at(n, "least"), "least: it is above most; expected at most that");
}

static const np_section reconnect = {
    .name = "reconnect", NP_FIELDS(reconnect_fields), .check = reconnect_check};

/* ---- the scenario ---- */

#define MOST_CLIENTS 16000000u

static void top_check(np_loading *l, const np_node *n, void *base)
{
    const np_scenario *s = base;
    char duration[40];
    if (s->world.warmup >= s->world.duration)
        np_report_node(l->report, np_node_at(n, "warmup"),
                       "warmup: nothing would be left of the duration of %s; expected less than that",
                       np_time_format(duration, sizeof duration, s->world.duration));
    uint64_t clients = 0;
    bool roams = false;
    for (uint32_t i = 0; i < s->world.groups; ++i) {
        const np_dist *every = &s->world.group[i].churn.roam;
        clients += s->world.group[i].count;
        roams = roams || every->kind != NP_DIST_CONSTANT || every->a > 0;
    }
    if (clients > MOST_CLIENTS || (roams && clients > MOST_CLIENTS / 2))
        np_report_node(l->report, np_node_at(n, "clients"),
                       "clients: %llu are too many for the addresses of 10.0.0.0/8; expected at most %u%s",
                       (unsigned long long)clients, roams ? MOST_CLIENTS / 2 : MOST_CLIENTS,
                       roams ? ", because those that roam have two" : "");
}

static const np_field top_fields[] = {
    {.key = "name",
     .meaning = "of the scenario; the file's by default",
     .type = NP_TYPE_TEXT,
     NP_FIELD(np_scenario, name)},
    {.key = "about", .meaning = "what it is about", .type = NP_TYPE_TEXT, NP_FIELD(np_scenario, about)},
    {.key = "duration",
     .meaning = "simulated time",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_scenario, world.duration)},
    {.key = "warmup",
     .meaning = "time at the start that no figure counts; a tenth of the duration by default",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     NP_FIELD(np_scenario, world.warmup)},
    {.key = "seed",
     .meaning = "of all that is random",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     NP_FIELD(np_scenario, world.seed)},
    {.key = "replicas",
     .meaning = "runs with different draws; intervals are over them",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 100000,
     NP_FIELD(np_scenario, replicas)},
    {.key = "nat",
     .meaning =
         "the box: a profile, or a map that may override one; a list is a chain, from the clients outwards",
     .type = NP_TYPE_OWN,
     .form = "profile or map",
     .section = &np_section_nat,
     .read = read_nat,
     .write = write_nat},
    {.key = "access",
     .meaning = "the link between clients and box",
     .type = NP_TYPE_OWN,
     .form = "map",
     .section = &np_section_link,
     .read = np_access_read,
     .write = np_access_write},
    {.key = "core",
     .meaning = "the link between box and servers",
     .type = NP_TYPE_OWN,
     .form = "map",
     .section = &np_section_link,
     .read = np_core_read,
     .write = np_core_write},
    {.key = "servers", .meaning = "the servers", .type = NP_TYPE_SECTION, .section = &servers},
    {.key = "tcp",
     .meaning = "constants of both ends",
     .type = NP_TYPE_SECTION,
     .section = &tcp,
     NP_FIELD(np_scenario, world.tcp)},
    {.key = "reconnect",
     .meaning = "back-off after a failure, and its jitter",
     .type = NP_TYPE_SECTION,
     .section = &reconnect,
     NP_FIELD(np_scenario, world.reconnect)},
    {.key = "clients",
     .meaning = "the groups behind the box",
     .type = NP_TYPE_OWN,
     .form = "a list of client groups",
     .required = true,
     .section = &np_section_client,
     .read = np_clients_read,
     .write = np_clients_write},
    {.key = "strategies",
     .meaning = "ways of keeping connections: the columns of the comparison",
     .type = NP_TYPE_OWN,
     .form = "a list of strategies",
     .required = true,
     .section = &np_section_strategy,
     .read = np_strategies_read,
     .write = np_strategies_write},
    {.key = "precision",
     .meaning =
         "replicas are added until the 95 % intervals of these figures are that narrow, or max_replicas; "
         "off: none",
     .type = NP_TYPE_OWN,
     .form = "a map of figures to shares, and max_replicas",
     .read = np_precision_read,
     .write = np_precision_write},
    {.key = "expect",
     .meaning = "what must hold: `run` and `sweep` end with status 1 where it does not",
     .type = NP_TYPE_OWN,
     .form = "a list of FIGURE of STRATEGY > VALUE",
     .read = np_expect_read,
     .write = np_expect_write},
    {.key = "vary",
     .meaning = "paths and their values: the cross product is run for every strategy",
     .type = NP_TYPE_OWN,
     .form = "a map of paths to lists of values",
     .read = np_vary_read,
     .write = np_vary_write},
};

const np_section np_section_top = {.name = "the scenario", NP_FIELDS(top_fields), .check = top_check};
