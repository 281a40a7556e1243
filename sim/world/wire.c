/*
 * Packets between the ends: access link, boxes, core link, and back.
 *
 * A link kind of constant delay delivers in the order of sending whatever link of the kind was used, so one
 * ring holds all its packets and the event queue only knows the head. With jitter or a rate each packet is an
 * event of its own.
 */
#include "natpulse/memory.h"
#include "state.h"
#include <assert.h>
#include <stdlib.h>

static const np_link_config *hop_config(const struct world *w, enum hop h)
{
    switch (h) {
    case HOP_ACCESS_UP: return &w->config->access_up;
    case HOP_ACCESS_DOWN: return &w->config->access_down;
    case HOP_CORE_UP: return &w->config->core_up;
    default: return &w->config->core_down;
    }
}

static bool is_access(enum hop h)
{
    return h == HOP_ACCESS_UP || h == HOP_ACCESS_DOWN;
}

bool np_wire_create(struct world *w)
{
    for (enum hop h = 0; h < HOPS; h++) {
        const np_link_config *c = hop_config(w, h);
        bool down = h == HOP_CORE_DOWN || h == HOP_ACCESS_DOWN, access = is_access(h);
        /* Link 0 is the core's, i + 1 client i's. */
        uint32_t first = (access ? 1 : 0) | (down ? NP_LINK_DOWN : 0), count = access ? w->clients : 1;
        if (!(w->links[h] = np_links_create(c, w->key, first, count))) return false;
        w->is_fifo[h] = np_link_is_fifo(c);
        w->fifo[h].room = 64;
        if (!(w->fifo[h].ring = malloc(64 * sizeof(struct flight)))) return false;
    }
    np_pool_init(&w->flights, sizeof(struct flight), w->clients / 64);
    return true;
}

void np_wire_destroy(struct world *w)
{
    for (int h = 0; h < HOPS; h++) {
        np_links_destroy(w->links[h]);
        free(w->fifo[h].ring);
    }
    np_pool_release(&w->flights);
}

static bool fifo_push(struct fifo *f, np_time at, const np_packet *p)
{
    if (f->used == f->room) {
        struct flight *grown = malloc(2 * (size_t)f->room * sizeof *grown);
        if (!grown) return false;
        for (uint32_t i = 0; i < f->used; i++) grown[i] = f->ring[(f->head + i) & (f->room - 1)];
        free(f->ring);
        *f = (struct fifo){.ring = grown, .used = f->used, .room = 2 * f->room};
    }
    struct flight *slot = &f->ring[(f->head + f->used++) & (f->room - 1)];
    slot->at = at;
    slot->packet = *p;
    return true;
}

/* A packet that is an event of its own. */
static void flight_add(struct world *w, enum hop h, const np_packet *p, np_time at)
{
    uint32_t i = np_pool_take(&w->flights);
    if (i == NONE) {
        w->out_of_memory = true;
        return;
    }
    struct flight *f = np_pool_at(&w->flights, i);
    f->packet = *p;
    np_world_at(w, at, EVENT_FLIGHT, i, h);
}

/* Sends over one link of a kind; what arrives, arrives through hop_arrived. */
static void hop_send(struct world *w, enum hop h, uint32_t client, np_packet *p)
{
    np_time at;
    if (!np_links_send(w->links[h], is_access(h) ? client : 0, w->now, p->bytes, &at)) {
        w->out_of_memory = true;
        return;
    }
    if (at == NP_LOST) {
        np_conn_packet_lost(w, p);
        return;
    }
    if (w->is_fifo[h]) {
        if (!fifo_push(&w->fifo[h], at, p)) w->out_of_memory = true;
        if (w->fifo[h].used == 1) np_world_at(w, at, EVENT_FIFO, h, 0);
        return;
    }
    flight_add(w, h, p, at);
}

static void notify(struct world *w, np_place where, bool outbound, const np_packet *p)
{
    if (w->listener && w->listener->packet) w->listener->packet(w->listener->ctx, w->now, where, outbound, p);
}

void np_wire_arm_box(struct world *w, uint32_t box)
{
    np_time next = np_box_next_expiry(w->box[box]);
    if (next >= w->box_armed[box]) return;
    w->box_armed[box] = next;
    np_world_at(w, next, EVENT_BOX, box, 0);
}

/* A box answers a packet, which it has not translated, with a reset towards whoever sent it. `box` is the one
   that refused: the answer goes back through those between it and the sender. */
