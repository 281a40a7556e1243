/*
 * Linux's expiry: what lookups bury, when the collector comes round, what it takes in an emergency. Held
 * against what the kernel was seen to do (Linux 6.18, HZ=250), and against a box that expires exactly:
 * whoever sends packets must not see a difference.
 */
#include "draw.h"
#include "natpulse/box.h"
#include <math.h>

#define SERVER  0xc6336401u
#define JIFFY   (4 * NP_MILLISECOND)
#define AT_ONCE 257 /* buried or taken before a pause */

static uint64_t seed;

/* ---- a box, and what it tells ---- */

typedef struct heard {
    uint32_t created, expired, freed, evicted;
    np_time first_freed, last_freed; /* of those since .freed was set to 0 */
    uint32_t kind[3];                /* evicted of each kind of flow, by np_packet.conn / 1000000 */
    np_time stale;                   /* the longest from expiry to freeing */
} heard;

static np_time expired_at[400000]; /* by conn, where a test has few enough of them */

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    heard *h = ctx;
    switch (what) {
    case NP_MAPPING_CREATED: h->created++; break;
    case NP_MAPPING_EXPIRED:
        h->expired++;
        assert_true(m->stays);
        if (m->conn < sizeof expired_at / sizeof *expired_at) expired_at[m->conn] = when;
        break;
    case NP_MAPPING_FREED:
        if (h->freed++ == 0) h->first_freed = when;
        h->last_freed = when;
        if (m->conn < sizeof expired_at / sizeof *expired_at && when - expired_at[m->conn] > h->stale)
            h->stale = when - expired_at[m->conn];
        break;
    case NP_MAPPING_EVICTED:
        h->evicted++;
        h->kind[m->conn / 1000000 % 3]++;
        break;
    default: break;
    }
}

static np_nat_config linux_config(uint32_t capacity)
{
    np_nat_config c;
    np_nat_defaults(&c);
    c.capacity = capacity;
    c.evict = "linux-early-drop";
    c.expiry = NP_EXPIRY_LINUX;
    c.tracker = NP_TRACK_LINUX;
    return c;
}

static np_box *box(const np_nat_config *c, uint32_t salt, heard *h)
{
    np_error e;
    np_box *b = np_box_create(c, np_key_make(seed, salt), 0, &e);
    assert_non_null(b);
    *h = (heard){.created = 0};
    np_box_set_tap(b, (np_box_tap){.mapping = on_mapping, .ctx = h});
    return b;
}

static np_reason udp(np_box *b, uint32_t flow, np_time now)
{
    np_packet p = packet(NP_UDP, 0x0a000000 + flow, 1000, SERVER, 53, 0);
    p.conn = flow;
    return np_box_outbound(b, &p, now).reason;
}

/* ---- the collector's rounds ---- */

/* New flows at a constant rate that live for so long each, in a table of 262,144 buckets: how long after the
   beginning of one round the next one begins, as measured on the kernel in 10 or more rounds. A pause is
   rounded up to the timer wheel's grain; where the mean lies close to it, two pauses were seen. Lookups bury
   one now and then; a round begins where AT_ONCE go in a moment. */
