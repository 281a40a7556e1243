/*
 * The NAT box against a model: one array of mappings, searched from end to end, and the rules written down
 * once more in the plainest way. Millions of random packets; of each the verdict, the reason, the translation
 * and all that the tap was told are compared.
 *
 * Where the box draws lots (the port of a search, the victim of random eviction) the model takes the box's
 * choice and checks that it was a choice it had.
 */
#include "draw.h"
#include "natpulse/box.h"

#define MOST 64

typedef struct flow {
    np_tuple inside;
    uint32_t external;
    uint16_t external_port;
    uint32_t conn;
    np_time last, timeout;
    uint64_t made, touched; /* turns: for order among equals */
    int class;
    bool out, in, dead; /* dead: expired, and still there (lazy expiry) */
} flow;

typedef struct model {
    np_nat_config c;
    flow flow[MOST];
    uint32_t n;
    uint64_t turn;
    uint32_t next_port;
    np_box_counts counts;
} model;

typedef struct heard {
    np_mapping_event what;
    np_mapping m;
    np_time when;
} heard;

static uint64_t seed;
static heard told[2 * MOST + 8];
static uint32_t tellings, compared;

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    assert_ptr_equal(ctx, told);
    assert_true(tellings < 2 * MOST + 8);
    told[tellings++] = (heard){what, *m, when};
}

/* ---- the model ---- */

static bool echo(uint8_t proto)
{
    return proto == NP_ICMP || proto == NP_ICMPV6;
}

/* The next thing the tap was told must be this. */
static void expect_told(np_mapping_event what, const flow *f, np_time when)
{
    assert_true(compared < tellings);
    const heard *h = &told[compared++];
    assert_int_equal(h->what, what);
    assert_int_equal(h->when, when);
    assert_true(np_tuple_equal(&h->m.inside, &f->inside));
    np_addr external = f->inside.family == 4 ? np_addr_ipv4(f->external) : f->inside.local;
    assert_memory_equal(&h->m.external, &external, sizeof external);
    assert_int_equal(h->m.external_port, f->external_port);
    assert_int_equal(h->m.conn, f->conn);
    assert_int_equal(h->m.last, f->last);
    assert_int_equal(h->m.stays, f->dead && what == NP_MAPPING_EXPIRED);
}

static void drop_flow(model *m, uint32_t i, np_mapping_event what, np_time when)
{
    if (m->flow[i].dead) what = NP_MAPPING_FREED;
    expect_told(what, &m->flow[i], when);
    if (what == NP_MAPPING_EVICTED) m->counts.evictions++;
    if (what == NP_MAPPING_EXPIRED) m->counts.expiries++;
    m->flow[i] = m->flow[--m->n];
}

static np_time deadline(const flow *f)
{
    return f->last + f->timeout;
}

/* Which living flow has the earliest deadline, the lower class and then the earlier touch on a tie. */
static uint32_t first_due(const model *m)
{
    uint32_t best = MOST;
    for (uint32_t i = 0; i < m->n; i++) {
        const flow *f = &m->flow[i], *g = best == MOST ? NULL : &m->flow[best];
        if (f->dead) continue;
        if (g == NULL || deadline(f) < deadline(g) ||
            (deadline(f) == deadline(g) &&
             (f->class < g->class || (f->class == g->class && f->touched < g->touched))))
            best = i;
    }
    return best;
}

static void expire(model *m, np_time now)
{
    for (uint32_t i; (i = first_due(m)) != MOST && deadline(&m->flow[i]) <= now;) {
        flow *f = &m->flow[i];
        if (m->c.expiry == NP_EXPIRY_EXACT) {
            drop_flow(m, i, NP_MAPPING_EXPIRED, deadline(f));
            continue;
        }
        f->dead = true;
        expect_told(NP_MAPPING_EXPIRED, f, deadline(f));
        m->counts.expiries++;
    }
}

