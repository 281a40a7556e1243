/*
 * Eviction as in BPF's LRU hash against a model: the lists as arrays of flow numbers, the youngest first, and
 * the rules of kernel/bpf/bpf_lru_list.c written down plainly. Random packets, new flows and closes over one
 * to four CPUs; of each batch the model says who goes, in order. (tests/kernel/test_bpf_lru.sh asks the
 * kernel itself.)
 */
#include "../../sim/nat/hash.h"
#include "draw.h"
#include "natpulse/box.h"

#define SERVER 0xc6336401u
#define FLOWS  1200
#define CPUS   4
#define STEPS  60000

static uint64_t seed;

typedef struct list {
    uint32_t id[FLOWS], n; /* id[0] is the youngest */
} list;

typedef struct model {
    list active, inactive, pending[CPUS];
    uint32_t free, local_free[CPUS], steal[CPUS], cpus, target;
    uint32_t hand; /* a flow of inactive, or FLOWS: its end */
    bool used[FLOWS], there[FLOWS];
    uint32_t gone[FLOWS], lost; /* by the batch at hand */
} model;

static np_tuple inside_of(uint32_t id)
{
    return (np_tuple){np_addr_ipv4(0x0a000000 + id), np_addr_ipv4(SERVER), 1000, 53, NP_UDP, 4};
}

static uint32_t cpu_of(const model *m, uint32_t id)
{
    np_tuple k = inside_of(id);
    return np_below(np_hash_fold(np_hash_tuple(&k) ^ NP_HASH_D, NP_HASH_C), m->cpus);
}

/* ---- lists ---- */

static uint32_t place(const list *l, uint32_t id)
{
    uint32_t i = 0;
    while (i < l->n && l->id[i] != id) i++;
    return i;
}

static void push(list *l, uint32_t id)
{
    memmove(&l->id[1], &l->id[0], l->n * sizeof l->id[0]);
    l->id[0] = id;
    l->n++;
}

static bool pull(list *l, uint32_t id)
{
    uint32_t i = place(l, id);
    if (i == l->n) return false;
    memmove(&l->id[i], &l->id[i + 1], (l->n - i - 1) * sizeof l->id[0]);
    l->n--;
    return true;
}

/* The next younger one, or FLOWS. */
static uint32_t younger(const list *l, uint32_t id)
{
    uint32_t i = place(l, id);
    return i == 0 ? FLOWS : l->id[i - 1];
}

/* Out of whichever global list it is in. */
static void leave(model *m, uint32_t id)
{
    if (m->hand == id) m->hand = younger(&m->inactive, id);
    if (!pull(&m->active, id)) pull(&m->inactive, id);
}

static void enter(model *m, list *l, uint32_t id)
{
    m->used[id] = false;
    push(l, id);
}

/* ---- a batch ---- */

static void lose(model *m, uint32_t id)
{
    leave(m, id);
    for (uint32_t c = 0; c < m->cpus; c++) pull(&m->pending[c], id);
    m->there[id] = false;
    m->gone[m->lost++] = id;
}

static void rotate(model *m)
{
    if (m->inactive.n < m->active.n)
        for (uint32_t i = m->active.n < 128 ? m->active.n : 128; i > 0; i--) {
            uint32_t id = m->active.id[m->active.n - 1];
            bool used = m->used[id];
            leave(m, id);
            enter(m, used ? &m->active : &m->inactive, id);
        }
    uint32_t id = m->hand;
    for (uint32_t i = m->inactive.n < 128 ? m->inactive.n : 128; i > 0; i--) {
        if (id == FLOWS) id = m->inactive.id[m->inactive.n - 1];
        uint32_t next = younger(&m->inactive, id);
        if (m->used[id]) {
            leave(m, id);
            enter(m, &m->active, id);
        }
        m->hand = id = next;
    }
}

static void shrink(model *m, uint32_t missing)
{
    uint32_t before = m->lost;
    for (uint32_t i = 0; i < 128 && m->inactive.n > 0 && m->lost - before < missing; i++) {
        uint32_t id = m->inactive.id[m->inactive.n - 1];
        if (m->used[id]) {
            leave(m, id);
            enter(m, &m->active, id);
        } else {
            lose(m, id);
        }
    }
    const list *l = m->inactive.n > 0 ? &m->inactive : &m->active;
    if (m->lost == before && l->n > 0) lose(m, l->id[l->n - 1]);
}

static void steal(model *m, uint32_t cpu)
{
    uint32_t first = m->steal[cpu], c = first;
    bool found = false;
    do {
        list *l = &m->pending[c];
        if (m->local_free[c] > 0) {
            m->local_free[c]--;
            found = true;
        } else if (l->n > 0) {
            uint32_t i = l->n;
            while (i > 0 && m->used[l->id[i - 1]]) i--;
            lose(m, l->id[(i > 0 ? i : l->n) - 1]);
            found = true;
        }
        c = (c + 1) % m->cpus;
    } while (!found && c != first);
    m->steal[cpu] = c;
    m->local_free[cpu] += found;
}

static void batch(model *m, uint32_t cpu)
{
    while (m->pending[cpu].n > 0) {
        uint32_t id = m->pending[cpu].id[m->pending[cpu].n - 1];
        bool used = m->used[id];
        pull(&m->pending[cpu], id);
        enter(m, used ? &m->active : &m->inactive, id);
    }
    rotate(m);
    uint32_t n = m->free < m->target ? m->free : m->target;
    m->free -= n;
    if (n < m->target) shrink(m, m->target - n);
    m->local_free[cpu] += n + m->lost;
    if (m->local_free[cpu] == 0) steal(m, cpu);
}