static void test_cadence(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate;
        np_time life, pause, or ;
    } row[] = {
        {2, NP_SECOND, 59392 * NP_MILLISECOND, 59392 * NP_MILLISECOND},
        {50, NP_SECOND, 30720 * NP_MILLISECOND, 32768 * NP_MILLISECOND},
        {500, NP_SECOND, 7680 * NP_MILLISECOND, 7680 * NP_MILLISECOND},
        {400, 2 * NP_SECOND, 6656 * NP_MILLISECOND, 6912 * NP_MILLISECOND},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_nat_config c = linux_config(262144);
        c.timeout[NP_TIMEOUT_UDP] = row[i].life;
        heard h;
        np_box *b = box(&c, (uint32_t)i, &h);
        np_time began = 0, step = NP_SECOND / row[i].rate;
        uint32_t rounds = 0, least = row[i].rate * 5 < AT_ONCE ? row[i].rate * 5 : AT_ONCE;
        for (uint32_t flow = 0; rounds < 8; flow++) {
            udp(b, flow, flow * step);
            h.freed = 0;
            np_box_expire(b, (flow + 1) * step - 1);
            if (h.freed < least || h.first_freed - began < NP_SECOND) continue;
            np_time pause = h.first_freed - began;
            began = h.first_freed;
            if (rounds++ < 2) continue; /* one under way, and one after none */
            assert_true(llabs(pause - row[i].pause) <= 2 * JIFFY || llabs(pause - row[i].or) <= 2 * JIFFY);
        }
        np_box_destroy(b);
    }
}

/* Twenty SYNs without an answer, which have 5 minutes left (their timeout is 1000 s, but Linux caps it),
   beside 500 short-lived flows a second: the mean follows their deadlines down. Measured: when a round began,
   in seconds after the SYNs, and how long until the next. */
static double measured_pause(double at)
{
    static const double seen[][2] = {{33.5, 18.43}, {51.9, 15.87},  {67.8, 15.36},  {83.2, 14.60},
                                     {97.8, 14.34}, {112.1, 13.81}, {125.9, 13.57}, {139.5, 13.06}};
    enum { SEEN = sizeof seen / sizeof *seen };
    if (at < seen[0][0] || at > seen[SEEN - 1][0]) return 0;
    size_t i = 0;
    while (i + 2 < SEEN && at > seen[i + 1][0]) i++;
    double share = (at - seen[i][0]) / (seen[i + 1][0] - seen[i][0]);
    return seen[i][1] + share * (seen[i + 1][1] - seen[i][1]);
}

static void test_cadence_of_long_lives(void **state)
{
    (void)state;
    enum { RATE = 500, SYNS = 20, BOXES = 5 };
    uint32_t compared = 0;
    for (uint32_t salt = 0; salt < 2 * BOXES; salt++) {
        bool capped = salt % 2; /* else they have more than 5 minutes left, and count as 5 */
        np_nat_config c = linux_config(262144);
        c.timeout[NP_TIMEOUT_UDP] = NP_SECOND;
        c.timeout[NP_TIMEOUT_TCP_SYN_SENT] = 1000 * NP_SECOND;
        c.timeout[NP_TIMEOUT_TCP_MAX_RETRANS] = c.timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED] =
            (capped ? 300 : 2000) * NP_SECOND;
        heard h;
        np_box *b = box(&c, salt, &h);
        for (uint32_t i = 0; i < SYNS; i++) {
            np_packet p = packet(NP_TCP, 0x0b000000 + i, 1000, SERVER, 80, NP_SYN);
            p.window = 1000;
            assert_int_equal(np_box_outbound(b, &p, 0).reason, NP_REASON_CREATED);
        }
        np_time began = 0, step = NP_SECOND / RATE;
        for (uint32_t flow = 0; flow < 150 * RATE; flow++) {
            udp(b, flow, flow * step);
            h.freed = 0;
            np_box_expire(b, (flow + 1) * step - 1);
            if (h.freed < AT_ONCE || h.first_freed - began < NP_SECOND) continue;
            double pause = np_seconds(h.first_freed - began),
                   must = measured_pause(capped ? np_seconds(began) : 33.5);
            bool first = began == 0;
            began = h.first_freed;
            if (must == 0 || first) continue;
            compared++;
            double grain = pause > 16.3 || must > 15.9
                               ? 1.024
                               : 0.256; /* seconds, half of the wheel's at the coarse end */
            assert_true(fabs(pause - must) < 2 * grain + 0.3);
        }
        np_box_destroy(b);
    }
    assert_true(compared >= 4 * BOXES);
}

/* Where nothing is, rounds begin a minute apart and as late as the wheel makes them; after a restart the
   first begins a second after it. */
