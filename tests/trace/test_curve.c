/*
 * The curve against what it claims to be equal to: one replay for each capacity and timeout. Random points,
 * over captures made here and over real ones.
 */
#include "natpulse/curve.h"
#include "pcap_writer.h"
#include <dirent.h>
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

/* The exact share lies within the sample's 95 % interval nearly always. */
static void test_sample(void **state)
{
    (void)state;
    np_error e = {0};
    uint32_t inside = 0, all = 0;
    char *path = write_capture(20000, 150000);
    np_curve_config config = {.sample = 1, .timeout = {60 * NP_SECOND, NP_NEVER}, .timeouts = 2};
    np_capture *capture = open_one(path);
    np_curve *exact = np_curve_run(capture, &config, NULL, &e);
    assert_non_null(exact);
    np_capture_close(capture);
    for (uint64_t seed = 0; seed < 8; seed++) {
        config.sample = 0.1;
        config.seed = seed;
        capture = open_one(path);
        np_curve *sampled = np_curve_run(capture, &config, NULL, &e);
        assert_non_null(sampled);
        np_capture_close(capture);
        np_curve_counts counts = np_curve_count(sampled);
        double off = (double)counts.flows / (double)np_curve_count(exact).flows - 1;
        assert_true(off > -0.12 && off < 0.12); /* five standard deviations */
        for (uint64_t capacity = 100; capacity < 20000; capacity *= 2) {
            np_curve_point p = np_curve_at(sampled, capacity, 1), x = np_curve_at(exact, capacity, 1);
            inside += p.low <= x.share && x.share <= p.high;
            all++;
            assert_true(p.low <= p.share && p.share <= p.high);
        }
        np_curve_destroy(sampled);
    }
    print_message("the exact share is within the interval at %u of %u points\n", inside, all);
    assert_true(inside * 100 >= all * 90);
    np_curve_destroy(exact);
    unlink(path);
    free(path);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_made), cmocka_unit_test(test_real),
                                      cmocka_unit_test(test_sample)};
    return cmocka_run_group_tests_name("curve", test, NULL, NULL);
}
