/*
 * From connections to groups of clients and their workload.
 *
 *     connection -> messages -> exchanges -> rounds
 *
 * A message is the payload of one direction without a pause; an exchange a message of the opener and the
 * answer that follows; a round the exchanges of one client without a pause between them (NP_FIT_PAUSE). What
 * a round waits for is `gap`: since the end of the round before (closed loop) or since its start (open loop).
 * A gap that was still open when the connection or the capture ended is a censored value.
 *
 * Times are those at the capture's place: the service time is what an answer takes beyond a handshake's round
 * trip there, a closed gap what lies between answer and request less the round trip to the client.
 */
#include "fit_group.h"
#include "natpulse/arena.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A connection for one exchange is closed so soon after it. */
#define CLOSES_WITHIN (5 * NP_SECOND)
/* What began so shortly before the capture's end may become anything. */
#define UNDECIDED (35 * NP_SECOND)
/* A datagram flow that has been silent so long is over (the longest UDP timeout of RFC 4787 REQ-5 is above
   it, most boxes' below). */
#define UDP_OVER NP_MINUTE
/* Answers closer than this are equally fast, for all that queues and clocks allow to say. */
#define SERVICE_NOISE ((double)NP_MILLISECOND)

enum { REQUESTS, FROM_CLIENT, FROM_SERVER, STYLES };

typedef struct values {
    double *v;
    uint32_t n, room;
} values;

typedef struct message {
    np_time first, last;
    uint32_t bytes;
    uint8_t way;
} message;

typedef struct exchange {
    np_time first, end;
} exchange;

/* One connection in its group, with what it is sorted by. */
typedef struct member {
    np_addr client;
    np_time start;
    uint32_t talk;
    uint8_t proto, style;
    bool silent; /* no messages at all: joins the largest group */
} member;

typedef struct work {
    const np_fit_flows *f;
    np_fit *out;
    np_arena *arena;
    message *message;
    uint32_t messages, message_room;
    member *member;
    uint32_t members;
    exchange *exchange;
    uint32_t exchanges, exchange_room;
    values open, closed, open_cut, closed_cut; /* gaps by either rule, and the censored */
    values count, request, response, service, arrival, idle, interval, given_up;
    bool out_of_memory;
} work;

/* Room for one more in an array that grows by doubling. */
static bool room_for(void **array, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room) return true;
    uint32_t more = *room ? 2 * *room : 256;
    void *grown = more > *room ? realloc(*array, more * size) : NULL;
    if (!grown) return false;
    *array = grown;
    *room = more;
    return true;
}

static void put(work *w, values *to, double x)
{
    if (room_for((void **)&to->v, to->n, &to->room, sizeof *to->v))
        to->v[to->n++] = x;
    else
        w->out_of_memory = true;
}

/* ---- messages ---- */

static void read_messages(work *w, const np_fit_talk *t)
{
    w->messages = 0;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = w->f->piece[i].next) {
        const np_fit_piece *p = &w->f->piece[i];
        if (p->what != NP_FIT_PIECE_DATA) continue;
        message *last = w->messages ? &w->message[w->messages - 1] : NULL;
        if (last && last->way == p->way && p->first - last->last < NP_FIT_PAUSE) {
            last->last = p->last;
            last->bytes += p->bytes;
            continue;
        }
        if (!room_for((void **)&w->message, w->messages, &w->message_room, sizeof *w->message)) {
            w->out_of_memory = true;
            return;
        }
        w->message[w->messages++] = (message){p->first, p->last, p->bytes, p->way};
    }
}

static bool has_upkeep(const work *w, const np_fit_talk *t)
{
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = w->f->piece[i].next)
        if (w->f->piece[i].what != NP_FIT_PIECE_DATA) return true;
    return false;
}

/* ---- which group ---- */

static bool one_exchange(const work *w, const np_fit_talk *t)
{
    if (w->messages == 0 || w->messages > 2 || w->message[0].way != NP_FIT_OUT || has_upkeep(w, t))
        return false;
    np_time spoken = w->message[w->messages - 1].last;
    if (t->who.proto == NP_UDP) return w->out->last - spoken > UDP_OVER;
    return t->opened && t->closed != NP_NEVER && t->closed - spoken < CLOSES_WITHIN;
}