static void test_idle(void **state)
{
    (void)state;
    np_nat_config c = linux_config(1000);
    c.timeout[NP_TIMEOUT_UDP] = NP_MILLISECOND;
    for (uint32_t salt = 0; salt < 200; salt++) {
        heard h;
        np_box *b = box(&c, salt, &h);
        udp(b, 0, 0);
        np_box_expire(b, 1000 * NP_SECOND);
        assert_int_equal(h.freed, 1);
        assert_in_range(h.first_freed, 1, 61440 * NP_MILLISECOND);
        np_time pause = (np_box_next_expiry(b) - h.first_freed) % (61440 * NP_MILLISECOND);
        assert_int_equal(pause, 0);
        h.freed = 0;
        np_box_flush(b, 1000 * NP_SECOND);
        udp(b, 1, 1000 * NP_SECOND);
        np_box_expire(b, 2000 * NP_SECOND);
        assert_int_equal(h.freed, 1);
        assert_in_range(h.first_freed, 1001 * NP_SECOND, 1001 * NP_SECOND + 64 * JIFFY);
        np_box_destroy(b);
    }
}

/* Where the first round falls is random: over many boxes all of the minute, about evenly. */
static void test_phase(void **state)
{
    (void)state;
    enum { BOXES = 20000 };
    np_nat_config c = linux_config(16);
    c.timeout[NP_TIMEOUT_UDP] = NP_MILLISECOND;
    double sum = 0;
    for (uint32_t salt = 0; salt < BOXES; salt++) {
        heard h;
        np_box *b = box(&c, salt, &h);
        udp(b, 0, 0);
        np_box_expire(b, NP_MINUTE * 2);
        sum += np_seconds(h.first_freed);
        np_box_destroy(b);
    }
    double mean = sum / BOXES, error = 5 * 61.44 / sqrt(12.0 * BOXES);
    printf("the first round after %.2f s (30.72 +- %.2f)\n", mean, error);
    assert_true(fabs(mean - 30.72) <= error);
}

/* A round buries 257, rests for two ticks of the wheel, and goes on: 32,125 a second, as the kernel was seen
 * to. */
static void test_slices(void **state)
{
    (void)state;
    enum { FLOWS = 10000 };
    np_nat_config c = linux_config(65536);
    heard h;
    np_box *b = box(&c, 0, &h);
    for (uint32_t flow = 0; flow < FLOWS; flow++) udp(b, flow, 0);
    np_box_expire(b, 30 * NP_SECOND);
    assert_int_equal(h.expired, FLOWS);
    assert_int_equal(np_box_entries(b), FLOWS);
    np_time next = 0;
    for (uint32_t left = FLOWS; left > 0;) {
        h.freed = 0;
        while (h.freed == 0) {
            np_time at = np_box_next_expiry(b);
            np_box_expire(b, at);
            if (next != 0) assert_int_equal(at, next);
            next = at + 2 * JIFFY;
        }
        assert_int_equal(h.freed, left < AT_ONCE ? left : AT_ONCE);
        left -= h.freed;
        assert_int_equal(np_box_entries(b), left);
    }
    np_box_destroy(b);
}

/* ---- lookups ---- */

/* In one bucket a lookup meets all that were made after what it looks for, and all if there is nothing. */
static void test_reaping(void **state)
{
    (void)state;
    np_nat_config c = linux_config(10);
    c.buckets = 1;
    c.timeout[NP_TIMEOUT_UDP] = 10 * NP_SECOND;
    heard h;
    np_box *b = box(&c, 0, &h);
    const np_time s = NP_SECOND;
    udp(b, 0, 0);
    udp(b, 1, 1);
    udp(b, 2, 2);
    udp(b, 1, 5 * s);
    np_box_expire(b, 10 * s + 2);
    assert_int_equal(h.expired, 2); /* 0 and 2 */
    uint32_t before = h.freed;
    assert_true(before == 0 || before == 2); /* unless the collector was round */
    assert_int_equal(udp(b, 1, 10 * s + 3), NP_REASON_MAPPED);
    if (before == 0) assert_int_equal(h.freed, 1); /* 2, which is younger than 1 */
    assert_int_equal(udp(b, 3, 10 * s + 4), NP_REASON_CREATED);
    assert_int_equal(h.freed, 2);
    assert_int_equal(np_box_entries(b), 2);
    np_box_destroy(b);
}

