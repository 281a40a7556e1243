/*
 * What a box did, in words.
 */
#include "script_run.h"
#include <stdio.h>

void script_tell_end(const np_addr *a, uint16_t port, char *buf, size_t size)
{
    uint32_t n = np_addr_to_ipv4(a);
    char text[46];
    if (n - SCRIPT_INSIDE_NET - 1 < SCRIPT_HOSTS)
        snprintf(buf, size, "c%u:%u", n - SCRIPT_INSIDE_NET, port);
    else if (n - SCRIPT_OUTSIDE_NET - 1 < SCRIPT_HOSTS)
        snprintf(buf, size, "s%u:%u", n - SCRIPT_OUTSIDE_NET, port);
    else
        snprintf(buf, size, "%s:%u", np_addr_format(text, sizeof text, a, 4), port);
}

static const char *verdict_name(script_verdict v)
{
    switch (v) {
    case SCRIPT_FORWARD: return "forward";
    case SCRIPT_RESET: return "reset";
    case SCRIPT_LEAK: return "leak";
    case SCRIPT_CHALLENGE: return "challenge";
    default: return "drop";
    }
}

/* "192.0.2.1:5000"; without the port, which an ICMP error has none of. */
static void tell_end(const np_addr *a, uint16_t port, bool error, char *buf, size_t size)
{
    script_tell_end(a, port, buf, size);
    if (error) *strrchr(buf, ':') = '\0';
}

void script_tell_fate(const script_step *s, const script_fate *f, char *buf)
{
    char from[64], to[64], *at = buf, *end = buf + DID_TEXT;
    at += snprintf(at, (size_t)(end - at), "%s", verdict_name(f->verdict));
    if (f->verdict == SCRIPT_FORWARD) {
        tell_end(&f->came.src, f->came.sport, s->error, from, sizeof from);
        tell_end(&f->came.dst, f->came.dport, s->error, to, sizeof to);
        bool turned = s->outbound && !np_addr_equal(&f->came.dst, &f->sent.dst);
        if (s->outbound || s->error) at += snprintf(at, (size_t)(end - at), " from %s", from);
        if (!s->outbound || turned) at += snprintf(at, (size_t)(end - at), " to %s", to);
        if (s->error) {
            script_tell_end(&f->quoted.local, f->quoted.local_port, from, sizeof from);
            script_tell_end(&f->quoted.remote, f->quoted.remote_port, to, sizeof to);
            at += snprintf(at, (size_t)(end - at), " about %s > %s", from, to);
        }
    }
    at += snprintf(at, (size_t)(end - at), " (%s)", np_reason_name(f->h.reason));
    if (!f->mapped) {
        snprintf(at, (size_t)(end - at), "; no mapping");
        return;
    }
    at += snprintf(at, (size_t)(end - at), "; %s, %.10g s left", f->state, np_seconds(f->left));
    if (f->marked)
        snprintf(at, (size_t)(end - at), "%s%s", f->mark & NP_TRACK_REPLIED ? "" : ", unreplied",
                 f->mark & NP_TRACK_ASSURED ? ", assured" : "");
}
