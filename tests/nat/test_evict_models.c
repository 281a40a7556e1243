/*
 * Eviction policies against models: an array of flows in order of making, and the rule written down once more
 * in the plainest way. Random packets of more flows than there is room for; of each new flow the model says
 * who goes.
 */
#include "draw.h"
#include "natpulse/box.h"

#define SERVER 0xc6336401u
#define FLOWS  48
#define MOST   32
#define STEPS  60000

static uint64_t seed;

typedef struct flow {
    uint32_t id;
    np_time made, last;
    uint32_t uses;
    bool used, answered, assured, main;
} flow;

/* flow[0] was made first (clock and s3fifo move them). */
typedef struct model {
    flow flow[MOST];
    uint32_t n, capacity, hand;
    uint32_t ghost[MOST], ghosts; /* s3fifo: who went, the first first */
} model;

static bool is_tcp(uint32_t id)
{
    return id % 3 == 0;
}

/* A host has up to three flows: one of TCP, two of UDP. */
static uint32_t host_of(uint32_t id)
{
    return 0x0a000000 + id / 3;
}

static uint16_t port_of(uint32_t id)
{
    return (uint16_t)(1000 + id % 3);
}

/* Longer than a run. */
#define TCP_TIMEOUT (10000 * NP_DAY)
#define UDP_TIMEOUT (TCP_TIMEOUT - 20 * NP_SECOND)

/* When it would expire. */
static np_time end(const flow *f)
{
    return f->last + (is_tcp(f->id) ? TCP_TIMEOUT : UDP_TIMEOUT);
}

/* Which flow goes for the new one; m->n: none. */
typedef uint32_t rule(model *m, uint32_t id, np_time now);

static void move_to_end(model *m, uint32_t i)
{
    flow f = m->flow[i];
    memmove(&m->flow[i], &m->flow[i + 1], (m->n - i - 1) * sizeof f);
    m->flow[m->n - 1] = f;
}

static uint32_t clock_rule(model *m, uint32_t id, np_time now)
{
    (void)id, (void)now;
    while (m->flow[0].used) {
        m->flow[0].used = false;
        move_to_end(m, 0);
    }
    return 0;
}

static uint32_t sieve_rule(model *m, uint32_t id, np_time now)
{
    (void)id, (void)now;
    for (;; m->hand = (m->hand + 1) % m->n) {
        if (!m->flow[m->hand].used) return m->hand;
        m->flow[m->hand].used = false;
    }
}

static uint32_t find_ghost(const model *m, uint32_t id)
{
    uint32_t i = 0;
    while (i < m->ghosts && m->ghost[i] != id) i++;
    return i;
}

static void drop_ghost(model *m, uint32_t i)
{
    memmove(&m->ghost[i], &m->ghost[i + 1], (m->ghosts - i - 1) * sizeof m->ghost[i]);
    m->ghosts--;
}

static uint32_t small_share(const model *m)
{
    return m->capacity < 10 ? 1 : m->capacity / 10;
}

/* The first of one of the two queues, or m->n. */
static uint32_t first_of(const model *m, bool main)
{
    uint32_t i = 0;
    while (i < m->n && m->flow[i].main != main) i++;
    return i;
}

static void promote(model *m, uint32_t i, uint32_t uses)
{
    m->flow[i].main = true;
    m->flow[i].uses = uses;
    move_to_end(m, i);
}

static uint32_t s3fifo_rule(model *m, uint32_t id, np_time now)
{
    (void)id, (void)now;
    uint32_t small = 0, i, room = m->capacity - small_share(m);
    for (i = 0; i < m->n; i++) small += !m->flow[i].main;
    while (small >= small_share(m) && (i = first_of(m, false)) < m->n) {
        if (m->flow[i].uses < 2) {
            if (m->ghosts == (room < 1 ? 1 : room)) drop_ghost(m, 0);
            m->ghost[m->ghosts++] = m->flow[i].id;
            return i;
        }
        promote(m, i, 0);
    }
    while (m->flow[i = first_of(m, true)].uses > 0) promote(m, i, m->flow[i].uses - 1);
    return i;
}

static uint32_t netx_rule(model *m, uint32_t id, np_time now)
{
    (void)id, (void)now;
    uint32_t best = m->n;
    for (uint32_t i = 0; i < m->n; i++)
        if (!is_tcp(m->flow[i].id) && (best == m->n || m->flow[i].last < m->flow[best].last)) best = i;
    return best;
}

static uint32_t unassured_rule(model *m, uint32_t id, np_time now)
{
    (void)id, (void)now;
    uint32_t best = 0;
    for (uint32_t i = 1; i < m->n; i++) {
        const flow *f = &m->flow[i], *g = &m->flow[best];
        if (f->assured != g->assured ? g->assured : f->last < g->last) best = i;
    }
    return best;
}

static uint32_t guarantee_rule(model *m, uint32_t id, np_time now)
{
    (void)id;
    uint32_t best = m->n;
    for (uint32_t i = 0; i < m->n; i++)
        if (now - m->flow[i].last >= 5 * NP_SECOND &&
            (best == m->n || end(&m->flow[i]) < end(&m->flow[best])))
            best = i;
    return best;
}

