/*
 * Connections: opening, what arrives for which end, timers, closing, and letting go.
 *
 * Who gets a packet is decided as hosts decide it, by addresses and ports. The number of the connection that
 * a packet carries is only a short cut to the likely answer; when it does not fit, the client's list or the
 * servers' hash is asked, and when nobody fits, the host answers with a reset. So a mapping that came back
 * with another port, or went to another host, has the consequences it has in life.
 *
 * An end that gives up resets the connection (one RST) rather than lingering over a FIN that nobody hears.
 */
#include "natpulse/memory.h"
#include "state.h"
#include <assert.h>
#include <stdlib.h>

#define SERVER_PORT 443

/* The most a TLS record holds, bytes (RFC 8446 5.1). */
#define TLS_RECORD (1u << 14)

/* A TLS handshake: the client's hello, the server's answer with its certificates, the client's end of it, and
   in TLS 1.2 the server's. Bytes: a hello padded as browsers do (RFC 7685), certificates of 2540 bytes beside
   some 400 of keys, signatures and headers (as D. Wong counted them, cryptologie.net, June 2017), keys and
   Finished. A session that is resumed would leave out the certificates. */
#define TLS_HELLO         517
#define TLS_CERTIFICATES  3000
#define TLS_CLIENT_END    80
#define TLS_CLIENT_END_12 131
#define TLS_SERVER_END_12 51
#define TLS_CLIENT_SAYS   2 /* messages */

/* What TLS adds to each record. 1.2: header 5, explicit nonce 8, tag 16 (RFC 5288); 1.3: header 5, type 1,
   tag 16 (RFC 8446 5.2). And the round trips before the client's first message. */
static const struct {
    uint8_t record, trips;
} TLS[] = {[NP_TLS_1_2] = {29, 2}, [NP_TLS_1_3] = {22, 1}};

/* HTTP/2's GOAWAY with the text "too_many_pings": 9 + 8 + 14 (RFC 9113 6.8, gRPC proposal A8). */
#define GOAWAY_BYTES 31

/* The context of an end's output. */
struct io {
    struct world *world;
    uint32_t conn;
    enum side side;
};

/* ---- the servers' hash ---- */

static uint32_t *bucket_of(const struct world *w, uint32_t addr, uint16_t port, uint32_t server)
{
    /* What differs in an address in network order stands in its high bits: both halves of the product count.
     */
    uint64_t key = (uint64_t)addr << 32 | (uint64_t)port << 16 | server;
    __extension__ unsigned __int128 product = (unsigned __int128)key * 0xd6e8feb86659fd93u;
    return &w->bucket[(uint32_t)((uint64_t)(product >> 64) ^ (uint64_t)product >> 32) & (w->buckets - 1)];
}

/* Doubles the buckets when there are more connections than buckets. */
static void grow_buckets(struct world *w)
{
    uint32_t n = w->buckets * 2;
    uint32_t *bigger = malloc(n * sizeof *bigger);
    if (!bigger) return; /* longer chains, nothing worse */
    memset(bigger, 0xff, n * sizeof *bigger);
    free(w->bucket);
    w->bucket = bigger;
    w->buckets = n;
    for (uint32_t i = 0; i < w->conns.used; i++) {
        struct conn *c = conn_at(w, i);
        if (!c->serial || !c->hashed) continue;
        uint32_t *b = bucket_of(w, c->peer_addr, c->peer_port, c->server);
        c->next_in_bucket = *b;
        *b = i;
    }
}

static void hash_in(struct world *w, uint32_t conn)
{
    if (w->conns.used > w->buckets) grow_buckets(w);
    struct conn *c = conn_at(w, conn);
    uint32_t *b = bucket_of(w, c->peer_addr, c->peer_port, c->server);
    c->next_in_bucket = *b;
    *b = conn;
    c->hashed = true;
}

static void hash_out(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    if (!c->hashed) return;
    for (uint32_t *b = bucket_of(w, c->peer_addr, c->peer_port, c->server); *b != NONE;
         b = &conn_at(w, *b)->next_in_bucket)
        if (*b == conn) {
            *b = c->next_in_bucket;
            break;
        }
    c->hashed = false;
}

static uint32_t hash_find(const struct world *w, uint32_t addr, uint16_t port, uint32_t server)
{
    uint32_t i = *bucket_of(w, addr, port, server);
    while (i != NONE) {
        const struct conn *c = conn_at(w, i);
        if (c->peer_addr == addr && c->peer_port == port && c->server == server) break;
        i = c->next_in_bucket;
    }
    return i;
}

