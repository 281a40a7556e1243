/*
 * Clients that come and go.
 *
 *                ┌── session over ──► IS_AWAY ──── away over ───┐
 *     come ─► IS_PRESENT ◄──────────────────────────────────────┤
 *                ├── vanish ────────► IS_VANISHED ─ back ───────┘
 *                └── sleep ─────────► IS_ASLEEP ── nap over ► IS_PRESENT again, connections as they were
 *
 * What is due while a client sleeps waits until it wakes; it can also vanish in its sleep. It roams on a
 * clock of its own, whatever else it does. Each coming starts a life; events of an earlier one are void. All
 * times are drawn by (client, purpose, count), and nothing here looks at connections: so the same happens at
 * the same instants whatever the strategy.
 *
 * The figures count a client's time from its coming to its going, sleep left out: then nobody asks for a
 * connection.
 */
#include "state.h"
#include <stdlib.h>

enum { SESSION_OVER, COMES, VANISHES, SLEEPS, WAKES, ROAMS };

#define LIFE_BITS 20 /* of an event's 24 spare bits */
#define LIFE_MASK ((1u << LIFE_BITS) - 1)

static const np_churn *churn_of(const struct world *w, uint32_t client)
{
    return &group_of(w, &w->client[client])->churn;
}

static bool any_churn(const np_churn *c)
{
    return happens(&c->session) || happens(&c->vanish) || happens(&c->sleep) || happens(&c->roam);
}

bool np_churn_create(struct world *w)
{
    bool any = false, roams = false;
    for (uint32_t g = 0; g < w->config->groups; g++) {
        any |= any_churn(&w->config->group[g].churn);
        roams |= happens(&w->config->group[g].churn.roam);
    }
    w->places = 1;
    if (roams) w->places = MOST_ADDRESSES / w->clients < UINT8_MAX ? MOST_ADDRESSES / w->clients : UINT8_MAX;
    if (!any) return true;
    return (w->churner = calloc(w->clients, sizeof *w->churner)) != NULL;
}

/* `what` happens to the client after a time drawn from d, unless another life has begun by then. */
static np_time plan(struct world *w, uint32_t client, uint32_t what, const np_dist *d, uint32_t purpose,
                    uint32_t index)
{
    np_time when = w->now + np_dist_time(d, np_random(w->key, client, purpose, index));
    if (when < w->config->duration)
        np_world_at(w, when, EVENT_CHURN, client, what << LIFE_BITS | (w->churner[client].life & LIFE_MASK));
    return when;
}

void np_churn_come(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    const np_churn *c = churn_of(w, client);
    k->presence = IS_PRESENT;
    np_meter_comes(w, client);
    if (any_churn(c)) {
        struct churner *r = &w->churner[client];
        bool first = r->life++ == 0;
        r->over = false;
        if (happens(&c->session)) plan(w, client, SESSION_OVER, &c->session, PURPOSE_SESSION, r->sessions++);
        if (happens(&c->vanish)) plan(w, client, VANISHES, &c->vanish, PURPOSE_VANISH, r->vanishes++);
        if (happens(&c->sleep)) plan(w, client, SLEEPS, &c->sleep, PURPOSE_SLEEP, r->sleeps++);
        if (happens(&c->roam) && first) plan(w, client, ROAMS, &c->roam, PURPOSE_ROAM, r->roams++);
    }
    np_client_start(w, client);
}

static void go(struct world *w, uint32_t client, enum presence how)
{
    struct client *k = &w->client[client];
    struct churner *r = &w->churner[client];
    const np_churn *c = churn_of(w, client);
    const np_dist *absence = how == IS_AWAY ? &c->away : &c->back;
    if (k->presence != IS_ASLEEP) np_meter_goes(w, client);
    k->presence = how;
    r->life++;
    np_client_leave(w, client);
    if (!happens(absence)) return;
    if (how == IS_AWAY)
        plan(w, client, COMES, absence, PURPOSE_AWAY, r->sessions);
    else
        plan(w, client, COMES, absence, PURPOSE_BACK, r->vanishes);
}

static void review_all(struct world *w, uint32_t client, enum cause cause)
{
    for (uint32_t i = w->client[client].conns; i != NONE; i = conn_at(w, i)->next_of_client)
        np_meter_review(w, i, cause);
}

static void fall_asleep(struct world *w, uint32_t client)
{
    struct churner *r = &w->churner[client];
    np_meter_goes(w, client);
    w->client[client].presence = IS_ASLEEP;
    r->wake_at = plan(w, client, WAKES, &churn_of(w, client)->nap, PURPOSE_NAP, r->sleeps);
    review_all(w, client, CAUSE_CLIENT_GONE);
}

static void wake(struct world *w, uint32_t client)
{
    struct churner *r = &w->churner[client];
    const np_churn *c = churn_of(w, client);
    w->client[client].presence = IS_PRESENT;
    np_meter_comes(w, client);
    r->awake_since = w->now;
    review_all(w, client, CAUSE_CLIENT_GONE);
    if (r->over)
        go(w, client, IS_AWAY);
    else
        plan(w, client, SLEEPS, &c->sleep, PURPOSE_SLEEP, r->sleeps++);
}

/* Its TCP connections keep an address that is no longer its own; its UDP goes on from the new one, through
   mappings that are yet to be made. */
static void roam(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    k->place = (uint8_t)((k->place + 1u) % w->places);
    for (uint32_t i = k->conns; i != NONE; i = conn_at(w, i)->next_of_client) {
        if (conn_at(w, i)->transport == NP_UDP)
            np_meter_moved(w, i);
        else
            np_meter_review(w, i, CAUSE_ROAMED);
    }
    plan(w, client, ROAMS, &churn_of(w, client)->roam, PURPOSE_ROAM, w->churner[client].roams++);
}

void np_churn_due(struct world *w, uint32_t client, uint32_t what)
{
    struct client *k = &w->client[client];
    struct churner *r = &w->churner[client];
    uint32_t kind = what >> LIFE_BITS;
    if (kind == ROAMS) {
        roam(w, client);
        return;
    }
    if ((what & LIFE_MASK) != (r->life & LIFE_MASK)) return;
    switch (kind) {
    case SESSION_OVER:
        if (k->presence == IS_ASLEEP)
            r->over = true;
        else
            go(w, client, IS_AWAY);
        break;
    case COMES: np_churn_come(w, client); break;
    case VANISHES: go(w, client, IS_VANISHED); break;
    case SLEEPS: fall_asleep(w, client); break;
    case WAKES: wake(w, client); break;
    }
}
