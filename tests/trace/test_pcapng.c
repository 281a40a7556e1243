/*
 * pcapng: files with interfaces of any kind, written here block by block, against what was written; against
 * libpcap where that can read them; cut at every byte; damaged anywhere.
 */
#include "../../sim/trace/pcapng.h"
#include "natpulse/capture.h"
#include "pcap_writer.h"
#include <math.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FILE_MOST    ((size_t)1 << 20)
#define PACKETS_MOST 400

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

/* ---- a file ---- */

typedef struct wanted {
    int link;
    np_time time;
    uint32_t captured, wire, seed; /* of its bytes */
    bool timeless;
    size_t end; /* of its block in the file */
} wanted;

typedef struct written {
    uint8_t byte[FILE_MOST];
    size_t n;
    bool swapped;
    wanted packet[PACKETS_MOST];
    uint32_t packets;
    size_t ends[2 * PACKETS_MOST + 100]; /* of all blocks */
    uint32_t blocks;
} written;

static void put(written *w, const void *from, size_t n)
{
    assert_true(w->n + n <= FILE_MOST);
    if (n > 0) memcpy(w->byte + w->n, from, n);
    w->n += n;
}

static void put16(written *w, uint32_t v)
{
    uint16_t x = (uint16_t)v;
    if (w->swapped) x = __builtin_bswap16(x);
    put(w, &x, 2);
}

static void put32(written *w, uint32_t v)
{
    if (w->swapped) v = __builtin_bswap32(v);
    put(w, &v, 4);
}

static void put64(written *w, uint64_t v)
{
    if (w->swapped) v = __builtin_bswap64(v);
    put(w, &v, 8);
}

static void pad(written *w)
{
    while (w->n % 4) put(w, "", 1);
}

static size_t open_block(written *w, uint32_t type)
{
    size_t at = w->n;
    put32(w, type);
    put32(w, 0);
    return at;
}

static void close_block(written *w, size_t at)
{
    uint32_t length = (uint32_t)(w->n + 4 - at);
    size_t end = w->n;
    w->n = at + 4;
    put32(w, length);
    w->n = end;
    put32(w, length);
    w->ends[w->blocks++] = w->n;
}

static void put_option(written *w, uint32_t code, const void *value, uint32_t n)
{
    put16(w, code);
    put16(w, n);
    put(w, value, n);
    pad(w);
}

static void put_section(written *w, bool swapped)
{
    w->swapped = swapped;
    size_t at = open_block(w, 0x0a0d0d0a);
    put32(w, 0x1a2b3c4d);
    put16(w, 1), put16(w, 0);
    put64(w, UINT64_MAX);
    if (any(2)) put_option(w, 4, "a test", 6);
    close_block(w, at);
}

typedef struct described {
    uint32_t linktype, snaplen;
    uint8_t resolution;
    int64_t offset_s;
} described;

static void put_interface(written *w, const described *d)
{
    size_t at = open_block(w, 1);
    put16(w, d->linktype), put16(w, 0);
    put32(w, d->snaplen);
    put_option(w, 2, "eth0", 4);
    if (d->resolution != 6) put_option(w, 9, &d->resolution, 1);
    if (d->offset_s) {
        put16(w, 14), put16(w, 8);
        put64(w, (uint64_t)d->offset_s);
    }
    if (any(2)) put_option(w, 0, "", 0);
    close_block(w, at);
}

static uint8_t byte_of(uint32_t seed, uint32_t i)
{
    return (uint8_t)((seed * 2654435761u + i * 40503u) >> 13);
}

static void put_bytes(written *w, uint32_t seed, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t b = byte_of(seed, i);
        put(w, &b, 1);
    }
    pad(w);
}

/* The DLT_* value of a LINKTYPE_* one, where they differ, and the loopback's byte order. */
static int dlt_of(uint32_t linktype, bool big_endian)
{
    return linktype == 101               ? DLT_RAW
           : linktype == 0 && big_endian ? DLT_LOOP
           : linktype == 0               ? DLT_NULL
                                         : (int)linktype;
}

/* Whole nanoseconds of `stamp` units: in long double, which has 64 bits of fraction, where the reader has
   integers. */
