/*
 * The keys of `nat`, and of the profiles in profiles/nat.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT(name, class, text)                                                                           \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_WHOLE, .unit = NP_UNIT_TIME,                           \
        .offset = offsetof(np_nat_draft, nat.timeout[class]), .size = sizeof(np_time),                       \
        .least = (double)NP_MILLISECOND, .most = NP_LONGEST_TIME                                             \
    }

/* All classes of TCP but the established one. */
static void read_transitory(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_nat_draft *draft = base;
    np_field one = *f;
    one.type = NP_TYPE_WHOLE;
    np_section alone = {.name = f->key, .field = &one, .fields = 1};
    np_node map = {.kind = NP_NODE_MAP, .line = n->line, .column = n->column, .source = n->source};
    np_node value = *n;
    np_node_append(&map, &value);

    for (int class = NP_TIMEOUT_TCP_SYN_SENT; class <= NP_TIMEOUT_TCP_SYN_SENT2; ++class) {
        if (class == NP_TIMEOUT_TCP_ESTABLISHED) continue;
        np_section_layer(l, &alone, &map, &draft->nat.timeout[class]);
    }
}

static const np_field timeout_fields[] = {
    {.key = "tcp_transitory",
     .meaning = "sets all of TCP but tcp_established; those said beside it override it",
     .type = NP_TYPE_OWN,
     .unit = NP_UNIT_TIME,
     .size = sizeof(np_time),
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .form = "duration",
     .read = read_transitory},
    TIMEOUT("tcp_syn_sent", NP_TIMEOUT_TCP_SYN_SENT, "a SYN was seen, nothing back"),
    TIMEOUT("tcp_syn_recv", NP_TIMEOUT_TCP_SYN_RECV, "SYN and SYN/ACK were seen"),
    TIMEOUT("tcp_established", NP_TIMEOUT_TCP_ESTABLISHED, "the connection is open"),
    TIMEOUT("tcp_fin_wait", NP_TIMEOUT_TCP_FIN_WAIT, "one FIN was seen"),
    TIMEOUT("tcp_close_wait", NP_TIMEOUT_TCP_CLOSE_WAIT, "the FIN was acknowledged"),
    TIMEOUT("tcp_last_ack", NP_TIMEOUT_TCP_LAST_ACK, "both FINs were seen"),
    TIMEOUT("tcp_time_wait", NP_TIMEOUT_TCP_TIME_WAIT, "both FINs were acknowledged"),
    TIMEOUT("tcp_close", NP_TIMEOUT_TCP_CLOSE, "an RST was seen"),
    TIMEOUT("tcp_max_retrans", NP_TIMEOUT_TCP_MAX_RETRANS,
            "data was retransmitted again and again, unanswered"),
    TIMEOUT("tcp_unacknowledged", NP_TIMEOUT_TCP_UNACKNOWLEDGED, "data was sent and not acknowledged yet"),
    TIMEOUT("tcp_syn_sent2", NP_TIMEOUT_TCP_SYN_SENT2, "SYNs were seen from both sides"),
    TIMEOUT("udp", NP_TIMEOUT_UDP, "UDP seen in one direction"),
    TIMEOUT("udp_stream", NP_TIMEOUT_UDP_STREAM, "UDP seen in both directions"),
    TIMEOUT("icmp", NP_TIMEOUT_ICMP, "ICMP echo"),
    TIMEOUT("other", NP_TIMEOUT_OTHER, "any other protocol"),
};
static const np_section timeouts = {.name = "timeouts", NP_FIELDS(timeout_fields)};

/* ---- ports ---- */