/* ---- an end's surroundings ---- */

const np_tcp_config *np_conn_tcp_config(const struct world *w, const struct conn *c, enum side side)
{
    return strategy_applies(w, c->group) ? &w->tcp_end[side] : &w->tcp_plain;
}

static bool beats(const struct world *w, const struct conn *c)
{
    return w->has_beat && !c->per_request && strategy_applies(w, c->group);
}

/* What the heartbeat of an end may know beyond this connection. */
static np_beat_owner owner(const struct world *w, const struct conn *c, enum side side)
{
    uint32_t entity = 2 * session_number(w, c->group, c->client, c->session) + side;
    return (np_beat_owner){
        .key = w->key, .entity = entity, .memory = w->beat_memory ? &w->beat_memory[entity] : NULL};
}

static np_tls tls_of(const struct world *w, const struct conn *c)
{
    return c->transport == NP_TCP && strategy_applies(w, c->group) ? w->strategy->tls : NP_TLS_NONE;
}

/* Messages of it that reached a side. */
static uint32_t tls_heard(const struct conn *c, enum side side)
{
    return c->tls_heard >> 4 * side & 15;
}

/* Whether what a side writes is still its part of the TLS handshake. */
static bool shakes_hands(const struct world *w, const struct conn *c, enum side side)
{
    np_tls tls = tls_of(w, c);
    return tls && tls_heard(c, side) < (side == CLIENT ? TLS[tls].trips : TLS_CLIENT_SAYS);
}

static void address(const struct world *w, const struct conn *c, uint32_t conn, enum side from, np_packet *p)
{
    np_addr client = conn_addr(w, c), server = server_addr(c->server);
    p->family = 4;
    p->conn = conn;
    if (from == CLIENT) {
        p->src = client;
        p->sport = c->local_port;
        p->dst = server;
        p->dport = SERVER_PORT;
    } else {
        p->src = server;
        p->sport = SERVER_PORT;
        p->dst = (np_addr){.word = {c->peer_addr}};
        p->dport = c->peer_port;
    }
}

static void transmit(void *ctx, np_packet *p)
{
    struct io *io = ctx;
    const struct conn *c = conn_at(io->world, io->conn);
    address(io->world, c, io->conn, io->side, p);
    p->proto = NP_TCP;
    if (p->kind == NP_KIND_PAYLOAD && shakes_hands(io->world, c, io->side)) p->kind = NP_KIND_CONTROL;
    np_meter_sent(io->world, c, io->side, p);
    np_wire_from(io->world, io->side, p);
}

static np_beat_what beat_what(enum message_type type)
{
    return type == MESSAGE_BEAT ? NP_BEAT_BEAT : type == MESSAGE_ANSWER ? NP_BEAT_ANSWER : NP_BEAT_MESSAGE;
}

/* The heartbeat's view of a message that arrived. */
static void hear(struct world *w, uint32_t conn, enum side at, const struct message *m)
{
    struct conn *c = conn_at(w, conn);
    const np_beat_config *b = &w->strategy->beat;
    np_beat_owner o = owner(w, c, at);
    np_beat_action a = np_beat_heard(beat_at(w, conn, at), b, &o, beat_what(m->type), w->now);
    if (!c->believes[at]) return;
    if (a == NP_BEAT_TOO_MANY) {
        np_conn_write(w, conn, at, &(struct message){.type = MESSAGE_GOAWAY, .bytes = GOAWAY_BYTES});
        np_meter_gives_up(w, conn, at, "too-many-beats");
        np_conn_close(w, conn, at);
    } else if (m->type == MESSAGE_GOAWAY) {
        np_beat_slow_down(b, &o);
        np_meter_gives_up(w, conn, at, "too-many-beats");
        np_conn_abort(w, conn, at);
    } else if (m->type == MESSAGE_BEAT && b->answer_bytes) {
        np_conn_write(w, conn, at, &(struct message){.type = MESSAGE_ANSWER, .bytes = b->answer_bytes});
    }
}

static void say(struct world *w, uint32_t conn, enum side from, uint32_t bytes)
{
    np_conn_write(w, conn, from, &(struct message){.type = MESSAGE_TLS, .bytes = bytes});
}

/* The next message of a TLS handshake arrived. With the last of its messages each side's application has its
   connection. */
