/*
 * The insides of one simulation, shared by the files of this floor.
 *
 *   client ── session ─┐
 *                      ├─ conn ─┬─ end[CLIENT]   access_up ─► box ... box ─► core_up ─►
 *   server ────────────┘        └─ end[SERVER]   ◄─ access_down ◄─ box ... box ◄─ core_down
 *
 * A conn is one incarnation of a connection: both of its ends side by side, though neither acts on what only
 * the other knows. It lives until both ends have let go. Conns and messages stay where they are (chunks), so
 * that pointers hold across callbacks; they are named by number everywhere else.
 *
 * Ground truth and belief are kept apart: `believes` is what an end thinks, `mapped` is how the boxes are.
 */
#ifndef NP_WORLD_STATE_H
#define NP_WORLD_STATE_H

#include "natpulse/events.h"
#include "natpulse/links.h"
#include "natpulse/udp.h"
#include "natpulse/world.h"

#define NONE UINT32_MAX

/* How long a client waits for the answer to a request: a common default of HTTP clients. */
#define PATIENCE (30 * NP_SECOND)

enum side { CLIENT, SERVER };

/* Purposes of random draws on this floor. */
enum {
    PURPOSE_ARRIVAL = NP_PURPOSE(4, 1),
    PURPOSE_RECONNECT = NP_PURPOSE(4, 2),
    PURPOSE_ISS = NP_PURPOSE(4, 3),
    PURPOSE_PORT = NP_PURPOSE(4, 4),
    PURPOSE_SERVER = NP_PURPOSE(4, 5),
    PURPOSE_POLL = NP_PURPOSE(4, 6),
    /* of a client's comings and goings; index: how many it had */
    PURPOSE_SESSION = NP_PURPOSE(4, 7),
    PURPOSE_AWAY = NP_PURPOSE(4, 8),
    PURPOSE_VANISH = NP_PURPOSE(4, 9),
    PURPOSE_BACK = NP_PURPOSE(4, 10),
    PURPOSE_SLEEP = NP_PURPOSE(4, 11),
    PURPOSE_NAP = NP_PURPOSE(4, 12),
    PURPOSE_ROAM = NP_PURPOSE(4, 13),
    /* of servers and boxes */
    PURPOSE_CRASH = NP_PURPOSE(4, 14), /* and the next: restarts; then how long each is down */
    PURPOSE_RESTART = NP_PURPOSE(4, 15),
    PURPOSE_CRASH_DOWN = NP_PURPOSE(4, 16),
    PURPOSE_RESTART_DOWN = NP_PURPOSE(4, 17),
    PURPOSE_NAT_RESTART = NP_PURPOSE(4, 18),
};

/* ---- chunked pools: numbers for names, addresses that never move ---- */

struct pool {
    char **chunk;
    size_t item;           /* bytes */
    uint32_t shift;        /* items a chunk: 2^shift */
    uint32_t used, chunks; /* numbers handed out so far; chunks held */
    uint32_t free_head,
        free_tail; /* a queue through each free item's first word: the longest free is reused first */
};

/* So many items are expected at a time: a hint from which the size of chunks follows. */
void np_pool_init(struct pool *p, size_t item, uint32_t expected);
void np_pool_release(struct pool *p);
uint32_t np_pool_take(struct pool *p); /* NONE when memory is out; contents are zero */
void np_pool_give(struct pool *p, uint32_t i);
void np_pool_give_back(struct pool *p,
                       uint32_t i); /* the same, to be reused first: nobody knows its number */
bool np_pool_reach(struct pool *p,
                   uint32_t i); /* makes item i exist, for pools numbered by another; false: no memory */

static inline void *np_pool_at(const struct pool *p, uint32_t i)
{
    return p->chunk[i >> p->shift] + (size_t)(i & ((1u << p->shift) - 1)) * p->item;
}

/* ---- messages ---- */

enum message_type {
    MESSAGE_REQUEST, /* opens an exchange */
    MESSAGE_RESPONSE,
    MESSAGE_BEAT,
    MESSAGE_ANSWER,      /* to a beat */
    MESSAGE_GOAWAY,      /* beats came too often */
    MESSAGE_POLL,        /* "anything for me?" */
    MESSAGE_POLL_ANSWER, /* "that was all" */
    MESSAGE_HELLO,       /* UDP: tells the server where the client is */
    MESSAGE_BYE,         /* UDP: the client leaves */
    MESSAGE_TLS,         /* of its handshake */
};

