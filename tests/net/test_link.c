/*
 * Links against closed forms.
 *
 * Counts must lie within 5 standard deviations of their binomial (by chance wrong less than once in 10^6), a
 * chi-square of k degrees of freedom within 6 standard deviations of k.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/link.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 1;
static np_key key;

static void within_binomial(const char *what, double count, double n, double p)
{
    double off = (count - n * p) / sqrt(n * p * (1 - p));
    if (!(fabs(off) <= 5)) {
        fail_msg("%s: %.0f of %.0f is %.6f, want %.6f: %.1f standard deviations", what, count, n, count / n,
                 p, off);
    }
}

static bool arrives(np_link *l, const np_link_config *c, np_time now)
{
    return np_link_send(l, c, key, now, 100) != NP_LOST;
}

/* ---- delay, order, loss masks ---- */

static void takes_its_delay(void **state)
{
    np_link_config c = {.delay = 25 * NP_MILLISECOND};
    np_link l;
    (void)state;
    np_link_init(&l, &c, key, 1);
    for (np_time t = 0; t < NP_SECOND; t += 777777)
        assert_int_equal(np_link_send(&l, &c, key, t, 1500), t + c.delay);

    c.jitter = np_dist_constant(5e6);
    assert_int_equal(np_link_send(&l, &c, key, NP_SECOND, 1500), NP_SECOND + 30 * NP_MILLISECOND);
}

static void loses_by_mask(void **state)
{
    np_link_config c = {.loss_kind = NP_LOSS_MASK, .mask = UINT64_C(1) << 63 | 0x16};
    np_link l, other;
    (void)state;
    np_link_init(&l, &c, key, 1);
    np_link_init(&other, &c, key, 2);
    for (uint32_t i = 0; i < 200; ++i) {
        assert_int_equal(arrives(&l, &c, i), !(i == 1 || i == 2 || i == 4 || i == 63));
    }
    assert_true(arrives(&other, &c, 200)); /* each link counts its own */
    assert_false(arrives(&other, &c, 201));
}

static void keeps_order_under_jitter(void **state)
{
    np_link_config c = {.delay = NP_MILLISECOND, .jitter = {.kind = NP_DIST_EXPONENTIAL, .a = 50e6}};
    np_link l;
    np_time last = 0;
    int held = 0;
    (void)state;
    np_link_init(&l, &c, key, 1);
    for (np_time t = 0; t < 10 * NP_SECOND; t += NP_MILLISECOND) {
        np_time at = np_link_send(&l, &c, key, t, 100);
        assert_true(at >= last && at >= t + c.delay);
        held += at == last;
        last = at;
    }
    assert_true(held > 1000); /* there was something to keep in order */

    /* Far apart nothing is held, and the jitter is what was asked for. */
    double sum = 0;
    enum { N = 20000 };
    for (int i = 1; i <= N; ++i) {
        np_time t = i * NP_HOUR;
        sum += (double)(np_link_send(&l, &c, key, t, 100) - t - c.delay);
    }
    assert_true(fabs(sum / N - 50e6) < 5 * 50e6 / sqrt(N));
}

static void says_when_it_is_fifo(void **state)
{
    (void)state;
    assert_true(
        np_link_is_fifo(&(np_link_config){.delay = 5, .loss_kind = NP_LOSS_GILBERT, .outages = true}));
    assert_false(np_link_is_fifo(&(np_link_config){.rate = 1e6}));
    assert_false(np_link_is_fifo(&(np_link_config){.jitter = {.kind = NP_DIST_UNIFORM, .b = 5}}));
    assert_false(np_link_is_fifo(&(np_link_config){.jitter = np_dist_constant(1)}));
}

/* ---- independent loss ---- */

