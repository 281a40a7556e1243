/*
 * Capture files.
 *
 *     file -> (unpack.c: a thread and a pipe, when it is compressed) -> stream -> pcap_file.c -> np_frame
 *                                                                              -> pcapng.c
 *                                                                    -> FILE   -> libpcap
 *
 * Files as programs write them today are read by readers of our own: pcapng because libpcap refuses what
 * several interfaces give (see pcapng.h), pcap because it can be looked at where it lies (see input.h). What
 * begins otherwise is for libpcap to judge. A file that turns out to be empty, no capture, or of link types
 * that we do not read is open all the same: its first packet is a -1, so that it need not spoil the reading
 * of others.
 */
#include "savefile.h"
#include "decode.h"
#include "pcap_file.h"
#include "pcapng.h"
#include "unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum reader { NOBODY, PCAP_FILE, PCAPNG, LIBPCAP } reader;

struct np_savefile {
    const char *path;
    int fd; /* plain bytes; -1: none, or libpcap's */
    np_input stream;
    reader reader;
    np_pcap_file pcap_file;
    np_pcapng *pcapng;
    pcap_t *libpcap;
    np_unpack *unpack; /* NULL: the file is read as it lies on disk */
    np_unpack *relay;  /* to libpcap, of what was read already and the rest */
    int link;          /* of libpcap's */
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

static void refuse_link(np_savefile *s, int link)
{
    char why[256];
    np_decode_refusal(link, why, sizeof why);
    give_up(s, why);
}

/* Up to n bytes, less only at the end; -1, errno. */
static ssize_t read_up_to(int fd, uint8_t *to, size_t n)
{
    size_t have = 0;
    for (ssize_t got; have < n; have += (size_t)got) {
        got = read(fd, to + have, n - have);
        if (got < 0) return -1;
        if (got == 0) break;
    }
    return (ssize_t)have;
}

static void cannot_read(np_savefile *s)
{
    char why[128];
    s->interrupted = errno == EINTR;
    snprintf(why, sizeof why, "cannot be read: %s", strerror(errno));
    give_up(s, why);
}

/* Up to its first packet, since the interfaces that have packets are usually described before it. */
static bool begin_pcapng(np_savefile *s, uint8_t first, np_error *e)
{
    if (!np_input_init(&s->stream, s->fd)) return np_fail_memory(e, "a read buffer");
    np_input_put_back(&s->stream, first);
    s->pcapng = np_pcapng_create(&s->stream);
    if (!s->pcapng) return np_fail_memory(e, "a capture");
    s->reader = PCAPNG;
    s->first_got = np_pcapng_next(s->pcapng, &s->first);
    int link, strange = 0;
    bool known = false;
    for (uint32_t i = 0; (link = np_pcapng_link(s->pcapng, i)) >= 0; i++) {
        known |= np_decode_knows(link);
        if (i == 0) strange = link;
    }
    if (s->first_got == 1 && !known) refuse_link(s, strange);
    return true;
}

/* Everything else that libpcap may know, behind the bytes that were read already. */
static bool begin_libpcap(np_savefile *s, const uint8_t *head, size_t n, np_error *e)
{
    char text[PCAP_ERRBUF_SIZE] = "", why[400];
    s->relay = np_unpack_begin(s->fd, head, n, NP_PACKING_NONE, np_savefile_name(s), &s->fd, e);
    if (!s->relay) {
        s->fd = -1; /* it took the file over */
        return false;
    }
    FILE *f = fdopen(s->fd, "rb");
    if (!f) return np_fail_memory(e, "a capture");
    s->libpcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, text);
    s->fd = -1; /* f's, and f libpcap's or gone */
    if (!s->libpcap) {
        const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
        fclose(f);
        snprintf(why, sizeof why,
                 "is no capture that libpcap can read: %s; a pcap or pcapng file was expected",
                 packed ? packed : text);
        give_up(s, why);
        return true;
    }
    s->reader = LIBPCAP;
    s->link = pcap_datalink(s->libpcap);
    if (!np_decode_knows(s->link)) refuse_link(s, s->link);
    return true;
}

