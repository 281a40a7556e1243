/*
 * pcapng (draft-ietf-opsawg-pcapng): a file is a list of blocks.
 *
 *     type | length | body ... | length again      section header: byte order; its interfaces follow
 *                                                   interface: link type, resolution and offset of its times
 *                                                   packet (enhanced, simple, obsolete): one of an interface
 *
 * A section header begins the file, and may come again anywhere, as when files were put one behind the other:
 * then interfaces count from 0 again and the byte order may be another. Blocks of other types are passed
 * over.
 *
 * Every byte may be hostile. The body of a block is there whole before it is looked at, and every length in
 * it is compared with what there is. A length is believed only up to BLOCK_MOST; blocks that are passed over
 * may be longer, since they are not kept.
 *
 * Memory: the stream's, which grows with the longest block, and 24 bytes an interface. Packets are not
 * copied.
 */
#include "pcapng.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Block types. */
#define SECTION         0x0a0d0d0au
#define INTERFACE       1u
#define PACKET          2u /* obsolete, still written by old programs */
#define SIMPLE_PACKET   3u
#define ENHANCED_PACKET 6u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

/* Options of an interface. */
#define OPTION_END        0
#define OPTION_RESOLUTION 9
#define OPTION_OFFSET     14

/* The most that libpcap believes of a block too; the largest packet is 256 kB. */
#define BLOCK_MOST ((uint32_t)16 << 20)

typedef struct interface {
    int link;
    uint32_t snaplen; /* 0: no limit */
    int64_t offset_s;
    uint64_t units; /* a second has */
} interface;

struct np_pcapng {
    np_input *stream;
    bool started, swapped; /* a section was begun; its byte order is not this machine's */
    bool big_endian;       /* its byte order is the network's */
    interface *interface;  /* of the section */
    uint32_t interfaces, room;
    np_time last;     /* of the latest packet that has a time */
    char trouble[96]; /* what is wrong */
};

np_pcapng *np_pcapng_create(np_input *s)
{
    np_pcapng *p = calloc(1, sizeof *p);
    if (p) p->stream = s;
    return p;
}

void np_pcapng_destroy(np_pcapng *p)
{
    if (!p) return;
    free(p->interface);
    free(p);
}

const char *np_pcapng_trouble(const np_pcapng *p)
{
    return p->trouble;
}

int np_pcapng_link(const np_pcapng *p, uint32_t number)
{
    return number < p->interfaces ? p->interface[number].link : -1;
}

/* ---- reading ---- */

static int damaged(np_pcapng *p, const char *what)
{
    snprintf(p->trouble, sizeof p->trouble, "%s", what);
    return -1;
}

static uint32_t word(const np_pcapng *p, const uint8_t *at)
{
    return np_frame_word(at, p->swapped);
}

static uint32_t half(const np_pcapng *p, const uint8_t *at)
{
    return np_frame_half(at, p->swapped);
}

/* The next n bytes of a block; NULL, with the reason in p->trouble, when they are not there. */
static const uint8_t *get(np_pcapng *p, size_t n)
{
    const uint8_t *bytes = np_input_take(p->stream, n);
    if (bytes) return bytes;
    int error = p->stream->error;
    snprintf(p->trouble, sizeof p->trouble, "%s%s",
             error ? "the file cannot be read to its end: " : "the file is truncated within a block",
             error ? strerror(error) : "");
    return NULL;
}

static int pass_over(np_pcapng *p, uint32_t n)
{
    const uint32_t step = 4096;
    for (; n > 0; n -= n < step ? n : step)
        if (!get(p, n < step ? n : step)) return -1;
    return 1;
}

/* ---- sections and interfaces ---- */

/* The header's second word, its length, depends on the byte order that the third tells: so the first three
   come together. */
static int section(np_pcapng *p, uint32_t *length)
{
    const uint8_t *magic = get(p, 4);
    uint32_t found;
    if (!magic) return -1;
    memcpy(&found, magic, sizeof found);
    if (found != BYTE_ORDER_MAGIC && found != __builtin_bswap32(BYTE_ORDER_MAGIC))
        return damaged(p, "a section header has no byte-order magic");
    bool swapped = found != BYTE_ORDER_MAGIC;
    if (swapped != p->swapped) *length = __builtin_bswap32(*length);
    p->swapped = swapped;
    p->big_endian = magic[0] == 0x1a;
    p->interfaces = 0;
    p->started = true;
    return 1;
}

static int section_body(np_pcapng *p, const uint8_t *b, uint32_t n)
{
    if (n < 12) return damaged(p, "a section header is too short");
    return half(p, b) == 1 ? 1 : damaged(p, "a section's version is unknown");
}

/* The resolution's highest bit tells whether it is a power of 2 or of 10. */
static uint64_t units_of(uint8_t resolution)
{
    uint32_t exponent = resolution & 0x7f;
    uint64_t units = 1;
    if (resolution & 0x80) return exponent < 64 ? units << exponent : 0;
    if (exponent > 19) return 0;
    while (exponent-- > 0) units *= 10;
    return units;
}

static bool interface_options(np_pcapng *p, const uint8_t *at, const uint8_t *end, interface *i)
{
    while (end - at >= 4) {
        uint32_t code = half(p, at), length = half(p, at + 2), padded = (length + 3) & ~3u;
        at += 4;
        if (code == OPTION_END || (uint32_t)(end - at) < padded) break;
        if (code == OPTION_RESOLUTION && length == 1) {
            i->units = units_of(at[0]);
            if (i->units == 0) return false;
        }
        if (code == OPTION_OFFSET && length == 8) {
            uint64_t low = word(p, at + (p->big_endian ? 4 : 0)),
                     high = word(p, at + (p->big_endian ? 0 : 4));
            i->offset_s = (int64_t)(high << 32 | low);
        }
        at += padded;
    }
    return true;
}

