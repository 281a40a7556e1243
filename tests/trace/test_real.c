/*
 * Every real capture, whole and cut anywhere: read, replayed and put on a curve. Whole ones have as many
 * packets and bytes as capinfos (of Wireshark) counts; what cannot be used says why.
 */
#include "natpulse/curve.h"
#include "pcap_writer.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FILES_MOST 400
#define BYTES_MOST ((size_t)4 << 20)

static uint64_t random_state;
static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

typedef struct real {
    char *path;
    bool counted; /* by capinfos */
    uint64_t packets, bytes;
} real;

static real file[FILES_MOST];
static uint32_t files;

static void list_files(const char *root, const char *directory)
{
    char name[1000];
    snprintf(name, sizeof name, "%s/%s", root, directory);
    DIR *d = opendir(name);
    if (!d) return;
    for (struct dirent *entry; (entry = readdir(d)) && files < FILES_MOST;) {
        if (entry->d_name[0] == '.') continue;
        char *path = malloc(strlen(name) + strlen(entry->d_name) + 2);
        sprintf(path, "%s/%s", name, entry->d_name);
        file[files++] = (real){.path = path};
    }
    closedir(d);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const real *)a)->path, ((const real *)b)->path);
}

/* One capinfos for all: "path,packets,bytes" a line, none for what it cannot read. */
static void ask_capinfos(const char *root)
{
    char command[1200], line[1400];
    snprintf(command, sizeof command, "capinfos -T -r -m -c -d '%s'/debian/* '%s'/fetched/* 2>/dev/null",
             root, root);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *bytes = strrchr(line, ',');
        if (!bytes) continue;
        *bytes++ = '\0';
        char *packets = strrchr(line, ',');
        if (!packets) continue;
        *packets++ = '\0';
        real key = {.path = line}, *found = bsearch(&key, file, files, sizeof *file, by_path);
        if (!found) continue;
        found->counted = true;
        found->packets = strtoull(packets, NULL, 10);
        found->bytes = strtoull(bytes, NULL, 10);
    }
    pclose(f);
}

/* Packets and their bytes on the wire; false when not one could be read, with the reason in *e. */
static bool count(const char *path, uint64_t *packets, uint64_t *bytes, np_capture_counts *counts,
                  np_error *e)
{
    const char *paths[1] = {path};
    np_capture *c = np_capture_open(paths, 1, NULL, e);
    np_captured got;
    int more = 0;
    *packets = *bytes = 0;
    while (c && (more = np_capture_next(c, &got, e)) == 1) {
        assert_true(got.decoded < NP_DECODED_COUNT);
        ++*packets;
        *bytes += got.wire;
    }
    if (c) *counts = *np_capture_count(c);
    np_capture_close(c);
    return c && more == 0;
}

static void test_counts(void **state)
{
    (void)state;
    uint32_t equal = 0, named = 0;
    for (uint32_t i = 0; i < files; i++) {
        uint64_t packets, bytes;
        np_capture_counts counts;
        np_error e = {0};
        if (!count(file[i].path, &packets, &bytes, &counts, &e)) {
            assert_non_null(strstr(e.text, file[i].path)); /* what is wrong is said about the file */
            named++;
            continue;
        }
        assert_int_equal(counts.packets, packets);
        if (!file[i].counted) continue;
        if (packets != file[i].packets || bytes != file[i].bytes)
            fail_msg("%s: %llu packets of %llu bytes, capinfos has %llu of %llu", file[i].path,
                     (unsigned long long)packets, (unsigned long long)bytes,
                     (unsigned long long)file[i].packets, (unsigned long long)file[i].bytes);
        equal++;
    }
    print_message("%u files have the packets and bytes that capinfos counts, %u cannot be used and say why\n",
                  equal, named);
    assert_true(equal > 80);
}

static void use(const char *path)
{
    static np_replay_summary s[3];
    const char *paths[1] = {path};
    np_error e = {0};
    np_nat_config nat[3];
    for (int i = 0; i < 3; i++) {
        np_nat_defaults(&nat[i]);
        nat[i].capacity = 1 + any(50);
        nat[i].evict = i == 0 ? "lru" : i == 1 ? "random" : "belady";
    }
    np_replay_config config = {.nat = nat, .boxes = 1 + any(3), .closed = (np_closed)any(2)};
    if (any(3) == 0) {
        config.boxes = 1;
        config.has_public = true;
        config.public_address = np_addr_ipv4(any(2) ? 0xc0a80001 : 0x08080808);
    }
    np_capture *c = np_capture_open(paths, 1, NULL, &e);
    if (c && np_replay_run(c, &config, NULL, s, &e)) {
        const np_capture_counts *n = np_capture_count(c);
        uint64_t decoded = n->by_decoded[NP_DECODED_OK] + n->by_decoded[NP_DECODED_ERROR];
        for (uint32_t i = 0; i < config.boxes; i++) {
            assert_int_equal(s[i].outbound + s[i].inbound + s[i].local + s[i].elsewhere, decoded);
            assert_int_equal(s[i].forwarded + s[i].dropped + s[i].reset, s[i].outbound + s[i].inbound);
        }
    }
    np_capture_close(c);
    np_curve_config curve = {
        .timeout = {NP_SECOND, NP_MINUTE, NP_NEVER}, .timeouts = 3, .sample = any(2) ? 1 : 0.3};
    c = np_capture_open(paths, 1, NULL, &e);
    if (c) np_curve_destroy(np_curve_run(c, &curve, NULL, &e));
    np_capture_close(c);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    static uint8_t bytes[BYTES_MOST];
    char *path;
    fclose(temporary(&path));
    for (uint32_t i = 0; i < files; i++) {
        use(file[i].path);
        FILE *f = fopen(file[i].path, "rb");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        if (n < 2) continue;
        for (int round = 0; round < 4; round++) {
            f = fopen(path, "wb");
            size_t kept = 1 + any((uint32_t)(round == 0 && n > 200 ? 200 : n - 1));
            /* Lengths and types of blocks and packets, now and then, absurd ones. */
            for (uint32_t flips = round == 3 ? 1 + any(20) : 0; flips > 0; flips--)
                bytes[any((uint32_t)(n < 400 ? n : 400))] = (uint8_t)any(256);
            fwrite(bytes, kept, 1, f);
            fclose(f);
            use(path);
        }
    }
    unlink(path);
    free(path);
}

int main(void)
{
    const char *root = getenv("NP_PCAPS") ? getenv("NP_PCAPS") : "../shared/pcaps";
    random_state = getenv("NP_SEED") ? strtoull(getenv("NP_SEED"), NULL, 0) : 1;
    printf("NP_SEED=%llu\n", (unsigned long long)random_state);
    list_files(root, "debian");
    list_files(root, "fetched");
    if (files == 0) {
        puts("no real captures (NP_PCAPS names their directory)");
        return 77;
    }
    if (system("capinfos --version > /dev/null 2>&1") != 0) {
        puts("capinfos is not installed");
        return 77;
    }
    qsort(file, files, sizeof *file, by_path);
    ask_capinfos(root);
    const struct CMUnitTest test[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_cut_anywhere)};
    int failed = cmocka_run_group_tests_name("real captures", test, NULL, NULL);
    for (uint32_t i = 0; i < files; i++) free(file[i].path);
    return failed;
}
