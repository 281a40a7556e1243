/*
 * The NAT box, rule by rule: short scripts of packets and what must become of each.
 */
#include "draw.h"
#include "natpulse/box.h"

#define HOST    0x0a000001u /* 10.0.0.1 */
#define SERVER  0xc6336401u /* 198.51.100.1 */
#define PUBLIC  0xc0000201u /* 192.0.2.1 */
#define REQUEST 1

static np_box *box(const np_nat_config *c)
{
    np_error e;
    np_box *b = np_box_create(c, np_key_make(1, 0), 0, &e);
    if (b == NULL) print_message("%s\n", e.text);
    assert_non_null(b);
    return b;
}

static np_nat_config defaults(void)
{
    np_nat_config c;
    np_nat_defaults(&c);
    return c;
}

static void expect(np_handled did, np_verdict verdict, np_reason reason)
{
    assert_string_equal(np_verdict_name(did.verdict), np_verdict_name(verdict));
    assert_string_equal(np_reason_name(did.reason), np_reason_name(reason));
}

/* Sends a packet out and gives back the port it leaves from. */
static uint16_t out(np_box *b, np_packet p, np_reason reason, np_time now)
{
    expect(np_box_outbound(b, &p, now), NP_FORWARD, reason);
    return p.sport;
}

static np_handled in(np_box *b, uint8_t proto, uint16_t sport, uint16_t dport, uint8_t flags, np_time now)
{
    np_packet p = packet(proto, SERVER, sport, PUBLIC, dport, flags);
    return np_box_inbound(b, &p, now);
}

/* When the next mapping expires, exactly. */
static np_time next_expiry(np_box *b, np_time now)
{
    np_box_expire(b, now);
    return np_box_next_expiry(b);
}

/* ---- time ---- */

/* A mapping whose idle time reaches its timeout exactly is gone; a nanosecond earlier it is there. */
static void test_tie(void **state)
{
    (void)state;
    for (int expiry = NP_EXPIRY_EXACT; expiry <= NP_EXPIRY_LAZY; expiry++) {
        np_nat_config c = defaults();
        c.expiry = (np_expiry)expiry;
        np_box *b = box(&c);
        np_packet udp = packet(NP_UDP, HOST, 5000, SERVER, 53, 0);
        out(b, udp, NP_REASON_CREATED, 0);
        np_time now = 30 * NP_SECOND - 1;
        out(b, udp, NP_REASON_MAPPED, now);
        now += 30 * NP_SECOND;
        out(b, udp, NP_REASON_CREATED, now);
        now += 30 * NP_SECOND - 1;
        expect(in(b, NP_UDP, 53, 5000, 0, now), NP_FORWARD, NP_REASON_MAPPED);
        now += 30 * NP_SECOND;
        expect(in(b, NP_UDP, 53, 5000, 0, now), NP_DROP, NP_REASON_NO_MAPPING);
        assert_int_equal(np_box_entries(b), 0);
        np_box_destroy(b);
    }
}

/* Which packets refresh: boxes that differ in nothing else meet the same packets. */
static void test_refresh(void **state)
{
    (void)state;
    for (int refresh = NP_REFRESH_BOTH; refresh <= NP_REFRESH_UDP_OUTBOUND; refresh++) {
        np_nat_config c = defaults();
        c.refresh = (np_refresh)refresh;
        np_box *b = box(&c);
        np_packet udp = packet(NP_UDP, HOST, 5000, SERVER, 53, 0);
        np_tuple k = {udp.src, udp.dst, 5000, 53, NP_UDP, 4};
        np_mapping m;
        out(b, udp, NP_REASON_CREATED, 0);
        out(b, udp, NP_REASON_MAPPED, 10 * NP_SECOND);
        assert_true(np_box_lookup(b, &k, &m));
        assert_int_equal(m.last, refresh == NP_REFRESH_INBOUND ? 0 : 10 * NP_SECOND);
        np_time before = m.last;
        expect(in(b, NP_UDP, 53, 5000, 0, 20 * NP_SECOND), NP_FORWARD, NP_REASON_MAPPED);
        assert_true(np_box_lookup(b, &k, &m));
        bool inbound = refresh == NP_REFRESH_BOTH || refresh == NP_REFRESH_INBOUND;
        assert_int_equal(m.last, inbound ? 20 * NP_SECOND : before);
        assert_int_equal(next_expiry(b, 20 * NP_SECOND), m.last + 30 * NP_SECOND);
        np_box_destroy(b);
    }
}

