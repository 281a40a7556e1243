/*
 * Strategies that learn, against boxes of known patience: every interval they try, in order.
 */
#include "natpulse/beat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define S NP_SECOND

/* A client over a path that is gone when it was idle for `patience`; connects again a second after a failure.
 */
struct play {
    np_beat_config config;
    np_beat_memory memory;
    np_beat beat;
    np_time now, active; /* the path's last packet */
    np_time patience;
    np_time trip;
    uint32_t failures;
    char text[4000]; /* "210x7 270x5 330!": intervals before beats, how often in a row, whether it failed */
    long last;
    unsigned row;
};

static void flush_row(struct play *p)
{
    if (!p->row) return;
    char *end = p->text + strlen(p->text);
    const char *space = p->text[0] ? " " : "";
    size_t room = sizeof p->text - (size_t)(end - p->text);
    if (p->row > 1)
        snprintf(end, room, "%s%ldx%u", space, p->last, p->row);
    else
        snprintf(end, room, "%s%ld", space, p->last);
    p->row = 0;
}

static void note(struct play *p, np_time interval, bool failed)
{
    long seconds = (long)((interval + S / 2) / S);
    if (p->row && (seconds != p->last || failed)) flush_row(p);
    p->last = seconds;
    p->row++;
    if (!failed) return;
    flush_row(p);
    strcat(p->text, "!");
}

static void open_it(struct play *p)
{
    const np_beat_owner o = {.memory = &p->memory};
    np_beat_start(&p->beat, &p->config, NP_BEAT_CLIENT, &o, p->now);
    p->active = p->now;
}

/* Plays until so many beats have gone out. by_reset: the box resets what it does not know. */
static void go(struct play *p, unsigned beats, bool by_reset)
{
    const np_beat_owner o = {.memory = &p->memory};
    p->text[0] = '\0';
    p->row = 0;
    while (beats--) {
        p->now = np_beat_deadline(&p->beat, &p->config);
        assert_int_equal(np_beat_timer(&p->beat, &p->config, &o, p->now), NP_BEAT_SEND);
        bool holds = p->now - p->active < p->patience;
        note(p, p->now - p->active, !holds);
        if (holds) {
            /* for the record: from beat to beat for mars, from answer to beat for search */
            bool from_answer = strcmp(p->config.strategy, "search") == 0;
            if (!from_answer) p->active = p->now;
            p->now += p->trip;
            np_beat_heard(&p->beat, &p->config, &o, NP_BEAT_ANSWER, p->now);
            if (from_answer) p->active = p->now;
            continue;
        }
        p->failures++;
        if (by_reset) {
            p->now += p->trip;
            np_beat_broke(&p->beat, &p->config, &o, p->now);
        } else {
            p->now = np_beat_deadline(&p->beat, &p->config);
            assert_int_equal(np_beat_timer(&p->beat, &p->config, &o, p->now), NP_BEAT_DEAD);
        }
        p->now += S;
        open_it(p);
    }
    flush_row(p);
}

static struct play mars(np_time patience)
{
    struct play p = {.patience = patience, .trip = S / 10};
    np_beat_defaults(&p.config);
    p.config.strategy = "mars";
    p.config.least = 210 * S;
    p.config.most = 580 * S;
    p.config.step = 60 * S;
    p.config.back_off = 20 * S;
    p.config.timeout = 8 * S;
    p.config.misses = 1;
    open_it(&p);
    return p;
}

static void mars_climbs(void **state)
{
    (void)state;
    for (int by_reset = 0; by_reset < 2; by_reset++) {
        struct play p = mars(400 * S);
        go(&p, 42, by_reset);
        assert_string_equal(p.text, "210x7 270x5 330x5 390x5 450! 210x3 450! 210x3 370x12");

        p = mars(NP_DAY); /* to the ceiling, where it is settled at once */
        go(&p, 50, by_reset);
        assert_string_equal(p.text, "210x7 270x5 330x5 390x5 450x5 510x5 570x5 580x13");

        p = mars(250 * S); /* never below the least */
        go(&p, 30, by_reset);
        assert_string_equal(p.text, "210x7 270! 210x3 270! 210x18");
        assert_int_equal(p.failures, 2);

        p = mars(100 * S); /* nor is anything learned there */
        go(&p, 12, by_reset);
        assert_string_equal(p.text, "210! 210! 210! 210! 210! 210! 210! 210! 210! 210! 210! 210!");
        assert_true(p.memory.value == 210 * S && !p.memory.settled);
    }
}

