/*
 * Two boxes of different make in a chain, from a scenario: which of them ends a connection, what the outer
 * one says comes through the inner one, and hosts inside reach each other at their outermost endpoints.
 */
#include "nat_profile.h"

#include "natpulse/world.h"

/* A client sends a request every ten minutes, over boxes with 10 ms before and 30 ms behind them. */
static np_result *run(const char *nat)
{
    char text[600];
    snprintf(text, sizeof text,
             "name: x\nduration: 2h\nwarmup: 0s\nreplicas: 1\nseed: 1\n"
             "nat: %s\naccess: {delay: 10ms}\ncore: {delay: 30ms}\n"
             "clients: [{name: a, count: 20, arrival: 0s, workload: {opens: client, loop: open, gap: 10m, "
             "request: 100B, response: 100B}}]\n"
             "strategies: [{name: s}]\n",
             nat);
    bench_put("s", text);
    np_scenario *s = bench_load("s", NULL, 0);
    np_error e = {.text = ""};
    np_result *r = np_world_run(&s->world, &s->strategy[0], 0, NULL, NULL, &e);
    if (r == NULL) fail_msg("%s", e.text);
    np_scenario_destroy(s);
    return r;
}

#define VALUE(r, m) ((r)->value[NP_METRIC_##m])

/* A break each time 350 s are over, whichever box it is that forgets; with the gateway outside its reset
   reaches the client through the router, 20 ms after the request that it answers. */
static void test_the_shorter_decides(void **state)
{
    (void)state;
    static const struct {
        const char *nat;
        bool breaks, told;
    } row[] = {
        {"[openwrt, aws-nat-gateway]", true, true},
        {"[aws-nat-gateway, openwrt]", true, true},
        {"[lru-box, nokia-cgn]", false, false},
        {"[openwrt, {profile: nokia-cgn, timeouts: {tcp_established: 350s}}]", true, false},
        {"[{profile: rfc-ideal, timeouts: {tcp_established: 350s}}, gcp-cloud-nat]", true, false},
        {"[windows-nat, vpp-nat44-ei, juniper-srx, mikrotik]", false, false},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i) {
        print_message("%s\n", row[i].nat);
        np_result *r = run(row[i].nat);
        if (!row[i].breaks) {
            assert_true(VALUE(r, BREAKS) == 0);
            assert_true(VALUE(r, HANDSHAKES) == 20);
            assert_true(VALUE(r, MESSAGES_LOST) == 0);
            assert_true(VALUE(r, MESSAGES_DELIVERED) >= 20 * 11 * 2);
        } else {
            assert_true(VALUE(r, BREAKS_EXPIRED) > 0 && VALUE(r, BREAKS) == VALUE(r, BREAKS_EXPIRED));
            np_quantile *detect = r->spread[NP_SPREAD_CLIENT_DETECT];
            assert_true(np_quantile_count(detect) >= 20);
            double fastest = np_quantile_min(detect);
            print_message("  detected after %.3f to %.3f s\n", fastest, np_quantile_max(detect));
            if (row[i]
                    .told) { /* 600 s after the last exchange began, or 599 after a new connection was made */
                assert_true(fastest > 248.5 && fastest < 250.1);
                assert_true(np_quantile_max(detect) < 250.1);
            } else { /* by its own retransmissions, 15 minutes of them */
                assert_true(fastest > 900);
            }
        }
        np_result_destroy(r);
    }
}

/* ---- hairpins ---- */

/* The boxes of a scenario, joined as the world joins them. */
typedef struct chain {
    np_scenario *scenario;
    np_box *box[4];
    uint32_t n;
} chain;

static void chain_open(chain *c, const char *nat)
{
    char text[600];
    snprintf(text, sizeof text, "nat: %s\n" MINIMAL, nat);
    bench_put("s", text);
    c->scenario = bench_load("s", NULL, 0);
    c->n = c->scenario->world.nats;
    for (uint32_t i = 0; i < c->n; ++i) {
        np_error e;
        c->box[i] = np_box_create(&c->scenario->world.nat[i], np_key_make(1, 0), i, &e);
        assert_non_null(c->box[i]);
    }
}

static void chain_close(chain *c)
{
    for (uint32_t i = 0; i < c->n; ++i) np_box_destroy(c->box[i]);
    np_scenario_destroy(c->scenario);
}

