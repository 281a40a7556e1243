/*
 * pf's purge against a model: the table as an array of places, which new mappings take as the box does (those
 * freed last first, then fresh ones), and a finger that goes round. Random packets, with and without adaptive
 * timeouts; what goes, when and in what order must be the same.
 */
#include "draw.h"
#include "natpulse/box.h"

#define SERVER 0xc6336401u
#define PLACES 1500u
#define FLOWS  2000u
#define NONE   UINT32_MAX
#define LIFE   (30 * NP_SECOND)

static uint64_t seed;

typedef struct model {
    struct {
        bool used;
        uint32_t flow;
        np_time last;
    } place[PLACES];
    uint32_t freed[PLACES], frees, fresh, used, finger;
    uint32_t place_of[FLOWS];
    uint32_t start, end; /* adaptive */
    np_time next;
} model;

typedef struct heard {
    uint32_t flow[PLACES], n;
    np_time when[PLACES];
} heard;

static heard told, expected;

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)ctx;
    if (what != NP_MAPPING_EXPIRED) return;
    told.flow[told.n] = m->conn;
    told.when[told.n++] = when;
}

static np_time life(const model *m)
{
    if (m->end == 0 || m->used <= m->start) return LIFE;
    return m->used >= m->end ? 0 : LIFE * (m->end - m->used) / (m->end - m->start);
}

static void look_through(model *m)
{
    uint32_t n = m->used / 10 < 64 ? 64 : m->used / 10;
    if (n > m->used) n = m->used;
    for (uint32_t looked = 0; looked < n && m->used > 0; looked++) {
        while (m->finger >= PLACES || !m->place[m->finger].used)
            m->finger = m->finger >= PLACES ? 0 : m->finger + 1;
        uint32_t at = m->finger++;
        if (m->place[at].last + life(m) > m->next) continue;
        expected.flow[expected.n] = m->place[at].flow;
        expected.when[expected.n++] = m->next;
        m->place[at].used = false;
        m->place_of[m->place[at].flow] = NONE;
        m->freed[m->frees++] = at;
        m->used--;
    }
}

static void purge(model *m, np_time now)
{
    for (; m->used > 0 && m->next <= now; m->next += NP_SECOND) look_through(m);
}

static void add(model *m, uint32_t flow, np_time now)
{
    if (m->used == 0) m->next = now - now % NP_SECOND + NP_SECOND;
    uint32_t at = m->frees > 0 ? m->freed[--m->frees] : m->fresh++;
    m->place[at].used = true;
    m->place[at].flow = flow;
    m->place[at].last = now;
    m->place_of[flow] = at;
    m->used++;
}

static void run(uint32_t capacity, uint32_t flows, bool adaptive, uint32_t salt)
{
    static model m;
    uint64_t s = seed * 7919 + salt;
    np_nat_config c;
    np_nat_defaults(&c);
    c.capacity = capacity;
    c.evict = "refuse";
    c.expiry = NP_EXPIRY_PF;
    c.timeout[NP_TIMEOUT_UDP] = LIFE;
    memset(&m, 0, sizeof m);
    memset(m.place_of, 0xff, sizeof m.place_of);
    if (adaptive) {
        m.start = c.adaptive.start = capacity * 6 / 10;
        m.end = c.adaptive.end = capacity * 11 / 10;
    }
    np_error e;
    np_box *b = np_box_create(&c, np_key_make(seed, salt), 0, &e);
    assert_non_null(b);
    np_box_set_tap(b, (np_box_tap){.mapping = on_mapping});
    np_time now = 0;
    uint32_t gone = 0, refused = 0, revived = 0;
    for (uint32_t step = 0; step < 60000; step++) {
        now += below(&s, 3000) == 0 ? below(&s, 60) * NP_SECOND
               : below(&s, 20) == 0 ? NP_SECOND - now % NP_SECOND
                                    : below(&s, (uint32_t)(2 * LIFE / flows));
        told.n = expected.n = 0;
        purge(&m, now);
        uint32_t flow = below(&s, flows);
        np_packet p = packet(NP_UDP, 0x0a000000 + flow, 1000, SERVER, 53, 0);
        p.conn = flow;
        np_reason reason = np_box_outbound(b, &p, now).reason;
        uint32_t at = m.place_of[flow];
        if (at != NONE) {
            assert_int_equal(reason, NP_REASON_MAPPED);
            revived += m.place[at].last + life(&m) <= now;
            m.place[at].last = now;
        } else if (m.used == capacity) {
            assert_int_equal(reason, NP_REASON_TABLE_FULL);
            refused++;
        } else {
            assert_int_equal(reason, NP_REASON_CREATED);
            add(&m, flow, now);
        }
        gone += told.n;
        assert_int_equal(told.n, expected.n);
        assert_memory_equal(told.flow, expected.flow, told.n * sizeof told.flow[0]);
        assert_memory_equal(told.when, expected.when, told.n * sizeof told.when[0]);
        assert_int_equal(np_box_entries(b), m.used);
    }
    printf("%u places, %u flows%s: %u went, %u refused, %u revived\n", capacity, flows,
           adaptive ? ", adaptive" : "", gone, refused, revived);
    assert_true(gone > 1000 && revived > 100);
    np_box_destroy(b);
}

static void test_random(void **state)
{
    (void)state;
    for (uint32_t adaptive = 0; adaptive < 2; adaptive++) {
        run(20, 30, adaptive, adaptive);
        run(300, 500, adaptive, 2 + adaptive);
        run(PLACES, FLOWS, adaptive, 4 + adaptive);
        run(100, 120, adaptive, 6 + adaptive);
    }
}

/* How long the last of so many stays that die together: of a few a second at the most, of 640 ten seconds. Of
   more, a tenth of those left goes each second, which takes longer: of 1500, 8 s until 640 are left, and
   then 10. */
static void test_delay(void **state)
{
    (void)state;
    static const uint32_t flows[] = {50, 64, 640, 1500}, seconds[] = {1, 1, 10, 19};
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        np_nat_config c;
        np_nat_defaults(&c);
        c.capacity = 2 * PLACES;
        c.expiry = NP_EXPIRY_PF;
        c.timeout[NP_TIMEOUT_UDP] = LIFE;
        np_error e;
        np_box *b = np_box_create(&c, np_key_make(seed, 0), 0, &e);
        assert_non_null(b);
        np_box_set_tap(b, (np_box_tap){.mapping = on_mapping});
        told.n = 0;
        for (uint32_t flow = 0; flow < flows[i]; flow++) {
            np_packet p = packet(NP_UDP, 0x0a000000 + flow, 1000, SERVER, 53, 0);
            np_box_outbound(b, &p, NP_SECOND / 2);
        }
        np_box_expire(b, LIFE + NP_SECOND / 2);
        assert_int_equal(told.n, 0);
        np_box_expire(b, NP_DAY);
        assert_int_equal(told.n, flows[i]);
        np_time longest = told.when[told.n - 1] - (LIFE + NP_SECOND / 2);
        assert_true(longest <= seconds[i] * NP_SECOND && longest > seconds[i] * NP_SECOND - 2 * NP_SECOND);
        assert_int_equal(np_box_next_expiry(b), NP_NEVER);
        np_box_destroy(b);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_delay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
