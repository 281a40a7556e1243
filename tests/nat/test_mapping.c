/*
 * Mapping and filtering of RFC 4787: all nine pairs, by hand and at random against a model that searches a
 * list from end to end. Hairpins. What is filtered is told from what is not there.
 */
#include "draw.h"
#include "natpulse/box.h"

#define HOST     0x0a000001u
#define SERVER   0xc6336401u
#define PUBLIC   0xc0000201u
#define LIFETIME (30 * NP_SECOND)

static const char *const names[] = {"endpoint-independent", "address-dependent",
                                    "address-and-port-dependent"};

static np_box *box_of(np_dependence mapping, np_dependence filtering, np_nat_config *c)
{
    np_error e;
    c->mapping = mapping;
    c->filtering = filtering;
    np_box *b = np_box_create(c, np_key_make(1, 0), 0, &e);
    assert_non_null(b);
    return b;
}

static np_nat_config defaults(void)
{
    np_nat_config c;
    np_nat_defaults(&c);
    return c;
}

static uint16_t out(np_box *b, uint16_t sport, uint32_t dst, uint16_t dport)
{
    np_packet p = packet(NP_UDP, HOST, sport, dst, dport, 0);
    assert_int_equal(np_box_outbound(b, &p, 0).verdict, NP_FORWARD);
    assert_int_equal(np_addr_to_ipv4(&p.src), PUBLIC);
    assert_int_equal(np_addr_to_ipv4(&p.dst), dst);
    return p.sport;
}

static bool let_in(np_box *b, uint32_t src, uint16_t sport, uint16_t dport)
{
    np_packet p = packet(NP_UDP, src, sport, PUBLIC, dport, 0);
    bool in = np_box_inbound(b, &p, 0).verdict == NP_FORWARD;
    if (in) {
        assert_int_equal(np_addr_to_ipv4(&p.dst), HOST);
        assert_int_equal(p.dport, 5000);
    }
    return in;
}

/* The test of RFC 5780 4.3 and 4.4: to one address and port, to another port of it, to another address.
   Random ports, so that one that is the same is the same mapping's. */
static void test_matrix(void **state)
{
    (void)state;
    for (int m = 0; m < 3; m++)
        for (int f = 0; f < 3; f++) {
            np_nat_config c = defaults();
            c.ports.select = NP_PORT_RANDOM;
            np_box *b = box_of((np_dependence)m, (np_dependence)f, &c);
            uint16_t first = out(b, 5000, SERVER, 1);
            assert_int_equal(let_in(b, SERVER, 1, first), true);
            assert_int_equal(let_in(b, SERVER, 2, first), f <= NP_ADDRESS_DEPENDENT);
            assert_int_equal(let_in(b, SERVER + 1, 1, first), f == NP_ENDPOINT_INDEPENDENT);
            assert_int_equal(out(b, 5000, SERVER, 2) == first, m <= NP_ADDRESS_DEPENDENT);
            assert_int_equal(out(b, 5000, SERVER + 1, 1) == first, m == NP_ENDPOINT_INDEPENDENT);
            assert_int_equal(out(b, 5000, SERVER, 1), first);
            np_box_destroy(b);
        }
}

/* What it costs: entries for three remote ends of one inside endpoint, two of them at one address. */
static void test_entries(void **state)
{
    (void)state;
    static const uint32_t entries[3][3] = {{1, 2, 3}, {2, 2, 3}, {3, 3, 3}};
    for (int m = 0; m < 3; m++)
        for (int f = 0; f < 3; f++) {
            np_nat_config c = defaults();
            np_box *b = box_of((np_dependence)m, (np_dependence)f, &c);
            out(b, 5000, SERVER, 1);
            out(b, 5000, SERVER, 2);
            out(b, 5000, SERVER + 1, 1);
            assert_int_equal(np_box_entries(b), entries[m][f]);
            np_tuple flow = {np_addr_ipv4(HOST), np_addr_ipv4(SERVER), 5000, 2, NP_UDP, 4};
            np_mapping held;
            assert_true(np_box_lookup(b, &flow, &held));
            assert_int_equal(np_addr_to_ipv4(&held.inside.remote), m + f == 0 ? 0 : SERVER);
            np_box_destroy(b);
        }
}

