/*
 * From connections to groups that are used alike, and to the distributions of each. What a connection shows
 * is read by fit_rounds.h; here it is decided to which group the connection belongs, whose clients' rounds go
 * across connections, and what a group's values become.
 */
#include "fit_group.h"
#include "fit_rounds.h"
#include "natpulse/arena.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A connection for one exchange is closed so soon after it. */
#define CLOSES_WITHIN (5 * NP_SECOND)
/* What began so shortly before the capture's end may become anything. */
#define UNDECIDED (35 * NP_SECOND)
/* A datagram flow that has been silent so long does not go on: our choice, and about what boxes take it for.
 */
#define UDP_OVER NP_MINUTE
/* Answers closer than this are equally fast, for all that queues and clocks allow to say. */
#define SERVICE_NOISE ((double)NP_MILLISECOND)

enum { REQUESTS, FROM_CLIENT, FROM_SERVER, STYLES };

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
    np_fit_seen seen;
    member *member;
    uint32_t members;
} work;

static bool has_upkeep(const work *w, const np_fit_talk *t)
{
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = w->f->piece[i].next)
        if (w->f->piece[i].what != NP_FIT_PIECE_DATA) return true;
    return false;
}

/* ---- which group ---- */

static bool one_exchange(const work *w, const np_fit_talk *t)
{
    if (w->seen.messages == 0 || w->seen.messages > 2 || w->seen.message[0].way != NP_FIT_OUT ||
        has_upkeep(w, t))
        return false;
    np_time spoken = w->seen.message[w->seen.messages - 1].last;
    if (t->who.proto == NP_UDP) return w->out->last - spoken > UDP_OVER;
    return t->opened && t->closed != NP_NEVER && t->closed - spoken < CLOSES_WITHIN;
}

/* Who speaks first after a pause. */
static int opener(const work *w)
{
    uint32_t rounds[2] = {0, 0};
    for (uint32_t i = 0; i < w->seen.messages; i++)
        if (i == 0 || w->seen.message[i].first - w->seen.message[i - 1].last >= NP_FIT_PAUSE)
            rounds[w->seen.message[i].way]++;
    return rounds[NP_FIT_IN] > rounds[NP_FIT_OUT] ? FROM_SERVER : FROM_CLIENT;
}

/* False: the connection says nothing about anybody. */
static bool classify(work *w, uint32_t number, member *m)
{
    const np_fit_talk *t = &w->f->talk[number];
    bool tcp = t->who.proto == NP_TCP;
    *m = (member){.client = t->who.local, .start = t->start, .talk = number, .proto = t->who.proto};
    np_fit_read_messages(&w->seen, t);
    if (tcp && t->opened && (!t->heard[NP_FIT_IN] || (t->reset && !t->ack && !w->seen.messages))) {
        w->out->failed++;
        return false;
    }
    if (one_exchange(w, t)) {
        m->style = REQUESTS;
        return true;
    }
    bool upkeep = has_upkeep(w, t);
    if (t->opened && w->seen.messages <= 2 && !upkeep && w->out->last - t->start < UNDECIDED) return false;
    if (w->seen.messages == 0 && t->closed != NP_NEVER && !upkeep && t->closed - t->start < CLOSES_WITHIN)
        return false;
    m->silent = w->seen.messages == 0;
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
    np_fit_values ends = {0};
    for (uint32_t k = i; k < j; k++) np_fit_put(&w->seen, &ends, (double)end_of(w, k, end));
    np_fit_sort(&ends);
    uint32_t most = 0, over = 0;
    for (uint32_t k = i; k < j && !w->seen.out_of_memory; k++) {
        while (over < ends.n && ends.v[over] <= (double)w->f->talk[w->member[k].talk].start) over++;
        if (k - i + 1 - over > most) most = k - i + 1 - over;
    }
    free(ends.v);
    return most;
}

/* Members i..j-1 are one client's. Its rounds go across its connections when it holds several at once, or one
   for each exchange. */
