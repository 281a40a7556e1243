/*
 * The keys of `nat`, and of the profiles in profiles/nat.
 */
#include "schema_nat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- work ---- */

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

/* ---- the box ---- */

static const np_choice refreshes[] = {{"both", NP_REFRESH_BOTH},
                                      {"outbound", NP_REFRESH_OUTBOUND},
                                      {"inbound", NP_REFRESH_INBOUND},
                                      {"udp-outbound", NP_REFRESH_UDP_OUTBOUND},
                                      {NULL, 0}};
static const np_choice dependences[] = {{"endpoint-independent", NP_ENDPOINT_INDEPENDENT},
                                        {"address-dependent", NP_ADDRESS_DEPENDENT},
                                        {"address-and-port-dependent", NP_ADDRESS_AND_PORT_DEPENDENT},
                                        {NULL, 0}};
static const np_choice farewells[] = {{"silent", NP_AT_EXPIRY_SILENT},
                                      {"reset-inside", NP_AT_EXPIRY_RESET_INSIDE},
                                      {"reset-both", NP_AT_EXPIRY_RESET_BOTH},
                                      {"reset-on-talk", NP_AT_EXPIRY_RESET_ON_TALK},
                                      {"reset-inside-on-talk", NP_AT_EXPIRY_RESET_INSIDE_ON_TALK},
                                      {NULL, 0}};
static const np_choice trackers[] = {{"none", NP_TRACK_NONE},     {"linux", NP_TRACK_LINUX},
                                     {"flags", NP_TRACK_FLAGS},   {"pf", NP_TRACK_PF},
                                     {"states", NP_TRACK_STATES}, {NULL, 0}};
static const np_choice invalids[] = {{"drop", NP_INVALID_DROP}, {"leak", NP_INVALID_LEAK}, {NULL, 0}};
static const np_choice unknown_outs[] = {
    {"adopt", NP_UNKNOWN_ADOPT}, {"drop", NP_UNKNOWN_DROP}, {"reset", NP_UNKNOWN_RESET}, {NULL, 0}};
static const np_choice unknown_ins[] = {{"drop", NP_UNKNOWN_DROP}, {"reset", NP_UNKNOWN_RESET}, {NULL, 0}};

static void begin(void *base)
{
    np_nat_draft *draft = base;
    np_nat_config c;
    np_nat_defaults(&c);
    *draft = np_nat_draft_of(&c, &(np_nat_restart){0});
}

/* A share of the capacity, in mappings. */
static uint32_t mappings_of(np_portion p, uint32_t capacity, bool up)
{
    if (p.share <= 0) return p.count;
    double n = p.share * capacity;
    return (uint32_t)(up ? ceil(n) : floor(n));
}

static void settle_portions(np_nat_draft *draft)
{
    np_nat_config *c = &draft->nat;
    c->adaptive.start = mappings_of(draft->start, c->capacity, false);
    c->adaptive.end = mappings_of(draft->end, c->capacity, true);
    c->adaptive.steps = draft->steps;
    for (uint32_t i = 0; i < draft->steps; ++i)
        c->adaptive.step[i] = (np_fill_step){.above = mappings_of(draft->step[i].above, c->capacity, false),
                                             .until = mappings_of(draft->step[i].until, c->capacity, false),
                                             .most = draft->step[i].most};
    c->ports.per_host = mappings_of(draft->per_host, c->capacity, false);
    if (draft->per_host.share > 0 && c->ports.per_host == 0) c->ports.per_host = 1;
}

np_nat_draft np_nat_draft_of(const np_nat_config *c, const np_nat_restart *restart)
{
    np_nat_draft draft = {.nat = *c,
                          .restart = *restart,
                          .start.count = c->adaptive.start,
                          .end.count = c->adaptive.end,
                          .per_host.count = c->ports.per_host,
                          .steps = c->adaptive.steps};
    for (uint32_t i = 0; i < c->adaptive.steps; ++i)
        draft.step[i] = (np_fill_draft){.above.count = c->adaptive.step[i].above,
                                        .until.count = c->adaptive.step[i].until,
                                        .most = c->adaptive.step[i].most};
    return draft;
}

/* The deepest node on a path of keys and numbers of entries, which ends at a space or the text's end; n
   itself when not even the first key is there. */
static const np_node *follow(const np_node *n, const char *path)
{
    char key[40];
    for (size_t length; (length = strcspn(path, ". ")) > 0 && length < sizeof key; path += length + 1) {
        memcpy(key, path, length);
        key[length] = '\0';
        const np_node *child = NULL;
        if (n->kind == NP_NODE_MAP) child = np_node_get(n, key);
        if (n->kind == NP_NODE_LIST) {
            unsigned long i = strtoul(key, NULL, 10);
            for (child = n->first; child && i > 0; --i) child = child->next;
        }
        if (!child) break;
        n = child;
        if (path[length] != '.') break;
    }
    return n;
}

