/*
 * Every NAT profile under random packets: nothing breaks, whatever runs out (places, ports, time). A plain
 * list of mappings, kept from what the box tells, is gone through from end to end for each packet:
 *
 *     no two mappings share an outside key, nor an inside one
 *     what is forwarded is translated as the one mapping says that it can belong to
 *     ports are those that the profile may give, blocks are one host's, limits hold
 *     every packet moves the counters that its verdict and reason say, and no other; mappings add up
 *     an expired mapping was idle for one of the profile's timeouts
 *
 * Each profile runs with a small table, and again with few ports, little to one destination and a slow CPU.
 */
#include "nat_profile.h"

enum { HOSTS = 5, PORTS = 6, SERVERS = 3, MOST = 400, PACKETS = 12000 };

typedef struct entry {
    np_tuple inside;
    uint32_t external;
    uint16_t port;
} entry;

typedef struct trial {
    machine m;
    entry live[MOST];
    uint32_t n, dead; /* dead: expired, but still in their places */
    uint64_t events[NP_MAPPING_EVENT_COUNT];
    uint64_t s;
    const char *name;
    bool own; /* the box may have mappings of its own stack, which no tap hears of */
} trial;

static uint64_t seen[NP_REASON_COUNT];

static bool same_tuple(const np_tuple *a, const np_tuple *b)
{
    return a->local_port == b->local_port && a->remote_port == b->remote_port && a->proto == b->proto &&
           np_addr_equal(&a->local, &b->local) && np_addr_equal(&a->remote, &b->remote);
}

/* ---- what the box tells ---- */

static void check_expiry(const trial *t, const np_mapping *m, np_time when)
{
    const np_nat_config *c = &t->m.config;
    np_time idle = when - m->last, sweep = c->expiry == NP_EXPIRY_SWEEP ? c->sweep : 0;
    np_time round = c->expiry == NP_EXPIRY_PF ? 11 * NP_SECOND : sweep;
    bool scaled = c->adaptive.end != 0 || c->adaptive.steps != 0;
    if (sweep) assert_int_equal(when % sweep, 0);
    if (c->expiry == NP_EXPIRY_PF) assert_int_equal(when % NP_SECOND, 0);
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i) {
        np_time timeout = c->timeout[i];
        if (scaled    ? idle <= timeout + round
            : c->tick ? idle <= timeout && timeout - idle < c->tick && when % c->tick == 0
                      : idle >= timeout && idle - timeout < (sweep ? sweep : 1))
            return;
    }
    fail_msg("%s: a mapping expired after %.9f s idle", t->name, np_seconds(idle));
}

static void check_new(const trial *t, const entry *e)
{
    for (uint32_t i = 0; i < t->n; ++i) {
        const entry *o = &t->live[i];
        assert_false(same_tuple(&o->inside, &e->inside));
        if (o->external != e->external || o->port != e->port || o->inside.proto != e->inside.proto) continue;
        if (np_addr_equal(&o->inside.remote, &e->inside.remote) &&
            (o->inside.remote_port == e->inside.remote_port || e->inside.proto == NP_ICMP))
            fail_msg("%s: two mappings have the outside key of port %u", t->name, e->port);
    }
}

static bool translates(const trial *t)
{
    return t->m.config.ports.select != NP_PORT_NONE;
}

static void check_ports(const trial *t, const entry *e)
{
    const np_nat_config *c = &t->m.config;
    bool has_ports = e->inside.proto == NP_TCP || e->inside.proto == NP_UDP || e->inside.proto == NP_ICMP;
    bool in_range = e->port >= c->ports.low && e->port <= c->ports.high;
    bool keeps = c->ports.select == NP_PORT_PRESERVE && e->port == e->inside.local_port;
    if (!translates(t)) {
        assert_int_equal(e->external, np_addr_to_ipv4(&e->inside.local));
        assert_int_equal(e->port, e->inside.local_port);
        return;
    }
    assert_in_range(e->external, PUBLIC, PUBLIC + c->ports.addresses - 1);
    if (!has_ports) return;
    bool any_id = c->ports.select == NP_PORT_LINUX && e->inside.proto == NP_ICMP;
    if (!in_range && !keeps && !any_id) fail_msg("%s: port %u is out of range", t->name, e->port);
}