static void shake_hands(struct world *w, uint32_t conn, enum side at)
{
    struct conn *c = conn_at(w, conn);
    np_tls tls = tls_of(w, c);
    if (!c->believes[at]) return;
    bool first = tls_heard(c, at) == 0;
    if (at == CLIENT && first) say(w, conn, CLIENT, tls == NP_TLS_1_2 ? TLS_CLIENT_END_12 : TLS_CLIENT_END);
    if (at == SERVER && (first || tls == NP_TLS_1_2))
        say(w, conn, SERVER, first ? TLS_CERTIFICATES : TLS_SERVER_END_12);
    c->tls_heard = (uint8_t)(c->tls_heard + (1 << 4 * at));
    if (at == CLIENT && tls_heard(c, at) == TLS[tls].trips) np_client_opened(w, conn);
    if (at == SERVER && tls_heard(c, at) == TLS_CLIENT_SAYS) np_server_opened(w, conn);
}

/* A whole message arrived at side `at`. Frees the message. */
static void deliver(struct world *w, uint32_t conn, enum side at, uint32_t message)
{
    struct message m = *message_at(w, message);
    message_free(w, message);
    struct conn *c = conn_at(w, conn);
    np_meter_message_arrived(w, &m);
    if (beats(w, c)) hear(w, conn, at, &m);
    if (m.type == MESSAGE_BEAT || m.type == MESSAGE_ANSWER || m.type == MESSAGE_GOAWAY) return;
    if (m.type == MESSAGE_TLS)
        shake_hands(w, conn, at);
    else if (at == CLIENT)
        np_client_message(w, conn, &m);
    else
        np_server_message(w, conn, &m);
}

static void received(void *ctx, uint64_t upto)
{
    struct io *io = ctx;
    struct world *w = io->world;
    struct conn *c = conn_at(w, io->conn);
    enum side from = io->side == CLIENT ? SERVER : CLIENT;
    for (uint32_t m; (m = message_first(w, c->out[from])) != NONE && message_at(w, m)->end <= upto;)
        deliver(w, io->conn, io->side, message_take(w, &c->out[from]));
}

/* The application at one end learns that it has a connection. */
static void end_opened(struct world *w, uint32_t conn, enum side side)
{
    struct conn *c = conn_at(w, conn);
    if (beats(w, c)) {
        np_beat_owner o = owner(w, c, side);
        np_beat_start(beat_at(w, conn, side), &w->strategy->beat,
                      side == CLIENT ? NP_BEAT_CLIENT : NP_BEAT_SERVER, &o, w->now);
    }
    np_meter_believes(w, conn, side);
    if (tls_of(w, c)) {
        if (side == CLIENT) say(w, conn, CLIENT, TLS_HELLO);
    } else if (side == CLIENT) {
        np_client_opened(w, conn);
    } else {
        np_server_opened(w, conn);
    }
}

/* Both ends have let go, and nothing is on its way that would come back to the conn. */
static bool is_done(const struct conn *c)
{
    return c->end[CLIENT] == END_GONE && c->end[SERVER] != END_LIVE &&
           (c->transport == NP_TCP || c->in_flight == 0);
}

static void reap_later(struct world *w, uint32_t conn)
{
    if (w->reaps == w->reap_room) {
        uint32_t room = w->reap_room ? 2 * w->reap_room : 64, *grown = realloc(w->reap, room * sizeof *grown);
        if (!grown) {
            w->out_of_memory = true;
            return;
        }
        w->reap = grown;
        w->reap_room = room;
    }
    w->reap[w->reaps++] = conn;
}

/* The end lets go of its state: nothing more will come of what it wrote. */
static void end_gone(struct world *w, uint32_t conn, enum side side)
{
    struct conn *c = conn_at(w, conn);
    if (c->end[side] != END_LIVE) return;
    c->end[side] = END_GONE;
    if (c->transport == NP_TCP) np_ends_gone(w, conn, side);
    if (side == SERVER) {
        hash_out(w, conn);
        w->server[c->server].open--;
    }
    while (c->transport == NP_TCP && c->out[side] != NONE)
        np_message_dropped(w, message_take(w, &c->out[side]));
    if (side == CLIENT)
        np_client_failed(w, conn);
    else
        np_server_failed(w, conn);
    np_meter_entry(w, conn);
    if (is_done(c)) reap_later(w, conn);
}

