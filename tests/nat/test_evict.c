/*
 * Eviction policies against what is known of them: the cliff of LRU, Che's approximation, the share that
 * random and FIFO keep, VigNAT's specification for refusal, and fairness of the random choice.
 */
#include "draw.h"
#include "natpulse/box.h"
#include <math.h>

#define SERVER 0xc6336401u

static uint64_t seed;

static np_box *box(const char *policy, uint32_t capacity, np_time timeout)
{
    np_nat_config c;
    np_nat_defaults(&c);
    c.evict = policy;
    c.capacity = capacity;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = timeout;
    c.unknown_outbound = NP_UNKNOWN_ADOPT;
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    assert_non_null(b);
    return b;
}

static np_packet udp(uint32_t flow)
{
    return packet(NP_UDP, 0x0a000000 + flow, 1000, SERVER, 53, 0);
}

/* True when the flow's mapping was there. */
static bool hit(np_box *b, uint32_t flow, np_time now)
{
    np_packet p = udp(flow);
    np_handled did = np_box_outbound(b, &p, now);
    assert_int_equal(did.verdict, NP_FORWARD);
    return did.reason == NP_REASON_MAPPED;
}

/* N flows with heartbeats of one period in a fixed order: LRU, and FIFO, keep all of N <= C and none of N >
 * C. */
static void test_cliff(void **state)
{
    (void)state;
    static const char *const policy[] = {"lru", "fifo"};
    for (uint32_t which = 0; which < 2; which++)
        for (uint32_t flows = 98; flows <= 103; flows++) {
            np_box *b = box(policy[which], 100, NP_DAY);
            uint32_t hits = 0;
            for (uint32_t round = 0; round < 20; round++)
                for (uint32_t f = 0; f < flows; f++)
                    hits += hit(b, f, round * NP_MINUTE + f * NP_MILLISECOND);
            assert_int_equal(hits, flows <= 100 ? 19 * flows : 0);
            np_box_destroy(b);
        }
}

typedef struct zipf {
    double sum[10000]; /* sum[i]: weight of the first i + 1 */
    uint32_t n;
} zipf;

static void zipf_init(zipf *z, uint32_t n, double exponent)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) z->sum[i] = sum += pow(i + 1, -exponent);
    z->n = n;
}