static void read_range(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_nat_draft *draft = base;
    char quoted[NP_QUOTED];
    char *end = NULL;

    if (!np_node_expect(l, n, NP_NODE_TEXT, f->key, f->form)) return;
    np_quote(quoted, sizeof quoted, n->text);
    size_t digits = strspn(n->text, "0123456789");
    unsigned long low = 0, high = 0;
    bool good = digits > 0 && digits < 6 && n->text[digits] == '-' &&
                strchr("0123456789", n->text[digits + 1]) != NULL;
    if (good) {
        low = strtoul(n->text, NULL, 10);
        high = strtoul(n->text + digits + 1, &end, 10);
        good = *end == '\0' && end != n->text + digits + 1;
    }
    if (!good)
        np_report_node(l->report, n, "range: %s is not %s", quoted, f->form);
    else if (low < 1 || high > UINT16_MAX)
        np_report_node(l->report, n, "range: %s is out of range; expected ports from 1 to 65535", quoted);
    else if (low > high)
        np_report_node(l->report, n, "range: %s runs backwards; expected the lower port first", quoted);
    else {
        draft->nat.ports.low = (uint16_t)low;
        draft->nat.ports.high = (uint16_t)high;
    }
}

static void write_range(np_writer *w, const np_field *f, const void *base)
{
    const np_nat_draft *draft = base;
    np_write_key(w, f->key);
    fprintf(w->out, " %u-%u\n", (unsigned)draft->nat.ports.low, (unsigned)draft->nat.ports.high);
}

static const np_choice selects[] = {{"preserve", NP_PORT_PRESERVE},
                                    {"random", NP_PORT_RANDOM},
                                    {"sequential", NP_PORT_SEQUENTIAL},
                                    {"linux", NP_PORT_LINUX},
                                    {NULL, 0}};

static const np_field port_fields[] = {
    {.key = "select",
     .meaning =
         "which external port a new mapping gets; preserve: the client's own where it is free; linux: as "
         "masquerade",
     .type = NP_TYPE_CHOICE,
     .choice = selects,
     NP_FIELD(np_nat_draft, nat.ports.select)},
    {.key = "range",
     .meaning =
         "external ports, inclusive; preserve may go outside of them; linux: 1-65535 keeps a port's class",
     .type = NP_TYPE_OWN,
     .form = "a range of ports (such as 1024-65535)",
     .read = read_range,
     .write = write_range},
    {.key = "addresses",
     .meaning = "public addresses",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65536,
     NP_FIELD(np_nat_draft, nat.ports.addresses)},
    {.key = "block",
     .meaning = "ports are given to inside hosts in blocks of so many",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65535,
     .zero = "none",
     NP_FIELD(np_nat_draft, nat.ports.block)},
    {.key = "blocks",
     .meaning = "most blocks an inside host can have",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65535,
     NP_FIELD(np_nat_draft, nat.ports.blocks)},
    {.key = "per_host",
     .meaning = "most mappings an inside host can have",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 1 << 26,
     .zero = "unlimited",
     NP_FIELD(np_nat_draft, nat.ports.per_host)},
    {.key = "hold",
     .meaning = "so long after its use a port is given to no other inside host",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .zero = "none",
     NP_FIELD(np_nat_draft, nat.ports.hold)},
};
static const np_section ports = {.name = "ports", NP_FIELDS(port_fields)};

/* ---- time and work ---- */

static const np_field adaptive_fields[] = {
    {.key = "start",
     .meaning = "above so many mappings all timeouts shrink in proportion",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     NP_FIELD(np_nat_draft, nat.adaptive.start)},
    {.key = "end",
     .meaning = "they would be nothing at so many, which may be above the capacity",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 1e9,
     .zero = "none",
     NP_FIELD(np_nat_draft, nat.adaptive.end)},
};
static const np_section adaptive = {.name = "adaptive", NP_FIELDS(adaptive_fields)};

static const np_field cpu_fields[] = {
    {.key = "rate",
     .meaning = "packets per second",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 1e9,
     .zero = "unlimited",
     NP_FIELD(np_nat_draft, nat.cpu.rate)},
    {.key = "queue",
     .meaning = "packets that can wait for it; more are dropped",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .most = 1e9,
     NP_FIELD(np_nat_draft, nat.cpu.queue)},
};
static const np_section cpu = {.name = "cpu", NP_FIELDS(cpu_fields)};

