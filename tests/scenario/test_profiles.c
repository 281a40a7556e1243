/*
 * Profiles: those that come with natpulse, and the rules of naming and layering.
 */
#include "bench.h"

#include "natpulse/arena.h"

static const char *const boxes =
    "clients: [{name: a, count: 1, workload: {gap: 1s, request: 1B}}]\nstrategies: [{name: s}]\n";

static void note_card(void *ctx, const np_profile_card *card)
{
    uint32_t *n = ctx;
    ++*n;
    assert_true(card->about[0] != '\0');
    assert_true(card->figures >= 3);
    for (uint32_t i = 0; i < card->figures; ++i) assert_true(card->figure[i][0] && card->key[i][0]);
}

/* All profiles have no mistakes, say what they are about, and are written as profiles that read the same. */
static void list_kind(const char *kind, uint32_t at_least)
{
    uint32_t n = 0;
    np_findings findings;
    np_error e = {0};
    if (!np_profile_list(kind, note_card, &n, &findings, &e)) {
        np_findings_print(&findings, stderr);
        fail_msg("%s", e.text);
    }
    assert_true(n >= at_least);
}

static void test_shipped(void **state)
{
    (void)state;
    if (access("scenarios/profiles", F_OK) != 0) skip();
    list_kind("nat", 2);
    list_kind("keepalive", 20);
    list_kind("heartbeat", 30);
    list_kind("workload", 4);
    list_kind("radio", 3);
    np_error e = {0};
    assert_false(np_profile_list("nta", note_card, NULL, NULL, &e));
    assert_string_equal(e.text, "there are no profiles of kind \"nta\"; did you mean \"nat\"?");
}

static char *show_profile(const char *kind, const char *name)
{
    char *text = NULL;
    size_t size;
    np_findings findings;
    np_error e;
    FILE *out = open_memstream(&text, &size);
    if (!np_profile_show(kind, name, NULL, 0, out, &findings, &e)) fail_msg("%s", e.text);
    fclose(out);
    return text;
}

static void test_show_is_a_profile(void **state)
{
    static const char *const some[][2] = {{"nat", "lru-box"},
                                          {"keepalive", "windows"},
                                          {"heartbeat", "socketio"},
                                          {"workload", "web"},
                                          {"heartbeat", "mars"},
                                          {"heartbeat", "grpc"},
                                          {"heartbeat", "sip-outbound-tcp"},
                                          {"radio", "3g"}};
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; ++i) {
        char *first = show_profile(some[i][0], some[i][1]);
        char name[64];
        snprintf(name, sizeof name, "%s.yaml", some[i][1]);
        bench_put(name, first);
        char *second = show_profile(some[i][0], bench_path(name));
        assert_string_equal(first, second);
        free(first);
        free(second);
    }
}

/* The default profile and the defaults of the box are the same box. */
static void test_lru_box_is_the_default(void **state)
{
    np_nat_config nat, expected;
    np_arena *arena;
    np_error e;
    (void)state;
    np_nat_defaults(&expected);
    assert_true(np_profile_nat("lru-box", NULL, 0, &nat, &arena, NULL, &e));
    assert_string_equal(nat.name, expected.name);
    assert_string_equal(nat.evict, expected.evict);
    assert_memory_equal(nat.timeout, expected.timeout, sizeof nat.timeout);
    assert_true(nat.capacity == expected.capacity && nat.refresh == expected.refresh &&
                nat.expiry == expected.expiry);
    assert_true(nat.unknown_outbound == expected.unknown_outbound &&
                nat.unknown_inbound == expected.unknown_inbound);
    assert_true(nat.ports.select == expected.ports.select && nat.ports.low == expected.ports.low &&
                nat.ports.high == expected.ports.high && nat.ports.addresses == expected.ports.addresses);
    np_arena_destroy(arena);
}

