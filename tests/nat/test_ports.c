/*
 * Ports by host: limits, blocks and hold times against lists that are searched from end to end; and the
 * choice of masquerade.
 */
#include "draw.h"
#include "natpulse/box.h"

#define HOST   0x0a000001u
#define SERVER 0xc6336401u
#define PUBLIC 0xc0000201u
#define FIRST  2000
#define PORTS  12

static np_nat_config defaults(void)
{
    np_nat_config c;
    np_nat_defaults(&c);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = 20;
    c.ports.select = NP_PORT_RANDOM;
    c.ports.low = FIRST;
    c.ports.high = FIRST + PORTS - 1;
    return c;
}

static np_box *box_of(const np_nat_config *c)
{
    np_error e;
    np_box *b = np_box_create(c, np_key_make(1, 0), 0, &e);
    if (b == NULL) print_message("%s\n", e.text);
    assert_non_null(b);
    return b;
}

static np_handled send(np_box *b, np_packet *p, uint32_t host, uint16_t sport, uint32_t dst, np_time now)
{
    *p = packet(NP_UDP, HOST + host, sport, SERVER + dst, 53, 0);
    return np_box_outbound(b, p, now);
}

/* ---- limits ---- */

static void test_per_host(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = 100;
    c.ports.per_host = 3;
    np_box *b = box_of(&c);
    np_packet p;
    for (uint16_t i = 0; i < 3; i++) assert_int_equal(send(b, &p, 0, i, 0, i).verdict, NP_FORWARD);
    np_handled h = send(b, &p, 0, 3, 0, 3);
    assert_int_equal(h.verdict, NP_DROP);
    assert_string_equal(np_reason_name(h.reason), "per-host-limit");
    assert_int_equal(np_box_count(b)->host_limit, 1);
    assert_int_equal(send(b, &p, 0, 1, 0, 4).reason, NP_REASON_MAPPED); /* what it has goes on */
    assert_int_equal(send(b, &p, 1, 3, 0, 5).verdict, NP_FORWARD);      /* and so do others */
    assert_int_equal(send(b, &p, 0, 3, 0, 19).reason, NP_REASON_HOST_LIMIT);
    assert_int_equal(send(b, &p, 0, 3, 0, 20).reason, NP_REASON_CREATED); /* its first has just timed out */
    np_box_destroy(b);
}

/* ---- at random ---- */

#define MOST 60

static uint64_t seed;

typedef struct held_key {
    uint32_t address, dst, host;
    uint16_t port;
    np_time from;
} held_key;

typedef struct live {
    uint32_t address, dst, host;
    uint16_t port, sport;
    np_time last;
} live;

typedef struct model {
    const np_nat_config *c;
    live live[MOST];
    held_key held[4096];
    uint32_t n, holds;
} model;

static uint32_t block_of(const model *m, uint16_t port)
{
    return (uint32_t)(port - FIRST) / m->c->ports.block;
}

static void forget_dead(model *m, np_time now)
{
    for (uint32_t i = 0; i < m->n;) {
        live *l = &m->live[i];
        if (l->last + 20 > now) {
            i++;
            continue;
        }
        if (m->holds == 4096) { /* long over */
            memmove(m->held, m->held + 2048, 2048 * sizeof *m->held);
            m->holds = 2048;
        }
        m->held[m->holds++] = (held_key){l->address, l->dst, l->host, l->port, l->last + 20};
        *l = m->live[--m->n];
    }
}

/* Whether a host could have this outside key now, blocks apart. */
static bool is_free(const model *m, uint32_t host, uint32_t address, uint16_t port, uint32_t dst, np_time now)
{
    uint32_t served = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->live[i].address != address || m->live[i].dst != dst) continue;
        if (m->live[i].port == port) return false;
        served++;
    }
    if (m->c->ports.per_destination != 0 && served >= m->c->ports.per_destination) return false;
    if (m->c->ports.hold == 0 || m->c->ports.block != 0) return true;
    /* whoever had it last */
    for (uint32_t i = m->holds; i-- > 0;) {
        const held_key *k = &m->held[i];
        if (k->address != address || k->port != port || k->dst != dst) continue;
        return k->host == host || now - k->from >= m->c->ports.hold;
    }
    return true;
}

/* Whether a host has the block, and whether anybody has or had it too lately. */
static bool has_block(const model *m, uint32_t host, uint32_t address, uint32_t block)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (m->live[i].host == host && m->live[i].address == address && block_of(m, m->live[i].port) == block)
            return true;
    return false;
}

static bool block_is_free(const model *m, uint32_t address, uint32_t block, np_time now)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (m->live[i].address == address && block_of(m, m->live[i].port) == block) return false;
    for (uint32_t i = m->holds; i-- > 0;)
        if (m->held[i].address == address && block_of(m, m->held[i].port) == block &&
            now - m->held[i].from < m->c->ports.hold)
            return false;
    return true;
}

