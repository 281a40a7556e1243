/*
 * What each NAT profile is known for, packet by packet: who is refused when it is full, what becomes of a
 * connection whose time is over, and whether it comes back to life.
 */
#include "nat_profile.h"

/* ---- clouds ---- */

static void test_aws_nat_gateway(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "aws-nat-gateway", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443), g = f;
    flow_handshake(&f);
    pass(&m, 349 * S);
    must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped"); /* either side's packets count */
    pass(&m, 351 * S);
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_RESET, "expired");
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_RESET, "expired"); /* as often as it tries */
    must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    must(flow_in(&f, NP_SYN | NP_ACK), NP_FORWARD, "mapped");
    assert_int_equal(m.sent[0] + m.sent[1], 0); /* never by itself */
    g.sport = 40001;
    must(flow_out(&g, NP_ACK), NP_DROP, "no-mapping"); /* of no connection that it knew */

    flow d = flow_of(&m, NP_UDP, 0, 5000, 0, 53);
    must(flow_out(&d, 0), NP_FORWARD, "created");
    pass(&m, 351 * S);
    must(flow_out(&d, 0), NP_FORWARD, "created"); /* a datagram just begins anew */
    machine_close(&m);
}

/* 55,000 to one destination, whoever of the inside they are from; then no port, until one goes. */
static void test_aws_destinations(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "aws-nat-gateway", NULL, 0);
    for (uint32_t i = 0; i < 55000; ++i) {
        flow f = flow_of(&m, NP_TCP, i % 7, (uint16_t)(1024 + i / 7), 0, 443);
        must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    }
    flow one_more = flow_of(&m, NP_TCP, 8, 999, 0, 443);
    must(flow_out(&one_more, NP_SYN), NP_DROP, "no-port");
    assert_int_equal(np_box_count(m.box)->no_port, 1);
    flow port = flow_of(&m, NP_TCP, 8, 999, 0, 80), host = flow_of(&m, NP_TCP, 8, 999, 1, 443);
    flow udp = flow_of(&m, NP_UDP, 8, 999, 0, 443);
    must(flow_out(&port, NP_SYN), NP_FORWARD, "created");
    must(flow_out(&host, NP_SYN), NP_FORWARD, "created");
    must(flow_out(&udp, 0), NP_FORWARD, "created");
    pass(&m, 60 * S); /* SYNs that nobody answered are over */
    must(flow_out(&one_more, NP_SYN), NP_FORWARD, "created");
    machine_close(&m);

    machine_open_with(&m, "aws-nat-gateway", "nat.ports.addresses",
                      "2"); /* a second address, as many again */
    for (uint32_t i = 0; i < 110000; ++i) {
        flow f = flow_of(&m, NP_TCP, i / 50000, (uint16_t)(1024 + i % 50000), 0, 443);
        must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    }
    must((one_more.m = &m, flow_out(&one_more, NP_SYN)), NP_DROP, "no-port");
    machine_close(&m);
}

static void test_aws_nlb(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "aws-nlb", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    flow_handshake(&f);
    assert_int_equal(f.public_addr, HOST); /* nothing is translated */
    assert_int_equal(f.port, 40000);
    pass(&m, 351 * S);
    must(flow_in(&f, NP_ACK), NP_RESET, "expired");
    must(flow_out(&f, NP_ACK), NP_RESET, "expired");
    assert_int_equal(m.sent[0] + m.sent[1], 0);
    machine_close(&m);
}

/* A forgotten flow is new, and new ones begin with a SYN: both ends are in the dark. */
static void test_aws_filters(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        np_time idle;
    } row[] = {{"aws-security-group", 432000 * S},
               {"aws-security-group-nitro6", 350 * S},
               {"aws-network-firewall", 350 * S}};
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        machine m;
        machine_open(&m, row[i].name, NULL, 0);
        flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443), d = flow_of(&m, NP_UDP, 0, 40000, 0, 53);
        flow_handshake(&f);
        assert_int_equal(f.public_addr, HOST);
        pass(&m, row[i].idle - 1);
        must(flow_out(&f, NP_ACK), NP_FORWARD, "mapped");
        pass(&m, row[i].idle);
        must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
        must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping");
        must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
        must(flow_out(&d, 0), NP_FORWARD, "created");
        must(flow_in(&d, 0), NP_FORWARD, "mapped");
        pass(&m, 180 * S - 1);
        must(flow_in(&d, 0), NP_FORWARD, "mapped");
        pass(&m, 180 * S);
        must(flow_in(&d, 0), NP_DROP, "no-mapping");
        machine_close(&m);
    }
}