/* `unheard`: what it said last, perhaps a FIN, was never acknowledged. */
static void end_fails(struct world *w, uint32_t conn, enum side side, const char *why, bool unheard)
{
    struct conn *c = conn_at(w, conn);
    if (c->believes[side]) {
        if (beats(w, c)) {
            np_beat_owner o = owner(w, c, side);
            np_beat_broke(beat_at(w, conn, side), &w->strategy->beat, &o, w->now);
        }
        np_meter_gives_up(w, conn, side, why);
    } else if (unheard) {
        np_meter_word_lost(w, conn, side == CLIENT ? SERVER : CLIENT);
    }
    end_gone(w, conn, side);
}

static void event(void *ctx, np_tcp_event what)
{
    struct io *io = ctx;
    struct world *w = io->world;
    struct conn *c = conn_at(w, io->conn);
    switch (what) {
    case NP_TCP_OPENED: end_opened(w, io->conn, io->side); break;
    case NP_TCP_PEER_CLOSED:
        /* The other side ended it. A client that did not ask for that has lost its connection. */
        if (c->believes[io->side])
            np_meter_gives_up(w, io->conn, io->side, io->side == CLIENT && !c->per_request ? "fin" : NULL);
        np_conn_close(w, io->conn, io->side);
        break;
    case NP_TCP_DONE: end_gone(w, io->conn, io->side); break;
    case NP_TCP_REFUSED: end_fails(w, io->conn, io->side, "refused", false); break;
    case NP_TCP_WAS_RESET: end_fails(w, io->conn, io->side, "reset", false); break;
    case NP_TCP_TIMED_OUT_CONNECT: end_fails(w, io->conn, io->side, "connect", false); break;
    case NP_TCP_TIMED_OUT_DATA: end_fails(w, io->conn, io->side, "retransmission", true); break;
    case NP_TCP_TIMED_OUT_KEEPALIVE: end_fails(w, io->conn, io->side, "keepalive", false); break;
    }
}

#define SINK(io) (&(np_tcp_sink){.transmit = transmit, .received = received, .event = event, .ctx = (io)})

/* When the client's patience with a per-request connection ends. */
static np_time gives_up_at(const struct world *w, const struct conn *c)
{
    return c->per_request ? errand_of(w, c)->give_up_at : NP_NEVER;
}

/* An end without an event is due then. If one that was overtaken still comes before, that will do: so a far
   deadline does not get another event whenever a near one, as a delayed ACK's, came in between. */
static bool recalls(struct world *w, np_time *overtaken, np_time due)
{
    return *overtaken <= due && *overtaken > w->now;
}

/* After anything was done to an end: its next deadline gets an event, unless one comes sooner anyway. */
static void settle(struct world *w, uint32_t conn, enum side side)
{
    struct conn *c = conn_at(w, conn);
    if (c->end[side] != END_LIVE) return;
    np_time due = c->transport == NP_TCP ? np_tcp_deadline(np_ends_at(w, conn, side)) : NP_NEVER;
    if (c->believes[side] && beats(w, c)) {
        np_time beat = np_beat_deadline(beat_at(w, conn, side), &w->strategy->beat);
        if (beat < due) due = beat;
    }
    np_time patience = side == CLIENT ? gives_up_at(w, c) : NP_NEVER;
    if (patience < due) due = patience;
    if (due >= c->armed[side]) return;
    if (due < w->now) due = w->now;
    if (c->transport == NP_TCP) {
        np_time *overtaken = np_ends_overtaken(w, conn, side), armed = c->armed[side];
        if (armed == NP_NEVER && recalls(w, overtaken, due)) {
            c->armed[side] = *overtaken;
            *overtaken = NP_NEVER;
            return;
        }
        if (armed != NP_NEVER && (*overtaken == NP_NEVER || armed > *overtaken)) *overtaken = armed;
    }
    c->armed[side] = due;
    np_world_at(w, due, EVENT_END, conn, side);
}

/* ---- opening ---- */

static uint16_t pick_port(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    for (;;) { /* a client never has all of 28232 ports (Linux's ip_local_port_range) in use */
        uint16_t port = k->next_port;
        k->next_port = port == 60999 ? 32768 : (uint16_t)(port + 1);
        uint32_t i = k->conns;
        while (i != NONE && conn_at(w, i)->local_port != port) i = conn_at(w, i)->next_of_client;
        if (i == NONE) return port;
    }
}

