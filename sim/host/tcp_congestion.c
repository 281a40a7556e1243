/*
 * The congestion window: slow start and congestion avoidance (RFC 5681, counted in bytes as RFC 3465 with
 * L = 2), fast retransmit and NewReno's fast recovery (RFC 6582), the initial window of RFC 6928, and its
 * restart after an idle time longer than the RTO (RFC 5681 4.1).
 *
 * The window grows only while it is what limits the sender: a connection that carries a heartbeat a minute
 * keeps the window it began with.
 */
#include "tcp_impl.h"

#define DUPLICATES 3          /* RFC 5681 3.2 */
#define CWND_MOST  (1u << 30) /* the largest window that scaling can offer (RFC 7323 2.2) */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}
static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void np_tcp_congestion_open(np_tcp *t, const np_tcp_config *c)
{
    /* One segment after a lost SYN: RFC 5681 3.1. */
    t->cwnd = c->mss * (t->flags & NP_TCP_SYN_RESENT ? 1u : c->initial_window);
    t->ssthresh = UINT32_MAX;
    t->recover = t->iss;
}

static void halve(np_tcp *t, const np_tcp_config *c)
{
    uint32_t flight = t->high - np_tcp_una_seq(t);
    t->ssthresh = most(flight / 2, 2u * c->mss);
}

/* An ACK of `acked` new bytes came while `flight` were out. */
void np_tcp_congestion_acked(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, uint32_t acked,
                             uint32_t flight)
{
    const uint32_t una = np_tcp_una_seq(t), mss = c->mss;
    t->duplicates = 0;
    if (t->flags & NP_TCP_RECOVERING) {
        if (!np_seq_before(una, t->recover)) { /* all that was out when the loss was seen is there */
            t->cwnd = least(t->ssthresh, most(t->high - una, mss) + mss);
            t->flags = (uint16_t)(t->flags & ~NP_TCP_RECOVERING);
        } else { /* a partial ACK: the next hole is lost too */
            t->cwnd = t->cwnd > acked + mss ? t->cwnd - acked : mss;
            if (acked >= mss) t->cwnd += mss;
            np_tcp_resend_first(t, c, s);
        }
        return;
    }
    /* `recover` follows, one behind, so that it stays comparable modulo 2^32 however long nothing is lost. */
    if (np_seq_after(una, t->recover)) t->recover = una - 1;

    if (t->cwnd < t->ssthresh) {
        if (flight >= t->cwnd / 2) t->cwnd += least(acked, 2 * mss);
    } else if (flight + mss > t->cwnd) {
        t->cwnd += most(1, (uint32_t)((uint64_t)mss * least(acked, t->cwnd) / t->cwnd));
    }
    t->cwnd = least(t->cwnd, CWND_MOST);
}

/* An ACK came that acknowledges nothing new while something is outstanding. */
void np_tcp_congestion_duplicate(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    if (t->flags & NP_TCP_RECOVERING) { /* one more segment has left the network */
        t->cwnd = least(t->cwnd + c->mss, CWND_MOST);
        return;
    }
    if (t->duplicates < UINT8_MAX) t->duplicates++;
    if (t->duplicates != DUPLICATES || !np_seq_after(np_tcp_una_seq(t), t->recover)) return;

    halve(t, c);
    t->recover = t->high;
    t->cwnd = t->ssthresh + DUPLICATES * c->mss;
    t->flags |= NP_TCP_RECOVERING;
    np_tcp_resend_first(t, c, s);
    np_tcp_arm_retransmit(t, c, now);
}

/* The retransmission timer has fired. */
void np_tcp_congestion_timeout(np_tcp *t, const np_tcp_config *c)
{
    halve(t, c); /* a repetition finds the same flight and changes nothing, as RFC 5681 3.1 wants it */
    t->cwnd = c->mss;
    t->recover = t->high;
    t->duplicates = 0;
    t->flags = (uint16_t)(t->flags & ~NP_TCP_RECOVERING);
}

/* About to send with nothing outstanding. */
void np_tcp_congestion_idle(np_tcp *t, const np_tcp_config *c, np_time now)
{
    if (now - t->unanswered_since > np_tcp_rto(t, c))
        t->cwnd = least(t->cwnd, c->mss * (uint32_t)c->initial_window);
}