struct message {
    uint32_t next; /* in a list, or free; must stay the first word */
    uint32_t conn;
    uint64_t end;    /* TCP: stream offset after it. UDP: datagrams still to arrive */
    np_time sent;    /* when the application had it ready */
    np_time service; /* a request's: until its response is ready */
    uint32_t serial; /* of the conn, to tell that a number was reused */
    uint32_t client;
    uint32_t bytes, response;
    uint8_t type;
    uint8_t from; /* side */
    bool counts;  /* is part of the messages_ figures */
    bool lost;    /* UDP: a part of it was lost */
};

/* ---- connections ---- */

enum end_state { END_NONE, END_LIVE, END_GONE };

/* What every packet and timer of a connection looks at: one cache line. */
struct conn {
    uint32_t client; /* of a free one: the next; must stay the first word */
    uint32_t serial; /* 0: slot not in use */
    union {
        uint32_t session; /* of the client */
        uint32_t errand;  /* of a per-request connection */
    };
    uint32_t next_of_client;
    uint32_t next_in_bucket; /* of the servers' demultiplexing hash */
    uint32_t peer_addr;      /* the client as the server sees it: np_addr.word[0] */
    uint16_t peer_port, local_port;
    uint16_t server;
    uint8_t transport, group;
    union {
        uint32_t out[2];    /* TCP: messages written by each side and not yet arrived (message_add) */
        uint32_t in_flight; /* UDP: datagrams on their way */
    };
    np_time armed[2]; /* time of the event queued for each end; NP_NEVER: none */
    uint8_t place;    /* TCP: which of its addresses the client had when it opened this */
    uint8_t end[2];   /* end_state */
    bool believes[2];
    uint8_t tls_heard; /* messages of the TLS handshake that reached each side: four bits a side */
    bool per_request : 1;
    bool opened : 1; /* both ends believed at some time */
    bool mapped : 1, broken : 1, usable : 1, parting : 1, hashed : 1, refused : 1, measured : 1, done : 1;
    bool entry : 1, entry_live : 1; /* the first box has a mapping for it; and it is not over at both ends */
    bool known : 1;                 /* an end knows of this break */
};

_Static_assert(sizeof(struct conn) == 64, "a connection is one cache line");

/* Since when it is what it is, for the meters. */
struct since {
    np_time held[2]; /* each end believes */
    np_time state;   /* it is usable, or broken: never both */
};

/* What a per-request connection is for. */
struct errand {
    uint32_t request;   /* the message, until it is written; must stay the first word */
    np_time give_up_at; /* the client's patience */
};

enum cause {
    CAUSE_EVICTED,
    CAUSE_EXPIRED,
    CAUSE_NAT_RESTART,
    CAUSE_ROAMED,
    CAUSE_CLIENT_GONE,
    CAUSE_SERVER_GONE,
    CAUSE_REFUSED,
    CAUSE_COUNT
};

/* ---- clients ---- */

enum session_state { SESSION_IDLE, SESSION_CONNECTING, SESSION_OPEN, SESSION_WAITING };

struct session {
    uint32_t conn;
    uint8_t state;
    uint8_t failures; /* since it was last open; UINT8_MAX: or more */
    bool busy;        /* a request is unanswered */
    bool was_open;    /* the next connection replaces one that failed */
    np_time retry_at; /* WAITING */
};

/* Whether a client is there. */
enum presence {
    IS_PRESENT,
    IS_ASLEEP,  /* its host stands still, network and all; connections stay */
    IS_AWAY,    /* it closed what it had; its host still answers */
    IS_VANISHED /* host and all */
};

