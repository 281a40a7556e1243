/*
 * ICMP errors: they belong to the mapping of the packet they quote.
 *
 *     from inside    outer source: the public address, whoever of the inside sent it (RFC 5508 REQ-5c;
 * Linux 6.18 does the same for a router behind it); quoted destination: back to the external endpoint from
 * outside   outer destination and quoted source: back to the inside host; the outer source stays
 */
#include "box_state.h"

/* The flow of the quoted packet as a table knows it: the box's side is local. */
static np_tuple turned(const np_tuple *t)
{
    return (np_tuple){.local = t->remote,
                      .remote = t->local,
                      .local_port = t->remote_port,
                      .remote_port = t->local_port,
                      .proto = t->proto,
                      .family = t->family};
}

/* Its live mapping that is an inside host's; NULL when there is none. */
static const np_entry *find(np_box *b, const np_tuple *flow, bool outside, np_time now)
{
    np_tuple key = np_box_key(b, flow);
    uint32_t entry = outside ? np_table_find_outside(b->table, &key) : np_table_find_inside(b->table, &key);
    entry = np_box_alive(b, entry, now);
    const np_entry *e = entry == NP_ENTRY_NONE ? NULL : np_table_peek(b->table, entry);
    return e == NULL || np_entry_is_own(b, e) ? NULL : e;
}

static bool inbound(np_box *b, np_packet *p, np_tuple *quoted, np_time now)
{
    const np_entry *e = find(b, quoted, true, now);
    if (e == NULL) return false;
    if (!np_box_translates(b, e)) return true;
    quoted->local = p->dst = (np_addr){.word = {e->addr.v4.local}};
    quoted->local_port = e->local_port;
    if (np_is_echo(e->proto)) quoted->remote_port = e->local_port;
    return true;
}

static bool outbound(np_box *b, np_packet *p, np_tuple *quoted, np_time now)
{
    np_tuple flow = turned(quoted);
    const np_entry *e = find(b, &flow, false, now);
    if (e == NULL) return false;
    if (!np_box_translates(b, e)) return true;
    quoted->remote = p->src = (np_addr){.word = {e->addr.v4.external}};
    quoted->remote_port = e->external_port;
    if (np_is_echo(e->proto)) quoted->local_port = e->external_port;
    if (b->config.hairpin && np_box_is_public(b, &p->dst, 4)) inbound(b, p, quoted, now);
    return true;
}

np_handled np_box_error(np_box *b, np_packet *p, np_tuple *quoted, np_error_way way, np_time now)
{
    np_box_begin(b, now);
    bool found = way == NP_ERROR_OUT  ? outbound(b, p, quoted, now)
                 : way == NP_ERROR_IN ? inbound(b, p, quoted, now)
                                      : find(b, quoted, false, now) != NULL;
    if (found) return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
    bool leaks = b->tracker != NULL && b->config.invalid == NP_INVALID_LEAK && way == NP_ERROR_OUT;
    return leaks ? (np_handled){NP_FORWARD, NP_REASON_LEAKED} : (np_handled){NP_DROP, NP_REASON_NO_MAPPING};
}