static void loses_independently(void **state)
{
    static const double losses[] = {0.001, 0.01, 0.2, 0.5, 0.99};
    enum { N = 200000 };
    (void)state;
    for (uint32_t i = 0; i < 5; ++i) {
        np_link_config c = {.loss_kind = NP_LOSS_INDEPENDENT, .loss = losses[i]};
        np_link l;
        int lost = 0, twice = 0;
        bool before = false;
        np_link_init(&l, &c, key, i);
        for (int k = 0; k < N; ++k) {
            bool now = !arrives(&l, &c, (np_time)k * 1000);
            lost += now;
            twice += now && before;
            before = now;
        }
        within_binomial("lost", lost, N, losses[i]);
        /* Neighbouring pairs overlap: the variance is N p^2 (1 + 2p - 3p^2). */
        double p = losses[i], deviation = sqrt(N * p * p * (1 + 2 * p - 3 * p * p));
        assert_true(fabs(twice - N * p * p) < 5 * deviation + 5);
    }
}

/* Packets of one nanosecond have fates of their own: the number lost of each ten is binomial. */
static void bursts_of_one_instant(void **state)
{
    enum { N = 50000, BURST = 10 };
    np_link_config c = {.loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.3};
    np_link l;
    int seen[BURST + 1] = {0};
    (void)state;
    np_link_init(&l, &c, key, 1);
    for (int i = 0; i < N; ++i) {
        int lost = 0;
        for (int k = 0; k < BURST; ++k) lost += !arrives(&l, &c, i * NP_MILLISECOND);
        ++seen[lost];
    }
    double chi = 0, rest_seen = N, rest_want = N, choose = 1;
    for (int k = 0; k <= 7; ++k) { /* 8 and more are taken together */
        double want = N * choose * pow(0.3, k) * pow(0.7, BURST - k);
        chi += (seen[k] - want) * (seen[k] - want) / want;
        rest_seen -= seen[k];
        rest_want -= want;
        choose *= (double)(BURST - k) / (k + 1);
    }
    chi += (rest_seen - rest_want) * (rest_seen - rest_want) / rest_want;
    assert_true(fabs(chi - 8) < 6 * sqrt(2 * 8));
}

static void certain_losses(void **state)
{
    np_link_config c = {.burst = NP_SECOND};
    np_link l;
    (void)state;
    for (int kind = NP_LOSS_INDEPENDENT; kind <= NP_LOSS_GILBERT; ++kind) {
        for (int loss = 0; loss <= 1; ++loss) {
            c.loss_kind = (np_loss_kind)kind;
            c.loss = loss;
            np_link_init(&l, &c, key, 3);
            for (int i = 0; i < 1000; ++i) assert_int_equal(arrives(&l, &c, i * NP_SECOND), !loss);
        }
    }
}

/* ---- Gilbert loss ---- */

/* Two looks at each of many links, T apart: each finds the share `loss` bad, and both are bad with
   probability p^2 + p (1 - p) exp(-(a + b) T), where b = 1/burst and a = b p / (1 - p). From time 0 on. */
static void gilbert_is_correlated_in_time(void **state)
{
    static const np_time apart[] = {
        1,        10 * NP_MILLISECOND, 100 * NP_MILLISECOND, 400 * NP_MILLISECOND, NP_SECOND, 3 * NP_SECOND,
        NP_MINUTE};
    static const double losses[] = {0.01, 0.2, 0.7};
    enum { N = 60000 };
    (void)state;
    for (uint32_t k = 0; k < 3; ++k) {
        double p = losses[k];
        np_link_config c = {.loss_kind = NP_LOSS_GILBERT, .loss = p, .burst = 400 * NP_MILLISECOND};
        double b = 1 / np_seconds(c.burst), a = b * p / (1 - p);
        for (uint32_t i = 0; i < sizeof apart / sizeof *apart; ++i) {
            for (np_time start = 0; start <= NP_HOUR; start += NP_HOUR) {
                int first = 0, second = 0, both = 0;
                for (uint32_t e = 0; e < N; ++e) {
                    np_link l;
                    np_link_init(&l, &c, key, e + i * N + k * 10 * N);
                    bool x = !arrives(&l, &c, start), y = !arrives(&l, &c, start + apart[i]);
                    first += x;
                    second += y;
                    both += x && y;
                }
                within_binomial("bad at first", first, N, p);
                within_binomial("bad at second", second, N, p);
                within_binomial("bad at both", both, N,
                                p * p + p * (1 - p) * exp(-(a + b) * np_seconds(apart[i])));
            }
        }
    }
}

