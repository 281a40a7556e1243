/*
 * A NAT box's configuration: what it is by default, and what is wrong with it. Names of what is in it.
 */
#include "box_state.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define FIRST_ADDRESS 0xc0000201u /* 192.0.2.1, of the block for documentation (RFC 5737) */

static const char *const timeout_names[NP_TIMEOUT_COUNT] = {
    [NP_TIMEOUT_TCP_SYN_SENT] = "tcp_syn_sent",
    [NP_TIMEOUT_TCP_SYN_RECV] = "tcp_syn_recv",
    [NP_TIMEOUT_TCP_ESTABLISHED] = "tcp_established",
    [NP_TIMEOUT_TCP_FIN_WAIT] = "tcp_fin_wait",
    [NP_TIMEOUT_TCP_CLOSE_WAIT] = "tcp_close_wait",
    [NP_TIMEOUT_TCP_LAST_ACK] = "tcp_last_ack",
    [NP_TIMEOUT_TCP_TIME_WAIT] = "tcp_time_wait",
    [NP_TIMEOUT_TCP_CLOSE] = "tcp_close",
    [NP_TIMEOUT_TCP_MAX_RETRANS] = "tcp_max_retrans",
    [NP_TIMEOUT_TCP_UNACKNOWLEDGED] = "tcp_unacknowledged",
    [NP_TIMEOUT_UDP] = "udp",
    [NP_TIMEOUT_UDP_STREAM] = "udp_stream",
    [NP_TIMEOUT_ICMP] = "icmp",
    [NP_TIMEOUT_OTHER] = "other",
};

const char *np_timeout_name(np_timeout class)
{
    assert((unsigned)class < NP_TIMEOUT_COUNT);
    return timeout_names[class];
}

const char *np_verdict_name(np_verdict v)
{
    static const char *const names[] = {[NP_FORWARD] = "forward", [NP_DROP] = "drop", [NP_RESET] = "reset"};
    assert((unsigned)v < sizeof names / sizeof *names);
    return names[v];
}

const char *np_reason_name(np_reason r)
{
    static const char *const names[NP_REASON_COUNT] = {
        [NP_REASON_MAPPED] = "mapped",         [NP_REASON_CREATED] = "created",
        [NP_REASON_ADOPTED] = "adopted",       [NP_REASON_NO_MAPPING] = "no-mapping",
        [NP_REASON_TABLE_FULL] = "table-full", [NP_REASON_NO_PORT] = "no-port",
        [NP_REASON_INVALID] = "invalid",       [NP_REASON_LEAKED] = "invalid-leaked",
    };
    assert((unsigned)r < NP_REASON_COUNT);
    return names[r];
}

void np_nat_defaults(np_nat_config *c)
{
    *c = (np_nat_config){.name = "lru-box",
                         .capacity = 4096,
                         .evict = np_evict_list()[0],
                         .refresh = NP_REFRESH_BOTH,
                         .expiry = NP_EXPIRY_EXACT,
                         .loose = true,
                         .unknown_outbound = NP_UNKNOWN_DROP,
                         .unknown_inbound = NP_UNKNOWN_DROP,
                         .ports = {.select = NP_PORT_PRESERVE,
                                   .low = 1024,
                                   .high = 65535,
                                   .addresses = 1,
                                   .first = np_addr_ipv4(FIRST_ADDRESS)}};
    for (int class = 0; class < NP_TIMEOUT_UDP; class ++) c->timeout[class] = NP_HOUR;
    c->timeout[NP_TIMEOUT_UDP] = c->timeout[NP_TIMEOUT_UDP_STREAM] = 30 * NP_SECOND;
    c->timeout[NP_TIMEOUT_ICMP] = c->timeout[NP_TIMEOUT_OTHER] = 60 * NP_SECOND;
}

static bool check_policy(const char *profile, const char *name, np_error *e)
{
    if (name != NULL && np_evict_find(name) != NULL) return true;
    char known[512];
    size_t at = 0;
    for (const char *const *n = np_evict_list(); *n != NULL && at < sizeof known; n++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", at == 0 ? "" : ", ", *n);
    return np_fail(e, NP_TROUBLE_USAGE, "nat %s: evict '%s' is not known; there is: %s", profile,
                   name == NULL ? "" : name, known);
}

bool np_nat_check(const np_nat_config *c, np_error *e)
{
    const char *name = c->name == NULL ? "(unnamed)" : c->name;
    if (c->capacity == 0 || c->capacity > NP_TABLE_MOST)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: capacity is %" PRIu32 "; it must be 1 to %" PRIu32, name,
                       c->capacity, NP_TABLE_MOST);
    if (!check_policy(name, c->evict, e)) return false;
    for (int class = 0; class < NP_TIMEOUT_COUNT; class ++) {
        char text[40];
        if (c->timeout[class] <= 0)
            return np_fail(e, NP_TROUBLE_USAGE, "nat %s: timeouts.%s is %s; it must be more than 0", name,
                           timeout_names[class],
                           c->timeout[class] < 0 ? "negative" : np_time_format(text, sizeof text, 0));
    }
    if ((unsigned)c->refresh > NP_REFRESH_INBOUND)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: refresh must be both, outbound or inbound", name);
    if ((unsigned)c->expiry > NP_EXPIRY_LAZY)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: expiry must be exact or lazy", name);
    if ((unsigned)c->unknown_outbound > NP_UNKNOWN_ADOPT)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: unknown_outbound must be adopt, drop or reset", name);
    if ((unsigned)c->unknown_inbound > NP_UNKNOWN_RESET)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: unknown_inbound must be drop or reset", name);
    if ((unsigned)c->tracker > NP_TRACK_LINUX)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: tracker must be none or linux", name);
    if ((unsigned)c->invalid > NP_INVALID_LEAK)
        return np_fail(e, NP_TROUBLE_USAGE, "nat %s: invalid must be drop or leak", name);
    if ((unsigned)c->ports.select > NP_PORT_LINUX)
        return np_fail(e, NP_TROUBLE_USAGE,
                       "nat %s: ports.select must be preserve, random, sequential or linux", name);
    if (c->ports.low == 0 || c->ports.low > c->ports.high)
        return np_fail(e, NP_TROUBLE_USAGE,
                       "nat %s: ports.range is %u to %u; it must be 1 to 65535, the lower end first", name,
                       c->ports.low, c->ports.high);
    uint32_t most = UINT32_MAX - np_addr_to_ipv4(&c->ports.first);
    if (c->ports.addresses == 0 || c->ports.addresses - 1 > most) {
        char text[46];
        return np_fail(e, NP_TROUBLE_USAGE,
                       "nat %s: ports.addresses is %" PRIu32 "; from %s on it must be 1 to %" PRIu64, name,
                       c->ports.addresses, np_addr_format(text, sizeof text, &c->ports.first, 4),
                       (uint64_t)most + 1);
    }
    return true;
}
