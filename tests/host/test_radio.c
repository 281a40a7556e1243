/*
 * The radio: what one heartbeat costs, and the power of rows of heartbeats, against closed forms; random
 * packets against a model that steps through time.
 */
#include "natpulse/radio.h"
#include "natpulse/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Huang et al., MobiSys 2012; the rates are their medians (LTE) or of that order. */
static const np_radio_config lte = {"lte",   260100 * NP_MICROSECOND,
                                    1.2107,  11576 * NP_MILLISECOND,
                                    0,       1.0600,
                                    0,       0.43839,
                                    0.05197, 1.28804,
                                    5.64e6,  12.74e6};
static const np_radio_config umts = {"3g",
                                     582100 * NP_MICROSECOND,
                                     0.6594,
                                     8088200 * NP_MICROSECOND,
                                     824200 * NP_MICROSECOND,
                                     0.8039,
                                     0.6013,
                                     0.86898,
                                     0.12212,
                                     0.81788,
                                     1e6,
                                     2e6};
static const np_radio_config wifi = {"wifi",  79100 * NP_MICROSECOND,
                                     0.1244,  238100 * NP_MICROSECOND,
                                     0,       0.1193,
                                     0,       0.28317,
                                     0.13701, 0.13286,
                                     20e6,    20e6};

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("got %.9g, want %.9g +- %.3g", got, want, tolerance);
}

/* One packet of no size, and all that follows from it. */
static double lone(const np_radio_config *c)
{
    np_radio r;
    np_radio_init(&r);
    np_radio_packet(&r, c, true, 0, 5 * NP_SECOND);
    np_radio_settle(&r, c, NP_HOUR);
    return r.joules;
}

static void a_lone_heartbeat(void **state)
{
    (void)state;
    assert_near(lone(&lte), 12.59, 0.005);
    assert_near(lone(&umts), 7.38, 0.005);
    assert_near(lone(&wifi), 0.038, 0.0005);
    /* Data: E = (alpha r + beta) 8 B / r. */
    np_radio r;
    np_radio_init(&r);
    np_radio_packet(&r, &lte, true, 705000, 0); /* 1 s at 5.64 Mbit/s */
    np_radio_settle(&r, &lte, NP_HOUR);
    assert_near(r.joules, lone(&lte) + 0.43839 * 5.64 + 1.28804, 1e-9);
    assert_true(r.awake_until == NP_SECOND + lte.promotion);
    np_radio_init(&r);
    np_radio_packet(&r, &lte, false, 1592500, 0); /* 1 s at 12.74 */
    np_radio_settle(&r, &lte, NP_HOUR);
    assert_near(r.joules, lone(&lte) + 0.05197 * 12.74 + 1.28804, 1e-9);
}

/* Mean power above idle of a packet every `every` seconds, once it is under way. */
static double power(const np_radio_config *c, double every)
{
    np_radio r;
    np_radio_init(&r);
    enum { SOME = 1000 };
    np_time step = np_from_seconds(every);
    for (int i = 0; i < SOME; i++) np_radio_packet(&r, c, true, 0, i * step);
    np_radio_settle(&r, c, SOME * step);
    double before = r.joules;
    for (int i = SOME; i < 2 * SOME; i++) np_radio_packet(&r, c, true, 0, i * step);
    np_radio_settle(&r, c, 2 * SOME * step);
    return (r.joules - before) / (SOME * every);
}

