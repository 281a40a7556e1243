/*
 * Replay against a naive model: random captures of a few flows through a small LRU box, compared row by row
 * and flow by flow. The model keeps one list, searches it from end to end and shares no code with the box.
 */
#include "../../sim/trace/sides.h"
#include "natpulse/replay.h"
#include "pcap_writer.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FLOWS   24
#define PACKETS 1500
#define BEGAN   (1700000000 * NP_SECOND)

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

/* ---- the model ---- */

typedef struct model_flow {
    /* what the capture shows */
    uint64_t packets;
    np_time last, longest;
    bool fin_out, fin_in, rst;
    /* the mapping */
    bool mapped, seen_out, seen_in;
    bool fresh; /* never mapped since its first packet or its last SYN */
    np_time used;
    /* the losses */
    int lost; /* 'e' evicted, 'x' expired, waiting for another packet */
    bool broken;
    uint32_t evicted, expired, packets_lost;
    np_time since, age;                  /* of the loss: the mapping's last use, and how old it was */
    bool spared[2][NP_REPLAY_INTERVALS]; /* by a heartbeat of that interval: at least, at most */
} model_flow;

typedef struct model {
    model_flow flow[FLOWS];
    const np_nat_config *nat;
    bool adopt_first, reopen;
    np_time slack; /* how much earlier a mapping may be taken for evicted */
    struct {
        np_time when, used;
    } evicted[PACKETS];
    int evictions;
} model;

static bool is_tcp(int f)
{
    return f % 3 != 2;
}

static bool ended(const model_flow *f)
{
    return f->rst || (f->fin_out && f->fin_in);
}

static np_time timeout_of(const model *m, int f)
{
    if (is_tcp(f)) return m->nat->timeout[NP_TIMEOUT_TCP_ESTABLISHED];
    bool both = m->flow[f].seen_in && m->flow[f].seen_out;
    return m->nat->timeout[both ? NP_TIMEOUT_UDP_STREAM : NP_TIMEOUT_UDP];
}

static void lose(model_flow *f, int how, np_time age)
{
    f->mapped = false;
    if (ended(f)) return;
    f->lost = how;
    f->since = f->used;
    f->age = age;
}

/* Whether a flow that had beaten every `every` since its last packet would have been there at `until`: every
   eviction in between is looked at. One of a mapping that was used after the flow's last beat would have
   taken the flow's instead. */
static bool is_spared(const model *m, const model_flow *f, np_time every, np_time until, np_time slack)
{
    if (every >= f->age) return false;
    for (int i = 0; i < m->evictions; i++) {
        np_time when = m->evicted[i].when, by = when - 1 - slack;
        if (when <= f->since || when > until) continue;
        np_time beat = by > f->since ? f->since + (by - f->since) / every * every : f->since;
        if (m->evicted[i].used >= beat) return false;
    }
    return true;
}

static void make(model *m, int f, bool out, np_time now)
{
    uint32_t used = 0;
    int oldest = -1;
    for (int i = 0; i < FLOWS; i++) {
        if (!m->flow[i].mapped) continue;
        used++;
        if (oldest < 0 || m->flow[i].used < m->flow[oldest].used) oldest = i;
    }
    if (used == m->nat->capacity) {
        m->evicted[m->evictions].when = now;
        m->evicted[m->evictions++].used = m->flow[oldest].used;
        lose(&m->flow[oldest], 'e', now - m->flow[oldest].used);
    }
    model_flow *x = &m->flow[f];
    x->mapped = true;
    x->seen_out = out, x->seen_in = !out;
    x->used = now;
    x->fresh = false;
}

/* What happens to a packet; the reason's name, with *verdict. */
static const char *model_packet(model *m, int n, bool out, uint8_t flags, np_time now, const char **verdict)
{
    model_flow *f = &m->flow[n];
    for (int i = 0; i < FLOWS; i++)
        if (m->flow[i].mapped && now - m->flow[i].used >= timeout_of(m, i))
            lose(&m->flow[i], 'x', timeout_of(m, i));
    if (f->packets && now - f->last > f->longest) f->longest = now - f->last;
    if (f->packets == 0) f->fresh = true;
    f->packets++;
    f->last = now;
    bool syn = is_tcp(n) && (flags & (NP_SYN | NP_ACK | NP_FIN | NP_RST)) == NP_SYN;
    if (syn) {
        f->fin_in = f->fin_out = f->rst = f->broken = false;
        f->lost = 0;
        if (!f->mapped) f->fresh = true;
    }

    const char *reason;
    *verdict = "forward";
    if (f->mapped) {
        reason = "mapped";
        f->used = now;
        if (out)
            f->seen_out = true;
        else
            f->seen_in = true;
    } else if (out && (syn || !is_tcp(n))) {
        make(m, n, out, now);
        reason = "created";
    } else if (f->fresh ? m->adopt_first && (f->packets == 1 || m->reopen) : m->reopen) {
        make(m, n, out, now);
        reason = "adopted";
    } else if (out && m->nat->unknown_outbound == NP_UNKNOWN_ADOPT && !(flags & NP_RST)) {
        make(m, n, out, now);
        reason = "adopted";
    } else {
        np_unknown rule = out ? m->nat->unknown_outbound : m->nat->unknown_inbound;
        *verdict = rule == NP_UNKNOWN_RESET && !(is_tcp(n) && (flags & NP_RST)) ? "reset" : "drop";
        reason = "no-mapping";
    }

    bool passed = strcmp(*verdict, "forward") == 0;
    if (f->lost) {
        if (f->lost == 'e')
            f->evicted++;
        else
            f->expired++;
        for (int k = 0; k < NP_REPLAY_INTERVALS; k++) {
            np_time every = np_replay_interval_s[k] * NP_SECOND;
            bool first = f->evicted + f->expired == 1;
            f->spared[0][k] = (first || f->spared[0][k]) && is_spared(m, f, every, now, m->slack);
            f->spared[1][k] = (first || f->spared[1][k]) && is_spared(m, f, every, now, 0);
        }
        f->packets_lost += m->reopen || !passed;
        f->broken = !passed;
        f->lost = 0;
    } else if (!passed) {
        f->packets_lost += f->broken && !ended(f);
    } else {
        f->broken = false;
    }
    if (is_tcp(n)) {
        f->rst |= !!(flags & NP_RST);
        if (flags & NP_FIN) *(out ? &f->fin_out : &f->fin_in) = true;
    }
    return reason;
}