static np_time time_of(const described *d, uint64_t stamp)
{
    long double units = d->resolution & 0x80 ? exp2l(d->resolution & 0x7f) : roundl(powl(10, d->resolution));
    uint64_t s = stamp / (uint64_t)units, rest = stamp % (uint64_t)units;
    return ((np_time)s + d->offset_s) * NP_SECOND + (np_time)floorl((long double)rest * 1e9L / units + 1e-7L);
}

static uint64_t any_stamp(const described *d)
{
    long double units = d->resolution & 0x80 ? exp2l(d->resolution & 0x7f) : roundl(powl(10, d->resolution));
    uint64_t most = units > 1e12L ? 1000000 : 4000000000u;
    return (uint64_t)(units * any((uint32_t)most)) + any(1000);
}

static void put_packet(written *w, const described *d, uint32_t number, bool big_endian)
{
    bool timeless = number == 0 && any(12) == 0, obsolete = any(12) == 0;
    uint32_t most = d->snaplen && d->snaplen < 300 ? d->snaplen : 300;
    wanted *x = &w->packet[w->packets];
    *x = (wanted){.link = dlt_of(d->linktype, big_endian),
                  .captured = any(most + 1),
                  .seed = any(1u << 30),
                  .timeless = timeless};
    x->wire = x->captured + (any(3) ? 0 : any(1000));
    if (timeless) { /* all of it, or as much as the interface takes */
        if (d->snaplen == most && any(2)) {
            x->captured = most;
            x->wire = most + any(1000);
        } else {
            x->wire = x->captured;
        }
        x->time = w->packets ? w->packet[w->packets - 1].time : 0;
        size_t at = open_block(w, 3);
        put32(w, x->wire);
        put_bytes(w, x->seed, x->captured);
        close_block(w, at);
    } else {
        uint64_t stamp = any_stamp(d);
        x->time = time_of(d, stamp);
        size_t at = open_block(w, obsolete ? 2 : 6);
        if (obsolete) {
            put16(w, number);
            put16(w, 7); /* drops */
        } else {
            put32(w, number);
        }
        put32(w, (uint32_t)(stamp >> 32)), put32(w, (uint32_t)stamp);
        put32(w, x->captured), put32(w, x->wire);
        put_bytes(w, x->seed, x->captured);
        if (any(4) == 0) put_option(w, 1, "a remark", 8);
        close_block(w, at);
    }
    x->end = w->n;
    w->packets++;
}

static void put_other(written *w)
{
    size_t at = open_block(w, any(2) ? 4 : 0x80000bad);
    put_bytes(w, 1, any(200));
    close_block(w, at);
}

/* `plain`: as libpcap wants it: interfaces alike, in all sections, and one byte order. */
static written *any_file(bool plain)
{
    static const uint8_t resolution[] = {6, 6, 9, 3, 0, 12, 0x80 | 10, 0x80 | 20, 0x80 | 30, 0x80 | 0};
    static const uint32_t linktype[] = {101, 1, 113, 276, 0, 108, 9, 228, 147};
    static written w;
    uint32_t sections = 1 + any(3);
    bool swapped = any(2);
    w.n = w.packets = w.blocks = 0;
    /* libpcap 1.10.3 takes a second interface of type 101 for one that differs from the first. */
    uint32_t same_link = linktype[1 + any(sizeof linktype / sizeof *linktype - 1)],
             same_snaplen = any(2) ? 0 : 262144;
    for (uint32_t s = 0; s < sections; s++) {
        described d[6];
        uint32_t known = 0;
        if (!plain) swapped = any(2);
        put_section(&w, swapped);
        bool big_endian = w.swapped == (*(const uint8_t *)&(const uint16_t){1} == 1);
        for (uint32_t blocks = 5 + any(60); blocks > 0; blocks--) {
            if (known == 0 || (known < 6 && any(15) == 0)) {
                d[known] = (described){.linktype = plain ? same_link
                                                         : linktype[any(sizeof linktype / sizeof *linktype)],
                                       .snaplen = plain    ? same_snaplen
                                                  : any(2) ? 0
                                                           : 64 + any(1000),
                                       .resolution = resolution[any(sizeof resolution)],
                                       .offset_s = any(4) ? 0 : (int64_t)any(100000)};
                put_interface(&w, &d[known++]);
            } else if (any(10) == 0) {
                put_other(&w);
            } else if (w.packets < PACKETS_MOST) {
                uint32_t number = any(known);
                put_packet(&w, &d[number], number, big_endian);
            }
        }
    }
    return &w;
}