static void mars_falls_back(void **state)
{
    (void)state;
    struct play p = mars(400 * S);
    go(&p, 42, false);
    p.patience = 300 * S; /* settled at 370: two failures, and up again */
    go(&p, 33, false);
    assert_string_equal(p.text, "370! 210x3 370! 210x7 270x5 330! 210x3 330! 210x3 250x8");
    p.patience = 260 * S; /* one failure alone is forgiven */
    go(&p, 2, false);
    p.patience = 200 * S;
    p.now = p.active;
    go(&p, 1, false);
    p.patience = 260 * S;
    go(&p, 8, false);
    assert_true(p.memory.settled && p.memory.value == 250 * S);

    p = mars(NP_DAY); /* at the ceiling it is settled too */
    go(&p, 40, false);
    p.patience = 220 * S;
    go(&p, 13, false);
    assert_string_equal(p.text, "580! 210x3 580! 210x7 270!");
}

/* After a week without a change, 20 s more, and on from there. */
static void mars_tries_again(void **state)
{
    (void)state;
    struct play p = mars(400 * S);
    go(&p, 42, false);
    np_time settled = p.memory.changed;
    p.patience = 480 * S;
    char text[200];
    unsigned beats = (unsigned)((7 * NP_DAY - (p.now - settled)) / (370 * S)) + 1;
    go(&p, beats, false);
    snprintf(text, sizeof text, "370x%u", beats);
    assert_string_equal(p.text, text);
    go(&p, 22, false);
    assert_string_equal(p.text, "390x5 450x5 510! 210x3 510! 210x3 430x4");
}

static struct play search(np_time patience)
{
    struct play p = {.patience = patience, .trip = S / 10};
    np_beat_defaults(&p.config);
    p.config.strategy = "search";
    p.config.least = 30 * S;
    p.config.most = 1800 * S;
    p.config.step = 10 * S;
    p.config.back_off = 5 * S;
    p.config.timeout = 10 * S;
    p.config.misses = 1;
    open_it(&p);
    return p;
}

static void search_halves(void **state)
{
    (void)state;
    struct play p = search(350 * S);
    go(&p, 20, false);
    /* halves of what is left, two failures each: 30..1810, 30..920, 30..475, 252..475, 252..364, ... */
    assert_string_equal(p.text, "920! 920! 475! 475! 253 364! 364! 308 336 350 357! 357! 345x8");
    p = search(350 * S);
    go(&p, 20, true);
    assert_string_equal(p.text, "920! 920! 475! 475! 253 364! 364! 308 336 350 357! 357! 345x8");

    p = search(NP_DAY);
    go(&p, 12, false);
    assert_string_equal(p.text, "920 1365 1588 1699 1754 1782 1796 1800 1795x4");

    p = search(20 * S); /* worse than the least: there it stays */
    go(&p, 30, false);
    assert_true(p.memory.settled && p.memory.value == 30 * S);
}

static void search_falls_back(void **state)
{
    (void)state;
    struct play p = search(350 * S);
    go(&p, 20, false);
    p.patience = 100 * S;
    go(&p, 20, false);
    assert_string_equal(p.text, "345! 345! 187! 187! 109! 109! 69 89 99 94x11");
    /* A day later it looks whether more will do, up to the most. */
    p.patience = NP_DAY;
    while (p.memory.settled) go(&p, 1, false);
    go(&p, 12, false);
    assert_true(p.memory.settled && p.memory.value == 1795 * S);
}

/* What passes in between puts the beat off, and one lost packet teaches nothing. */
static void search_measures_idleness(void **state)
{
    (void)state;
    struct play p = search(NP_DAY);
    const np_beat_owner o = {.memory = &p.memory};
    np_time first = np_beat_deadline(&p.beat, &p.config);
    np_beat_heard(&p.beat, &p.config, &o, NP_BEAT_MESSAGE, 500 * S);
    assert_true(np_beat_deadline(&p.beat, &p.config) == first + 500 * S);
    np_beat_sent(&p.beat, &p.config, &o, NP_BEAT_MESSAGE, 700 * S);
    assert_true(np_beat_deadline(&p.beat, &p.config) == first + 700 * S);

    p.patience = 1; /* one loss */
    go(&p, 1, false);
    p.patience = NP_DAY;
    go(&p, 3, false);
    assert_string_equal(p.text, "920 1365 1588");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mars_climbs),       cmocka_unit_test(mars_falls_back),
        cmocka_unit_test(mars_tries_again),  cmocka_unit_test(search_halves),
        cmocka_unit_test(search_falls_back), cmocka_unit_test(search_measures_idleness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