/* ---- the comparison ---- */

static np_packet packet_of(int flow, bool out, uint8_t flags)
{
    np_addr in = np_addr_ipv4(0x0a000001 + (uint32_t)flow % 5),
            far = np_addr_ipv4(0xcb007101 + (uint32_t)flow % 2);
    uint16_t in_port = (uint16_t)(2000 + flow), far_port = 443;
    return (np_packet){.src = out ? in : far,
                       .dst = out ? far : in,
                       .sport = out ? in_port : far_port,
                       .dport = out ? far_port : in_port,
                       .proto = is_tcp(flow) ? NP_TCP : NP_UDP,
                       .family = 4,
                       .flags = is_tcp(flow) ? flags : 0};
}

static uint8_t any_flags(void)
{
    switch (any(16)) {
    case 0:
    case 1: return NP_SYN;
    case 2: return NP_SYN | NP_ACK;
    case 3: return NP_FIN | NP_ACK;
    case 4: return any(3) ? NP_ACK : NP_RST;
    default: return NP_ACK;
    }
}

/* Mostly short gaps, now and then one that lets some or all mappings expire. Never 0: no ties. `brief`: all
   in all less than the 262 s for which evictions are known to the millisecond, and in milliseconds. */
static np_time any_gap(bool brief)
{
    if (brief) return (1 + (np_time)any(200) + (any(100) == 0 ? (np_time)any(8000) : 0)) * NP_MILLISECOND;
    return 1 + (np_time)any(1000000000) + (any(40) == 0 ? (np_time)any(90) * NP_SECOND : 0);
}

static void expect_row(FILE *rows, uint64_t n, np_time when, bool out, const np_packet *p,
                       const char *verdict, const char *reason)
{
    char src[46], dst[46], expected[400], got[400];
    np_addr_format(src, sizeof src, &p->src, 4);
    np_addr_format(dst, sizeof dst, &p->dst, 4);
    int length = sprintf(expected, "%llu,%lld.%09lld,%s,%s,%s,%u,%s,%u,%s,%s,", (unsigned long long)n,
                         (long long)(when / NP_SECOND), (long long)(when % NP_SECOND), out ? "out" : "in",
                         p->proto == NP_TCP ? "tcp" : "udp", src, p->sport, dst, p->dport, verdict, reason);
    if (strcmp(verdict, "forward") == 0)
        sprintf(expected + length, "%s,%u,%s,%u\n", out ? "192.0.2.1" : src, p->sport, dst, p->dport);
    else
        strcpy(expected + length, ",,,\n");
    assert_non_null(fgets(got, sizeof got, rows));
    assert_string_equal(got, expected);
}

static void expect_flow_row(FILE *rows, const model_flow *f, int flow)
{
    char got[400], *at = got, *field[13];
    assert_non_null(fgets(got, sizeof got, rows));
    for (int i = 0; i < 13; i++) field[i] = strsep(&at, ",");
    assert_null(at);
    assert_int_equal(atoi(field[2]), 2000 + flow);
    assert_int_equal(atoi(field[7]), f->packets);
    assert_int_equal(atoi(field[8]), f->packets * (is_tcp(flow) ? 40 : 28));
    char longest[40];
    sprintf(longest, "%lld.%09lld", (long long)(f->longest / NP_SECOND), (long long)(f->longest % NP_SECOND));
    assert_string_equal(field[9], longest);
    assert_int_equal(atoi(field[10]), f->evicted);
    assert_int_equal(atoi(field[11]), f->expired);
    assert_int_equal(atoi(field[12]), f->packets_lost);
}

/* Of all rounds. */
static uint64_t hurt_all, spared_all[NP_REPLAY_INTERVALS];

static void expect_sums(const np_replay_summary *s, const model *m)
{
    uint64_t hurt = 0, evicted = 0, expired = 0, packets = 0;
    for (int i = 0; i < FLOWS; i++) {
        const model_flow *f = &m->flow[i];
        hurt += f->evicted + f->expired > 0;
        evicted += f->evicted;
        expired += f->expired;
        packets += f->packets_lost;
    }
    assert_int_equal(s->flows_hurt, hurt);
    assert_int_equal(s->losses_evicted, evicted);
    assert_int_equal(s->losses_expired, expired);
    assert_int_equal(s->packets_hurt, packets);
    for (int k = 0; k < NP_REPLAY_INTERVALS; k++) {
        uint64_t least = 0, most = 0;
        for (int i = 0; i < FLOWS; i++) {
            bool is_hurt = m->flow[i].evicted + m->flow[i].expired > 0;
            least += is_hurt && m->flow[i].spared[0][k];
            most += is_hurt && m->flow[i].spared[1][k];
        }
        assert_in_range(s->saved_by[k], least, most);
        spared_all[k] += s->saved_by[k];
    }
    hurt_all += hurt;
}