static uint32_t find_inside(const model *m, const np_tuple *k)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (np_tuple_equal(&m->flow[i].inside, k)) return i;
    return MOST;
}

/* Which flow has this outside key; echo flows have one identifier and not two ports. */
static uint32_t find_outside(const model *m, uint32_t address, uint16_t port, const np_tuple *k)
{
    for (uint32_t i = 0; i < m->n; i++) {
        const flow *f = &m->flow[i];
        if (f->inside.family == k->family && f->inside.proto == k->proto && f->external == address &&
            f->external_port == port && np_addr_equal(&f->inside.remote, &k->remote) &&
            (echo(k->proto) || f->inside.remote_port == k->remote_port))
            return i;
    }
    return MOST;
}

/* A flow that a lookup found: MOST when it is dead, and buried there. */
static uint32_t unless_dead(model *m, uint32_t i, np_time now)
{
    if (i == MOST || !m->flow[i].dead) return i;
    drop_flow(m, i, NP_MAPPING_FREED, now);
    return MOST;
}

static void classify(model *m, flow *f)
{
    f->class = f->inside.proto == NP_TCP   ? NP_TIMEOUT_TCP_ESTABLISHED
               : f->inside.proto != NP_UDP ? (echo(f->inside.proto) ? NP_TIMEOUT_ICMP : NP_TIMEOUT_OTHER)
               : f->in && f->out           ? NP_TIMEOUT_UDP_STREAM
                                           : NP_TIMEOUT_UDP;
    f->timeout = m->c.timeout[f->class];
}

static void note(model *m, flow *f, bool outbound, np_time now)
{
    *(outbound ? &f->out : &f->in) = true;
    if (m->c.refresh == (outbound ? NP_REFRESH_INBOUND : NP_REFRESH_OUTBOUND)) return;
    f->last = now;
    f->touched = ++m->turn;
    classify(m, f);
}

/* Which flow must go. For random eviction: the one that the box took. */
static uint32_t victim(const model *m)
{
    uint32_t best = MOST;
    if (strcmp(m->c.evict, "random") == 0) {
        assert_true(compared < tellings);
        best = find_inside(m, &told[compared].m.inside);
        assert_true(best != MOST);
        return best;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        const flow *f = &m->flow[i], *g = best == MOST ? NULL : &m->flow[best];
        if (strcmp(m->c.evict, "fifo") == 0) {
            if (g == NULL || f->made < g->made) best = i;
        } else if (strcmp(m->c.evict, "lru") == 0) {
            if (g == NULL || f->last < g->last ||
                (f->last == g->last &&
                 (f->class < g->class || (f->class == g->class && f->touched < g->touched))))
                best = i;
        }
    }
    return best;
}

/* Mappings that a search for a port met and that were dead: the box says which, the model whether they were.
 */
static void dead_in_the_way(model *m, const np_tuple *k, np_time now)
{
    if (m->c.expiry != NP_EXPIRY_LAZY) return;
    while (compared < tellings && told[compared].what == NP_MAPPING_FREED) {
        uint32_t i = find_inside(m, &told[compared].m.inside);
        assert_true(i != MOST && m->flow[i].dead);
        assert_true(m->flow[i].inside.proto == k->proto &&
                    np_addr_equal(&m->flow[i].inside.remote, &k->remote));
        drop_flow(m, i, NP_MAPPING_FREED, now);
    }
}

static bool ported(uint8_t proto)
{
    return proto == NP_TCP || proto == NP_UDP || proto == NP_ICMP;
}

