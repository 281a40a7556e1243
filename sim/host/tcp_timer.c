/*
 * Time in TCP: round trips, the retransmission timeout (RFC 6298), its limits, persist, the closing timers.
 *
 * RTO = SRTT + max(rto_min, 4 RTTVAR), doubled at each timeout, never above rto_max. This is RFC 6298's
 * formula with rto_min in the place of the clock's granularity, as Linux has it: so the RTO is never below
 * rto_min, and a path of 50 ms waits 250 ms, not 200. One segment a round trip is timed (Karn: never one that
 * was sent twice).
 *
 * Giving up. Data: at the first timeout, after at least one retransmission, at which the time without
 * progress has reached what `retries` doublings from rto_min would take (Linux, retransmits_timed_out and
 * tcp_model_timeout): 924.6 s for 15, whatever the path's own RTO. So a count of retries is a time, and the
 * real moment is the next RTO at or after it. TCP_USER_TIMEOUT takes its place, and shortens the last RTO so
 * that the end comes at that time itself (tcp_clamp_rto_to_user_timeout, Linux 4.20). SYN and SYN/ACK: by
 * count.
 *
 * Where Linux differs: since 5.1 it counts from the first retransmission, so that both limits come an RTO
 * later; a tail loss probe repeats the last segment once more before the first RTO; its timer wheel lets long
 * timers come up to an eighth late (all three together, seen on 6.18: 10.6 s for a user timeout of 10 s, 938
 * s for tcp_retries2 on a path of no delay); since 6.5 a SYN is repeated four times at 1 s before it backs
 * off (131 s).
 */
#include "tcp_impl.h"

/* RFC 6298 5.7: the RTO to begin with where the SYN had to be repeated and gave no sample. */
#define RTO_AFTER_LOST_SYN (3 * NP_SECOND)

static bool opening(const np_tcp *t)
{
    return t->state == NP_TCP_SYN_SENT || t->state == NP_TCP_SYN_RECEIVED;
}

np_time np_tcp_rto(const np_tcp *t, const np_tcp_config *c)
{
    np_time rto = c->rto_initial;
    if (t->srtt_us) {
        np_time spread = 4 * t->rttvar_us * NP_MICROSECOND;
        rto = t->srtt_us * NP_MICROSECOND + (spread > c->rto_min ? spread : c->rto_min);
    } else if (!opening(t) && t->flags & NP_TCP_SYN_RESENT && !(t->flags & NP_TCP_STAMPED)) {
        rto = RTO_AFTER_LOST_SYN;
    }
    for (unsigned i = 0; i < t->timeouts && rto < c->rto_max; i++) rto *= 2;
    return rto < c->rto_max ? rto : c->rto_max;
}

static uint32_t microseconds(np_time now)
{
    return (uint32_t)(now / NP_MICROSECOND);
}

void np_tcp_time_from(np_tcp *t, uint32_t seq, np_time now)
{
    if (t->flags & NP_TCP_TIMING) return;
    t->flags |= NP_TCP_TIMING;
    t->timed_seq = seq;
    t->timed_us = microseconds(now);
}

void np_tcp_measure(np_tcp *t, uint32_t acked, np_time now)
{
    if (!(t->flags & NP_TCP_TIMING) || !np_seq_after(acked, t->timed_seq)) return;
    t->flags = (uint16_t)(t->flags & ~NP_TCP_TIMING);
    uint32_t sample = microseconds(now) - t->timed_us;
    if (!sample) sample = 1;
    if (!t->srtt_us) {
        t->srtt_us = sample;
        t->rttvar_us = sample / 2;
    } else {
        uint32_t apart = sample > t->srtt_us ? sample - t->srtt_us : t->srtt_us - sample;
        t->rttvar_us = (uint32_t)((3 * (uint64_t)t->rttvar_us + apart) / 4);
        t->srtt_us = (uint32_t)((7 * (uint64_t)t->srtt_us + sample) / 8);
    }
    t->timeouts = 0;
}