static void one_capture(const np_nat_config *nat, np_adopt adopt, np_after_loss after, bool brief)
{
    static struct {
        int flow;
        bool out;
        uint8_t flags;
        np_time when;
    } packet[PACKETS];
    char *path;
    FILE *f = temporary(&path);
    np_time now = BEGAN;
    int order[FLOWS], flows = 0;
    bool known[FLOWS] = {false};
    write_head(f, LINKTYPE_RAW);
    for (int i = 0; i < PACKETS; i++) {
        int flow = (int)(any(3) ? any(FLOWS / 4) : any(FLOWS));
        now += any_gap(brief);
        packet[i].flow = flow, packet[i].out = any(2), packet[i].flags = any_flags(), packet[i].when = now;
        np_packet p = packet_of(flow, packet[i].out, packet[i].flags);
        write_packet(f, now, &p);
        if (!known[flow]) order[flows++] = flow;
        known[flow] = true;
    }
    fclose(f);

    np_error e;
    np_replay_summary sum;
    FILE *rows = tmpfile(), *flow_rows = tmpfile();
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_non_null(c);
    np_replay_config config = {
        .nat = nat, .adopt = adopt, .after_loss = after, .verdicts = rows, .flows = flow_rows};
    assert_true(np_replay_run(c, &config, NULL, &sum, &e));
    np_capture_close(c);
    unlink(path);
    free(path);

    static model m;
    m = (model){.nat = nat,
                .adopt_first = adopt == NP_ADOPT_FIRST,
                .reopen = after == NP_AFTER_LOSS_REOPEN,
                .slack = brief ? 0 : NP_MILLISECOND};
    while (m.slack && (sum.last - sum.first) / m.slack >= 1 << 18) m.slack *= 2;
    char head[400];
    uint64_t reasons[NP_REASON_COUNT] = {0};
    rewind(rows);
    rewind(flow_rows);
    assert_non_null(fgets(head, sizeof head, rows));
    assert_string_equal(
        head, "n,time,dir,proto,src,sport,dst,dport,verdict,reason,out_src,out_sport,out_dst,out_dport\n");
    for (int i = 0; i < PACKETS; i++) {
        const char *verdict;
        const char *reason =
            model_packet(&m, packet[i].flow, packet[i].out, packet[i].flags, packet[i].when, &verdict);
        np_packet p = packet_of(packet[i].flow, packet[i].out, packet[i].flags);
        expect_row(rows, (uint64_t)i, packet[i].when, packet[i].out, &p, verdict, reason);
        for (int k = 0; k < NP_REASON_COUNT; k++)
            reasons[k] += strcmp(np_reason_name((np_reason)k), reason) == 0;
    }
    assert_memory_equal(sum.by_reason, reasons, sizeof reasons);
    assert_null(fgets(head, sizeof head, rows));
    assert_non_null(fgets(head, sizeof head, flow_rows));
    for (int i = 0; i < flows; i++) expect_flow_row(flow_rows, &m.flow[order[i]], order[i]);
    assert_null(fgets(head, sizeof head, flow_rows));
    assert_int_equal(sum.flows, flows);
    expect_sums(&sum, &m);
    fclose(rows);
    fclose(flow_rows);
}

static void test_naive_lru(void **state)
{
    (void)state;
    for (int i = 0; i < 72; i++) {
        np_nat_config nat;
        np_nat_defaults(&nat);
        nat.capacity = 1 + any(12);
        nat.ports.first = np_addr_ipv4(0xc0000201);
        nat.timeout[NP_TIMEOUT_TCP_ESTABLISHED] = 60 * NP_SECOND;
        nat.timeout[NP_TIMEOUT_UDP] = 10 * NP_SECOND;
        nat.timeout[NP_TIMEOUT_UDP_STREAM] = 30 * NP_SECOND;
        nat.unknown_outbound = (np_unknown)(i % 3);
        nat.unknown_inbound = i % 2 ? NP_UNKNOWN_DROP : NP_UNKNOWN_RESET;
        one_capture(&nat, i / 3 % 2 ? NP_ADOPT_FIRST : NP_ADOPT_NEVER,
                    i / 6 % 2 ? NP_AFTER_LOSS_REOPEN : NP_AFTER_LOSS_DEAD, i / 12 % 2);
    }
    print_message("of %llu hurt flows a beat every 5, 10, 15, 20, 30 s spares %llu, %llu, %llu, %llu, %llu\n",
                  (unsigned long long)hurt_all, (unsigned long long)spared_all[0],
                  (unsigned long long)spared_all[1], (unsigned long long)spared_all[2],
                  (unsigned long long)spared_all[3], (unsigned long long)spared_all[4]);
    assert_true(spared_all[0] > 30 && spared_all[0] < hurt_all && spared_all[2] > 0 &&
                spared_all[2] < spared_all[0]);
}

/* ---- heartbeats that are really sent ---- */

#define SPEAKERS 60
#define SPOKEN   4000

typedef struct word {
    np_time when;
    int flow;
} word;

static int by_when(const void *a, const void *b)
{
    const word *x = a, *y = b;
    return x->when != y->when ? (x->when > y->when) - (x->when < y->when) : x->flow - y->flow;
}

/* The words as a capture of UDP flows through a small box: which of them are hurt, and how many a beat would
   have spared. */
static void speak(word *w, int n, uint32_t capacity, bool *hurt, np_replay_summary *s)
{
    char *path, row[400];
    np_error e = {0};
    np_nat_config nat;
    FILE *f = temporary(&path), *rows = tmpfile();
    write_head(f, LINKTYPE_RAW);
    qsort(w, (size_t)n, sizeof *w, by_when);
    for (int i = 0; i < n; i++) {
        np_packet p = packet_of(3 * w[i].flow + 2, true, 0);
        write_packet(f, BEGAN + w[i].when, &p);
    }
    fclose(f);
    np_nat_defaults(&nat);
    nat.capacity = capacity;
    nat.timeout[NP_TIMEOUT_UDP] = nat.timeout[NP_TIMEOUT_UDP_STREAM] = 25 * NP_SECOND;
    np_replay_config config = {.nat = &nat, .flows = rows};
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_non_null(c);
    assert_true(np_replay_run(c, &config, NULL, s, &e));
    np_capture_close(c);
    unlink(path);
    free(path);
    rewind(rows);
    assert_non_null(fgets(row, sizeof row, rows));
    while (fgets(row, sizeof row, rows)) {
        char *at = row, *field[13];
        for (int i = 0; i < 13; i++) field[i] = strsep(&at, ",");
        hurt[(atoi(field[2]) - 2000) / 3] = atoi(field[10]) + atoi(field[11]) > 0;
    }
    fclose(rows);
}

