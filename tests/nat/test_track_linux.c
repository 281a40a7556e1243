/*
 * The Linux tracker: packet scripts that a real kernel answered alike; every cell of the state tables;
 * windows against plain 64-bit arithmetic; which timeout wins; adoption.
 */
#include "../../sim/nat/track_linux.h"
#include "draw.h"
#include "track_script.h"

static uint64_t seed;
static np_time timeout[NP_TIMEOUT_COUNT];

static np_track_config defaults(void)
{
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i) timeout[i] = script_timeout[i] * NP_SECOND;
    return np_track_defaults(timeout);
}

/* ---- scripts ---- */

static void play(const char *name, size_t least)
{
    char path[80];
    snprintf(path, sizeof path, "tests/conformance/linux/%s.script", name);
    for (int mirrored = 0; mirrored < 2; ++mirrored) {
        script_result r;
        if (!script_play_file(&np_track_linux, path, mirrored, &r))
            fail_msg("%s cannot be read: run from the top of the tree", path);
        assert_true(r.steps >= least);
        assert_int_equal(r.wrong, 0);
    }
}

static void script_handshake_to_close(void **state)
{
    (void)state;
    play("handshake-to-close", 90);
}

static void script_resets(void **state)
{
    (void)state;
    play("resets", 50);
}

static void script_out_of_step(void **state)
{
    (void)state;
    play("out-of-step", 40);
}

static void script_windows(void **state)
{
    (void)state;
    play("windows", 60);
}

static void script_caps(void **state)
{
    (void)state;
    play("caps", 20);
}

static void script_recorded(void **state)
{
    (void)state;
    play("recorded-6.18", 2500);
}

/* ---- the state tables ---- */

/* As documented, a row a kind of packet, a column an old state: SS SR ES FW CW LA TW CL S2. The first packet
   of a flow (NONE) is tried apart. */
static const char *const table[2][LINUX_KINDS] = {
    {
        [LINUX_SYN] = "SS ign ign ign ign ign SS* SS* S2",
        [LINUX_SYNACK] = "inv SR inv inv inv inv inv inv SR",
        [LINUX_FIN] = "inv FW FW LA LA LA TW CL inv",
        [LINUX_ACK] = "inv ES ES CW CW TW TW CL inv",
        [LINUX_RST] = "CL CL CL CL CL CL CL CL CL",
        [LINUX_BARE] = "inv inv inv inv inv inv inv inv inv",
    },
    {
        [LINUX_SYN] = "S2 inv inv inv inv inv SS* inv S2",
        [LINUX_SYNACK] = "SR ign ign ign ign ign ign ign SR",
        [LINUX_FIN] = "inv FW FW LA LA LA TW CL inv",
        [LINUX_ACK] = "ign SR ES CW CW TW TW CL ign",
        [LINUX_RST] = "CL CL CL CL CL CL CL CL CL",
        [LINUX_BARE] = "inv inv inv inv inv inv inv inv inv",
    },
};
static const char *const columns[] = {"SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL", "S2"};
static const uint8_t kind_flags[LINUX_KINDS] = {NP_SYN, NP_SYN | NP_ACK, NP_FIN | NP_ACK,
                                                NP_ACK, NP_RST,          NP_PSH};

/* A flow in `state` whose sides have sent up to 1001 and 5001 and acknowledged each other, replied to. */
static np_linux_flow flow_in(uint8_t state)
{
    np_linux_flow f = {
        .mark = (uint8_t)(state | NP_TRACK_REPLIED), .last_kind = LINUX_BARE, .last_window = 1000};
    f.side[0] =
        (np_linux_side){.end = 1001, .maxend = 2001, .maxwin = 1000, .maxack = 5001, .flags = LINUX_MAXACK};
    f.side[1] =
        (np_linux_side){.end = 5001, .maxend = 6001, .maxwin = 1000, .maxack = 1001, .flags = LINUX_MAXACK};
    return f;
}