static uint32_t blocks_of(const model *m, uint32_t host)
{
    uint32_t n = 0;
    for (uint32_t a = 0; a < m->c->ports.addresses; a++)
        for (uint32_t k = 0; k < PORTS / m->c->ports.block; k++) n += has_block(m, host, a, k);
    return n;
}

/* Whether the rules give the host this key. */
static bool allowed(const model *m, uint32_t host, uint32_t address, uint16_t port, uint32_t dst, np_time now)
{
    if (!is_free(m, host, address, port, dst, now)) return false;
    if (m->c->ports.block == 0) return true;
    uint32_t block = block_of(m, port);
    if (block >= PORTS / m->c->ports.block) return false;
    if (has_block(m, host, address, block)) return true;
    /* a new block only when the old ones are of no use */
    if (blocks_of(m, host) >= m->c->ports.blocks || !block_is_free(m, address, block, now)) return false;
    for (uint32_t a = 0; a < m->c->ports.addresses; a++)
        for (uint16_t q = FIRST; q < FIRST + PORTS / m->c->ports.block * m->c->ports.block; q++)
            if (has_block(m, host, a, block_of(m, q)) && is_free(m, host, a, q, dst, now)) return false;
    return true;
}

static void check(model *m, const np_packet *p, np_handled h, uint32_t host, uint16_t sport, uint32_t dst,
                  np_time now)
{
    for (uint32_t i = 0; i < m->n; i++) {
        live *l = &m->live[i];
        if (l->host != host || l->sport != sport || l->dst != dst) continue;
        assert_int_equal(h.reason, NP_REASON_MAPPED);
        assert_int_equal(p->sport, l->port);
        l->last = now;
        return;
    }
    uint32_t mine = 0;
    for (uint32_t i = 0; i < m->n; i++) mine += m->live[i].host == host;
    if (m->c->ports.per_host != 0 && mine >= m->c->ports.per_host) {
        assert_int_equal(h.reason, NP_REASON_HOST_LIMIT);
        return;
    }
    if (h.reason == NP_REASON_NO_PORT) {
        for (uint32_t a = 0; a < m->c->ports.addresses; a++)
            for (uint16_t q = FIRST; q < FIRST + PORTS; q++) assert_false(allowed(m, host, a, q, dst, now));
        return;
    }
    assert_int_equal(h.reason, NP_REASON_CREATED);
    uint32_t address = np_addr_to_ipv4(&p->src) - PUBLIC;
    assert_true(allowed(m, host, address, p->sport, dst, now));
    m->live[m->n++] = (live){address, dst, host, p->sport, sport, now};
}

static void run(const np_nat_config *c, uint64_t salt)
{
    uint64_t s = seed * 97 + salt;
    np_box *b = box_of(c);
    static model m;
    m = (model){.c = c};
    np_time now = 0;
    uint32_t refused = 0, made = 0;
    for (uint32_t step = 0; step < 20000; step++) {
        now += below(&s, 3) ? 0 : below(&s, 5);
        np_box_expire(b, now);
        forget_dead(&m, now);
        uint32_t host = below(&s, 4), dst = below(&s, 2);
        uint16_t sport = (uint16_t)(FIRST - 2 + below(&s, PORTS));
        np_packet p;
        np_handled h = send(b, &p, host, sport, dst, now);
        check(&m, &p, h, host, sport, dst, now);
        refused += h.reason == NP_REASON_NO_PORT;
        made += h.reason == NP_REASON_CREATED;
        assert_int_equal(np_box_entries(b), m.n);
    }
    assert_true(made > 500);
    if (c->ports.per_host == 0) assert_true(refused > 0);
    np_box_destroy(b);
}

static void test_hold(void **state)
{
    (void)state;
    for (int select = NP_PORT_PRESERVE; select <= NP_PORT_SEQUENTIAL; select++)
        for (uint32_t hold = 5; hold <= 45; hold += 40) {
            np_nat_config c = defaults();
            c.capacity = MOST;
            c.ports.select = (np_port_select)select;
            if (select == NP_PORT_PRESERVE) c.ports.select = NP_PORT_RANDOM;
            c.ports.hold = hold;
            run(&c, hold + (uint64_t)select);
        }
}

static void test_blocks(void **state)
{
    (void)state;
    for (int select = NP_PORT_PRESERVE; select <= NP_PORT_SEQUENTIAL; select++)
        for (uint32_t block = 2; block <= 5; block++)
            for (uint32_t blocks = 1; blocks <= 2; blocks++)
                for (uint32_t hold = 0; hold <= 10; hold += 10) {
                    np_nat_config c = defaults();
                    c.capacity = MOST;
                    c.ports.select = (np_port_select)select;
                    c.ports.block = block;
                    c.ports.blocks = blocks;
                    c.ports.hold = hold;
                    c.ports.addresses = 1 + block % 2;
                    run(&c, 100 + block * 10 + blocks + hold);
                }
}