static void add(model *m, uint32_t id)
{
    uint32_t cpu = cpu_of(m, id);
    m->lost = 0;
    if (m->local_free[cpu] == 0) batch(m, cpu);
    assert_true(m->local_free[cpu] > 0);
    m->local_free[cpu]--;
    m->there[id] = true;
    enter(m, &m->pending[cpu], id);
}

static void close_flow(model *m, uint32_t id)
{
    if (!m->there[id]) return;
    m->there[id] = false;
    if (pull(&m->pending[cpu_of(m, id)], id)) {
        m->local_free[cpu_of(m, id)]++;
    } else {
        leave(m, id);
        m->free++;
    }
}

/* ---- the box ---- */

typedef struct heard {
    uint32_t gone[FLOWS], n;
} heard;

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)when;
    heard *h = ctx;
    if (what == NP_MAPPING_EVICTED) h->gone[h->n++] = m->conn;
}

/* A packet of the flow. False when its mapping was not there, and is now. */
static bool use(np_box *b, model *m, uint32_t id, np_time now)
{
    np_packet p = packet(NP_UDP, 0x0a000000 + id, 1000, SERVER, 53, 0);
    p.conn = id;
    assert_int_equal(np_box_outbound(b, &p, now).reason, m->there[id] ? NP_REASON_MAPPED : NP_REASON_CREATED);
    m->used[id] = true;
    return m->there[id];
}

static void run(uint32_t capacity, uint32_t cpus, uint32_t hot)
{
    static model m;
    uint64_t s = seed * 7919 + capacity * 31 + cpus;
    np_nat_config c;
    np_nat_defaults(&c);
    c.evict = "bpf-lru";
    c.capacity = capacity;
    c.cpus = cpus;
    c.timeout[NP_TIMEOUT_UDP] = c.timeout[NP_TIMEOUT_UDP_STREAM] = NP_DAY;
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    assert_non_null(b);
    static heard h;
    np_box_set_tap(b, (np_box_tap){.mapping = on_mapping, .ctx = &h});
    uint32_t half = capacity / cpus / 2;
    memset(&m, 0, sizeof m);
    m.free = capacity;
    for (uint32_t i = 0; i < cpus; i++) m.steal[i] = i;
    m.hand = FLOWS;
    m.cpus = cpus;
    m.target = half < 1 ? 1 : half > 128 ? 128 : half;
    uint32_t evictions = 0, early = 0, entries = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        np_time now = step * NP_MILLISECOND;
        uint32_t id = below(&s, below(&s, 3) == 0 ? FLOWS : hot);
        np_tuple k = inside_of(id);
        h.n = 0;
        if (below(&s, 50) == 0) { /* many are used at once */
            for (uint32_t other = 0; other < FLOWS; other++)
                if (m.there[other] && below(&s, 8) > 0) use(b, &m, other, now);
        }
        if (below(&s, 40) == 0) {
            np_box_close(b, &k, now);
            entries -= m.there[id];
            close_flow(&m, id);
            continue;
        }
        if (use(b, &m, id, now)) continue;
        add(&m, id);
        assert_int_equal(h.n, m.lost);
        assert_memory_equal(h.gone, m.gone, h.n * sizeof h.gone[0]);
        early += m.lost > 0 && entries < capacity;
        evictions += m.lost;
        entries += 1 - m.lost;
        assert_int_equal(np_box_entries(b), entries);
    }
    printf("capacity %u, CPUs %u: %u evicted, %u times before the table was full\n", capacity, cpus,
           evictions, early);
    assert_true(evictions > 100);
    np_box_destroy(b);
}

static void test_model(void **state)
{
    (void)state;
    static const uint32_t capacity[] = {1, 2, 3, 5, 8, 13, 64, 300, 700, 1100};
    for (uint32_t i = 0; i < sizeof capacity / sizeof *capacity; i++)
        for (uint32_t cpus = 1; cpus <= CPUS; cpus++)
            run(capacity[i], cpus, capacity[i] < 8 ? 8 : capacity[i] * 3 / 4);
}

/* Flows that come once each: a batch goes when a CPU's places are gone, and never a flow that is in use. */
static void test_batches(void **state)
{
    (void)state;
    enum { CAPACITY = 1000 };
    np_nat_config c;
    np_nat_defaults(&c);
    c.evict = "bpf-lru";
    c.capacity = CAPACITY;
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    assert_non_null(b);
    uint32_t most = 0, before = 0;
    for (uint32_t id = 0; id < 5000; id++) {
        np_packet p = packet(NP_UDP, 0x0a000000 + id, 1000, SERVER, 53, 0);
        assert_int_equal(np_box_outbound(b, &p, id).reason, NP_REASON_CREATED);
        uint32_t evicted = (uint32_t)np_box_count(b)->evictions, now = evicted - before;
        before = evicted;
        assert_true(now == 0 || now == 128 || now == 128 - CAPACITY % 128);
        if (now > most) most = now;
    }
    assert_int_equal(most, 128);
    assert_true(np_box_entries(b) > CAPACITY - 128);
    np_box_destroy(b);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model), cmocka_unit_test(test_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
