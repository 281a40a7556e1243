/*
 * Every axis of a NAT box can be set by itself, to each of its values: in a scenario, in a profile, by --set,
 * for a replay. All ways come to the same box, which prints as a scenario that reads the same, and runs.
 *
 * Which keys there are, and of most their values, is asked of the list of keys. That list must have what the
 * design promises.
 */
#include "nat_profile.h"

#include "natpulse/world.h"

/* One value of one key. */
typedef struct setting {
    const char *path;   /* below nat */
    const char *value;  /* as it is set */
    const char *prints; /* as show prints it; NULL: something else, or not at all */
    const char *beside; /* other keys it needs, in flow style; NULL: none */
} setting;

/* Keys whose form tells no value. */
static const setting special[] = {
    {"name", "x", "x", NULL},
    {"memory", "1MB", NULL, "entry_bytes: 100B"},
    {"entry_bytes", "100B", NULL, "memory: 1MB"},
    {"adaptive.start", "7", "7", "adaptive: {end: 9}"},
    {"adaptive.steps", "none", "none", NULL},
    {"adaptive.steps", "[{above: 7, most: 9s}]", NULL, NULL},
    {"adaptive.steps", "[{above: 50%, until: 25%, most: 9s}, {above: 90%, most: 1s}]", NULL, NULL},
    {"expiry", "exact", "exact", NULL},
    {"expiry", "lazy", "lazy", NULL},
    {"expiry", "{sweep: 10s}", "{sweep: 10s}", NULL},
    {"ports.range", "3000-4000", "3000-4000", NULL},
    {"restart.every", "exponential(1h)", "exponential(1h)", NULL},
    {"restart.at", "[10s, 20s]", "[10s, 20s]", NULL},
    {"restart.new_address", "true", "true", "restart: {at: [10s]}"},
    {"restart.new_address", "false", "false", "restart: {at: [10s]}"},
    {"restart.new_address", "yes", "true", "restart: {at: [10s]}"},
    {"restart.new_address", "no", "false", "restart: {at: [10s]}"},
};

/* What the design's table of section 2 and the list of keys in section 4 name. */
static const char *const promised[][2] = {
    {"evict", "lru refuse fifo random clock sieve s3fifo lru-unassured-first lru-per-host expired-heads "
              "linux-early-drop bpf-lru netx guarantee belady"},
    {"refresh", "outbound inbound both"},
    {"tracker", "none flags linux pf"},
    {"mapping", "endpoint-independent address-dependent address-and-port-dependent"},
    {"filtering", "endpoint-independent address-dependent address-and-port-dependent"},
    {"ports.select", "preserve random sequential linux"},
    {"unknown_outbound", "adopt drop reset"},
    {"unknown_inbound", "drop reset"},
    {"at_expiry", "silent reset-inside reset-both"},
    {"invalid", "drop leak"},
    {"loose", "true false"},
};
static const char *const promised_keys =
    " profile capacity memory entry_bytes evict timeouts.tcp_syn_sent timeouts.tcp_syn_recv "
    "timeouts.tcp_established timeouts.tcp_fin_wait timeouts.tcp_close_wait timeouts.tcp_last_ack "
    "timeouts.tcp_time_wait timeouts.tcp_close timeouts.tcp_transitory timeouts.tcp_max_retrans "
    "timeouts.tcp_unacknowledged timeouts.udp timeouts.udp_stream timeouts.icmp timeouts.other "
    "adaptive.start adaptive.end refresh expiry tracker loose mapping filtering ports.select ports.range "
    "ports.addresses ports.block ports.hold ports.per_host buckets unknown_outbound unknown_inbound invalid "
    "at_expiry cpu.rate cpu.queue restart.every restart.at restart.new_address ";

/* ---- texts ---- */

#define REST                                                                                                 \
    "name: x\nduration: 1m\nwarmup: 1s\nreplicas: 1\n"                                                       \
    "clients: [{name: a, count: 2, arrival: 0s, workload: {opens: client, gap: 5s, request: 9B, response: "  \
    "9B}}]\n"                                                                                                \
    "strategies: [{name: s}]\n"

/* "ports: {select: random}" and the keys beside it, as the inside of a map. */
static void write_map(char *buf, size_t size, const setting *s)
{
    const char *dot = strchr(s->path, '.');
    const char *beside = s->beside ? s->beside : "";
    const char *brace = strchr(beside, '{');
    if (dot && brace) /* in the same part */
        snprintf(buf, size, "%.*s: {%s: %s, %s", (int)(dot - s->path), s->path, dot + 1, s->value, brace + 1);
    else if (dot)
        snprintf(buf, size, "%.*s: {%s: %s}", (int)(dot - s->path), s->path, dot + 1, s->value);
    else
        snprintf(buf, size, "%s: %s%s%s", s->path, s->value, *beside ? ", " : "", beside);
}

/* Kept apart: gcc 12 takes the stream's pointer for a dangling one where all is inlined. */
static __attribute__((noinline)) char *show_whole(const np_scenario *s)
{
    return bench_show(s);
}

