/*
 * What goes wrong away from the clients: servers that stop, boxes that restart, links that are cut.
 *
 * A server that crashes is silent while it is down, and knows nothing of its connections when it is back. One
 * that restarts says so: its host resets them all, and refuses new ones until the program listens again.
 * (A UDP server takes a client back at its next datagram.) Listed times befall all servers at once, drawn
 * ones each server by itself.
 *
 * A box that restarts loses its table; with a new address, whatever is still sent to the old one is lost.
 *
 * An outage of a link loses what is sent meanwhile (np_links_send); here it only counts against the time in
 * which connections can be used.
 */
#include "state.h"
#include <stdlib.h>

/* ---- servers ---- */

enum { FALLS, RISES, AGAIN = 2 }; /* and the drawn kind, of which another follows */
#define WHAT_BITS 2

static const np_downtime *downtime(const struct world *w, enum server_state s)
{
    return s == SERVER_CRASHED ? &w->config->crash : &w->config->restart;
}

static void server_event(struct world *w, np_time when, uint32_t server, enum server_state s, uint32_t what)
{
    if (when < w->config->duration)
        np_world_at(w, when, EVENT_SERVER, server, (uint32_t)s << WHAT_BITS | what);
}

static void plan_fall(struct world *w, uint32_t server, enum server_state s)
{
    const np_dist *every = &downtime(w, s)->when.every;
    uint32_t purpose = s == SERVER_CRASHED ? PURPOSE_CRASH : PURPOSE_RESTART;
    if (!happens(every)) return;
    np_time wait = np_dist_time(every, np_random(w->key, server, purpose, w->server[server].drawn[s]));
    server_event(w, w->now + wait, server, s, FALLS | AGAIN);
}

static void fall(struct world *w, uint32_t server, enum server_state s)
{
    struct server *v = &w->server[server];
    uint32_t purpose = s == SERVER_CRASHED ? PURPOSE_CRASH_DOWN : PURPOSE_RESTART_DOWN;
    np_time down = np_dist_time(&downtime(w, s)->down, np_random(w->key, server, purpose, v->falls[s]++));
    if (v->state != SERVER_UP) return;
    v->state = (uint8_t)s;
    server_event(w, w->now + down, server, s, RISES);
    for (uint32_t i = 0; i < w->conns.used; i++) {
        struct conn *c = conn_at(w, i);
        if (!c->serial || c->server != server || c->end[SERVER] != END_LIVE) continue;
        if (s == SERVER_CRASHED || c->transport == NP_UDP) {
            np_conn_vanish(w, i, SERVER, CAUSE_SERVER_GONE);
            continue;
        }
        if (c->believes[SERVER]) np_meter_gives_up(w, i, SERVER, NULL);
        np_conn_abort(w, i, SERVER);
    }
}

void np_trouble_server(struct world *w, uint32_t server, uint32_t what)
{
    enum server_state s = (enum server_state)(what >> WHAT_BITS);
    if (what & RISES) {
        w->server[server].state = SERVER_UP;
        return;
    }
    fall(w, server, s);
    if (!(what & AGAIN)) return;
    w->server[server].drawn[s]++;
    plan_fall(w, server, s);
}

/* ---- boxes ---- */

static void plan_restart(struct world *w, uint32_t box)
{
    const np_dist *every = &w->config->nat_restart[box].when.every;
    if (!happens(every)) return;
    uint64_t draw = np_random(w->key, box, PURPOSE_NAT_RESTART, w->box_restarts[box]);
    np_time when = w->now + np_dist_time(every, draw);
    if (when < w->config->duration) np_world_at(w, when, EVENT_NAT, box, true);
}

/* Blocks of public addresses that a box goes through, one a restart. */
#define ADDRESS_BLOCKS 250

void np_trouble_nat(struct world *w, uint32_t box, bool again)
{
    const np_nat_config *c = &w->config->nat[box];
    np_box_flush(w->box[box], w->now);
    uint32_t block = ++w->box_restarts[box] % ADDRESS_BLOCKS;
    if (w->config->nat_restart[box].new_address) {
        np_addr first = np_addr_ipv4(np_addr_to_ipv4(&c->ports.first) + block * c->ports.addresses);
        np_box_readdress(w->box[box], &first);
    }
    if (again) plan_restart(w, box);
}

/* ---- links ---- */

/* What counts is the way a message of the server would take. With the core link (.clients) everybody's. */
void np_trouble_outage(struct world *w, uint32_t client)
{
    bool core = client == w->clients;
    np_links *links = w->links[core ? HOP_CORE_DOWN : HOP_ACCESS_DOWN];
    uint32_t link = core ? 0 : client;
    bool cut = !np_links_up(links, link, w->now);
    np_time next = np_links_next_change(links, link);
    if (next < w->config->duration) np_world_at(w, next, EVENT_OUTAGE, client, 0);
    if (core) {
        w->core_cut = cut;
        for (uint32_t i = 0; i < w->conns.used; i++)
            if (conn_at(w, i)->serial) np_meter_cut(w, i);
    } else {
        w->client[client].cut = cut;
        for (uint32_t i = w->client[client].conns; i != NONE; i = conn_at(w, i)->next_of_client)
            np_meter_cut(w, i);
    }
}

bool np_trouble_create(struct world *w)
{
    const np_world_config *c = w->config;
    for (enum server_state s = SERVER_CRASHED; s <= SERVER_RESTARTING; s++)
        for (uint32_t i = 0; i < c->servers; i++) {
            plan_fall(w, i, s);
            for (uint32_t n = 0; n < downtime(w, s)->when.listed; n++)
                server_event(w, downtime(w, s)->when.at[n], i, s, FALLS);
        }
    for (uint32_t b = 0; b < c->nats; b++) {
        plan_restart(w, b);
        for (uint32_t n = 0; n < c->nat_restart[b].when.listed; n++)
            if (c->nat_restart[b].when.at[n] < c->duration)
                np_world_at(w, c->nat_restart[b].when.at[n], EVENT_NAT, b, false);
    }
    if (c->core_down.outages) np_trouble_outage(w, w->clients);
    for (uint32_t i = 0; c->access_down.outages && i < w->clients; i++)
        if (group_of(w, &w->client[i])->measure) np_trouble_outage(w, i);
    return !w->out_of_memory;
}