/* UDP has one timeout until both sides were heard, then another. */
static void test_udp_stream(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.timeout[NP_TIMEOUT_UDP_STREAM] = 120 * NP_SECOND;
    np_box *b = box(&c);
    np_packet udp = packet(NP_UDP, HOST, 5000, SERVER, 53, 0);
    out(b, udp, NP_REASON_CREATED, 0);
    out(b, udp, NP_REASON_MAPPED, NP_SECOND);
    assert_int_equal(next_expiry(b, NP_SECOND), 31 * NP_SECOND);
    expect(in(b, NP_UDP, 53, 5000, 0, 2 * NP_SECOND), NP_FORWARD, NP_REASON_MAPPED);
    assert_int_equal(next_expiry(b, 2 * NP_SECOND), 122 * NP_SECOND);
    out(b, udp, NP_REASON_MAPPED, 3 * NP_SECOND);
    assert_int_equal(next_expiry(b, 3 * NP_SECOND), 123 * NP_SECOND);
    np_box_destroy(b);
}

/* Lazily expired mappings are dead at their deadline, but fill their places until something looks at them. */
static void test_lazy(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.expiry = NP_EXPIRY_LAZY;
    c.capacity = 2;
    c.evict = "refuse";
    np_box *b = box(&c);
    np_packet first = packet(NP_UDP, HOST, 1, SERVER, 53, 0), second = packet(NP_UDP, HOST, 2, SERVER, 53, 0);
    np_packet third = packet(NP_UDP, HOST, 3, SERVER, 53, 0);
    out(b, first, NP_REASON_CREATED, 0);
    out(b, second, NP_REASON_CREATED, 0);
    assert_int_equal(np_box_next_expiry(b), 30 * NP_SECOND);
    np_box_expire(b, NP_HOUR);
    assert_int_equal(np_box_next_expiry(b), NP_NEVER);
    assert_int_equal(np_box_entries(b), 2);
    assert_int_equal(np_box_count(b)->expiries, 2);
    np_tuple inside = {first.src, first.dst, first.sport, first.dport, NP_UDP, 4};
    assert_false(np_box_lookup(b, &inside, NULL));
    np_packet p = third;
    expect(np_box_outbound(b, &p, NP_HOUR), NP_DROP, NP_REASON_TABLE_FULL);
    expect(in(b, NP_UDP, 53, 1, 0, NP_HOUR), NP_DROP, NP_REASON_NO_MAPPING);
    assert_int_equal(np_box_entries(b), 1);
    assert_int_equal(np_box_count(b)->expiries, 2);
    out(b, third, NP_REASON_CREATED, NP_HOUR);
    np_box_destroy(b);
}

/* ---- opening ---- */

static void test_opening(void **state)
{
    (void)state;
    static const struct {
        uint8_t proto, flags;
        bool opens;
    } row[] = {
        {NP_TCP, NP_SYN, true},
        {NP_TCP, NP_SYN | NP_ECE | NP_CWR, true},
        {NP_TCP, NP_SYN | NP_ACK, false},
        {NP_TCP, NP_ACK, false},
        {NP_TCP, NP_PSH | NP_ACK, false},
        {NP_TCP, NP_FIN | NP_ACK, false},
        {NP_TCP, NP_RST, false},
        {NP_TCP, NP_SYN | NP_FIN, false},
        {NP_TCP, 0, false},
        {NP_UDP, 0, true},
        {NP_ICMP, REQUEST, true},
        {NP_ICMP, 0, false},
        {47, 0, true} /* any other kind */,
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_nat_config c = defaults();
        np_box *b = box(&c);
        uint16_t port = row[i].proto == 47 ? 0 : 7;
        np_packet p = packet(row[i].proto, HOST, port, SERVER, port, row[i].flags);
        np_handled did = np_box_outbound(b, &p, 0);
        if (row[i].opens)
            expect(did, NP_FORWARD, NP_REASON_CREATED);
        else
            expect(did, NP_DROP, NP_REASON_NO_MAPPING);
        assert_int_equal(np_box_entries(b), row[i].opens);
        assert_int_equal(np_box_count(b)->unknown_out, !row[i].opens);
        np_box_destroy(b);
    }
}