/* A new flow is looked up twice, as it comes and by the port it is to have: two buckets of 1000. A dead
   mapping stands in two, and so escapes M flows with probability (1 - 2/1000)^(2 M). */
static void test_reaping_share(void **state)
{
    (void)state;
    enum { BUCKETS = 1000, DEAD = 300, NEW = 200, BOXES = 40 };
    np_nat_config c = linux_config(DEAD + NEW);
    c.buckets = BUCKETS;
    uint32_t left = 0, n = 0;
    for (uint32_t salt = 0; n < BOXES; salt++) {
        heard h;
        np_box *b = box(&c, salt, &h);
        for (uint32_t flow = 0; flow < DEAD; flow++) udp(b, flow, 0);
        np_box_expire(b, 30 * NP_SECOND);
        bool collected = np_box_entries(b) < DEAD || np_box_next_expiry(b) < 31 * NP_SECOND;
        for (uint32_t flow = DEAD; !collected && flow < DEAD + NEW; flow++) udp(b, flow, 30 * NP_SECOND);
        if (!collected) {
            left += np_box_entries(b) - NEW;
            n++;
        }
        np_box_destroy(b);
    }
    double share = pow(1 - 2.0 / BUCKETS, 2 * NEW), all = DEAD * BOXES;
    double error = 5 * sqrt(all * share * (1 - share) * 2); /* those of one bucket go together */
    printf("%u of %.0f dead escaped (%.0f +- %.0f)\n", left, all, all * share, error);
    assert_true(fabs(left - all * share) <= error);
}

/* ---- the emergency ---- */

typedef enum kind { ASSURED, CLOSING, UNASSURED } kind;

static uint32_t number_of(kind k, uint32_t flow)
{
    return (uint32_t)k * 1000000 + flow;
}

static void tcp(np_box *b, uint32_t flow, bool outbound, uint8_t flags, uint32_t seq, uint32_t ack,
                np_time now)
{
    uint32_t host = 0x0a000000 + flow;
    np_packet p = outbound ? packet(NP_TCP, host, 1000, SERVER, 80, flags)
                           : packet(NP_TCP, SERVER, 80, host, 1000, flags);
    p.seq = seq;
    p.ack = ack;
    p.window = 60000;
    p.conn = flow;
    np_handled did = outbound ? np_box_outbound(b, &p, now) : np_box_inbound_inside(b, &p, now);
    assert_int_equal(did.verdict, NP_FORWARD);
}

static void fill(np_box *b, kind k, uint32_t n, np_time now)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t flow = number_of(k, i);
        if (k == UNASSURED) {
            assert_int_equal(udp(b, flow, now), NP_REASON_CREATED);
            continue;
        }
        tcp(b, flow, true, NP_SYN, 1000, 0, now);
        tcp(b, flow, false, NP_SYN | NP_ACK, 5000, 1001, now);
        tcp(b, flow, true, NP_ACK, 1001, 5001, now);
        if (k == CLOSING) tcp(b, flow, true, NP_FIN | NP_ACK, 1001, 5001, now);
    }
}

/* Fills the table and asks for more, so that flows are refused; then nothing comes for two minutes. What is
   taken meanwhile, and at once. */
