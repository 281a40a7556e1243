/*
 * Figures: what the world shows to its meters, turned into the metrics of natpulse/metrics.h.
 *
 * All counting starts at the end of the warm-up; what began before it is clipped there (times) or left out
 * (breaks, messages). Integrals over time are kept as "value since", added up when the value changes.
 *
 * A break is a fact about the path: an end still believes in a connection that the boxes no longer carry. It
 * ends in one of four ways: the client knew first, the server knew first, it healed, or it was open at the
 * end.
 */
#include "state.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* A delivered message that took longer is late. */
static const np_time LATE = 10 * NP_SECOND;
/* Silence after which the next packet counts as a wake-up of the client. */
static const np_time ASLEEP = NP_SECOND;

static const char *const CAUSE_NAME[CAUSE_COUNT] = {"evicted",     "expired",     "nat_restart", "roamed",
                                                    "client_gone", "server_gone", "refused"};

/* A radio for each client when a measured group has any. */
static bool make_radios(struct world *w)
{
    bool any = false;
    for (uint32_t g = 0; g < w->config->groups; g++)
        any |= w->config->group[g].measure && w->config->group[g].radio.name;
    if (!any) return true;
    if (!(w->radio = malloc(w->clients * sizeof *w->radio))) return false;
    for (uint32_t i = 0; i < w->clients; i++) np_radio_init(&w->radio[i]);
    return true;
}

/* What the radios of measured clients have taken so far. */
static double joules(struct world *w)
{
    double sum = 0;
    for (uint32_t i = 0; i < w->clients; i++) {
        const np_group *g = group_of(w, &w->client[i]);
        if (!g->measure || !g->radio.name) continue;
        np_radio_settle(&w->radio[i], &g->radio, w->now);
        sum += w->radio[i].joules;
    }
    return sum;
}

bool np_meter_create(struct world *w)
{
    if (!make_radios(w)) return false;
    for (int i = 0; i < NP_SPREAD_COUNT; i++)
        if (!(w->meter.spread[i] = np_quantile_create())) return false;
    return true;
}

/* Seconds from `since` to now that lie past the warm-up. */
static double past_warmup(const struct world *w, np_time since)
{
    if (since < w->config->warmup) since = w->config->warmup;
    return w->now > since ? np_seconds(w->now - since) : 0;
}

static void tell(const struct world *w, np_notice_kind kind, const char *cause, uint32_t conn)
{
    if (!w->listener || !w->listener->notice) return;
    np_notice n = {.when = w->now, .kind = kind, .cause = cause, .client = NONE, .conn = NONE};
    if (conn != NONE) {
        n.client = conn_at(w, conn)->client;
        n.conn = conn_at(w, conn)->serial;
    }
    w->listener->notice(w->listener->ctx, &n);
}

/* ---- packets ---- */

static void active(struct world *w, const struct conn *c, const np_packet *p, bool out)
{
    struct client *k = &w->client[c->client];
    if (w->radio) {
        const np_radio_config *radio = &w->config->group[c->group].radio;
        if (radio->name) np_radio_packet(&w->radio[c->client], radio, out, p->bytes, w->now);
    }
    if (w->now - k->last_active >= ASLEEP && w->measuring) w->meter.wakeups++;
    k->last_active = w->now;
}

void np_meter_sent(struct world *w, const struct conn *c, enum side from, const np_packet *p)
{
    if (!c->measured) return;
    if (from == CLIENT) active(w, c, p, true);
    if (!w->measuring) return;
    struct meter *m = &w->meter;
    m->wire_packets++;
    m->wire_bytes += p->bytes;
    if (p->kind == NP_KIND_KEEPALIVE || p->kind == NP_KIND_HEARTBEAT) {
        m->upkeep_packets++;
        m->upkeep_bytes += p->bytes;
    } else if (p->kind == NP_KIND_PAYLOAD) {
        m->payload_bytes += p->payload;
    }
}

void np_meter_heard(struct world *w, const struct conn *c, const np_packet *p)
{
    if (c->measured) active(w, c, p, false);
}

/* ---- messages ---- */

