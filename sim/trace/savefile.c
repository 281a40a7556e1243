/*
 * Capture files.
 *
 *     file -> (unpack.c, a thread, when it is compressed) -> FILE -> libpcap   -> np_frame
 *                                                                 -> pcapng.c
 *
 * pcapng is read by our own reader (see pcapng.h), everything else that libpcap knows by libpcap. A file
 * that turns out to be empty, no capture, or of link types that we do not read is open all the same: its
 * first packet is a -1, so that it need not spoil the reading of others.
 */
#include "savefile.h"
#include "decode.h"
#include "unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read(2) for some hundred packets: the C library's default of one page costs a third of the reading
   time, and 256 kB a fifth, since the data have left the core's own cache before they are looked at. */
#define READ_BUFFER ((size_t)64 * 1024)

struct np_savefile {
    const char *path;
    FILE *stream; /* plain; libpcap's when pcap is set */
    pcap_t *pcap; /* one of these, or none when nothing can be read */
    np_pcapng *pcapng;
    np_unpack *unpack; /* NULL: the file is not compressed */
    char *buffer;      /* of the FILE on disk */
    int link;          /* of a pcap */
    uint64_t size;
    np_filter filter;
    np_frame first;   /* of a pcapng, whose interfaces are known only then */
    int first_got;    /* what reading it gave; NOT_WAITING */
    bool interrupted; /* by a signal */
    bool useless;     /* nothing can be read, .trouble tells why */
    char trouble[512];
};

#define NOT_WAITING 2

const char *np_savefile_name(const np_savefile *s)
{
    return strcmp(s->path, "-") == 0 ? "standard input" : s->path;
}

static void give_up(np_savefile *s, const char *why)
{
    s->useless = true;
    snprintf(s->trouble, sizeof s->trouble, "%s", why);
}

/* ---- opening ---- */

/* The file's descriptor; -1 and *e on trouble. Standard input gets one of its own, so that libpcap may close
 * it. */
static int open_file(np_savefile *s, np_error *e)
{
    bool is_stdin = strcmp(s->path, "-") == 0;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        np_fail(e, NP_TROUBLE_INPUT, "%s: cannot open the capture: %s%s", np_savefile_name(s),
                strerror(errno),
                errno == EMFILE ? "; 'ulimit -n' allows more, mergecap makes one file of many" : "");
        return -1;
    }
    struct stat st;
    bool known = fstat(fd, &st) == 0;
    if (known && S_ISDIR(st.st_mode)) {
        np_fail(e, NP_TROUBLE_INPUT, "%s: is a directory; name the capture files in it", np_savefile_name(s));
        close(fd);
        return -1;
    }
    s->size = known && S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    return fd;
}

/* A FILE that begins with `first`, which was taken from the descriptor already. NULL and *e when memory is
 * out. */
static FILE *stream_of(np_savefile *s, int fd, uint8_t first, np_error *e)
{
    FILE *f = fdopen(fd, "rb");
    if (!f) {
        close(fd);
        np_fail_memory(e, "a capture");
        return NULL;
    }
    s->buffer = malloc(READ_BUFFER);
    if (s->buffer) setvbuf(f, s->buffer, _IOFBF, READ_BUFFER); /* without: slower, no worse */
    ungetc(first, f);
    return f;
}

static void open_pcap(np_savefile *s)
{
    char text[PCAP_ERRBUF_SIZE] = "", why[400];
    s->pcap = pcap_fopen_offline_with_tstamp_precision(s->stream, PCAP_TSTAMP_PRECISION_NANO, text);
    if (!s->pcap) {
        const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
        snprintf(why, sizeof why,
                 "is no capture that libpcap can read: %s; a pcap or pcapng file was expected",
                 packed ? packed : text);
        give_up(s, why);
    }
}

static void refuse_link(np_savefile *s, int link)
{
    char why[256];
    np_decode_refusal(link, why, sizeof why);
    give_up(s, why);
}

/* Up to its first packet, since the interfaces that have packets are usually described before it. */
static bool open_pcapng(np_savefile *s)
{
    s->pcapng = np_pcapng_create(s->stream);
    if (!s->pcapng) return false;
    errno = 0;
    s->first_got = np_pcapng_next(s->pcapng, &s->first);
    s->interrupted = s->first_got < 0 && errno == EINTR;
    int link, strange = 0;
    bool known = false;
    for (uint32_t i = 0; (link = np_pcapng_link(s->pcapng, i)) >= 0; i++) {
        known |= np_decode_knows(link);
        if (i == 0) strange = link;
    }
    if (s->first_got == 1 && !known) refuse_link(s, strange);
    return true;
}

/* What a stream's first byte says, or that there is none. */
static bool begin(np_savefile *s, int first, np_error *e)
{
    if (first == EOF) {
        const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
        give_up(s, packed ? packed : "is empty; a pcap or pcapng file was expected");
        return true;
    }
    if (first == NP_PCAPNG_FIRST_BYTE) return open_pcapng(s) || np_fail_memory(e, "a capture");
    open_pcap(s);
    if (!s->pcap) return true;
    s->link = pcap_datalink(s->pcap);
    if (!np_decode_knows(s->link)) refuse_link(s, s->link);
    return true;
}

