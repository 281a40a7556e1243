/*
 * One packet of a script: from its ends to what became of it, and whether that is as wanted.
 */
#include "script_run.h"

#define TOLERANCE NP_MICROSECOND /* of what is said to be left */

/* ---- ends ---- */

static np_addr host_of(uint32_t net, const script_end *e, uint32_t around)
{
    uint32_t n = e->host;
    if (e->next_host) n = (n - 1 + around) % SCRIPT_HOSTS + 1;
    return np_addr_ipv4(net + n);
}

static uint16_t port_of(const script_end *e, uint16_t usual, uint32_t around)
{
    uint16_t port = e->port ? e->port : usual;
    if (e->next_port) port = (uint16_t)(port + around % (UINT16_MAX + 1u - port));
    return port;
}

/* An inside end by itself, as a key. */
static np_tuple alone_of(const script_run *r, const script_end *e, uint8_t proto)
{
    np_tuple t = {.local = host_of(SCRIPT_INSIDE_NET, e, r->around), .proto = proto, .family = 4};
    if (np_has_ports(proto)) t.local_port = port_of(e, r->client_port, r->around);
    return t;
}

/* Its external endpoint as far as it was given one; else what it would be with its port preserved. */
script_external script_external_of(script_run *r, const np_tuple *alone, const np_tuple *pair)
{
    const np_tuple *tries[2] = {pair, alone};
    for (int i = 0; i < 2; i++) {
        uint32_t at = tries[i] == NULL ? UINT32_MAX : script_flows_get(&r->flows, tries[i]);
        const script_flow *f = at == UINT32_MAX ? NULL : &r->flows.flow[at];
        if (f != NULL && f->given) return (script_external){f->external, f->external_port, true};
    }
    np_addr address = r->config.ports.select == NP_PORT_NONE ? alone->local : r->config.ports.first;
    return (script_external){address, alone->local_port, false};
}

/* The flow as the inside host has it. Another inside host is addressed by its external endpoint. */
np_tuple script_flow_of(script_run *r, const script_step *s, uint8_t proto)
{
    np_tuple t = alone_of(r, &s->inside, proto);
    if (s->outside.external) {
        np_tuple other = alone_of(r, &s->outside, proto);
        script_external to = script_external_of(r, &other, NULL);
        t.remote = to.address;
        t.remote_port = to.port;
    } else {
        t.remote = host_of(SCRIPT_OUTSIDE_NET, &s->outside, r->around);
        t.remote_port = port_of(&s->outside, SCRIPT_SERVER_PORT, r->around);
    }
    if (np_is_echo(proto)) t.remote_port = t.local_port;
    if (!np_has_ports(proto)) t.remote_port = 0;
    return t;
}

/* ---- packets ---- */

static void address(np_packet *p, const np_tuple *flow, const script_external *external, bool outbound)
{
    if (outbound) {
        p->src = flow->local;
        p->dst = flow->remote;
        p->sport = flow->local_port;
        p->dport = flow->remote_port;
    } else {
        p->src = flow->remote;
        p->dst = external->address;
        p->sport = flow->remote_port;
        p->dport = external->port;
        if (np_is_echo(p->proto)) p->sport = external->port;
    }
}

static void send_packet(script_run *r, const np_tuple *flow, const script_external *external,
                        const script_step *s, script_flow *pair, script_fate *f)
{
    np_packet *p = &f->sent;
    *p = s->packet;
    p->conn = pair->number;
    address(p, flow, external, s->outbound);
    if (p->proto == NP_TCP)
        script_flow_number(pair, p, s->outbound ? SCRIPT_INSIDE : SCRIPT_OUTSIDE, s->automatic);
    p->bytes = (uint16_t)(NP_BARE_BYTES_4 + p->payload);
    f->came = *p;
    f->h = (s->outbound ? np_box_outbound : np_box_inbound)(r->box, &f->came, r->now);
}

/* An error about the packet that went the other way. */
static void send_error(script_run *r, const np_tuple *flow, const script_external *external,
                       const script_step *s, script_fate *f)
{
    np_packet about = {.proto = flow->proto};
    address(&about, flow, external, !s->outbound);
    if (s->outbound) { /* as the inside host got it */
        about.dst = flow->local;
        about.dport = flow->local_port;
        if (np_is_echo(flow->proto)) about.sport = flow->local_port;
    } else { /* as it left the box */
        about.src = external->address;
        about.sport = external->port;
        if (np_is_echo(flow->proto)) about.dport = external->port;
    }
    f->quoted = (np_tuple){about.src, about.dst, about.sport, about.dport, flow->proto, 4};
    f->sent = (np_packet){.src = about.dst,
                          .dst = about.src,
                          .proto = NP_ICMP,
                          .family = 4,
                          .conn = NP_NO_CONN,
                          .bytes = NP_BARE_BYTES_4};
    if (s->via)
        f->sent.src =
            np_addr_ipv4((s->outbound ? SCRIPT_INSIDE_ROUTERS : SCRIPT_OUTSIDE_ROUTERS) + s->router);
    f->came = f->sent;
    f->h = np_box_error(r->box, &f->came, &f->quoted, s->outbound ? NP_ERROR_OUT : NP_ERROR_IN, r->now);
}