/* What a scenario prints, without the name of the box. */
static char *printed(const char *file, const np_override *set, uint32_t sets)
{
    np_scenario *s = bench_load(file, set, sets);
    char *text = show_whole(s), *name = strstr(text, "\nnat:\n  name: ");
    np_scenario_destroy(s);
    assert_non_null(name);
    name += strlen("\nnat:\n");
    memmove(name, strchr(name, '\n') + 1, strlen(strchr(name, '\n')));
    return text;
}

static uint32_t overrides(const setting *s, np_override set[4], char room[4][100])
{
    uint32_t n = 0;
    snprintf(room[0], sizeof room[0], "nat.%s", s->path);
    set[n++] = (np_override){room[0], s->value};
    if (s->beside == NULL) return n;
    /* "KEY: VALUE", or "PART: {KEY: VALUE}" */
    const char *brace = strchr(s->beside, '{');
    char key[50], value[50];
    assert_int_equal(sscanf(brace ? brace + 1 : s->beside, "%49[^:]: %49[^}]", key, value), 2);
    if (brace)
        snprintf(room[1], sizeof room[1], "nat.%.*s.%s", (int)strcspn(s->beside, ":"), s->beside, key);
    else
        snprintf(room[1], sizeof room[1], "nat.%s", key);
    snprintf(room[2], sizeof room[2], "%s", value);
    set[n++] = (np_override){room[1], room[2]};
    return n;
}

/* ---- one value ---- */

static void must_run(const char *file, bool for_replays)
{
    np_scenario *s = bench_load(file, NULL, 0);
    np_error e = {.text = ""};
    np_result *r = np_world_run(&s->world, &s->strategy[0], 0, NULL, NULL, &e);
    if (for_replays)
        assert_non_null(strstr(e.text, "natpulse replay"));
    else if (r == NULL)
        fail_msg("%s", e.text);
    np_result_destroy(r);
    np_scenario_destroy(s);
}

/* Whether it is another box than the default. */
static bool try(const setting *s)
{
    char map[300], text[1200], room[4][100];
    np_override set[4];
    uint32_t sets = overrides(s, set, room);
    print_message("%s: %s\n", s->path, s->value);

    bench_put("plain", "nat: {name: x}\n" REST);
    char *plain = printed("plain", NULL, 0);
    write_map(map, sizeof map, s);
    snprintf(text, sizeof text, "nat: {%s}\n%s", map, REST);
    bench_put("scenario", text);
    char *one = printed("scenario", NULL, 0);

    snprintf(text, sizeof text, "about: x\nsources: [y]\n%s\n", map);
    for (char *comma = text; s->beside && !strchr(s->path, '.') && (comma = strstr(comma, ", ")) != NULL;)
        if (strncmp(comma + 2, s->beside, strlen(s->beside)) == 0) {
            comma[0] = '\n';
            comma[1] = ' ';
            memmove(comma + 1, comma + 2, strlen(comma + 1));
        } else {
            comma++;
        }
    bench_put("profiles/nat/mine.yaml", text);
    bench_put("by-profile", "nat: mine\n" REST);
    char *two = printed("by-profile", NULL, 0);
    char *three = printed("plain", set, sets);
    assert_string_equal(two, one);
    assert_string_equal(three, one);

    if (s->prints != NULL) {
        const char *dot = strrchr(s->path, '.');
        snprintf(text, sizeof text, " %s: %s\n", dot ? dot + 1 : s->path, s->prints);
        if (strcmp(s->path, "name") != 0 && strstr(one, text) == NULL)
            fail_msg("nat.%s=%s is not in what show prints", s->path, s->value);
    }
    snprintf(text, sizeof text, "%s", one); /* it prints as a scenario that prints the same */
    np_scenario *loaded = bench_load("scenario", NULL, 0);
    char *whole = show_whole(loaded);
    np_scenario_destroy(loaded);
    bench_put("again", whole);
    char *four = printed("again", NULL, 0);
    assert_string_equal(four, one);

    np_arena *arena; /* for a replay, on top of a profile */
    np_nat_config c = profile_config("lru-box", set, sets, &arena);
    np_error e;
    if (!np_nat_check(&c, &e)) fail_msg("%s", e.text);
    np_arena_destroy(arena);
    must_run("scenario", strcmp(s->value, "belady") == 0);
    bool other = strcmp(one, plain) != 0;
    free(plain);
    free(one);
    free(two);
    free(three);
    free(four);
    free(whole);
    return other;
}

/* ---- all of them ---- */

typedef struct keys {
    char path[100][60], form[100][400], fallback[100][60];
    uint32_t n;
} keys;

static void note_key(void *ctx, const np_scenario_key *key)
{
    keys *all = ctx;
    if (strncmp(key->path, "nat.", 4) != 0 || strstr(key->path, "[]")) return;
    assert_true(all->n < 100);
    snprintf(all->path[all->n], sizeof all->path[0], "%s", key->path + 4);
    snprintf(all->form[all->n], sizeof all->form[0], "%s", key->form);
    snprintf(all->fallback[all->n++], sizeof all->fallback[0], "%s", key->fallback);
}