static np_packet next_packet(unsigned dir, uint8_t flags)
{
    return (np_packet){.proto = NP_TCP,
                       .family = 4,
                       .flags = flags,
                       .window = 1000,
                       .seq = dir ? 5001 : 1001,
                       .ack = flags & NP_ACK ? (dir ? 1001 : 5001) : 0};
}

static uint8_t column_number(const char *name, size_t length)
{
    for (uint8_t i = 0; i < 9; ++i)
        if (length == 2 && !strncmp(name, columns[i], 2)) return (uint8_t)(i + 1);
    return 0;
}

static void cells(void **state)
{
    (void)state;
    np_track_config c = defaults();
    for (unsigned dir = 0; dir < 2; ++dir)
        for (uint8_t kind = 0; kind < LINUX_KINDS; ++kind) {
            const char *cell = table[dir][kind];
            for (uint8_t old = LINUX_SYN_SENT; old < LINUX_STATES;
                 ++old, cell += strcspn(cell, " "), cell += *cell == ' ')
                for (int closed_well = 0; closed_well < 2; ++closed_well) {
                    size_t n = strcspn(cell, " ");
                    bool reopen = n == 3 && cell[2] == '*', ignored = !strncmp(cell, "ign", 3);
                    bool invalid = !strncmp(cell, "inv", 3);
                    np_linux_flow f = flow_in(old);
                    if (closed_well) f.side[1].flags |= LINUX_CLOSE_INIT;
                    np_packet p = next_packet(dir, kind_flags[kind]);
                    np_track_answer a = np_track_linux.judge(&c, &f, &p, dir == 0, 0, NP_SECOND);
                    np_track_verdict want = invalid                 ? NP_TRACK_INVALID
                                            : reopen && closed_well ? NP_TRACK_REOPEN
                                            : ignored || reopen     ? NP_TRACK_PASS
                                                                    : NP_TRACK_RENEW;
                    uint8_t next = want == NP_TRACK_RENEW ? column_number(cell, n) : old;
                    if (a.verdict != want || (f.mark & NP_TRACK_STATE) != next)
                        fail_msg("%s, kind %u from %s: verdict %u, state %u; documented %.*s",
                                 dir ? "reply" : "original", kind, columns[old - 1], a.verdict,
                                 f.mark & NP_TRACK_STATE, (int)n, cell);
                    bool closing = next >= LINUX_FIN_WAIT && next <= LINUX_CLOSE;
                    if (want == NP_TRACK_RENEW) assert_int_equal(!!(a.mark & NP_TRACK_CLOSING), closing);
                }
            assert_int_equal(*cell, '\0');
        }
}

/* The first packet: all 256 flag bytes. */
static void first_packets(void **state)
{
    (void)state;
    np_track_config c = defaults();
    for (int loose = 0; loose < 2; ++loose)
        for (unsigned flags = 0; flags < 256; ++flags) {
            np_linux_flow f;
            np_packet p = next_packet(0, (uint8_t)flags);
            c.loose = loose;
            np_track_answer a = np_track_linux.start(&c, &f, &p, true, 0);
            unsigned kernel_minds = flags & ~(unsigned)(NP_PSH | NP_ECE | NP_CWR);
            bool syn = kernel_minds == NP_SYN || kernel_minds == (NP_SYN | NP_URG);
            bool ack = kernel_minds == NP_ACK || kernel_minds == (NP_ACK | NP_URG);
            assert_int_equal(a.verdict, syn || (ack && loose) ? NP_TRACK_RENEW : NP_TRACK_INVALID);
            if (syn) assert_int_equal(a.class, NP_TIMEOUT_TCP_SYN_SENT);
            if (ack && loose) assert_int_equal(timeout[a.class], 300 * NP_SECOND);
        }
}