/* The first n bytes of it in a file, from its start on. */
static int file_of(const written *w, size_t n)
{
    static FILE *f;
    if (!f) f = tmpfile();
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), 0), 0);
    assert_int_equal(pwrite(fileno(f), w->byte, n, 0), n);
    lseek(fileno(f), 0, SEEK_SET);
    return fileno(f);
}

static np_pcapng *read_from(np_input *s, const written *w, size_t n)
{
    assert_true(np_input_init(s, file_of(w, n)));
    np_pcapng *p = np_pcapng_create(s);
    assert_non_null(p);
    return p;
}

static void done(np_pcapng *p, np_input *s)
{
    np_pcapng_destroy(p);
    np_input_free(s);
}

static void expect_packet(const wanted *x, const np_frame *got)
{
    assert_int_equal(got->link, x->link);
    assert_true(got->time == x->time);
    assert_int_equal(got->captured, x->captured);
    assert_int_equal(got->wire, x->wire);
    for (uint32_t i = 0; i < x->captured; i++) assert_int_equal(got->data[i], byte_of(x->seed, i));
}

/* ---- tests ---- */

static void test_as_written(void **state)
{
    (void)state;
    uint32_t packets = 0;
    for (int round = 0; round < 300; round++) {
        written *w = any_file(round % 2);
        np_input stream;
        np_pcapng *p = read_from(&stream, w, w->n);
        np_frame got;
        for (uint32_t i = 0; i < w->packets; i++) {
            if (np_pcapng_next(p, &got) != 1) fail_msg("%s", np_pcapng_trouble(p));
            expect_packet(&w->packet[i], &got);
        }
        assert_int_equal(np_pcapng_next(p, &got), 0);
        assert_int_equal(np_pcapng_next(p, &got), 0);
        packets += w->packets;
        done(p, &stream);
    }
    print_message("%u packets are as they were written\n", packets);
}

/* libpcap says the same, packet by packet. What it gives for a packet without time is not compared. */
static void test_as_libpcap(void **state)
{
    (void)state;
    uint32_t packets = 0;
    for (int round = 0; round < 200; round++) {
        written *w = any_file(true);
        char why[PCAP_ERRBUF_SIZE];
        FILE *f = fmemopen(w->byte, w->n, "rb");
        np_input stream;
        pcap_t *theirs = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
        if (!theirs) fail_msg("%s", why);
        np_pcapng *ours = read_from(&stream, w, w->n);
        np_frame got;
        struct pcap_pkthdr *h;
        const uint8_t *data;
        int link = pcap_datalink(theirs), more;
        for (uint32_t i = 0; (more = pcap_next_ex(theirs, &h, &data)) == 1; i++, packets++) {
            assert_int_equal(np_pcapng_next(ours, &got), 1);
            assert_true(got.link == link || (got.link == DLT_LOOP && link == DLT_NULL));
            assert_int_equal(got.captured, h->caplen);
            assert_int_equal(got.wire, h->len);
            assert_memory_equal(got.data, data, h->caplen);
            if (!w->packet[i].timeless)
                assert_true(got.time == (np_time)h->ts.tv_sec * NP_SECOND + h->ts.tv_usec);
        }
        if (more != PCAP_ERROR_BREAK) fail_msg("libpcap: %s", pcap_geterr(theirs));
        assert_int_equal(np_pcapng_next(ours, &got), 0);
        pcap_close(theirs);
        done(ours, &stream);
    }
    print_message("%u packets are as libpcap gives them\n", packets);
}

/* Cut at every byte: what lies before the cut comes out whole, and a cut between blocks is an end. */
static void test_cut(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        written *w = any_file(round > 0);
        uint32_t block = 0, packets = 0;
        for (size_t n = 0; n <= w->n; n++) {
            while (block < w->blocks && w->ends[block] <= n) block++;
            while (packets < w->packets && w->packet[packets].end <= n) packets++;
            np_input stream;
            np_pcapng *p = read_from(&stream, w, n);
            np_frame got;
            for (uint32_t i = 0; i < packets; i++) {
                assert_int_equal(np_pcapng_next(p, &got), 1);
                expect_packet(&w->packet[i], &got);
            }
            bool clean = n == 0 || (block > 0 && w->ends[block - 1] == n);
            assert_int_equal(np_pcapng_next(p, &got), clean ? 0 : -1);
            if (!clean) assert_non_null(strstr(np_pcapng_trouble(p), "truncated"));
            done(p, &stream);
        }
    }
}