/* Mid-stream packets from inside, and any from outside, that find no mapping. */
static void test_unknown(void **state)
{
    (void)state;
    static const struct {
        np_unknown rule;
        uint8_t flags;
        np_verdict verdict;
        np_reason reason;
    } row[] = {
        {NP_UNKNOWN_DROP, NP_ACK, NP_DROP, NP_REASON_NO_MAPPING},
        {NP_UNKNOWN_RESET, NP_ACK, NP_RESET, NP_REASON_NO_MAPPING},
        {NP_UNKNOWN_RESET, NP_RST, NP_DROP, NP_REASON_NO_MAPPING}, /* a reset is never answered */
        {NP_UNKNOWN_ADOPT, NP_ACK, NP_FORWARD, NP_REASON_ADOPTED},
        {NP_UNKNOWN_ADOPT, NP_FIN | NP_ACK, NP_FORWARD, NP_REASON_ADOPTED},
        {NP_UNKNOWN_ADOPT, NP_RST, NP_DROP, NP_REASON_NO_MAPPING}, /* nothing goes on */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_nat_config c = defaults();
        c.unknown_outbound = row[i].rule;
        np_box *b = box(&c);
        np_packet p = packet(NP_TCP, HOST, 4000, SERVER, 80, row[i].flags);
        expect(np_box_outbound(b, &p, 0), row[i].verdict, row[i].reason);
        assert_int_equal(p.src.word[0], np_addr_ipv4(row[i].verdict == NP_FORWARD ? PUBLIC : HOST).word[0]);
        np_box_destroy(b);
    }
    np_nat_config c = defaults();
    c.unknown_inbound = NP_UNKNOWN_RESET;
    np_box *b = box(&c);
    expect(in(b, NP_TCP, 80, 4000, NP_ACK, 0), NP_RESET, NP_REASON_NO_MAPPING);
    expect(in(b, NP_TCP, 80, 4000, NP_SYN, 0), NP_RESET, NP_REASON_NO_MAPPING);
    expect(in(b, NP_TCP, 80, 4000, NP_RST, 0), NP_DROP, NP_REASON_NO_MAPPING);
    expect(in(b, NP_UDP, 53, 4000, 0, 0), NP_RESET, NP_REASON_NO_MAPPING);
    expect(in(b, NP_ICMP, 9, 9, REQUEST, 0), NP_DROP, NP_REASON_NO_MAPPING);
    assert_int_equal(np_box_count(b)->unknown_in, 5);
    np_box_destroy(b);
}

/* After an eviction a client that talks first heals its flow, if the box adopts: it gets its port back. */
static void test_heals(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = 1;
    c.unknown_outbound = NP_UNKNOWN_ADOPT;
    np_box *b = box(&c);
    np_packet mine = packet(NP_TCP, HOST, 4000, SERVER, 80, NP_SYN);
    out(b, mine, NP_REASON_CREATED, 0);
    out(b, packet(NP_UDP, HOST + 1, 4000, SERVER, 53, 0), NP_REASON_CREATED, 1);
    expect(in(b, NP_TCP, 80, 4000, NP_ACK, 2), NP_DROP, NP_REASON_NO_MAPPING);
    mine.flags = NP_ACK;
    assert_int_equal(out(b, mine, NP_REASON_ADOPTED, 3), 4000);
    expect(in(b, NP_TCP, 80, 4000, NP_ACK, 4), NP_FORWARD, NP_REASON_MAPPED);
    assert_int_equal(np_box_count(b)->evictions, 2);
    np_box_destroy(b);
}

/* ---- ports ---- */

/* Two hosts, one source port: towards one destination the second must change; towards others they share. */
static void test_preserve(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    np_box *b = box(&c);
    assert_int_equal(out(b, packet(NP_UDP, HOST, 700, SERVER, 53, 0), NP_REASON_CREATED, 0), 700);
    assert_int_equal(out(b, packet(NP_UDP, HOST + 1, 700, SERVER + 1, 53, 0), NP_REASON_CREATED, 0), 700);
    assert_int_equal(out(b, packet(NP_UDP, HOST + 1, 700, SERVER, 54, 0), NP_REASON_CREATED, 0), 700);
    uint16_t other = out(b, packet(NP_UDP, HOST + 1, 700, SERVER, 53, 0), NP_REASON_CREATED, 0);
    assert_int_not_equal(other, 700);
    assert_in_range(other, 1024, 65535);
    /* TCP has ports of its own. */
    assert_int_equal(out(b, packet(NP_TCP, HOST + 1, 700, SERVER, 53, NP_SYN), NP_REASON_CREATED, 0), 700);

    /* Answers find their hosts; one from another port of the server finds nobody. */
    np_packet p = packet(NP_UDP, SERVER, 53, PUBLIC, other, 0);
    expect(np_box_inbound(b, &p, 1), NP_FORWARD, NP_REASON_MAPPED);
    assert_int_equal(np_addr_to_ipv4(&p.dst), HOST + 1);
    assert_int_equal(p.dport, 700);
    p = packet(NP_UDP, SERVER, 53, PUBLIC, 700, 0);
    expect(np_box_inbound(b, &p, 1), NP_FORWARD, NP_REASON_MAPPED);
    assert_int_equal(np_addr_to_ipv4(&p.dst), HOST);
    expect(in(b, NP_UDP, 55, 700, 0, 1), NP_DROP, NP_REASON_NO_MAPPING);
    np_box_destroy(b);
}