static void test_limits(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = MOST;
    c.ports.addresses = 2;
    c.ports.per_host = 4;
    run(&c, 1000);
}

/* So many to one destination from each address, whoever of the inside they are; with blocks too. */
static void test_per_destination(void **state)
{
    (void)state;
    for (int select = NP_PORT_RANDOM; select <= NP_PORT_SEQUENTIAL; select++)
        for (uint32_t block = 0; block <= 3; block += 3)
            for (uint32_t most = 1; most <= 4; most++) {
                np_nat_config c = defaults();
                c.capacity = MOST;
                c.ports.select = (np_port_select)select;
                c.ports.addresses = 1 + most % 2;
                c.ports.per_destination = most;
                c.ports.block = block;
                c.ports.blocks = 2;
                run(&c, 2000 + most + block);
            }
}

/* A search gives up after so many ports. */
static void test_tries(void **state)
{
    (void)state;
    for (uint32_t tries = 1; tries <= PORTS; tries++) {
        np_nat_config c = defaults();
        c.ports.select = NP_PORT_SEQUENTIAL;
        c.ports.tries = tries;
        np_box *b = box_of(&c);
        np_packet p;
        for (uint16_t i = 0; i < PORTS; i++)
            assert_int_equal(send(b, &p, 0, i, 0, 0).reason, NP_REASON_CREATED);
        for (uint16_t i = 0; i < PORTS; i++) /* all but the sixth go on */
            if (i != 5) send(b, &p, 0, i, 0, 10);
        bool found = send(b, &p, 1, 0, 0, 20).verdict == NP_FORWARD; /* it looks from the first on */
        assert_int_equal(found, tries >= 6);
        if (found) assert_int_equal(p.sport, FIRST + 5);
        assert_int_equal(np_box_count(b)->no_port, !found);
        np_box_destroy(b);
    }
}

/* Nothing is translated, and everything else is as ever. */
static void test_none(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = 4;
    c.ports.select = NP_PORT_NONE;
    c.ports.per_host = 2;
    np_box *b = box_of(&c);
    np_packet p, sent = packet(NP_UDP, HOST, 7, SERVER, 53, 0);
    p = sent;
    assert_int_equal(np_box_outbound(b, &p, 0).reason, NP_REASON_CREATED);
    assert_memory_equal(&p, &sent, sizeof p);
    np_packet back = packet(NP_UDP, SERVER, 53, HOST, 7, 0), was = back;
    assert_int_equal(np_box_inbound(b, &back, 1).reason, NP_REASON_MAPPED);
    assert_memory_equal(&back, &was, sizeof back);
    was.sport = 54;
    assert_int_equal(np_box_inbound(b, &was, 1).reason, NP_REASON_NO_MAPPING);
    assert_int_equal(send(b, &p, 1, 7, 0, 2).reason, NP_REASON_CREATED); /* the same port of another host */
    assert_int_equal(p.sport, 7);
    assert_int_equal(send(b, &p, 0, 8, 0, 2).reason, NP_REASON_CREATED);
    assert_int_equal(send(b, &p, 0, 9, 0, 2).reason, NP_REASON_HOST_LIMIT);
    np_tuple flow = {np_addr_ipv4(HOST), np_addr_ipv4(SERVER), 8, 53, NP_UDP, 4};
    np_mapping m;
    assert_true(np_box_lookup(b, &flow, &m));
    assert_int_equal(np_addr_to_ipv4(&m.external), HOST);
    assert_int_equal(m.external_port, 8);
    np_box_destroy(b);
}

/* With lazy expiry a search may end the last mapping of the very block it looks through: nothing is lost by
 * it. */
static void test_blocks_lazily(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = MOST;
    c.expiry = NP_EXPIRY_LAZY;
    c.ports.block = 3;
    uint64_t s = 1;
    np_box *b = box_of(&c);
    np_time now = 0;
    for (uint32_t step = 0; step < 50000; step++) {
        np_packet p;
        now += below(&s, 7);
        send(b, &p, below(&s, 6), (uint16_t)below(&s, 9), below(&s, 2), now);
    }
    np_box_flush(b, now);
    for (uint32_t host = 0; host < PORTS / 3; host++) { /* all blocks are there again */
        np_packet p;
        assert_int_equal(send(b, &p, host, 1, 0, now).reason, NP_REASON_CREATED);
    }
    np_box_destroy(b);
}