/* One link watched closely: looked at every d, a two-state chain stays bad with probability
   s = p + (1 - p) exp(-(a + b) d), so runs of bad looks are geometric, and their mean length is 1/(1 - s).
   That is the memorylessness of spells, and their mean. */
static void gilbert_spells_are_exponential(void **state)
{
    enum { LOOKS = 4000000, LONGEST = 20 };
    const double p = 0.1;
    np_link_config c = {.loss_kind = NP_LOSS_GILBERT, .loss = p, .burst = 400 * NP_MILLISECOND};
    np_time d = 100 * NP_MILLISECOND;
    double rate = 1 / np_seconds(c.burst) / (1 - p); /* a + b */
    double s = p + (1 - p) * exp(-rate * np_seconds(d));
    double runs = 0, bad = 0, seen[LONGEST + 1] = {0};
    int run = 0;
    np_link l;
    (void)state;
    np_link_init(&l, &c, key, 5);
    for (int i = 0; i < LOOKS; ++i) {
        if (!arrives(&l, &c, i * d)) {
            ++run;
            ++bad;
        } else if (run > 0) {
            ++runs;
            ++seen[run < LONGEST ? run : LONGEST];
            run = 0;
        }
    }
    /* A share of dependent looks: the variance is larger by the chain's correlation, (1 + r)/(1 - r). */
    double r = exp(-rate * np_seconds(d));
    assert_true(fabs(bad / LOOKS - p) < 5 * sqrt(p * (1 - p) / LOOKS * (1 + r) / (1 - r)));

    double mean = bad / runs, want_mean = 1 / (1 - s);
    assert_true(fabs(mean / want_mean - 1) < 5 * sqrt(s / runs)); /* geometric: deviation sqrt(s)/(1-s) */
    /* In time: a spell's mean from the mean run of looks, by the same closed form, is the burst asked for. */
    double burst = -np_seconds(d) / log((1 - 1 / mean - p) / (1 - p)) / (1 - p);
    assert_true(fabs(burst / np_seconds(c.burst) - 1) < 0.05);

    double chi = 0;
    for (int k = 1; k <= LONGEST; ++k) {
        double want = runs * pow(s, k - 1) * (k < LONGEST ? 1 - s : 1);
        chi += (seen[k] - want) * (seen[k] - want) / want;
    }
    assert_true(fabs(chi - (LONGEST - 1)) < 6 * sqrt(2.0 * (LONGEST - 1)));
}

/* ---- the same fate for whoever asks ---- */

