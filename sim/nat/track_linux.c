/*
 * The Linux tracker: how nf_conntrack judges the packets of one flow.
 *
 *     track_linux.c         UDP, ICMP echo, everything else; the table of functions
 *     track_linux_tcp.c     TCP states, resets, timeouts
 *     track_linux_window.c  TCP windows
 *
 * It follows Linux 6.18 packet by packet, and 6.12 where asked and different. Held against the real kernel by
 * recorded scripts (tests/conformance/linux).
 *
 * The kernel counts in jiffies and this in nanoseconds: where a deadline or the two seconds of UDP fall
 * between two jiffies (4 ms at HZ = 250) the kernel may be up to one of them late.
 *
 * Not modelled: checksums and short headers (a packet here has neither); GRE, SCTP (they are "everything
 * else", one timeout and never assured); helpers; the fixed second of UDP entries born in a clash.
 *
 * Memory: 64 bytes a mapping. Cost: O(1), no loop anywhere.
 */
#include "track_linux.h"
#include <string.h>

/* How long a UDP flow must have lasted to be a stream (kernel; since 5.0). */
#define STREAM_AFTER (2 * NP_SECOND)

static np_track_answer renew(np_linux_flow *f, np_timeout class, bool reply)
{
    if (reply) f->mark |= NP_TRACK_REPLIED;
    return (np_track_answer){.verdict = NP_TRACK_RENEW, .class = (uint8_t) class, .mark = f->mark};
}

static np_track_answer invalid(const np_linux_flow *f)
{
    return (np_track_answer){.verdict = NP_TRACK_INVALID, .mark = f->mark};
}

static bool is_icmp(const np_packet *p)
{
    return p->proto == NP_ICMP || p->proto == NP_ICMPV6;
}

static np_track_answer judge_udp(np_linux_flow *f, bool reply, np_time now)
{
    np_timeout class = NP_TIMEOUT_UDP;
    if ((f->mark & NP_TRACK_REPLIED) && now - f->made > STREAM_AFTER) {
        class = NP_TIMEOUT_UDP_STREAM;
        f->mark |= NP_TRACK_ASSURED;
    }
    return renew(f, class, reply);
}

/* A request goes in the original direction and its answer back; the kernel looks no others up under this
 * flow. */
static np_track_answer judge_icmp(np_linux_flow *f, const np_packet *p, bool reply)
{
    return p->flags == !reply ? renew(f, NP_TIMEOUT_ICMP, reply) : invalid(f);
}

static np_linux_flow *begin(void *side, bool outbound)
{
    np_linux_flow *f = memset(side, 0, sizeof(np_linux_flow));
    f->mark = outbound ? 0 : NP_TRACK_INBOUND;
    return f;
}

static np_track_answer start(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    np_linux_flow *f = begin(side, outbound);
    if (p->proto == NP_TCP) return np_linux_tcp_start(c, f, p, c->loose);
    if (is_icmp(p)) return judge_icmp(f, p, false);
    f->made = now;
    return renew(f, p->proto == NP_UDP ? NP_TIMEOUT_UDP : NP_TIMEOUT_OTHER, false);
}

static np_track_answer adopt(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now)
{
    if (p->proto == NP_TCP) return np_linux_tcp_adopt(c, begin(side, outbound), p);
    if (!is_icmp(p)) return start(c, side, p, outbound, now);
    bool reply = !p->flags;
    return renew(begin(side, outbound != reply), NP_TIMEOUT_ICMP, reply);
}

static np_track_answer judge(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now, np_time deadline)
{
    np_linux_flow *f = side;
    bool reply = outbound == !!(f->mark & NP_TRACK_INBOUND);
    switch (p->proto) {
    case NP_TCP: return np_linux_tcp_judge(c, f, p, reply, deadline - now);
    case NP_UDP: return judge_udp(f, reply, now);
    case NP_ICMP:
    case NP_ICMPV6: return judge_icmp(f, p, reply);
    default: return renew(f, NP_TIMEOUT_OTHER, reply);
    }
}

const np_tracker np_track_linux = {.name = "linux",
                                   .bytes = sizeof(np_linux_flow),
                                   .room_first = true,
                                   .own_stack = true,
                                   .start = start,
                                   .adopt = adopt,
                                   .judge = judge,
                                   .yields = np_linux_yields};