static void test_for_replay(void **state)
{
    np_nat_config nat;
    np_arena *arena;
    np_findings findings;
    np_error e;
    np_override set[] = {{"nat.capacity", "77"}, {"nat.timeouts.tcp_transitory", "9s"}};
    (void)state;
    assert_true(np_profile_nat("lru-box", set, 2, &nat, &arena, &findings, &e));
    assert_int_equal(nat.capacity, 77);
    assert_true(nat.timeout[NP_TIMEOUT_TCP_CLOSE] == 9 * NP_SECOND);
    assert_true(nat.timeout[NP_TIMEOUT_TCP_ESTABLISHED] == NP_HOUR);
    np_arena_destroy(arena);

    set[0] = (np_override){"access.delay", "1s"};
    assert_false(np_profile_nat("lru-box", set, 1, &nat, &arena, &findings, &e));
    assert_string_equal(
        e.text, "--set:1:1: access.delay is not of this profile; expected a path that begins with nat.");
    np_findings_clear(&findings);
    assert_false(np_profile_nat("lru-bx", NULL, 0, &nat, &arena, &findings, &e));
    assert_non_null(strstr(e.text, "did you mean \"lru-box\"?"));
    np_findings_clear(&findings);
}

static void expect(const char *name, const char *expected)
{
    char *text = bench_findings(name, NULL, 0);
    assert_string_equal(text, expected);
    free(text);
}

static void put_scenario(const char *name, const char *nat)
{
    char text[400];
    snprintf(text, sizeof text, "%snat: %s\n", boxes, nat);
    bench_put(name, text);
}

static void test_layers(void **state)
{
    (void)state;
    bench_put("profiles/nat/low.yaml",
              "about: x\nsources: [a, b]\ncapacity: 10\ntimeouts: {udp: 1m, icmp: 7s}\n");
    bench_put("profiles/nat/mid.yaml", "base: low\ntimeouts: {udp: 2m}\nmemory: 1MB\nentry_bytes: 100\n");
    bench_put("profiles/nat/top.yaml",
              "base: mid\nname: known as top\nentry_bytes: 200\nports: {addresses: 2}\n");
    put_scenario("s", "{profile: top, ports: {select: random}}");
    np_scenario *s = bench_load("s", NULL, 0);
    const np_nat_config *nat = &s->world.nat[0];
    assert_string_equal(nat->name, "known as top");
    assert_int_equal(nat->capacity, 5000); /* memory of one profile, entry_bytes of the one above it */
    assert_true(nat->timeout[NP_TIMEOUT_UDP] == 2 * NP_MINUTE &&
                nat->timeout[NP_TIMEOUT_ICMP] == 7 * NP_SECOND);
    assert_true(nat->ports.select == NP_PORT_RANDOM && nat->ports.addresses == 2);
    np_scenario_destroy(s);

    put_scenario("s", "{profile: top, capacity: 3}");
    s = bench_load("s", NULL, 0);
    assert_int_equal(s->world.nat[0].capacity, 3);
    np_scenario_destroy(s);

    put_scenario("s", "profiles/nat/low.yaml");
    s = bench_load("s", NULL, 0);
    assert_string_equal(s->world.nat[0].name, "low");
    np_scenario_destroy(s);
}

static void test_mistakes(void **state)
{
    (void)state;
    bench_put("profiles/nat/a.yaml", "base: b\n");
    bench_put("profiles/nat/b.yaml", "capacity: 5\nbase: c\n");
    bench_put("profiles/nat/c.yaml", "base: a\n");
    bench_put("profiles/nat/self.yaml", "base: self\n");
    bench_put("profiles/nat/bad.yaml", "capacity: 0\nevcit: lru\n");
    bench_put("profiles/nat/list.yaml", "- a\n");
    bench_put("profiles/nat/torn.yaml", "capacity: [\n");
    bench_put("profiles/nat/orphan.yaml", "base: nobody\n");
    bench_put("profiles/nat/deep.yaml", "profile: a\n");

    put_scenario("s", "a");
    expect("s", "profiles/nat/c.yaml:1:7: base: the profile \"a\" is based on itself, by way of \"c\"");
    put_scenario("s", "self");
    expect("s", "profiles/nat/self.yaml:1:7: base: the profile \"self\" is based on itself");
    put_scenario("s", "{profile: bad, refresh: never}");
    expect("s", "s:3:30: refresh: there is no \"never\"; known: both, outbound, inbound, udp-outbound\n"
                "profiles/nat/bad.yaml:1:11: capacity: \"0\" is too small; expected 1 to 64Mi\n"
                "profiles/nat/bad.yaml:2:1: unknown key \"evcit\" in nat; did you mean \"evict\"?");
    put_scenario("s", "list");
    expect("s", "profiles/nat/list.yaml:1:1: list: expected a map of keys, found a list");
    put_scenario("s", "torn");
    expect("s", "profiles/nat/torn.yaml:2:1: flow sequence without a closing bracket");
    put_scenario("s", "orphan");
    char *text = bench_findings("s", NULL, 0);
    assert_non_null(strstr(text, "profiles/nat/orphan.yaml:1:7: there is no nat profile \"nobody\""));
    free(text);
    put_scenario("s", "deep");
    text = bench_findings("s", NULL, 0);
    assert_non_null(strstr(text, "profiles/nat/deep.yaml:1:1: unknown key \"profile\" in nat"));
    free(text);
}