/* One link is asked all the time, its twin now and then: they agree whenever both are asked. */
static void shared_moments_share_fate(void **state)
{
    const np_link_config configs[] = {
        {.loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.5, .jitter = {.kind = NP_DIST_UNIFORM, .b = 1000}},
        {.loss_kind = NP_LOSS_GILBERT, .loss = 0.4, .burst = 20 * NP_MILLISECOND},
        {.loss_kind = NP_LOSS_GILBERT, .loss = 0.4, .burst = 20 * NP_SECOND},
        {.loss_kind = NP_LOSS_GILBERT, .loss = 0.4, .burst = 7},
        {.outages = true,
         .up = {.kind = NP_DIST_EXPONENTIAL, .a = 3e9},
         .down = {.kind = NP_DIST_UNIFORM, .a = 1e8, .b = 5e9}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof configs / sizeof *configs; ++i) {
        const np_link_config *c = &configs[i];
        np_stream s = np_stream_make(np_key_make(seed, 99), (uint32_t)i, 1);
        int lost = 0, both = 0;
        for (uint32_t entity = 0; entity < 20; ++entity) {
            np_link often, rarely;
            np_link_init(&often, c, key, entity);
            np_link_init(&rarely, c, key, entity);
            np_time t = 0;
            for (int k = 0; k < 5000; ++k) {
                uint64_t r = np_stream_next(&s);
                t += 1001 + (np_time)(np_stream_next(&s) >> (30 + r % 30));
                np_time at = np_link_send(&often, c, key, t, 100);
                if (r >> 60 != 0) continue;
                assert_true(np_link_send(&rarely, c, key, t, 1500) == at);
                ++both;
                lost += at == NP_LOST;
            }
        }
        assert_true(both > 1000 && lost > both / 5 && lost < both * 4 / 5);
    }
}

static void links_are_independent(void **state)
{
    const np_link_config configs[] = {
        {.loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.5},
        {.loss_kind = NP_LOSS_GILBERT, .loss = 0.5, .burst = NP_SECOND},
        {.outages = true, .up = np_dist_constant(1e9), .down = np_dist_constant(1e9)},
    };
    enum { N = 20000 };
    (void)state;
    for (size_t i = 0; i < sizeof configs / sizeof *configs; ++i) {
        int same = 0;
        for (uint32_t e = 0; e < N; ++e) {
            np_link a, b;
            np_link_init(&a, &configs[i], key, 2 * e);
            np_link_init(&b, &configs[i], key, 2 * e + 1);
            same += arrives(&a, &configs[i], NP_MINUTE) == arrives(&b, &configs[i], NP_MINUTE);
        }
        within_binomial("two links of one fate", same, N, 0.5);
    }
}

/* ---- outages ---- */

/* The two directions of a line are down at the same times, and lose packets each by itself; the time of the
   next change is exact. */
static void directions_share_outages(void **state)
{
    const np_link_config c = {.loss_kind = NP_LOSS_INDEPENDENT,
                              .loss = 0.5,
                              .outages = true,
                              .up = {.kind = NP_DIST_EXPONENTIAL, .a = 7e9},
                              .down = {.kind = NP_DIST_UNIFORM, .a = 1e9, .b = 5e9}};
    enum { N = 4000 };
    int same = 0, both_up = 0;
    (void)state;
    for (uint32_t e = 0; e < N; ++e) {
        np_link up, down;
        np_link_init(&up, &c, key, e);
        np_link_init(&down, &c, key, e | NP_LINK_DOWN);
        for (np_time now = 0; now < NP_MINUTE;) {
            bool is_up = np_link_up(&up, &c, key, now);
            assert_int_equal(np_link_up(&down, &c, key, now), is_up);
            np_time next = np_link_next_change(&up);
            assert_true(next > now && np_link_next_change(&down) == next);
            assert_int_equal(np_link_up(&up, &c, key, next - 1), is_up);
            assert_int_equal(np_link_up(&up, &c, key, next), !is_up);
            now = next;
        }
        np_time later = 2 * NP_MINUTE;
        if (!np_link_up(&up, &c, key, later)) continue;
        both_up++;
        same += arrives(&up, &c, later) == arrives(&down, &c, later);
    }
    within_binomial("two directions of one fate", same, both_up, 0.5);
}

/* The share of links that are down is down/(up + down) at time 0 as at any other. */
static void outages_are_stationary(void **state)
{
    static const np_dist spells[] = {
        {.kind = NP_DIST_CONSTANT, .a = 4e9},          {.kind = NP_DIST_UNIFORM, .a = 1e9, .b = 9e9},
        {.kind = NP_DIST_EXPONENTIAL, .a = 6e9},       {.kind = NP_DIST_WEIBULL, .a = 5e9, .b = 0.7},
        {.kind = NP_DIST_LOGNORMAL, .a = 3e9, .b = 1},
    };
    static const np_time moments[] = {0, NP_SECOND, 4 * NP_SECOND, 15 * NP_SECOND, 200 * NP_SECOND};
    enum { N = 20000, KINDS = sizeof spells / sizeof *spells };
    (void)state;
    for (uint32_t u = 0; u < KINDS; ++u) {
        for (uint32_t d = 0; d < KINDS; ++d) {
            np_link_config c = {.outages = true, .up = spells[u], .down = spells[d]};
            double up = np_dist_mean(&c.up), down = np_dist_mean(&c.down);
            int lost[5] = {0};
            for (uint32_t e = 0; e < N; ++e) {
                np_link l;
                np_link_init(&l, &c, key, e + (u * KINDS + d) * N);
                for (int m = 0; m < 5; ++m) {
                    bool is_up = np_link_up(&l, &c, key, moments[m]);
                    assert_int_equal(arrives(&l, &c, moments[m]), is_up);
                    lost[m] += !is_up;
                }
            }
            for (int m = 0; m < 5; ++m) {
                char what[64];
                snprintf(what, sizeof what, "spells %u and %u, moment %d: down", u, d, m);
                within_binomial(what, lost[m], N, down / (up + down));
            }
        }
    }
}

/* Constant spells, watched: each lasts what it should. */
static void outages_last(void **state)
{
    np_link_config c = {.outages = true, .up = np_dist_constant(10e6), .down = np_dist_constant(3e6)};
    np_link l;
    bool before = true;
    np_time since = -1;
    int spells = 0;
    (void)state;
    np_link_init(&l, &c, key, 4);
    for (np_time t = 0; t < NP_SECOND; t += NP_MICROSECOND) {
        bool up = np_link_up(&l, &c, key, t);
        if (t > 0 && up != before) {
            if (since >= 0)
                assert_true(llabs(t - since - (before ? 10 : 3) * NP_MILLISECOND) <= NP_MICROSECOND);
            since = t;
            ++spells;
        }
        before = up;
    }
    assert_in_range(spells, 152, 156);

    c.outages = false;
    np_link_init(&l, &c, key, 4);
    assert_true(np_link_up(&l, &c, key, NP_HOUR));
}

/* ---- rate ---- */

static void rate_spaces_packets(void **state)
{
    static const double rates[] = {64e3, 1e6, 7e6, 1e9, 9.7e9};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; ++i) {
        np_link_config c = {.delay = 10 * NP_MILLISECOND, .rate = rates[i], .queue = 1500 * 1000};
        np_link l;
        np_link_init(&l, &c, key, 1);
        for (int n = 1; n <= 1000; ++n) { /* all at once: the n-th leaves after n packets' bits */
            np_time want = 5 + c.delay + (np_time)llround(n * 1500 * 8 / rates[i] * 1e9);
            np_time at = np_link_send(&l, &c, key, 5, 1500);
            if (llabs(at - want) > 1)
                fail_msg("packet %d at %g bit/s: %lld, want %lld", n, rates[i], (long long)at,
                         (long long)want);
        }
        /* The queue holds a thousand and is full. */
        assert_true(np_link_send(&l, &c, key, 5, 1500) == NP_LOST);
        assert_true(np_link_send(&l, &c, key, 5, 40) == NP_LOST);
        /* When one packet has left there is room for one, and not for two. */
        np_time later = 5 + (np_time)ceil(1500 * 8 / rates[i] * 1e9);
        assert_true(np_link_send(&l, &c, key, later, 1500) != NP_LOST);
        assert_true(np_link_send(&l, &c, key, later, 1500) == NP_LOST);
        /* Long after, the link is free. */
        np_time at = np_link_send(&l, &c, key, NP_HOUR, 1000);
        assert_true(llabs(at - NP_HOUR - c.delay - (np_time)llround(8000 / rates[i] * 1e9)) <= 1);
    }
}

