/*
 * ICMP errors: what is translated of them and of the packet they quote, from where they may come, and that
 * they leave mappings alone.
 */
#include "draw.h"
#include "natpulse/box.h"

#define HOST   0x0a000001u /* 10.0.0.1 */
#define SERVER 0xc6336401u /* 198.51.100.1 */
#define ROUTER 0xc63364feu
#define PUBLIC 0xc0000201u /* 192.0.2.1 */

static np_box *box(const np_nat_config *c)
{
    np_error e;
    np_box *b = np_box_create(c, np_key_make(1, 0), 0, &e);
    assert_non_null(b);
    return b;
}

static np_nat_config defaults(void)
{
    np_nat_config c;
    np_nat_defaults(&c);
    c.ports.select = NP_PORT_RANDOM;
    return c;
}

static uint16_t out(np_box *b, uint8_t proto, uint32_t host, uint16_t sport, uint32_t dst, uint16_t dport,
                    np_time now)
{
    np_packet p = packet(proto, host, sport, dst, dport, proto == NP_TCP ? NP_SYN : 1);
    assert_int_equal(np_box_outbound(b, &p, now).verdict, NP_FORWARD);
    return p.sport;
}

static np_tuple sent(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
    return (np_tuple){np_addr_ipv4(src), np_addr_ipv4(dst), sport, dport, proto, 4};
}

/* An error from `router` to `to`; what comes out. */
static np_handled error(np_box *b, np_error_way way, uint32_t router, uint32_t to, np_tuple *quoted,
                        np_packet *p, np_time now)
{
    *p = packet(NP_ICMP, router, 0, to, 0, 0);
    return np_box_error(b, p, quoted, way, now);
}

static void is(const np_tuple *t, uint32_t local, uint16_t local_port, uint32_t remote, uint16_t remote_port)
{
    assert_int_equal(np_addr_to_ipv4(&t->local), local);
    assert_int_equal(t->local_port, local_port);
    assert_int_equal(np_addr_to_ipv4(&t->remote), remote);
    assert_int_equal(t->remote_port, remote_port);
}

/* For all pairs of mapping and filtering: in from any router, out from any inside host. */
static void both_ways(void **state)
{
    (void)state;
    for (int pair = 0; pair < 9; pair++)
        for (int lazy = 0; lazy < 2; lazy++) {
            np_nat_config c = defaults();
            c.mapping = (np_dependence)(pair / 3);
            c.filtering = (np_dependence)(pair % 3);
            c.expiry = lazy ? NP_EXPIRY_LAZY : NP_EXPIRY_EXACT;
            np_box *b = box(&c);
            np_packet p;
            uint16_t port = out(b, NP_UDP, HOST, 5000, SERVER, 53, 0);

            np_tuple q = sent(NP_UDP, PUBLIC, port, SERVER, 53);
            np_handled h = error(b, NP_ERROR_IN, ROUTER, PUBLIC, &q, &p, NP_SECOND);
            assert_int_equal(h.verdict, NP_FORWARD);
            assert_int_equal(h.reason, NP_REASON_MAPPED);
            is(&q, HOST, 5000, SERVER, 53);
            assert_int_equal(np_addr_to_ipv4(&p.src), ROUTER);
            assert_int_equal(np_addr_to_ipv4(&p.dst), HOST);

            for (uint32_t who = HOST; who <= HOST + 9; who += 9) {
                q = sent(NP_UDP, SERVER, 53, HOST, 5000);
                h = error(b, NP_ERROR_OUT, who, SERVER, &q, &p, 2 * NP_SECOND);
                assert_int_equal(h.verdict, NP_FORWARD);
                is(&q, SERVER, 53, PUBLIC, port);
                assert_int_equal(np_addr_to_ipv4(&p.src), PUBLIC);
                assert_int_equal(np_addr_to_ipv4(&p.dst), SERVER);
            }

            q = sent(NP_UDP, HOST, 5000, SERVER, 53);
            h = error(b, NP_ERROR_IN_INSIDE, ROUTER, HOST, &q, &p, 3 * NP_SECOND);
            assert_int_equal(h.verdict, NP_FORWARD);
            is(&q, HOST, 5000, SERVER, 53);

            q = sent(NP_UDP, PUBLIC, (uint16_t)(port ^ 1), SERVER, 53); /* nobody's */
            h = error(b, NP_ERROR_IN, ROUTER, PUBLIC, &q, &p, 4 * NP_SECOND);
            assert_int_equal(h.verdict, NP_DROP);
            assert_int_equal(h.reason, NP_REASON_NO_MAPPING);
            assert_int_equal(np_addr_to_ipv4(&p.dst), PUBLIC);

            q = sent(NP_UDP, PUBLIC, port, SERVER, 53); /* none of these renewed it */
            h = error(b, NP_ERROR_IN, ROUTER, PUBLIC, &q, &p, 30 * NP_SECOND);
            assert_int_equal(h.verdict, NP_DROP);
            assert_int_equal(np_box_entries(b), 0);
            np_box_destroy(b);
        }
}