/* The flow must have got an external address and port that the rules give, and that was free. */
static void check_port(model *m, const flow *f)
{
    const np_tuple *k = &f->inside;
    if (k->family == 6) {
        assert_int_equal(f->external_port, k->local_port);
        return;
    }
    uint32_t first = np_addr_to_ipv4(&m->c.ports.first), kept = 0;
    assert_true(f->external >= first && f->external - first < m->c.ports.addresses);
    assert_int_equal(find_outside(m, f->external, f->external_port, k), MOST);
    kept = f->external_port == k->local_port;
    if (!ported(k->proto)) {
        assert_true(kept);
    } else if (m->c.ports.select == NP_PORT_PRESERVE) {
        assert_true(kept || find_outside(m, f->external, k->local_port, k) != MOST);
        if (!kept) assert_in_range(f->external_port, m->c.ports.low, m->c.ports.high);
    } else {
        assert_in_range(f->external_port, m->c.ports.low, m->c.ports.high);
    }
    if (m->c.ports.select == NP_PORT_SEQUENTIAL && ported(k->proto) && m->c.ports.addresses == 1) {
        while (find_outside(m, f->external, (uint16_t)m->next_port, k) != MOST)
            m->next_port = m->next_port == m->c.ports.high ? m->c.ports.low : m->next_port + 1;
        assert_int_equal(f->external_port, m->next_port);
        m->next_port = m->next_port == m->c.ports.high ? m->c.ports.low : m->next_port + 1;
    }
}

static void check_no_port(const model *m, const np_tuple *k)
{
    assert_int_equal(k->family, 4);
    for (uint32_t a = 0; a < m->c.ports.addresses; a++) {
        uint32_t address = np_addr_to_ipv4(&m->c.ports.first) + a;
        if (m->c.ports.select == NP_PORT_PRESERVE || !ported(k->proto))
            assert_true(find_outside(m, address, k->local_port, k) != MOST);
        for (uint32_t port = m->c.ports.low; ported(k->proto) && port <= m->c.ports.high; port++)
            assert_true(find_outside(m, address, (uint16_t)port, k) != MOST);
    }
}

/* A flow without a mapping that may have one. MOST, and the reason, when it gets none. */
static uint32_t make(model *m, const np_tuple *k, bool outbound, uint32_t conn, np_reason got, np_reason *why,
                     np_time now)
{
    if (m->n == m->c.capacity) {
        uint32_t v = victim(m);
        if (v == MOST) {
            m->counts.refused++;
            *why = NP_REASON_TABLE_FULL;
            return MOST;
        }
        if (unless_dead(m, v, now) != MOST) drop_flow(m, v, NP_MAPPING_EVICTED, now);
    }
    dead_in_the_way(m, k, now);
    if (got == NP_REASON_NO_PORT) {
        check_no_port(m, k);
        m->counts.no_port++;
        *why = NP_REASON_NO_PORT;
        return MOST;
    }
    assert_true(compared < tellings);
    const np_mapping *made = &told[compared].m;
    flow f = {
        .inside = *k, .external_port = made->external_port, .conn = conn, .last = now, .touched = ++m->turn};
    f.external = k->family == 4 ? np_addr_to_ipv4(&made->external) : 0;
    f.made = f.touched;
    *(outbound ? &f.out : &f.in) = true;
    classify(m, &f);
    check_port(m, &f);
    expect_told(NP_MAPPING_CREATED, &f, now);
    m->counts.inserts++;
    m->flow[m->n] = f;
    return m->n++;
}

static np_tuple tuple_of(const np_packet *p, bool outbound)
{
    return outbound ? (np_tuple){p->src, p->dst, p->sport, p->dport, p->proto, p->family}
                    : (np_tuple){p->dst, p->src, p->dport, p->sport, p->proto, p->family};
}

/* What the packet must look like behind the box. */
static void translate(np_packet *p, const flow *f, bool outbound)
{
    if (f->inside.family == 6) return;
    uint16_t port = outbound ? f->external_port : f->inside.local_port;
    if (outbound) {
        p->src = np_addr_ipv4(f->external);
        p->sport = port;
        if (echo(p->proto)) p->dport = port;
    } else {
        p->dst = f->inside.local;
        p->dport = port;
        if (echo(p->proto)) p->sport = port;
    }
}