/* Against a queue of packets kept one by one. */
static void rate_against_a_queue(void **state)
{
    enum { N = 20000 };
    static double leaves[N];
    static uint32_t size[N];
    np_link_config c = {.rate = 3e6, .queue = 20000};
    np_stream s = np_stream_make(np_key_make(seed, 6), 0, 1);
    np_link l;
    int queued = 0, head = 0, lost = 0;
    np_time t = 0;
    (void)state;
    np_link_init(&l, &c, key, 1);
    for (int i = 0; i < N; ++i) {
        uint64_t r = np_stream_next(&s);
        t += (np_time)(r % 4 == 0 ? r >> 8 & 0xffffff : r >> 8 & 0x3ff);
        uint32_t bytes = 40 + np_below(np_stream_next(&s), 1460);

        /* Unsent bytes: all of those that wait, and what is left of the one on its way. */
        while (head < queued && leaves[head] <= (double)t) ++head;
        double unsent = 0;
        for (int k = head; k < queued; ++k) unsent += size[k];
        if (head < queued) unsent -= size[head] - (leaves[head] - (double)t) * c.rate / 8e9;
        bool fits = head == queued || unsent + bytes <= c.queue;
        if (head < queued && fabs(unsent + bytes - c.queue) < 0.01) continue; /* too close to call */

        np_time at = np_link_send(&l, &c, key, t, bytes);
        assert_int_equal(at != NP_LOST, fits);
        lost += !fits;
        if (!fits) continue;
        double begin = head < queued ? leaves[queued - 1] : (double)t;
        leaves[queued] = begin + bytes * 8e9 / c.rate;
        size[queued] = bytes;
        assert_true(fabs((double)at - leaves[queued]) <= 1);
        ++queued;
    }
    assert_true(lost > N / 50 && lost < N / 2);
}