static void outbound_at_boxes(struct world *w, np_packet *p, uint32_t from);
static void inbound_at_boxes(struct world *w, np_packet *p, uint32_t from);

static void box_answers(struct world *w, const np_packet *p, uint32_t box, bool outbound)
{
    np_packet answer;
    if (p->proto != NP_TCP || !np_packet_reset(p, &answer)) return;
    answer.conn = p->conn;
    answer.kind = NP_KIND_CONTROL;
    if (box == 0) notify(w, outbound ? NP_PLACE_INSIDE : NP_PLACE_OUTSIDE, !outbound, &answer);
    if (outbound)
        inbound_at_boxes(w, &answer, box);
    else
        outbound_at_boxes(w, &answer, box + 1);
}

/* Packets that wait for a box are in flight over a hop of its own. */
static enum hop wait_at(uint32_t box, bool outbound)
{
    return (enum hop)(HOPS + 2 * box + outbound);
}

/* Whether the box takes the packet now. Else it waits, or is lost. */
static bool admitted(struct world *w, uint32_t box, np_packet *p, bool outbound)
{
    if (w->config->nat[box].cpu.rate == 0) return true;
    np_time at = np_box_admit(w->box[box], w->now);
    if (at == NP_NEVER)
        np_conn_packet_lost(w, p);
    else
        flight_add(w, wait_at(box, outbound), p, at);
    return false;
}

static void note_refusal(struct world *w, const np_packet *p, np_reason reason)
{
    if (reason != NP_REASON_TABLE_FULL && reason != NP_REASON_NO_PORT && reason != NP_REASON_HOST_LIMIT)
        return;
    struct conn *c = p->conn < w->conns.used ? conn_at(w, p->conn) : NULL;
    if (c && c->serial) c->refused = true;
}

/* Whether the packet goes on towards the servers. */
static bool outbound_at_box(struct world *w, np_packet *p, uint32_t i)
{
    np_addr destination = p->dst;
    np_handled h = np_box_outbound(w->box[i], p, w->now);
    np_wire_arm_box(w, i);
    if (h.verdict != NP_FORWARD) {
        note_refusal(w, p, h.reason);
        np_conn_packet_lost(w, p);
        if (h.verdict == NP_RESET) box_answers(w, p, i, true);
        return false;
    }
    if (w->config->nat[i].hairpin && !np_addr_equal(&p->dst, &destination)) {
        if (i == 0) notify(w, NP_PLACE_INSIDE, false, p);
        inbound_at_boxes(w, p, i);
        return false;
    }
    if (i == 0) notify(w, NP_PLACE_OUTSIDE, true, p);
    if (h.reason != NP_REASON_LEAKED || i + 1 < w->config->nats) return true;
    np_conn_packet_lost(w, p); /* with a private source: no answer finds the way back */
    return false;
}

/* Through boxes from..last towards the servers. */
static void outbound_at_boxes(struct world *w, np_packet *p, uint32_t from)
{
    for (uint32_t i = from; i < w->config->nats; i++) {
        w->packet_events++;
        if (i == 0) notify(w, NP_PLACE_INSIDE, true, p);
        if (!admitted(w, i, p, true) || !outbound_at_box(w, p, i)) return;
    }
    hop_send(w, HOP_CORE_UP, 0, p);
}

/* Whether the packet goes on towards the clients. */
static bool inbound_at_box(struct world *w, np_packet *p, uint32_t i)
{
    np_handled h = np_box_inbound(w->box[i], p, w->now);
    np_wire_arm_box(w, i);
    if (h.verdict != NP_FORWARD) {
        np_conn_packet_lost(w, p);
        if (h.verdict == NP_RESET) box_answers(w, p, i, false);
        return false;
    }
    if (i == 0) notify(w, NP_PLACE_INSIDE, false, p);
    return true;
}

/* Through boxes `from`-1..0 towards the clients. */
static void inbound_at_boxes(struct world *w, np_packet *p, uint32_t from)
{
    for (uint32_t i = from; i-- > 0;) {
        w->packet_events++;
        if (i == 0) notify(w, NP_PLACE_OUTSIDE, false, p);
        if (!admitted(w, i, p, false) || !inbound_at_box(w, p, i)) return;
    }
    uint32_t client = client_of(w, &p->dst);
    if (client != NONE)
        hop_send(w, HOP_ACCESS_DOWN, client, p);
    else
        np_conn_packet_lost(w, p);
}

