/*
 * Captures in: libpcap's savefile readers under one clock.
 *
 *     file -> pcap_t -> head --.
 *     file -> pcap_t -> head --+-- binary heap by (time, file number) -> decode -> np_captured
 *     file -> pcap_t -> head --'
 *
 * Each file has its next packet read ahead (its head); the heap's root is the earliest. Its bytes stay in
 * libpcap's buffer until that file is read again, so nothing is copied: a packet is decoded when it is taken,
 * and the file is read again at the call after that.
 *
 * Time never runs backwards for the caller: a packet that claims an earlier time than the last one bears the
 * last one's time, and is counted. The order of the packets of one file is kept whatever their times say.
 *
 * Damage: a file is used up to the place where libpcap gives up. Only when not one file gave a packet or a
 * clean end is that an error.
 *
 * Memory: a read buffer and libpcap's packet buffer for each file, and the decoder's fragment memory.
 * Cost: one file, no heap work; k files, O(log k) a packet, and O(1) where they follow each other in time.
 */
#include "natpulse/capture.h"
#include "decode.h"
#include "unpack.h"
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read(2) for some hundred packets: the C library's default of one page costs a third of the reading
   time, and 256 kB a fifth, since the data have left the core's own cache before they are looked at. */
#define READ_BUFFER ((size_t)64 * 1024)

/* Times from here on do not fit np_time: the year 2262. */
#define LAST_SECOND ((int64_t)9223372035)

typedef struct source {
    const char *path;  /* the caller's; used for messages */
    pcap_t *pcap;      /* NULL: not used */
    char *buffer;      /* of the FILE that libpcap owns */
    np_unpack *unpack; /* NULL: the file is not compressed */
    uint64_t size;     /* of the file on disk; 0: it is none */
    int link;
    struct bpf_program filter;
    np_time time; /* of the head */
    struct pcap_pkthdr *header;
    const uint8_t *data;
    uint64_t packets; /* read */
} source;

struct np_capture {
    source *file;
    uint32_t files;
    const char *filter;      /* the caller's, or NULL */
    uint32_t *heap, in_heap; /* numbers of files that have a head */
    bool filtered, primed;
    bool root_used; /* the root's head was given out: read its file before anything else */
    bool any_time;
    np_time last;
    uint64_t n;
    np_capture_counts counts;
    np_decoder decoder;
};

static const char *shown(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* ---- opening ---- */

static FILE *open_stream(source *s, np_error *e)
{
    FILE *f;
    if (strcmp(s->path, "-") == 0) {
        /* A descriptor of its own, so that libpcap may close it. */
        int fd = dup(STDIN_FILENO);
        f = fd < 0 ? NULL : fdopen(fd, "rb");
        if (!f && fd >= 0) close(fd);
    } else {
        f = fopen(s->path, "rb");
    }
    if (!f) {
        np_fail(e, NP_TROUBLE_INPUT, "%s: cannot open the capture: %s", shown(s->path), strerror(errno));
        return NULL;
    }
    struct stat st;
    bool known = fstat(fileno(f), &st) == 0;
    if (known && S_ISDIR(st.st_mode)) {
        np_fail(e, NP_TROUBLE_INPUT, "%s: is a directory; name the capture files in it", shown(s->path));
        fclose(f);
        return NULL;
    }
    s->size = known && S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    return f;
}

/* The first byte tells an empty file and a compressed one from what libpcap should judge. NULL, with f
   closed, on trouble. */
static FILE *plain_stream(source *s, FILE *f, np_error *e)
{
    int c = getc(f);
    if (c == EOF) {
        if (ferror(f))
            np_fail(e, NP_TROUBLE_INPUT, "%s: cannot read the capture: %s", shown(s->path), strerror(errno));
        else
            np_fail(e, NP_TROUBLE_INPUT, "%s: is empty; a pcap or pcapng file was expected", shown(s->path));
        fclose(f);
        return NULL;
    }
    ungetc(c, f);
    np_packing how = np_packing_of(c);
    if (how == NP_PACKING_NONE) return f;
    FILE *plain = NULL;
    s->unpack = np_unpack_begin(f, how, shown(s->path), &plain, e);
    return plain;
}

static bool open_source(source *s, const char *path, np_error *e)
{
    s->path = path;
    FILE *f = open_stream(s, e);
    if (!f) return false;
    s->buffer = malloc(READ_BUFFER);
    if (!s->buffer) {
        fclose(f);
        return np_fail_memory(e, "a read buffer");
    }
    setvbuf(f, s->buffer, _IOFBF, READ_BUFFER);
    f = plain_stream(s, f, e);
    if (!f) return false;
    char text[PCAP_ERRBUF_SIZE] = "";
    s->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, text);
    if (!s->pcap) {
        fclose(f);
        const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
        return np_fail(e, NP_TROUBLE_INPUT,
                       "%s: is no capture that libpcap can read: %s; a pcap or pcapng file was expected",
                       shown(path), packed ? packed : text);
    }
    s->link = pcap_datalink(s->pcap);
    return true;
}