/* Where one of these keys (with spaces between) is said: in the uppermost layer that says any of them. n
   itself when none does. */
static const np_node *place_of(np_loading *l, const np_node *n, const char *keys)
{
    enum { MOST_LAYERS = 32 };
    const np_node *layer = n;
    for (int i = 0; layer && i < MOST_LAYERS; ++i) {
        if (layer->kind == NP_NODE_TEXT) {
            layer = np_profile_tree(l, &np_section_nat, layer);
            continue;
        }
        for (const char *key = keys; *key; key += strcspn(key, " "), key += *key == ' ') {
            const np_node *at = follow(layer, key);
            if (at != layer) return at;
        }
        layer = np_node_get(layer, layer->source->profile ? "base" : "profile");
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
    if (capacity < 1 || capacity > NP_MAPPINGS_MOST)
        np_report_node(l->report, at, "memory: there is room for %llu mappings; expected 1 to %d",
                       (unsigned long long)capacity, NP_MAPPINGS_MOST);
    else
        draft->nat.capacity = (uint32_t)capacity;
}

typedef struct checking {
    np_loading *l;
    const np_node *n;
} checking;

static void complain(void *ctx, const char *keys, const char *text)
{
    const checking *k = ctx;
    np_report_node(k->l->report, place_of(k->l, k->n, keys), "%s", text);
}

static void check(np_loading *l, const np_node *n, void *base)
{
    np_nat_draft *draft = base;
    uint32_t before = l->report->n;
    check_memory(l, n, draft);
    if (l->report->n != before) return;
    settle_portions(draft);
    np_nat_check_each(&draft->nat, complain, &(checking){l, n});
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
     .most = NP_MAPPINGS_MOST,
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
     .most = NP_MAPPINGS_MOST,
     NP_FIELD(np_nat_draft, nat.buckets)},
    {.key = "cpus",
     .meaning = "evict bpf-lru: CPUs that flows are spread over, each with free places of its own",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = NP_CPUS_MOST,
     NP_FIELD(np_nat_draft, nat.cpus)},
    {.key = "timeouts",
     .meaning = "idle times after which a mapping goes, by protocol and state",
     .type = NP_TYPE_SECTION,
     .section = &np_section_timeouts},
    {.key = "refresh",
     .meaning = "whose packets renew a mapping; udp-outbound: outbound ones of UDP, any of the rest",
     .type = NP_TYPE_CHOICE,
     .choice = refreshes,
     NP_FIELD(np_nat_draft, nat.refresh)},
    {.key = "adaptive",
     .meaning = "timeouts that shrink as the table fills",
     .type = NP_TYPE_SECTION,
     .section = &np_section_adaptive},
    {.key = "expiry",
     .meaning =
         "exact: at the deadline; lazy: its place is free when next looked at or in the way; linux: or in "
         "the "
         "collector's; {sweep: 10s}: every so long, and revived until then; pf: a tenth of the table each "
         "second",
     .type = NP_TYPE_OWN,
     .form = "exact, lazy, linux, pf or {sweep: DURATION}",
     .read = np_expiry_read,
     .write = np_expiry_write},
    {.key = "tick",
     .meaning = "deadlines are cut to whole ticks (boxes that count in seconds: up to so much too early)",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = (double)NP_MINUTE,
     .zero = "none",
     NP_FIELD(np_nat_draft, nat.tick)},
    {.key = "at_expiry",
     .meaning = "what becomes of a TCP connection whose mapping times out; reset-on-talk: whoever talks next "
                "is reset; reset-inside-on-talk: only if that is the inside",
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
     .meaning = "how packets are judged by their protocol; linux: nf_conntrack; flags: VPP; pf: pf; states: "
                "TCP's states "
                "without windows",
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
    {.key = "ports",
     .meaning = "external ports and addresses",
     .type = NP_TYPE_SECTION,
     .section = &np_section_ports},
    {.key = "cpu", .meaning = "how many packets it can handle", .type = NP_TYPE_SECTION, .section = &cpu},
    {.key = "restart",
     .meaning = "the box loses its table",
     .type = NP_TYPE_SECTION,
     .section = &np_section_nat_restart,
     NP_FIELD(np_nat_draft, restart)},
};

const np_section np_section_nat = {.name = "nat",
                                   .kind = "nat",
                                   NP_FIELDS(fields),
                                   .begin = begin,
                                   .layered = layered,
                                   .check = check,
                                   .figure = {{"capacity", NULL},
                                              {"evict", NULL},
                                              {"timeouts.tcp_established", "tcp"},
                                              {"timeouts.udp", "udp"},
                                              {"timeouts.udp_stream", "udp_stream"}}};
