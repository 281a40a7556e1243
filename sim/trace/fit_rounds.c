/* What a connection shows of its workload. See fit_rounds.h. */
#include "fit_rounds.h"

#include <math.h>
#include <stdlib.h>

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

void np_fit_put(np_fit_seen *s, np_fit_values *to, double x)
{
    if (room_for((void **)&to->v, to->n, &to->room, sizeof *to->v))
        to->v[to->n++] = x;
    else
        s->out_of_memory = true;
}
static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void np_fit_sort(np_fit_values *v)
{
    if (v->n > 1) qsort(v->v, v->n, sizeof *v->v, by_value);
}

double np_fit_median(np_fit_values *v)
{
    np_fit_sort(v);
    return v->n ? v->v[v->n / 2] : 0;
}

/* ---- memory ---- */

#define EACH_VALUES(s)                                                                                       \
    {                                                                                                        \
        &(s)->open, &(s)->closed, &(s)->open_cut, &(s)->closed_cut, &(s)->count, &(s)->request,              \
            &(s)->response, &(s)->service, &(s)->arrival, &(s)->held, &(s)->idle, &(s)->interval,            \
            &(s)->given_up                                                                                   \
    }

void np_fit_seen_clear(np_fit_seen *s)
{
    np_fit_values *all[] = EACH_VALUES(s);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) all[i]->n = 0;
}

void np_fit_seen_free(np_fit_seen *s)
{
    np_fit_values *all[] = EACH_VALUES(s);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->v);
    free(s->message);
    free(s->exchange);
}

/* ---- messages ---- */

void np_fit_read_messages(np_fit_seen *s, const np_fit_talk *t)
{
    s->messages = 0;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = s->f->piece[i].next) {
        const np_fit_piece *p = &s->f->piece[i];
        if (p->what != NP_FIT_PIECE_DATA) continue;
        np_fit_message *last = s->messages ? &s->message[s->messages - 1] : NULL;
        if (last && last->way == p->way && p->first - last->last < NP_FIT_PAUSE) {
            last->last = p->last;
            last->bytes += p->bytes;
            continue;
        }
        if (!room_for((void **)&s->message, s->messages, &s->message_room, sizeof *s->message)) {
            s->out_of_memory = true;
            return;
        }
        s->message[s->messages++] = (np_fit_message){p->first, p->last, p->bytes, p->way};
    }
}
/* ---- exchanges and rounds ---- */

static void note_exchange(np_fit_seen *s, np_fit_group *g, np_time first, const np_fit_message *request,
                          const np_fit_message *answer, bool may_come)
{
    np_time there = 2 * (g->from_server ? s->access : s->core);
    if (!room_for((void **)&s->exchange, s->exchanges, &s->exchange_room, sizeof *s->exchange)) {
        s->out_of_memory = true;
        return;
    }
    s->exchange[s->exchanges++] = (np_fit_exchange){first, answer ? answer->last : request->last};
    g->exchanges++;
    np_fit_put(s, &s->request, request->bytes);
    if (answer) np_fit_put(s, &s->service, fmax(0, (double)(answer->first - request->last - there)));
    if (answer || !may_come) np_fit_put(s, &s->response, answer ? answer->bytes : 0);
}

/* The exchanges in one connection's messages. A connection for a single one stands in time where it began. */
void np_fit_read_exchanges(np_fit_seen *s, np_fit_group *g, const np_fit_talk *t)
{
    int opens = g->from_server ? NP_FIT_IN : NP_FIT_OUT;
    bool single = g->connection == NP_CONNECTION_PER_REQUEST;
    for (uint32_t i = 0; i < s->messages; i++) {
        const np_fit_message *m = &s->message[i];
        if (m->way != opens) {
            g->passed_over++;
            continue;
        }
        const np_fit_message *answer =
            i + 1 < s->messages && s->message[i + 1].way != opens ? &s->message[i + 1] : NULL;
        if (answer && g->from_server && answer->first - m->last >= NP_FIT_PAUSE) answer = NULL;
        note_exchange(s, g, single ? t->start : m->first, m, answer, !single && i + 1 == s->messages);
        if (answer) i++;
    }
}

static int by_first(const void *left, const void *right)
{
    const np_fit_exchange *a = left, *b = right;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* The rounds of the exchanges that were noted, and the gaps before, between and behind them. `since`: where
   the gap of the first begins, 0: nobody knows; `end`: nothing more shows afterwards. Takes the exchanges
   away. */
void np_fit_read_rounds(np_fit_seen *s, np_fit_group *g, np_time since, np_time end)
{
    np_time to_client = g->from_server ? 0 : 2 * s->access;
    np_time open = since, closed = since; /* where the present gap begins, by either rule */
    if (s->exchanges > 1) qsort(s->exchange, s->exchanges, sizeof *s->exchange, by_first);
    for (uint32_t i = 0, j; i < s->exchanges; i = j) {
        np_time first = s->exchange[i].first, over = s->exchange[i].end;
        for (j = i + 1; j < s->exchanges && s->exchange[j].first - over < NP_FIT_PAUSE; j++)
            if (s->exchange[j].end > over) over = s->exchange[j].end;
        if (open) {
            np_fit_put(s, &s->open, (double)(first - open));
            np_fit_put(s, &s->closed, (double)(first - closed - (i > 0 ? to_client : 0)));
        }
        np_fit_put(s, &s->count, j - i);
        g->rounds++;
        open = first;
        closed = over;
    }
    if (open && end > open) np_fit_put(s, &s->open_cut, (double)(end - open));
    if (closed && end > closed) np_fit_put(s, &s->closed_cut, (double)(end - closed));
    s->exchanges = 0;
}

/* ---- keepalive ---- */

void np_fit_read_probes(np_fit_seen *s, np_fit_group *g, const np_fit_talk *t)
{
    np_fit_keepalive *k = &g->keepalive;
    np_time before[2] = {0, 0}; /* the last probe, by direction */
    uint32_t run[2] = {0, 0}, seen = 0;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = s->f->piece[i].next) {
        const np_fit_piece *p = &s->f->piece[i];
        if (p->what != NP_FIT_PIECE_PROBE) continue;
        np_time silent = p->last - p->first, trip = 2 * (p->way == NP_FIT_OUT ? s->access : s->core);
        seen++;
        if (before[p->way] && p->first - silent < before[p->way]) {
            np_fit_put(s, &s->interval, (double)(p->first - before[p->way]));
            run[p->way]++;
        } else {
            if (silent > trip) np_fit_put(s, &s->idle, (double)(silent - trip));
            run[p->way] = 1;
        }
        before[p->way] = p->first;
        *(p->way == NP_FIT_OUT ? &k->from_client : &k->from_server) = true;
    }
    if (!seen) return;
    k->flows++;
    k->probes += seen;
    int gave_up = t->reset_by_client ? NP_FIT_OUT : NP_FIT_IN;
    if (t->reset && run[gave_up] > 1 && t->closed >= t->last) np_fit_put(s, &s->given_up, run[gave_up]);
}