/* What the heartbeats of one flow would have spared it is what they do spare it when they are put into the
   capture, but for the place that it then takes from others: one of some fifty, which may cost a tenth. Short
   pauses, long ones, and now and then a burst of flows that are never heard of again, so that how long the
   table remembers changes all the time. */
static void test_beats_sent(void **state)
{
    (void)state;
    enum { TRIED = 4 };
    uint64_t said[TRIED] = {0}, done[TRIED] = {0}, all = 0;
    for (int round = 0; round < 6; round++) {
        static word plain[SPOKEN], beaten[3 * SPOKEN];
        static np_replay_summary s, with;
        bool hurt[SPOKEN + SPEAKERS] = {false}, still[SPOKEN + SPEAKERS] = {false};
        uint32_t capacity = 40 + any(50);
        int n = 0, strangers = SPEAKERS;
        for (int i = 0; i < SPEAKERS; i++)
            for (np_time t = any(30000) * NP_MILLISECOND; t < 240 * NP_SECOND && n < SPOKEN / 2;
                 t += (any(4) ? any(4000) : any(60000)) * NP_MILLISECOND + 1 + any(1000))
                plain[n++] = (word){t, i};
        for (np_time t = 0; t < 240 * NP_SECOND && n < SPOKEN - 30; t += (5000 + any(30000)) * NP_MILLISECOND)
            for (uint32_t burst = any(30); burst > 0; burst--)
                plain[n++] = (word){t + any(2000000000), strangers++};
        speak(plain, n, capacity, hurt, &s);
        for (int i = 0; i < SPEAKERS; i++) all += hurt[i];
        for (int k = 0; k < TRIED; k++) {
            np_time every = np_replay_interval_s[k] * NP_SECOND;
            said[k] += s.saved_by[k];
            for (int i = 0; i < SPEAKERS; i++) {
                if (!hurt[i]) continue;
                int beats = n;
                memcpy(beaten, plain, (size_t)n * sizeof *plain);
                np_time last = -1;
                for (int j = 0; j < n; j++) {
                    if (plain[j].flow != i) continue;
                    for (np_time t = last + every; last >= 0 && t < plain[j].when; t += every)
                        beaten[beats++] = (word){t, i};
                    last = plain[j].when;
                }
                speak(beaten, beats, capacity, still, &with);
                done[k] += !still[i];
            }
        }
    }
    for (int k = 0; k < TRIED; k++) {
        print_message("of %llu hurt flows a beat every %u s is said to spare %llu and spares %llu\n",
                      (unsigned long long)all, np_replay_interval_s[k], (unsigned long long)said[k],
                      (unsigned long long)done[k]);
        uint64_t more = said[k] > done[k] ? said[k] - done[k] : 0,
                 less = done[k] > said[k] ? done[k] - said[k] : 0;
        assert_in_range(more, 0, all / 10);
        assert_in_range(less, 0, all / 10);
    }
    assert_true(done[0] > 0 && done[0] > done[2]);
}

/* ---- directions ---- */

static void test_prefixes(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0/8",
                                      "10.0.0.0/8x",
                                      "10.0.0.0/-1",
                                      "fd00::/129",
                                      "10.0.0.0/1000",
                                      "10.0.0.0 /8",
                                      "x"};
    np_cidr c;
    np_addr a;
    int family;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(np_cidr_parse(bad[i], &c));
    static const struct {
        const char *prefix, *address;
        bool in;
    } table[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.3/8", "10.200.0.1", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"100.64.0.0/10", "100.127.0.1", true},
        {"100.64.0.0/10", "100.128.0.1", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe80::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_true(np_cidr_parse(table[i].prefix, &c));
        assert_true(np_addr_parse(table[i].address, &a, &family));
        assert_int_equal(np_cidr_contains(&c, &a, family), table[i].in);
    }
    /* Of every length: the bits before it count, the others do not. */
    for (int v6 = 0; v6 < 2; v6++)
        for (uint32_t bits = 0; bits <= (v6 ? 128u : 32u); bits++) {
            char text[60];
            snprintf(text, sizeof text, v6 ? "fd12:3456:789a:bcde:f012:3456:789a:bcde/%u" : "10.203.77.5/%u",
                     bits);
            assert_true(np_cidr_parse(text, &c));
            text[strcspn(text, "/")] = '\0';
            assert_true(np_addr_parse(text, &a, &family));
            for (uint32_t flipped = 0; flipped < (v6 ? 128u : 32u); flipped++) {
                np_addr other = a;
                other.byte[flipped / 8] ^= (uint8_t)(0x80u >> flipped % 8);
                assert_int_equal(np_cidr_contains(&c, &other, family), flipped >= bits);
            }
        }
}

/* ---- a capture from the outside ---- */

static void send(FILE *f, np_time when, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
    np_packet p = {.src = np_addr_ipv4(src),
                   .dst = np_addr_ipv4(dst),
                   .sport = sport,
                   .dport = dport,
                   .proto = NP_UDP,
                   .family = 4};
    write_packet(f, BEGAN + when, &p);
}