/* What does not go together is told all at once, each where the uppermost layer says one of the keys. */
static void test_contradictions(void **state)
{
    (void)state;
    bench_put("profiles/nat/odd.yaml", "capacity: 10\n"
                                       "ports: {select: preserve, range: 5000-5000, per_host: 11, block: 2}\n"
                                       "expiry: lazy\n"
                                       "at_expiry: reset-both\n"
                                       "adaptive: {start: 90%, end: 50%, steps: [{above: 10, most: 1s}]}\n");
    put_scenario("s", "odd");
    expect("s",
           "profiles/nat/odd.yaml:2:17: ports.select preserve does not go with a ports.range of one port: "
           "two hosts with the same port could not be told apart\n"
           "profiles/nat/odd.yaml:2:55: ports.per_host is 11, but capacity is only 10\n"
           "profiles/nat/odd.yaml:2:66: ports.block is 2, but ports.range has 1 ports\n"
           "profiles/nat/odd.yaml:4:12: at_expiry sends a reset when a mapping expires, which expiry lazy "
           "does not notice; it goes with exact or sweep\n"
           "profiles/nat/odd.yaml:5:19: adaptive.start is 9 and adaptive.end 5; the start must be below\n"
           "profiles/nat/odd.yaml:5:42: adaptive.steps: a step begins above 10 mappings, which a capacity "
           "of 10 never exceeds");

    bench_put("profiles/nat/limited.yaml", "capacity: 100\nports: {per_host: 50}\n");
    bench_put("profiles/nat/lazy.yaml", "base: limited\nexpiry: lazy\n");
    put_scenario("s", "{profile: lazy, at_expiry: reset-inside, capacity: 7}");
    expect("s",
           "s:3:33: at_expiry sends a reset when a mapping expires, which expiry lazy does not notice; it "
           "goes with exact or sweep\n"
           "s:3:57: ports.per_host is 50, but capacity is only 7");
    put_scenario("s", "{profile: limited, ports: {addresses: 2}}"); /* a share of what there is in the end */
    expect("s", "ok");
    np_override set = {"nat.capacity", "7"};
    put_scenario("s", "limited");
    char *text = bench_findings("s", &set, 1);
    assert_string_equal(text, "--set:1:14: ports.per_host is 50, but capacity is only 7");
    free(text);

    bench_put("profiles/nat/near.yaml", "base: limitd\n");
    put_scenario("s", "near");
    text = bench_findings("s", NULL, 0);
    assert_non_null(strstr(text,
                           "profiles/nat/near.yaml:1:7: there is no nat profile \"limitd\"; did you mean "
                           "\"limited\"?"));
    free(text);
    bench_put("profiles/nat/swept.yaml",
              "expiry: {sweep: 0s}\nadaptive: {steps: [{above: 5%, until: 9%}, 7]}\n");
    put_scenario("s", "swept");
    expect("s", "profiles/nat/swept.yaml:1:17: sweep: \"0s\" is too small; expected 1ms to 3650d\n"
                "profiles/nat/swept.yaml:2:20: steps needs the key \"most\": no timeout is longer then\n"
                "profiles/nat/swept.yaml:2:44: steps: expected a map of keys, found a text");
}