/* Starts retransmit_at; once repeating, it comes no later than the user timeout. */
static void arm(np_tcp *t, const np_tcp_config *c, np_time now)
{
    t->retransmit_at = now + np_tcp_rto(t, c);
    if (c->user_timeout && t->timeouts && !opening(t)) {
        np_time end = t->unanswered_since + c->user_timeout;
        if (end < now) end = now;
        if (t->retransmit_at > end) t->retransmit_at = end;
    }
}

void np_tcp_arm_retransmit(np_tcp *t, const np_tcp_config *c, np_time now)
{
    t->flags = (uint16_t)(t->flags & ~NP_TCP_PERSISTING);
    arm(t, c, now);
}

/* The window is closed and nothing is out: RFC 9293 3.8.6.1. */
void np_tcp_arm_persist(np_tcp *t, const np_tcp_config *c, np_time now)
{
    if (!(t->flags & NP_TCP_PERSISTING)) {
        t->flags |= NP_TCP_PERSISTING;
        t->timeouts = 0;
        t->probes = 0;
        t->unanswered_since = now;
    }
    arm(t, c, now);
}

void np_tcp_enter_time_wait(np_tcp *t, const np_tcp_config *c, np_time now)
{
    t->state = NP_TCP_TIME_WAIT;
    t->keepalive_at = NP_NEVER;
    t->retransmit_at = now + c->time_wait;
}

static uint32_t retries(const np_tcp *t, const np_tcp_config *c)
{
    return t->flags & NP_TCP_FIN_QUEUED ? c->orphan_retries : c->retries;
}

/* The time `count` doublings from rto_min take, with the wait after the last. */
static np_time limit(const np_tcp_config *c, uint32_t count)
{
    np_time all = 0, wait = c->rto_min;
    uint32_t i = 0;
    for (; i <= count && wait < c->rto_max; i++, wait *= 2) all += wait;
    return all + (np_time)(count + 1 - i) * c->rto_max;
}

static bool data_given_up(const np_tcp *t, const np_tcp_config *c, np_time now)
{
    np_time most = c->user_timeout ? c->user_timeout : limit(c, retries(t, c));
    return t->timeouts > 0 && now - t->unanswered_since >= most;
}

static bool window_given_up(const np_tcp *t, const np_tcp_config *c, np_time now)
{
    if (c->user_timeout) return t->probes > 0 && now - t->unanswered_since >= c->user_timeout;
    return t->probes >= retries(t, c);
}

static void count_timeout(np_tcp *t)
{
    if (t->timeouts < UINT8_MAX) t->timeouts++;
}

static bool syn_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    if (t->timeouts >= (t->state == NP_TCP_SYN_SENT ? c->syn_retries : c->synack_retries)) {
        np_tcp_finish(t, s, NP_TCP_TIMED_OUT_CONNECT);
        return false;
    }
    count_timeout(t);
    t->flags = (uint16_t)((t->flags | NP_TCP_SYN_RESENT) & ~NP_TCP_TIMING);
    np_tcp_arm_retransmit(t, c, now);
    np_tcp_send_syn(t, c, s);
    return true;
}

bool np_tcp_retransmit_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    if (opening(t)) return syn_timer(t, c, s, now);
    if (t->state == NP_TCP_TIME_WAIT || t->state == NP_TCP_FIN_WAIT_2) {
        np_tcp_finish(t, s, NP_TCP_DONE);
        return false;
    }
    bool persisting = t->flags & NP_TCP_PERSISTING;
    if (persisting ? window_given_up(t, c, now) : data_given_up(t, c, now)) {
        np_tcp_finish(t, s, NP_TCP_TIMED_OUT_DATA);
        return false;
    }
    if (persisting) {
        if (t->probes < UINT16_MAX) t->probes++;
        count_timeout(t);
        np_tcp_arm_persist(t, c, now);
        np_tcp_send_probe(t, c, s, np_tcp_kind_of(t, t->next, 1));
        return true;
    }
    np_tcp_congestion_timeout(t, c);
    count_timeout(t);
    np_tcp_arm_retransmit(t, c, now);
    t->next = np_tcp_una_seq(t) + np_tcp_resend_first(t, c, s);
    return true;
}