/* Inwards through the boxes below `from`. Whether it came to an inside host. */
static bool chain_in(chain *c, np_packet *p, uint32_t from, np_time now)
{
    while (from-- > 0)
        if (np_box_inbound(c->box[from], p, now).verdict != NP_FORWARD) return false;
    return true;
}

/* Outwards. True when the packet left the last box, or was turned and came in again (*turned). */
static bool chain_out(chain *c, np_packet *p, bool *turned, np_time now)
{
    *turned = false;
    for (uint32_t i = 0; i < c->n; ++i) {
        np_addr dst = p->dst;
        if (np_box_outbound(c->box[i], p, now).verdict != NP_FORWARD) return false;
        if (np_addr_equal(&dst, &p->dst)) continue;
        *turned = true;
        return chain_in(c, p, i, now);
    }
    return true;
}

/* Two hosts behind one router learn each other's outermost endpoints and talk: by way of the outer box, where
   it knows hairpins and both let strangers in; else not. */
static void test_hairpin(void **state)
{
    (void)state;
    static const struct {
        const char *nat;
        bool reached;
    } row[] = {
        {"[rfc-ideal, nokia-cgn]", true},
        {"[nokia-cgn, rfc-ideal]", true},
        {"[{profile: rfc-ideal, hairpin: no}, nokia-cgn]",
         true}, /* it is not at the inner box that it turns */
        {"[rfc-ideal, {profile: nokia-cgn, hairpin: no}]", false},
        {"[openwrt, nokia-cgn]", false},     /* which lets in only whom it has heard of */
        {"[rfc-ideal, danos-cgnat]", false}, /* no hairpins */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; ++i)
        for (int tcp = 0; tcp < 2; ++tcp) {
            chain c;
            bool turned;
            uint8_t proto = tcp ? NP_TCP : NP_UDP;
            chain_open(&c, row[i].nat);
            np_packet a = packet(proto, HOST, 5000, SERVER, 3478, NP_SYN);
            np_packet b = packet(proto, HOST + 1, 6000, SERVER, 3478, NP_SYN);
            assert_true(chain_out(&c, &a, &turned, 0) && !turned);
            assert_true(chain_out(&c, &b, &turned, 0) && !turned);
            uint16_t port_a = a.sport, port_b = b.sport;

            np_packet p = packet(proto, HOST, 5000, SERVER, port_b, NP_SYN);
            p.dst = b.src;
            bool there = chain_out(&c, &p, &turned, 1) && turned;
            assert_int_equal(there, row[i].reached);
            if (there) {
                assert_int_equal(np_addr_to_ipv4(&p.dst), HOST + 1);
                assert_int_equal(p.dport, 6000);
                assert_int_equal(p.sport,
                                 port_a); /* from its outermost endpoint, so that the answer comes back */
                np_packet back = packet(proto, HOST + 1, 6000, SERVER, p.sport, NP_SYN | NP_ACK);
                back.dst = p.src;
                assert_true(chain_out(&c, &back, &turned, 2) && turned);
                assert_int_equal(np_addr_to_ipv4(&back.dst), HOST);
                assert_int_equal(back.dport, 5000);
                assert_int_equal(back.sport, port_b);
            }
            chain_close(&c);
        }
}

/* Boxes of a chain are set one by one, and have addresses of their own. */
static void test_settings(void **state)
{
    (void)state;
    bench_put("s", "nat: [openwrt, {profile: nokia-cgn, ports: {addresses: 2}}]\n" MINIMAL);
    np_override set[] = {{"nat.1.timeouts.udp", "77s"}, {"nat.0.capacity", "99"}};
    np_scenario *s = bench_load("s", set, 2);
    const np_nat_config *home = &s->world.nat[0], *carrier = &s->world.nat[1];
    assert_string_equal(home->name, "openwrt");
    assert_string_equal(carrier->name, "nokia-cgn");
    assert_int_equal(home->capacity, 99);
    assert_int_equal(home->timeout[NP_TIMEOUT_UDP], 60 * S);
    assert_int_equal(carrier->timeout[NP_TIMEOUT_UDP], 77 * S);
    assert_int_equal(carrier->ports.addresses, 2);
    assert_int_equal(np_addr_to_ipv4(&home->ports.first) >> 22, 0x64400000u >> 22); /* 100.64.0.0/10 */
    assert_int_equal(np_addr_to_ipv4(&carrier->ports.first), PUBLIC);
    np_scenario_destroy(s);
}

int main(void)
{
    if (access(PROFILES_DIR, F_OK) != 0) {
        puts("runs from the top of the tree");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shorter_decides),
        cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