static void test_azure_load_balancer(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; ++reset) {
        machine m;
        machine_open(&m, reset ? "azure-load-balancer-reset" : "azure-load-balancer", NULL, 0);
        flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
        flow_handshake(&f);
        pass(&m, 240 * S - 1);
        assert_int_equal(m.sent[0] + m.sent[1], 0);
        pass(&m, 1);
        assert_int_equal(m.sent[0], reset);
        assert_int_equal(m.sent[1], reset);
        if (reset) assert_true(m.last_sent.flags & NP_RST);
        must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
        must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping");
        machine_close(&m);
    }
}

/* Whoever goes on is reset. And a port rests after a connection is closed before the destination sees it
 * again. */
static void test_azure_nat_gateway(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "azure-nat-gateway", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    flow_handshake(&f);
    pass(&m, 241 * S);
    must(flow_in(&f, NP_ACK), NP_RESET, "expired");
    must(flow_out(&f, NP_ACK), NP_RESET, "expired");
    machine_close(&m);

    np_override one_port = {"nat.ports.range", "5000-5000"};
    machine_open(&m, "azure-nat-gateway", &one_port, 1);
    flow a = flow_of(&m, NP_TCP, 0, 40000, 0, 443), b = flow_of(&m, NP_TCP, 1, 40000, 0, 443);
    flow_handshake(&a);
    must(flow_out(&b, NP_SYN), NP_DROP, "no-port");
    flow_close(&a);
    pass(&m, 65 * S - 1);
    must(flow_out(&b, NP_SYN), NP_DROP, "no-port");
    pass(&m, 1);
    must(flow_out(&b, NP_SYN), NP_FORWARD, "created");
    must(flow_in(&b, NP_RST | NP_ACK), NP_FORWARD, "mapped");
    must(flow_out(&a, NP_SYN), NP_DROP, "no-port");
    pass(&m, 16 * S);
    must(flow_out(&a, NP_SYN), NP_FORWARD, "created");
    machine_close(&m);
}

/* Outbound opens again, inbound never. */
static void test_gcp_vpc(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "gcp-vpc", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    flow_handshake(&f);
    pass(&m, 601 * S);
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_FORWARD, "adopted");
    assert_int_equal(f.public_addr, HOST);
    must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped");
    machine_close(&m);
}

/* 64 ports a machine: as many flows to one destination, and any number altogether. */
static void test_gcp_cloud_nat(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "gcp-cloud-nat", NULL, 0);
    for (uint16_t i = 0; i < 64; ++i) {
        flow f = flow_of(&m, NP_TCP, 0, (uint16_t)(2000 + i), 0, 443);
        must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    }
    flow f = flow_of(&m, NP_TCP, 0, 3000, 0, 443), elsewhere = flow_of(&m, NP_TCP, 0, 3000, 1, 443);
    flow other = flow_of(&m, NP_TCP, 1, 3000, 0, 443);
    must(flow_out(&f, NP_SYN), NP_DROP, "no-port");
    must(flow_out(&elsewhere, NP_SYN), NP_FORWARD, "created");
    must(flow_out(&other, NP_SYN), NP_FORWARD, "created");
    assert_int_not_equal((elsewhere.port - 1024) / 64, (other.port - 1024) / 64);
    pass(&m, 30 * S); /* nobody answered */
    flow_handshake(&f);
    pass(&m, 1200 * S - 1);
    must(flow_out(&f, NP_ACK), NP_FORWARD, "mapped");
    pass(&m, 1200 * S);
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping");
    machine_close(&m);
}

/* ---- Linux and what is made of it ---- */

/* Both lose their mapping. A client that talks first heals its connection; a server gets a reset from the
   router itself, and the client hears nothing. */