static void close_source(source *s)
{
    pcap_freecode(&s->filter);
    if (s->pcap) pcap_close(s->pcap);
    np_unpack_end(s->unpack); /* whose reader has gone now */
    free(s->buffer);
    s->pcap = NULL;
    s->unpack = NULL;
    s->buffer = NULL;
}

/* libpcap says what is wrong with an expression but not where: find the longest run of leading words that it
   does understand. Expressions are short and this is the way to an error, so compiling again for each word is
   fine. */
static void understood_part(pcap_t *pcap, const char *filter, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t n = strlen(filter); n > 0; n--) {
        if (filter[n] != ' ' || filter[n - 1] == ' ' || n >= size) continue;
        memcpy(out, filter, n);
        out[n] = '\0';
        struct bpf_program program = {0};
        if (pcap_compile(pcap, &program, out, 1, PCAP_NETMASK_UNKNOWN) == 0) {
            pcap_freecode(&program);
            return;
        }
    }
    out[0] = '\0';
}

static bool compile_filter(source *s, const char *filter, np_error *e)
{
    if (pcap_compile(s->pcap, &s->filter, filter, 1, PCAP_NETMASK_UNKNOWN) == 0) return true;
    char said[PCAP_ERRBUF_SIZE], understood[256];
    snprintf(said, sizeof said, "%s", pcap_geterr(s->pcap));
    understood_part(s->pcap, filter, understood, sizeof understood);
    const char *link = pcap_datalink_val_to_name(s->link);
    if (understood[0])
        return np_fail(
            e, NP_TROUBLE_USAGE,
            "filter '%.256s': %s, after '%s' at column %zu; a BPF expression as of pcap-filter(7) was "
            "expected, here for link type %s",
            filter, said, understood, strlen(understood) + 2, link ? link : "?");
    return np_fail(
        e, NP_TROUBLE_USAGE,
        "filter '%.256s': %s; a BPF expression as of pcap-filter(7) was expected, here for link type %s",
        filter, said, link ? link : "?");
}

static void leave_out(np_capture *c, source *s, const char *why)
{
    if (c->counts.unused_files++ == 0)
        snprintf(c->counts.unused_text, sizeof c->counts.unused_text, "%s: %s", shown(s->path), why);
    close_source(s);
}

static void refuse_unknown_link(np_capture *c, source *s)
{
    char why[256];
    const char *name = pcap_datalink_val_to_name(s->link);
    snprintf(why, sizeof why,
             "link type %s (%d) is not among those natpulse reads: Ethernet, Linux SLL and SLL2, raw IP, BSD "
             "loopback, PPP, Cisco HDLC",
             name ? name : "unknown", s->link);
    leave_out(c, s, why);
}

np_capture *np_capture_open(const char *const *path, uint32_t files, const char *filter, np_error *e)
{
    np_capture *c = calloc(1, sizeof *c);
    if (c) {
        c->file = calloc(files ? files : 1, sizeof *c->file);
        c->heap = calloc(files ? files : 1, sizeof *c->heap);
    }
    if (!c || !c->file || !c->heap) {
        np_fail_memory(e, "a capture");
        np_capture_close(c);
        return NULL;
    }
    np_decoder_init(&c->decoder);
    c->filtered = filter && filter[0];
    c->files = files;
    c->filter = filter;
    bool stdin_used = false;
    for (uint32_t i = 0; i < files; i++) {
        source *s = &c->file[i];
        bool is_stdin = strcmp(path[i], "-") == 0;
        if (is_stdin && stdin_used) {
            np_fail(e, NP_TROUBLE_USAGE, "standard input (-) is named twice; it can be read once");
            goto failed;
        }
        stdin_used |= is_stdin;
        if (!open_source(s, path[i], e)) goto failed;
        if (!np_decode_knows(s->link)) {
            refuse_unknown_link(c, s);
        } else if (c->filtered && !compile_filter(s, filter, e)) {
            goto failed;
        }
    }
    if (c->counts.unused_files == files) {
        if (files == 0)
            np_fail(e, NP_TROUBLE_USAGE, "no capture was named");
        else
            np_fail(e, NP_TROUBLE_INPUT, "%s", c->counts.unused_text);
        goto failed;
    }
    return c;
failed:
    np_capture_close(c);
    return NULL;
}

void np_capture_close(np_capture *c)
{
    if (!c) return;
    if (c->file)
        for (uint32_t i = 0; i < c->files; i++) close_source(&c->file[i]);
    free(c->file);
    free(c->heap);
    free(c);
}

np_capture *np_capture_again(const np_capture *c, np_error *e)
{
    const char **path = malloc((c->files ? c->files : 1) * sizeof *path);
    if (!path) {
        np_fail_memory(e, "a capture");
        return NULL;
    }
    np_capture *again = NULL;
    for (uint32_t i = 0; i < c->files; i++) {
        path[i] = c->file[i].path;
        if (c->file[i].size > 0 && strcmp(path[i], "-") != 0) continue;
        np_fail(e, NP_TROUBLE_USAGE,
                "%s: its packets are needed twice, but it gives them once; store them in a file first",
                shown(path[i]));
        goto done;
    }
    again = np_capture_open(path, c->files, c->filter, e);
done:
    free(path);
    return again;
}

