/*
 * The curve against what it claims to be equal to: one replay for each capacity and timeout. Random points,
 * over captures made here and over real ones.
 */
#include "natpulse/curve.h"
#include "pcap_writer.h"
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BEGAN      (1700000000 * NP_SECOND)
#define POINTS     200 /* in all, half over captures made here */
#define FILES_MOST 400

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

static uint32_t points_compared;

/* ---- a capture ---- */

/* Whole seconds now and then, so that gaps meet timeouts exactly; and none at all, so that packets share a
 * time. */
static np_time any_gap(bool coarse)
{
    if (coarse) return (np_time)any(3) * NP_SECOND;
    switch (any(8)) {
    case 0: return 0;
    case 1: return (np_time)any(4) * NP_SECOND;
    case 2: return any(50) ? (np_time)any(300000000) : (np_time)any(100) * NP_SECOND;
    default: return (np_time)any(20000000);
    }
}

static uint8_t any_flags(void)
{
    switch (any(14)) {
    case 0: return NP_SYN;
    case 1: return NP_SYN | NP_ACK;
    case 2:
    case 3: return NP_FIN | NP_ACK;
    case 4: return any(2) ? NP_RST : NP_RST | NP_ACK;
    default: return NP_ACK;
    }
}

static char *write_capture(uint32_t flows, uint32_t packets)
{
    char *path;
    FILE *f = temporary(&path);
    np_time now = BEGAN;
    bool coarse = any(2);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < packets; i++) {
        uint32_t flow = any(3) ? any(flows / 5 + 1) : any(flows);
        bool out = any(2);
        np_addr in = np_addr_ipv4(0x0a000001 + flow % 7), far = np_addr_ipv4(0xcb007101 + flow % 3);
        uint8_t proto = flow % 5 == 0 ? NP_UDP : flow % 11 == 0 ? NP_ICMP : NP_TCP;
        uint16_t near_port = (uint16_t)(2000 + flow), far_port = proto == NP_ICMP ? near_port : 443;
        np_packet p = {.src = out ? in : far,
                       .dst = out ? far : in,
                       .sport = out ? near_port : far_port,
                       .dport = out ? far_port : near_port,
                       .proto = proto,
                       .family = 4,
                       .flags = proto == NP_TCP    ? any_flags()
                                : proto == NP_ICMP ? (uint8_t)any(2)
                                                   : 0};
        now += any_gap(coarse);
        write_packet(f, now, &p);
    }
    fclose(f);
    return path;
}

/* ---- the comparison ---- */

static np_capture *open_one(const char *path)
{
    np_error e = {0};
    static const char *paths[1];
    paths[0] = path;
    return np_capture_open(paths, 1, NULL, &e);
}

static void replay_point(const char *path, uint32_t capacity, np_time timeout, const np_curve_config *curve,
                         np_replay_summary *s)
{
    np_error e = {0};
    np_nat_config nat;
    np_nat_defaults(&nat);
    nat.capacity = capacity;
    nat.evict = "lru";
    nat.unknown_outbound = curve->unknown_outbound;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) nat.timeout[i] = timeout;
    np_replay_config config = {
        .nat = &nat, .adopt = NP_ADOPT_FIRST, .after_loss = NP_AFTER_LOSS_REOPEN, .closed = curve->closed};
    np_capture *c = open_one(path);
    assert_non_null(c);
    assert_true(np_replay_run(c, &config, NULL, s, &e));
    np_capture_close(c);
}

static uint32_t any_capacity(uint32_t flows)
{
    uint32_t most = flows + 2;
    for (uint32_t halvings = any(8); halvings > 0 && most > 2; halvings--) most /= 2;
    return 1 + any(most);
}

/* A grid with timeouts that are met exactly, others, and none at all. */
static void any_grid(np_curve_config *config)
{
    np_time t = 0;
    config->timeouts = 2 + any(6);
    for (uint32_t i = 0; i < config->timeouts; i++)
        config->timeout[i] = t += any(2) ? (np_time)(1 + any(20)) * NP_SECOND : 1 + (np_time)any(2000000000);
    if (any(2)) config->timeout[config->timeouts - 1] = NP_NEVER;
}