/* Who speaks first after a pause. */
static int opener(const work *w)
{
    uint32_t rounds[2] = {0, 0};
    for (uint32_t i = 0; i < w->messages; i++)
        if (i == 0 || w->message[i].first - w->message[i - 1].last >= NP_FIT_PAUSE)
            rounds[w->message[i].way]++;
    return rounds[NP_FIT_IN] > rounds[NP_FIT_OUT] ? FROM_SERVER : FROM_CLIENT;
}

/* False: the connection says nothing about anybody. */
static bool classify(work *w, uint32_t number, member *m)
{
    const np_fit_talk *t = &w->f->talk[number];
    bool tcp = t->who.proto == NP_TCP;
    *m = (member){.client = t->who.local, .start = t->start, .talk = number, .proto = t->who.proto};
    read_messages(w, t);
    if (tcp && t->opened && (!t->heard[NP_FIT_IN] || (t->reset && !t->ack && !w->messages))) {
        w->out->failed++;
        return false;
    }
    if (one_exchange(w, t)) {
        m->style = REQUESTS;
        return true;
    }
    bool upkeep = has_upkeep(w, t);
    if (t->opened && w->messages <= 2 && !upkeep && w->out->last - t->start < UNDECIDED) return false;
    if (w->messages == 0 && t->closed != NP_NEVER && !upkeep && t->closed - t->start < CLOSES_WITHIN)
        return false;
    m->silent = w->messages == 0;
    m->style = (uint8_t)(m->silent ? FROM_SERVER : opener(w));
    return true;
}

static int by_client(const void *left, const void *right)
{
    const member *a = left, *b = right;
    if (a->proto != b->proto) return a->proto < b->proto ? -1 : 1;
    if (a->style != b->style) return a->style < b->style ? -1 : 1;
    int order = memcmp(a->client.byte, b->client.byte, sizeof a->client.byte);
    if (order) return order;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    return a->talk < b->talk ? -1 : a->talk > b->talk;
}

static bool same_client(const work *w, uint32_t i, uint32_t j)
{
    return np_addr_equal(&w->member[i].client, &w->member[j].client);
}

/* ---- exchanges and rounds ---- */

static void note_exchange(work *w, np_fit_group *g, np_time first, const message *request,
                          const message *answer, bool may_come)
{
    np_time there = 2 * (g->from_server ? w->out->access : w->out->core);
    if (!room_for((void **)&w->exchange, w->exchanges, &w->exchange_room, sizeof *w->exchange)) {
        w->out_of_memory = true;
        return;
    }
    w->exchange[w->exchanges++] = (exchange){first, answer ? answer->last : request->last};
    g->exchanges++;
    put(w, &w->request, request->bytes);
    if (answer) put(w, &w->service, fmax(0, (double)(answer->first - request->last - there)));
    if (answer || !may_come) put(w, &w->response, answer ? answer->bytes : 0);
}

/* The exchanges in one connection's messages. A connection for a single one stands in time where it began. */
static void read_exchanges(work *w, np_fit_group *g, const np_fit_talk *t)
{
    int opens = g->from_server ? NP_FIT_IN : NP_FIT_OUT;
    bool single = g->connection == NP_CONNECTION_PER_REQUEST;
    for (uint32_t i = 0; i < w->messages; i++) {
        const message *m = &w->message[i];
        if (m->way != opens) {
            g->passed_over++;
            continue;
        }
        const message *answer =
            i + 1 < w->messages && w->message[i + 1].way != opens ? &w->message[i + 1] : NULL;
        if (answer && g->from_server && answer->first - m->last >= NP_FIT_PAUSE) answer = NULL;
        note_exchange(w, g, single ? t->start : m->first, m, answer, !single && i + 1 == w->messages);
        if (answer) i++;
    }
}