void np_meter_message_sent(struct world *w, struct message *m)
{
    m->counts = m->counts && w->measuring;
    if (m->counts) w->meter.sent++;
}

void np_meter_message_arrived(struct world *w, const struct message *m)
{
    if (!m->counts) return;
    w->meter.delivered++;
    np_time delay = w->now - m->sent;
    if (delay > LATE) w->meter.late++;
    if (!np_quantile_add(w->meter.spread[NP_SPREAD_MESSAGE_DELAY], np_seconds(delay)))
        w->out_of_memory = true;
}

void np_meter_message_lost(struct world *w, const struct message *m)
{
    if (m->counts) w->meter.lost++;
}

/* ---- belief and truth ---- */

/* The boxes carry it to where the server thinks its client is, and the client is there. */
static bool is_sound(const struct world *w, const struct conn *c)
{
    const struct client *k = &w->client[c->client];
    return c->mapped && k->presence != IS_ASLEEP && (c->transport == NP_UDP || c->place == k->place);
}

/* And no link is cut. */
static bool is_way_free(const struct world *w, const struct conn *c)
{
    return is_sound(w, c) && !w->core_cut && !w->client[c->client].cut;
}

/* Usable: both ends believe in it, and the way is free. */
static void set_usable(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    bool usable = c->believes[CLIENT] && c->believes[SERVER] && is_way_free(w, c);
    if (usable == c->usable) return;
    assert(!c->broken);
    if (!usable && c->measured) w->meter.usable_s += past_warmup(w, since_at(w, conn)->state);
    if (usable) since_at(w, conn)->state = w->now;
    c->usable = usable;
}

void np_meter_cut(struct world *w, uint32_t conn)
{
    set_usable(w, conn);
}

/* An end of a measured connection begins to hold it, or no longer does. */
static void held_changes(struct world *w, uint32_t conn, enum side side, bool holds)
{
    struct meter *m = &w->meter;
    np_time *since = &since_at(w, conn)->held[side];
    if (holds)
        *since = w->now;
    else
        m->held_s[side] += past_warmup(w, *since);
    if (side == CLIENT) return;
    m->held += holds ? 1 : UINT32_MAX;
    if (w->measuring && m->held > m->held_peak) m->held_peak = m->held;
}

static void entries_change(struct world *w, int by, int live_by)
{
    struct meter *m = &w->meter;
    m->entries_s += (double)m->entries * past_warmup(w, m->entries_since);
    m->live_entries_s += (double)m->live_entries * past_warmup(w, m->entries_since);
    m->entries_since = w->now;
    m->entries = (uint32_t)((int)m->entries + by);
    m->live_entries = (uint32_t)((int)m->live_entries + live_by);
    if (w->measuring && m->entries > m->entries_peak) m->entries_peak = m->entries;
}

/* A mapping is over with its connection: when no end believes in it, and none is yet to. */
void np_meter_entry(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    bool over = !c->believes[CLIENT] && !c->believes[SERVER] && (c->parting || c->end[CLIENT] == END_GONE);
    bool live = c->entry && !over;
    if (live != c->entry_live) entries_change(w, 0, live ? 1 : -1);
    c->entry_live = live;
}

static void heal(struct world *w, uint32_t conn);

void np_meter_believes(struct world *w, uint32_t conn, enum side side)
{
    struct conn *c = conn_at(w, conn);
    enum side other = side == CLIENT ? SERVER : CLIENT;
    c->believes[side] = true;
    c->parting = false;
    if (c->measured) held_changes(w, conn, side, true);
    if (side == CLIENT && c->measured && c->transport == NP_TCP && w->measuring) w->meter.handshakes++;
    if (c->believes[other]) {
        bool again = c->opened;
        c->opened = true;
        c->mapped = np_conn_path(w, c, true);
        if (c->broken && is_sound(w, c)) heal(w, conn);
        if (c->measured && !again) tell(w, NP_NOTICE_OPENED, NULL, conn);
    }
    np_meter_entry(w, conn);
    set_usable(w, conn);
}

/* Whether a break, present or just over, is counted. */
static bool counted(const struct world *w, uint32_t conn)
{
    return conn_at(w, conn)->measured && since_at(w, conn)->state >= w->config->warmup;
}