static void compare(const char *path, uint32_t points)
{
    np_error e = {0};
    np_curve_config config = {.sample = 1,
                              .closed = any(2) ? NP_CLOSED_LEAVE : NP_CLOSED_KEEP,
                              .unknown_outbound = any(2) ? NP_UNKNOWN_ADOPT : NP_UNKNOWN_DROP};
    any_grid(&config);
    np_capture *capture = open_one(path);
    if (!capture) return;
    np_curve *curve = np_curve_run(capture, &config, NULL, &e);
    np_capture_close(capture);
    if (!curve) return; /* not one packet could be read */
    np_curve_counts counts = np_curve_count(curve);
    for (uint32_t i = 0; i < points && counts.flows > 1; i++) {
        static np_replay_summary s;
        uint32_t capacity = any_capacity((uint32_t)counts.flows), k = any(config.timeouts);
        replay_point(path, capacity, config.timeout[k], &config, &s);
        np_curve_point p = np_curve_at(curve, capacity, k);
        if (p.flows_hurt != s.flows_hurt || p.packets_hurt != s.packets_hurt)
            fail_msg(
                "%s: capacity %u, timeout %lld ns, closed %d, unknown %d: curve %llu flows, %llu packets; "
                "replay %llu, %llu",
                path, capacity, (long long)config.timeout[k], config.closed, config.unknown_outbound,
                (unsigned long long)p.flows_hurt, (unsigned long long)p.packets_hurt,
                (unsigned long long)s.flows_hurt, (unsigned long long)s.packets_hurt);
        assert_int_equal(counts.flows, s.flows);
        assert_int_equal(counts.outbound, s.outbound);
        assert_true(p.share == p.low && p.share == p.high);
        points_compared++;
    }
    /* At the size from which it is flat, only timeouts hurt. */
    np_curve_point wide = np_curve_at(curve, counts.capacity, config.timeouts - 1),
                   wider = np_curve_at(curve, 10 * counts.capacity, config.timeouts - 1);
    assert_int_equal(wide.packets_hurt, wider.packets_hurt);
    if (config.timeout[config.timeouts - 1] == NP_NEVER) assert_int_equal(wide.packets_hurt, 0);
    np_curve_destroy(curve);
}

static void test_made(void **state)
{
    (void)state;
    while (points_compared < POINTS / 2) {
        char *path = write_capture(5 + any(400), 500 + any(6000));
        compare(path, 5);
        unlink(path);
        free(path);
    }
    print_message("%u points are equal\n", points_compared);
}

static char *file[FILES_MOST];
static uint32_t files;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(const char *root, const char *directory)
{
    char name[1000];
    snprintf(name, sizeof name, "%s/%s", root, directory);
    DIR *d = opendir(name);
    if (!d) return;
    for (struct dirent *entry; (entry = readdir(d)) && files < FILES_MOST;) {
        if (entry->d_name[0] == '.') continue;
        file[files] = malloc(strlen(name) + strlen(entry->d_name) + 2);
        sprintf(file[files++], "%s/%s", name, entry->d_name);
    }
    closedir(d);
}

static void test_real(void **state)
{
    (void)state;
    const char *root = getenv("NP_PCAPS") ? getenv("NP_PCAPS") : "../shared/pcaps";
    list_files(root, "debian");
    list_files(root, "fetched");
    if (files == 0) {
        print_message("no real captures (NP_PCAPS names their directory)\n");
        skip();
    }
    qsort(file, files, sizeof *file, by_name);
    uint32_t before = points_compared;
    for (uint32_t round = 0; points_compared - before < POINTS / 2; round++) compare(file[any(files)], 2);
    print_message("%u points over real captures are equal\n", points_compared - before);
    for (uint32_t i = 0; i < files; i++) free(file[i]);
}

/* ---- a sample ---- */

/* Kinds of traffic that ask different things of an interval: a few flows that speak often and many that do
   not; flows that come, speak and go; many that idle while a scan passes, so that all are hurt or none;
   nearly nobody hurt. */
enum { HOT, CHURN, SCAN, RARE, KINDS };
static const char *const kind_name[] = {"hot and cold", "churn", "scan", "rare"};
#define SAMPLED_FLOWS   3000u
#define SAMPLED_PACKETS 20000u
#define SAMPLES         400
#define SIZES           20

static uint32_t any_flow(int kind, uint32_t packet, uint32_t *alive, uint32_t *living, uint32_t *born)
{
    const uint32_t idle = SAMPLED_FLOWS / 4, busy = 60;
    switch (kind) {
    case HOT: return any(3) ? any(SAMPLED_FLOWS / 5) : any(SAMPLED_FLOWS);
    case CHURN: {
        if (*living == 0 || (*born < SAMPLED_FLOWS && any(SAMPLED_PACKETS) < SAMPLED_FLOWS))
            alive[(*living)++] = (*born)++ % SAMPLED_FLOWS;
        uint32_t k = any(*living), flow = alive[k];
        if (any(8) == 0) alive[k] = alive[--*living];
        return flow;
    }
    case SCAN: return packet % 4000 < 3000 ? any(idle) : idle + packet % (SAMPLED_FLOWS - idle);
    default: return packet < SAMPLED_FLOWS ? packet : any(2000) ? any(busy) : any(SAMPLED_FLOWS);
    }
}