/* Ports run out towards one destination, not towards another; and come back when a mapping goes. */
static void test_exhaustion(void **state)
{
    (void)state;
    for (int select = NP_PORT_PRESERVE; select <= NP_PORT_SEQUENTIAL; select++) {
        np_nat_config c = defaults();
        c.ports.select = (np_port_select)select;
        c.ports.low = 2000;
        c.ports.high = 2099;
        c.ports.addresses = 2;
        np_box *b = box(&c);
        static bool used[2][100];
        memset(used, 0, sizeof used);
        for (uint32_t i = 0; i < 200; i++) {
            np_packet p = packet(NP_UDP, HOST + i, 2050, SERVER, 53, 0);
            expect(np_box_outbound(b, &p, i), NP_FORWARD, NP_REASON_CREATED);
            uint32_t address = np_addr_to_ipv4(&p.src) - PUBLIC;
            assert_true(address < 2 && p.sport >= 2000 && p.sport < 2100 && !used[address][p.sport - 2000]);
            used[address][p.sport - 2000] = true;
        }
        np_packet p = packet(NP_UDP, HOST + 999, 2050, SERVER, 53, 0);
        expect(np_box_outbound(b, &p, 200), NP_DROP, NP_REASON_NO_PORT);
        assert_int_equal(np_addr_to_ipv4(&p.src), HOST + 999);
        assert_int_equal(np_box_count(b)->no_port, 1);
        assert_int_equal(np_box_entries(b), 200);
        out(b, packet(NP_UDP, HOST + 999, 2050, SERVER + 1, 53, 0), NP_REASON_CREATED, 201);
        out(b, p, NP_REASON_CREATED, 30 * NP_SECOND); /* the first mapping has just expired */
        np_box_destroy(b);
    }
}

static void test_sequential(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.ports.select = NP_PORT_SEQUENTIAL;
    c.ports.low = 5000;
    c.ports.high = 5003;
    np_box *b = box(&c);
    static const uint16_t port[] = {5000, 5001, 5002, 5003};
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(out(b, packet(NP_UDP, HOST + i, 9, SERVER, 53, 0), NP_REASON_CREATED, i), port[i]);
    assert_int_equal(out(b, packet(NP_UDP, HOST, 9, SERVER + 1, 53, 0), NP_REASON_CREATED, 5), 5000);
    np_box_destroy(b);
}

/* Random ports cover the range, and depend on the key and the box's number alone. */
static void test_random_ports(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.ports.select = NP_PORT_RANDOM;
    uint16_t first[3][64];
    for (uint32_t run = 0; run < 3; run++) {
        np_box *b = np_box_create(&c, np_key_make(1, 0), run == 2, NULL);
        for (uint32_t i = 0; i < 64; i++)
            first[run][i] = out(b, packet(NP_UDP, HOST, (uint16_t)i, SERVER, 53, 0), NP_REASON_CREATED, 0);
        np_box_destroy(b);
    }
    assert_memory_equal(first[0], first[1], sizeof first[0]);
    assert_memory_not_equal(first[0], first[2], sizeof first[0]);
    uint32_t upper = 0;
    for (uint32_t i = 0; i < 64; i++) upper += first[0][i] > 33279; /* the middle of the range */
    assert_in_range(upper, 12, 52);                                 /* 5 standard deviations */
}

/* ---- kinds of packets ---- */

