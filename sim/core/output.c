/*
 * Result files. A regular file is written as NAME.PID-N beside its place and renamed over it at the end;
 * everything else (standard output, a terminal, a FIFO, a device) is written as it stands, for there is
 * nothing to rename onto.
 *
 * A path that leads to this process's own standard output or error (/dev/stdout, or the file it is redirected
 * to) is written through that descriptor, never replaced under it. A symbolic link is followed: the file it
 * points to is replaced, not the link.
 */
#include "natpulse/output.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names left behind by a killed process of the same number are passed over; this many in a row are not
 * chance. */
#define MAX_TRIES 1000

struct np_output {
    FILE *file;
    char *path;      /* the final name; for messages only when temporary is NULL */
    char *temporary; /* NULL: written directly */
};

static np_output *output_free(np_output *o)
{
    free(o->path);
    free(o->temporary);
    free(o);
    return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Opens what is already there and no regular file, or is one of our own standard streams. */
static bool open_direct(np_output *o, const struct stat *there, np_error *e)
{
    struct stat own;
    if (fstat(STDOUT_FILENO, &own) == 0 && same_file(there, &own)) {
        o->file = stdout;
    } else if (fstat(STDERR_FILENO, &own) == 0 && same_file(there, &own)) {
        int fd = dup(STDERR_FILENO);
        o->file = fd < 0 ? NULL : fdopen(fd, "w");
        if (!o->file && fd >= 0) close(fd);
    } else {
        o->file = fopen(o->path, "we");
    }
    return o->file || np_fail(e, NP_TROUBLE_RUN, "cannot open %s for writing: %s", o->path, strerror(errno));
}

static bool is_own_stream(const struct stat *there)
{
    struct stat own;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (fstat(fd, &own) == 0 && same_file(there, &own)) return true;
    }
    return false;
}

/* Creates the temporary file beside o->path, with the permissions of the file it will replace, if any. */
static bool open_temporary(np_output *o, const struct stat *replaced, np_error *e)
{
    size_t room = strlen(o->path) + 48;
    int fd = -1;

    o->temporary = malloc(room);
    if (!o->temporary) return np_fail_memory(e, o->path);
    for (int i = 0; i < MAX_TRIES && fd < 0; ++i) {
        snprintf(o->temporary, room, "%s.%ld-%d", o->path, (long)getpid(), i);
        fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd >= 0 && replaced) (void)fchmod(fd, replaced->st_mode & 07777);
    o->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (o->file) return true;

    np_fail(e, NP_TROUBLE_RUN, "cannot create %s: %s", o->path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(o->temporary);
    }
    return false;
}

/* The file behind o->path takes the place of the link that led to it. */
static void follow_links(np_output *o)
{
    char *real = realpath(o->path, NULL);
    if (!real) return;
    free(o->path);
    o->path = real;
}

np_output *np_output_open(const char *path, np_error *e)
{
    np_output *o = calloc(1, sizeof *o);
    if (!o || !(o->path = strdup(path && strcmp(path, "-") != 0 ? path : "standard output"))) {
        np_fail_memory(e, "an output file");
        free(o);
        return NULL;
    }
    if (!path || strcmp(path, "-") == 0) {
        o->file = stdout;
        return o;
    }

    struct stat there;
    bool exists = stat(path, &there) == 0;
    bool ok;
    if (path[0] == '\0') {
        ok = np_fail(e, NP_TROUBLE_USAGE, "the name of the output file is empty");
    } else if (!exists) {
        ok = open_temporary(o, NULL, e);
    } else if (S_ISDIR(there.st_mode)) {
        ok = np_fail(e, NP_TROUBLE_USAGE, "cannot write %s: it is a directory, a file name is wanted", path);
    } else if (!S_ISREG(there.st_mode) || is_own_stream(&there)) {
        ok = open_direct(o, &there, e);
    } else if (access(path, W_OK) != 0) {
        ok = np_fail(e, NP_TROUBLE_RUN, "cannot write %s: %s", path, strerror(errno));
    } else {
        follow_links(o);
        ok = open_temporary(o, &there, e);
    }
    return ok ? o : output_free(o);
}

FILE *np_output_file(np_output *o)
{
    return o->file;
}

/* True when the reader at the other end of a pipe or socket has gone. Asked afterwards, because stdio forgets
   the reason of an earlier failed write. */
static bool reader_gone(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP));
}

bool np_output_commit(np_output *o, np_error *e)
{
    bool is_stdout = o->file == stdout;
    errno = 0;
    bool ok = fflush(o->file) == 0;
    int why = ok ? 0 : errno;
    ok = !ferror(o->file) && ok;
    if (!ok && !o->temporary && (why == EPIPE || reader_gone(fileno(o->file)))) ok = true;
    if (!is_stdout && fclose(o->file) != 0 && ok) {
        /* The last words of a network file system. */
        why = errno;
        ok = !o->temporary && why == EPIPE;
    }
    if (ok && o->temporary && rename(o->temporary, o->path) != 0) {
        why = errno;
        ok = false;
    }
    if (!ok) {
        if (o->temporary) unlink(o->temporary);
        np_fail(e, NP_TROUBLE_RUN, "cannot write %s: %s", o->path,
                why ? strerror(why) : "an earlier write failed");
    }
    output_free(o);
    return ok;
}

void np_output_abandon(np_output *o)
{
    if (o->file != stdout) fclose(o->file);
    if (o->temporary) unlink(o->temporary);
    output_free(o);
}