/* A cache line. */
struct client {
    uint32_t held; /* list of messages of the client that wait for a connection that is free */
    union {
        uint32_t serving;   /* the connection the server would use to reach it; NONE */
        uint32_t at_server; /* one without sessions: list of messages of the server that wait for a poll */
    };
    uint32_t conns;      /* list through conn.next_of_client */
    uint32_t round;      /* the next */
    uint32_t unanswered; /* exchanges of the present round still open */
    uint32_t opened;     /* connections so far, for draws */
    uint32_t retries;    /* reconnects so far, for draws */
    uint16_t next_port;
    uint16_t chain, polls; /* rounds and polls under way bear these: a change makes them void */
    uint16_t asking;       /* per-request connections whose answer is awaited */
    uint8_t group, place;
    enum presence presence : 2;
    bool rounds : 1; /* a next round is under way */
    bool cut : 1;    /* its access link has an outage */
    np_time came;    /* wants connections since */
    np_time last_active;
    np_time round_due; /* open loop: when the present round was due */
};

_Static_assert(sizeof(struct client) == 64, "a client is one cache line");

/* Where the clients of a group, and their sessions, begin. */
struct span {
    uint32_t client, session;
};

/* What a client that comes and goes has beside; see churn.c. */
struct churner {
    np_time wake_at;                            /* IS_ASLEEP */
    np_time awake_since;                        /* the last time it woke */
    uint32_t life;                              /* events for another are void */
    uint32_t sessions, vanishes, sleeps, roams; /* so far, for draws */
    bool over;                                  /* the session ended in its sleep */
};

/* What a server may be. */
enum server_state { SERVER_UP, SERVER_CRASHED, SERVER_RESTARTING, SERVER_STATES };

struct server {
    uint32_t open;                                       /* connections, half-open ones included */
    uint32_t drawn[SERVER_STATES], falls[SERVER_STATES]; /* so far, by cause, for draws */
    uint8_t state;
};

/* ---- packets on their way ---- */

enum hop { HOP_ACCESS_UP, HOP_CORE_UP, HOP_CORE_DOWN, HOP_ACCESS_DOWN, HOPS };

struct flight {
    np_time at;
    np_packet packet;
};

/* A link kind of constant delay is a ring with one queue entry, for its head. */
struct fifo {
    struct flight *ring;
    uint32_t head, used, room; /* room: power of two */
};

/* ---- meters ---- */

struct meter {
    uint64_t breaks, by_cause[CAUSE_COUNT], client_knew, server_knew, healed, unnoticed, false_closes;
    uint64_t sent, delivered, late, lost;
    uint64_t reconnects, handshakes, upkeep_packets, upkeep_bytes, payload_bytes, wire_packets, wire_bytes,
        wakeups;
    uint64_t evictions_live, evictions_dead, expiries_live;
    double joules_before; /* what the radios took during the warm-up */
    uint64_t server_refused;
    double usable_s, held_s[2], entries_s, live_entries_s, conn_s;
    uint32_t clients;  /* that want a connection now */
    double deserted_s; /* time without any */
    np_time deserted_since;
    uint32_t held, held_peak;         /* connections the servers hold now, and at most */
    uint32_t entries, entries_peak;   /* mappings in the first box */
    uint32_t live_entries;            /* of them, those of connections that are not over at both ends */
    uint32_t connects, connects_peak; /* attempts that reached the servers in the present second; at most */
    np_time connects_second;
    np_time entries_since;
    np_box_counts at_warmup;
    np_quantile *spread[NP_SPREAD_COUNT];
};

struct world {
    const np_world_config *config;
    const np_strategy *strategy;
    const np_listener *listener;
    const volatile int *stop;
    np_key key;
    np_time now;
    np_events *events;
    np_box *box[4];
    struct box_tap_context {
        struct world *world;
        uint32_t index;
    } tap[4];
    np_time box_armed[4];

    struct client *client;
    struct churner *churner; /* NULL: nobody comes and goes */
    uint32_t clients;
    struct span span[64]; /* of each group */
    uint32_t places;      /* addresses each client has, one after the other */
    np_radio *radio;      /* [clients]; NULL where no measured group has one */
    struct session *session;
    uint32_t sessions_each; /* of a measured client */
    np_links *links[HOPS];  /* access links are numbered as clients; of a core link there is one */
    struct fifo fifo[HOPS];
    bool is_fifo[HOPS];

