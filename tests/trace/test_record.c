/*
 * Captures out, read back: the packets of a simulated world are written and read again with libpcap and our
 * decoder, and compared with what the listener was shown; checksums are added up by an independent sum over
 * the bytes.
 */
#include "../world/build.h"
#include "natpulse/capture.h"
#include "natpulse/journal.h"
#include "natpulse/record.h"
#include "pcap_writer.h"
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct shown {
    np_time when;
    np_place where;
    bool outbound;
    np_packet packet;
} shown;

typedef struct keeper {
    np_recorder *recorder;
    shown *all;
    size_t n, room;
} keeper;

static void keep(void *ctx, np_time when, np_place where, bool outbound, const np_packet *p)
{
    keeper *k = ctx;
    if (k->n == k->room) {
        k->room = k->room ? 2 * k->room : 1024;
        k->all = realloc(k->all, k->room * sizeof *k->all);
        assert_non_null(k->all);
    }
    k->all[k->n++] = (shown){when, where, outbound, *p};
    np_recorder_packet(k->recorder, when, where, outbound, p);
}

/* A small world with losses and keepalives whose packets go into a file; its name goes to *path. */
static keeper record(char **path, uint8_t transport)
{
    keeper k = {0};
    np_error e = {0};
    np_group group;
    np_world_config c = plain_world(&group, 20, transport);
    np_strategy s =
        transport == NP_TCP ? keepalive(20 * NP_SECOND, 5 * NP_SECOND, 3) : heartbeat(20 * NP_SECOND, 0, 1);
    group.work.gap = np_dist_constant(70e9);
    group.work.request = (np_dist){.kind = NP_DIST_UNIFORM, .a = 1, .b = 6000};
    group.work.response = np_dist_constant(33);
    c.duration = 10 * NP_MINUTE;
    c.access_up.loss_kind = NP_LOSS_INDEPENDENT;
    c.access_up.loss = 0.02;
    FILE *f = temporary(path);
    k.recorder = np_recorder_create(f, NULL, c.tcp.mss, "a test", &e);
    assert_non_null(k.recorder);
    np_listener listener = {.packet = keep, .ctx = &k};
    np_result *r = np_world_run(&c, &s, 0, &listener, NULL, &e);
    assert_non_null(r);
    np_result_destroy(r);
    assert_true(np_recorder_finish(k.recorder, &e));
    assert_int_equal(fclose(f), 0);
    assert_true(k.n > 500);
    return k;
}

static void decoder_reads_what_was_shown(void **state)
{
    (void)state;
    const uint8_t transport[] = {NP_TCP, NP_UDP};
    for (int t = 0; t < 2; t++) {
        char *path;
        keeper k = record(&path, transport[t]);
        np_error e = {0};
        np_capture *c = np_capture_open((const char *const *)&path, 1, NULL, &e);
        assert_non_null(c);
        np_captured got;
        for (size_t i = 0; i < k.n; i++) {
            assert_int_equal(np_capture_next(c, &got, &e), 1);
            const np_packet *a = &k.all[i].packet, *b = &got.packet;
            assert_int_equal(got.decoded, NP_DECODED_OK);
            assert_int_equal(got.time, k.all[i].when);
            assert_true(np_addr_equal(&a->src, &b->src) && np_addr_equal(&a->dst, &b->dst));
            assert_int_equal(a->sport, b->sport);
            assert_int_equal(a->dport, b->dport);
            assert_int_equal(a->proto, b->proto);
            assert_int_equal(a->bytes, b->bytes);
            assert_int_equal(a->payload, b->payload);
            if (a->proto != NP_TCP) continue;
            assert_int_equal(a->seq, b->seq);
            assert_int_equal(a->flags & NP_ACK ? a->ack : 0, b->ack);
            assert_int_equal(a->flags, b->flags);
            assert_int_equal(a->window, b->window);
            assert_int_equal(a->options, b->options);
        }
        assert_int_equal(np_capture_next(c, &got, &e), 0);
        np_capture_close(c);
        unlink(path);
        free(path);
        free(k.all);
    }
}

/* One's complement sum of all 16-bit words, odd byte padded: 0xffff when the checksum in it is right (RFC
 * 1071). */