static void knows(struct world *w, uint32_t conn, enum side side, const char *why)
{
    struct conn *c = conn_at(w, conn);
    tell(w, side == CLIENT ? NP_NOTICE_CLIENT_KNEW : NP_NOTICE_SERVER_KNEW, why, conn);
    if (!counted(w, conn)) return;
    if (!c->known) {
        if (side == CLIENT)
            w->meter.client_knew++;
        else
            w->meter.server_knew++;
    }
    c->known = true;
    np_time from = since_at(w, conn)->state; /* but while asleep nobody can notice anything */
    if (side == CLIENT && w->churner && w->churner[c->client].awake_since > from)
        from = w->churner[c->client].awake_since;
    np_quantile *spread = w->meter.spread[side == CLIENT ? NP_SPREAD_CLIENT_DETECT : NP_SPREAD_SERVER_DETECT];
    if (!np_quantile_add(spread, np_seconds(w->now - from))) w->out_of_memory = true;
}

void np_meter_gives_up(struct world *w, uint32_t conn, enum side side, const char *why)
{
    struct conn *c = conn_at(w, conn);
    enum side other = side == CLIENT ? SERVER : CLIENT;
    if (c->broken) {
        if (c->measured) knows(w, conn, side, why ? why : "close");
    } else if (why && c->measured && !c->parting && is_way_free(w, c) && c->believes[other]) {
        if (w->measuring) w->meter.false_closes++;
        tell(w, NP_NOTICE_FALSE_CLOSE, why, conn);
    }
    c->parting = true; /* the other end is about to be told */
    if (c->believes[side] && c->measured) held_changes(w, conn, side, false);
    c->believes[side] = false;
    if (!c->believes[other]) c->broken = false;
    np_meter_entry(w, conn);
    set_usable(w, conn);
}

static void begin_break(struct world *w, uint32_t conn, enum cause cause)
{
    struct conn *c = conn_at(w, conn);
    assert(!c->usable);
    c->broken = true;
    since_at(w, conn)->state = w->now;
    c->known = false;
    if (c->measured) tell(w, NP_NOTICE_BREAK, CAUSE_NAME[cause], conn);
    if (!counted(w, conn)) return;
    w->meter.breaks++;
    w->meter.by_cause[cause]++;
}

static void heal(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    c->broken = false;
    if (c->measured) tell(w, NP_NOTICE_HEALED, NULL, conn);
    /* Once an end knew, it had ended: over UDP, a server that gave a client up takes it back. */
    if (counted(w, conn) && !c->known) w->meter.healed++;
}

/* What it stands on has changed: it may have broken (of `cause`), or healed. */
void np_meter_review(struct world *w, uint32_t conn, enum cause cause)
{
    struct conn *c = conn_at(w, conn);
    bool anyone = c->believes[CLIENT] || c->believes[SERVER], sound = is_sound(w, c);
    if (sound && c->broken && c->believes[CLIENT] && c->believes[SERVER]) heal(w, conn);
    set_usable(w, conn);
    if (!sound && anyone && c->opened && !c->broken && !c->parting) begin_break(w, conn, cause);
}

/* The boxes carry the connection again, or no longer. */
void np_meter_path(struct world *w, uint32_t conn, bool mapped, enum cause cause)
{
    struct conn *c = conn_at(w, conn);
    c->mapped = mapped;
    if (cause != CAUSE_REFUSED) {
        np_meter_review(w, conn, cause);
    } else if (c->measured && w->measuring) {
        w->meter.breaks++;
        w->meter.by_cause[CAUSE_REFUSED]++;
        w->meter.client_knew++;
    }
}

void np_meter_moved(struct world *w, uint32_t conn)
{
    struct conn *c = conn_at(w, conn);
    np_tuple t;
    /* The mapping of the old address is nobody's now. */
    c->entry = np_conn_tuple(w, c, 0, &t) && np_box_lookup(w->box[0], &t, NULL);
    np_meter_entry(w, conn);
    np_meter_path(w, conn, np_conn_path(w, c, true), CAUSE_ROAMED);
}