static void read_expiry(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    static const np_field sweep_fields[] = {
        {.key = "sweep",
         .meaning = "how often mappings past their deadline are taken",
         .type = NP_TYPE_WHOLE,
         .unit = NP_UNIT_TIME,
         .size = sizeof(np_time),
         .least = (double)NP_MILLISECOND,
         .most = NP_LONGEST_TIME,
         .required = true},
    };
    static const np_section sweep = {.name = "expiry", NP_FIELDS(sweep_fields)};
    np_nat_draft *draft = base;
    char quoted[NP_QUOTED];

    if (n->kind == NP_NODE_MAP) {
        draft->nat.expiry = NP_EXPIRY_SWEEP;
        np_section_layer(l, &sweep, n, &draft->nat.sweep);
        return;
    }
    if (!np_node_expect(l, n, NP_NODE_TEXT, f->key, f->form)) return;
    if (strcmp(n->text, "exact") == 0)
        draft->nat.expiry = NP_EXPIRY_EXACT;
    else if (strcmp(n->text, "lazy") == 0)
        draft->nat.expiry = NP_EXPIRY_LAZY;
    else
        np_report_node(l->report, n, "expiry: %s is not %s", np_quote(quoted, sizeof quoted, n->text),
                       f->form);
}

static void write_expiry(np_writer *w, const np_field *f, const void *base)
{
    const np_nat_draft *draft = base;
    char buf[NP_MEASURE_TEXT];
    np_write_key(w, f->key);
    if (draft->nat.expiry == NP_EXPIRY_SWEEP)
        fprintf(w->out, " {sweep: %s}\n", np_time_format(buf, sizeof buf, draft->nat.sweep));
    else
        fprintf(w->out, " %s\n", draft->nat.expiry == NP_EXPIRY_LAZY ? "lazy" : "exact");
}

/* ---- the box ---- */

static const np_choice refreshes[] = {
    {"both", NP_REFRESH_BOTH}, {"outbound", NP_REFRESH_OUTBOUND}, {"inbound", NP_REFRESH_INBOUND}, {NULL, 0}};
static const np_choice dependences[] = {{"endpoint-independent", NP_ENDPOINT_INDEPENDENT},
                                        {"address-dependent", NP_ADDRESS_DEPENDENT},
                                        {"address-and-port-dependent", NP_ADDRESS_AND_PORT_DEPENDENT},
                                        {NULL, 0}};
static const np_choice farewells[] = {{"silent", NP_AT_EXPIRY_SILENT},
                                      {"reset-inside", NP_AT_EXPIRY_RESET_INSIDE},
                                      {"reset-both", NP_AT_EXPIRY_RESET_BOTH},
                                      {"reset-on-talk", NP_AT_EXPIRY_RESET_ON_TALK},
                                      {NULL, 0}};
static const np_choice trackers[] = {{"none", NP_TRACK_NONE},
                                     {"linux", NP_TRACK_LINUX},
                                     {"flags", NP_TRACK_FLAGS},
                                     {"pf", NP_TRACK_PF},
                                     {NULL, 0}};
static const np_choice invalids[] = {{"drop", NP_INVALID_DROP}, {"leak", NP_INVALID_LEAK}, {NULL, 0}};
static const np_choice unknown_outs[] = {
    {"adopt", NP_UNKNOWN_ADOPT}, {"drop", NP_UNKNOWN_DROP}, {"reset", NP_UNKNOWN_RESET}, {NULL, 0}};
static const np_choice unknown_ins[] = {{"drop", NP_UNKNOWN_DROP}, {"reset", NP_UNKNOWN_RESET}, {NULL, 0}};

#define MOST_MAPPINGS (1 << 26) /* np_nat_config.capacity */

