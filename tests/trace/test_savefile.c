/*
 * Capture files, packet by packet, against libpcap: all real captures, and pcap files of every kind made
 * here, whole and cut at every byte. What libpcap refuses and we read is told apart.
 */
#include "../../sim/trace/savefile.h"
#include "pcap_writer.h"
#include <dirent.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

#define FILES_MOST 400

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

/* ---- the comparison ---- */

/* libpcap's time: before 1970 there is none, absurd fractions of a second are none, and 32 bits have no sign.
 */
static np_time time_of(const struct pcap_pkthdr *h)
{
    int64_t s = h->ts.tv_sec;
    if (s < 0 && s >= INT32_MIN) s += (int64_t)1 << 32;
    if (s < 0) return 0;
    if (s >= 9223372035) return 9223372035 * NP_SECOND;
    return s * NP_SECOND + (h->ts.tv_usec >= 0 && h->ts.tv_usec < NP_SECOND ? h->ts.tv_usec : 0);
}

/* Packets that both give, one after the other the same; *refused: libpcap stopped before us. */
static uint32_t compare(const char *path, bool *refused)
{
    np_error e = {0};
    char why[PCAP_ERRBUF_SIZE];
    np_frame got;
    struct pcap_pkthdr *h;
    const uint8_t *data;
    bool passes = false;
    uint32_t packets = 0;
    np_savefile *ours = np_savefile_open(path, &e);
    pcap_t *theirs = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
    assert_non_null(ours);
    *refused = false;
    if (!theirs) {
        /* What it does not know at all, or refuses at the second interface. */
        *refused = np_savefile_next(ours, &got, &passes) == 1;
        np_savefile_close(ours);
        return 0;
    }
    int link = pcap_datalink(theirs), more = 0, mine = 0;
    while ((mine = np_savefile_next(ours, &got, &passes)) == 1 &&
           (more = pcap_next_ex(theirs, &h, &data)) == 1) {
        assert_true(got.link == link || (got.link == DLT_LOOP && link == DLT_NULL));
        assert_int_equal(got.captured, h->caplen);
        assert_int_equal(got.wire, h->len);
        assert_memory_equal(got.data, data, h->caplen);
        if (got.time != time_of(h))
            fail_msg("%s: packet %u: %lld ns, libpcap has %lld", path, packets, (long long)got.time,
                     (long long)time_of(h));
        assert_true(passes);
        packets++;
    }
    if (mine == 1) {
        *refused = true;
    } else if (packets > 0 || mine == 0) { /* and both end in the same way */
        more = pcap_next_ex(theirs, &h, &data);
        if ((mine == 0) != (more == PCAP_ERROR_BREAK))
            fail_msg("%s: after %u packets %s, libpcap: %s", path, packets,
                     mine ? np_savefile_trouble(ours) : "the end",
                     more == 1 ? "another" : pcap_geterr(theirs));
    }
    pcap_close(theirs);
    np_savefile_close(ours);
    return packets;
}

/* ---- real captures ---- */

static void test_real(void **state)
{
    (void)state;
    static const char *const directory[] = {"debian", "fetched"};
    const char *root = getenv("NP_PCAPS") ? getenv("NP_PCAPS") : "../shared/pcaps";
    uint32_t files = 0, packets = 0, ours_only = 0;
    for (int k = 0; k < 2; k++) {
        char name[1000];
        snprintf(name, sizeof name, "%s/%s", root, directory[k]);
        DIR *d = opendir(name);
        for (struct dirent *entry; d && (entry = readdir(d));) {
            char path[1300];
            const char *dot = strrchr(entry->d_name, '.');
            bool refused;
            if (entry->d_name[0] == '.' || !dot || strncmp(dot, ".pcap", 5) != 0) continue; /* plain ones */
            snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
            packets += compare(path, &refused);
            ours_only += refused;
            files++;
        }
        if (d) closedir(d);
    }
    if (files == 0) {
        print_message("no real captures (NP_PCAPS names their directory)\n");
        skip();
    }
    print_message("%u packets of %u files are as libpcap gives them; it refuses %u that we read\n", packets,
                  files, ours_only);
    assert_in_range(ours_only, 0, 5);
    assert_true(packets > 30000);
}

/* ---- made here ---- */

typedef struct made {
    uint8_t byte[8000];
    size_t n;
    bool swapped;
} made;

static void put32(made *m, uint32_t v)
{
    if (m->swapped) v = __builtin_bswap32(v);
    memcpy(m->byte + m->n, &v, 4);
    m->n += 4;
}

