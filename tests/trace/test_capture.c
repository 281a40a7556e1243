/*
 * Captures: merging by time, time that goes backwards, filters, standard input, files that are none, files
 * that break off.
 */
#include "natpulse/capture.h"
#include "pcap_writer.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#define FILES 5
#define BEGAN (1700000000 * NP_SECOND)

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

/* A UDP packet that says which file it is from and which one of it: by its ports. */
static void put(FILE *f, np_time when, uint32_t file, uint32_t number)
{
    np_packet p = {.src = np_addr_ipv4(0x0a000001),
                   .dst = np_addr_ipv4(0xc0000201),
                   .sport = (uint16_t)file,
                   .dport = (uint16_t)number,
                   .proto = NP_UDP,
                   .family = 4};
    write_packet(f, when, &p);
}

static void drop(char *path)
{
    unlink(path);
    free(path);
}

/* Several files, of rising times with ties between them: sorted by (time, file), each file's order kept. */
static void test_merge(void **state)
{
    (void)state;
    char *path[FILES];
    np_time when[FILES][300];
    uint32_t packets[FILES], next[FILES] = {0}, all = 0;
    for (uint32_t i = 0; i < FILES; i++) {
        FILE *f = temporary(&path[i]);
        np_time t = BEGAN;
        packets[i] = i == 3 ? 0 : 100 + any(200); /* one holds none */
        all += packets[i];
        write_head(f, LINKTYPE_RAW);
        for (uint32_t k = 0; k < packets[i]; k++) put(f, when[i][k] = t += any(4), i, k);
        fclose(f);
    }
    np_error e;
    np_capture *c = np_capture_open((const char *const *)path, FILES, NULL, &e);
    assert_non_null(c);
    np_captured got;
    for (uint32_t n = 0; n < all; n++) {
        uint32_t earliest = FILES;
        for (uint32_t i = 0; i < FILES; i++)
            if (next[i] < packets[i] &&
                (earliest == FILES || when[i][next[i]] < when[earliest][next[earliest]]))
                earliest = i;
        assert_int_equal(np_capture_next(c, &got, &e), 1);
        assert_int_equal(got.n, n);
        assert_int_equal(got.packet.sport, earliest);
        assert_int_equal(got.packet.dport, next[earliest]);
        assert_true(got.time == when[earliest][next[earliest]]);
        assert_int_equal(got.wire, 28);
        next[earliest]++;
    }
    assert_int_equal(np_capture_next(c, &got, &e), 0);
    assert_int_equal(np_capture_next(c, &got, &e), 0);
    assert_int_equal(np_capture_count(c)->packets, all);
    assert_int_equal(np_capture_count(c)->bytes, 28 * all);
    assert_int_equal(np_capture_count(c)->backwards, 0);
    np_capture_close(c);
    for (uint32_t i = 0; i < FILES; i++) drop(path[i]);
}

static void test_backwards(void **state)
{
    (void)state;
    static const np_time said[] = {10, 12, 11, 5, 12, 13}, held[] = {10, 12, 12, 12, 12, 13};
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < 6; i++) put(f, BEGAN + said[i], 0, i);
    fclose(f);
    np_error e;
    np_captured got;
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(np_capture_next(c, &got, &e), 1);
        assert_int_equal(got.packet.dport, i);
        assert_true(got.time == BEGAN + held[i]);
    }
    assert_int_equal(np_capture_count(c)->backwards, 2);
    np_capture_close(c);
    drop(path);
}

