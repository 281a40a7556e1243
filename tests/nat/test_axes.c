/*
 * Timeouts that adapt, sweeps, what is said to the ends of an expired connection, and a box that takes time
 * for its packets.
 */
#include "draw.h"
#include "natpulse/box.h"

#define HOST   0x0a000001u
#define SERVER 0xc6336401u
#define PUBLIC 0xc0000201u
#define S      NP_SECOND

static np_nat_config defaults(void)
{
    np_nat_config c;
    np_nat_defaults(&c);
    return c;
}

static np_box *box_of(const np_nat_config *c)
{
    np_error e;
    np_box *b = np_box_create(c, np_key_make(1, 0), 0, &e);
    if (b == NULL) print_message("%s\n", e.text);
    assert_non_null(b);
    return b;
}

static np_reason udp(np_box *b, uint32_t host, np_time now)
{
    np_packet p = packet(NP_UDP, HOST + host, 1000, SERVER, 53, 0);
    return np_box_outbound(b, &p, now).reason;
}

/* ---- adaptive ---- */

/* The lifetime of the oldest with n in the table is timeout * (end - n) / (end - start), and all of it up to
 * `start`. */
static void test_scale(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < 120; n++) {
        np_nat_config c = defaults();
        c.capacity = 200;
        c.adaptive.start = 60;
        c.adaptive.end = 120;
        np_box *b = box_of(&c);
        for (uint32_t i = 0; i < n; i++) udp(b, i, 0);
        np_time lifetime = n <= 60 ? 30 * S : 30 * S * (120 - n) / 60;
        assert_int_equal(np_box_next_expiry(b), lifetime);
        np_box_expire(b, lifetime - 1);
        assert_int_equal(np_box_entries(b), n);
        np_box_expire(b, lifetime);
        assert_true(np_box_entries(b) < n);
        np_box_destroy(b);
    }
}

typedef struct deaths {
    np_time when[64];
    uint32_t n;
} deaths;

static void note_death(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)m;
    deaths *d = ctx;
    if (what == NP_MAPPING_EXPIRED) d->when[d->n++] = when;
}

/* A new mapping shortens the lives of all; one that goes lengthens them again. Five mappings made 1 s apart,
   of which no more than two can be more than 20 s old together. */
static void test_crowding(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = 10;
    c.adaptive.start = 2;
    c.adaptive.end = 5;
    np_box *b = box_of(&c);
    deaths d = {.n = 0};
    np_box_set_tap(b, (np_box_tap){.mapping = note_death, .ctx = &d});
    for (uint32_t i = 0; i < 3; i++) udp(b, i, i * S); /* three: 30 * 2 / 3 = 20 s each */
    assert_int_equal(np_box_next_expiry(b), 20 * S);
    udp(b, 3, 15 * S); /* four: 10 s, which the first three have been idle for already */
    assert_int_equal(np_box_next_expiry(b), 15 * S);
    np_box_expire(b, 15 * S);
    assert_int_equal(d.n, 1); /* with the first gone the others have 20 s again */
    assert_int_equal(d.when[0], 15 * S);
    assert_int_equal(np_box_next_expiry(b), 21 * S);
    np_box_expire(b, 31 * S);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.when[1], 21 * S);
    np_box_expire(b, 100 * S); /* two: 30 s */
    assert_int_equal(d.n, 4);
    assert_int_equal(d.when[2], 32 * S);
    assert_int_equal(d.when[3], 45 * S);
    np_box_destroy(b);
}