/* An echo's identifier is translated like a port, in both port fields. */
static void test_echo(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    np_box *b = box(&c);
    out(b, packet(NP_ICMP, HOST, 77, SERVER, 77, REQUEST), NP_REASON_CREATED, 0);
    np_packet p = packet(NP_ICMP, HOST + 1, 77, SERVER, 77, REQUEST);
    expect(np_box_outbound(b, &p, 0), NP_FORWARD, NP_REASON_CREATED);
    uint16_t id = p.sport;
    assert_int_not_equal(id, 77);
    assert_int_equal(p.dport, id);
    p = packet(NP_ICMP, SERVER, id, PUBLIC, id, 0);
    expect(np_box_inbound(b, &p, 1), NP_FORWARD, NP_REASON_MAPPED);
    assert_int_equal(np_addr_to_ipv4(&p.dst), HOST + 1);
    assert_int_equal(p.sport, 77);
    assert_int_equal(p.dport, 77);
    np_tuple k = {np_addr_ipv4(HOST + 1), np_addr_ipv4(SERVER), 77, 77, NP_ICMP, 4};
    np_mapping m;
    assert_true(np_box_lookup(b, &k, &m));
    assert_true(np_tuple_equal(&m.inside, &k));
    assert_int_equal(m.external_port, id);
    assert_int_equal(next_expiry(b, 1), 60 * NP_SECOND);
    np_box_destroy(b);
}

/* IPv6 flows have mappings and are not translated. */
static void test_ipv6(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    np_box *b = box(&c);
    int family;
    np_packet p = packet(NP_TCP, 0, 4000, 0, 443, NP_SYN);
    p.family = 6;
    assert_true(np_addr_parse("2001:db8::1", &p.src, &family) &&
                np_addr_parse("2001:db8:1::2", &p.dst, &family));
    np_packet sent = p;
    expect(np_box_outbound(b, &p, 0), NP_FORWARD, NP_REASON_CREATED);
    assert_memory_equal(&p, &sent, sizeof p);
    np_packet back = sent;
    back.src = sent.dst;
    back.dst = sent.src;
    back.sport = 443;
    back.dport = 4000;
    np_packet came = back;
    expect(np_box_inbound(b, &back, 1), NP_FORWARD, NP_REASON_MAPPED);
    assert_memory_equal(&back, &came, sizeof back);
    back.dst.byte[15] ^= 1;
    expect(np_box_inbound(b, &back, 1), NP_DROP, NP_REASON_NO_MAPPING);
    np_box_destroy(b);
}

/* ---- for replay ---- */

static void test_adopt(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    np_box *b = box(&c);
    np_packet p = packet(NP_TCP, SERVER, 80, HOST, 4000, NP_ACK); /* inbound, as seen on the inside */
    p.conn = 12;
    np_packet same = p;
    expect(np_box_inbound_inside(b, &p, 0), NP_DROP, NP_REASON_NO_MAPPING);
    expect(np_box_adopt(b, &p, false, 0), NP_FORWARD, NP_REASON_ADOPTED);
    assert_memory_equal(&p, &same, sizeof p);
    np_tuple k = {np_addr_ipv4(HOST), np_addr_ipv4(SERVER), 4000, 80, NP_TCP, 4};
    np_mapping m;
    assert_true(np_box_lookup(b, &k, &m));
    assert_int_equal(m.conn, 12);
    expect(np_box_inbound_inside(b, &p, 5), NP_FORWARD, NP_REASON_MAPPED);
    assert_memory_equal(&p, &same, sizeof p);
    assert_int_equal(next_expiry(b, 5), 5 + NP_HOUR);
    np_packet q = packet(NP_TCP, HOST, 4001, SERVER, 80, NP_RST);
    expect(np_box_adopt(b, &q, true, 6), NP_FORWARD, NP_REASON_ADOPTED);
    assert_int_equal(np_addr_to_ipv4(&q.src), PUBLIC);
    q = packet(NP_TCP, HOST, 4001, SERVER, 80, NP_ACK);
    expect(np_box_adopt(b, &q, true, 7), NP_FORWARD, NP_REASON_MAPPED);
    assert_int_equal(np_box_count(b)->inserts, 2);
    np_box_destroy(b);
}

/* ---- the tap ---- */

typedef struct log {
    char text[1000];
    size_t n;
} log;

static void write_log(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    static const char *const verb[] = {"created", "evicted", "expired", "closed", "flushed"};
    log *l = ctx;
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%lld %s %u;", (long long)when,
                             verb[what], m->conn);
}

/* Expiry is in order of deadlines over all classes, at the deadline's own time, the lower class first on a
 * tie. */
