/*
 * pcap files (draft-ietf-opsawg-pcap):
 *
 *     magic, version, 0, 0, snaplen, link | seconds, fraction, captured, on the wire | bytes | seconds ...
 *
 * Packets are looked at where they lie in the stream's buffer. A length that no packet can have ends the
 * file: behind it nothing is where it seems to be.
 */
#include "pcap_file.h"
#include <stdio.h>
#include <string.h>

#define MAGIC_MICRO   0xa1b2c3d4u
#define MAGIC_NANO    0xa1b23c4du
#define RECORD_HEAD   16
#define CAPTURED_MOST 262144u     /* libpcap's MAXIMUM_SNAPLEN */
#define LINK_BITS     0x03ffffffu /* above them: the length of a frame check sequence */

static uint32_t word(const np_pcap_file *p, const uint8_t *at)
{
    return np_frame_word(at, p->swapped);
}

static uint32_t half(const np_pcap_file *p, const uint8_t *at)
{
    return np_frame_half(at, p->swapped);
}

bool np_pcap_file_begin(np_pcap_file *p, np_input *s, const uint8_t head[NP_PCAP_HEAD])
{
    *p = (np_pcap_file){.stream = s};
    uint32_t magic = word(p, head);
    p->swapped = magic != MAGIC_MICRO && magic != MAGIC_NANO;
    magic = word(p, head);
    if ((magic != MAGIC_MICRO && magic != MAGIC_NANO) || half(p, head + 4) != 2 || half(p, head + 6) != 4)
        return false;
    p->unit_ns = magic == MAGIC_NANO ? 1 : 1000;
    p->snaplen = word(p, head + 16);
    if (p->snaplen == 0 || p->snaplen > CAPTURED_MOST) p->snaplen = CAPTURED_MOST;
    p->link = np_frame_link(word(p, head + 20) & LINK_BITS, head[0] == 0xa1);
    return true;
}

static int ends(np_pcap_file *p, bool within)
{
    const np_input *s = p->stream;
    if (s->error)
        snprintf(p->trouble, sizeof p->trouble, "the file cannot be read to its end: %s", strerror(s->error));
    else if (within || !np_input_at_end(s))
        snprintf(p->trouble, sizeof p->trouble, "the file is truncated within a packet");
    else
        return 0;
    return -1;
}

int np_pcap_file_next(np_pcap_file *p, np_frame *out)
{
    const uint8_t *h = np_input_take(p->stream, RECORD_HEAD);
    if (!h) return ends(p, false);
    uint32_t captured = word(p, h + 8);
    *out = (np_frame){.link = p->link,
                      .time = np_frame_time(word(p, h), (uint64_t)word(p, h + 4) * p->unit_ns),
                      .captured = captured < p->snaplen ? captured : p->snaplen,
                      .wire = word(p, h + 12)};
    if (captured > CAPTURED_MOST) {
        snprintf(p->trouble, sizeof p->trouble,
                 "a packet claims %u captured bytes, and none has more than %u", captured, CAPTURED_MOST);
        return -1;
    }
    out->data = np_input_take(p->stream, captured);
    np_input_prefetch(p->stream); /* the next packet's heads */
    return out->data ? 1 : ends(p, true);
}