/* Random traffic against a list that is gone through for every packet. */
static void test_adaptive_random(void **state)
{
    (void)state;
    uint64_t s = seed_of_run();
    for (int sweep = 0; sweep < 2; sweep++) {
        np_nat_config c = defaults();
        c.capacity = 40;
        c.evict = "refuse";
        c.adaptive.start = 10;
        c.adaptive.end = 45;
        c.expiry = sweep ? NP_EXPIRY_SWEEP : NP_EXPIRY_EXACT;
        c.sweep = 4 * S;
        np_box *b = box_of(&c);
        np_time last[64], now = 0, filled = 0;
        uint32_t n = 0, most = 0;
        for (int i = 0; i < 64; i++) last[i] = -1;
        for (uint32_t step = 0; step < 40000; step++) {
            now += below(&s, 2 * NP_SECOND);
            for (;;) { /* whose time came first goes first, and changes the time of the others */
                np_time timeout = n <= 10 ? 30 * S : 30 * S * (45 - (np_time)n) / 35, when = NP_NEVER;
                int first = -1;
                for (int i = 0; i < 64; i++)
                    if (last[i] >= 0 && (first < 0 || last[i] < last[first])) first = i;
                if (first >= 0) {
                    when = last[first] + timeout > filled ? last[first] + timeout : filled;
                    if (sweep) when = (when + 4 * S - 1) / (4 * S) * (4 * S);
                }
                if (when > now) break;
                last[first] = -1;
                n--;
            }
            uint32_t host = below(&s, 64);
            np_reason must = last[host] >= 0 ? NP_REASON_MAPPED
                             : n < 40        ? NP_REASON_CREATED
                                             : NP_REASON_TABLE_FULL;
            assert_int_equal(udp(b, host, now), must);
            if (must == NP_REASON_TABLE_FULL) continue;
            if (must == NP_REASON_CREATED) {
                n++;
                filled = now;
            }
            last[host] = now;
            assert_int_equal(np_box_entries(b), n);
            if (n > most) most = n;
        }
        assert_true(most > 15);
        np_box_destroy(b);
    }
}

/* ---- steps of fill ---- */

/* Lifetimes are capped above a number of mappings, and by the tightest step that holds. */
static void test_steps(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 100; n++) {
        np_nat_config c = defaults();
        c.capacity = 100;
        c.adaptive.steps = 3;
        c.adaptive.step[0] = (np_fill_step){.above = 20, .until = 20, .most = 25 * S};
        c.adaptive.step[1] = (np_fill_step){.above = 80, .until = 80, .most = 5 * S};
        c.adaptive.step[2] = (np_fill_step){.above = 50, .until = 50, .most = 40 * S}; /* longer than any */
        np_box *b = box_of(&c);
        for (uint32_t i = 0; i < n; i++) udp(b, i, 0);
        assert_int_equal(np_box_next_expiry(b), (n <= 20 ? 30 : n <= 80 ? 25 : 5) * S);
        np_box_destroy(b);
    }
}

/* A step that begins above 4 and ends at 2, each mapping a second younger than the one before. */
static void test_hysteresis(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = 10;
    c.adaptive.steps = 1;
    c.adaptive.step[0] = (np_fill_step){.above = 4, .until = 2, .most = 10 * S};
    np_box *b = box_of(&c);
    deaths d = {.n = 0};
    np_box_set_tap(b, (np_box_tap){.mapping = note_death, .ctx = &d});
    for (uint32_t i = 0; i < 4; i++) udp(b, i, i * S);
    assert_int_equal(np_box_next_expiry(b), 30 * S);
    udp(b, 4, 12 * S); /* five: 10 s, which three have been idle for, and two of these at this moment */
    np_box_expire(b, 12 * S);
    assert_int_equal(d.n, 3);
    assert_int_equal(np_box_entries(b), 2); /* where it ends: the fourth is 9 s old and has 30 again */
    for (int i = 0; i < 3; i++) assert_int_equal(d.when[i], 12 * S);
    np_box_expire(b, 33 * S - 1);
    assert_int_equal(d.n, 3);
    np_box_expire(b, 100 * S);
    assert_int_equal(d.n, 5);
    assert_int_equal(d.when[3], 33 * S);
    assert_int_equal(d.when[4], 42 * S);
    np_box_destroy(b);
}

/* Random traffic against a list that is gone through for every packet: two steps with a hysteresis each, with
   and without scaling beside them. */
