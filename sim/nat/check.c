/*
 * What a NAT box's configuration may be, and what in it does not go together: all of it, not only the first.
 */
#include "box_state.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A check on its way. */
typedef struct checking {
    const np_nat_config *c;
    void (*each)(void *ctx, const char *keys, const char *text);
    void *ctx;
    bool good;
} checking;

/* `keys`: which keys the text is about, with spaces between. */
__attribute__((format(printf, 3, 4))) static void wrong(checking *k, const char *keys, const char *format,
                                                        ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    k->good = false;
    k->each(k->ctx, keys, text);
}

static void check_size(checking *k)
{
    const np_nat_config *c = k->c;
    if (c->capacity == 0 || c->capacity > NP_TABLE_MOST)
        wrong(k, "capacity", "capacity is %" PRIu32 "; it must be 1 to %" PRIu32, c->capacity, NP_TABLE_MOST);
    if (c->buckets > NP_TABLE_MOST)
        wrong(k, "buckets", "buckets is %" PRIu32 "; it must be at most %" PRIu32, c->buckets, NP_TABLE_MOST);
    if (c->cpus == 0 || c->cpus > NP_CPUS_MOST)
        wrong(k, "cpus", "cpus is %" PRIu32 "; it must be 1 to %u", c->cpus, NP_CPUS_MOST);
    if (c->evict != NULL && np_evict_find(c->evict) != NULL) return;
    char known[300];
    size_t at = 0;
    for (const char *const *n = np_evict_list(); *n != NULL && at < sizeof known; n++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", at == 0 ? "" : ", ", *n);
    wrong(k, "evict", "evict '%s' is not known; there is: %s", c->evict == NULL ? "" : c->evict, known);
}

static void check_step(checking *k, uint32_t i)
{
    const np_fill_step *s = &k->c->adaptive.step[i];
    char keys[60];
    snprintf(keys, sizeof keys, "adaptive.steps.%" PRIu32 " capacity", i);
    if (s->until > s->above)
        wrong(k, keys,
              "adaptive.steps: a step begins above %" PRIu32 " mappings and ends at %" PRIu32
              "; it must not end above its beginning",
              s->above, s->until);
    if (s->above >= k->c->capacity)
        wrong(k, keys,
              "adaptive.steps: a step begins above %" PRIu32 " mappings, which a capacity of %" PRIu32
              " never exceeds",
              s->above, k->c->capacity);
    if (s->most <= 0) wrong(k, keys, "adaptive.steps: the timeout of a step must be more than 0");
}

static void check_adaptive(checking *k)
{
    const np_nat_config *c = k->c;
    if (c->adaptive.end != 0 && c->adaptive.start >= c->adaptive.end)
        wrong(k, "adaptive.start adaptive.end capacity",
              "adaptive.start is %" PRIu32 " and adaptive.end %" PRIu32 "; the start must be below",
              c->adaptive.start, c->adaptive.end);
    if (c->adaptive.steps > NP_FILL_STEPS_MOST) {
        wrong(k, "adaptive.steps", "adaptive.steps has %" PRIu32 " steps; at most %d are possible",
              c->adaptive.steps, NP_FILL_STEPS_MOST);
        return;
    }
    for (uint32_t i = 0; i < c->adaptive.steps; i++) check_step(k, i);
}

static void check_times(checking *k)
{
    const np_nat_config *c = k->c;
    for (int class = 0; class < NP_TIMEOUT_COUNT; class ++) {
        char text[40], keys[60];
        snprintf(keys, sizeof keys, "timeouts.%s", np_timeout_name((np_timeout) class));
        if (c->timeout[class] <= 0)
            wrong(k, keys, "%s is %s; it must be more than 0", keys,
                  c->timeout[class] < 0 ? "negative" : np_time_format(text, sizeof text, 0));
    }
    if (c->tick < 0 || c->tick > NP_MINUTE) wrong(k, "tick", "tick must be 0 to 1 min");
    if (c->expiry == NP_EXPIRY_SWEEP && c->sweep < NP_MILLISECOND)
        wrong(k, "expiry", "expiry.sweep must be 1 ms or more");
    bool resets = c->at_expiry == NP_AT_EXPIRY_RESET_INSIDE || c->at_expiry == NP_AT_EXPIRY_RESET_BOTH;
    if (resets && (c->expiry == NP_EXPIRY_LAZY || c->expiry == NP_EXPIRY_LINUX))
        wrong(k, "at_expiry expiry",
              "at_expiry sends a reset when a mapping expires, which expiry %s does not notice; it goes "
              "with exact or sweep",
              c->expiry == NP_EXPIRY_LAZY ? "lazy" : "linux");
}

static void check_rules(checking *k)
{
    const np_nat_config *c = k->c;
    if ((unsigned)c->refresh > NP_REFRESH_UDP_OUTBOUND)
        wrong(k, "refresh", "refresh must be both, outbound, inbound or udp-outbound");
    if ((unsigned)c->expiry > NP_EXPIRY_PF)
        wrong(k, "expiry", "expiry must be exact, lazy, linux, pf or sweep");
    if ((unsigned)c->at_expiry > NP_AT_EXPIRY_RESET_INSIDE_ON_TALK)
        wrong(k, "at_expiry",
              "at_expiry must be silent, reset-inside, reset-both, reset-on-talk or reset-inside-on-talk");
    if (np_tracker_of(c->tracker) == NULL && c->tracker != NP_TRACK_NONE)
        wrong(k, "tracker", "tracker is not known; there is none, linux, flags, pf and states");
    if ((unsigned)c->invalid > NP_INVALID_LEAK) wrong(k, "invalid", "invalid must be drop or leak");
    if ((unsigned)c->unknown_outbound > NP_UNKNOWN_ADOPT)
        wrong(k, "unknown_outbound", "unknown_outbound must be adopt, drop or reset");
    if ((unsigned)c->unknown_inbound > NP_UNKNOWN_RESET)
        wrong(k, "unknown_inbound", "unknown_inbound must be drop or reset");
}

static void check_dependence(checking *k)
{
    const np_nat_config *c = k->c;
    if ((unsigned)c->mapping > NP_ADDRESS_AND_PORT_DEPENDENT ||
        (unsigned)c->filtering > NP_ADDRESS_AND_PORT_DEPENDENT) {
        wrong(k, "mapping filtering",
              "mapping and filtering must be endpoint-independent, address-dependent or "
              "address-and-port-dependent");
        return;
    }
    if (c->tracker == NP_TRACK_LINUX && c->filtering != NP_ADDRESS_AND_PORT_DEPENDENT)
        wrong(
            k, "filtering tracker",
            "filtering must be address-and-port-dependent with tracker linux, which follows single flows of "
            "every protocol");
    if (c->ports.select == NP_PORT_LINUX && c->mapping == NP_ADDRESS_DEPENDENT)
        wrong(k, "ports.select mapping", "ports.select linux does not go with mapping address-dependent");
    if (c->ports.per_destination != 0 && c->mapping != NP_ADDRESS_AND_PORT_DEPENDENT)
        wrong(k, "ports.per_destination mapping",
              "ports.per_destination goes with mapping address-and-port-dependent only: other mappings "
              "are not of one destination");
}

static void check_blocks(checking *k)
{
    const np_nat_config *c = k->c;
    if (c->ports.block == 0) return;
    uint32_t range = (uint32_t)c->ports.high - c->ports.low + 1;
    if (c->ports.blocks == 0) wrong(k, "ports.blocks", "ports.blocks is 0; it must be 1 or more");
    if (c->ports.block > range)
        wrong(k, "ports.block ports.range",
              "ports.block is %" PRIu32 ", but ports.range has %" PRIu32 " ports", c->ports.block, range);
    else if ((uint64_t)c->ports.addresses * (range / c->ports.block) > NP_BLOCKS_MOST)
        wrong(k, "ports.block ports.addresses",
              "ports.block makes more than %" PRIu32 " blocks of all addresses", NP_BLOCKS_MOST);
}

/* What only a box has that looks for a port by itself. */
static void check_select(checking *k)
{
    const np_nat_config *c = k->c;
    uint32_t range = (uint32_t)c->ports.high - c->ports.low + 1;
    switch (c->ports.select) {
    case NP_PORT_PRESERVE:
        if (range == 1)
            wrong(k, "ports.select ports.range",
                  "ports.select preserve does not go with a ports.range of one port: two hosts with the "
                  "same port could not be told apart");
        break;
    case NP_PORT_LINUX:
        if (c->ports.block != 0)
            wrong(k, "ports.block ports.select", "ports.block does not go with ports.select linux");
        if (c->ports.per_destination != 0)
            wrong(k, "ports.per_destination ports.select",
                  "ports.per_destination does not go with ports.select linux");
        break;
    case NP_PORT_NONE:
        if (c->ports.block != 0)
            wrong(k, "ports.block ports.select",
                  "ports.block does not go with ports.select none, which translates nothing");
        if (c->ports.per_destination != 0)
            wrong(k, "ports.per_destination ports.select",
                  "ports.per_destination does not go with ports.select none, which translates nothing");
        if (c->ports.hold != 0)
            wrong(k, "ports.hold ports.select",
                  "ports.hold does not go with ports.select none, which translates nothing");
        break;
    default: break;
    }
}

static void check_ports(checking *k)
{
    const np_nat_config *c = k->c;
    if ((unsigned)c->ports.select > NP_PORT_NONE)
        wrong(k, "ports.select", "ports.select must be preserve, random, sequential, linux or none");
    uint32_t most = UINT32_MAX - np_addr_to_ipv4(&c->ports.first);
    if (c->ports.addresses == 0 || c->ports.addresses - 1 > most) {
        char text[46];
        wrong(k, "ports.addresses", "ports.addresses is %" PRIu32 "; from %s on it must be 1 to %" PRIu64,
              c->ports.addresses, np_addr_format(text, sizeof text, &c->ports.first, 4), (uint64_t)most + 1);
    }
    if (c->ports.per_host > c->capacity)
        wrong(k, "ports.per_host capacity", "ports.per_host is %" PRIu32 ", but capacity is only %" PRIu32,
              c->ports.per_host, c->capacity);
    if (c->ports.hold < 0) wrong(k, "ports.hold", "ports.hold is negative");
    if (c->ports.tries == 0) wrong(k, "ports.tries", "ports.tries is 0; it must be 1 or more");
    if (c->ports.low == 0 || c->ports.low > c->ports.high) {
        wrong(k, "ports.range", "ports.range is %u to %u; it must be 1 to 65535, the lower end first",
              c->ports.low, c->ports.high);
        return;
    }
    check_blocks(k);
    check_select(k);
}

bool np_nat_check_each(const np_nat_config *c, void (*each)(void *ctx, const char *keys, const char *text),
                       void *ctx)
{
    checking k = {.c = c, .each = each, .ctx = ctx, .good = true};
    check_size(&k);
    check_rules(&k);
    check_times(&k);
    check_adaptive(&k);
    check_ports(&k);
    check_dependence(&k);
    return k.good;
}

/* The first of what is wrong, with the name of the box. */
typedef struct first {
    const char *name;
    np_error *e;
    bool there;
} first;

static void keep_first(void *ctx, const char *keys, const char *text)
{
    (void)keys;
    first *f = ctx;
    if (!f->there)
        np_fail(f->e, NP_TROUBLE_USAGE, "nat %s: %s", f->name == NULL ? "(unnamed)" : f->name, text);
    f->there = true;
}

bool np_nat_check(const np_nat_config *c, np_error *e)
{
    first f = {.name = c->name, .e = e};
    return np_nat_check_each(c, keep_first, &f);
}
