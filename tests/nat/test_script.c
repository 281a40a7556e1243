/*
 * Packet scripts: every mistake is found where it stands; every kind of expectation holds where it should and
 * fails where it should not; and what scripts bring along by themselves (numbers, hosts, repeats, times).
 */
#include "../../sim/nat/script.h"
#include "draw.h"
#include "natpulse/script.h"

/* ---- reading ---- */

typedef struct mistake_case {
    const char *text;
    int line, column;
    const char *says;
} mistake_case;

static void one_mistake(const mistake_case *c)
{
    np_script *s = np_script_read(c->text, strlen(c->text));
    assert_non_null(s);
    uint32_t n;
    const np_script_mistake *m = np_script_mistakes(s, &n);
    if (n != 1 || m->line != c->line || m->column != c->column || !strstr(m->text, c->says))
        fail_msg("%s\n%u mistakes, the first %d:%d %s; wanted %d:%d %s", c->text, n, n ? m->line : 0,
                 n ? m->column : 0, n ? m->text : "", c->line, c->column, c->says);
    np_script_destroy(s);
}

static void mistakes(void **state)
{
    (void)state;
    static const mistake_case cases[] = {
        /* above the packets */
        {"rule\nsource x", 1, 5, "expected a text"},
        {"rule a\nrule b\nsource x", 2, 1, "rule is said twice"},
        {"rule a", 2, 1, "has no source"},
        {"rule a\nsource x\nlevel high", 3, 7, "expected must, should, recommended or case"},
        {"rule a\nsource x\nonly colour red", 3, 6, "expected evict, tracker or profile"},
        {"rule a\nsource x\nonly evict lrw", 3, 12, "there is no \"lrw\""},
        {"rule a\nsource x\nonly tracker", 3, 13, "there is no the end of the line"},
        {"rule a\nsource x\nonly evict lru\nonly tracker pf", 4, 6, "only is said twice"},
        {"rule a\nsource x\nset capacity 16", 3, 5, "expected a key of nat and its value"},
        {"rule a\nsource x\nset capacity=16", 3, 16, "expected `because`"},
        {"rule a\nsource x\nset capacity=16 because", 3, 17, "expected `because` and the reason"},
        {"rule a\nsource x\n> udp\nset capacity=1 because", 4, 1, "set stands above all packets"},
        {"rule a\nsource x\noption loose=0", 3, 1, "option is for trackers alone"},
        /* lines */
        {"frog", 1, 1, "expected a time, an end, an arrow"},
        {"c udp", 1, 3, "\"udp\": expected a time"},
        {"c > s", 1, 6, "the end of the line is no packet"},
        {"c > s udp forward", 1, 11, "expected an equals sign"},
        {"c > s udp = forwards", 1, 13, "did you mean \"forward\""},
        {"c > s udp =", 1, 12, "the end of the line: expected a verdict"},
        {"c > s udp ?= forward", 1, 11, "needs TEXT"},
        {"s > c udp", 1, 1, "expected an inside end"},
        {"c > c2 udp", 1, 5, "expected an outside end"},
        {"c < @c2 udp", 1, 5, "expected > before @"},
        {"@c < s udp", 1, 1, "expected an inside end"},
        {"c0 > s udp", 1, 1, "is no end"},
        {"c100001 > s udp", 1, 1, "is no end"},
        {"c:0 > s udp", 1, 1, "is no end"},
        {"c:65536 > s udp", 1, 1, "is no end"},
        {"c > s:9x udp", 1, 5, "is no end"},
        {"c > @s udp", 1, 5, "is no end"},
        /* times */
        {"1x > udp", 1, 1, "is no time"},
        {"+ > udp", 1, 2, "is no time"},
        {"99999999999 > udp", 1, 1, "is no time"},
        {"5 > udp\n4.9 > udp", 2, 1, "time runs backwards"},
        {"repeat 3\n5 > udp\nend", 2, 1, "expected a +"},
        /* packets */
        {"> SX", 1, 3, "letters of FSRP.UEW"},
        {"> S -", 1, 5, "expected SEQ(LENGTH)"},
        {"> S 5(x)", 1, 7, "\"x\" is no length"},
        {"> S 4294967296(0)", 1, 5, "is no sequence number"},
        {"> S 1(2", 1, 5, "expected a sequence number and a length"},
        {"> . (1) ack 5", 1, 9, "ack goes with a sequence number"},
        {"> . 1(1) ack", 1, 13, "is no acknowledgement"},
        {"> . 1(1) win 65536", 1, 14, "is no window"},
        {"> S 1(0) <mss,wscale 16>", 1, 22, "is no wscale"},
        {"> S 1(0) <mss,foo>", 1, 15, "is no option"},
        {"> S 1(0) <mss", 1, 10, "the options do not end"},
        {"> icmp echo", 1, 8, "expected request, reply or error"},
        {"> icmp error", 1, 13, "expected what it is about"},
        {"> icmp error udp via s", 1, 22, "expected a router"},
        {"> icmp error udp via r251", 1, 23, "is no router"},
        {"> udp udp", 1, 7, "expected an equals sign"},
        /* expectations */
        {"> udp = forward blue", 1, 17, "is nothing to expect"},
        {"> udp = forward port", 1, 21, "is no port"},
        {"> udp = forward port 9-5", 1, 22, "runs backwards"},
        {"> udp = forward port 70000", 1, 22, "is no port"},
        {"> udp = drop port own", 1, 22, "expected > and forward"},
        {"< udp = forward as A", 1, 21, "expected > and forward"},
        {"> udp = forward as a", 1, 20, "is no name"},
        {"> udp = forward as ABCDEFGHIJKLMNOP", 1, 20, "is no name"},
        {"> udp = forward to s2", 1, 20, "expected an inside end"},
        {"> udp = forward from c2", 1, 22, "expected the external endpoint"},
        {"> udp = drop to c2", 1, 19, "expected forward"},
        {"> udp = forward udp", 1, 20, "is no time"},
        {"> udp = forward udp 5 icmp 6", 1, 23, "a second state"},
        {"> udp = forward unreplied", 1, 26, "go with a state"},
        {"> udp = forward none assured", 1, 29, "go with a state"},
        {"> udp = forward 3 times", 1, 17, "only what is repeated"},
        {"repeat 3\n> udp = forward 3\nend", 2, 18, "expected `times`"},
        /* repeats, checks and the rest */
        {"repeat\nend", 1, 7, "is no number of times"},
        {"repeat 5000001\n> udp\nend", 1, 8, "is no number of times"},
        {"repeat 3 each 5\nend", 1, 10, "expected `every`"},
        {"repeat 3\nrepeat 3\nend", 2, 1, "a repeat in a repeat"},
        {"repeat 3\n> udp", 3, 1, "the repeat of line 1 has no end"},
        {"end", 1, 1, "nothing is to be repeated"},
        {"repeat 3\nflow x\nend", 2, 1, "a flow begins in a repeat"},
        {"check A = B", 1, 7, "nothing is named \"A\""},
        {"> udp = forward as A\ncheck A < A", 2, 9, "expected = or !="},
        {"> udp = forward as A\ncheck A.colour = A", 2, 8, "expected .port, .address"},
        {"> udp = forward as A\ncheck A.port = A", 2, 16, "the same part of both"},
        {"> udp = forward as A\ncheck A = A and", 2, 13, "expected `like`"},
        {"c+ > udp", 1, 1, "in a repeat only"},
        {"c > s:5+ udp", 1, 5, "in a repeat only"},
        {"+1 quiet now", 1, 10, "nothing is expected behind quiet"},
        {"option", 1, 7, "expected KEY=VALUE"},
        {"option loose", 1, 8, "is no option"},
        {"option =5", 1, 8, "is no option"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) one_mistake(&cases[i]);
}

/* All of them are told, one a line, and no more than fit. */
static void many_mistakes(void **state)
{
    (void)state;
    static char text[2000];
    for (int i = 0; i < 300; i++) strcat(text, "x y\n");
    np_script *s = np_script_read(text, strlen(text));
    uint32_t n;
    const np_script_mistake *m = np_script_mistakes(s, &n);
    assert_int_equal(n, 101);
    for (int i = 0; i < 100; i++) assert_int_equal(m[i].line, i + 1);
    assert_non_null(strstr(m[100].text, "and so on"));
    np_script_destroy(s);

    char *big = calloc(1, NP_SCRIPT_BYTES + 1);
    memset(big, '\n', NP_SCRIPT_BYTES + 1);
    s = np_script_read(big, NP_SCRIPT_BYTES + 1);
    m = np_script_mistakes(s, &n);
    assert_int_equal(n, 1);
    assert_non_null(strstr(m->text, "longer than"));
    np_script_destroy(s);
    free(big);

    s = np_script_read("> udp\0 x", 8); /* foreign bytes */
    np_script_mistakes(s, &n);
    assert_int_equal(n, 1);
    np_script_destroy(s);
}

static void head(void **state)
{
    (void)state;
    static const char text[] =
        "rule   a title   # not of it\r\nsource RFC 1 REQ-2\nlevel recommended\nabout one\n"
        "about  two  lines\nonly profile x y\nset a.b=c d\n";
    static const char good[] =
        "rule a title # not of it\r\nsource RFC 1 REQ-2\nlevel recommended\nabout one\n"
        "about  two  lines\nonly profile x y\nset a.b=c because of d\nset e=5 because f\n";
    uint32_t n;
    np_script *s = np_script_read(text, strlen(text));
    np_script_mistakes(s, &n);
    assert_int_equal(n, 1);
    np_script_destroy(s);
    s = np_script_read(good, strlen(good));
    np_script_mistakes(s, &n);
    assert_int_equal(n, 0);
    const np_script_head *h = np_script_head_of(s);
    assert_true(h->rule);
    assert_string_equal(h->title, "a title");
    assert_string_equal(h->source, "RFC 1 REQ-2");
    assert_string_equal(h->about, "one two  lines");
    assert_int_equal(h->level, NP_LEVEL_RECOMMENDED);
    assert_int_equal(h->sets, 2);
    assert_string_equal(h->set[0].key, "a.b");
    assert_string_equal(h->set[0].value, "c");
    assert_string_equal(h->set[0].because, "of d");
    assert_int_equal(h->set[1].line, 8);
    assert_int_equal(h->set[1].column, 5);
    np_nat_config c;
    char why[80];
    np_nat_defaults(&c);
    assert_string_equal(np_script_not_for(s, &c, why, sizeof why), "profile is lru-box");
    c.name = "y";
    assert_null(np_script_not_for(s, &c, why, sizeof why));
    np_script_destroy(s);
}

/* ---- running ---- */

/* lru-box, and how it may differ. */
typedef enum twist {
    PLAIN,
    RESETS,
    LINUX,
    PF,
    LEAKS,
    OPEN,
    HAIRPIN,
    RANDOM,
    SEQUENTIAL,
    FILTER,
    SMALL,
    MANY,
    BIG,
    BELADY,
    TWISTS
} twist;

static np_nat_config box_of(twist t)
{
    np_nat_config c;
    np_nat_defaults(&c);
    if (t == RESETS) c.unknown_inbound = NP_UNKNOWN_RESET;
    if (t == LINUX || t == LEAKS) c.tracker = NP_TRACK_LINUX;
    if (t == PF) c.tracker = NP_TRACK_PF;
    if (t == LEAKS) c.invalid = NP_INVALID_LEAK;
    if (t == OPEN || t == HAIRPIN || t == MANY) c.mapping = c.filtering = NP_ENDPOINT_INDEPENDENT;
    if (t == HAIRPIN || t == MANY) c.hairpin = true;
    if (t == MANY) c.ports.addresses = 256;
    if (t == RANDOM) c.ports.select = NP_PORT_RANDOM;
    if (t == SEQUENTIAL) c.ports.select = NP_PORT_SEQUENTIAL;
    if (t == FILTER) c.ports.select = NP_PORT_NONE;
    if (t == SMALL || t == BELADY) c.capacity = 4;
    if (t == BELADY) c.evict = "belady";
    if (t == BIG) c.capacity = 1 << 17;
    return c;
}

static np_script_outcome run(twist t, const char *text, void (*each)(void *, const np_script_done *),
                             void *ctx)
{
    np_script *s = np_script_read(text, strlen(text));
    uint32_t n;
    const np_script_mistake *m = np_script_mistakes(s, &n);
    if (n > 0) fail_msg("%s\n%d:%d %s", text, m->line, m->column, m->text);
    np_nat_config c = box_of(t);
    np_script_outcome out;
    np_error e = {0};
    if (!np_script_run(s, &c, 1, each, ctx, &out, &e)) fail_msg("%s\n%s", text, e.text);
    np_script_destroy(s);
    return out;
}

typedef struct run_case {
    twist box;
    const char *text;
    int line; /* the first line that is otherwise; 0: none; -n: the premise of line n does not hold */
} run_case;

static void expectations(void **state)
{
    (void)state;
    static const run_case cases[] = {
        /* verdicts */
        {PLAIN, "> udp = forward", 0},
        {PLAIN, "> udp = drop", 1},
        {PLAIN, "> udp = refuse", 1},
        {PLAIN, "> udp = any", 0},
        {PLAIN, "< udp = drop", 0},
        {PLAIN, "< udp = refuse", 0},
        {PLAIN, "< udp = invalid", 0},
        {PLAIN, "< udp = forward", 1},
        {PLAIN, "< udp = reset", 1},
        {RESETS, "< udp = reset", 0},
        {RESETS, "< udp = refuse", 0},
        {RESETS, "< udp = drop", 1},
        {LEAKS, "> F. = leak none", 0},
        {LEAKS, "> F. = refuse", 0},
        {LEAKS, "> F. = forward", 1},
        {LINUX, "> F. = leak", 1},
        {PF, "> S\n< S.\n> .\n> S 77000(0) = challenge", 0},
        {PF, "> S\n< S.\n> .\n> S 77000(0) = drop", 4},
        {PF, "> S\n< S.\n> .\n> . = challenge", 4},
        {PF, "> S\n< S.\n> .\n> S 77000(0) = challenge\n> . 900000000(9) ack 5001 win 9 = drop", 0},
        /* reasons */
        {PLAIN, "> udp = forward created\n> udp = forward mapped", 0},
        {PLAIN, "> udp = forward mapped", 1},
        {PLAIN, "> udp\n> udp = forward created", 2},
        {PLAIN, "< udp = drop no-mapping", 0},
        {PLAIN, "< udp = drop table-full", 1},
        {SMALL,
         "c5:5 > udp\nc1:1 > udp\nc2:2 > udp\nc3:3 > udp\nc4:4 > udp = forward created\nc5:5 < udp = refuse",
         0},
        /* translation */
        {PLAIN, "> udp = forward translated", 0},
        {FILTER, "> udp = forward\n< udp = forward", 0},
        {FILTER, "> udp = forward translated", 1},
        {PLAIN, "c:5000 > udp = forward port own\nc2:5000 > udp = forward port own", 2},
        {PLAIN, "c:5000 > udp = forward port 5000", 0},
        {PLAIN, "c:5000 > udp = forward port 5001", 1},
        {PLAIN, "c:5000 > udp = forward port 4999-5001 port even", 0},
        {PLAIN, "c:5000 > udp = forward port 4000-4999", 1},
        {PLAIN, "c:5000 > udp = forward port even\nc:5001 > udp = forward port odd", 0},
        {PLAIN, "c:5000 > udp = forward port odd", 1},
        {PLAIN, "c:5001 > udp = forward port even", 1},
        {PLAIN, "c:5001 > udp = forward port parity", 0},
        {SEQUENTIAL, "c:5000 > udp\nc:5002 > udp = forward port next\nc:5004 > udp = forward port parity", 0},
        {SEQUENTIAL, "c:5000 > udp\nc:5001 > udp = forward port parity", 0},
        {SEQUENTIAL, "c:5001 > udp = forward port parity", 1},
        {RANDOM, "c:5000 > udp\nc:5002 > udp = forward port next", 2},
        /* names */
        {PLAIN,
         "c:5000 > udp = forward as A\nc:5001 > udp = forward as B\ncheck A != B\ncheck A.address = "
         "B.address",
         0},
        {PLAIN, "c:5000 > udp = forward as A\nc:5001 > udp = forward as B\ncheck A = B", 3},
        {PLAIN, "c:5000 > udp = forward as A\nc:5001 > udp = forward as B\ncheck A.port = B.port", 3},
        {PLAIN, "c:5000 > udp = forward as A\nc:5001 > udp = forward as B\ncheck A.address != B.address", 3},
        {PLAIN, "c:5 > udp = forward as A\nc:6 > udp = forward as B\ncheck A = B like A = A", 3},
        {PLAIN, "c:5 > udp = forward as A\nc:6 > udp = forward as B\ncheck A = B like B = A", 0},
        /* who gets it */
        {OPEN, "c:5000 > s udp = forward\nc:5000 < s2 udp = forward", 0},
        {PLAIN, "c:5000 > s udp = forward\nc:5000 < s2 udp = forward", 2},
        {OPEN, "c:5000 > s udp\nc2:5000 > s udp\nc:5000 < s udp = forward to c2:5000", 3},
        {OPEN, "c:5000 > s udp\nc2:5000 > s udp\nc:5000 < s udp = forward to c:5000", 0},
        {HAIRPIN, "c:5 > s udp\nc2:6 > s udp\nc:5 > @c2:6 udp = forward to c2:6 from @c:5", 0},
        {HAIRPIN, "c:5 > s udp\nc2:6 > s udp\nc:5 > @c2:6 udp = forward to c:5", 3},
        {HAIRPIN, "c:5 > s udp\nc2:6 > s udp\nc:5 > @c2:6 udp = forward to c2:6 from @c2:6", 3},
        {OPEN, "c:5 > s udp\nc2:6 > s udp\nc:5 > @c2:6 udp = forward to c2:6", 3},
        {OPEN, "c:5000 > s udp\nc:5000 < s udp = forward to c:5001", 2},
        {MANY, "c:5 > s udp\nc2:5 > s udp\nc:5 > @c2:5 udp = forward to c2:5 from @c:5", 0},
        {MANY, "c:5 > s udp\nc2:5 > s udp\nc:5 > @c2:5 udp = forward to c2:5 from @c2:5", 3},
        /* ICMP */
        {PLAIN, "c:7 > s icmp request = forward\nc:7 < s icmp reply = forward icmp 60", 0},
        {PLAIN, "c:7 > s icmp request\nc:8 < s icmp reply = forward", 2},
        {PLAIN, "c:5 > s udp\nc:5 < s icmp error udp via r = forward mapped", 0},
        {PLAIN, "c:5 > s udp\nc:5 < s icmp error tcp = forward", 2},
        {PLAIN, "c:5 > s udp\nc:5 > s icmp error udp via r9 = forward translated", 0},
        {HAIRPIN, "c:5 > s udp\nc2:6 > s udp\nc:5 > @c2:6 udp\nc2:6 > @c:5 icmp error udp = forward to c:5",
         0},
        {HAIRPIN, "c:5 > s udp\nc2:6 > s udp\nc:5 > @c2:6 udp\nc2:6 > @c:5 icmp error udp = forward to c2:6",
         4},
        /* state and time left */
        {LINUX, "> S = forward SYN_SENT 3600 unreplied\n+10 < S. = forward SYN_RECV 3600", 0},
        {LINUX, "> S = forward SYN_SENT 3600", 1},
        {LINUX, "> S = forward SYN_RECV 3600 unreplied", 1},
        {LINUX, "> S = forward SYN_SENT 3599.9 unreplied", 1},
        {LINUX, "> S = forward SYN_SENT 3600.1 unreplied", 1},
        {LINUX, "> S = forward SYN_SENT 3600 unreplied assured", 1},
        {LINUX, "> S\n< S.\n> . = forward ESTABLISHED 1h assured\n+9 < icmp reply = drop none", 0},
        {PLAIN, "> udp = forward udp 30\n+10 < S = drop none", 0},
        {PLAIN, "> udp = forward none", 1},
        {PLAIN, "> udp\n+29.999999999 < udp = forward udp 30\n+30 < udp = drop none", 0},
        {PLAIN, "> udp\n+30 < udp = forward", 2},
        /* times */
        {PLAIN, "0 > udp\n20 > udp\n+9 > udp = forward mapped\n59 < udp = drop", 0},
        {PLAIN, "0 > udp\n30s < udp = drop\n1m1s500ms > udp = forward created", 0},
        {PLAIN, "0 > S\n+59m < S. = forward\n+59m < S. = forward\n+1h0.5s < S. = drop", 0},
        {PLAIN, "10 > udp\n20 > udp\n35 < udp = forward", 0},
        {PLAIN, "5 > udp\nflow b\n0 > udp = forward created\n1 < udp = forward", 0},
        /* repeats */
        {PLAIN, "repeat 5 every 1\nc+:9+ > udp = forward created\nend\nc5:13 < udp = forward udp 30", 0},
        {PLAIN,
         "repeat 5 every 1\nc+:9+ > udp\nend\nc4:12 < udp = forward\nc6:14 < udp = drop\nc5:99 < udp = drop",
         0},
        {PLAIN, "repeat 5\n> udp = forward created\nend", 2},
        {PLAIN, "repeat 5\n> udp = forward created 1 times\nend", 0},
        {PLAIN, "repeat 5\n> udp = forward created 2-4 times\nend", 2},
        {PLAIN, "repeat 5\n> udp = forward mapped 4-5 times\nend", 0},
        {PLAIN, "repeat 5\n> udp = forward mapped 1-3 times\nend", 2},
        {PLAIN, "repeat 0\n> udp = drop\nend\n> udp = forward created", 0},
        {PLAIN, "repeat 3\nend", 0},
        {PLAIN,
         "repeat 2\nc100000+:65535+ > s100000+:65535+ udp = forward created\nend\nc1:65535 < s1:65535 udp = "
         "forward",
         0},
        {SMALL, "repeat capacity\nc+:9+ > udp = forward created\nend\nc1:9 < udp = forward", 0},
        {SMALL, "repeat capacity+1\nc+:9+ > udp = forward created\nend\nc1:9 < udp = refuse", 0},
        {PLAIN, "repeat 3\nc+:9 > udp = forward as A\ncheck A = A\nend", 0},
        {PLAIN, "c:9 > udp = forward as B\nrepeat 3\nc2+:9 > s2 udp = forward as A\ncheck A = B\nend", 4},
        /* a table is as large as it is, as far as can be seen */
        {BIG, "repeat 1000\nc+:9+ > udp\nend\nrepeat 1000\nc+:9+ < udp = forward\nend", 0},
        {BIG, "repeat 70000\nc+:9+ > s+ udp\nend\nc1:9 < s1 udp = forward", 0},
        {BIG,
         "repeat capacity\nc+:9+ > s+ udp = any 131072 times\nend\nc1:9 < s1 udp = forward\nc9:7 > "
         "udp\nc2:10 < s2 udp = refuse",
         0},
        /* premises */
        {PLAIN, "needs it\n> udp ?= forward\n< udp = forward", 0},
        {PLAIN, "needs it\n> udp ?= drop\n< udp = drop", -2},
        {PLAIN, "needs it\n> udp = drop\n< udp ?= drop", 2},
        /* the box's own packets */
        {PLAIN, "> S\n< S.\n+5 quiet", 0},
        {PF, "> S\n< S.\n> .\n> S 77000(0)\n+0 quiet\n", 0},
        /* belady sees what comes, in a repeat too */
        {BELADY,
         "repeat 4\nc+:9+ > udp\nend\n+1 c5:5 > udp\nrepeat 3 every 1\nc+:9+ > udp = forward mapped\nend\n"
         "+1 c4:12 > udp = forward created",
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const run_case *c = &cases[i];
        np_script_outcome o = run(c->box, c->text, NULL, NULL);
        np_script_result want = c->line == 0  ? NP_SCRIPT_MEETS
                                : c->line > 0 ? NP_SCRIPT_DOES_NOT
                                              : NP_SCRIPT_NOT_APPLICABLE;
        if (o.result != want || o.line != abs(c->line))
            fail_msg("box %d:\n%s\n%s at line %d (%s), wanted %s at %d", (int)c->box, c->text,
                     np_script_result_name(o.result), o.line, o.why, np_script_result_name(want), c->line);
    }
}

/* What the box sends by itself is heard: resets at expiry. */
static void quiet(void **state)
{
    (void)state;
    np_script *s = np_script_read("> S\n< S.\n+59m quiet\n+2m quiet", 29);
    np_nat_config c = box_of(PLAIN);
    np_error e;
    np_script_outcome out;
    c.at_expiry = NP_AT_EXPIRY_RESET_BOTH;
    assert_true(np_script_run(s, &c, 1, NULL, NULL, &out, &e));
    assert_int_equal(out.result, NP_SCRIPT_DOES_NOT);
    assert_int_equal(out.line, 4);
    assert_non_null(strstr(out.why, "sent 2 packets"));
    np_script_destroy(s);
}

/* ---- numbers ---- */

/* By a tracker that minds them: handshakes, data, closes, reopenings, repeats. */
static void numbers(void **state)
{
    (void)state;
    static const char text[] = "> S = forward SYN_SENT 3600 unreplied\n"
                               "+1 > S = forward mapped SYN_SENT 3599 unreplied\n" /* the same again */
                               "< S. = forward SYN_RECV 3600\n"
                               "< S. = forward mapped\n"
                               "> . = forward ESTABLISHED 3600 assured\n"
                               "> P. (100) = forward ESTABLISHED 3600 assured\n"
                               "< . 5001(0) ack 1101 win 65535 = forward ESTABLISHED 3600 assured\n"
                               "< P. (50)\n"
                               "> . 1101(0) ack 5051 win 65535 = forward ESTABLISHED 3600 assured\n"
                               "> F. = forward FIN_WAIT 3600 assured\n"
                               "< . 5051(0) ack 1102 win 65535 = forward CLOSE_WAIT 3600 assured\n"
                               "< F. = forward LAST_ACK 3600 assured\n"
                               "> . = forward TIME_WAIT 3600 assured\n"
                               "> S = forward created SYN_SENT 3600 unreplied\n" /* far beyond */
                               "< S. = forward SYN_RECV 3600\n"
                               "> . = forward ESTABLISHED 3600 assured\n"
                               "> R = forward CLOSE 3600 assured\n"
                               "flow in the middle\n"
                               "> . = forward adopted\n"
                               "< . = forward\n"
                               "> . = forward ESTABLISHED 3600 assured\n"
                               "flow the same, and numbers given\n"
                               "> .\n"
                               "< P. 5001(10) ack 1001 win 9 = forward\n"
                               "flow what is sent again does not count again\n"
                               "> S\n"
                               "< S.\n"
                               "> P. (100)\n"
                               "> P. 1001(50) ack 5001 win 65535\n"
                               "> P. (10)\n"
                               "< . 5001(0) ack 1111 win 9 = forward\n"
                               "< . 5001(0) ack 1112 win 9 = drop\n"
                               "flow wrong numbers show\n"
                               "> S\n"
                               "< S. 5000(0) ack 900000 win 9 = drop\n"
                               "< S. = forward\n"
                               "> . = forward\n"
                               "< P. 9000000(5) ack 1001 = drop\n";
    np_script_outcome o = run(LINUX, text, NULL, NULL);
    if (o.result != NP_SCRIPT_MEETS) fail_msg("%s", o.why);
}

/* ---- what is told ---- */

typedef struct told {
    np_script_done d[16];
    char did[16][300];
    uint32_t n;
} told;

static void hear(void *ctx, const np_script_done *d)
{
    told *t = ctx;
    assert_true(t->n < 16);
    t->d[t->n] = *d;
    snprintf(t->did[t->n++], sizeof t->did[0], "%s", d->did);
}

static void telling(void **state)
{
    (void)state;
    static const char text[] = "c:5000 > s:53 udp   # first\n"
                               "needs x\n"
                               "+1.5 c:5000 < s:53 udp ?= forward\n"
                               "repeat 3 every 2\n"
                               "  c2+:6000 > s udp = forward port own 1 times\n"
                               "  c2+:6000 > s udp = drop\n"
                               "end\n"
                               "c:5000 < s:53 icmp error udp via r3 = forward\n"
                               "+20 c9 < s3 . = drop\n";
    told t = {.n = 0};
    np_script_outcome o = run(PLAIN, text, hear, &t);
    assert_int_equal(t.n, 6);
    assert_int_equal(o.result, NP_SCRIPT_DOES_NOT);
    assert_int_equal(o.line, 6);
    assert_int_equal(o.steps, 5);
    assert_int_equal(o.wrong, 1);
    assert_string_equal(t.did[0], "forward from 192.0.2.1:5000 (created); udp, 30 s left");
    assert_false(t.d[0].asked);
    assert_string_equal(t.did[1], "forward to c1:5000 (mapped); udp, 30 s left");
    assert_true(t.d[1].premise && t.d[1].met && t.d[1].asked);
    assert_int_equal(t.d[1].at, 1500 * NP_MILLISECOND);
    assert_true(t.d[2].met);
    assert_int_equal(t.d[2].times, 1);
    assert_int_equal(t.d[2].of, 3);
    assert_int_equal(t.d[2].at, 5500 * NP_MILLISECOND);
    assert_false(t.d[3].met);
    assert_non_null(strstr(t.did[3], "0 times of 3; else forward from 192.0.2.1:6000 (mapped)"));
    assert_non_null(strstr(o.why, "line 6, c2+:6000 > s udp = drop: 0 times of 3"));
    assert_string_equal(t.did[4],
                        "forward from 203.0.113.3 to c1 about c1:5000 > s1:53 (mapped); udp, 26 s left");
    assert_string_equal(t.did[5], "drop (no-mapping); no mapping");
}

/* Behind a premise that does not hold nothing is asked or told. */
static void not_applicable(void **state)
{
    (void)state;
    told t = {.n = 0};
    np_script_outcome o = run(PLAIN, "> udp\nneeds luck\n> udp ?= drop\n> udp = drop\n> udp", hear, &t);
    assert_int_equal(t.n, 2);
    assert_int_equal(o.result, NP_SCRIPT_NOT_APPLICABLE);
    assert_string_equal(o.why, "it needs luck");
    t.n = 0;
    o = run(PLAIN, "needs luck\nrepeat 3\n> udp ?= drop\n> udp = drop\nend\n> udp", hear, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(o.result, NP_SCRIPT_NOT_APPLICABLE);
}

/* A name that nothing was given is like no other, not even itself. */
static void unnamed(void **state)
{
    (void)state;
    np_script_outcome o = run(PLAIN, "> . = forward as A\ncheck A = A\ncheck A != A", NULL, NULL);
    assert_int_equal(o.wrong, 3);
}

/* ---- limits ---- */

static void limits(void **state)
{
    (void)state;
    np_nat_config c = box_of(PLAIN);
    np_script_outcome out;
    np_error e;
    static const struct {
        const char *text;
        twist box;
        const char *says;
    } cases[] = {
        {"repeat 5000000\n> udp\n< udp\nend", PLAIN, "line 2: the script takes more than 5000000 packets"},
        {"repeat 5000000 every 99y\n> udp\nend", PLAIN, NULL},
        {"repeat 5000000 every 36500d\n> udp\nend", PLAIN,
         "line 1: the script lasts more than two hundred years"},
        {"c > @c2 udp", BELADY, "line 1: belady cannot know"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        np_script *s = np_script_read(cases[i].text, strlen(cases[i].text));
        uint32_t n;
        np_script_mistakes(s, &n);
        assert_int_equal(n, cases[i].says == NULL);
        c = box_of(cases[i].box);
        if (n == 0) {
            assert_false(np_script_run(s, &c, 1, NULL, NULL, &out, &e));
            if (!strstr(e.text, cases[i].says)) fail_msg("%s", e.text);
        }
        np_script_destroy(s);
    }
    np_script *s = np_script_read("> udp", 5);
    c.evict = "lru";
    c.capacity = 0;
    assert_false(np_script_run(s, &c, 1, NULL, NULL, &out, &e)); /* a box that cannot be */
    assert_non_null(strstr(e.text, "capacity is 0"));
    np_script_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes),     cmocka_unit_test(many_mistakes),  cmocka_unit_test(head),
        cmocka_unit_test(expectations), cmocka_unit_test(quiet),          cmocka_unit_test(numbers),
        cmocka_unit_test(telling),      cmocka_unit_test(not_applicable), cmocka_unit_test(unnamed),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