static int interface_body(np_pcapng *p, const uint8_t *b, uint32_t n)
{
    if (n < 8) return damaged(p, "an interface is described too briefly");
    if (p->interfaces == p->room) {
        uint32_t room = p->room ? 2 * p->room : 8;
        interface *wider = realloc(p->interface, room * sizeof *wider);
        if (!wider) return damaged(p, "no memory for an interface");
        p->interface = wider;
        p->room = room;
    }
    interface *i = &p->interface[p->interfaces++];
    *i = (interface){
        .link = np_frame_link(half(p, b), p->big_endian), .snaplen = word(p, b + 4), .units = 1000000};
    if (!interface_options(p, b + 8, b + n, i))
        return damaged(p, "an interface's time resolution is finer than 64 bits hold");
    return 1;
}

/* ---- packets ---- */

static np_time time_of(const interface *i, uint64_t stamp)
{
    uint64_t s = stamp / i->units, rest = stamp % i->units;
    __extension__ __int128 seconds = (__int128)s + i->offset_s;
    __extension__ unsigned __int128 ns = (unsigned __int128)rest * NP_SECOND / i->units;
    if (seconds > NP_LAST_SECOND) seconds = NP_LAST_SECOND;
    return np_frame_time(seconds < 0 ? -1 : (int64_t)seconds, (uint64_t)ns);
}

/* An enhanced packet and the obsolete one differ in the first 4 bytes: an interface's number of 32 bits, or
   one of 16 and a count of drops. */
static int packet(np_pcapng *p, uint32_t type, const uint8_t *b, uint32_t n, np_frame *out)
{
    if (n < 20) return damaged(p, "a packet block is too short");
    uint32_t number = type == PACKET ? half(p, b) : word(p, b), captured = word(p, b + 12);
    if (number >= p->interfaces) {
        snprintf(p->trouble, sizeof p->trouble, "a packet is of interface %u, and the section has %u", number,
                 p->interfaces);
        return -1;
    }
    if (captured > n - 20) return damaged(p, "a packet is longer than its block");
    const interface *i = &p->interface[number];
    p->last = time_of(i, (uint64_t)word(p, b + 4) << 32 | word(p, b + 8));
    *out = (np_frame){
        .link = i->link, .time = p->last, .captured = captured, .wire = word(p, b + 16), .data = b + 20};
    return 1;
}

/* It has no time: that of the packet before. */
static int simple_packet(np_pcapng *p, const uint8_t *b, uint32_t n, np_frame *out)
{
    if (n < 4) return damaged(p, "a packet block is too short");
    if (p->interfaces == 0) return damaged(p, "a packet comes before any interface");
    const interface *i = p->interface;
    uint32_t wire = word(p, b), captured = wire;
    if (i->snaplen && captured > i->snaplen) captured = i->snaplen;
    if (captured > n - 4) return damaged(p, "a packet is longer than its block");
    *out = (np_frame){.link = i->link, .time = p->last, .captured = captured, .wire = wire, .data = b + 4};
    return 1;
}

static bool is_kept(uint32_t type)
{
    return type == SECTION || type == INTERFACE || type == ENHANCED_PACKET || type == PACKET ||
           type == SIMPLE_PACKET;
}

/* What is left of a block of that length: n bytes of body, and the length again. They are taken together, so
   that the packet in them stays where it is. */
static int rest_of(np_pcapng *p, uint32_t type, uint32_t length, uint32_t n, np_frame *out, bool *is_packet)
{
    if (n > BLOCK_MOST && is_kept(type)) return damaged(p, "a block claims to be longer than 16 MB");
    if (!is_kept(type) && pass_over(p, n) != 1) return -1;
    uint32_t kept = is_kept(type) ? n : 0;
    const uint8_t *b = get(p, kept + 4);
    if (!b) return -1;
    if (word(p, b + kept) != length) return damaged(p, "a block's two lengths differ");
    *is_packet = type == ENHANCED_PACKET || type == PACKET || type == SIMPLE_PACKET;
    switch (type) {
    case SECTION: return section_body(p, b, n);
    case INTERFACE: return interface_body(p, b, n);
    case ENHANCED_PACKET:
    case PACKET: return packet(p, type, b, n, out);
    case SIMPLE_PACKET: return simple_packet(p, b, n, out);
    default: return 1;
    }
}

/* One block: 1, 0, -1 as np_pcapng_next. */
static int block(np_pcapng *p, np_frame *out, bool *is_packet)
{
    const uint8_t *head = np_input_take(p->stream, 8);
    if (!head) {
        if (!p->stream->error && np_input_at_end(p->stream)) return 0;
        get(p, 8); /* the same again, for its reason */
        return -1;
    }
    uint32_t type = word(p, head), length = word(p, head + 4), fixed = 12;
    if (type == SECTION) { /* the same in either byte order */
        if (section(p, &length) != 1) return -1;
        fixed += 4;
    } else if (!p->started) {
        return damaged(p, "the file does not begin with a section header");
    }
    if (length < fixed || length % 4 != 0) return damaged(p, "a block's length is impossible");
    return rest_of(p, type, length, length - fixed, out, is_packet);
}

int np_pcapng_next(np_pcapng *p, np_frame *out)
{
    bool is_packet = false;
    int got = 1;
    while (got == 1 && !is_packet) got = block(p, out, &is_packet);
    return got;
}