static void test_linux_heals(void **state)
{
    (void)state;
    static const char *const names[] = {"linux", "linux-bare", "openwrt", "kube-proxy", "mikrotik"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        machine m;
        machine_open(&m, names[i], NULL, 0);
        bool answers = m.config.unknown_inbound == NP_UNKNOWN_RESET;
        assert_int_equal(answers, strcmp(names[i], "mikrotik") != 0);
        flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
        flow_handshake(&f);
        np_box_flush(m.box, m.now);
        must(flow_in(&f, NP_ACK), answers ? NP_RESET : NP_DROP, "no-mapping");
        uint16_t before = f.port;
        must(flow_out(&f, NP_ACK), NP_FORWARD, "adopted");
        assert_int_equal(f.port, before);
        must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped");

        pass(&m, S);
        np_box_flush(m.box, m.now);
        must(flow_out(&f, NP_FIN | NP_ACK), m.config.invalid == NP_INVALID_LEAK ? NP_FORWARD : NP_DROP, NULL);
        bool leaks = np_addr_to_ipv4(&f.came.src) == HOST && m.config.invalid == NP_INVALID_LEAK;
        assert_int_equal(leaks, strcmp(names[i], "linux-bare") == 0);
        machine_close(&m);
    }
}

/* A full table: what is assured stays however idle, and new flows are refused. */
static void test_linux_full(void **state)
{
    (void)state;
    machine m;
    machine_open_with(&m, "linux", "nat.capacity", "32");
    for (uint16_t i = 0; i < 32; ++i) {
        flow f = flow_of(&m, NP_TCP, 0, (uint16_t)(2000 + i), 0, 443);
        flow_handshake(&f);
    }
    pass(&m, NP_HOUR);
    flow f = flow_of(&m, NP_TCP, 1, 3000, 0, 443);
    must(flow_out(&f, NP_SYN), NP_DROP, "table-full");
    assert_int_equal(np_box_count(m.box)->evictions, 0);
    assert_int_equal(np_box_count(m.box)->refused, 1);
    machine_close(&m);

    machine_open_with(&m, "linux", "nat.capacity",
                      "32");            /* datagrams go: eight of 32 chains are looked at, */
    for (uint16_t i = 0; i < 32; ++i) { /* and all are of one direction */
        flow d = flow_of(&m, NP_UDP, 0, (uint16_t)(2000 + i), 0, 53);
        must(flow_out(&d, 0), NP_FORWARD, "created");
    }
    must((f.m = &m, flow_out(&f, NP_SYN)), NP_FORWARD, "created");
    assert_true(np_box_count(m.box)->evictions > 0);
    machine_close(&m);
}

/* The fuller, the shorter: by the share of a table that an override made smaller. */
static void test_mikrotik_steps(void **state)
{
    (void)state;
    static const struct {
        uint32_t flows;
        np_time lives;
    } row[] = {{100, NP_DAY},          {101, NP_DAY},     {300, NP_DAY},
               {301, NP_HOUR},         {800, NP_HOUR},    {801, 10 * NP_MINUTE},
               {1300, 10 * NP_MINUTE}, {1301, NP_MINUTE}, {1600, NP_MINUTE}};
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        machine m; /* without the collector's rounds, so that the next thing to happen is an expiry */
        machine_open(&m, "mikrotik", (np_override[]){{"nat.capacity", "1600"}, {"nat.expiry", "exact"}}, 2);
        for (uint32_t k = 0; k < row[i].flows; ++k) {
            flow f = flow_of(&m, NP_TCP, 0, (uint16_t)(2000 + k), 0, 443);
            flow_handshake(&f);
        }
        np_box_expire(m.box, 0);
        assert_int_equal(np_box_next_expiry(m.box), row[i].lives);
        machine_close(&m);
    }
}

/* ---- the BSDs ---- */

static void test_pf(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "pf", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping"); /* flags S/SA */
    flow_handshake(&f);
    assert_in_range(f.port, 50001, 65535);
    uint16_t before = f.port;
    pass(&m, NP_DAY + 10 * S);
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping");
    f.seq = 77000;
    must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    assert_int_not_equal(f.port, before); /* one in 15,535 that this fails: the seed is fixed */
    machine_close(&m);

    /* The purge looks at 64 a second: past its time a state works until its turn, and is revived. */
    enum { STATES = 640, GONE = 6 * 64 };
    machine_open(&m, "pf", NULL, 0);
    pass(&m, S / 2);
    for (int twice = 0; twice < 2; ++twice) {
        int revived = 0;
        for (uint16_t k = 0; k < STATES; ++k) {
            flow d = flow_of(&m, NP_UDP, 0, (uint16_t)(5000 + k), 0, 53);
            np_handled h = flow_out(&d, 0);
            assert_int_equal(h.verdict, NP_FORWARD);
            revived += h.reason == NP_REASON_MAPPED;
        }
        assert_int_equal(revived, twice ? STATES - GONE : 0);
        pass(&m, 35 * S); /* the time is 30 s, and six seconds have begun since */
        assert_int_equal(np_box_entries(m.box), STATES - GONE);
    }
    machine_close(&m);

    machine_open(&m, "pf", NULL, 0); /* a SYN on an established flow: pf answers for the server */
    f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    flow_handshake(&f);
    f.seq = 99000;
    must(flow_out(&f, NP_SYN), NP_DROP, "invalid");
    assert_int_equal(m.sent[1], 1);
    assert_int_equal(m.last_sent.flags, NP_ACK);
    machine_close(&m);
}

