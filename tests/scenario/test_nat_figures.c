/*
 * The NAT profiles that come with natpulse, held against figures written down here from the makers' documents
 * and sources, not from the profiles: each file has a row, each row a file. And each says where it has its
 * figures.
 */
#include "nat_profile.h"

#define APD NP_ADDRESS_AND_PORT_DEPENDENT
#define AD  NP_ADDRESS_DEPENDENT
#define EI  NP_ENDPOINT_INDEPENDENT

/* Seconds. TCP: SYN alone, answered, established, one FIN, both FINs, reset. UDP: one way, both. */
typedef struct figures {
    const char *name;
    uint32_t capacity;
    const char *evict, *tracker;
    double tcp[6], udp[2], icmp;
    const char *select;
    uint16_t low, high;
    const char *unknown_out, *unknown_in, *at_expiry;
    np_dependence mapping, filtering;
    const char *more; /* what few have */
} figures;

#define MANY 262144 /* for boxes without a limit */

static const figures row[] = {
    /* clang-format off */
    {"aws-nat-gateway", MANY, "refuse", "states", {60, 60, 350, 350, 60, 60}, {350, 350}, 350,
     "random", 1024, 65535, "drop", "drop", "reset-inside-on-talk", APD, APD, "per_destination: 55000"},
    {"aws-network-firewall", 65536, "refuse", "states", {120, 60, 350, 120, 120, 10}, {30, 180}, 30,
     "none", 0, 0, "drop", "drop", "silent", APD, APD, ""},
    {"aws-nlb", MANY, "refuse", "states", {350, 350, 350, 350, 10, 10}, {120, 120}, 120,
     "none", 0, 0, "drop", "drop", "reset-on-talk", APD, APD, ""},
    {"aws-security-group", 65536, "refuse", "states", {120, 60, 432000, 120, 120, 10}, {30, 180}, 30,
     "none", 0, 0, "drop", "drop", "silent", APD, APD, ""},
    {"aws-security-group-nitro6", 65536, "refuse", "states", {120, 60, 350, 120, 120, 10}, {30, 180}, 30,
     "none", 0, 0, "drop", "drop", "silent", APD, APD, ""},
    {"azure-load-balancer", MANY, "refuse", "none", {240, 240, 240, 240, 240, 240}, {240, 240}, 240,
     "none", 0, 0, "drop", "drop", "silent", APD, APD, ""},
    {"azure-load-balancer-reset", MANY, "refuse", "none", {240, 240, 240, 240, 240, 240}, {240, 240}, 240,
     "none", 0, 0, "drop", "drop", "reset-both", APD, APD, ""},
    {"azure-nat-gateway", MANY, "refuse", "states", {30, 30, 240, 240, 65, 16}, {240, 240}, 240,
     "random", 1024, 65535, "drop", "drop", "reset-on-talk", APD, APD, "per_destination: 50000"},
    {"cilium", 524288, "bpf-lru", "states", {60, 60, 8000, 8000, 10, 10}, {60, 60}, 60,
     "preserve", 32768, 65535, "adopt", "drop", "silent", APD, APD, "expiry: {sweep: 5m}"},
    {"cisco-asa", 50000, "refuse", "states", {30, 30, 3600, 600, 60, 1}, {120, 120}, 2,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, "hold: 30s"},
    {"cisco-ios", MANY, "refuse", "states", {60, 60, 86400, 60, 60, 60}, {300, 300}, 60,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"cisco-rv120w", 4096, "refuse", "states", {120, 120, 1800, 1800, 10, 10}, {120, 120}, 60,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"danos-cgnat", MANY, "refuse", "states", {240, 240, 1800, 240, 240, 240}, {240, 1800}, 30,
     "random", 1024, 65535, "drop", "drop", "silent", EI, APD, "block: 128"},
    {"draytek-vigor", 60000, "refuse", "states", {60, 60, 86400, 60, 60, 60}, {180, 180}, 10,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"gcp-cloud-nat", MANY, "refuse", "states", {30, 30, 1200, 30, 120, 30}, {30, 30}, 30,
     "random", 1024, 65535, "drop", "drop", "silent", APD, APD, "block: 64"},
    {"gcp-vpc", 65536, "refuse", "none", {600, 600, 600, 600, 600, 600}, {600, 600}, 600,
     "none", 0, 0, "adopt", "drop", "silent", APD, APD, ""},
    {"huawei-nat-gateway", 10000, "refuse", "states", {60, 60, 900, 900, 60, 60}, {300, 300}, 60,
     "random", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"huawei-usg", 65536, "refuse", "states", {5, 5, 1200, 900, 10, 10}, {120, 120}, 20,
     "random", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"ipvs", MANY, "refuse", "states", {60, 60, 900, 120, 120, 10}, {300, 300}, 60,
     "none", 0, 0, "reset", "drop", "silent", APD, APD, ""},
    {"juniper-srx", 65536, "refuse", "states", {20, 20, 1800, 1800, 10, 10}, {60, 60}, 60,
     "random", 1024, 65535, "drop", "drop", "silent", APD, APD, "most: 20s"},
    {"kube-proxy", 131072, "linux-early-drop", "linux", {120, 60, 86400, 120, 120, 10}, {30, 120}, 30,
     "linux", 1, 65535, "drop", "reset", "silent", APD, APD, "tcp_close_wait: 1h"},
    {"libalias", MANY, "refuse", "states", {300, 300, 86400, 90, 10, 10}, {60, 60}, 60,
     "random", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"linux", 65536, "linux-early-drop", "linux", {120, 60, 432000, 120, 120, 10}, {30, 120}, 30,
     "linux", 1, 65535, "drop", "reset", "silent", APD, APD, "invalid: drop"},
    {"linux-bare", 65536, "linux-early-drop", "linux", {120, 60, 432000, 120, 120, 10}, {30, 120}, 30,
     "linux", 1, 65535, "drop", "reset", "silent", APD, APD, "invalid: leak"},
    {"lru-box", 4096, "lru", "none", {3600, 3600, 3600, 3600, 3600, 3600}, {30, 30}, 60,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"mikrotik", 131072, "linux-early-drop", "linux", {5, 5, 86400, 10, 10, 10}, {10, 180}, 10,
     "linux", 1, 65535, "drop", "drop", "silent", APD, APD, "above: 6.25%"},
    {"netx-duo", 64, "netx", "none", {86400, 86400, 86400, 86400, 86400, 86400}, {240, 240}, 240,
     "sequential", 20000, 30000, "adopt", "reset", "silent", APD, APD, ""},
    {"nokia-cgn", MANY, "refuse", "states", {240, 240, 7440, 240, 10, 240}, {15, 300}, 60,
     "random", 1024, 65535, "drop", "drop", "silent", EI, EI, "block: 128"},
    {"oci-nlb", MANY, "refuse", "none", {360, 360, 360, 360, 360, 360}, {120, 120}, 120,
     "none", 0, 0, "drop", "drop", "silent", APD, APD, ""},
    {"openwrt", 16384, "linux-early-drop", "linux", {120, 60, 7440, 120, 120, 10}, {60, 180}, 30,
     "linux", 1, 65535, "drop", "reset", "silent", APD, APD, "invalid: drop"},
    {"pf", 100000, "refuse", "pf", {120, 30, 86400, 900, 90, 90}, {30, 60}, 20,
     "random", 50001, 65535, "drop", "drop", "silent", APD, APD, "tcp_last_ack: 45s"},
    {"pf-aggressive", 100000, "refuse", "pf", {30, 5, 18000, 60, 30, 30}, {30, 60}, 20,
     "random", 50001, 65535, "drop", "drop", "silent", APD, APD, "start: 60%"},
    {"pf-conservative", 100000, "refuse", "pf", {3600, 900, 432000, 3600, 180, 180}, {30, 60}, 20,
     "random", 50001, 65535, "drop", "drop", "silent", APD, APD, "end: 120%"},
    {"pf-high-latency", 100000, "refuse", "pf", {180, 35, 86400, 905, 95, 95}, {30, 60}, 20,
     "random", 50001, 65535, "drop", "drop", "silent", APD, APD, "expiry: pf"},
    {"realtek-soc", 2048, "lru", "states", {300, 300, 900, 90, 10, 10}, {15, 15}, 60,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, ""},
    {"rfc-ideal", 65536, "refuse", "states", {240, 240, 7440, 240, 240, 240}, {300, 300}, 60,
     "preserve", 1024, 65535, "drop", "drop", "silent", EI, EI, "hairpin: true"},
    {"vpp-nat44-ed", 64512, "expired-heads", "flags", {240, 240, 7440, 240, 240, 240}, {300, 300}, 60,
     "preserve", 1024, 65535, "drop", "drop", "silent", APD, APD, "expiry: lazy"},
    {"vpp-nat44-ei", 10240, "lru-per-host", "flags", {240, 240, 7440, 240, 240, 240}, {300, 300}, 60,
     "random", 1024, 65535, "adopt", "drop", "silent", EI, EI, "per_host: 100%"},
    {"windows-nat", 65536, "refuse", "states", {120, 120, 1800, 120, 120, 120}, {120, 120}, 30,
     "random", 1024, 65535, "drop", "drop", "silent", EI, AD, "refresh: udp-outbound"},
    /* clang-format on */
};
enum { ROWS = sizeof row / sizeof *row };

