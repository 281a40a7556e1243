/*
 * TCP ends, packed while they only wait.
 *
 * An event that has to do with an end unpacks it; after the event it is packed again, or stays unpacked until
 * an event after which it can be. So of a million connections that send a heartbeat a minute a few thousand
 * ends are unpacked at a time, in memory that stays in the caches.
 */
#include "natpulse/memory.h"
#include "state.h"

/* A working end that waits for its packing; the first word links the free ones. */
struct working {
    np_tcp tcp;
    np_time overtaken;   /* see np_ends_overtaken */
    uint32_t conn, next; /* touched in the present event */
    uint8_t side;
    bool touched;
};

void np_ends_init(struct world *w, uint32_t connections)
{
    np_pool_init(&w->tcps, 2 * sizeof(np_tcp_idle), connections);
    np_pool_init(&w->working, sizeof(struct working), connections / 64);
    w->touched = NONE;
}

void np_ends_release(struct world *w)
{
    np_pool_release(&w->tcps);
    np_pool_release(&w->working);
}

static np_tcp_idle *idle_at(const struct world *w, uint32_t conn, enum side side)
{
    return (np_tcp_idle *)np_pool_at(&w->tcps, conn) + side;
}

bool np_ends_reach(struct world *w, uint32_t conn)
{
    if (!np_pool_reach(&w->tcps, conn)) return false;
    idle_at(w, conn, CLIENT)->owner = idle_at(w, conn, SERVER)->owner = NONE;
    return true;
}

static np_tcp *touch(struct world *w, uint32_t number)
{
    struct working *e = np_pool_at(&w->working, number);
    if (!e->touched) {
        e->touched = true;
        e->next = w->touched;
        w->touched = number;
    }
    return &e->tcp;
}

np_tcp *np_ends_new(struct world *w, uint32_t conn, enum side side)
{
    uint32_t number = np_pool_take(&w->working);
    if (number == NONE) {
        w->out_of_memory = true;
        return NULL;
    }
    struct working *e = np_pool_at(&w->working, number);
    e->overtaken = NP_NEVER;
    e->conn = conn;
    e->side = (uint8_t)side;
    idle_at(w, conn, side)->owner = number;
    return touch(w, number);
}

np_tcp *np_ends_at(struct world *w, uint32_t conn, enum side side)
{
    const np_tcp_idle *idle = idle_at(w, conn, side);
    if (idle->owner != NONE) return touch(w, idle->owner);
    np_tcp *t = np_ends_new(w, conn, side);
    if (!t) t = &w->no_memory[side]; /* the run is over after this event, whatever comes of it */
    np_tcp_unpack(idle, t);
    return t;
}

np_time *np_ends_overtaken(struct world *w, uint32_t conn, enum side side)
{
    uint32_t number = idle_at(w, conn, side)->owner;
    if (number == NONE) return &w->no_memory_overtaken;
    return &((struct working *)np_pool_at(&w->working, number))->overtaken;
}

void np_ends_gone(struct world *w, uint32_t conn, enum side side)
{
    uint32_t number = idle_at(w, conn, side)->owner;
    if (number != NONE) touch(w, number);
}

void np_ends_rest(struct world *w)
{
    while (w->touched != NONE) {
        uint32_t number = w->touched;
        struct working *e = np_pool_at(&w->working, number);
        struct conn *c = conn_at(w, e->conn);
        np_tcp_idle *idle = idle_at(w, e->conn, (enum side)e->side);
        w->touched = e->next;
        e->touched = false;
        bool over = c->end[e->side] != END_LIVE;
        if (!over && !np_tcp_pack(&e->tcp, np_conn_tcp_config(w, c, (enum side)e->side), idle)) continue;
        idle->owner = NONE;
        np_pool_give_back(&w->working, number);
    }
}

void np_ends_prefetch(const struct world *w, uint32_t conn)
{
    const char *i = (const char *)idle_at(w, conn, CLIENT);
    np_prefetch(i);
    np_prefetch(i + sizeof(np_tcp_idle));
    np_prefetch(i + 2 * sizeof(np_tcp_idle) - 1);
}

void np_ends_prefetch_working(const struct world *w, uint32_t conn, enum side side)
{
    if (!np_pool_has(&w->tcps, conn)) return;
    uint32_t number = idle_at(w, conn, side)->owner;
    if (number == NONE || !np_pool_has(&w->working, number)) return;
    const char *e = np_pool_at(&w->working, number);
    np_prefetch(e);
    np_prefetch(e + 64);
    np_prefetch(e + 128);
}
