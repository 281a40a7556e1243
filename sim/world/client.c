/*
 * What the applications at both ends do with connections.
 *
 * A client that keeps connections (persistent, pool) has one session a connection: it connects, stays, and
 * when the connection fails connects again after a back-off. Exchanges of its rounds wait in `held` for a
 * session that is open and has no request outstanding. A per-request client opens a connection for each
 * exchange: the first of a round alone (the page), the others of the round together (what it embeds). When
 * the server opens the exchanges (push), a per-request client polls: what the server has for it waits there.
 *
 * What an application does not do: repeat a message whose connection failed under it.
 */
#include "state.h"
#include <assert.h>

/* A poll and the answer that ends it: an HTTP request and response with few headers, bytes. */
#define POLL_BYTES        120
#define POLL_ANSWER_BYTES 120
/* The first datagram of a UDP flow, which tells the server where its client is, bytes. */
#define HELLO_BYTES 16
/* The last one of a client that leaves, bytes. */
#define BYE_BYTES 16

static bool measured(const struct world *w, uint32_t client)
{
    return group_of(w, &w->client[client])->measure;
}

static uint32_t sessions_of(const struct world *w, const struct client *k)
{
    switch (connection_of(w, k)) {
    case NP_CONNECTION_PERSISTENT: return 1;
    case NP_CONNECTION_POOL: return strategy_applies(w, k->group) ? w->sessions_each : 1;
    default: return 0;
    }
}

static uint32_t message_make(struct world *w, const struct message *what)
{
    uint32_t i = np_pool_take(&w->messages);
    if (i == NONE) {
        w->out_of_memory = true;
        return NONE;
    }
    struct message *m = message_at(w, i);
    *m = *what;
    m->next = NONE;
    return i;
}

/* ---- rounds ---- */

static void schedule_round(struct world *w, uint32_t client, np_time from)
{
    struct client *k = &w->client[client];
    np_round r = np_work_round(&group_of(w, k)->work, w->key, client, k->round);
    k->round_due = from + r.gap;
    k->rounds = true;
    if (k->round_due < w->config->duration) np_world_at(w, k->round_due, EVENT_ROUND, client, k->chain);
}

/* One exchange of the present round is over, for good or ill. */
static void exchange_over(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    if (k->unanswered && --k->unanswered == 0 && !group_of(w, k)->work.open_loop)
        schedule_round(w, client, w->now);
}

/* ---- sessions ---- */

static uint32_t connect_session(struct world *w, uint32_t client, uint32_t session)
{
    struct session *s = session_at(w, client, session);
    s->state = SESSION_CONNECTING;
    s->conn = NONE;
    s->busy = false;
    return s->conn = np_conn_open(w, client, session, NONE);
}

/* Writes held exchanges to sessions that are free. */
static void pump(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    uint32_t n = sessions_of(w, k);
    for (uint32_t i = 0; i < n && k->held != NONE; i++) {
        struct session *s = session_at(w, client, i);
        while (k->held != NONE && s->state == SESSION_OPEN && !s->busy &&
               conn_at(w, s->conn)->believes[CLIENT]) {
            uint32_t m = message_take(w, &k->held);
            struct message what = *message_at(w, m);
            message_free(w, m);
            s->busy = what.response > 0;
            np_conn_write(w, s->conn, CLIENT, &what);
            if (!what.response) exchange_over(w, client);
        }
    }
}

/* As many at once as a per-request client may wait for. */
static uint32_t parallel(const struct world *w, const struct client *k)
{
    uint32_t most = strategy_applies(w, k->group) ? w->strategy->parallel : 0;
    return most ? most : UINT32_MAX;
}

/* The per-request client's way: a connection for the oldest held exchange, and more until one is to be
   waited for. */
static void open_for_held(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    while (k->held != NONE && k->asking < parallel(w, k)) {
        uint32_t m = message_take(w, &k->held);
        bool waits = message_at(w, m)->response > 0;
        message_at(w, m)->next = NONE;
        k->asking += waits;
        np_conn_open(w, client, NONE, m);
        if (waits) break;
    }
}

/* An answer has come, or will not: so the others of the round are due, all at once as far as may be. */
static void open_the_rest(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    while (k->held != NONE && k->asking < parallel(w, k)) open_for_held(w, client);
}

static void server_has(struct world *w, uint32_t client, struct message *m)
{
    struct client *k = &w->client[client];
    bool polls = sessions_of(w, k) == 0;
    bool believes = !polls && k->serving != NONE && conn_at(w, k->serving)->believes[SERVER];
    if (k->presence == IS_VANISHED && !believes && !polls) return; /* the server knows that it is gone */
    m->from = SERVER;
    np_meter_message_sent(w, m);
    if (polls) {
        uint32_t i = message_make(w, m);
        if (i != NONE) message_add(w, &k->at_server, i);
    } else if (believes) {
        np_conn_write(w, k->serving, SERVER, m);
    } else {
        np_meter_message_lost(w, m);
    }
}