typedef enum way { OUTBOUND, INBOUND, INBOUND_INSIDE, ADOPT_OUTBOUND, ADOPT_INBOUND, WAYS } way;

/* What must happen to the packet; `got` is what did, for choices the model cannot know. */
static np_handled model_packet(model *m, np_packet *p, way how, np_reason got, np_time now)
{
    bool outbound = how == OUTBOUND || how == ADOPT_OUTBOUND, adopt = how >= ADOPT_OUTBOUND;
    uint64_t *forwarded = outbound ? &m->counts.forwarded_out : &m->counts.forwarded_in;
    np_tuple k = tuple_of(p, outbound);
    expire(m, now);
    uint32_t i = how != INBOUND   ? find_inside(m, &k)
                 : p->family == 6 ? find_inside(m, &k)
                                  : find_outside(m, np_addr_to_ipv4(&p->dst), p->dport, &k);
    i = unless_dead(m, i, now);
    np_reason reason = NP_REASON_MAPPED;
    if (i == MOST) {
        bool opens = p->proto == NP_TCP ? (p->flags & 0x17) == NP_SYN : echo(p->proto) ? p->flags == 1 : true;
        bool rst = p->proto == NP_TCP && (p->flags & NP_RST);
        reason = opens && !adopt ? NP_REASON_CREATED : NP_REASON_ADOPTED;
        if (!adopt && !outbound) {
            m->counts.unknown_in++;
            bool reset = m->c.unknown_inbound == NP_UNKNOWN_RESET && !rst &&
                         (p->proto == NP_TCP || p->proto == NP_UDP);
            return (np_handled){reset ? NP_RESET : NP_DROP, NP_REASON_NO_MAPPING};
        }
        if (!adopt && !opens) {
            m->counts.unknown_out++;
            if (p->proto != NP_TCP || rst || m->c.unknown_outbound == NP_UNKNOWN_DROP)
                return (np_handled){NP_DROP, NP_REASON_NO_MAPPING};
            if (m->c.unknown_outbound == NP_UNKNOWN_RESET)
                return (np_handled){NP_RESET, NP_REASON_NO_MAPPING};
        }
        i = make(m, &k, outbound, p->conn, got, &reason, now);
        if (i == MOST) return (np_handled){NP_DROP, reason};
    } else {
        note(m, &m->flow[i], outbound, now);
    }
    ++*forwarded;
    if (how != INBOUND_INSIDE && how != ADOPT_INBOUND) translate(p, &m->flow[i], outbound);
    return (np_handled){NP_FORWARD, reason};
}

/* ---- random packets ---- */

static np_packet any_packet(uint64_t *s)
{
    static const uint8_t protos[] = {NP_TCP, NP_TCP, NP_UDP, NP_UDP, NP_ICMP, 47};
    static const uint8_t flags[] = {NP_SYN,          NP_SYN, NP_SYN | NP_ACK, NP_ACK,
                                    NP_FIN | NP_ACK, NP_RST, NP_RST | NP_ACK};
    uint8_t proto = protos[below(s, 6)];
    np_packet p = packet(proto, 0x0a000001 + below(s, 5), (uint16_t)(1000 + below(s, 4)),
                         0xc6336401 + below(s, 2), (uint16_t)(80 + below(s, 2)), 0);
    if (below(s, 6) == 0) {
        p.family = 6;
        p.src.half[1] = p.src.half[0];
        p.dst.half[1] = 77;
        if (proto == NP_ICMP) p.proto = NP_ICMPV6;
    }
    p.conn = (uint32_t)draw(s);
    if (proto == NP_TCP) p.flags = flags[below(s, 7)];
    if (echo(p.proto)) {
        p.dport = p.sport;
        p.flags = below(s, 4) != 0;
    }
    if (!ported(p.proto) && !echo(p.proto)) p.sport = p.dport = 0;
    return p;
}