static void test_steps_random(void **state)
{
    (void)state;
    uint64_t s = seed_of_run();
    for (int scaled = 0; scaled < 2; scaled++) {
        np_nat_config c = defaults();
        c.capacity = 40;
        c.evict = "refuse";
        c.adaptive.steps = 2;
        c.adaptive.step[0] = (np_fill_step){.above = 12, .until = 8, .most = 18 * S};
        c.adaptive.step[1] = (np_fill_step){.above = 18, .until = 10, .most = 7 * S};
        if (scaled) c.adaptive.start = 6, c.adaptive.end = 45;
        np_box *b = box_of(&c);
        np_time last[64], now = 0, filled = 0;
        uint32_t n = 0, most = 0, on[2] = {0, 0}, caps = 0;
        for (int i = 0; i < 64; i++) last[i] = -1;
        for (uint32_t step = 0; step < 40000; step++) {
            now += below(&s, 2 * NP_SECOND);
            for (;;) {
                np_time timeout = 30 * S, when = NP_NEVER;
                for (int k = 0; k < 2; k++) {
                    if (n > c.adaptive.step[k].above) on[k] = 1;
                    if (n <= c.adaptive.step[k].until) on[k] = 0;
                    if (on[k] && timeout > c.adaptive.step[k].most) timeout = c.adaptive.step[k].most;
                    caps += on[k];
                }
                if (scaled && n > 6) timeout = timeout * (45 - (np_time)n) / 39;
                int first = -1;
                for (int i = 0; i < 64; i++)
                    if (last[i] >= 0 && (first < 0 || last[i] < last[first])) first = i;
                if (first >= 0) when = last[first] + timeout > filled ? last[first] + timeout : filled;
                if (when > now) break;
                last[first] = -1;
                n--;
            }
            uint32_t host = below(&s, 64);
            np_reason must = last[host] >= 0 ? NP_REASON_MAPPED
                             : n < 40        ? NP_REASON_CREATED
                                             : NP_REASON_TABLE_FULL;
            assert_int_equal(udp(b, host, now), must);
            if (must == NP_REASON_TABLE_FULL) continue;
            if (must == NP_REASON_CREATED) {
                n++;
                filled = now;
            }
            last[host] = now;
            assert_int_equal(np_box_entries(b), n);
            if (n > most) most = n;
        }
        assert_true(most > 18 || scaled);
        assert_true(caps > 1000);
        np_box_destroy(b);
    }
}

/* ---- sweeps ---- */

/* Past its deadline a mapping works until the next sweep, which a packet before it puts off. */
static void test_sweep(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.expiry = NP_EXPIRY_SWEEP;
    c.sweep = 10 * S;
    np_box *b = box_of(&c);
    deaths d = {.n = 0};
    np_box_set_tap(b, (np_box_tap){.mapping = note_death, .ctx = &d});
    udp(b, 0, 1 * S); /* deadline 31 s, taken at 40 s */
    assert_int_equal(np_box_next_expiry(b), 40 * S);
    assert_int_equal(udp(b, 0, 40 * S - 1), NP_REASON_MAPPED); /* revived: deadline 70 s less a nanosecond */
    np_box_expire(b, 40 * S);
    assert_int_equal(np_box_next_expiry(b), 70 * S);
    udp(b, 1, 40 * S); /* deadline 70 s exactly: the sweep at that moment takes it */
    assert_int_equal(udp(b, 1, 70 * S), NP_REASON_CREATED);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.when[0], 70 * S);
    assert_int_equal(d.when[1], 70 * S);
    np_box_expire(b, NP_HOUR);
    assert_int_equal(d.n, 3);
    assert_int_equal(d.when[2], 100 * S);
    np_box_destroy(b);
}

/* ---- farewells ---- */

typedef struct sent {
    np_packet p[4];
    bool to_inside[4];
    np_time when[4];
    uint32_t n;
} sent;

static void note_sent(void *ctx, bool to_inside, const np_packet *p, np_time when)
{
    sent *s = ctx;
    s->p[s->n] = *p;
    s->to_inside[s->n] = to_inside;
    s->when[s->n++] = when;
}

static np_handled tcp_out(np_box *b, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t payload, np_time now)
{
    np_packet p = packet(NP_TCP, HOST, 4000, SERVER, 80, flags);
    p.seq = seq;
    p.ack = ack;
    p.payload = payload;
    p.window = 1000;
    p.conn = 7;
    return np_box_outbound(b, &p, now);
}

static np_handled tcp_in(np_box *b, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t payload, np_time now)
{
    np_packet p = packet(NP_TCP, SERVER, 80, PUBLIC, 4000, flags);
    p.seq = seq;
    p.ack = ack;
    p.payload = payload;
    p.window = 1000;
    return np_box_inbound(b, &p, now);
}