/* A number for a connection with all that is numbered alike; NONE when memory is out. */
static uint32_t take_number(struct world *w, bool tcp)
{
    uint32_t i = np_pool_take(&w->conns);
    bool ok = i != NONE && np_pool_reach(&w->since, i) && (!tcp || np_ends_reach(w, i)) &&
              (!w->has_beat || np_pool_reach(&w->beats, i));
    return ok ? i : NONE;
}

uint32_t np_conn_open(struct world *w, uint32_t client, uint32_t session, uint32_t request)
{
    struct client *k = &w->client[client];
    bool tcp = group_of(w, k)->transport == NP_TCP, per_request = session == NONE;
    uint32_t i = take_number(w, tcp), errand = per_request ? np_pool_take(&w->errands) : NONE;
    if (i == NONE || (per_request && errand == NONE)) {
        w->out_of_memory = true;
        return NONE;
    }
    struct conn *c = conn_at(w, i);
    uint32_t nth = k->opened++;
    *c = (struct conn){
        .serial = ++w->serials,
        .client = client,
        .session = session,
        .server = (uint16_t)np_below(np_random(w->key, client, PURPOSE_SERVER, nth), w->config->servers),
        .local_port = pick_port(w, client),
        .next_of_client = k->conns,
        .armed = {NP_NEVER, NP_NEVER},
        .transport = (uint8_t)(tcp ? NP_TCP : NP_UDP),
        .place = k->place,
        .group = k->group,
        .measured = group_of(w, k)->measure,
        .per_request = per_request,
        .end = {END_LIVE, END_NONE},
    };
    if (tcp) c->out[CLIENT] = c->out[SERVER] = NONE;
    if (per_request) {
        c->errand = errand;
        *errand_of(w, c) = (struct errand){.request = request, .give_up_at = w->now + PATIENCE};
    }
    k->conns = i;
    if (tcp) {
        uint32_t iss = (uint32_t)np_random(w->key, client, PURPOSE_ISS, nth);
        np_tcp *t = np_ends_new(w, i, CLIENT);
        if (!t) return NONE;
        np_tcp_connect(t, np_conn_tcp_config(w, c, CLIENT), iss, SINK((&(struct io){w, i, CLIENT})), w->now);
    } else {
        end_opened(w, i, CLIENT);
    }
    settle(w, i, CLIENT);
    return i;
}

/* ---- arrivals ---- */

static void input(struct world *w, uint32_t conn, enum side at, const np_packet *p)
{
    struct conn *c = conn_at(w, conn);
    np_tcp_input(np_ends_at(w, conn, at), np_conn_tcp_config(w, c, at), p, SINK((&(struct io){w, conn, at})),
                 w->now);
    settle(w, conn, at);
}

static void answer_unknown(struct world *w, enum side at, const np_packet *p)
{
    np_packet answer;
    if (!np_tcp_unknown(p, &answer)) return;
    answer.conn = p->conn;
    answer.kind = NP_KIND_CONTROL;
    np_wire_from(w, at, &answer);
}

static void accept_syn(struct world *w, uint32_t conn, const np_packet *p)
{
    struct conn *c = conn_at(w, conn);
    np_meter_connect(w);
    bool full = w->config->server_connections && w->server[c->server].open >= w->config->server_connections;
    if (full || w->server[c->server].state == SERVER_RESTARTING) {
        np_meter_server_refused(w);
        answer_unknown(w, SERVER, p);
        return;
    }
    np_tcp *t = np_ends_new(w, conn, SERVER);
    if (!t) return;
    c->peer_addr = p->src.word[0];
    c->peer_port = p->sport;
    c->end[SERVER] = END_LIVE;
    w->server[c->server].open++;
    hash_in(w, conn);
    uint32_t iss = (uint32_t)(np_random(w->key, c->client, PURPOSE_ISS, c->serial) >> 32);
    np_tcp_accept(t, np_conn_tcp_config(w, c, SERVER), iss, p, SINK((&(struct io){w, conn, SERVER})), w->now);
    settle(w, conn, SERVER);
}

static void tcp_at_server(struct world *w, struct conn *c, const np_packet *p)
{
    uint32_t server = np_addr_to_ipv4(&p->dst) - FIRST_SERVER, addr = p->src.word[0];
    if (c && c->hashed && c->peer_addr == addr && c->peer_port == p->sport && c->server == server) {
        input(w, p->conn, SERVER, p);
        return;
    }
    uint32_t other = hash_find(w, addr, p->sport, server);
    if (other != NONE)
        input(w, other, SERVER, p);
    else if ((p->flags & (NP_SYN | NP_ACK | NP_RST)) == NP_SYN && c && c->end[SERVER] == END_NONE &&
             c->server == server)
        accept_syn(w, p->conn, p);
    else if (p->flags & NP_RST)
        np_conn_packet_lost(w, p);
    else
        answer_unknown(w, SERVER, p);
}