/* (120000 - 100000) / 60000 at the limit, which refuses; half of it is the full time. Scaled down likewise.
 */
static void test_pf_adaptive(void **state)
{
    (void)state;
    static const struct {
        const char *capacity;
        uint32_t flows;
        np_time lives;
    } row[] = {{"100000", 60000, 120 * S}, {"100000", 90000, 60 * S}, {"100000", 100000, 40 * S},
               {"1000", 600, 120 * S},     {"1000", 900, 60 * S},     {"1000", 1000, 40 * S}};
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        /* Without the purge's rounds and seconds, so that the next thing to happen is an expiry. */
        np_override exact[] = {
            {"nat.capacity", row[i].capacity}, {"nat.expiry", "exact"}, {"nat.tick", "0s"}};
        machine m;
        machine_open(&m, "pf", exact, 3);
        for (uint32_t k = 0; k < row[i].flows; ++k) {
            flow f = flow_of(&m, NP_TCP, k / 10000, (uint16_t)(2000 + k % 10000), k % 100, 443);
            must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
        }
        np_box_expire(m.box, 0);
        assert_int_equal(np_box_next_expiry(m.box), row[i].lives); /* tcp.first is 120 s */
        if (np_box_entries(m.box) == m.config.capacity) {
            flow f = flow_of(&m, NP_TCP, 99, 999, 99, 443);
            must(flow_out(&f, NP_SYN), NP_DROP, "table-full");
        }
        machine_close(&m);
    }
}

/* ---- VPP ---- */

static void test_vpp_ed(void **state)
{
    (void)state;
    machine m;
    machine_open_with(&m, "vpp-nat44-ed", "nat.capacity", "3");
    flow f = flow_of(&m, NP_TCP, 0, 2000, 0, 443);
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping"); /* non-SYN */
    flow_handshake(&f);
    flow a = flow_of(&m, NP_TCP, 0, 2001, 0, 443), b = flow_of(&m, NP_UDP, 0, 2002, 0, 53);
    must(flow_out(&a, NP_SYN), NP_FORWARD, "created");
    must(flow_out(&b, 0), NP_FORWARD, "created");
    flow c = flow_of(&m, NP_TCP, 0, 2003, 0, 443);
    pass(&m, 239 * S);
    must(flow_out(&c, NP_SYN), NP_DROP, "table-full"); /* no head is past its time */
    assert_int_equal(np_box_entries(m.box), 3);
    pass(&m, S); /* the SYN's is: found now, not before; and its place is for the next flow */
    np_handled h = flow_out(&c, NP_SYN);
    if (h.verdict == NP_DROP) h = flow_out(&c, NP_SYN);
    must(h, NP_FORWARD, "created");
    assert_int_equal(np_box_entries(m.box), 3);
    np_box_flush(m.box, m.now);
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping"); /* nothing heals */
    machine_close(&m);
}

/* A host at its limit pays with its own oldest session, however alive; others do not. */
static void test_vpp_ei(void **state)
{
    (void)state;
    machine m;
    np_override set[] = {{"nat.capacity", "20"}, {"nat.ports.per_host", "3"}};
    machine_open(&m, "vpp-nat44-ei", set, 2);
    flow other = flow_of(&m, NP_UDP, 1, 2000, 0, 53), f[4];
    must(flow_out(&other, 0), NP_FORWARD, "created");
    for (uint16_t i = 0; i < 4; ++i) {
        f[i] = flow_of(&m, NP_UDP, 0, (uint16_t)(2000 + i), 0, 53);
        pass(&m, S);
        must(flow_out(&f[i], 0), NP_FORWARD, "created");
    }
    assert_int_equal(np_box_entries(m.box), 4);
    assert_int_equal(np_box_count(m.box)->evictions, 1);
    must(flow_in(&f[0], 0), NP_DROP, "no-mapping");
    must(flow_in(&f[1], 0), NP_FORWARD, "mapped");
    must(flow_in(&other, 0), NP_FORWARD, "mapped");
    other.server++; /* filtering does not depend on the remote end */
    must(flow_in(&other, 0), NP_FORWARD, "mapped");
    machine_close(&m);
}