static uint32_t per_host_rule(model *m, uint32_t id, np_time now)
{
    (void)now;
    uint32_t best = m->n;
    for (uint32_t i = 0; i < m->n; i++)
        if (host_of(m->flow[i].id) == host_of(id) && (best == m->n || m->flow[i].last < m->flow[best].last))
            best = i;
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

/* A new flow; true when it was a ghost. */
static bool add(model *m, uint32_t id, np_time now)
{
    uint32_t ghost = find_ghost(m, id);
    bool back = ghost < m->ghosts;
    if (back) drop_ghost(m, ghost);
    m->flow[m->n++] = (flow){.id = id, .made = now, .last = now, .main = back};
    return back;
}

static np_tuple inside_of(uint32_t id)
{
    return (np_tuple){
        np_addr_ipv4(host_of(id)), np_addr_ipv4(SERVER), port_of(id), 53, is_tcp(id) ? NP_TCP : NP_UDP, 4};
}

/* Linux assures a UDP flow by a packet more than two seconds after its first, when it has been answered. */
static void use(flow *f, bool outbound, bool tracked, np_time now)
{
    f->used = true;
    if (f->uses < 3) f->uses++;
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
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = i < NP_TIMEOUT_UDP ? TCP_TIMEOUT : UDP_TIMEOUT;
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    assert_non_null(b);
    heard h = {0, 0};
    np_box_set_tap(b, (np_box_tap){.mapping = on_mapping, .ctx = &h});
    model m = {.capacity = capacity};
    uint32_t evictions = 0, refusals = 0, came_back = 0;
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
            np_packet p = packet(k.proto, host_of(id), port_of(id), SERVER, 53, NP_SYN);
            np_packet back = packet(k.proto, SERVER, 53, host_of(id), port_of(id), NP_SYN | NP_ACK);
            np_handled did = outbound ? np_box_outbound(b, &p, now) : np_box_inbound_inside(b, &back, now);
            assert_int_equal(did.reason, NP_REASON_MAPPED);
            use(&m.flow[at], outbound, tracked, now);
        } else {
            uint32_t out = m.n == capacity ? expected(&m, id, now) : MOST;
            np_packet p = packet(k.proto, host_of(id), port_of(id), SERVER, 53, NP_SYN);
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
            if (reason == NP_REASON_CREATED) came_back += add(&m, id, now);
        }
        assert_int_equal(h.evicted, before);
        assert_int_equal(np_box_entries(b), m.n);
    }
    assert_true(evictions + refusals > STEPS / 100);
    if (expected == s3fifo_rule && capacity > 3) assert_true(came_back > STEPS / 1000);
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

static void test_s3fifo(void **state)
{
    (void)state;
    run_all("s3fifo", s3fifo_rule, false);
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

static void test_guarantee(void **state)
{
    (void)state;
    run_all("guarantee", guarantee_rule, false);
}

static void test_lru_per_host(void **state)
{
    (void)state;
    run_all("lru-per-host", per_host_rule, false);
}

/* At its limit a host loses its longest idle mapping though the table has room. */
static void test_host_limit(void **state)
{
    (void)state;
    static const char *const policies[] = {"lru", "lru-per-host"};
    for (int recycles = 0; recycles < 2; recycles++) {
        np_nat_config c;
        np_nat_defaults(&c);
        c.evict = policies[recycles];
        c.capacity = 10;
        c.ports.per_host = 3;
        np_error e;
        np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
        assert_non_null(b);
        heard h = {0, 0};
        np_box_set_tap(b, (np_box_tap){.mapping = on_mapping, .ctx = &h});
        for (uint32_t f = 0; f < 5; f++) {
            np_packet p = packet(NP_UDP, host_of(0), (uint16_t)(2000 + f), SERVER, 53, 0);
            p.conn = f;
            np_reason reason = np_box_outbound(b, &p, f + 1).reason;
            assert_int_equal(reason, f < 3 || recycles ? NP_REASON_CREATED : NP_REASON_HOST_LIMIT);
            assert_int_equal(h.evicted, f < 3 || !recycles ? 0 : f - 2);
            if (f >= 3 && recycles) assert_int_equal(h.gone, f - 3);
        }
        assert_int_equal(np_box_entries(b), 3);
        assert_int_equal(np_box_count(b)->host_limit, recycles ? 0 : 2);
        np_box_destroy(b);
    }
}

/* ---- expired-heads ---- */

/* VPP's five lists but the first, whose classes need a tracker: UDP, others, ICMP, TCP. */
static const uint8_t list_proto[] = {NP_UDP, 47, NP_ICMP, NP_TCP};
#define LISTS 4

/* lists.flow: in order of the moves. */
typedef struct lists {
    struct {
        uint32_t id;
        np_time last, moved;
    } flow[MOST];
    uint32_t n;
    np_time timeout[LISTS];
} lists;

static void drop(lists *l, uint32_t i)
{
    memmove(&l->flow[i], &l->flow[i + 1], (l->n - i - 1) * sizeof l->flow[0]);
    l->n--;
}

static void renew(lists *l, uint32_t i, np_time now)
{
    l->flow[i].last = now;
    if (now - l->flow[i].moved <= NP_SECOND) return;
    uint32_t id = l->flow[i].id;
    drop(l, i);
    l->flow[l->n].id = id;
    l->flow[l->n].last = l->flow[l->n].moved = now;
    l->n++;
}

/* The first of the list, or l->n. */
static uint32_t head(const lists *l, uint32_t list)
{
    uint32_t i = 0;
    while (i < l->n && l->flow[i].id % LISTS != list) i++;
    return i;
}

/* Whether a head was dead, and went. */
static bool bury_head(lists *l, np_time now)
{
    for (uint32_t list = 0; list < LISTS; list++) {
        uint32_t h = head(l, list);
        if (h == l->n || l->flow[h].last + l->timeout[list] > now) continue;
        drop(l, h);
        return true;
    }
    return false;
}

/* The dead of all lists; `behind`: only those behind a living head. */
static uint32_t count_dead(const lists *l, bool behind, np_time now)
{
    uint32_t n = 0;
    bool met[LISTS] = {false};
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t list = l->flow[i].id % LISTS;
        bool dead = l->flow[i].last + l->timeout[list] <= now;
        n += dead && (!behind || met[list]);
        met[list] = met[list] || !dead;
    }
    return n;
}