static bool client_has(const struct conn *c, uint32_t client, uint32_t server, uint16_t port)
{
    return c->end[CLIENT] == END_LIVE && c->client == client && c->server == server && c->local_port == port;
}

/* The client has heard something of what it waits for. */
static void bear_on(const struct world *w, struct conn *c)
{
    if (gives_up_at(w, c) != NP_NEVER) errand_of(w, c)->give_up_at = w->now + PATIENCE;
}

static void tcp_at_client(struct world *w, const np_packet *p)
{
    uint32_t client = client_of(w, &p->dst), server = np_addr_to_ipv4(&p->src) - FIRST_SERVER;
    uint32_t i = p->conn;
    if (i >= w->conns.used || !conn_at(w, i)->serial || !client_has(conn_at(w, i), client, server, p->dport))
        for (i = w->client[client].conns; i != NONE && !client_has(conn_at(w, i), client, server, p->dport);)
            i = conn_at(w, i)->next_of_client;
    if (i == NONE) {
        answer_unknown(w, CLIENT, p);
        return;
    }
    np_meter_heard(w, conn_at(w, i), p);
    bear_on(w, conn_at(w, i));
    input(w, i, CLIENT, p);
}

/* One datagram of a UDP message is accounted for: arrived, or lost on the way. With the last of them the
   message is delivered or lost. `conn` is NONE when no end took it. */
static void datagram(struct world *w, const np_packet *p, uint32_t conn, enum side at)
{
    struct message *m = message_at(w, p->seq);
    struct conn *c = conn_at(w, m->conn);
    c->in_flight--;
    if (is_done(c)) reap_later(w, m->conn);
    if (conn == NONE) m->lost = true;
    if (m->type == MESSAGE_BYE && m->lost) np_meter_word_lost(w, m->conn, SERVER);
    if (--m->end) return;
    if (m->lost)
        np_message_dropped(w, p->seq);
    else
        deliver(w, conn, at, p->seq);
}

/* Whether a server that has let go of a client leaves it at that, rather than taking it back. */
static bool is_over(const struct world *w, const struct conn *c, const np_packet *p)
{
    return c->end[CLIENT] == END_GONE || c->per_request || message_at(w, p->seq)->type == MESSAGE_BYE;
}

static void udp_arrived(struct world *w, enum side at, struct conn *c, const np_packet *p)
{
    bool taken = c && c->transport == NP_UDP && c->serial == p->ack;
    if (taken && at == CLIENT) taken = c->end[CLIENT] == END_LIVE && c->local_port == p->dport;
    if (taken && at == SERVER)
        taken = w->server[c->server].state == SERVER_UP && !(c->end[SERVER] == END_GONE && is_over(w, c, p));
    if (!taken) {
        datagram(w, p, NONE, at);
        return;
    }
    if (at == SERVER) {
        bool known = c->end[SERVER] == END_LIVE;
        bool moved = c->peer_addr != p->src.word[0] || c->peer_port != p->sport;
        c->peer_addr = p->src.word[0];
        c->peer_port = p->sport;
        if (!known) {
            c->end[SERVER] = END_LIVE;
            w->server[c->server].open++;
            np_meter_connect(w);
            end_opened(w, p->conn, SERVER);
        }
        if (moved) np_meter_path(w, p->conn, np_conn_path(w, c, true), CAUSE_ROAMED);
    } else {
        np_meter_heard(w, c, p);
        bear_on(w, c);
    }
    datagram(w, p, p->conn, at);
    settle(w, p->conn, at);
}

/* Whether the host is there: on, and still at the address the packet is for. */
static bool is_there(const struct world *w, enum side at, const np_packet *p)
{
    if (at == SERVER) return w->server[np_addr_to_ipv4(&p->dst) - FIRST_SERVER].state != SERVER_CRASHED;
    const struct client *k = &w->client[client_of(w, &p->dst)];
    np_addr present = client_addr(w, client_of(w, &p->dst), k->place);
    return k->presence != IS_ASLEEP && k->presence != IS_VANISHED && np_addr_equal(&p->dst, &present);
}