static uint16_t add_up(const uint8_t *b, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint32_t word(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Identification and timestamps: the same on both sides of the box, rising by sender, and never an echo of
   what the other side has not sent yet. */
static void bytes_are_consistent(void **state)
{
    (void)state;
    char *path, why[PCAP_ERRBUF_SIZE];
    keeper k = record(&path, NP_TCP);
    pcap_t *p = pcap_open_offline(path, why);
    assert_non_null(p);
    assert_int_equal(pcap_datalink(p), DLT_EN10MB);
    struct pcap_pkthdr *h;
    const uint8_t *b;
    uint32_t newest[2] = {0, 0}; /* TSval seen, by direction */
    uint8_t before[60] = {0};
    size_t n = 0, pairs = 0;
    for (; pcap_next_ex(p, &h, &b) == 1; n++) {
        const shown *s = &k.all[n];
        const uint8_t *ip = b + 14, *tcp = ip + 20;
        assert_int_equal(h->caplen, 14 + s->packet.bytes);
        assert_int_equal(add_up(ip, 20, 0), 0xffff);
        uint32_t bytes = s->packet.bytes - 20u;
        assert_int_equal(add_up(tcp, bytes, (uint32_t)(add_up(ip + 12, 8, 0) + 6 + bytes)), 0xffff);
        bool resets = tcp[13] & NP_RST;
        if (!resets || s->packet.options & NP_OPTION_TIMESTAMP) {
            const uint8_t *stamps = tcp[13] & NP_SYN ? tcp + 20 + 6 : tcp + 20 + 2;
            assert_int_equal(stamps[0], 8);
            uint32_t value = word(stamps + 2), echo = word(stamps + 6);
            assert_true(value >= newest[s->outbound]);
            newest[s->outbound] = value;
            assert_true(echo <= newest[!s->outbound]);
            assert_true((echo == 0) == !(tcp[13] & NP_ACK));
        }
        bool first = s->outbound == (s->where == NP_PLACE_INSIDE);
        if (!first) { /* it has just been on the other side */
            pairs++;
            assert_memory_equal(before + 4, ip + 4, 2);
            assert_memory_equal(before + 20 + 20, tcp + 20, 20);
            assert_int_equal(before[8], ip[8] + 1);
        }
        memcpy(before, ip, sizeof before);
    }
    assert_int_equal(n, k.n);
    assert_true(pairs > n / 3);
    pcap_close(p);
    unlink(path);
    free(path);
    free(k.all);
}

static np_packet segment(uint32_t seq, uint8_t flags, np_kind kind, uint16_t payload)
{
    return (np_packet){.src = np_addr_ipv4(0x0a000002),
                       .dst = np_addr_ipv4(0xc6120001),
                       .sport = 40000,
                       .dport = 443,
                       .seq = seq,
                       .ack = 77,
                       .conn = 3,
                       .window = 100,
                       .payload = payload,
                       .bytes = (uint16_t)((flags & NP_SYN ? 52 : 40) + payload),
                       .proto = NP_TCP,
                       .family = 4,
                       .flags = flags,
                       .kind = (uint8_t)kind};
}

/* Probes are told from their ACKs by where they lie. */
static void probes_are_counted(void **state)
{
    (void)state;
    char *path;
    np_error e = {0};
    FILE *f = temporary(&path);
    np_recorder *r = np_recorder_create(f, NULL, 1460, NULL, &e);
    const np_packet p[] = {
        segment(99, NP_SYN, NP_KIND_CONTROL, 0),    segment(100, NP_ACK | NP_PSH, NP_KIND_PAYLOAD, 50),
        segment(149, NP_ACK, NP_KIND_KEEPALIVE, 0), segment(149, NP_ACK, NP_KIND_KEEPALIVE, 0),
        segment(150, NP_ACK, NP_KIND_KEEPALIVE, 0), segment(150, NP_ACK | NP_PSH, NP_KIND_HEARTBEAT, 2),
    };
    for (size_t i = 0; i < sizeof p / sizeof *p; i++)
        np_recorder_packet(r, (np_time)i * NP_SECOND, NP_PLACE_INSIDE, true, &p[i]);
    /* The connection's number goes to another one, whose server counts from lower numbers on. */
    const np_packet q[] = {
        segment(5000, NP_SYN | NP_ACK, NP_KIND_CONTROL, 0),
        segment(99, NP_SYN, NP_KIND_CONTROL, 0),
        segment(4000, NP_SYN | NP_ACK, NP_KIND_CONTROL, 0),
        segment(4000, NP_ACK, NP_KIND_KEEPALIVE, 0),
    };
    for (size_t i = 0; i < sizeof q / sizeof *q; i++)
        np_recorder_packet(r, (np_time)(10 + i) * NP_SECOND, NP_PLACE_OUTSIDE, i == 1, &q[i]);
    assert_int_equal(np_recorder_count(r, NP_PLACE_OUTSIDE)->probes, 1);
    const np_recorded *in = np_recorder_count(r, NP_PLACE_INSIDE);
    assert_int_equal(in->packets, 6);
    assert_int_equal(in->probes, 2);
    assert_int_equal(in->by_kind[NP_KIND_KEEPALIVE], 3);
    assert_int_equal(in->by_kind[NP_KIND_HEARTBEAT], 1);
    assert_int_equal(np_recorder_count(r, NP_PLACE_OUTSIDE)->packets, 4);
    assert_true(np_recorder_finish(r, &e));
    fclose(f);
    unlink(path);
    free(path);
}

static void journal_rows(void **state)
{
    (void)state;
    static const np_notice notice[] = {
        {.when = 1234567890123, .kind = NP_NOTICE_BREAK, .cause = "evicted", .client = 7, .conn = 12},
        {.when = 5, .kind = NP_NOTICE_EVICTED, .cause = "dead", .client = UINT32_MAX, .conn = UINT32_MAX},
        {.when = 2 * NP_SECOND, .kind = NP_NOTICE_HEALED, .client = 0, .conn = 1},
    };
    static const char *const expected[] = {"time,event,cause,client,connection\n1234.567890123,break,evicted,"
                                           "7,12\n0.000000005,evicted,dead,,\n2.000000000,healed,,0,1\n",
                                           "{\"time\": 1234.567890123, \"event\": \"break\", \"cause\": "
                                           "\"evicted\", \"client\": 7, \"connection\": 12}\n"
                                           "{\"time\": 0.000000005, \"event\": \"evicted\", \"cause\": "
                                           "\"dead\", \"client\": null, \"connection\": null}\n"
                                           "{\"time\": 2.000000000, \"event\": \"healed\", \"cause\": null, "
                                           "\"client\": 0, \"connection\": 1}\n"};
    for (int json = 0; json < 2; json++) {
        char *text = NULL;
        size_t size;
        np_journal j = {.out = open_memstream(&text, &size), .json = json};
        np_journal_head(&j);
        for (int i = 0; i < 3; i++) np_journal_notice(&j, &notice[i]);
        fclose(j.out);
        assert_string_equal(text, expected[json]);
        assert_int_equal(j.rows, 3);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder_reads_what_was_shown),
        cmocka_unit_test(bytes_are_consistent),
        cmocka_unit_test(probes_are_counted),
        cmocka_unit_test(journal_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