/* Flags on an open flow: which combinations pass the first gate. */
static void flag_sanity(void **state)
{
    (void)state;
    static const uint8_t sane[] = {
        NP_SYN,          NP_SYN | NP_URG,          NP_SYN | NP_ACK, NP_RST,          NP_RST | NP_ACK,
        NP_FIN | NP_ACK, NP_FIN | NP_ACK | NP_URG, NP_ACK,          NP_ACK | NP_URG,
    };
    np_track_config c = defaults();
    for (unsigned flags = 0; flags < 256; ++flags) {
        bool expected = false;
        for (size_t i = 0; i < sizeof sane; ++i)
            expected |= sane[i] == (flags & ~(unsigned)(NP_PSH | NP_ECE | NP_CWR));
        /* from outside on an established flow, only a SYN is invalid for another reason */
        np_linux_flow f = flow_in(LINUX_ESTABLISHED);
        np_packet p = next_packet(1, (uint8_t)flags);
        np_track_answer a = np_track_linux.judge(&c, &f, &p, false, 0, NP_SECOND);
        bool bare_syn = (flags & (NP_SYN | NP_ACK | NP_RST)) == NP_SYN;
        assert_int_equal(a.verdict != NP_TRACK_INVALID, expected && !bare_syn);
    }
}

/* ---- windows ---- */

/* The four rules on numbers that do not wrap. */
static np_track_verdict plain_window(int64_t s_end, int64_t s_maxend, int64_t s_maxwin, int64_t r_end,
                                     int64_t r_maxwin, int64_t seq, int64_t len, int64_t ack)
{
    int64_t oldest_ack = r_end - (s_maxwin > 66000 ? s_maxwin : 66000);
    bool old_data = seq + len<s_end - r_maxwin, new_ack = ack> r_end, old_ack = ack < oldest_ack;
    if (seq > s_maxend) {
        bool slight = seq + len - s_maxend + 1 <= r_maxwin;
        return slight && !old_data && !new_ack && !old_ack ? NP_TRACK_PASS : NP_TRACK_INVALID;
    }
    if (new_ack) return NP_TRACK_INVALID;
    return old_data || old_ack ? NP_TRACK_PASS : NP_TRACK_RENEW;
}

static int64_t near(uint64_t *s, int64_t edge)
{
    return edge + (int64_t)below(s, 5) - 2;
}