static void run_emergency(uint32_t capacity, uint32_t buckets, const uint32_t *flows, const uint32_t *taken,
                          bool ask)
{
    np_nat_config c = linux_config(capacity);
    c.buckets = buckets;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = NP_DAY;
    c.timeout[NP_TIMEOUT_TCP_MAX_RETRANS] = c.timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED] = 2 * NP_DAY;
    heard h;
    np_box *b = box(&c, capacity + ask, &h);
    for (kind k = ASSURED; k <= UNASSURED; k++) fill(b, k, flows[k], 0);
    uint32_t refused = 0;
    for (uint32_t i = 0; ask && i < 50 && refused < 5; i++) {
        np_reason reason = udp(b, number_of(UNASSURED, 500000 + i), NP_SECOND);
        refused += reason == NP_REASON_TABLE_FULL;
    }
    h.evicted = h.kind[ASSURED] = h.kind[CLOSING] = h.kind[UNASSURED] = 0;
    np_box_expire(b, 2 * NP_MINUTE);
    printf("%u places: %u assured, %u closing, %u else; %u refused: taken %u, %u, %u\n", capacity,
           flows[ASSURED], flows[CLOSING], flows[UNASSURED], refused, h.kind[ASSURED], h.kind[CLOSING],
           h.kind[UNASSURED]);
    assert_int_equal(h.kind[ASSURED], 0);
    assert_int_equal(h.kind[CLOSING] + h.kind[UNASSURED], refused > 0 ? taken[0] : 0);
    if (taken[1] == 0) assert_int_equal(h.kind[CLOSING], 0);
    assert_int_equal(refused > 0, ask);
    np_box_destroy(b);
}

/* As the kernel did, with the figures of its source: 257 and no more; down to below 95 % (of the capacity in
   whole hundreds) and no further; nothing where all are assured, without a refusal, or in tables below 100.
 */
static void test_emergency(void **state)
{
    (void)state;
    static const struct {
        uint32_t capacity, buckets, flows[3], taken[2]; /* in all; whether closing ones */
    } row[] = {
        {16384, 262144, {8192, 8192, 0}, {257, 1}}, {16384, 262144, {16384 - 100, 100, 0}, {100, 1}},
        {16384, 262144, {16384, 0, 0}, {0, 0}},     {2048, 4096, {1048, 1000, 0}, {2048 - 1900 + 1, 1}},
        {2048, 1048576, {1948, 0, 100}, {100, 0}},  {99, 512, {50, 49, 0}, {0, 0}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        run_emergency(row[i].capacity, row[i].buckets, row[i].flows, row[i].taken, true);
        run_emergency(row[i].capacity, row[i].buckets, row[i].flows, row[i].taken, false);
    }
}

/* The places that the collector made go to the next flows, the same number of them; then new ones are refused
   again, and the next round takes as many again. */
static void test_episodes(void **state)
{
    (void)state;
    enum { CAPACITY = 16384 };
    np_nat_config c = linux_config(CAPACITY);
    c.buckets = 262144;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = NP_DAY;
    c.timeout[NP_TIMEOUT_TCP_MAX_RETRANS] = c.timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED] = 2 * NP_DAY;
    heard h;
    np_box *b = box(&c, 0, &h);
    fill(b, CLOSING, CAPACITY, 0);
    np_time now = NP_SECOND;
    for (uint32_t episode = 0; episode < 4; episode++, now += 2 * NP_MINUTE) {
        np_box_expire(b, now);
        uint32_t let_in = 0, dropped_early = h.evicted, flow = number_of(UNASSURED, episode * 1000),
                 asked = 0;
        for (; asked < 600; asked++) let_in += udp(b, flow++, now) == NP_REASON_CREATED;
        dropped_early = h.evicted - dropped_early;
        /* beside the free places only those of unassured flows of before can be had, where the hash allows */
        assert_int_equal(let_in, (episode > 0 ? AT_ONCE : 0) + np_box_entries(b) - CAPACITY + dropped_early);
        assert_true(let_in < asked);
        assert_int_equal(h.kind[ASSURED], 0);
    }
    np_box_destroy(b);
}