/* A name or a path, and which kinds it may be of. */
static void test_kinds_of(void **state)
{
    (void)state;
    enum { NAT = 1, KEEPALIVE = 2, HEARTBEAT = 4, ALL = 31 };
    bench_put("box.yaml", "capacity: 5\nevict: lru\n");
    bench_put("beat.yaml", "base: fixed\nmisses: 2\n");
    bench_put("any.yaml", "about: x\n");
    bench_put("none.yaml", "capacity: 5\nprobes: 3\n");
    bench_put("list.yaml", "[a]\n");
    bench_put("torn.yaml", "capacity: [\n");
    bench_put("scenario.yaml", MINIMAL);
    bench_put("keepalive/box.yaml", "capacity: 5\n");
    assert_int_equal(np_profile_kinds_of(bench_path("box.yaml")), NAT);
    assert_int_equal(np_profile_kinds_of(bench_path("beat.yaml")), HEARTBEAT);
    assert_int_equal(np_profile_kinds_of(bench_path("any.yaml")), ALL);
    assert_int_equal(np_profile_kinds_of(bench_path("none.yaml")), 0);
    assert_int_equal(np_profile_kinds_of(bench_path("list.yaml")), 0);
    assert_int_equal(np_profile_kinds_of(bench_path("torn.yaml")), 0);
    assert_int_equal(np_profile_kinds_of(bench_path("scenario.yaml")), 0);
    assert_int_equal(np_profile_kinds_of(bench_path("keepalive/box.yaml")), KEEPALIVE);
    assert_int_equal(np_profile_kinds_of(bench_path("absent.yaml")), 0);
    assert_int_equal(np_profile_kinds_of(bench_path("keepalive")), 0);
    assert_int_equal(np_profile_kinds_of("pf"), NAT);
    assert_int_equal(np_profile_kinds_of("linux"), NAT | KEEPALIVE);
    assert_int_equal(np_profile_kinds_of("nothing"), 0);
    assert_true(np_scenario_is_named("quickstart"));
    assert_false(np_scenario_is_named("pf"));
}

/* The same mistake by two ways is one mistake. */
static void test_once(void **state)
{
    (void)state;
    bench_put("profiles/keepalive/odd.yaml", "probes: 0\n");
    bench_put("s", "clients: [{name: a, count: 1, workload: {gap: 1s, request: 1B}}]\n"
                   "strategies: [{name: s, keepalive: odd}, {name: t, keepalive: odd}]\n"
                   "vary: {seed: [1, 2]}\n");
    expect("s", "profiles/keepalive/odd.yaml:1:9: probes: \"0\" is too small; expected 1 to 127");
}

static void test_timeout_names(void **state)
{
    (void)state;
    for (int class = 0; class < NP_TIMEOUT_COUNT; ++class) {
        np_nat_config nat;
        np_arena *arena;
        np_error e;
        char path[64];
        snprintf(path, sizeof path, "nat.timeouts.%s", np_timeout_name((np_timeout) class));
        np_override set = {path, "77s"};
        if (!np_profile_nat("lru-box", &set, 1, &nat, &arena, NULL, &e)) fail_msg("%s", e.text);
        for (int other = 0; other < NP_TIMEOUT_COUNT; ++other)
            assert_int_equal(nat.timeout[other] == 77 * NP_SECOND, other == class);
        np_arena_destroy(arena);
    }
}

static void test_environment(void **state)
{
    (void)state;
    bench_put("elsewhere/nat/far.yaml", "capacity: 11\n");
    put_scenario("s", "far");
    setenv("NATPULSE_PROFILES", bench_path("elsewhere"), 1);
    np_scenario *s = bench_load("s", NULL, 0);
    assert_int_equal(s->world.nat[0].capacity, 11);
    np_scenario_destroy(s);

    /* where nothing is found, the message says where it was looked for */
    char here[1000];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(bench_dir), 0);
    setenv("NATPULSE_PROFILES", "/nonexistent/one:/nonexistent/two", 1);
    put_scenario("t", "nothing");
    np_error e = {0};
    uint32_t n = 0;
    if (np_profile_list("radio", note_card, &n, NULL, &e)) fail();
    if (!np_profile_list("heartbeat", note_card, &n, NULL, &e)) /* unless some lie beside this program */
        assert_non_null(
            strstr(e.text, "no heartbeat profiles are found in /nonexistent/one, /nonexistent/two"));
    assert_int_equal(chdir(here), 0);
    unsetenv("NATPULSE_PROFILES");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_show_is_a_profile),
        cmocka_unit_test(test_lru_box_is_the_default),
        cmocka_unit_test(test_for_replay),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_kinds_of),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_timeout_names),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