static uint32_t zipf_draw(const zipf *z, uint64_t *s)
{
    double u = (double)(draw(s) >> 11) * 0x1p-53 * z->sum[z->n - 1];
    uint32_t low = 0, high = z->n - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (z->sum[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double hit_ratio(const char *policy, const zipf *z, uint32_t capacity, uint32_t packets)
{
    uint64_t s = seed;
    np_box *b = box(policy, capacity, NP_DAY * 1000);
    uint32_t hits = 0, warmup = packets / 4;
    for (uint32_t i = 0; i < warmup + packets; i++) hits += hit(b, zipf_draw(z, &s), i) && i >= warmup;
    np_box_destroy(b);
    return (double)hits / packets;
}

/* The hit ratio of the characteristic-time approximation, solved here by bisection. With random or FIFO
   eviction a flow of rate l is there with probability l T / (1 + l T) instead (Gallo et al. 2012). */
static double che(const zipf *z, double capacity, bool lru)
{
    double low = 0, high = 1e9, hits = 0;
    for (int step = 0; step < 200; step++) {
        double t = (low + high) / 2, held = 0;
        hits = 0;
        for (uint32_t i = 0; i < z->n; i++) {
            double rate = (z->sum[i] - (i == 0 ? 0 : z->sum[i - 1])) / z->sum[z->n - 1];
            double there = lru ? 1 - exp(-rate * t) : rate * t / (1 + rate * t);
            held += there;
            hits += rate * there;
        }
        if (held < capacity)
            low = t;
        else
            high = t;
    }
    return hits;
}

/* A million packets: the standard deviation of the share is about 0.0005 (somewhat more than binomial, for
   packets are not independent), and the approximations themselves err by up to 0.0005: 0.003 is five of both.
 */
static void test_che(void **state)
{
    (void)state;
    static const struct {
        uint32_t flows, capacity;
        double lru; /* as published in the project's table of closed forms */
    } row[] = {{10000, 1000, 0.43666}, {10000, 100, 0.156625}, {1000, 100, 0.37779}};
    static zipf z;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        zipf_init(&z, row[i].flows, 0.8);
        double lru = che(&z, row[i].capacity, true), other = che(&z, row[i].capacity, false);
        assert_true(fabs(lru - row[i].lru) < 1e-5);
        double got_lru = hit_ratio("lru", &z, row[i].capacity, 1000000);
        double got_fifo = hit_ratio("fifo", &z, row[i].capacity, 1000000);
        double got_random = hit_ratio("random", &z, row[i].capacity, 1000000);
        printf("%u flows, capacity %u: lru %.5f (%.5f), fifo %.5f, random %.5f (%.5f)\n", row[i].flows,
               row[i].capacity, got_lru, lru, got_fifo, got_random, other);
        assert_true(fabs(got_lru - lru) < 0.003);
        assert_true(fabs(got_fifo - other) < 0.003);
        assert_true(fabs(got_random - other) < 0.003);
    }
    zipf_init(&z, 1000, 0); /* equal rates: C / N, whatever the policy */
    static const char *const policy[] = {"lru", "fifo", "random"};
    for (uint32_t p = 0; p < 3; p++) assert_true(fabs(hit_ratio(policy[p], &z, 250, 400000) - 0.25) < 0.004);
}

/* Random eviction is blind: of a full table's mappings each is the victim with the same probability, however
   old and however busy. The victims' ages in evictions are then geometric with mean C: here for C = 100 over
   100,000 evictions, whose mean has a standard deviation of about 100 / sqrt(100,000) = 0.32. */
static uint32_t born;
static uint64_t age_sum, ages;

static void note_age(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)ctx, (void)when;
    if (what != NP_MAPPING_EVICTED) return;
    age_sum += born - m->conn;
    ages++;
}

static void test_random_is_blind(void **state)
{
    (void)state;
    enum { C = 100, EVICTIONS = 100000, SKIP = 2000 };
    np_box *b = box("random", C, NP_DAY);
    np_box_set_tap(b, (np_box_tap){.mapping = note_age});
    for (born = 0; born < C + SKIP + EVICTIONS; born++) {
        if (born == C + SKIP) age_sum = ages = 0;
        np_packet p = udp(born);
        p.conn = born;
        np_box_outbound(b, &p, born);
        for (uint32_t i = 0; i < 3; i++) hit(b, born, born); /* busy ones are no safer */
    }
    assert_int_equal(ages, EVICTIONS);
    double mean = (double)age_sum / EVICTIONS;
    printf("mean age of a random victim: %.2f evictions (expected %d)\n", mean, C);
    assert_true(fabs(mean - C) < 5 * 0.32);
    np_box_destroy(b);
}

/* VigNAT's specification, written down plainly: on every packet first forget all flows with last <= now - T;
   inside and known: rewrite, refresh; inside and unknown: a new flow, or drop when the table is full; outside
   and known: rewrite, refresh; else drop. */
static void test_vignat(void **state)
{
    (void)state;
    enum { CAPACITY = 16, HOSTS = 24, STEPS = 400000 };
    const np_time T = 10;
    uint64_t s = seed;
    np_box *b = box("refuse", CAPACITY, T);
    struct {
        bool known;
        np_time last;
    } flow[HOSTS] = {{false, 0}};
    uint32_t known = 0, refusals = 0;
    np_time now = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        now += below(&s, 40) == 0 ? below(&s, 12) : below(&s, 8) == 0;
        for (uint32_t i = 0; i < HOSTS; i++)
            if (flow[i].known && flow[i].last <= now - T) {
                flow[i].known = false;
                known--;
            }
        uint32_t f = below(&s, HOSTS);
        bool inside = below(&s, 3) != 0, tcp = f % 2;
        np_packet p =
            inside ? packet(tcp ? NP_TCP : NP_UDP, 0x0a000000 + f, (uint16_t)(1000 + f), SERVER, 53, NP_ACK)
                   : packet(tcp ? NP_TCP : NP_UDP, SERVER, 53, 0xc0000201, (uint16_t)(1000 + f), NP_ACK);
        np_handled did = inside ? np_box_outbound(b, &p, now) : np_box_inbound(b, &p, now);
        bool full = known == CAPACITY;
        if (!flow[f].known && inside && !full) {
            flow[f].known = true;
            known++;
        }
        assert_int_equal(did.verdict, flow[f].known ? NP_FORWARD : NP_DROP);
        if (flow[f].known) {
            flow[f].last = now;
            if (inside)
                assert_true(np_addr_to_ipv4(&p.src) == 0xc0000201 && p.sport == 1000 + f);
            else
                assert_true(np_addr_to_ipv4(&p.dst) == 0x0a000000 + f && p.dport == 1000 + f);
        } else if (inside) {
            assert_int_equal(did.reason, NP_REASON_TABLE_FULL);
            refusals++;
        }
        assert_int_equal(np_box_entries(b), known);
    }
    assert_true(refusals > 1000);
    assert_int_equal(np_box_count(b)->refused, refusals);
    assert_int_equal(np_box_count(b)->evictions, 0);
    np_box_destroy(b);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cliff),
        cmocka_unit_test(test_che),
        cmocka_unit_test(test_random_is_blind),
        cmocka_unit_test(test_vignat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