static void windows(void **state)
{
    (void)state;
    np_track_config c = defaults();
    uint64_t s = seed;
    size_t met[NP_TRACK_DELETE + 1] = {0};
    for (int i = 0; i < 2000000; ++i) {
        int64_t base = (int64_t)1 << 40 | (int64_t)(draw(&s) & 0xffffffff); /* wraps anywhere */
        int64_t s_end = base, r_end = base + (int64_t)(draw(&s) & 0xffffff);
        int64_t s_maxwin = 1 + below(&s, below(&s, 2) ? 300 : 200000),
                r_maxwin = 1 + below(&s, below(&s, 2) ? 300 : 200000);
        int64_t s_maxend = s_end + below(&s, 400);
        int64_t len = below(&s, 3) ? below(&s, 300) : 0;
        int64_t seq_edges[] = {s_end, s_maxend, s_end - r_maxwin - len, s_maxend + r_maxwin - len - 1};
        int64_t ack_edges[] = {r_end, r_end, r_end - s_maxwin, r_end - 66000, r_end - 100};
        int64_t seq = near(&s, seq_edges[below(&s, 4)]), ack = near(&s, ack_edges[below(&s, 5)]);
        unsigned dir = below(&s, 2);

        np_linux_flow f = flow_in(LINUX_ESTABLISHED);
        f.side[dir] = (np_linux_side){
            .end = (uint32_t)s_end, .maxend = (uint32_t)s_maxend, .maxwin = (uint32_t)s_maxwin};
        f.side[!dir] =
            (np_linux_side){.end = (uint32_t)r_end, .maxend = (uint32_t)r_end, .maxwin = (uint32_t)r_maxwin};
        np_packet p = {.proto = NP_TCP,
                       .flags = NP_ACK,
                       .window = 100,
                       .seq = (uint32_t)seq,
                       .ack = (uint32_t)ack,
                       .payload = (uint16_t)len};
        np_linux_flow before = f;
        np_track_answer a = np_track_linux.judge(&c, &f, &p, dir == 0, 0, NP_SECOND);
        np_track_verdict want = plain_window(s_end, s_maxend, s_maxwin, r_end, r_maxwin, seq, len, ack);
        ++met[want];
        if (a.verdict != want)
            fail_msg("seed %llu, round %d: verdict %u, plain arithmetic says %u", (unsigned long long)seed, i,
                     a.verdict, want);
        if (want == NP_TRACK_RENEW) { /* what it learned */
            int64_t end = seq + len > s_end ? seq + len : s_end;
            assert_int_equal(f.side[dir].end, (uint32_t)end);
            assert_int_equal(f.side[dir].maxack, (uint32_t)ack);
            assert_int_equal(f.side[!dir].maxend, (uint32_t)(ack + 100 > r_end ? ack + 100 : r_end));
            assert_int_equal(f.side[!dir].maxwin,
                             (uint32_t)(seq + len > s_maxend ? r_maxwin + seq + len - s_maxend : r_maxwin));
        }
        if (want == NP_TRACK_INVALID) assert_memory_equal(&f, &before, sizeof f);

        c.be_liberal = true;
        a = np_track_linux.judge(&c, &before, &p, dir == 0, 0, NP_SECOND);
        assert_int_equal(a.verdict, NP_TRACK_RENEW);
        c.be_liberal = false;
    }
    assert_true(met[NP_TRACK_RENEW] > 100000 && met[NP_TRACK_PASS] > 100000 &&
                met[NP_TRACK_INVALID] > 100000);
}

/* ---- timeouts ---- */

/* Which of several reasons for a shorter timeout wins, with all timeouts told apart. */
static void caps(void **state)
{
    (void)state;
    enum { REPEATS = 1, UNACKED = 2, ZERO = 4, UNREPLIED = 8 };
    np_track_config c = defaults();
    timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED] = 250 * NP_SECOND;
    for (unsigned reasons = 0; reasons < 16; ++reasons)
        for (int established_long = 0; established_long < 2; ++established_long) {
            timeout[NP_TIMEOUT_TCP_ESTABLISHED] = (established_long ? 1000 : 200) * NP_SECOND;
            np_linux_flow f = flow_in(LINUX_ESTABLISHED);
            np_packet p = next_packet(0, NP_ACK);
            p.window = reasons & ZERO ? 0 : 1000;
            if (reasons & REPEATS) {
                f.last_seq = f.last_end = p.seq, f.last_ack = p.ack, f.last_window = p.window, f.retrans = 2;
            }
            if (reasons & UNACKED) p.payload = 10;
            if ((reasons & UNACKED) && (reasons & REPEATS)) f.last_end += 10;
            if (reasons & UNREPLIED) f.mark &= (uint8_t)~NP_TRACK_REPLIED;
            np_track_answer a = np_track_linux.judge(&c, &f, &p, true, 0, NP_SECOND);
            uint8_t want = reasons & REPEATS   ? NP_TIMEOUT_TCP_MAX_RETRANS
                           : reasons & UNACKED ? NP_TIMEOUT_TCP_UNACKNOWLEDGED
                           : reasons & ZERO    ? NP_TIMEOUT_TCP_MAX_RETRANS
                                               : NP_TIMEOUT_TCP_ESTABLISHED;
            if (reasons & UNREPLIED)
                want = NP_TIMEOUT_TCP_UNACKNOWLEDGED; /* 250 is below each of the others */
            if (!established_long) want = NP_TIMEOUT_TCP_ESTABLISHED;
            assert_int_equal(a.verdict, NP_TRACK_RENEW);
            assert_int_equal(a.class, want);
            assert_int_equal(!!(a.mark & NP_TRACK_ASSURED), !(reasons & UNREPLIED));
        }
}