void np_capture_progress(const np_capture *c, uint64_t *done, uint64_t *all)
{
    bool known = true;
    *done = *all = 0;
    for (uint32_t i = 0; i < c->files; i++) {
        const source *s = &c->file[i];
        known &= s->size > 0;
        *all += s->size;
        if (s->unpack) {
            *done += np_unpack_taken(s->unpack);
        } else if (s->pcap) {
            off_t at = ftello(pcap_file(s->pcap));
            *done += at > 0 ? (uint64_t)at : 0;
        } else {
            *done += s->size; /* closed: there is no more to read */
        }
    }
    if (!known) *all = 0;
}

/* ---- reading and merging ---- */

/* With nanosecond precision tv_usec holds nanoseconds. libpcap hands on whatever the file says, and reads the
   32 unsigned bits of a pcap file's seconds as signed. */
static np_time time_of(const struct pcap_pkthdr *h)
{
    int64_t s = h->ts.tv_sec, ns = h->ts.tv_usec;
    if (s < 0 && s >= INT32_MIN) s = (uint32_t)s;
    if (s < 0) return 0;
    if (s >= LAST_SECOND || ns < 0 || ns >= NP_SECOND)
        return s >= LAST_SECOND ? LAST_SECOND * NP_SECOND : s * NP_SECOND;
    return s * NP_SECOND + ns;
}

/* Reads a file's next packet. False at its end, be it clean or not. */
static bool read_head(np_capture *c, source *s)
{
    int got = pcap_next_ex(s->pcap, &s->header, &s->data);
    if (got == 1) {
        s->packets++;
        s->time = time_of(s->header);
        return true;
    }
    const char *why = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
    if (got == PCAP_ERROR_BREAK && !why) return false; /* for a savefile this is the end */
    if (!why) why = pcap_geterr(s->pcap);
    if (s->packets == 0) {
        leave_out(c, s, why);
    } else if (c->counts.cut_files++ == 0) {
        snprintf(c->counts.cut_text, sizeof c->counts.cut_text, "%s: %s, after %llu packets", shown(s->path),
                 why, (unsigned long long)s->packets);
    }
    return false;
}

static bool before(const np_capture *c, uint32_t a, uint32_t b)
{
    np_time x = c->file[a].time, y = c->file[b].time;
    return x < y || (x == y && a < b);
}

static void sift_down(np_capture *c, uint32_t i)
{
    uint32_t moving = c->heap[i];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= c->in_heap) break;
        if (child + 1 < c->in_heap && before(c, c->heap[child + 1], c->heap[child])) child++;
        if (!before(c, c->heap[child], moving)) break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = moving;
}

static bool prime(np_capture *c, np_error *e)
{
    c->primed = true;
    for (uint32_t i = 0; i < c->files; i++)
        if (c->file[i].pcap && read_head(c, &c->file[i])) c->heap[c->in_heap++] = i;
    if (c->counts.unused_files == c->files)
        return np_fail(e, NP_TROUBLE_INPUT, "%s; no packet could be read", c->counts.unused_text);
    for (uint32_t i = c->in_heap / 2; i-- > 0;) sift_down(c, i);
    return true;
}

/* The file whose head is the earliest; NULL at the end of all. */
static source *take_earliest(np_capture *c)
{
    if (c->root_used) {
        if (!read_head(c, &c->file[c->heap[0]])) c->heap[0] = c->heap[--c->in_heap];
        if (c->in_heap > 1) sift_down(c, 0);
    }
    c->root_used = c->in_heap > 0;
    return c->root_used ? &c->file[c->heap[0]] : NULL;
}

int np_capture_next(np_capture *c, np_captured *out, np_error *e)
{
    if (!c->primed && !prime(c, e)) return -1;
    source *s = take_earliest(c);
    while (s && c->filtered && !pcap_offline_filter(&s->filter, s->header, s->data)) {
        c->n++;
        c->counts.filtered++;
        s = take_earliest(c);
    }
    if (!s) return 0;

    np_time t = s->time;
    if (c->any_time && t < c->last) {
        t = c->last;
        c->counts.backwards++;
    }
    c->any_time = true;
    c->last = t;
    out->n = c->n++;
    out->time = t;
    out->wire = s->header->len;
    out->decoded = np_decoder_decode(&c->decoder, s->link, s->data, s->header->caplen, s->header->len, t,
                                     &out->packet, &out->quoted);
    c->counts.packets++;
    c->counts.bytes += s->header->caplen;
    c->counts.by_decoded[out->decoded]++;
    return 1;
}

const np_capture_counts *np_capture_count(const np_capture *c)
{
    return &c->counts;
}