/* The reset must have the very number that its receiver waits for: its last ACK. */
static void test_reset_at_expiry(void **state)
{
    (void)state;
    static const np_tracking trackers[] = {NP_TRACK_NONE, NP_TRACK_LINUX, NP_TRACK_PF};
    for (size_t t = 0; t < 3; t++)
        for (int both = 0; both < 2; both++) {
            np_nat_config c = defaults();
            c.tracker = trackers[t];
            c.at_expiry = both ? NP_AT_EXPIRY_RESET_BOTH : NP_AT_EXPIRY_RESET_INSIDE;
            np_box *b = box_of(&c);
            sent got = {.n = 0};
            np_box_set_tap(b, (np_box_tap){.emit = note_sent, .ctx = &got});
            tcp_out(b, NP_SYN, 1000, 0, 0, 0);
            tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, 1);
            tcp_out(b, NP_ACK, 1001, 5001, 100, 2);
            tcp_in(b, NP_ACK, 5001, 1101, 50, 3);
            tcp_out(b, NP_ACK, 1101, 5051, 0, 4);
            tcp_in(b, NP_ACK, 5051, 1101, 20, 4); /* of which the inside says nothing any more */
            np_box_expire(b, 4);                  /* after which the next is exact */
            np_time end = np_box_next_expiry(b);
            np_box_expire(b, end + 5);
            assert_int_equal(np_box_entries(b), 0);
            assert_int_equal(got.n, 1 + both);
            assert_int_equal(np_box_count(b)->emitted, 1 + both);
            const np_packet *p = &got.p[0];
            assert_true(got.to_inside[0]);
            assert_int_equal(got.when[0], end);
            assert_true(p->flags & NP_RST);
            assert_int_equal(p->seq, 5051);
            assert_int_equal(np_addr_to_ipv4(&p->src), SERVER);
            assert_int_equal(np_addr_to_ipv4(&p->dst), HOST);
            assert_int_equal(p->sport, 80);
            assert_int_equal(p->dport, 4000);
            assert_int_equal(p->conn, 7);
            if (both) {
                p = &got.p[1];
                assert_false(got.to_inside[1]);
                assert_int_equal(p->seq, 1101);
                assert_int_equal(np_addr_to_ipv4(&p->src), PUBLIC);
                assert_int_equal(np_addr_to_ipv4(&p->dst), SERVER);
                assert_int_equal(p->sport, 4000);
                assert_int_equal(p->dport, 80);
            }
            np_box_destroy(b);
        }
}

/* A SYN that nobody answered is answered by a reset that acknowledges it; who was never heard is not told;
   UDP neither; nor is anybody when the mapping is evicted. */
static void test_reset_of_syn(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.capacity = 1;
    c.at_expiry = NP_AT_EXPIRY_RESET_BOTH;
    np_box *b = box_of(&c);
    sent got = {.n = 0};
    np_box_set_tap(b, (np_box_tap){.emit = note_sent, .ctx = &got});
    tcp_out(b, NP_SYN, 1000, 0, 0, 0);
    np_box_expire(b, 2 * NP_HOUR);
    assert_int_equal(got.n, 1);
    assert_true(got.to_inside[0]);
    assert_int_equal(got.p[0].flags, NP_RST | NP_ACK);
    assert_int_equal(got.p[0].seq, 0);
    assert_int_equal(got.p[0].ack, 1001);
    udp(b, 0, 2 * NP_HOUR);
    np_box_expire(b, 3 * NP_HOUR);
    tcp_out(b, NP_SYN, 1000, 0, 0, 3 * NP_HOUR);
    udp(b, 0, 3 * NP_HOUR); /* evicts */
    assert_int_equal(np_box_count(b)->evictions, 1);
    assert_int_equal(got.n, 1);
    np_box_destroy(b);
}

/* Whoever talks next is reset, either side, again and again; a SYN begins anew. */
static void test_reset_on_talk(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.at_expiry = NP_AT_EXPIRY_RESET_ON_TALK;
    c.unknown_outbound = NP_UNKNOWN_ADOPT;
    np_box *b = box_of(&c);
    tcp_out(b, NP_SYN, 1000, 0, 0, 0);
    tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, 1);
    np_time late = 2 * NP_HOUR;
    for (int i = 0; i < 2; i++) {
        np_handled h = tcp_out(b, NP_ACK, 1001, 5001, 0, late);
        assert_int_equal(h.verdict, NP_RESET);
        assert_string_equal(np_reason_name(h.reason), "expired");
        assert_int_equal(tcp_in(b, NP_ACK, 5001, 1001, 0, late).reason, NP_REASON_EXPIRED);
    }
    assert_int_equal(tcp_in(b, NP_RST, 5001, 0, 0, late).verdict, NP_DROP);
    assert_int_equal(tcp_out(b, NP_SYN, 1000, 0, 0, late).reason, NP_REASON_CREATED);
    assert_int_equal(tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, late).reason, NP_REASON_MAPPED);
    np_box_expire(b, late += 2 * NP_HOUR);
    assert_int_equal(tcp_in(b, NP_ACK, 5001, 1001, 0, late).reason, NP_REASON_EXPIRED);
    np_box_flush(b, late);
    assert_int_equal(tcp_in(b, NP_ACK, 5001, 1001, 0, late).reason,
                     NP_REASON_NO_MAPPING); /* a restart forgets */
    assert_int_equal(tcp_out(b, NP_ACK, 1001, 5001, 0, late).reason, NP_REASON_ADOPTED);
    np_box_destroy(b);
}

