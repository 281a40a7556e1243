/*
 * One simulation: making it, and the loop that runs it.
 *
 * The loop takes the next event, sets the time, acts, and lets go of connections that are done. Everything
 * else is in wire.c (packets), conn.c (ends), client.c (applications), meter.c (figures).
 */
#include "natpulse/memory.h"
#include "state.h"
#include <assert.h>
#include <stdlib.h>

void np_world_at(struct world *w, np_time when, enum event_kind k, uint32_t index, uint32_t extra)
{
    if (!np_events_push(w->events, when, event_make(k, index, extra))) w->out_of_memory = true;
}

static void box_tapped(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    struct box_tap_context *t = ctx;
    np_meter_mapping(t->world, t->index, what, m, when);
}

static void box_emits(void *ctx, bool to_inside, const np_packet *p, np_time when)
{
    (void)when; /* boxes are asked at every expiry: it is now */
    struct box_tap_context *t = ctx;
    np_wire_box_emits(t->world, t->index, to_inside, p);
}

static bool make_boxes(struct world *w, np_error *e)
{
    for (uint32_t i = 0; i < w->config->nats; i++) {
        if (!(w->box[i] = np_box_create(&w->config->nat[i], w->key, i, e))) return false;
        w->tap[i] = (struct box_tap_context){w, i};
        np_box_set_tap(w->box[i], (np_box_tap){.mapping = box_tapped, .ctx = &w->tap[i], .emit = box_emits});
        w->box_armed[i] = NP_NEVER;
    }
    return true;
}

static bool make_clients(struct world *w)
{
    const np_world_config *c = w->config;
    if (!(w->client = np_memory_zeroed(w->clients * sizeof *w->client))) return false;
    w->sessions_each = w->connection == NP_CONNECTION_POOL ? (w->strategy->pool ? w->strategy->pool : 1) : 1;
    uint64_t sessions = 0;
    uint32_t i = 0;
    for (uint32_t g = 0; g < c->groups; g++) {
        w->span[g] = (struct span){i, (uint32_t)sessions};
        sessions += (uint64_t)c->group[g].count * sessions_each(w, g);
        for (uint32_t n = 0; n < c->group[g].count; n++, i++) {
            struct client *k = &w->client[i];
            *k = (struct client){.held = NONE,
                                 .serving = NONE,
                                 .conns = NONE,
                                 .group = (uint8_t)g,
                                 .presence = IS_AWAY,
                                 .last_active = -NP_HOUR};
            k->next_port =
                (uint16_t)(32768 + np_below(np_random(w->key, i, PURPOSE_PORT, 0), 60999 - 32768 + 1));
            np_time start = np_dist_time(&c->group[g].arrival, np_random(w->key, i, PURPOSE_ARRIVAL, 0));
            if (start < c->duration) np_world_at(w, start, EVENT_START, i, 0);
        }
    }
    if (np_beat_remembers(&w->strategy->beat) &&
        !(w->beat_memory = np_memory_zeroed((sessions + 1) * 2 * sizeof *w->beat_memory)))
        return false;
    return (w->session = np_memory_zeroed(sessions * sizeof *w->session)) != NULL;
}

static bool make(struct world *w, np_error *e)
{
    const np_world_config *c = w->config;
    const np_strategy *s = w->strategy;
    w->tcp_plain = w->tcp_end[CLIENT] = w->tcp_end[SERVER] = c->tcp;
    w->tcp_plain.keepalive.on = false;
    w->tcp_plain.user_timeout = 0;
    w->tcp_end[CLIENT].keepalive = w->tcp_end[SERVER].keepalive = s->keepalive;
    w->tcp_end[CLIENT].keepalive.on = s->keepalive.on && s->keepalive_at != NP_SOCKETS_SERVER;
    w->tcp_end[SERVER].keepalive.on = s->keepalive.on && s->keepalive_at != NP_SOCKETS_CLIENT;
    w->tcp_end[CLIENT].user_timeout = w->tcp_end[SERVER].user_timeout = s->user_timeout;
    w->connection = s->connection;
    w->has_beat = s->beat.strategy != NULL;
    w->buckets = 1024;
    for (uint32_t g = 0; g < c->groups; g++) w->clients += c->group[g].count;
    uint32_t n = w->clients; /* connections, about */
    np_pool_init(&w->conns, sizeof(struct conn), n);
    np_pool_init(&w->errands, sizeof(struct errand), n / 64);
    np_pool_init(&w->since, sizeof(struct since), n);
    np_ends_init(w, n);
    np_pool_init(&w->beats, 2 * sizeof(np_beat), n);
    np_pool_init(&w->messages, sizeof(struct message), n / 64);
    bool ok = (w->result = calloc(1, sizeof *w->result)) && (w->events = np_events_create()) &&
              np_meter_create(w) && (w->server = calloc(c->servers, sizeof *w->server)) &&
              (w->bucket = malloc(w->buckets * sizeof *w->bucket));
    if (!ok) return np_fail_memory(e, "a simulation");
    memset(w->bucket, 0xff, w->buckets * sizeof *w->bucket);
    if (!make_boxes(w, e)) return false;
    for (int i = 0; i < NP_SERIES_POINTS; i++)
        np_world_at(w, (np_time)((double)c->duration / NP_SERIES_POINTS * (i + 1)), EVENT_SAMPLE, 0, 0);
    np_world_at(w, c->warmup, EVENT_WARMUP, 0, 0);
    np_world_at(w, c->duration, EVENT_STOP, 0, 0);
    if (!np_churn_create(w) || !make_clients(w) || !np_wire_create(w) || !np_trouble_create(w))
        return np_fail_memory(e, "the clients of a simulation");
    return true;
}

