/*
 * The flow table against a model made of plain arrays: every result of millions of random operations
 * compared.
 *
 * Flows come from a small pool, so that they come back. In half of the runs the pool holds only flows whose
 * hashes are all at the very top: they want the same few places at the end of each index, fill them, go on to
 * the next, and around to the beginning.
 */
#include "draw.h"
#include "natpulse/table.h"

#define POOL    700
#define CLASSES NP_TABLE_CLASSES

typedef struct flow {
    np_tuple inside, outside;
    uint32_t entry; /* NP_ENTRY_NONE: not in the table */
    uint8_t class;
    np_time last, made;
    uint64_t turn; /* of the latest touch: order within a class */
} flow;

static uint64_t seed;

static np_table *any; /* of which only the hash is wanted */

static uint32_t top(const np_tuple *k, uint32_t bits)
{
    return (uint32_t)(np_table_prefetch_inside(any, k) >> (64 - bits));
}

/* A flow that no other in the pool resembles. Its number is in its remote address. With `crowd` both its
   hashes begin with 5 bits set. */
static flow make_flow(uint64_t *s, uint32_t number, bool crowd)
{
    for (;;) {
        flow f = {.entry = NP_ENTRY_NONE};
        f.inside.family = below(s, 4) == 0 ? 6 : 4;
        f.inside.proto = below(s, 2) ? NP_TCP : NP_UDP;
        f.inside.local = np_addr_ipv4(0x0a000000 + below(s, 3));
        f.inside.remote = np_addr_ipv4(0xc6336400 + number);
        if (f.inside.family == 6)
            for (int i = 4; i < 16; i++)
                f.inside.local.byte[i] = f.inside.remote.byte[15 - i] = (uint8_t)draw(s);
        f.inside.local_port = (uint16_t)draw(s);
        f.inside.remote_port = (uint16_t)(80 + below(s, 2));
        f.outside = f.inside;
        if (f.inside.family == 4) {
            f.outside.local = np_addr_ipv4(0xc0000201 + below(s, 2));
            f.outside.local_port = (uint16_t)draw(s);
        }
        if (!crowd || (top(&f.inside, 5) == 31 && top(&f.outside, 5) == 31)) return f;
    }
}

static uint32_t model_oldest(const flow *pool, uint8_t class)
{
    const flow *oldest = NULL;
    for (const flow *f = pool; f < pool + POOL; f++)
        if (f->entry != NP_ENTRY_NONE && f->class == class && (oldest == NULL || f->turn < oldest->turn))
            oldest = f;
    return oldest == NULL ? NP_ENTRY_NONE : oldest->entry;
}

static void check_entry(const np_table *t, const flow *f)
{
    const np_entry *e = np_table_peek(t, f->entry);
    np_tuple inside = np_entry_inside(e), outside = np_entry_outside(e);
    assert_true(np_tuple_equal(&inside, &f->inside));
    assert_true(np_tuple_equal(&outside, &f->outside));
    assert_int_equal(e->last, f->last);
    assert_int_equal(e->made, f->made);
    assert_int_equal(e->class, f->class);
}

/* Everything: each flow is found if and only if it is in, and the lists hold what they should in order. */
static void check_all(const np_table *t, const flow *pool)
{
    for (const flow *f = pool; f < pool + POOL; f++) {
        assert_int_equal(np_table_find_inside(t, &f->inside), f->entry);
        assert_int_equal(np_table_find_outside(t, &f->outside), f->entry);
        uint64_t hash = np_table_prefetch_inside(t, &f->inside);
        np_table_prefetch_neighbours(t, np_table_prefetch_entry(t, hash));
        assert_int_equal(np_table_find_inside_hashed(t, &f->inside, hash), f->entry);
        if (f->entry != NP_ENTRY_NONE) check_entry(t, f);
    }
    uint32_t listed = 0;
    for (uint8_t c = 0; c < CLASSES; c++) {
        uint64_t turn = 0;
        np_time last = 0;
        for (uint32_t e = np_table_oldest(t, c); e != NP_ENTRY_NONE; e = np_table_newer(t, e), listed++) {
            const flow *f = pool;
            while (f->entry != e) assert_true(++f < pool + POOL);
            assert_int_equal(f->class, c);
            assert_true(f->turn > turn && f->last >= last);
            turn = f->turn;
            last = f->last;
        }
    }
    assert_int_equal(listed, np_table_used(t));

    static bool seen[POOL];
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < np_table_used(t); i++) {
        uint32_t e = np_table_pick(t, i);
        assert_true(e < np_table_capacity(t) && np_table_peek(t, e)->family != 0 && !seen[e]);
        seen[e] = true;
    }
}