static char *write_kind(int kind)
{
    static uint32_t alive[SAMPLED_FLOWS + SAMPLED_PACKETS];
    uint32_t living = 0, born = 0;
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < SAMPLED_PACKETS; i++) {
        uint32_t flow = any_flow(kind, i, alive, &living, &born);
        np_packet p = {.src = np_addr_ipv4(0x0a000001 + flow % 251),
                       .dst = np_addr_ipv4(0xcb007101 + flow % 200),
                       .sport = (uint16_t)(2000 + flow),
                       .dport = 443,
                       .proto = NP_TCP,
                       .family = 4,
                       .flags = NP_ACK};
        write_packet(f, BEGAN + i * NP_MILLISECOND, &p);
    }
    fclose(f);
    return path;
}

static np_curve *curve_of(const char *path, double sample, uint64_t seed)
{
    np_error e = {0};
    np_curve_config config = {.sample = sample, .seed = seed, .timeout = {NP_NEVER}, .timeouts = 1};
    np_capture *capture = open_one(path);
    np_curve *c = np_curve_run(capture, &config, NULL, &e);
    assert_non_null(c);
    np_capture_close(capture);
    return c;
}

/* What became of the intervals at one size. */
typedef struct covered {
    uint32_t inside, lower, higher; /* where the exact share lies */
    double sum, squares, halves;    /* of the sampled shares, and of half the intervals */
} covered;

static void check_size(const char *kind, double sample, uint64_t size, double exact, const covered *c)
{
    double mean = c->sum / SAMPLES, sd = sqrt(fmax(0, c->squares / SAMPLES - mean * mean));
    /* 95 % less four standard deviations of what 400 samples can tell: a true 89 % is found out. */
    if (c->inside < 0.95 * SAMPLES - 4 * sqrt(0.95 * 0.05 * SAMPLES))
        fail_msg(
            "%s, sample %g, %llu places: the exact share %.4f is within %u of %d intervals, below %u and "
            "above %u",
            kind, sample, (unsigned long long)size, exact, c->inside, SAMPLES, c->lower, c->higher);
    /* And not because it says nothing: half of it is two standard deviations, or somewhat more where flows
       have neighbours of their own; with few neighbours in the sample it is wider. */
    if ((double)size * sample > 20 && c->halves / SAMPLES > 3.5 * sd + 0.04)
        fail_msg("%s, sample %g, %llu places: half of the interval is %.4f, the standard deviation %.4f",
                 kind, sample, (unsigned long long)size, c->halves / SAMPLES, sd);
}

/* The exact share lies within 95 % of the intervals, at every size: the points of one sample err together, so
   each size is judged by itself, over many samples. */
static void test_sample(void **state)
{
    (void)state;
    static const double rate[] = {0.05, 0.3};
    for (int kind = 0; kind < KINDS; kind++) {
        char *path = write_kind(kind);
        np_curve *exact = curve_of(path, 1, 0);
        for (int k = 0; k < 2; k++) {
            covered at[SIZES] = {{0}};
            double flows = 0;
            for (uint64_t seed = 0; seed < SAMPLES; seed++) {
                np_curve *sampled = curve_of(path, rate[k], seed);
                flows += (double)np_curve_count(sampled).flows;
                for (uint32_t i = 0; i < SIZES; i++) {
                    uint64_t size = (uint64_t)llround(pow(1.55, i));
                    np_curve_point p = np_curve_at(sampled, size, 0), x = np_curve_at(exact, size, 0);
                    assert_true(0 <= p.low && p.low <= p.share && p.share <= p.high && p.high <= 1);
                    at[i].inside += p.low <= x.share && x.share <= p.high;
                    at[i].lower += x.share < p.low;
                    at[i].higher += x.share > p.high;
                    at[i].sum += p.share;
                    at[i].squares += p.share * p.share;
                    at[i].halves += (p.high - p.low) / 2;
                }
                np_curve_destroy(sampled);
            }
            double all = (double)np_curve_count(exact).flows,
                   error = sqrt(all * (1 - rate[k]) / rate[k] / SAMPLES); /* of the mean of all samples */
            assert_true(fabs(flows / SAMPLES - all) < 5 * error);
            uint32_t least = SAMPLES;
            for (uint32_t i = 0; i < SIZES; i++) {
                uint64_t size = (uint64_t)llround(pow(1.55, i));
                check_size(kind_name[kind], rate[k], size, np_curve_at(exact, size, 0).share, &at[i]);
                if (at[i].inside < least) least = at[i].inside;
            }
            print_message(
                "%s, sample %g: the exact share is within %u or more of %d intervals, at each of %d "
                "sizes\n",
                kind_name[kind], rate[k], least, SAMPLES, SIZES);
        }
        np_curve_destroy(exact);
        unlink(path);
        free(path);
    }
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_made), cmocka_unit_test(test_real),
                                      cmocka_unit_test(test_sample)};
    return cmocka_run_group_tests_name("curve", test, NULL, NULL);
}