/* An echo's identifier stands in both of its ports. */
static void echo(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    np_box *b = box(&c);
    np_packet p;
    uint16_t id = out(b, NP_ICMP, HOST, 77, SERVER, 77, 0);
    np_tuple q = sent(NP_ICMP, PUBLIC, id, SERVER, id);
    assert_int_equal(error(b, NP_ERROR_IN, ROUTER, PUBLIC, &q, &p, 0).verdict, NP_FORWARD);
    is(&q, HOST, 77, SERVER, 77);
    q = sent(NP_ICMP, SERVER, 77, HOST, 77);
    assert_int_equal(error(b, NP_ERROR_OUT, HOST, SERVER, &q, &p, 0).verdict, NP_FORWARD);
    is(&q, SERVER, id, PUBLIC, id);
    np_box_destroy(b);
}

/* About a hairpinned packet: to the inside host that sent it, from the public address. */
static void hairpinned(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        np_nat_config c = defaults();
        c.mapping = c.filtering = NP_ENDPOINT_INDEPENDENT;
        c.hairpin = on;
        np_box *b = box(&c);
        uint16_t one = out(b, NP_UDP, HOST, 5000, SERVER, 53, 0),
                 other = out(b, NP_UDP, HOST + 1, 6000, SERVER, 53, 0);
        np_packet p;
        np_tuple q = sent(NP_UDP, PUBLIC, one, HOST + 1, 6000);
        np_handled h = error(b, NP_ERROR_OUT, HOST + 1, PUBLIC, &q, &p, 0);
        assert_int_equal(h.verdict, NP_FORWARD);
        assert_int_equal(np_addr_to_ipv4(&p.src), PUBLIC);
        assert_int_equal(np_addr_to_ipv4(&p.dst), on ? HOST : PUBLIC);
        is(&q, on ? HOST : PUBLIC, on ? 5000 : one, PUBLIC, other);
        np_box_destroy(b);
    }
}

/* Without a mapping a tracking box that leaks lets them out as they are; from outside they are for nobody. */
static void leaked(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        np_nat_config c = defaults();
        c.tracker = kind & 2 ? NP_TRACK_LINUX : NP_TRACK_NONE;
        c.invalid = kind & 1 ? NP_INVALID_LEAK : NP_INVALID_DROP;
        bool leak = kind == 3;
        np_box *b = box(&c);
        np_packet p;
        np_tuple q = sent(NP_UDP, SERVER, 53, HOST, 5000);
        np_handled h = error(b, NP_ERROR_OUT, HOST, SERVER, &q, &p, 0);
        assert_int_equal(h.verdict, leak ? NP_FORWARD : NP_DROP);
        assert_int_equal(h.reason, leak ? NP_REASON_LEAKED : NP_REASON_NO_MAPPING);
        assert_int_equal(np_addr_to_ipv4(&p.src), HOST);
        q = sent(NP_UDP, PUBLIC, 5000, SERVER, 53);
        assert_int_equal(error(b, NP_ERROR_IN, ROUTER, PUBLIC, &q, &p, 0).verdict, NP_DROP);
        np_box_destroy(b);
    }
}

/* A box that translates nothing leaves errors as they are, a router's behind it too. */
static void untranslated(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.ports.select = NP_PORT_NONE;
    np_box *b = box(&c);
    np_packet p;
    out(b, NP_UDP, HOST, 5000, SERVER, 53, 0);
    np_tuple q = sent(NP_UDP, SERVER, 53, HOST, 5000);
    assert_int_equal(error(b, NP_ERROR_OUT, HOST + 9, SERVER, &q, &p, 1).reason, NP_REASON_MAPPED);
    is(&q, SERVER, 53, HOST, 5000);
    assert_int_equal(np_addr_to_ipv4(&p.src), HOST + 9);
    q = sent(NP_UDP, HOST, 5000, SERVER, 53);
    assert_int_equal(error(b, NP_ERROR_IN, ROUTER, HOST, &q, &p, 1).reason, NP_REASON_MAPPED);
    is(&q, HOST, 5000, SERVER, 53);
    assert_int_equal(np_addr_to_ipv4(&p.dst), HOST);
    q = sent(NP_UDP, HOST, 5001, SERVER, 53);
    assert_int_equal(error(b, NP_ERROR_IN, ROUTER, HOST, &q, &p, 1).verdict, NP_DROP);
    np_box_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(echo),
        cmocka_unit_test(hairpinned),
        cmocka_unit_test(leaked),
        cmocka_unit_test(untranslated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
