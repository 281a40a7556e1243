/*
 * Eviction policies against models: an array of flows in order of making, and the rule written down once more
 * in the plainest way. Random packets of more flows than there is room for; of each new flow the model says
 * who goes.
 */
#include "draw.h"
#include "natpulse/box.h"

#define SERVER 0xc6336401u
#define FLOWS  48
#define MOST   24
#define STEPS  60000

static uint64_t seed;

typedef struct flow {
    uint32_t id;
    np_time made, last;
    bool used, answered, assured;
} flow;

/* flow[0] was made first (clock moves them). */
typedef struct model {
    flow flow[MOST];
    uint32_t n, capacity, hand;
} model;

static bool is_tcp(uint32_t id)
{
    return id % 3 == 0;
}

/* Which flow goes; m->n: none. */
typedef uint32_t rule(model *m);

static void move_to_end(model *m, uint32_t i)
{
    flow f = m->flow[i];
    memmove(&m->flow[i], &m->flow[i + 1], (m->n - i - 1) * sizeof f);
    m->flow[m->n - 1] = f;
}

static uint32_t clock_rule(model *m)
{
    while (m->flow[0].used) {
        m->flow[0].used = false;
        move_to_end(m, 0);
    }
    return 0;
}

static uint32_t sieve_rule(model *m)
{
    for (;; m->hand = (m->hand + 1) % m->n) {
        if (!m->flow[m->hand].used) return m->hand;
        m->flow[m->hand].used = false;
    }
}

static uint32_t netx_rule(model *m)
{
    uint32_t best = m->n;
    for (uint32_t i = 0; i < m->n; i++)
        if (!is_tcp(m->flow[i].id) && (best == m->n || m->flow[i].last < m->flow[best].last)) best = i;
    return best;
}

static uint32_t unassured_rule(model *m)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < m->n; i++) {
        const flow *f = &m->flow[i], *g = &m->flow[best];
        if (f->assured != g->assured ? g->assured : f->last < g->last) best = i;
    }
    return best;
}

typedef struct heard {
    uint32_t evicted, gone;
} heard;

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)when;
    heard *h = ctx;
    if (what == NP_MAPPING_CREATED) return;
    assert_int_not_equal(what, NP_MAPPING_EXPIRED);
    h->evicted += what == NP_MAPPING_EVICTED;
    h->gone = m->conn;
}

static uint32_t find(const model *m, uint32_t id)
{
    uint32_t i = 0;
    while (i < m->n && m->flow[i].id != id) i++;
    return i;
}

static void forget(model *m, uint32_t i)
{
    memmove(&m->flow[i], &m->flow[i + 1], (m->n - i - 1) * sizeof m->flow[i]);
    m->n--;
    if (m->hand > i) m->hand--;
    if (m->hand == m->n) m->hand = 0; /* not on the next new flow */
}

static np_tuple inside_of(uint32_t id)
{
    return (np_tuple){
        np_addr_ipv4(0x0a000000 + id), np_addr_ipv4(SERVER), 1000, 53, is_tcp(id) ? NP_TCP : NP_UDP, 4};
}

/* Linux assures a UDP flow by a packet more than two seconds after its first, when it has been answered. */
static void use(flow *f, bool outbound, bool tracked, np_time now)
{
    f->used = true;
    f->last = now;
    if (!tracked) return;
    if (f->answered && now - f->made > 2 * NP_SECOND) f->assured = true;
    if (!outbound) f->answered = true;
}

static void run(const char *policy, rule *expected, bool tracked, uint32_t capacity)
{
    uint64_t s = seed * 7919 + capacity;
    np_nat_config c;
    np_nat_defaults(&c);
    c.evict = policy;
    c.capacity = capacity;
    c.tracker = tracked ? NP_TRACK_LINUX : NP_TRACK_NONE;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = 10000 * NP_DAY;
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    assert_non_null(b);
    heard h = {0, 0};
    np_box_set_tap(b, (np_box_tap){.mapping = on_mapping, .ctx = &h});
    model m = {.capacity = capacity};
    uint32_t evictions = 0, refusals = 0;
    np_time now = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        now += 1 + below(&s, 1000) * NP_MILLISECOND;
        uint32_t id = below(&s, below(&s, 3) == 0 ? FLOWS : 8) + (step / 5000) * 4;
        if (tracked) id = id * 3 + 1; /* UDP only */
        np_tuple k = inside_of(id);
        uint32_t at = find(&m, id), before = h.evicted;
        if (below(&s, 50) == 0) {
            np_box_close(b, &k, now);
            if (at < m.n) forget(&m, at);
        } else if (at < m.n) {
            bool outbound = below(&s, 3) != 0;
            np_packet p = packet(k.proto, 0x0a000000 + id, 1000, SERVER, 53, NP_SYN);
            np_packet back = packet(k.proto, SERVER, 53, 0x0a000000 + id, 1000, NP_SYN | NP_ACK);
            np_handled did = outbound ? np_box_outbound(b, &p, now) : np_box_inbound_inside(b, &back, now);
            assert_int_equal(did.reason, NP_REASON_MAPPED);
            use(&m.flow[at], outbound, tracked, now);
        } else {
            uint32_t out = m.n == capacity ? expected(&m) : MOST;
            np_packet p = packet(k.proto, 0x0a000000 + id, 1000, SERVER, 53, NP_SYN);
            p.conn = id;
            np_reason reason = np_box_outbound(b, &p, now).reason;
            assert_int_equal(reason,
                             m.n == capacity && out == m.n ? NP_REASON_TABLE_FULL : NP_REASON_CREATED);
            refusals += reason == NP_REASON_TABLE_FULL;
            if (out < m.n) {
                evictions++;
                assert_int_equal(h.evicted, before + 1);
                assert_int_equal(h.gone, m.flow[out].id);
                forget(&m, out);
                before++;
            }
            if (reason == NP_REASON_CREATED) m.flow[m.n++] = (flow){.id = id, .made = now, .last = now};
        }
        assert_int_equal(h.evicted, before);
        assert_int_equal(np_box_entries(b), m.n);
    }
    assert_true(evictions + refusals > STEPS / 100);
    np_box_destroy(b);
}

static void run_all(const char *policy, rule *expected, bool tracked)
{
    for (uint32_t capacity = 1; capacity <= MOST; capacity = capacity * 2 + 1)
        run(policy, expected, tracked, capacity);
}

static void test_clock(void **state)
{
    (void)state;
    run_all("clock", clock_rule, false);
}

static void test_sieve(void **state)
{
    (void)state;
    run_all("sieve", sieve_rule, false);
}

static void test_netx(void **state)
{
    (void)state;
    run_all("netx", netx_rule, false);
}

static void test_lru_unassured_first(void **state)
{
    (void)state;
    run_all("lru-unassured-first", unassured_rule, true);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_sieve),
        cmocka_unit_test(test_netx),
        cmocka_unit_test(test_lru_unassured_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