/* A mapping times out; what then comes to its outside port is that flow's loss, until it speaks again. */
static void test_public(void **state)
{
    (void)state;
    enum { CLIENT = 0x0a000001, NAT = 0x64400001, SERVER = 0xcb007101, STRANGER = 0xcb007109 };
    char *path;
    FILE *f = temporary(&path), *rows = tmpfile(), *flows = tmpfile();
    write_head(f, LINKTYPE_RAW);
    send(f, 0, CLIENT, 5000, SERVER, 53);
    send(f, 1 * NP_SECOND, SERVER, 53, NAT, 5000);     /* translated */
    send(f, 2 * NP_SECOND, STRANGER, 1, NAT, 5000);    /* nobody's */
    send(f, 90 * NP_SECOND, SERVER, 53, NAT, 5000);    /* lost */
    send(f, 91 * NP_SECOND, SERVER, 53, NAT, 5000);    /* lost */
    send(f, 92 * NP_SECOND, CLIENT, 5000, SERVER, 53); /* healed */
    send(f, 93 * NP_SECOND, SERVER, 53, NAT, 5000);
    send(f, 94 * NP_SECOND, CLIENT, 5000, 0xe00000fb, 53); /* multicast: local */
    send(f, 94 * NP_SECOND, CLIENT, 5000, CLIENT + 1, 53); /* local */
    send(f, 94 * NP_SECOND, NAT, 5000, SERVER, 53);        /* left the box already */
    fclose(f);
    np_error e;
    np_replay_summary s;
    np_nat_config nat;
    np_nat_defaults(&nat);
    np_replay_config config = {.nat = &nat,
                               .has_public = true,
                               .public_address = np_addr_ipv4(NAT),
                               .verdicts = rows,
                               .flows = flows};
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_non_null(c);
    assert_true(np_replay_run(c, &config, NULL, &s, &e));
    np_capture_close(c);
    unlink(path);
    free(path);
    assert_int_equal(s.outbound, 2);
    assert_int_equal(s.inbound, 5);
    assert_int_equal(s.local, 2);
    assert_int_equal(s.elsewhere, 1);
    assert_int_equal(s.flows, 1);
    assert_int_equal(s.flows_hurt, 1);
    assert_int_equal(s.losses_expired, 1);
    assert_int_equal(s.packets_hurt, 2);
    assert_int_equal(s.dropped + s.reset, 3);
    assert_int_equal(s.forwarded, 4);
    char row[400];
    rewind(rows);
    for (int i = 0; i < 3; i++) assert_non_null(fgets(row, sizeof row, rows));
    assert_string_equal(
        row, "1,1700000001.000000000,in,udp,203.0.113.1,53,100.64.0.1,5000,forward,mapped,203.0.113.1,53,"
             "10.0.0.1,5000\n");
    rewind(flows);
    for (int i = 0; i < 2; i++) assert_non_null(fgets(row, sizeof row, flows));
    assert_string_equal(row,
                        "udp,10.0.0.1,5000,203.0.113.1,53,1700000000.000000000,1700000093.000000000,6,168,"
                        "89.000000000,0,1,2\n");
    fclose(rows);
    fclose(flows);
}

/* More flows and more lost mappings than the first room for either: each keeps what is its own. */
static void test_many(void **state)
{
    (void)state;
    enum { FLOWS_HERE = 9000, PLACES = 16, CLIENT = 0x0a000001, NAT = 0xc0000201, SERVER = 0xcb007101 };
    char *path;
    FILE *f = temporary(&path);
    np_time now = 0;
    write_head(f, LINKTYPE_RAW);
    for (uint16_t i = 0; i < FLOWS_HERE; i++) send(f, ++now, CLIENT, (uint16_t)(2000 + i), SERVER, 53);
    /* The youngest first, which are still there; none of these makes a mapping. */
    for (uint16_t i = FLOWS_HERE; i-- > 0;) send(f, ++now, SERVER, 53, NAT, (uint16_t)(2000 + i));
    fclose(f);
    np_error e;
    np_replay_summary s;
    np_nat_config nat;
    np_nat_defaults(&nat);
    nat.capacity = PLACES;
    np_replay_config config = {.nat = &nat, .has_public = true, .public_address = np_addr_ipv4(NAT)};
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_non_null(c);
    assert_true(np_replay_run(c, &config, NULL, &s, &e));
    np_capture_close(c);
    unlink(path);
    free(path);
    assert_int_equal(s.flows, FLOWS_HERE);
    assert_int_equal(s.flows_hurt, FLOWS_HERE - PLACES);
    assert_int_equal(s.losses_evicted, FLOWS_HERE - PLACES);
    assert_int_equal(s.packets_hurt, FLOWS_HERE - PLACES);
    assert_int_equal(s.forwarded, FLOWS_HERE + PLACES);
    assert_int_equal(s.entries_peak, PLACES);
}

/* ---- ICMP errors ---- */

/* An ICMP error "port unreachable" from `router` to `to`, about a UDP packet that went from `src` to `dst`.
 */
static void send_error(FILE *f, np_time when, uint32_t router, uint32_t to, uint32_t src, uint16_t sport,
                       uint32_t dst, uint16_t dport)
{
    uint8_t b[56] = {0x45, 0, 0, 56};
    np_addr a[4] = {np_addr_ipv4(router), np_addr_ipv4(to), np_addr_ipv4(src), np_addr_ipv4(dst)};
    b[8] = 64, b[9] = NP_ICMP, b[20] = 3, b[21] = 3;
    memcpy(b + 12, a[0].byte, 4), memcpy(b + 16, a[1].byte, 4);
    b[28] = 0x45, b[31] = 28, b[36] = 60, b[37] = NP_UDP;
    memcpy(b + 40, a[2].byte, 4), memcpy(b + 44, a[3].byte, 4);
    b[48] = (uint8_t)(sport >> 8), b[49] = (uint8_t)sport, b[50] = (uint8_t)(dport >> 8),
    b[51] = (uint8_t)dport;
    const uint32_t head[4] = {(uint32_t)((BEGAN + when) / NP_SECOND), (uint32_t)((BEGAN + when) % NP_SECOND),
                              56, 56};
    fwrite(head, sizeof head, 1, f);
    fwrite(b, sizeof b, 1, f);
}