/* A stranger to an endpoint in use, and to one that is not. */
static void test_filtered(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.unknown_inbound = NP_UNKNOWN_RESET;
    np_box *b = box_of(NP_ENDPOINT_INDEPENDENT, NP_ADDRESS_AND_PORT_DEPENDENT, &c);
    uint16_t port = out(b, 5000, SERVER, 1);
    np_packet p = packet(NP_UDP, SERVER, 2, PUBLIC, port, 0);
    np_handled h = np_box_inbound(b, &p, 0);
    assert_int_equal(h.verdict, NP_RESET);
    assert_string_equal(np_reason_name(h.reason), "filtered");
    p = packet(NP_UDP, SERVER, 2, PUBLIC, (uint16_t)(port + 1), 0);
    h = np_box_inbound(b, &p, 0);
    assert_string_equal(np_reason_name(h.reason), "no-mapping");
    assert_int_equal(np_box_count(b)->filtered, 1);
    assert_int_equal(np_box_count(b)->unknown_in, 2);
    np_box_destroy(b);
}

/* Inside to inside by way of the outside, when the filter lets it; else as from any stranger. */
static void test_hairpin(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        for (int on = 0; on < 2; on++) {
            np_nat_config c = defaults();
            c.hairpin = on;
            np_box *b = box_of(NP_ENDPOINT_INDEPENDENT, (np_dependence)f, &c);
            uint16_t port = out(b, 5000, SERVER, 1);
            np_packet p = packet(NP_UDP, HOST + 9, 6000, PUBLIC, port, 0);
            np_handled h = np_box_outbound(b, &p, 0);
            bool reached = on && f == NP_ENDPOINT_INDEPENDENT;
            assert_int_equal(h.verdict == NP_FORWARD, reached || !on);
            assert_int_equal(np_addr_to_ipv4(&p.dst), reached ? HOST : PUBLIC);
            assert_int_equal(p.dport, reached ? 5000 : port);
            if (reached) { /* from its external endpoint, so that an answer finds the way back */
                assert_int_equal(np_addr_to_ipv4(&p.src), PUBLIC);
                np_packet back = packet(NP_UDP, HOST, 5000, PUBLIC, p.sport, 0);
                assert_int_equal(np_box_outbound(b, &back, 0).verdict, NP_FORWARD);
                assert_int_equal(np_addr_to_ipv4(&back.dst), HOST + 9);
                assert_int_equal(back.dport, 6000);
                assert_int_equal(back.sport, port);
            }
            np_box_destroy(b);
        }
}

/* A tracker follows single TCP flows: strangers are let in to datagrams only, and the external port is the
   same all the same. */
static void test_tracked(void **state)
{
    (void)state;
    static const np_tracking trackers[] = {NP_TRACK_FLAGS, NP_TRACK_STATES, NP_TRACK_PF};
    for (size_t t = 0; t < sizeof trackers / sizeof *trackers; t++) {
        np_nat_config c = defaults();
        c.tracker = trackers[t];
        c.ports.select = NP_PORT_RANDOM;
        np_box *b = box_of(NP_ENDPOINT_INDEPENDENT, NP_ENDPOINT_INDEPENDENT, &c);
        uint16_t port = out(b, 5000, SERVER, 1);
        assert_int_equal(out(b, 5000, SERVER + 1, 1), port);
        assert_true(let_in(b, SERVER + 2, 9, port));
        assert_int_equal(np_box_entries(b), 1);

        np_packet syn = packet(NP_TCP, HOST, 7000, SERVER, 80, NP_SYN), other = syn;
        other.dst = np_addr_ipv4(SERVER + 1);
        assert_int_equal(np_box_outbound(b, &syn, 0).verdict, NP_FORWARD);
        assert_int_equal(np_box_outbound(b, &other, 0).verdict, NP_FORWARD);
        assert_int_equal(other.sport, syn.sport);
        assert_int_equal(np_box_entries(b), 3);
        np_packet p = packet(NP_TCP, SERVER, 80, PUBLIC, syn.sport, NP_SYN | NP_ACK);
        assert_int_equal(np_box_inbound(b, &p, 0).verdict, NP_FORWARD);
        p = packet(NP_TCP, SERVER + 2, 80, PUBLIC, syn.sport, NP_ACK);
        assert_string_equal(np_reason_name(np_box_inbound(b, &p, 0).reason), "no-mapping");
        p = packet(NP_TCP, SERVER + 2, 80, PUBLIC, syn.sport, NP_SYN);
        assert_string_equal(np_reason_name(np_box_inbound(b, &p, 0).reason), "created");
        assert_int_equal(np_addr_to_ipv4(&p.dst), HOST);
        assert_int_equal(p.dport, 7000);
        p = packet(NP_TCP, HOST, 7000, SERVER + 2, 80, NP_SYN | NP_ACK);
        assert_string_equal(np_reason_name(np_box_outbound(b, &p, 0).reason), "mapped");
        assert_int_equal(p.sport, syn.sport);
        assert_int_equal(np_box_entries(b), 4);
        np_box_destroy(b);
    }
}