/* ---- others ---- */

/* UDP from outside does not put off the end; TCP from outside does. Filtering goes by address. */
static void test_windows(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "windows-nat", NULL, 0);
    flow d = flow_of(&m, NP_UDP, 0, 5000, 0, 53), f = flow_of(&m, NP_TCP, 0, 5000, 0, 443);
    must(flow_out(&d, 0), NP_FORWARD, "created");
    flow_handshake(&f);
    pass(&m, 100 * S);
    must(flow_in(&d, 0), NP_FORWARD, "mapped");
    d.dport = 54;
    must(flow_in(&d, 0), NP_FORWARD, "mapped");
    d.server++;
    must(flow_in(&d, 0), NP_DROP, "filtered");
    d.server--;
    pass(&m, 20 * S);
    must(flow_in(&d, 0), NP_DROP, "no-mapping");
    pass(&m, 1600 * S);
    must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped");
    pass(&m, 1799 * S);
    must(flow_out(&f, NP_ACK), NP_FORWARD, "mapped");
    machine_close(&m);
}

/* Full of TCP it forwards nothing new; a datagram's entry makes room for anybody. */
static void test_netx(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "netx-duo", NULL, 0);
    flow first = flow_of(&m, NP_TCP, 0, 2000, 0, 443), d = flow_of(&m, NP_UDP, 0, 1999, 0, 53);
    must(flow_out(&d, 0), NP_FORWARD, "created");
    assert_int_equal(d.port, 20000);                       /* from the lower end on */
    must(flow_out(&first, NP_ACK), NP_FORWARD, "adopted"); /* whatever its flags */
    assert_int_equal(first.port, 20001);
    for (uint16_t i = 1; i < 63; ++i) {
        flow f = flow_of(&m, NP_TCP, 0, (uint16_t)(2000 + i), 0, 443);
        must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
        assert_int_equal(f.port, 20001 + i);
    }
    assert_int_equal(np_box_entries(m.box), 64);
    flow f = flow_of(&m, NP_TCP, 1, 2000, 0, 443), g = flow_of(&m, NP_TCP, 1, 2001, 0, 443);
    pass(&m, S);
    must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    must(flow_in(&d, 0), NP_RESET, "no-mapping"); /* for the device's own stack */
    must(flow_out(&g, NP_SYN), NP_DROP, "table-full");
    must(flow_out(&d, 0), NP_DROP, "table-full");
    must(flow_out(&first, NP_ACK), NP_FORWARD, "mapped");
    machine_close(&m);
}

/* Above 95 % of the table sessions idle for 20 s go, oldest first, until it is at 80 %; the rest keep their
 * time. */
static void test_juniper(void **state)
{
    (void)state;
    machine m;
    machine_open_with(&m, "juniper-srx", "nat.capacity", "1000");
    for (uint16_t i = 0; i < 950; ++i) {
        flow f = flow_of(&m, NP_TCP, 0, (uint16_t)(2000 + i), 0, 443);
        flow_handshake(&f);
    }
    pass(&m, 100 * S);
    assert_int_equal(np_box_entries(m.box), 950);
    flow f = flow_of(&m, NP_TCP, 1, 2000, 0, 443);
    must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    pass(&m, 0);
    assert_int_equal(np_box_entries(m.box), 800);
    pass(&m, 1699 * S);
    assert_int_equal(np_box_entries(m.box), 799); /* the unanswered SYN had 20 s */
    pass(&m, S);
    assert_int_equal(np_box_entries(m.box), 0);
    machine_close(&m);
}

