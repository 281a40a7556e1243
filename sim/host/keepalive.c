/*
 * TCP keepalive as Linux does it (tcp_keepalive_timer), which is what RFC 1122 4.2.3.6 allows:
 *
 *   - off unless asked for;
 *   - idle time runs from the last acceptable segment received, never from the last one sent;
 *   - while anything is queued or unacknowledged, the timer only runs for another full idle time: the
 *     retransmission timer rules then, so an application that writes hides keepalive altogether;
 *   - a probe is an empty segment one below the next sequence number, which the peer must answer by an ACK;
 *   - probes go out every `interval`; when `probes` of them are unanswered at the next tick, an RST is sent
 * and the connection is gone: idle + interval * probes after the last receipt;
 *   - with TCP_USER_TIMEOUT the count is not looked at: the connection ends at the first tick at which the
 *     peer has been silent for that long and a probe is out.
 *
 * The timer is not moved when segments arrive: it comes at most once an idle time too early, looks at
 * last_received and goes on sleeping. So receiving costs a store, and a busy connection one event an idle
 * time.
 */
#include "tcp_impl.h"

void np_tcp_keepalive_start(np_tcp *t, const np_tcp_config *c, np_time now)
{
    t->keepalive_at = c->keepalive.on ? now + c->keepalive.idle : NP_NEVER;
}

static bool given_up(const np_tcp *t, const np_tcp_config *c, np_time silent)
{
    if (c->user_timeout) return silent >= c->user_timeout && t->probes > 0;
    return t->probes >= c->keepalive.probes;
}

bool np_tcp_keepalive_timer(np_tcp *t, const np_tcp_config *c, const np_tcp_sink *s, np_time now)
{
    if (np_tcp_outstanding(t) || np_tcp_unsent(t)) {
        t->keepalive_at = now + c->keepalive.idle;
        return true;
    }
    np_time silent = now - t->last_received;
    if (silent < c->keepalive.idle) {
        t->keepalive_at = t->last_received + c->keepalive.idle;
        return true;
    }
    if (given_up(t, c, silent)) {
        np_tcp_send_rst(t, c, s);
        np_tcp_finish(t, s, NP_TCP_TIMED_OUT_KEEPALIVE);
        return false;
    }
    if (t->probes < UINT16_MAX) t->probes++;
    t->keepalive_at = now + c->keepalive.interval;
    np_tcp_send_probe(t, c, s, NP_KIND_KEEPALIVE);
    return true;
}
