/*
 * Compressed files as plain streams. See unpack.h.
 *
 * The thread owns the packed file and the writing end of the pipe. It says what went wrong before it closes
 * that end, so a reader who has seen the end of the stream can ask. A reader who leaves early closes the
 * other end: the thread's next write fails (its SIGPIPE is blocked) and it stops.
 *
 * Nothing grows with the data, however much they unpack to.
 */
#include "unpack.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK ((size_t)64 * 1024)

#define GZIP_FIRST_BYTE 0x1f /* RFC 1952 2.3.1 */
#define ZSTD_FIRST_BYTE 0x28 /* RFC 8878 3.1.1: the magic number, little-endian */

/* windowBits of inflateInit2: the largest window, and gzip's header and check (zlib.h). */
#define GZIP_WINDOW (15 + 16)

/* A window that the zstd tool accepts without a special option: 128 MB. */
#define ZSTD_WINDOW_LOG 27

struct np_unpack {
    int packed;
    uint8_t ahead[NP_UNPACK_AHEAD]; /* taken from it before */
    size_t ahead_n;
    np_packing how;
    int to; /* the pipe's writing end */
    pthread_t thread;
    _Atomic uint64_t taken;
    bool unreadable;
    _Atomic(const char *) trouble;
    uint8_t in[CHUNK], out[CHUNK];
};

np_packing np_packing_of(int first_byte)
{
    return first_byte == GZIP_FIRST_BYTE   ? NP_PACKING_GZIP
           : first_byte == ZSTD_FIRST_BYTE ? NP_PACKING_ZSTD
                                           : NP_PACKING_NONE;
}

/* False when the reader has left. */
static bool put(np_unpack *u, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t wrote = write(u->to, u->out + at, n - at);
        if (wrote < 0 && errno != EINTR) return false;
        if (wrote > 0) at += (size_t)wrote;
    }
    return true;
}

/* Whatever is there, so that a pipe's packets do not wait for a full chunk; 0 at the end, be it the file's or
   of all that can be read, or when the reader has left: it shall not have to wait for a pipe that has nothing
   to give. */
static size_t get(np_unpack *u)
{
    struct pollfd of[2] = {{.fd = u->packed, .events = POLLIN}, {.fd = u->to}};
    ssize_t n = -1;
    if (u->ahead_n > 0) {
        memcpy(u->in, u->ahead, u->ahead_n);
        n = (ssize_t)u->ahead_n;
        u->ahead_n = 0;
    }
    while (n < 0) {
        if (poll(of, 2, -1) < 0 && errno != EINTR) break;
        if (of[1].revents & (POLLERR | POLLHUP)) return 0;
        if (!of[0].revents) continue;
        n = read(u->packed, u->in, CHUNK);
        if (n < 0 && errno != EINTR) break;
    }
    if (n < 0) {
        u->unreadable = true;
        return 0;
    }
    atomic_fetch_add(&u->taken, (uint64_t)n);
    return (size_t)n;
}

/* Both unpack until the data end, and return what is wrong with them. */

static const char *unpack_gzip(np_unpack *u)
{
    z_stream z = {0};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) return "no memory to unpack it";
    const char *trouble = NULL;
    bool within = true; /* a member: there may be several, one after the other (RFC 1952 2.2) */
    while (!trouble) {
        if (z.avail_in == 0) {
            z.next_in = u->in;
            z.avail_in = (uInt)get(u);
            if (z.avail_in == 0) {
                if (within) trouble = "the gzip data are cut short";
                break;
            }
        }
        if (!within) inflateReset(&z);
        z.next_out = u->out;
        z.avail_out = CHUNK;
        int result = inflate(&z, Z_NO_FLUSH);
        if (!put(u, CHUNK - z.avail_out)) break;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            trouble = "the gzip data are damaged";
        within = result != Z_STREAM_END;
    }
    inflateEnd(&z);
    return trouble;
}

static const char *unpack_zstd(np_unpack *u)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z) return "no memory to unpack it";
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    const char *trouble = NULL;
    size_t left = 1; /* what zstd still expects of the frame */
    ZSTD_inBuffer in = {.src = u->in};
    while (!trouble) {
        if (in.pos == in.size) {
            in = (ZSTD_inBuffer){.src = u->in, .size = get(u)};
            if (in.size == 0) {
                if (left != 0) trouble = "the zstd data are cut short";
                break;
            }
        }
        /* It may hold back what did not fit: go on until it leaves room. */
        ZSTD_outBuffer out;
        do {
            out = (ZSTD_outBuffer){.dst = u->out, .size = CHUNK};
            left = ZSTD_decompressStream(z, &out, &in);
            if (ZSTD_isError(left)) {
                trouble = "the zstd data are damaged";
                break;
            }
            if (!put(u, out.pos)) goto left_alone;
        } while (in.pos < in.size || out.pos == out.size);
    }
left_alone:
    ZSTD_freeDStream(z);
    return trouble;
}

static const char *pass_on(np_unpack *u)
{
    for (size_t n; (n = get(u)) > 0;) {
        memcpy(u->out, u->in, n);
        if (!put(u, n)) break;
    }
    return NULL;
}

static void *unpack(void *arg)
{
    np_unpack *u = arg;
    const char *trouble = u->how == NP_PACKING_GZIP   ? unpack_gzip(u)
                          : u->how == NP_PACKING_ZSTD ? unpack_zstd(u)
                                                      : pass_on(u);
    if (u->unreadable) trouble = "the file cannot be read to its end";
    atomic_store(&u->trouble, trouble);
    close(u->to);
    return NULL;
}

/* With all signals blocked: they are for the other threads, but for SIGPIPE, which is for none. */
static int start(np_unpack *u)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&u->thread, NULL, unpack, u);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

np_unpack *np_unpack_begin(int fd, const uint8_t *ahead, size_t n, np_packing how, const char *name, int *out,
                           np_error *e)
{
    int end[2] = {-1, -1};
    np_unpack *u = malloc(sizeof *u);
    assert(n <= NP_UNPACK_AHEAD);
    if (!u) {
        np_fail_memory(e, "unpacking");
        goto failed;
    }
    u->packed = fd;
    memcpy(u->ahead, ahead, n);
    u->ahead_n = n;
    u->how = how;
    u->unreadable = false;
    atomic_init(&u->taken, 0);
    atomic_init(&u->trouble, NULL);
    if (pipe(end) != 0) {
        np_fail(e, NP_TROUBLE_RUN, "%s: cannot unpack the capture: %s", name, strerror(errno));
        goto failed;
    }
#ifdef F_SETPIPE_SZ
    fcntl(end[1], F_SETPIPE_SZ, 1 << 20); /* fewer changes between the threads */
#endif
    *out = end[0];
    u->to = end[1];
    int failed = start(u);
    if (failed == 0) return u;
    np_fail(e, NP_TROUBLE_RUN, "%s: cannot unpack the capture: %s", name, strerror(failed));
failed:
    if (end[0] >= 0) close(end[0]);
    if (end[1] >= 0) close(end[1]);
    free(u);
    close(fd);
    return NULL;
}

const char *np_unpack_trouble(const np_unpack *u)
{
    return atomic_load(&u->trouble);
}

uint64_t np_unpack_taken(const np_unpack *u)
{
    return atomic_load(&u->taken);
}

void np_unpack_end(np_unpack *u)
{
    if (!u) return;
    pthread_join(u->thread, NULL);
    close(u->packed);
    free(u);
}