/* The first byte tells an empty file, and a compressed one, from what libpcap should judge. It is read
   without a FILE, which would take more than it gives back. */
static bool open_all(np_savefile *s, np_error *e)
{
    uint8_t first;
    int fd = open_file(s, e);
    if (fd < 0) return false;
    ssize_t got = read(fd, &first, 1);
    if (got != 1) {
        char why[128];
        snprintf(why, sizeof why, "cannot be read: %s", strerror(errno));
        s->interrupted = got < 0 && errno == EINTR;
        close(fd);
        if (got == 0) return begin(s, EOF, e);
        give_up(s, why);
        return true;
    }
    np_packing how = np_packing_of(first);
    if (how == NP_PACKING_NONE) {
        s->stream = stream_of(s, fd, first, e);
        return s->stream && begin(s, first, e);
    }
    s->unpack = np_unpack_begin(fd, first, how, np_savefile_name(s), &s->stream, e);
    if (!s->unpack) return false;
    int c = getc(s->stream);
    if (c != EOF) ungetc(c, s->stream);
    return begin(s, c, e);
}

np_savefile *np_savefile_open(const char *path, np_error *e)
{
    np_savefile *s = calloc(1, sizeof *s);
    if (!s) {
        np_fail_memory(e, "a capture");
        return NULL;
    }
    s->path = path;
    s->first_got = NOT_WAITING;
    if (open_all(s, e)) return s;
    np_savefile_close(s);
    return NULL;
}

void np_savefile_close(np_savefile *s)
{
    if (!s) return;
    np_filter_free(&s->filter);
    np_pcapng_destroy(s->pcapng);
    if (s->pcap)
        pcap_close(s->pcap); /* and its stream */
    else if (s->stream)
        fclose(s->stream);
    np_unpack_end(s->unpack); /* whose reader has gone now */
    free(s->buffer);
    free(s);
}

/* ---- filters ---- */

bool np_savefile_filter(np_savefile *s, const char *filter, np_error *e)
{
    np_error first = {0};
    bool fits = false;
    s->filter.text = filter;
    if (s->useless) return true; /* it will say so itself */
    if (s->pcap) return np_filter_compile(&s->filter, s->pcap, s->link, e);
    int link;
    for (uint32_t i = 0; (link = np_pcapng_link(s->pcapng, i)) >= 0; i++) {
        bool known = !np_decode_knows(link);
        for (uint32_t k = 0; k < s->filter.links; k++) known |= s->filter.of[k].link == link;
        if (!known) fits |= np_filter_compile(&s->filter, NULL, link, first.kind ? NULL : &first);
    }
    if (fits || s->filter.links == 0) return true;
    *e = first;
    return false;
}

/* ---- reading ---- */

/* With nanosecond precision tv_usec holds nanoseconds. libpcap hands on whatever the file says, and reads the
   32 unsigned bits of a pcap file's seconds as signed. */
static np_time time_of(const struct pcap_pkthdr *h)
{
    int64_t s = h->ts.tv_sec, ns = h->ts.tv_usec;
    if (s < 0 && s >= INT32_MIN) s = (uint32_t)s;
    if (s < 0) return 0;
    if (s >= NP_LAST_SECOND) return NP_LAST_SECOND * NP_SECOND;
    return s * NP_SECOND + (ns < 0 || ns >= NP_SECOND ? 0 : ns);
}

static int next_of_pcap(np_savefile *s, np_frame *out)
{
    struct pcap_pkthdr *h;
    int got = pcap_next_ex(s->pcap, &h, &out->data);
    if (got != 1) return got == PCAP_ERROR_BREAK ? 0 : -1; /* for a savefile BREAK is the end */
    out->link = s->link;
    out->time = time_of(h);
    out->captured = h->caplen;
    out->wire = h->len;
    return 1;
}

static int next_of_pcapng(np_savefile *s, np_frame *out)
{
    if (s->first_got == NOT_WAITING) return np_pcapng_next(s->pcapng, out);
    int got = s->first_got;
    *out = s->first;
    s->first_got = NOT_WAITING;
    return got;
}

int np_savefile_next(np_savefile *s, np_frame *out, bool *passes)
{
    if (s->useless) return -1;
    errno = 0;
    int got = s->pcap ? next_of_pcap(s, out) : next_of_pcapng(s, out);
    if (got == 1) {
        *passes = np_filter_passes(&s->filter, out);
        return 1;
    }
    s->interrupted |= got < 0 && errno == EINTR;
    const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
    if (got == 0 && !packed) return 0;
    give_up(s, packed ? packed : s->pcap ? pcap_geterr(s->pcap) : np_pcapng_trouble(s->pcapng));
    return -1;
}

const char *np_savefile_trouble(const np_savefile *s)
{
    return s->trouble;
}

bool np_savefile_interrupted(const np_savefile *s)
{
    return s->interrupted;
}

/* ---- how far ---- */

uint64_t np_savefile_size(const np_savefile *s)
{
    return s->size;
}

uint64_t np_savefile_read(const np_savefile *s)
{
    if (s->unpack) return np_unpack_taken(s->unpack);
    off_t at = s->stream ? ftello(s->stream) : 0;
    return at > 0 ? (uint64_t)at : 0;
}