/* A sleeper's rounds: those that come whatever happens are passed over, others wait until it wakes. True when
   this one is dealt with. */
static bool sleeps_through(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    const np_work_config *work = &group_of(w, k)->work;
    if (k->presence != IS_ASLEEP || work->from_server) return false;
    if (work->open_loop) {
        k->round++;
        schedule_round(w, client, k->round_due);
    } else {
        np_world_at(w, w->churner[client].wake_at, EVENT_ROUND, client, k->chain);
    }
    return true;
}

static bool is_connected(const struct world *w, uint32_t client)
{
    const struct client *k = &w->client[client];
    for (uint32_t i = 0; i < sessions_of(w, k); i++)
        if (session_at(w, client, i)->state == SESSION_OPEN) return true;
    return false;
}

void np_client_round(struct world *w, uint32_t client, uint32_t chain)
{
    struct client *k = &w->client[client];
    if (chain != k->chain || sleeps_through(w, client)) return;
    const np_work_config *work = &group_of(w, k)->work;
    np_round r = np_work_round(work, w->key, client, k->round);
    np_time due = k->round_due;
    bool fleeting = np_work_is_fleeting(work) && !is_connected(w, client);
    for (uint32_t i = 0; i < r.count; i++) {
        np_exchange e = np_work_exchange(work, w->key, client, k->round, i);
        struct message m = {.type = MESSAGE_REQUEST,
                            .client = client,
                            .bytes = e.request,
                            .response = e.response,
                            .service = e.service,
                            .sent = due,
                            .counts = measured(w, client)};
        if (e.from_server) {
            server_has(w, client, &m);
            continue;
        }
        m.from = CLIENT;
        np_meter_message_sent(w, &m);
        if (fleeting) {
            np_meter_message_lost(w, &m);
            continue;
        }
        k->unanswered++;
        uint32_t held = message_make(w, &m);
        if (held != NONE) message_add(w, &k->held, held);
    }
    k->round++;
    if (work->open_loop || work->from_server) schedule_round(w, client, due);
    if (sessions_of(w, k))
        pump(w, client);
    else
        open_for_held(w, client);
}

void np_client_start(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    const np_group *g = group_of(w, k);
    uint32_t n = sessions_of(w, k);
    for (uint32_t i = 0; i < n; i++) connect_session(w, client, i);
    if (n == 0 && g->work.from_server) {
        double phase = np_unit(np_random(w->key, client, PURPOSE_POLL, k->polls));
        np_world_at(w, w->now + (np_time)(phase * (double)w->strategy->poll), EVENT_POLL, client, k->polls);
    }
    if (!k->rounds) schedule_round(w, client, w->now);
}

/* Rounds end with the client, but for those the server opens without knowing that it is gone. */
void np_client_leave(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    bool word = k->presence == IS_AWAY;
    k->polls++;
    if (word || !group_of(w, k)->work.from_server) {
        k->chain++;
        k->rounds = false;
    }
    for (uint32_t i = 0; i < sessions_of(w, k); i++)
        *session_at(w, client, i) = (struct session){.conn = NONE, .state = SESSION_IDLE};
    while (k->held != NONE) {
        uint32_t m = message_take(w, &k->held);
        np_meter_message_lost(w, message_at(w, m));
        message_free(w, m);
    }
    k->unanswered = k->asking = 0;
    for (uint32_t i = k->conns; i != NONE; i = conn_at(w, i)->next_of_client) {
        struct conn *c = conn_at(w, i);
        if (c->end[CLIENT] != END_LIVE) continue;
        if (c->per_request) c->done = true; /* at most it runs to its end, and nothing follows */
        if (!word) {
            np_conn_vanish(w, i, CLIENT, CAUSE_CLIENT_GONE);
        } else if (!c->per_request) {
            if (c->transport == NP_UDP && c->believes[CLIENT])
                np_conn_write(w, i, CLIENT, &(struct message){.type = MESSAGE_BYE, .bytes = BYE_BYTES});
            np_conn_close(w, i, CLIENT);
        }
    }
}

