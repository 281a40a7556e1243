/*
 * Heartbeats found by their regularity.
 *
 * A connection shows a heartbeat in a direction when the most frequent size among its small segments there
 * comes PULSE_LEAST times or more and three quarters of the gaps lie within a tenth of their median. Where
 * both directions show one with the same period, one answers the other: the one that follows sooner.
 *
 * Among many connections some keep time by chance: of exponential gaps 7 % lie within a tenth of any given
 * one, so that one connection in a hundred with four messages looks like a clock. So a rhythm is believed
 * only when it holds for the messages of that size in all connections to that port. Then all of them are
 * marked, those too that did not live long enough to show a rhythm.
 */
#include "fit_upkeep.h"

#include <math.h>
#include <stdlib.h>

#define PULSE_LEAST    4
#define PULSE_REGULAR  0.75                /* share of the gaps */
#define PULSE_SPREAD   0.1                 /* of the median gap */
#define PULSE_SHORTEST ((double)NP_SECOND) /* what repeats faster is a stream, not upkeep */
#define PULSE_COMMON   0.6                 /* share of all gaps that keep one of the rhythms found */
#define PULSE_RARE     0.2                 /* with less, that rhythm is chance */

typedef struct beat {
    np_time when;
    uint32_t bytes;
} beat;

typedef struct scratch {
    beat *beat;
    double *gap;
    uint32_t n, room;
} scratch;

static bool is_small(const np_fit_piece *p, int way)
{
    return p->what == NP_FIT_PIECE_DATA && p->way == way && p->bytes == p->tail && p->bytes <= NP_FIT_SMALL;
}

static bool collect(const np_fit_flows *f, const np_fit_talk *t, int way, scratch *s)
{
    s->n = 0;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = f->piece[i].next) {
        const np_fit_piece *p = &f->piece[i];
        if (!is_small(p, way)) continue;
        if (s->n == s->room) {
            uint32_t room = s->room ? 2 * s->room : 256;
            beat *beats = realloc(s->beat, room * sizeof *beats);
            if (beats) s->beat = beats;
            double *gaps = realloc(s->gap, room * sizeof *gaps);
            if (gaps) s->gap = gaps;
            if (!beats || !gaps) return false;
            s->room = room;
        }
        s->beat[s->n++] = (beat){p->first, p->bytes};
    }
    return true;
}

/* The most frequent size; the smaller of equals. */
static uint32_t frequent(const scratch *s)
{
    uint32_t count[NP_FIT_SMALL + 1] = {0}, best = 0;
    for (uint32_t i = 0; i < s->n; i++) count[s->beat[i].bytes]++;
    for (uint32_t b = 1; b <= NP_FIT_SMALL; b++)
        if (count[b] > count[best]) best = b;
    return count[best] >= PULSE_LEAST ? best : 0;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The period of what one direction shows, and its size; 0: no rhythm. */
static double rhythm(scratch *s, uint32_t *bytes)
{
    *bytes = frequent(s);
    if (!*bytes) return 0;
    uint32_t n = 0, regular = 0;
    np_time before = -1;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->beat[i].bytes != *bytes) continue;
        if (before >= 0) s->gap[n++] = (double)(s->beat[i].when - before);
        before = s->beat[i].when;
    }
    qsort(s->gap, n, sizeof *s->gap, by_value);
    double median = s->gap[n / 2];
    for (uint32_t i = 0; i < n; i++) regular += fabs(s->gap[i] - median) <= PULSE_SPREAD * median;
    return median >= PULSE_SHORTEST && regular >= PULSE_REGULAR * n ? median : 0;
}

/* Median time from a piece of that size to the next one the other way; a large number when none follows. */
static double delay(const np_fit_flows *f, const np_fit_talk *t, int way, uint32_t bytes, uint32_t answer,
                    scratch *s)
{
    uint32_t n = 0;
    np_time asked = -1;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = f->piece[i].next) {
        const np_fit_piece *p = &f->piece[i];
        if (is_small(p, way) && p->bytes == bytes) asked = p->first;
        if (asked < 0 || !is_small(p, !way) || p->bytes != answer) continue;
        if (n < s->room) s->gap[n++] = (double)(p->first - asked);
        asked = -1;
    }
    if (!n) return INFINITY;
    qsort(s->gap, n, sizeof *s->gap, by_value);
    return s->gap[n / 2];
}

static void found(np_fit_pulses *all, const np_fit_talk *t, int way, uint32_t bytes, uint32_t answer,
                  double every)
{
    for (uint32_t i = 0; i < all->n; i++) {
        np_fit_pulse *p = &all->pulse[i];
        if (p->proto != t->who.proto || p->way != way || p->port != t->who.remote_port || p->bytes != bytes ||
            fabs(p->every - every) > PULSE_SPREAD * every)
            continue;
        p->every += (every - p->every) / ++p->talks;
        if (!p->answer) p->answer = answer;
        return;
    }
    uint32_t place = all->n;
    if (place == NP_FIT_PULSES) { /* one that a single connection showed may have been chance */
        for (place = 0; place < NP_FIT_PULSES && all->pulse[place].talks > 1;) place++;
        if (place == NP_FIT_PULSES) return;
    } else {
        all->n++;
    }
    all->pulse[place] = (np_fit_pulse){.proto = t->who.proto,
                                       .way = (uint8_t)way,
                                       .port = t->who.remote_port,
                                       .bytes = bytes,
                                       .answer = answer,
                                       .every = every,
                                       .talks = 1};
}