static void read_client(work *w, np_fit_group *g, uint32_t i, uint32_t j, uint32_t end)
{
    const np_fit_talk *first = &w->f->talk[w->member[i].talk];
    bool single = g->connection == NP_CONNECTION_PER_REQUEST;
    uint32_t held = single ? 0 : held_at_once(w, i, j, end);
    bool across = single || held > 1;
    if (!single) np_fit_put(&w->seen, &w->seen.held, held);
    np_fit_put(&w->seen, &w->seen.arrival, first->opened ? (double)(first->start - w->out->first) : 0);
    for (uint32_t k = i; k < j; k++) {
        const np_fit_talk *t = &w->f->talk[w->member[k].talk];
        np_fit_read_messages(&w->seen, t);
        np_fit_read_exchanges(&w->seen, g, t);
        if (!single) np_fit_read_probes(&w->seen, g, t);
        if (!across) np_fit_read_rounds(&w->seen, g, k == i && t->opened ? t->start : 0, end_of(w, k, end));
    }
    if (across) np_fit_read_rounds(&w->seen, g, single || !first->opened ? 0 : first->start, w->out->last);
}
static void fit(work *w, np_fit_values *v, np_fit_values *cut, double above, double step, double noise,
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
    if (!np_fit_quantity_of(&s, w->arena, out)) w->seen.out_of_memory = true;
}

/* What rounds wait for. One-way messages and pushes come whatever happens, so does what has a fixed period,
   and what has a name only when it is measured from start to start. */
static void fit_gap(work *w, np_fit_group *g, bool answers)
{
    const double pause = (double)NP_FIT_PAUSE;
    np_fit_quantity closed;
    fit(w, &w->seen.open, &w->seen.open_cut, pause, 0, 0, &g->gap);
    fit(w, &w->seen.closed, &w->seen.closed_cut, pause, 0, 0, &closed);
    bool named = g->gap.dist.kind != NP_DIST_EMPIRICAL,
         fixed = g->gap.dist.kind == NP_DIST_CONSTANT && g->gap.values;
    g->open_loop = g->from_server || !answers || fixed || (named && closed.dist.kind == NP_DIST_EMPIRICAL);
    if (!g->open_loop) g->gap = closed;
}

static void fit_group(work *w, np_fit_group *g)
{
    fit(w, &w->seen.request, NULL, 0, 1, 0, &g->request);
    fit(w, &w->seen.response, NULL, 0, 1, 0, &g->response);
    fit(w, &w->seen.service, NULL, 0, 0, SERVICE_NOISE, &g->service);
    fit(w, &w->seen.count, NULL, 0, 1, 0, &g->count);
    bool answers = !(g->response.dist.kind == NP_DIST_CONSTANT && g->response.dist.a == 0);
    fit_gap(w, g, answers);
    if (!answers || g->from_server) g->service.dist = np_dist_constant(0);
    if (g->connection == NP_CONNECTION_PER_REQUEST) {
        /* What shows is the first request, a gap after the arrival. */
        double wait = np_dist_mean(&g->gap.dist);
        for (uint32_t i = 0; i < w->seen.arrival.n; i++)
            w->seen.arrival.v[i] = fmax(0, w->seen.arrival.v[i] - wait);
    }
    fit(w, &w->seen.arrival, NULL, 0, 0, (double)NP_MILLISECOND, &g->arrival);
    g->pool = (uint32_t)np_fit_median(&w->seen.held);
    g->keepalive.idle = (np_time)np_fit_median(&w->seen.idle);
    g->keepalive.interval = (np_time)np_fit_median(&w->seen.interval);
    g->keepalive.count = (uint32_t)np_fit_median(&w->seen.given_up);
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
    np_fit_seen_clear(&w->seen);
    for (uint32_t j; i < end; i = j) {
        for (j = i + 1; j < end && same_client(w, i, j);) j++;
        g->clients++;
        read_client(w, g, i, j, end);
        for (uint32_t k = i; k < j; k++) count_beats(w, &w->f->talk[w->member[k].talk], pulses, talks, beats);
    }
    choose_beat(pulses, talks, beats, &g->beat);
    if (!w->seen.out_of_memory) fit_group(w, g);
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
bool np_fit_groups(const np_fit_flows *f, const np_fit_pulses *pulses, np_arena *arena, np_fit *out)
{
    work w = {.f = f,
              .seen = {.f = f, .access = out->access, .core = out->core},
              .out = out,
              .arena = arena,
              .member = malloc((f->talks + 1) * sizeof *w.member)};
    if (!w.member) return false;
    for (uint32_t i = 0; i < f->talks; i++)
        if (classify(&w, i, &w.member[w.members])) w.members++;
    place_the_silent(&w);
    qsort(w.member, w.members, sizeof *w.member, by_client);
    for (uint32_t i = 0, j; i < w.members && !w.seen.out_of_memory; i = j) {
        for (j = i + 1; j < w.members && alike(&w, i, j);) j++;
        make_group(&w, pulses, i, j);
    }
    bool ok = !w.seen.out_of_memory;
    np_fit_seen_free(&w.seen);
    free(w.member);
    return ok;
}