void np_client_poll(struct world *w, uint32_t client, uint32_t polls)
{
    const struct client *k = &w->client[client];
    if (polls != k->polls) return;
    if (w->now + w->strategy->poll < w->config->duration)
        np_world_at(w, w->now + w->strategy->poll, EVENT_POLL, client, polls);
    if (k->presence == IS_ASLEEP) return;
    uint32_t m = message_make(w, &(struct message){.type = MESSAGE_POLL,
                                                   .client = client,
                                                   .bytes = POLL_BYTES,
                                                   .response = POLL_ANSWER_BYTES,
                                                   .sent = w->now});
    if (m != NONE) np_conn_open(w, client, NONE, m);
}

static void retry_at(struct world *w, uint32_t client, uint32_t session, np_time when)
{
    session_at(w, client, session)->retry_at = when;
    if (when < w->config->duration) np_world_at(w, when, EVENT_RETRY, client, session);
}

void np_client_retry(struct world *w, uint32_t client, uint32_t session)
{
    const struct session *s = session_at(w, client, session);
    if (s->state != SESSION_WAITING || s->retry_at != w->now) return;
    if (w->client[client].presence == IS_ASLEEP)
        retry_at(w, client, session, w->churner[client].wake_at);
    else
        connect_session(w, client, session);
}

/* How long to wait after so many failures in a row, from one draw. */
static np_time back_off(const np_reconnect *r, uint32_t failures, double unit)
{
    double ceiling = (double)r->least * (double)(1u << (failures < 20 ? failures : 20));
    if (ceiling > (double)r->most) ceiling = (double)r->most;
    switch (r->jitter) {
    case NP_JITTER_NONE: return (np_time)ceiling;
    case NP_JITTER_EQUAL: return (np_time)(ceiling * (0.5 + unit / 2));
    default: return (np_time)(ceiling * unit);
    }
}

void np_client_opened(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    uint32_t client = c->client;
    if (c->per_request) {
        struct errand *errand = errand_of(w, c);
        struct message m = *message_at(w, errand->request);
        message_free(w, errand->request);
        errand->request = NONE;
        np_conn_write(w, conn, CLIENT, &m);
        if (!m.response) {
            c->done = true;
            np_conn_close(w, conn, CLIENT);
            exchange_over(w, client);
        }
        return;
    }
    struct session *s = session_at(w, client, c->session);
    if (s->was_open && c->measured && w->measuring) w->meter.reconnects++;
    s->conn = conn;
    s->state = SESSION_OPEN;
    s->was_open = true;
    s->failures = 0;
    if (c->transport == NP_UDP)
        np_conn_write(w, conn, CLIENT, &(struct message){.type = MESSAGE_HELLO, .bytes = HELLO_BYTES});
    pump(w, client);
}

void np_client_failed(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    struct client *k = &w->client[c->client];
    uint32_t client = c->client;
    if (c->refused && !c->opened) np_meter_path(w, conn, false, CAUSE_REFUSED);
    if (c->per_request) {
        bool poll = group_of(w, k)->work.from_server, waits = true; /* what is one way is done when written */
        struct errand *errand = errand_of(w, c);
        if (errand->request != NONE) {
            uint32_t m = errand->request;
            errand->request = NONE;
            waits = message_at(w, m)->response > 0;
            np_meter_message_lost(w, message_at(w, m));
            message_free(w, m);
        }
        if (c->done || poll) return;
        c->done = true;
        k->asking -= waits;
        exchange_over(w, client);
        open_the_rest(w, client);
        return;
    }
    struct session *s = session_at(w, client, c->session);
    if (s->conn != conn && !(s->state == SESSION_CONNECTING && s->conn == NONE)) return;
    bool was_busy = s->busy;
    s->busy = false;
    s->state = SESSION_WAITING;
    s->conn = NONE;
    double unit = np_unit(np_random(w->key, client, PURPOSE_RECONNECT, k->retries++));
    retry_at(w, client, c->session, w->now + back_off(&w->config->reconnect, s->failures, unit));
    if (s->failures < UINT8_MAX) s->failures++;
    if (was_busy) exchange_over(w, client);
}

/* ---- messages arrive ---- */

void np_client_message(struct world *w, uint32_t conn, const struct message *m)
{
    struct conn *c = conn_at(w, conn);
    struct client *k = &w->client[c->client];
    uint32_t client = c->client;
    if (!c->believes[CLIENT]) return;
    switch (m->type) {
    case MESSAGE_REQUEST: /* a push that wants an answer */
        if (m->response) {
            struct message answer = {.type = MESSAGE_RESPONSE,
                                     .client = client,
                                     .bytes = m->response,
                                     .sent = w->now,
                                     .counts = m->counts,
                                     .from = CLIENT};
            np_meter_message_sent(w, &answer);
            np_conn_write(w, conn, CLIENT, &answer);
        }
        break;
    case MESSAGE_RESPONSE:
        if (!c->per_request) {
            session_at(w, client, c->session)->busy = false;
            exchange_over(w, client);
            pump(w, client);
        } else {
            bool follows = !c->done;
            c->done = true;
            np_conn_close(w, conn, CLIENT);
            if (!follows) break;
            k->asking--;
            exchange_over(w, client);
            open_the_rest(w, client);
        }
        break;
    case MESSAGE_POLL_ANSWER:
        c->done = true;
        np_conn_close(w, conn, CLIENT);
        break;
    default: break;
    }
}