/* What a plain file's first byte says. */
static bool begin(np_savefile *s, uint8_t first, np_error *e)
{
    if (first == NP_PCAPNG_FIRST_BYTE) return begin_pcapng(s, first, e);
    uint8_t head[NP_PCAP_HEAD] = {first};
    ssize_t got = read_up_to(s->fd, head + 1, sizeof head - 1);
    if (got < 0) {
        cannot_read(s);
        return true;
    }
    if (!np_input_init(&s->stream, s->fd)) return np_fail_memory(e, "a read buffer");
    if ((size_t)got + 1 < sizeof head || !np_pcap_file_begin(&s->pcap_file, &s->stream, head))
        return begin_libpcap(s, head, (size_t)got + 1, e);
    s->reader = PCAP_FILE;
    s->stream.taken = sizeof head;
    if (!np_decode_knows(s->pcap_file.link)) refuse_link(s, s->pcap_file.link);
    return true;
}

/* The first byte of a plain stream, or the reason why there is none. */
static bool first_byte(np_savefile *s, uint8_t *first)
{
    ssize_t got = read_up_to(s->fd, first, 1);
    if (got == 1) return true;
    const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
    if (got < 0)
        cannot_read(s);
    else
        give_up(s, packed ? packed : "is empty; a pcap or pcapng file was expected");
    return false;
}

static bool open_all(np_savefile *s, np_error *e)
{
    uint8_t first;
    s->fd = open_file(s, e);
    if (s->fd < 0) return false;
    if (!first_byte(s, &first)) return true;
    np_packing how = np_packing_of(first);
    if (how == NP_PACKING_NONE) return begin(s, first, e);
    s->unpack = np_unpack_begin(s->fd, &first, 1, how, np_savefile_name(s), &s->fd, e);
    if (!s->unpack) {
        s->fd = -1; /* it took the file over */
        return false;
    }
    return !first_byte(s, &first) || begin(s, first, e);
}

np_savefile *np_savefile_open(const char *path, np_error *e)
{
    np_savefile *s = calloc(1, sizeof *s);
    if (!s) {
        np_fail_memory(e, "a capture");
        return NULL;
    }
    s->path = path;
    s->fd = -1;
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
    np_input_free(&s->stream);
    if (s->libpcap) pcap_close(s->libpcap); /* and its FILE */
    if (s->fd >= 0) close(s->fd);
    np_unpack_end(s->relay); /* whose readers have gone now */
    np_unpack_end(s->unpack);
    free(s);
}

/* ---- filters ---- */

bool np_savefile_filter(np_savefile *s, const char *filter, np_error *e)
{
    np_error first = {0};
    bool fits = false;
    s->filter.text = filter;
    if (s->useless) return true; /* it will say so itself */
    if (s->reader == LIBPCAP) return np_filter_compile(&s->filter, s->libpcap, s->link, e);
    if (s->reader == PCAP_FILE) return np_filter_compile(&s->filter, NULL, s->pcap_file.link, e);
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
static int next_of_libpcap(np_savefile *s, np_frame *out)
{
    struct pcap_pkthdr *h;
    errno = 0;
    int got = pcap_next_ex(s->libpcap, &h, &out->data);
    if (got == PCAP_ERROR_BREAK) return 0; /* for a savefile this is the end */
    if (got != 1) return -1;
    int64_t seconds = h->ts.tv_sec;
    if (seconds < 0 && seconds >= INT32_MIN) seconds = (uint32_t)seconds;
    out->link = s->link;
    out->time = np_frame_time(seconds, (uint64_t)h->ts.tv_usec);
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

static int next(np_savefile *s, np_frame *out)
{
    switch (s->reader) {
    case PCAP_FILE: return np_pcap_file_next(&s->pcap_file, out);
    case PCAPNG: return next_of_pcapng(s, out);
    default: return next_of_libpcap(s, out);
    }
}

/* Nothing more comes: an end, or trouble that is kept. */
static int ended(np_savefile *s, int got)
{
    bool by_libpcap = s->reader == LIBPCAP;
    s->interrupted |= got < 0 && (by_libpcap ? errno : s->stream.error) == EINTR;
    const char *packed = s->unpack ? np_unpack_trouble(s->unpack) : NULL;
    if (got == 0 && !packed) return 0;
    give_up(s, packed                ? packed
               : by_libpcap          ? pcap_geterr(s->libpcap)
               : s->reader == PCAPNG ? np_pcapng_trouble(s->pcapng)
                                     : s->pcap_file.trouble);
    return -1;
}

int np_savefile_next(np_savefile *s, np_frame *out, bool *passes)
{
    if (s->useless) return -1;
    int got = next(s, out);
    if (got != 1) return ended(s, got);
    *passes = np_filter_passes(&s->filter, out);
    return 1;
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
    const np_unpack *through = s->unpack ? s->unpack : s->relay;
    return through ? np_unpack_taken(through) : s->stream.taken;
}