static bool examine(const np_fit_flows *f, const np_fit_talk *t, scratch *s, np_fit_pulses *all)
{
    double every[2];
    uint32_t bytes[2];
    for (int way = 0; way < 2; way++) {
        if (!collect(f, t, way, s)) return false;
        every[way] = rhythm(s, &bytes[way]);
    }
    bool both = every[0] > 0 && every[1] > 0;
    if (both && fabs(every[0] - every[1]) <= PULSE_SPREAD * every[0]) {
        double out = delay(f, t, NP_FIT_OUT, bytes[0], bytes[1], s),
               in = delay(f, t, NP_FIT_IN, bytes[1], bytes[0], s);
        int asks = out <= in ? NP_FIT_OUT : NP_FIT_IN;
        found(all, t, asks, bytes[asks], bytes[!asks], every[asks]);
        return true;
    }
    for (int way = 0; way < 2; way++)
        if (every[way] > 0) found(all, t, way, bytes[way], 0, every[way]);
    return true;
}

static bool is_of(const np_fit_pulse *p, const np_fit_talk *t)
{
    return p->proto == t->who.proto && p->port == t->who.remote_port;
}

/* Counts the gaps between pieces of the pulse's size in one connection, and those that keep its rhythm. */
static void keep_time(const np_fit_flows *f, const np_fit_talk *t, const np_fit_pulse *p, uint64_t *gaps,
                      uint64_t *regular)
{
    np_time before = -1;
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = f->piece[i].next) {
        const np_fit_piece *one = &f->piece[i];
        if (!is_small(one, p->way) || one->bytes != p->bytes) continue;
        if (before >= 0) {
            ++*gaps;
            *regular += fabs((double)(one->first - before) - p->every) <= PULSE_SPREAD * p->every;
        }
        before = one->first;
    }
}

static bool alike(const np_fit_pulse *a, const np_fit_pulse *b)
{
    return a->proto == b->proto && a->way == b->way && a->port == b->port && a->bytes == b->bytes;
}

/* Takes away the rhythms that are kept by chance. */
static void confirm(const np_fit_flows *f, np_fit_pulses *all)
{
    double share[NP_FIT_PULSES] = {0};
    for (uint32_t k = 0; k < all->n; k++) {
        uint64_t gaps = 0, regular = 0;
        for (uint32_t i = 0; i < f->talks; i++)
            if (is_of(&all->pulse[k], &f->talk[i]))
                keep_time(f, &f->talk[i], &all->pulse[k], &gaps, &regular);
        share[k] = gaps ? (double)regular / (double)gaps : 0;
    }
    bool holds[NP_FIT_PULSES];
    for (uint32_t k = 0; k < all->n; k++) {
        double common = 0; /* of all rhythms of such pieces */
        for (uint32_t i = 0; i < all->n; i++)
            if (alike(&all->pulse[i], &all->pulse[k]) && share[i] >= PULSE_RARE) common += share[i];
        holds[k] = share[k] >= PULSE_RARE && common >= PULSE_COMMON;
    }
    uint32_t n = 0;
    for (uint32_t k = 0; k < all->n; k++)
        if (holds[k]) all->pulse[n++] = all->pulse[k];
    all->n = n;
}

static void mark(np_fit_flows *f, const np_fit_talk *t, const np_fit_pulse *p)
{
    uint32_t waiting = 0; /* beats without an answer */
    for (uint32_t i = t->head; i != NP_FIT_NONE; i = f->piece[i].next) {
        np_fit_piece *one = &f->piece[i];
        if (is_small(one, p->way) && one->bytes == p->bytes) {
            one->what = NP_FIT_PIECE_BEAT;
            waiting++;
        } else if (waiting && p->answer && is_small(one, !p->way) && one->bytes == p->answer) {
            one->what = NP_FIT_PIECE_ANSWER;
            waiting--;
        }
    }
}

bool np_fit_find_pulses(np_fit_flows *f, np_fit_pulses *out)
{
    scratch s = {0};
    bool ok = true;
    *out = (np_fit_pulses){0};
    for (uint32_t i = 0; ok && i < f->talks; i++) ok = examine(f, &f->talk[i], &s, out);
    if (ok) confirm(f, out);
    for (uint32_t i = 0; ok && i < f->talks; i++)
        for (uint32_t k = 0; k < out->n; k++)
            if (is_of(&out->pulse[k], &f->talk[i])) mark(f, &f->talk[i], &out->pulse[k]);
    free(s.beat);
    free(s.gap);
    return ok;
}