static void put16(made *m, uint16_t v)
{
    if (m->swapped) v = __builtin_bswap16(v);
    memcpy(m->byte + m->n, &v, 2);
    m->n += 2;
}

#define MODIFIED                                                                                             \
    0xa1b2cd34u /* of an old Linux program: eight more bytes a packet, which only libpcap reads */

static const made *any_file(uint32_t magic, uint16_t minor)
{
    static const uint32_t link[] = {1, 101, 113, 276, 0, 108, 9, 228, 12, 0x10000000 | 1, 0x24000001};
    static made m;
    m.n = 0;
    m.swapped = any(2);
    uint32_t snaplen = any(3) ? 262144 : any(2) ? 0 : 40;
    put32(&m, magic), put16(&m, 2), put16(&m, minor), put32(&m, 0), put32(&m, 0);
    put32(&m, snaplen), put32(&m, link[any(sizeof link / sizeof *link)]);
    for (uint32_t k = any(20); k > 0; k--) {
        uint32_t captured = any(60), wire = captured + (any(2) ? 0 : any(2000));
        put32(&m, any(4) ? 1700000000 + any(1000) : any(1u << 31) * 2);
        put32(&m, any(10) ? any(1000000) : any(1u << 31) * 2);
        put32(&m, any(200) ? captured : 262145 + any(1u << 30));
        put32(&m, wire);
        if (magic == MODIFIED) put32(&m, any(5)), put32(&m, 0x08000000);
        for (uint32_t i = 0; i < captured; i++) m.byte[m.n++] = (uint8_t)any(256);
    }
    return &m;
}

static void write_file(const char *path, const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void test_made(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic;
        uint16_t minor;
    } kind[] = {{0xa1b2c3d4, 4}, {0xa1b23c4d, 4}, {0xa1b2c3d4, 4}, {0xa1b2c3d4, 3}, {MODIFIED, 4}};
    char *path;
    bool refused;
    uint32_t packets = 0;
    fclose(temporary(&path));
    for (int round = 0; round < 600; round++) {
        uint32_t k = any(5);
        const made *m = any_file(kind[k].magic, kind[k].minor);
        write_file(path, m->byte, m->n);
        packets += compare(path, &refused);
        assert_false(refused);
    }
    print_message("%u packets of files made here are as libpcap gives them\n", packets);
    assert_true(packets > 1000);
    unlink(path);
    free(path);
}

static void test_cut(void **state)
{
    (void)state;
    char *path;
    bool refused;
    fclose(temporary(&path));
    for (int round = 0; round < 3; round++) {
        const made *m = any_file(round == 0 ? 0xa1b23c4d : 0xa1b2c3d4, 4);
        for (size_t n = 1; n <= m->n; n++) {
            write_file(path, m->byte, n);
            compare(path, &refused);
            assert_false(refused);
        }
    }
    unlink(path);
    free(path);
}

/* Old formats come through to libpcap, whether they are compressed or not. */
static void test_compressed(void **state)
{
    (void)state;
    char *path, *packed;
    fclose(temporary(&path));
    fclose(temporary(&packed));
    for (int round = 0; round < 100; round++) {
        const made *m = any_file(round % 2 ? MODIFIED : 0xa1b2c3d4, 4);
        write_file(path, m->byte, m->n);
        gzFile z = gzopen(packed, "wb");
        assert_int_equal(gzwrite(z, m->byte, (unsigned)m->n), m->n);
        gzclose(z);
        np_error e = {0};
        np_savefile *plain = np_savefile_open(path, &e), *through = np_savefile_open(packed, &e);
        np_frame a, b;
        bool passes;
        int more;
        do {
            more = np_savefile_next(plain, &a, &passes);
            assert_int_equal(np_savefile_next(through, &b, &passes), more);
            if (more != 1) break;
            assert_true(a.link == b.link && a.time == b.time && a.wire == b.wire && a.captured == b.captured);
            assert_memory_equal(a.data, b.data, a.captured);
        } while (true);
        if (more == 0) {
            assert_int_equal(np_savefile_read(plain), m->n);
            assert_int_equal(np_savefile_read(through), np_savefile_size(through));
        }
        np_savefile_close(plain);
        np_savefile_close(through);
    }
    unlink(path), unlink(packed);
    free(path), free(packed);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_real), cmocka_unit_test(test_made),
                                      cmocka_unit_test(test_cut), cmocka_unit_test(test_compressed)};
    return cmocka_run_group_tests_name("files", test, NULL, NULL);
}