void np_conn_arrived(struct world *w, enum side at, np_packet *p)
{
    struct conn *c = p->conn < w->conns.used ? conn_at(w, p->conn) : NULL;
    if (c && !c->serial) c = NULL;
    if (!is_there(w, at, p)) {
        np_conn_packet_lost(w, p);
        return;
    }
    if (p->proto == NP_UDP)
        udp_arrived(w, at, c, p);
    else if (at == SERVER)
        tcp_at_server(w, c, p);
    else
        tcp_at_client(w, p);
}

void np_conn_packet_lost(struct world *w, const np_packet *p)
{
    if (p->proto == NP_UDP)
        datagram(w, p, NONE, CLIENT);
    else if (p->flags & NP_RST && p->conn < w->conns.used && conn_at(w, p->conn)->serial)
        np_meter_word_lost(w, p->conn, p->dport == SERVER_PORT ? SERVER : CLIENT);
}

/* ---- sending, closing ---- */

/* What TLS adds to a message that is written by itself. */
static uint32_t tls_bytes(const struct world *w, const struct conn *c, enum message_type type, uint32_t bytes)
{
    np_tls tls = tls_of(w, c);
    if (!tls || type == MESSAGE_TLS) return 0;
    uint32_t records = (bytes + TLS_RECORD - 1) / TLS_RECORD;
    return TLS[tls].record * (records ? records : 1);
}

uint32_t np_conn_write(struct world *w, uint32_t conn, enum side from, const struct message *what)
{
    struct conn *c = conn_at(w, conn);
    assert(c->believes[from]);
    uint32_t i = np_pool_take(&w->messages);
    if (i == NONE) {
        w->out_of_memory = true;
        return NONE;
    }
    struct message *m = message_at(w, i);
    *m = *what;
    m->next = NONE;
    m->conn = conn;
    m->serial = c->serial;
    m->client = c->client;
    m->from = (uint8_t)from;
    m->lost = false; /* it may have been, at an earlier poll */
    np_kind kind = m->type == MESSAGE_BEAT || m->type == MESSAGE_ANSWER ? NP_KIND_HEARTBEAT : NP_KIND_PAYLOAD;
    if (m->type != MESSAGE_BEAT && beats(w, c)) {
        np_beat_owner o = owner(w, c, from);
        np_beat_sent(beat_at(w, conn, from), &w->strategy->beat, &o, beat_what(m->type), w->now);
    }
    if (c->transport == NP_TCP) {
        message_add(w, &c->out[from], i);
        m->end = UINT64_MAX; /* not before it is written */
        m->end = np_tcp_write(np_ends_at(w, conn, from), np_conn_tcp_config(w, c, from),
                              m->bytes + tls_bytes(w, c, (enum message_type)m->type, m->bytes), kind,
                              SINK((&(struct io){w, conn, from})), w->now);
    } else {
        uint32_t left = m->bytes, parts = left ? (left + NP_UDP_MAX_PAYLOAD - 1) / NP_UDP_MAX_PAYLOAD : 1;
        uint32_t serial = c->serial;
        m->end = parts;
        for (uint32_t k = 0; k < parts; k++) {
            uint32_t part = left < NP_UDP_MAX_PAYLOAD ? left : NP_UDP_MAX_PAYLOAD;
            np_packet p;
            np_udp_datagram(&p, part, kind);
            address(w, c, conn, from, &p);
            p.proto = NP_UDP;
            p.seq = i; /* the simulator's own thread from packet to message; UDP has no such field */
            p.ack = serial;
            left -= part;
            c->in_flight++;
            np_meter_sent(w, c, from, &p);
            np_wire_from(w, from, &p);
        }
    }
    settle(w, conn, from);
    return i;
}

void np_conn_close(struct world *w, uint32_t conn, enum side side)
{
    struct conn *c = conn_at(w, conn);
    if (c->end[side] != END_LIVE) return;
    if (c->believes[side]) np_meter_gives_up(w, conn, side, NULL);
    if (side == CLIENT && c->per_request) errand_of(w, c)->give_up_at = NP_NEVER;
    if (c->transport == NP_TCP) {
        np_tcp_close(np_ends_at(w, conn, side), np_conn_tcp_config(w, c, side),
                     SINK((&(struct io){w, conn, side})), w->now);
        settle(w, conn, side);
    } else {
        end_gone(w, conn, side);
    }
}