static void begin(void *base)
{
    np_nat_draft *draft = base;
    *draft = (np_nat_draft){.memory = 0};
    np_nat_defaults(&draft->nat);
}

/* The deepest node on the path that a text begins with. */
static const np_node *place_of(const np_node *n, const char *text)
{
    char key[40];
    for (size_t dot; (dot = strcspn(text, ". ")) < sizeof key && n->kind == NP_NODE_MAP; text += dot + 1) {
        memcpy(key, text, dot);
        key[dot] = '\0';
        const np_node *child = np_node_get(n, key);
        if (child == NULL) break;
        n = child;
        if (text[dot] == ' ') break;
    }
    return n;
}

/* A capacity said above a profile's memory wins over it, and the other way round. */
static void layered(np_loading *l, const np_node *map, void *base)
{
    np_nat_draft *draft = base;
    const np_node *capacity = np_node_get(map, "capacity"), *memory = np_node_get(map, "memory");
    if (capacity && memory)
        np_report_node(l->report, memory->key, "capacity and memory are both given; expected one of them");
    if (capacity) draft->memory = 0;
}

static void check_memory(np_loading *l, const np_node *n, np_nat_draft *draft)
{
    if (draft->memory == 0) return;
    const np_node *at = np_node_at(n, "memory");
    if (draft->entry_bytes == 0) {
        np_report_node(l->report, at, "memory needs entry_bytes beside it: the bytes one mapping takes");
        return;
    }
    uint64_t capacity = draft->memory / draft->entry_bytes;
    if (capacity < 1 || capacity > MOST_MAPPINGS)
        np_report_node(l->report, at, "memory: there is room for %llu mappings; expected 1 to %d",
                       (unsigned long long)capacity, MOST_MAPPINGS);
    else
        draft->nat.capacity = (uint32_t)capacity;
}

/* What np_nat_check finds is put where the key stands that it begins with. */
static void check(np_loading *l, const np_node *n, void *base)
{
    np_nat_draft *draft = base;
    uint32_t before = l->report->n;
    np_error e;
    check_memory(l, n, draft);
    if (l->report->n != before || np_nat_check(&draft->nat, &e)) return;
    const char *text = strstr(e.text, ": ");
    text = text == NULL ? e.text : text + 2; /* without the profile's name */
    np_report_node(l->report, place_of(n, text), "%s", text);
}