/* Only the inside is reset, however often it tries; the outside finds no mapping and no more. */
static void test_reset_inside_on_talk(void **state)
{
    (void)state;
    for (int tracked = 0; tracked < 2; tracked++) {
        np_nat_config c = defaults();
        c.at_expiry = NP_AT_EXPIRY_RESET_INSIDE_ON_TALK;
        c.tracker = tracked ? NP_TRACK_STATES : NP_TRACK_NONE;
        np_box *b = box_of(&c);
        tcp_out(b, NP_SYN, 1000, 0, 0, 0);
        tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, 1);
        np_time late = 2 * NP_HOUR;
        for (int i = 0; i < 2; i++) {
            np_handled h = tcp_in(b, NP_ACK, 5001, 1001, 0, late);
            assert_int_equal(h.verdict, NP_DROP);
            assert_string_equal(np_reason_name(h.reason), "no-mapping");
            h = tcp_out(b, NP_ACK, 1001, 5001, 0, late);
            assert_int_equal(h.verdict, NP_RESET);
            assert_string_equal(np_reason_name(h.reason), "expired");
        }
        assert_int_equal(tcp_out(b, NP_RST, 1001, 0, 0, late).verdict, NP_DROP);
        assert_int_equal(tcp_out(b, NP_SYN, 1000, 0, 0, late).reason, NP_REASON_CREATED);
        assert_int_equal(tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, late).reason, NP_REASON_MAPPED);
        np_box_destroy(b);
    }
}

/* ---- trackers in a box ---- */

/* What the tracker refuses goes out untranslated, or not at all; from outside it meets the box's closed
 * ports. */
static void test_invalid(void **state)
{
    (void)state;
    for (int leak = 0; leak < 2; leak++) {
        np_nat_config c = defaults();
        c.tracker = NP_TRACK_LINUX;
        c.invalid = leak ? NP_INVALID_LEAK : NP_INVALID_DROP;
        c.unknown_inbound = NP_UNKNOWN_RESET;
        np_box *b = box_of(&c);
        assert_int_equal(tcp_out(b, NP_FIN | NP_ACK, 1, 1, 0, 0).reason,
                         leak ? NP_REASON_LEAKED : NP_REASON_NO_MAPPING);
        assert_int_equal(np_box_entries(b), 0);
        tcp_out(b, NP_SYN, 1000, 0, 0, 0);
        tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, 1);
        tcp_out(b, NP_ACK, 1001, 5001, 0, 2);
        np_packet p = packet(NP_TCP, HOST, 4000, SERVER, 80, NP_ACK);
        p.seq = 900000000;
        p.ack = 5001;
        np_packet before = p;
        np_handled h = np_box_outbound(b, &p, 3);
        assert_int_equal(h.verdict, leak ? NP_FORWARD : NP_DROP);
        assert_string_equal(np_reason_name(h.reason), leak ? "invalid-leaked" : "invalid");
        assert_memory_equal(&p, &before, sizeof p);
        h = tcp_in(b, NP_ACK, 5001, 900000000, 0, 4);
        assert_int_equal(h.verdict, NP_RESET);
        assert_string_equal(np_reason_name(h.reason), "invalid");
        assert_int_equal(np_box_count(b)->invalid, 2);
        np_box_destroy(b);
    }
}

/* A datagram that nobody asked for occupies the port it was sent to while the box's own stack is said to
 * answer. */
