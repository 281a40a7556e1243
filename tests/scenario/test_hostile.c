/*
 * Scenarios that mean harm: nothing crashes, nothing takes long, everything is refused with words. (Under
 * ASan and UBSan this test is worth most: make SAN=1 test-scenario.)
 */
#include "bench.h"

/* libfyaml 0.7 loses about 1 kB for each quoted text with more than eight escapes (its issue 233): not ours.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static void expect_part(const char *part)
{
    char *text = bench_findings("x", NULL, 0);
    if (!strstr(text, part)) fail_msg("expected \"%s\", got %.500s", part, text);
    free(text);
}

/* n times `unit`, then the rest. */
static void put_repeated(const char *before, const char *unit, size_t n, const char *after)
{
    size_t length = strlen(unit), first = strlen(before), all = first + n * length + strlen(after);
    char *text = malloc(all + 1);
    memcpy(text, before, first);
    for (size_t i = 0; i < n; ++i) memcpy(text + first + i * length, unit, length);
    strcpy(text + first + n * length, after);
    bench_put_bytes("x", text, all);
    free(text);
}

static void test_depth(void **state)
{
    (void)state;
    put_repeated("a: ", "[", 100000, "");
    expect_part("x:1:2"); /* libfyaml has a limit of its own, and either may speak first */
    put_repeated("a: ", "{b: ", 60, "1");
    expect_part("nested deeper than 24: no scenario needs that");
    put_repeated("", "- ", 5000, "1");
    expect_part("nested deeper than 24: no scenario needs that");
}

static void test_aliases(void **state)
{
    (void)state;
    bench_put("x", "a: &a [x, x, x, x, x, x, x, x, x]\n"
                   "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                   "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
                   "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
                   "e: [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n");
    expect_part("aliases (*name) are not allowed");
    bench_put("x", "a: &a [*a]\n");
    expect_part("aliases (*name) are not allowed");
    bench_put("x", MINIMAL "<<: *nothing\n");
    expect_part("aliases (*name) are not allowed");
}

static void test_sizes(void **state)
{
    (void)state;
    put_repeated("# ", "x", 4000000, "\n");
    expect_part("it is too big");
    put_repeated("a: [", "1,", 60000, "1]\n");
    expect_part("more than 50000 values");
    put_repeated("a", "a", 100000, ": 1\n");
    expect_part("unknown key \"aaaa");
    put_repeated(MINIMAL "seed: ", "9", 100000, "\n");
    expect_part("is not a count");
    put_repeated(MINIMAL "access: {jitter: ", "uniform(", 10000, "}\n");
    expect_part("does not end with");
    put_repeated(MINIMAL "access: {jitter: empirical(", "1ms ", 200001, ")}\n");
    expect_part("more than 200000 values");
    put_repeated("", "x: 1\n", 20000, "");
    expect_part("more mistakes are left out");
    put_repeated("clients: [", "{name: a, count: 1, workload: push},", 65, "]\nstrategies: [{name: s}]\n");
    expect_part("65 groups are too many");
    put_repeated("a: ", "\"", 1, "");
    expect_part("x:1:");
}

static void test_many_escapes(void **state)
{
    (void)state;
    put_repeated(MINIMAL "about: \"", "\\x41\\n", 1000, "\"\n");
    np_scenario *s = bench_load("x", NULL, 0);
    assert_int_equal(strlen(s->about), 2000);
    for (size_t i = 0; i < 2000; ++i) assert_int_equal(s->about[i], i % 2 ? '\n' : 'A');
    np_scenario_destroy(s);
}

static void test_grid_sizes(void **state)
{
    (void)state;
    bench_put(
        "x", MINIMAL
        "vary:\n  seed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n  duration: [1h, 2h, 3h, 4h, 5h, 6h, 7h, 8h, 9h, "
        "10h]\n"
        "  nat.capacity: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n  tcp.retries: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
        "  tcp.mss: [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]\n"
        "  access.delay: [1s, 2s, 3s, 4s, 5s, 6s, 7s, 8s, 9s, 10s]\n  core.delay: [1s, 2s]\n");
    expect_part("the grid has 2000000 points; expected at most 1000000");
}

static void test_bytes(void **state)
{
    (void)state;
    bench_put_bytes("x",
                    "\x7f"
                    "ELF\x02\x01\x01\0\0\0",
                    10);
    expect_part("is no text: a YAML file in UTF-8 is expected here");
    bench_put_bytes("x",
                    "\xff\xfe"
                    "n\0a\0",
                    6);
    expect_part("is no text");
    bench_put_bytes("x", MINIMAL "\0", sizeof MINIMAL);
    expect_part("byte 0x00 is no text");

    /* UTF-8 that is too long, a surrogate, beyond U+10FFFF, cut (RFC 3629 3) */
    static const char *const bad[] = {"\xc0\x80",
                                      "\xe0\x9f\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\x80",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        bench_put("x", bad[i]);
        expect_part("x:1:1: byte 0x");
    }
    bench_put("x", MINIMAL "name: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n");
    expect_part("ok");
}

/* The example that mutations start from: the quick start, or where it is not at hand a scenario that has all
   kinds of values. */
static char *read_sample(size_t *bytes)
{
    FILE *f = fopen("scenarios/quickstart.yaml", "rb");
    char *text = calloc(1, 100000);
    if (f) {
        *bytes = fread(text, 1, 99999, f);
        fclose(f);
    } else {
        strcpy(text, MINIMAL
               "access: {jitter: exponential(5ms), loss: {gilbert: {mean_loss: 1%, mean_burst: 1s}}}\n"
               "vary: {nat.capacity: [1k, 2k]}\n");
        *bytes = strlen(text);
    }
    return text;
}

static void load_any(const char *bytes, size_t n)
{
    bench_put_bytes("x", bytes, n);
    char *text = bench_findings("x", NULL, 0);
    assert_true(strlen(text) > 0); /* "ok", or words */
    free(text);
}

static void test_cut(void **state)
{
    size_t bytes;
    char *sample = read_sample(&bytes);
    (void)state;
    for (size_t n = 0; n <= bytes; ++n) load_any(sample, n);
    free(sample);
}

static uint64_t next(uint64_t *x) /* splitmix64 */
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void test_mutations(void **state)
{
    static const char likely[] = "{}[]:,-#&*!|>'\"%@`\n \t0123456789()=.";
    const char *said = getenv("NP_SEED");
    uint64_t seed = said ? strtoull(said, NULL, 0) : 1, x = seed;
    size_t bytes;
    char *sample = read_sample(&bytes), *copy = malloc(2 * bytes + 1);
    (void)state;
    print_message("NP_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 3000; ++round) {
        memcpy(copy, sample, bytes);
        size_t n = bytes;
        for (uint64_t i = next(&x) % 6 + 1; i > 0; --i) {
            size_t at = next(&x) % n, length = next(&x) % 40;
            if (at + length > n) length = n - at;
            switch (next(&x) % 4) {
            case 0: copy[at] = (char)next(&x); break;
            case 1: copy[at] = likely[next(&x) % (sizeof likely - 1)]; break;
            case 2: /* a piece goes */
                if (n - length < 10) break;
                memmove(copy + at, copy + at + length, n - at - length);
                n -= length;
                break;
            default: /* a piece is there twice */
                if (n + length > 2 * bytes) break;
                memmove(copy + at + length, copy + at, n - at);
                n += length;
                break;
            }
        }
        load_any(copy, n);
    }
    free(sample);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),      cmocka_unit_test(test_aliases),      cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_grid_sizes), cmocka_unit_test(test_many_escapes), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