static int by_first(const void *left, const void *right)
{
    const exchange *a = left, *b = right;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* The rounds of the exchanges that were noted, and the gaps before, between and behind them. `since`: where
   the gap of the first begins, 0: nobody knows; `end`: nothing more shows afterwards. Takes the exchanges
   away. */
static void read_rounds(work *w, np_fit_group *g, np_time since, np_time end)
{
    np_time to_client = g->from_server ? 0 : 2 * w->out->access;
    np_time open = since, closed = since; /* where the present gap begins, by either rule */
    if (w->exchanges > 1) qsort(w->exchange, w->exchanges, sizeof *w->exchange, by_first);
    for (uint32_t i = 0, j; i < w->exchanges; i = j) {
        np_time first = w->exchange[i].first, over = w->exchange[i].end;
        for (j = i + 1; j < w->exchanges && w->exchange[j].first - over < NP_FIT_PAUSE; j++)
            if (w->exchange[j].end > over) over = w->exchange[j].end;
        if (open) {
            put(w, &w->open, (double)(first - open));
            put(w, &w->closed, (double)(first - closed - (i > 0 ? to_client : 0)));
        }
        put(w, &w->count, j - i);
        g->rounds++;
        open = first;
        closed = over;
    }
    if (open && end > open) put(w, &w->open_cut, (double)(end - open));
    if (closed && end > closed) put(w, &w->closed_cut, (double)(end - closed));
    w->exchanges = 0;
}

/* ---- keepalive ---- */

static void read_probes(work *w, const np_fit_talk *t, np_fit_keepalive *k)
{
    np_time before[2] = {0, 0}; /* the last probe, by direction */
    uint32_t run[2] = {0, 0}, seen = 0;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = w->f->piece[i].next) {
        const np_fit_piece *p = &w->f->piece[i];
        if (p->what != NP_FIT_PIECE_PROBE) continue;
        np_time silent = p->last - p->first,
                trip = 2 * (p->way == NP_FIT_OUT ? w->out->access : w->out->core);
        seen++;
        if (before[p->way] && p->first - silent < before[p->way]) {
            put(w, &w->interval, (double)(p->first - before[p->way]));
            run[p->way]++;
        } else {
            if (silent > trip) put(w, &w->idle, (double)(silent - trip));
            run[p->way] = 1;
        }
        before[p->way] = p->first;
        *(p->way == NP_FIT_OUT ? &k->from_client : &k->from_server) = true;
    }
    if (!seen) return;
    k->flows++;
    k->probes += seen;
    int gave_up = t->reset_by_client ? NP_FIT_OUT : NP_FIT_IN;
    if (t->reset && run[gave_up] > 1 && t->closed >= t->last) put(w, &w->given_up, run[gave_up]);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(values *v)
{
    if (!v->n) return 0;
    qsort(v->v, v->n, sizeof *v->v, by_value);
    return v->v[v->n / 2];
}

/* ---- heartbeats of a group ---- */

static void choose_beat(const np_fit_pulses *all, const uint32_t *talks, const uint64_t *beats,
                        np_fit_beat *b)
{
    const np_fit_pulse *best = NULL;
    for (uint32_t i = 0; i < all->n; i++) {
        if (!talks[i] || (best && talks[i] <= talks[best - all->pulse])) continue;
        best = &all->pulse[i];
    }
    if (!best) return;
    *b = (np_fit_beat){.flows = talks[best - all->pulse],
                       .beats = beats[best - all->pulse],
                       .from = best->way == NP_FIT_OUT ? NP_BEAT_FROM_CLIENT : NP_BEAT_FROM_SERVER,
                       .every = (np_time)(best->every + 0.5),
                       .bytes = best->bytes,
                       .answer_bytes = best->answer};
}

static void count_beats(const work *w, const np_fit_talk *t, const np_fit_pulses *all, uint32_t *talks,
                        uint64_t *beats)
{
    for (uint32_t k = 0; k < all->n; k++) {
        const np_fit_pulse *p = &all->pulse[k];
        uint64_t n = 0;
        if (p->proto != t->who.proto || p->port != t->who.remote_port) continue;
        for (uint32_t i = t->head; i != NP_FIT_NONE; i = w->f->piece[i].next) {
            const np_fit_piece *one = &w->f->piece[i];
            n += one->what == NP_FIT_PIECE_BEAT && one->way == p->way && one->bytes == p->bytes;
        }
        talks[k] += n > 0;
        beats[k] += n;
    }
}

/* ---- a group ---- */

/* When a connection was certainly still there: its end, its last packet when the client has opened another
   since, or the capture's end. */
static np_time end_of(const work *w, uint32_t i, uint32_t end)
{
    const np_fit_talk *t = &w->f->talk[w->member[i].talk];
    if (t->closed != NP_NEVER) return t->closed;
    bool another =
        i + 1 < end && same_client(w, i, i + 1) && w->f->talk[w->member[i + 1].talk].start > t->last;
    return another ? t->last : w->out->last;
}

/* The connections that a client holds at once, at most. Members i..j-1 are its own, by start. */
static uint32_t held_at_once(work *w, uint32_t i, uint32_t j, uint32_t end)
{
    values ends = {0};
    for (uint32_t k = i; k < j; k++) put(w, &ends, (double)end_of(w, k, end));
    if (ends.n > 1) qsort(ends.v, ends.n, sizeof *ends.v, by_value);
    uint32_t most = 0, over = 0;
    for (uint32_t k = i; k < j && !w->out_of_memory; k++) {
        while (over < ends.n && ends.v[over] <= (double)w->f->talk[w->member[k].talk].start) over++;
        if (k - i + 1 - over > most) most = k - i + 1 - over;
    }
    free(ends.v);
    return most;
}

/* Members i..j-1 are one client's. Its rounds go across its connections when it holds several at once, or one
   for each exchange. */
static void read_client(work *w, np_fit_group *g, values *pools, uint32_t i, uint32_t j, uint32_t end)
{
    const np_fit_talk *first = &w->f->talk[w->member[i].talk];
    bool single = g->connection == NP_CONNECTION_PER_REQUEST;
    uint32_t held = single ? 0 : held_at_once(w, i, j, end);
    bool across = single || held > 1;
    if (!single) put(w, pools, held);
    put(w, &w->arrival, first->opened ? (double)(first->start - w->out->first) : 0);
    for (uint32_t k = i; k < j; k++) {
        const np_fit_talk *t = &w->f->talk[w->member[k].talk];
        read_messages(w, t);
        read_exchanges(w, g, t);
        if (!single) read_probes(w, t, &g->keepalive);
        if (!across) read_rounds(w, g, k == i && t->opened ? t->start : 0, end_of(w, k, end));
    }
    if (across) read_rounds(w, g, single || !first->opened ? 0 : first->start, w->out->last);
}

static void clear(work *w)
{
    values *all[] = {&w->open,     &w->closed,  &w->open_cut, &w->closed_cut, &w->count,    &w->request,
                     &w->response, &w->service, &w->arrival,  &w->idle,       &w->interval, &w->given_up};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) all[i]->n = 0;
}

