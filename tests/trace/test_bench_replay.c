/*
 * The measured reading is what it says: a capture that libpcap, a box and the curve find whole, the same each
 * time, gone afterwards unless it is to be kept.
 */
#include "natpulse/bench_replay.h"
#include "natpulse/capture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int open_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/natpulse-test-XXXXXX");
    return mkdtemp(dir) && setenv("TMPDIR", dir, 1) == 0 ? 0 : -1;
}

/* Nothing is left in it. */
static int close_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void all_readers_meet_all(void **state)
{
    (void)state;
    static const struct {
        uint64_t packets;
        uint32_t snaplen;
    } row[] = {{1, 0}, {2, 64}, {1000, 0}, {30000, 96}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_error e = {0};
        np_bench_replay *b = np_bench_replay_create(NULL, row[i].packets, row[i].snaplen, &e);
        if (!b) fail_msg("%s", e.text);
        if (!np_bench_replay_bare(b, &e)) fail_msg("%s", e.text);
        if (!np_bench_replay_box(b, NULL, &e)) fail_msg("%s", e.text);
        if (!np_bench_replay_curve(b, NULL, &e)) fail_msg("%s", e.text);
        if (row[i].snaplen)
            assert_true(np_bench_replay_bytes(b) <= 24 + row[i].packets * (16 + row[i].snaplen));
        np_bench_replay_destroy(b);
        assert_int_equal(rmdir(dir), 0); /* which takes an empty one */
        assert_int_equal(mkdir(dir, 0700), 0);
    }
}

/* What is in it, counted by our own reader: all of it TCP and UDP that can be decoded, half of it without
   payload, 640 bytes on average. */
static void traffic_is_as_told(void **state)
{
    (void)state;
    enum { PACKETS = 20000 };
    char path[100], again[100], command[300];
    np_error e = {0};
    snprintf(path, sizeof path, "%s/one", dir);
    snprintf(again, sizeof again, "%s/two", dir);
    np_bench_replay *b = np_bench_replay_create(path, PACKETS, 0, &e);
    assert_non_null(b);
    uint64_t bytes = np_bench_replay_bytes(b);
    np_bench_replay_destroy(b);
    struct stat st;
    assert_int_equal(stat(path, &st), 0); /* it stays */
    assert_int_equal(st.st_size, bytes);

    const char *file = path;
    np_capture *c = np_capture_open(&file, 1, NULL, &e);
    np_captured p;
    uint32_t tcp = 0, bare = 0, all = 0;
    uint64_t wire = 0;
    while (np_capture_next(c, &p, &e) == 1) {
        assert_int_equal(p.decoded, NP_DECODED_OK);
        tcp += p.packet.proto == NP_TCP;
        bare += p.wire <= 54;
        wire += p.wire;
        all++;
    }
    np_capture_close(c);
    assert_int_equal(all, PACKETS);
    assert_true(tcp > 0.7 * all && tcp < 0.95 * all);
    assert_true(bare > 0.4 * all && bare < 0.75 * all);
    assert_true(wire > 500 * (uint64_t)all && wire < 750 * (uint64_t)all);

    b = np_bench_replay_create(again, PACKETS, 0, &e);
    np_bench_replay_destroy(b);
    snprintf(command, sizeof command, "cmp -s '%s' '%s'", path, again);
    assert_int_equal(system(command), 0);
    unlink(path);
    unlink(again);
}

static void trouble(void **state)
{
    (void)state;
    np_error e = {0};
    assert_null(np_bench_replay_create("/nowhere/at/all", 10, 0, &e));
    assert_int_equal(e.kind, NP_TROUBLE_RUN);
    assert_non_null(strstr(e.text, "/nowhere/at/all: cannot be written: "));
    setenv("TMPDIR", "/nowhere", 1);
    assert_null(np_bench_replay_create(NULL, 10, 0, &e));
    setenv("TMPDIR", dir, 1);
    if (access("/dev/full", W_OK) == 0) {
        assert_null(np_bench_replay_create("/dev/full", 100000, 0, &e));
        assert_non_null(strstr(e.text, "writing failed"));
    }
    /* A capture that was cut behind our back is no measurement. */
    char path[100];
    snprintf(path, sizeof path, "%s/cut", dir);
    np_bench_replay *b = np_bench_replay_create(path, 1000, 0, &e);
    assert_int_equal(truncate(path, (off_t)np_bench_replay_bytes(b) / 2), 0);
    assert_false(np_bench_replay_bare(b, &e));
    assert_false(np_bench_replay_box(b, NULL, &e));
    assert_false(np_bench_replay_curve(b, NULL, &e));
    np_bench_replay_destroy(b);
    unlink(path);
    volatile int stop = 2;
    b = np_bench_replay_create(NULL, 100000, 0, &e);
    assert_false(np_bench_replay_box(b, &stop, &e));
    assert_non_null(strstr(e.text, "stopped"));
    np_bench_replay_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_readers_meet_all),
        cmocka_unit_test(traffic_is_as_told),
        cmocka_unit_test(trouble),
    };
    return cmocka_run_group_tests(tests, open_dir, close_dir);
}