static void test_own_entry(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        np_nat_config c = defaults();
        c.tracker = NP_TRACK_LINUX;
        c.ports.select = NP_PORT_LINUX;
        c.ports.low = 1;
        c.unknown_inbound = answers ? NP_UNKNOWN_RESET : NP_UNKNOWN_DROP;
        np_box *b = box_of(&c);
        np_packet p = packet(NP_UDP, SERVER, 53, PUBLIC, 1000, 0);
        assert_int_equal(np_box_inbound(b, &p, 0).reason, NP_REASON_NO_MAPPING);
        assert_int_equal(np_box_entries(b), answers);
        p = packet(NP_UDP, HOST, 1000, SERVER, 53, 0);
        assert_int_equal(np_box_outbound(b, &p, 1).verdict, NP_FORWARD);
        assert_int_equal(p.sport == 1000, !answers);
        np_box_expire(b, 30 * S); /* of the datagram; the mapping lives a nanosecond longer */
        assert_int_equal(np_box_entries(b), 1);
        np_box_destroy(b);
    }
    np_nat_config c = defaults();
    c.tracker = NP_TRACK_PF; /* does not */
    c.unknown_inbound = NP_UNKNOWN_RESET;
    np_box *b = box_of(&c);
    np_packet p = packet(NP_UDP, SERVER, 53, PUBLIC, 1000, 0);
    assert_int_equal(np_box_inbound(b, &p, 0).verdict, NP_RESET);
    assert_int_equal(np_box_entries(b), 0);
    np_box_destroy(b);
}

/* A SYN on pf's established flow: the box answers for the other end, and drops it. */
static void test_challenge(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    c.tracker = NP_TRACK_PF;
    np_box *b = box_of(&c);
    sent got = {.n = 0};
    np_box_set_tap(b, (np_box_tap){.emit = note_sent, .ctx = &got});
    tcp_out(b, NP_SYN, 1000, 0, 0, 0);
    tcp_in(b, NP_SYN | NP_ACK, 5000, 1001, 0, 1);
    tcp_out(b, NP_ACK, 1001, 5001, 10, 2);
    assert_int_equal(tcp_out(b, NP_SYN, 77, 0, 0, 3).verdict, NP_DROP);
    assert_int_equal(got.n, 1);
    assert_true(got.to_inside[0]);
    assert_int_equal(got.p[0].flags, NP_ACK);
    assert_int_equal(got.p[0].ack, 1011);
    assert_int_equal(got.p[0].seq, 5001);
    assert_int_equal(np_addr_to_ipv4(&got.p[0].dst), HOST);
    np_box_destroy(b);
}

/* ---- cpu ---- */

/* Against a queue of waiting packets, gone through one by one. */
static void test_cpu(void **state)
{
    (void)state;
    uint64_t s = seed_of_run();
    for (uint32_t queue = 0; queue < 5; queue++) {
        np_nat_config c = defaults();
        c.cpu.rate = 1000;
        c.cpu.queue = queue;
        np_box *b = box_of(&c);
        np_time done[8], now = 0;
        uint32_t in = 0;
        uint64_t dropped = 0;
        for (uint32_t step = 0; step < 20000; step++) {
            now += below(&s, 3) ? below(&s, 1000000) : below(&s, 3000000);
            while (in > 0 && done[0] <= now) memmove(done, done + 1, --in * sizeof *done);
            np_time must = NP_NEVER;
            if (in <= queue) { /* one in work, the others wait */
                must = (in > 0 ? done[in - 1] : now) + NP_MILLISECOND;
                done[in++] = must;
            } else {
                dropped++;
            }
            assert_int_equal(np_box_admit(b, now), must);
        }
        assert_int_equal(np_box_count(b)->cpu, dropped);
        assert_true(dropped > 0);
        np_box_destroy(b);
    }
    np_nat_config c = defaults();
    np_box *b = box_of(&c);
    for (int i = 0; i < 10; i++) assert_int_equal(np_box_admit(b, 5), 5);
    np_box_destroy(b);
}

/* ---- what does not go together ---- */