static void fit(work *w, values *v, values *cut, double above, double step, double noise,
                np_fit_quantity *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n; i++)
        if (v->v[i] > above || above == 0) v->v[n++] = v->v[i];
    np_fit_sample s = {.value = v->v,
                       .n = n,
                       .censored = cut ? cut->v : NULL,
                       .m = cut ? cut->n : 0,
                       .above = above,
                       .step = step,
                       .noise = noise};
    if (!np_fit_quantity_of(&s, w->arena, out)) w->out_of_memory = true;
}

/* What rounds wait for. One-way messages and pushes come whatever happens, so does what has a fixed period,
   and what has a name only when it is measured from start to start. */
static void fit_gap(work *w, np_fit_group *g, bool answers)
{
    const double pause = (double)NP_FIT_PAUSE;
    np_fit_quantity closed;
    fit(w, &w->open, &w->open_cut, pause, 0, 0, &g->gap);
    fit(w, &w->closed, &w->closed_cut, pause, 0, 0, &closed);
    bool named = g->gap.dist.kind != NP_DIST_EMPIRICAL,
         fixed = g->gap.dist.kind == NP_DIST_CONSTANT && g->gap.values;
    g->open_loop = g->from_server || !answers || fixed || (named && closed.dist.kind == NP_DIST_EMPIRICAL);
    if (!g->open_loop) g->gap = closed;
}