static void run(uint32_t capacity, bool crowd, uint32_t steps)
{
    uint64_t s = seed * 1000003 + capacity * 2 + crowd, turn = 0;
    static flow pool[POOL];
    for (uint32_t i = 0; i < POOL; i++) pool[i] = make_flow(&s, i, crowd);
    np_table *t = np_table_create(capacity);
    assert_non_null(t);
    np_time now = 0;
    uint32_t used = 0, entry_user[POOL];
    memset(entry_user, 0xff, sizeof entry_user);
    uint32_t live = capacity * 2 < POOL ? capacity * 2 : POOL; /* flows that take part: half of them fit */

    for (uint32_t step = 0; step < steps; step++) {
        now += below(&s, 3);
        flow *f = &pool[below(&s, live)];
        uint32_t e = np_table_find_inside(t, &f->inside);
        assert_int_equal(e, f->entry);
        assert_int_equal(np_table_find_outside(t, &f->outside), f->entry);
        uint8_t class = (uint8_t)below(&s, CLASSES);
        uint32_t choice = below(&s, 100), filling = step / 1000 % 2 ? 70 : 30; /* it fills up and empties */
        if (e == NP_ENTRY_NONE && used < capacity && choice < filling) {
            e = np_table_insert(t, &f->inside, &f->outside.local, f->outside.local_port, class, now);
            assert_true(e < capacity && entry_user[e] == UINT32_MAX);
            entry_user[e] = (uint32_t)(f - pool);
            const np_entry *made = np_table_peek(t, e);
            assert_int_equal(made->state | made->mark | made->seen | made->conn, 0);
            *f = (flow){f->inside, f->outside, e, class, now, now, ++turn};
            used++;
        } else if (e != NP_ENTRY_NONE && choice >= 75 - filling / 2) {
            np_table_remove(t, e);
            entry_user[e] = UINT32_MAX;
            f->entry = NP_ENTRY_NONE;
            used--;
        } else if (e != NP_ENTRY_NONE) {
            if (choice % 2) class = f->class;
            np_table_touch(t, e, class, now);
            f->class = class;
            f->last = now;
            f->turn = ++turn;
        }
        assert_int_equal(np_table_used(t), used);
        assert_int_equal(np_table_oldest(t, class), model_oldest(pool, class));
        if (f->entry != NP_ENTRY_NONE) check_entry(t, f);
        if (step % 997 == 0 || used == capacity) {
            if (step % 31 == 0) check_all(t, pool);
        }
    }
    check_all(t, pool);
    np_table_destroy(t);
}

static void test_spread(void **state)
{
    (void)state;
    static const uint32_t capacity[] = {1, 2, 3, 5, 8, 31, 64, 100, 300};
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++) run(capacity[i], false, 150000);
}

static void test_crowded(void **state)
{
    (void)state;
    static const uint32_t capacity[] = {4, 17, 40, 64, 100, 200, 350};
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++) run(capacity[i], true, 150000);
}

/* The picks of a table with holes over many words and blocks of its bitmap. */
static void test_pick_with_holes(void **state)
{
    (void)state;
    enum { N = 20000 };
    uint64_t s = seed;
    np_table *t = np_table_create(N);
    static bool in[N], seen[N];
    np_addr external = np_addr_ipv4(0xc0000201);
    for (uint32_t i = 0; i < N; i++) {
        np_tuple k = {
            .local = np_addr_ipv4(0x0a000000 + i), .remote = np_addr_ipv4(1), .family = 4, .proto = NP_UDP};
        k.local_port = (uint16_t)i;
        k.remote_port = (uint16_t)(i >> 16);
        k.remote.byte[0] = (uint8_t)i;
        uint32_t e = np_table_insert(t, &k, &external, (uint16_t)i, 0, 0);
        in[e] = true;
    }
    for (uint32_t e = 0; e < N; e++) {
        if (below(&s, e < 9000 ? 10 : 2) == 0) continue; /* thin at first, so that whole words are empty */
        np_table_remove(t, e);
        in[e] = false;
    }
    for (uint32_t i = 0; i < np_table_used(t); i++) {
        uint32_t e = np_table_pick(t, i);
        assert_true(e < N && in[e] && !seen[e]);
        seen[e] = true;
    }
    for (uint32_t round = 0; round < 2; round++) { /* the next used one, also behind blocks without any */
        for (uint32_t from = 0, next = 0; from <= N; from++) {
            if (next < from) next = from;
            while (next < N && !in[next]) next++;
            assert_int_equal(np_table_next_used(t, from), next < N ? next : NP_ENTRY_NONE);
        }
        for (uint32_t e = 4000; e < 17000 && round == 0; e++)
            if (in[e]) {
                np_table_remove(t, e);
                in[e] = false;
            }
    }
    np_table_destroy(t);
}

/* A number of 32 bits for each number, scattered (by the constants of Wellons's lowbias32): of counted-up
 * keys the hash is too even to have equal tags.
 */
static uint32_t scattered(uint32_t i)
{
    i = (i ^ i >> 16) * 0x7feb352d;
    i = (i ^ i >> 15) * 0x846ca68b;
    return i ^ i >> 16;
}