/* An error belongs to the mapping of the packet it quotes, and neither makes one nor renews it. */
static void test_icmp_errors(void **state)
{
    (void)state;
    enum { CLIENT = 0x0a000001, NAT = 0xc0000201, SERVER = 0xcb007101, ROUTER = 0xcb0071fe };
    char *path, row[400];
    FILE *f = temporary(&path), *rows = tmpfile();
    write_head(f, LINKTYPE_RAW);
    send(f, 0, CLIENT, 5000, SERVER, 53);
    send_error(f, 20 * NP_SECOND, ROUTER, NAT, NAT, 5000, SERVER, 53); /* translated */
    send_error(f, 21 * NP_SECOND, ROUTER, CLIENT, CLIENT, 5000, SERVER,
               53);                                                    /* the same as seen on the inside */
    send_error(f, 22 * NP_SECOND, ROUTER, NAT, NAT, 5001, SERVER, 53); /* nobody's */
    send_error(f, 23 * NP_SECOND, CLIENT, SERVER, SERVER, 53, CLIENT, 5000); /* outbound */
    send_error(f, 40 * NP_SECOND, ROUTER, NAT, NAT, 5000, SERVER,
               53); /* timed out: none of these renewed it */
    fclose(f);
    np_error e;
    static np_replay_summary s;
    np_nat_config nat;
    np_nat_defaults(&nat);
    np_replay_config config = {
        .nat = &nat, .has_public = true, .public_address = np_addr_ipv4(NAT), .verdicts = rows};
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_non_null(c);
    assert_true(np_replay_run(c, &config, NULL, &s, &e));
    np_capture_close(c);
    unlink(path);
    free(path);
    assert_int_equal(s.errors, 5);
    assert_int_equal(s.flows, 1);
    assert_int_equal(s.flows_hurt, 0);
    assert_int_equal(s.box.expiries, 1);
    static const char *const expected[] = {
        "1,1700000020.000000000,in,icmp,203.0.113.254,0,192.0.2.1,0,forward,mapped,203.0.113.254,0,10.0.0.1,"
        "0\n",
        "2,1700000021.000000000,in,icmp,203.0.113.254,0,10.0.0.1,0,forward,mapped,203.0.113.254,0,10.0.0.1,"
        "0\n",
        "3,1700000022.000000000,in,icmp,203.0.113.254,0,192.0.2.1,0,drop,no-mapping,,,,\n",
        "4,1700000023.000000000,out,icmp,10.0.0.1,0,203.0.113.1,0,forward,mapped,192.0.2.1,0,203.0.113.1,0\n",
        "5,1700000040.000000000,in,icmp,203.0.113.254,0,192.0.2.1,0,drop,no-mapping,,,,\n",
    };
    rewind(rows);
    for (int i = 0; i < 2; i++) assert_non_null(fgets(row, sizeof row, rows));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_non_null(fgets(row, sizeof row, rows));
        assert_string_equal(row, expected[i]);
    }
    fclose(rows);
}

/* ---- several boxes at once ---- */

static char *any_capture(uint32_t flows, uint32_t packets)
{
    char *path;
    FILE *f = temporary(&path);
    np_time now = 0;
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < packets; i++) {
        int flow = (int)(any(3) ? any(flows / 4 + 1) : any(flows));
        np_packet p = packet_of(flow, any(2), any_flags());
        write_packet(f, BEGAN + (now += any_gap(false)), &p);
    }
    fclose(f);
    return path;
}

static void run_boxes(const char *path, const np_nat_config *nat, uint32_t boxes, np_closed closed,
                      np_replay_summary *s)
{
    np_error e = {0};
    np_replay_config config = {.nat = nat, .boxes = boxes, .closed = closed};
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_non_null(c);
    if (!np_replay_run(c, &config, NULL, s, &e)) fail_msg("%s", e.text);
    np_capture_close(c);
}

/* Boxes that share a reading do what they do alone. */
static void test_compared(void **state)
{
    (void)state;
    static const char *const policy[] = {"lru", "fifo", "random", "belady", "refuse"};
    enum { BOXES = sizeof policy / sizeof *policy };
    for (int round = 0; round < 12; round++) {
        static np_replay_summary together[BOXES], alone;
        np_nat_config nat[BOXES];
        char *path = any_capture(60, 3000);
        for (int i = 0; i < BOXES; i++) {
            np_nat_defaults(&nat[i]);
            nat[i].evict = policy[i];
            nat[i].capacity = 1 + any(60);
            nat[i].timeout[NP_TIMEOUT_TCP_ESTABLISHED] = (np_time)(1 + any(100)) * NP_SECOND;
        }
        np_closed closed = (np_closed)(round % 2);
        run_boxes(path, nat, BOXES, closed, together);
        for (int i = 0; i < BOXES; i++) {
            run_boxes(path, &nat[i], 1, closed, &alone);
            assert_memory_equal(&alone, &together[i], sizeof alone);
            uint64_t evicted = 0, expired = 0, packets = 0;
            for (uint32_t b = 0; b < alone.bins; b++) {
                evicted += alone.bin[b].evicted;
                expired += alone.bin[b].expired;
                packets += alone.bin[b].packets_hurt;
            }
            assert_int_equal(evicted, alone.losses_evicted);
            assert_int_equal(expired, alone.losses_expired);
            assert_int_equal(packets, alone.packets_hurt);
        }
        unlink(path);
        free(path);
    }
}

/* A packet of a flow; `counts`: that its mapping is lost then is a loss. */
typedef struct need {
    int flow;
    bool counts;
} need;

/* The fewest losses that any choice of victims gives: tries them all. */
static uint32_t fewest_losses(const need *n, uint32_t packets, uint32_t capacity, uint32_t held)
{
    if (packets == 0) return 0;
    uint32_t bit = 1u << n->flow, loss = n->counts && !(held & bit), least = UINT32_MAX;
    if (held & bit || (uint32_t)__builtin_popcount(held) < capacity)
        return loss + fewest_losses(n + 1, packets - 1, capacity, held | bit);
    for (uint32_t victims = held; victims; victims &= victims - 1) {
        uint32_t rest = fewest_losses(n + 1, packets - 1, capacity, (held & ~(victims & -victims)) | bit);
        if (rest < least) least = rest;
    }
    return loss + least;
}