static const keys *all_keys(void)
{
    static keys all;
    np_error e;
    all.n = 0;
    assert_true(np_scenario_keys(note_key, &all, &e));
    assert_true(all.n > 50);
    return &all;
}

static bool is_special(const char *path)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; ++i)
        if (strcmp(special[i].path, path) == 0) return true;
    return false;
}

/* A word of a form: a kind of quantity, or a value. */
static void try_word(const char *path, const char *word, const char *fallback)
{
    setting s = {path, word, word, NULL};
    if (strcmp(word, "count") == 0) s.value = s.prints = "7";
    if (strcmp(word, "share") == 0) s.value = "50%", s.prints = "2048"; /* of the default capacity */
    if (strcmp(word, "duration") == 0) s.value = s.prints = "7s";
    if (strcmp(word, "yes") == 0) s.prints = "true";
    if (strcmp(word, "no") == 0) s.prints = "false";
    bool other = strcmp(s.prints, fallback) != 0;
    if (strcmp(path, "timeouts.tcp_transitory") == 0) s.prints = NULL;
    assert_int_equal(try(&s), other);
}

static void test_every_value(void **state)
{
    (void)state;
    const keys *all = all_keys();
    uint32_t tried = 0;
    for (uint32_t i = 0; i < all->n; ++i) {
        if (is_special(all->path[i]) || strcmp(all->form[i], "map") == 0) continue;
        char words[400], *save;
        snprintf(words, sizeof words, "%s", all->form[i]);
        for (char *word = strtok_r(words, "|", &save); word; word = strtok_r(NULL, "|", &save), ++tried)
            try_word(all->path[i], word, all->fallback[i]);
    }
    for (size_t i = 0; i < sizeof special / sizeof *special; ++i, ++tried) try(&special[i]);
    printf("%u values of %u keys\n", tried, all->n);
    assert_true(tried > 90);
}

static void test_promises(void **state)
{
    (void)state;
    const keys *all = all_keys();
    for (size_t i = 0; i < sizeof promised / sizeof *promised; ++i) {
        uint32_t k = 0;
        while (k < all->n && strcmp(all->path[k], promised[i][0]) != 0) ++k;
        assert_true(k < all->n);
        char words[300], form[420], *save;
        snprintf(words, sizeof words, "%s", promised[i][1]);
        snprintf(form, sizeof form, "|%s|", all->form[k]);
        for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
            char wanted[60];
            snprintf(wanted, sizeof wanted, "|%s|", word);
            if (strstr(form, wanted) == NULL) fail_msg("nat.%s cannot be %s", promised[i][0], word);
        }
    }
    char words[2000], *save;
    snprintf(words, sizeof words, "%s", promised_keys);
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        uint32_t k = 0;
        while (k < all->n && strcmp(all->path[k], word) != 0) ++k;
        if (k == all->n && strcmp(word, "profile") != 0) fail_msg("there is no key nat.%s", word);
    }
}

/* ---- shares ---- */

/* A share is of the capacity that there is in the end, whoever said it. */
static void test_shares(void **state)
{
    (void)state;
    np_override set[] = {{"nat.capacity", "1000"}, {"nat.adaptive.start", "55%"}};
    np_arena *arena;
    np_nat_config c = profile_config("pf", set, 2, &arena);
    assert_int_equal(c.adaptive.start, 550);
    assert_int_equal(c.adaptive.end, 1200);
    np_arena_destroy(arena);
    set[1] = (np_override){"nat.adaptive.start", "5"};
    c = profile_config("pf", set, 2, &arena);
    assert_int_equal(c.adaptive.start, 5);
    np_arena_destroy(arena);
    c = profile_config("vpp-nat44-ei", set, 1, &arena);
    assert_int_equal(c.ports.per_host, 1000);
    np_arena_destroy(arena);
    set[1] = (np_override){"nat.capacity", "1"};
    c = profile_config("pf", set + 1, 1, &arena); /* of one: rounded apart */
    assert_int_equal(c.adaptive.start, 0);
    assert_int_equal(c.adaptive.end, 2);
    np_arena_destroy(arena);

    c = profile_config("mikrotik", NULL, 0, &arena); /* a step ends where it begins unless it says where */
    static const uint32_t above[] = {8192, 24576, 65536, 106496};
    assert_int_equal(c.adaptive.steps, 4);
    for (uint32_t i = 0; i < 4; ++i) {
        assert_int_equal(c.adaptive.step[i].above, above[i]);
        assert_int_equal(c.adaptive.step[i].until, above[i]);
    }
    np_arena_destroy(arena);

    bench_put("s", "nat: {memory: 1MB, entry_bytes: 1kB, ports: {per_host: 10%}}\n" REST);
    np_scenario *s = bench_load("s", NULL, 0);
    assert_int_equal(s->world.nat[0].ports.per_host, 100);
    np_scenario_destroy(s);
}

int main(void)
{
    if (access(PROFILES_DIR, F_OK) != 0) {
        puts("runs from the top of the tree");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value),
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
