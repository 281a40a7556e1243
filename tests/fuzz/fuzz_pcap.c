/*
 * libFuzzer target for captures: the decoder on single packets of every link type, and whole files through
 * libpcap, merging and replay.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iinclude tests/fuzz/fuzz_pcap.c \
 *         sim/trace/*.c sim/nat/*.c sim/net/*.c sim/core/*.c -lpcap -lz -lzstd -lm -o fuzz_pcap
 *
 * The first byte chooses: a link type and the packet behind it, or (the other values) a file.
 */
#include "../../sim/trace/decode.h"
#include "natpulse/replay.h"
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

static void whole_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("capture", 0);
    if (fd < 0) return;
    if (write(fd, data, size) == (ssize_t)size) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        np_error e;
        np_nat_config nat;
        np_replay_summary s;
        np_nat_defaults(&nat);
        nat.capacity = 4;
        np_replay_config config = {.nat = &nat};
        np_capture *c = np_capture_open((const char *[]){path, path}, 2, NULL, &e);
        if (c && np_replay_run(c, &config, NULL, &s, &e)) {
            const np_capture_counts *n = np_capture_count(c);
            if (s.outbound + s.inbound + s.local + s.elsewhere !=
                n->by_decoded[NP_DECODED_OK] + n->by_decoded[NP_DECODED_ERROR])
                abort();
            if (s.forwarded + s.dropped + s.reset != s.outbound + s.inbound) abort();
        }
        np_capture_close(c);
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