/* Mostly within a second of the last, for moves; often a deadline exactly. */
static np_time moment(uint64_t *s, const lists *l, np_time now)
{
    if (l->n > 0 && below(s, 10) == 0) {
        uint32_t i = below(s, l->n);
        np_time deadline = l->flow[i].last + l->timeout[l->flow[i].id % LISTS];
        if (deadline > now) return deadline;
    }
    return now + (below(s, 20) == 0 ? (1 + below(s, 20)) * NP_SECOND : below(s, 4) * 100 * NP_MILLISECOND);
}

static void test_expired_heads(void **state)
{
    (void)state;
    enum { CAPACITY = 12 };
    uint64_t s = seed;
    lists l = {.n = 0, .timeout = {30 * NP_SECOND, 60 * NP_SECOND, 20 * NP_SECOND, 90 * NP_SECOND}};
    np_nat_config c;
    np_nat_defaults(&c);
    c.evict = "expired-heads";
    c.capacity = CAPACITY;
    c.expiry = NP_EXPIRY_LAZY;
    c.timeout[NP_TIMEOUT_UDP] = l.timeout[0];
    c.timeout[NP_TIMEOUT_OTHER] = l.timeout[1];
    c.timeout[NP_TIMEOUT_ICMP] = l.timeout[2];
    c.timeout[NP_TIMEOUT_TCP_ESTABLISHED] = l.timeout[3];
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    assert_non_null(b);
    uint32_t refused = 0, freed = 0, twice = 0, hidden = 0;
    np_time now = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        now = moment(&s, &l, now);
        uint32_t id = below(&s, below(&s, 2) == 0 ? 40 : 12), list = id % LISTS, at = 0;
        np_packet p = packet(list_proto[list], host_of(3 * id), 0, SERVER + id, 0, NP_SYN);
        if (p.proto == NP_ICMP) p.flags = 1; /* a request */
        if (p.proto != NP_ICMP && p.proto != 47) p.sport = 1000;
        while (at < l.n && l.flow[at].id != id) at++;
        if (at < l.n && l.flow[at].last + l.timeout[list] <= now) {
            drop(&l, at);
            freed++;
            at = l.n;
        }
        np_reason must = NP_REASON_MAPPED;
        if (at < l.n) {
            renew(&l, at, now);
        } else {
            hidden += count_dead(&l, true, now);
            bool full = l.n == CAPACITY, place = bury_head(&l, now),
                 more = full && place && bury_head(&l, now);
            freed += place + more;
            twice += more;
            must = l.n == CAPACITY ? NP_REASON_TABLE_FULL : NP_REASON_CREATED;
            refused += must == NP_REASON_TABLE_FULL;
            if (l.n < CAPACITY) {
                l.flow[l.n].id = id;
                l.flow[l.n].last = l.flow[l.n].moved = now;
                l.n++;
            }
        }
        assert_int_equal(np_box_outbound(b, &p, now).reason, must);
        assert_int_equal(np_box_entries(b), l.n);
        assert_int_equal(np_box_count(b)->expiries, freed + count_dead(&l, false, now));
    }
    printf("expired-heads: %u freed (%u times two), %u refused, %u dead behind a living head\n", freed, twice,
           refused, hidden);
    assert_true(refused > 100 && freed > 100 && twice > 100 && hidden > 100);
    assert_int_equal(np_box_count(b)->evictions, 0);
    np_box_destroy(b);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_sieve),
        cmocka_unit_test(test_s3fifo),
        cmocka_unit_test(test_netx),
        cmocka_unit_test(test_lru_unassured_first),
        cmocka_unit_test(test_guarantee),
        cmocka_unit_test(test_lru_per_host),
        cmocka_unit_test(test_host_limit),
        cmocka_unit_test(test_expired_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