static void test_belady(void **state)
{
    (void)state;
    enum { SHORT = 13, FEW = 5 };
    for (int round = 0; round < 300; round++) {
        static np_replay_summary s[3];
        need n[SHORT];
        bool known[FEW] = {false}, fin[FEW][2] = {{false}}, reset[FEW] = {false};
        char *path;
        FILE *f = temporary(&path);
        write_head(f, LINKTYPE_RAW);
        for (int i = 0; i < SHORT; i++) {
            static const uint8_t some[] = {NP_ACK, NP_ACK, NP_ACK, NP_SYN, NP_FIN | NP_ACK, NP_RST};
            int x = (int)any(FEW), id = x < 2 ? 3 * x + 2 : 3 * x; /* two are UDP */
            bool out = any(2);
            uint8_t flags = some[any(6)];
            np_packet p = packet_of(id, out, flags);
            if (!is_tcp(id)) flags = 0;
            if (flags == NP_SYN) fin[x][0] = fin[x][1] = reset[x] = false;
            n[i] = (need){x, known[x] && flags != NP_SYN && !reset[x] && !(fin[x][0] && fin[x][1])};
            known[x] = true;
            reset[x] |= flags == NP_RST;
            if (flags & NP_FIN) fin[x][out] = true;
            write_packet(f, BEGAN + i * NP_SECOND, &p);
        }
        fclose(f);
        np_nat_config nat[3];
        for (int i = 0; i < 3; i++) {
            np_nat_defaults(&nat[i]);
            nat[i].evict = i == 0 ? "belady" : i == 1 ? "lru" : "fifo";
            nat[i].capacity = 2 + (uint32_t)round % 2;
        }
        run_boxes(path, nat, 3, NP_CLOSED_KEEP, s);
        assert_int_equal(s[0].packets_hurt, fewest_losses(n, SHORT, nat[0].capacity, 0));
        assert_true(s[0].packets_hurt <= s[1].packets_hurt && s[0].packets_hurt <= s[2].packets_hurt);
        unlink(path);
        free(path);
    }
    /* It needs the capture twice. */
    np_error e = {0};
    int end[2], before = dup(STDIN_FILENO);
    assert_int_equal(pipe(end), 0);
    char *path = any_capture(5, 20), buffer[4000];
    FILE *f = fopen(path, "rb");
    size_t n = fread(buffer, 1, sizeof buffer, f);
    fclose(f);
    assert_int_equal(write(end[1], buffer, n), n);
    close(end[1]);
    dup2(end[0], STDIN_FILENO);
    close(end[0]);
    static np_replay_summary s;
    np_nat_config nat;
    np_nat_defaults(&nat);
    nat.evict = "belady";
    np_replay_config config = {.nat = &nat};
    np_capture *c = np_capture_open((const char *[]){"-"}, 1, NULL, &e);
    assert_non_null(c);
    assert_false(np_replay_run(c, &config, NULL, &s, &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    assert_non_null(strstr(e.text, "standard input: its packets are needed twice"));
    np_capture_close(c);
    dup2(before, STDIN_FILENO);
    close(before);
    unlink(path);
    free(path);
}

/* ---- sums ---- */

/* Ports, the price of heartbeats and bins of time, of a capture small enough to count by hand. */
static void test_sums(void **state)
{
    (void)state;
    enum { CLIENT = 0x0a000001, SERVER = 0xcb007101 };
    char *path;
    static np_replay_summary s;
    np_nat_config nat;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    send(f, 0, CLIENT, 5000, SERVER, 53);
    send(f, 1 * NP_SECOND, CLIENT, 5001, SERVER, 53);
    send(f, 2 * NP_SECOND, CLIENT, 5002, SERVER, 123);
    send(f, 10 * NP_SECOND, SERVER, 53, CLIENT, 5000); /* idle for 10 s: one beat of 5 s, none of 10 s */
    send(f, 41 * NP_SECOND, SERVER, 53, CLIENT,
         5000); /* 31 s: 6, 3, 2, 1, 1; and it has timed out after 30 s */
    fclose(f);
    np_nat_defaults(&nat);
    run_boxes(path, &nat, 1, NP_CLOSED_KEEP, &s);
    unlink(path);
    free(path);
    static const uint64_t costs[NP_REPLAY_INTERVALS] = {2 * 7, 2 * 3, 2 * 2, 2 * 1, 2 * 1};
    assert_memory_equal(s.saving_costs, costs, sizeof costs);
    assert_int_equal(s.services, 2);
    assert_int_equal(s.services_all, 2);
    const np_replay_service dns = {2, 1, 4, 1, 53, NP_UDP}, ntp = {1, 0, 1, 0, 123, NP_UDP};
    assert_int_equal(s.service[0].port, dns.port);
    assert_int_equal(s.service[0].flows, dns.flows);
    assert_int_equal(s.service[0].flows_hurt, dns.flows_hurt);
    assert_int_equal(s.service[0].packets, dns.packets);
    assert_int_equal(s.service[0].packets_hurt, dns.packets_hurt);
    assert_int_equal(s.service[1].port, ntp.port);
    assert_int_equal(s.service[1].flows_hurt, ntp.flows_hurt);
    uint64_t expired = 0;
    uint32_t most = 0;
    for (uint32_t b = 0; b < s.bins; b++) {
        expired += s.bin[b].expired;
        if (s.bin[b].entries > most) most = s.bin[b].entries;
    }
    assert_in_range(s.bins, NP_REPLAY_BINS / 2, NP_REPLAY_BINS);
    assert_true((np_time)s.bins * s.bin_width > 41 * NP_SECOND &&
                (np_time)(s.bins - 1) * s.bin_width <= 41 * NP_SECOND);
    assert_int_equal(s.bin[s.bins - 1].expired, 1);
    assert_int_equal(expired, 1);
    assert_int_equal(most, 3);
}

/* Which way a packet goes, by prefixes of any length, against the prefixes one by one. */
static void test_sides(void **state)
{
    (void)state;
    uint32_t out = 0, in = 0;
    for (int round = 0; round < 300; round++) {
        np_cidr prefix[6];
        np_sides sides;
        np_error e = {0};
        uint32_t n = 1 + any(6);
        for (uint32_t i = 0; i < n; i++) {
            char text[40];
            snprintf(text, sizeof text, "%u.%u.%u.%u/%u", any(224), any(256), any(256), any(256), any(33));
            assert_true(np_cidr_parse(text, &prefix[i]));
        }
        assert_true(np_sides_init(&sides, prefix, n, &e));
        for (int k = 0; k < 200; k++) {
            np_addr a[2];
            bool inside[2] = {false, false};
            for (int side = 0; side < 2; side++) {
                /* Half of them near a prefix; none that stays on its link. */
                uint32_t near = np_addr_to_ipv4(&prefix[any(n)].addr) ^ (1u << any(32));
                do a[side] = np_addr_ipv4(any(2) ? near : any(1u << 16) << 16 | any(1u << 16)), near += 77777;
                while (a[side].byte[0] >= 224 || a[side].byte[0] == 169 || a[side].byte[0] == 0);
                for (uint32_t i = 0; i < n; i++) inside[side] |= np_cidr_contains(&prefix[i], &a[side], 4);
            }
            np_way way = np_sides_way(&sides, &(np_packet){.family = 4, .src = a[0], .dst = a[1]});
            np_way expected = inside[0] && inside[1] ? NP_WAY_LOCAL
                              : inside[0]            ? NP_WAY_OUT
                              : inside[1]            ? NP_WAY_IN
                                                     : NP_WAY_ELSEWHERE;
            assert_int_equal(way, expected);
            out += way == NP_WAY_OUT, in += way == NP_WAY_IN;
        }
    }
    assert_true(out > 1000 && in > 1000);
}

/* What a capture means when nobody says: taken inside, its flows are open already and go on after a loss;
   taken outside, the box's rules decide both. Neither is asked of heartbeats while no connection is open. */
static void test_defaults(void **state)
{
    (void)state;
    enum { CLIENT = 0x0a000001, SERVER = 0xcb007101, SECOND = 1000 };
    static const struct {
        uint32_t at_ms;
        uint8_t flags;
        bool out;
    } packet[] = {
        {0, NP_ACK, true},            /* in the middle of things */
        {1 * SECOND, NP_SYN, true},   /* a new connection */
        {101 * SECOND, NP_ACK, true}, /* its mapping has timed out */
        {102 * SECOND, NP_FIN | NP_ACK, true},
        {103 * SECOND, NP_FIN | NP_ACK, false},
        {1103 * SECOND, NP_SYN, true}, /* idle, but not open: no beat */
    };
    for (int is_public = 0; is_public < 2; is_public++) {
        char *path;
        static np_replay_summary s;
        FILE *f = temporary(&path);
        write_head(f, LINKTYPE_RAW);
        for (size_t i = 0; i < sizeof packet / sizeof *packet; i++) {
            uint32_t inside = packet[i].out || !is_public ? CLIENT : 0xc0000201;
            np_packet p = {.src = np_addr_ipv4(packet[i].out ? inside : SERVER),
                           .dst = np_addr_ipv4(packet[i].out ? SERVER : inside),
                           .sport = packet[i].out ? 5000 : 443,
                           .dport = packet[i].out ? 443 : 5000,
                           .proto = NP_TCP,
                           .family = 4,
                           .flags = packet[i].flags};
            write_packet(f, BEGAN + packet[i].at_ms * NP_MILLISECOND, &p);
        }
        fclose(f);
        np_error e = {0};
        np_nat_config nat;
        np_nat_defaults(&nat);
        nat.timeout[NP_TIMEOUT_TCP_ESTABLISHED] = 60 * NP_SECOND;
        nat.unknown_outbound = NP_UNKNOWN_DROP;
        np_replay_config config = {
            .nat = &nat, .has_public = is_public, .public_address = np_addr_ipv4(0xc0000201)};
        np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
        assert_true(np_replay_run(c, &config, NULL, &s, &e));
        np_capture_close(c);
        assert_int_equal(s.forwarded, is_public ? 2 : 6); /* the SYNs */
        assert_int_equal(s.losses_expired, 1);
        assert_int_equal(s.packets_hurt, is_public ? 3 : 1); /* all up to the last FIN */
        assert_int_equal(s.saving_costs[4], 2 * 3); /* one gap of 100 s, every 30 s; beats and answers */
        unlink(path);
        free(path);
    }
}

/* From the first moment there is to the last that a capture can bear. */
static void test_all_of_time(void **state)
{
    (void)state;
    char *path;
    static np_replay_summary s;
    np_nat_config nat;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    send(f, -BEGAN, 0x0a000001, 5000, 0xcb007101, 53);
    send(f, INT64_C(4294967295) * NP_SECOND - BEGAN, 0x0a000001, 5000, 0xcb007101,
         53); /* 32 bits of seconds */
    send(f, INT64_C(4294967295) * NP_SECOND - BEGAN, 0x0a000001, 5000, 0xcb007101, 53);
    fclose(f);
    np_nat_defaults(&nat);
    run_boxes(path, &nat, 1, NP_CLOSED_KEEP, &s);
    unlink(path);
    free(path);
    assert_int_equal(s.losses_expired, 1);
    assert_in_range(s.bins, NP_REPLAY_BINS / 2, NP_REPLAY_BINS);
    assert_int_equal(s.bin[s.bins - 1].expired, 1);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_naive_lru), cmocka_unit_test(test_beats_sent),
                                      cmocka_unit_test(test_prefixes),  cmocka_unit_test(test_public),
                                      cmocka_unit_test(test_many),      cmocka_unit_test(test_icmp_errors),
                                      cmocka_unit_test(test_compared),  cmocka_unit_test(test_belady),
                                      cmocka_unit_test(test_sums),      cmocka_unit_test(test_defaults),
                                      cmocka_unit_test(test_sides),     cmocka_unit_test(test_all_of_time)};
    return cmocka_run_group_tests_name("replay", test, NULL, NULL);
}