/* An end is gone without a word, and does not know it. */
void np_meter_vanished(struct world *w, uint32_t conn, enum side side, enum cause cause)
{
    struct conn *c = conn_at(w, conn);
    enum side other = side == CLIENT ? SERVER : CLIENT;
    if (c->believes[side] && c->measured) held_changes(w, conn, side, false);
    c->believes[side] = false;
    set_usable(w, conn);
    if (!c->believes[other] && c->broken) {
        c->broken = false;
        if (counted(w, conn) && !c->known) w->meter.unnoticed++;
    } else if (c->believes[other] && c->opened && !c->broken && !c->parting) {
        begin_break(w, conn, cause);
    }
    np_meter_entry(w, conn);
}

/* An end gave it up, and the other will not hear of it: half open from now on. */
void np_meter_word_lost(struct world *w, uint32_t conn, enum side to)
{
    struct conn *c = conn_at(w, conn);
    if (c->believes[to] && !c->believes[to == CLIENT ? SERVER : CLIENT] && c->opened && !c->broken)
        begin_break(w, conn, to == SERVER ? CAUSE_CLIENT_GONE : CAUSE_SERVER_GONE);
}

/* ---- clients and servers ---- */

static void wanted(struct world *w, const struct client *k)
{
    if (group_of(w, k)->measure) w->meter.conn_s += past_warmup(w, k->came);
}

static void clients_change(struct world *w, int by)
{
    struct meter *m = &w->meter;
    if (m->clients == 0) m->deserted_s += past_warmup(w, m->deserted_since);
    m->deserted_since = w->now;
    m->clients = (uint32_t)((int)m->clients + by);
}

void np_meter_comes(struct world *w, uint32_t client)
{
    struct client *k = &w->client[client];
    k->came = w->now;
    clients_change(w, group_of(w, k)->measure);
}

void np_meter_goes(struct world *w, uint32_t client)
{
    const struct client *k = &w->client[client];
    clients_change(w, -group_of(w, k)->measure);
    wanted(w, k);
}

void np_meter_connect(struct world *w)
{
    struct meter *m = &w->meter;
    np_time second = w->now / NP_SECOND;
    if (second != m->connects_second) m->connects = 0;
    m->connects_second = second;
    m->connects++;
    if (w->measuring && m->connects > m->connects_peak) m->connects_peak = m->connects;
}

void np_meter_server_refused(struct world *w)
{
    if (w->measuring) w->meter.server_refused++;
}

/* ---- the boxes ---- */

/* Whose connection a mapping is: NONE when its slot has gone to another since. Behind the first box, a flow
   is known by what the boxes before make of it. */
static uint32_t owner(const struct world *w, uint32_t box, const np_mapping *m)
{
    if (m->conn >= w->conns.used) return NONE;
    const struct conn *c = conn_at(w, m->conn);
    np_tuple t;
    if (!c->serial || !np_conn_tuple(w, c, box, &t)) return NONE;
    return np_tuple_equal(&t, &m->inside) ? m->conn : NONE;
}

void np_meter_mapping(struct world *w, uint32_t box, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)when; /* boxes are asked at every expiry: it is now */
    uint32_t conn = owner(w, box, m);
    const struct conn *c = conn == NONE ? NULL : conn_at(w, conn);
    bool live = c && (c->believes[CLIENT] || c->believes[SERVER]);
    if (box == 0) {
        entries_change(w, what == NP_MAPPING_CREATED ? 1 : m->stays ? 0 : -1, 0);
        if (c && !m->stays) {
            conn_at(w, conn)->entry = what == NP_MAPPING_CREATED;
            np_meter_entry(w, conn);
        }
    }
    if (what == NP_MAPPING_FREED) return; /* it had expired before, to all but the box */
    if (what == NP_MAPPING_CREATED) {
        if (live) np_meter_path(w, conn, np_conn_path(w, c, true), CAUSE_ROAMED);
        return;
    }
    if (w->measuring && what == NP_MAPPING_EVICTED) {
        if (live)
            w->meter.evictions_live++;
        else
            w->meter.evictions_dead++;
    }
    if (w->measuring && what == NP_MAPPING_EXPIRED && live) w->meter.expiries_live++;
    if (what == NP_MAPPING_EVICTED) tell(w, NP_NOTICE_EVICTED, live ? "live" : "dead", conn);
    if (what == NP_MAPPING_EXPIRED) tell(w, NP_NOTICE_EXPIRED, live ? "live" : "dead", conn);
    if (c)
        np_meter_path(w, conn, false,
                      what == NP_MAPPING_EVICTED   ? CAUSE_EVICTED
                      : what == NP_MAPPING_FLUSHED ? CAUSE_NAT_RESTART
                                                   : CAUSE_EXPIRED);
}