/* A port rests for 30 s before another host has it; half closed for ten minutes. */
static void test_asa(void **state)
{
    (void)state;
    machine m;
    np_override one_port[] = {{"nat.ports.range", "5000-5000"}, {"nat.ports.select", "random"}};
    machine_open(&m, "cisco-asa", one_port, 2);
    flow a = flow_of(&m, NP_TCP, 0, 2000, 0, 443), b = flow_of(&m, NP_TCP, 1, 2000, 0, 443);
    flow_handshake(&a);
    must(flow_in(&a, NP_FIN | NP_ACK), NP_FORWARD, "mapped");
    pass(&m, 599 * S);
    must(flow_out(&a, NP_ACK), NP_FORWARD, "mapped");
    must(flow_out(&a, NP_RST), NP_FORWARD, "mapped");
    pass(&m, S); /* a reset ends it in a second */
    assert_int_equal(np_box_entries(m.box), 0);
    must(flow_out(&b, NP_SYN), NP_DROP, "no-port");
    pass(&m, 30 * S - 1);
    must(flow_out(&b, NP_SYN), NP_DROP, "no-port");
    pass(&m, 1);
    must(flow_out(&b, NP_SYN), NP_FORWARD, "created");
    machine_close(&m);
    machine_open(&m, "cisco-asa", NULL, 0);
    flow e = {.m = &m, .host = HOST, .server = SERVER, .sport = 7, .dport = 7, .proto = NP_ICMP};
    must(flow_out(&e, 1), NP_FORWARD, "created");
    pass(&m, 2 * S - 1);
    must(flow_in(&e, 0), NP_FORWARD, "mapped");
    pass(&m, 2 * S);
    must(flow_in(&e, 0), NP_DROP, "no-mapping");
    machine_close(&m);
}

/* Eight blocks of 128 ports a subscriber, any stranger may answer, and 15 s until somebody does. */
static void test_nokia(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "nokia-cgn", NULL, 0);
    uint32_t block[8], blocks = 0, address = 0;
    for (uint16_t i = 0; i < 1024; ++i) {
        flow d = flow_of(&m, NP_UDP, 0, (uint16_t)(2000 + i), 0, 53);
        must(flow_out(&d, 0), NP_FORWARD, "created");
        uint32_t its = (uint32_t)(d.port - 1024) / 128, k = 0;
        while (k < blocks && block[k] != its) ++k;
        if (k == blocks) {
            assert_true(blocks < 8);
            block[blocks++] = its;
        }
        if (i == 0) address = d.public_addr;
        assert_int_equal(d.public_addr, address); /* paired */
    }
    assert_int_equal(blocks, 8);
    flow d = flow_of(&m, NP_UDP, 0, 9000, 0, 53), other = flow_of(&m, NP_UDP, 1, 9000, 0, 53);
    must(flow_out(&d, 0), NP_DROP, "no-port");
    must(flow_out(&other, 0), NP_FORWARD, "created");
    uint16_t port = other.port;
    other.server++;
    must(flow_in(&other, 0), NP_FORWARD, "mapped");
    must(flow_out(&other, 0), NP_FORWARD, "mapped");
    assert_int_equal(other.port, port);
    pass(&m, 15 * S);
    assert_int_equal(np_box_entries(m.box), 1); /* the one that was answered */
    pass(&m, 285 * S);
    assert_int_equal(np_box_entries(m.box), 0);
    machine_close(&m);
}

/* Entries past their time are matched until the collector comes by; what it has lost comes back from inside.
 */
static void test_cilium(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "cilium", NULL, 0);
    flow d = flow_of(&m, NP_UDP, 0, 40000, 0, 53), f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    must(flow_out(&d, 0), NP_FORWARD, "created");
    pass(&m, 299 * S);
    must(flow_in(&d, 0), NP_FORWARD, "mapped");
    pass(&m, 301 * S); /* the run at 300 s spared it, the next one is at 600 s */
    must(flow_in(&d, 0), NP_DROP, "no-mapping");
    flow_handshake(&f);
    np_box_flush(m.box, m.now);
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_FORWARD, "adopted");
    assert_int_equal(f.port, 40000);
    must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped");
    must(flow_out(&f, NP_FIN | NP_ACK), NP_FORWARD, "mapped");
    pass(&m, 7900 * S); /* one FIN: as open */
    must(flow_in(&f, NP_FIN | NP_ACK), NP_FORWARD, "mapped");
    pass(&m, 310 * S);
    assert_int_equal(np_box_entries(m.box), 0);
    machine_close(&m);
}