/* The count of repeats is a byte, in the kernel too: after 256 of them three are free again. */
static void repeats_wrap(void **state)
{
    (void)state;
    np_track_config c = defaults();
    np_linux_flow f = flow_in(LINUX_ESTABLISHED);
    np_packet p = next_packet(0, NP_ACK);
    for (unsigned repeat = 0; repeat < 600; ++repeat) {
        np_track_answer a = np_track_linux.judge(&c, &f, &p, true, 0, NP_SECOND);
        assert_int_equal(a.class, repeat % 256 < 3 ? NP_TIMEOUT_TCP_ESTABLISHED : NP_TIMEOUT_TCP_MAX_RETRANS);
    }
}

/* An invalid FIN after the other side's invalid RST cuts what remains to five minutes, if more remains. */
static void cut(void **state)
{
    (void)state;
    np_track_config c = defaults();
    static const struct {
        int unacked, remaining;
        np_track_verdict want;
    } cases[] = {{300, 301, NP_TRACK_CUT},
                 {300, 300, NP_TRACK_INVALID},
                 {50, 119, NP_TRACK_INVALID},
                 {50, 120, NP_TRACK_CUT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (int assured = 0; assured < 2; ++assured) {
            timeout[NP_TIMEOUT_TCP_UNACKNOWLEDGED] = cases[i].unacked * NP_SECOND;
            np_linux_flow f = flow_in(LINUX_ESTABLISHED);
            if (assured) f.mark |= NP_TRACK_ASSURED;
            np_packet rst = next_packet(0, NP_RST | NP_ACK), fin = next_packet(1, NP_FIN | NP_ACK);
            rst.ack += 1000000;
            fin.ack += 1000000;
            np_track_answer a = np_track_linux.judge(&c, &f, &rst, true, 0, cases[i].remaining * NP_SECOND);
            assert_int_equal(a.verdict, NP_TRACK_INVALID);
            a = np_track_linux.judge(&c, &f, &fin, false, 0, cases[i].remaining * NP_SECOND);
            assert_int_equal(a.verdict, assured ? cases[i].want : NP_TRACK_INVALID);
            if (a.verdict == NP_TRACK_CUT) assert_int_equal(a.class, NP_TIMEOUT_TCP_UNACKNOWLEDGED);
        }
}

static void udp_stream_edge(void **state)
{
    (void)state;
    np_track_config c = defaults();
    np_packet p = {.proto = NP_UDP};
    for (np_time age = 2 * NP_SECOND - 1; age <= 2 * NP_SECOND + 1; ++age) {
        np_linux_flow f;
        np_time begin = -5 * NP_SECOND;
        assert_int_equal(np_track_linux.start(&c, &f, &p, true, begin).class, NP_TIMEOUT_UDP);
        assert_int_equal(np_track_linux.judge(&c, &f, &p, false, begin + 1, begin + 30).class,
                         NP_TIMEOUT_UDP);
        np_track_answer a = np_track_linux.judge(&c, &f, &p, true, begin + age, begin + 30 * NP_SECOND);
        assert_int_equal(a.class, age > 2 * NP_SECOND ? NP_TIMEOUT_UDP_STREAM : NP_TIMEOUT_UDP);
        assert_int_equal(!!(a.mark & NP_TRACK_ASSURED), age > 2 * NP_SECOND);
    }
}

static void other_protocols(void **state)
{
    (void)state;
    np_track_config c = defaults();
    np_packet p = {.proto = 47};
    np_linux_flow f;
    np_track_answer a = np_track_linux.start(&c, &f, &p, true, 0);
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(a.verdict, NP_TRACK_RENEW);
        assert_int_equal(a.class, NP_TIMEOUT_OTHER);
        assert_int_equal(a.mark, i ? NP_TRACK_REPLIED : 0);
        a = np_track_linux.judge(&c, &f, &p, false, 10 * NP_SECOND, 600 * NP_SECOND);
    }
}

/* ---- adoption ---- */

static void adoption(void **state)
{
    (void)state;
    np_track_config c = defaults();
    c.loose = false; /* it does not ask */
    for (unsigned flags = 0; flags < 256; ++flags)
        for (int outbound = 0; outbound < 2; ++outbound) {
            np_linux_flow f;
            np_packet p = next_packet(0, (uint8_t)flags);
            memset(&f, 0xa5, sizeof f);
            np_track_answer a = np_track_linux.adopt(&c, &f, &p, outbound, 0);
            assert_int_equal(a.verdict, NP_TRACK_RENEW);
            unsigned minds = flags & (NP_SYN | NP_ACK | NP_FIN | NP_RST | NP_URG);
            uint8_t want = flags & NP_RST                                     ? LINUX_CLOSE
                           : minds == NP_SYN || minds == (NP_SYN | NP_URG)    ? LINUX_SYN_SENT
                           : minds == (NP_SYN | NP_ACK)                       ? LINUX_SYN_RECV
                           : (minds & ~(unsigned)NP_URG) == (NP_FIN | NP_ACK) ? LINUX_FIN_WAIT
                                                                              : LINUX_ESTABLISHED;
            assert_int_equal(a.mark & NP_TRACK_STATE, want);
            bool answer = want == LINUX_SYN_RECV; /* the other side began */
            assert_int_equal(!!(a.mark & NP_TRACK_INBOUND), outbound == answer);
            assert_int_equal(!!(a.mark & NP_TRACK_REPLIED), answer);
        }

    /* a handshake of which the SYN was missed, with scaled windows */
    np_linux_flow f;
    np_packet p = {.proto = NP_TCP,
                   .flags = NP_SYN | NP_ACK,
                   .seq = 5000,
                   .ack = 1001,
                   .window = 65000,
                   .options = NP_OPTION_WSCALE | 7};
    np_track_linux.adopt(&c, &f, &p, false, 0);
    p = (np_packet){.proto = NP_TCP, .flags = NP_ACK, .seq = 1001, .ack = 5001, .window = 500};
    np_track_answer a = np_track_linux.judge(&c, &f, &p, true, 0, NP_MINUTE);
    assert_int_equal(a.verdict, NP_TRACK_RENEW);
    assert_int_equal(a.mark, LINUX_ESTABLISHED | NP_TRACK_REPLIED | NP_TRACK_ASSURED);
    p = (np_packet){
        .proto = NP_TCP, .flags = NP_ACK, .seq = 5001 + 40000, .ack = 1001, .window = 500, .payload = 1000};
    assert_int_equal(np_track_linux.judge(&c, &f, &p, false, 0, NP_MINUTE).verdict, NP_TRACK_RENEW);

    /* an echo's answer first */
    p = (np_packet){.proto = NP_ICMP, .flags = 0};
    a = np_track_linux.adopt(&c, &f, &p, false, 0);
    assert_int_equal(a.mark, NP_TRACK_REPLIED);
    p.flags = 1;
    assert_int_equal(np_track_linux.judge(&c, &f, &p, true, 0, NP_MINUTE).verdict, NP_TRACK_RENEW);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_handshake_to_close),
        cmocka_unit_test(script_resets),
        cmocka_unit_test(script_out_of_step),
        cmocka_unit_test(script_windows),
        cmocka_unit_test(script_caps),
        cmocka_unit_test(script_recorded),
        cmocka_unit_test(cells),
        cmocka_unit_test(first_packets),
        cmocka_unit_test(flag_sanity),
        cmocka_unit_test(windows),
        cmocka_unit_test(caps),
        cmocka_unit_test(repeats_wrap),
        cmocka_unit_test(cut),
        cmocka_unit_test(udp_stream_edge),
        cmocka_unit_test(other_protocols),
        cmocka_unit_test(adoption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