void np_conn_abort(struct world *w, uint32_t conn, enum side side)
{
    struct conn *c = conn_at(w, conn);
    if (c->end[side] != END_LIVE) return;
    if (c->transport == NP_TCP)
        np_tcp_abort(np_ends_at(w, conn, side), np_conn_tcp_config(w, c, side),
                     SINK((&(struct io){w, conn, side})), w->now);
    end_gone(w, conn, side);
}

void np_conn_vanish(struct world *w, uint32_t conn, enum side side, enum cause cause)
{
    if (conn_at(w, conn)->end[side] != END_LIVE) return;
    np_meter_vanished(w, conn, side, cause);
    end_gone(w, conn, side);
}

/* ---- timers ---- */

void np_conn_timer(struct world *w, uint32_t conn, enum side side, np_time when)
{
    struct conn *c = conn_at(w, conn);
    if (!c->serial || c->armed[side] != when) return; /* one that was overtaken by a sooner one */
    c->armed[side] = NP_NEVER;
    if (c->end[side] != END_LIVE) return;
    if (side == CLIENT && w->client[c->client].presence == IS_ASLEEP) {
        c->armed[side] = w->churner[c->client].wake_at;
        np_world_at(w, c->armed[side], EVENT_END, conn, side);
        return;
    }
    if (side == CLIENT && w->now >= gives_up_at(w, c)) {
        if (c->believes[side]) np_meter_gives_up(w, conn, side, "no-response");
        np_conn_abort(w, conn, side);
        return;
    }
    if (c->transport == NP_TCP)
        np_tcp_timer(np_ends_at(w, conn, side), np_conn_tcp_config(w, c, side),
                     SINK((&(struct io){w, conn, side})), w->now);
    while (c->end[side] == END_LIVE && c->believes[side] && beats(w, c)) {
        np_beat_owner o = owner(w, c, side);
        np_beat_action a = np_beat_timer(beat_at(w, conn, side), &w->strategy->beat, &o, w->now);
        if (a == NP_BEAT_NOTHING) break;
        if (a == NP_BEAT_SEND) {
            np_conn_write(w, conn, side,
                          &(struct message){.type = MESSAGE_BEAT, .bytes = w->strategy->beat.bytes});
        } else {
            np_meter_gives_up(w, conn, side, a == NP_BEAT_DEAD ? "heartbeat" : "silence");
            np_conn_abort(w, conn, side);
        }
    }
    settle(w, conn, side);
}

void np_conn_prefetch(const struct world *w, uint32_t conn)
{
    if (conn >= w->conns.used) return;
    const char *c = np_pool_at(&w->conns, conn);
    np_prefetch(c);
    np_prefetch(c + 64);
    if (np_pool_has(&w->beats, conn)) {
        const char *b = np_pool_at(&w->beats, conn);
        np_prefetch(b);
        np_prefetch(b + 64);
    }
    if (np_pool_has(&w->tcps, conn)) np_ends_prefetch(w, conn);
}

/* ---- letting go ---- */

void np_conn_reap(struct world *w)
{
    while (w->reaps) {
        uint32_t i = w->reap[--w->reaps];
        struct conn *c = conn_at(w, i);
        if (!c->serial || !is_done(c)) continue;
        uint32_t *at = &w->client[c->client].conns;
        while (*at != i) at = &conn_at(w, *at)->next_of_client;
        *at = c->next_of_client;
        c->serial = 0;
        if (c->per_request) np_pool_give(&w->errands, c->errand);
        np_pool_give(&w->conns, i);
    }
}

/* ---- ground truth ---- */

bool np_conn_tuple(const struct world *w, const struct conn *c, uint32_t box, np_tuple *t)
{
    *t = (np_tuple){.local = conn_addr(w, c),
                    .remote = server_addr(c->server),
                    .local_port = c->local_port,
                    .remote_port = SERVER_PORT,
                    .proto = c->transport,
                    .family = 4};
    for (uint32_t i = 0; i < box; i++) {
        np_mapping m;
        if (!np_box_lookup(w->box[i], t, &m)) return false;
        t->local = m.external;
        t->local_port = m.external_port;
    }
    return true;
}

bool np_conn_path(const struct world *w, const struct conn *c, bool outer_port_must_match)
{
    np_tuple t;
    if (!np_conn_tuple(w, c, w->config->nats, &t)) return false;
    return !outer_port_must_match || (t.local.word[0] == c->peer_addr && t.local_port == c->peer_port);
}