/* Flow i of a kind: the flows of one kind differ in one field only, or in the two ports. */
static np_tuple alike(uint32_t kind, uint32_t i)
{
    uint32_t any_number = scattered(i);
    np_tuple k = {.family = kind < 3 ? 4 : 6, .proto = NP_UDP, .local_port = 1, .remote_port = 2};
    k.local = np_addr_ipv4(0x0a000000);
    k.remote = np_addr_ipv4(0xc6330000 + kind);
    switch (kind) {
    case 0: k.local_port = (uint16_t)any_number, k.remote_port = (uint16_t)(any_number >> 16); break;
    case 1: k.local.word[0] = any_number; break;
    case 2: k.remote.word[0] = any_number; break;
    case 3: k.local.half[1] = any_number; break;
    default: k.remote.half[1] = any_number; break;
    }
    return k;
}

/* In a large table the tag of an index slot is short, so that it often agrees with that of another flow: here
   in some 150 lookups of flows that are not there. The entry must then be read, every field of it. */
static void test_tags_are_not_trusted(void **state)
{
    (void)state;
    enum { KINDS = 5, EACH = 60000 };
    np_table *t = np_table_create(1 << 20);
    assert_non_null(t);
    np_addr external = np_addr_ipv4(0xc0000201);
    for (uint32_t kind = 0; kind < KINDS; kind++)
        for (uint32_t i = 0; i < EACH; i++) {
            np_tuple k = alike(kind, i);
            np_table_insert(t, &k, kind == 1 ? &k.local : &external, k.local_port, 0, 0);
        }
    for (uint32_t kind = 0; kind < KINDS; kind++)
        for (uint32_t i = 0; i < 2 * EACH; i++) {
            np_tuple k = alike(kind, i), outside = k;
            if (kind != 1 && k.family == 4) outside.local = external;
            uint32_t expected = i < EACH ? kind * EACH + i : NP_ENTRY_NONE; /* a new table counts up */
            assert_int_equal(np_table_find_inside(t, &k), expected);
            assert_int_equal(np_table_find_outside(t, &outside), expected);
        }
    np_table_destroy(t);
}

/* The budget: at most 96 bytes an entry, all in, whatever the capacity. */
static void test_bytes(void **state)
{
    (void)state;
    static const uint32_t capacity[] = {4096, 65536, 100000, 262144, 1000000, 1048577};
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++) {
        np_table *t = np_table_create(capacity[i]);
        assert_true(np_table_bytes(t) <= 96 * (size_t)capacity[i]);
        np_table_destroy(t);
    }
}

/* Hashes of regular series of flows fill 1024 bins evenly, by their high bits (where a probe begins) as by
   their low ones (tags): chi-square with 1023 degrees of freedom within 6 standard deviations of its mean. */
static void test_hash_spread(void **state)
{
    (void)state;
    enum { BINS = 1024, N = 200000 };
    for (int series = 0; series < 5; series++) {
        static uint32_t high[BINS], low[BINS];
        memset(high, 0, sizeof high);
        memset(low, 0, sizeof low);
        for (uint32_t i = 0; i < N; i++) {
            np_tuple k = {.local = np_addr_ipv4(0xc0a80102), .remote = np_addr_ipv4(0xcb007101), .family = 4};
            k.local_port = 40000;
            k.remote_port = 443;
            k.proto = NP_TCP;
            if (series == 0) k.local = np_addr_ipv4(0x0a000000 + i);
            if (series == 1) k.remote = np_addr_ipv4(0xcb000000 + (i << 8));
            if (series == 2)
                k.local = np_addr_ipv4(0x0a000000 + i / 1000), k.local_port = (uint16_t)(i % 1000);
            if (series == 3) k.local_port = (uint16_t)i, k.remote_port = (uint16_t)(i >> 16);
            if (series == 4)
                k.family = 6, k.local.byte[15] = (uint8_t)i, k.local.byte[8] = (uint8_t)(i >> 8),
                k.remote.byte[9] = (uint8_t)(i >> 16);
            uint64_t h = np_table_prefetch_inside(any, &k);
            high[h >> 54]++;
            low[h & (BINS - 1)]++;
        }
        double expected = (double)N / BINS, chi_high = 0, chi_low = 0;
        for (int b = 0; b < BINS; b++) {
            chi_high += (high[b] - expected) * (high[b] - expected) / expected;
            chi_low += (low[b] - expected) * (low[b] - expected) / expected;
        }
        printf("series %d: chi-square %.0f (high bits), %.0f (low bits)\n", series, chi_high, chi_low);
        assert_true(chi_high < 1023 + 6 * 45.3 && chi_low < 1023 + 6 * 45.3);
    }
}

int main(void)
{
    seed = seed_of_run();
    any = np_table_create(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread),          cmocka_unit_test(test_crowded),
        cmocka_unit_test(test_pick_with_holes), cmocka_unit_test(test_tags_are_not_trusted),
        cmocka_unit_test(test_bytes),           cmocka_unit_test(test_hash_spread),
    };
    int failed = any == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    np_table_destroy(any);
    return failed;
}