    struct pool conns, errands, messages, flights;
    struct pool since, tcps, beats; /* numbered as conns; of the latter, two ends an item */
    struct pool working;            /* TCP ends that are not packed in .tcps; see ends.c */
    uint32_t touched;               /* a list of those the present event has to do with */
    np_tcp no_memory[2];
    np_time no_memory_overtaken;
    uint32_t serials;
    uint32_t *bucket; /* servers' hash by (peer address, peer port, server) */
    uint32_t buckets; /* power of two */
    struct server *server;
    uint32_t box_restarts[4];
    bool core_cut;  /* an outage of the core link */
    uint32_t *reap; /* conns that may be done, looked at after the event */
    uint32_t reaps, reap_room;

    np_tcp_config tcp_plain, tcp_end[2]; /* of groups no strategy applies to; of the strategy's ends */
    np_connection connection;            /* of the strategy */
    bool has_beat;
    np_beat_memory *beat_memory; /* [2 * sessions]; NULL where the strategy remembers nothing */

    struct meter meter;
    np_result *result;
    bool measuring; /* past the warm-up */
    bool out_of_memory;
    uint64_t packet_events;
    uint32_t samples;
};

/* Whether item i was ever reached. */
static inline bool np_pool_has(const struct pool *p, uint32_t i)
{
    return i >> p->shift < p->chunks;
}

static inline struct conn *conn_at(const struct world *w, uint32_t i)
{
    return np_pool_at(&w->conns, i);
}
static inline np_beat *beat_at(const struct world *w, uint32_t i, enum side side)
{
    return (np_beat *)np_pool_at(&w->beats, i) + side;
}
static inline struct message *message_at(const struct world *w, uint32_t i)
{
    return np_pool_at(&w->messages, i);
}
static inline const np_group *group_of(const struct world *w, const struct client *c)
{
    return &w->config->group[c->group];
}

static inline struct since *since_at(const struct world *w, uint32_t i)
{
    return np_pool_at(&w->since, i);
}
static inline struct errand *errand_of(const struct world *w, const struct conn *c)
{
    return np_pool_at(&w->errands, c->errand);
}

/* A free message counts for nothing: so those that do count can be counted. */
static inline void message_free(struct world *w, uint32_t i)
{
    message_at(w, i)->counts = false;
    np_pool_give(&w->messages, i);
}

/* ---- lists of messages: named by the last one, whose .next is the first ---- */

static inline void message_add(struct world *w, uint32_t *list, uint32_t i)
{
    struct message *m = message_at(w, i);
    m->next = i;
    if (*list != NONE) {
        m->next = message_at(w, *list)->next;
        message_at(w, *list)->next = i;
    }
    *list = i;
}

static inline uint32_t message_first(const struct world *w, uint32_t list)
{
    return list == NONE ? NONE : message_at(w, list)->next;
}

/* Takes the first of a list that has any. */
static inline uint32_t message_take(struct world *w, uint32_t *list)
{
    struct message *last = message_at(w, *list);
    uint32_t first = last->next;
    if (first == *list)
        *list = NONE;
    else
        last->next = message_at(w, first)->next;
    return first;
}

static inline bool happens(const np_dist *d)
{
    return d->kind != NP_DIST_CONSTANT || d->a > 0;
}

/* ---- addresses ---- */

#define FIRST_CLIENT                                                                                         \
    0x0a000002u                    /* 10.0.0.2 onwards; each client's second address after everybody's first \
                                    */
#define FIRST_SERVER   0xc6120001u /* the benchmarking range of RFC 2544, 198.18.0.0/15 */
#define MOST_ADDRESSES ((1u << 24) - 4)

static inline np_addr client_addr(const struct world *w, uint32_t client, uint8_t place)
{
    return np_addr_ipv4(FIRST_CLIENT + place * w->clients + client);
}
static inline np_addr server_addr(uint32_t server)
{
    return np_addr_ipv4(FIRST_SERVER + server);
}

/* Whose address it is, whichever; NONE: nobody's. */
static inline uint32_t client_of(const struct world *w, const np_addr *a)
{
    uint32_t n = np_addr_to_ipv4(a) - FIRST_CLIENT;
    if (n < w->clients) return n;
    return n < w->places * w->clients ? n % w->clients : NONE;
}