void np_server_message(struct world *w, uint32_t conn, const struct message *m)
{
    struct conn *c = conn_at(w, conn);
    struct client *k = &w->client[c->client];
    if (!c->believes[SERVER]) return;
    bool one_shot = c->per_request && c->transport == NP_UDP;
    if (m->type == MESSAGE_BYE || (m->type == MESSAGE_REQUEST && !m->response && one_shot)) {
        np_conn_close(w, conn, SERVER);
    } else if (m->type == MESSAGE_REQUEST && m->response) {
        struct message answer = {.type = MESSAGE_RESPONSE,
                                 .client = c->client,
                                 .bytes = m->response,
                                 .conn = conn,
                                 .serial = c->serial,
                                 .from = SERVER};
        uint32_t i = message_make(w, &answer);
        if (i == NONE) return;
        if (m->service)
            np_world_at(w, w->now + m->service, EVENT_SERVICE, i, 0);
        else
            np_server_service(w, i);
    } else if (m->type == MESSAGE_POLL) {
        uint32_t waiting = k->at_server; /* what is lost at once waits for the next poll, not for this one */
        k->at_server = NONE;
        while (waiting != NONE) {
            uint32_t i = message_take(w, &waiting);
            struct message what = *message_at(w, i);
            message_free(w, i);
            np_conn_write(w, conn, SERVER, &what);
        }
        np_conn_write(w, conn, SERVER, &(struct message){.type = MESSAGE_POLL_ANSWER, .bytes = m->response});
        if (one_shot) np_conn_close(w, conn, SERVER); /* no FIN will tell it that this was all */
    }
}

/* Over TCP an answer comes or the connection fails. Over UDP a lost datagram is lost: the client waits its
   patience out and goes on. Only the low bits of the serial are at hand. */
static void nothing_will_come(struct world *w, uint32_t conn, uint32_t serial)
{
    const struct conn *c = conn_at(w, conn);
    if (serial && c->serial == serial && c->transport == NP_UDP && !c->per_request)
        np_world_at(w, w->now + PATIENCE, EVENT_UNANSWERED, conn, serial);
}

void np_client_unanswered(struct world *w, uint32_t conn, uint32_t serial)
{
    const struct conn *c = conn_at(w, conn);
    if (!c->serial || (c->serial & 0xffffff) != serial || c->per_request) return;
    uint32_t client = c->client;
    struct session *s = session_at(w, client, c->session);
    if (s->conn != conn || !s->busy) return;
    s->busy = false;
    exchange_over(w, client);
    pump(w, client);
}

/* A response is ready. */
void np_server_service(struct world *w, uint32_t message)
{
    struct message m = *message_at(w, message);
    message_free(w, message);
    m.sent = w->now;
    m.counts = measured(w, m.client);
    np_meter_message_sent(w, &m);
    struct conn *c = conn_at(w, m.conn);
    if (c->serial == m.serial && c->believes[SERVER])
        np_conn_write(w, m.conn, SERVER, &m);
    else {
        nothing_will_come(w, m.conn, m.serial);
        np_meter_message_lost(w, &m);
    }
    if (c->serial == m.serial && c->per_request && c->transport == NP_UDP) np_conn_close(w, m.conn, SERVER);
}

void np_server_opened(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    if (!c->per_request) w->client[c->client].serving = conn;
}

void np_server_failed(struct world *w, uint32_t conn)
{
    const struct conn *c = conn_at(w, conn);
    struct client *k = &w->client[c->client];
    if (!c->per_request && k->serving == conn) k->serving = NONE;
}

void np_message_dropped(struct world *w, uint32_t message)
{
    struct message *m = message_at(w, message);
    struct client *k = &w->client[m->client];
    if (m->type == MESSAGE_REQUEST && m->from == SERVER && sessions_of(w, k) == 0) {
        message_add(w, &k->at_server, message); /* the next poll fetches it */
        return;
    }
    if ((m->type == MESSAGE_REQUEST && m->from == CLIENT && m->response) ||
        (m->type == MESSAGE_RESPONSE && m->from == SERVER))
        nothing_will_come(w, m->conn, m->serial);
    np_meter_message_lost(w, m);
    message_free(w, message);
}