static void test_ipvs(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "ipvs", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443);
    flow_handshake(&f);
    pass(&m, 899 * S);
    must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped");
    pass(&m, 900 * S);
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_RESET, "no-mapping");
    machine_close(&m);
}

/* Full boxes of two kinds: the longest idle goes, or the new one is refused. */
static void test_full(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t holds;
        bool evicts;
    } row[] = {{"lru-box", 4096, true},
               {"realtek-soc", 2048, true},
               {"draytek-vigor", 60000, false},
               {"cisco-rv120w", 4096, false},
               {"huawei-nat-gateway", 10000, false},
               {"rfc-ideal", 64512, false}}; /* out of ports first: one each inside endpoint */
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        machine m;
        machine_open(&m, row[i].name, NULL, 0);
        flow first = flow_of(&m, NP_TCP, 0, 1024, 0, 80);
        must(flow_out(&first, NP_SYN), NP_FORWARD, "created");
        for (uint32_t k = 1; k < row[i].holds; ++k) {
            flow f = flow_of(&m, NP_TCP, k / 60000, (uint16_t)(1024 + k % 60000), k % 5, 80);
            if (m.config.mapping == NP_ENDPOINT_INDEPENDENT) { /* and no host has more than a tenth */
                f.sport = (uint16_t)(1024 + k % 64512);
                f.host = HOST + k / 6000;
            }
            must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
        }
        assert_int_equal(np_box_entries(m.box), row[i].holds);
        flow more = flow_of(&m, NP_TCP, 9, 1024, 9, 80);
        must(flow_out(&more, NP_SYN), row[i].evicts ? NP_FORWARD : NP_DROP, NULL);
        must(flow_in(&first, NP_SYN | NP_ACK), row[i].evicts ? NP_DROP : NP_FORWARD, NULL);
        assert_int_equal(np_box_count(m.box)->evictions, row[i].evicts);
        machine_close(&m);
    }
}

/* The default box, rule by rule as the design defines it. */
static void test_lru_box(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "lru-box", NULL, 0);
    flow f = flow_of(&m, NP_TCP, 0, 40000, 0, 443), d = flow_of(&m, NP_UDP, 0, 40000, 0, 53);
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_FIN | NP_ACK), NP_DROP, "no-mapping");
    f.public_addr = PUBLIC;
    f.port = 40000;
    must(flow_in(&f, NP_SYN), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_SYN), NP_FORWARD, "created");
    must(flow_out(&d, 0), NP_FORWARD, "created");
    assert_int_equal(f.port, 40000);
    assert_int_equal(d.port, 40000);
    flow taken = flow_of(&m, NP_TCP, 1, 40000, 0, 443), elsewhere = flow_of(&m, NP_TCP, 1, 40000, 1, 443);
    must(flow_out(&taken, NP_SYN), NP_FORWARD, "created");
    assert_int_not_equal(taken.port, 40000);
    must(flow_out(&elsewhere, NP_SYN), NP_FORWARD, "created"); /* free towards another destination */
    assert_int_equal(elsewhere.port, 40000);
    f.dport = 80;
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping"); /* from the same server's other port */
    f.dport = 443;
    must(flow_in(&f, NP_RST), NP_FORWARD, "mapped"); /* and no state machine hears of it */
    pass(&m, NP_HOUR - 1);
    must(flow_in(&f, NP_ACK), NP_FORWARD, "mapped");
    pass(&m, NP_HOUR);
    must(flow_in(&f, NP_ACK), NP_DROP, "no-mapping");
    must(flow_out(&f, NP_ACK), NP_DROP, "no-mapping");
    assert_int_equal(m.sent[0] + m.sent[1], 0);
    machine_close(&m);
}