/* ---- what became of it ---- */

static script_verdict verdict_of(const script_run *r, np_handled h)
{
    switch (h.verdict) {
    case NP_FORWARD: return h.reason == NP_REASON_LEAKED ? SCRIPT_LEAK : SCRIPT_FORWARD;
    case NP_RESET: return SCRIPT_RESET;
    default: return r->challenged ? SCRIPT_CHALLENGE : SCRIPT_DROP;
    }
}

static void look_up(const script_run *r, const np_tuple *flow, script_fate *f)
{
    const np_box *b = r->box;
    np_tuple key = np_box_key(b, flow);
    uint32_t entry = np_table_find_inside(b->table, &key);
    if (entry == NP_ENTRY_NONE) return;
    const np_entry *e = np_table_peek(b->table, entry);
    f->left = np_box_deadline(b, e) - r->now;
    if (b->config.expiry == NP_EXPIRY_LAZY && f->left <= 0) return;
    f->mapped = true;
    f->marked = b->tracker != NULL;
    f->mark = e->state;
    f->state = np_track_state_name(b->tracker, e->proto, e->state);
}

void script_send(script_run *r, const script_step *s, const np_tuple *flow, const script_external *external,
                 script_flow *pair, script_fate *f)
{
    *f = (script_fate){.h = {NP_DROP, NP_REASON_NO_MAPPING}};
    if (s->error)
        send_error(r, flow, external, s, f);
    else
        send_packet(r, flow, external, s, pair, f);
    f->verdict = verdict_of(r, f->h);
    look_up(r, flow, f);
}

/* ---- as wanted? ---- */

static bool is_public(const script_run *r, const np_addr *a)
{
    return np_box_is_public(r->box, a, 4);
}

static bool is_end(const script_run *r, const script_end *e, uint8_t proto, const np_addr *a, uint16_t port)
{
    np_tuple t = alone_of(r, e, proto);
    return np_addr_equal(&t.local, a) && (!np_has_ports(proto) || t.local_port == port);
}

static bool arrives(script_run *r, const script_step *s, const script_fate *f)
{
    const script_want *w = &s->want;
    const script_end *to = w->to.said || s->outbound ? &w->to : &s->inside;
    uint8_t proto = s->error ? s->about : f->came.proto;
    if (w->from.said) {
        np_tuple other = alone_of(r, &w->from, proto);
        script_external as = script_external_of(r, &other, NULL);
        if (!np_addr_equal(&as.address, &f->came.src) || (!s->error && as.port != f->came.sport))
            return false;
    }
    if (s->outbound && w->translated && !is_public(r, &f->came.src)) return false;
    if (s->outbound && !w->to.said) {
        np_tuple inside = alone_of(r, &s->inside, proto);
        script_external as = script_external_of(r, &inside, NULL);
        return !s->error ||
               (np_addr_equal(&f->quoted.remote, &as.address) && f->quoted.remote_port == as.port);
    }
    if (!s->error) return is_end(r, to, proto, &f->came.dst, f->came.dport);
    return np_addr_equal(&f->came.dst, &f->quoted.local) &&
           is_end(r, to, proto, &f->quoted.local, f->quoted.local_port);
}

static bool port_is(const script_run *r, const script_want *w, const script_fate *f)
{
    uint16_t port = f->came.sport, own = f->sent.sport, before = r->last_port;
    return !((w->port & SCRIPT_PORT_RANGE && (port < w->low || port > w->high)) ||
             (w->port & SCRIPT_PORT_OWN && port != own) || (w->port & SCRIPT_PORT_EVEN && (port & 1)) ||
             (w->port & SCRIPT_PORT_ODD && !(port & 1)) ||
             (w->port & SCRIPT_PORT_PARITY && ((port ^ own) & 1)) ||
             (w->port & SCRIPT_PORT_NEXT && port != before + 1));
}

static bool verdict_is(uint8_t wanted, script_verdict v)
{
    switch (wanted) {
    case SCRIPT_ANY: return true;
    case SCRIPT_INVALID:
    case SCRIPT_REFUSE: return v != SCRIPT_FORWARD;
    default: return wanted == v;
    }
}

bool script_as_wanted(script_run *r, const script_step *s, const script_fate *f)
{
    const script_want *w = &s->want;
    return verdict_is(w->verdict, f->verdict) && (w->verdict != SCRIPT_FORWARD || arrives(r, s, f)) &&
           (w->reason < 0 || w->reason == (int)f->h.reason) && port_is(r, w, f) &&
           script_state_met(w, f->mapped ? f->state : NULL, f->left, f->mark, f->marked, TOLERANCE);
}