static uint32_t block_of(const trial *t, const entry *e)
{
    const np_nat_config *c = &t->m.config;
    return (e->external - PUBLIC) * 65536 + (uint32_t)(e->port - c->ports.low) / c->ports.block;
}

static void check_limits(const trial *t, const entry *e)
{
    const np_nat_config *c = &t->m.config;
    uint32_t hosts = 0, destination = 0, block[MOST], blocks = 0;
    for (uint32_t i = 0; i < t->n; ++i) {
        const entry *o = &t->live[i];
        bool host = np_addr_equal(&o->inside.local, &e->inside.local);
        hosts += host;
        destination += o->external == e->external && o->inside.proto == e->inside.proto &&
                       np_addr_equal(&o->inside.remote, &e->inside.remote) &&
                       (o->inside.remote_port == e->inside.remote_port || e->inside.proto == NP_ICMP);
        if (c->ports.block == 0 || o->inside.proto == 47 || e->inside.proto == 47) continue;
        if (!host) {
            assert_int_not_equal(block_of(t, o), block_of(t, e));
            continue;
        }
        uint32_t k = 0;
        while (k < blocks && block[k] != block_of(t, o)) ++k;
        if (k == blocks) block[blocks++] = block_of(t, o);
    }
    if (c->ports.per_host) assert_true(hosts <= c->ports.per_host);
    if (c->ports.per_destination) assert_true(destination <= c->ports.per_destination);
    if (c->ports.block) assert_true(blocks <= c->ports.blocks);
}

static void told(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    trial *t = ctx;
    entry e = {m->inside, np_addr_to_ipv4(&m->external), m->external_port};
    t->events[what]++;
    if (what == NP_MAPPING_CREATED) {
        assert_true(t->n < MOST);
        check_new(t, &e);
        check_ports(t, &e);
        t->live[t->n++] = e;
        check_limits(t, &e);
        return;
    }
    if (what == NP_MAPPING_FREED) {
        assert_true(t->dead-- > 0);
        return;
    }
    if (what == NP_MAPPING_EXPIRED) t->dead += m->stays;
    uint32_t i = 0;
    while (i < t->n && !same_tuple(&t->live[i].inside, &e.inside)) ++i;
    if (i == t->n) fail_msg("%s: a mapping went that never came", t->name);
    assert_int_equal(t->live[i].external, e.external);
    assert_int_equal(t->live[i].port, e.port);
    t->live[i] = t->live[--t->n];
    if (what == NP_MAPPING_EXPIRED) check_expiry(t, m, when);
}

static void sent(void *ctx, bool to_inside, const np_packet *p, np_time when)
{
    (void)when;
    const trial *t = ctx;
    bool reset = p->flags & NP_RST, challenge = p->flags == NP_ACK && t->m.config.tracker == NP_TRACK_PF;
    assert_true(reset || challenge);
    uint32_t to = np_addr_to_ipv4(&p->dst);
    if (to_inside) assert_in_range(to, HOST, HOST + HOSTS);
    if (!to_inside && to != PUBLIC) assert_in_range(to, SERVER, SERVER + SERVERS);
}

/* ---- packets ---- */

static uint8_t draw_flags(uint64_t *s)
{
    static const uint8_t often[] = {NP_SYN,          NP_SYN, NP_SYN | NP_ACK, NP_ACK,          NP_ACK,
                                    NP_ACK | NP_PSH, NP_ACK, NP_FIN | NP_ACK, NP_RST | NP_ACK, NP_RST};
    return below(s, 20) ? often[below(s, sizeof often)] : (uint8_t)draw(s);
}

static uint8_t draw_proto(uint64_t *s)
{
    static const uint8_t protos[] = {NP_TCP, NP_TCP, NP_TCP, NP_UDP, NP_UDP, NP_ICMP, 47};
    return protos[below(s, sizeof protos)];
}