/* IPv6 is filtered and not mapped. */
static void test_ipv6(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++) {
        np_nat_config c = defaults();
        np_box *b = box_of(NP_ADDRESS_AND_PORT_DEPENDENT, (np_dependence)f, &c);
        np_packet p = packet(NP_UDP, HOST, 5000, SERVER, 1, 0);
        p.family = 6;
        p.src.word[3] = p.dst.word[3] = 6;
        np_packet sent = p;
        assert_int_equal(np_box_outbound(b, &p, 0).verdict, NP_FORWARD);
        assert_memory_equal(&p, &sent, sizeof p);
        np_packet back = packet(NP_UDP, SERVER, 2, HOST, 5000, 0);
        back.family = 6;
        back.src.word[3] = back.dst.word[3] = 6;
        assert_int_equal(np_box_inbound(b, &back, 0).verdict == NP_FORWARD, f <= NP_ADDRESS_DEPENDENT);
        back.src.word[3] = 7;
        assert_int_equal(np_box_inbound(b, &back, 0).verdict == NP_FORWARD, f == NP_ENDPOINT_INDEPENDENT);
        np_box_destroy(b);
    }
}

/* ---- at random ---- */

#define MOST 108 /* all there can be: 3 hosts, 2 ports, 2 protocols, 9 remote ends */

typedef struct session {
    uint32_t host, remote, external;
    uint16_t port, remote_port, external_port;
    uint8_t proto;
    np_time last;
} session;

typedef struct model {
    np_dependence m, f, coarse;
    np_dependence fine; /* what entries have: all, where a tracker follows flows */
    bool by_flow;
    session s[MOST];
    uint32_t n;
} model;

static bool same_remote(np_dependence d, uint32_t a, uint16_t a_port, uint32_t b, uint16_t b_port)
{
    return d == NP_ENDPOINT_INDEPENDENT || (a == b && (d == NP_ADDRESS_DEPENDENT || a_port == b_port));
}

static void forget_dead(model *m, np_time now)
{
    for (uint32_t i = 0; i < m->n;)
        if (m->s[i].last + LIFETIME <= now)
            m->s[i] = m->s[--m->n];
        else
            i++;
}

static session *find_inside(model *m, np_dependence d, uint8_t proto, uint32_t host, uint16_t port,
                            uint32_t remote, uint16_t remote_port)
{
    for (uint32_t i = 0; i < m->n; i++) {
        session *s = &m->s[i];
        if (s->proto == proto && s->host == host && s->port == port &&
            same_remote(d, s->remote, s->remote_port, remote, remote_port))
            return s;
    }
    return NULL;
}

static session *find_outside(model *m, np_dependence d, uint8_t proto, uint32_t address, uint16_t port,
                             uint32_t remote, uint16_t remote_port)
{
    for (uint32_t i = 0; i < m->n; i++) {
        session *s = &m->s[i];
        if (s->proto == proto && s->external == address && s->external_port == port &&
            same_remote(d, s->remote, s->remote_port, remote, remote_port))
            return s;
    }
    return NULL;
}

static void check_outbound(model *m, const np_packet *sent, const np_packet *came, np_handled h, np_time now)
{
    uint32_t host = np_addr_to_ipv4(&sent->src), remote = np_addr_to_ipv4(&sent->dst);
    uint32_t external = np_addr_to_ipv4(&came->src);
    session *s = find_inside(m, m->fine, sent->proto, host, sent->sport, remote, sent->dport);
    if (h.verdict != NP_FORWARD) { /* no port: all six on both addresses are taken */
        assert_int_equal(h.reason, NP_REASON_NO_PORT);
        assert_null(s);
        assert_true(m->m >= (m->by_flow ? m->fine : m->f) ||
                    !find_inside(m, m->m, sent->proto, host, sent->sport, remote, sent->dport));
        for (uint32_t a = 0; a < 2; a++)
            for (uint16_t port = 2000; port < 2006; port++)
                assert_non_null(
                    find_outside(m, m->coarse, sent->proto, PUBLIC + a, port, remote, sent->dport));
        return;
    }
    assert_int_equal(h.reason, s ? NP_REASON_MAPPED : NP_REASON_CREATED);
    if (s == NULL) {
        session *shared = m->m < (m->by_flow ? m->fine : m->f)
                              ? find_inside(m, m->m, sent->proto, host, sent->sport, remote, sent->dport)
                              : NULL;
        if (shared) {
            assert_int_equal(external, shared->external);
            assert_int_equal(came->sport, shared->external_port);
        } else {
            assert_null(find_outside(m, m->coarse, sent->proto, external, came->sport, remote, sent->dport));
        }
        s = &m->s[m->n++];
        *s = (session){.host = host,
                       .remote = remote,
                       .external = external,
                       .port = sent->sport,
                       .remote_port = sent->dport,
                       .external_port = came->sport,
                       .proto = sent->proto};
    }
    assert_int_equal(external, s->external);
    assert_int_equal(came->sport, s->external_port);
    s->last = now;
}

