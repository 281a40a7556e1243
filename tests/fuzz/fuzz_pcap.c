/*
 * libFuzzer target for captures: the decoder on single packets of every link type, and whole files through
 * their readers, merging, replay through two boxes and the curve.
 *
 * The first byte chooses: a link type and the packet behind it, or (the other values) a file.
 */
#include "../../sim/trace/decode.h"
#include "natpulse/curve.h"
#include <pcap/dlt.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int links[] = {DLT_EN10MB, DLT_LINUX_SLL,  DLT_LINUX_SLL2, DLT_RAW,
                            DLT_IPV4,   DLT_IPV6,       DLT_NULL,       DLT_LOOP,
                            DLT_PPP,    DLT_PPP_SERIAL, DLT_PPP_ETHER,  DLT_C_HDLC};
#define LINKS (sizeof links / sizeof *links)

/* One packet with and one without a memory for fragments: what both decode must be the same. */
static void one_packet(int link, const uint8_t *data, size_t size, uint32_t more)
{
    static np_decoder decoder;
    np_packet p, q;
    np_tuple quoted;
    uint32_t n = (uint32_t)size;
    np_decoded plain = np_decode(link, data, n, n + more, &p);
    np_decoded remembering = np_decoder_decode(&decoder, link, data, n, n + more, 0, &q, &quoted);
    if (plain != remembering && plain != NP_DECODED_FRAGMENT) abort();
    if (plain == NP_DECODED_OK && memcmp(&p, &q, sizeof p) != 0) abort();
    if (plain == NP_DECODED_OK && p.family != 4 && p.family != 6) abort();
}

/* The same as a replay, for one size and timeout. */
static void whole_curve(const char *const *paths, np_closed closed, np_replay_summary *s)
{
    np_error e;
    np_nat_config nat;
    np_nat_defaults(&nat);
    nat.capacity = 3;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) nat.timeout[i] = NP_SECOND;
    np_replay_config config = {.nat = &nat, .closed = closed};
    np_curve_config curve = {.timeout = {NP_SECOND, NP_NEVER}, .timeouts = 2, .closed = closed, .sample = 1};
    np_capture *c = np_capture_open(paths, 2, NULL, &e), *again = np_capture_open(paths, 2, NULL, &e);
    if (c && again && np_replay_run(c, &config, NULL, s, &e)) {
        np_curve *whole = np_curve_run(again, &curve, NULL, &e);
        if (!whole) abort();
        np_curve_point p = np_curve_at(whole, nat.capacity, 0);
        if (p.flows_hurt != s->flows_hurt || p.packets_hurt != s->packets_hurt) abort();
        np_curve_destroy(whole);
    }
    np_capture_close(c);
    np_capture_close(again);
}

static void whole_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("capture", 0);
    if (fd < 0) return;
    if (write(fd, data, size) == (ssize_t)size) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        np_error e;
        static np_replay_summary s[2];
        np_nat_config nat[2];
        np_nat_defaults(&nat[0]);
        nat[0].capacity = 4;
        nat[1] = nat[0];
        nat[1].evict = "random";
        np_replay_config config = {.nat = nat, .boxes = 2, .closed = (np_closed)(size % 2)};
        const char *const paths[] = {path, path};
        np_capture *c = np_capture_open(paths, 2, NULL, &e);
        if (c && np_replay_run(c, &config, NULL, s, &e)) {
            const np_capture_counts *n = np_capture_count(c);
            if (s->outbound + s->inbound + s->local + s->elsewhere !=
                n->by_decoded[NP_DECODED_OK] + n->by_decoded[NP_DECODED_ERROR])
                abort();
            if (s->forwarded + s->dropped + s->reset != s->outbound + s->inbound) abort();
        }
        np_capture_close(c);
        whole_curve(paths, config.closed, s);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    if (data[0] < 2 * LINKS)
        one_packet(links[data[0] % LINKS], data + 1, size - 1, data[0] < LINKS ? 0 : 1000);
    else
        whole_file(data + 1, size - 1);
    return 0;
}