static np_packet draw_packet(trial *t, bool outbound)
{
    uint64_t *s = &t->s;
    uint32_t inside = HOST + below(s, HOSTS), server = SERVER + below(s, SERVERS);
    uint16_t own = (uint16_t)(2000 + below(s, PORTS)), theirs = (uint16_t)(80 + below(s, 2));
    uint8_t proto = draw_proto(s);
    if (!outbound && t->n > 0 && below(s, 8)) { /* for one that is there, mostly from where it is wanted */
        const entry *e = &t->live[below(s, t->n)];
        proto = e->inside.proto;
        inside = e->external;
        own = e->port;
        if (below(s, 4) && np_addr_to_ipv4(&e->inside.remote) != 0)
            server = np_addr_to_ipv4(&e->inside.remote);
        if (below(s, 4) && e->inside.remote_port != 0) theirs = e->inside.remote_port;
    } else if (!outbound && translates(t)) {
        inside = PUBLIC + below(s, t->m.config.ports.addresses);
    }
    if (outbound && below(s, 20) == 0) server = PUBLIC; /* a hairpin, if it knows of such */
    uint8_t flags = proto == NP_TCP    ? draw_flags(s)
                    : proto == NP_ICMP ? (uint8_t)(outbound != !below(s, 8))
                                       : 0;
    if (proto == NP_ICMP) theirs = own;
    if (proto == 47) own = theirs = 0;
    np_packet p = outbound ? packet(proto, inside, own, server, theirs, flags)
                           : packet(proto, server, theirs, inside, own, flags);
    p.seq = 1000 + below(s, 3) * below(s, 3000);
    p.ack = 1000 + below(s, 3) * below(s, 3000);
    p.window = (uint16_t)draw(s);
    p.payload = (uint16_t)(below(s, 3) ? 0 : below(s, 1400));
    p.options = (uint8_t)(flags & NP_SYN ? draw(s) : 0);
    return p;
}

/* Whether a packet between this inside endpoint and this remote end can belong to the mapping. */
static bool belongs(const entry *e, uint8_t proto, const np_addr *remote, uint16_t remote_port)
{
    static const np_addr none;
    return e->inside.proto == proto &&
           (np_addr_equal(&e->inside.remote, &none) || np_addr_equal(&e->inside.remote, remote)) &&
           (proto == NP_ICMP || e->inside.remote_port == 0 || e->inside.remote_port == remote_port);
}

static void check_outbound(const trial *t, const np_packet *was, const np_packet *is)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < t->n; ++i) {
        const entry *e = &t->live[i];
        if (!np_addr_equal(&e->inside.local, &was->src) || e->inside.local_port != was->sport ||
            !belongs(e, was->proto, &was->dst, was->dport))
            continue;
        ++found;
        assert_int_equal(np_addr_to_ipv4(&is->src), e->external);
        assert_int_equal(is->sport, e->port);
    }
    if (found != 1) fail_msg("%s: %u mappings for one outbound packet", t->name, found);
    assert_true(np_addr_equal(&was->dst, &is->dst));
}

static void check_inbound(const trial *t, const np_packet *was, const np_packet *is)
{
    uint32_t found = 0, strangers = 0;
    const np_nat_config *c = &t->m.config;
    for (uint32_t i = 0; i < t->n; ++i) {
        const entry *e = &t->live[i];
        if (e->external != np_addr_to_ipv4(&was->dst) || e->port != was->dport ||
            e->inside.proto != was->proto)
            continue;
        bool to_it = np_addr_equal(&e->inside.local, &is->dst) && e->inside.local_port == is->dport;
        bool its = belongs(e, was->proto, &was->src, was->sport);
        strangers += to_it && !its;
        found += to_it && its;
        if (its && !to_it) fail_msg("%s: an inbound packet went to another host", t->name);
    }
    if (found == 0 && !(strangers > 0 && c->filtering < c->mapping))
        fail_msg("%s: an inbound packet went through without a mapping", t->name);
    assert_true(np_addr_equal(&was->src, &is->src));
}

/* ---- counting ---- */