/* Bytes changed anywhere, most of all in lengths and types: an end or a word, and no more packets than bytes.
 */
static void test_damaged(void **state)
{
    (void)state;
    uint32_t told = 0;
    for (int round = 0; round < 3000; round++) {
        written *w = any_file(any(2));
        for (uint32_t flips = 1 + any(4); flips > 0; flips--) {
            size_t start = any(2) ? w->ends[any(w->blocks)] : any((uint32_t)w->n);
            size_t at = start + any(28);
            if (at < w->n) w->byte[at] = any(3) ? (uint8_t)any(256) : 0xff;
        }
        np_input stream;
        np_pcapng *p = read_from(&stream, w, w->n);
        np_frame got;
        int more;
        uint32_t packets = 0, sum = 0;
        while ((more = np_pcapng_next(p, &got)) == 1) {
            for (uint32_t i = 0; i < got.captured; i++) sum += got.data[i];
            packets++;
        }
        assert_in_range(packets, 0, w->n / 16);
        if (more < 0) {
            assert_true(np_pcapng_trouble(p)[0] != '\0');
            told++;
        }
        done(p, &stream);
        if (sum == 1) print_message(" "); /* it was read */
    }
    assert_in_range(told, 500, 3000);
}

/* What each kind of damage is called. */
static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        uint32_t at, value; /* a 32-bit word of the file below is replaced */
    } damage[] = {
        {"does not begin with a section header", 0, 7},
        {"no byte-order magic", 8, 7},
        {"length is impossible", 4, 30},
        {"two lengths differ", 24, 32},
        {"version is unknown", 12, 2},
        {"resolution is finer", 28 + 20, 0x40},
        {"longer than 16 MB", 28 + 36 + 4, 0x7ffffffc},
        {"of interface 5, and the section has 1", 28 + 36 + 8, 5},
        {"longer than its block", 28 + 36 + 20, 5},
        {"truncated within a block", 28 + 36 + 4, 0x00fffffc},
    };
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        static written w;
        w.n = w.blocks = 0;
        w.swapped = false;
        size_t at = open_block(&w, 0x0a0d0d0a);
        put32(&w, 0x1a2b3c4d), put16(&w, 1), put16(&w, 0), put64(&w, UINT64_MAX);
        close_block(&w, at);
        at = open_block(&w, 1);
        put16(&w, 1), put16(&w, 0), put32(&w, 0);
        uint8_t nine = 9;
        put_option(&w, 9, &nine, 1);
        put_option(&w, 2, "eth0", 4);
        close_block(&w, at);
        at = open_block(&w, 6);
        for (int k = 0; k < 3; k++) put32(&w, 0);
        put32(&w, 4), put32(&w, 4), put32(&w, 0);
        close_block(&w, at);
        w.n = 28 + 36 + 36;
        memcpy(w.byte + damage[i].at, &damage[i].value, 4);
        np_input stream;
        np_pcapng *p = read_from(&stream, &w, w.n);
        np_frame got;
        assert_int_equal(np_pcapng_next(p, &got), -1);
        if (!strstr(np_pcapng_trouble(p), damage[i].word))
            fail_msg("'%s' expected, '%s' found", damage[i].word, np_pcapng_trouble(p));
        done(p, &stream);
    }
}

/* Before 1970 and after 2262 time is held at what np_time can bear. */
static void test_far_times(void **state)
{
    (void)state;
    static const struct {
        int64_t offset_s;
        uint64_t stamp_s;
        np_time time;
    } far[] = {{-1000, 999, 0},
               {-1000, 1001, NP_SECOND},
               {INT64_MIN, 5, 0},
               {INT64_MAX, UINT64_MAX / 1000, 9223372035 * NP_SECOND},
               {0, 9223372036, 9223372035 * NP_SECOND}};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        static written w;
        w.n = w.blocks = 0;
        put_section(&w, false);
        put_interface(&w, &(described){101, 0, 3, far[i].offset_s});
        size_t at = open_block(&w, 6);
        uint64_t stamp = far[i].stamp_s * 1000;
        put32(&w, 0), put32(&w, (uint32_t)(stamp >> 32)), put32(&w, (uint32_t)stamp), put64(&w, 0);
        close_block(&w, at);
        np_input stream;
        np_pcapng *p = read_from(&stream, &w, w.n);
        np_frame got;
        assert_int_equal(np_pcapng_next(p, &got), 1);
        assert_true(got.time == far[i].time);
        done(p, &stream);
    }
}