/* A host keeps its public address while that has ports. */
static void test_paired(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.ports.high = FIRST + 999;
    c.ports.addresses = 16;
    np_box *b = box_of(&c);
    uint32_t used = 0;
    for (uint32_t host = 0; host < 64; host++) {
        uint32_t address = 0;
        for (uint16_t i = 0; i < 20; i++) {
            np_packet p;
            assert_int_equal(send(b, &p, host, i, i % 3, 0).verdict, NP_FORWARD);
            if (i == 0) address = np_addr_to_ipv4(&p.src);
            assert_int_equal(np_addr_to_ipv4(&p.src), address);
        }
        used |= 1u << (address - PUBLIC);
    }
    assert_true(__builtin_popcount(used) > 10); /* 64 hosts over 16 addresses: 15.7 on average */
    np_box_destroy(b);
}

/* ---- masquerade ---- */

static np_nat_config linux_ports(void)
{
    np_nat_config c = defaults();
    c.ports.select = NP_PORT_LINUX;
    c.ports.low = 1;
    c.ports.high = 65535;
    return c;
}

/* Its own port; when that is taken one of the same class; towards others the one it has already. */
static void test_linux(void **state)
{
    (void)state;
    static const uint16_t port[][3] = {{300, 1, 511},       {511, 1, 511},     {512, 600, 1023},
                                       {700, 600, 1023},    {1023, 600, 1023}, {1024, 1024, 65535},
                                       {40000, 1024, 65535}};
    for (size_t i = 0; i < sizeof port / sizeof *port; i++) {
        np_nat_config c = linux_ports();
        np_box *b = box_of(&c);
        np_packet p;
        send(b, &p, 0, port[i][0], 0, 0);
        assert_int_equal(p.sport, port[i][0]);
        send(b, &p, 1, port[i][0], 0, 0);
        uint16_t other = p.sport;
        assert_int_not_equal(other, port[i][0]);
        assert_in_range(other, port[i][1], port[i][2]);
        send(b, &p, 1, port[i][0], 1, 0);
        assert_int_equal(p.sport, other);
        send(b, &p, 0, port[i][0], 1, 0);
        assert_int_equal(p.sport, port[i][0]);
        np_box_destroy(b);
    }
}

/* A class that is full is given up; a closed connection gives its port to a SYN that is ahead of it. */
static void test_linux_scarce(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        np_nat_config c = linux_ports();
        c.tracker = NP_TRACK_LINUX;
        for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = NP_HOUR;
        np_box *b = box_of(&c);
        uint32_t had = 0;
        for (uint32_t host = 0; host < 2000; host++) {
            np_packet p = packet(NP_TCP, HOST + host, 700, SERVER, 80, NP_SYN);
            p.seq = 1000;
            if (np_box_outbound(b, &p, 0).verdict != NP_FORWARD) continue;
            had++;
            if (!closed) continue;
            uint16_t port = p.sport;
            p = packet(NP_TCP, SERVER, 80, PUBLIC, port, NP_SYN | NP_ACK);
            p.seq = 5000;
            p.ack = 1001;
            p.window = 1000;
            assert_int_equal(np_box_inbound(b, &p, 0).verdict, NP_FORWARD);
            p = packet(NP_TCP, SERVER, 80, PUBLIC, port, NP_RST | NP_ACK);
            p.seq = 5001;
            p.ack = 1001;
            assert_int_equal(np_box_inbound(b, &p, 0).verdict, NP_FORWARD);
        }
        /* 424 ports of the class; 248 tries find nothing in one of the last of them in about one of ten
         * searches */
        assert_in_range(had, 400, 424);
        np_packet p = packet(NP_TCP, HOST + 5000, 700, SERVER, 80, NP_SYN);
        p.seq = 900;
        uint32_t entries = np_box_entries(b), took = 0;
        bool found =
            np_box_outbound(b, &p, 1).verdict == NP_FORWARD; /* behind all of them: one that was free */
        assert_int_equal(np_box_entries(b), entries + found);
        entries += found;
        had += found;
        for (uint32_t host = 0; host < 50; host++) {
            p = packet(NP_TCP, HOST + 6000 + host, 700, SERVER, 80, NP_SYN);
            p.seq = 2000;
            took += np_box_outbound(b, &p, 1).verdict == NP_FORWARD;
        }
        if (closed)
            assert_int_equal(took, 50);
        else
            assert_in_range(took, 0, 424 - had);
        assert_in_range(np_box_entries(b), entries, 424);
        assert_int_equal(np_box_count(b)->inserts - np_box_entries(b), took - (np_box_entries(b) - entries));
        np_box_destroy(b);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_per_host),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_per_destination),
        cmocka_unit_test(test_tries),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_blocks_lazily),
        cmocka_unit_test(test_paired),
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_linux_scarce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