/* Turns it round: as it would come back to `address` and `port`. */
static void turn_round(np_packet *p, np_addr address, uint16_t port)
{
    p->src = p->dst;
    p->dst = address;
    uint16_t remote = p->dport;
    p->dport = port;
    p->sport = echo(p->proto) ? port : remote;
}

static np_packet inbound_packet(uint64_t *s, const model *m)
{
    np_packet p = any_packet(s);
    if (m->n > 0 && below(s, 4) != 0) {
        const flow *f = &m->flow[below(s, m->n)];
        p.family = f->inside.family;
        p.proto = f->inside.proto;
        p.src = f->inside.remote;
        p.dst = p.family == 4 ? np_addr_ipv4(f->external) : f->inside.local;
        p.dport = f->external_port;
        if (below(s, 8) == 0) p.dport++; /* just beside */
        p.sport = echo(p.proto) ? p.dport : f->inside.remote_port;
    } else if (p.family == 4) {
        turn_round(&p, np_addr_ipv4(np_addr_to_ipv4(&m->c.ports.first) + below(s, 2)),
                   (uint16_t)(1000 + below(s, 6)));
    } else {
        turn_round(&p, p.src, p.sport);
    }
    return p;
}

/* A gap: mostly short, often to within one nanosecond of a deadline, now and then past everything. */
static np_time next_moment(uint64_t *s, const model *m, np_time now)
{
    uint32_t choice = below(s, 100);
    if (choice < 30 && m->n > 0) {
        const flow *f = &m->flow[below(s, m->n)];
        np_time t = deadline(f) - 1 + below(s, 3);
        if (t >= now) return t;
    }
    if (choice < 31) return now + 500;
    return now + below(s, choice < 60 ? 2 : 8);
}

static void compare_state(const np_box *b, const model *m, uint64_t *s)
{
    assert_int_equal(compared, tellings);
    assert_int_equal(np_box_entries(b), m->n);
    assert_memory_equal(np_box_count(b), &m->counts, sizeof m->counts);
    uint32_t i = first_due(m);
    np_time due = i == MOST ? NP_NEVER : deadline(&m->flow[i]);
    assert_true(np_box_next_expiry(b) <= due);

    np_packet p = any_packet(s);
    np_tuple k = tuple_of(&p, true);
    np_mapping got;
    i = find_inside(m, &k);
    bool found = i != MOST && !m->flow[i].dead;
    assert_int_equal(np_box_lookup(b, &k, &got), found);
    if (!found) return;
    assert_true(np_tuple_equal(&got.inside, &k));
    assert_int_equal(got.external_port, m->flow[i].external_port);
    assert_int_equal(got.conn, m->flow[i].conn);
    assert_int_equal(got.last, m->flow[i].last);
}

static void run(const np_nat_config *c, uint64_t salt, uint32_t steps)
{
    uint64_t s = seed * 7919 + salt;
    np_error e;
    np_box *b = np_box_create(c, np_key_make(seed, (uint32_t)salt), 5, &e);
    assert_non_null(b);
    np_box_set_tap(b, (np_box_tap){.mapping = on_mapping, .ctx = told});
    static model m;
    m = (model){.c = *c, .next_port = c->ports.low};
    np_time now = 0;
    for (uint32_t step = 0; step < steps; step++) {
        now = next_moment(&s, &m, now);
        tellings = compared = 0;
        uint32_t choice = below(&s, 1000);
        if (choice < 5) {
            np_box_expire(b, now);
            expire(&m, now);
        } else if (choice == 5) {
            np_box_flush(b, now);
            expire(&m, now);
            for (uint32_t left = m.n; left > 0; left--) {
                uint32_t i = find_inside(&m, &told[compared].m.inside);
                assert_true(i != MOST);
                drop_flow(&m, i, NP_MAPPING_FLUSHED, now);
            }
        } else {
            way how = choice < 500   ? OUTBOUND
                      : choice < 800 ? INBOUND
                      : choice < 900 ? INBOUND_INSIDE
                      : choice < 950 ? ADOPT_OUTBOUND
                                     : ADOPT_INBOUND;
            np_packet p = how == INBOUND ? inbound_packet(&s, &m) : any_packet(&s);
            if (how == INBOUND_INSIDE || how == ADOPT_INBOUND) turn_round(&p, p.src, p.sport);
            np_packet expected = p;
            np_handled did = how == OUTBOUND         ? np_box_outbound(b, &p, now)
                             : how == INBOUND        ? np_box_inbound(b, &p, now)
                             : how == INBOUND_INSIDE ? np_box_inbound_inside(b, &p, now)
                                                     : np_box_adopt(b, &p, how == ADOPT_OUTBOUND, now);
            np_handled must = model_packet(&m, &expected, how, did.reason, now);
            assert_int_equal(did.verdict, must.verdict);
            assert_int_equal(did.reason, must.reason);
            assert_memory_equal(&p, &expected, sizeof p);
        }
        compare_state(b, &m, &s);
    }
    np_box_destroy(b);
}