/* ---- through a capture ---- */

static void put_udp(written *w, uint32_t number, np_time when, bool ethernet, uint16_t sport)
{
    uint8_t b[14 + 28] = {0}, *ip = ethernet ? b + 14 : b;
    uint32_t n = ethernet ? 42 : 28;
    if (ethernet) b[12] = 8, b[6] = 2;
    ip[0] = 0x45, ip[3] = 28, ip[8] = 64, ip[9] = NP_UDP, ip[12] = 10, ip[15] = 1, ip[16] = 8;
    ip[20] = (uint8_t)(sport >> 8), ip[21] = (uint8_t)sport, ip[23] = 53, ip[25] = 8;
    size_t at = open_block(w, 6);
    put32(w, number), put32(w, (uint32_t)((uint64_t)when >> 32)), put32(w, (uint32_t)when);
    put32(w, n), put32(w, n);
    put(w, b, n);
    pad(w);
    close_block(w, at);
}

/* Interfaces of Ethernet, raw IP and one that is not read, of three resolutions, in one file. */
static char *mixed_file(void)
{
    static written w;
    static const described of[] = {{1, 65535, 6, 0}, {101, 100, 9, 0}, {189, 0, 3, 0}};
    w.n = w.blocks = 0;
    put_section(&w, false);
    for (int i = 0; i < 3; i++) put_interface(&w, &of[i]);
    put_udp(&w, 0, 1000000, true, 1);     /* 1 s */
    put_udp(&w, 1, 2000000000, false, 2); /* 2 s */
    put_udp(&w, 2, 3000, false, 3);       /* 3 s */
    put_udp(&w, 0, 4000000, true, 4);
    char *path;
    FILE *f = temporary(&path);
    fwrite(w.byte, w.n, 1, f);
    fclose(f);
    return path;
}

static void test_mixed(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        bool passes[4];
    } use[] = {{NULL, {true, true, true, true}},
               {"udp src port 2 or udp src port 4", {false, true, false, true}},
               {"ether src 02:00:00:00:00:00", {true, false, false, true}}}; /* raw IP has none */
    char *path = mixed_file();
    for (size_t u = 0; u < sizeof use / sizeof *use; u++) {
        np_error e = {0};
        np_captured got;
        np_capture *c = np_capture_open((const char *[]){path}, 1, use[u].filter, &e);
        if (!c) fail_msg("%s", e.text);
        for (uint32_t i = 0; i < 4; i++) {
            if (!use[u].passes[i]) continue;
            assert_int_equal(np_capture_next(c, &got, &e), 1);
            assert_int_equal(got.n, i);
            assert_true(got.time == (np_time)(i + 1) * NP_SECOND);
            assert_int_equal(got.decoded, i == 2 ? NP_DECODED_NOT_IP : NP_DECODED_OK);
            if (i != 2) assert_int_equal(got.packet.sport, i + 1);
        }
        assert_int_equal(np_capture_next(c, &got, &e), 0);
        const np_capture_counts *n = np_capture_count(c);
        assert_int_equal(n->strange_packets, use[u].passes[2]);
        if (use[u].passes[2]) assert_non_null(strstr(n->strange_text, "USB_LINUX (189)"));
        np_capture_close(c);
    }
    np_error e = {0};
    assert_null(np_capture_open((const char *[]){path}, 1, "udp prot 4", &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    assert_non_null(strstr(e.text, "filter 'udp prot 4'"));
    unlink(path);
    free(path);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {
        cmocka_unit_test(test_as_written), cmocka_unit_test(test_as_libpcap), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damaged),    cmocka_unit_test(test_words),      cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_far_times),
    };
    return cmocka_run_group_tests_name("pcapng", test, NULL, NULL);
}