static void destroy(struct world *w)
{
    np_wire_destroy(w);
    for (uint32_t i = 0; i < w->config->nats; i++) np_box_destroy(w->box[i]);
    for (int i = 0; i < NP_SPREAD_COUNT; i++) np_quantile_destroy(w->meter.spread[i]);
    np_pool_release(&w->conns);
    np_pool_release(&w->errands);
    np_pool_release(&w->since);
    np_ends_release(w);
    np_pool_release(&w->beats);
    np_pool_release(&w->messages);
    np_events_destroy(w->events);
    free(w->client);
    free(w->session);
    free(w->beat_memory);
    free(w->radio);
    free(w->bucket);
    free(w->server);
    free(w->churner);
    free(w->reap);
}

static void act(struct world *w, const np_event *ev)
{
    uint32_t index = (uint32_t)ev->what, extra = (uint32_t)(ev->what >> 32) & 0xffffff;
    switch ((enum event_kind)(ev->what >> 56)) {
    case EVENT_FIFO: np_wire_fifo_due(w, (enum hop)index); break;
    case EVENT_FLIGHT: np_wire_flight_due(w, index, (enum hop)extra); break;
    case EVENT_END: np_conn_timer(w, index, (enum side)extra, ev->time); break;
    case EVENT_ROUND: np_client_round(w, index, extra); break;
    case EVENT_START: np_churn_come(w, index); break;
    case EVENT_RETRY: np_client_retry(w, index, extra); break;
    case EVENT_SERVICE: np_server_service(w, index); break;
    case EVENT_UNANSWERED: np_client_unanswered(w, index, extra); break;
    case EVENT_POLL: np_client_poll(w, index, extra); break;
    case EVENT_BOX:
        if (w->box_armed[index] == ev->time) w->box_armed[index] = NP_NEVER;
        np_box_expire(w->box[index], w->now);
        np_wire_arm_box(w, index);
        break;
    case EVENT_CHURN: np_churn_due(w, index, extra); break;
    case EVENT_SERVER: np_trouble_server(w, index, extra); break;
    case EVENT_NAT: np_trouble_nat(w, index, extra); break;
    case EVENT_OUTAGE: np_trouble_outage(w, index); break;
    case EVENT_SAMPLE: np_meter_sample(w); break;
    case EVENT_WARMUP: np_meter_warm(w); break;
    case EVENT_STOP: break;
    }
    np_ends_rest(w);
    np_conn_reap(w);
}

static bool is_timer(const np_event *ev)
{
    return (enum event_kind)(ev->what >> 56) == EVENT_END;
}

/* What timers will touch is far from the caches when clients are many. The queue knows its nearest events in
   order, some dozens at a time, and those of the next such lot: of these the connections are fetched; of
   those, whose connections were fetched a lot earlier, what can only be found through them. */
static void look_ahead(const struct world *w)
{
    const np_event *ev;
    for (uint32_t i = 0; (ev = np_events_ahead(w->events, i)); i++)
        if (is_timer(ev)) {
            uint32_t conn = (uint32_t)ev->what;
            enum side side = (enum side)(ev->what >> 32 & 1);
            np_wire_prefetch(w, conn_at(w, conn)->client, side);
            np_ends_prefetch_working(w, conn, side);
        }
    uint32_t n;
    ev = np_events_beyond(w->events, &n);
    for (uint32_t i = 0; i < n; i++)
        if (is_timer(&ev[i])) np_conn_prefetch(w, (uint32_t)ev[i].what);
}

np_result *np_world_run(const np_world_config *c, const np_strategy *s, uint32_t replica,
                        const np_listener *listener, const volatile int *stop, np_error *e)
{
    assert(c->servers > 0 && c->servers <= UINT16_MAX && c->nats >= 1 && c->nats <= 4 && c->groups <= 64 &&
           c->warmup < c->duration);
    struct world w = {
        .config = c, .strategy = s, .listener = listener, .stop = stop, .key = np_key_make(c->seed, replica)};
    bool ok = make(&w, e);
    np_event ev = {0};
    for (uint32_t n = 0; ok; n++) {
        bool all_new = !np_events_ahead(w.events, 0); /* the next lot */
        if (!np_events_pop(w.events, &ev)) break;
        w.now = ev.time;
        if ((enum event_kind)(ev.what >> 56) == EVENT_STOP) break;
        if (all_new) look_ahead(&w);
        act(&w, &ev);
        if (w.out_of_memory)
            ok = np_fail_memory(e, "a simulation");
        else if ((n & 0xffff) == 0xffff && stop && *stop)
            ok = np_fail(e, NP_TROUBLE_RUN, "stopped before the end");
    }
    np_result *r = w.result;
    if (ok) {
        np_meter_finish(&w);
    } else {
        np_result_destroy(r);
        r = NULL;
    }
    destroy(&w);
    return r;
}

size_t np_world_connection_bytes(void)
{
    size_t ends = 2 * (sizeof(np_tcp_idle) + sizeof(np_beat)), timers = 2 * (sizeof(np_event) + 1);
    size_t bucket = sizeof(uint32_t);
    return sizeof(struct conn) + sizeof(struct since) + ends + timers + bucket + sizeof(struct session) +
           sizeof(struct client);
}