/* The address a connection's client has for it. */
static inline np_addr conn_addr(const struct world *w, const struct conn *c)
{
    return client_addr(w, c->client, c->transport == NP_TCP ? c->place : w->client[c->client].place);
}

/* Whether the strategy of this run decides for a group. */
static inline bool strategy_applies(const struct world *w, uint32_t group)
{
    return w->config->group[group].measure &&
           (w->strategy->groups == 0 || (w->strategy->groups >> group & 1));
}

/* Sessions each client of a group has room for. */
static inline uint32_t sessions_each(const struct world *w, uint32_t group)
{
    return strategy_applies(w, group) ? w->sessions_each : 1;
}

/* The place of a client's session among all. */
static inline uint32_t session_number(const struct world *w, uint32_t group, uint32_t client,
                                      uint32_t session)
{
    const struct span *s = &w->span[group];
    return s->session + (client - s->client) * sessions_each(w, group) + session;
}

static inline struct session *session_at(const struct world *w, uint32_t client, uint32_t session)
{
    return &w->session[session_number(w, w->client[client].group, client, session)];
}

static inline np_connection connection_of(const struct world *w, const struct client *c)
{
    return strategy_applies(w, c->group) ? w->strategy->connection : group_of(w, c)->connection;
}

/* ---- events ---- */

enum event_kind {
    EVENT_FIFO,
    EVENT_FLIGHT,
    EVENT_END,
    EVENT_ROUND,
    EVENT_START,
    EVENT_RETRY,
    EVENT_SERVICE,
    EVENT_UNANSWERED,
    EVENT_POLL,
    EVENT_BOX,
    EVENT_CHURN,
    EVENT_SERVER,
    EVENT_NAT,
    EVENT_OUTAGE,
    EVENT_SAMPLE,
    EVENT_WARMUP,
    EVENT_STOP
};

static inline uint64_t event_make(enum event_kind k, uint32_t index, uint32_t extra)
{
    return (uint64_t)k << 56 | (uint64_t)(extra & 0xffffff) << 32 | index;
}

/* world.c */
void np_world_at(struct world *w, np_time when, enum event_kind k, uint32_t index, uint32_t extra);

/* wire.c: packets between the ends */
bool np_wire_create(struct world *w);
void np_wire_destroy(struct world *w);
void np_wire_from(struct world *w, enum side from, np_packet *p);
void np_wire_fifo_due(struct world *w, enum hop hop);
void np_wire_flight_due(struct world *w, uint32_t flight, enum hop hop);
void np_wire_prefetch(const struct world *w, uint32_t client,
                      enum side side); /* the link it will send over */
void np_wire_arm_box(struct world *w, uint32_t box);
void np_wire_box_emits(struct world *w, uint32_t box, bool to_inside,
                       const np_packet *p); /* a packet of its own */

/* conn.c: connections */
uint32_t np_conn_open(struct world *w, uint32_t client, uint32_t session, uint32_t request);
void np_conn_arrived(struct world *w, enum side at, np_packet *p);
void np_conn_timer(struct world *w, uint32_t conn, enum side side, np_time when);
uint32_t np_conn_write(struct world *w, uint32_t conn, enum side from, const struct message *what);
void np_conn_close(struct world *w, uint32_t conn, enum side side);
void np_conn_abort(struct world *w, uint32_t conn, enum side side);
void np_conn_vanish(struct world *w, uint32_t conn, enum side side, enum cause cause); /* without a word */
void np_conn_reap(struct world *w);
void np_conn_prefetch(const struct world *w, uint32_t conn);
bool np_conn_path(const struct world *w, const struct conn *c, bool outer_port_must_match);
bool np_conn_tuple(const struct world *w, const struct conn *c, uint32_t box, np_tuple *t); /* before a box */
void np_conn_packet_lost(struct world *w, const np_packet *p);

const np_tcp_config *np_conn_tcp_config(const struct world *w, const struct conn *c, enum side side);