/* ---- against a box that expires exactly ---- */

/* Random packets through both, in tables that are never full: the same verdicts and translations, and
   mappings expire at the same times; none stays for longer than a round and its pause take. */
static void test_same_to_everybody(void **state)
{
    (void)state;
    enum { STEPS = 300000, FLOWS = 3000 };
    static const np_tracking trackers[] = {NP_TRACK_NONE, NP_TRACK_LINUX};
    static const uint8_t flags[] = {NP_SYN, NP_ACK, NP_ACK, NP_FIN | NP_ACK, NP_RST, NP_SYN | NP_ACK};
    for (uint32_t t = 0; t < 2; t++) {
        np_nat_config c = linux_config(FLOWS);
        c.buckets = 500;
        c.tracker = trackers[t];
        c.unknown_outbound = NP_UNKNOWN_ADOPT;
        c.ports.low = 1000;
        c.ports.high = 60000;
        for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = (1 + i % 7) * 10 * NP_SECOND;
        np_nat_config d = c;
        d.expiry = NP_EXPIRY_EXACT;
        heard h;
        np_box *late = box(&c, t, &h);
        np_error e;
        np_box *exact = np_box_create(&d, np_key_make(seed, t), 0, &e);
        assert_non_null(exact);
        uint64_t s = seed + t;
        np_time now = 0;
        uint64_t more = 0;
        for (uint32_t step = 0; step < STEPS; step++) {
            now += below(&s, 2000) == 0 ? below(&s, 100) * NP_SECOND : below(&s, 20) * NP_MILLISECOND;
            uint32_t flow = below(&s, below(&s, 2) ? FLOWS : 100);
            bool tcp = flow % 3 == 0, outbound = below(&s, 3) > 0;
            uint8_t f = tcp ? flags[below(&s, sizeof flags)] : 0;
            uint16_t port = (uint16_t)(1000 + flow);
            np_packet p = outbound ? packet(tcp ? NP_TCP : NP_UDP, 0x0a000000 + flow, port, SERVER, 80, f)
                                   : packet(tcp ? NP_TCP : NP_UDP, SERVER, 80, 0xc0000201, port, f);
            p.conn = flow;
            p.window = 60000;
            np_packet q = p;
            np_handled one = outbound ? np_box_outbound(late, &p, now) : np_box_inbound(late, &p, now);
            np_handled two = outbound ? np_box_outbound(exact, &q, now) : np_box_inbound(exact, &q, now);
            assert_int_equal(one.verdict, two.verdict);
            assert_int_equal(one.reason, two.reason);
            assert_memory_equal(&p, &q, sizeof p);
            assert_int_equal(np_box_count(late)->expiries, np_box_count(exact)->expiries);
            assert_true(np_box_entries(late) >= np_box_entries(exact));
            more += np_box_entries(late) - np_box_entries(exact);
        }
        assert_int_equal(h.created, np_box_count(exact)->inserts);
        assert_int_equal(h.expired, np_box_count(exact)->expiries);
        assert_int_equal(h.evicted, 0);
        assert_int_equal(h.expired - h.freed, np_box_entries(late) - np_box_entries(exact));
        printf("%u expired; %.0f dead in the table on average, the longest for %.1f s\n", h.expired,
               (double)more / STEPS, np_seconds(h.stale));
        assert_true(h.stale <= 63 * NP_SECOND && h.stale > NP_SECOND && more > STEPS);
        np_box_destroy(late);
        np_box_destroy(exact);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cadence),       cmocka_unit_test(test_cadence_of_long_lives),
        cmocka_unit_test(test_idle),          cmocka_unit_test(test_phase),
        cmocka_unit_test(test_slices),        cmocka_unit_test(test_reaping),
        cmocka_unit_test(test_reaping_share), cmocka_unit_test(test_emergency),
        cmocka_unit_test(test_episodes),      cmocka_unit_test(test_same_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