/* A profile as show prints it, or one with an override. free() it. */
static char *shown(const char *name)
{
    char *text = NULL;
    size_t size;
    np_findings findings;
    np_error e;
    FILE *out = open_memstream(&text, &size);
    if (!np_profile_show("nat", name, NULL, 0, out, &findings, &e)) fail_msg("%s: %s", name, e.text);
    fclose(out);
    return text;
}

static void must_say(const char *name, const char *text, const char *key, const char *value)
{
    char line[100];
    snprintf(line, sizeof line, "%s: %s\n", key, value);
    if (strstr(text, line) == NULL) fail_msg("%s: no '%s: %s' in what show prints", name, key, value);
}

static void test_every_file_has_a_row(void **state)
{
    (void)state;
    char *name[PROFILES_MOST];
    size_t n = profile_files(name);
    for (size_t i = 0; i < n || i < ROWS; ++i)
        assert_string_equal(i < n ? name[i] : "(no file)", i < ROWS ? row[i].name : "(no row)");
    profile_files_free(name, n);
}

static void test_figures(void **state)
{
    (void)state;
    static const np_timeout tcp[6] = {NP_TIMEOUT_TCP_SYN_SENT,    NP_TIMEOUT_TCP_SYN_RECV,
                                      NP_TIMEOUT_TCP_ESTABLISHED, NP_TIMEOUT_TCP_FIN_WAIT,
                                      NP_TIMEOUT_TCP_TIME_WAIT,   NP_TIMEOUT_TCP_CLOSE};
    for (size_t i = 0; i < ROWS; ++i) {
        const figures *f = &row[i];
        np_arena *arena;
        np_nat_config c = profile_config(f->name, NULL, 0, &arena);
        print_message("%s\n", f->name);
        assert_string_equal(c.name, f->name);
        assert_int_equal(c.capacity, f->capacity);
        assert_string_equal(c.evict, f->evict);
        for (int k = 0; k < 6; ++k) assert_int_equal(c.timeout[tcp[k]], np_from_seconds(f->tcp[k]));
        assert_int_equal(c.timeout[NP_TIMEOUT_UDP], np_from_seconds(f->udp[0]));
        assert_int_equal(c.timeout[NP_TIMEOUT_UDP_STREAM], np_from_seconds(f->udp[1]));
        assert_int_equal(c.timeout[NP_TIMEOUT_ICMP], np_from_seconds(f->icmp));
        if (f->low != 0) {
            assert_int_equal(c.ports.low, f->low);
            assert_int_equal(c.ports.high, f->high);
        }
        assert_int_equal(c.mapping, f->mapping);
        assert_int_equal(c.filtering, f->filtering);
        np_arena_destroy(arena);

        char *text = shown(f->name);
        must_say(f->name, text, "tracker", f->tracker);
        must_say(f->name, text, "select", f->select);
        must_say(f->name, text, "unknown_outbound", f->unknown_out);
        must_say(f->name, text, "unknown_inbound", f->unknown_in);
        must_say(f->name, text, "at_expiry", f->at_expiry);
        if (strstr(text, f->more) == NULL) fail_msg("%s: no '%s' in what show prints", f->name, f->more);
        free(text);
    }
}

/* Each file says where its figures are from, and what it prints is a profile that reads the same. */
static void test_sources(void **state)
{
    (void)state;
    char *name[PROFILES_MOST];
    size_t n = profile_files(name);
    for (size_t i = 0; i < n; ++i) {
        char *text = shown(name[i]), file[100];
        const char *sources = strstr(text, "\nsources:\n  - ");
        if (strncmp(text, "about: ", 7) != 0 || sources == NULL) fail_msg("%s names no sources", name[i]);
        const char *first = sources + strlen("\nsources:\n");
        if (strcspn(first, "\n") < 30) fail_msg("%s: what source is this? %.40s", name[i], first);
        snprintf(file, sizeof file, "%s.yaml", name[i]);
        bench_put(file, text);
        char *again = shown(bench_path(file));
        assert_string_equal(again, text);
        free(again);
        free(text);
    }
    profile_files_free(name, n);
}

int main(void)
{
    if (access(PROFILES_DIR, F_OK) != 0) {
        puts("runs from the top of the tree");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_has_a_row),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
