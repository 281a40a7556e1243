/*
 * The page and its parts: escaping against a list, well-formedness by a checker that knows nothing but tags,
 * the answer over made-up results, a scenario in words.
 */
#include "../../sim/report/answer.h"
#include "../../sim/report/html.h"
#include "../../sim/report/page.h"
#include "../../sim/report/scale.h"
#include "../../sim/report/varied.h"
#include "../../sim/report/words.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- helpers ---- */

static char *text_of(const char *s)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    np_html_text(f, s);
    fclose(f);
    return out;
}

/* Results of one point of these strategies: reachable mean, half, upkeep bytes, half. */
typedef struct row {
    const char *name;
    double reachable, half, upkeep, upkeep_half;
} row;

static np_estimate estimate(double mean, double half)
{
    return (np_estimate){mean, mean - half, mean + half, 10};
}

static void fill(np_read_strategy *s, const row *from)
{
    np_results_unknown(s);
    s->name = from->name;
    s->value[NP_METRIC_REACHABLE] = estimate(from->reachable, from->half);
    s->value[NP_METRIC_UPKEEP_BYTES] = estimate(from->upkeep, from->upkeep_half);
}

static np_results results_of(const row *rows, uint32_t n, uint32_t points, uint32_t varied,
                             const char *const *path)
{
    np_results r = np_results_empty;
    r.arena = np_arena_create();
    r.scenario = "made up";
    r.version = "1";
    r.digest = "0123456789abcdef";
    r.seed = "7";
    r.replicas = 10;
    r.points = points;
    r.varied = varied;
    r.path = np_arena_alloc(r.arena, (varied + 1) * sizeof *r.path);
    r.point = np_arena_alloc(r.arena, points * sizeof *r.point);
    for (uint32_t v = 0; v < varied; v++) r.path[v] = path[v];
    for (uint32_t p = 0; p < points; p++) {
        np_read_point *to = &r.point[p];
        *to =
            (np_read_point){.vary = "", .capacity = NAN, .duration_s = NAN, .warmup_s = NAN, .strategies = n};
        to->strategy = np_arena_alloc(r.arena, n * sizeof *to->strategy);
        to->value = np_arena_alloc(r.arena, (varied + 1) * sizeof *to->value);
        for (uint32_t i = 0; i < n; i++) fill(&to->strategy[i], &rows[p * n + i]);
    }
    return r;
}

/* ---- escaping ---- */

