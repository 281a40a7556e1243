/*
 * What a NAT box's configuration may be, and what in it does not go together.
 */
#include "box_state.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* "nat NAME: ..." */
__attribute__((format(printf, 3, 4))) static bool wrong(const np_nat_config *c, np_error *e,
                                                        const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return np_fail(e, NP_TROUBLE_USAGE, "nat %s: %s", c->name == NULL ? "(unnamed)" : c->name, text);
}

static bool check_size(const np_nat_config *c, np_error *e)
{
    if (c->capacity == 0 || c->capacity > NP_TABLE_MOST)
        return wrong(c, e, "capacity is %" PRIu32 "; it must be 1 to %" PRIu32, c->capacity, NP_TABLE_MOST);
    if (c->buckets > NP_TABLE_MOST)
        return wrong(c, e, "buckets is %" PRIu32 "; it must be at most %" PRIu32, c->buckets, NP_TABLE_MOST);
    if (c->evict != NULL && np_evict_find(c->evict) != NULL) return true;
    char known[300];
    size_t at = 0;
    for (const char *const *n = np_evict_list(); *n != NULL && at < sizeof known; n++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", at == 0 ? "" : ", ", *n);
    return wrong(c, e, "evict '%s' is not known; there is: %s", c->evict == NULL ? "" : c->evict, known);
}

static bool check_times(const np_nat_config *c, np_error *e)
{
    for (int class = 0; class < NP_TIMEOUT_COUNT; class ++) {
        char text[40];
        if (c->timeout[class] <= 0)
            return wrong(c, e, "timeouts.%s is %s; it must be more than 0",
                         np_timeout_name((np_timeout) class),
                         c->timeout[class] < 0 ? "negative" : np_time_format(text, sizeof text, 0));
    }
    if (c->adaptive.end != 0 && c->adaptive.start >= c->adaptive.end)
        return wrong(c, e,
                     "adaptive.start is %" PRIu32 " and adaptive.end %" PRIu32 "; the start must be below",
                     c->adaptive.start, c->adaptive.end);
    if (c->expiry == NP_EXPIRY_SWEEP && c->sweep < NP_MILLISECOND)
        return wrong(c, e, "expiry.sweep must be 1 ms or more");
    bool resets = c->at_expiry == NP_AT_EXPIRY_RESET_INSIDE || c->at_expiry == NP_AT_EXPIRY_RESET_BOTH;
    if (resets && c->expiry == NP_EXPIRY_LAZY)
        return wrong(
            c, e,
            "at_expiry sends a reset when a mapping expires, which expiry lazy does not notice; it goes "
            "with exact or sweep");
    return true;
}

static bool check_rules(const np_nat_config *c, np_error *e)
{
    if ((unsigned)c->refresh > NP_REFRESH_INBOUND)
        return wrong(c, e, "refresh must be both, outbound or inbound");
    if ((unsigned)c->expiry > NP_EXPIRY_SWEEP) return wrong(c, e, "expiry must be exact, lazy or sweep");
    if ((unsigned)c->at_expiry > NP_AT_EXPIRY_RESET_ON_TALK)
        return wrong(c, e, "at_expiry must be silent, reset-inside, reset-both or reset-on-talk");
    if (np_tracker_of(c->tracker) == NULL && c->tracker != NP_TRACK_NONE)
        return wrong(c, e, "tracker is not known; there is none, linux, flags and pf");
    if ((unsigned)c->invalid > NP_INVALID_LEAK) return wrong(c, e, "invalid must be drop or leak");
    if ((unsigned)c->unknown_outbound > NP_UNKNOWN_ADOPT)
        return wrong(c, e, "unknown_outbound must be adopt, drop or reset");
    if ((unsigned)c->unknown_inbound > NP_UNKNOWN_RESET)
        return wrong(c, e, "unknown_inbound must be drop or reset");
    return true;
}

static bool check_dependence(const np_nat_config *c, np_error *e)
{
    if ((unsigned)c->mapping > NP_ADDRESS_AND_PORT_DEPENDENT ||
        (unsigned)c->filtering > NP_ADDRESS_AND_PORT_DEPENDENT)
        return wrong(c, e,
                     "mapping and filtering must be endpoint-independent, address-dependent or "
                     "address-and-port-dependent");
    if (c->tracker != NP_TRACK_NONE && c->filtering != NP_ADDRESS_AND_PORT_DEPENDENT)
        return wrong(
            c, e, "tracker follows single flows, which goes with filtering address-and-port-dependent only");
    if (c->ports.select == NP_PORT_LINUX && c->mapping == NP_ADDRESS_DEPENDENT)
        return wrong(c, e, "ports.select linux does not go with mapping address-dependent");
    return true;
}

static bool check_blocks(const np_nat_config *c, np_error *e)
{
    uint32_t range = (uint32_t)c->ports.high - c->ports.low + 1;
    if (c->ports.block == 0) return true;
    if (c->ports.block > range)
        return wrong(c, e, "ports.block is %" PRIu32 ", but ports.range has %" PRIu32 " ports",
                     c->ports.block, range);
    if (c->ports.blocks == 0) return wrong(c, e, "ports.blocks is 0; it must be 1 or more");
    if (c->ports.select == NP_PORT_LINUX)
        return wrong(c, e, "ports.block does not go with ports.select linux");
    if ((uint64_t)c->ports.addresses * (range / c->ports.block) > NP_BLOCKS_MOST)
        return wrong(c, e, "ports.block makes more than %" PRIu32 " blocks of all addresses", NP_BLOCKS_MOST);
    return true;
}

static bool check_ports(const np_nat_config *c, np_error *e)
{
    if ((unsigned)c->ports.select > NP_PORT_LINUX)
        return wrong(c, e, "ports.select must be preserve, random, sequential or linux");
    if (c->ports.low == 0 || c->ports.low > c->ports.high)
        return wrong(c, e, "ports.range is %u to %u; it must be 1 to 65535, the lower end first",
                     c->ports.low, c->ports.high);
    uint32_t most = UINT32_MAX - np_addr_to_ipv4(&c->ports.first);
    if (c->ports.addresses == 0 || c->ports.addresses - 1 > most) {
        char text[46];
        return wrong(c, e, "ports.addresses is %" PRIu32 "; from %s on it must be 1 to %" PRIu64,
                     c->ports.addresses, np_addr_format(text, sizeof text, &c->ports.first, 4),
                     (uint64_t)most + 1);
    }
    if (c->ports.per_host > c->capacity)
        return wrong(c, e, "ports.per_host is %" PRIu32 ", but capacity is only %" PRIu32, c->ports.per_host,
                     c->capacity);
    if (c->ports.hold < 0) return wrong(c, e, "ports.hold is negative");
    return check_blocks(c, e);
}

bool np_nat_check(const np_nat_config *c, np_error *e)
{
    return check_size(c, e) && check_rules(c, e) && check_times(c, e) && check_ports(c, e) &&
           check_dependence(c, e);
}