static void refused(const np_nat_config *c, const char *part)
{
    np_error e = {.text = ""};
    assert_false(np_nat_check(c, &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    if (strstr(e.text, part) == NULL) fail_msg("no '%s' in: %s", part, e.text);
}

static void test_contradictions(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    assert_true(np_nat_check(&c, NULL));
    c.adaptive.start = c.adaptive.end = 100;
    refused(&c, "adaptive.start is 100 and adaptive.end 100; the start must be below");
    c = defaults();
    c.expiry = NP_EXPIRY_SWEEP;
    refused(&c, "expiry.sweep must be 1 ms or more");
    c = defaults();
    c.expiry = NP_EXPIRY_LAZY;
    c.at_expiry = NP_AT_EXPIRY_RESET_BOTH;
    refused(&c, "it goes with exact or sweep");
    c = defaults();
    c.tracker = NP_TRACK_LINUX;
    c.filtering = NP_ENDPOINT_INDEPENDENT;
    refused(&c, "filtering must be address-and-port-dependent with tracker linux");
    c.tracker = NP_TRACK_STATES;
    assert_true(np_nat_check(&c, NULL));
    c = defaults();
    c.ports.select = NP_PORT_LINUX;
    c.mapping = NP_ADDRESS_DEPENDENT;
    refused(&c, "ports.select linux does not go with mapping address-dependent");
    c = defaults();
    c.ports.low = c.ports.high = 2000;
    c.ports.block = 2;
    refused(&c, "ports.block is 2, but ports.range has 1 ports");
    c.ports.block = 1;
    c.ports.blocks = 0;
    refused(&c, "ports.blocks is 0");
    c = defaults();
    c.capacity = 10;
    c.ports.per_host = 11;
    refused(&c, "ports.per_host is 11, but capacity is only 10");
    c = defaults();
    c.ports.hold = -1;
    refused(&c, "ports.hold is negative");
    c = defaults();
    c.tracker = (np_tracking)9;
    refused(&c, "tracker is not known");
    c = defaults();
    c.ports.low = c.ports.high = 2000;
    refused(&c, "ports.select preserve does not go with a ports.range of one port");
    c.ports.select = NP_PORT_RANDOM;
    assert_true(np_nat_check(&c, NULL));
    c.ports.tries = 0;
    refused(&c, "ports.tries is 0");
    c = defaults();
    c.ports.per_destination = 5;
    assert_true(np_nat_check(&c, NULL));
    c.mapping = NP_ENDPOINT_INDEPENDENT;
    refused(&c, "ports.per_destination goes with mapping address-and-port-dependent only");
    c = defaults();
    c.ports.select = NP_PORT_LINUX;
    c.ports.per_destination = 5;
    refused(&c, "ports.per_destination does not go with ports.select linux");
    c.ports.select = NP_PORT_NONE;
    refused(&c, "ports.per_destination does not go with ports.select none");
    c = defaults();
    c.ports.select = NP_PORT_NONE;
    assert_true(np_nat_check(&c, NULL));
    c.ports.hold = S;
    refused(&c, "ports.hold does not go with ports.select none");
    c = defaults();
    c.capacity = 100;
    c.adaptive.steps = 1;
    c.adaptive.step[0] = (np_fill_step){.above = 100, .until = 100, .most = S};
    refused(&c, "which a capacity of 100 never exceeds");
    c.adaptive.step[0] = (np_fill_step){.above = 50, .until = 51, .most = S};
    refused(&c, "begins above 50 mappings and ends at 51");
    c.adaptive.step[0] = (np_fill_step){.above = 50, .until = 50};
    refused(&c, "the timeout of a step must be more than 0");
    c.adaptive.step[0].most = S;
    assert_true(np_nat_check(&c, NULL));
    c.adaptive.steps = NP_FILL_STEPS_MOST + 1;
    refused(&c, "adaptive.steps has 9 steps; at most 8 are possible");
}

static void count_wrong(void *ctx, const char *keys, const char *text)
{
    uint32_t *n = ctx;
    assert_true(strlen(keys) > 3 && strlen(text) > 10);
    ++*n;
}

/* All that is wrong is told, the first of it in a message. */
static void test_all_contradictions(void **state)
{
    (void)state;
    np_nat_config c = defaults();
    uint32_t n = 0;
    assert_true(np_nat_check_each(&c, count_wrong, &n));
    assert_int_equal(n, 0);
    c.capacity = 10;
    c.adaptive.start = 5;
    c.adaptive.end = 5;
    c.ports.per_host = 11;
    c.ports.hold = -1;
    c.timeout[NP_TIMEOUT_UDP] = 0;
    assert_false(np_nat_check_each(&c, count_wrong, &n));
    assert_int_equal(n, 4);
    refused(&c, "nat lru-box: timeouts.udp is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_crowding),
        cmocka_unit_test(test_adaptive_random),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_hysteresis),
        cmocka_unit_test(test_steps_random),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_reset_at_expiry),
        cmocka_unit_test(test_reset_of_syn),
        cmocka_unit_test(test_reset_on_talk),
        cmocka_unit_test(test_reset_inside_on_talk),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_own_entry),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_all_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