static void escaping(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } list[] = {
        {"", ""},
        {"plain", "plain"},
        {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
        {"a & b && \"c\"", "a &amp; b &amp;&amp; &quot;c&quot;"},
        {"&amp;", "&amp;amp;"},
        {"]]>", "]]&gt;"},
        {"line\nand\ttab", "line\nand\ttab"},
        {"\x01\x1b[31m\r\x7f", "\xEF\xBF\xBD\xEF\xBF\xBD[31m\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"d\xc3\xa9j\xc3\xa0 \xe2\x9c\x93 \xf0\x9f\x98\x80",
         "d\xc3\xa9j\xc3\xa0 \xe2\x9c\x93 \xf0\x9f\x98\x80"},
        {"\xff\xc3", "\xEF\xBF\xBD\xEF\xBF\xBD"},                                 /* no UTF-8; cut short */
        {"\xc0\xbc", "\xEF\xBF\xBD\xEF\xBF\xBD"},                                 /* < in two bytes */
        {"\xe0\x9f\xbf", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* U+07FF in three */
        {"\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* half of a pair */
        {"\xef\xbf\xbe", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* U+FFFE */
        {"\xf4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* past the last */
        {"\xc2\x85", "\xEF\xBF\xBD\xEF\xBF\xBD"},                                 /* a control character */
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char *got = text_of(list[i].from);
        assert_string_equal(got, list[i].to);
        free(got);
    }
}

static void figure(void **state)
{
    (void)state;
    static const char svg[] =
        "<?xml version=\"1.0\"?>\n<svg \n width=\"9\" height=\"8\" viewBox=\"0 0 9 8\"\n "
        "xmlns:xlink=\"http://www.w3.org/1999/xlink\"\n>\n<title>Gnuplot</title>\n"
        "<g id=\"gnuplot_canvas\">\n<defs><path id='gpPt0' d='M-1,0'/></defs>\n"
        "<g id=\"gnuplot_plot_1\" ><title>tip</title>\n"
        "<use xlink:href='#gpPt0'/><g font-family=\"X,Y\" font-size=\"17.00\" fill=\"red\">"
        "<text>&lt;a id=\"gnuplot_\" xlink:href= \x02</text></g></g></g></svg>";
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    np_html_svg(f, svg, "a \"b\"");
    fclose(f);
    assert_string_equal(out,
                        "<svg role=\"img\" aria-label=\"a &quot;b&quot;\" viewBox=\"0 0 9 8\"><g>\n\n<g >\n"
                        "<use href='#gpPt0'/><g fill=\"red\">"
                        "<text>&lt;a id=\"gnuplot_\" xlink:href= \xEF\xBF\xBD</text></g></g></g></svg>\n");
    free(out);
    f = open_memstream(&out, &size);
    np_html_svg_marks(f, svg);
    np_html_svg(f, "no figure", "x");
    fclose(f);
    assert_non_null(strstr(out, "<defs><path id='gpPt0' d='M-1,0'/></defs></svg>\n"));
    assert_null(strstr(out, "no figure"));
    free(out);
}

/* ---- the page ---- */

/* Every tag closed in order, attributes quoted, no bare & or <. NULL, or what is wrong. */
static const char *ill_formed(const char *s)
{
    static char name[200][24];
    int depth = 0;
    if (strncmp(s, "<!DOCTYPE html>", 15) != 0) return "no document type";
    for (s += 15; *s; s++) {
        if (*s == '&' && strncmp(s, "&amp;", 5) && strncmp(s, "&lt;", 4) && strncmp(s, "&gt;", 4) &&
            strncmp(s, "&quot;", 6) && strncmp(s, "&#39;", 5))
            return "a bare &";
        if (*s == '>') return "a bare >";
        if (*s != '<') continue;
        bool closing = s[1] == '/';
        const char *tag = s + 1 + closing;
        size_t n = strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (n == 0 || n >= sizeof *name) return "a bare <";
        for (s = tag + n; *s && *s != '>'; s++) {
            if (*s != '"' && *s != '\'') continue;
            s = strchr(s + 1, *s);
            if (!s) return "an open quote";
        }
        if (!*s) return "an open tag";
        if (closing) {
            if (depth == 0 || strlen(name[depth - 1]) != n || strncmp(name[depth - 1], tag, n) != 0)
                return tag;
            depth--;
        } else if (s[-1] != '/') {
            if (depth == 200) return "too deep";
            snprintf(name[depth++], sizeof *name, "%.*s", (int)n, tag);
        }
        if (!closing && strncmp(tag, "style", 5) == 0) s = strstr(s, "</style>") - 1; /* not markup */
    }
    return depth == 0 ? NULL : name[depth - 1];
}

static char *page_of(const np_results *r)
{
    char *out = NULL;
    size_t size;
    np_error e;
    FILE *f = open_memstream(&out, &size);
    assert_true(np_page_write(r, &(np_page_options){.target = NP_TARGET, .no_figures = true}, f, &e));
    fclose(f);
    assert_int_equal(strlen(out), size);
    return out;
}

static const char evil[] = "<script>\"'&]]>\x01\xff</td></p><!-- %s %n";

static void page(void **state)
{
    (void)state;
    assert_string_equal(ill_formed("<!DOCTYPE html><a><b></a></b>"), "a></b>");
    assert_string_equal(ill_formed("<!DOCTYPE html><a>x & y</a>"), "a bare &");
    const row rows[] = {{evil, 0.5, 0.01, 100, 1},
                        {"b", 0.995, 0.001, 2000, 10},
                        {evil, 0.6, 0.01, 100, 1},
                        {"b", 0.997, 0.001, 2100, 10}};
    static const char *const path[] = {"nat.<b>\"&'"};
    np_results r = results_of(rows, 2, 2, 1, path);
    r.point[0].value[0] = "1</td>";
    r.point[1].value[0] = evil;
    r.scenario = r.about = r.version = r.digest = r.seed = evil;
    r.yaml = "name: </pre><script>\n  - &anchor *alias\n";
    assert_true(np_results_remark(&r, &r.warning, evil, evil));
    assert_true(np_results_remark(&r, &r.expect, "", evil));
    assert_true(np_results_remark(&r, &r.precision, evil, evil));
    char *out = page_of(&r), *again = page_of(&r);
    const char *wrong = ill_formed(out);
    if (wrong) fail_msg("ill-formed at '%.60s'", wrong);
    assert_null(strstr(out, "<script"));
    assert_null(strstr(out, "<!--"));
    assert_non_null(strstr(out, "&lt;script&gt;&quot;&#39;&amp;]]&gt;"));
    assert_string_equal(out, again);
    free(out);
    free(again);
    np_arena_destroy(r.arena);
}

/* ---- the answer ---- */

#define NONE                                                                                                 \
    {                                                                                                        \
        NULL, 0, 0, 0, 0                                                                                     \
    }

static void answers(void **state)
{
    (void)state;
    static const struct {
        row row[4];
        const char *says, *doubts;
    } list[] = {
        /* The cheapest of those whose whole interval is above. */
        {{{"a", 0.5, 0.01, 10, 1}, {"b", 0.995, 0.001, 2000, 10}, {"c", 0.999, 0.0001, 9000, 10}, NONE},
         "‘b’ is the cheaper of two that keep clients reachable at least 99 % of the time: 99.5 % (95 % "
         "interval 99.4 "
         "to 99.6 %), for 2.00 kB of upkeep per connection-hour.",
         ""},
        /* A cheaper one is open; one costs the same. */
        {{{"a", 0.989, 0.002, 10, 1}, {"b", 0.995, 0.001, 2000, 10}, {"c", 0.999, 0.0001, 2005, 10}, NONE},
         "‘b’ is the cheaper of two that keep",
         "‘a’ costs less (10 B) and may do as well: it comes to 98.9 % (95 % interval 98.7 to 99.1 %). More "
         "replicas "
         "would tell. ‘c’ costs the same as far as these replicas can tell."},
        /* The interval must be above, not the mean. */
        {{{"a", 0.991, 0.002, 10, 1}, {"b", 0.5, 0.1, 1, 1}, NONE, NONE},
         "Nothing here is shown to keep clients reachable at least 99 % of the time; the best, ‘a’, comes to "
         "99.1 % "
         "(95 % interval 98.9 to 99.3 %), which leaves the target open.",
         ""},
        {{{"a", 0.90, 0.02, 10, 1}, {"b", 0.89, 0.02, 1, 1}, {"c", 0.1, 0.02, 1, 1}, NONE},
         "Nothing here is shown to keep clients reachable at least 99 % of the time; the best, ‘a’, comes to "
         "90 % (95 "
         "% interval 88 to 92 %).",
         "‘b’ cannot be told from it: the intervals overlap."},
        /* One replica shows nothing. */
        {{{"a", 0.9999, NAN, 10, NAN}, NONE, NONE, NONE},
         "comes to 99.99 %, and one replica has no interval.",
         ""},
        /* What costs is not known: nothing is said of it. */
        {{{"a", 0.9999, 0, NAN, NAN}, NONE, NONE, NONE},
         "‘a’ alone keeps clients reachable at least 99 % of the time: 99.99 % (95 % interval 99.99 to 99.99 "
         "%).",
         ""},
        {{{"a", NAN, NAN, 1, 1}, NONE, NONE, NONE},
         "None of these strategies has a figure for reachability",
         ""},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint32_t n = 0;
        while (n < 4 && list[i].row[n].name) n++;
        np_results r = results_of(list[i].row, n, 1, 0, NULL);
        np_answer a;
        assert_true(np_answer_of(&r, 0.99, &a));
        if (!strstr(a.sentence, list[i].says)) fail_msg("'%s' instead of '%s'", a.sentence, list[i].says);
        assert_string_equal(a.doubts, list[i].doubts);
        assert_int_equal(a.circumstances, 0);
        np_arena_destroy(r.arena);
    }
}

/* Two capacities are met, two intervals are chosen: the choice must do in both. */
static void circumstances(void **state)
{
    (void)state;
    static const char *const path[] = {"nat.capacity", "strategies.beat.heartbeat.every"};
    const row rows[] = {{"beat", 0.999, 0.0001, 4000, 1},  {"none", 0.1, 0.01, 0, 0},  /* 512, 30s */
                        {"beat", 0.900, 0.0001, 1000, 1},  {"none", 0.1, 0.01, 0, 0},  /* 512, 2m */
                        {"beat", 0.9995, 0.0001, 4100, 1}, {"none", 0.2, 0.01, 0, 0},  /* 2k, 30s */
                        {"beat", 0.998, 0.0001, 1100, 1},  {"none", 0.2, 0.01, 0, 0}}; /* 2k, 2m */
    np_results r = results_of(rows, 2, 4, 2, path);
    static const char *const value[4][2] = {{"512", "30s"}, {"512", "2m"}, {"2k", "30s"}, {"2k", "2m"}};
    for (int p = 0; p < 4; p++) memcpy(r.point[p].value, value[p], sizeof value[p]);
    np_answer a;
    assert_true(np_answer_of(&r, 0.99, &a));
    assert_string_equal(
        a.sentence,
        "‘beat’ with every = 30s alone keeps clients reachable at least 99 % of the time at both values "
        "of nat.capacity: at worst 99.90 % (95 % interval 99.89 to 99.91 %), for 4.10 kB of upkeep per "
        "connection-hour.");
    assert_int_equal(a.circumstances, 2);
    assert_string_equal(a.at[0].circumstance, "nat.capacity = 512");
    assert_string_equal(a.at[0].choice, "‘beat’ with every = 30s");
    assert_string_equal(a.at[1].choice, "‘beat’ with every = 2m");
    np_arena_destroy(r.arena);
}

/* ---- scales and values ---- */

static void nines(void **state)
{
    (void)state;
    const np_estimate e[] = {estimate(0.5, 0.01), estimate(0.999, 0.0001), estimate(1, 0)};
    np_scale s = np_scale_of(NP_METRIC_REACHABLE, e, 3, true, false);
    assert_int_equal(s.kind, NP_SCALE_NINES);
    double one = np_scale_at(&s, 0.99) - np_scale_at(&s, 0.9),
           two = np_scale_at(&s, 0.999) - np_scale_at(&s, 0.99);
    assert_true(fabs(one - two) < 1e-9 && fabs(one - 1) < 1e-9);
    assert_true(np_scale_at(&s, 1) > np_scale_at(&s, 0.9991) && np_scale_at(&s, 1) < s.high);
    assert_true(np_scale_at(&s, 0) >= s.low);
    s = np_scale_of(NP_METRIC_REACHABLE, e, 1, true, false); /* 50 %: no use for nines */
    assert_int_equal(s.kind, NP_SCALE_LINEAR);
    const np_estimate cost[] = {estimate(0, 0), estimate(10, 1), estimate(1000, 1)};
    s = np_scale_of(NP_METRIC_UPKEEP_BYTES, cost, 3, true, true);
    assert_int_equal(s.kind, NP_SCALE_LOG);
    assert_true(np_scale_at(&s, 0) < np_scale_at(&s, 10) && np_scale_at(&s, 0) >= s.low);
}

static void quantities(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit;
        double value;
    } list[] = {{"30s", "s", 30},      {"1m30s", "s", 90},
                {"250ms", "s", 0.25},  {"2k", "", 2000},
                {"1.5MB", "B", 1.5e6}, {"5%", "%", 5},
                {"0.5%", "%", 0.5},    {"64kbit/s", "bit/s", 64000},
                {"17", "", 17},        {"0", "", 0},
                {"lru", NULL, 0},      {"", NULL, 0},
                {"5 apples", NULL, 0}, {"exponential(5ms)", NULL, 0}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        double value;
        const char *unit;
        bool ok = np_quantity(list[i].text, &value, &unit);
        assert_int_equal(ok, list[i].unit != NULL);
        if (!ok) continue;
        assert_string_equal(unit, list[i].unit);
        assert_true(fabs(value - list[i].value) < 1e-9 * fmax(1, list[i].value));
    }
}

/* ---- words ---- */

static void words(void **state)
{
    (void)state;
    static const char yaml[] = "name: x\nduration: 90m\nwarmup: 10m\nseed: 1\nreplicas: 3\n"
                               "nat: {profile: lru-box, capacity: 320, timeouts: {tcp_established: 1h}}\n"
                               "access: {delay: 25ms, loss: 2%}\nservers: {count: 1}\n"
                               "clients:\n  - {name: phones, count: 40, workload: push}\n"
                               "strategies:\n  - {name: none at all}\n"
                               "  - {name: kept, keepalive: {idle: 60s, interval: 10s, probes: 6}}\n"
                               "  - {name: beats, heartbeat: {every: 90s, timeout: 10s, misses: 2}}\n"
                               "vary: {nat.capacity: [320, 640, 1k]}\n";
    assert_null(np_words_scenario("name: [no scenario"));
    np_scenario *s = np_words_scenario(yaml);
    if (!s) skip(); /* the profiles are not where this program stands */
    np_arena *a = np_arena_create();
    np_words w;
    assert_true(np_words_of(s, a, &w));
    static const char *const wanted[] = {"phones: 40 clients over TCP",
                                         "room for 320 mappings",
                                         "longest idle one goes",
                                         "idle for 1 h (TCP)",
                                         "takes 25 ms each way, loses 2 % of packets",
                                         "1 server.",
                                         "runs for 1 h 30 min, the first 10 min",
                                         "nat.capacity is 320, 640 or 1k."};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        uint32_t k = 0;
        while (k < w.sentences && !strstr(w.sentence[k], wanted[i])) k++;
        if (k == w.sentences) fail_msg("nothing says '%s'", wanted[i]);
    }
    assert_string_equal(w.strategy[0], "one connection, and nothing done to keep it");
    assert_string_equal(w.strategy[1],
                        "TCP keepalive: after 1 min without a word a probe, up to 6 of them 10 s apart");
    assert_non_null(strstr(w.strategy[2], "from the client every 1 min 30 s; 2 answers later than 10 s end"));
    np_arena_destroy(a);
    np_scenario_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escaping),   cmocka_unit_test(figure),        cmocka_unit_test(page),
        cmocka_unit_test(answers),    cmocka_unit_test(circumstances), cmocka_unit_test(nines),
        cmocka_unit_test(quantities), cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