static void check_inbound(model *m, const np_packet *sent, const np_packet *came, np_handled h, np_time now)
{
    uint32_t address = np_addr_to_ipv4(&sent->dst), remote = np_addr_to_ipv4(&sent->src);
    session *exact = find_outside(m, m->fine, sent->proto, address, sent->dport, remote, sent->sport);
    session *s =
        exact ? exact : find_outside(m, m->f, sent->proto, address, sent->dport, remote, sent->sport);
    if (s && !exact && m->by_flow) { /* what it says to this one comes from another endpoint already */
        const session *own = find_inside(m, m->m, sent->proto, s->host, s->port, remote, sent->sport);
        if (own && (own->external != address || own->external_port != sent->dport)) s = NULL;
    }
    assert_int_equal(h.verdict, s ? NP_FORWARD : NP_DROP);
    if (s == NULL) {
        bool in_use = find_outside(m, m->m, sent->proto, address, sent->dport, remote, sent->sport) != NULL;
        assert_int_equal(h.reason, m->m < m->f && in_use ? NP_REASON_FILTERED : NP_REASON_NO_MAPPING);
        return;
    }
    assert_int_equal(np_addr_to_ipv4(&came->dst), s->host);
    assert_int_equal(came->dport, s->port);
    if (exact == NULL && m->by_flow) {
        session first = *s;
        s = &m->s[m->n++];
        *s = first;
        s->remote = remote;
        s->remote_port = sent->sport;
    }
    s->last = now;
}

static void set_rules(model *m, bool by_flow)
{
    m->by_flow = by_flow;
    m->fine = by_flow ? NP_ADDRESS_AND_PORT_DEPENDENT : m->m > m->f ? m->m : m->f;
}

static void test_random(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int m = 0; m < 3; m++)
        for (int f = 0; f < 3; f++)
            for (int kind = 0; kind < 4; kind++) {
                bool lazy = kind & 1, tracked = kind & 2;
                uint64_t s = seed * 31 + (uint64_t)(m * 12 + f * 4 + kind);
                np_nat_config c = defaults();
                c.capacity = MOST;
                for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = LIFETIME;
                c.tracker = tracked ? NP_TRACK_STATES : NP_TRACK_NONE;
                c.expiry = lazy ? NP_EXPIRY_LAZY : NP_EXPIRY_EXACT;
                c.ports.select = (np_port_select)below(&s, 3);
                c.ports.low = 2000;
                c.ports.high = 2005;
                c.ports.addresses = 2;
                if (c.ports.select == NP_PORT_PRESERVE) c.ports.select = NP_PORT_RANDOM;
                np_box *b = box_of((np_dependence)m, (np_dependence)f, &c);
                static model list;
                list = (model){.m = (np_dependence)m, .f = (np_dependence)f};
                list.coarse = m < f ? list.m : list.f;
                np_time now = 0;
                uint32_t hosts = HOST + 100 * below(&s, 100); /* others share other chains */
                for (uint32_t step = 0; step < 30000; step++) {
                    now += below(&s, 4) ? 0 : below(&s, 8 * (uint32_t)(NP_SECOND / 4));
                    if (!lazy) np_box_expire(b, now);
                    forget_dead(&list, now);
                    uint8_t proto = below(&s, 3) ? NP_UDP : NP_TCP;
                    set_rules(&list, tracked && proto == NP_TCP);
                    uint32_t remote = SERVER + below(&s, 3);
                    uint16_t remote_port = (uint16_t)(1 + below(&s, 3));
                    np_packet p, sent;
                    np_handled h;
                    if (below(&s, 2)) {
                        p = sent = packet(proto, hosts + below(&s, 3), (uint16_t)(5000 + below(&s, 2)),
                                          remote, remote_port, NP_SYN);
                        h = np_box_outbound(b, &p, now);
                        check_outbound(&list, &sent, &p, h, now);
                    } else {
                        p = sent = packet(proto, remote, remote_port, PUBLIC + below(&s, 2),
                                          (uint16_t)(1999 + below(&s, 8)), NP_SYN);
                        h = np_box_inbound(b, &p, now);
                        check_inbound(&list, &sent, &p, h, now);
                    }
                    if (!lazy && np_box_entries(b) != list.n)
                        fail_msg("mapping %s, filtering %s: %u entries, the model has %u", names[m], names[f],
                                 np_box_entries(b), list.n);
                }
                np_box_destroy(b);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),  cmocka_unit_test(test_entries), cmocka_unit_test(test_filtered),
        cmocka_unit_test(test_hairpin), cmocka_unit_test(test_tracked), cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