/* What a verdict and a reason mean for the counters; what is left must not have moved. */
static void check_counts(const trial *t, const np_packet *p, bool outbound, np_handled h,
                         const np_box_counts *a, const np_box_counts *b)
{
    bool forward = h.verdict == NP_FORWARD && h.reason != NP_REASON_LEAKED;
    assert_int_equal(b->forwarded_out - a->forwarded_out, outbound && forward);
    assert_int_equal(b->forwarded_in - a->forwarded_in, !outbound && forward);
    if (h.reason == NP_REASON_TABLE_FULL)
        assert_true(b->refused > a->refused);
    else if (!t->own)
        assert_true(b->refused == a->refused);
    assert_int_equal(b->no_port - a->no_port, h.reason == NP_REASON_NO_PORT);
    assert_int_equal(b->host_limit - a->host_limit, h.reason == NP_REASON_HOST_LIMIT);
    assert_int_equal(b->filtered - a->filtered, h.reason == NP_REASON_FILTERED);
    assert_true(b->invalid - a->invalid <= 1);
    if (h.reason == NP_REASON_INVALID) assert_true(b->invalid == a->invalid + 1);
    bool unknown = h.reason == NP_REASON_NO_MAPPING || h.reason == NP_REASON_EXPIRED;
    if (!outbound && unknown) assert_true(b->unknown_in == a->unknown_in + 1);
    if (outbound && unknown) assert_true(b->unknown_out == a->unknown_out + 1);
    if (h.verdict == NP_RESET) assert_true((p->flags & NP_RST) == 0 || p->proto != NP_TCP);
    if (outbound && h.verdict == NP_FORWARD && h.reason == NP_REASON_CREATED)
        assert_true(b->inserts == a->inserts + 1);
}

static void check_sums(const trial *t)
{
    const np_box_counts *c = np_box_count(t->m.box);
    uint64_t gone = t->events[NP_MAPPING_EVICTED] + t->events[NP_MAPPING_EXPIRED] +
                    t->events[NP_MAPPING_CLOSED] + t->events[NP_MAPPING_FLUSHED];
    if (t->m.config.expiry != NP_EXPIRY_LAZY && t->m.config.expiry != NP_EXPIRY_LINUX)
        assert_int_equal(t->dead, 0);
    assert_int_equal(t->events[NP_MAPPING_CREATED] - gone, t->n);
    assert_true(np_box_entries(t->m.box) <= t->m.config.capacity);
    if (t->own) {
        assert_true(np_box_entries(t->m.box) >= t->n + t->dead);
        assert_true(c->inserts >= t->events[NP_MAPPING_CREATED]);
        return;
    }
    assert_int_equal(np_box_entries(t->m.box), t->n + t->dead);
    assert_int_equal(c->inserts, t->events[NP_MAPPING_CREATED]);
    assert_int_equal(c->evictions, t->events[NP_MAPPING_EVICTED]);
    assert_int_equal(c->expiries, t->events[NP_MAPPING_EXPIRED]);
}

/* Each mapping of the list is in the box. */
static void check_list(const trial *t)
{
    for (uint32_t i = 0; i < t->n; ++i) {
        np_mapping m;
        assert_true(np_box_lookup(t->m.box, &t->live[i].inside, &m));
        assert_int_equal(np_addr_to_ipv4(&m.external), t->live[i].external);
        assert_int_equal(m.external_port, t->live[i].port);
        assert_true(m.last <= t->m.now);
    }
}

/* ---- a run ---- */

static void step(trial *t)
{
    bool outbound = below(&t->s, 5) < 3;
    np_packet p = draw_packet(t, outbound), was = p;
    np_box_counts before = *np_box_count(t->m.box);
    np_box_expire(t->m.box, t->m.now);
    if (np_box_admit(t->m.box, t->m.now) == NP_NEVER) {
        assert_true(t->m.config.cpu.rate > 0);
        assert_int_equal(np_box_count(t->m.box)->cpu, before.cpu + 1);
        seen[NP_REASON_CPU]++;
        return;
    }
    before = *np_box_count(t->m.box);
    np_handled h =
        outbound ? np_box_outbound(t->m.box, &p, t->m.now) : np_box_inbound(t->m.box, &p, t->m.now);
    seen[h.reason]++;
    bool turned = outbound && np_addr_to_ipv4(&was.dst) == PUBLIC && t->m.config.hairpin;
    if (turned) { /* out and in again: whoever got it is inside */
        if (h.verdict == NP_FORWARD && !np_addr_equal(&p.dst, &was.dst))
            assert_in_range(np_addr_to_ipv4(&p.dst), HOST, HOST + HOSTS);
        return;
    }
    check_counts(t, &was, outbound, h, &before, np_box_count(t->m.box));
    bool deleted = h.reason == NP_REASON_MAPPED && was.proto == NP_TCP && (was.flags & NP_RST);
    if (h.verdict != NP_FORWARD || h.reason == NP_REASON_LEAKED)
        assert_memory_equal(&p, &was, sizeof p);
    else if (!deleted)
        outbound ? check_outbound(t, &was, &p) : check_inbound(t, &was, &p);
}