/* Mapping and filtering ignore the remote end, inside hosts reach each other, strangers get no answer. */
static void test_rfc(void **state)
{
    (void)state;
    machine m;
    machine_open(&m, "rfc-ideal", NULL, 0);
    flow a = flow_of(&m, NP_UDP, 0, 5000, 0, 53), b = flow_of(&m, NP_TCP, 1, 6000, 0, 443);
    must(flow_out(&a, 0), NP_FORWARD, "created");
    uint16_t port = a.port;
    a.server += 7;
    must(flow_in(&a, 0), NP_FORWARD, "mapped");
    must(flow_out(&a, 0), NP_FORWARD, "mapped");
    assert_int_equal(a.port, port);
    flow_handshake(&b);
    port = b.port;
    b.server += 7;
    must(flow_in(&b, NP_SYN), NP_FORWARD, "created"); /* RFC 5382 REQ-3 */
    must(flow_out(&b, NP_SYN | NP_ACK), NP_FORWARD, "mapped");
    assert_int_equal(b.port, port);
    np_packet p = packet(NP_UDP, HOST + 9, 7000, PUBLIC, a.port, 0);
    must(np_box_outbound(m.box, &p, m.now), NP_FORWARD, NULL);
    assert_int_equal(np_addr_to_ipv4(&p.dst), HOST);
    assert_int_equal(np_addr_to_ipv4(&p.src), PUBLIC);
    b.port = 60000;
    must(flow_in(&b, NP_SYN), NP_DROP, "no-mapping"); /* REQ-4 */
    pass(&m, 239 * S);
    assert_int_equal(np_box_entries(m.box), 4);
    pass(&m, 61 * S);
    assert_int_equal(np_box_entries(m.box), 1); /* UDP 300 s, the SYN that was answered 240 s */
    pass(&m, 7140 * S);
    assert_int_equal(np_box_entries(m.box), 0);
    machine_close(&m);
}

/* The times of UDP that differ by whether it was answered. */
static void test_udp_times(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        np_time alone, answered;
    } row[] = {{"danos-cgnat", 240, 1800}, {"nokia-cgn", 15, 300},   {"openwrt", 60, 60},
               {"linux", 30, 30},          {"mikrotik", 10, 10},     {"aws-security-group", 30, 180},
               {"realtek-soc", 15, 15},    {"huawei-usg", 120, 120}, {"oci-nlb", 120, 120},
               {"libalias", 60, 60},       {"cisco-ios", 300, 300}};
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i)
        for (int answered = 0; answered < 2; ++answered) {
            machine m;
            machine_open(&m, row[i].name, NULL, 0);
            flow d = flow_of(&m, NP_UDP, 0, 40000, 0, 53);
            must(flow_out(&d, 0), NP_FORWARD, "created");
            if (answered) must(flow_in(&d, 0), NP_FORWARD, "mapped");
            pass(&m, (answered ? row[i].answered : row[i].alone) * S - 1);
            assert_int_equal(np_box_count(m.box)->expiries, 0);
            pass(&m, 1);
            assert_int_equal(np_box_count(m.box)->expiries, 1);
            machine_close(&m);
        }
    machine m; /* Linux: a stream only once it has lasted two seconds */
    machine_open(&m, "openwrt", NULL, 0);
    flow d = flow_of(&m, NP_UDP, 0, 40000, 0, 53);
    must(flow_out(&d, 0), NP_FORWARD, "created");
    must(flow_in(&d, 0), NP_FORWARD, "mapped");
    pass(&m, 3 * S);
    must(flow_out(&d, 0), NP_FORWARD, "mapped");
    pass(&m, 180 * S - 1);
    must(flow_in(&d, 0), NP_FORWARD, "mapped");
    machine_close(&m);
}

int main(void)
{
    if (access(PROFILES_DIR, F_OK) != 0) {
        puts("runs from the top of the tree");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aws_nat_gateway),
        cmocka_unit_test(test_aws_destinations),
        cmocka_unit_test(test_aws_nlb),
        cmocka_unit_test(test_aws_filters),
        cmocka_unit_test(test_azure_load_balancer),
        cmocka_unit_test(test_azure_nat_gateway),
        cmocka_unit_test(test_gcp_vpc),
        cmocka_unit_test(test_gcp_cloud_nat),
        cmocka_unit_test(test_linux_heals),
        cmocka_unit_test(test_linux_full),
        cmocka_unit_test(test_mikrotik_steps),
        cmocka_unit_test(test_pf),
        cmocka_unit_test(test_pf_adaptive),
        cmocka_unit_test(test_vpp_ed),
        cmocka_unit_test(test_vpp_ei),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_netx),
        cmocka_unit_test(test_juniper),
        cmocka_unit_test(test_asa),
        cmocka_unit_test(test_nokia),
        cmocka_unit_test(test_cilium),
        cmocka_unit_test(test_ipvs),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_lru_box),
        cmocka_unit_test(test_rfc),
        cmocka_unit_test(test_udp_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