/* ---- the run ---- */

void np_meter_warm(struct world *w)
{
    struct meter *m = &w->meter;
    w->measuring = true;
    if (w->radio) m->joules_before = joules(w);
    m->held_peak = m->held;
    m->entries_peak = m->entries;
    m->at_warmup = *np_box_count(w->box[0]);
}

void np_meter_sample(struct world *w)
{
    w->result->occupancy[w->samples++] = (double)np_box_entries(w->box[0]);
}

/* Breaks still open, and ends that never knew. */
static void censor(struct world *w, uint32_t conn, uint64_t *open)
{
    const struct conn *c = conn_at(w, conn);
    if (!c->broken || !counted(w, conn)) return;
    if (!c->known) (*open)++;
    bool asleep = w->client[c->client].presence == IS_ASLEEP; /* it has had no time to know */
    if (c->believes[CLIENT] && !asleep) np_quantile_add_censored(w->meter.spread[NP_SPREAD_CLIENT_DETECT]);
    if (c->believes[SERVER]) np_quantile_add_censored(w->meter.spread[NP_SPREAD_SERVER_DETECT]);
}

/* Messages that exist somewhere: in a queue, held, being served, or on the way. */
static uint64_t pending(const struct world *w)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < w->messages.used; i++) n += message_at(w, i)->counts;
    return n;
}