/* The filter leaves packets out, and their numbers with them. */
static void test_filter(void **state)
{
    (void)state;
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < 10; i++) put(f, BEGAN + i, 7, i);
    fclose(f);
    np_error e;
    np_captured got;
    np_capture *c = np_capture_open((const char *[]){path}, 1, "udp dst portrange 4-6", &e);
    assert_non_null(c);
    for (uint32_t i = 4; i <= 6; i++) {
        assert_int_equal(np_capture_next(c, &got, &e), 1);
        assert_int_equal(got.n, i);
        assert_int_equal(got.packet.dport, i);
    }
    assert_int_equal(np_capture_next(c, &got, &e), 0);
    assert_int_equal(np_capture_count(c)->packets, 3);
    assert_int_equal(np_capture_count(c)->filtered, 7);
    np_capture_close(c);

    assert_null(np_capture_open((const char *[]){path}, 1, "udp port 4 adn host 10.0.0.1", &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    assert_non_null(strstr(e.text, "syntax error"));
    assert_non_null(strstr(e.text, "after 'udp port 4' at column 12"));
    drop(path);
}

static void test_standard_input(void **state)
{
    (void)state;
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < 3; i++) put(f, BEGAN + i, 0, i);
    fclose(f);
    int kept = dup(STDIN_FILENO), fd = open(path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    np_error e;
    np_captured got;
    assert_null(np_capture_open((const char *[]){"-", "-"}, 2, NULL, &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    lseek(STDIN_FILENO, 0, SEEK_SET);
    np_capture *c = np_capture_open((const char *[]){"-"}, 1, NULL, &e);
    assert_non_null(c);
    for (int i = 0; i < 3; i++) assert_int_equal(np_capture_next(c, &got, &e), 1);
    assert_int_equal(np_capture_next(c, &got, &e), 0);
    np_capture_close(c);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it is still ours */
    dup2(kept, STDIN_FILENO);
    close(kept);
    drop(path);
}

static void expect_refused(const char *path, const char *part)
{
    np_error e = {0};
    np_captured got;
    np_capture *c = np_capture_open(&path, 1, NULL, &e);
    if (c) assert_int_equal(np_capture_next(c, &got, &e), -1);
    np_capture_close(c);
    assert_int_equal(e.kind, NP_TROUBLE_INPUT);
    assert_non_null(strstr(e.text, path));
    if (!strstr(e.text, part)) print_message("%s\n", e.text);
    assert_non_null(strstr(e.text, part));
}

static char *file_of(const void *bytes, size_t n)
{
    char *path;
    FILE *f = temporary(&path);
    fwrite(bytes, n, 1, f);
    fclose(f);
    return path;
}

static void test_refused(void **state)
{
    (void)state;
    expect_refused("/nonexistent/capture.pcap", "cannot open the capture");
    expect_refused("/", "is a directory");
    expect_refused("/dev/null", "is empty");
    char *path = file_of("Dear Sir or Madam, this is a letter.", 36);
    expect_refused(path, "is no capture");
    drop(path);
    path = file_of("\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", 12);
    expect_refused(path, "the gzip data are cut short");
    drop(path);
    FILE *f = temporary(&path);
    write_head(f, 107); /* frame relay */
    fclose(f);
    expect_refused(path, "link type FRELAY (107)");
    drop(path);
    f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    fwrite("\1\2\3", 3, 1, f);
    fclose(f);
    expect_refused(path, "no packet could be read");
    drop(path);
    assert_null(np_capture_open(NULL, 0, NULL, NULL));
}

/* ---- compressed ---- */

#define PACKED_PACKETS 30000 /* more than any buffer on the way holds */

/* The plain bytes of a capture of so many packets. */
static uint8_t *plain_bytes(size_t *n)
{
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < PACKED_PACKETS; i++) put(f, BEGAN + i * NP_MILLISECOND, 1, i);
    *n = (size_t)ftell(f);
    fclose(f);
    uint8_t *bytes = malloc(*n);
    f = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    drop(path);
    return bytes;
}

static size_t pack_gzip(const uint8_t *plain, size_t n, uint8_t *out, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)plain, z.avail_in = (uInt)n;
    z.next_out = out, z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static size_t pack_zstd(const uint8_t *plain, size_t n, uint8_t *out, size_t room)
{
    size_t packed = ZSTD_compress(out, room, plain, n, 3);
    assert_false(ZSTD_isError(packed));
    return packed;
}

/* Packets in a file with these bytes, in order and as they were put in when nothing is damaged. */
static uint32_t read_packed(const uint8_t *bytes, size_t n, bool intact, np_capture_counts *counts)
{
    char *path = file_of(bytes, n);
    np_error e = {0};
    np_captured got;
    uint32_t packets = 0;
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    while (c && np_capture_next(c, &got, &e) == 1) {
        assert_true(!intact || got.packet.sport == 1);
        assert_true(!intact || got.time == BEGAN + packets * NP_MILLISECOND);
        packets++;
    }
    *counts = (np_capture_counts){0};
    if (c) {
        uint64_t done, all;
        *counts = *np_capture_count(c);
        np_capture_progress(c, &done, &all);
        assert_int_equal(all, n);
        assert_true(done <= n);
    }
    np_capture_close(c);
    drop(path);
    return packets;
}

static void test_compressed(void **state)
{
    (void)state;
    size_t n, room;
    uint8_t *plain = plain_bytes(&n), *packed = malloc(room = n + 100000);
    size_t (*const pack[])(const uint8_t *, size_t, uint8_t *, size_t) = {pack_gzip, pack_zstd};
    static const char *const damaged[] = {"gzip data are", "zstd data are"};
    np_capture_counts counts;
    for (int kind = 0; kind < 2; kind++) {
        size_t whole = pack[kind](plain, n, packed, room);
        assert_int_equal(read_packed(packed, whole, true, &counts), PACKED_PACKETS);
        assert_int_equal(counts.cut_files, 0);
        for (int i = 0; i < 30; i++) {
            /* Cut: what was before the cut comes out, and the cut is told. */
            size_t kept = whole / 2 + any((uint32_t)(whole / 2));
            uint32_t packets = read_packed(packed, kept, true, &counts);
            assert_true(packets > 0 && packets <= PACKED_PACKETS);
            assert_int_equal(counts.cut_files, 1);
            assert_non_null(strstr(counts.cut_text, damaged[kind]));
        }
        memset(packed + whole / 2, 0xa5, 64);
        uint32_t packets = read_packed(packed, whole, false, &counts);
        assert_true(packets < 2 * PACKED_PACKETS);
        assert_int_equal(counts.cut_files + counts.unused_files, 1);
        /* Two packed parts, one after the other, are one file. */
        size_t first = pack[kind](plain, n / 3, packed, room);
        size_t second = pack[kind](plain + n / 3, n - n / 3, packed + first, room - first);
        assert_int_equal(read_packed(packed, first + second, true, &counts), PACKED_PACKETS);
        assert_int_equal(counts.cut_files, 0);
        /* A reader who leaves early. */
        whole = pack[kind](plain, n, packed, room);
        char *path = file_of(packed, whole);
        np_error e = {0};
        np_captured got;
        np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
        assert_int_equal(np_capture_next(c, &got, &e), 1);
        np_capture *again = np_capture_again(c, &e);
        assert_non_null(again);
        np_capture_close(c);
        assert_int_equal(np_capture_next(again, &got, &e), 1);
        assert_int_equal(got.n, 0);
        np_capture_close(again);
        drop(path);
    }
    free(plain);
    free(packed);
}

/* Of several files the unknown and the damaged are left out, and named. */
static void test_left_out(void **state)
{
    (void)state;
    char *path[3];
    FILE *f = temporary(&path[0]);
    write_head(f, 107);
    fclose(f);
    f = temporary(&path[1]);
    write_head(f, LINKTYPE_RAW);
    put(f, BEGAN, 1, 1);
    fclose(f);
    f = temporary(&path[2]);
    write_head(f, LINKTYPE_RAW);
    fwrite("\1\2\3", 3, 1, f);
    fclose(f);
    np_error e;
    np_captured got;
    np_capture *c = np_capture_open((const char *const *)path, 3, NULL, &e);
    assert_non_null(c);
    assert_int_equal(np_capture_next(c, &got, &e), 1);
    assert_int_equal(got.packet.sport, 1);
    assert_int_equal(np_capture_next(c, &got, &e), 0);
    assert_int_equal(np_capture_count(c)->unused_files, 2);
    assert_non_null(strstr(np_capture_count(c)->unused_text, path[0]));
    np_capture_close(c);
    for (int i = 0; i < 3; i++) drop(path[i]);
}

/* Cut anywhere, a file gives its whole packets, and says that it was cut unless the cut is between two. */
static void test_cut_short(void **state)
{
    (void)state;
    enum { PACKETS = 4, RECORD = 16 + 28, WHOLE = 24 + PACKETS * RECORD };
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    for (uint32_t i = 0; i < PACKETS; i++) put(f, BEGAN + i, 0, i);
    fclose(f);
    for (uint32_t size = WHOLE; size > 24 + RECORD; size--) {
        assert_int_equal(truncate(path, size), 0);
        np_error e;
        np_captured got;
        np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
        assert_non_null(c);
        uint32_t n = 0;
        int result;
        while ((result = np_capture_next(c, &got, &e)) == 1) n++;
        assert_int_equal(result, 0);
        assert_int_equal(n, (size - 24) / RECORD);
        assert_int_equal(np_capture_count(c)->cut_files, (size - 24) % RECORD != 0);
        if ((size - 24) % RECORD) {
            assert_non_null(strstr(np_capture_count(c)->cut_text, path));
            assert_non_null(strstr(np_capture_count(c)->cut_text, "truncated"));
        }
        np_capture_close(c);
    }
    drop(path);
}

/* Seconds above 2^31 are after 2038, not before 1970; absurd nanoseconds do no harm. */
static void test_far_times(void **state)
{
    (void)state;
    char *path;
    FILE *f = temporary(&path);
    write_head(f, LINKTYPE_RAW);
    put(f, (np_time)4000000000 * NP_SECOND + 5, 0, 0);
    uint32_t head[4] = {4000000001u, 0xfffffff0u, 0, 0};
    fwrite(head, sizeof head, 1, f);
    fclose(f);
    np_error e;
    np_captured got;
    np_capture *c = np_capture_open((const char *[]){path}, 1, NULL, &e);
    assert_int_equal(np_capture_next(c, &got, &e), 1);
    assert_true(got.time == (np_time)4000000000 * NP_SECOND + 5);
    assert_int_equal(np_capture_next(c, &got, &e), 1);
    assert_true(got.time == (np_time)4000000001 * NP_SECOND);
    assert_int_equal(got.decoded, NP_DECODED_MALFORMED);
    np_capture_close(c);
    drop(path);
}

int main(void)
{
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    const struct CMUnitTest test[] = {
        cmocka_unit_test(test_merge),     cmocka_unit_test(test_backwards),
        cmocka_unit_test(test_filter),    cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_left_out),  cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_far_times),
    };
    return cmocka_run_group_tests_name("captures", test, NULL, NULL);
}