static void rate_at_the_extremes(void **state)
{
    np_link_config c = {.rate = 1e6, .queue = 100};
    np_link l;
    (void)state;
    np_link_init(&l, &c, key, 1);
    assert_int_equal(np_link_send(&l, &c, key, 0, 1500),
                     12 * NP_MILLISECOND); /* larger than the queue, link free */
    assert_true(np_link_send(&l, &c, key, 1, 60) == NP_LOST);

    c.queue = 0; /* 1 MB */
    np_link_init(&l, &c, key, 1);
    for (int i = 0; i < 1000; ++i) assert_true(np_link_send(&l, &c, key, 0, 1000) != NP_LOST);
    assert_true(np_link_send(&l, &c, key, 0, 1000) == NP_LOST);

    c.rate = 1e-300; /* never done: lost rather than overflowing */
    np_link_init(&l, &c, key, 1);
    assert_true(np_link_send(&l, &c, key, 0, 1000) == NP_LOST);
    c.rate = 1;
    c.queue = UINT32_MAX;
    np_link_init(&l, &c, key, 1);
    np_time last = 0;
    for (int i = 0; i < 100000; ++i) {
        np_time at = np_link_send(&l, &c, key, 0, 65535);
        assert_true(at == NP_LOST || at > last);
        if (at != NP_LOST) last = at;
    }

    /* What is lost on the way in takes nothing of the rate. */
    c = (np_link_config){.rate = 1e6, .loss_kind = NP_LOSS_MASK, .mask = 1};
    np_link_init(&l, &c, key, 1);
    assert_true(np_link_send(&l, &c, key, 0, 1500) == NP_LOST);
    assert_int_equal(np_link_send(&l, &c, key, 0, 1500), 12 * NP_MILLISECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_its_delay),
        cmocka_unit_test(loses_by_mask),
        cmocka_unit_test(keeps_order_under_jitter),
        cmocka_unit_test(says_when_it_is_fifo),
        cmocka_unit_test(loses_independently),
        cmocka_unit_test(bursts_of_one_instant),
        cmocka_unit_test(certain_losses),
        cmocka_unit_test(gilbert_is_correlated_in_time),
        cmocka_unit_test(gilbert_spells_are_exponential),
        cmocka_unit_test(shared_moments_share_fate),
        cmocka_unit_test(links_are_independent),
        cmocka_unit_test(directions_share_outages),
        cmocka_unit_test(outages_are_stationary),
        cmocka_unit_test(outages_last),
        cmocka_unit_test(rate_spaces_packets),
        cmocka_unit_test(rate_against_a_queue),
        cmocka_unit_test(rate_at_the_extremes),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    key = np_key_make(seed, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