static void fit_group(work *w, np_fit_group *g, values *pools)
{
    fit(w, &w->request, NULL, 0, 1, 0, &g->request);
    fit(w, &w->response, NULL, 0, 1, 0, &g->response);
    fit(w, &w->service, NULL, 0, 0, SERVICE_NOISE, &g->service);
    fit(w, &w->count, NULL, 0, 1, 0, &g->count);
    bool answers = !(g->response.dist.kind == NP_DIST_CONSTANT && g->response.dist.a == 0);
    fit_gap(w, g, answers);
    if (!answers || g->from_server) g->service.dist = np_dist_constant(0);
    if (g->connection == NP_CONNECTION_PER_REQUEST) {
        /* What shows is the first request, a gap after the arrival. */
        double wait = np_dist_mean(&g->gap.dist);
        for (uint32_t i = 0; i < w->arrival.n; i++) w->arrival.v[i] = fmax(0, w->arrival.v[i] - wait);
    }
    fit(w, &w->arrival, NULL, 0, 0, (double)NP_MILLISECOND, &g->arrival);
    g->pool = (uint32_t)median(pools);
    g->keepalive.idle = (np_time)median(&w->idle);
    g->keepalive.interval = (np_time)median(&w->interval);
    g->keepalive.count = (uint32_t)median(&w->given_up);
}

/* Members i..end-1 are one group. */
static void make_group(work *w, const np_fit_pulses *pulses, uint32_t i, uint32_t end)
{
    static const np_connection connection[STYLES] = {[REQUESTS] = NP_CONNECTION_PER_REQUEST,
                                                     [FROM_CLIENT] = NP_CONNECTION_PERSISTENT,
                                                     [FROM_SERVER] = NP_CONNECTION_PERSISTENT};
    uint32_t talks[NP_FIT_PULSES] = {0};
    uint64_t beats[NP_FIT_PULSES] = {0};
    assert(w->out->groups < NP_FIT_GROUPS);
    np_fit_group *g = &w->out->group[w->out->groups++];
    *g = (np_fit_group){.transport = w->f->talk[w->member[i].talk].who.proto,
                        .connection = connection[w->member[i].style],
                        .from_server = w->member[i].style == FROM_SERVER,
                        .flows = end - i};
    values pools = {0};
    clear(w);
    for (uint32_t j; i < end; i = j) {
        for (j = i + 1; j < end && same_client(w, i, j);) j++;
        g->clients++;
        read_client(w, g, &pools, i, j, end);
        for (uint32_t k = i; k < j; k++) count_beats(w, &w->f->talk[w->member[k].talk], pulses, talks, beats);
    }
    choose_beat(pulses, talks, beats, &g->beat);
    if (!w->out_of_memory) fit_group(w, g, &pools);
    free(pools.v);
}

static bool alike(const work *w, uint32_t i, uint32_t j)
{
    return w->member[i].style == w->member[j].style && w->member[i].proto == w->member[j].proto;
}

/* Connections on which nothing was said join the larger of the persistent groups of their transport. */
static void place_the_silent(work *w)
{
    uint32_t count[2][STYLES] = {{0}};
    for (uint32_t i = 0; i < w->members; i++)
        if (!w->member[i].silent) count[w->member[i].proto == NP_TCP][w->member[i].style]++;
    for (uint32_t i = 0; i < w->members; i++) {
        const uint32_t *c = count[w->member[i].proto == NP_TCP];
        if (w->member[i].silent)
            w->member[i].style = c[FROM_CLIENT] > c[FROM_SERVER] ? FROM_CLIENT : FROM_SERVER;
    }
}

static void free_work(work *w)
{
    values *all[] = {&w->open,     &w->closed,  &w->open_cut, &w->closed_cut, &w->count,    &w->request,
                     &w->response, &w->service, &w->arrival,  &w->idle,       &w->interval, &w->given_up};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->v);
    free(w->message);
    free(w->exchange);
    free(w->member);
}

bool np_fit_groups(const np_fit_flows *f, const np_fit_pulses *pulses, np_arena *arena, np_fit *out)
{
    work w = {.f = f, .out = out, .arena = arena, .member = malloc((f->talks + 1) * sizeof *w.member)};
    if (!w.member) return false;
    for (uint32_t i = 0; i < f->talks; i++)
        if (classify(&w, i, &w.member[w.members])) w.members++;
    place_the_silent(&w);
    qsort(w.member, w.members, sizeof *w.member, by_client);
    for (uint32_t i = 0, j; i < w.members && !w.out_of_memory; i = j) {
        for (j = i + 1; j < w.members && alike(&w, i, j);) j++;
        make_group(&w, pulses, i, j);
    }
    bool ok = !w.out_of_memory;
    free_work(&w);
    return ok;
}