void np_meter_finish(struct world *w)
{
    struct meter *m = &w->meter;
    np_result *r = w->result;
    uint64_t open = 0;
    entries_change(w, 0, 0);
    clients_change(w, 0);
    for (uint32_t i = 0; i < w->clients; i++)
        if (w->client[i].presence == IS_PRESENT) wanted(w, &w->client[i]);
    for (uint32_t i = 0; i < w->conns.used; i++) {
        struct conn *c = conn_at(w, i);
        if (!c->serial) continue;
        censor(w, i, &open);
        if (!c->measured) continue;
        const struct since *since = since_at(w, i);
        if (c->usable) m->usable_s += past_warmup(w, since->state);
        for (int side = CLIENT; side <= SERVER; side++)
            if (c->believes[side]) m->held_s[side] += past_warmup(w, since->held[side]);
    }
    bool tcp = false, persistent = w->connection != NP_CONNECTION_PER_REQUEST;
    for (uint32_t i = 0; i < w->config->groups; i++)
        if (w->config->group[i].measure && w->config->group[i].transport == NP_TCP) tcp = true;

    const np_box_counts *box = np_box_count(w->box[0]);
    double window = np_seconds(w->config->duration - w->config->warmup), hours = m->conn_s / 3600;
    for (int i = 0; i < NP_METRIC_COUNT; i++) r->value[i] = NAN;
#define PUT(e, v)      r->value[NP_METRIC_##e] = (double)(v)
#define PUT_RATE(e, v) r->value[NP_METRIC_##e] = hours > 0 ? (double)(v) / hours : NAN
    if (persistent && m->conn_s > 0)
        PUT(REACHABLE, m->usable_s / (m->conn_s * (w->sessions_each ? w->sessions_each : 1)));
    PUT_RATE(BREAKS, m->breaks);
    PUT_RATE(BREAKS_EVICTED, m->by_cause[CAUSE_EVICTED]);
    PUT_RATE(BREAKS_EXPIRED, m->by_cause[CAUSE_EXPIRED]);
    PUT_RATE(BREAKS_NAT_RESTART, m->by_cause[CAUSE_NAT_RESTART]);
    PUT_RATE(BREAKS_ROAMED, m->by_cause[CAUSE_ROAMED]);
    PUT_RATE(BREAKS_CLIENT_GONE, m->by_cause[CAUSE_CLIENT_GONE]);
    PUT_RATE(BREAKS_SERVER_GONE, m->by_cause[CAUSE_SERVER_GONE]);
    PUT_RATE(BREAKS_REFUSED, m->by_cause[CAUSE_REFUSED]);
    PUT_RATE(BREAKS_CLIENT_KNEW, m->client_knew);
    PUT_RATE(BREAKS_SERVER_KNEW, m->server_knew);
    PUT_RATE(BREAKS_HEALED, m->healed);
    PUT_RATE(BREAKS_OPEN, open + m->unnoticed);
    PUT_RATE(FALSE_CLOSES, m->false_closes);
    PUT(MESSAGES_SENT, m->sent);
    PUT(MESSAGES_DELIVERED, m->delivered);
    PUT(MESSAGES_LATE, m->late);
    PUT(MESSAGES_LOST, m->lost);
    PUT(MESSAGES_PENDING, pending(w));
    if (persistent) PUT_RATE(RECONNECTS, m->reconnects);
    if (tcp) PUT(HANDSHAKES, m->handshakes);
    if (persistent) PUT_RATE(UPKEEP_PACKETS, m->upkeep_packets);
    if (persistent) PUT_RATE(UPKEEP_BYTES, m->upkeep_bytes);
    PUT_RATE(PAYLOAD_BYTES, m->payload_bytes);
    PUT_RATE(WIRE_PACKETS, m->wire_packets);
    PUT_RATE(WIRE_BYTES, m->wire_bytes);
    PUT_RATE(WAKEUPS, m->wakeups);
    if (w->radio) PUT_RATE(ENERGY, joules(w) - m->joules_before);
    if (window > 0) PUT(SERVER_OPEN_MEAN, m->held_s[SERVER] / window);
    PUT(SERVER_OPEN_PEAK, m->held_peak);
    if (persistent && m->held_s[SERVER] > 0) PUT(SERVER_ZOMBIE, 1 - m->usable_s / m->held_s[SERVER]);
    if (persistent && m->held_s[CLIENT] > 0) PUT(CLIENT_ZOMBIE, 1 - m->usable_s / m->held_s[CLIENT]);
    PUT(SERVER_REFUSED, m->server_refused);
    PUT(CONNECTS_PEAK, m->connects_peak);
    if (window > 0) PUT(CLIENTS_MEAN, m->conn_s / window);
    if (window > 0) PUT(DESERTED, m->deserted_s / window);
    PUT(SERVER_MEMORY, (double)m->held_peak * w->config->server_memory);
    if (window > 0) PUT(NAT_ENTRIES_MEAN, m->entries_s / window);
    if (window > 0) PUT(NAT_ENTRIES_OVER, (m->entries_s - m->live_entries_s) / window);
    PUT(NAT_ENTRIES_PEAK, m->entries_peak);
    PUT(NAT_INSERTS, box->inserts - m->at_warmup.inserts);
    PUT(NAT_EVICTIONS_LIVE, m->evictions_live);
    PUT(NAT_EVICTIONS_DEAD, m->evictions_dead);
    PUT(NAT_EXPIRIES_LIVE, m->expiries_live);
    PUT(NAT_REFUSED, box->refused + box->no_port - m->at_warmup.refused - m->at_warmup.no_port);
    PUT(NAT_UNKNOWN_IN, box->unknown_in - m->at_warmup.unknown_in);
    PUT(NAT_UNKNOWN_OUT, box->unknown_out - m->at_warmup.unknown_out);
#undef PUT
#undef PUT_RATE
    r->conn_hours = hours;
    r->packet_events = w->packet_events;
    r->table_was_full = m->entries_peak >= w->config->nat[0].capacity;
    for (int i = 0; i < NP_SPREAD_COUNT; i++) {
        r->spread[i] = m->spread[i];
        m->spread[i] = NULL;
    }
}