static void test_tap(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = 100;
    c.timeout[NP_TIMEOUT_UDP] = 50;
    c.capacity = 4;
    np_box *b = box(&c);
    log l = {.n = 0};
    np_box_set_tap(b, (np_box_tap){.mapping = write_log, .ctx = &l});
    np_packet p[5] = {packet(NP_TCP, HOST, 1, SERVER, 80, NP_SYN),
                      packet(NP_ICMP, HOST, 2, SERVER, 2, REQUEST), packet(NP_UDP, HOST, 3, SERVER, 53, 0),
                      packet(NP_UDP, HOST, 4, SERVER, 53, 0), packet(NP_ICMP, HOST, 5, SERVER, 5, REQUEST)};
    for (uint32_t i = 0; i < 5; i++) p[i].conn = i + 1;
    out(b, p[1], NP_REASON_CREATED, 0); /* ICMP first: the tie at 100 is decided by class */
    out(b, p[0], NP_REASON_CREATED, 0);
    out(b, p[2], NP_REASON_CREATED, 40);
    out(b, p[3], NP_REASON_CREATED, 60);
    np_box_expire(b, 89);
    np_box_expire(b, 500);
    assert_string_equal(l.text, "0 created 2;0 created 1;40 created 3;60 created 4;"
                                "90 expired 3;100 expired 1;100 expired 2;110 expired 4;");
    l.n = 0;
    for (uint32_t i = 0; i < 5; i++) out(b, p[i], NP_REASON_CREATED, 600);
    np_box_flush(b, 601);
    assert_string_equal(l.text,
                        "600 created 1;600 created 2;600 created 3;600 created 4;600 evicted 1;600 created 5;"
                        "601 flushed 3;601 flushed 4;601 flushed 2;601 flushed 5;");
    assert_int_equal(np_box_entries(b), 0);
    np_box_destroy(b);
}

/* ---- configuration ---- */

static void refused(const np_nat_config *c, const char *part)
{
    np_error e = {.text = ""};
    assert_null(np_box_create(c, np_key_make(1, 0), 0, &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    if (strstr(e.text, part) == NULL) print_message("no '%s' in: %s\n", part, e.text);
    assert_non_null(strstr(e.text, part));
}

static void test_config(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    assert_string_equal(c.name, "lru-box");
    assert_string_equal(c.evict, "lru");
    assert_int_equal(c.capacity, 4096);
    np_box *b = box(&c);
    assert_true(np_box_bytes(b) > 4096 * 64 && np_box_bytes(b) < 4096 * 96 + 1024);
    np_box_destroy(b);

    c.capacity = 0;
    refused(&c, "capacity is 0; it must be 1 to 67108864");
    c.capacity = 67108865;
    refused(&c, "capacity is 67108865");
    c = defaults();
    c.evict = "lur";
    refused(&c, "evict 'lur' is not known; there is: lru, refuse, fifo, random");
    c = defaults();
    c.timeout[NP_TIMEOUT_UDP_STREAM] = 0;
    refused(&c, "timeouts.udp_stream is 0s; it must be more than 0");
    c.timeout[NP_TIMEOUT_UDP_STREAM] = -1;
    refused(&c, "timeouts.udp_stream is negative");
    c = defaults();
    c.ports.low = 2000;
    c.ports.high = 1999;
    refused(&c, "ports.range is 2000 to 1999");
    c.ports.low = 0;
    refused(&c, "ports.range is 0 to 1999");
    c = defaults();
    c.ports.addresses = 0;
    refused(&c, "ports.addresses is 0; from 192.0.2.1 on it must be 1 to");
    c.ports.first = np_addr_ipv4(0xffffffff);
    c.ports.addresses = 2;
    refused(&c, "ports.addresses is 2; from 255.255.255.255 on it must be 1 to 1");
    c = defaults();
    c.unknown_inbound = NP_UNKNOWN_ADOPT;
    refused(&c, "unknown_inbound must be drop or reset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tie),          cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_udp_stream),   cmocka_unit_test(test_lazy),
        cmocka_unit_test(test_opening),      cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_heals),        cmocka_unit_test(test_preserve),
        cmocka_unit_test(test_exhaustion),   cmocka_unit_test(test_sequential),
        cmocka_unit_test(test_random_ports), cmocka_unit_test(test_echo),
        cmocka_unit_test(test_ipv6),         cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_tap),          cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