static const np_field fields[] = {
    {.key = "name",
     .meaning = "for messages; the profile's by default",
     .type = NP_TYPE_TEXT,
     NP_FIELD(np_nat_draft, nat.name)},
    {.key = "memory",
     .meaning = "in place of a capacity: room for memory / entry_bytes mappings",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_SIZE,
     .least = 1,
     .most = 1e15,
     .unwritten = true,
     NP_FIELD(np_nat_draft, memory)},
    {.key = "entry_bytes",
     .meaning = "memory one mapping takes",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_SIZE,
     .least = 1,
     .most = 1e9,
     .unwritten = true,
     NP_FIELD(np_nat_draft, entry_bytes)},
    {.key = "capacity",
     .meaning = "mappings the table holds",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = MOST_MAPPINGS,
     NP_FIELD(np_nat_draft, nat.capacity)},
    {.key = "evict",
     .meaning = "what happens to a new flow when the table is full; lru: the longest idle mapping goes",
     .type = NP_TYPE_LISTED,
     .listed = np_evict_list,
     NP_FIELD(np_nat_draft, nat.evict)},
    {.key = "buckets",
     .meaning = "evict linux-early-drop: hash buckets (nf_conntrack_buckets); 0: as many as capacity",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 0,
     .most = MOST_MAPPINGS,
     NP_FIELD(np_nat_draft, nat.buckets)},
    {.key = "timeouts",
     .meaning = "idle times after which a mapping goes, by protocol and state",
     .type = NP_TYPE_SECTION,
     .section = &timeouts},
    {.key = "refresh",
     .meaning = "whose packets renew a mapping",
     .type = NP_TYPE_CHOICE,
     .choice = refreshes,
     NP_FIELD(np_nat_draft, nat.refresh)},
    {.key = "adaptive",
     .meaning = "timeouts that shrink as the table fills",
     .type = NP_TYPE_SECTION,
     .section = &adaptive},
    {.key = "expiry",
     .meaning =
         "exact: at the deadline; lazy: when next looked at or in the way; {sweep: 10s}: every so long, and "
         "revived until then",
     .type = NP_TYPE_OWN,
     .form = "exact, lazy or {sweep: DURATION}",
     .read = read_expiry,
     .write = write_expiry},
    {.key = "at_expiry",
     .meaning = "what becomes of a TCP connection whose mapping times out; reset-on-talk: whoever talks next "
                "is reset",
     .type = NP_TYPE_CHOICE,
     .choice = farewells,
     NP_FIELD(np_nat_draft, nat.at_expiry)},
    {.key = "mapping",
     .meaning = "which flows of an inside endpoint have the same external endpoint (RFC 4787 4.1)",
     .type = NP_TYPE_CHOICE,
     .choice = dependences,
     NP_FIELD(np_nat_draft, nat.mapping)},
    {.key = "filtering",
     .meaning = "from whom an external endpoint lets packets in (RFC 4787 5)",
     .type = NP_TYPE_CHOICE,
     .choice = dependences,
     NP_FIELD(np_nat_draft, nat.filtering)},
    {.key = "hairpin",
     .meaning = "inside hosts reach each other at their external endpoints (RFC 4787 6)",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_nat_draft, nat.hairpin)},
    {.key = "tracker",
     .meaning = "how packets are judged by their protocol; linux: nf_conntrack; flags: VPP; pf: pf",
     .type = NP_TYPE_CHOICE,
     .choice = trackers,
     NP_FIELD(np_nat_draft, nat.tracker)},
    {.key = "loose",
     .meaning = "tracker linux: TCP flows are picked up in the middle",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_nat_draft, nat.loose)},
    {.key = "be_liberal",
     .meaning = "tracker linux: a packet out of the window is not invalid",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_nat_draft, nat.be_liberal)},
    {.key = "invalid",
     .meaning = "what the tracker refuses from inside; leak: it goes out untranslated",
     .type = NP_TYPE_CHOICE,
     .choice = invalids,
     NP_FIELD(np_nat_draft, nat.invalid)},
    {.key = "unknown_outbound",
     .meaning = "a mid-stream TCP packet from inside without a mapping; with a tracker: one that it refuses",
     .type = NP_TYPE_CHOICE,
     .choice = unknown_outs,
     NP_FIELD(np_nat_draft, nat.unknown_outbound)},
    {.key = "unknown_inbound",
     .meaning = "a packet from outside without a mapping, or one that the tracker refuses",
     .type = NP_TYPE_CHOICE,
     .choice = unknown_ins,
     NP_FIELD(np_nat_draft, nat.unknown_inbound)},
    {.key = "ports", .meaning = "external ports and addresses", .type = NP_TYPE_SECTION, .section = &ports},
    {.key = "cpu", .meaning = "how many packets it can handle", .type = NP_TYPE_SECTION, .section = &cpu},
    {.key = "restart",
     .meaning = "the box loses its table",
     .type = NP_TYPE_SECTION,
     .section = &np_section_nat_restart,
     NP_FIELD(np_nat_draft, restart)},
};

const np_section np_section_nat = {
    .name = "nat",
    .kind = "nat",
    NP_FIELDS(fields),
    .begin = begin,
    .layered = layered,
    .check = check,
    .figure = {"capacity", "evict", "timeouts.tcp_established", "timeouts.udp", "timeouts.udp_stream"}};