/* A packet that waited for a box. */
static void wait_over(struct world *w, np_packet *p, uint32_t box, bool outbound)
{
    if (outbound && outbound_at_box(w, p, box)) outbound_at_boxes(w, p, box + 1);
    if (!outbound && inbound_at_box(w, p, box)) inbound_at_boxes(w, p, box);
}

void np_wire_box_emits(struct world *w, uint32_t box, bool to_inside, const np_packet *p)
{
    np_packet sent = *p;
    if (box == 0) notify(w, to_inside ? NP_PLACE_INSIDE : NP_PLACE_OUTSIDE, !to_inside, p);
    if (to_inside)
        inbound_at_boxes(w, &sent, box);
    else
        outbound_at_boxes(w, &sent, box + 1);
}

void np_wire_from(struct world *w, enum side from, np_packet *p)
{
    if (from == SERVER) {
        hop_send(w, HOP_CORE_DOWN, 0, p);
        return;
    }
    uint32_t client = client_of(w, &p->src);
    np_addr present = client_addr(w, client, w->client[client].place);
    if (np_addr_equal(&p->src, &present))
        hop_send(w, HOP_ACCESS_UP, client, p);
    else
        np_conn_packet_lost(w, p); /* nobody carries a packet from an address that is not the sender's */
}

void np_wire_prefetch(const struct world *w, uint32_t client, enum side side)
{
    if (client >= w->clients) return;
    np_prefetch(&w->client[client]);
    if (side == CLIENT) np_links_prefetch(w->links[HOP_ACCESS_UP], client);
}

/* The same for the packets next in a ring: their order is known. */
static void fifo_look_ahead(const struct world *w, enum hop h, const struct fifo *f)
{
    const np_packet *far = f->used > 8 ? &f->ring[(f->head + 8) & (f->room - 1)].packet : NULL;
    const np_packet *near = f->used > 4 ? &f->ring[(f->head + 4) & (f->room - 1)].packet : NULL;
    bool to_box = h == HOP_ACCESS_UP || h == HOP_CORE_DOWN;
    const np_box *box = w->box[h == HOP_CORE_DOWN ? w->config->nats - 1 : 0];
    if (far && to_box) np_box_prefetch(box, far, h == HOP_ACCESS_UP, false);
    if (near && to_box) np_box_prefetch(box, near, h == HOP_ACCESS_UP, true);
    if (far && h == HOP_ACCESS_DOWN) np_wire_prefetch(w, client_of(w, &far->dst), SERVER);
    if (far && h != HOP_ACCESS_UP) np_conn_prefetch(w, far->conn);
    if (far && far->proto == NP_UDP && !to_box) np_prefetch(message_at(w, far->seq));
    if (near && !to_box) np_ends_prefetch_working(w, near->conn, h == HOP_CORE_UP ? SERVER : CLIENT);
    if (near && h == HOP_CORE_DOWN && near->conn < w->conns.used)
        np_links_prefetch(w->links[HOP_ACCESS_DOWN], conn_at(w, near->conn)->client);
}

static void hop_arrived(struct world *w, enum hop h, np_packet *p)
{
    switch (h) {
    case HOP_ACCESS_UP: outbound_at_boxes(w, p, 0); break;
    case HOP_CORE_DOWN: inbound_at_boxes(w, p, w->config->nats); break;
    case HOP_CORE_UP:
        w->packet_events++;
        np_conn_arrived(w, SERVER, p);
        break;
    default:
        w->packet_events++;
        np_conn_arrived(w, CLIENT, p);
        break;
    }
}

void np_wire_fifo_due(struct world *w, enum hop h)
{
    struct fifo *f = &w->fifo[h];
    assert(f->used && f->ring[f->head].at == w->now);
    fifo_look_ahead(w, h, f);
    np_packet p = f->ring[f->head].packet;
    f->head = (f->head + 1) & (f->room - 1);
    /* The next head is queued before this packet acts: a packet sent now over the same link comes after it.
     */
    if (--f->used) np_world_at(w, f->ring[f->head].at, EVENT_FIFO, h, 0);
    hop_arrived(w, h, &p);
}

void np_wire_flight_due(struct world *w, uint32_t flight, enum hop h)
{
    np_packet p = ((struct flight *)np_pool_at(&w->flights, flight))->packet;
    np_pool_give(&w->flights, flight);
    if (h < HOPS)
        hop_arrived(w, h, &p);
    else
        wait_over(w, &p, (h - HOPS) / 2, (h - HOPS) % 2);
}