/* The published table, to its last digit; and the other radios by the formula behind it. */
static void intervals(void **state)
{
    (void)state;
    static const struct {
        double every, milliwatts, digit;
    } row[] = {{5, 1060, 1},    {11.5, 1060, 1}, {20, 629, 1},    {30, 420, 1},
               {60, 210, 1},    {120, 105, 1},   {240, 52.4, .1}, {300, 42.0, 0.1},
               {600, 21.0, .1}, {900, 14., .1},  {1680, 7.5, .1}};
    for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
        double got = 1e3 * power(&lte, row[i].every);
        printf("LTE, every %g s: %.2f mW (published %g)\n", row[i].every, got, row[i].milliwatts);
        assert_near(got, row[i].milliwatts, 0.5 * row[i].digit + 0.01);
    }
    const np_radio_config *others[] = {&umts, &wifi};
    for (int k = 0; k < 2; k++)
        for (double every = 0.1; every < 1000; every *= 1.05) {
            const np_radio_config *c = others[k];
            double tail = np_seconds(c->tail), second = np_seconds(c->second_tail);
            double promotion = np_seconds(c->promotion), want;
            if (every < tail)
                want = c->tail_w;
            else if (every < tail + second)
                want = (c->tail_w * tail + c->second_tail_w * (every - tail)) / every;
            else if (every < tail + second + promotion) /* a promotion delays its tail: it serves two */
                want = (lone(c) + c->tail_w * fmin(every - promotion, tail) +
                        c->second_tail_w * fmax(every - promotion - tail, 0)) /
                       (2 * every);
            else
                want = lone(c) / every;
            assert_near(power(c, every), want, 1e-3 * want);
        }
}

/* Energy as a function of time, by looking at each microsecond's state. Times in microseconds. */
static double stepped(const np_radio_config *c, const uint32_t *at, const uint32_t *bytes, unsigned n,
                      uint32_t end)
{
    double joules = 0;
    uint32_t promoting = 0, quiet = UINT32_MAX; /* us left of the promotion; us since the last was over */
    double left = 0;                            /* us of packets still to move */
    for (uint32_t t = 0, k = 0; t < end; t++) {
        for (; k < n && at[k] == t; k++) {
            bool busy = promoting || left >= 0.5;
            if (!busy && (quiet == UINT32_MAX || quiet >= (c->tail + c->second_tail) / NP_MICROSECOND))
                promoting = (uint32_t)(c->promotion / NP_MICROSECOND);
            left += 8e6 * bytes[k] / c->up_bps;
            quiet = 0;
        }
        if (promoting) {
            joules += 1e-6 * c->promotion_w;
            promoting--;
        } else if (left >= 0.5) {
            joules += 1e-6 * (c->up_w * c->up_bps * 1e-6 + c->base_w);
            left -= 1;
        } else if (quiet != UINT32_MAX) {
            if (quiet < c->tail / NP_MICROSECOND)
                joules += 1e-6 * c->tail_w;
            else if (quiet < (c->tail + c->second_tail) / NP_MICROSECOND)
                joules += 1e-6 * c->second_tail_w;
            quiet++;
        }
    }
    return joules;
}

static void against_steps(void **state)
{
    (void)state;
    const char *text = getenv("NP_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    np_radio_config c = umts;
    c.promotion = 582 * NP_MICROSECOND; /* a thousand times quicker, so that steps are few */
    c.tail = 8088 * NP_MICROSECOND;
    c.second_tail = 824 * NP_MICROSECOND;
    c.up_bps = 8e6; /* a byte a microsecond */
    for (uint32_t run = 0; run < 200; run++) {
        np_stream s = np_stream_make(np_key_make(seed, run), 1, 1);
        enum { PACKETS = 40 };
        uint32_t at[PACKETS], bytes[PACKETS], t = 0;
        uint32_t spread = 1000u << run % 5;
        np_radio r;
        np_radio_init(&r);
        for (unsigned i = 0; i < PACKETS; i++) {
            at[i] = t += np_below(np_stream_next(&s), spread);
            bytes[i] = np_below(np_stream_next(&s), 1500);
            if (run % 3 == 0) np_radio_settle(&r, &c, t * NP_MICROSECOND);
            np_radio_packet(&r, &c, true, bytes[i], t * NP_MICROSECOND);
        }
        uint32_t end = (uint32_t)(r.awake_until / NP_MICROSECOND) + np_below(np_stream_next(&s), 12000);
        np_radio_settle(&r, &c, end * NP_MICROSECOND);
        double want = stepped(&c, at, bytes, PACKETS, end);
        assert_near(r.joules, want, 1e-6 * PACKETS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_heartbeat),
        cmocka_unit_test(intervals),
        cmocka_unit_test(against_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