static np_nat_config small_box(void)
{
    np_nat_config c;
    np_nat_defaults(&c);
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.timeout[i] = 1000 + i;
    c.timeout[NP_TIMEOUT_TCP_ESTABLISHED] = 60;
    c.timeout[NP_TIMEOUT_UDP] = 25;
    c.timeout[NP_TIMEOUT_UDP_STREAM] = 40;
    c.timeout[NP_TIMEOUT_ICMP] = 25; /* the same as UDP: ties between classes */
    c.timeout[NP_TIMEOUT_OTHER] = 10;
    return c;
}

/* Every policy with every way of refreshing, exact and lazy, in tables that are often full and ones that
 * never are. */
static void test_policies(void **state)
{
    (void)state;
    uint64_t salt = 0;
    for (const char *const *policy = np_evict_list(); *policy != NULL; policy++) {
        if (strcmp(*policy, "lru") != 0 && strcmp(*policy, "refuse") != 0 && strcmp(*policy, "fifo") != 0 &&
            strcmp(*policy, "random") != 0)
            continue; /* a policy with a model of its own */
        for (int refresh = NP_REFRESH_BOTH; refresh <= NP_REFRESH_INBOUND; refresh++)
            for (int expiry = NP_EXPIRY_EXACT; expiry <= NP_EXPIRY_LAZY; expiry++)
                for (uint32_t capacity = 1; capacity <= MOST; capacity *= 4) {
                    np_nat_config c = small_box();
                    c.evict = *policy;
                    c.refresh = (np_refresh)refresh;
                    c.expiry = (np_expiry)expiry;
                    c.capacity = capacity;
                    c.unknown_outbound = (np_unknown)(salt % 3);
                    c.unknown_inbound = (np_unknown)(salt % 2);
                    run(&c, ++salt, 20000);
                }
    }
}

/* Every way of choosing ports, where ports are scarce: two addresses, or one with three ports. */
static void test_ports(void **state)
{
    (void)state;
    uint64_t salt = 1000;
    for (int select = NP_PORT_PRESERVE; select <= NP_PORT_SEQUENTIAL; select++)
        for (uint32_t addresses = 1; addresses <= 2; addresses++)
            for (int expiry = NP_EXPIRY_EXACT; expiry <= NP_EXPIRY_LAZY; expiry++)
                for (uint16_t high = 1001; high <= 1011; high = (uint16_t)(high + 5)) {
                    np_nat_config c = small_box();
                    c.capacity = 40;
                    c.expiry = (np_expiry)expiry;
                    c.ports.select = (np_port_select)select;
                    c.ports.addresses = addresses;
                    c.ports.low = 999;
                    c.ports.high = high;
                    c.unknown_outbound = NP_UNKNOWN_ADOPT;
                    run(&c, ++salt, 30000);
                }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