static void run(const char *name, const np_override *set, uint32_t sets, uint64_t seed)
{
    static trial t;
    memset(&t, 0, sizeof t);
    t.name = name;
    t.s = seed;
    machine_open(&t.m, name, set, sets);
    np_box_set_tap(t.m.box, (np_box_tap){.ctx = &t, .mapping = told, .emit = sent});
    t.own = t.m.config.tracker == NP_TRACK_LINUX && t.m.config.unknown_inbound == NP_UNKNOWN_RESET;
    for (uint32_t i = 0; i < PACKETS; ++i) {
        uint32_t pause = below(&t.s, 40);
        np_time timeout = t.m.config.timeout[below(&t.s, NP_TIMEOUT_COUNT)];
        if (pause == 0)
            t.m.now += timeout - 1 + below(&t.s, 3); /* on both sides of a deadline */
        else if (pause < 8)
            t.m.now += below(&t.s, 20) * S / 10;
        step(&t);
        check_sums(&t);
        if (i % 100 == 0) check_list(&t);
        if (below(&t.s, 4000) == 0) np_box_flush(t.m.box, t.m.now);
    }
    np_box_flush(t.m.box, t.m.now);
    assert_int_equal(t.n, 0);
    assert_int_equal(np_box_entries(t.m.box), 0);
    machine_close(&t.m);
}

static void test_every_profile(void **state)
{
    (void)state;
    char *name[PROFILES_MOST];
    size_t n = profile_files(name);
    uint64_t seed = seed_of_run();
    for (size_t i = 0; i < n; ++i) {
        np_override roomy = {"nat.capacity", "30"}, tight[8];
        run(name[i], &roomy, 1, seed * 1000 + i);
        np_arena *arena;
        np_nat_config c = profile_config(name[i], NULL, 0, &arena);
        uint32_t sets = 0;
        tight[sets++] = (np_override){"nat.capacity", "60"};
        tight[sets++] = (np_override){"nat.cpu.rate", "100"};
        tight[sets++] = (np_override){"nat.cpu.queue", "20"};
        if (c.ports.select != NP_PORT_NONE) {
            tight[sets++] = (np_override){"nat.ports.range", "2000-2011"};
            tight[sets++] = (np_override){"nat.ports.addresses", "1"};
            if (c.ports.block) tight[sets++] = (np_override){"nat.ports.block", "3"};
            if (c.ports.per_destination) tight[sets++] = (np_override){"nat.ports.per_destination", "4"};
        }
        np_arena_destroy(arena);
        run(name[i], tight, sets, seed * 1000 + 500 + i);
    }
    profile_files_free(name, n);
    for (int r = 0; r < NP_REASON_COUNT; ++r)
        printf("%-16s %llu\n", np_reason_name((np_reason)r), (unsigned long long)seen[r]);
    static const np_reason wanted[] = {NP_REASON_MAPPED,  NP_REASON_CREATED,    NP_REASON_ADOPTED,
                                       NP_REASON_NO_PORT, NP_REASON_TABLE_FULL, NP_REASON_INVALID,
                                       NP_REASON_LEAKED,  NP_REASON_FILTERED,   NP_REASON_EXPIRED,
                                       NP_REASON_CPU,     NP_REASON_NO_MAPPING};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) assert_true(seen[wanted[i]] > 100);
}

int main(void)
{
    if (access(PROFILES_DIR, F_OK) != 0) {
        puts("runs from the top of the tree");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_profile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
