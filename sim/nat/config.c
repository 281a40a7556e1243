/*
 * A NAT box's configuration: what it is by default, and names of what is in it.
 */
#include "box_state.h"
#include <assert.h>

/* With one port in 100 free, a search this long fails once in 30,000. Linux gives up after 248, VPP after 10,
   Cilium after 32 or 128. */
#define TRIES 1024

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
    [NP_TIMEOUT_TCP_SYN_SENT2] = "tcp_syn_sent2",
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
        [NP_REASON_FILTERED] = "filtered",     [NP_REASON_HOST_LIMIT] = "per-host-limit",
        [NP_REASON_EXPIRED] = "expired",       [NP_REASON_CPU] = "cpu",
    };
    assert((unsigned)r < NP_REASON_COUNT);
    return names[r];
}

bool np_refresh_rule(np_refresh r, uint8_t proto, bool outbound)
{
    switch (r) {
    case NP_REFRESH_BOTH: return true;
    case NP_REFRESH_OUTBOUND: return outbound;
    case NP_REFRESH_INBOUND: return !outbound;
    default: return outbound || proto != NP_UDP;
    }
}

void np_nat_defaults(np_nat_config *c)
{
    *c = (np_nat_config){.name = "lru-box",
                         .capacity = 4096,
                         .evict = np_evict_list()[0],
                         .cpus = 1,
                         .refresh = NP_REFRESH_BOTH,
                         .expiry = NP_EXPIRY_EXACT,
                         .mapping = NP_ADDRESS_AND_PORT_DEPENDENT,
                         .filtering = NP_ADDRESS_AND_PORT_DEPENDENT,
                         .loose = true,
                         .unknown_outbound = NP_UNKNOWN_DROP,
                         .unknown_inbound = NP_UNKNOWN_DROP,
                         .ports = {.select = NP_PORT_PRESERVE,
                                   .low = 1024,
                                   .high = 65535,
                                   .addresses = 1,
                                   .blocks = 1,
                                   .tries = TRIES,
                                   .first = np_addr_ipv4(FIRST_ADDRESS)}};
    for (int class = 0; class < NP_TIMEOUT_UDP; class ++) c->timeout[class] = NP_HOUR;
    c->timeout[NP_TIMEOUT_UDP] = c->timeout[NP_TIMEOUT_UDP_STREAM] = 30 * NP_SECOND;
    c->timeout[NP_TIMEOUT_ICMP] = c->timeout[NP_TIMEOUT_OTHER] = 60 * NP_SECOND;
}