/* ends.c: TCP ends */
void np_ends_init(struct world *w, uint32_t connections); /* expected */
void np_ends_release(struct world *w);
bool np_ends_reach(struct world *w, uint32_t conn); /* makes room for two; false: no memory */
np_tcp *np_ends_new(struct world *w, uint32_t conn, enum side side); /* to be opened; NULL: no memory */
np_tcp *np_ends_at(struct world *w, uint32_t conn, enum side side);  /* until np_ends_rest */
np_time *np_ends_overtaken(struct world *w, uint32_t conn,
                           enum side side); /* of one at work: the latest event of its that a sooner one
                                               overtook and that may still be queued; NP_NEVER: none */
void np_ends_gone(struct world *w, uint32_t conn, enum side side); /* it is over */
void np_ends_rest(struct world *w);                                /* after an event: packs what it can */
void np_ends_prefetch(const struct world *w, uint32_t conn);
void np_ends_prefetch_working(const struct world *w, uint32_t conn, enum side side); /* some events later */

/* client.c: what applications do */
void np_client_start(struct world *w, uint32_t client);
void np_client_leave(struct world *w, uint32_t client); /* .presence says how */
void np_client_round(struct world *w, uint32_t client, uint32_t chain);
void np_client_retry(struct world *w, uint32_t client, uint32_t session);
void np_client_poll(struct world *w, uint32_t client, uint32_t polls);
void np_client_opened(struct world *w, uint32_t conn);
void np_client_failed(struct world *w, uint32_t conn); /* the client's end is gone, wanted or not */
void np_client_message(struct world *w, uint32_t conn, const struct message *m);
void np_server_message(struct world *w, uint32_t conn, const struct message *m);
void np_server_opened(struct world *w, uint32_t conn);
void np_server_failed(struct world *w, uint32_t conn);
void np_server_service(struct world *w, uint32_t message);
void np_client_unanswered(struct world *w, uint32_t conn, uint32_t serial);
void np_message_dropped(struct world *w, uint32_t message); /* its connection is gone: lost, or held again */

/* churn.c: clients that come and go */
bool np_churn_create(struct world *w);
void np_churn_come(struct world *w, uint32_t client);
void np_churn_due(struct world *w, uint32_t client, uint32_t what);

/* trouble.c: servers that stop, boxes that restart, links that are cut */
bool np_trouble_create(struct world *w);
void np_trouble_server(struct world *w, uint32_t server, uint32_t what);
void np_trouble_nat(struct world *w, uint32_t box, bool again);
void np_trouble_outage(struct world *w, uint32_t client);

/* meter.c: figures */
bool np_meter_create(struct world *w);
void np_meter_warm(struct world *w);
void np_meter_sent(struct world *w, const struct conn *c, enum side from, const np_packet *p);
void np_meter_heard(struct world *w, const struct conn *c, const np_packet *p);
void np_meter_message_sent(struct world *w, struct message *m);
void np_meter_message_arrived(struct world *w, const struct message *m);
void np_meter_message_lost(struct world *w, const struct message *m);
void np_meter_believes(struct world *w, uint32_t conn, enum side side);
void np_meter_gives_up(struct world *w, uint32_t conn, enum side side,
                       const char *why); /* a failure: NULL: an orderly end */
void np_meter_path(struct world *w, uint32_t conn, bool mapped, enum cause cause);
void np_meter_review(struct world *w, uint32_t conn, enum cause cause); /* the client slept, woke, or moved */
void np_meter_vanished(struct world *w, uint32_t conn, enum side side, enum cause cause);
void np_meter_word_lost(struct world *w, uint32_t conn, enum side to); /* that the other end gave it up */
void np_meter_entry(struct world *w, uint32_t conn);                   /* it may be over now */
void np_meter_moved(struct world *w, uint32_t conn); /* UDP: the client goes on from another address */
void np_meter_cut(struct world *w, uint32_t conn);   /* an outage began or ended */
void np_meter_connect(struct world *w);              /* an attempt reaches a server */
void np_meter_server_refused(struct world *w);
void np_meter_comes(struct world *w, uint32_t client); /* wants connections from now on */
void np_meter_goes(struct world *w, uint32_t client);
void np_meter_mapping(struct world *w, uint32_t box, np_mapping_event what, const np_mapping *m,
                      np_time when);
void np_meter_sample(struct world *w);
void np_meter_finish(struct world *w);

#endif
